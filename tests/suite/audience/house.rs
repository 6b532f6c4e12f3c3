//! `/comptoir/v1/audience`: making and changing what the contract only reads.

use serde_json::json;

use super::{company, done, figures, import};
use crate::support::TestServer;

#[tokio::test]
async fn a_list_is_made_renamed_disabled_and_enabled_again() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    insta::assert_snapshot!(
        admin.post("/comptoir/v1/audience/lists", json!({"name": "Partners"})).await.shown(),
        @r#"
    200
    {
      "id": 2,
      "name": "Partners",
      "enabled": true,
      "profiles": 0,
      "created_at": "2026-03-02T10:00:00Z",
      "edited_at": null
    }
    "#
    );
    let taken = admin.post("/comptoir/v1/audience/lists", json!({"name": "PARTNERS"})).await.expect(409);
    assert_eq!(taken.json()["detail"], "there is a list named `PARTNERS` already");
    let number = admin.post("/comptoir/v1/audience/lists", json!({"name": "x", "id": 2})).await.expect(409);
    assert_eq!(number.json()["detail"], "there is a list 2 already");
    admin.post("/comptoir/v1/audience/lists", json!({"name": " ", "id": 7})).await.expect(400);
    admin.post("/comptoir/v1/audience/lists", json!({"name": "x", "id": 0})).await.expect(400);
    let renamed = admin.patch("/comptoir/v1/audience/lists/2", json!({"name": "Friends"})).await.expect(200);
    assert_eq!(renamed.json()["name"], "Friends");
    admin.patch("/comptoir/v1/audience/lists/2", json!({"enabled": false})).await.expect(200);
    assert_eq!(done(&admin, "databases/list", json!({})).await["total_count"], 1);
    let page = admin.get("/comptoir/v1/audience/lists?limit=1").await.expect(200).json();
    let next = page["next_page_token"].as_str().unwrap();
    let page = admin.get(&format!("/comptoir/v1/audience/lists?page_token={next}")).await.expect(200).json();
    assert_eq!(page["items"][0]["enabled"], false);
    admin.get("/comptoir/v1/audience/lists/3").await.expect(404);
}

#[tokio::test]
async fn a_suppressed_address_is_not_sendable_until_it_is_taken_off() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    import(&admin, json!([
        {"email": "Olena@example.com", "phones": ["+380501234567"], "subscriptions": [{"resource_id": 24, "channel": "email"}]},
        {"email": "taras@example.com", "subscriptions": [{"resource_id": 24, "channel": "email"}]},
    ]))
    .await;
    let body = json!({"addresses": ["OLENA@example.com", "+38 (050) 123-45-67"]});
    let answer = admin.post("/comptoir/v1/audience/suppressed", body.clone()).await.expect(200).json();
    assert_eq!(answer["changed"], 2);
    let answer = admin.post("/comptoir/v1/audience/suppressed", body).await.expect(200).json();
    assert_eq!(answer["changed"], 0, "twice changes nothing");
    let email = figures(&server, &admin, "email").await;
    assert_eq!((&email["subscribed"], &email["subscribed_sendable"]), (&json!(2), &json!(1)));
    // Who comes with a suppressed address is suppressed from the start, in other lists and by a changed address too.
    import(&admin, json!([{"email": "taras@example.com", "phones": ["380501234567"]}])).await;
    assert_eq!(figures(&server, &admin, "email").await["subscribed_sendable"], 0);
    let remove = |address: &str| json!({"addresses": [address]});
    admin.post("/comptoir/v1/audience/suppressed/remove", remove("olena@example.com")).await.expect(200);
    assert_eq!(figures(&server, &admin, "email").await["subscribed_sendable"], 0, "the phone is still on the list");
    admin.post("/comptoir/v1/audience/suppressed/remove", remove("380501234567")).await.expect(200);
    assert_eq!(figures(&server, &admin, "email").await["subscribed_sendable"], 2);
    let page = admin.get("/comptoir/v1/audience/suppressed").await.expect(200).json();
    assert_eq!(page["items"], json!([]));
    let wrong = admin.post("/comptoir/v1/audience/suppressed", json!({"addresses": ["a@b", "12"]})).await.expect(400);
    assert_eq!(wrong.faults(), ["addresses[1]: must be a phone number of 5 to 15 digits such as +380501234567"]);
}

/// They follow in slices, so that one address does not hold the writer for as many profiles as have it.
#[tokio::test]
async fn profiles_follow_an_address_that_many_of_them_have() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    let rows: Vec<_> = (0..1_003)
        .map(|row| {
            json!({"email": format!("{row}@example.com"), "phones": ["+380501234567"],
                   "subscriptions": [{"resource_id": 24, "channel": "sms"}]})
        })
        .collect();
    import(&admin, json!(rows)).await;
    let body = json!({"addresses": ["7@example.com", "+380501234567", "8@example.com", "nobody@example.com"]});
    let answer = admin.post("/comptoir/v1/audience/suppressed", body).await.expect(200).json();
    assert_eq!(answer["changed"], 4);
    let sms = figures(&server, &admin, "sms").await;
    assert_eq!((&sms["subscribed"], &sms["subscribed_sendable"]), (&json!(1_003), &json!(0)));
    let body = json!({"addresses": ["+380501234567"]});
    admin.post("/comptoir/v1/audience/suppressed/remove", body).await.expect(200);
    assert_eq!(figures(&server, &admin, "sms").await["subscribed_sendable"], 1_001);
}

#[tokio::test]
async fn suppression_is_each_companys_own() {
    let server = TestServer::start().await;
    let north = company(&server, "north").await;
    let south = company(&server, "south").await;
    for admin in [&north, &south] {
        import(admin, json!([{"email": "a@example.com", "subscriptions": [{"resource_id": 24, "channel": "email"}]}]))
            .await;
    }
    north.post("/comptoir/v1/audience/suppressed", json!({"addresses": ["a@example.com"]})).await.expect(200);
    assert_eq!(figures(&server, &north, "email").await["subscribed_sendable"], 0);
    assert_eq!(figures(&server, &south, "email").await["subscribed_sendable"], 1);
    let page = south.get("/comptoir/v1/audience/suppressed").await.expect(200).json();
    assert_eq!(page["items"], json!([]));
}
