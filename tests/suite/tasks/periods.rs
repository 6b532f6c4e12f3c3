//! Work that comes again by itself, and what is forgotten.

use std::time::Duration;

use comptoir::tasks::{Filter, Outcome, Registry, Runner, Schedule, State, TaskContext, TaskError, keep_ended_for};

use super::{Bench, Gate, Log, START, WORK, logging, options};

const HOUR: Duration = Duration::from_hours(1);

fn hourly(bench: &Bench, log: &Log, period: Duration) -> Runner {
    let mut registry = Registry::new();
    registry.register(WORK, options(), logging(log));
    registry.every("test_hourly", Schedule::Every(period), WORK, "tick".to_owned());
    bench.runner_with(&bench.another_queue(), registry)
}

#[tokio::test]
async fn a_period_runs_when_it_is_due_and_what_was_missed_while_down_runs_once() {
    let bench = Bench::new().await;
    let log = Log::default();
    let runner = hourly(&bench, &log, HOUR);
    assert_eq!(runner.run_pending().await.unwrap(), 0, "not at the first start");
    for ticks in [0, 1, 0, 1] {
        bench.clock.advance(HOUR / 2);
        assert_eq!(runner.run_pending().await.unwrap(), ticks);
    }
    drop(runner);
    bench.clock.advance(HOUR * 100);
    let runner = hourly(&bench, &log, HOUR);
    assert_eq!(runner.run_pending().await.unwrap(), 1, "made up for once");
    bench.clock.advance(HOUR.saturating_sub(Duration::from_micros(1)));
    assert_eq!(runner.run_pending().await.unwrap(), 0);
    // A restart in between neither adds one nor begins the hour anew.
    let runner = hourly(&bench, &log, HOUR);
    assert_eq!(runner.run_pending().await.unwrap(), 0);
    bench.clock.advance(Duration::from_micros(1));
    assert_eq!(runner.run_pending().await.unwrap(), 1);
    assert_eq!(log.take(), ["tick"; 4]);
}

#[tokio::test]
async fn a_period_that_was_made_shorter_does_not_wait_for_the_old_one_and_a_clock_set_back_is_no_harm() {
    let bench = Bench::new().await;
    let log = Log::default();
    hourly(&bench, &log, HOUR * 1_000).run_pending().await.unwrap();
    let runner = hourly(&bench, &log, HOUR);
    runner.run_pending().await.unwrap();
    bench.clock.advance(HOUR);
    assert_eq!(runner.run_pending().await.unwrap(), 1);
    bench.clock.set(START.minus(HOUR * 50));
    let runner = hourly(&bench, &log, HOUR);
    runner.run_pending().await.unwrap();
    bench.clock.advance(HOUR);
    assert_eq!(runner.run_pending().await.unwrap(), 1);
}

#[tokio::test]
async fn a_period_adds_nothing_while_its_last_task_has_not_ended() {
    let bench = Bench::new().await;
    let gate = Gate::new();
    let stand = gate.clone();
    let mut registry = Registry::new();
    let long = comptoir::tasks::KindOptions { timeout: HOUR * 100, ..options() };
    registry.register(WORK, long, move |_: TaskContext, _: String| {
        let gate = stand.clone();
        async move {
            gate.pass().await;
            Outcome::done()
        }
    });
    registry.every("test_hourly", Schedule::Every(HOUR), WORK, "tick".to_owned());
    let runner = bench.runner_with(&bench.queue, registry);
    runner.run_pending().await.unwrap();
    bench.clock.advance(HOUR);
    let run = tokio::spawn({
        let runner = runner.clone();
        async move { runner.run_pending().await.unwrap() }
    });
    gate.reached().await;
    bench.clock.advance(HOUR);
    // Makes the runner look round while the first one runs.
    bench.work("another").await;
    gate.reached().await;
    gate.open();
    gate.open();
    assert_eq!(run.await.unwrap(), 2);
    assert_eq!(runner.run_pending().await.unwrap(), 0, "the second hour was answered for by the first one's task");
}

#[tokio::test]
async fn ended_tasks_are_forgotten_after_their_time_in_slices_and_nothing_else_is() {
    let bench = Bench::new().await;
    let mut registry = Registry::new();
    keep_ended_for(&mut registry, HOUR * 24);
    registry.register(WORK, options(), |_: TaskContext, payload: String| async move {
        if payload == "ask" { Outcome::Feedback(serde_json::Value::Null) } else { Outcome::done() }
    });
    let options = comptoir::tasks::RunnerOptions { chance: || 0.5, ..Default::default() };
    let runner = Runner::new(bench.store.clone(), bench.queue.clone(), registry, options);
    let (queue, company) = (bench.queue.clone(), bench.company);
    // More than two slices of them, canceled where they stood.
    bench
        .store
        .write(move |tx| {
            for n in 0..1_100 {
                let task = comptoir::tasks::NewTask::new(WORK, n.to_string()).of(company);
                let guid = queue.enqueue(tx, &task)?.task.guid;
                queue.cancel(tx, company, guid)?;
            }
            Ok::<_, TaskError>(())
        })
        .await
        .unwrap();
    let feedback = bench.work("ask").await.guid;
    runner.run_pending().await.unwrap();
    bench.clock.advance(HOUR * 24);
    let young = bench.work("young").await.guid;
    runner.run_pending().await.unwrap();
    let left =
        || bench.store.read(|conn| comptoir::tasks::list(conn, company, &Filter::default(), None, 2_000)).unwrap();
    assert_eq!(left().len(), 1_102, "not a microsecond too early");
    bench.clock.advance(HOUR);
    runner.run_pending().await.unwrap();
    let left: Vec<_> = left().iter().map(|task| (task.guid, task.state)).collect();
    assert_eq!(left, [(young, State::Done), (feedback, State::Feedback)]);
}
