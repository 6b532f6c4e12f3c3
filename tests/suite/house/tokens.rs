//! `/comptoir/v1/tokens`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestServer, api_token};

const PATH: &str = "/comptoir/v1/tokens";

async fn north(server: &TestServer) -> (Client, Client) {
    server.company("north").await;
    (server.user("north", "olena", &["ADMIN", "USER"]).await, server.user("north", "ivan", &["USER"]).await)
}

async fn roles(server: &TestServer, secret: &str) -> Value {
    server.bearing(secret).get("/comptoir/v1/me").await.expect(200).json()["roles"].clone()
}

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_token_is_shown_with_its_secret_once_and_without_it_ever_after() {
    let server = TestServer::start().await;
    let (_, ivan) = north(&server).await;
    let made = ivan.post(PATH, json!({"name": "the web shop", "role": "OWNER"})).await;
    insta::assert_snapshot!(made.shown(), @r#"
    200
    {
      "secret": "[secret]",
      "token": {
        "id": "[uuid]",
        "username": "ivan",
        "name": "the web shop",
        "hint": "[hint]",
        "role": "OWNER",
        "created_at": "2026-03-02T10:00:00Z",
        "expires_at": null,
        "last_used_at": null
      }
    }
    "#);
    let made = made.json();
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with(made["token"]["hint"].as_str().unwrap()));
    let path = format!("{PATH}/{}", made["token"]["id"].as_str().unwrap());
    let read = ivan.get(&path).await.expect(200);
    assert_eq!(read.json(), made["token"]);
    for answer in [read, ivan.get(PATH).await.expect(200)] {
        assert!(!answer.text().contains(secret), "{}", answer.shown());
    }
}

#[tokio::test]
async fn the_use_of_a_token_is_noted_to_the_minute() {
    let server = TestServer::start().await;
    let (_, ivan) = north(&server).await;
    let (id, secret) = api_token(&ivan, json!({"name": "mine", "role": "USER"})).await;
    let bearer = server.bearing(&secret);
    let path = format!("{PATH}/{id}");
    server.clock.advance(Duration::from_secs(61));
    bearer.get("/account/info").await.expect(200);
    // The note is written beside the answer; a write of the caller's own stands behind it in the writer's queue.
    ivan.put("/account/info", json!({"phone": "12345"})).await.expect(200);
    assert_eq!(ivan.get(&path).await.expect(200).json()["last_used_at"], "2026-03-02T10:01:01Z");
    server.clock.advance(Duration::from_secs(59));
    bearer.get("/account/info").await.expect(200);
    ivan.put("/account/info", json!({"phone": "12346"})).await.expect(200);
    assert_eq!(ivan.get(&path).await.expect(200).json()["last_used_at"], "2026-03-02T10:01:01Z");
}

#[tokio::test]
async fn a_token_works_until_the_second_it_expires() {
    let server = TestServer::start().await;
    let (_, ivan) = north(&server).await;
    let body = json!({"name": "short", "role": "USER", "expires_at": "2026-03-02T13:01:00+03:00"});
    let (_, secret) = api_token(&ivan, body).await;
    server.clock.advance(Duration::from_secs(59));
    server.bearing(&secret).get("/account/info").await.expect(200);
    server.clock.advance(Duration::from_secs(1));
    server.bearing(&secret).get("/account/info").await.expect(401);
    for past in [
        "2026-03-02T10:01:00Z",
        "1970-01-01T00:00:00Z",
        "tomorrow",
        "2026-03-03T10:00:00",
        "2027-01-01T00:00:00+2359",
        "9999-12-31T23:59:60Z",
        "9999-12-31T23:59:59-01:00",
        "+10000-01-01T00:00:00Z",
    ] {
        let body = json!({"name": "late", "role": "USER", "expires_at": past});
        let answer = ivan.post(PATH, body).await.expect(400);
        assert!(answer.faults()[0].starts_with("expires_at"), "{}", answer.shown());
    }
}

#[tokio::test]
async fn a_token_carries_its_grant_and_never_more_than_its_owner() {
    let server = TestServer::start().await;
    let (olena, ivan) = north(&server).await;
    for (grant, carried) in
        [("OWNER", json!(["ADMIN", "USER"])), ("ADMIN", json!(["ADMIN"])), ("USER", json!(["USER"]))]
    {
        let (_, secret) = api_token(&olena, json!({"name": "x", "role": grant})).await;
        assert_eq!(roles(&server, &secret).await, carried);
    }
    for grant in ["ADMIN", "PARTNER", "BOT", "OPERATOR"] {
        let answer = ivan.post(PATH, json!({"name": "x", "role": grant})).await.expect(400);
        assert_eq!(answer.faults(), ["role: is not a role of user `ivan`"]);
    }
    // What a narrow token makes is no wider than itself.
    let (_, narrow) = api_token(&olena, json!({"name": "narrow", "role": "USER"})).await;
    let narrow = server.bearing(&narrow);
    for grant in ["OWNER", "ADMIN"] {
        narrow.post(PATH, json!({"name": "wide", "role": grant})).await.expect(403);
    }
    narrow.post(PATH, json!({"name": "as narrow", "role": "USER"})).await.expect(200);
}

#[tokio::test]
async fn a_role_that_is_taken_from_the_owner_is_taken_from_its_tokens_at_once() {
    let server = TestServer::start().await;
    let (olena, ivan) = north(&server).await;
    let (_, secret) = api_token(&ivan, json!({"name": "x", "role": "USER"})).await;
    assert_eq!(roles(&server, &secret).await, json!(["USER"]));
    olena.patch("/comptoir/v1/users/ivan", json!({"roles": ["PARTNER"]})).await.expect(200);
    assert_eq!(roles(&server, &secret).await, json!([]));
}

#[tokio::test]
async fn an_operators_token_is_an_operators_only_where_it_says_so() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let (_, owner) = api_token(&operator, json!({"name": "x", "role": "OWNER"})).await;
    server.bearing(&owner).get("/comptoir/v1/companies").await.expect(403);
    server.bearing(&owner).post(PATH, json!({"name": "x", "role": "OPERATOR"})).await.expect(403);
    let (_, full) = api_token(&operator, json!({"name": "x", "role": "OPERATOR"})).await;
    server.bearing(&full).get("/comptoir/v1/companies").await.expect(200);
    // Not for another operator, and not by an ADMIN of the operator's company.
    let second = json!({"username": "second", "roles": [], "operator": true});
    operator.post("/comptoir/v1/users", second).await.expect(200);
    operator.post(PATH, json!({"name": "x", "username": "second", "role": "OPERATOR"})).await.expect(403);
    let admin = server.user("comptoir", "admin", &["ADMIN"]).await;
    for grant in ["OPERATOR", "OWNER", "ADMIN"] {
        admin.post(PATH, json!({"name": "x", "username": "operator", "role": grant})).await.expect(403);
    }
}

#[tokio::test]
async fn an_admin_manages_the_tokens_of_its_company_and_others_only_their_own() {
    let server = TestServer::start().await;
    let (olena, ivan) = north(&server).await;
    server.company("south").await;
    let dana = server.user("south", "dana", &["ADMIN"]).await;
    let (olenas, _) = api_token(&olena, json!({"name": "olena's", "role": "ADMIN"})).await;
    let (ivans, secret) = api_token(&olena, json!({"name": "ivan's", "username": "IVAN", "role": "USER"})).await;

    assert_eq!(names(&olena.get(PATH).await.expect(200).json()), ["olena's", "ivan's"]);
    assert_eq!(names(&olena.get(&format!("{PATH}?username=ivan")).await.expect(200).json()), ["ivan's"]);
    assert_eq!(names(&ivan.get(PATH).await.expect(200).json()), ["ivan's"]);
    assert_eq!(names(&ivan.get(&format!("{PATH}?username=ivan")).await.expect(200).json()), ["ivan's"]);
    assert_eq!(dana.get(PATH).await.expect(200).json(), json!({"items": [], "next_page_token": null}));

    for (client, path) in [(&ivan, format!("{PATH}/{olenas}")), (&dana, format!("{PATH}/{ivans}"))] {
        client.get(&path).await.expect(404);
        client.delete(&path).await.expect(404);
    }
    for client in [&ivan, &dana] {
        client.get(&format!("{PATH}?username=olena")).await.expect(404);
        client.post(PATH, json!({"name": "x", "username": "olena", "role": "OWNER"})).await.expect(404);
        client.get(&format!("{PATH}?username=nobody")).await.expect(404);
    }
    server.bearing(&secret).get("/account/info").await.expect(200);
    olena.delete(&format!("{PATH}/{ivans}")).await.expect(200);
    olena.delete(&format!("{PATH}/{ivans}")).await.expect(404);
    olena.get(&format!("{PATH}/{ivans}")).await.expect(404);
}

#[tokio::test]
async fn an_admin_cannot_revoke_an_operators_token() {
    let server = TestServer::start().await;
    let admin = server.user("comptoir", "olena", &["ADMIN"]).await;
    let (id, secret) = api_token(&server.as_operator().await, json!({"name": "backup", "role": "OPERATOR"})).await;
    admin.delete(&format!("{PATH}/{id}")).await.expect(403);
    server.bearing(&secret).get("/comptoir/v1/companies").await.expect(200);
}

#[tokio::test]
async fn pages_follow_one_another_oldest_first() {
    let server = TestServer::start().await;
    let (_, ivan) = north(&server).await;
    for name in ["one", "two", "three"] {
        api_token(&ivan, json!({"name": name, "role": "USER"})).await;
    }
    let first = ivan.get(&format!("{PATH}?limit=2")).await.expect(200).json();
    assert_eq!(names(&first), ["one", "two"]);
    let token = first["next_page_token"].as_str().unwrap();
    let second = ivan.get(&format!("{PATH}?limit=2&page_token={token}")).await.expect(200).json();
    assert_eq!(names(&second), ["three"]);
    assert!(second["next_page_token"].is_null());
    // The token of another list, and one of this list with a key that no row has.
    for bad in ["dXNlcnM6aXZhbg", "dG9rZW5zOnh5eg", "dG9rZW5zOjk5OTk5OTk5OTk5OTk5OTk5OTk5"] {
        let answer = ivan.get(&format!("{PATH}?page_token={bad}")).await.expect(400);
        assert!(answer.faults()[0].starts_with("page_token"), "{}", answer.shown());
    }
}

#[tokio::test]
async fn each_field_at_fault_is_named_and_an_unknown_one_is_a_fault() {
    let server = TestServer::start().await;
    let (_, ivan) = north(&server).await;
    for (body, fault) in [
        (json!({"role": "USER"}), "name: is required"),
        (json!({"name": "x"}), "role: is required"),
        (json!({"name": "", "role": "USER"}), "name"),
        (json!({"name": "x".repeat(129), "role": "USER"}), "name"),
        (json!({"name": "line\nbreak", "role": "USER"}), "name"),
        (json!({"name": "x", "role": "user"}), "role"),
        (json!({"name": "x", "role": "USER", "scope": "all"}), "scope"),
    ] {
        let answer = ivan.post(PATH, body).await.expect(400);
        assert!(answer.faults()[0].starts_with(fault), "{}", answer.shown());
    }
    let answer = ivan.get(&format!("{PATH}/not-a-uuid")).await.expect(400);
    assert_eq!(answer.faults(), ["id: must be a UUID"]);
    ivan.get(&format!("{PATH}/00000000-0000-0000-0000-000000000000")).await.expect(404);
}

#[tokio::test]
async fn a_token_makes_none_that_carries_more_or_lives_longer_and_what_it_made_ends_with_it() {
    let server = TestServer::start().await;
    server.company("north").await;
    let jwt = server.user("north", "ivan", &["USER"]).await;
    let body = json!({"name": "parent", "role": "USER", "expires_at": "2026-03-03T10:00:00Z"});
    let (parent_id, parent) = api_token(&jwt, body).await;
    let parent = server.bearing(&parent);
    let ask = async |role: &str, expires_at: Value| {
        let body = json!({"name": "child", "role": role, "expires_at": expires_at});
        parent.post("/comptoir/v1/tokens", body).await
    };
    // OWNER would grow with its owner's roles; the parent does not.
    ask("OWNER", json!("2026-03-03T10:00:00Z")).await.expect(403);
    ask("USER", json!("2026-03-03T10:00:01Z")).await.expect(400);
    parent.post("/comptoir/v1/tokens", json!({"name": "for ever", "role": "USER"})).await.expect(400);
    let child = ask("USER", json!("2026-03-03T10:00:00Z")).await.expect(200).json();
    let child = server.bearing(child["secret"].as_str().unwrap());
    child.get("/comptoir/v1/me").await.expect(200);
    jwt.delete(&format!("/comptoir/v1/tokens/{parent_id}")).await.expect(200);
    parent.get("/comptoir/v1/me").await.expect(401);
    child.get("/comptoir/v1/me").await.expect(401);
}

#[tokio::test]
async fn a_token_cut_down_to_one_role_cannot_touch_its_owners_account_sessions_or_other_tokens() {
    let server = TestServer::start().await;
    server.company("north").await;
    let jwt = server.user("north", "ivan", &["USER", "BOT"]).await;
    let (whole_id, _) = api_token(&jwt, json!({"name": "whole", "role": "OWNER"})).await;
    let (bot_id, bot) = api_token(&jwt, json!({"name": "bot", "role": "BOT"})).await;
    let bot = server.bearing(&bot);
    bot.post("/comptoir/v1/sign-out/everywhere", Value::Null).await.expect(403);
    bot.put("/account/info", json!({"email": "evil@example.com"})).await.expect(403);
    let password = json!({"current_password": PASSWORD, "new_password": "another long password"});
    bot.post("/account/password", password).await.expect(403);
    bot.delete(&format!("/comptoir/v1/tokens/{whole_id}")).await.expect(403);
    bot.get("/account/info").await.expect(200);
    bot.delete(&format!("/comptoir/v1/tokens/{bot_id}")).await.expect(200);
    jwt.get("/account/info").await.expect(200);
}

#[tokio::test]
async fn an_operators_token_that_is_not_an_operators_cannot_end_one_that_is() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let (id, _) = api_token(&operator, json!({"name": "all", "role": "OPERATOR"})).await;
    for role in ["ADMIN", "OWNER"] {
        let (_, secret) = api_token(&operator, json!({"name": "less", "role": role})).await;
        server.bearing(&secret).delete(&format!("/comptoir/v1/tokens/{id}")).await.expect(403);
    }
}
