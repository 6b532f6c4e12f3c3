//! `databases/list`, `resources/list`, `resources/get`.

use serde_json::json;

use super::{FORMATS, company, done, import, post, refused, value};
use crate::support::TestServer;

#[tokio::test]
async fn lists_and_resources_come_in_parts_by_number() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    insta::assert_snapshot!(
        post(&admin, super::Format::Json, "resources/list", &json!({"limit": 1})).await.shown(),
        @r#"
    200
    {
      "data": [
        {
          "id": 24,
          "name": "News"
        }
      ],
      "error": 0,
      "error_text": "Successful operation",
      "next_from_id": 25,
      "total_count": 2
    }
    "#
    );
    insta::assert_snapshot!(
        post(&admin, super::Format::Xml, "resources/list", &json!({"from_id": 25})).await.shown(),
        @r"
    200
    <xml><data><id>25</id><name>Offers</name></data><error>0</error><error_text>Successful operation</error_text><next_from_id>0</next_from_id><total_count>2</total_count></xml>
    "
    );
    for format in FORMATS {
        let answer = post(&admin, format, "databases/list", &json!({"from_id": 2})).await.expect(200);
        assert_eq!(value(format, &answer)["total_count"], 1);
        assert_eq!(value(format, &answer)["next_from_id"], 0);
    }
    let (code, text) = refused(&admin, "databases/list", json!({"limit": 0})).await;
    assert_eq!((code, text.as_str()), (400, "`limit` must be an integer from 1 to 1000"));
}

#[tokio::test]
async fn a_resource_says_where_it_is_used() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    import(
        &admin,
        json!([{"email": "a@example.com", "subscriptions": [
        {"resource_id": 24, "channel": "viber"}, {"resource_id": 24, "channel": "email"}]}]),
    )
    .await;
    for format in FORMATS {
        let answer = value(format, &post(&admin, format, "resources/get", &json!({"id": 24})).await.expect(200));
        assert_eq!(answer["data"]["channels"], json!(["email", "viber"]));
        assert_eq!(answer["data"]["name"], "News");
        let unused = value(format, &post(&admin, format, "resources/get", &json!({"id": 26})).await.expect(200));
        assert_eq!((&unused["error"], &unused["error_text"]), (&json!(404), &json!("there is no resource `26`")));
    }
    assert_eq!(done(&admin, "resources/get", json!({"id": 24})).await["data"]["dbs_ids"], json!([1]));
}

#[tokio::test]
async fn another_companys_and_disabled_ones_are_not_found_and_not_listed() {
    let server = TestServer::start().await;
    let north = company(&server, "north").await;
    server.company("south").await;
    let south = server.user("south", "south_admin", &["ADMIN"]).await;
    assert_eq!(done(&south, "databases/list", json!({})).await["total_count"], 0);
    assert_eq!(refused(&south, "resources/get", json!({"id": 24})).await.0, 404);
    north.patch("/comptoir/v1/audience/resources/24", json!({"enabled": false})).await.expect(200);
    assert_eq!(refused(&north, "resources/get", json!({"id": 24})).await.0, 404);
    assert_eq!(done(&north, "resources/list", json!({})).await["total_count"], 1);
}
