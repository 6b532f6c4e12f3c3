//! `comptoir check` and the audit's chains: what somebody did to the file while nobody was looking is named.

use comptoir::audit::chain::hex;
use rusqlite::Connection;
use serde_json::json;

use super::{OPERATOR_PASSWORD, Place};

/// Everything a person with a SQL shell may do to a chain, and what is said of it.
const TAMPERINGS: &[(&str, &str)] = &[
    ("UPDATE actions SET username = 'somebody' WHERE operation = 'create_company'", "is not what was recorded"),
    ("UPDATE action_requests SET operation = 'read_info' WHERE operation = 'create_company'", "is not what was recorded"),
    ("DELETE FROM actions WHERE operation = 'create_company'", "(row 1) is gone"),
    ("UPDATE actions SET seal = NULL WHERE operation = 'create_company'", "is no longer bound to event 1"),
    ("UPDATE audit_events SET detail = '{}' WHERE chain = 1 AND seq = 2", "event 2 is not what was written"),
    ("UPDATE audit_events SET at = at + 1 WHERE chain = 1 AND seq = 1", "event 1 is not what was written"),
    ("DELETE FROM audit_events WHERE chain = 1 AND seq = 2", "event 2 is gone"),
    ("DELETE FROM audit_events WHERE chain = 1 AND seq >= 2", "events 2 to 4 are gone"),
    ("DELETE FROM audit_events WHERE chain = 1", "events 1 to 4 are gone"),
    ("DELETE FROM audit_chains WHERE chain = 1", "its head is gone"),
    (
        "UPDATE audit_chains SET removed_seq = 1, removed_hash = (SELECT hash FROM audit_events WHERE chain = 1 AND seq = 1)
         WHERE chain = 1; DELETE FROM audit_events WHERE chain = 1 AND seq = 1",
        "event 1 is gone, and not by retention",
    ),
    (
        "INSERT INTO actions (company_id, username, process_code, seal, service, process_type, status, operation, time,
                              offset_minutes, points, elements, result_version, preparing, business_validation,
                              math_validation, waiting, calculation)
         SELECT company_id, username, randomblob(16), 2, service, process_type, status, operation, time, 0, 0, 0, 0, 0, 0,
                0, 0, 0 FROM actions WHERE operation = 'create_company'",
        "no event vouches for the action",
    ),
    ("UPDATE action_days SET count = 7 WHERE operation = 'create_company'", "the counters of day"),
];

#[tokio::test]
async fn whatever_is_done_to_the_chain_behind_the_servers_back_is_named() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    for key in ["north", "south"] {
        operator.post("/comptoir/v1/companies", json!({"key": key, "name": key})).await.expect(200);
    }
    place.succeed(&["user", "timezone", "operator", "3"]).await;
    let ended = server.signal("TERM").await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    // The sign-in was still in memory when the signal came.
    assert!(place.succeed(&["check"]).await.contains("is well"));
    let whole = std::fs::read(place.database()).unwrap();

    // Whoever rewrites the chain to its end cannot rewrite yesterday's log.
    let connection = Connection::open(place.database()).unwrap();
    let hash: Vec<u8> = connection
        .query_row("SELECT hash FROM audit_events WHERE chain = 1 AND seq = 2", [], |row| row.get(0))
        .unwrap();
    drop(connection);
    let logged = format!("1:2:{}", hex(&hash.try_into().unwrap()));
    assert!(place.succeed(&["check", "--audit-head", &logged]).await.contains("is well"));
    for (head, finding) in [
        (logged.replace("1:2:", "1:3:"), "event 3 is not the one that the log had"),
        (logged.replace("1:2:", "1:9:"), "event 9 of the log is not there"),
    ] {
        let output = place.run(&["check", "--audit-head", &head]).await;
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.code() == Some(1) && said.contains(finding), "{head}: {said}");
    }
    assert_eq!(place.run(&["check", "--audit-head", "1:2:3"]).await.status.code(), Some(2));

    for (tampering, finding) in TAMPERINGS {
        std::fs::write(place.database(), &whole).unwrap();
        let connection = Connection::open(place.database()).unwrap();
        connection
            .execute_batch("DROP TRIGGER audit_events_stay; DROP TRIGGER audit_events_go_with_retention")
            .unwrap();
        connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
        connection.execute_batch(tampering).unwrap();
        connection.close().unwrap();
        let output = place.run(&["check"]).await;
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{tampering}: {said}");
        assert!(said.contains(finding), "{tampering}: {said}");
        assert!(said.contains("the chain of company comptoir"), "{tampering}: {said}");
    }
}

#[tokio::test]
async fn a_restart_goes_on_with_the_chain_and_commands_are_recorded_in_it() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    operator.post("/comptoir/v1/companies", json!({"key": "north", "name": "North"})).await.expect(200);
    server.signal("TERM").await;

    place.succeed(&["company", "rename", "north", "North Star"]).await;
    place.succeed(&["user", "add", "olena", "--company", "north", "--role", "ADMIN"]).await;
    place.succeed(&["token", "rotate-jwt-key"]).await;
    assert!(!place.run(&["user", "disable", "nobody"]).await.status.success());
    let server = place.serve(&[]).await;
    let reset = place.succeed(&["user", "reset-password", "olena"]).await;
    let olena = server.sign_in("olena", super::shown_once(&reset)).await;
    let audit = olena.get("/account/audit?limit=1000").await.expect(200).json();
    let mut done: Vec<_> = audit["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| {
            let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            (word(&action["requests"][0]["operation"]), word(&action["username"]))
        })
        .collect();
    done.sort();
    let by = |operation: &str, who: &str| (operation.to_owned(), who.to_owned());
    assert_eq!(
        done,
        [
            by("change_company", "comptoir.command"),
            by("create_user", "comptoir.command"),
            by("reset_password", "comptoir.command"),
            by("run_token_generation", "olena"),
        ]
    );
    server.signal("TERM").await;
    assert!(place.succeed(&["check"]).await.contains("is well"));
    let connection = Connection::open(place.database()).unwrap();
    let commands: i64 = connection
        .query_row("SELECT count(*) FROM audit_events WHERE chain = 0 AND kind = 'command'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(commands, 1, "the key belongs to no company");
}
