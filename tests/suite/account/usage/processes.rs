//! `/comptoir/v1/processes`: one report at a time.

use serde_json::{Value, json};
use uuid::{Uuid, uuid};

use super::{Cast, PROCESSES, finish, lines, start, started, statistics};

const REQUEST: Uuid = uuid!("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee");

#[tokio::test]
async fn a_process_is_reported_piece_by_piece_and_shows_how_it_stands() {
    let cast = Cast::new().await;
    let code = Uuid::new_v4();
    let more = json!({"points": ["a", "b", "a"], "time": "2026-03-02T09:30:00+03:00"});
    insta::assert_snapshot!(cast.bot.post(PROCESSES, start(code, more)).await.shown(), @r#"
    200
    {
      "process_code": "[uuid]",
      "username": "north_user",
      "service": "UNIVERSAL",
      "process_type": "PLAN",
      "status": "IN_PROGRESS",
      "time": "2026-03-02T06:30:00Z",
      "day": "2026-03-02",
      "points": 3,
      "elements": 0,
      "input_file_exists": false,
      "output_file_exists": false
    }
    "#);
    let requests = json!({"requests": [{"request_code": REQUEST, "operation": "run_plan_calculation"}]});
    cast.bot.post(&format!("{PROCESSES}/{code}/requests"), requests).await.expect(200);
    let ended = finish(&cast.bot, code, 7).await.expect(200).json();
    assert_eq!((&ended["status"], &ended["elements"]), (&json!("FINISHED_IN_TIME"), &json!(7)));
    assert_eq!(cast.admin.get(&format!("{PROCESSES}/{code}")).await.expect(200).json(), ended);
    assert_eq!(lines(&statistics(&cast.user).await), ["2026-03-02 UNIVERSAL PLAN: 1 3 2 7"]);
}

#[tokio::test]
async fn the_same_report_again_counts_once_and_another_under_its_code_is_a_conflict() {
    let cast = Cast::new().await;
    let code = Uuid::new_v4();
    let mut whole = start(code, json!({"points": ["a", "b"]}));
    whole["requests"] = json!([{"request_code": REQUEST, "operation": "run_plan_calculation"}]);
    whole["finish"] = json!({"status": "FINISHED_IN_TIME", "elements": 5, "timings": {"calculation_ms": 90}});
    for _ in 0..3 {
        cast.bot.post(PROCESSES, whole.clone()).await.expect(200);
    }
    let mut turned = whole.clone();
    turned["start"]["points"] = json!(["b", "a"]);
    cast.bot.post(PROCESSES, turned).await.expect(200);
    let end = |elements, milliseconds| json!({"status": "FINISHED_IN_TIME", "elements": elements, "timings": {"calculation_ms": milliseconds}});
    cast.bot.post(&format!("{PROCESSES}/{code}/finish"), end(5, 90)).await.expect(200);

    let changed = |pointer: &str, value: Value| {
        let mut changed = whole.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed
    };
    for (body, why) in [
        (changed("/start/points", json!(["a"])), "was started with other data before"),
        (changed("/start/service", json!("ROUTING")), "was started with other data before"),
        (changed("/start/username", json!("north_admin")), "was started with other data before"),
        (changed("/requests/0/operation", json!("another")), "was reported with other data before"),
        (changed("/finish", end(6, 90)), "was reported to have ended otherwise"),
        (changed("/finish", end(5, 91)), "was reported to have ended otherwise"),
    ] {
        let answer = cast.bot.post(PROCESSES, body).await.expect(409);
        assert!(answer.json()["detail"].as_str().unwrap().ends_with(why), "{}", answer.shown());
    }
    // A request's code is the company's, whatever process it is reported for.
    let other = started(&cast.bot, json!({"points_count": 0})).await;
    let requests = json!({"requests": [{"request_code": REQUEST, "operation": "run_plan_calculation"}]});
    cast.bot.post(&format!("{PROCESSES}/{other}/requests"), requests).await.expect(409);
    assert_eq!(lines(&statistics(&cast.user).await), ["2026-03-02 UNIVERSAL PLAN: 2 2 2 5"]);
}

#[tokio::test]
async fn codes_are_each_companys_own() {
    let cast = Cast::new().await;
    cast.server.company("south").await;
    let south = cast.server.user("south", "south_bot", &["BOT"]).await;
    let code = started(&cast.bot, json!({"points_count": 1})).await;
    south.get(&format!("{PROCESSES}/{code}")).await.expect(404);
    finish(&south, code, 1).await.expect(404);
    let theirs = json!({"process_code": code, "start": {"service": "AGRO", "process_type": "ROUTE"}});
    south.post(PROCESSES, theirs).await.expect(200);
    let answer = south.post(PROCESSES, start(Uuid::new_v4(), json!({}))).await.expect(404);
    assert_eq!(answer.json()["detail"], "there is no user `north_user`");
    assert_eq!(lines(&statistics(&south).await), ["2026-03-02 AGRO ROUTE: 1 0 0 0"]);
    assert_eq!(lines(&statistics(&cast.user).await), ["2026-03-02 UNIVERSAL PLAN: 1 1 1 0"]);
}

#[tokio::test]
async fn a_report_that_is_not_in_order_is_told_where() {
    let cast = Cast::new().await;
    let code = Uuid::new_v4();
    let end = |status: &str| json!({"process_code": code, "finish": {"status": status}});
    for (body, fault) in [
        (start(code, json!({"service": "NOTHING"})), "start.service: must be one of "),
        (
            start(code, json!({"points": ["a"], "points_count": 1})),
            "start.points_count: must not stand beside `points`",
        ),
        (start(code, json!({"points": ["a", ""]})), "start.points[1]: must have 1 to 256 characters"),
        (start(code, json!({"points_count": 100_000_001})), "start.points_count: must be "),
        (start(code, json!({"points_count": -1})), "start.points_count: must be "),
        (start(code, json!({"time": "yesterday"})), "start.time: "),
        (start(code, json!({"time": "2026-03-03T10:00:01Z"})), "start.time: must not lie more than a day ahead"),
        (start(code, json!({"time": "1999-12-31T23:59:59Z"})), "start.time: must not lie before 2000-01-01"),
        (start(code, json!({"mood": "good"})), "start.mood: "),
        (end("IN_PROGRESS"), "finish.status: must be one of FINISHED_IN_TIME, "),
        (end("CANCELED_BY_QUOTA"), "finish.status: must be one of FINISHED_IN_TIME, "),
        (json!({"process_code": code}), "start: is required, unless there are `requests` or a `finish`"),
        (json!({"process_code": "abc", "finish": {"status": "FAILED"}}), "process_code: "),
    ] {
        let answer = cast.bot.post(PROCESSES, body).await.expect(400);
        assert!(answer.faults()[0].starts_with(fault), "{fault}: {}", answer.shown());
    }
    cast.bot.post(PROCESSES, end("FAILED")).await.expect(404);
    let answer = cast.bot.get(&format!("{PROCESSES}/abc")).await.expect(400);
    assert_eq!(answer.faults(), ["process_code: must be a UUID"]);
    assert_eq!(statistics(&cast.user).await, json!([]));
}

#[tokio::test]
async fn a_day_is_never_made_larger_than_the_contract_lets_a_client_read() {
    let cast = Cast::new().await;
    let full = json!({"points_count": 100_000_000});
    started(&cast.bot, full).await;
    let code = Uuid::new_v4();
    let answer = cast.bot.post(PROCESSES, start(code, json!({"points_count": 1}))).await.expect(400);
    assert_eq!(answer.faults(), ["points: would make 100000001 on 2026-03-02; a day has at most 100000000"]);
    cast.bot.get(&format!("{PROCESSES}/{code}")).await.expect(404);
    let empty = started(&cast.bot, json!({"points_count": 0})).await;
    finish(&cast.bot, empty, 100_000_000).await.expect(200);
    let empty = started(&cast.bot, json!({"points_count": 0})).await;
    let answer = finish(&cast.bot, empty, 1).await.expect(400);
    assert_eq!(answer.faults(), ["elements: would make 100000001 on 2026-03-02; a day has at most 100000000"]);
    // Another day has its own.
    started(&cast.bot, json!({"points_count": 1, "time": "2026-03-01T10:00:00Z"})).await;
    assert_eq!(
        lines(&statistics(&cast.user).await),
        ["2026-03-01 UNIVERSAL PLAN: 1 1 1 0", "2026-03-02 UNIVERSAL PLAN: 3 100000000 100000000 100000000"]
    );
}

#[tokio::test]
async fn processes_are_listed_last_first_page_by_page() {
    let cast = Cast::new().await;
    let mut codes = Vec::new();
    for _ in 0..5 {
        codes.push(started(&cast.bot, json!({})).await.to_string());
    }
    codes.reverse();
    let (mut seen, mut path) = (Vec::new(), format!("{PROCESSES}?username=north_user&limit=2"));
    loop {
        let page = cast.admin.get(&path).await.expect(200).json();
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["process_code"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next_page_token"].as_str() else { break };
        path = format!("{PROCESSES}?username=north_user&limit=2&page_token={next}");
    }
    assert_eq!(seen, codes);
    cast.bot.get(&format!("{PROCESSES}?username=north_user")).await.expect(404);
    assert_eq!(cast.bot.get(PROCESSES).await.expect(200).json()["items"], json!([]));
}
