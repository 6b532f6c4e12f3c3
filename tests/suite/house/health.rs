//! `/health/live` and `/health/ready`.

use std::time::Duration;

use serde_json::json;

use crate::support::{Log, PASSWORD, TestServer};

#[tokio::test]
async fn a_server_that_has_started_is_live_and_ready() {
    let server = TestServer::start().await;
    let live = server.anonymous().get("/health/live").await.expect(200);
    assert_eq!(live.json(), json!({"status": "live"}));
    let ready = server.anonymous().get("/health/ready").await.expect(200);
    assert_eq!(ready.json(), json!({"status": "ready", "reasons": []}));
}

#[tokio::test]
async fn a_server_whose_task_runner_has_stopped_is_live_and_says_what_is_wrong() {
    let server = TestServer::start().await;
    server.runner.drain(Duration::ZERO).await;
    server.anonymous().get("/health/live").await.expect(200);
    let ready = server.anonymous().get("/health/ready").await.expect(503);
    assert_eq!(ready.json(), json!({"status": "not ready", "reasons": ["the task runner does not run"]}));
    let check = server.anonymous().get("/account/system/check").await.expect(200);
    assert_eq!(check.json(), json!({"health": 0.5}));
}

#[tokio::test]
async fn health_is_asked_without_credentials_and_bad_ones_do_no_harm() {
    let server = TestServer::start().await;
    for path in ["/health/live", "/health/ready", "/health/live/"] {
        server.bearing("nonsense").get(path).await.expect(200);
    }
}

#[tokio::test]
async fn another_method_is_told_the_right_ones() {
    let server = TestServer::start().await;
    let answer = server.anonymous().post("/health/live", json!({})).await.expect(405);
    assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
}

#[tokio::test]
async fn a_server_whose_first_start_is_not_over_is_live_not_ready_and_lets_sign_ins_wait() {
    let server = TestServer::unprepared(|_| {}).await;
    server.anonymous().get("/health/live").await.expect(200);
    let ready = server.anonymous().get("/health/ready").await.expect(503);
    assert_eq!(ready.json(), json!({"status": "not ready", "reasons": ["the first start is not over"]}));
    let (jwt, ()) = tokio::join!(server.jwt("operator", PASSWORD), server.first_start());
    server.bearing(&jwt).get("/account/info").await.expect(200);
    server.anonymous().get("/health/ready").await.expect(200);
}

#[tokio::test]
async fn only_a_change_of_readiness_is_worth_a_warning() {
    let server = TestServer::unprepared(|_| {}).await;
    let log = Log::start();
    for _ in 0..3 {
        server.anonymous().get("/health/ready").await.expect(503);
    }
    assert_eq!(log.with("the server is not ready").len(), 1);
    assert_eq!(log.with("the first start is not over").len(), 1);
    assert_eq!(log.with("ERROR"), [""; 0]);
    assert_eq!(log.with("operation=\"health_ready\" status=503").len(), 3);
    server.first_start().await;
    for _ in 0..2 {
        server.anonymous().get("/health/ready").await.expect(200);
    }
    assert_eq!(log.with("the server is ready again").len(), 1);
}
