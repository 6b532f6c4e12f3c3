//! Alert rules: what starts and ends an alert, who is told, and that each is told once.

use std::time::Duration;

use comptoir::clock::Timestamp;
use poem::http::Method;
use serde_json::{Value, json};

use super::{MERCHANT, SET, SYSTEM, TODAY, World};
use crate::support::{PASSWORD, TestServer};

const RULES: &str = "/comptoir/v1/connectors/alert-rules";

/// Sets up a webhook for alerts. Nothing listens there: what is looked at is the outbox.
async fn listen(world: &World) {
    let body = json!({"url": "https://receiver.example/hook", "events": ["alert_started", "alert_ended"]});
    world.admin.post("/comptoir/v1/webhooks", body).await.expect(200);
}

async fn rule(world: &World, body: Value) -> String {
    world.admin.post(RULES, body).await.expect(200).json()["id"].as_str().unwrap().to_owned()
}

fn above(threshold: i64, clear: i64) -> Value {
    json!({"name": "Too many", "key": "errors", "condition": "above", "threshold": threshold, "clear": clear})
}

/// What was told so far, oldest first.
fn bodies(server: &TestServer) -> Vec<Value> {
    let bodies = server.store().read(|conn| {
        let mut statement =
            conn.prepare("SELECT body FROM webhook_deliveries WHERE event LIKE 'alert%' ORDER BY id")?;
        let bodies = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?.collect::<Result<Vec<_>, _>>()?;
        Ok::<_, comptoir::store::StoreError>(bodies)
    });
    bodies.unwrap().into_iter().map(|body| serde_json::from_slice(&body).unwrap()).collect()
}

/// The same in short: `started 60` or `ended 5 (value)`.
fn told(server: &TestServer) -> Vec<String> {
    let short = |body: Value| {
        let word = body["type"].as_str().unwrap().trim_start_matches("alert_").to_owned();
        let value = body["data"]["value"].as_str().unwrap().to_owned();
        match body["data"]["reason"].as_str() {
            Some(reason) => format!("{word} {value} ({reason})"),
            None => format!("{word} {value}"),
        }
    };
    bodies(server).into_iter().map(short).collect()
}

async fn on(world: &World) -> usize {
    world.json("alerts").await["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn an_alert_starts_above_its_threshold_and_ends_at_its_clear_value_once_each() {
    let world = World::new().await;
    listen(&world).await;
    rule(&world, above(50, 10)).await;
    for (second, value) in [40, 50, 51, 60, 30, 11, 55, 10, 30, 50, 51, 5].into_iter().enumerate() {
        world.put(TODAY + i64::try_from(second).unwrap(), "errors", json!(value)).await;
    }
    assert_eq!(told(&world.server), ["started 51", "ended 10 (value)", "started 51", "ended 5 (value)"]);
    let bodies = bodies(&world.server);
    assert_eq!(bodies[0]["data"]["alert_id"], bodies[1]["data"]["alert_id"]);
    assert_ne!(bodies[0]["data"]["alert_id"], bodies[2]["data"]["alert_id"]);
    world.server.run_pending_tasks().await;
    assert_eq!(told(&world.server).len(), 4, "the clock has nothing to add");
}

#[tokio::test]
async fn what_many_rules_make_of_one_request_follows_in_a_task_and_each_is_told_once() {
    let world = World::new().await;
    listen(&world).await;
    for _ in 0..50 {
        rule(&world, above(50, 10)).await;
    }
    let refused = world.admin.post(RULES, above(50, 10)).await.expect(409).json();
    assert!(refused["detail"].as_str().unwrap().contains("50 alert rules about this key"), "{refused}");
    for number in 0..4 {
        world
            .admin
            .post("/comptoir/v1/connectors/merchants", json!({"id": format!("m{number}"), "name": "M"}))
            .await
            .expect(200);
    }
    let all = |value: i64| -> Value {
        (0..4).map(|number| json!({"key": "errors", "value": value, "merchantId": format!("m{number}")})).collect()
    };
    world.set(TODAY, all(1)).await;
    world.server.run_pending_tasks().await;
    assert_eq!(bodies(&world.server).len(), 0);
    world.set(TODAY + 1, all(60)).await;
    assert_eq!(bodies(&world.server).len(), 100, "as many as one transaction has room for");
    world.server.run_pending_tasks().await;
    assert_eq!(told(&world.server), ["started 60"; 200]);
    world.set(TODAY + 2, all(5)).await;
    world.server.run_pending_tasks().await;
    assert_eq!(told(&world.server)[200..], ["ended 5 (value)"; 200]);
    assert_eq!(on(&world).await, 0);
}

#[tokio::test]
async fn an_event_says_what_a_receiver_needs() {
    let world = World::new().await;
    listen(&world).await;
    let id = rule(&world, above(50, 10)).await;
    world.set(TODAY, json!([{"key": "errors", "value": 51.50, "merchantId": MERCHANT}])).await;
    world.server.clock.advance(Duration::from_secs(30));
    world.set(TODAY + 30, json!([{"key": "errors", "value": 1, "merchantId": MERCHANT}])).await;
    let [started, ended] = &bodies(&world.server)[..] else { panic!("two events") };
    let mut data = json!({
        "alert_id": started["data"]["alert_id"],
        "rule": {"id": id, "name": "Too many", "condition": "above", "threshold": 50.0, "clear": 10.0},
        "system": {"id": SYSTEM, "name": SYSTEM},
        "merchant": {"id": MERCHANT, "name": MERCHANT},
        "key": "errors",
        "value": "51.5",
        "at": "2026-03-02T10:00:00Z",
        "started_at": "2026-03-02T10:00:00Z",
    });
    assert_eq!((&started["type"], &started["data"]), (&json!("alert_started"), &data));
    data["value"] = json!("1");
    data["at"] = json!("2026-03-02T10:00:30Z");
    data["ended_at"] = json!("2026-03-02T10:00:30Z");
    data["reason"] = json!("value");
    assert_eq!((&ended["type"], &ended["data"]), (&json!("alert_ended"), &data));
}

#[tokio::test]
async fn below_works_the_other_way_round() {
    let world = World::new().await;
    listen(&world).await;
    let body = json!({"name": "Too few", "key": "orders", "condition": "below", "threshold": 5, "clear": 8});
    rule(&world, body).await;
    for (second, value) in [9, 5, 4, 7, 8, 4].into_iter().enumerate() {
        world.put(TODAY + i64::try_from(second).unwrap(), "orders", json!(value)).await;
    }
    assert_eq!(told(&world.server), ["started 4", "ended 8 (value)", "started 4"]);
}

#[tokio::test]
async fn older_values_and_what_is_no_number_neither_start_nor_end_an_alert() {
    let world = World::new().await;
    listen(&world).await;
    rule(&world, above(50, 10)).await;
    world.put(TODAY, "errors", json!(5)).await;
    world.put(TODAY - 60, "errors", json!(99)).await;
    assert_eq!(told(&world.server), [""; 0], "it was so a minute ago");
    world.put(TODAY + 1, "errors", json!(60)).await;
    world.put(TODAY - 30, "errors", json!(1)).await;
    world.put(TODAY + 2, "errors", json!("many")).await;
    world.put(TODAY + 3, "errors", json!(null)).await;
    assert_eq!(told(&world.server), ["started 60"]);
    // The value of the very instant is replaced, and with it how things stand.
    world.put(TODAY + 3, "errors", json!(2)).await;
    assert_eq!(told(&world.server), ["started 60", "ended 2 (value)"]);
}

#[tokio::test]
async fn each_system_and_merchant_has_its_own_alert_unless_the_rule_names_one() {
    let world = World::new().await;
    listen(&world).await;
    world.register("systems", "other").await;
    rule(&world, above(50, 10)).await;
    let narrow = |more: Value| {
        let mut body = above(50, 10);
        body["name"] = json!("narrow");
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    rule(&world, narrow(json!({"system": "other"}))).await;
    rule(&world, narrow(json!({"merchant": MERCHANT}))).await;
    rule(&world, narrow(json!({"merchant": "", "system": SYSTEM}))).await;
    world
        .set(TODAY, json!([{"key": "errors", "value": 60}, {"key": "errors", "value": 61, "merchantId": MERCHANT}]))
        .await;
    let body = json!({"externalSystemId": "other", "timestamp": TODAY, "items": [{"key": "errors", "value": 62}]});
    world.bot.post(SET, body).await.expect(200);
    let mut started: Vec<_> = bodies(&world.server)
        .iter()
        .map(|body| {
            format!("{} {}", body["data"]["rule"]["name"].as_str().unwrap(), body["data"]["value"].as_str().unwrap())
        })
        .collect();
    started.sort();
    assert_eq!(started, ["Too many 60", "Too many 61", "Too many 62", "narrow 60", "narrow 61", "narrow 62"]);
    assert_eq!(on(&world).await, 6);
    let page = world.json("alerts?limit=4").await;
    let token = page["next_page_token"].as_str().unwrap();
    let rest = world.json(&format!("alerts?limit=4&page_token={token}")).await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 2);
    assert_eq!(rest["next_page_token"], Value::Null);
}

#[tokio::test]
async fn silence_starts_an_alert_by_the_clock_and_a_value_ends_it() {
    let world = World::new().await;
    listen(&world).await;
    rule(&world, json!({"name": "Silent", "key": "errors", "condition": "no_data", "minutes": 10})).await;
    world.put(TODAY, "errors", json!(1)).await;
    let pass_to = async |seconds: i64| {
        world.server.clock.set(Timestamp::from_unix_seconds(TODAY + seconds));
        world.server.run_pending_tasks().await;
    };
    pass_to(300).await;
    let bot = world.server.sign_in("connector", PASSWORD).await;
    let put = async |at: i64| {
        let body = json!({"externalSystemId": SYSTEM, "timestamp": at, "items": [{"key": "errors", "value": 1}]});
        bot.post(SET, body).await.expect(200);
    };
    put(TODAY + 300).await;
    pass_to(899).await;
    assert_eq!(told(&world.server), [""; 0], "ten minutes from the newest value");
    pass_to(900).await;
    assert_eq!(told(&world.server), ["started 1"]);
    pass_to(2_000).await;
    assert_eq!(told(&world.server).len(), 1, "once");
    // What comes late and is itself too old ends no silence.
    put(TODAY + 1_000).await;
    assert_eq!(told(&world.server).len(), 1);
    put(TODAY + 2_000).await;
    assert_eq!(told(&world.server), ["started 1", "ended 1 (value)"]);
    pass_to(2_599).await;
    assert_eq!(told(&world.server).len(), 2);
    pass_to(2_600).await;
    assert_eq!(told(&world.server).len(), 3, "silent again");
}

#[tokio::test]
async fn a_rule_looks_at_what_is_there_already() {
    let world = World::new().await;
    listen(&world).await;
    world.put(TODAY, "errors", json!(60)).await;
    rule(&world, above(50, 10)).await;
    rule(&world, json!({"name": "Silent", "key": "errors", "condition": "no_data", "minutes": 1})).await;
    world.server.run_pending_tasks().await;
    assert_eq!(told(&world.server), ["started 60"]);
    world.server.clock.advance(Duration::from_mins(1));
    world.server.run_pending_tasks().await;
    assert_eq!(told(&world.server).len(), 2);
}

#[tokio::test]
async fn a_change_of_the_rule_or_of_its_source_ends_what_no_longer_holds() {
    let world = World::new().await;
    listen(&world).await;
    let id = rule(&world, above(50, 10)).await;
    let path = format!("{RULES}/{id}");
    let change = async |body: Value| {
        world.admin.patch(&path, body).await.expect(200);
        world.server.run_pending_tasks().await;
    };
    world.put(TODAY, "errors", json!(60)).await;
    change(json!({"condition": "above", "threshold": 100, "clear": 90})).await;
    change(json!({"name": "Renamed", "condition": "above", "threshold": 50})).await;
    change(json!({"enabled": false})).await;
    world.put(TODAY + 1, "errors", json!(70)).await;
    change(json!({"enabled": true})).await;
    let entry = |register: &str, code: &str, enabled: bool| {
        let path = format!("/comptoir/v1/connectors/{register}/{code}");
        let (admin, server) = (&world.admin, &world.server);
        async move {
            admin.patch(&path, json!({"enabled": enabled})).await.expect(200);
            server.run_pending_tasks().await;
        }
    };
    entry("systems", SYSTEM, false).await;
    entry("systems", SYSTEM, true).await;
    world.admin.delete(&path).await.expect(200);
    world.admin.get(&path).await.expect(404);
    world.server.run_pending_tasks().await;
    assert_eq!(
        told(&world.server),
        [
            "started 60",
            "ended 60 (rule_changed)",
            "started 60",
            "ended 60 (rule_disabled)",
            "started 70",
            "ended 70 (source_disabled)",
            "started 70",
            "ended 70 (rule_deleted)",
        ]
    );
    assert_eq!(on(&world).await, 0);
    world.put(TODAY + 2, "errors", json!(80)).await;
    assert_eq!(told(&world.server).len(), 8, "nobody looks any more");
    let left = world.server.store().read(|conn| {
        let left: i64 = conn.query_row(
            "SELECT (SELECT count(*) FROM connector_alert_rules) + (SELECT count(*) FROM connector_watches)",
            [],
            |row| row.get(0),
        )?;
        Ok::<_, comptoir::store::StoreError>(left)
    });
    assert_eq!(left.unwrap(), 0);
}

#[tokio::test]
async fn an_alert_outlives_a_restart_and_is_told_of_once_all_the_same() {
    let world = World::new().await;
    listen(&world).await;
    rule(&world, above(50, 10)).await;
    rule(&world, json!({"name": "Silent", "key": "quiet", "condition": "no_data", "minutes": 5})).await;
    world.set(TODAY, json!([{"key": "errors", "value": 60}, {"key": "quiet", "value": 1}])).await;
    world.server.run_pending_tasks().await;
    let server = world.server.restarted().await;
    server.run_pending_tasks().await;
    assert_eq!(told(&server), ["started 60"]);
    server.clock.advance(Duration::from_mins(5));
    let server = server.restarted().await;
    server.run_pending_tasks().await;
    assert_eq!(told(&server), ["started 60", "started 1"], "the silence ended its time while nobody ran");
    let world = World {
        admin: server.sign_in("admin", PASSWORD).await,
        bot: server.sign_in("connector", PASSWORD).await,
        server,
    };
    world.put(TODAY + 300, "errors", json!(61)).await;
    world.put(TODAY + 301, "errors", json!(3)).await;
    assert_eq!(told(&world.server)[2..], ["ended 3 (value)"]);
}

#[tokio::test]
async fn nobody_is_told_of_what_was_not_set() {
    let world = World::new().await;
    listen(&world).await;
    rule(&world, above(50, 10)).await;
    let items = json!([{"key": "errors", "value": 60}, {"key": "x", "value": 1, "merchantId": "unknown"}]);
    assert_eq!(world.set(TODAY, items).await["success"], false);
    assert_eq!((told(&world.server).len(), on(&world).await), (0, 0));
}

#[tokio::test]
async fn many_series_are_looked_at_in_slices_and_each_is_told_of_once() {
    let world = World::new().await;
    listen(&world).await;
    let mut items = Vec::new();
    for number in 0..120 {
        let code = format!("m{number}");
        world.register("merchants", &code).await;
        items.push(json!({"key": "errors", "value": 60, "merchantId": code}));
    }
    world.set(TODAY, Value::from(items)).await;
    let id = rule(&world, above(50, 10)).await;
    world.server.run_pending_tasks().await;
    assert_eq!(told(&world.server).len(), 120);
    world.admin.delete(&format!("{RULES}/{id}")).await.expect(200);
    world.server.run_pending_tasks().await;
    assert_eq!(told(&world.server).len(), 240);
}

#[tokio::test]
async fn rules_are_listed_read_and_refused_by_field() {
    let world = World::new().await;
    let body = json!({"name": "Silent", "key": "errors", "system": SYSTEM, "merchant": "", "condition": "no_data", "minutes": 30});
    let id = rule(&world, body).await;
    let shown = world.admin.get(&format!("{RULES}/{id}")).await.expect(200).json();
    assert_eq!(
        shown,
        json!({"id": id, "name": "Silent", "key": "errors", "system": SYSTEM, "merchant": "", "condition": "no_data",
               "threshold": null, "clear": null, "minutes": 30, "enabled": true, "created_at": "2026-03-02T10:00:00Z",
               "edited_at": null})
    );
    rule(&world, above(5, 5)).await;
    rule(&world, above(6, 5)).await;
    let page = world.admin.get(&format!("{RULES}?limit=2")).await.expect(200).json();
    let token = page["next_page_token"].as_str().unwrap();
    let rest = world.admin.get(&format!("{RULES}?limit=2&page_token={token}")).await.expect(200).json();
    assert_eq!(rest["items"][0]["threshold"], 6.0);
    let good = above(50, 10);
    for (field, value, fault) in [
        ("clear", json!(51), "clear: must not lie above the threshold"),
        ("minutes", json!(5), "minutes: does not belong to this condition"),
        ("key", json!("a\0b"), "key: must not contain the NUL character"),
        ("name", json!(" "), "name: must not begin or end with a space"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let answer = world.admin.post(RULES, body).await.expect(400);
        assert_eq!(answer.faults(), [fault]);
    }
    let silent = json!({"name": "x", "key": "a", "condition": "no_data"});
    assert_eq!(world.admin.post(RULES, silent).await.expect(400).faults(), ["minutes: is required by this condition"]);
    let bare = json!({"name": "x", "key": "a", "condition": "below"});
    assert_eq!(world.admin.post(RULES, bare).await.expect(400).faults(), ["threshold: is required by this condition"]);
    let path = format!("{RULES}/{id}");
    let answer = world.admin.patch(&path, json!({"threshold": 5})).await.expect(400);
    assert_eq!(answer.faults(), ["condition: is required with what belongs to it"]);
    for (field, code) in [("system", "absent"), ("merchant", "absent")] {
        let mut body = good.clone();
        body[field] = json!(code);
        world.admin.post(RULES, body).await.expect(404);
    }
    world.bot.call(Method::DELETE, &path).send().await.expect(403);
    world.bot.get(&path).await.expect(200);
}
