//! How the house API shows a failure: RFC 9457 problem details. Here and not in `house`, because each domain has a part
//! of the house API of its own.
//!
//! Must not know: SQL, any domain.

use poem::Response;
use poem::http::HeaderValue;
use poem::http::header::CONTENT_TYPE;
use poem_openapi::Object;
use poem_openapi::payload::Json;
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use uuid::Uuid;

use crate::http::{ErrorShape, Failure, RequestContext};

/// A field or parameter at fault.
#[derive(Debug, Object)]
pub struct FieldProblem {
    /// The field, as a path, or the parameter's name.
    pub field: String,
    /// The rule it breaks.
    pub message: String,
}

/// What went wrong (RFC 9457).
#[derive(Debug, Object)]
pub struct Problem {
    /// What kind of problem it is, as a URN that stays the same: `urn:comptoir:problem:not-found`.
    #[oai(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    #[oai(validator(minimum(value = "400"), maximum(value = "599")))]
    pub status: i32,
    /// What is wrong this time and what to do.
    pub detail: String,
    /// The request's id, as in `X-Request-Id` and in the server's log.
    pub request_id: Uuid,
    /// The fields at fault, one entry each.
    #[oai(default, skip_serializing_if_is_empty, validator(max_items = 100))]
    pub errors: Vec<FieldProblem>,
}

/// Gives `failure` the house's shape.
pub fn render(context: &RequestContext, failure: &Failure) -> Response {
    use poem::IntoResponse;
    let status = failure.status();
    let title = status.canonical_reason().unwrap_or("Failure");
    let problem = Problem {
        kind: format!("urn:comptoir:problem:{}", title.to_lowercase().replace(' ', "-")),
        title: title.to_owned(),
        status: status.as_u16().into(),
        detail: failure.message.clone(),
        request_id: context.id,
        errors: failure
            .fields
            .iter()
            .map(|error| FieldProblem { field: error.field.clone(), message: error.rule.clone() })
            .collect(),
    };
    let mut response = Json(problem).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(Problems::MEDIA_TYPE));
    response
}

/// The house's errors in the document.
#[derive(Debug)]
pub struct Problems;

impl ErrorShape for Problems {
    const STATUSES: &'static [(u16, &'static str)] = &[
        (400, "The request is not valid; `errors` names each field at fault."),
        (401, "The credentials are missing or not valid."),
        (402, "A quota does not allow it."),
        (403, "The caller may not do this."),
        (404, "There is no such thing, or none the caller may know of."),
        (405, "The path does not know this method."),
        (408, "The body stopped arriving."),
        (409, "It contradicts what is there."),
        (413, "The body is too large."),
        (414, "The path with its query is too long."),
        (415, "The body has another media type than the operation reads."),
        (422, "The Idempotency-Key was used for another request."),
        (429, "Too many at once."),
        (431, "The headers are too large."),
        (500, "The server failed; its log has the cause under the request's id."),
        (503, "The server cannot do this right now."),
        (507, "The server's disk is full, or the company's share of it."),
    ];

    const MEDIA_TYPE: &'static str = "application/problem+json";

    fn register(registry: &mut Registry) {
        Problem::register(registry);
    }

    fn schema(_: u16) -> MetaSchemaRef {
        Problem::schema_ref()
    }
}
