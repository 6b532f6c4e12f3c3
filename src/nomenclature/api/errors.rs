//! How the nomenclature contract shows a failure: `{"code", "message", "errors": [{"field", "message"}]}` on every path, in
//! the language the request asks for.
//!
//! Must not know: SQL, other domains. Source of the codes: contracts/nomenclature.md.

use std::time::Duration;

use poem::http::StatusCode;
use poem::{IntoResponse, Response};
use poem_openapi::payload::Json;
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{Enum, Object};

use crate::http::{ErrorShape, Failure, RequestContext};
use crate::i18n::Language;
use crate::nomenclature::NomenclatureError;
use crate::nomenclature::problems::{Code, Problem};
use crate::nomenclature::service::What;
use crate::nomenclature::words::{self, General};
use crate::tasks::TaskError;

/// How long an import may be in somebody's way.
const MOMENT: Duration = Duration::from_secs(1);

/// The kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "NomenclatureErrorCode")]
pub enum ErrorCode {
    /// The credentials are missing or not valid.
    Unauthorized,
    /// The caller may not do this.
    NoPermissions,
    /// There is no such thing, or none of the caller's.
    NotFound,
    /// The request is not in order.
    RequestIsNotValid,
    /// Something stands in it twice.
    Duplicate,
    /// Something that must be unique is another's.
    NotUnique,
    /// Too much at once.
    TooManyRequests,
    /// The server failed.
    InternalServerError,
}

/// A header, parameter or field at fault.
#[derive(Debug, Object)]
#[oai(rename = "NomenclatureFieldError")]
pub struct FieldError {
    /// Its name.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// What went wrong.
#[derive(Debug, Object)]
#[oai(rename = "NomenclatureFailure")]
pub struct FailureBody {
    /// The kind of failure.
    pub code: ErrorCode,
    /// What is wrong and what to do.
    pub message: String,
    /// The headers, parameters and fields at fault, one entry each.
    pub errors: Vec<FieldError>,
}

/// The status a failure travels under: what is not in order is 422 here.
pub fn status(failure: &Failure) -> StatusCode {
    match failure.status() {
        StatusCode::BAD_REQUEST | StatusCode::CONFLICT => StatusCode::UNPROCESSABLE_ENTITY,
        status => status,
    }
}

/// Gives `failure` the contract's shape.
pub fn render(context: &RequestContext, failure: &Failure) -> Response {
    let (code, general) = match failure.status() {
        StatusCode::UNAUTHORIZED => (ErrorCode::Unauthorized, General::Unauthorized),
        StatusCode::FORBIDDEN => (ErrorCode::NoPermissions, General::NoPermissions),
        StatusCode::NOT_FOUND => (ErrorCode::NotFound, General::NotFound),
        StatusCode::CONFLICT => (ErrorCode::NotUnique, General::NotValid),
        StatusCode::TOO_MANY_REQUESTS => (ErrorCode::TooManyRequests, General::TooMany),
        status if status.is_client_error() => (ErrorCode::RequestIsNotValid, General::NotValid),
        _ => (ErrorCode::InternalServerError, General::Internal),
    };
    // What the domain says is in the right language already; the shared layers speak English.
    let message = match words::general(context.language(), general) {
        Some(general) if !failure.application => format!("{general} ({})", failure.message),
        _ => failure.message.clone(),
    };
    let errors = failure
        .fields
        .iter()
        .map(|fault| FieldError { field: fault.field.clone(), message: fault.rule.clone() })
        .collect();
    Json(FailureBody { code, message, errors }).into_response()
}

fn not_found(language: Language, what: What, key: &str) -> String {
    let texts = match what {
        What::Organization => ["there is no organization", "нет организации", "немає організації"],
        What::Good => ["there is no good", "нет товара", "немає товару"],
        What::Import => ["there is no import", "нет импорта", "немає імпорту"],
    };
    let text = match language {
        Language::En => texts[0],
        Language::Ru => texts[1],
        Language::Uk => texts[2],
    };
    format!("{text} `{key}`")
}

/// A failure of a use case, in the language of its request.
pub fn failure(language: Language, error: NomenclatureError) -> Failure {
    match error {
        NomenclatureError::NotFound(what, key) => {
            let message = not_found(language, what, &key);
            let mut failure = Failure::new(StatusCode::NOT_FOUND, message);
            failure.resource = Some(key);
            failure.application()
        }
        NomenclatureError::Refused(field, why) => {
            let rule = words::why(language, &why);
            let mut failure = Failure::invalid_field(field, rule.clone());
            failure.message = rule;
            failure.application()
        }
        NomenclatureError::NotUnique(field, code, holder) => {
            let taken = Problem::of_file(Code::BarcodeTaken).with(code, holder);
            let rule = words::finding(language, &taken);
            let fields = Failure::invalid_field(field, rule.clone()).fields;
            let mut failure = Failure::new(StatusCode::CONFLICT, rule);
            failure.fields = fields;
            failure.application()
        }
        NomenclatureError::Busy => {
            let message = words::general(language, General::TooMany)
                .map_or_else(|| "an import is being applied: try again in a moment".to_owned(), str::to_owned);
            Failure::new(StatusCode::TOO_MANY_REQUESTS, message).retry(MOMENT).application()
        }
        other => other.into(),
    }
}

impl From<NomenclatureError> for Failure {
    fn from(error: NomenclatureError) -> Self {
        match error {
            NomenclatureError::NoRoom(_) => Self::new(StatusCode::INSUFFICIENT_STORAGE, error.to_string()),
            NomenclatureError::Conflicts(_) | NomenclatureError::Contradicts(_) => {
                Self::new(StatusCode::CONFLICT, error.to_string())
            }
            // The framework tells a stalled body, one that is too long and one that broke off from each other.
            NomenclatureError::Body(cause) => Self::classify(poem::error::ReadBodyError::Io(cause).into()),
            NomenclatureError::GivenUp => Self::new(StatusCode::REQUEST_TIMEOUT, error.to_string()),
            NomenclatureError::Store(error) | NomenclatureError::Task(TaskError::Store(error)) => error.into(),
            NomenclatureError::Auth(error) => error.into(),
            NomenclatureError::Unwritten(_) | NomenclatureError::File(_) | NomenclatureError::Task(_) => {
                Self::internal(error)
            }
            NomenclatureError::NotFound(..)
            | NomenclatureError::Refused(..)
            | NomenclatureError::NotUnique(..)
            | NomenclatureError::Busy => failure(Language::En, error),
        }
    }
}

/// The contract's errors in the document.
#[derive(Debug)]
pub struct NomenclatureErrors;

impl ErrorShape for NomenclatureErrors {
    const STATUSES: &'static [(u16, &'static str)] = &[
        (401, "The credentials are missing or not valid."),
        (403, "The caller may not do this."),
        (404, "There is no such thing in this organisation, or none of the caller's."),
        (405, "The path does not know this method."),
        (408, "The body stopped arriving."),
        (413, "The body is too large."),
        (414, "The path with its query is too long."),
        (415, "The body has another media type than the operation reads."),
        (422, "The request is not in order; `errors` names each header, parameter or field at fault."),
        (429, "An import is being applied at this moment."),
        (431, "The headers are too large."),
        (500, "The server failed; its log has the cause under the request's id."),
        (503, "The server cannot do this right now."),
        (507, "The server's disk is full, or the company's share of it."),
    ];

    const MEDIA_TYPE: &'static str = "application/json";

    fn register(registry: &mut Registry) {
        FailureBody::register(registry);
    }

    fn schema(_: u16) -> MetaSchemaRef {
        FailureBody::schema_ref()
    }
}
