//! How the connectors contract shows a failure: `{"message": …, "success": false, "successInAllSubrequests": false}` on
//! every path.
//!
//! Must not know: SQL, other domains. Source: contracts/connectors.md, 'Answer'.

use poem::http::StatusCode;
use poem::{IntoResponse, Response};
use poem_openapi::payload::Json;
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::Type;

use super::wire::StatisticAnswer;
use crate::connectors::ConnectorsError;
use crate::http::{ErrorShape, Failure, RequestContext};
use crate::tasks::TaskError;

/// Gives `failure` the contract's shape.
pub fn render(_: &RequestContext, failure: &Failure) -> Response {
    let mut message = failure.message.clone();
    if failure.fields.len() > 1 {
        let faults = failure.fields.iter().map(|fault| format!("`{}` {}", fault.field, fault.rule));
        message = faults.collect::<Vec<_>>().join("; ");
    }
    Json(StatisticAnswer::refused(message)).into_response()
}

impl From<ConnectorsError> for Failure {
    fn from(error: ConnectorsError) -> Self {
        match error {
            ConnectorsError::NotFound { what, key } => Self::not_found(what, key),
            // The contract puts these into a 200 before they get here; whoever else asks is told plainly.
            ConnectorsError::UnknownSystem(_) | ConnectorsError::UnknownMerchants(_) => {
                Self::new(StatusCode::BAD_REQUEST, error.to_string())
            }
            ConnectorsError::Invalid(refused) => refused.into(),
            ConnectorsError::Conflict(why) => Self::new(StatusCode::CONFLICT, why),
            ConnectorsError::Auth(error) => error.into(),
            ConnectorsError::Task(TaskError::Store(error)) => error.into(),
            ConnectorsError::Task(_) | ConnectorsError::Unwritten(_) => Self::internal(error),
        }
    }
}

/// The contract's errors in the document.
#[derive(Debug)]
pub struct StatisticErrors;

impl ErrorShape for StatisticErrors {
    const STATUSES: &'static [(u16, &'static str)] = &[
        (400, "The body is no request; the message says what is wrong and where, line and column if it is no JSON."),
        (401, "The credentials are missing or not valid."),
        (403, "The caller may not do this."),
        (405, "The path does not know this method."),
        (408, "The body stopped arriving."),
        (413, "The body is too large."),
        (414, "The path with its query is too long."),
        (415, "The body is not called JSON."),
        (429, "Too many attempts to sign in."),
        (431, "The headers are too large."),
        (500, "The server failed; its log has the cause under the request's id."),
        (503, "The server cannot do this right now."),
        (507, "The server's disk is full."),
    ];

    const MEDIA_TYPE: &'static str = "application/json";

    fn register(registry: &mut Registry) {
        StatisticAnswer::register(registry);
    }

    fn schema(_: u16) -> MetaSchemaRef {
        StatisticAnswer::schema_ref()
    }
}
