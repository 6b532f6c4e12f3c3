//! The pages for people: `/`, `/docs`, `/docs/{contract}`.

use std::io::Read;

use flate2::read::GzDecoder;
use poem::http::Method;
use regex::Regex;

use crate::support::{Answer, TestServer};

fn unpacked(answer: &Answer) -> String {
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let mut html = String::new();
    GzDecoder::new(&answer.body[..]).read_to_string(&mut html).unwrap();
    html
}

/// What a browser would fetch by itself, from anywhere but this page.
fn fetched(html: &str) -> Vec<&str> {
    // The bundle's own text holds markup inside strings; what the page loads stands in tags outside of its scripts.
    let scripts = Regex::new(r"(?s)<script[^>]*>.*?</script>").unwrap();
    let styles = Regex::new(r"(?s)<style[^>]*>.*?</style>").unwrap();
    let mut found = Vec::new();
    let tags =
        Regex::new(r#"(?i)<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)\s*=\s*["']?((?:https?:)?//[^"'\s>]+)"#)
            .unwrap();
    let imports = Regex::new(r#"(?i)(?:@import\s+|url\()\s*["']?((?:https?:)?//[^"')\s]+)"#).unwrap();
    let opening = Regex::new(r"(?s)^<script[^>]*>").unwrap();
    for script in scripts.find_iter(html) {
        found.extend(tags.captures_iter(opening.find(script.as_str()).unwrap().as_str()).map(|_| script.as_str()));
    }
    for style in styles.find_iter(html) {
        found.extend(imports.captures_iter(style.as_str()).map(|found| found.get(1).unwrap().as_str()));
    }
    let mut at = 0;
    for script in scripts.find_iter(html) {
        found.extend(tags.captures_iter(&html[at..script.start()]).map(|found| found.get(1).unwrap().as_str()));
        at = script.end();
    }
    found.extend(tags.captures_iter(&html[at..]).map(|found| found.get(1).unwrap().as_str()));
    found
}

#[test]
fn a_page_that_loads_from_elsewhere_would_be_found_out() {
    for page in [
        "<script src=\"https://cdn.example/x.js\"></script>",
        "<link rel=stylesheet href=//cdn.example/x.css>",
        "<style>@import 'http://cdn.example/x.css';</style>",
        "<style>a { background: url(https://cdn.example/x.png) }</style>",
        "<script>1</script><img src='https://cdn.example/x.png'>",
    ] {
        assert_eq!(fetched(page).len(), 1, "{page}");
    }
    assert!(fetched("<a href=\"https://example.com\">x</a><script>'<script src=\"https://x\">'</script>").is_empty());
}

#[tokio::test]
async fn the_docs_are_swagger_ui_over_our_document_and_fetch_nothing() {
    let server = TestServer::start().await;
    for (path, title, holds, holds_not) in [
        ("/docs", "Comptoir", "create_company", "no_such_operation"),
        ("/docs/account", "Comptoir: account", "run_token_generation", "create_company"),
        ("/docs/house", "Comptoir: house", "create_company", "run_token_generation\""),
    ] {
        let answer = server.anonymous().get(path).await.expect(200);
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("http"), "{policy}");
        let html = unpacked(&answer);
        assert!(html.trim_start().starts_with("<!DOCTYPE html>"), "{path}");
        assert!(html.contains(&format!("<title>{title}</title>")), "{path}");
        assert!(html.contains(&format!("\"operationId\":\"{holds}\"")), "{path} does not hold {holds}");
        assert!(!html.contains(&format!("\"operationId\":\"{holds_not}")), "{path} holds {holds_not}");
        assert!(html.contains("SwaggerUIBundle("), "{path}");
        assert_eq!(fetched(&html), Vec::<&str>::new(), "{path}");
    }
}

#[tokio::test]
async fn the_first_page_leads_to_the_others_and_they_are_there() {
    let server = TestServer::start().await;
    let answer = server.anonymous().get("/").await.expect(200);
    let html = answer.text();
    assert!(html.contains(comptoir::BUILD));
    assert_eq!(fetched(html), Vec::<&str>::new());
    let links: Vec<_> = html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    for expected in ["/docs", "/docs/account", "/docs/house", "/openapi.json", "/openapi/account.json", "/health/ready"]
    {
        assert!(links.contains(&expected), "{expected} is not linked: {links:?}");
    }
    for link in links {
        server.anonymous().get(link).await.expect(200);
    }
}

#[tokio::test]
async fn a_page_that_is_not_there_is_a_problem_and_only_get_is_known() {
    let server = TestServer::start().await;
    for path in ["/docs/nothing", "/docs/account/more", "/docsx", "/openapi.jsonx"] {
        server.anonymous().get(path).await.expect(404);
    }
    assert_eq!(server.anonymous().get("/docs/").await.expect(200).status, 200);
    for path in ["/", "/docs", "/openapi.json"] {
        let answer = server.anonymous().call(Method::DELETE, path).send().await.expect(405);
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"), "{path}");
        let answer = server.anonymous().call(Method::OPTIONS, path).send().await.expect(204);
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"), "{path}");
        server.anonymous().call(Method::HEAD, path).send().await.expect(200);
    }
}

#[tokio::test]
async fn a_large_answer_is_gzipped_for_those_who_take_it_and_a_small_one_for_nobody() {
    let server = TestServer::start().await;
    let get = |path: &'static str, coding: &'static str| {
        server.anonymous().call(Method::GET, path).header("accept-encoding", coding).send()
    };
    let plain = server.anonymous().get("/openapi.json").await.expect(200);
    assert_eq!(plain.header("content-encoding"), None);
    let packed = get("/openapi.json", "br, gzip").await.expect(200);
    assert_eq!(unpacked(&packed), plain.text());
    assert_eq!(packed.header("vary"), Some("Accept-Encoding"));
    assert_eq!(get("/openapi.json", "gzip;q=0").await.header("content-encoding"), None);
    assert_eq!(get("/health/live", "gzip").await.header("content-encoding"), None);
}
