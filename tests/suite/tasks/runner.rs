//! The runner as a whole: places, turns, the loop, the stop.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use comptoir::store::{OpenOptions, Store};
use comptoir::tasks::{Kind, KindOptions, NewTask, Outcome, Registry, Runner, RunnerOptions, State, TaskContext};
use serde_json::json;

use super::{Bench, Gate, Log, START, WORK, logging, options};

#[tokio::test]
async fn of_each_kind_no_more_run_at_once_than_it_has_places() {
    const NARROW: Kind<String> = Kind::new("test_narrow");
    let bench = Bench::new().await;
    let (now, most) = (Arc::new(Mutex::new(BTreeMap::new())), Arc::new(Mutex::new(BTreeMap::new())));
    let observed = Arc::clone(&most);
    let handler = move |name: &'static str| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        move |context: TaskContext, _: String| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            async move {
                {
                    let mut now = now.lock().unwrap();
                    let running = now.entry(name).or_insert(0);
                    *running += 1;
                    let mut most = most.lock().unwrap();
                    let peak = most.entry(name).or_insert(0);
                    *peak = (*running).max(*peak);
                }
                // A write in the middle: whoever may run beside this one does.
                context.checkpoint(&json!(1)).await.unwrap();
                *now.lock().unwrap().get_mut(name).unwrap() -= 1;
                Outcome::done()
            }
        }
    };
    let mut registry = Registry::new();
    registry.register(WORK, KindOptions { concurrency: 3, ..options() }, handler("wide"));
    registry.register(NARROW, KindOptions { concurrency: 1, ..options() }, handler("narrow"));
    let runner = bench.runner_with(&bench.queue, registry);
    for n in 0..20 {
        bench.work(&n.to_string()).await;
        bench.add(NewTask::new(NARROW, n.to_string()).of(bench.company)).await;
    }
    assert_eq!(runner.run_pending().await.unwrap(), 40);
    assert_eq!(*observed.lock().unwrap(), BTreeMap::from([("narrow", 1), ("wide", 3)]));
}

#[tokio::test]
async fn companies_take_turns_however_many_tasks_one_of_them_has() {
    for places in [1, 4] {
        let bench = Bench::new().await;
        let log = Log::default();
        for n in 0..100 {
            bench.work(&format!("acme {n}")).await;
        }
        for n in 0..3 {
            bench.add(NewTask::new(WORK, format!("globex {n}")).of(bench.other)).await;
        }
        bench.add(NewTask::new(WORK, "installation".to_owned())).await;
        let runner = bench.runner(KindOptions { concurrency: places, ..options() }, logging(&log));
        runner.run_pending().await.unwrap();
        let ran = log.take();
        assert_eq!(ran.len(), 104);
        let last_of = |who: &str| ran.iter().rposition(|ran| ran.starts_with(who)).unwrap();
        assert!(last_of("globex").max(last_of("installation")) < 12, "{places}: {:?}", &ran[..16]);
        let acme: Vec<_> = ran.iter().filter(|ran| ran.starts_with("acme")).cloned().collect();
        assert_eq!(acme, (0..100).map(|n| format!("acme {n}")).collect::<Vec<_>>(), "in their own order");
    }
}

#[tokio::test]
async fn the_loop_begins_what_is_committed_and_what_the_clock_makes_due_and_looks_alive_meanwhile() {
    let bench = Bench::new().await;
    let log = Log::default();
    let runner = bench.runner(options(), logging(&log));
    runner.start();
    runner.start();
    assert!(runner.is_alive());
    let mut watcher = bench.queue.subscribe();
    let ended = async |watcher: &mut tokio::sync::broadcast::Receiver<comptoir::tasks::TaskChange>| loop {
        if watcher.recv().await.unwrap().state == State::Done {
            return;
        }
    };
    bench.work("now").await;
    ended(&mut watcher).await;
    bench
        .add(NewTask::new(WORK, "later".to_owned()).of(bench.company).not_before(START.plus(Duration::from_hours(1))))
        .await;
    bench.work("now again").await;
    ended(&mut watcher).await;
    assert_eq!(log.take(), ["now", "now again"]);
    bench.clock.advance(Duration::from_hours(1));
    ended(&mut watcher).await;
    assert_eq!(log.take(), ["later"]);

    // Another process has no bell to ring: the loop looks by itself.
    let outside = Store::open(OpenOptions::command(bench.store.path())).unwrap();
    let (queue, company) = (bench.another_queue(), bench.company);
    outside.write(move |tx| queue.enqueue(tx, &NewTask::new(WORK, "outside".to_owned()).of(company))).await.unwrap();
    ended(&mut watcher).await;
    assert_eq!(log.take(), ["outside"]);
    runner.drain(Duration::ZERO).await;
    assert!(!runner.is_alive());
    bench.work("too late").await;
    assert_eq!(runner.run_pending().await.unwrap(), 0);
}

#[tokio::test]
async fn a_stop_lets_what_runs_end_within_its_grace() {
    let bench = Bench::new().await;
    let gate = Gate::new();
    let stand = gate.clone();
    let runner = bench.runner(options(), move |context: TaskContext, _: String| {
        let gate = stand.clone();
        async move {
            gate.pass().await;
            assert!(context.is_draining());
            Outcome::done()
        }
    });
    runner.start();
    let guid = bench.work("x").await.guid;
    gate.reached().await;
    let behind = bench.work("y").await.guid;
    gate.reached().await;
    let third = bench.work("z").await.guid;
    let drain = tokio::spawn({
        let runner = runner.clone();
        async move { runner.drain(Duration::from_mins(1)).await }
    });
    while runner.is_alive() {
        tokio::task::yield_now().await;
    }
    gate.open();
    gate.open();
    drain.await.unwrap();
    let states = [guid, behind, third].map(|guid| bench.task(guid).state);
    assert_eq!(states, [State::Done, State::Done, State::Waiting]);
}

/// Counts how often it goes.
struct Counts(Arc<AtomicUsize>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn what_is_not_done_within_the_grace_is_handed_back_and_has_used_no_attempt() {
    let bench = Bench::new().await;
    let gate = Gate::new();
    let stand = gate.clone();
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&dropped);
    let runner = bench.runner(options(), move |_: TaskContext, _: String| {
        let (gate, counts) = (stand.clone(), Counts(Arc::clone(&count)));
        async move {
            let _counts = counts;
            gate.pass().await;
            Outcome::done()
        }
    });
    runner.start();
    let guid = bench.work("x").await.guid;
    gate.reached().await;
    runner.drain(Duration::ZERO).await;
    let task = bench.task(guid);
    assert_eq!((task.state, task.attempts, task.run_at), (State::Waiting, 0, START));
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    // The next boot takes it up at once.
    let log = Log::default();
    let next = bench.runner_of(&bench.another_queue(), WORK, options(), logging(&log));
    assert_eq!(next.run_pending().await.unwrap(), 1);
    assert_eq!((bench.task(guid).attempts, log.take()), (1, vec!["x".to_owned()]));
}

#[tokio::test]
async fn a_kind_nobody_handles_waits_and_disturbs_nobody() {
    let bench = Bench::new().await;
    let unknown = Kind::<()>::new("of_another_version");
    let guid = bench.add(NewTask::new(unknown, ()).of(bench.company)).await.task.guid;
    let log = Log::default();
    let runner = bench.runner(options(), logging(&log));
    bench.work("x").await;
    assert_eq!(runner.run_pending().await.unwrap(), 1);
    assert_eq!(bench.task(guid).state, State::Waiting);
}

#[tokio::test]
async fn a_jump_of_the_clock_takes_no_task_from_a_worker_that_lives() {
    let bench = Bench::new().await;
    let gate = Gate::new();
    let stand = gate.clone();
    let kind = KindOptions { timeout: Duration::from_hours(24 * 365), ..options() };
    let runner = bench.runner(kind, move |_: TaskContext, _: String| {
        let gate = stand.clone();
        async move {
            gate.pass().await;
            Outcome::done()
        }
    });
    let guid = bench.work("x").await.guid;
    let run = tokio::spawn({
        let runner = runner.clone();
        async move { runner.run_pending().await.unwrap() }
    });
    gate.reached().await;
    bench.clock.advance(Duration::from_hours(1_000));
    // A round of the runner at the new time, before or after the heartbeat.
    bench.work("y").await;
    gate.reached().await;
    bench.clock.set(START);
    gate.open();
    gate.open();
    assert_eq!(run.await.unwrap(), 2);
    assert_eq!((bench.task(guid).state, bench.task(guid).attempts), (State::Done, 1));
}

#[tokio::test]
#[should_panic(expected = "the kind test_work is registered twice")]
async fn two_handlers_of_one_kind_are_a_mistake_at_the_start() {
    let mut registry = Registry::new();
    registry.register(WORK, options(), logging(&Log::default()));
    registry.register(WORK, options(), logging(&Log::default()));
    let bench = Bench::new().await;
    let _ = Runner::new(bench.store.clone(), bench.queue.clone(), registry, RunnerOptions::default());
}
