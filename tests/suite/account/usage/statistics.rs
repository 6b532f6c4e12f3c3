//! `/account/statistics`: its shape, its period, its filters.

use std::time::Duration;

use serde_json::json;

use super::{Cast, finish, lines, started};

#[tokio::test]
async fn a_statistic_nests_days_services_and_types_in_the_contracts_order() {
    let cast = Cast::new().await;
    for (service, process_type) in [("AGRO", "PLAN"), ("UNIVERSAL", "MATRIX"), ("UNIVERSAL", "NOTRACE")] {
        let more = json!({"service": service, "process_type": process_type, "points_count": 2});
        let code = started(&cast.bot, more).await;
        finish(&cast.bot, code, 3).await.expect(200);
    }
    started(&cast.bot, json!({"time": "2026-03-01T00:00:00Z", "points": ["a", "a"]})).await;
    let answer = cast.user.get("/account/statistics?from=2026-03-01&to=2026-03-02").await.expect(200);
    let counts = r#""unique_points_per_day":2,"points_per_day":2,"elements_per_day":3,"processes_per_day":1"#;
    let days = [
        concat!(
            r#"{"date":"2026-03-01","services":[{"service":"UNIVERSAL","processes":[{"process_type":"PLAN","#,
            r#""unique_points_per_day":1,"points_per_day":2,"elements_per_day":0,"processes_per_day":1}]}]}"#,
        )
        .to_owned(),
        format!(
            concat!(
                r#"{{"date":"2026-03-02","services":[{{"service":"UNIVERSAL","processes":["#,
                r#"{{"process_type":"NOTRACE",{0}}},{{"process_type":"MATRIX",{0}}}]}},"#,
                r#"{{"service":"AGRO","processes":[{{"process_type":"PLAN",{0}}}]}}]}}"#,
            ),
            counts
        ),
    ];
    assert_eq!(answer.text(), format!(r#"{{"username":"north_user","dates":[{}]}}"#, days.join(",")));
}

#[tokio::test]
async fn without_a_period_it_is_this_month_until_yesterday_in_the_users_own_days() {
    let cast = Cast::new().await;
    for day in ["2026-02-28", "2026-03-01", "2026-03-02"] {
        started(&cast.bot, json!({"time": format!("{day}T09:00:00Z"), "points_count": 1})).await;
    }
    let days = async |path: &str| {
        let answer = cast.user.get(path).await.expect(200).json();
        answer["dates"]
            .as_array()
            .unwrap()
            .iter()
            .map(|date| date["date"].as_str().unwrap()[5..].to_owned())
            .collect::<Vec<_>>()
    };
    // It is 2026-03-02, 10:00 UTC.
    assert_eq!(days("/account/statistics").await, ["03-01"]);
    assert_eq!(days("/account/statistics?from=2026-02-01").await, ["02-28", "03-01"]);
    assert_eq!(days("/account/statistics?to=2026-03-02").await, ["03-01", "03-02"]);
    assert_eq!(days("/account/statistics?from=2026-03-02").await, [""; 0], "only the default end makes it empty");
    assert_eq!(days("/account/statistics?from=2026-03-02&to=2026-03-02").await, ["03-02"]);
    assert_eq!(days("/account/statistics?from=2030-01-01&to=2031-01-01").await, [""; 0]);
    // Where it is still the first of the month, it began today.
    cast.live_at("north_user", -12).await;
    assert_eq!(days("/account/statistics").await, [""; 0]);
    cast.live_at("north_user", 0).await;
    cast.server.clock.advance(Duration::from_hours(14));
    assert_eq!(days("/account/statistics").await, ["03-01", "03-02"]);
}

#[tokio::test]
async fn a_statistic_is_the_callers_own_and_filtered_as_asked() {
    let cast = Cast::new().await;
    for (service, process_type) in [("AGRO", "PLAN"), ("UNIVERSAL", "PLAN"), ("UNIVERSAL", "ROUTE")] {
        started(&cast.bot, json!({"service": service, "process_type": process_type})).await;
    }
    let all = "/account/statistics?from=2026-03-02&to=2026-03-02";
    let kinds =
        async |more: &str| lines(&cast.user.get(&format!("{all}{more}")).await.expect(200).json()["dates"]).len();
    assert_eq!(kinds("").await, 3);
    assert_eq!(kinds("&service=UNIVERSAL").await, 2);
    assert_eq!(kinds("&process_type=PLAN").await, 2);
    assert_eq!(kinds("&service=UNIVERSAL&process_type=ROUTE").await, 1);
    assert_eq!(kinds("&service=PACKER").await, 0);
    let admins = cast.admin.get(all).await.expect(200).json();
    assert_eq!(admins, json!({"username": "north_admin", "dates": []}));
    let long = cast.user.get("/account/statistics?from=2017-01-01&to=2026-12-31").await.expect(200).json();
    assert_eq!(lines(&long["dates"]).len(), 3);
}

#[tokio::test]
async fn a_parameter_that_is_not_in_order_is_named() {
    let cast = Cast::new().await;
    for operation in ["statistics", "report"] {
        for (query, fault) in [
            ("from=2026-03-02&to=2026-03-01", "from: must not be later than `to` (2026-03-01)"),
            ("from=2016-03-01&to=2026-03-02", "from: must leave at most 3653 days; 2016-03-01 to 2026-03-02 are 3654"),
            ("from=01.03.2026", "from: must be a date such as 2024-11-22"),
            ("to=2026-02-30", "to: must be a date such as 2024-11-22"),
            (
                "service=plan",
                "service: must be one of UNIVERSAL, ROUTING, ACCOUNT, ADMIN, STUDIO, MONITOR, PACKER, AGRO",
            ),
            (
                "process_type=X",
                "process_type: must be one of NOTRACE, TRACE, PLAN, ACTUALIZE, CONVERT, VALIDATE, ROUTE, MATRIX",
            ),
        ] {
            let answer = cast.user.get(&format!("/account/{operation}?{query}")).await.expect(400);
            assert_eq!(answer.faults(), [fault], "{operation}?{query}");
            assert_eq!(answer.json()["tracedata"]["operation"], format!("generate_{operation}"));
        }
    }
}
