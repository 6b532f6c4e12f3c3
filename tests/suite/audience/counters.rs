//! `get_counters`: the last counted figures at once.

use serde_json::json;

use super::{FORMATS, company, done, import, post, refresh, refused, value};
use crate::support::TestServer;

#[tokio::test]
async fn before_the_first_count_the_counters_as_they_stand_are_shown_and_after_it_what_was_counted() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    let profile = |name: &str| json!({"email": name, "subscriptions": [{"resource_id": 24, "channel": "notify"}]});
    import(&admin, json!([profile("a@example.com")])).await;
    let read =
        async || done(&admin, "resources/get_counters", json!({"id": 24, "list_id": 1})).await["data"][0].clone();
    let before = read().await;
    let channels: Vec<_> = before["channels"].as_array().unwrap().iter().map(|one| one["channel"].clone()).collect();
    assert_eq!(channels, [json!("sms"), json!("push"), json!("email"), json!("notify")]);
    assert_eq!(before["channels"][3]["status"]["subscribed_sendable"], 1);
    assert_eq!((&before["last_count_time"], &before["in_progress"]), (&json!(""), &json!(false)));
    assert_eq!(before["updated"], "2026-03-02T10:00:00.000Z");

    refresh(&server, &admin).await;
    import(&admin, json!([profile("b@example.com")])).await;
    let counted = read().await;
    assert_eq!(counted["channels"][3]["status"]["all"], 1, "the last count is shown, not what came after it");
    assert_eq!(counted["last_count_time"], "counted at 2026-03-02T10:00:00Z in 0s");
    refresh(&server, &admin).await;
    assert_eq!(read().await["channels"][3]["status"]["all"], 2);
}

#[tokio::test]
async fn the_list_and_the_resource_name_the_same_figures_in_both_formats() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    import(&admin, json!([{"email": "a@example.com", "subscriptions": [{"resource_id": 24, "channel": "sms"}]}])).await;
    refresh(&server, &admin).await;
    let mut answers = Vec::new();
    for format in FORMATS {
        for (path, body) in [
            ("resources/get_counters", json!({"id": 24, "list_id": 1})),
            ("databases/get_counters", json!({"id": 1, "resource_id": 24})),
        ] {
            let answer = value(format, &post(&admin, format, path, &body).await.expect(200));
            // An array of one element reads as the element itself.
            let data = &answer["data"];
            answers.push(if data.is_array() { data[0].clone() } else { data.clone() });
        }
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    assert_eq!(answers[0]["channels"][0]["status"]["subscribed"], 1);
}

#[tokio::test]
async fn unknown_and_foreign_ones_are_not_found() {
    let server = TestServer::start().await;
    let north = company(&server, "north").await;
    server.company("south").await;
    let south = server.user("south", "south_admin", &["ADMIN"]).await;
    for path in ["resources/get_counters", "resources/refresh_counters"] {
        assert_eq!(refused(&north, path, json!({"id": 24, "list_id": 9})).await.1, "there is no list `9`");
        assert_eq!(refused(&north, path, json!({"id": 9, "list_id": 1})).await.1, "there is no resource `9`");
        assert_eq!(refused(&south, path, json!({"id": 24, "list_id": 1})).await.0, 404);
    }
}
