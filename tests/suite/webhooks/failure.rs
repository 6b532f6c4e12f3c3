//! Receivers that fail in every way there is.

use std::time::Duration;

use comptoir::config::AllowedDestination;
use comptoir::tasks;
use comptoir::webhooks::model::{DeliveryState, EventType};
use serde_json::{Value, json};

use super::World;
use super::receiver::{Receiver, Reply};

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let world = World::new().await;
    let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
    for status in [301, 302, 303, 307, 308, 304] {
        receiver.answer([Reply::with(status, "location", &elsewhere.url())]);
        let (id, _) = world.send_one(&receiver).await;
        world.server.run_pending_tasks().await;
        let kept = world.kept(id);
        assert_eq!((kept.state, kept.last_status), (DeliveryState::Pending, Some(status)));
        let error = format!("the receiver answered {status}: redirects are not followed");
        assert_eq!(kept.last_error, Some(error));
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a_410_switches_the_webhook_off_and_what_was_on_its_way_is_held_until_it_is_on_again() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let (webhook, _) = world.webhook(&receiver.url(), &["alert_started"]).await;
    receiver.answer([Reply::status(500)]);
    let waiting = world.emit(EventType::AlertStarted, json!({"n": 1})).await[0];
    world.server.run_pending_tasks().await;
    receiver.answer([Reply::status(410)]);
    let gone = world.emit(EventType::AlertStarted, json!({"n": 2})).await[0];
    world.server.run_pending_tasks().await;

    let kept = world.kept(gone);
    assert_eq!((kept.state, kept.last_status, kept.next_at), (DeliveryState::Failed, Some(410), None));
    let path = format!("/comptoir/v1/webhooks/{webhook}");
    let seen = world.admin.get(&path).await.expect(200).json();
    assert_eq!((&seen["enabled"], &seen["disabled_reason"]), (&json!(false), &json!("the receiver answered 410 Gone")));
    assert!(world.emit(EventType::AlertStarted, json!({"n": 3})).await.is_empty(), "nothing new is written");
    world.pass(Duration::from_mins(1)).await;
    assert_eq!(world.kept(waiting).state, DeliveryState::Held);
    assert_eq!(receiver.calls().len(), 2);
    world.admin.post(&format!("/comptoir/v1/deliveries/{gone}/redeliver"), Value::Null).await.expect(409);
    world.admin.post(&format!("{path}/ping"), Value::Null).await.expect(409);

    let seen = world.admin.patch(&path, json!({"enabled": true})).await.expect(200).json();
    assert_eq!((&seen["enabled"], &seen["disabled_reason"]), (&json!(true), &Value::Null));
    world.server.run_pending_tasks().await;
    assert_eq!(world.kept(waiting).state, DeliveryState::Delivered);
    assert_eq!(world.kept(gone).state, DeliveryState::Failed, "what ended stays ended");
    assert_eq!(receiver.calls().len(), 3);
}

#[tokio::test]
async fn a_pause_that_the_receiver_asks_for_is_kept() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let date = "Mon, 02 Mar 2026 10:20:00 GMT";
    for (reply, at_least, at_most) in [
        (Reply::with(429, "retry-after", "600"), 600, 660),
        (Reply::with(503, "Retry-After", date), 1_200, 1_320),
        (Reply::with(429, "retry-after", "1"), 5, 6),
        (Reply::with(429, "retry-after", "99999999"), 86_400, 95_040),
        (Reply::with(429, "retry-after", "soon"), 5, 6),
        (Reply::with(500, "retry-after", "600"), 5, 6),
    ] {
        receiver.answer([reply.clone()]);
        let (id, _) = world.send_one(&receiver).await;
        world.server.run_pending_tasks().await;
        let wait = world.kept(id).next_at.unwrap().since(world.server.clock.now()).as_secs();
        assert!((at_least..=at_most).contains(&wait), "{reply:?}: {wait} s");
    }
}

#[tokio::test]
async fn a_receiver_that_says_nothing_is_given_up_in_time() {
    let world = World::with(|options| {
        options.allow = AllowedDestination::loopback();
        options.timeout = Duration::from_millis(100);
    })
    .await;
    let receiver = Receiver::start().await;
    receiver.answer([Reply::Silence, Reply::Stalled]);
    let (id, _) = world.send_one(&receiver).await;
    world.server.run_pending_tasks().await;
    let kept = world.kept(id);
    assert_eq!((kept.state, kept.last_status), (DeliveryState::Pending, None));
    assert_eq!(kept.last_error.as_deref(), Some("no answer within 100 ms"));

    world.pass(Duration::from_secs(6)).await;
    assert_eq!(world.kept(id).state, DeliveryState::Delivered, "a status is an answer, whatever becomes of the body");
    assert_eq!(world.seen(id).await["attempts"][1]["answer"], "half");
}

#[tokio::test]
async fn an_answer_without_end_is_cut_and_its_beginning_kept() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::Endless);
    let (id, _) = world.send_one(&receiver).await;
    world.server.run_pending_tasks().await;
    assert_eq!(world.kept(id).state, DeliveryState::Delivered);
    assert_eq!(world.seen(id).await["attempts"][0]["answer"], "x".repeat(2048));
}

#[tokio::test]
async fn whatever_is_no_http_is_a_failure_with_a_reason() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let closed = {
        let gone = Receiver::start().await;
        gone.url()
    };
    for (reply, why) in [
        (Reply::Cut, "no answer: "),
        (Reply::Raw("220 mail.example ESMTP\r\n"), "no answer: "),
        (Reply::Raw("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), "no answer: "),
    ] {
        receiver.answer([reply.clone()]);
        let (id, _) = world.send_one(&receiver).await;
        world.server.run_pending_tasks().await;
        let error = world.kept(id).last_error.unwrap();
        assert!(error.starts_with(why), "{reply:?}: {error}");
    }
    world.webhook(&closed, &["alert_ended"]).await;
    let id = world.emit(EventType::AlertEnded, json!({})).await[0];
    world.server.run_pending_tasks().await;
    let error = world.kept(id).last_error.unwrap();
    assert!(error.contains("could not be connected to"), "{error}");
}

#[tokio::test]
async fn what_is_on_its_way_follows_a_new_url_and_fails_with_a_deleted_webhook() {
    let world = World::new().await;
    let (old, new) = (Receiver::start().await, Receiver::start().await);
    old.always(Reply::status(500));
    new.always(Reply::status(500));
    let (webhook, _) = world.webhook(&old.url(), &["alert_started"]).await;
    let id = world.emit(EventType::AlertStarted, json!({})).await[0];
    world.server.run_pending_tasks().await;
    let path = format!("/comptoir/v1/webhooks/{webhook}");
    world.admin.patch(&path, json!({"url": new.url()})).await.expect(200);
    world.pass(Duration::from_secs(6)).await;
    assert_eq!((old.calls().len(), new.calls().len()), (1, 1));

    world.admin.delete(&path).await.expect(200);
    world.pass(Duration::from_hours(1)).await;
    assert_eq!((old.calls().len(), new.calls().len()), (1, 1));
    let kept = world.kept(id);
    assert_eq!((kept.state, kept.last_error.as_deref()), (DeliveryState::Failed, Some("its endpoint was deleted")));
    world.admin.get(&path).await.expect(404);
    world.admin.post(&format!("/comptoir/v1/deliveries/{id}/redeliver"), Value::Null).await.expect(409);
    let seen = world.seen(id).await;
    let urls: Vec<_> = seen["attempts"].as_array().unwrap().iter().map(|attempt| attempt["url"].clone()).collect();
    assert_eq!(urls, [old.url(), new.url()]);
}

#[tokio::test]
async fn a_delivery_whose_task_is_canceled_has_failed_and_can_be_begun_again() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    receiver.answer([Reply::status(500)]);
    let (id, _) = world.send_one(&receiver).await;
    world.server.run_pending_tasks().await;
    let (queue, company) = (world.server.queue.clone(), world.company);
    let canceled = world.server.store().write(move |tx| {
        let all = tasks::list(tx, company, &tasks::Filter::default(), None, 10)?;
        queue.cancel(tx, company, all[0].guid)
    });
    canceled.await.unwrap();
    let kept = world.kept(id);
    assert_eq!((kept.state, kept.last_error.as_deref()), (DeliveryState::Failed, Some("its task was canceled")));
    world.admin.post(&format!("/comptoir/v1/deliveries/{id}/redeliver"), Value::Null).await.expect(200);
    world.server.run_pending_tasks().await;
    assert_eq!(world.kept(id).state, DeliveryState::Delivered);
}

#[tokio::test]
async fn the_log_forgets_after_thirty_days_and_a_deleted_webhook_with_it() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let (id, _) = world.send_one(&receiver).await;
    world.server.run_pending_tasks().await;
    let list = world.admin.get("/comptoir/v1/webhooks").await.expect(200).json();
    let webhook = super::text(&list["items"][0]["id"]);
    world.admin.delete(&format!("/comptoir/v1/webhooks/{webhook}")).await.expect(200);
    world.pass(Duration::from_hours(29 * 24)).await;
    world.kept(id);
    world.pass(Duration::from_hours(2 * 24)).await;
    let admin = world.server.sign_in("admin", crate::support::PASSWORD).await;
    admin.get(&format!("/comptoir/v1/deliveries/{id}")).await.expect(404);
}
