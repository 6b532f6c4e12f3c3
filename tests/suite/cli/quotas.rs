//! `comptoir quota`, beside a running server.

use serde_json::json;
use uuid::Uuid;

use super::{OPERATOR_PASSWORD, Place};

#[tokio::test]
async fn a_quota_that_is_set_beside_a_running_server_holds_at_the_next_start() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    let start = |points: u32| {
        let start = json!({"service": "UNIVERSAL", "process_type": "PLAN", "points_count": points});
        json!({"process_code": Uuid::new_v4(), "start": start})
    };
    let reports = "/comptoir/v1/processes";
    operator.post(reports, start(11)).await.expect(200);
    let of = ["comptoir", "operator", "UNIVERSAL", "PLAN"];
    place.succeed(&[&["quota", "set"][..], &of, &["--points-per-request", "10"]].concat()).await;
    operator.post(reports, start(11)).await.expect(402);
    operator.post(reports, start(10)).await.expect(200);
    let listed = place.list(&["quota", "list", "comptoir", "--json"]).await;
    assert_eq!(
        listed[0],
        json!({"username": "operator", "service": "UNIVERSAL", "process_type": "PLAN", "points_per_request": 10,
               "points_per_day": 100_000_000, "max_concurrent_execution": 1000})
    );
    place.succeed(&[&["quota", "remove"][..], &of].concat()).await;
    operator.post(reports, start(11)).await.expect(200);

    for (arguments, code, why) in [
        ([&["quota", "remove"][..], &of].concat(), 1, "there is no quota `operator UNIVERSAL PLAN`"),
        ([&["quota", "set"][..], &of, &["--points-per-day=-1"]].concat(), 1, "`points_per_day` must be"),
        (vec!["quota", "set", "comptoir", "nobody", "AGRO", "PLAN"], 1, "there is no user `nobody`"),
        (vec!["quota", "set", "nowhere", "operator", "AGRO", "PLAN"], 1, "there is no company `nowhere`"),
        (vec!["quota", "set", "comptoir", "operator", "agro", "PLAN"], 2, "must be one of UNIVERSAL, "),
    ] {
        let output = place.run(&arguments).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
}
