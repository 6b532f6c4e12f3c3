//! Reminders: an `order_reminder` for each occurrence and distributor, once.

use std::time::Duration;

use comptoir::clock::Timestamp;
use serde_json::{Value, json};

use super::{BUYER, OTHER_BUYER, PRODUCER, SCHEDULES, World, at, daily, repeating};
use crate::support::{Client, Log, PASSWORD, TestServer};

/// A schedule with a reminder.
fn reminding(name: &str, start: &str, time: &str) -> Value {
    let mut body = repeating(name, at(start), daily());
    body["timeRemind"] = json!(time);
    body
}

/// Sets up a webhook for reminders. Nothing listens there: what is looked at is the outbox.
async fn listen(admin: &Client) {
    let body = json!({"url": "https://receiver.example/hook", "events": ["order_reminder"]});
    admin.post("/comptoir/v1/webhooks", body).await.expect(200);
}

/// What was sent so far: day, distributor and when, oldest first.
fn sent(server: &TestServer) -> Vec<(String, i64, String)> {
    let bodies = server.store().read(|conn| {
        let mut statement =
            conn.prepare("SELECT body FROM webhook_deliveries WHERE event = 'order_reminder' ORDER BY id")?;
        let bodies = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?.collect::<Result<Vec<_>, _>>()?;
        Ok::<_, comptoir::store::StoreError>(bodies)
    });
    let bodies = bodies.unwrap().into_iter().map(|body| serde_json::from_slice::<Value>(&body).unwrap());
    bodies
        .map(|body| {
            let data = &body["data"];
            (
                data["day"].as_str().unwrap().to_owned(),
                data["distributor"]["id"].as_i64().unwrap(),
                body["timestamp"].as_str().unwrap()[..19].to_owned(),
            )
        })
        .collect()
}

/// Lets the clock stand at an instant, and all be done that is due.
async fn pass_to(server: &TestServer, instant: &str) {
    server.clock.set(Timestamp::from_unix_seconds(at(instant)));
    server.run_pending_tasks().await;
}

#[tokio::test]
async fn each_occurrence_is_told_of_once_at_its_local_time_to_each_distributor() {
    let world = World::new().await;
    listen(&world.admin).await;
    let mut body = reminding("Tide", "2026-03-02T00:00:00+02:00", "14:00:00");
    body["distributors"] = json!([OTHER_BUYER, BUYER]);
    world.publish(body).await;
    world.server.run_pending_tasks().await;
    assert_eq!(sent(&world.server), []);
    pass_to(&world.server, "2026-03-02T13:59:59+02:00").await;
    assert_eq!(sent(&world.server), []);
    pass_to(&world.server, "2026-03-02T14:00:00+02:00").await;
    let first = |buyer| ("2026-03-02".to_owned(), buyer, "2026-03-02T12:00:00".to_owned());
    assert_eq!(sent(&world.server), [first(BUYER), first(OTHER_BUYER)]);
    pass_to(&world.server, "2026-03-02T23:00:00+02:00").await;
    assert_eq!(sent(&world.server).len(), 2, "once a day");
    pass_to(&world.server, "2026-03-03T14:00:00+02:00").await;
    assert_eq!(sent(&world.server).len(), 4);
}

#[tokio::test]
async fn the_body_says_what_a_distributor_needs() {
    let world = World::new().await;
    listen(&world.admin).await;
    let mut body = reminding("Tide", "2026-03-02T00:00:00+02:00", "14:00:00");
    body["distributors"] = json!([BUYER]);
    world.publish(body).await;
    pass_to(&world.server, "2026-03-02T14:00:00+02:00").await;
    let body = world.server.store().read(|conn| {
        let body: Vec<u8> = conn.query_row("SELECT body FROM webhook_deliveries", [], |row| row.get(0))?;
        Ok::<_, comptoir::store::StoreError>(body)
    });
    let body: Value = serde_json::from_slice(&body.unwrap()).unwrap();
    assert_eq!(
        body["data"],
        json!({
            "schedule_id": 1, "schedule_name": "Tide", "day": "2026-03-02", "due_at": "2026-03-02T12:00:00Z",
            "producer": {"id": PRODUCER, "gln": super::gln(PRODUCER)},
            "distributor": {"id": BUYER, "gln": super::gln(BUYER)},
            "opens_at": "2026-03-02T07:00:00Z", "closes_at": "2026-03-02T19:00:00Z", "block": false
        })
    );
}

#[tokio::test]
async fn the_clocks_neither_swallow_a_reminder_nor_double_it() {
    let world = World::new().await;
    listen(&world.admin).await;
    let mut body = reminding("Night", "2026-03-27T00:00:00+02:00", "03:30:00");
    body["distributors"] = json!([BUYER]);
    world.publish(body).await;
    for instant in ["2026-03-28T03:30:00+02:00", "2026-03-29T04:30:00+03:00", "2026-03-30T03:30:00+03:00"] {
        let before = sent(&world.server).len();
        pass_to(&world.server, instant).await;
        assert_eq!(sent(&world.server).len(), before + 1, "{instant}");
    }
    world.server.clock.set(Timestamp::from_unix_seconds(at("2026-10-25T02:00:00+03:00")));
    world.server.run_pending_tasks().await;
    let before = sent(&world.server).len();
    pass_to(&world.server, "2026-10-25T03:30:00+03:00").await;
    assert_eq!(sent(&world.server).len(), before + 1, "with the first half past three");
    pass_to(&world.server, "2026-10-25T03:30:00+02:00").await;
    assert_eq!(sent(&world.server).len(), before + 1, "and not with the second");
}

#[tokio::test]
async fn a_reminder_missed_while_the_server_was_down_is_sent_late_or_skipped_and_logged() {
    let world = World::new().await;
    listen(&world.admin).await;
    let mut body = reminding("Tide", "2026-03-02T00:00:00+02:00", "14:00:00");
    body["distributors"] = json!([BUYER]);
    world.publish(body).await;
    pass_to(&world.server, "2026-03-02T14:00:00+02:00").await;
    world.server.clock.set(Timestamp::from_unix_seconds(at("2026-03-03T15:00:00+02:00")));
    let server = world.server.restarted().await;
    server.run_pending_tasks().await;
    let late = ("2026-03-03".to_owned(), BUYER, "2026-03-03T13:00:00".to_owned());
    assert_eq!(sent(&server)[1..], [late], "within an hour of grace, once");
    server.clock.set(Timestamp::from_unix_seconds(at("2026-03-06T15:00:01+02:00")));
    let server = server.restarted().await;
    let log = Log::start();
    server.run_pending_tasks().await;
    assert_eq!(sent(&server).len(), 2, "three days are too late");
    assert_eq!(log.with("reminders are skipped").len(), 1);
    pass_to(&server, "2026-03-07T14:00:00+02:00").await;
    assert_eq!(sent(&server).len(), 3);
    assert_eq!(sent(&server)[2].0, "2026-03-07");
}

#[tokio::test]
async fn changing_a_schedule_reminds_nobody_twice_and_a_day_without_a_window_nobody() {
    let world = World::new().await;
    listen(&world.admin).await;
    let mut body = reminding("Tide", "2026-03-02T00:00:00+02:00", "13:00:00");
    body["distributors"] = json!([BUYER]);
    world.publish(body.clone()).await;
    pass_to(&world.server, "2026-03-02T13:00:00+02:00").await;
    assert_eq!(sent(&world.server).len(), 1);
    body["id"] = json!(1);
    body["timeRemind"] = json!("15:00:00");
    body["distributors"] = json!([BUYER, OTHER_BUYER]);
    world.seller.patch(SCHEDULES, body.clone()).await.expect(200);
    pass_to(&world.server, "2026-03-02T15:00:00+02:00").await;
    let buyers: Vec<_> = sent(&world.server).into_iter().map(|(_, buyer, _)| buyer).collect();
    assert_eq!(buyers, [BUYER, OTHER_BUYER], "only who had not been told of this day");
    // A time that has passed today is for tomorrow.
    body["timeRemind"] = json!("09:00:00");
    world.seller.patch(SCHEDULES, body.clone()).await.expect(200);
    world.server.run_pending_tasks().await;
    assert_eq!(sent(&world.server).len(), 2);
    world.admin.put("/comptoir/v1/holidays/2026-03-03", json!({"name": "x"})).await.expect(200);
    world.seller.put("/comptoir/v1/schedules/1/exceptions/2026-03-04", json!({"kind": "SKIP"})).await.expect(200);
    pass_to(&world.server, "2026-03-03T09:00:00+02:00").await;
    pass_to(&world.server, "2026-03-04T09:00:00+02:00").await;
    assert_eq!(sent(&world.server).len(), 2);
    pass_to(&world.server, "2026-03-05T09:00:00+02:00").await;
    assert_eq!(sent(&world.server).len(), 4);
    // Without a time, and without a schedule, there are none.
    let seller = world.server.sign_in("seller", PASSWORD).await;
    body.as_object_mut().unwrap().remove("timeRemind");
    seller.patch(SCHEDULES, body).await.expect(200);
    pass_to(&world.server, "2026-03-06T12:00:00+02:00").await;
    assert_eq!(sent(&world.server).len(), 4);
}

#[tokio::test]
async fn a_general_schedule_reminds_whom_no_individual_one_decides_for() {
    let world = World::new().await;
    listen(&world.admin).await;
    world.publish(reminding("All", "2026-03-02T00:00:00+02:00", "14:00:00")).await;
    let mut own =
        repeating("Own", at("2026-03-03T00:00:00+02:00"), json!({"frequency": "DAILY", "interval": 1, "count": 1}));
    own["distributors"] = json!([BUYER]);
    world.publish(own).await;
    let told = async |instant: &str| {
        let before = sent(&world.server).len();
        pass_to(&world.server, instant).await;
        sent(&world.server)[before..].iter().map(|(_, buyer, _)| *buyer).collect::<Vec<_>>()
    };
    assert_eq!(told("2026-03-02T14:00:00+02:00").await, [OTHER_BUYER]);
    assert_eq!(told("2026-03-03T14:00:00+02:00").await, [OTHER_BUYER]);
    assert_eq!(told("2026-03-04T14:00:00+02:00").await, [BUYER, OTHER_BUYER]);
    let admin = world.server.sign_in("admin", PASSWORD).await;
    admin.patch(&format!("/comptoir/v1/parties/{BUYER}"), json!({"enabled": false})).await.expect(200);
    assert_eq!(told("2026-03-05T14:00:00+02:00").await, [OTHER_BUYER]);
}

#[tokio::test]
async fn many_distributors_are_told_in_slices_and_each_once() {
    let world = World::new().await;
    listen(&world.admin).await;
    for number in 0..250 {
        let id = 700_000 + number;
        let body = json!({"id": id, "gln": super::gln(id), "name": "x", "kind": "DISTRIBUTOR"});
        world.admin.post("/comptoir/v1/parties", body).await.expect(200);
    }
    world.publish(reminding("All", "2026-03-02T00:00:00+02:00", "14:00:00")).await;
    pass_to(&world.server, "2026-03-02T14:00:00+02:00").await;
    let mut told: Vec<_> = sent(&world.server).into_iter().map(|(_, buyer, _)| buyer).collect();
    assert_eq!(told.len(), 252);
    told.dedup();
    assert_eq!(told.len(), 252);
}

#[tokio::test]
async fn a_zone_that_is_put_right_moves_the_next_reminder() {
    let world = World::new().await;
    listen(&world.admin).await;
    let mut body = reminding("Tide", "2026-03-02T00:00:00+02:00", "14:00:00");
    body["distributors"] = json!([BUYER]);
    world.publish(body).await;
    world.server.run_pending_tasks().await;
    let zone = json!({"zone": "Asia/Tbilisi"});
    // Tbilisi is two hours ahead of Kyiv: there it is two in the afternoon now.
    world.admin.put("/comptoir/v1/parties-zone", zone).await.expect(200);
    world.server.run_pending_tasks().await;
    assert_eq!(sent(&world.server), [], "what is due now by the new zone was not due after the change");
    world.server.clock.advance(Duration::from_hours(24));
    world.server.run_pending_tasks().await;
    assert_eq!(sent(&world.server).len(), 1);
}
