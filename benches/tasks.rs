//! How soon a queued task begins, and how many go through. A no-op task has to begin within [`BOUND`] of its commit, at
//! the 99th percentile, with an idle runner and with one whose queue is long.
//!
//! `cargo bench --bench tasks`

#![allow(clippy::print_stdout, reason = "figures are what a measurement is for")]

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use comptoir::clock::{Clock, Timestamp};
use comptoir::store::{OpenOptions, Store};
use comptoir::tasks::{
    Kind, KindOptions, NewTask, Outcome, Queue, Registry, Runner, RunnerOptions, TaskContext, TaskError,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const BOUND: Duration = Duration::from_millis(20);
const SAMPLES: usize = 1_000;
const BACKLOG: usize = 100_000;
const CROWD: usize = 10_000;

/// A task that does nothing but say when it began.
const NO_OP: Kind<()> = Kind::new("bench_no_op");

/// One that is not due during the measurement.
const LATER: Kind<()> = Kind::new("bench_later");

#[tokio::main]
async fn main() -> ExitCode {
    // `cargo test --all-targets` starts this program too, without the word.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut bench = Bench::open(&folder.path().join("bench.db"));
    bench.latency(SAMPLES / 10).await;
    let idle = bench.latency(SAMPLES).await;
    println!("begins after its commit, idle:              p50 {:.2} ms, p99 {:.2} ms", ms(idle.0), ms(idle.1));
    bench.fill(BACKLOG).await;
    let long = bench.latency(SAMPLES).await;
    println!("begins after its commit, {BACKLOG} for later: p50 {:.2} ms, p99 {:.2} ms", ms(long.0), ms(long.1));
    let rate = bench.throughput(CROWD).await;
    println!("no-op tasks, {CROWD} queued at once:          {rate:.0}/s, each with its durable claim and end");
    bench.runner.drain(Duration::from_secs(5)).await;
    let worst = idle.1.max(long.1);
    println!("p99 {:.2} ms (bound: at most {:.0} ms)", ms(worst), ms(BOUND));
    if worst > BOUND { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

struct Bench {
    store: Store,
    queue: Queue,
    runner: Runner,
    clock: Clock,
    begun: UnboundedReceiver<Instant>,
}

impl Bench {
    fn open(path: &Path) -> Self {
        let clock = Clock::system();
        let store = Store::open(OpenOptions::server(path)).expect("a store");
        let queue = Queue::new(clock.clone(), Vec::new());
        let (sender, begun) = unbounded_channel();
        let mut registry = Registry::new();
        let places = KindOptions { concurrency: 64, ..KindOptions::default() };
        registry.register(NO_OP, places, move |_: TaskContext, ()| {
            let _ = sender.send(Instant::now());
            async { Outcome::done() }
        });
        registry.register(LATER, places, |_: TaskContext, ()| async { Outcome::done() });
        let runner = Runner::new(store.clone(), queue.clone(), registry, RunnerOptions::default());
        runner.start();
        Self { store, queue, runner, clock, begun }
    }

    /// Adds `count` tasks of a kind in one write.
    async fn add(&self, kind: Kind<()>, count: usize, run_at: Option<Timestamp>) {
        let queue = self.queue.clone();
        let task = NewTask { run_at, ..NewTask::new(kind, ()) };
        let written = self.store.write(move |tx| {
            for _ in 0..count {
                queue.enqueue(tx, &task)?;
            }
            Ok::<_, TaskError>(())
        });
        written.await.expect("a write");
    }

    /// The median and the 99th percentile of the time from a commit to the beginning of its task, one by one.
    async fn latency(&mut self, samples: usize) -> (Duration, Duration) {
        let mut waits = Vec::with_capacity(samples);
        for _ in 0..samples {
            let queue = self.queue.clone();
            let committed = self
                .store
                .write(move |tx| {
                    // Before the queue's own bell.
                    let (at, committed) = std::sync::mpsc::channel();
                    tx.after_commit(move || {
                        let _ = at.send(Instant::now());
                    });
                    queue.enqueue(tx, &NewTask::new(NO_OP, ()))?;
                    Ok::<_, TaskError>(committed)
                })
                .await
                .expect("a write");
            let begun = self.begun.recv().await.expect("a beginning");
            let committed = committed.recv().expect("a commit");
            waits.push(begun.saturating_duration_since(committed));
        }
        waits.sort_unstable();
        (waits[samples / 2], waits[samples * 99 / 100])
    }

    /// Tasks that wait: half of them of the same kind, all of them for tomorrow.
    async fn fill(&self, count: usize) {
        let tomorrow = Some(self.clock.now().plus(Duration::from_hours(24)));
        for _ in 0..count / 1_000 {
            self.add(NO_OP, 500, tomorrow).await;
            self.add(LATER, 500, tomorrow).await;
        }
    }

    /// Tasks a second, from the commit that queues them all to the beginning of the last.
    async fn throughput(&mut self, count: usize) -> f64 {
        self.add(NO_OP, count, None).await;
        let start = Instant::now();
        for _ in 0..count {
            self.begun.recv().await.expect("a beginning");
        }
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let count = count as f64;
        count / start.elapsed().as_secs_f64()
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
