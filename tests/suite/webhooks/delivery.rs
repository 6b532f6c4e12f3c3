//! What arrives: who is told, in which words, under which signature, again and again under the same id.

use std::time::Duration;

use comptoir::store::StoreError;
use comptoir::webhooks;
use comptoir::webhooks::model::{ContentType, DeliveryState, EventType};
use serde_json::{Value, json};

use super::receiver::{Receiver, Reply};
use super::{World, company, signature, text};
use crate::support::NOW;

#[tokio::test]
async fn an_event_reaches_every_webhook_that_asked_for_it_and_nobody_else() {
    let world = World::new().await;
    let [first, second, other, off, foreign] = [
        Receiver::start().await,
        Receiver::start().await,
        Receiver::start().await,
        Receiver::start().await,
        Receiver::start().await,
    ];
    world.webhook(&first.url(), &["alert_started", "alert_ended"]).await;
    world.webhook(&second.url(), &["alert_started"]).await;
    world.webhook(&other.url(), &["task_ended"]).await;
    let body = json!({"url": off.url(), "events": ["alert_started"], "enabled": false});
    world.admin.post("/comptoir/v1/webhooks", body).await.expect(200);
    world.server.company("south").await;
    let southerner = world.server.user("south", "southerner", &["ADMIN"]).await;
    let body = json!({"url": foreign.url(), "events": ["alert_started"]});
    southerner.post("/comptoir/v1/webhooks", body).await.expect(200);

    let ids = world.emit(EventType::AlertStarted, json!({"alert": "Склад порожній"})).await;
    assert_eq!(ids.len(), 2);
    assert!(first.calls().is_empty(), "nothing goes out before the runner takes it");
    assert_eq!(world.server.run_pending_tasks().await, 2);

    for (receiver, id) in [(&first, ids[0]), (&second, ids[1])] {
        let call = receiver.only();
        assert_eq!(call.line, "POST /hook HTTP/1.1");
        assert_eq!(call.header("host"), receiver.address.to_string());
        assert_eq!(call.header("content-type"), "application/json");
        assert_eq!(call.header("user-agent"), concat!("Comptoir/", env!("CARGO_PKG_VERSION")));
        assert_eq!(call.header("webhook-id"), id.to_string());
        assert_eq!(call.header("webhook-timestamp"), NOW.as_unix_seconds().to_string());
        let body: Value = serde_json::from_slice(&call.body).unwrap();
        let expected = json!({"type": "alert_started", "timestamp": "2026-03-02T10:00:00.000000Z",
                              "data": {"alert": "Склад порожній"}});
        assert_eq!(body, expected);
        assert_eq!(world.kept(id).state, DeliveryState::Delivered);
    }
    assert_ne!(ids[0], ids[1]);
    for receiver in [other, off, foreign] {
        assert_eq!(receiver.connections(), 0);
    }
}

#[tokio::test]
async fn a_cause_that_is_rolled_back_tells_nobody() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    world.webhook(&receiver.url(), &["alert_started"]).await;
    let (queue, company, now) = (world.server.queue.clone(), world.company, NOW);
    let outcome = world.server.store().write(move |tx| {
        webhooks::emit(tx, &queue, company, EventType::AlertStarted, &json!({}), now)?;
        Err::<(), _>(StoreError::Closed)
    });
    outcome.await.unwrap_err();
    assert_eq!(world.server.run_pending_tasks().await, 0);
    assert_eq!(receiver.connections(), 0);
    let list = world.admin.get("/comptoir/v1/deliveries").await.expect(200).json();
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn the_signature_is_that_of_the_secret_shown_when_the_webhook_was_made() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let (_, secret) = world.send_one(&receiver).await;
    world.server.run_pending_tasks().await;
    let call = receiver.only();
    assert_eq!(call.header("webhook-signature"), signature(&secret, &call));
}

#[tokio::test]
async fn after_a_rotation_both_secrets_sign_for_a_day() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let (id, old) = world.webhook(&receiver.url(), &["alert_started"]).await;
    let rotated = world.admin.post(&format!("/comptoir/v1/webhooks/{id}/rotate-secret"), Value::Null).await.expect(200);
    let rotated = rotated.json();
    let new = text(&rotated["secret"]);
    assert_ne!(old, new);
    assert_eq!(rotated["webhook"]["previous_secret_until"], "2026-03-03T10:00:00Z");

    for (hours, both) in [(0, true), (23, true), (1, false)] {
        world.server.clock.advance(Duration::from_hours(hours));
        world.emit(EventType::AlertStarted, json!({})).await;
        world.server.run_pending_tasks().await;
        let call = receiver.calls().pop().unwrap();
        let (new, old) = (signature(&new, &call), signature(&old, &call));
        let expected = if both { format!("{new} {old}") } else { new };
        assert_eq!(call.header("webhook-signature"), expected);
    }
}

#[tokio::test]
async fn a_receiver_that_fails_is_called_over_the_whole_schedule_under_one_id() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::status(500));
    let (id, secret) = world.send_one(&receiver).await;
    world.server.run_pending_tasks().await;

    let seconds = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400];
    for (made, wait) in (1..).zip(seconds) {
        assert_eq!(receiver.calls().len(), made);
        let kept = world.kept(id);
        assert_eq!(
            (kept.state, kept.attempts, kept.last_status),
            (DeliveryState::Pending, u32::try_from(made).unwrap(), Some(500))
        );
        let due = kept.next_at.unwrap();
        let (now, wait) = (world.server.clock.now(), Duration::from_secs(wait));
        let planned = due.since(now);
        assert!(planned >= wait && planned <= wait + wait / 10, "attempt {} waits {planned:?} for {wait:?}", made + 1);
        world.pass(planned.saturating_sub(Duration::from_micros(1))).await;
        assert_eq!(receiver.calls().len(), made, "not before its time");
        world.pass(Duration::from_micros(1)).await;
    }
    let calls = receiver.calls();
    assert_eq!(calls.len(), 8);
    let kept = world.kept(id);
    assert_eq!((kept.state, kept.attempts, kept.next_at), (DeliveryState::Failed, 8, None));
    world.pass(Duration::from_hours(100 * 24)).await;
    assert_eq!(receiver.calls().len(), 8, "the last attempt was the last");

    for call in &calls {
        assert_eq!(call.header("webhook-id"), id.to_string());
        assert_eq!(call.body, calls[0].body);
        assert_eq!(call.header("webhook-signature"), signature(&secret, call));
    }
    let times: Vec<i64> = calls.iter().map(|call| call.header("webhook-timestamp").parse().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "each attempt has its own time: {times:?}");
}

#[tokio::test]
async fn a_receiver_that_recovers_is_not_called_again() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    receiver.answer([Reply::status(500), Reply::status(404), Reply::status(204)]);
    let (id, _) = world.send_one(&receiver).await;
    for _ in 0..4 {
        world.server.run_pending_tasks().await;
        world.server.clock.advance(Duration::from_hours(1));
    }
    assert_eq!(receiver.calls().len(), 3);
    let seen = world.seen(id).await;
    assert_eq!(seen["delivery"]["state"], "delivered");
    assert_eq!(seen["delivery"]["last_error"], Value::Null);
    let statuses: Vec<_> =
        seen["attempts"].as_array().unwrap().iter().map(|attempt| attempt["status"].clone()).collect();
    assert_eq!(statuses, [500, 404, 204]);
}

#[tokio::test]
async fn what_ended_is_delivered_again_on_request_under_the_same_id() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let (id, _) = world.send_one(&receiver).await;
    let again = format!("/comptoir/v1/deliveries/{id}/redeliver");
    let refused = world.admin.post(&again, Value::Null).await.expect(409);
    assert_eq!(refused.json()["detail"], "the delivery is still on its way");
    world.server.run_pending_tasks().await;

    world.server.clock.advance(Duration::from_mins(1));
    receiver.answer([Reply::status(503), Reply::status(200)]);
    let begun = world.admin.post(&again, Value::Null).await.expect(200).json();
    assert_eq!((&begun["state"], &begun["attempts"]), (&json!("pending"), &json!(0)));
    world.server.run_pending_tasks().await;
    assert_eq!(world.kept(id).state, DeliveryState::Pending, "it has all its attempts again");
    world.pass(Duration::from_secs(6)).await;

    let calls = receiver.calls();
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|call| call.header("webhook-id") == id.to_string() && call.body == calls[0].body));
    let seen = world.seen(id).await;
    assert_eq!(seen["delivery"]["state"], "delivered");
    let numbers: Vec<_> =
        seen["attempts"].as_array().unwrap().iter().map(|attempt| attempt["number"].clone()).collect();
    assert_eq!(numbers, [1, 2, 3], "the log keeps the first round");
}

#[tokio::test]
async fn feedback_goes_to_its_own_url_in_its_own_format_signed_with_the_companys_secret() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let rotated = world.admin.post("/comptoir/v1/feedback-secret/rotate", Value::Null).await.expect(200).json();
    let secret = text(&rotated["secret"]);
    let id = world.send_to(&receiver.url(), ContentType::Xml, b"<answer/>").await;
    world.server.run_pending_tasks().await;
    let call = receiver.only();
    assert_eq!((call.header("content-type"), call.body.as_slice()), ("application/xml", &b"<answer/>"[..]));
    assert_eq!(call.header("webhook-id"), id.to_string());
    assert_eq!(call.header("webhook-signature"), signature(&secret, &call));

    let next = world.admin.post("/comptoir/v1/feedback-secret/rotate", Value::Null).await.expect(200).json();
    world.send_to(&receiver.url(), ContentType::Json, b"{}").await;
    world.server.run_pending_tasks().await;
    let call = receiver.calls().pop().unwrap();
    let expected = format!("{} {}", signature(&text(&next["secret"]), &call), signature(&secret, &call));
    assert_eq!(call.header("webhook-signature"), expected);
}

#[tokio::test]
async fn a_companys_task_that_ends_is_an_event_but_a_delivery_is_not() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    world.webhook(&receiver.url(), &["task_ended"]).await;
    assert_eq!(world.company, company(&world.server, "north"));
    // A kind that nobody handles any more, canceled: the shortest life a task can have.
    let kind = comptoir::tasks::Kind::<u8>::new("a_kind");
    let (queue, company) = (world.server.queue.clone(), world.company);
    let task = world.server.store().write(move |tx| {
        let task = queue.enqueue(tx, &comptoir::tasks::NewTask::new(kind, 1).of(company))?.task;
        queue.cancel(tx, company, task.guid)
    });
    let task = task.await.unwrap();
    world.server.run_pending_tasks().await;
    world.server.run_pending_tasks().await;
    let body: Value = serde_json::from_slice(&receiver.only().body).unwrap();
    assert_eq!(body["type"], "task_ended");
    assert_eq!(body["data"], json!({"task_id": task.guid, "kind": "a_kind", "state": "canceled", "error": null}));
}
