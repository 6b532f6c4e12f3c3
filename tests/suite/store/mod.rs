//! The store through its public face, on real files.

mod backup;
mod concurrency;
mod faults;
mod migrations;
mod open;

use std::path::PathBuf;
use std::sync::mpsc;

use comptoir::store::{Migration, OpenOptions, Store, StoreError, WriteTx};
use tempfile::TempDir;

static ITEMS: &[Migration] = &[Migration {
    number: 1,
    name: "items",
    sql: "CREATE TABLE item (id INTEGER PRIMARY KEY, body BLOB) STRICT;
          CREATE TABLE part (item INTEGER NOT NULL REFERENCES item (id) DEFERRABLE INITIALLY DEFERRED) STRICT;",
}];

/// A folder for one database that goes when the test ends.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn db(&self) -> PathBuf {
        self.0.path().join("test.db")
    }

    fn server(&self) -> OpenOptions {
        OpenOptions { migrations: ITEMS, ..OpenOptions::server(self.db()) }
    }

    fn command(&self) -> OpenOptions {
        OpenOptions { migrations: ITEMS, ..OpenOptions::command(self.db()) }
    }

    fn open(&self) -> Store {
        Store::open(self.server()).unwrap()
    }

    fn siblings(&self) -> Vec<String> {
        let mut names: Vec<_> =
            std::fs::read_dir(self.0.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn insert(tx: &WriteTx<'_>, id: i64) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO item (id) VALUES (?1)")?.execute([id])?;
    Ok(())
}

fn ids(store: &Store) -> Vec<i64> {
    store
        .read(|tx| {
            let mut rows = tx.prepare_cached("SELECT id FROM item ORDER BY id")?;
            let ids = rows.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok::<_, StoreError>(ids)
        })
        .unwrap()
}

/// Keeps the writer busy until it is dropped, so that everything queued meanwhile forms one batch.
struct Hold {
    release: Option<mpsc::Sender<()>>,
    held: tokio::task::JoinHandle<Result<(), StoreError>>,
}

impl Hold {
    async fn of(store: &Store) -> Self {
        let (release, wait) = mpsc::channel::<()>();
        let (entered, inside) = tokio::sync::mpsc::unbounded_channel();
        let store = store.clone();
        let held = tokio::spawn(async move {
            store
                .write(move |_| {
                    let _ = entered.send(());
                    let _ = wait.recv();
                    Ok(())
                })
                .await
        });
        let mut inside = inside;
        inside.recv().await.unwrap();
        Self { release: Some(release), held }
    }

    async fn release(mut self) {
        self.release = None;
        self.held.await.unwrap().unwrap();
    }
}

/// Waits until `count` writes stand in the queue.
async fn queued(store: &Store, count: usize) {
    while store.metrics().queued < count {
        tokio::task::yield_now().await;
    }
}
