//! Comptoir's own activity: what its callers do, sign-ins, ingest, reads, background tasks.

use std::time::Duration;

use comptoir::audit::actions::{self, Tally};
use comptoir::audit::model::{CalculationStatus, NewAction, Outcome, ProcessType, Service, Told};
use comptoir::auth::model::CompanyId;
use comptoir::store::StoreError;
use futures_util::future::join_all;
use poem::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{audit, operations, totals};
use crate::support::{NOW, PASSWORD, TestServer, api_token};

#[tokio::test]
async fn a_change_is_an_action_of_its_caller_with_the_request_that_made_it() {
    let server = TestServer::start_with(|options| options.env = "edge7".to_owned()).await;
    server.company("north").await;
    let admin = server.user("north", "olena", &["ADMIN"]).await;
    admin.patch("/comptoir/v1/users/olena", json!({"timezone": 3})).await.expect(200);
    let changed = admin.put("/account/info", json!({"phone": "+380000000000"})).await.expect(200);
    let id = changed.header("x-request-id").unwrap().to_owned();

    let found = audit(&admin, "?operation=update_info").await;
    let action = &found["actions"][0];
    assert_eq!(action["requests"][0]["request_code"], id);
    let process = Uuid::parse_str(action["process_code"].as_str().unwrap()).unwrap();
    let shown = serde_json::to_string_pretty(&found).unwrap();
    let shown = shown.replace(&process.to_string(), "[process]").replace(&id, "[request]");
    let pod = action["requests"][0]["pod"].as_str().unwrap();
    insta::assert_snapshot!(shown.replace(pod, "[pod]"), @r#"
    {
      "actions": [
        {
          "process_code": "[process]",
          "process_type": "NOTRACE",
          "username": "olena",
          "company": "north",
          "service": "ACCOUNT",
          "time": "2026-03-02T13:00:00+03:00",
          "requests": [
            {
              "process_code": "[process]",
              "request_code": "[request]",
              "username": "olena",
              "company": "north",
              "service": "ACCOUNT",
              "operation": "update_info",
              "env": "edge7",
              "pod": "[pod]",
              "time": "2026-03-02T13:00:00+03:00"
            }
          ],
          "statistics": {
            "request_points_count": 0,
            "result_elements_count": 0,
            "calculation_info": {
              "status": "FINISHED_IN_TIME",
              "result_version": 0,
              "preparing_time": "PT0S",
              "business_validation_time": "PT0S",
              "math_validation_time": "PT0S",
              "waiting_time": "PT0S",
              "calculation_time": "PT0S"
            }
          },
          "input_file_exists": false,
          "output_file_exists": false
        }
      ],
      "counters": {
        "overall": {
          "total": 3
        },
        "filter": {
          "total": 1
        }
      }
    }
    "#);
}

#[tokio::test]
async fn what_is_refused_or_rolled_back_leaves_no_trace() {
    let server = TestServer::start().await;
    let admin = server.as_operator().await;
    admin.post("/comptoir/v1/companies", json!({"key": "comptoir", "name": "Taken"})).await.expect(409);
    admin.post("/comptoir/v1/users", json!({"username": "x", "roles": []})).await.expect(400);
    admin.patch("/comptoir/v1/users/absent", json!({"timezone": 1})).await.expect(404);
    let user = server.user("comptoir", "olena", &["USER"]).await;
    user.post("/comptoir/v1/users", json!({"username": "petro", "roles": []})).await.expect(403);
    server.anonymous().put("/account/info", json!({})).await.expect(401);
    let found = audit(&admin, "?sort_direction=ASC").await;
    // The one user that was made, and the sign-ins around it.
    let mut done = operations(&found);
    done.retain(|operation| operation != "run_token_generation");
    assert_eq!(done, ["create_user"]);
    assert_eq!(server.audit_findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_repeated_post_is_a_request_of_its_own_and_a_disabled_callers_is_none() {
    let server = TestServer::start().await;
    let admin = server.as_operator().await;
    let body = json!({"key": "north", "name": "North"});
    for _ in 0..2 {
        let call = admin.call(Method::POST, "/comptoir/v1/companies").header("idempotency-key", "once");
        call.json(&body).send().await.expect(200);
    }
    assert_eq!(totals(&audit(&admin, "?operation=create_company").await).1, 2);

    let olena = server.user("comptoir", "olena", &["ADMIN"]).await;
    let late = json!({"phone": "+380000000000"});
    let meanwhile = async {
        admin.patch("/comptoir/v1/users/olena", json!({"enabled": false})).await.expect(200);
    };
    server.held(&olena, "PUT", "/account/info", &late, meanwhile).await.expect(401);
    assert_eq!(totals(&audit(&admin, "?operation=update_info").await).1, 0);
}

#[tokio::test]
async fn sign_ins_are_recorded_and_refusals_counted_by_user_address_and_minute() {
    let server = TestServer::start().await;
    let admin = server.as_operator().await;
    server.user("comptoir", "olena", &["USER"]).await;
    let refuse = async |username: &str| {
        let body = json!({"username": username, "password": "not the password"});
        server.anonymous().post("/account/token/generation", body).await.expect(401);
    };
    for name in ["olena", "OLENA", "nobody_here", "olena", "a password by mistake"] {
        refuse(name).await;
    }
    server.clock.advance(Duration::from_mins(1));
    refuse("olena").await;
    let wrong = json!({"current_password": "not the password", "new_password": PASSWORD});
    admin.post("/account/password", wrong).await.expect(400);
    server.flush_journal().await;

    let found = audit(&admin, "?status=FAILED").await;
    let counted: Vec<_> = found["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| {
            let request = &action["requests"][0];
            let count = action["statistics"]["result_elements_count"].as_u64().unwrap();
            (
                action["username"].as_str().unwrap(),
                request["operation"].as_str().unwrap(),
                action["time"].as_str().unwrap(),
                count,
            )
        })
        .collect();
    let sign_in = "run_token_generation";
    let mut expected = vec![
        ("olena", sign_in, "2026-03-02T10:00:00+00:00", 3),
        ("olena", sign_in, "2026-03-02T10:01:00+00:00", 1),
        ("operator", "change_password", "2026-03-02T10:01:00+00:00", 1),
    ];
    let mut counted = counted;
    counted.sort_unstable();
    expected.sort_unstable();
    assert_eq!(counted, expected);
    let signed_in = audit(&admin, "?status=FINISHED_IN_TIME&operation=run_token_generation").await;
    // The operator for the test and for the helper that makes users, and olena.
    assert_eq!(totals(&signed_in).1, 3);

    // Names that nobody has are counted in the installation's chain, and kept nowhere.
    let noted: Vec<String> = server
        .store()
        .read(|conn| {
            let mut statement = conn.prepare("SELECT detail FROM audit_events WHERE kind = 'refusals'")?;
            Ok::<_, StoreError>(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
        })
        .unwrap();
    let noted: Vec<Value> = noted.iter().map(|detail| serde_json::from_str(detail).unwrap()).collect();
    assert_eq!(noted, [json!({"address": "127.0.0.1", "minute": 1_772_445_600_000_000_i64, "refused": 2})]);
    assert_eq!(server.audit_findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_minute_of_ingest_is_one_action_of_each_caller() {
    let server = TestServer::start().await;
    server.company("north").await;
    let admin = server.user("north", "olena", &["ADMIN"]).await;
    let bot = server.user("north", "machine", &["BOT"]).await;
    admin.post("/comptoir/v1/audience/lists", json!({"name": "shop"})).await.expect(200);
    let ingest = async |client: &crate::support::Client, number: usize| {
        let body = json!({"db_id": 1, "data": {"email": format!("a{number}@example.com")}});
        client.post("/api/v1.1/profiles/import", body).await.expect(200).json()
    };
    for number in 0..5 {
        ingest(&bot, number).await;
    }
    ingest(&admin, 5).await;
    server.clock.advance(Duration::from_secs(59));
    ingest(&bot, 6).await;
    let ingested = "?operation=import_profile";
    assert_eq!(totals(&audit(&admin, ingested).await).1, 2);
    server.clock.advance(Duration::from_secs(1));
    join_all((0..20).map(|number| ingest(&bot, 10 + number))).await;
    assert_eq!(totals(&audit(&admin, ingested).await).1, 3);
    assert_eq!(totals(&audit(&bot, ingested).await), (3, 2), "two of ingest and the sign-in");
    assert_eq!(server.audit_findings(), Vec::<String>::new());
}

#[tokio::test]
async fn callers_at_once_leave_one_action_each_and_a_whole_chain() {
    let server = TestServer::start().await;
    let admin = server.as_operator().await;
    let writes = (0..40).map(|number| {
        let admin = admin.clone();
        async move {
            let body = json!({"username": format!("user_{number}"), "roles": []});
            admin.post("/comptoir/v1/users", body).await.expect(200);
        }
    });
    join_all(writes).await;
    assert_eq!(totals(&audit(&admin, "?operation=create_user").await).1, 40);
    assert_eq!(server.audit_findings(), Vec::<String>::new());
}

#[tokio::test]
async fn an_export_is_recorded_before_it_is_answered_and_a_token_is_named() {
    let server = TestServer::start().await;
    let admin = server.as_operator().await;
    let (token, secret) = api_token(&admin, json!({"name": "export", "role": "OWNER"})).await;
    server.bearing(&secret).get("/comptoir/v1/audience/suppressed").await.expect(200);
    assert_eq!(totals(&audit(&admin, "?operation=list_suppressed").await).1, 1);
    let detail: String = server
        .store()
        .read_one(|conn| {
            Ok::<_, StoreError>(conn.query_row(
                "SELECT e.detail FROM audit_events e JOIN actions a ON a.id = e.action_id
             WHERE a.operation = 'list_suppressed'",
                [],
                |row| row.get(0),
            )?)
        })
        .unwrap();
    let detail: Value = serde_json::from_str(&detail).unwrap();
    assert_eq!(detail, json!({"address": "127.0.0.1", "token": token}));
}

#[tokio::test]
async fn reads_are_recorded_only_where_they_are_wanted_and_nobody_waits_for_that() {
    for wanted in [false, true] {
        let server = TestServer::start_with(|options| options.audit.reads = wanted).await;
        let admin = server.as_operator().await;
        admin.get("/account/info").await.expect(200);
        admin.get("/comptoir/v1/users/absent").await.expect(404);
        server.anonymous().get("/account/system/check").await.expect(200);
        let found = audit(&admin, "").await;
        let expected: &[&str] = if wanted { &["read_info", "run_token_generation"] } else { &["run_token_generation"] };
        let mut done = operations(&found);
        done.sort();
        assert_eq!(done, expected);
        // Reading the audit is a read like any other.
        let read = totals(&audit(&admin, "?operation=read_audit").await).1;
        assert_eq!(read, u64::from(wanted));
    }
}

#[tokio::test]
async fn a_background_task_is_a_process_of_type_trace() {
    let server = TestServer::start().await;
    server.company("north").await;
    let olena = server.user("north", "olena", &["ADMIN"]).await;
    let task = server.waiting_task("olena").await;
    let path = format!("/comptoir/v1/tasks/{task}");
    olena.post(&format!("{path}/cancel"), Value::Null).await.expect(200);
    let found = audit(&olena, "?process_type=TRACE").await;
    let action = &found["actions"][0];
    let seen = json!([
        action["process_code"],
        action["username"],
        action["requests"][0]["operation"],
        action["statistics"]["calculation_info"]["status"],
    ]);
    assert_eq!(seen, json!([task, "olena", "nobodys", "CANCELED"]));

    // Tried again it is the same process, and the chain knows both ends.
    olena.post(&format!("{path}/retry"), Value::Null).await.expect(200);
    server.clock.advance(Duration::from_secs(5));
    olena.post(&format!("{path}/cancel"), Value::Null).await.expect(200);
    let found = audit(&olena, "?process_type=TRACE").await;
    assert_eq!(totals(&found).1, 1);
    assert_eq!(found["actions"][0]["statistics"]["calculation_info"]["waiting_time"], "PT5S");
    assert_eq!(server.audit_findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_process_reported_under_the_code_of_what_was_done_hides_nothing() {
    let server = TestServer::start().await;
    server.company("north").await;
    let olena = server.user("north", "olena", &["ADMIN"]).await;
    let task = server.waiting_task("olena").await;
    let reported = NewAction {
        company: CompanyId(2),
        user: None,
        username: "olena".into(),
        process: Uuid::parse_str(&task).unwrap(),
        service: Service::Studio,
        process_type: ProcessType::Trace,
        operation: "nothing_to_see".into(),
        time: Told { at: NOW, offset_minutes: 0 },
        points: 0,
        outcome: Outcome::of(CalculationStatus::FinishedInTime),
    };
    let reported = server.store().write(move |tx| {
        let mut tally = Tally::default();
        actions::open(tx, &reported, &mut tally)?;
        tally.write(tx)
    });
    reported.await.unwrap();
    olena.post(&format!("/comptoir/v1/tasks/{task}/cancel"), Value::Null).await.expect(200);
    let found = audit(&olena, "?process_type=TRACE&service=ACCOUNT").await;
    assert_eq!(operations(&found), ["nobodys"]);
    assert_eq!(server.audit_findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_full_disk_keeps_nobody_out_and_what_waited_is_recorded_later() {
    let server = TestServer::start().await;
    let admin = server.as_operator().await;
    server.flush_journal().await;
    let limit = |pages: &'static str| server.store().write(move |tx| Ok::<_, StoreError>(tx.execute_batch(pages)?));
    // No page may be added to the file any more.
    limit("PRAGMA max_page_count = 1").await.unwrap();
    // What cannot be recorded is not handed out.
    let mut exported = 0;
    while admin.get("/comptoir/v1/audience/suppressed").await.status != 507 {
        exported += 1;
        assert!(exported < 5_000, "the file does not become full");
    }
    admin.put("/account/info", json!({"attributes": [{"key": "a", "value": "x".repeat(2000)}]})).await.expect(507);
    for _ in 0..3 {
        server.as_operator().await;
    }
    limit("PRAGMA max_page_count = 1073741823").await.unwrap();
    let found = audit(&admin, "?operation=run_token_generation").await;
    assert_eq!(totals(&found).1, 4);
    assert_eq!(totals(&audit(&admin, "?operation=list_suppressed").await).1, exported);
    assert_eq!(totals(&audit(&admin, "?operation=update_info").await).1, 0);
    assert_eq!(server.audit_findings(), Vec::<String>::new());
}
