//! The shape of every answer of the audience contract: `data`, `error`, `error_text`, in JSON or in XML.
//!
//! Must not know: SQL, other domains. Source: contracts/audience.md, 'Envelope'.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::http::header::CONTENT_TYPE;
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, ToJSON, Type};
use poem_openapi::{ApiResponse, Object};
use serde_json::{Value, json};

use super::call::ROOT;
use crate::audience::AudienceError;
use crate::http::{ErrorShape, Failure, Format, RequestContext, xml};
use crate::tasks::TaskError;

/// The text of success.
pub const SUCCESS: &str = "Successful operation";

/// So many fields at fault are named; the first ones are what the sender mends first anyway.
const NAMED_FAULTS: usize = 10;

/// An answer: what was asked for, or why not.
#[derive(Debug, Object)]
#[oai(rename = "AudienceAnswer")]
pub struct Envelope<T: ParseFromJSON + ToJSON> {
    /// What was asked for; null when it was refused.
    #[oai(nullable)]
    pub data: Option<T>,
    /// 0, or why it was refused: 400 incorrect request, 401 API token required or unknown, 403 no access, 404 not found,
    /// 429 too many requests.
    pub error: i32,
    /// The same in words.
    pub error_text: String,
}

impl<T: ParseFromJSON + ToJSON> Envelope<T> {
    /// A success.
    pub fn of(data: T) -> Self {
        Self { data: Some(data), error: 0, error_text: SUCCESS.to_owned() }
    }
}

/// An answer that is no success.
#[derive(Debug, Object)]
#[oai(rename = "AudienceFailure")]
pub struct FailureEnvelope {
    /// Nothing.
    #[oai(nullable)]
    pub data: Option<String>,
    /// The HTTP status.
    pub error: i32,
    /// What is wrong and what to do.
    pub error_text: String,
}

/// A 200, written in the format the request asked for.
#[derive(Debug)]
pub struct Reply<T>(T, Format);

impl<T> Reply<T> {
    /// `answer` in the format that the request named.
    pub fn new(answer: T, context: &Arc<RequestContext>) -> Self {
        Self(answer, context.format())
    }
}

impl<T: ToJSON + Send> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        written(&self.0.to_json().unwrap_or(Value::Null), self.1)
    }
}

impl<T: Type> ApiResponse for Reply<T> {
    fn meta() -> MetaResponses {
        let content = [Format::Json, Format::Xml]
            .map(|format| MetaMediaType { content_type: format.media_type(), schema: T::schema_ref() })
            .into();
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The answer. A request that was refused gets a non-zero `error` and no `data`.",
                status: Some(200),
                status_range: None,
                content,
                headers: Vec::new(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// The bytes of a document in a format.
#[must_use]
pub fn text(value: &Value, format: Format) -> String {
    match format {
        Format::Json => value.to_string(),
        Format::Xml => xml::write(ROOT, value),
    }
}

fn written(value: &Value, format: Format) -> Response {
    Response::builder().header(CONTENT_TYPE, format.media_type()).body(text(value, format))
}

/// Gives `failure` the contract's shape.
pub fn render(context: &RequestContext, failure: &Failure) -> Response {
    let mut message = failure.message.clone();
    if failure.fields.len() > 1 {
        let faults = failure.fields.iter().take(NAMED_FAULTS).map(|fault| format!("`{}` {}", fault.field, fault.rule));
        message = faults.collect::<Vec<_>>().join("; ");
        if failure.fields.len() > NAMED_FAULTS {
            message.push_str("; and more");
        }
    }
    let value = json!({"data": null, "error": failure.status().as_u16(), "error_text": message});
    written(&value, context.format())
}

/// Application errors travel in a 200, those of the transport under their own status.
pub fn status(failure: &Failure) -> StatusCode {
    if failure.application { StatusCode::OK } else { failure.status() }
}

impl From<AudienceError> for Failure {
    fn from(error: AudienceError) -> Self {
        match error {
            AudienceError::NotFound { what, key } => Self::not_found(what, key).application(),
            AudienceError::Invalid(refused) => Self::from(refused).application(),
            AudienceError::Malformed(_) => Self::new(StatusCode::BAD_REQUEST, error.to_string()).application(),
            AudienceError::TooMany(why) => Self::new(StatusCode::TOO_MANY_REQUESTS, why).application(),
            AudienceError::Conflict(why) => Self::new(StatusCode::CONFLICT, why).application(),
            AudienceError::Store(error) | AudienceError::Task(TaskError::Store(error)) => error.into(),
            AudienceError::Auth(error) => {
                let failure = Self::from(error);
                if failure.status().is_client_error() { failure.application() } else { failure }
            }
            AudienceError::Task(error) => Self::internal(error),
            AudienceError::Damaged(_) => Self::internal(error),
        }
    }
}

/// The contract's errors in the document. Application errors are a 200.
#[derive(Debug)]
pub struct AudienceErrors;

impl ErrorShape for AudienceErrors {
    const STATUSES: &'static [(u16, &'static str)] = &[
        (400, "The body is no JSON or XML at all."),
        (405, "The path does not know this method."),
        (408, "The body stopped arriving."),
        (413, "The body is too large."),
        (414, "The path with its query is too long."),
        (415, "The body has another media type than the contract reads."),
        (431, "The headers are too large."),
        (500, "The server failed; its log has the cause under the request's id."),
        (503, "The server cannot do this right now."),
        (507, "The server's disk is full."),
    ];

    const MEDIA_TYPE: &'static str = "application/json";

    fn register(registry: &mut Registry) {
        FailureEnvelope::register(registry);
    }

    fn schema(_: u16) -> MetaSchemaRef {
        FailureEnvelope::schema_ref()
    }
}
