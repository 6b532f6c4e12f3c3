//! How the account contract shows a failure: `tracedata` with every one, `schema_errors` with a 400, `resource_key` with
//! a 404.
//!
//! Must not know: SQL, other domains. Source: `contracts/account.md`, 'Operations'.

use poem::Response;
use poem_openapi::Object;
use poem_openapi::payload::Json;
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::{Example, Type};
use uuid::{Uuid, uuid};

use crate::auth::model::Timezone;
use crate::clock::Timestamp;
use crate::http::schema::FieldError;
use crate::http::wire::Instant;
use crate::http::{ErrorShape, Failure, RequestContext};

/// Who asked for what and when, so that it can be traced.
#[derive(Debug, Object)]
pub struct Tracedata {
    /// Unique id of the process; outside one, new for each request.
    pub process_code: Uuid,
    /// Unique id of the request: the `X-Request-Id` of the answer.
    pub request_code: Uuid,
    /// The caller, or `anonymous`.
    pub username: String,
    /// The caller's company, or `anonymous`.
    pub company: String,
    /// The service; of failures and of Comptoir's own activity, `ACCOUNT`.
    pub service: String,
    /// The operation's id; `unknown` when the path matches none.
    pub operation: String,
    /// Name of the environment.
    pub env: String,
    /// Id of the installation.
    pub pod: String,
    /// When the request came in, at the caller's offset.
    pub time: Instant,
}

impl Tracedata {
    fn of(context: &RequestContext) -> Self {
        let principal = context.principal();
        let timezone = principal.map_or(Timezone::UTC, |principal| principal.timezone);
        let anonymous = || "anonymous".to_owned();
        Self {
            process_code: Uuid::new_v4(),
            request_code: context.id,
            username: principal.map_or_else(anonymous, |principal| principal.username.to_string()),
            company: principal.map_or_else(anonymous, |principal| principal.company_key.to_string()),
            service: "ACCOUNT".to_owned(),
            operation: context.operation().to_owned(),
            env: context.state.env.clone(),
            pod: context.state.instance.clone(),
            time: Instant::at_offset(context.received, timezone.offset()),
        }
    }

    /// As the vendor's document shows it.
    fn example(operation: &str) -> Self {
        Self {
            process_code: uuid!("11111111-2222-3333-4444-555555555555"),
            request_code: uuid!("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"),
            username: "anonymous".into(),
            company: "anonymous".into(),
            service: "ACCOUNT".into(),
            operation: operation.into(),
            env: "local".into(),
            pod: "11111111-2222-3333-4444-555555555555".into(),
            time: Instant::at_offset(Timestamp::from_unix_seconds(1_732_170_600), Timezone::UTC.offset()),
        }
    }
}

/// A field at fault.
#[derive(Debug, Object)]
pub struct SchemaError {
    /// The field, as a path: `attributes[3].key`.
    pub entity: String,
    /// The rule it breaks.
    pub message: String,
}

impl SchemaError {
    fn of(error: &FieldError) -> Self {
        Self { entity: error.field.clone(), message: error.rule.clone() }
    }
}

/// A request that is not valid.
#[derive(Debug, Object)]
#[oai(example)]
pub struct General400 {
    /// Where it comes from.
    pub tracedata: Tracedata,
    /// What is wrong.
    pub message: String,
    /// The fields at fault, one entry each; absent when none can be named.
    #[oai(default, skip_serializing_if_is_empty)]
    pub schema_errors: Vec<SchemaError>,
}

/// Something that is not there.
#[derive(Debug, Object)]
#[oai(example)]
pub struct General404 {
    /// What was asked for.
    pub resource_key: String,
    /// More about it.
    pub detail: General404Detail,
}

/// More about something that is not there.
#[derive(Debug, Object)]
pub struct General404Detail {
    /// Where it comes from.
    pub tracedata: Tracedata,
}

/// Any other failure.
#[derive(Debug, Object)]
#[oai(example)]
pub struct GeneralError {
    /// Where it comes from.
    pub tracedata: Tracedata,
    /// What is wrong and what to do.
    pub message: String,
}

impl Example for General400 {
    fn example() -> Self {
        let fault =
            SchemaError { entity: "ttl_seconds".into(), message: "must be an integer from 60 to 31556926".into() };
        Self {
            tracedata: Tracedata::example("run_token_generation"),
            message: "ttl_seconds must be an integer from 60 to 31556926".into(),
            schema_errors: vec![fault],
        }
    }
}

impl Example for General404 {
    fn example() -> Self {
        let tracedata = Tracedata::example("file");
        Self { resource_key: "file_de.html".into(), detail: General404Detail { tracedata } }
    }
}

impl Example for GeneralError {
    fn example() -> Self {
        Self { tracedata: Tracedata::example("read_info"), message: "the credentials are not valid".into() }
    }
}

/// Gives `failure` the contract's shape.
pub fn render(context: &RequestContext, failure: &Failure) -> Response {
    use poem::IntoResponse;
    let tracedata = Tracedata::of(context);
    match failure.status().as_u16() {
        400 => Json(General400 {
            tracedata,
            message: failure.message.clone(),
            schema_errors: failure.fields.iter().map(SchemaError::of).collect(),
        })
        .into_response(),
        404 => Json(General404 {
            resource_key: failure.resource.clone().unwrap_or_else(|| "path".to_owned()),
            detail: General404Detail { tracedata },
        })
        .into_response(),
        _ => Json(GeneralError { tracedata, message: failure.message.clone() }).into_response(),
    }
}

/// The contract's errors in the document.
#[derive(Debug)]
pub struct AccountErrors;

impl ErrorShape for AccountErrors {
    const STATUSES: &'static [(u16, &'static str)] = &[
        (400, "The request is not valid; `schema_errors` names each field at fault."),
        (401, "The credentials are missing or not valid."),
        (403, "The caller may not do this."),
        (404, "There is no such thing."),
        (405, "The path does not know this method."),
        (408, "The body stopped arriving."),
        (413, "The body is too large."),
        (414, "The path with its query is too long."),
        (415, "The body has another media type than the operation reads."),
        (429, "Too many attempts."),
        (431, "The headers are too large."),
        (500, "The server failed; its log has the cause under the request's id."),
        (503, "The server cannot do this right now."),
        (507, "The server's disk is full."),
    ];

    const MEDIA_TYPE: &'static str = "application/json";

    fn register(registry: &mut Registry) {
        General400::register(registry);
        General404::register(registry);
        GeneralError::register(registry);
    }

    fn schema(status: u16) -> MetaSchemaRef {
        match status {
            400 => General400::schema_ref(),
            404 => General404::schema_ref(),
            _ => GeneralError::schema_ref(),
        }
    }
}
