//! `POST /account/password`.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{PASSWORD, TestServer, api_token};

const PATH: &str = "/account/password";
const OTHER: &str = "longer_stronger_password";

#[tokio::test]
async fn a_changed_password_ends_older_tokens_within_the_same_second_and_returns_a_live_one() {
    let server = TestServer::start().await;
    let (one, two) = (server.as_operator().await, server.as_operator().await);
    // Both are remembered as verified before the change.
    one.get("/account/info").await.expect(200);
    two.get("/account/info").await.expect(200);

    let new = one.post(PATH, json!({"current_password": PASSWORD, "new_password": OTHER})).await.expect(200).json();
    // The clock has not moved: what dies does not die of age.
    one.get("/account/info").await.expect(401);
    two.get("/account/info").await.expect(401);
    server.bearing(new.as_str().unwrap()).get("/account/info").await.expect(200);
    server.sign_in("operator", OTHER).await.get("/account/info").await.expect(200);
    let old = json!({"username": "operator", "password": PASSWORD});
    server.anonymous().post("/account/token/generation", old).await.expect(401);
}

#[tokio::test]
async fn the_new_token_lives_for_a_day_whatever_the_old_ones_ttl() {
    let server = TestServer::start().await;
    let body = json!({"username": "operator", "password": PASSWORD, "ttl_seconds": 60});
    let short = server.anonymous().post("/account/token/generation", body).await.expect(200).json();
    let change = json!({"current_password": PASSWORD, "new_password": OTHER});
    let new = server.bearing(short.as_str().unwrap()).post(PATH, change).await.expect(200).json();
    let client = server.bearing(new.as_str().unwrap());
    server.clock.advance(Duration::from_secs(86_399));
    client.get("/account/info").await.expect(200);
    server.clock.advance(Duration::from_secs(1));
    client.get("/account/info").await.expect(401);
}

#[tokio::test]
async fn the_same_password_again_is_allowed_and_ends_older_tokens_as_well() {
    let server = TestServer::start().await;
    let client = server.as_operator().await;
    let same = json!({"current_password": PASSWORD, "new_password": PASSWORD});
    let new = client.post(PATH, same).await.expect(200).json();
    client.get("/account/info").await.expect(401);
    server.bearing(new.as_str().unwrap()).get("/account/info").await.expect(200);
}

#[tokio::test]
async fn an_api_token_outlives_its_owners_password() {
    let server = TestServer::start().await;
    let client = server.as_operator().await;
    let (_, secret) = api_token(&client, json!({"name": "backup", "role": "OWNER"})).await;
    client.post(PATH, json!({"current_password": PASSWORD, "new_password": OTHER})).await.expect(200);
    server.bearing(&secret).get("/account/info").await.expect(200);
}

#[tokio::test]
async fn a_wrong_current_password_is_a_field_at_fault_and_changes_nothing() {
    let server = TestServer::start().await;
    let client = server.as_operator().await;
    let answer =
        client.post(PATH, json!({"current_password": "a wrong password", "new_password": OTHER})).await.expect(400);
    insta::assert_snapshot!(answer.shown(), @r#"
    400
    {
      "tracedata": {
        "process_code": "[uuid]",
        "request_code": "[uuid]",
        "username": "operator",
        "company": "comptoir",
        "service": "ACCOUNT",
        "operation": "change_password",
        "env": "test",
        "pod": "[uuid]",
        "time": "2026-03-02T10:00:00+00:00"
      },
      "message": "`current_password` is not the current password",
      "schema_errors": [
        {
          "entity": "current_password",
          "message": "is not the current password"
        }
      ]
    }
    "#);
    client.get("/account/info").await.expect(200);
    server.sign_in("operator", PASSWORD).await;
}

#[tokio::test]
async fn wrong_current_passwords_are_throttled_like_sign_ins() {
    let server = TestServer::start().await;
    let client = server.as_operator().await;
    for _ in 0..5 {
        client.post(PATH, json!({"current_password": "a wrong password", "new_password": OTHER})).await.expect(400);
    }
    let right = json!({"current_password": PASSWORD, "new_password": OTHER});
    let refused = client.post(PATH, right.clone()).await.expect(429);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    let sign_in = json!({"username": "operator", "password": PASSWORD});
    server.anonymous().post("/account/token/generation", sign_in).await.expect(429);
    server.clock.advance(Duration::from_secs(wait));
    client.post(PATH, right).await.expect(200);
}

#[tokio::test]
async fn a_missing_null_short_or_long_password_is_named() {
    let server = TestServer::start().await;
    let client = server.as_operator().await;
    for (body, fault) in [
        (json!({"current_password": PASSWORD}), "new_password"),
        (json!({"current_password": PASSWORD, "new_password": null}), "new_password"),
        (json!({"current_password": null, "new_password": OTHER}), "current_password"),
        (json!({"current_password": PASSWORD, "new_password": "123456789"}), "new_password"),
        (json!({"current_password": PASSWORD, "new_password": "x".repeat(257)}), "new_password"),
        (json!({"current_password": PASSWORD, "new_password": "1234567890\u{0}"}), "new_password"),
    ] {
        let answer = client.post(PATH, body).await.expect(400);
        assert_eq!(answer.faults().len(), 1, "{}", answer.shown());
        assert!(answer.faults()[0].starts_with(fault), "{}", answer.shown());
    }
    client.get("/account/info").await.expect(200);
}

#[tokio::test]
async fn a_password_may_have_256_characters_of_any_script() {
    let server = TestServer::start().await;
    let long = "пароль🔑".repeat(36) + "1234";
    assert_eq!(long.chars().count(), 256);
    let client = server.as_operator().await;
    client.post(PATH, json!({"current_password": PASSWORD, "new_password": long})).await.expect(200);
    server.sign_in("operator", &long).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_changes_at_once_one_wins_and_the_other_is_told() {
    let server = TestServer::start().await;
    let client = server.as_operator().await;
    let change = |new: &'static str| {
        let client = client.clone();
        async move { client.post(PATH, json!({"current_password": PASSWORD, "new_password": new})).await }
    };
    let answers = join_all(["the first of two", "the second of two"].map(change)).await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    let lost = answers.iter().find(|answer| answer.status != 200).unwrap();
    // Either it came too late to be let in, or its current password is no longer the current one.
    assert!(matches!(lost.status, 400 | 401), "{}", lost.shown());
    server.bearing(won[0].json().as_str().unwrap()).get("/account/info").await.expect(200);
}
