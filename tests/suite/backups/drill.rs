//! The restore drill.

use std::time::Duration;

use serde_json::{Value, json};

use super::{backups, damage, names, take};
use crate::support::{Log, TestServer};

const PATH: &str = "/comptoir/v1/backups";

async fn last(server: &TestServer) -> Value {
    server.as_operator().await.get(PATH).await.expect(200).json()["last_drill"].clone()
}

#[tokio::test]
async fn it_comes_at_its_time_says_that_the_newest_backup_is_whole_and_leaves_nothing() {
    let server = TestServer::start_with(|options| options.backup.drill_every = Some(Duration::from_hours(24))).await;
    let log = Log::start();
    server.run_pending_tasks().await;
    assert_eq!(last(&server).await, Value::Null);
    let name = take(&backups(&server, 1)).await.name.unwrap();
    server.clock.advance(Duration::from_hours(24));
    server.run_pending_tasks().await;
    let drill = last(&server).await;
    assert_eq!((&drill["succeeded"], &drill["findings"]), (&json!(true), &json!([])));
    assert_eq!(drill["backup"], name.to_string());
    assert_eq!(names(backups(&server, 1).folder()), [name.file()]);
    assert_eq!(log.with("restore drill: the newest backup is whole").len(), 1);
}

#[tokio::test]
async fn a_backup_that_the_disk_has_damaged_since_is_found_out() {
    let server = TestServer::start_with(|options| options.backup.drill_every = Some(Duration::from_hours(24))).await;
    let log = Log::start();
    server.run_pending_tasks().await;
    let taken = take(&backups(&server, 1)).await;
    damage(&taken.path);
    server.clock.advance(Duration::from_hours(24));
    server.run_pending_tasks().await;
    let drill = last(&server).await;
    assert_eq!(drill["succeeded"], false);
    let found = drill["findings"][0].as_str().unwrap();
    assert!(!found.contains(".drill-"), "it names no file that is gone: {found}");
    assert!(!log.with("restore drill: the newest backup cannot be relied on").is_empty());
    // The next good one puts it right.
    server.clock.advance(Duration::from_hours(1));
    take(&backups(&server, 1)).await;
    server.clock.advance(Duration::from_hours(24));
    server.run_pending_tasks().await;
    assert_eq!(last(&server).await["succeeded"], true);
}

#[tokio::test]
async fn without_any_backup_it_fails() {
    let server = TestServer::start().await;
    let backups = backups(&server, 1);
    let drill = tokio::task::spawn_blocking(move || backups.drill()).await.unwrap().unwrap();
    assert!(!drill.succeeded() && drill.backup.is_none(), "{drill:?}");
}
