//! `/metrics` on the wire.

use poem::http::header::CONTENT_TYPE;
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, OpenApi};

use super::{Answer, HouseTags};
use crate::house::metrics::MetricsService;
use crate::http::Caller;
use crate::meters::MEDIA_TYPE;

/// Figures in Prometheus's text format.
pub struct Figures(pub String);

impl IntoResponse for Figures {
    fn into_response(self) -> Response {
        Response::builder().header(CONTENT_TYPE, MEDIA_TYPE).body(self.0)
    }
}

impl ApiResponse for Figures {
    fn meta() -> MetaResponses {
        let content = vec![MetaMediaType { content_type: "text/plain", schema: String::schema_ref() }];
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The figures in Prometheus's text format, version 0.0.4.",
                status: Some(200),
                status_range: None,
                content,
                headers: Vec::new(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        String::register(registry);
    }
}

/// `/metrics`.
pub struct MetricsApi(pub MetricsService);

#[OpenApi(tag = "HouseTags::Health")]
impl MetricsApi {
    /// Read the technical figures
    ///
    /// In Prometheus's text format: requests by operation, the store, tasks, webhooks, backups, the process. For a scraper
    /// without a credential there is `--metrics-listen`, an address of its own.
    #[oai(path = "/metrics", method = "get", operation_id = "read_metrics")]
    async fn read_metrics(&self, _caller: Caller) -> Answer<Figures> {
        Ok(Figures(self.0.expose()))
    }
}
