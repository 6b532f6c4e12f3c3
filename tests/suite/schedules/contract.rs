//! `/api/distribex`: every operation and its rules.

use poem::http::Method;
use serde_json::{Value, json};

use super::{BUYER, OTHER_BUYER, OTHER_PRODUCER, PRODUCER, SCHEDULES, World, at, daily, draft, gln, repeating};

/// The code and the message of a refusal.
fn refusal(answer: &crate::support::Answer) -> (String, String) {
    let body = answer.json();
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    (body["code"].as_str().unwrap().to_owned(), body["message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_vendors_worked_example() {
    let world = World::new().await;
    world.server.clock.set(comptoir::clock::Timestamp::from_unix_seconds(at("2025-10-20T10:00:00+03:00")));
    let seller = world.server.sign_in("seller", crate::support::PASSWORD).await;
    let body = json!({
        "id": 17, "name": "Test6", "dateCreated": 0, "dateChanged": 0, "dateStart": 1_761_516_000,
        "timeFrom": "09:00:00", "timeTo": "21:00:00", "block": false, "type": 1,
        "recurrenceRule":
            {"frequency": "WEEKLY", "interval": 1, "count": 50, "dateUntil": 0, "byDay": [1, 2, 4, 6]},
        "distributors": [BUYER, OTHER_BUYER], "dateClosest": 0
    });
    insta::assert_snapshot!(seller.post(SCHEDULES, body.clone()).await.shown(), @r#"
    200
    {
      "id": 1,
      "producerId": 500500,
      "name": "Test6",
      "dateCreated": 1760943600,
      "dateChanged": 1760943600,
      "dateStart": 1761516000,
      "dateEnd": 1768860000,
      "timeFrom": "09:00:00",
      "timeTo": "21:00:00",
      "block": false,
      "type": 1,
      "recurrenceRule": {
        "frequency": "WEEKLY",
        "interval": 1,
        "count": 50,
        "dateUntil": 0,
        "byDay": [
          1,
          2,
          4,
          6
        ]
      },
      "distributors": [
        500600,
        500601
      ],
      "dateClosest": 1761516000
    }
    "#);
    let days = format!("/api/distribex/distributor/schedules/days?producer_id={PRODUCER}&year=2025&month=11");
    let buyer = world.server.sign_in("buyer", crate::support::PASSWORD).await;
    assert_eq!(
        buyer.get(&days).await.expect(200).json(),
        json!([1, 3, 4, 6, 8, 10, 11, 13, 15, 17, 18, 20, 22, 24, 25, 27, 29])
    );
}

#[tokio::test]
async fn a_patch_replaces_and_erases_what_it_does_not_say() {
    let world = World::new().await;
    let mut body = repeating("Spring", at("2026-03-02T00:00:00+02:00"), daily());
    body["timeRemind"] = json!("08:00:00");
    body["block"] = json!(true);
    body["distributors"] = json!([gln(BUYER), OTHER_BUYER, BUYER]);
    let made = world.publish(body).await;
    assert_eq!(made["distributors"], json!([BUYER, OTHER_BUYER]), "each once, as numbers");
    assert_eq!((&made["type"], &made["dateEnd"], &made["timeRemind"]), (&json!(1), &json!(0), &json!("08:00:00")));
    world.server.clock.advance(std::time::Duration::from_mins(1));
    let mut body = draft("Bare", at("2026-03-05T15:30:00+02:00"));
    body["id"] = made["id"].clone();
    body["recurrenceRule"] = Value::Null;
    let changed = world.seller.patch(SCHEDULES, body).await.expect(200);
    insta::assert_snapshot!(changed.shown(), @r#"
    200
    {
      "id": 1,
      "producerId": 500500,
      "name": "Bare",
      "dateCreated": 1772445600,
      "dateChanged": 1772445660,
      "dateStart": 1772717400,
      "dateEnd": 1772717400,
      "timeFrom": "09:00:00",
      "timeTo": "21:00:00",
      "block": false,
      "type": 2,
      "dateClosest": 1772661600
    }
    "#);
    let listed = world.seller.get(SCHEDULES).await.expect(200).json();
    assert_eq!(listed, json!([changed.json()]));
    // Sending back what was read changes nothing but the instant of the change.
    let again = world.seller.patch(SCHEDULES, changed.json()).await.expect(200).json();
    assert_eq!(again, changed.json());
}

#[tokio::test]
async fn schedules_are_listed_newest_change_first_and_paged() {
    let world = World::new().await;
    for day in 1..=5 {
        world.server.clock.advance(std::time::Duration::from_secs(1));
        world.publish(draft(&format!("Day {day}"), at(&format!("2026-04-0{day}T12:00:00+03:00")))).await;
    }
    world.server.clock.advance(std::time::Duration::from_secs(1));
    let mut body = draft("Day 2 again", at("2026-04-02T12:00:00+03:00"));
    body["id"] = json!(2);
    world.seller.patch(SCHEDULES, body).await.expect(200);
    let names = |query: &'static str| {
        let seller = world.seller.clone();
        async move {
            let page = seller.get(&format!("{SCHEDULES}{query}")).await.expect(200).json();
            page.as_array().unwrap().iter().map(|schedule| schedule["name"].clone()).collect::<Vec<_>>()
        }
    };
    assert_eq!(names("").await, ["Day 2 again", "Day 5", "Day 4", "Day 3", "Day 1"]);
    assert_eq!(names("?limit=2&offset=1").await, ["Day 5", "Day 4"]);
    assert_eq!(names("?limit=10000&offset=4").await, ["Day 1"]);
    assert_eq!(names("?gln=&limit=1").await, ["Day 2 again"], "an empty gln is none");
    for query in ["?limit=0", "?limit=10001", "?limit=-1", "?offset=-1", "?limit=x"] {
        let answer = world.seller.get(&format!("{SCHEDULES}{query}")).await.expect(400);
        assert_eq!(refusal(&answer).0, "BAD_REQUEST", "{query}");
    }
}

#[tokio::test]
async fn the_nearest_day_is_today_while_its_window_is_open() {
    let world = World::new().await;
    world.publish(repeating("Day", at("2026-02-02T00:00:00+02:00"), daily())).await;
    let mut night = repeating("Night", at("2026-02-02T00:00:00+02:00"), daily());
    (night["timeFrom"], night["timeTo"]) = (json!("22:00:00"), json!("02:00:00"));
    night["distributors"] = json!([BUYER]);
    world.publish(night).await;
    for (now, day, night) in [
        ("2026-03-02T21:00:00+02:00", "2026-03-02", "2026-03-02"),
        ("2026-03-02T21:00:01+02:00", "2026-03-03", "2026-03-02"),
        ("2026-03-03T02:00:00+02:00", "2026-03-03", "2026-03-02"),
        ("2026-03-03T02:00:01+02:00", "2026-03-03", "2026-03-03"),
    ] {
        world.server.clock.set(comptoir::clock::Timestamp::from_unix_seconds(at(now)));
        let listed = world.seller.get(SCHEDULES).await.expect(200).json();
        let closest = |name: &str| {
            let all = listed.as_array().unwrap();
            all.iter().find(|schedule| schedule["name"] == name).unwrap()["dateClosest"].as_i64().unwrap()
        };
        let midnight = |day: &str| at(&format!("{day}T00:00:00+02:00"));
        assert_eq!((closest("Day"), closest("Night")), (midnight(day), midnight(night)), "{now}");
    }
}

#[tokio::test]
async fn a_schedule_that_is_over_has_no_nearest_day_and_is_not_relevant() {
    let world = World::new().await;
    let made = world.publish(draft("Past", at("2026-02-02T00:00:00+02:00"))).await;
    assert_eq!(made.get("dateClosest"), None);
    let find = "/api/distribex/distributor/schedules";
    assert_eq!(world.buyer.post(find, json!([PRODUCER])).await.expect(200).json(), json!({}));
}

#[tokio::test]
async fn an_individual_schedule_wins_over_a_general_one_even_before_it_begins() {
    let world = World::new().await;
    world.publish(repeating("All", at("2026-02-02T00:00:00+02:00"), daily())).await;
    let rule = json!({"frequency": "DAILY", "interval": 2, "count": 3});
    let mut own = repeating("Own", at("2026-03-10T00:00:00+02:00"), rule);
    own["distributors"] = json!([BUYER]);
    world.publish(own).await;
    let find = "/api/distribex/distributor/schedules";
    let relevant = async |client: &crate::support::Client, gln: i64| {
        let path = format!("{find}?gln={}", super::gln(gln));
        client.post(&path, json!([PRODUCER, OTHER_PRODUCER, 4242])).await.expect(200).json()
    };
    let found = relevant(&world.buyer, BUYER).await;
    assert_eq!(found.as_object().unwrap().keys().collect::<Vec<_>>(), ["500500"], "a producer without one is left out");
    assert_eq!(found[PRODUCER.to_string()]["name"], "Own");
    assert_eq!(relevant(&world.admin, OTHER_BUYER).await[PRODUCER.to_string()]["name"], "All");
    let days = async |month: u32| {
        let path = format!("{find}/days?producer_id={PRODUCER}&year=2026&month={month}");
        world.buyer.get(&path).await.expect(200).json()
    };
    assert_eq!(days(2).await, json!([]), "the individual one has not begun, and wins");
    let after: Vec<u32> = (15..=31).collect();
    let march: Vec<u32> = [vec![10, 12, 14], after].concat();
    assert_eq!(days(3).await, json!(march));
    world.server.clock.set(comptoir::clock::Timestamp::from_unix_seconds(at("2026-03-15T00:00:00+02:00")));
    let buyer = world.server.sign_in("buyer", crate::support::PASSWORD).await;
    assert_eq!(relevant(&buyer, BUYER).await[PRODUCER.to_string()]["name"], "All", "the individual one has ended");
}

#[tokio::test]
async fn what_is_wrong_with_a_schedule_is_named() {
    let world = World::new().await;
    let good = || {
        let rule = json!({"frequency": "WEEKLY", "interval": 1, "count": 0, "dateUntil": 0, "byDay": [1]});
        repeating("Good", at("2026-03-02T00:00:00+02:00"), rule)
    };
    let rule = |name: &str, value: Value| {
        let mut body = good();
        body["recurrenceRule"][name] = value;
        body
    };
    let with = |name: &str, value: Value| {
        let mut body = good();
        body[name] = value;
        body
    };
    let without = |name: &str| {
        let mut body = good();
        body.as_object_mut().unwrap().remove(name);
        body
    };
    for (body, named) in [
        (rule("byDay", json!([])), "byDay"),
        (rule("byDay", Value::Null), "byDay"),
        (rule("byDay", json!([0])), "byDay"),
        (rule("byDay", json!([8])), "byDay"),
        (rule("interval", json!(0)), "interval"),
        (rule("interval", json!(-1)), "interval"),
        (rule("interval", Value::Null), "interval"),
        (rule("count", json!(-1)), "count"),
        (rule("count", json!(9_000_000_000_i64)), "count"),
        (rule("frequency", json!("MONTHLY")), "frequency"),
        (rule("dateUntil", json!(at("2026-03-01T00:00:00+02:00"))), "dateUntil"),
        (rule("dateUntil", json!(253_402_300_800_i64)), "dateUntil"),
        (with("dateStart", json!(-1)), "dateStart"),
        (with("dateStart", json!(1_772_445_600_000_i64)), "dateStart"),
        (with("dateStart", json!("2026-03-02")), "dateStart"),
        (with("timeFrom", json!("24:00:00")), "timeFrom"),
        (with("timeTo", json!("9:00")), "timeTo"),
        (with("timeTo", json!("09:00:00")), "timeTo"),
        (with("timeRemind", json!("25:61:00")), "timeRemind"),
        (with("name", json!("")), "name"),
        (with("name", json!("x".repeat(257))), "name"),
        (with("type", json!(1)), "distributors"),
        (with("type", json!(3)), "type"),
        (with("distributors", json!([4242])), "distributors"),
        (with("distributors", json!([PRODUCER])), "distributors"),
        (with("distributors", json!([OTHER_PRODUCER])), "distributors"),
        (with("distributors", json!(["4820000000018"])), "distributors[0]"),
        (with("distributors", json!([BUYER, -1])), "distributors[1]"),
        (without("name"), "name"),
        (without("dateStart"), "dateStart"),
        (without("timeFrom"), "timeFrom"),
        (without("timeTo"), "timeTo"),
    ] {
        let answer = world.seller.post(SCHEDULES, body.clone()).await.expect(400);
        let (code, message) = refusal(&answer);
        assert_eq!(code, "BAD_REQUEST");
        assert!(message.contains(named), "{named} is not named in {message:?} for {body}");
    }
    let mut both = with("type", json!(2));
    both["distributors"] = json!([BUYER]);
    assert!(refusal(&world.seller.post(SCHEDULES, both).await.expect(400)).1.contains("distributors"));
    // A Tuesday after the end: no occurrence at all.
    let mut never = rule("dateUntil", json!(at("2026-03-02T12:00:00+02:00")));
    never["recurrenceRule"]["byDay"] = json!([2]);
    let never = world.seller.post(SCHEDULES, never).await.expect(400);
    assert_eq!(refusal(&never).1, "`recurrenceRule` has no occurrence");
    assert!(refusal(&world.seller.patch(SCHEDULES, good()).await.expect(400)).1.contains("`id`"));
    assert_eq!(world.seller.get(SCHEDULES).await.expect(200).json(), json!([]));
}

#[tokio::test]
async fn every_failure_has_the_contracts_shape() {
    let world = World::new().await;
    let shape = |answer: crate::support::Answer, code: &str| assert_eq!(refusal(&answer).0, code, "{}", answer.shown());
    shape(world.server.anonymous().get(SCHEDULES).await.expect(401), "UNAUTHORIZED");
    shape(world.seller.get("/api/distribex/nothing").await.expect(404), "NOT_FOUND");
    shape(world.seller.get("/api/authorization").await.expect(404), "NOT_FOUND");
    shape(world.seller.put(SCHEDULES, json!({})).await.expect(405), "METHOD_NOT_ALLOWED");
    let call = world.seller.call(Method::POST, SCHEDULES);
    shape(call.json_text("{\"name\": ").send().await.expect(400), "BAD_REQUEST");
    let call = world.seller.call(Method::POST, SCHEDULES).header("content-type", "text/plain");
    shape(call.body("x").send().await.expect(415), "UNSUPPORTED_MEDIA_TYPE");
    let call = world.seller.call(Method::POST, SCHEDULES);
    shape(call.json_text(vec![b' '; 1024 * 1024 + 1]).send().await.expect(413), "PAYLOAD_TOO_LARGE");
    shape(world.seller.get(&format!("{SCHEDULES}?gln=4820000000018")).await.expect(400), "BAD_REQUEST");
    let nobody = world.server.user("north", "nobody", &[]).await;
    shape(nobody.get(SCHEDULES).await.expect(403), "FORBIDDEN");
    let days = "/api/distribex/distributor/schedules/days";
    for query in [
        "",
        "?producer_id=x&year=2026&month=1",
        "?producer_id=1&year=2026&month=13",
        "?producer_id=1&year=10000&month=1",
    ] {
        shape(world.buyer.get(&format!("{days}{query}")).await.expect(400), "BAD_REQUEST");
    }
    shape(world.buyer.get(&format!("{days}?producer_id=4242&year=2026&month=1")).await.expect(404), "NOT_FOUND");
    let find = "/api/distribex/distributor/schedules";
    shape(world.buyer.post(find, json!(["x"])).await.expect(400), "BAD_REQUEST");
    shape(world.buyer.post(find, json!(vec![1; 1001])).await.expect(400), "BAD_REQUEST");
}

#[tokio::test]
async fn a_schedule_of_another_producer_or_company_is_not_found() {
    let world = World::new().await;
    let made = world.publish(draft("Ours", at("2026-04-01T12:00:00+03:00"))).await;
    world.server.company("south").await;
    let foreign = world.server.user("south", "foreign", &["ADMIN"]).await;
    let id = &made["id"];
    let body = json!({"id": 1, "gln": gln(PRODUCER), "name": "Same GLN", "kind": "PRODUCER"});
    foreign.post("/comptoir/v1/parties", body).await.expect(200);
    let other = format!("{SCHEDULES}?gln={}", gln(OTHER_PRODUCER));
    let theirs = format!("{SCHEDULES}?gln={}", gln(PRODUCER));
    for (client, path) in [(&world.admin, &other), (&foreign, &theirs)] {
        let mut body = draft("Mine", at("2026-04-01T12:00:00+03:00"));
        body["id"] = id.clone();
        client.patch(path, body).await.expect(404);
        client.delete(&format!("{path}&schedule_id={id}")).await.expect(404);
        assert_eq!(client.get(path).await.expect(200).json(), json!([]));
    }
    world.seller.delete(&format!("{SCHEDULES}?schedule_id=4242")).await.expect(404);
    world.seller.delete(&format!("{SCHEDULES}?schedule_id={id}")).await.expect(200);
    world.seller.delete(&format!("{SCHEDULES}?schedule_id={id}")).await.expect(404);
    let next = world.publish(draft("Next", at("2026-04-01T12:00:00+03:00"))).await;
    assert_eq!(next["id"], 2, "a number is never given twice");
}
