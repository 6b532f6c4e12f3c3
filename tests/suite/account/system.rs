//! `GET /account/system/check` and `/account/system/version`.

use comptoir::BUILD;
use serde_json::json;

use crate::support::TestServer;

#[tokio::test]
async fn a_server_whose_database_answers_and_takes_writes_is_well() {
    let server = TestServer::start().await;
    let answer = server.anonymous().get("/account/system/check").await.expect(200);
    assert_eq!(answer.json(), json!({"health": 1.0}));
}

#[tokio::test]
async fn the_version_is_the_contracts_and_the_build_ours() {
    let server = TestServer::start().await;
    let answer = server.anonymous().get("/account/system/version").await.expect(200);
    assert_eq!(answer.json(), json!({"major": 7, "minor": 9, "build": BUILD}));
}

#[tokio::test]
async fn neither_reads_credentials_so_bad_ones_do_no_harm() {
    let server = TestServer::start().await;
    for path in ["/account/system/check", "/account/system/version"] {
        server.bearing("nonsense").get(path).await.expect(200);
    }
}
