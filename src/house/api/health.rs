//! Whether the server is up, for supervisors and load balancers.

use std::sync::atomic::{AtomicBool, Ordering};

use poem::http::StatusCode;
use poem::{IntoResponse, Response};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::{Answer, HouseTags};
use crate::house::HouseService;
use crate::http::Refused;
use crate::http::problem::Problems;

/// The process runs.
#[derive(Debug, Object)]
pub struct Liveness {
    /// Always `live`.
    #[oai(validator(min_length = 4, max_length = 4))]
    pub status: String,
}

/// How ready the server is, part by part.
#[derive(Debug, Object)]
pub struct ReadinessView {
    /// `ready` or `not ready`.
    #[oai(validator(min_length = 5, max_length = 9))]
    pub status: String,
    /// What stands in the way, in words; empty when ready.
    #[oai(validator(max_items = 4, unique_items))]
    pub reasons: Vec<String>,
    /// What people should know of this server although it is ready; absent: nothing.
    #[oai(default, skip_serializing_if_is_empty, validator(max_items = 4, unique_items))]
    pub warnings: Vec<String>,
}

/// What `/health/ready` answers: 503 is an answer here, not a failure.
struct ReadyAnswer {
    status: StatusCode,
    view: ReadinessView,
}

impl IntoResponse for ReadyAnswer {
    fn into_response(self) -> Response {
        Json(self.view).with_status(self.status).into_response()
    }
}

// By hand: 503 has two shapes, that of this answer and that of a request which took too long.
impl ApiResponse for ReadyAnswer {
    fn meta() -> MetaResponses {
        let view = || MetaMediaType {
            content_type: <Json<ReadinessView> as Payload>::CONTENT_TYPE,
            schema: ReadinessView::schema_ref(),
        };
        let mut meta = <Refused<Problems> as ApiResponse>::meta();
        for answer in meta.responses.iter_mut().filter(|answer| answer.status == Some(503)) {
            answer.description = "Something stands in the way; `reasons` says what.";
            answer.content.insert(0, view());
        }
        let ready = MetaResponse {
            description: "Requests will be served.",
            status: Some(200),
            status_range: None,
            content: vec![view()],
            headers: Vec::new(),
        };
        meta.responses.insert(0, ready);
        meta
    }

    fn register(registry: &mut Registry) {
        ReadinessView::register(registry);
        <Refused<Problems> as ApiResponse>::register(registry);
    }
}

/// `/health`.
pub struct HealthApi {
    house: HouseService,
    warnings: Vec<String>,
    /// What the last probe was told: supervisors ask every few seconds, and only a change is worth a line of the log.
    was_ready: AtomicBool,
}

impl HealthApi {
    /// The handlers over `house`, with what people should know of this server.
    #[must_use]
    pub fn new(house: HouseService, warnings: Vec<String>) -> Self {
        Self { house, warnings, was_ready: AtomicBool::new(true) }
    }

    fn note(&self, ready: bool, reasons: &[String]) {
        match (self.was_ready.swap(ready, Ordering::Relaxed), ready) {
            (true, false) => tracing::warn!(reasons = reasons.join(", "), "the server is not ready"),
            (false, true) => tracing::info!("the server is ready again"),
            _ => {}
        }
    }
}

#[OpenApi(tag = "HouseTags::Health")]
impl HealthApi {
    /// Is the process alive
    ///
    /// Answers as soon as the server listens.
    #[oai(path = "/health/live", method = "get", operation_id = "health_live")]
    async fn health_live(&self) -> Answer<Json<Liveness>> {
        Ok(Json(Liveness { status: "live".to_owned() }))
    }

    /// Is the server ready
    ///
    /// Whether the database answers and accepts writes, tasks are run, and the first start is over.
    #[oai(path = "/health/ready", method = "get", operation_id = "health_ready")]
    async fn health_ready(&self) -> ReadyAnswer {
        let readiness = self.house.readiness().await;
        let reasons: Vec<String> = [
            (readiness.reads, "the database does not answer"),
            (readiness.writes, "the database does not accept writes"),
            (readiness.tasks, "the task runner does not run"),
            (readiness.operator, "the first start is not over"),
        ]
        .into_iter()
        .filter(|(well, _)| !well)
        .map(|(_, reason)| reason.to_owned())
        .collect();
        self.note(readiness.is_ready(), &reasons);
        let (status, word) = if readiness.is_ready() {
            (StatusCode::OK, "ready")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready")
        };
        let warnings = self.warnings.clone();
        ReadyAnswer { status, view: ReadinessView { status: word.to_owned(), reasons, warnings } }
    }
}
