//! A page for Prometheus as an answer.
//!
//! Must not know: SQL, other domains.

use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;

/// The text format, version 0.0.4.
pub struct Exposition(pub String);

impl IntoResponse for Exposition {
    fn into_response(self) -> Response {
        Response::builder().content_type("text/plain; version=0.0.4; charset=utf-8").body(self.0)
    }
}

impl ApiResponse for Exposition {
    fn meta() -> MetaResponses {
        let content = vec![MetaMediaType { content_type: "text/plain", schema: String::schema_ref() }];
        MetaResponses {
            responses: vec![MetaResponse {
                description: "Gauges in the text format of Prometheus, version 0.0.4.",
                status: Some(200),
                status_range: None,
                content,
                headers: Vec::new(),
            }],
        }
    }

    fn register(_: &mut Registry) {}
}
