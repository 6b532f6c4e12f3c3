//! One effect, whatever happens: the end of a task and its decisive write are one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use comptoir::store::StoreError;
use comptoir::tasks::{Interrupted, KindOptions, Outcome, State, TaskContext};
use serde_json::json;

use super::{Bench, Gate, Log, WORK, note, options};

#[tokio::test]
async fn the_effect_and_the_end_are_committed_together_or_not_at_all() {
    let bench = Bench::new().await;
    let runner = bench.runner(options(), |context: TaskContext, payload: String| async move {
        let text = payload.clone();
        let finished = context
            .finish(move |tx| {
                note(tx, &text)?;
                if text == "bad" { Err(StoreError::Full) } else { Ok(Outcome::Done(json!(1))) }
            })
            .await;
        finished.unwrap_or_else(Into::into)
    });
    let (good, bad) = (bench.work("good").await.guid, bench.work("bad").await.guid);
    runner.run_pending().await.unwrap();
    assert_eq!(bench.notes(), ["good", "good done"]);
    assert_eq!((bench.task(good).state, bench.task(good).result), (State::Done, Some(json!(1))));
    let bad = bench.task(bad);
    assert_eq!((bad.state, bad.error.as_deref()), (State::Waiting, Some("the disk is full")));
}

#[tokio::test]
async fn the_effect_decides_how_the_attempt_ends() {
    let bench = Bench::new().await;
    let runner = bench.runner(options(), |context: TaskContext, _: String| async move {
        let asked = context.answer::<bool>().is_none();
        let finished = context.finish(move |tx| {
            note(tx, if asked { "planned" } else { "applied" })?;
            Ok::<_, StoreError>(if asked { Outcome::Feedback(json!("sure?")) } else { Outcome::done() })
        });
        finished.await.unwrap_or_else(Into::into)
    });
    let guid = bench.work("x").await.guid;
    runner.run_pending().await.unwrap();
    assert_eq!(bench.task(guid).state, State::Feedback);
    let (queue, company) = (bench.queue.clone(), bench.company);
    bench.store.write(move |tx| queue.resume(tx, company, guid, &json!(true))).await.unwrap();
    runner.run_pending().await.unwrap();
    assert_eq!(bench.notes(), ["planned", "applied", "x done"]);
}

#[tokio::test]
async fn a_worker_that_was_taken_for_dead_cannot_finish() {
    let bench = Bench::new().await;
    let (gate, log) = (Gate::new(), Log::default());
    let worker = |name: &'static str, gate: Option<Gate>| {
        let log = log.clone();
        move |context: TaskContext, _: String| {
            let (log, gate) = (log.clone(), gate.clone());
            async move {
                let attempt = context.attempt();
                if let Some(gate) = gate {
                    gate.pass().await;
                }
                let wrote = context.write(move |tx| note(tx, &format!("slice of {name}"))).await;
                let kept = context.checkpoint(&json!(name)).await;
                let finished = context.finish(move |tx| note(tx, name).map(|()| Outcome::done())).await;
                let lost = |lost: bool| if lost { "refused" } else { "done" };
                log.add(format!(
                    "{name}, attempt {attempt}: {} {} {}",
                    lost(matches!(wrote, Err(Interrupted::LeaseLost))),
                    lost(matches!(kept, Err(Interrupted::LeaseLost))),
                    lost(matches!(finished, Err(Interrupted::LeaseLost))),
                ));
                finished.unwrap_or_else(Into::into)
            }
        }
    };
    let old = bench.runner(options(), worker("old", Some(gate.clone())));
    let guid = bench.work("x").await.guid;
    let run = tokio::spawn(async move { old.run_pending().await.unwrap() });
    gate.reached().await;
    // The next boot: it has the file for itself, so whatever another one had is free.
    let new = bench.runner_of(&bench.another_queue(), WORK, options(), worker("new", None));
    assert_eq!(new.run_pending().await.unwrap(), 1);
    gate.open();
    assert_eq!(run.await.unwrap(), 1);
    assert_eq!(log.take(), ["new, attempt 2: done done done", "old, attempt 1: refused refused refused"]);
    assert_eq!(bench.notes(), ["slice of new", "new", "x done"]);
    assert_eq!((bench.task(guid).state, bench.task(guid).attempts), (State::Done, 2));
}

#[tokio::test]
async fn an_outcome_of_a_worker_that_was_taken_for_dead_is_not_recorded() {
    let bench = Bench::new().await;
    let gates = [Gate::new(), Gate::new()];
    let worker = |gate: &Gate, outcome: Outcome| {
        let gate = gate.clone();
        move |_: TaskContext, _: String| {
            let (gate, outcome) = (gate.clone(), outcome.clone());
            async move {
                gate.pass().await;
                outcome
            }
        }
    };
    let old = bench.runner(options(), worker(&gates[0], Outcome::failed("old")));
    let guid = bench.work("x").await.guid;
    let old = tokio::spawn(async move { old.run_pending().await.unwrap() });
    gates[0].reached().await;
    let new = bench.runner_of(&bench.another_queue(), WORK, options(), worker(&gates[1], Outcome::done()));
    let new = tokio::spawn(async move { new.run_pending().await.unwrap() });
    gates[1].reached().await;
    // The new attempt runs; the old one ends.
    gates[0].open();
    old.await.unwrap();
    assert_eq!((bench.task(guid).state, bench.task(guid).error.is_some()), (State::Running, true));
    gates[1].open();
    new.await.unwrap();
    assert_eq!((bench.task(guid).state, bench.task(guid).error), (State::Done, None));
}

#[tokio::test]
async fn a_heartbeat_keeps_the_lease_and_notices_when_it_is_gone() {
    let bench = Bench::new().await;
    let gate = Gate::new();
    let stand = gate.clone();
    let kind = KindOptions { lease: Duration::from_secs(30), ..options() };
    let old = bench.runner(kind, move |_: TaskContext, _: String| {
        let gate = stand.clone();
        async move {
            gate.pass().await;
            unreachable!("it is dropped where it stands")
        }
    });
    let guid = bench.work("x").await.guid;
    let run = tokio::spawn({
        let old = old.clone();
        async move { old.run_pending().await.unwrap() }
    });
    gate.reached().await;
    let mut watcher = bench.queue.subscribe();
    bench.clock.advance(Duration::from_secs(25));
    assert_eq!(watcher.recv().await.unwrap().state, State::Running, "a heartbeat");
    // Far beyond the first lease: another runner would take it over, were it not for that heartbeat.
    bench.clock.advance(Duration::from_secs(8));
    let log = Log::default();
    let new = bench.runner_of(&bench.another_queue(), WORK, options(), super::logging(&log));
    // A first round takes over from other boots whatever their leases say; the heartbeat then finds nothing of its own.
    assert_eq!(new.run_pending().await.unwrap(), 1);
    bench.clock.advance(Duration::from_secs(10));
    assert_eq!(run.await.unwrap(), 1);
    assert_eq!((log.take(), bench.task(guid).state), (vec!["x".to_owned()], State::Done));
}

#[tokio::test]
async fn a_checkpoint_is_where_the_next_attempt_goes_on() {
    let bench = Bench::new().await;
    let runner = bench.runner(options(), |context: TaskContext, _: String| async move {
        let from = context.last_checkpoint::<u32>().unwrap_or(0);
        for slice in from..6 {
            let inner = context.clone();
            let wrote = context
                .write(move |tx| {
                    note(tx, &format!("slice {slice}"))?;
                    inner.checkpoint_in(tx, &json!(slice + 1))
                })
                .await;
            if let Err(interrupted) = wrote {
                return interrupted.into();
            }
            if slice % 2 == 1 && context.attempt() < 3 {
                return Outcome::retry("a pause");
            }
        }
        Outcome::done()
    });
    bench.work("x").await;
    for _ in 0..3 {
        assert_eq!(runner.run_pending().await.unwrap(), 1);
        bench.clock.advance(Duration::from_hours(1));
    }
    assert_eq!(bench.notes(), ["slice 0", "slice 1", "slice 2", "slice 3", "slice 4", "slice 5", "x done"]);
}

/// An end that cannot be written leaves the task to the lease: it is neither lost nor done twice.
#[tokio::test]
async fn an_end_that_cannot_be_recorded_counts_as_a_lost_attempt_once_the_lease_is_over() {
    struct RefusesOnce(AtomicU32);
    impl comptoir::tasks::OnEnd for RefusesOnce {
        fn task_ended(
            &self,
            _: &comptoir::store::WriteTx<'_>,
            _: &comptoir::tasks::Queue,
            _: &comptoir::tasks::Task,
        ) -> Result<(), StoreError> {
            if self.0.fetch_add(1, Ordering::SeqCst) == 0 { Err(StoreError::Full) } else { Ok(()) }
        }
    }
    let bench = Bench::new().await;
    let queue = comptoir::tasks::Queue::new(bench.clock.clone(), vec![Arc::new(RefusesOnce(AtomicU32::new(0)))]);
    let kind = KindOptions { lease: Duration::from_secs(30), ..options() };
    let runner = bench.runner_of(&queue, WORK, kind, |_: TaskContext, _: String| async { Outcome::done() });
    let guid = bench.work("x").await.guid;
    assert_eq!(runner.run_pending().await.unwrap(), 1);
    assert_eq!(bench.task(guid).state, State::Running);
    bench.clock.advance(Duration::from_secs(29));
    assert_eq!(runner.run_pending().await.unwrap(), 0);
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(runner.run_pending().await.unwrap(), 1);
    assert_eq!((bench.task(guid).state, bench.task(guid).attempts), (State::Done, 2));
}
