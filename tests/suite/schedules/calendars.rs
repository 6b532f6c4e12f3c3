//! iCalendar feeds and their addresses.

use poem::http::Method;
use serde_json::{Value, json};

use super::{BUYER, PRODUCER, SCHEDULES, World, at, daily, repeating};
use crate::support::{Client, Log};

async fn feed(owner: &Client, of: Value) -> (String, String) {
    let mut body = json!({"name": "phones"});
    body.as_object_mut().unwrap().extend(of.as_object().unwrap().clone());
    let made = owner.post("/comptoir/v1/calendar-feeds", body).await.expect(200).json();
    (made["feed"]["id"].as_str().unwrap().to_owned(), made["path"].as_str().unwrap().to_owned())
}

fn tide() -> Value {
    let rule = json!({"frequency": "WEEKLY", "interval": 1, "count": 10, "byDay": [1, 3]});
    let mut body = repeating("Припливи; та, відпливи", at("2026-03-03T00:00:00+02:00"), rule);
    body["distributors"] = json!([BUYER]);
    body
}

#[tokio::test]
async fn a_calendar_is_read_by_whoever_has_its_address() {
    let world = World::new().await;
    world.publish(tide()).await;
    world.seller.put("/comptoir/v1/schedules/1/exceptions/2026-03-09", json!({"kind": "SKIP"})).await.expect(200);
    world.seller.put("/comptoir/v1/schedules/1/exceptions/2026-03-10", json!({"kind": "EXTRA"})).await.expect(200);
    let (_, path) = feed(&world.seller, json!({"schedule_id": 1})).await;
    let answer = world.server.anonymous().get(&path).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("text/calendar; charset=utf-8"));
    let text = answer.text().replace("\r\n ", "");
    for line in [
        "BEGIN:VCALENDAR",
        "DTSTART;TZID=Europe/Kyiv:20260304T090000",
        "RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,WE;WKST=MO;UNTIL=20260406T060000Z",
        "EXDATE;TZID=Europe/Kyiv:20260309T090000",
        "RDATE;TZID=Europe/Kyiv:20260310T090000",
        "SEQUENCE:2",
        "END:VCALENDAR",
    ] {
        assert!(text.contains(&format!("{line}\r\n")), "{line} in {text}");
    }
    assert!(text.contains("Припливи\\; та\\, відпливи"));
    let ukrainian = world.server.anonymous().get(&format!("{path}?lang=uk")).await.expect(200);
    assert!(ukrainian.text().contains("SUMMARY:Замовлення"));
    // The identity of its events does not change, whatever changes about them.
    let uid = |text: &str| text.lines().find(|line| line.starts_with("UID:")).unwrap().to_owned();
    let mut body = tide();
    body["id"] = json!(1);
    body["name"] = json!("Another name");
    world.seller.patch(SCHEDULES, body).await.expect(200);
    let again = world.server.anonymous().get(&path).await.expect(200);
    assert_eq!(uid(again.text()), uid(answer.text()));
    assert!(again.text().contains("SEQUENCE:3\r\n"));
}

#[tokio::test]
async fn a_distributors_calendar_has_what_decides_for_it() {
    let world = World::new().await;
    world.publish(tide()).await;
    world.publish(repeating("General", at("2026-02-02T00:00:00+02:00"), daily())).await;
    let (_, path) = feed(&world.buyer, json!({"distributor": BUYER.to_string()})).await;
    let text = world.server.anonymous().get(&path).await.expect(200).text().replace("\r\n ", "");
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 2);
    assert_eq!(text.matches("BEGIN:VTIMEZONE").count(), 1);
    assert!(text.contains("DTSTART;TZID=Europe/Kyiv:20260304T090000"), "the individual one");
    assert!(text.contains("DTSTART;TZID=Europe/Kyiv:20260407T090000"), "the general one once that has ended: {text}");
}

#[tokio::test]
async fn an_address_ends_with_its_revocation_its_maker_and_its_schedule() {
    let world = World::new().await;
    world.publish(tide()).await;
    let (id, path) = feed(&world.seller, json!({"schedule_id": 1})).await;
    let (_, kept) = feed(&world.admin, json!({"schedule_id": 1})).await;
    let (_, partners) = feed(&world.seller, json!({"schedule_id": 1})).await;
    let anybody = world.server.anonymous();
    world.buyer.delete(&format!("/comptoir/v1/calendar-feeds/{id}")).await.expect(404);
    world.seller.delete(&format!("/comptoir/v1/calendar-feeds/{id}")).await.expect(200);
    let log = Log::start();
    let gone = anybody.get(&path).await.expect(404);
    let secret = path.rsplit('/').next().unwrap();
    assert!(!gone.text().contains("cal_") && log.with(secret).is_empty(), "a secret is neither repeated nor logged");
    assert_eq!(log.with("/comptoir/v1/calendars/").len(), 1);
    anybody.get("/comptoir/v1/calendars/cal_x.ics").await.expect(404);
    anybody.get(partners.strip_suffix(".ics").unwrap()).await.expect(404);
    // Its maker may act for the producer no longer.
    anybody.get(&partners).await.expect(200);
    world.bind("seller", &[super::OTHER_PRODUCER]).await;
    anybody.get(&partners).await.expect(404);
    world.bind("seller", &[PRODUCER]).await;
    anybody.get(&partners).await.expect(200);
    world.admin.patch("/comptoir/v1/users/seller", json!({"enabled": false})).await.expect(200);
    anybody.get(&partners).await.expect(404);
    anybody.get(&kept).await.expect(200);
    let page = world.admin.get("/comptoir/v1/calendar-feeds").await.expect(200);
    assert_eq!(page.json()["items"].as_array().unwrap().len(), 2);
    assert!(!page.text().contains(&kept[kept.len() - 20..]), "secrets are never shown again");
    let path = format!("{SCHEDULES}?gln={}&schedule_id=1", super::gln(PRODUCER));
    world.admin.delete(&path).await.expect(200);
    anybody.get(&kept).await.expect(404);
}

#[tokio::test]
async fn a_feed_is_of_one_thing_that_its_maker_may_act_for() {
    let world = World::new().await;
    world.publish(tide()).await;
    for (body, status) in [
        (json!({"name": "x"}), 400),
        (json!({"name": "x", "schedule_id": 1, "distributor": "1"}), 400),
        (json!({"name": " ", "schedule_id": 1}), 400),
        (json!({"name": "x", "distributor": "x"}), 400),
        (json!({"name": "x", "schedule_id": 4242}), 404),
        (json!({"name": "x", "distributor": BUYER.to_string()}), 404),
    ] {
        let answer = world.seller.post("/comptoir/v1/calendar-feeds", body.clone()).await;
        assert_eq!(answer.status, status, "{body}");
    }
}

#[tokio::test]
async fn a_feed_that_is_asked_for_again_under_its_key_is_the_same_and_shows_no_secret() {
    let world = World::new().await;
    world.publish(tide()).await;
    let ask = async |client: &Client, key: &str, body: Value| {
        client.call(Method::POST, "/comptoir/v1/calendar-feeds").header("idempotency-key", key).json(&body).send().await
    };
    let body = json!({"name": "phones", "schedule_id": 1});
    let first = ask(&world.seller, "a", body.clone()).await.expect(200).json();
    let again = ask(&world.seller, "a", body.clone()).await.expect(200).json();
    assert_eq!((&again["feed"], &again["path"]), (&first["feed"], &Value::Null));
    let other = ask(&world.seller, "a", json!({"name": "tablets", "schedule_id": 1})).await.expect(422);
    assert!(other.text().contains("Idempotency-Key was already used"), "{}", other.shown());
    // A key is its user's own, and what is refused uses none up.
    ask(&world.admin, "a", body.clone()).await.expect(200);
    ask(&world.buyer, "b", body).await.expect(404);
    ask(&world.buyer, "b", json!({"name": "x", "distributor": BUYER.to_string()})).await.expect(200);
    let page = world.admin.get("/comptoir/v1/calendar-feeds").await.expect(200).json();
    assert_eq!(page["items"].as_array().unwrap().len(), 3);
    let path = first["path"].as_str().unwrap();
    world.server.anonymous().get(path).await.expect(200);
    // Once revoked it is not made again by a request that was late.
    let id = first["feed"]["id"].as_str().unwrap();
    world.seller.delete(&format!("/comptoir/v1/calendar-feeds/{id}")).await.expect(200);
    ask(&world.seller, "a", json!({"name": "phones", "schedule_id": 1})).await.expect(404);
}
