//! What a request may be written in, where its token may stand, and what is refused before anything is stored.

use poem::http::Method;
use serde_json::json;

use super::{FORMATS, Format, company, done, post, value};
use crate::support::{Answer, Client, TestServer};

async fn send(client: &Client, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
    client.call(Method::POST, path).header("content-type", content_type).body(body.into()).send().await
}

#[tokio::test]
async fn the_token_may_stand_in_the_body_the_header_or_the_url_and_the_body_wins() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    let token = admin.credential().to_owned();
    let nobody = server.anonymous();
    for format in FORMATS {
        let inside = post(&nobody, format, "databases/list", &json!({"token": token})).await.expect(200);
        assert_eq!(value(format, &inside)["error"], 0);
        let header = post(&admin, format, "databases/list", &json!({"limit": 1})).await.expect(200);
        assert_eq!(value(format, &header)["error"], 0);
        let url = post(&nobody, format, &format!("databases/list?token={token}"), &json!({"limit": 1})).await;
        assert_eq!(value(format, &url)["error"], 0);
        let wrong = post(&admin, format, "databases/list", &json!({"token": "nonsense"})).await.expect(200);
        assert_eq!(value(format, &wrong)["error"], 401);
        // As clients send it that have their token in the header and a field for it all the same.
        let empty = post(&admin, format, "databases/list", &json!({"token": ""})).await.expect(200);
        assert_eq!(value(format, &empty)["error"], 0, "an empty token in the body is none");
        let none = post(&nobody, format, "databases/list", &json!({"token": "", "limit": 1})).await.expect(200);
        assert_eq!(value(format, &none)["error_text"], "API token required");
        let none = post(&nobody, format, "databases/list", &json!({"limit": 1})).await.expect(200);
        assert_eq!(value(format, &none)["error"], 401);
        assert_eq!(value(format, &none)["error_text"], "API token required");
    }
}

#[tokio::test]
async fn the_answers_format_is_named_by_the_body_else_by_the_url_else_by_accept() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    for (url, accept, body, expected) in [
        ("", "*/*", json!({"limit": 1}), "application/json"),
        ("", "application/xml", json!({"limit": 1}), "application/xml"),
        ("?format=xml", "application/json", json!({"limit": 1}), "application/xml"),
        ("?format=xml", "application/xml", json!({"format": "json"}), "application/json"),
        ("", "application/json", json!({"format": "XML"}), "application/xml"),
    ] {
        let call = admin.call(Method::POST, &format!("/api/v1.1/databases/list{url}"));
        let answer = call.header("accept", accept).json(&body).send().await.expect(200);
        assert_eq!(answer.header("content-type"), Some(expected), "{url} {accept} {body}");
    }
    let (code, text) = super::refused(&admin, "databases/list", json!({"format": "yaml"})).await;
    assert_eq!((code, text.as_str()), (400, "`format` must be json or xml"));
}

#[tokio::test]
async fn a_doubled_slash_is_tolerated() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    for path in ["/api/v1.1//databases/list", "/api/v1.1//databases//list", "/api/v1.1/databases/list/"] {
        let answer = admin.post(path, json!({"limit": 10})).await.expect(200).json();
        assert_eq!(answer["data"][0]["name"], "Customers", "{path}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_and_no_xml_is_a_400_of_the_transport_in_the_envelope() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    let deep = [b"<xml>".as_slice(), &b"<a>".repeat(5_000), &b"</a>".repeat(5_000), b"</xml>"].concat();
    let laughs = b"<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><xml><token>&b;</token></xml>".to_vec();
    for (media_type, body, why) in [
        ("application/json", b"{\"id\":".to_vec(), "not valid JSON"),
        ("application/json", b"\xff\xfe".to_vec(), "not valid JSON"),
        ("application/json", Vec::new(), "not valid JSON"),
        ("application/json", b"[".repeat(5_000), "not valid JSON"),
        ("application/json", b"<xml/>".to_vec(), "not valid JSON"),
        ("application/xml", b"<xml><id>".to_vec(), "not XML"),
        ("text/xml", b"{\"id\":1}".to_vec(), "not XML"),
        ("application/xml", Vec::new(), "not XML"),
        ("application/xml", b"<xml><id>\xff</id></xml>".to_vec(), "not UTF-8"),
        ("application/xml", b"<xml><id>\0</id></xml>".to_vec(), "U+0000"),
        ("application/xml", laughs, "DOCTYPE"),
        ("application/xml", deep, "nested deeper than 128"),
        ("application/xml", format!("<xml a=\"{}\"/>", "x".repeat(10_000)).into_bytes(), "longer than"),
    ] {
        let answer = send(&admin, "/api/v1.1/databases/list", media_type, body).await.expect(400).json();
        assert_eq!(answer["error"], 400);
        assert!(answer["error_text"].as_str().unwrap().contains(why), "{why}: {answer}");
    }
    // The process lives, and nothing of it was stored.
    assert_eq!(done(&admin, "databases/list", json!({})).await["total_count"], 1);
}

#[tokio::test]
async fn what_is_wrong_on_the_way_keeps_its_status_in_the_envelope_of_the_wanted_format() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    let unknown = admin.post("/api/v1.1/resources/nothing", json!({})).await.expect(404).json();
    assert_eq!((&unknown["error"], &unknown["data"]), (&json!(404), &json!(null)));
    let xml = admin.post("/api/v1.1/resources/nothing?format=xml", json!({})).await.expect(404);
    assert_eq!(
        xml.text(),
        "<xml><data></data><error>404</error><error_text>there is nothing at this path</error_text></xml>"
    );
    let method = admin.get("/api/v1.1/databases/list").await.expect(405);
    assert_eq!(method.json()["error"], 405);
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "text/xml; charset=windows-1251"] {
        let answer = send(&admin, "/api/v1.1/databases/list", media_type, "token=x").await.expect(415).json();
        assert_eq!(answer["error"], 415);
    }
    let large = format!("{{\"token\":\"{}\"}}", "x".repeat(10 * 1024 * 1024));
    let answer = send(&admin, "/api/v1.1/databases/list", "application/json", large.as_str()).await.expect(413).json();
    assert_eq!(answer["error"], 413);
}

#[tokio::test]
async fn a_batch_may_be_larger_than_ten_megabytes_only_with_a_token_known_before_it_is_read() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    let token = admin.credential();
    let padding = "x".repeat(11 * 1024 * 1024);
    let body = |token: &str| format!(r#"{{"token":"{token}","db_id":1,"data":[],"padding":"{padding}"}}"#);
    let path = "/api/v1.1/profiles/import_batch";
    send(&server.anonymous(), path, "application/json", body(token)).await.expect(413);
    send(&server.bearing("nonsense"), path, "application/json", body(token)).await.expect(413);
    let answer = send(&admin, path, "application/json", body(token)).await.expect(200).json();
    assert_eq!(answer["data"]["imported"], 0);
    let url = format!("{path}?token={token}");
    let answer = send(&server.anonymous(), &url, "application/json", body(token)).await.expect(200).json();
    assert_eq!(answer["error"], 0);
}

#[tokio::test]
async fn a_body_of_another_shape_is_an_application_error_that_names_the_fields() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    for (media_type, body, why) in [
        ("application/json", "[]", "`body` must be an object (is an array)"),
        ("application/json", "{}", "`id` is required; `list_id` is required"),
        ("application/json", r#"{"id": "24", "list_id": 1}"#, "`id` must be an integer (is a string)"),
        ("application/xml", "<xml></xml>", "`id` is required; `list_id` is required"),
        ("application/xml", "<xml><id>x</id><list_id>1</list_id></xml>", "`id` must be an integer (is a string)"),
        (
            "application/xml",
            "<xml><id>1</id><id>2</id><list_id>1</list_id></xml>",
            "`id` must be an integer (is an array)",
        ),
        ("application/xml", "<request/>", "the root element must be <xml> (is <request>)"),
    ] {
        let answer = send(&admin, "/api/v1.1/resources/get_counters", media_type, body).await.expect(200).json();
        assert_eq!(answer["error"], 400, "{body}");
        assert_eq!(answer["error_text"], why, "{body}");
    }
    // Nobody is told of fields before it is known who asks.
    let stranger = post(&server.anonymous(), Format::Json, "resources/get_counters", &json!({})).await.expect(200);
    assert_eq!(stranger.json()["error"], 401);
}

#[tokio::test]
async fn a_partner_may_not_and_is_told_what_it_would_need() {
    let server = TestServer::start().await;
    company(&server, "north").await;
    let partner = server.user("north", "partner", &["PARTNER"]).await;
    for format in FORMATS {
        let answer = value(format, &post(&partner, format, "databases/list", &json!({"limit": 1})).await.expect(200));
        assert_eq!(answer["error"], 403);
        assert_eq!(answer["error_text"], "this needs the role ADMIN or USER or BOT");
    }
}
