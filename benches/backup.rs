//! A backup of a file of a gigabyte while sixteen clients write: the 99th percentile of their writes from the backup's
//! beginning to its end, reading back included, beside that of the same clients without a backup in the same run. It has
//! to stay under [`BOUND`]. Its peer is SQLite's own `VACUUM INTO`, which takes its copy in one statement.
//!
//! `cargo bench --bench backup`. It takes three gigabytes of the disk that `TMPDIR` is on, and gives them back.

#![allow(clippy::print_stdout, reason = "figures are what a measurement is for")]

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use comptoir::app;
use comptoir::audit::own::record_command;
use comptoir::backups::{Backups, Target};
use comptoir::clock::Clock;
use comptoir::store::{OpenOptions, Store, StoreError};
use rusqlite::Connection;
use tokio::task::JoinSet;

/// What a write may take at the 99th percentile while a backup is taken.
const BOUND: Duration = Duration::from_millis(200);

const CLIENTS: u32 = 16;

/// Large rows, as data files have them, and small ones, as everything else has.
const CHUNKS: u32 = 3_600;
const CHUNK: u32 = 256 * 1024;
const ROWS: u32 = 800_000;

/// How long the clients write without a backup.
const ALONE: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
    CREATE TABLE bench_chunk (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
    CREATE TABLE bench_row (id INTEGER PRIMARY KEY, client INTEGER NOT NULL, note TEXT NOT NULL) STRICT;
    CREATE INDEX bench_row_by_client ON bench_row (client, id);";

const INSERT: &str = "INSERT INTO bench_row (client, note) VALUES (?1, ?2)";
const NOTE: &str = "two pallets, tail lift, ring before delivery, take the old ones back";

/// What writes took in a span.
struct Figures {
    span: Duration,
    waits: Vec<Duration>,
}

impl Figures {
    fn at(&self, per_mille: usize) -> Duration {
        self.waits
            .get((self.waits.len() * per_mille / 1000).min(self.waits.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        let count = u32::try_from(self.waits.len()).unwrap_or(u32::MAX);
        let per_second = f64::from(count) / self.span.as_secs_f64();
        let (p50, p99, worst) = (ms(self.at(500)), ms(self.at(990)), ms(self.at(1000)));
        write!(f, "{per_second:.0} writes/s, p50 {p50:.1} ms, p99 {p99:.1} ms, worst {worst:.1} ms")
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    // `cargo test --all-targets` starts this program too, without the word.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("bench.db");
    let store = Store::open(OpenOptions::server(&path)).expect("a store");
    fill(&store).await;
    let size = fs::metadata(&path).expect("the file").len();
    println!("the file: {} MB", size / 1_000_000);

    let alone = under_load(&store, || std::thread::sleep(ALONE)).await;
    println!("no backup:   {alone}");
    let backups =
        Backups::new(store.clone(), Clock::system(), Some(folder.path().join("backups")), 1, app::consistency);
    let copied = Arc::new(std::sync::Mutex::new(Duration::ZERO));
    let (own, until) = (backups.clone(), Arc::clone(&copied));
    let during = under_load(&store, move || {
        let began = Instant::now();
        own.take(&Target::Kept, &mut |_| {
            *until.lock().expect("no panic") = began.elapsed();
            true
        })
        .expect("a backup");
    })
    .await;
    let copied = copied.lock().expect("no panic").as_secs_f64();
    let span = during.span.as_secs_f64();
    println!(
        "backup:      {during}; copied in {copied:.1} s, with reading back {span:.1} s, log {} MB",
        log_size(&path)
    );
    store.checkpoint().await.expect("a checkpoint");
    fs::remove_dir_all(backups.folder()).expect("room again");

    let (from, to) = (path.clone(), folder.path().join("peer.db"));
    let vacuum = under_load(&store, move || {
        let source = Connection::open(from).expect("a connection");
        source.execute("VACUUM INTO ?1", [to.to_str().expect("a path")]).expect("a copy");
        fs::File::open(to).and_then(|file| file.sync_all()).expect("the disk");
    })
    .await;
    println!(
        "VACUUM INTO: {vacuum}; {:.1} s without reading back, log {} MB",
        vacuum.span.as_secs_f64(),
        log_size(&path)
    );
    store.close().await.expect("a close");
    let p99 = during.at(990);
    println!("p99 while a backup is taken: {:.1} ms (bound: {} ms)", p99.as_secs_f64() * 1e3, BOUND.as_millis());
    if p99 < BOUND && size > 1_000_000_000 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn log_size(path: &Path) -> u64 {
    let log = path.with_extension("db-wal");
    fs::metadata(log).map_or(0, |log| log.len() / 1_000_000)
}

async fn fill(store: &Store) {
    // As after a first start: what `check` asks for is there.
    let write = |f: fn(&comptoir::store::WriteTx<'_>) -> Result<(), StoreError>| store.write(f);
    write(|tx| Ok(tx.execute_batch(SCHEMA)?)).await.expect("tables");
    for _ in 0..CHUNKS / 16 {
        let chunks = store.write(|tx| {
            let mut insert = tx.prepare_cached("INSERT INTO bench_chunk (body) VALUES (randomblob(?1))")?;
            for _ in 0..16 {
                insert.execute([CHUNK])?;
            }
            Ok::<_, StoreError>(())
        });
        chunks.await.expect("chunks");
    }
    for client in 0..ROWS / 10_000 {
        let rows = store.write(move |tx| {
            let mut insert = tx.prepare_cached(INSERT)?;
            for _ in 0..10_000 {
                insert.execute((client, NOTE))?;
            }
            Ok::<_, StoreError>(())
        });
        rows.await.expect("rows");
    }
    store.checkpoint().await.expect("a checkpoint");
}

/// What clients' writes take while `work` goes on.
async fn under_load(store: &Store, work: impl FnOnce() + Send + 'static) -> Figures {
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(writes(store.clone(), client, Arc::clone(&stop)));
    }
    let began = Instant::now();
    tokio::task::spawn_blocking(work).await.expect("the work");
    let span = began.elapsed();
    stop.store(true, Ordering::Relaxed);
    let mut waits = clients.join_all().await.concat();
    waits.sort_unstable();
    Figures { span, waits }
}

async fn writes(store: Store, client: u32, stop: Arc<AtomicBool>) -> Vec<Duration> {
    let mut waits = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let written = store.write(move |tx| {
            tx.prepare_cached(INSERT)?.execute((client, NOTE))?;
            // As every change does.
            record_command(tx, None, "bench", Clock::system().now())
        });
        written.await.expect("a write");
        waits.push(begun.elapsed());
    }
    waits
}
