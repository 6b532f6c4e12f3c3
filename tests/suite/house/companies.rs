//! `/comptoir/v1/companies`.

use serde_json::{Value, json};

use crate::support::{PASSWORD, TestServer};

const PATH: &str = "/comptoir/v1/companies";

#[tokio::test]
async fn a_company_is_made_read_renamed_and_listed() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let made = operator.post(PATH, json!({"key": "north_star", "name": "North Star Trading"})).await.expect(200);
    insta::assert_snapshot!(made.shown(), @r#"
    200
    {
      "key": "north_star",
      "guid": "[uuid]",
      "name": "North Star Trading",
      "enabled": true,
      "created_at": "2026-03-02T10:00:00Z",
      "edited_at": null
    }
    "#);
    let path = format!("{PATH}/north_star");
    assert_eq!(operator.get(&path).await.expect(200).json(), made.json());
    assert_eq!(operator.get(&format!("{PATH}/NORTH_star")).await.expect(200).json(), made.json(), "in any case");
    server.clock.advance(std::time::Duration::from_secs(5));
    let renamed = operator.patch(&path, json!({"name": "Полярная звезда"})).await.expect(200).json();
    assert_eq!(renamed["name"], "Полярная звезда");
    assert_eq!(renamed["edited_at"], "2026-03-02T10:00:05Z");
    assert_eq!(renamed["guid"], made.json()["guid"]);
    let keys: Vec<Value> = items(&operator.get(PATH).await.expect(200).json(), "key");
    assert_eq!(keys, ["comptoir", "north_star"]);
}

fn items(page: &Value, field: &str) -> Vec<Value> {
    page["items"].as_array().unwrap().iter().map(|item| item[field].clone()).collect()
}

#[tokio::test]
async fn pages_follow_one_another_and_the_last_one_says_so() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    for key in ["delta", "Alpha", "charlie", "bravo"] {
        operator.post(PATH, json!({"key": key, "name": key})).await.expect(200);
    }
    let mut seen = Vec::new();
    let mut query = format!("{PATH}?limit=2");
    let mut pages = 0;
    loop {
        let page = operator.get(&query).await.expect(200).json();
        seen.extend(items(&page, "key"));
        pages += 1;
        let Some(token) = page["next_page_token"].as_str() else { break };
        // A row that comes in behind the page does not shift the next one.
        if pages == 1 {
            operator.post(PATH, json!({"key": "aaa", "name": "late"})).await.expect(200);
        }
        query = format!("{PATH}?limit=2&page_token={token}");
    }
    assert_eq!(seen, ["Alpha", "bravo", "charlie", "comptoir", "delta"]);
    assert_eq!(pages, 3);
}

#[tokio::test]
async fn a_bad_page_token_or_limit_is_named() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    for key in ["north", "south"] {
        operator.post(PATH, json!({"key": key, "name": key})).await.expect(200);
    }
    let page = operator.get(&format!("{PATH}?limit=1")).await.expect(200).json();
    let token = page["next_page_token"].as_str().unwrap();
    for (path, fault) in [
        (format!("{PATH}?page_token=nonsense"), "page_token: must be the `next_page_token` of a page of this list"),
        (
            format!("/comptoir/v1/users?page_token={token}"),
            "page_token: must be the `next_page_token` of a page of this list",
        ),
        (format!("{PATH}?limit=0"), "limit: must be at least 1"),
        (format!("{PATH}?limit=201"), "limit: must be at most 200"),
        (format!("{PATH}?limit=-1"), "limit: must be a whole number"),
        (format!("{PATH}?limit=99999999999999999999"), "limit: must be a whole number"),
    ] {
        assert_eq!(operator.get(&path).await.expect(400).faults(), [fault], "{path}");
    }
    operator.get(&format!("{PATH}?limit=200")).await.expect(200);
}

#[tokio::test]
async fn a_key_that_is_taken_in_any_case_is_a_conflict() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    operator.post(PATH, json!({"key": "Полюс", "name": "the first"})).await.expect(200);
    for key in ["Полюс", "полюс", "ПОЛЮС"] {
        let answer = operator.post(PATH, json!({"key": key, "name": "the second"})).await.expect(409);
        assert_eq!(answer.json()["type"], "urn:comptoir:problem:conflict");
    }
}

#[tokio::test]
async fn each_field_at_fault_is_named_and_an_unknown_one_is_a_fault() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let answer = operator.post(PATH, json!({"key": "a b", "name": "", "colour": 1})).await.expect(400);
    insta::assert_snapshot!(answer.shown(), @r#"
    400
    {
      "type": "urn:comptoir:problem:bad-request",
      "title": "Bad Request",
      "status": 400,
      "detail": "key must match the pattern ^\\w+$ (and 2 more)",
      "request_id": "[uuid]",
      "errors": [
        {
          "field": "key",
          "message": "must match the pattern ^\\w+$"
        },
        {
          "field": "name",
          "message": "must have at least 1 character (has 0)"
        },
        {
          "field": "colour",
          "message": "is not a known field"
        }
      ]
    }
    "#);
    for body in
        [json!({"key": "ab", "name": "x"}), json!({"key": "abc"}), json!({"key": "abc", "name": null}), json!([])]
    {
        operator.post(PATH, body).await.expect(400);
    }
    operator.patch(&format!("{PATH}/comptoir"), json!({"key": "other"})).await.expect(400);
    operator.patch(&format!("{PATH}/comptoir"), json!({"name": "x".repeat(257)})).await.expect(400);
    assert_eq!(operator.get(PATH).await.expect(200).json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_company_that_is_not_there_is_not_found() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    operator.get(&format!("{PATH}/nowhere")).await.expect(404);
    operator.patch(&format!("{PATH}/nowhere"), json!({"name": "x"})).await.expect(404);
}

#[tokio::test]
async fn the_company_of_the_last_operator_cannot_be_disabled() {
    let server = TestServer::start().await;
    server.company("north").await;
    let operator = server.as_operator().await;
    operator.patch(&format!("{PATH}/comptoir"), json!({"enabled": false})).await.expect(409);
    let second =
        json!({"username": "second", "company_key": "north", "password": PASSWORD, "roles": [], "operator": true});
    operator.post("/comptoir/v1/users", second).await.expect(200);
    operator.patch(&format!("{PATH}/comptoir"), json!({"enabled": false})).await.expect(200);
    operator.get(PATH).await.expect(401);
    let second = server.sign_in("second", PASSWORD).await;
    second.patch(&format!("{PATH}/north"), json!({"enabled": false})).await.expect(409);
    second.patch(&format!("{PATH}/comptoir"), json!({"enabled": true})).await.expect(200);
}

#[tokio::test]
async fn an_admin_reads_its_own_company_only() {
    let server = TestServer::start().await;
    server.company("north").await;
    server.company("south").await;
    let admin = server.user("north", "olena", &["ADMIN"]).await;
    admin.get(&format!("{PATH}/north")).await.expect(200);
    admin.get(&format!("{PATH}/south")).await.expect(404);
    admin.get(PATH).await.expect(403);
    admin.patch(&format!("{PATH}/north"), json!({"name": "mine"})).await.expect(403);
    admin.post(PATH, json!({"key": "west", "name": "mine"})).await.expect(403);
}
