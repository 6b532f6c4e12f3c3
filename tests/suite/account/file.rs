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
    for (asked, named) in [
        ("file_de.html", "file_de.html"),
        ("..%2F..%2Fetc%2Fpasswd", "../../etc/passwd"),
        ("file_en.html%00", "file_en.html\u{0}"),
        ("FILE_EN.HTML", "FILE_EN.HTML"),
    ] {
        let answer = server.anonymous().get(&format!("/account/file/{asked}")).await.expect(404).json();
        assert_eq!(answer["resource_key"], named);
        assert_eq!(answer["detail"]["tracedata"]["operation"], "file");
    }
}

#[tokio::test]
async fn a_name_out_of_bounds_is_refused_by_its_documented_name() {
    let server = TestServer::start().await;
    for name in ["short".to_owned(), "x".repeat(129)] {
        let answer = server.anonymous().get(&format!("/account/file/{name}")).await.expect(400);
        assert!(answer.faults()[0].starts_with("filename: must have at "), "{}", answer.shown());
    }
}
