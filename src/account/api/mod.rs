//! The account contract on the wire: handlers. Extract, one call, convert.
//!
//! Must not know: SQL, other domains. Source of names and bounds: the vendor's account document, version 7.9.

mod audit;
mod errors;
mod file;
pub mod house;
mod usage;
mod wire;
pub mod words;

use std::sync::Arc;
use std::time::Duration;

use poem::error::ReadBodyError;
use poem::http::{HeaderMap, StatusCode};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{OpenApi, Tags};

use self::audit::{AuditAnswer, Moment, SortDirection};
use self::errors::{AccountErrors, render};
use self::file::{FileAnswer, FileName};
pub use self::usage::UsageApi;
use self::wire::{
    CheckResult, InfoChangeRequest, PasswordChangeRequest, TokenRequest, TokenValidationResult, User, VersionResult,
};
use self::words::{CalculationStatus, ProcessType, Service};
use crate::account::AccountService;
use crate::account::reference::Reference;
use crate::account::service::{AuditError, AuditQuery, UsageError};
use crate::auth::model::{Password, Refused as RefusedField, Roles};
use crate::http::caller::unquoted;
use crate::http::document::Example;
use crate::http::json::{Checked, Verbatim};
use crate::http::{Caller, Contract, Failure, Refused, RequestContext};

/// The contract, for the shared HTTP layer.
pub const CONTRACT: Contract = Contract {
    name: "account",
    prefixes: &["/account"],
    body_limit: 64 * 1024,
    large_bodies: &[
        ("update_info", INFO_LIMIT),
        ("report_process", house::REPORTS_LIMIT),
        ("report_processes", house::REPORTS_LIMIT),
    ],
    unhurried: &["generate_report", "report_processes", "upload_process_file"],
    seldom: &[
        (402, &["report_process"]),
        (404, &["report_process"]),
        (409, &["report_process", "attach_requests", "finish_process", "upload_process_file"]),
        (429, &["report_process"]),
    ],
    pages: &[
        ("English", "/account/file/file_en.html"),
        ("Русский", "/account/file/file_ru.html"),
        ("Українська", "/account/file/file_uk.html"),
    ],
    ..Contract::plain(render)
};

/// The largest valid change of an account: a thousand attributes of 100 and 2000 characters, each of which JSON may write
/// in 12 bytes (`\ud83d\ude00`), and some room for what stands between them. Only a caller that is signed in gets to
/// send one: the body is read after the credentials.
const INFO_LIMIT: usize = 26 * 1024 * 1024;

/// Request bodies that `/docs` offers as they stand.
pub const EXAMPLES: &[Example] = &[
    ("run_token_generation", wire::token_request_example),
    ("run_token_validation", wire::token_example),
    ("change_password", wire::password_change_example),
    ("update_info", wire::info_change_example),
];

/// Answers to them, as the document shows them.
pub const ANSWERS: &[Example] = &[
    ("run_token_generation", wire::token_example),
    ("run_token_validation", wire::token_validation_example),
    ("change_password", wire::token_example),
    ("read_info", wire::user_example),
    ("update_info", wire::user_example),
    ("generate_statistics", usage::statistics_example),
    ("read_quota", usage::quota_example),
    ("read_audit", audit::audit_example),
    ("check", wire::check_example),
    ("version", wire::version_example),
];

/// The version of the contract that is served: the major and minor of the vendor's document.
const CONTRACT_VERSION: (i32, i32) = (7, 9);

#[derive(Tags)]
enum AccountTags {
    /// Getting a token, checking it, changing the password.
    #[oai(rename = "account: auth")]
    Auth,
    /// What an account says of itself.
    #[oai(rename = "account: info")]
    Info,
    /// What was used: statistics, reports, data, quotas.
    #[oai(rename = "account: usage")]
    Usage,
    /// Who did what.
    #[oai(rename = "account: audit")]
    Audit,
    /// How the service is and which one it is.
    #[oai(rename = "account: system")]
    System,
}

fn default_limit() -> u32 {
    100
}

impl From<AuditError> for Failure {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Invalid(refused) => refused.into(),
            AuditError::Store(error) => error.into(),
        }
    }
}

type Answer<T> = Result<T, Refused<AccountErrors>>;

/// How long a service is told to wait when its user runs as many processes as may be.
const BUSY: Duration = Duration::from_secs(5);

/// What went wrong with usage, with its status; the contract and the house give it their shapes.
fn usage_failure(error: UsageError) -> Failure {
    let said = error.to_string();
    match error {
        UsageError::NotFound { what, key } => Failure::not_found(what, key),
        UsageError::Invalid(refused) => refused.into(),
        UsageError::Conflict(_) | UsageError::GivenUp => Failure::new(StatusCode::CONFLICT, said),
        UsageError::QuotaExceeded(_) => Failure::new(StatusCode::PAYMENT_REQUIRED, said),
        UsageError::Busy(_) => Failure::new(StatusCode::TOO_MANY_REQUESTS, said).retry(BUSY),
        UsageError::NoRoom(_) => Failure::new(StatusCode::INSUFFICIENT_STORAGE, said),
        // The gate looks whether it was the size.
        UsageError::Body(error) => Failure::classify(ReadBodyError::Io(error).into()),
        UsageError::Store(error) => error.into(),
        UsageError::Auth(error) => error.into(),
        UsageError::Unwritten(_) => Failure::internal(error),
    }
}

/// The account contract.
pub struct AccountApi {
    service: AccountService,
    reference: Reference,
}

impl AccountApi {
    /// The handlers over `service`; `document` is the contract's own part of the OpenAPI document.
    #[must_use]
    pub fn new(service: AccountService, document: Arc<serde_json::Value>) -> Self {
        Self { service, reference: Reference::new(document) }
    }
}

#[OpenApi]
impl AccountApi {
    /// Get a token
    ///
    /// Exchanges a name and a password for a JWT, to be sent as `Authorization: Bearer …`. A wrong name, a wrong
    /// password and a disabled user are answered alike. After five refusals in a row for one user from one address, each
    /// further attempt has to wait.
    #[oai(
        path = "/account/token/generation",
        method = "post",
        operation_id = "run_token_generation",
        tag = "AccountTags::Auth"
    )]
    async fn run_token_generation(
        &self,
        context: Data<&Arc<RequestContext>>,
        body: Checked<TokenRequest>,
    ) -> Answer<Json<String>> {
        let TokenRequest { username, password, ttl_seconds } = body.0;
        let ttl = Duration::from_secs(u64::from(ttl_seconds.unsigned_abs()));
        Ok(Json(self.service.run_token_generation(&username, &password, context.client, context.id, ttl).await?))
    }

    /// Validate a token
    ///
    /// Says whether a token would be accepted now, and which roles stand behind it. A bad, expired or revoked token is
    /// not an error: it is not valid.
    #[oai(
        path = "/account/token/validation",
        method = "post",
        operation_id = "run_token_validation",
        tag = "AccountTags::Auth"
    )]
    async fn run_token_validation(&self, body: Verbatim<String>) -> Answer<Json<TokenValidationResult>> {
        let roles = self.service.run_token_validation(unquoted(&body.0))?;
        Ok(Json(TokenValidationResult { valid: roles.is_some(), roles: wire::roles(roles.unwrap_or(Roles::NONE)) }))
    }

    /// Change the password
    ///
    /// Ends every older token of the caller at once and returns a new one that lives for a day. API tokens go on
    /// working.
    #[oai(path = "/account/password", method = "post", operation_id = "change_password", tag = "AccountTags::Auth")]
    async fn change_password(
        &self,
        caller: Caller,
        context: Data<&Arc<RequestContext>>,
        body: Checked<PasswordChangeRequest>,
    ) -> Answer<Json<String>> {
        let PasswordChangeRequest { current_password, new_password } = body.0;
        let new = Password::parse(new_password).map_err(|rule| RefusedField { field: "new_password", rule })?;
        Ok(Json(self.service.change_password(caller.principal(), &current_password, new, context.client).await?))
    }

    /// Read the account
    ///
    /// What the server knows of the caller.
    #[oai(path = "/account/info", method = "get", operation_id = "read_info", tag = "AccountTags::Info")]
    async fn read_info(&self, caller: Caller) -> Answer<Json<User>> {
        Ok(Json(self.service.read_info(&caller)?.into()))
    }

    /// Change the account
    ///
    /// Changes what the caller says of itself. A field that is absent stays as it is; null clears it.
    #[oai(path = "/account/info", method = "put", operation_id = "update_info", tag = "AccountTags::Info")]
    async fn update_info(&self, caller: Caller, body: Checked<InfoChangeRequest>) -> Answer<Json<User>> {
        let change = body.0.into_change()?;
        Ok(Json(self.service.update_info(caller.principal(), change).await?.into()))
    }

    /// Read the audit
    ///
    /// What was done in a period, by whom: an ADMIN sees the company, others themselves. Without `from` it begins with
    /// the caller's current day, without `to` it ends now; both ends belong to it. `counters.overall` counts the period,
    /// `counters.filter` what of it passes the filters, both whatever the page. Instants are at the caller's offset.
    #[oai(path = "/account/audit", method = "get", operation_id = "read_audit", tag = "AccountTags::Audit")]
    #[expect(clippy::too_many_arguments, reason = "the contract's parameters")]
    async fn read_audit(
        &self,
        caller: Caller,
        /// How many actions are passed over.
        #[oai(default, validator(minimum(value = "0"), maximum(value = "10000000")))]
        offset: Query<u32>,
        /// How many actions at most.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "10000000")))]
        limit: Query<u32>,
        /// From when on; an instant without an offset is at the caller's.
        from: Query<Option<Moment>>,
        /// Until when; an instant without an offset is at the caller's.
        to: Query<Option<Moment>>,
        /// Only of this service.
        service: Query<Option<Service>>,
        /// Only of this operation.
        #[oai(validator(min_length = 3, max_length = 256))]
        operation: Query<Option<String>>,
        /// Only of this type.
        process_type: Query<Option<ProcessType>>,
        /// Only those that stand so.
        status: Query<Option<CalculationStatus>>,
        /// By what to sort: `time` (the default), `username`, `service`, `process_type`, `operation`,
        /// `statistics.calculation_info.status` or `statistics.request_points_count`; ties by `process_code`.
        #[oai(validator(min_length = 1, max_length = 64))]
        sort_field: Query<Option<String>>,
        /// Which way to sort; ties too.
        #[oai(default)]
        sort_direction: Query<SortDirection>,
    ) -> Answer<AuditAnswer> {
        let query = AuditQuery {
            offset: offset.0,
            limit: limit.0,
            from: from.0.map(|moment| moment.0),
            to: to.0.map(|moment| moment.0),
            service: service.0.map(|word| word.0),
            operation: operation.0,
            process_type: process_type.0.map(|word| word.0),
            status: status.0.map(|word| word.0),
            sort_field: sort_field.0,
            descending: sort_direction.0 == SortDirection::Desc,
        };
        let list = self.service.read_audit(&caller, query).await?;
        Ok(AuditAnswer::new(list, caller.company_key.as_str(), caller.timezone.offset()))
    }

    /// Check the service
    ///
    /// 1 when the database answers and accepts writes; less, with the reason in the log, when not.
    #[oai(path = "/account/system/check", method = "get", operation_id = "check", tag = "AccountTags::System")]
    async fn check(&self) -> Answer<Json<CheckResult>> {
        Ok(Json(CheckResult { health: self.service.check().await }))
    }

    /// Read the version
    ///
    /// The version of the contract, and the build of the server.
    #[oai(path = "/account/system/version", method = "get", operation_id = "version", tag = "AccountTags::System")]
    async fn version(&self) -> Answer<Json<VersionResult>> {
        let (major, minor) = CONTRACT_VERSION;
        Ok(Json(VersionResult { major, minor, build: crate::BUILD.to_owned() }))
    }

    /// Read a documentation file
    ///
    /// The reference of this contract as a page: `file_en.html`, `file_ru.html` or `file_uk.html`.
    #[oai(path = "/account/file/:filename", method = "get", operation_id = "file", tag = "AccountTags::System")]
    async fn file(
        &self,
        /// The file's name.
        #[oai(example = "file::filename_example")]
        filename: Path<FileName>,
        headers: &HeaderMap,
    ) -> Answer<FileAnswer> {
        let FileName(name) = filename.0;
        match self.reference.page(&name) {
            Some(page) => Ok(FileAnswer::new(page, headers)),
            None => Err(Failure::not_found("documentation file", name).into()),
        }
    }
}
