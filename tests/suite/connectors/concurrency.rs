//! Requests at once.

use serde_json::{Value, json};

use super::{SET, SYSTEM, TODAY, World, of};

#[tokio::test]
async fn requests_that_set_the_same_keys_at_once_leave_one_whole_request_behind() {
    let world = World::new().await;
    let mut requests = Vec::new();
    for number in 0..32 {
        let items: Vec<_> = (0..4).map(|key| json!({"key": format!("k{key}"), "value": number})).collect();
        let body = json!({"externalSystemId": SYSTEM, "timestamp": TODAY, "items": items});
        let bot = world.bot.clone();
        requests.push(tokio::spawn(async move { bot.post(SET, body).await.expect(200) }));
    }
    for request in requests {
        assert_eq!(request.await.unwrap().json()["successInAllSubrequests"], true);
    }
    let latest = world.json("values").await;
    let values: Vec<_> = latest["items"].as_array().unwrap().iter().map(|item| &item["value"]).collect();
    assert_eq!(values.len(), 4, "a series for each key, whoever came first");
    assert!(values.iter().all(|value| *value == values[0]), "all of a request or none of it: {values:?}");
    for key in 0..4 {
        let series = world.json(&of("series", &format!("k{key}"), "")).await;
        assert_eq!(series["items"].as_array().unwrap().len(), 1);
        assert_eq!(&series["items"][0]["value"], values[0]);
    }
}

#[tokio::test]
async fn values_of_different_instants_that_come_at_once_leave_the_newest_as_the_newest() {
    let world = World::new().await;
    let mut requests = Vec::new();
    for number in 0..32_i64 {
        let body =
            json!({"externalSystemId": SYSTEM, "timestamp": TODAY - number, "items": [{"key": "a", "value": number}]});
        let bot = world.bot.clone();
        requests.push(tokio::spawn(async move { bot.post(SET, body).await.expect(200) }));
    }
    for request in requests {
        request.await.unwrap();
    }
    assert_eq!(world.latest("").await, ["a|29e86b162||0"]);
    let series = world.json(&of("series", "a", "")).await;
    let values: Vec<_> =
        series["items"].as_array().unwrap().iter().map(|item| item["value"].as_i64().unwrap()).collect();
    assert_eq!(values, (0..32).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_request_whose_merchant_is_unknown_leaves_its_neighbours_alone() {
    let world = World::new().await;
    let mut requests = Vec::new();
    for number in 0..20 {
        let merchant = if number % 2 == 0 { Value::Null } else { json!("unknown") };
        let items =
            json!([{"key": format!("k{number:02}"), "value": 1}, {"key": "x", "value": 1, "merchantId": merchant}]);
        let body = json!({"externalSystemId": SYSTEM, "timestamp": TODAY, "items": items});
        let bot = world.bot.clone();
        requests.push(tokio::spawn(async move { bot.post(SET, body).await.expect(200).json()["success"].clone() }));
    }
    for (number, request) in requests.into_iter().enumerate() {
        assert_eq!(request.await.unwrap(), number % 2 == 0);
    }
    assert_eq!(world.latest("&prefix=k").await.len(), 10);
}
