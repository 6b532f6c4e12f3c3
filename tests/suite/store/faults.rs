//! What the machine does to the store: a full disk, a commit that fails, a kill.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use comptoir::store::{Store, StoreError, WriteTx};

use super::{Hold, Place, ids, insert, queued};

/// Lets the file grow by `pages` more and no further; a real `SQLITE_FULL`, without a disk to fill.
async fn allow_pages(store: &Store, pages: i64) {
    store
        .write(move |tx| {
            let now: i64 = tx.query_row("PRAGMA page_count", [], |row| row.get(0))?;
            tx.query_row(&format!("PRAGMA max_page_count = {}", now + pages), [], |_| Ok(()))?;
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
}

fn insert_large(tx: &WriteTx<'_>, id: i64) -> Result<(), StoreError> {
    tx.execute("INSERT INTO item (id, body) VALUES (?1, zeroblob(1000000))", [id])?;
    Ok(())
}

type Closure = Box<dyn Fn(&WriteTx<'_>) -> Result<(), StoreError> + Send>;

/// Queues the closures in this order behind a held writer, lets go, and returns their outcomes.
async fn in_one_batch(store: &Store, closures: Vec<Closure>) -> Vec<Result<(), StoreError>> {
    let hold = Hold::of(store).await;
    let mut writers = Vec::new();
    for (position, closure) in closures.into_iter().enumerate() {
        let clone = store.clone();
        writers.push(tokio::spawn(async move { clone.write(closure).await }));
        queued(store, position + 1).await;
    }
    hold.release().await;
    let mut outcomes = Vec::new();
    for writer in writers {
        outcomes.push(writer.await.unwrap());
    }
    outcomes
}

#[tokio::test]
async fn a_full_disk_inside_a_batch_fails_its_own_write_only() {
    let place = Place::new();
    let store = place.open();
    allow_pages(&store, 20).await;
    let outcomes = in_one_batch(
        &store,
        vec![Box::new(|tx| insert(tx, 1)), Box::new(|tx| insert_large(tx, 2)), Box::new(|tx| insert(tx, 3))],
    )
    .await;
    assert!(matches!(&outcomes[..], [Ok(()), Err(StoreError::Full), Ok(())]), "{outcomes:?}");
    assert_eq!(store.metrics().reruns, 1);
    assert_eq!(ids(&store), [1, 3]);

    allow_pages(&store, 10_000).await;
    store.write(|tx| insert_large(tx, 2)).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(ids(&place.open()), [1, 2, 3], "after reopening");
}

#[tokio::test]
async fn a_refusal_that_only_a_lost_neighbour_caused_is_not_acknowledged_either() {
    let place = Place::new();
    let store = place.open();
    allow_pages(&store, 20).await;
    let runs = AtomicU32::new(0);
    let outcomes = in_one_batch(
        &store,
        vec![
            // Takes the number at first, and changes its mind when it is run again.
            Box::new(move |tx| match runs.fetch_add(1, Ordering::SeqCst) {
                0 => insert(tx, 1),
                _ => Err(StoreError::Busy),
            }),
            Box::new(|tx| insert(tx, 1)),
            Box::new(|tx| insert_large(tx, 2)),
        ],
    )
    .await;
    assert!(matches!(&outcomes[..], [Err(StoreError::Busy), Ok(()), Err(StoreError::Full)]), "{outcomes:?}");
    assert_eq!(ids(&store), [1]);
}

#[tokio::test]
async fn a_full_disk_is_a_fault_until_a_commit_works_again() {
    let place = Place::new();
    let store = place.open();
    allow_pages(&store, 20).await;
    assert!(matches!(store.write(|tx| insert_large(tx, 1)).await, Err(StoreError::Full)));
    assert!(store.health().fault.is_some());
    store.probe().await.unwrap();
    assert!(store.health().is_ok());
}

#[tokio::test]
async fn what_a_closure_writes_after_it_swallowed_a_full_disk_is_not_kept() {
    // Guards against SQLite's autocommit: with the transaction gone, each further statement would commit by itself.
    let place = Place::new();
    let store = place.open();
    allow_pages(&store, 20).await;
    let stubborn: fn(&WriteTx<'_>) -> Result<(), StoreError> = |tx| {
        let _ = insert_large(tx, 1);
        let _ = insert(tx, 2);
        let _ = tx.execute_batch("SAVEPOINT mine; INSERT INTO item (id) VALUES (3); RELEASE mine");
        let _ = tx.execute_batch("SAVEPOINT left_open; INSERT INTO item (id) VALUES (4)");
        Ok(())
    };
    assert!(matches!(store.write(stubborn).await, Err(StoreError::RolledBack)));
    let outcomes = in_one_batch(&store, vec![Box::new(stubborn), Box::new(|tx| insert(tx, 5))]).await;
    assert!(matches!(&outcomes[..], [Err(StoreError::RolledBack), Ok(())]), "{outcomes:?}");
    assert_eq!(ids(&store), [5]);
}

#[tokio::test]
async fn a_closure_that_commits_or_rolls_back_by_itself_harms_nobody_else() {
    let place = Place::new();
    let store = place.open();
    let outcomes = in_one_batch(
        &store,
        vec![
            Box::new(|tx| insert(tx, 1)),
            Box::new(|tx| insert(tx, 2).and_then(|()| Ok(tx.execute_batch("COMMIT")?))),
            Box::new(|tx| insert(tx, 3).and_then(|()| Ok(tx.execute_batch("ROLLBACK")?))),
            Box::new(|tx| insert(tx, 4)),
        ],
    )
    .await;
    assert!(
        matches!(&outcomes[..], [Ok(()), Err(StoreError::RolledBack), Err(StoreError::RolledBack), Ok(())]),
        "{outcomes:?}"
    );
    assert_eq!(ids(&store), [1, 4]);
}

#[tokio::test]
async fn a_commit_that_fails_acknowledges_nothing_and_the_others_run_again() {
    // A deferred foreign key is looked at by COMMIT only, and makes the commit of the whole batch fail.
    let place = Place::new();
    let store = place.open();
    let outcomes = in_one_batch(
        &store,
        vec![
            Box::new(|tx| insert(tx, 1)),
            Box::new(|tx| Ok(tx.execute_batch("INSERT INTO part VALUES (99)")?)),
            Box::new(|tx| insert(tx, 2)),
        ],
    )
    .await;
    assert!(matches!(&outcomes[..], [Ok(()), Err(error), Ok(())] if error.is_foreign_key()), "{outcomes:?}");
    assert_eq!((store.metrics().reruns, ids(&store)), (1, vec![1, 2]));
    assert!(store.health().is_ok());
}

const CHILD_DATABASE: &str = "COMPTOIR_TEST_STORE_CHILD";
const WRITERS: i64 = 8;

/// Not a test of its own: the process that the next test starts and kills. Without its variable it does nothing.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD_DATABASE) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let options = comptoir::store::OpenOptions::server(path);
    let store = Store::open(comptoir::store::OpenOptions { migrations: super::ITEMS, ..options }).unwrap();
    runtime.block_on(async {
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let store = store.clone();
            writers.spawn(async move {
                for id in (writer..).step_by(usize::try_from(WRITERS).unwrap()) {
                    store.write(move |tx| insert(tx, id)).await.unwrap();
                    writeln!(std::io::stdout(), "acknowledged {id}").unwrap();
                }
            });
        }
        writers.join_all().await;
    });
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there_afterwards() {
    let place = Place::new();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::faults::child_that_writes_until_it_is_killed", "--nocapture"])
        .env(CHILD_DATABASE, place.db())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        // The test runner's own words may stand before a number. A line is one small write to a pipe: it arrives whole or
        // not at all.
        let line = line.unwrap();
        let Some(id) = line.split_once("acknowledged ").and_then(|(_, id)| id.parse::<i64>().ok()) else { continue };
        acknowledged.push(id);
        if acknowledged.len() == 500 {
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success(), "it was killed");
    assert!(acknowledged.len() >= 500);
    let present = ids(&place.open());
    for id in acknowledged {
        assert!(present.binary_search(&id).is_ok(), "{id} was acknowledged and is gone");
    }
}
