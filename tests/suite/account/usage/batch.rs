//! `/comptoir/v1/processes/batch`: many reports at once, each by itself.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Cast, PROCESSES, lines, start, statistics};

const BATCH: &str = "/comptoir/v1/processes/batch";

#[tokio::test]
async fn each_report_of_a_batch_is_recorded_or_refused_by_itself() {
    let cast = Cast::new().await;
    let quota = "/comptoir/v1/quotas/north_user/UNIVERSAL/PLAN";
    cast.admin.put(quota, json!({"points_per_day": 10, "max_concurrent_execution": 2})).await.expect(200);
    let codes: Vec<_> = (0..8).map(|_| Uuid::new_v4()).collect();
    let done = |code, more| {
        let mut report = start(code, more);
        report["finish"] = json!({"status": "FINISHED_IN_TIME", "elements": 1});
        report
    };
    let reports = json!([
        start(codes[0], json!({"points_count": 4})),
        start(codes[0], json!({"points_count": 4})),
        start(codes[0], json!({"points_count": 5})),
        start(codes[1], json!({"points_count": 7})),
        start(codes[2], json!({"points_count": 1})),
        start(codes[3], json!({"points_count": 1})),
        done(codes[3], json!({"points_count": 100})),
        {"process_code": codes[0], "finish": {"status": "IN_PROGRESS"}},
        {"process_code": codes[0], "finish": {"status": "FAILED"}},
        {"process_code": codes[5], "finish": {"status": "FAILED"}},
        start(codes[6], json!({"username": "nobody_here"})),
    ]);
    let answer = cast.bot.post(BATCH, json!({"reports": reports})).await.expect(200).json();
    let results: Vec<_> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| {
            format!("{} {}", result["outcome"].as_str().unwrap(), result.get("status").unwrap_or(&Value::Null))
        })
        .collect();
    assert_eq!(
        results,
        [
            "RECORDED null",
            "KNOWN null",
            "REFUSED 409",
            "REFUSED 402",
            "RECORDED null",
            "REFUSED 429",
            "RECORDED null",
            "REFUSED 400",
            "RECORDED null",
            "REFUSED 404",
            "REFUSED 404",
        ]
    );
    assert_eq!((&answer["recorded"], &answer["known"], &answer["refused"]), (&json!(4), &json!(1), &json!(6)));
    assert_eq!(answer["results"][7]["process_code"], json!(codes[0]));
    assert!(answer["results"][7]["message"].as_str().unwrap().contains("`reports[7].finish.status` must be one of"));
    assert_eq!(lines(&statistics(&cast.user).await), ["2026-03-02 UNIVERSAL PLAN: 3 105 105 1"]);
    let kept = cast.bot.get(&format!("{PROCESSES}/{}", codes[1])).await.expect(200).json();
    assert_eq!(kept["status"], "CANCELED_BY_QUOTA");
}

#[tokio::test]
async fn a_batch_of_several_slices_counts_once_however_often_it_is_sent() {
    let cast = Cast::new().await;
    let reports: Vec<_> = (0..1_200)
        .map(|number| {
            let mut report = start(Uuid::new_v4(), json!({"points": [format!("point {}", number % 100), "depot"]}));
            report["requests"] = json!([{"request_code": Uuid::new_v4(), "operation": "run_plan"}]);
            report["finish"] = json!({"status": "FINISHED_IN_TIME", "elements": 2});
            report
        })
        .collect();
    let body = json!({"reports": reports});
    let answer = cast.bot.post(BATCH, body.clone()).await.expect(200).json();
    assert_eq!((&answer["recorded"], &answer["refused"]), (&json!(1200), &json!(0)));
    let expected = ["2026-03-02 UNIVERSAL PLAN: 1200 2400 101 2400"];
    assert_eq!(lines(&statistics(&cast.user).await), expected);
    let answer = cast.bot.post(BATCH, body).await.expect(200).json();
    assert_eq!((&answer["recorded"], &answer["known"]), (&json!(0), &json!(1200)));
    assert_eq!(lines(&statistics(&cast.user).await), expected);
    let none = cast.bot.post(BATCH, json!({"reports": []})).await.expect(400);
    assert!(none.faults()[0].starts_with("reports: "), "{}", none.shown());
}

#[tokio::test]
async fn reports_of_one_process_are_recorded_in_their_order_and_answered_in_their_places() {
    let cast = Cast::new().await;
    let codes: Vec<_> = (0..300).map(|_| Uuid::new_v4()).collect();
    let end = |code: &Uuid, elements: i32| json!({"process_code": code, "finish": {"status": "FAILED", "elements": elements}});
    let mut reports: Vec<_> = codes.iter().map(|code| start(*code, json!({"points_count": 2}))).collect();
    reports.extend(codes.iter().rev().map(|code| end(code, 1)));
    reports.extend(codes.iter().step_by(3).map(|code| end(code, 2)));
    reports.extend(codes.iter().map(|code| end(code, 1)));
    let answer = cast.bot.post(BATCH, json!({"reports": reports.clone()})).await.expect(200).json();
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 1_000);
    for (at, (report, result)) in reports.iter().zip(results).enumerate() {
        assert_eq!(report["process_code"], result["process_code"], "{at}");
        let expected = match at {
            0..600 => "RECORDED",
            600..700 => "REFUSED",
            _ => "KNOWN",
        };
        assert_eq!(result["outcome"], expected, "{at}");
    }
    assert_eq!(lines(&statistics(&cast.user).await), ["2026-03-02 UNIVERSAL PLAN: 300 600 600 300"]);
}

#[tokio::test]
async fn a_report_that_is_refused_leaves_nothing_and_its_neighbours_stand() {
    let cast = Cast::new().await;
    let [first, second, third, fourth] = [(); 4].map(|()| Uuid::new_v4());
    let request = Uuid::new_v4();
    let with = |code: Uuid, requests: &[(Uuid, &str)]| {
        let mut report = start(code, json!({"points": ["depot"]}));
        report["requests"] =
            requests.iter().map(|(code, operation)| json!({"request_code": code, "operation": operation})).collect();
        report["finish"] = json!({"status": "FINISHED_IN_TIME", "elements": 1});
        report
    };
    let other = Uuid::new_v4();
    let twice = Uuid::new_v4();
    cast.bot.post(PROCESSES, with(first, &[(request, "run_plan")])).await.expect(200);
    let reports = json!([
        // Somebody else's request; twice the same; twice the same code for two things; one that is in order.
        with(second, &[(other, "run_plan"), (request, "run_plan")]),
        with(third, &[(twice, "run_plan"), (twice, "run_plan")]),
        with(fourth, &[(other, "run_plan"), (other, "run_other")]),
        with(Uuid::new_v4(), &[(other, "run_plan")]),
    ]);
    let answer = cast.bot.post(BATCH, json!({"reports": reports})).await.expect(200).json();
    let outcomes: Vec<_> = (0..4).map(|at| answer["results"][at]["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["REFUSED", "RECORDED", "REFUSED", "RECORDED"]);
    for code in [second, fourth] {
        cast.bot.get(&format!("{PROCESSES}/{code}")).await.expect(404);
    }
    assert_eq!(lines(&statistics(&cast.user).await), ["2026-03-02 UNIVERSAL PLAN: 3 3 1 3"]);
    let audit = cast.admin.get("/account/audit?service=UNIVERSAL").await.expect(200).json();
    assert_eq!(audit["counters"]["filter"]["total"], 3);
    let of = |code: Uuid| {
        let actions = audit["actions"].as_array().unwrap();
        actions.iter().find(|action| action["process_code"] == code.to_string()).unwrap()["requests"].clone()
    };
    assert_eq!(of(third).as_array().unwrap().len(), 1, "told of twice, it was made once");
    assert_eq!(cast.server.audit_findings(), Vec::<String>::new());
}
