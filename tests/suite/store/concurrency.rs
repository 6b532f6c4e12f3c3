//! Many at once: shared commits, neighbours that fail, readers beside the writer.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use comptoir::store::{ConstraintKind, OpenOptions, Store, StoreError};
use rusqlite::{Connection, StatementStatus};
use tokio::task::JoinSet;

use super::{Hold, Place, ids, insert, queued};

#[tokio::test]
async fn sixty_four_writers_share_one_commit_and_all_land() {
    let place = Place::new();
    let store = place.open();
    let hold = Hold::of(&store).await;
    let mut writers = JoinSet::new();
    for id in 0..64 {
        let store = store.clone();
        writers.spawn(async move { store.write(move |tx| insert(tx, id)).await });
    }
    queued(&store, 64).await;
    hold.release().await;
    for written in writers.join_all().await {
        written.unwrap();
    }
    assert_eq!(ids(&store), (0..64).collect::<Vec<_>>());
    let metrics = store.metrics();
    assert_eq!((metrics.batches, metrics.writes), (2, 65), "one commit for the holder, one for the 64");
    assert!(store.health().is_ok() && metrics.last_commit.is_some());
}

#[tokio::test]
async fn more_writers_than_the_queue_holds_wait_for_a_place_and_all_land() {
    let place = Place::new();
    let store = place.open();
    let hold = Hold::of(&store).await;
    let mut writers = JoinSet::new();
    for id in 0..3_000 {
        let store = store.clone();
        writers.spawn(async move { store.write(move |tx| insert(tx, id)).await });
    }
    queued(&store, 1_024).await;
    hold.release().await;
    assert!(writers.join_all().await.into_iter().all(|written| written.is_ok()));
    assert_eq!(ids(&store).len(), 3_000);
    assert!(store.metrics().batches < 3_000 / 64, "{:?}", store.metrics());
}

#[tokio::test]
async fn a_failed_closure_and_a_panic_leave_their_neighbours_alone() {
    let place = Place::new();
    let store = place.open();
    let hold = Hold::of(&store).await;
    let mut writers = JoinSet::new();
    for id in 0..12 {
        let store = store.clone();
        writers.spawn(async move {
            let outcome = store
                .write(move |tx| {
                    insert(tx, id)?;
                    match id % 4 {
                        1 => insert(tx, id),
                        2 => panic!("closure {id}"),
                        _ => Ok(()),
                    }
                })
                .await;
            (id, outcome)
        });
    }
    queued(&store, 12).await;
    hold.release().await;
    for (id, outcome) in writers.join_all().await {
        match (id % 4, outcome) {
            (1, Err(error)) => assert_eq!(error.unique_on(), Some("item.id")),
            (2, Err(StoreError::Panicked(text))) => assert_eq!(text, format!("closure {id}")),
            (0 | 3, Ok(())) => {}
            (_, other) => panic!("{id}: {other:?}"),
        }
    }
    assert_eq!(ids(&store), [0, 3, 4, 7, 8, 11]);
    let metrics = store.metrics();
    assert_eq!((metrics.batches, metrics.writes, metrics.failures, metrics.reruns), (2, 7, 6, 0));
    assert!(store.health().is_ok(), "what a closure refuses is no fault of the database");
}

#[tokio::test]
async fn neighbours_run_again_only_when_a_closure_fails_half_way() {
    for (half_way, expected) in [(false, 1), (true, 2)] {
        let place = Place::new();
        let store = place.open();
        let runs = Arc::new(AtomicUsize::new(0));
        let hold = Hold::of(&store).await;
        let (neighbour, counted) = (store.clone(), Arc::clone(&runs));
        let neighbour = tokio::spawn(async move {
            let written = neighbour.write(move |tx| {
                counted.fetch_add(1, Ordering::SeqCst);
                insert(tx, 1)
            });
            written.await
        });
        queued(&store, 1).await;
        let failing = store.clone();
        let failing = tokio::spawn(async move {
            let refused = failing.write(move |tx| {
                if half_way {
                    insert(tx, 2)?;
                }
                Err::<(), _>(StoreError::Busy)
            });
            refused.await
        });
        queued(&store, 2).await;
        hold.release().await;
        neighbour.await.unwrap().unwrap();
        assert!(matches!(failing.await.unwrap(), Err(StoreError::Busy)));
        assert_eq!((runs.load(Ordering::SeqCst), ids(&store)), (expected, vec![1]), "half-way: {half_way}");
        assert_eq!((store.metrics().batches, store.metrics().reruns), (2, 0), "one commit all the same");
    }
}

#[tokio::test]
async fn the_log_is_brought_into_the_file_while_writes_go_on() {
    const MIB: u64 = 1 << 20;
    let place = Place::new();
    let store = place.open();
    let length = |name: &str| std::fs::metadata(place.db().with_file_name(name)).map_or(0, |found| found.len());
    let (mut written, mut longest) = (0, 0);
    // Nothing closes the store or asks for it, and there is never a pause.
    while length("test.db") < 32 * MIB {
        assert!(written < 500, "500 MiB are written, and {} bytes of them are in the file", length("test.db"));
        store
            .write(move |tx| {
                tx.execute("INSERT INTO item (id, body) VALUES (?1, zeroblob(1 << 20))", [written])?;
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
        written += 1;
        longest = longest.max(length("test.db-wal"));
    }
    assert!(longest < 80 * MIB, "the log was {longest} bytes long");
    store.close().await.unwrap();
    assert_eq!((ids(&place.open()).len(), length("test.db-wal")), (usize::try_from(written).unwrap(), 0));
}

#[tokio::test]
async fn a_lone_panic_is_rolled_back_and_the_writer_lives_on() {
    let place = Place::new();
    let store = place.open();
    let outcome: Result<(), StoreError> = store
        .write(|tx| {
            insert(tx, 1)?;
            panic!("alone")
        })
        .await;
    assert!(matches!(outcome, Err(StoreError::Panicked(_))));
    store.write(|tx| insert(tx, 2)).await.unwrap();
    assert_eq!(ids(&store), [2]);
}

#[tokio::test]
async fn what_follows_a_commit_happens_once_for_each_write_that_is_kept_and_before_its_answer() {
    let place = Place::new();
    let store = place.open();
    let done = Arc::new(Mutex::new(Vec::new()));
    for alone in [true, false] {
        let hold = if alone { None } else { Some(Hold::of(&store).await) };
        let first: i64 = if alone { 0 } else { 10 };
        let mut writers = JoinSet::new();
        for id in first..first + 4 {
            let (writer, reader, done) = (store.clone(), store.clone(), Arc::clone(&done));
            let write = async move {
                writer
                    .write(move |tx| {
                        insert(tx, id)?;
                        let (reader, done) = (reader.clone(), Arc::clone(&done));
                        tx.after_commit(move || {
                            assert!(ids(&reader).contains(&id), "it is on the disk");
                            done.lock().unwrap().push(id);
                            assert_ne!(id % 10, 3, "a panic that costs nobody anything");
                        });
                        // Refused by the schema on every second one.
                        insert(tx, if id % 2 == 0 { id } else { -id })
                    })
                    .await
            };
            if alone {
                assert_eq!(write.await.is_ok(), id % 2 == 1);
            } else {
                writers.spawn(async move { assert_eq!(write.await.is_ok(), id % 2 == 1) });
            }
        }
        if let Some(hold) = hold {
            queued(&store, 4).await;
            hold.release().await;
        }
        writers.join_all().await;
    }
    let mut done = done.lock().unwrap().clone();
    done.sort_unstable();
    assert_eq!(done, [1, 3, 11, 13]);
}

#[tokio::test]
async fn a_write_whose_caller_left_after_queueing_it_still_runs() {
    let place = Place::new();
    let store = place.open();
    let hold = Hold::of(&store).await;
    let caller = tokio::spawn({
        let store = store.clone();
        async move { store.write(|tx| insert(tx, 1)).await }
    });
    queued(&store, 1).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    hold.release().await;
    store.write(|tx| insert(tx, 2)).await.unwrap();
    assert_eq!(ids(&store), [1, 2]);
}

#[tokio::test]
async fn a_reader_sees_what_is_committed_and_nothing_else() {
    let place = Place::new();
    let store = place.open();
    store.write(|tx| insert(tx, 1)).await.unwrap();
    let (reader, seen) = (store.clone(), Arc::new(AtomicUsize::new(0)));
    let inside = Arc::clone(&seen);
    store
        .write(move |tx| {
            insert(tx, 2)?;
            inside.store(ids(&reader).len(), Ordering::SeqCst);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 1, "in the middle of the write");
    assert_eq!(ids(&store), [1, 2], "after it");
}

#[tokio::test]
async fn one_read_is_one_snapshot_even_while_others_write() {
    let place = Place::new();
    let store = place.open();
    store.write(|tx| insert(tx, 1)).await.unwrap();
    let count = |tx: &comptoir::store::ReadTx<'_>| -> Result<i64, StoreError> {
        Ok(tx.query_row("SELECT count(*) FROM item", [], |row| row.get(0))?)
    };
    let (runtime, writer) = (tokio::runtime::Handle::current(), store.clone());
    let (before, after) = store
        .read_long(move |tx| {
            let before = count(tx)?;
            runtime.block_on(writer.write(|tx| insert(tx, 2)))?;
            Ok::<_, StoreError>((before, count(tx)?))
        })
        .await
        .unwrap();
    assert_eq!((before, after), (1, 1));
    assert_eq!(store.read(count).unwrap(), 2);
}

#[tokio::test]
async fn a_statement_is_compiled_once_whatever_is_bound_to_it() {
    let place = Place::new();
    let store = place.open();
    store.write(|tx| insert(tx, 1)).await.unwrap();
    let compiled_again = store.read(|tx| {
        let mut parts = tx.prepare("SELECT i.id FROM item i JOIN part p ON p.item = i.id WHERE i.id = ?1")?;
        for id in 0..3 {
            parts.query([id])?.next()?;
        }
        Ok::<_, StoreError>(parts.get_status(StatementStatus::RePrepare))
    });
    assert_eq!(compiled_again.unwrap(), 0);
}

#[tokio::test]
async fn a_read_of_one_statement_sees_what_is_committed_and_cannot_write() {
    let place = Place::new();
    let store = Store::open(OpenOptions { readers: 1, ..place.server() }).unwrap();
    store.write(|tx| insert(tx, 1)).await.unwrap();
    let count = |tx: &comptoir::store::ReadTx<'_>| -> Result<i64, StoreError> {
        Ok(tx.query_row("SELECT count(*) FROM item", [], |row| row.get(0))?)
    };
    assert_eq!(store.read_one(count).unwrap(), 1);
    let attempt = store.read_one(|tx| Ok::<_, StoreError>(tx.execute("INSERT INTO item (id) VALUES (2)", [])?));
    assert!(matches!(attempt, Err(StoreError::ReadOnly)), "{attempt:?}");
    // A closure that left a transaction open must not hand its old snapshot to the next one.
    store.read_one(|tx| Ok::<_, StoreError>(tx.execute_batch("BEGIN; SELECT * FROM item;")?)).unwrap();
    store.write(|tx| insert(tx, 2)).await.unwrap();
    assert_eq!(store.read_one(count).unwrap(), 2);
}

#[tokio::test]
async fn readers_cannot_write() {
    let place = Place::new();
    let store = place.open();
    let attempt = store.read(|tx| Ok::<_, StoreError>(tx.execute("INSERT INTO item (id) VALUES (1)", [])?));
    assert!(matches!(attempt, Err(StoreError::ReadOnly)), "{attempt:?}");
    let attempt = store.read_long(|tx| Ok::<_, StoreError>(tx.execute("DELETE FROM item", [])?)).await;
    assert!(matches!(attempt, Err(StoreError::ReadOnly)), "{attempt:?}");
    assert!(ids(&store).is_empty());
}

#[tokio::test]
async fn more_reads_at_once_than_the_pool_keeps_all_work_and_a_panic_costs_only_its_connection() {
    let place = Place::new();
    let store = Store::open(OpenOptions { readers: 1, ..place.server() }).unwrap();
    let nested = store.read(|_| {
        store.read(|_| store.read(|tx| Ok::<i64, StoreError>(tx.query_row("SELECT 7", [], |row| row.get(0))?)))
    });
    assert_eq!(nested.unwrap(), 7);
    let outcome: Result<(), StoreError> = store.read_long(|_| panic!("in a report")).await;
    assert!(matches!(outcome, Err(StoreError::Panicked(text)) if text == "in a report"));
    assert!(ids(&store).is_empty());
}

#[tokio::test]
async fn a_write_waits_for_another_process_and_gives_up_as_busy_in_the_end() {
    let place = Place::new();
    let store = place.open();
    let other = Connection::open(place.db()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; INSERT INTO item (id) VALUES (1)").unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.write(|tx| insert(tx, 2)).await }
    });
    // The queue is empty once the writer has taken it; whether it waits in BEGIN by now or not does not matter.
    while store.metrics().queued > 0 {
        tokio::task::yield_now().await;
    }
    other.execute_batch("COMMIT").unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(ids(&store), [1, 2]);
    store.close().await.unwrap();

    let store = Store::open(OpenOptions { busy_timeout: Duration::from_millis(1), ..place.server() }).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(store.write(|tx| insert(tx, 3)).await, Err(StoreError::Busy)));
    assert!(!store.health().is_ok());
    other.execute_batch("ROLLBACK").unwrap();
    store.write(|tx| insert(tx, 3)).await.unwrap();
    assert!(store.health().is_ok(), "a commit that works ends the alarm");
}

#[tokio::test]
async fn closing_writes_what_is_queued_and_refuses_what_comes_later() {
    let place = Place::new();
    let store = place.open();
    let hold = Hold::of(&store).await;
    let mut writers = JoinSet::new();
    for id in 0..5 {
        let store = store.clone();
        writers.spawn(async move { store.write(move |tx| insert(tx, id)).await });
    }
    queued(&store, 5).await;
    let closing = tokio::spawn(store.clone().close());
    queued(&store, 6).await;
    hold.release().await;
    assert!(writers.join_all().await.into_iter().all(|written| written.is_ok()));
    closing.await.unwrap().unwrap();
    assert!(matches!(store.write(|tx| insert(tx, 9)).await, Err(StoreError::Closed)));
    assert!(matches!(store.read(|_| Ok::<_, StoreError>(())), Err(StoreError::Closed)));
    assert!(matches!(store.read_long(|_| Ok::<_, StoreError>(())).await, Err(StoreError::Closed)));
    assert!(!store.health().is_ok());
    assert_eq!(place.siblings(), ["test.db", "test.db-lock"], "the log is gone");
    assert_eq!(ids(&place.open()), [0, 1, 2, 3, 4]);
}

#[test]
fn a_store_works_without_a_runtime_and_its_last_handle_frees_the_file() {
    let place = Place::new();
    for id in 0..3 {
        let store = place.open();
        store.write_blocking(move |tx| insert(tx, id)).unwrap();
    }
    assert_eq!(ids(&place.open()), [0, 1, 2]);
}

#[tokio::test]
async fn constraints_say_which_rule_was_broken() {
    let place = Place::new();
    let store = place.open();
    let broken = |sql: &'static str| store.write(move |tx| Ok::<_, StoreError>(tx.execute_batch(sql)?));
    let kinds = [
        ("INSERT INTO item (id) VALUES (1), (1)", ConstraintKind::Unique, "item.id"),
        ("INSERT INTO part VALUES (NULL)", ConstraintKind::NotNull, "part.item"),
        ("INSERT INTO item (body) VALUES ('text')", ConstraintKind::Other, ""),
        ("INSERT INTO part VALUES (99)", ConstraintKind::ForeignKey, ""),
    ];
    for (sql, expected, guarded) in kinds {
        match broken(sql).await {
            Err(StoreError::Constraint { kind, on, .. }) => {
                assert_eq!(kind, expected, "{sql}");
                assert!(on.contains(guarded), "{sql}: {on}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
    assert!(store.health().is_ok());
}

#[tokio::test]
async fn a_command_beside_the_server_and_the_server_see_each_others_writes() {
    let place = Place::new();
    let server = place.open();
    server.write(|tx| insert(tx, 1)).await.unwrap();
    let unchanged = server.outside_version().await.unwrap();
    server.write(|tx| insert(tx, 2)).await.unwrap();
    assert_eq!(server.outside_version().await.unwrap(), unchanged, "its own writes are not from outside");

    let command = Store::open(place.command()).unwrap();
    assert_eq!(ids(&command), [1, 2]);
    command.write(|tx| insert(tx, 3)).await.unwrap();
    assert_eq!(ids(&server), [1, 2, 3]);
    assert_ne!(server.outside_version().await.unwrap(), unchanged);
    command.close().await.unwrap();

    server.write(|tx| insert(tx, 4)).await.unwrap();
    assert_eq!(ids(&server).into_iter().collect::<BTreeSet<_>>().len(), 4);
}
