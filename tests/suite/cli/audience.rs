//! `comptoir audience` beside a running server, and a refresh that `kill -9` cuts off.

use poem::http::Method;
use rusqlite::{Connection, OptionalExtension};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{GENEROUS, OPERATOR_PASSWORD, Place, Server};
use crate::support::Client;
use crate::webhooks::receiver::{Receiver, Reply};

/// An operation of the contract that must succeed.
async fn call(client: &Client, path: &str, body: Value) -> Value {
    let answer = client.post(&format!("/api/v1.1/{path}"), body).await.expect(200).json();
    assert_eq!(answer["error"], 0, "{path}: {answer}");
    answer
}

#[tokio::test]
async fn what_a_command_puts_up_the_contract_finds_at_once() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    let (lists, resources) =
        (["audience", "list", "--company", "comptoir"], ["audience", "resource", "--company", "comptoir"]);
    let with = |head: [&'static str; 4], tail: &[&'static str]| [&head[..], tail].concat();

    assert_eq!(place.list(&with(lists, &["list", "--json"])).await, json!([]));
    assert_eq!(place.succeed(&with(lists, &["add", "Customers"])).await, "list 1 made\n");
    assert_eq!(place.succeed(&with(lists, &["add", "Suppliers", "--id", "7"])).await, "list 7 made\n");
    place.succeed(&with(resources, &["add", "News", "--id", "24"])).await;
    place.succeed(&with(lists, &["rename", "7", "Producers"])).await;
    let found = call(&operator, "databases/list", json!({})).await;
    let names: Vec<_> = found["data"].as_array().unwrap().iter().map(|list| (&list["id"], &list["name"])).collect();
    assert_eq!(names, [(&json!(1), &json!("Customers")), (&json!(7), &json!("Producers"))]);

    place.succeed(&with(resources, &["disable", "24"])).await;
    let hidden = operator.post("/api/v1.1/resources/get", json!({"id": 24})).await.expect(200).json();
    assert_eq!(hidden["error"], 404, "{hidden}");
    place.succeed(&with(resources, &["enable", "24"])).await;
    call(&operator, "resources/get", json!({"id": 24})).await;
    let shown = place.list(&with(lists, &["list", "--json"])).await;
    assert_eq!(shown.as_array().unwrap().len(), 2, "{shown}");

    let rows = json!([{"email": "a@example.com", "subscriptions": [{"resource_id": 24, "channel": "email"}]},
                      {"email": "b@example.com", "subscriptions": [{"resource_id": 24, "channel": "email"}]}]);
    call(&operator, "profiles/import_batch", json!({"db_id": 1, "data": rows})).await;
    let suppress = ["audience", "suppress", "--company", "comptoir"];
    place.succeed(&with(suppress, &["add", "A@example.com", "+380501112233"])).await;
    let listed = place.list(&with(suppress, &["list", "--json"])).await;
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    let sendable = async || {
        let figures = call(&operator, "resources/get_counters", json!({"id": 24, "list_id": 1})).await;
        let channels = figures["data"][0]["channels"].as_array().unwrap().clone();
        let email = channels.into_iter().find(|figures| figures["channel"] == "email").unwrap();
        (email["status"]["subscribed"].clone(), email["status"]["subscribed_sendable"].clone())
    };
    assert_eq!(sendable().await, (json!(2), json!(1)));
    place.succeed(&with(suppress, &["remove", "a@example.com"])).await;
    assert_eq!(sendable().await, (json!(2), json!(2)));
}

#[tokio::test]
async fn a_refused_command_of_the_audience_says_why() {
    let place = Place::new();
    let _server = place.serve_with_password(&[]).await;
    place.succeed(&["audience", "list", "--company", "comptoir", "add", "Customers"]).await;
    for (arguments, why) in [
        (&["list", "--company", "nowhere", "list"][..], "there is no company `nowhere`"),
        (&["list", "--company", "comptoir", "add", "customers"], "there is a list named `customers` already"),
        (&["list", "--company", "comptoir", "add", "Other", "--id", "1"], "there is a list 1 already"),
        (&["list", "--company", "comptoir", "add", "Other", "--id", "0"], "`id` must"),
        (&["list", "--company", "comptoir", "rename", "9", "Other"], "there is no list `9`"),
        (&["resource", "--company", "comptoir", "disable", "1"], "there is no resource `1`"),
        (&["suppress", "--company", "comptoir", "add", "nobody"], "must be"),
    ] {
        let output = place.run(&[&["audience"], arguments].concat()).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
}

/// Asks for refreshes until one of them is caught between its start and its end; its id. From then on nothing can be
/// written to the file, until the connection is dropped.
async fn caught_counting(server: &Server, operator: &Client, request: &Value) -> (Connection, String) {
    let database = server.database().to_owned();
    for _ in 0..500 {
        let task = call(operator, "resources/refresh_counters", request.clone()).await;
        let task = task["data"]["task_id"].as_str().unwrap().to_owned();
        let (database, sought) = (database.clone(), task.clone());
        let caught = tokio::task::spawn_blocking(move || {
            let conn = Connection::open(database).unwrap();
            conn.busy_timeout(GENEROUS).unwrap();
            loop {
                conn.execute_batch("BEGIN IMMEDIATE").unwrap();
                let state: Option<String> = conn
                    .query_row("SELECT state FROM tasks WHERE guid = ?1", [&sought], |row| row.get(0))
                    .optional()
                    .unwrap();
                match state.as_deref() {
                    Some("running") => return Some(conn),
                    Some("waiting") => conn.execute_batch("ROLLBACK").unwrap(),
                    _ => return None,
                }
            }
        });
        if let Some(conn) = caught.await.unwrap() {
            return (conn, task);
        }
    }
    panic!("no refresh was caught in the middle");
}

#[tokio::test]
async fn a_refresh_and_its_feedback_that_kill_9_cuts_off_end_with_one_result_and_one_delivery() {
    let place = Place::new();
    let receiver = Receiver::start().await;
    let allow = ["--webhooks-allow", "127.0.0.1"];
    let server = place.serve_with_password(&allow).await;
    place.succeed(&["audience", "list", "--company", "comptoir", "add", "Customers"]).await;
    place.succeed(&["audience", "resource", "--company", "comptoir", "add", "News", "--id", "24"]).await;
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    let rows: Vec<_> = (0..2000)
        .map(|number| {
            json!({"email": format!("profile{number}@example.com"),
                   "subscriptions": [{"resource_id": 24, "channel": "email"}, {"resource_id": 24, "channel": "sms"}]})
        })
        .collect();
    call(&operator, "profiles/import_batch", json!({"db_id": 1, "data": rows})).await;

    // Killed in the middle of the count: it was claimed, and its result cannot have been written.
    let request = json!({"id": 24, "list_id": 1});
    let (lock, task) = caught_counting(&server, &operator, &request).await;
    server.signal("KILL").await;
    drop(lock);

    // The next server ends it; a further refresh tells a receiver, and the server is killed in the middle of the call.
    let server = place.serve(&allow).await;
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    let status = until(&operator, &task, |status| status["status"] == "completed").await;
    let email = &status["result"][0]["channels"].as_array().unwrap()[2];
    assert_eq!((&email["channel"], &email["status"]["subscribed_sendable"]), (&json!("email"), &json!(2000)));
    receiver.answer([Reply::Silence]);
    let feedback = json!({"type": "JSON", "url": receiver.url()});
    let told = json!({"id": 24, "list_id": 1, "feedback": feedback});
    let told = call(&operator, "resources/refresh_counters", told).await["data"]["task_id"].clone();
    timeout(GENEROUS, receiver.until(1)).await.expect("the first call");
    server.signal("KILL").await;

    let server = place.serve(&allow).await;
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    timeout(GENEROUS, receiver.until(2)).await.expect("the call after the restart");
    let calls = receiver.calls();
    assert_eq!(calls[0].header("webhook-id"), calls[1].header("webhook-id"));
    assert_eq!(calls[0].body, calls[1].body);
    let body: Value = serde_json::from_slice(&calls[1].body).unwrap();
    let status = until(&operator, told.as_str().unwrap(), |status| status["status"] == "completed").await;
    assert_eq!(body["data"], status, "one result, told as it stands");
    let deliveries = operator.get("/comptoir/v1/deliveries").await.expect(200).json();
    assert_eq!(deliveries["items"].as_array().unwrap().len(), 1, "{deliveries}");
    assert_eq!(deliveries["items"][0]["id"], calls[0].header("webhook-id"));
    let checked = place.succeed(&["check"]).await;
    assert!(checked.contains("is well"), "{checked}");
}

/// The `data` of a task once it is as it must become.
async fn until(client: &Client, task: &str, there: impl Fn(&Value) -> bool) -> Value {
    timeout(GENEROUS, async {
        loop {
            let status = call(client, "tasks/status", json!({"task_id": task})).await["data"].clone();
            if there(&status) {
                return status;
            }
        }
    })
    .await
    .expect("an end")
}

/// A body of 400 KB is a tree of twenty megabytes, and its sender is not known before it is read.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn many_long_bodies_of_strangers_at_once_do_not_fill_the_memory() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    let most = |server: &Server| -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let before = most(&server);
    let body = format!("<xml>{}</xml>", "<a/>".repeat(100_000));
    let stranger = &server.client;
    let calls = (0..16).map(|_| {
        let call = stranger.call(Method::POST, "/api/v1.1/databases/list");
        tokio::spawn(call.header("content-type", "application/xml").body(body.clone()).send())
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap().expect(200).json()["error"], 401);
    }
    let more = most(&server) - before;
    assert!(more < 100 * 1024, "{more} kB more than before");
}
