//! What an attempt may say, and what becomes of the task then.

use std::time::Duration;

use comptoir::tasks::{KindOptions, NewTask, Outcome, State, TaskContext};
use serde_json::json;

use super::{Bench, Log, START, WORK, changes, logging, options};

#[tokio::test]
async fn a_task_runs_once_its_cause_is_committed_and_keeps_what_came_of_it() {
    let bench = Bench::new().await;
    let runner = bench.runner(options(), |context: TaskContext, payload: String| async move {
        assert_eq!((context.attempt(), context.is_last_attempt()), (1, false));
        Outcome::Done(json!({ "said": payload, "company": context.company().is_some() }))
    });
    let mut watcher = bench.queue.subscribe();
    let (queue, company) = (bench.queue.clone(), bench.company);
    let refused = bench
        .store
        .write(move |tx| {
            queue.enqueue(tx, &NewTask::new(WORK, "never".to_owned()).of(company))?;
            Err::<(), _>(comptoir::tasks::TaskError::NotFound(uuid::Uuid::nil()))
        })
        .await;
    assert!(refused.is_err());
    let task = bench.work("hello").await;
    assert_eq!((task.state, task.attempts, task.progress), (State::Waiting, 0, 0));
    assert_eq!(runner.run_pending().await.unwrap(), 1, "the refused one left nothing behind");
    let task = bench.task(task.guid);
    assert_eq!((task.state, task.attempts, task.progress), (State::Done, 1, 100));
    assert_eq!(task.result, Some(json!({ "said": "hello", "company": true })));
    assert_eq!((task.started_at, task.ended_at), (Some(START), Some(START)));
    assert_eq!(changes(&mut watcher), ["waiting 0", "running 0", "done 100"]);
    assert_eq!(bench.notes(), ["hello done"], "the hook was told once");
}

#[tokio::test]
async fn a_task_for_later_waits_for_its_time() {
    let bench = Bench::new().await;
    let log = Log::default();
    let runner = bench.runner(options(), logging(&log));
    let later = START.plus(Duration::from_mins(5));
    bench.add(NewTask::new(WORK, "later".to_owned()).not_before(later)).await;
    assert_eq!(runner.run_pending().await.unwrap(), 0);
    bench.clock.advance(Duration::from_mins(5).saturating_sub(Duration::from_micros(1)));
    assert_eq!(runner.run_pending().await.unwrap(), 0);
    bench.clock.advance(Duration::from_micros(1));
    assert_eq!(runner.run_pending().await.unwrap(), 1);
    assert_eq!(log.take(), ["later"]);
}

#[tokio::test]
async fn failures_back_off_until_the_last_attempt_and_a_person_may_begin_again() {
    let bench = Bench::new().await;
    let runner = bench.runner(options(), |context: TaskContext, _: String| async move {
        Outcome::retry(format!("The shop does not answer ({}).", context.attempt()))
    });
    let guid = bench.work("call").await.guid;
    let mut schedule = Vec::new();
    for _ in 0..3 {
        assert_eq!(runner.run_pending().await.unwrap(), 1);
        let task = bench.task(guid);
        schedule.push((task.state, task.run_at.since(START).as_secs(), task.error.unwrap()));
        bench.clock.set(task.run_at);
    }
    assert_eq!(
        schedule,
        [
            (State::Waiting, 60, "The shop does not answer (1).".to_owned()),
            (State::Waiting, 180, "The shop does not answer (2).".to_owned()),
            (State::Failed, 180, "The shop does not answer (3).".to_owned()),
        ]
    );
    bench.clock.advance(Duration::from_hours(100));
    assert_eq!(runner.run_pending().await.unwrap(), 0, "nothing ended wakes by itself");
    assert_eq!(bench.notes(), ["call failed"]);

    let task = bench.retry(guid).await.unwrap();
    assert_eq!((task.state, task.attempts, task.error, task.ended_at), (State::Waiting, 0, None, None));
    assert_eq!(runner.run_pending().await.unwrap(), 1);
    assert_eq!(bench.task(guid).attempts, 1);
    assert!(bench.retry(guid).await.is_err(), "one that waits is not tried again by hand");
}

#[tokio::test]
async fn a_handler_may_choose_its_delay_and_a_snooze_uses_no_attempt() {
    let bench = Bench::new().await;
    let runner = bench.runner(options(), |context: TaskContext, payload: String| async move {
        let minutes = context.clock().now().since(START).as_secs() / 60;
        match (payload.as_str(), minutes) {
            (_, 10..) => Outcome::done(),
            ("asked", _) => Outcome::RetryIn { error: "busy".into(), delay: Duration::from_mins(10) },
            _ => Outcome::Snooze(Duration::from_mins(2)),
        }
    });
    let (asked, snoozing) = (bench.work("asked").await.guid, bench.work("snoozing").await.guid);
    let mut attempts = 0;
    for _ in 0..6 {
        attempts += runner.run_pending().await.unwrap();
        bench.clock.advance(Duration::from_mins(2));
    }
    assert_eq!(attempts, 8, "two of the one that was asked to wait, six of the one that snoozes, on three attempts");
    let (asked, snoozing) = (bench.task(asked), bench.task(snoozing));
    assert_eq!((asked.state, asked.attempts, asked.error), (State::Done, 2, None));
    assert_eq!((snoozing.state, snoozing.attempts), (State::Done, 1));
}

#[tokio::test]
async fn what_cannot_get_better_fails_at_once() {
    let bench = Bench::new().await;
    let runner = bench.runner(options(), |_: TaskContext, _: String| async { Outcome::failed("No such list.") });
    let guid = bench.work("x").await.guid;
    runner.run_pending().await.unwrap();
    let task = bench.task(guid);
    assert_eq!((task.state, task.attempts, task.error.as_deref()), (State::Failed, 1, Some("No such list.")));
}

#[tokio::test]
async fn a_payload_that_this_version_cannot_read_fails_the_task_and_says_so() {
    let bench = Bench::new().await;
    let kind = comptoir::tasks::Kind::<u32>::new("test_work");
    let runner = bench.runner_of(&bench.queue, kind, options(), |_: TaskContext, _: u32| async { Outcome::done() });
    let guid = bench.work("not a number").await.guid;
    runner.run_pending().await.unwrap();
    let task = bench.task(guid);
    assert_eq!(task.state, State::Failed);
    assert_eq!(task.error.as_deref(), Some("This version of Comptoir cannot read what the task is about."));
}

#[tokio::test]
async fn a_panic_uses_an_attempt_and_its_words_stay_in_the_log() {
    let bench = Bench::new().await;
    let runner = bench.runner(options(), |_: TaskContext, _: String| async { panic!("secret inner matter") });
    let guid = bench.work("x").await.guid;
    for state in [State::Waiting, State::Waiting, State::Failed] {
        assert_eq!(runner.run_pending().await.unwrap(), 1);
        let task = bench.task(guid);
        assert_eq!(task.state, state);
        let error = "It stopped because of a fault in Comptoir; the log says more.";
        assert_eq!(task.error.as_deref(), Some(error));
        bench.clock.advance(Duration::from_hours(1));
    }
    assert_eq!(runner.run_pending().await.unwrap(), 0);
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_stopped_and_counts() {
    let bench = Bench::new().await;
    let log = Log::default();
    let seen = log.clone();
    let gate = super::Gate::new();
    let stand = gate.clone();
    let options = KindOptions { timeout: Duration::from_mins(10), ..options() };
    let runner = bench.runner(options, move |context: TaskContext, _: String| {
        let (seen, gate) = (seen.clone(), stand.clone());
        async move {
            // A part of the work on a thread of its own learns of it too.
            let inner = context.clone();
            tokio::spawn(async move {
                inner.canceled().await;
                seen.add("told to stop");
            });
            gate.pass().await;
            Outcome::done()
        }
    });
    let guid = bench.work("x").await.guid;
    let run = tokio::spawn(async move { runner.run_pending().await.unwrap() });
    gate.reached().await;
    bench.clock.advance(Duration::from_mins(10));
    assert_eq!(run.await.unwrap(), 1);
    let task = bench.task(guid);
    assert_eq!((task.state, task.attempts), (State::Waiting, 1));
    assert_eq!(task.error.as_deref(), Some("It took longer than 10 minutes and was stopped."));
    assert_eq!(log.take(), ["told to stop"]);
}

#[tokio::test]
async fn a_task_may_wait_for_a_person_and_go_on_with_the_answer() {
    let bench = Bench::new().await;
    let runner = bench.runner(options(), |context: TaskContext, _: String| async move {
        match context.answer::<bool>() {
            None => Outcome::Feedback(json!({ "would_archive": 12 })),
            Some(yes) => Outcome::Done(json!({ "archived": yes })),
        }
    });
    let guid = bench.work("import").await.guid;
    runner.run_pending().await.unwrap();
    let task = bench.task(guid);
    assert_eq!((task.state, task.result, task.ended_at), (State::Feedback, Some(json!({ "would_archive": 12 })), None));
    bench.clock.advance(Duration::from_hours(1_000));
    assert_eq!(runner.run_pending().await.unwrap(), 0, "people may take their time");

    let (queue, company) = (bench.queue.clone(), bench.company);
    let answered = |company| {
        let queue = queue.clone();
        bench.store.write(move |tx| queue.resume(tx, company, guid, &json!(true)))
    };
    assert!(answered(bench.other).await.is_err(), "another company's answer");
    assert_eq!(answered(company).await.unwrap().state, State::Waiting);
    runner.run_pending().await.unwrap();
    assert!(answered(company).await.is_err(), "it no longer asks");
    assert_eq!(bench.task(guid).result, Some(json!({ "archived": true })));
}

#[tokio::test]
async fn progress_is_written_a_few_times_a_second_and_the_last_word_stays() {
    let bench = Bench::new().await;
    let gate = super::Gate::new();
    let stand = gate.clone();
    let runner = bench.runner(options(), move |context: TaskContext, _: String| {
        let gate = stand.clone();
        async move {
            for step in 0..4 {
                // A thousand reports, and only what the clock allows for is written.
                for n in 0..=24u8 {
                    context.progress(step * 25 + n, format!("row {n}"));
                }
                gate.pass().await;
            }
            context.progress(99, "almost there");
            Outcome::retry("so close")
        }
    });
    let mut watcher = bench.queue.subscribe();
    let guid = bench.work("x").await.guid;
    let run = tokio::spawn(async move { runner.run_pending().await.unwrap() });
    let mut seen = Vec::new();
    for step in 0..4 {
        gate.reached().await;
        if step > 0 {
            // Time moves on: what is new may be written.
            bench.clock.advance(Duration::from_millis(250));
        }
        while seen.len() < 2 + step + 1 {
            seen.push(watcher.recv().await.unwrap());
        }
        gate.open();
    }
    run.await.unwrap();
    let seen: Vec<_> = seen.iter().map(|change| (change.state.as_str(), change.progress)).collect();
    assert_eq!(
        seen,
        [("waiting", 0), ("running", 0), ("running", 24), ("running", 49), ("running", 74), ("running", 99)]
    );
    assert_eq!(changes(&mut watcher), ["waiting 99 almost there"], "one write for the end and the last progress");
    assert_eq!(bench.task(guid).detail.as_deref(), Some("almost there"));
}
