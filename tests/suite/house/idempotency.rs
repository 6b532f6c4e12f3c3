//! `Idempotency-Key`: a request that is sent again has one effect.

use std::time::Duration;

use futures_util::future::join_all;
use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, PASSWORD, TestServer};

async fn keyed(client: &Client, path: &str, key: &str, body: Value) -> Answer {
    client.call(Method::POST, path).header("idempotency-key", key).json(&body).send().await
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_answer_and_makes_nothing_twice() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    for (path, body) in [
        ("/comptoir/v1/companies", json!({"key": "north", "name": "North"})),
        ("/comptoir/v1/users", json!({"username": "ivan", "password": PASSWORD, "roles": ["USER"]})),
    ] {
        let first = keyed(&operator, path, path, body.clone()).await.expect(200);
        let again = keyed(&operator, path, path, body.clone()).await.expect(200);
        assert_eq!(first.json(), again.json());
        operator.post(path, body).await.expect(409);
    }
}

#[tokio::test]
async fn a_repeated_request_for_a_token_gets_no_secret_a_second_time() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let (path, body) = ("/comptoir/v1/tokens", json!({"name": "x", "role": "OWNER"}));
    let first = keyed(&operator, path, "k", body.clone()).await.expect(200).json();
    let again = keyed(&operator, path, "k", body).await.expect(200).json();
    assert!(first["secret"].is_string());
    assert_eq!(again, json!({"secret": null, "token": first["token"]}));
    let list = operator.get(path).await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_that_comes_with_another_request_is_refused() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let company = json!({"key": "north", "name": "North"});
    keyed(&operator, "/comptoir/v1/companies", "k", company).await.expect(200);
    let other = json!({"key": "south", "name": "South"});
    let answer = keyed(&operator, "/comptoir/v1/companies", "k", other).await.expect(422);
    assert_eq!(answer.json()["detail"], "this Idempotency-Key was already used for another request");
    let token = json!({"name": "x", "role": "OWNER"});
    keyed(&operator, "/comptoir/v1/tokens", "k", token).await.expect(422);
    operator.get("/comptoir/v1/companies/south").await.expect(404);
}

#[tokio::test]
async fn a_password_is_no_part_of_what_a_key_stands_for_since_its_plain_hash_could_be_guessed() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let user = |password: &str| json!({"username": "ivan", "password": password, "roles": []});
    keyed(&operator, "/comptoir/v1/users", "k", user(PASSWORD)).await.expect(200);
    keyed(&operator, "/comptoir/v1/users", "k", user("another long password")).await.expect(200);
    server.sign_in("ivan", PASSWORD).await;
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let user = json!({"username": "ivan", "company_key": "north", "roles": []});
    keyed(&operator, "/comptoir/v1/users", "k", user.clone()).await.expect(404);
    server.company("north").await;
    keyed(&operator, "/comptoir/v1/users", "k", user).await.expect(200);
}

#[tokio::test]
async fn the_keys_of_two_users_are_two_keys() {
    let server = TestServer::start().await;
    server.company("north").await;
    let (ivan, petro) = (server.user("north", "ivan", &["USER"]).await, server.user("north", "petro", &["USER"]).await);
    let body = json!({"name": "x", "role": "USER"});
    let one = keyed(&ivan, "/comptoir/v1/tokens", "k", body.clone()).await.expect(200).json();
    let two = keyed(&petro, "/comptoir/v1/tokens", "k", body).await.expect(200).json();
    assert!(two["secret"].is_string());
    assert_ne!(one["token"]["id"], two["token"]["id"]);
}

#[tokio::test]
async fn a_key_is_remembered_for_a_day() {
    let server = TestServer::start().await;
    let body = json!({"name": "x", "role": "OWNER"});
    let path = "/comptoir/v1/tokens";
    let first = keyed(&server.as_operator().await, path, "k", body.clone()).await.expect(200).json();
    server.clock.advance(Duration::from_secs(86_399));
    let again = keyed(&server.as_operator().await, path, "k", body.clone()).await.expect(200).json();
    assert_eq!(again["token"]["id"], first["token"]["id"]);
    server.clock.advance(Duration::from_secs(2));
    let later = keyed(&server.as_operator().await, path, "k", body).await.expect(200).json();
    assert_ne!(later["token"]["id"], first["token"]["id"]);
}

#[tokio::test]
async fn a_key_out_of_bounds_is_named() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let body = json!({"name": "x", "role": "OWNER"});
    for key in ["", "with space", &"x".repeat(256), "ключ"] {
        let answer = keyed(&operator, "/comptoir/v1/tokens", key, body.clone()).await;
        assert_eq!(answer.status, 400, "{key:?}: {}", answer.shown());
        assert!(answer.faults()[0].starts_with("Idempotency-Key: must have 1 to 255"), "{}", answer.shown());
    }
    let twice = operator.call(Method::POST, "/comptoir/v1/tokens").header("idempotency-key", "one");
    let answer = twice.header("idempotency-key", "two").json(&body).send().await.expect(400);
    assert_eq!(answer.faults(), ["Idempotency-Key: must be sent once"]);
    keyed(&operator, "/comptoir/v1/tokens", &"x".repeat(255), body).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_sent_many_times_at_once_has_one_effect_and_shows_one_secret() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let send = || keyed(&operator, "/comptoir/v1/tokens", "k", json!({"name": "x", "role": "OWNER"}));
    let answers: Vec<Value> =
        join_all((0..16).map(|_| send())).await.into_iter().map(|a| a.expect(200).json()).collect();
    assert_eq!(answers.iter().filter(|answer| answer["secret"].is_string()).count(), 1);
    assert!(answers.iter().all(|answer| answer["token"]["id"] == answers[0]["token"]["id"]));
    let list = operator.get("/comptoir/v1/tokens").await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_name_asked_for_many_times_at_once_is_given_once() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let send = || operator.post("/comptoir/v1/companies", json!({"key": "north", "name": "North"}));
    let mut statuses: Vec<u16> =
        join_all((0..8).map(|_| send())).await.into_iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
}
