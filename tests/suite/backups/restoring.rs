//! Restoring in earnest: what ends, what is held, what is refused.

use std::path::{Path, PathBuf};
use std::time::Duration;

use comptoir::app;
use comptoir::backups::BackupError;
use comptoir::backups::restore::{RestoreOptions, Restored, restore};
use comptoir::config::AllowedDestination;
use comptoir::store::{OpenError, OpenOptions, Store, StoreError};
use poem::http::Method;
use serde_json::{Value, json};

use super::{backups, damage, names, take};
use crate::support::{PASSWORD, Stopped, TestServer, api_token};
use crate::webhooks::receiver::Receiver;

/// Restores a backup to where a server was stopped.
async fn restored(stopped: &Stopped, backup: &Path, resume: bool) -> Result<Restored, BackupError> {
    let options = RestoreOptions {
        resume,
        despite_findings: false,
        check: app::consistency,
        outgoing: app::OUTGOING,
        clock: stopped.clock.clone(),
    };
    let (backup, database) = (backup.to_owned(), stopped.database());
    tokio::task::spawn_blocking(move || restore(&backup, &database, &options)).await.unwrap()
}

/// The SID of a user.
async fn sid(server: &TestServer) -> String {
    let body = format!("username=ivan&password={}", PASSWORD.replace(' ', "+"));
    let call = server.anonymous().call(Method::POST, "/api/authorization/hash");
    let answer = call.header("content-type", "application/x-www-form-urlencoded").body(body).send().await.expect(200);
    answer.json()["SID"].as_str().unwrap_or_else(|| panic!("{}", answer.shown())).to_owned()
}

async fn with_sid(server: &TestServer, sid: &str) -> u16 {
    let call = server.anonymous().call(Method::GET, "/api/distribex/producer/schedules?gln=4820000000017");
    call.header("authorization", sid).send().await.status
}

#[tokio::test]
async fn sessions_end_tokens_and_passwords_of_that_time_work_and_what_was_there_is_kept() {
    let server = TestServer::start().await;
    server.company("north").await;
    let ivan = server.user("north", "ivan", &["ADMIN"]).await;
    ivan.post("/comptoir/v1/parties", json!({"gln": "4820000000017", "name": "Dairy", "kind": "PRODUCER"}))
        .await
        .expect(200);
    let (id, secret) = api_token(&ivan, json!({"name": "shop", "role": "OWNER"})).await;
    let (jwt, sid) = (ivan.credential().to_owned(), sid(&server).await);
    assert_eq!(with_sid(&server, &sid).await, 200);
    let taken = take(&backups(&server, 1)).await;
    // Since then: the token is revoked, the password changed, a company made.
    ivan.delete(&format!("/comptoir/v1/tokens/{id}")).await.expect(200);
    let other = json!({"new_password": "quite another one"});
    server.as_operator().await.put("/comptoir/v1/users/ivan/password", other).await.expect(200);
    server.company("south").await;

    let stopped = server.stop().await;
    let told = restored(&stopped, &taken.path, false).await.unwrap();
    assert!(told.compared && told.held);
    assert_eq!(
        told.tokens.iter().map(|token| (&*token.row.name, token.since)).collect::<Vec<_>>(),
        [("shop", Some("revoked or expired since"))]
    );
    let passwords: Vec<_> = told.passwords.iter().map(|user| (&*user.row.username, user.since)).collect();
    assert_eq!(passwords, [("ivan", Some("changed since")), ("operator", None)]);
    let aside = told.set_aside.unwrap();
    let server = stopped.start(|_| {}).await;
    server.bearing(&jwt).get("/account/info").await.expect(401);
    assert_eq!(with_sid(&server, &sid).await, 401);
    server.bearing(&secret).get("/account/info").await.expect(200);
    server.sign_in("ivan", PASSWORD).await.get("/account/info").await.expect(200);
    server.as_operator().await.get("/comptoir/v1/companies/south").await.expect(404);
    assert_eq!(server.audit_findings(), Vec::<String>::new());

    // And back again: the copy is a backup like any other.
    let stopped = server.stop().await;
    restored(&stopped, &aside, false).await.unwrap();
    let server = stopped.start(|_| {}).await;
    server.as_operator().await.get("/comptoir/v1/companies/south").await.expect(200);
    server.bearing(&secret).get("/account/info").await.expect(401);
}

/// A server that may call this machine, with a delivery that waits; its backup.
async fn with_a_delivery(receiver: &Receiver) -> (TestServer, PathBuf) {
    let server = TestServer::start_with(|options| options.webhooks.allow = AllowedDestination::loopback()).await;
    let operator = server.as_operator().await;
    let hook = json!({"url": receiver.url(), "events": ["task_ended"]});
    let made = operator.post("/comptoir/v1/webhooks", hook).await.expect(200).json();
    let ping = format!("/comptoir/v1/webhooks/{}/ping", made["webhook"]["id"].as_str().unwrap());
    operator.post(&ping, Value::Null).await.expect(200);
    let taken = take(&backups(&server, 1)).await;
    server.run_pending_tasks().await;
    assert_eq!(receiver.calls().len(), 1);
    (server, taken.path)
}

#[tokio::test]
async fn deliveries_that_were_on_their_way_are_held_until_the_operator_releases_them() {
    let receiver = Receiver::start().await;
    let (server, backup) = with_a_delivery(&receiver).await;
    let stopped = server.stop().await;
    let told = restored(&stopped, &backup, false).await.unwrap();
    assert_eq!(told.waiting, [("webhook_delivery".to_owned(), 1)]);
    let server = stopped.start(|options| options.webhooks.allow = AllowedDestination::loopback()).await;
    let operator = server.as_operator().await;
    server.run_pending_tasks().await;
    server.clock.advance(Duration::from_hours(1));
    server.run_pending_tasks().await;
    assert_eq!(receiver.calls().len(), 1, "nothing went out");
    let outgoing = operator.get("/comptoir/v1/outgoing").await.expect(200).json();
    assert_eq!(outgoing["held_since"], "2026-03-02T10:00:00Z");
    let waiting = outgoing["waiting"].as_array().unwrap();
    assert!(waiting.contains(&json!({"kind": "webhook_delivery", "tasks": 1})), "{outgoing}");
    // Other work goes on meanwhile.
    operator.post("/comptoir/v1/backups", Value::Null).await.expect(200);
    assert!(server.run_pending_tasks().await > 0);

    operator.post("/comptoir/v1/outgoing/release", Value::Null).await.expect(200);
    server.run_pending_tasks().await;
    // The one of that time under the same id, and the end of the backup's task.
    let calls = receiver.calls();
    assert_eq!(calls.len(), 3);
    assert_eq!(calls.iter().filter(|call| call.header("webhook-id") == calls[0].header("webhook-id")).count(), 2);
    assert_eq!(operator.get("/comptoir/v1/outgoing").await.expect(200).json()["held"], false);
}

#[tokio::test]
async fn deliveries_go_on_at_once_if_that_was_asked_for() {
    let receiver = Receiver::start().await;
    let (server, backup) = with_a_delivery(&receiver).await;
    let stopped = server.stop().await;
    assert!(!restored(&stopped, &backup, true).await.unwrap().held);
    let server = stopped.start(|options| options.webhooks.allow = AllowedDestination::loopback()).await;
    server.run_pending_tasks().await;
    assert_eq!(receiver.calls().len(), 2);
}

fn companies(database: &Path) -> i64 {
    let store = Store::open(OpenOptions::server(database)).unwrap();
    let count =
        store.read(|conn| Ok::<_, StoreError>(conn.query_row("SELECT count(*) FROM companies", [], |row| row.get(0))?));
    count.unwrap()
}

#[tokio::test]
async fn what_cannot_be_relied_on_is_refused_and_the_database_stays() {
    let server = TestServer::start().await;
    let taken = take(&backups(&server, 1)).await;
    server.company("north").await;
    let stopped = server.stop().await;
    let place = stopped.database().parent().unwrap().to_owned();
    let copy = |name: &str| {
        let copy = place.join(name);
        std::fs::copy(&taken.path, &copy).unwrap();
        copy
    };
    let header = |path: &Path, at: usize, bytes: &[u8]| {
        let mut content = std::fs::read(path).unwrap();
        content[at..at + bytes.len()].copy_from_slice(bytes);
        std::fs::write(path, content).unwrap();
    };
    let damaged = copy("damaged.db");
    damage(&damaged);
    let cut = copy("cut.db");
    std::fs::File::options().write(true).open(&cut).unwrap().set_len(20_000).unwrap();
    let newer = copy("newer.db");
    header(&newer, 60, &9_999_u32.to_be_bytes());
    let foreign = copy("foreign.db");
    header(&foreign, 68, &[1, 2, 3, 4]);
    let text = place.join("notes.txt");
    std::fs::write(&text, "no database at all, but long enough to have been one once upon a time; ".repeat(10))
        .unwrap();
    let before = names(&place);
    for (backup, code) in
        [(&damaged, 5), (&cut, 5), (&newer, 3), (&foreign, 4), (&text, 4), (&place, 4), (&place.join("absent.db"), 10)]
    {
        let error = restored(&stopped, backup, false).await.unwrap_err();
        let BackupError::Open(refused) = &error else { panic!("{}: {error:?}", backup.display()) };
        assert_eq!(refused.exit_code(), code, "{}: {error}", backup.display());
        assert!(error.to_string().contains(&backup.display().to_string()), "{error}");
        assert!(!error.to_string().contains(".restoring"), "{error}");
    }
    let itself = restored(&stopped, &stopped.database(), false).await;
    assert!(matches!(itself, Err(BackupError::Itself(_))), "{itself:?}");
    assert_eq!(names(&place), before, "nothing was left, nothing was made");
    assert_eq!(companies(&stopped.database()), 2);
}

#[tokio::test]
async fn a_database_that_somebody_has_open_is_left_alone() {
    let server = TestServer::start().await;
    let taken = take(&backups(&server, 1)).await;
    let (clock, database) = (server.clock.clone(), server.store().path().to_owned());
    let options = RestoreOptions {
        resume: false,
        despite_findings: false,
        check: app::consistency,
        outgoing: app::OUTGOING,
        clock,
    };
    let (backup, again) = (taken.path.clone(), options.clone());
    let refused = tokio::task::spawn_blocking(move || restore(&backup, &database, &again)).await.unwrap();
    assert!(matches!(refused, Err(BackupError::Open(OpenError::Locked { .. }))), "{refused:?}");
    // A command beside: what it writes would be lost.
    let command = server.second_store();
    let stopped = server.stop().await;
    let refused = restored(&stopped, &taken.path, false).await;
    assert!(matches!(refused, Err(BackupError::Open(OpenError::Locked { .. }))), "{refused:?}");
    command.close().await.unwrap();
    restored(&stopped, &taken.path, false).await.unwrap();
}

#[tokio::test]
async fn a_damaged_database_is_replaced_and_kept_as_it_is() {
    let server = TestServer::start().await;
    server.company("north").await;
    let taken = take(&backups(&server, 1)).await;
    let stopped = server.stop().await;
    std::fs::write(stopped.database(), b"what a broken disk has made of it".repeat(100)).unwrap();
    let told = restored(&stopped, &taken.path, false).await.unwrap();
    assert!(!told.compared);
    assert!(std::fs::read(told.set_aside.unwrap()).unwrap().starts_with(b"what a broken disk"));
    let server = stopped.start(|_| {}).await;
    server.as_operator().await.get("/comptoir/v1/companies/north").await.expect(200);
}

#[tokio::test]
async fn where_there_is_nothing_a_backup_is_restored_too_and_what_a_kill_has_left_is_cleared_away() {
    let server = TestServer::start().await;
    let taken = take(&backups(&server, 1)).await;
    let stopped = server.stop().await;
    let left = stopped.database().with_file_name("comptoir.db.restoring");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("comptoir.db"), "half of one").unwrap();
    std::fs::remove_file(stopped.database()).unwrap();
    let told = restored(&stopped, &taken.path, false).await.unwrap();
    assert_eq!(told.set_aside, None);
    assert!(!left.exists());
    assert_eq!(companies(&stopped.database()), 1);
}
