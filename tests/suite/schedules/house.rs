//! Order windows: whether an order may be sent and why; exceptions and holidays.

use poem::http::Method;
use serde_json::{Value, json};

use super::{BUYER, OTHER_BUYER, PRODUCER, SCHEDULES, World, at, daily, gln, repeating};

async fn world() -> World {
    let world = World::new().await;
    let mut body = repeating(
        "Tide",
        at("2026-02-02T00:00:00+02:00"),
        json!({"frequency": "WEEKLY", "interval": 1, "byDay": [1, 3]}),
    );
    body["block"] = json!(true);
    body["distributors"] = json!([BUYER]);
    world.publish(body).await;
    world
}

fn checked(buyer: i64, at: &str) -> String {
    format!("/comptoir/v1/order-windows/check?producer={PRODUCER}&distributor={buyer}&at={}", at.replace('+', "%2B"))
}

fn explained(buyer: i64, date: &str, lang: &str) -> String {
    format!("/comptoir/v1/order-windows/explain?producer={PRODUCER}&distributor={buyer}&date={date}&lang={lang}")
}

#[tokio::test]
async fn an_order_may_be_sent_in_a_window_and_outside_of_it_unless_the_schedule_blocks() {
    let world = world().await;
    insta::assert_snapshot!(world.buyer.get(&checked(BUYER, "2026-03-02T21:00:01+02:00")).await.shown(), @r#"
    200
    {
      "allowed": false,
      "reason": "OUTSIDE_BLOCKED",
      "text": "It is outside of the windows, and the schedule blocks: the order is refused.",
      "schedule": {
        "id": 1,
        "name": "Tide",
        "type": 1,
        "block": true
      },
      "window": null,
      "next_window": {
        "date": "2026-03-04",
        "opens_at": "2026-03-04T07:00:00Z",
        "closes_at": "2026-03-04T19:00:00Z"
      }
    }
    "#);
    let open = world.buyer.get(&checked(BUYER, "2026-03-02T21:00:00+02:00")).await.expect(200).json();
    assert_eq!((&open["allowed"], &open["reason"]), (&json!(true), &json!("WINDOW_OPEN")));
    assert_eq!((&open["window"]["date"], &open["next_window"]["date"]), (&json!("2026-03-02"), &json!("2026-03-04")));
    let now = format!("/comptoir/v1/order-windows/check?producer={}&distributor={}", gln(PRODUCER), gln(BUYER));
    let answer = world.buyer.call(Method::GET, &now).header("accept-language", "uk, en;q=0.5").send().await;
    assert_eq!(answer.expect(200).json()["text"], "Вікно відкрите: замовлення можна надіслати.");
    let free = world.admin.get(&checked(OTHER_BUYER, "2026-03-02T21:00:01+02:00")).await.expect(200).json();
    assert_eq!(
        (&free["allowed"], &free["reason"], &free["schedule"]),
        (&json!(true), &json!("NO_SCHEDULE"), &Value::Null)
    );
    let mut body = repeating("Soft", at("2026-02-02T00:00:00+02:00"), daily());
    body["distributors"] = json!([OTHER_BUYER]);
    world.publish(body).await;
    let soft = world.admin.get(&checked(OTHER_BUYER, "1772485201")).await.expect(200).json();
    assert_eq!((&soft["allowed"], &soft["reason"]), (&json!(true), &json!("OUTSIDE_NOT_BLOCKING")));
    for query in [
        format!("producer={PRODUCER}&distributor=x"),
        format!("producer={PRODUCER}&distributor={BUYER}&at=yesterday"),
        format!("producer={PRODUCER}&distributor={BUYER}&at=253402300800"),
        format!("producer={PRODUCER}&distributor={BUYER}&lang=de"),
        format!("producer={PRODUCER}"),
        String::from("producer=4820000000018&distributor=1"),
    ] {
        world.admin.get(&format!("/comptoir/v1/order-windows/check?{query}")).await.expect(400);
    }
    let swapped = format!("/comptoir/v1/order-windows/check?producer={BUYER}&distributor={PRODUCER}");
    world.admin.get(&swapped).await.expect(404);
}

#[tokio::test]
async fn exceptions_decide_before_holidays_and_those_before_the_rule_and_all_of_it_is_explained() {
    let world = world().await;
    let exception = |date: &str| format!("/comptoir/v1/schedules/1/exceptions/{date}");
    let skip = json!({"kind": "SKIP"});
    world.seller.put(&exception("2026-03-04"), skip.clone()).await.expect(200);
    let hours = json!({"kind": "EXTRA", "time_from": "22:00:00", "time_to": "02:00:00"});
    world.seller.put(&exception("2026-03-05"), hours).await.expect(200);
    let moved = json!({"kind": "MOVE", "time_from": "06:00:00", "time_to": "07:00:00"});
    world.seller.put(&exception("2026-03-11"), moved).await.expect(200);
    for day in ["2026-03-09", "2026-03-11"] {
        world.admin.put(&format!("/comptoir/v1/holidays/{day}"), json!({"name": "Свято весни"})).await.expect(200);
    }
    for (date, reason, window) in [
        ("2026-03-02", "RULE", Some("2026-03-02T07:00:00Z")),
        ("2026-03-03", "NO_OCCURRENCE", None),
        ("2026-03-04", "SKIPPED", None),
        ("2026-03-05", "EXTRA", Some("2026-03-05T20:00:00Z")),
        ("2026-03-09", "HOLIDAY", None),
        ("2026-03-11", "MOVED", Some("2026-03-11T04:00:00Z")),
        ("2026-02-01", "NOT_BEGUN", None),
    ] {
        let mut texts = Vec::new();
        for lang in ["en", "ru", "uk"] {
            let answer = world.buyer.get(&explained(BUYER, date, lang)).await.expect(200).json();
            assert_eq!(answer["reason"], reason, "{date}");
            assert_eq!(answer["window"]["opens_at"].as_str(), window, "{date}");
            assert!(answer["text"].as_str().unwrap().contains("Tide"));
            texts.push(answer["text"].clone());
        }
        assert!(texts[0] != texts[1] && texts[1] != texts[2]);
    }
    insta::assert_snapshot!(world.buyer.get(&explained(BUYER, "2026-03-09", "uk")).await.shown(), @r#"
    200
    {
      "date": "2026-03-09",
      "schedule": {
        "id": 1,
        "name": "Tide",
        "type": 1,
        "block": true
      },
      "reason": "HOLIDAY",
      "window": null,
      "text": "Діє індивідуальний графік «Tide»: його призначено цьому дистриб'ютору, і він важливіший за загальний. Щотижня: понеділок, середа; з 2026-02-02. 2026-03-09 — свято компанії, «Свято весни»: вікна немає."
    }
    "#);
    let none = world.admin.get(&explained(OTHER_BUYER, "2026-03-09", "en")).await.expect(200).json();
    assert_eq!((&none["schedule"], &none["reason"]), (&Value::Null, &Value::Null));
    // The contract follows.
    let days = format!("/api/distribex/distributor/schedules/days?producer_id={PRODUCER}&year=2026&month=3");
    assert_eq!(world.buyer.get(&days).await.expect(200).json(), json!([2, 5, 11, 16, 18, 23, 25, 30]));
    world.server.clock.set(comptoir::clock::Timestamp::from_unix_seconds(at("2026-03-02T22:00:00+02:00")));
    let listed = world.seller.get(SCHEDULES).await.expect(200).json();
    assert_eq!(listed[0]["dateClosest"], at("2026-03-05T00:00:00+02:00"));
    world.server.clock.set(comptoir::clock::Timestamp::from_unix_seconds(at("2026-03-02T12:00:00+02:00")));
    let page = world.seller.get("/comptoir/v1/schedules/1/exceptions?from=2026-03-05").await.expect(200).json();
    assert_eq!(
        page["items"],
        json!([
            {"date": "2026-03-05", "kind": "EXTRA", "time_from": "22:00:00", "time_to": "02:00:00"},
            {"date": "2026-03-11", "kind": "MOVE", "time_from": "06:00:00", "time_to": "07:00:00"}
        ])
    );
    // And what is removed is as it was.
    world.seller.delete(&exception("2026-03-04")).await.expect(200);
    world.seller.delete(&exception("2026-03-04")).await.expect(404);
    world.admin.delete("/comptoir/v1/holidays/2026-03-09").await.expect(200);
    world.admin.delete("/comptoir/v1/holidays/2026-03-09").await.expect(404);
    assert_eq!(world.buyer.get(&days).await.expect(200).json(), json!([2, 4, 5, 9, 11, 16, 18, 23, 25, 30]));
    let left = world.admin.get("/comptoir/v1/holidays?from=2026-03-10").await.expect(200).json();
    assert_eq!(left["items"], json!([{"date": "2026-03-11", "name": "Свято весни"}]));
    world.seller.delete(&format!("{SCHEDULES}?schedule_id=1")).await.expect(200);
    world.seller.get("/comptoir/v1/schedules/1/exceptions").await.expect(404);
}

#[tokio::test]
async fn an_exception_that_says_nothing_or_too_much_is_refused() {
    let world = world().await;
    let put = async |date: &str, body: Value| {
        world
            .seller
            .put(&format!("/comptoir/v1/schedules/1/exceptions/{date}"), body)
            .await
            .expect(400)
            .faults()
            .join(" ")
    };
    assert!(put("2026-03-03", json!({"kind": "SKIP"})).await.starts_with("date"), "there is nothing to skip");
    assert!(put("2026-02-01", json!({"kind": "EXTRA"})).await.starts_with("date"), "before the schedule");
    assert!(put("2026-02-30", json!({"kind": "EXTRA"})).await.starts_with("date"));
    assert!(put("2026-03-04", json!({"kind": "MOVE"})).await.starts_with("time_from"));
    let one = json!({"kind": "MOVE", "time_from": "06:00:00"});
    assert!(put("2026-03-04", one).await.starts_with("time_to"));
    let equal = json!({"kind": "MOVE", "time_from": "06:00:00", "time_to": "06:00:00"});
    assert!(put("2026-03-04", equal).await.starts_with("time_to"));
    let hours = json!({"kind": "SKIP", "time_from": "06:00:00", "time_to": "07:00:00"});
    assert!(put("2026-03-04", hours).await.starts_with("time_from"));
    assert!(put("2026-03-04", json!({"kind": "SLEEP"})).await.starts_with("kind"));
    world.admin.put("/comptoir/v1/holidays/2026-13-01", json!({"name": "x"})).await.expect(400);
    world.admin.put("/comptoir/v1/holidays/2026-03-01", json!({"name": " "})).await.expect(400);
}
