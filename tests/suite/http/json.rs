//! JSON bodies as an operation sees them: status and faults by what was sent.

use std::io;

use comptoir::http::json::{Checked, InvalidBody, Strict};
use poem::http::{Method, StatusCode};
use poem::{Body, Endpoint, EndpointExt, IntoEndpoint, Request, Response};
use poem_openapi::payload::PlainText;
use poem_openapi::{NewType, Object, OpenApi, OpenApiService};
use serde_json::json;

#[derive(Object)]
struct Login {
    #[oai(validator(max_length = 20))]
    name: String,
    #[oai(validator(min_length = 10))]
    password: String,
    token: Option<Token>,
}

#[derive(NewType)]
struct Token(String);

struct Api;

#[OpenApi]
impl Api {
    #[oai(path = "/checked", method = "post")]
    async fn checked(&self, body: Checked<Login>) -> PlainText<String> {
        PlainText(body.0.name)
    }

    #[oai(path = "/strict", method = "post")]
    async fn strict(&self, body: Strict<Login>) -> PlainText<String> {
        PlainText(body.0.name)
    }

    #[oai(path = "/token", method = "post")]
    async fn token(&self, body: Checked<Token>) -> PlainText<String> {
        PlainText(body.0.0)
    }

    #[oai(path = "/optional", method = "post")]
    async fn optional(&self, body: Checked<Option<Login>>) -> PlainText<String> {
        PlainText(body.0.map_or_else(|| "nobody".to_owned(), |login| login.name))
    }
}

/// The service, with [`InvalidBody`] turned into text as a contract's outer layer would do it.
fn service() -> impl Endpoint {
    OpenApiService::new(Api, "test", "1").into_endpoint().catch_all_error(|error| async move {
        let status = error.status();
        let text = match error.downcast_ref::<InvalidBody>() {
            Some(invalid) => {
                let fields: Vec<_> =
                    invalid.fields.iter().map(|fault| format!("{} {}", fault.field, fault.rule)).collect();
                [std::slice::from_ref(&invalid.message), &fields].concat().join("\n")
            }
            None => error.to_string(),
        };
        Response::builder().status(status).body(text)
    })
}

async fn post(path: &str, content_type: Option<&str>, body: impl Into<Body>) -> (StatusCode, String) {
    let mut request = Request::builder().method(Method::POST).uri_str(path);
    if let Some(content_type) = content_type {
        request = request.content_type(content_type);
    }
    let response = service().get_response(request.body(body)).await;
    (response.status(), response.into_body().into_string().await.expect("text"))
}

async fn post_json(path: &str, body: impl Into<Body>) -> (StatusCode, String) {
    post(path, Some("application/json"), body).await
}

const GOOD: &str = r#"{"name":"alice","password":"correct horse"}"#;

#[tokio::test]
async fn a_good_body_is_taken_under_every_json_media_type() {
    for content_type in ["application/json", "application/json; charset=UTF-8", "application/merge-patch+json"] {
        assert_eq!(post("/checked", Some(content_type), GOOD).await, (StatusCode::OK, "alice".to_owned()));
    }
    let with_mark = [b"\xef\xbb\xbf", GOOD.as_bytes()].concat();
    assert_eq!(post_json("/checked", with_mark).await.0, StatusCode::OK);
}

#[tokio::test]
async fn another_media_type_is_415_and_so_is_none_beside_a_body() {
    for content_type in [Some("text/plain"), Some("application/json; charset=windows-1251"), Some("жсон"), None] {
        let (status, text) = post("/checked", content_type, GOOD).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type:?}");
        assert!(text.contains("Content-Type"), "{text}");
    }
}

#[tokio::test]
async fn no_body_is_400_unless_it_is_optional() {
    for content_type in [None, Some("application/json")] {
        let required = (StatusCode::BAD_REQUEST, "the body is required".to_owned());
        assert_eq!(post("/checked", content_type, "").await, required);
        assert_eq!(post("/optional", content_type, "").await, (StatusCode::OK, "nobody".to_owned()));
    }
    assert_eq!(post_json("/optional", GOOD).await, (StatusCode::OK, "alice".to_owned()));
}

#[tokio::test]
async fn what_is_no_json_is_400_with_its_place() {
    let deep = "[".repeat(100_000);
    for (body, part) in [
        (&b"{\"name\":\n  oops}"[..], "line 2 column 3"),
        (b"{\"name\":\"\\ud800\"}", "hex escape"),
        (b"{\"name\":\"\xff\xfe\"}", "unicode"),
        (b"[1e400]", "out of range"),
        (b"{} {}", "trailing"),
        (deep.as_bytes(), "recursion limit"),
        (b"{\"name\":\"cut", "line 1 column 12"),
    ] {
        let (status, text) = post_json("/checked", body.to_vec()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
        assert!(text.starts_with("the body is not valid JSON") && text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn every_field_at_fault_is_named_and_no_value_repeated() {
    let (status, text) = post_json("/checked", r#"{"name":5,"password":"hunter2"}"#).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(
        text,
        "name must be a string (is a number) (and 1 more)\n\
         name must be a string (is a number)\n\
         password must have at least 10 characters (has 7)"
    );
}

#[tokio::test]
async fn unknown_fields_are_ignored_by_contracts_and_refused_by_the_house() {
    let body = r#"{"name":"alice","password":"correct horse","tokn":"t"}"#;
    assert_eq!(post_json("/checked", body).await.0, StatusCode::OK);
    let (status, text) = post_json("/strict", body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.starts_with("tokn is not a known field (did you mean token?)\n"), "{text}");
}

#[tokio::test]
async fn a_body_may_be_a_plain_string() {
    assert_eq!(post_json("/token", r#""a.b.c""#).await, (StatusCode::OK, "a.b.c".to_owned()));
    let (status, text) = post_json("/token", "5").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.starts_with("body must be a string (is a number)"), "{text}");
}

#[tokio::test]
async fn a_failure_to_read_the_body_is_passed_on() {
    let broken = futures_util::stream::iter([Ok("{"), Err(io::Error::from(io::ErrorKind::TimedOut))]);
    let request = Request::builder()
        .method(Method::POST)
        .uri_str("/checked")
        .content_type("application/json")
        .body(Body::from_bytes_stream(broken));
    let error = OpenApiService::new(Api, "test", "1").into_endpoint().call(request).await.expect_err("an error");
    assert!(error.is::<poem::error::ReadBodyError>(), "{error:?}");
    assert!(comptoir::http::server::is_stalled_body(&error), "{error:?}");
}

#[test]
fn the_document_shows_the_plain_media_type_and_the_schema() {
    let document: serde_json::Value =
        serde_json::from_str(&OpenApiService::new(Api, "test", "1").spec()).expect("a document");
    assert_eq!(
        document["paths"]["/checked"]["post"]["requestBody"],
        json!({"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Login"}}}, "required": true})
    );
}
