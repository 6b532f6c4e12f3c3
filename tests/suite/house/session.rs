//! `/comptoir/v1/me`, `/comptoir/v1/sign-out`, `/comptoir/v1/jwt-key`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{PASSWORD, TestServer, api_token};

const ME: &str = "/comptoir/v1/me";

#[tokio::test]
async fn a_caller_is_told_who_it_is_and_how_it_signed_in() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    insta::assert_snapshot!(operator.get(ME).await.shown(), @r#"
    200
    {
      "username": "operator",
      "company_key": "comptoir",
      "roles": [
        "ADMIN"
      ],
      "operator": true,
      "timezone": 0,
      "credential": "JWT"
    }
    "#);
    let (_, secret) = api_token(&operator, json!({"name": "x", "role": "ADMIN"})).await;
    let me = server.bearing(&secret).get(ME).await.expect(200).json();
    assert_eq!((&me["credential"], &me["operator"]), (&json!("API_TOKEN"), &json!(false)));
}

#[tokio::test]
async fn signing_out_ends_this_jwt_at_once_and_no_other() {
    let server = TestServer::start().await;
    let (one, two) = (server.as_operator().await, server.as_operator().await);
    one.get(ME).await.expect(200);
    one.post("/comptoir/v1/sign-out", Value::Null).await.expect(200);
    one.get(ME).await.expect(401);
    one.post("/comptoir/v1/sign-out", Value::Null).await.expect(401);
    two.get(ME).await.expect(200);
    server.clock.advance(Duration::from_hours(1));
    one.get(ME).await.expect(401);
}

#[tokio::test]
async fn an_api_token_is_not_signed_out_but_revoked() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let (id, secret) = api_token(&operator, json!({"name": "x", "role": "ADMIN"})).await;
    let answer = server.bearing(&secret).post("/comptoir/v1/sign-out", Value::Null).await.expect(409);
    assert!(answer.json()["detail"].as_str().unwrap().contains("DELETE /comptoir/v1/tokens/"));
    server.bearing(&secret).get(ME).await.expect(200);
    // A token may revoke itself.
    server.bearing(&secret).delete(&format!("/comptoir/v1/tokens/{id}")).await.expect(200);
    server.bearing(&secret).get(ME).await.expect(401);
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_jwt_of_the_caller_in_the_same_second_and_no_api_token() {
    let server = TestServer::start().await;
    server.company("north").await;
    let other = server.user("north", "ivan", &["USER"]).await;
    let (one, two) = (server.as_operator().await, server.as_operator().await);
    let (_, secret) = api_token(&one, json!({"name": "x", "role": "ADMIN"})).await;
    two.get(ME).await.expect(200);
    one.post("/comptoir/v1/sign-out/everywhere", Value::Null).await.expect(200);
    one.get(ME).await.expect(401);
    two.get(ME).await.expect(401);
    server.bearing(&secret).get(ME).await.expect(200);
    other.get(ME).await.expect(200);
    // Signing in again, the clock standing still, gives a token that lives.
    server.sign_in("operator", PASSWORD).await.get(ME).await.expect(200);
}

#[tokio::test]
async fn a_rotated_key_ends_every_jwt_of_the_installation_and_no_api_token() {
    let server = TestServer::start().await;
    server.company("north").await;
    let ivan = server.user("north", "ivan", &["USER"]).await;
    let operator = server.as_operator().await;
    let (_, secret) = api_token(&ivan, json!({"name": "x", "role": "USER"})).await;
    ivan.get(ME).await.expect(200);
    operator.post("/comptoir/v1/jwt-key/rotate", Value::Null).await.expect(200);
    ivan.get(ME).await.expect(401);
    operator.get(ME).await.expect(401);
    server.bearing(&secret).get(ME).await.expect(200);
    server.sign_in("ivan", PASSWORD).await.get(ME).await.expect(200);
}

#[tokio::test]
async fn an_unknown_path_of_the_house_is_a_problem() {
    let server = TestServer::start().await;
    for path in ["/comptoir/v1", "/comptoir/v1/nothing", "/comptoir/v2/me", "/nothing", "/health", "/comptoir"] {
        let answer = server.anonymous().get(path).await.expect(404);
        assert_eq!(answer.json()["type"], "urn:comptoir:problem:not-found", "{path}");
    }
}
