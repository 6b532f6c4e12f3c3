//! Whether the server is up, for supervisors and load balancers.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::HouseTags;
use crate::house::HouseService;

/// The process runs.
#[derive(Debug, Object)]
pub struct Liveness {
    /// Always `live`.
    pub status: String,
}

/// How ready the server is, part by part.
#[derive(Debug, Object)]
pub struct ReadinessView {
    /// `ready` or `not ready`.
    pub status: String,
    /// What stands in the way, in words; empty when ready.
    pub reasons: Vec<String>,
}

#[derive(ApiResponse)]
enum ReadyAnswer {
    /// Requests will be served.
    #[oai(status = 200)]
    Ready(Json<ReadinessView>),
    /// Something stands in the way; `reasons` says what.
    #[oai(status = 503)]
    NotReady(Json<ReadinessView>),
}

/// `/health`.
pub struct HealthApi(pub HouseService);

#[OpenApi(tag = "HouseTags::Health")]
impl HealthApi {
    /// Is the process alive
    ///
    /// Answers as soon as the server listens.
    #[oai(path = "/health/live", method = "get", operation_id = "health_live")]
    async fn health_live(&self) -> Json<Liveness> {
        Json(Liveness { status: "live".to_owned() })
    }

    /// Is the server ready
    ///
    /// Whether the database answers and accepts writes, tasks are run, and the first start is over.
    #[oai(path = "/health/ready", method = "get", operation_id = "health_ready")]
    async fn health_ready(&self) -> ReadyAnswer {
        let readiness = self.0.readiness().await;
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
        if readiness.is_ready() {
            ReadyAnswer::Ready(Json(ReadinessView { status: "ready".to_owned(), reasons }))
        } else {
            ReadyAnswer::NotReady(Json(ReadinessView { status: "not ready".to_owned(), reasons }))
        }
    }
}
