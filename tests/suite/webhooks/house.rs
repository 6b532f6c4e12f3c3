//! `/comptoir/v1/webhooks` and `/comptoir/v1/deliveries`.

use comptoir::webhooks::model::EventType;
use poem::http::Method;
use serde_json::{Value, json};

use super::receiver::{Receiver, Reply};
use super::{World, text};

const WEBHOOKS: &str = "/comptoir/v1/webhooks";

#[tokio::test]
async fn a_webhook_is_made_read_changed_and_deleted_and_its_secret_shown_once() {
    let world = World::new().await;
    let body = json!({"url": "https://Receiver.example", "events": ["alert_ended", "task_ended"]});
    let made = world.admin.post(WEBHOOKS, body).await.expect(200).json();
    let secret = text(&made["secret"]);
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    let id = text(&made["webhook"]["id"]);
    let expected = json!({
        "id": id, "url": "https://receiver.example/", "events": ["task_ended", "alert_ended"], "enabled": true,
        "disabled_reason": null, "previous_secret_until": null, "created_at": "2026-03-02T10:00:00Z", "edited_at": null,
    });
    assert_eq!(made["webhook"], expected);
    let path = format!("{WEBHOOKS}/{id}");
    assert_eq!(world.admin.get(&path).await.expect(200).json(), expected);
    let changed = world.admin.patch(&path, json!({"events": ["order_reminder"], "enabled": false})).await.expect(200);
    assert_eq!(changed.json()["events"], json!(["order_reminder"]));
    assert_eq!(changed.json()["edited_at"], "2026-03-02T10:00:00Z");
    let list = world.admin.get(WEBHOOKS).await.expect(200);
    assert_eq!(list.json(), json!({"items": [changed.json()], "next_page_token": null}));
    assert!(!list.text().contains("whsec_"));
    world.admin.delete(&path).await.expect(200);
    world.admin.get(&path).await.expect(404);
    world.admin.delete(&path).await.expect(404);
    assert_eq!(world.admin.get(WEBHOOKS).await.expect(200).json()["items"], json!([]));
}

#[tokio::test]
async fn what_is_wrong_with_a_webhook_is_told_by_field() {
    let world = World::new().await;
    let url = "https://receiver.example/";
    for (body, field) in [
        (json!({"url": url}), "events"),
        (json!({"url": url, "events": []}), "events"),
        (json!({"url": url, "events": ["ping"]}), "events"),
        (json!({"url": url, "events": ["task_ended", "task_ended"]}), "events"),
        (json!({"url": url, "events": ["everything"]}), "events"),
        (json!({"events": ["task_ended"]}), "url"),
        (json!({"url": "", "events": ["task_ended"]}), "url"),
        (json!({"url": 1, "events": ["task_ended"]}), "url"),
        (json!({"url": url, "events": ["task_ended"], "secret": "whsec_mine"}), "secret"),
    ] {
        let faults = world.admin.post(WEBHOOKS, body.clone()).await.expect(400).faults();
        assert!(faults.iter().any(|fault| fault.starts_with(field)), "{body}: {faults:?}");
    }
    world.admin.get(&format!("{WEBHOOKS}/not-a-uuid")).await.expect(400);
}

#[tokio::test]
async fn a_repeated_request_makes_one_webhook_one_ping_and_one_secret() {
    let world = World::new().await;
    let keyed = async |path: &str, body: Value| {
        world.admin.call(Method::POST, path).header("idempotency-key", path).json(&body).send().await.expect(200).json()
    };
    let body = json!({"url": "https://receiver.example/", "events": ["task_ended"]});
    let first = keyed(WEBHOOKS, body.clone()).await;
    assert_eq!(keyed(WEBHOOKS, body).await, json!({"secret": null, "webhook": first["webhook"]}));
    let path = format!("{WEBHOOKS}/{}", text(&first["webhook"]["id"]));
    let ping = format!("{path}/ping");
    assert_eq!(keyed(&ping, Value::Null).await, keyed(&ping, Value::Null).await);
    for path in [format!("{path}/rotate-secret"), "/comptoir/v1/feedback-secret/rotate".to_owned()] {
        assert!(keyed(&path, Value::Null).await["secret"].is_string());
        assert_eq!(keyed(&path, Value::Null).await["secret"], Value::Null);
    }
    let deliveries = world.admin.get("/comptoir/v1/deliveries").await.expect(200).json();
    assert_eq!(deliveries["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_ping_shows_whether_the_receiver_answers() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    receiver.answer([Reply::Status(200, String::new(), "pong".to_owned())]);
    let (id, _) = world.webhook(&receiver.url(), &["task_ended"]).await;
    let ping = world.admin.post(&format!("{WEBHOOKS}/{id}/ping"), Value::Null).await.expect(200).json();
    assert_eq!((&ping["event"], &ping["state"], &ping["webhook_id"]), (&json!("ping"), &json!("pending"), &json!(id)));
    world.server.run_pending_tasks().await;
    let mut seen = world.admin.get(&format!("/comptoir/v1/deliveries/{}", text(&ping["id"]))).await.expect(200).json();
    assert!(seen["attempts"][0]["took_ms"].take().is_u64());
    let expected = json!({
        "delivery": {
            "id": ping["id"], "webhook_id": id, "url": receiver.url(), "event": "ping",
            "content_type": "application/json", "state": "delivered", "attempts": 1, "next_at": null,
            "last_status": 200, "last_error": null, "created_at": "2026-03-02T10:00:00Z",
            "ended_at": "2026-03-02T10:00:00Z",
        },
        "body": r#"{"type":"ping","timestamp":"2026-03-02T10:00:00.000000Z","data":{}}"#,
        "attempts": [{"number": 1, "at": "2026-03-02T10:00:00Z", "url": receiver.url(), "status": 200, "took_ms": null,
                      "error": null, "answer": "pong"}],
    });
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn deliveries_are_listed_newest_first_by_page_state_and_event() {
    let world = World::new().await;
    let (good, bad) = (Receiver::start().await, Receiver::start().await);
    bad.always(Reply::status(500));
    let (first, _) = world.webhook(&good.url(), &["alert_started", "alert_ended"]).await;
    let (second, _) = world.webhook(&bad.url(), &["alert_ended"]).await;
    let mut all = Vec::new();
    for event in [EventType::AlertStarted, EventType::AlertEnded, EventType::AlertStarted, EventType::AlertEnded] {
        all.extend(world.emit(event, json!({})).await.iter().map(ToString::to_string));
    }
    world.server.run_pending_tasks().await;
    all.reverse();
    let listed = async |path: String| {
        let page = world.admin.get(&path).await.expect(200).json();
        let ids: Vec<_> = page["items"].as_array().unwrap().iter().map(|delivery| text(&delivery["id"])).collect();
        (ids, page["next_page_token"].as_str().map(str::to_owned))
    };
    let picked = |places: &[usize]| places.iter().map(|place| all[*place].clone()).collect::<Vec<_>>();

    // Newest first: 0 and 1 are the last alert_ended (bad, good), 2 the last alert_started, and so on.
    let own = |id: &str| format!("{WEBHOOKS}/{id}/deliveries");
    for (path, expected) in [
        ("/comptoir/v1/deliveries".to_owned(), picked(&[0, 1, 2, 3, 4, 5])),
        ("/comptoir/v1/deliveries?state=pending".to_owned(), picked(&[0, 3])),
        ("/comptoir/v1/deliveries?state=delivered&event=alert_ended".to_owned(), picked(&[1, 4])),
        ("/comptoir/v1/deliveries?state=held".to_owned(), picked(&[])),
        (own(&first), picked(&[1, 2, 4, 5])),
        (format!("{}?event=alert_started", own(&first)), picked(&[2, 5])),
        (format!("{}?state=pending", own(&first)), picked(&[])),
        (format!("{}?state=pending", own(&second)), picked(&[0, 3])),
    ] {
        assert_eq!(listed(path.clone()).await.0, expected, "{path}");
    }

    let (mut pages, mut token) = (Vec::new(), None::<String>);
    loop {
        let more = token.map(|token| format!("&page_token={token}")).unwrap_or_default();
        let (ids, next) = listed(format!("/comptoir/v1/deliveries?limit=4{more}")).await;
        pages.push(ids);
        token = next;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(pages, [picked(&[0, 1, 2, 3]), picked(&[4, 5])]);
    world.admin.get("/comptoir/v1/deliveries?page_token=x").await.expect(400);
    let refused = world.admin.get("/comptoir/v1/deliveries?state=lost").await.expect(400);
    assert_eq!(refused.faults(), ["state: must be one of pending, delivered, failed, held"]);
}

#[tokio::test]
async fn a_company_has_at_most_fifty_webhooks_and_lists_them_by_page() {
    let world = World::new().await;
    for number in 0..50 {
        world.webhook(&format!("https://receiver.example/{number}"), &["task_ended"]).await;
    }
    let body = json!({"url": "https://receiver.example/", "events": ["task_ended"]});
    world.admin.post(WEBHOOKS, body).await.expect(409);
    let first = world.admin.get(&format!("{WEBHOOKS}?limit=30")).await.expect(200).json();
    let token = text(&first["next_page_token"]);
    let second = world.admin.get(&format!("{WEBHOOKS}?limit=30&page_token={token}")).await.expect(200).json();
    assert_eq!(second["next_page_token"], Value::Null);
    let urls: Vec<_> = [&first, &second].iter().flat_map(|page| page["items"].as_array().unwrap()).collect();
    assert!(urls.len() == 50 && urls[49]["url"] == "https://receiver.example/49");
}

#[tokio::test]
async fn another_companys_webhooks_and_deliveries_are_not_there() {
    let world = World::new().await;
    let (webhook, _) = world.webhook("https://receiver.example/", &["task_ended"]).await;
    let path = format!("{WEBHOOKS}/{webhook}");
    let ping = world.admin.post(&format!("{path}/ping"), Value::Null).await.expect(200).json();
    let delivery = format!("/comptoir/v1/deliveries/{}", text(&ping["id"]));
    world.server.company("south").await;
    let foreign = world.server.user("south", "foreign", &["ADMIN"]).await;
    for (method, path, body) in [
        (Method::GET, path.clone(), Value::Null),
        (Method::PATCH, path.clone(), json!({"enabled": false})),
        (Method::DELETE, path.clone(), Value::Null),
        (Method::POST, format!("{path}/rotate-secret"), Value::Null),
        (Method::POST, format!("{path}/ping"), Value::Null),
        (Method::GET, format!("{path}/deliveries"), Value::Null),
        (Method::GET, delivery.clone(), Value::Null),
        (Method::POST, format!("{delivery}/redeliver"), Value::Null),
    ] {
        foreign.call(method, &path).json(&body).send().await.expect(404);
    }
    for list in [WEBHOOKS, "/comptoir/v1/deliveries"] {
        assert_eq!(foreign.get(list).await.expect(200).json()["items"], json!([]));
    }
    let user = world.server.user("north", "user", &["USER", "BOT"]).await;
    user.get(WEBHOOKS).await.expect(403);
}
