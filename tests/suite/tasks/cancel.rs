//! Ending a task before its time.

use std::time::Duration;

use comptoir::store::{OpenOptions, Store, StoreError};
use comptoir::tasks::{KindOptions, Outcome, State, TaskContext, TaskError};

use super::{Bench, Gate, Log, note, options};

#[tokio::test]
async fn a_waiting_task_is_canceled_at_once_and_may_be_tried_again() {
    let bench = Bench::new().await;
    let runner = bench.runner(options(), |_: TaskContext, _: String| async { Outcome::done() });
    let guid = bench.work("x").await.guid;
    let task = bench.cancel(guid).await.unwrap();
    assert_eq!((task.state, task.attempts), (State::Canceled, 0));
    assert_eq!(runner.run_pending().await.unwrap(), 0);
    assert!(matches!(bench.cancel(guid).await, Err(TaskError::WrongState { state: State::Canceled, .. })));
    assert_eq!(bench.notes(), ["x canceled"]);
    bench.retry(guid).await.unwrap();
    assert_eq!(runner.run_pending().await.unwrap(), 1);
    let task = bench.task(guid);
    assert_eq!((task.state, task.cancel_requested), (State::Done, false));
}

#[tokio::test]
async fn a_running_task_is_told_and_what_it_has_not_committed_by_then_it_will_not() {
    let bench = Bench::new().await;
    let (gate, log) = (Gate::new(), Log::default());
    let (stand, seen) = (gate.clone(), log.clone());
    let runner = bench.runner(options(), move |context: TaskContext, _: String| {
        let (gate, seen) = (stand.clone(), seen.clone());
        async move {
            gate.pass().await;
            seen.add(format!("canceled: {}", context.is_canceled()));
            // One that does not look comes to its decisive write all the same.
            let finished = context.finish(|tx| note(tx, "effect").map(|()| Outcome::done())).await;
            seen.add(format!("{:?}", finished.as_ref().map(|_| ())));
            finished.unwrap_or_else(Into::into)
        }
    });
    let guid = bench.work("x").await.guid;
    let run = tokio::spawn(async move { runner.run_pending().await.unwrap() });
    gate.reached().await;
    let task = bench.cancel(guid).await.unwrap();
    assert_eq!((task.state, task.cancel_requested), (State::Running, true));
    assert_eq!(bench.cancel(guid).await.unwrap().state, State::Running, "asking twice changes nothing");
    gate.open();
    run.await.unwrap();
    assert_eq!(log.take(), ["canceled: true", "Err(Canceled)"]);
    assert_eq!(bench.task(guid).state, State::Canceled);
    assert_eq!(bench.notes(), ["x canceled"]);
}

#[tokio::test]
async fn one_that_does_not_listen_is_dropped_after_its_grace() {
    let bench = Bench::new().await;
    let gate = Gate::new();
    let stand = gate.clone();
    let options = KindOptions { cancel_grace: Duration::from_secs(10), ..options() };
    let runner = bench.runner(options, move |_: TaskContext, _: String| {
        let gate = stand.clone();
        async move {
            gate.pass().await;
            Outcome::done()
        }
    });
    let guid = bench.work("x").await.guid;
    let run = tokio::spawn(async move { runner.run_pending().await.unwrap() });
    gate.reached().await;
    bench.cancel(guid).await.unwrap();
    // Its watch has to have heard of it before the clock moves: a write later it has.
    while !run.is_finished() {
        bench.clock.advance(Duration::from_secs(10));
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.task(guid).state, State::Canceled);
}

#[tokio::test]
async fn a_wish_from_another_process_is_heard_at_the_next_heartbeat() {
    let bench = Bench::new().await;
    let gate = Gate::new();
    let stand = gate.clone();
    let options = KindOptions { lease: Duration::from_secs(30), ..options() };
    let runner = bench.runner(options, move |context: TaskContext, _: String| {
        let gate = stand.clone();
        async move {
            gate.pass().await;
            context.canceled().await;
            Outcome::Canceled
        }
    });
    let guid = bench.work("x").await.guid;
    let run = tokio::spawn(async move { runner.run_pending().await.unwrap() });
    gate.reached().await;
    gate.open();
    let outside = Store::open(OpenOptions::command(bench.store.path())).unwrap();
    let (queue, company) = (bench.another_queue(), bench.company);
    outside.write(move |tx| queue.cancel(tx, company, guid)).await.unwrap();
    bench.clock.advance(Duration::from_secs(10));
    assert_eq!(run.await.unwrap(), 1);
    assert_eq!(bench.task(guid).state, State::Canceled);
}

#[tokio::test]
async fn a_canceled_task_that_fails_or_snoozes_does_not_come_back() {
    for outcome in [Outcome::retry("no"), Outcome::Snooze(Duration::ZERO), Outcome::Feedback(serde_json::Value::Null)] {
        let bench = Bench::new().await;
        let gate = Gate::new();
        let (stand, said) = (gate.clone(), outcome.clone());
        let runner = bench.runner(options(), move |_: TaskContext, _: String| {
            let (gate, said) = (stand.clone(), said.clone());
            async move {
                gate.pass().await;
                said
            }
        });
        let guid = bench.work("x").await.guid;
        let run = tokio::spawn(async move { runner.run_pending().await.unwrap() });
        gate.reached().await;
        bench.cancel(guid).await.unwrap();
        gate.open();
        assert_eq!(run.await.unwrap(), 1);
        let task = bench.task(guid);
        assert_eq!((task.state, task.error), (State::Canceled, None), "{outcome:?}");
    }
}

#[tokio::test]
async fn an_end_whose_hook_fails_does_not_happen() {
    struct Refuses;
    impl comptoir::tasks::OnEnd for Refuses {
        fn task_ended(
            &self,
            _: &comptoir::store::WriteTx<'_>,
            _: &comptoir::tasks::Queue,
            _: &comptoir::tasks::Task,
        ) -> Result<(), StoreError> {
            Err(StoreError::Full)
        }
    }
    let bench = Bench::new().await;
    let guid = bench.work("x").await.guid;
    let queue = comptoir::tasks::Queue::new(bench.clock.clone(), vec![std::sync::Arc::new(Refuses)]);
    let company = bench.company;
    assert!(bench.store.write(move |tx| queue.cancel(tx, company, guid)).await.is_err());
    assert_eq!(bench.task(guid).state, State::Waiting);
}
