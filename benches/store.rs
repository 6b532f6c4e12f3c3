//! Durable writes of 64 clients at once: the store's shared commit beside its peer, a transaction a request on one
//! connection that the clients take turns at. Both do the same work on the same settings in the same run, in turns, so
//! that what else the machine does concerns both. The store has to be at least [`BOUND`] times as fast.
//!
//! `cargo bench --bench store`

#![allow(clippy::print_stdout, reason = "figures are what a measurement is for")]

use std::fmt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use comptoir::store::{Migration, OpenOptions, Store, StoreError};
use rusqlite::Connection;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

const CLIENTS: u32 = 64;
const WRITES_EACH: u32 = 300;
const ROUNDS: usize = 3;
const BOUND: f64 = 4.0;

static SCHEMA: &[Migration] = &[Migration {
    number: 1,
    name: "orders",
    sql: "CREATE TABLE orders (
              id INTEGER PRIMARY KEY, client INTEGER NOT NULL, number INTEGER NOT NULL, note TEXT NOT NULL,
              UNIQUE (client, number)
          ) STRICT;",
}];

const INSERT: &str = "INSERT INTO orders (client, number, note) VALUES (?1, ?2, ?3)";
const NOTE: &str = "two pallets, tail lift, ring before delivery";

/// One measurement.
#[derive(Clone, Copy)]
struct Figures {
    per_second: f64,
    p99: Duration,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} writes/s, p99 {:.1} ms", self.per_second, self.p99.as_secs_f64() * 1e3)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    // `cargo test --all-targets` starts this program too, without the word.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let (mut shared, mut single, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let (a, b) = (shared_commit().await, transaction_a_request().await);
        let ratio = a.per_second / b.per_second;
        println!("round {round}: shared commit {a}; a transaction a request {b}; ratio {ratio:.1}");
        shared.push(a);
        single.push(b);
        ratios.push(ratio);
    }
    // Of each round's own ratio: the two of a round met the same disk.
    let ratio = median(ratios, |ratio| *ratio);
    println!("shared commit:           {}", median(shared, |figures| figures.per_second));
    println!("a transaction a request: {}", median(single, |figures| figures.per_second));
    println!("ratio:                   {ratio:.1} (bound: at least {BOUND})");
    if ratio < BOUND { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn shared_commit() -> Figures {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(&folder.path().join("bench.db"));
    let shared = store.clone();
    let figures = measure(move |client, number| {
        let store = shared.clone();
        async move {
            let written = store.write(move |tx| {
                tx.prepare_cached(INSERT)?.execute((client, number, NOTE))?;
                Ok::<_, StoreError>(())
            });
            written.await.expect("a write");
        }
    })
    .await;
    store.close().await.expect("a close");
    figures
}

async fn transaction_a_request() -> Figures {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("bench.db");
    // The same file: tables, page size, log.
    open(&path).close().await.expect("a close");
    let connection = Connection::open(&path).expect("a connection");
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;").expect("the settings");
    // A fair lock, held without awaiting: no thread hop, and nobody's turn comes twice while others wait.
    let connection = Arc::new(Mutex::new(connection));
    measure(move |client, number| {
        let connection = Arc::clone(&connection);
        async move {
            let connection = connection.lock().await;
            let step = |sql| connection.prepare_cached(sql).and_then(|mut sql| sql.execute([])).expect("a step");
            step("BEGIN IMMEDIATE");
            let mut insert = connection.prepare_cached(INSERT).expect("a statement");
            insert.execute((client, number, NOTE)).expect("a write");
            step("COMMIT");
        }
    })
    .await
}

fn open(path: &Path) -> Store {
    Store::open(OpenOptions { migrations: SCHEMA, ..OpenOptions::server(path) }).expect("a store")
}

/// Lets every client write one after the other, all clients at once.
async fn measure<F>(write: impl Fn(u32, u32) -> F + Clone + Send + 'static) -> Figures
where
    F: Future<Output = ()> + Send + 'static,
{
    let start = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let write = write.clone();
        clients.spawn(async move {
            let mut waits = Vec::with_capacity(WRITES_EACH as usize);
            for number in 0..WRITES_EACH {
                let begun = Instant::now();
                write(client, number).await;
                waits.push(begun.elapsed());
            }
            waits
        });
    }
    let mut waits = clients.join_all().await.concat();
    let elapsed = start.elapsed();
    waits.sort_unstable();
    Figures { per_second: f64::from(CLIENTS * WRITES_EACH) / elapsed.as_secs_f64(), p99: waits[waits.len() * 99 / 100] }
}

/// The middle one.
fn median<T: Copy>(mut rounds: Vec<T>, by: impl Fn(&T) -> f64) -> T {
    rounds.sort_by(|a, b| by(a).total_cmp(&by(b)));
    rounds[rounds.len() / 2]
}
