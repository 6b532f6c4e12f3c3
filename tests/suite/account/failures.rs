//! What the account contract says to requests that never reach a use case.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Log, PASSWORD, TestServer};

const INFO: &str = "/account/info";
const GENERATION: &str = "/account/token/generation";

fn tracedata(answer: &Answer) -> Value {
    let body = answer.json();
    let tracedata = if answer.status == 404 { &body["detail"]["tracedata"] } else { &body["tracedata"] };
    assert_eq!(tracedata["request_code"], answer.header("x-request-id").unwrap());
    assert_ne!(tracedata["process_code"], tracedata["request_code"]);
    assert_eq!(tracedata["service"], "ACCOUNT");
    assert_eq!(tracedata["env"], "test");
    tracedata.clone()
}

#[tokio::test]
async fn an_unknown_path_is_not_found_in_the_contracts_shape() {
    let server = TestServer::start().await;
    insta::assert_snapshot!(server.anonymous().get("/account/nothing/here").await.shown(), @r#"
    404
    {
      "resource_key": "path",
      "detail": {
        "tracedata": {
          "process_code": "[uuid]",
          "request_code": "[uuid]",
          "username": "anonymous",
          "company": "anonymous",
          "service": "ACCOUNT",
          "operation": "unknown",
          "env": "test",
          "pod": "[uuid]",
          "time": "2026-03-02T10:00:00+00:00"
        }
      }
    }
    "#);
    for path in ["/account", "/account/", "/account//info", "/account/info/more", "/account/INFO"] {
        let answer = server.anonymous().get(path).await.expect(404);
        assert_eq!(tracedata(&answer)["operation"], "unknown", "{path}");
    }
}

#[tokio::test]
async fn a_path_that_only_begins_like_the_contracts_is_not_its() {
    let server = TestServer::start().await;
    let answer = server.anonymous().get("/accounting").await.expect(404);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = TestServer::start().await;
    for (method, path, allow) in [
        (Method::DELETE, INFO, "GET, HEAD, OPTIONS, PUT"),
        (Method::GET, GENERATION, "OPTIONS, POST"),
        (Method::POST, "/account/file/file_en.html", "GET, HEAD, OPTIONS"),
        (Method::PATCH, "/account/system/check", "GET, HEAD, OPTIONS"),
    ] {
        let answer = server.anonymous().call(method, path).send().await.expect(405);
        assert_eq!(answer.header("allow"), Some(allow), "{path}");
        tracedata(&answer);
    }
}

#[tokio::test]
async fn options_says_the_methods_without_credentials() {
    let server = TestServer::start().await;
    let answer = server.anonymous().call(Method::OPTIONS, INFO).send().await.expect(204);
    assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS, PUT"));
    server.anonymous().call(Method::OPTIONS, "/account/nothing").send().await.expect(404);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let server = TestServer::start().await;
    let client = server.as_operator().await;
    let answer = client.call(Method::HEAD, INFO).send().await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    server.anonymous().call(Method::HEAD, INFO).send().await.expect(401);
    server.anonymous().call(Method::HEAD, "/account/nothing").send().await.expect(404);
}

#[tokio::test]
async fn a_trailing_slash_changes_nothing() {
    let server = TestServer::start().await;
    let client = server.as_operator().await;
    assert_eq!(client.get("/account/info/").await.expect(200).json()["username"], "operator");
    assert_eq!(client.get("/account/info/?x=1").await.expect(200).json()["username"], "operator");
}

#[tokio::test]
async fn a_missing_or_bad_credential_is_401_and_says_what_would_do() {
    let server = TestServer::start().await;
    let jwt = server.jwt("operator", PASSWORD).await;
    let send = async |header: Option<&str>| {
        let call = server.anonymous().call(Method::GET, INFO);
        let call = match header {
            Some(header) => call.header("authorization", header),
            None => call,
        };
        call.send().await
    };
    let answer = send(None).await.expect(401);
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"comptoir\""));
    let traced = tracedata(&answer);
    assert_eq!((&traced["operation"], &traced["username"]), (&json!("read_info"), &json!("anonymous")));
    for bad in [
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Bearer \"\"",
        &format!("Bearer \"\"{jwt}\"\""),
        &format!("Bearer {jwt}x"),
        &format!("Token {jwt}"),
        &jwt,
        "Basic b3BlcmF0b3I6eA==",
        "Bearer cmp_",
    ] {
        let answer = send(Some(bad)).await.expect(401);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"comptoir\", error=\"invalid_token\""));
        assert!(!answer.text().contains(&jwt), "{}", answer.shown());
    }
    for good in [format!("Bearer {jwt}"), format!("bearer {jwt}"), format!("Bearer \"{jwt}\"")] {
        send(Some(&good)).await.expect(200);
    }
}

#[tokio::test]
async fn a_failure_of_somebody_signed_in_is_traced_to_the_caller_at_its_own_offset() {
    let server = TestServer::start().await;
    server.company("north_star").await;
    let client = server.user("north_star", "olena", &["USER"]).await;
    server.as_operator().await.patch("/comptoir/v1/users/olena", json!({"timezone": -3})).await.expect(200);
    let traced = tracedata(&client.put(INFO, json!({"phone": 1})).await.expect(400));
    assert_eq!(traced["username"], "olena");
    assert_eq!(traced["company"], "north_star");
    assert_eq!(traced["operation"], "update_info");
    assert_eq!(traced["time"], "2026-03-02T07:00:00-03:00");
}

#[tokio::test]
async fn a_failure_that_reaches_no_operation_is_traced_to_the_caller_too() {
    let server = TestServer::start().await;
    server.company("north_star").await;
    let client = server.user("north_star", "olena", &["USER"]).await;
    server.as_operator().await.patch("/comptoir/v1/users/olena", json!({"timezone": -3})).await.expect(200);
    for (method, path, status) in [
        (Method::GET, "/account/nothing", 404),
        (Method::DELETE, INFO, 405),
        (Method::GET, &format!("{INFO}?{}", "x".repeat(9 * 1024)), 414),
    ] {
        let traced = tracedata(&client.call(method, path).send().await.expect(status));
        assert_eq!(traced["username"], "olena");
        assert_eq!(traced["company"], "north_star");
        assert_eq!(traced["operation"], "unknown");
        assert_eq!(traced["time"], "2026-03-02T07:00:00-03:00");
    }
    for bad in ["nonsense", ""] {
        let traced = tracedata(&server.bearing(bad).get("/account/nothing").await.expect(404));
        assert_eq!(traced["username"], "anonymous", "bad credentials are not what failed");
    }
}

#[tokio::test]
async fn every_request_has_an_id_of_its_own() {
    let server = TestServer::start().await;
    let (one, two) = (server.anonymous().get(INFO).await, server.anonymous().get(INFO).await);
    let (one, two) = (tracedata(&one), tracedata(&two));
    assert_ne!(one["request_code"], two["request_code"]);
    assert_ne!(one["process_code"], two["process_code"]);
    assert_eq!(one["pod"], two["pod"]);
}

#[tokio::test]
async fn malformed_json_is_told_its_line_and_column() {
    let server = TestServer::start().await;
    let call = server.anonymous().call(Method::POST, GENERATION);
    let answer = call.json_text("{\n  \"username\": \"operator\",\n  \"password\" \"x\"\n}").send().await.expect(400);
    let body = answer.json();
    assert_eq!(body["message"], "the body is not valid JSON: expected `:` at line 3 column 14");
    assert_eq!(body["schema_errors"][0]["entity"], "body");
    assert_eq!(tracedata(&answer)["operation"], "run_token_generation");
    for text in ["", "nul", "{\"username\": \"operator\"", "{} {}", "[1,]", "\u{feff}", "'x'"] {
        let answer = server.anonymous().call(Method::POST, GENERATION).json_text(text).send().await.expect(400);
        tracedata(&answer);
    }
}

#[tokio::test]
async fn another_content_type_is_415_and_none_at_all_with_a_body_too() {
    let server = TestServer::start().await;
    let text = json!({"username": "operator", "password": PASSWORD}).to_string();
    for content_type in
        ["text/plain", "application/xml", "application/x-www-form-urlencoded", "application/json; charset=utf-16"]
    {
        let call = server.anonymous().call(Method::POST, GENERATION).header("content-type", content_type);
        let answer = call.body(text.clone()).send().await.expect(415);
        assert_eq!(tracedata(&answer)["operation"], "run_token_generation");
        assert!(answer.json()["message"].as_str().unwrap().contains(content_type));
    }
    server.anonymous().call(Method::POST, GENERATION).body(text.clone()).send().await.expect(415);
    for content_type in ["application/json; charset=UTF-8", "application/vnd.house+json"] {
        let call = server.anonymous().call(Method::POST, GENERATION).header("content-type", content_type);
        call.body(text.clone()).send().await.expect(200);
    }
}

#[tokio::test]
async fn a_compressed_body_is_415_and_one_that_only_says_it_is_not_is_read() {
    let server = TestServer::start().await;
    let text = json!({"username": "operator", "password": PASSWORD}).to_string();
    for coding in ["gzip", "br, gzip", "identity, gzip"] {
        let call = server.anonymous().call(Method::POST, GENERATION).header("content-encoding", coding);
        let answer = call.json_text(text.clone()).send().await.expect(415);
        assert_eq!(tracedata(&answer)["operation"], "run_token_generation");
        let message = format!("the Content-Encoding `{coding}` is not read: send the body as it is");
        assert_eq!(answer.json()["message"], message);
    }
    let call = server.anonymous().call(Method::POST, GENERATION).header("content-encoding", "Identity");
    call.json_text(text).send().await.expect(200);
}

#[tokio::test]
async fn a_malformed_chunk_is_400_in_plain_words() {
    let server = TestServer::start().await;
    let request = format!(
        "POST {GENERATION} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n"
    );
    let answer = server.raw("POST", GENERATION, request.as_bytes()).await.expect(400);
    assert_eq!(
        answer.json()["message"],
        "the body broke off, or its chunks (`Transfer-Encoding: chunked`) are malformed"
    );
    assert_eq!(answer.json()["schema_errors"][0]["entity"], "body");
}

#[tokio::test]
async fn a_body_over_64_kilobytes_is_413_whether_it_is_announced_or_not() {
    const LIMIT: usize = 64 * 1024;
    let server = TestServer::start().await;
    // Exactly at the limit it is read: and is no valid request.
    let call = server.anonymous().call(Method::POST, GENERATION);
    call.json_text(format!("\"{}\"", "x".repeat(LIMIT - 2))).send().await.expect(400);

    let call = server.anonymous().call(Method::POST, GENERATION);
    let answer = call.json_text(format!("\"{}\"", "x".repeat(LIMIT - 1))).send().await.expect(413);
    assert_eq!(tracedata(&answer)["operation"], "run_token_generation");

    let chunks = (0..=64).map(|_| Ok::<_, std::io::Error>(Frame::data(Bytes::from(vec![b' '; LIMIT / 64]))));
    let streamed = reqwest::Body::wrap(StreamBody::new(stream::iter(chunks)));
    let answer = server.anonymous().call(Method::POST, GENERATION).json_text(streamed).send().await.expect(413);
    tracedata(&answer);
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_before_it_comes() {
    let server = TestServer::start().await;
    let request = format!(
        "POST {GENERATION} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: 999999999999\r\n\r\n"
    );
    let answer = server.raw("POST", GENERATION, request.as_bytes()).await.expect(413);
    tracedata(&answer);
}

#[tokio::test]
async fn headers_over_sixteen_kilobytes_are_431() {
    let server = TestServer::start().await;
    let answer =
        server.anonymous().call(Method::GET, INFO).header("x-long", "x".repeat(17 * 1024)).send().await.expect(431);
    tracedata(&answer);
    server.as_operator().await.call(Method::GET, INFO).header("x-long", "x".repeat(15 * 1024)).send().await.expect(200);
}

#[tokio::test]
async fn a_target_over_eight_kilobytes_is_414() {
    let server = TestServer::start().await;
    for (path, status) in [
        (format!("{INFO}?{}", "x".repeat(8 * 1024 - INFO.len() - 1)), 401),
        (format!("{INFO}?{}", "x".repeat(8 * 1024 - INFO.len())), 414),
        (format!("/account/{}", "x".repeat(60 * 1024)), 414),
    ] {
        tracedata(&server.anonymous().get(&path).await.expect(status));
    }
    let answer = server.anonymous().get(&format!("/{}", "x".repeat(9 * 1024))).await.expect(414);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
}

#[tokio::test]
async fn a_long_path_does_not_fill_the_log() {
    let server = TestServer::start().await;
    let log = Log::start();
    server.anonymous().get(&format!("/account/{}", "x".repeat(5000))).await.expect(404);
    let lines = log.with("status=404");
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains(&"x".repeat(100)) && lines[0].len() < 700, "{}", lines[0]);
}

#[tokio::test]
async fn more_than_a_hundred_headers_are_431() {
    let server = TestServer::start().await;
    let request = |headers: usize| {
        let headers = "x-many: y\r\n".repeat(headers);
        format!("GET {INFO} HTTP/1.1\r\nhost: x\r\n{headers}\r\n")
    };
    for headers in [100, 500] {
        tracedata(&server.raw("GET", INFO, request(headers).as_bytes()).await.expect(431));
    }
    tracedata(&server.raw("GET", INFO, request(99).as_bytes()).await.expect(401));
}

#[tokio::test]
async fn hostile_json_is_a_bad_request_and_never_a_failure_of_the_server() {
    let server = TestServer::start().await;
    let deep = "[".repeat(5_000) + &"]".repeat(5_000);
    for body in [
        deep.as_str(),
        &format!("{{\"username\": {deep}, \"password\": \"x\"}}"),
        &"{\"a\":".repeat(5_000),
        r#"{"username": "oper\u0000ator", "password": "1234567890\u0000"}"#,
        r#"{"username": "\ud800", "password": "1234567890"}"#,
        r#"{"username": "operator", "password": "1234567890", "ttl_seconds": 9223372036854775807}"#,
        r#"{"username": "operator", "password": "1234567890", "ttl_seconds": 9223372036854775808}"#,
        r#"{"username": "operator", "password": "1234567890", "ttl_seconds": -9223372036854775808}"#,
        r#"{"username": "operator", "password": "1234567890", "ttl_seconds": 18446744073709551616}"#,
        r#"{"username": "operator", "password": "1234567890", "ttl_seconds": 1e400}"#,
        r#"{"username": "operator", "password": "1234567890", "ttl_seconds": 60.5}"#,
        r#"{"username": ["operator"], "password": {"$ne": null}}"#,
        "null",
        "0",
    ] {
        let answer = server.anonymous().call(Method::POST, GENERATION).json_text(body.to_owned()).send().await;
        assert_eq!(answer.status, 400, "{}: {}", body.chars().take(80).collect::<String>(), answer.shown());
        tracedata(&answer);
    }
    let call = server.anonymous().call(Method::POST, GENERATION);
    call.json_text(&b"{\"username\": \"\xff\xfe\", \"password\": \"1234567890\"}"[..]).send().await.expect(400);
}

#[tokio::test]
async fn an_unknown_member_may_be_hostile_and_is_not_looked_into() {
    let server = TestServer::start().await;
    for hostile in ["1e308", "18446744073709551615", "-9223372036854775808", "\"\\u0001\"", "[[[[[[[[[]]]]]]]]]"] {
        let body = format!(r#"{{"username": "operator", "password": "{PASSWORD}", "x": {hostile}}}"#);
        server.anonymous().call(Method::POST, GENERATION).json_text(body).send().await.expect(200);
    }
}

#[tokio::test]
async fn nul_is_refused_wherever_it_stands_and_its_place_is_named() {
    let server = TestServer::start().await;
    for (body, place) in [
        (json!({"username": "operator", "password": PASSWORD, "x": [{"y": "\u{0}"}]}), "x[0].y"),
        (json!({"username": "a\u{0}b", "password": PASSWORD}), "username"),
    ] {
        let answer = server.anonymous().post(GENERATION, body).await.expect(400);
        assert_eq!(answer.faults(), [format!("{place}: must not contain the NUL character")]);
    }
}

#[tokio::test]
async fn answers_carry_the_headers_that_keep_browsers_and_caches_off() {
    let server = TestServer::start().await;
    for answer in [server.as_operator().await.get(INFO).await, server.anonymous().get(INFO).await] {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
        assert_eq!(answer.header("server"), None);
    }
}

#[tokio::test]
async fn a_request_that_is_no_http_does_not_disturb_the_others() {
    let server = TestServer::start().await;
    let request =
        format!("GET {INFO} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \u{fc}\r\nconnection: close\r\n\r\n");
    server.raw("GET", INFO, request.as_bytes()).await.expect(401);
    server.as_operator().await.get(INFO).await.expect(200);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_503_and_may_be_sent_again() {
    let server = TestServer::start_with(|options| options.request_timeout = Duration::from_millis(1)).await;
    let body = json!({"username": "operator", "password": PASSWORD});
    // One password check takes longer than a millisecond on any machine.
    let answer = server.anonymous().post(GENERATION, body).await.expect(503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(tracedata(&answer)["env"], "test");
}
