//! Quotas: set in the house, read in the contract, held against every start.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

use super::{Cast, PROCESSES, finish, lines, start, started, statistics};

const QUOTA: &str = "/comptoir/v1/quotas/north_user/UNIVERSAL/PLAN";

#[tokio::test]
async fn quotas_are_set_listed_read_and_lifted() {
    let cast = Cast::new().await;
    let limits = json!({"points_per_request": 1500, "points_per_day": 25000, "max_concurrent_execution": 5});
    cast.admin.put("/comptoir/v1/quotas/north_user/AGRO/ROUTE", json!({"points_per_day": 0})).await.expect(200);
    cast.admin.put("/comptoir/v1/quotas/north_user/UNIVERSAL/MATRIX", limits.clone()).await.expect(200);
    insta::assert_snapshot!(cast.admin.put(QUOTA, limits).await.shown(), @r#"
    200
    {
      "username": "north_user",
      "service": "UNIVERSAL",
      "process_type": "PLAN",
      "points_per_request": 1500,
      "points_per_day": 25000,
      "max_concurrent_execution": 5
    }
    "#);
    assert_eq!(
        cast.user.get("/account/quota").await.expect(200).text(),
        concat!(
            r#"{"base":{"services":[{"service":"UNIVERSAL","processes":["#,
            r#"{"process_type":"PLAN","points_per_request":1500,"points_per_day":25000,"max_concurrent_execution":5},"#,
            r#"{"process_type":"MATRIX","points_per_request":1500,"points_per_day":25000,"max_concurrent_execution":5}"#,
            r#"]},{"service":"AGRO","processes":[{"process_type":"ROUTE","points_per_request":1000000,"#,
            r#""points_per_day":0,"max_concurrent_execution":1000}]}]}}"#,
        )
    );
    let first = cast.admin.get("/comptoir/v1/quotas?limit=2").await.expect(200).json();
    let next = first["next_page_token"].as_str().unwrap();
    let rest = cast.admin.get(&format!("/comptoir/v1/quotas?limit=2&page_token={next}")).await.expect(200).json();
    let listed: Vec<_> = [first["items"].as_array().unwrap().as_slice(), rest["items"].as_array().unwrap()]
        .concat()
        .iter()
        .map(|quota| format!("{} {}", quota["service"].as_str().unwrap(), quota["process_type"].as_str().unwrap()))
        .collect();
    assert_eq!(listed, ["UNIVERSAL PLAN", "UNIVERSAL MATRIX", "AGRO ROUTE"]);
    for path in [QUOTA, "/comptoir/v1/quotas/north_user/UNIVERSAL/MATRIX", "/comptoir/v1/quotas/north_user/AGRO/ROUTE"]
    {
        cast.admin.delete(path).await.expect(200);
    }
    cast.admin.delete(QUOTA).await.expect(404);
    let widest = cast.user.get("/account/quota").await.expect(200).json();
    let services = widest["base"]["services"].as_array().unwrap();
    assert_eq!(services.len(), 8, "its client takes an empty list for a broken answer");
    assert_eq!(
        services[0]["processes"][2],
        json!({"process_type": "PLAN", "points_per_request": 1_000_000, "points_per_day": 100_000_000,
               "max_concurrent_execution": 1000})
    );
    for (path, body, fault) in [
        (QUOTA, json!({"points_per_request": 1_000_001}), "points_per_request: must be an integer from 0 to 1000000"),
        (QUOTA, json!({"max_concurrent_execution": -1}), "max_concurrent_execution: must be an integer from 0 to 1000"),
        ("/comptoir/v1/quotas/north_user/UNIVERSAL/X", json!({}), "process_type: must be one of NOTRACE, "),
    ] {
        let answer = cast.admin.put(path, body).await.expect(400);
        assert!(answer.faults()[0].starts_with(fault), "{}", answer.shown());
    }
    cast.admin.put("/comptoir/v1/quotas/nobody/UNIVERSAL/PLAN", json!({})).await.expect(404);
}

#[tokio::test]
async fn a_start_over_a_quota_of_points_is_kept_as_refused_and_does_not_count() {
    let cast = Cast::new().await;
    cast.admin.put(QUOTA, json!({"points_per_request": 60, "points_per_day": 100})).await.expect(200);
    let code = Uuid::new_v4();
    for again in [false, true] {
        let answer = cast.bot.post(PROCESSES, start(code, json!({"points_count": 61}))).await.expect(402);
        assert_eq!(answer.json()["type"], "urn:comptoir:problem:payment-required");
        if !again {
            assert_eq!(answer.json()["detail"], "61 points are more than the quota of 60 a request");
        }
    }
    let kept = cast.bot.get(&format!("{PROCESSES}/{code}")).await.expect(200).json();
    assert_eq!((&kept["status"], &kept["points"]), (&json!("CANCELED_BY_QUOTA"), &json!(61)));
    finish(&cast.bot, code, 1).await.expect(409);
    started(&cast.bot, json!({"points_count": 60})).await;
    let over = cast.bot.post(PROCESSES, start(Uuid::new_v4(), json!({"points_count": 41}))).await.expect(402);
    assert_eq!(over.json()["detail"], "41 points are more than the 40 left of the day's quota of 100");
    started(&cast.bot, json!({"points_count": 40})).await;
    // Another day, another kind of work and another user have their own.
    started(&cast.bot, json!({"points_count": 50, "time": "2026-03-01T12:00:00Z"})).await;
    started(&cast.bot, json!({"points_count": 500, "process_type": "ROUTE"})).await;
    started(&cast.bot, json!({"points_count": 500, "username": "north_admin"})).await;
    assert_eq!(
        lines(&statistics(&cast.user).await),
        [
            "2026-03-01 UNIVERSAL PLAN: 1 50 50 0",
            "2026-03-02 UNIVERSAL PLAN: 2 100 100 0",
            "2026-03-02 UNIVERSAL ROUTE: 1 500 500 0",
        ]
    );
}

#[tokio::test]
async fn work_that_is_done_already_is_kept_whatever_the_quota() {
    let cast = Cast::new().await;
    let none = json!({"points_per_request": 0, "points_per_day": 0, "max_concurrent_execution": 0});
    cast.admin.put(QUOTA, none).await.expect(200);
    let mut done = start(Uuid::new_v4(), json!({"points_count": 7}));
    done["finish"] = json!({"status": "FINISHED_IN_TIME", "elements": 2});
    cast.bot.post(PROCESSES, done).await.expect(200);
    cast.bot.post(PROCESSES, start(Uuid::new_v4(), json!({"points_count": 1}))).await.expect(402);
    let busy = cast.bot.post(PROCESSES, start(Uuid::new_v4(), json!({"points_count": 0}))).await.expect(429);
    assert_eq!(busy.header("retry-after"), Some("5"));
    assert_eq!(lines(&statistics(&cast.user).await), ["2026-03-02 UNIVERSAL PLAN: 1 7 7 2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_starts_never_exceed_what_may_run_at_once() {
    let cast = Cast::new().await;
    cast.admin.put(QUOTA, json!({"max_concurrent_execution": 5})).await.expect(200);
    let mut running: Vec<Uuid> = Vec::new();
    for round in 0..3 {
        let codes: Vec<_> = (0..30).map(|_| Uuid::new_v4()).collect();
        let starts = codes.iter().map(|code| {
            let (bot, code) = (cast.bot.clone(), *code);
            tokio::spawn(async move { bot.post(PROCESSES, start(code, json!({"points_count": 1}))).await })
        });
        let mut admitted = Vec::new();
        for (code, answer) in codes.iter().zip(join_all(starts).await) {
            let answer = answer.unwrap();
            match answer.status {
                200 => admitted.push(*code),
                429 => assert!(answer.header("retry-after").is_some()),
                _ => panic!("{}", answer.shown()),
            }
        }
        assert_eq!(running.len() + admitted.len(), 5, "round {round}");
        // What was refused left nothing behind and may come again.
        let refused = codes.iter().find(|code| !admitted.contains(code)).unwrap();
        cast.bot.get(&format!("{PROCESSES}/{refused}")).await.expect(404);
        running.extend(admitted);
        for code in running.drain(..3) {
            finish(&cast.bot, code, 0).await.expect(200);
        }
    }
    assert_eq!(lines(&statistics(&cast.user).await), ["2026-03-02 UNIVERSAL PLAN: 11 11 11 0"]);
}

#[tokio::test]
async fn a_process_that_nobody_ends_is_closed_and_gives_its_place_back() {
    let cast = Cast::new().await;
    // Periods begin when they are first looked at.
    cast.server.run_pending_tasks().await;
    cast.admin.put(QUOTA, json!({"max_concurrent_execution": 2})).await.expect(200);
    let code = started(&cast.bot, json!({"points_count": 1, "waiting": true})).await;
    let heard = started(&cast.bot, json!({"points_count": 1})).await;
    cast.server.clock.advance(Duration::from_hours(23));
    let request = json!({"requests": [{"request_code": Uuid::new_v4(), "operation": "still_alive"}]});
    let bot = cast.server.sign_in("north_bot", crate::support::PASSWORD).await;
    bot.post(&format!("{PROCESSES}/{heard}/requests"), request).await.expect(200);
    cast.server.clock.advance(Duration::from_hours(1));
    cast.server.run_pending_tasks().await;
    let bot = cast.server.sign_in("north_bot", crate::support::PASSWORD).await;
    let stands = async |code: Uuid| {
        let process = bot.get(&format!("{PROCESSES}/{code}")).await.expect(200).json();
        process["status"].as_str().unwrap().to_owned()
    };
    assert_eq!((stands(code).await.as_str(), stands(heard).await.as_str()), ("CANCELED_BY_TIMEOUT", "IN_PROGRESS"));
    started(&bot, json!({"points_count": 1})).await;
    // It had only been slow to say so.
    finish(&bot, code, 9).await.expect(200);
    assert_eq!(stands(code).await, "FINISHED_IN_TIME");
    let user = cast.server.sign_in("north_user", crate::support::PASSWORD).await;
    assert_eq!(
        lines(&statistics(&user).await),
        ["2026-03-02 UNIVERSAL PLAN: 2 2 2 9", "2026-03-03 UNIVERSAL PLAN: 1 1 1 0"]
    );
}
