//! Taking them under load, keeping some of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use comptoir::app;
use comptoir::audit::own::record_command;
use comptoir::auth::AuthError;
use comptoir::auth::companies::{self, CompanyChange};
use comptoir::auth::model::{CompanyKey, CompanyName};
use comptoir::backups::restore::{RestoreOptions, restore};
use comptoir::store::{OpenOptions, Store, StoreError};
use tokio::task::JoinSet;

use super::{backups, names, take};
use crate::support::TestServer;

/// Makes companies, each with its events in the audit's chains, and renames each a few times; counts the companies that
/// were acknowledged.
async fn write(server: Store, writer: u32, stop: Arc<AtomicBool>, acknowledged: Arc<AtomicU32>) {
    let now = crate::support::NOW;
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let name = format!("company_{writer}_{number}");
        let (key, name) = (CompanyKey::parse(name.clone()).unwrap(), CompanyName::parse(name).unwrap());
        let (own, named) = (key.clone(), name.clone());
        let written = server.write(move |tx| {
            let made = companies::create(tx, &own, &named, now)?;
            record_command(tx, Some(made.id), "create_company", now)?;
            record_command(tx, None, "create_company", now)?;
            Ok::<_, AuthError>(())
        });
        written.await.unwrap();
        acknowledged.fetch_add(1, Ordering::SeqCst);
        for _ in 0..20 {
            let (key, change) = (key.clone(), CompanyChange { name: Some(name.clone()), enabled: None });
            let renamed = server.write(move |tx| companies::change(tx, key.as_str(), &change, now));
            renamed.await.unwrap();
        }
    }
}

fn made(store: &Store) -> u32 {
    let count = store.read(|conn| {
        let count =
            conn.query_row("SELECT count(*) FROM companies WHERE key GLOB 'company_*'", [], |row| row.get(0))?;
        Ok::<_, StoreError>(count)
    });
    count.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_taken_under_load_is_restored_and_checked_twenty_times_in_a_row() {
    let server = TestServer::start().await;
    let backups = backups(&server, 2);
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let mut writers = JoinSet::new();
    for writer in 0..2 {
        writers.spawn(write(server.store().clone(), writer, Arc::clone(&stop), Arc::clone(&acknowledged)));
    }
    let place = tempfile::tempdir().unwrap();
    let mut last = 0;
    for round in 0..20 {
        let before = acknowledged.load(Ordering::SeqCst);
        let taken = take(&backups).await;
        // One more of each writer may be on the disk and not counted yet.
        let after = acknowledged.load(Ordering::SeqCst) + 2;
        assert_eq!(taken.findings, Vec::<String>::new());
        let database = place.path().join(format!("restored_{round}.db"));
        let options = RestoreOptions {
            resume: false,
            despite_findings: false,
            check: app::consistency,
            outgoing: app::OUTGOING,
            clock: server.clock.clone(),
        };
        let target = database.clone();
        tokio::task::spawn_blocking(move || restore(&taken.path, &target, &options)).await.unwrap().unwrap();
        let restored =
            Store::open(OpenOptions { clock: server.clock.clone(), ..OpenOptions::server(database) }).unwrap();
        let count = made(&restored);
        assert!((before..=after).contains(&count), "round {round}: {count} is not from {before} to {after}");
        assert_eq!(restored.read(|conn| app::consistency(conn)).unwrap(), Vec::<String>::new());
        last = count;
    }
    stop.store(true, Ordering::SeqCst);
    writers.join_all().await;
    assert!(last > 20, "there was load: {last}");
    assert_eq!(backups.list().unwrap().len(), 2);
}

#[tokio::test]
async fn the_newest_ones_are_kept_and_what_is_not_ours_stays() {
    let server = TestServer::start().await;
    let backups = backups(&server, 2);
    take(&backups).await;
    let strangers = ["comptoir-ffffffff-20200101T000000Z-1.db", "notes.txt", "comptoir.db"];
    for name in strangers {
        std::fs::write(backups.folder().join(name), "somebody's").unwrap();
    }
    let mut taken = Vec::new();
    for _ in 0..4 {
        server.clock.advance(Duration::from_hours(24));
        taken.push(take(&backups).await);
    }
    assert_eq!(taken[3].removed, [taken[1].name.clone().unwrap()]);
    let mut expected: Vec<_> = taken[2..].iter().map(|taken| taken.name.clone().unwrap().file()).collect();
    expected.extend(strangers.map(str::to_owned));
    expected.sort();
    assert_eq!(names(backups.folder()), expected);
}

#[tokio::test]
async fn two_of_the_same_second_have_names_of_their_own_and_what_a_kill_left_goes() {
    let server = TestServer::start().await;
    let backups = backups(&server, 5);
    let first = take(&backups).await.name.unwrap();
    let left = backups.folder().join(format!(".{first}.part"));
    std::fs::write(left, "half of one").unwrap();
    let second = take(&backups).await.name.unwrap();
    assert!(first < second);
    assert_eq!(names(backups.folder()), [first.file(), second.file()]);
}

#[tokio::test]
async fn of_a_database_that_contradicts_itself_a_copy_is_kept_that_counts_for_nothing() {
    let server = TestServer::start().await;
    let backups = backups(&server, 1);
    let good = take(&backups).await.name.unwrap();
    // By hand in a SQL shell: what no operation does.
    let spoil = |sql: &'static str| server.store().write(move |tx| Ok::<_, StoreError>(tx.execute_batch(sql)?));
    spoil("UPDATE users SET password_hash = 'plain' WHERE username = 'operator'").await.unwrap();
    for _ in 0..2 {
        server.clock.advance(Duration::from_hours(1));
        let taken = take(&backups).await;
        assert!(taken.findings[0].contains("is not Argon2id"), "{:?}", taken.findings);
        assert!(!taken.name.unwrap().is_good());
    }
    assert_eq!(backups.newest().unwrap().unwrap().name, good, "the last good one stays");
    assert_eq!(backups.list().unwrap().len(), 2, "and of the others the newest");
    spoil("UPDATE users SET password_hash = NULL WHERE username = 'operator'").await.unwrap();
    server.clock.advance(Duration::from_hours(1));
    let mended = take(&backups).await.name.unwrap();
    assert_eq!(names(backups.folder()), [mended.file()]);
}
