//! How the schedules contract shows a failure: `{"code": …, "message": …}` on every path.
//!
//! Must not know: SQL, other domains. Source: contracts/schedules.md, 'Authorization'.

use poem::http::StatusCode;
use poem::{IntoResponse, Response};
use poem_openapi::Object;
use poem_openapi::payload::Json;
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::Type;

use crate::http::{ErrorShape, Failure, RequestContext};
use crate::schedules::service::SchedulesError;
use crate::tasks::TaskError;

/// So many fields at fault are named; the first ones are what the sender mends first anyway.
const NAMED_FAULTS: usize = 10;

/// What went wrong.
#[derive(Debug, Object)]
#[oai(rename = "ScheduleFailure")]
pub struct FailureBody {
    /// The kind of failure as a word: that of the HTTP status, such as `BAD_REQUEST` or `CONFLICT`.
    pub code: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// Gives `failure` the contract's shape.
pub fn render(_: &RequestContext, failure: &Failure) -> Response {
    let mut message = failure.message.clone();
    if failure.fields.len() > 1 {
        let faults = failure.fields.iter().take(NAMED_FAULTS).map(|fault| format!("`{}` {}", fault.field, fault.rule));
        message = faults.collect::<Vec<_>>().join("; ");
        if failure.fields.len() > NAMED_FAULTS {
            message.push_str("; and more");
        }
    }
    let code = failure.status().canonical_reason().unwrap_or("Failure").to_uppercase().replace([' ', '-'], "_");
    Json(FailureBody { code, message }).into_response()
}

impl From<SchedulesError> for Failure {
    fn from(error: SchedulesError) -> Self {
        match error {
            SchedulesError::NotFound { what, key } => Self::not_found(what, key),
            SchedulesError::Invalid(refused) => refused.into(),
            SchedulesError::Conflict(why) => Self::new(StatusCode::CONFLICT, why),
            SchedulesError::Auth(error) => error.into(),
            SchedulesError::Repeated(error) => error.into(),
            SchedulesError::Task(TaskError::Store(error)) => error.into(),
            SchedulesError::Task(_) | SchedulesError::Damaged(..) => Self::internal(error),
        }
    }
}

/// The contract's errors in the document.
#[derive(Debug)]
pub struct ScheduleErrors;

impl ErrorShape for ScheduleErrors {
    const STATUSES: &'static [(u16, &'static str)] = &[
        (400, "The request is not valid; the message names each field at fault."),
        (401, "The credentials are missing or not valid."),
        (403, "The caller may not do this."),
        (404, "There is no such party or schedule, or none the caller may act for."),
        (405, "The path does not know this method."),
        (408, "The body stopped arriving."),
        (409, "It overlaps with another schedule; the message names it."),
        (413, "The body is too large."),
        (414, "The path with its query is too long."),
        (415, "The body has another media type than the operation reads."),
        (429, "Too many attempts to sign in."),
        (431, "The headers are too large."),
        (500, "The server failed; its log has the cause under the request's id."),
        (503, "The server cannot do this right now."),
        (507, "The server's disk is full."),
    ];

    const MEDIA_TYPE: &'static str = "application/json";

    fn register(registry: &mut Registry) {
        FailureBody::register(registry);
    }

    fn schema(_: u16) -> MetaSchemaRef {
        FailureBody::schema_ref()
    }
}
