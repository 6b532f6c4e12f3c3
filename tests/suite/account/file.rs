//! `GET /account/file/{filename}`.

use poem::http::Method;

use crate::support::TestServer;

#[tokio::test]
async fn the_reference_is_there_in_three_languages_and_ignores_accept() {
    let server = TestServer::start().await;
    for name in ["file_en.html", "file_ru.html", "file_uk.html"] {
        let call = server.anonymous().call(Method::GET, &format!("/account/file/{name}"));
        let answer = call.header("accept", "application/json").send().await.expect(200);
        assert!(answer.header("content-type").unwrap().starts_with("text/html"), "{:?}", answer.headers);
        assert!(answer.text().to_lowercase().starts_with("<!doctype html>"), "{}", answer.shown());
    }
}

#[tokio::test]
async fn any_other_name_is_not_found_and_named() {
    let server = TestServer::start().await;
    let long = "x".repeat(129);
    for (asked, named) in [
        ("file_de.html", "file_de.html"),
        ("..%2F..%2Fetc%2Fpasswd", "../../etc/passwd"),
        ("file_en.html%00", "file_en.html\u{0}"),
        ("FILE_EN.HTML", "FILE_EN.HTML"),
        ("x", "x"),
        (&long, &long),
    ] {
        let answer = server.anonymous().get(&format!("/account/file/{asked}")).await.expect(404).json();
        assert_eq!(answer["resource_key"], named);
        assert_eq!(answer["detail"]["tracedata"]["operation"], "file");
    }
}
