//! The contract's own error shape on every path that fails, the framework's included.

use poem::http::Method;
use serde_json::json;

use super::{SET, SYSTEM, TODAY, World};
use crate::support::Answer;

#[track_caller]
fn is_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.shown());
    let body = answer.json();
    let fields: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["message", "success", "successInAllSubrequests"]);
    assert!(!body["message"].as_str().unwrap().is_empty());
    assert_eq!((&body["success"], &body["successInAllSubrequests"]), (&json!(false), &json!(false)));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there() {
    let world = World::new().await;
    for path in ["/ExternalExchange/v1", "/ExternalExchange/v1/statistic", "/ExternalExchange/v1/statistic/get"] {
        is_refused(&world.bot.get(path).await, 404);
    }
    let answer = world.bot.get(SET).await;
    is_refused(&answer, 405);
    assert_eq!(answer.header("allow"), Some("OPTIONS, POST"));
    is_refused(&world.bot.delete(SET).await, 405);
    world
        .bot
        .call(Method::POST, &format!("{SET}/"))
        .json(&json!({"externalSystemId": SYSTEM, "timestamp": TODAY, "items": []}))
        .send()
        .await
        .expect(200);
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let world = World::new().await;
    let plain = world.bot.call(Method::POST, SET).header("content-type", "text/plain").body("{}").send().await;
    is_refused(&plain, 415);
    is_refused(&world.bot.call(Method::POST, SET).body("{}").send().await, 415);
    let packed = world.bot.call(Method::POST, SET).header("content-encoding", "gzip").json_text("{}").send().await;
    is_refused(&packed, 415);
    let large = world.bot.call(Method::POST, SET).json_text(" ".repeat(16 * 1024 * 1024 + 1)).send().await;
    is_refused(&large, 413);
    is_refused(&world.send("").await, 400);
    // What is nested deeper than anybody means is refused, and the server goes on.
    let deep = format!(r#"{{"externalSystemId": "s", "timestamp": 1, "items": {}"#, "[".repeat(100_000));
    is_refused(&world.send(&deep).await, 400);
    world.put(TODAY, "a", json!(1)).await;
}

#[tokio::test]
async fn callers_that_are_refused() {
    let world = World::new().await;
    is_refused(&world.server.anonymous().post(SET, json!({})).await, 401);
    is_refused(&world.server.bearing("nonsense").post(SET, json!({})).await, 401);
    let basic = world.server.anonymous().call(Method::POST, SET).header("authorization", "Basic %%%");
    is_refused(&basic.json(&json!({})).send().await, 401);
    let nobody = world.server.user("north", "nobody", &[]).await;
    is_refused(&nobody.post(SET, json!({})).await, 403);
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_is_set() {
    let world = World::new().await;
    world.put(TODAY, "a", json!(1)).await;
    // No page more than there are: what the engine says of a full disk.
    let limit = |pages: Option<i64>| {
        world.server.store().write(move |tx| {
            let used: i64 = tx.query_row("PRAGMA page_count", [], |row| row.get(0))?;
            let pages = pages.unwrap_or(used);
            tx.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get::<_, i64>(0))?;
            Ok::<_, comptoir::store::StoreError>(())
        })
    };
    limit(None).await.unwrap();
    let items: Vec<_> = (0..5_000).map(|at| json!({"key": format!("k{at}"), "value": "x".repeat(100)})).collect();
    let body = json!({"externalSystemId": SYSTEM, "timestamp": TODAY, "items": items});
    is_refused(&world.bot.post(SET, body.clone()).await, 507);
    assert_eq!(world.latest("").await, ["a|29e86b162||1"]);
    limit(Some(1_000_000)).await.unwrap();
    world.bot.post(SET, body).await.expect(200);
    assert_eq!(world.latest("").await.len(), 5_001);
}
