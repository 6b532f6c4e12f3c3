//! `GET` and `PUT /account/info`.

use std::time::Duration;

use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestServer};

const PATH: &str = "/account/info";

async fn olena(server: &TestServer) -> Client {
    server.company("north_star").await;
    let client = server.user("north_star", "olena", &["USER", "ADMIN"]).await;
    let operator = server.as_operator().await;
    operator.patch("/comptoir/v1/users/olena", json!({"timezone": 2})).await.expect(200);
    client
}

fn full() -> Value {
    json!({
        "specification": "Olena, purchasing",
        "email": "olena@example.com",
        "phone": "+380441234567",
        "attributes": [{"key": "desk", "value": "4"}, {"key": "floor", "value": ""}],
    })
}

#[tokio::test]
async fn an_account_is_shown_field_by_field_as_the_contract_has_it() {
    let server = TestServer::start().await;
    let client = olena(&server).await;
    server.clock.advance(Duration::from_secs(90));
    client.put(PATH, full()).await.expect(200);
    insta::assert_snapshot!(client.get(PATH).await.shown(), @r#"
    200
    {
      "username": "olena",
      "specification": "Olena, purchasing",
      "email": "olena@example.com",
      "phone": "+380441234567",
      "company_key": "north_star",
      "enabled": true,
      "roles": [
        "ADMIN",
        "USER"
      ],
      "timezone": 2,
      "edit_date": "2026-03-02T10:01:30Z",
      "creation_date": "2026-03-02T10:00:00Z",
      "attributes": [
        {
          "key": "desk",
          "value": "4"
        },
        {
          "key": "floor",
          "value": ""
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn an_absent_field_stays_and_a_null_one_is_cleared() {
    let server = TestServer::start().await;
    let client = olena(&server).await;
    let before = client.put(PATH, full()).await.expect(200).json();

    let after = client.put(PATH, json!({"phone": "+380000000000"})).await.expect(200).json();
    assert_eq!(after["phone"], "+380000000000");
    for untouched in ["specification", "email", "attributes"] {
        assert_eq!(after[untouched], before[untouched], "{untouched}");
    }
    assert_eq!(client.put(PATH, json!({})).await.expect(200).json(), after, "nothing asked for, nothing changed");

    let cleared = json!({"specification": null, "email": null, "phone": null, "attributes": null});
    let after = client.put(PATH, cleared).await.expect(200).json();
    for field in ["specification", "email", "phone"] {
        assert!(after[field].is_null(), "{field}: {after}");
    }
    assert_eq!(after["attributes"], json!([]));
    assert_eq!(client.get(PATH).await.expect(200).json(), after);
}

#[tokio::test]
async fn a_request_that_asks_for_nothing_leaves_the_edit_date_alone() {
    let server = TestServer::start().await;
    let client = olena(&server).await;
    let before = client.get(PATH).await.expect(200).json();
    server.clock.advance(Duration::from_mins(1));
    assert_eq!(client.put(PATH, json!({})).await.expect(200).json(), before);
}

#[tokio::test]
async fn fields_that_are_not_the_callers_to_change_or_unknown_are_ignored_and_not_stored() {
    let server = TestServer::start().await;
    let client = olena(&server).await;
    let before = client.get(PATH).await.expect(200).json();
    let wishes = json!({
        "username": "root", "company_key": "comptoir", "roles": ["BOT"], "enabled": false, "timezone": 12,
        "operator": true, "favourite_colour": "green",
    });
    assert_eq!(client.put(PATH, wishes).await.expect(200).json(), before);
    let seen = client.get("/comptoir/v1/users/olena").await.expect(200);
    assert!(!seen.text().contains("green"), "{}", seen.shown());
    assert_eq!(seen.json()["operator"], false);
}

#[tokio::test]
async fn what_is_returned_can_be_sent_back_as_it_is() {
    let server = TestServer::start().await;
    let client = olena(&server).await;
    let shown = client.put(PATH, full()).await.expect(200).json();
    assert_eq!(client.put(PATH, shown.clone()).await.expect(200).json(), shown);
}

#[tokio::test]
async fn the_bounds_of_each_field_are_kept_at_both_ends() {
    let server = TestServer::start().await;
    let client = olena(&server).await;
    let attribute = |key: usize, value: usize| json!([{"key": "k".repeat(key), "value": "v".repeat(value)}]);
    for (field, value, status) in [
        ("specification", json!("ab"), 200),
        ("specification", json!("a"), 400),
        ("specification", json!("я".repeat(256)), 200),
        ("specification", json!("я".repeat(257)), 400),
        ("email", json!("a@b.c"), 200),
        ("email", json!("a@bc"), 400),
        ("email", json!("nobody"), 400),
        ("phone", json!("12345"), 200),
        ("phone", json!("1234"), 400),
        ("phone", json!("1".repeat(32)), 200),
        ("phone", json!("1".repeat(33)), 400),
        ("phone", json!(12345), 400),
        ("attributes", attribute(1, 0), 200),
        ("attributes", attribute(100, 2000), 200),
        ("attributes", attribute(0, 0), 400),
        ("attributes", attribute(101, 0), 400),
        ("attributes", attribute(1, 2001), 400),
        ("attributes", json!([{"key": "desk"}]), 400),
        ("attributes", json!([{"key": "a", "value": "b"}, {"key": "a", "value": "b"}]), 400),
        ("attributes", json!([{"key": "a", "value": "b"}, {"key": "a", "value": "c"}]), 200),
    ] {
        let answer = client.put(PATH, json!({field: value})).await.expect(status);
        if status == 400 {
            assert_eq!(answer.faults().len(), 1, "{}", answer.shown());
            assert!(answer.faults()[0].starts_with(field), "{}", answer.shown());
        } else {
            assert_eq!(answer.json()[field], value);
        }
    }
    let many: Vec<_> = (0..1001).map(|n| json!({"key": n.to_string(), "value": ""})).collect();
    client.put(PATH, json!({"attributes": many})).await.expect(400);
    client.put(PATH, json!({"attributes": many[..1000]})).await.expect(200);
}

#[tokio::test]
async fn of_several_faults_each_is_named_by_its_path_and_nothing_is_stored() {
    let server = TestServer::start().await;
    let client = olena(&server).await;
    let before = client.get(PATH).await.expect(200).json();
    let body = json!({
        "specification": "a good one",
        "email": "a@b",
        "phone": 5,
        "attributes": [{"key": "desk", "value": "4"}, {"key": "", "value": null}],
    });
    let answer = client.put(PATH, body).await.expect(400);
    let named: Vec<_> = answer.faults().iter().map(|fault| fault.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(named, ["email", "phone", "attributes[1].key", "attributes[1].value"], "{}", answer.shown());
    assert_eq!(client.get(PATH).await.expect(200).json(), before);
}

#[tokio::test]
async fn text_of_any_script_comes_back_as_it_was_and_nul_is_refused() {
    let server = TestServer::start().await;
    let client = olena(&server).await;
    for text in [
        "Олена Коваленко",
        "日本語 العربية",
        "👩‍🚀 \u{1F1FA}\u{1F1E6}",
        "a\"b\\c/d<script>&amp;",
        "é vs e\u{301}",
        "two\nlines",
    ] {
        let answer = client.put(PATH, json!({"specification": text})).await.expect(200);
        assert_eq!(answer.json()["specification"], text);
    }
    let answer = client.put(PATH, json!({"specification": "with\u{0}nul"})).await.expect(400);
    assert!(answer.faults()[0].starts_with("specification: must not contain"), "{}", answer.shown());
    client.put(PATH, json!({"attributes": [{"key": "nul\u{0}", "value": "\u{0}"}]})).await.expect(400);
}

#[tokio::test]
async fn the_largest_valid_change_is_taken_however_it_is_written() {
    let server = TestServer::start().await;
    let attributes: Vec<String> = (0..1000)
        .map(|number| {
            let value = r"\ud83d\ude00".repeat(2000);
            format!(r#"{{"key": "{}{number:04}", "value": "{value}"}}"#, r"\ud83d\ude00".repeat(96))
        })
        .collect();
    let body = format!(r#"{{"attributes": [{}]}}"#, attributes.join(", "));
    assert!(body.len() > 25_000_000);
    let client = server.as_operator().await;
    let answer = client.call(Method::PUT, PATH).json_text(body).send().await.expect(200);
    assert_eq!(answer.json()["attributes"].as_array().unwrap().len(), 1000);
}

#[tokio::test]
async fn a_larger_change_is_413_and_a_large_one_without_credentials_is_not_read() {
    let server = TestServer::start().await;
    let jwt = server.jwt("operator", PASSWORD).await;
    for (authorization, length, status) in [
        (format!("authorization: Bearer {jwt}\r\n"), 26 * 1024 * 1024 + 1, 413),
        (String::new(), 26 * 1024 * 1024, 401),
    ] {
        let request = format!(
            "PUT {PATH} HTTP/1.1\r\nhost: x\r\n{authorization}content-type: application/json\r\n\
             content-length: {length}\r\n\r\n"
        );
        server.raw("PUT", PATH, request.as_bytes()).await.expect(status);
    }
}
