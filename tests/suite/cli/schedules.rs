//! Parties and order schedules of the built binary.

use rusqlite::Connection;
use serde_json::json;

use super::{OPERATOR_PASSWORD, Place, shown_once};

#[tokio::test]
async fn parties_exceptions_holidays_and_feeds_are_kept_beside_a_running_server() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    let of = ["--company", "comptoir"];
    let add = |gln: &'static str, kind: &'static str| {
        [&["party", "add", gln][..], &of, &["--name", "Party", "--kind", kind]].concat()
    };
    place.succeed(&add("4820000000017", "producer")).await;
    place.succeed(&[&add("4820000000024", "DISTRIBUTOR")[..], &["--id", "600"]].concat()).await;
    place.succeed(&[&["party", "zone"][..], &of, &["Europe/Warsaw"]].concat()).await;
    place
        .succeed(&[&["party", "change", "600"][..], &of, &["--zone", "Europe/Berlin", "--name", "Buyer"]].concat())
        .await;
    place.succeed(&[&["party", "disable", "600"][..], &of].concat()).await;
    place.succeed(&[&["party", "enable", "4820000000024"][..], &of].concat()).await;
    let listed = place.list(&[&["party", "list", "--json"][..], &of].concat()).await;
    assert_eq!(
        listed,
        json!([
            {"id": 1, "gln": "4820000000017", "name": "Party", "kind": "PRODUCER", "zone": "Europe/Warsaw", "enabled": true},
            {"id": 600, "gln": "4820000000024", "name": "Buyer", "kind": "DISTRIBUTOR", "zone": "Europe/Berlin", "enabled": true},
        ])
    );
    place.succeed(&["party", "bind", "operator", "1"]).await;

    // Bound to one, the operator need not name it.
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    let schedule = json!({
        "name": "Days", "dateStart": 1_893_456_000, "timeFrom": "09:00:00", "timeTo": "18:00:00",
        "recurrenceRule": {"frequency": "DAILY", "interval": 1}
    });
    let path = "/api/distribex/producer/schedules";
    assert_eq!(operator.post(path, schedule).await.expect(200).json()["id"], 1);
    let exception = |words: &[&'static str]| [&["schedule", "exception"][..], &of, words].concat();
    place.succeed(&exception(&["set", "1", "2030-01-02", "skip"])).await;
    let hours = &["set", "1", "2030-01-03", "MOVE", "--from", "08:00:00", "--to", "09:00:00"];
    place.succeed(&exception(hours)).await;
    let kept = place.list(&exception(&["list", "1", "--json"])).await;
    assert_eq!(kept[1], json!({"date": "2030-01-03", "kind": "MOVE", "from": "08:00:00", "to": "09:00:00"}));
    let holiday = |words: &[&'static str]| [&["schedule", "holiday"][..], &of, words].concat();
    place.succeed(&holiday(&["set", "2030-01-01", "New Year"])).await;
    place.succeed(&exception(&["remove", "1", "2030-01-02"])).await;
    let closest = operator.get(path).await.expect(200).json()[0]["dateClosest"].as_i64();
    assert_eq!(closest, Some(1_893_538_800), "2 January in Warsaw: the first is a holiday");
    assert_eq!(place.list(&holiday(&["list", "--json"])).await, json!([{"date": "2030-01-01", "name": "New Year"}]));
    place.succeed(&holiday(&["remove", "2030-01-01"])).await;

    let feed = |words: &[&'static str]| [&["schedule", "feed"][..], &of, words].concat();
    let printed = place.succeed(&feed(&["add", "--name", "phones", "--distributor", "600"])).await;
    let path = shown_once(&printed).to_owned();
    assert!(path.starts_with("/comptoir/v1/calendars/cal_"), "{path}");
    assert!(operator.get(&path).await.expect(200).text().contains("BEGIN:VEVENT"));
    let listed = place.list(&feed(&["list", "--json"])).await;
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    place.succeed(&[&["schedule", "feed"][..], &of, &["revoke", &id]].concat()).await;
    operator.get(&path).await.expect(404);

    for (arguments, code, why) in [
        (add("4820000000018", "PRODUCER"), 1, "check digit"),
        (add("4820000000017", "PRODUCER"), 1, "there already is a party"),
        (add("4006381333931", "KING"), 1, "`kind` must be one of"),
        ([&["party", "bind", "operator"][..], &["77"]].concat(), 1, "which is no party"),
        ([&["party", "zone"][..], &of, &["Mars/Olympus"]].concat(), 1, "IANA"),
        (exception(&["set", "1", "2030-02-30", "SKIP"]), 1, "`date` must be a date"),
        (exception(&["set", "1", "2029-01-01", "SKIP"]), 1, "`date` must lie between"),
        (exception(&["list", "77"]), 1, "there is no schedule `77`"),
        (holiday(&["remove", "2030-01-01"]), 1, "there is no holiday"),
        (feed(&["add", "--name", "x"]), 2, "required"),
    ] {
        let output = place.run(&arguments).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn schedules_that_overlap_although_they_must_not_are_named_by_the_check() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    let add = |gln: &'static str, id: &'static str, kind: &'static str| {
        ["party", "add", gln, "--company", "comptoir", "--name", "Party", "--id", id, "--kind", kind]
    };
    place.succeed(&add("4820000000017", "500", "PRODUCER")).await;
    place.succeed(&add("4820000000024", "600", "DISTRIBUTOR")).await;
    place.succeed(&["party", "bind", "operator", "500"]).await;
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    for (name, day, distributors) in
        [("One", 0, json!([600])), ("Two", 10, json!([600])), ("Three", 0, json!([])), ("Four", 10, json!([]))]
    {
        let schedule = json!({
            "name": name, "dateStart": 1_893_456_000 + day * 86_400, "timeFrom": "09:00:00", "timeTo": "18:00:00",
            "recurrenceRule": {"frequency": "DAILY", "interval": 1, "count": 5}, "distributors": distributors,
        });
        operator.post("/api/distribex/producer/schedules", schedule).await.expect(200);
    }
    server.signal("TERM").await;
    assert!(place.succeed(&["check"]).await.contains("is well"));
    let whole = std::fs::read(place.database()).unwrap();
    for (tampering, finding) in [
        (
            "UPDATE schedules SET end_day = 3652060 WHERE id = 1; UPDATE schedule_distributors SET end_day = 3652060
             WHERE schedule_id = 1",
            "schedules: 2 of company comptoir overlaps with 1 for distributor 600; change the dates of one",
        ),
        (
            "UPDATE schedules SET end_day = end_day + 6 WHERE id = 3",
            "schedules: 4 of company comptoir overlaps with 3 for everybody; change the dates of one",
        ),
        (
            "UPDATE schedules SET end_day = end_day + 1 WHERE id = 2",
            "schedules: 2 of company comptoir is searched by other days or distributors than it shows; save it again",
        ),
        (
            "DELETE FROM schedule_distributors WHERE schedule_id = 2",
            "schedules: 2 of company comptoir is searched by other days or distributors than it shows; save it again",
        ),
    ] {
        std::fs::write(place.database(), &whole).unwrap();
        let connection = Connection::open(place.database()).unwrap();
        connection.execute_batch(tampering).unwrap();
        connection.close().unwrap();
        let output = place.run(&["check"]).await;
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!((output.status.code(), said.trim_end()), (Some(1), finding), "{tampering}");
    }
}
