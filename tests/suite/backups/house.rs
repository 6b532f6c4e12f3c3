//! `/comptoir/v1/backups`: the operator's alone, as `permissions` shows.

use std::time::Duration;

use comptoir::config::BackupTimes;
use poem::http::Method;
use serde_json::{Value, json};

use super::{backups, names, take};
use crate::support::{Client, Log, TestServer};

const PATH: &str = "/comptoir/v1/backups";

async fn listed(operator: &Client) -> Vec<String> {
    let page = operator.get(PATH).await.expect(200).json();
    page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn one_is_taken_in_the_background_downloaded_and_deleted() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let empty = operator.get(PATH).await.expect(200).json();
    assert_eq!(empty, json!({"items": [], "next_page_token": null, "last_drill": null}));
    let task = operator.post(PATH, Value::Null).await.expect(200).json();
    assert_eq!((&task["kind"], &task["state"]), (&json!("backup_take"), &json!("waiting")));
    server.run_pending_tasks().await;

    let id = task["id"].as_str().unwrap();
    let done = operator.get(&format!("/comptoir/v1/tasks/{id}")).await.expect(200).json();
    assert_eq!(done["state"], "done", "{done}");
    let name = done["result"]["backup"].as_str().unwrap();
    let backup = operator.get(&format!("{PATH}/{name}")).await.expect(200).json();
    assert_eq!((&backup["taken_at"], &backup["good"]), (&json!("2026-03-02T10:00:00Z"), &json!(true)));
    let file = operator.get(&format!("{PATH}/{name}/file")).await.expect(200);
    assert_eq!(file.header("content-disposition"), Some(&*format!("attachment; filename=\"{name}.db\"")));
    assert_eq!(file.header("content-length"), Some(&*backup["bytes"].to_string()));
    assert_eq!(file.body, std::fs::read(backups(&server, 1).folder().join(format!("{name}.db"))).unwrap());

    operator.delete(&format!("{PATH}/{name}")).await.expect(200);
    for path in ["", "/file"] {
        operator.get(&format!("{PATH}/{name}{path}")).await.expect(404);
    }
    operator.delete(&format!("{PATH}/{name}")).await.expect(404);
    assert_eq!(names(backups(&server, 1).folder()), [""; 0]);
}

#[tokio::test]
async fn a_name_leads_to_no_other_file() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    take(&backups(&server, 1)).await;
    for name in ["comptoir", "..%2Fcomptoir", "..%2F..%2Fetc%2Fpasswd", "%00", "comptoir.db", "x".repeat(4000).as_str()]
    {
        for path in ["", "/file"] {
            operator.get(&format!("{PATH}/{name}{path}")).await.expect(404);
        }
        operator.delete(&format!("{PATH}/{name}")).await.expect(404);
    }
}

#[tokio::test]
async fn a_list_goes_on_on_a_second_page_newest_first_whatever_is_taken_meanwhile() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let backups = backups(&server, 5);
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.insert(0, take(&backups).await.name.unwrap().to_string());
    }
    let first = operator.get(&format!("{PATH}?limit=2")).await.expect(200).json();
    assert_eq!([&first["items"][0]["name"], &first["items"][1]["name"]], [&taken[0], &taken[1]]);
    take(&backups).await;
    let next = first["next_page_token"].as_str().unwrap();
    let second = operator.get(&format!("{PATH}?limit=2&page_token={next}")).await.expect(200).json();
    assert_eq!((&second["items"][0]["name"], &second["next_page_token"]), (&json!(taken[2]), &Value::Null));
    operator.get(&format!("{PATH}?page_token=dXNlcnM6eA")).await.expect(400);
}

#[tokio::test]
async fn the_same_request_again_takes_one_backup() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let mut tasks = Vec::new();
    for _ in 0..2 {
        let call = operator.call(Method::POST, PATH).header("idempotency-key", "tonight");
        tasks.push(call.send().await.expect(200).json()["id"].clone());
    }
    assert_eq!(tasks[0], tasks[1]);
    server.run_pending_tasks().await;
    assert_eq!(listed(&operator).await.len(), 1);
}

#[tokio::test]
async fn one_is_taken_every_night_and_two_are_kept() {
    let server = TestServer::start_with(|options| {
        options.backup.times = BackupTimes::DailyAt(Duration::from_hours(3));
        options.backup.keep = 2;
    })
    .await;
    let log = Log::start();
    server.run_pending_tasks().await;
    assert_eq!(listed(&server.as_operator().await).await.len(), 0, "not before its time");
    for _ in 0..3 {
        server.clock.advance(Duration::from_hours(24));
        server.run_pending_tasks().await;
    }
    let kept = listed(&server.as_operator().await).await;
    assert_eq!(kept.len(), 2);
    assert!(kept[0].contains("20260305T100000Z") && kept[1].contains("20260304T100000Z"), "{kept:?}");
    assert_eq!(log.with("a backup was taken").len(), 3);
}

#[tokio::test]
async fn a_canceled_one_leaves_nothing() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let task = operator.post(PATH, Value::Null).await.expect(200).json();
    let path = format!("/comptoir/v1/tasks/{}/cancel", task["id"].as_str().unwrap());
    operator.post(&path, Value::Null).await.expect(200);
    server.run_pending_tasks().await;
    assert_eq!(listed(&operator).await.len(), 0);
}

#[tokio::test]
async fn nothing_is_held_on_a_server_that_was_never_restored_and_a_release_changes_nothing() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let free = json!({"held": false, "held_since": null, "waiting": []});
    assert_eq!(operator.get("/comptoir/v1/outgoing").await.expect(200).json(), free);
    assert_eq!(operator.post("/comptoir/v1/outgoing/release", Value::Null).await.expect(200).json(), free);
}
