//! Which earlier task answers for a new one.

use std::collections::BTreeSet;
use std::time::Duration;

use comptoir::tasks::{Dedupe, Filter, KindOptions, NewTask, Outcome, State, TaskContext, list};
use tokio::task::JoinSet;

use super::{Bench, Gate, Log, START, WORK, logging, options};

fn join() -> Dedupe {
    Dedupe::Join("list 7".to_owned())
}

#[tokio::test]
async fn what_waits_is_joined_within_its_kind_company_and_key() {
    let bench = Bench::new().await;
    let first = bench.keyed("a", join()).await;
    let second = bench.keyed("b", join()).await;
    assert_eq!((first.joined, second.joined), (false, true));
    assert_eq!(first.task.guid, second.task.guid);
    assert!(!bench.keyed("c", Dedupe::Join("list 8".to_owned())).await.joined);
    assert!(!bench.add(NewTask::new(WORK, "d".to_owned()).of(bench.other).dedupe(join())).await.joined);
    assert!(!bench.add(NewTask::new(WORK, "e".to_owned()).dedupe(join())).await.joined);
    assert!(!bench.keyed("f", Dedupe::Always).await.joined);
    let log = Log::default();
    bench.runner(options(), logging(&log)).run_pending().await.unwrap();
    let mut ran = log.take();
    ran.sort();
    assert_eq!(ran, ["a", "c", "d", "e", "f"]);
    assert!(!bench.keyed("g", join()).await.joined, "what has ended answers for nothing new");
}

#[tokio::test]
async fn joining_brings_a_task_forward_and_never_puts_it_off() {
    let bench = Bench::new().await;
    let at = |minutes| START.plus(Duration::from_mins(minutes));
    let new = |minutes| NewTask::new(WORK, "x".to_owned()).of(bench.company).dedupe(join()).not_before(at(minutes));
    assert_eq!(bench.add(new(10)).await.task.run_at, at(10));
    assert_eq!(bench.add(new(20)).await.task.run_at, at(10));
    assert_eq!(bench.add(new(5)).await.task.run_at, at(5));
}

#[tokio::test]
async fn behind_one_that_runs_exactly_one_waits_and_begins_when_it_is_over() {
    let bench = Bench::new().await;
    let (gate, log) = (Gate::new(), Log::default());
    let (stand, seen) = (gate.clone(), log.clone());
    let runner = bench.runner(KindOptions { concurrency: 8, ..options() }, move |_: TaskContext, payload: String| {
        let (gate, seen) = (stand.clone(), seen.clone());
        async move {
            seen.add(format!("{payload} begins"));
            gate.pass().await;
            seen.add(format!("{payload} ends"));
            Outcome::done()
        }
    });
    let running = bench.keyed("first", join()).await.task.guid;
    let run = tokio::spawn(async move { runner.run_pending().await.unwrap() });
    gate.reached().await;
    let behind = bench.keyed("second", join()).await;
    assert!(!behind.joined && behind.task.guid != running);
    let third = bench.keyed("third", join()).await;
    assert!(third.joined && third.task.guid == behind.task.guid);
    let unkeyed = bench.work("unkeyed").await;
    gate.reached().await;
    assert_eq!(log.take(), ["first begins", "unkeyed begins"], "there is a place, but not for the second");
    assert_eq!(bench.task(behind.task.guid).state, State::Waiting);
    gate.open();
    gate.open();
    gate.reached().await;
    gate.open();
    assert_eq!(run.await.unwrap(), 3);
    assert_eq!(bench.task(unkeyed.guid).state, State::Done);
    let log = log.take();
    assert_eq!(log.last().unwrap(), "second ends");
    assert!(log.iter().position(|l| l == "first ends") < log.iter().position(|l| l == "second begins"), "{log:?}");
}

#[tokio::test]
async fn one_that_runs_is_joined_if_that_is_asked_for_unless_it_is_to_be_canceled() {
    let bench = Bench::new().await;
    let gate = Gate::new();
    let stand = gate.clone();
    let runner = bench.runner(options(), move |_: TaskContext, _: String| {
        let gate = stand.clone();
        async move {
            gate.pass().await;
            Outcome::done()
        }
    });
    let policy = || Dedupe::JoinRunning("backup".to_owned());
    let running = bench.keyed("x", policy()).await.task.guid;
    let run = tokio::spawn(async move { runner.run_pending().await.unwrap() });
    gate.reached().await;
    let joined = bench.keyed("y", policy()).await;
    assert!(joined.joined && joined.task.guid == running && joined.task.state == State::Running);
    bench.cancel(running).await.unwrap();
    assert!(!bench.keyed("z", policy()).await.joined);
    gate.open();
    gate.reached().await;
    gate.open();
    assert_eq!(run.await.unwrap(), 2);
}

#[tokio::test]
async fn one_that_failed_and_waits_is_joined_and_keeps_to_its_back_off() {
    let bench = Bench::new().await;
    let gate = Gate::new();
    let stand = gate.clone();
    let runner = bench.runner(options(), move |_: TaskContext, _: String| {
        let gate = stand.clone();
        async move {
            gate.pass().await;
            Outcome::retry("no")
        }
    });
    let first = bench.keyed("first", join()).await.task.guid;
    let run = tokio::spawn({
        let runner = runner.clone();
        async move { runner.run_pending().await.unwrap() }
    });
    gate.reached().await;
    // Queued behind the one that runs; then that one comes back beside it.
    let behind = bench.keyed("behind", join()).await.task.guid;
    gate.open();
    gate.reached().await;
    let joined = bench.keyed("third", join()).await;
    assert!(joined.joined && joined.task.guid == first, "of those that wait, the one that would begin anew");
    assert_eq!(joined.task.run_at, START.plus(Duration::from_mins(1)));
    gate.open();
    run.await.unwrap();
    assert_eq!((bench.task(first).state, bench.task(behind).state), (State::Waiting, State::Waiting));
    // Both are due at once now: still one at a time, although there are two places.
    bench.clock.advance(Duration::from_mins(1));
    let run = tokio::spawn(async move { runner.run_pending().await.unwrap() });
    gate.reached().await;
    let running = [first, behind].map(|guid| bench.task(guid).state).iter().filter(|s| **s == State::Running).count();
    assert_eq!(running, 1);
    gate.open();
    gate.reached().await;
    gate.open();
    assert_eq!(run.await.unwrap(), 2);
}

#[tokio::test]
async fn of_a_crowd_that_asks_at_once_one_makes_the_task_and_the_others_join_it() {
    let bench = Bench::new().await;
    // Half of them through a second queue and a second store, as another process would.
    let outside = comptoir::store::Store::open(comptoir::store::OpenOptions::command(bench.store.path())).unwrap();
    let mut crowd = JoinSet::new();
    for n in 0..64 {
        let (store, queue) = if n % 2 == 0 {
            (bench.store.clone(), bench.queue.clone())
        } else {
            (outside.clone(), bench.another_queue())
        };
        let new = NewTask::new(WORK, format!("{n}")).of(bench.company).dedupe(join());
        crowd.spawn(async move { store.write(move |tx| queue.enqueue(tx, &new)).await.unwrap() });
    }
    let answers = crowd.join_all().await;
    assert_eq!(answers.iter().filter(|answer| !answer.joined).count(), 1);
    assert_eq!(answers.iter().map(|answer| answer.task.guid).collect::<BTreeSet<_>>().len(), 1);
    let all = bench.store.read(|conn| list(conn, bench.company, &Filter::default(), None, 100)).unwrap();
    assert_eq!(all.len(), 1);
}
