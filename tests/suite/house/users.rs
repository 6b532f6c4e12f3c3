//! `/comptoir/v1/users`.

use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestServer, api_token};

const PATH: &str = "/comptoir/v1/users";

async fn north(server: &TestServer) -> Client {
    server.company("north").await;
    server.user("north", "olena", &["ADMIN"]).await
}

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["username"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_admin_makes_a_user_in_its_own_company() {
    let server = TestServer::start().await;
    let admin = north(&server).await;
    let body = json!({
        "username": "ivan", "password": PASSWORD, "roles": ["USER"], "timezone": 2,
        "specification": "Ivan, purchasing", "email": "ivan@example.com", "phone": "+380000000000",
    });
    let made = admin.post(PATH, body).await;
    insta::assert_snapshot!(made.shown(), @r#"
    200
    {
      "username": "ivan",
      "guid": "[uuid]",
      "company_key": "north",
      "roles": [
        "USER"
      ],
      "operator": false,
      "enabled": true,
      "has_password": true,
      "timezone": 2,
      "specification": "Ivan, purchasing",
      "email": "ivan@example.com",
      "email_confirmed": false,
      "phone": "+380000000000",
      "created_at": "2026-03-02T10:00:00Z",
      "edited_at": null
    }
    "#);
    assert_eq!(admin.get(&format!("{PATH}/ivan")).await.expect(200).json(), made.json());
    server.sign_in("ivan", PASSWORD).await;
}

#[tokio::test]
async fn a_user_without_a_password_cannot_sign_in_and_lives_on_tokens() {
    let server = TestServer::start().await;
    let admin = north(&server).await;
    let made = admin.post(PATH, json!({"username": "shop", "roles": ["BOT"]})).await.expect(200).json();
    assert_eq!(made["has_password"], false);
    let (_, secret) = api_token(&admin, json!({"name": "shop", "username": "shop", "role": "BOT"})).await;
    assert_eq!(server.bearing(&secret).get("/account/info").await.expect(200).json()["username"], "shop");
}

#[tokio::test]
async fn a_name_that_is_taken_anywhere_in_any_case_is_a_conflict() {
    let server = TestServer::start().await;
    let admin = north(&server).await;
    admin.post(PATH, json!({"username": "Жанна", "roles": []})).await.expect(200);
    for taken in ["Жанна", "ЖАННА", "жанна", "OPERATOR"] {
        let answer = admin.post(PATH, json!({"username": taken, "roles": []})).await.expect(409);
        assert_eq!(answer.json()["detail"], format!("the username `{taken}` is taken"));
    }
}

#[tokio::test]
async fn each_field_at_fault_is_named_and_an_unknown_one_is_a_fault() {
    let server = TestServer::start().await;
    let admin = north(&server).await;
    let body = json!({
        "username": "i", "password": "short", "roles": ["KING"], "timezone": 13, "email": "x", "phone": "1",
        "specification": "", "company_key": "n", "operator": "yes", "secret": true,
    });
    let answer = admin.post(PATH, body).await.expect(400);
    let mut named: Vec<_> = answer.faults().iter().map(|fault| fault.split(':').next().unwrap().to_owned()).collect();
    named.sort();
    let expected = [
        "company_key",
        "email",
        "operator",
        "password",
        "phone",
        "roles[0]",
        "secret",
        "specification",
        "timezone",
        "username",
    ];
    assert_eq!(named, expected, "{}", answer.shown());
    for (body, fault) in [
        (json!({"username": "ivan"}), "roles: is required"),
        (json!({"username": "ivan", "roles": ["USER", "USER"]}), "roles"),
        (json!({"username": "ivan", "roles": ["USER", "BOT", "ADMIN"]}), "roles"),
        (json!({"username": "ivan", "roles": ["user"]}), "roles[0]"),
        (json!({"username": "ivan", "roles": [], "timezone": 1.5}), "timezone"),
        (json!({"username": "ivan", "roles": [], "email": "a@b@c"}), "email"),
    ] {
        let answer = admin.post(PATH, body).await.expect(400);
        assert!(answer.faults()[0].starts_with(fault), "{}", answer.shown());
    }
    assert_eq!(names(&admin.get(PATH).await.expect(200).json()), ["olena"]);
}

#[tokio::test]
async fn what_is_absent_from_a_change_stays_and_null_clears() {
    let server = TestServer::start().await;
    let admin = north(&server).await;
    let body = json!({"username": "ivan", "roles": ["USER"], "email": "ivan@example.com", "phone": "+380000000000"});
    let made = admin.post(PATH, body).await.expect(200).json();
    let path = format!("{PATH}/ivan");
    let changed = admin.patch(&path, json!({"phone": null, "timezone": -12})).await.expect(200).json();
    assert!(changed["phone"].is_null());
    assert_eq!(changed["timezone"], -12);
    assert_eq!((&changed["email"], &changed["roles"]), (&made["email"], &made["roles"]));
    assert_eq!(admin.patch(&path, json!({})).await.expect(200).json(), changed);
    admin.patch(&path, json!({"username": "petro"})).await.expect(400);
    admin.patch(&path, json!({"timezone": 13})).await.expect(400);
    admin.patch(&format!("{PATH}/nobody"), json!({})).await.expect(404);
}

#[tokio::test]
async fn pages_are_by_name_whatever_its_case() {
    let server = TestServer::start().await;
    let admin = north(&server).await;
    for name in ["Zoya", "anna", "Boris", "yuri"] {
        admin.post(PATH, json!({"username": name, "roles": []})).await.expect(200);
    }
    let first = admin.get(&format!("{PATH}?limit=3")).await.expect(200).json();
    assert_eq!(names(&first), ["anna", "Boris", "olena"]);
    let token = first["next_page_token"].as_str().unwrap();
    let second = admin.get(&format!("{PATH}?limit=3&page_token={token}")).await.expect(200).json();
    assert_eq!(names(&second), ["yuri", "Zoya"]);
    assert!(second["next_page_token"].is_null());
}

#[tokio::test]
async fn a_company_without_users_has_an_empty_list() {
    let server = TestServer::start().await;
    server.company("empty").await;
    let page = server.as_operator().await.get(&format!("{PATH}?company_key=empty")).await.expect(200).json();
    assert_eq!(page, json!({"items": [], "next_page_token": null}));
}

#[tokio::test]
async fn a_company_that_is_not_there_is_not_found_in_query_and_body() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    operator.get(&format!("{PATH}?company_key=nowhere")).await.expect(404);
    operator.post(PATH, json!({"username": "ivan", "company_key": "nowhere", "roles": []})).await.expect(404);
}

#[tokio::test]
async fn another_companys_users_do_not_exist_for_an_admin() {
    let server = TestServer::start().await;
    let admin = north(&server).await;
    server.company("south").await;
    server.user("south", "dana", &["ADMIN"]).await;
    admin.get(&format!("{PATH}/dana")).await.expect(404);
    admin.patch(&format!("{PATH}/dana"), json!({"enabled": false})).await.expect(404);
    admin.put(&format!("{PATH}/dana/password"), json!({"new_password": "a stolen password"})).await.expect(404);
    admin.post(&format!("{PATH}/dana/sign-out"), Value::Null).await.expect(404);
    admin.get(&format!("{PATH}?company_key=south")).await.expect(404);
    admin.post(PATH, json!({"username": "spy", "company_key": "south", "roles": []})).await.expect(404);
    assert_eq!(names(&admin.get(PATH).await.expect(200).json()), ["olena"]);
    // The operator sees them.
    let page = server.as_operator().await.get(&format!("{PATH}?company_key=south")).await.expect(200).json();
    assert_eq!(names(&page), ["dana"]);
}

#[tokio::test]
async fn an_admin_has_no_power_over_an_operator_of_its_company() {
    let server = TestServer::start().await;
    let admin = server.user("comptoir", "olena", &["ADMIN"]).await;
    let operator = format!("{PATH}/operator");
    admin.get(&operator).await.expect(200);
    admin.patch(&operator, json!({"enabled": false})).await.expect(403);
    admin.patch(&operator, json!({"email": "mine@example.com"})).await.expect(403);
    admin.put(&format!("{operator}/password"), json!({"new_password": "a stolen password"})).await.expect(403);
    admin.post(&format!("{operator}/sign-out"), Value::Null).await.expect(403);
    admin.patch(&format!("{PATH}/olena"), json!({"operator": true})).await.expect(403);
    admin.post(PATH, json!({"username": "spy", "roles": [], "operator": true})).await.expect(403);
    server.as_operator().await;
}

#[tokio::test]
async fn the_last_enabled_operator_stays_one_and_stays_enabled() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let path = format!("{PATH}/operator");
    for change in [json!({"operator": false}), json!({"enabled": false})] {
        let answer = operator.patch(&path, change).await.expect(409);
        assert_eq!(answer.json()["detail"], "`operator` is the last enabled operator and must stay one");
    }
    // A second one that is disabled does not count.
    let second = json!({"username": "second", "password": PASSWORD, "roles": [], "operator": true});
    operator.post(PATH, second).await.expect(200);
    operator.patch(&format!("{PATH}/second"), json!({"enabled": false})).await.expect(200);
    operator.patch(&path, json!({"operator": false})).await.expect(409);
    operator.patch(&format!("{PATH}/second"), json!({"enabled": true})).await.expect(200);
    operator.patch(&path, json!({"operator": false})).await.expect(200);
    // Its JWT goes on, without the operator's rights.
    operator.get("/comptoir/v1/companies").await.expect(403);
    server
        .sign_in("second", PASSWORD)
        .await
        .patch(&format!("{PATH}/second"), json!({"enabled": false}))
        .await
        .expect(409);
}

#[tokio::test]
async fn a_reset_password_works_at_once_and_ends_jwts_but_not_api_tokens() {
    let server = TestServer::start().await;
    let admin = north(&server).await;
    let ivan = server.user("north", "ivan", &["USER"]).await;
    let (_, secret) = api_token(&ivan, json!({"name": "mine", "role": "USER"})).await;
    ivan.get("/account/info").await.expect(200);
    let path = format!("{PATH}/ivan/password");
    admin.put(&path, json!({"new_password": "a new long password"})).await.expect(200);
    ivan.get("/account/info").await.expect(401);
    server.bearing(&secret).get("/account/info").await.expect(200);
    server.sign_in("ivan", "a new long password").await;
    admin.put(&path, json!({"new_password": "short"})).await.expect(400);
    admin.put(&path, json!({"new_password": "long enough", "old": 1})).await.expect(400);
    admin.put(&format!("{PATH}/nobody/password"), json!({"new_password": "long enough"})).await.expect(404);
}

#[tokio::test]
async fn an_admin_signs_a_user_out_everywhere() {
    let server = TestServer::start().await;
    let admin = north(&server).await;
    let ivan = server.user("north", "ivan", &["USER"]).await;
    ivan.get("/account/info").await.expect(200);
    admin.post(&format!("{PATH}/ivan/sign-out"), Value::Null).await.expect(200);
    ivan.get("/account/info").await.expect(401);
    admin.get("/account/info").await.expect(200);
    server.sign_in("ivan", PASSWORD).await;
}

#[tokio::test]
async fn a_malformed_request_gets_problem_details() {
    let server = TestServer::start().await;
    let admin = north(&server).await;
    let text = |text: &'static str| admin.call(Method::POST, PATH).json_text(text).send();
    let answer = text("{\"username\":\n  oops}").await.expect(400);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(answer.json()["detail"].as_str().unwrap().contains("line 2 column 3"), "{}", answer.shown());
    text("{\"username\": \"a\\u0000b\", \"roles\": []}").await.expect(400);
    text("{\"username\": \"\\udc00\", \"roles\": []}").await.expect(400);
    text("{\"username\": \"ivan\", \"roles\": [], \"timezone\": 1e400}").await.expect(400);
    let call = admin.call(Method::POST, PATH).header("content-type", "text/plain").body("{}");
    call.send().await.expect(415);
    let large = format!("{{\"username\": \"{}\"}}", "x".repeat(1024 * 1024));
    admin.call(Method::POST, PATH).json_text(large).send().await.expect(413);
    let answer = admin.call(Method::PUT, PATH).send().await.expect(405);
    assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS, POST"));
}
