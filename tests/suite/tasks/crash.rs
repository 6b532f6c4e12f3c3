//! The process dies in the middle of a task.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use comptoir::tasks::{Filter, Outcome, State, TaskContext, list};
use serde_json::json;

use super::{Bench, START, note, options};

const FOLDER: &str = "COMPTOIR_TEST_TASK_FOLDER";
const HOURS: &str = "COMPTOIR_TEST_TASK_HOURS";
const SLICES: u32 = 6;

#[expect(clippy::print_stdout, reason = "that is how it tells the process that kills it")]
fn say(text: &str) {
    println!("{text}");
}

/// Slices with checkpoints, then a decisive write. Before slice `stop_at` it says so and waits to be killed.
async fn sliced(context: TaskContext, stop_at: Option<u32>) -> Outcome {
    for slice in context.last_checkpoint::<u32>().unwrap_or(0)..SLICES {
        if stop_at == Some(slice) {
            say(&format!("standing before slice {slice}"));
            std::future::pending::<()>().await;
        }
        let inner = context.clone();
        let wrote = context.write(move |tx| {
            note(tx, &format!("slice {slice}"))?;
            inner.checkpoint_in(tx, &json!(slice + 1))
        });
        if let Err(interrupted) = wrote.await {
            return interrupted.into();
        }
    }
    context.finish(|tx| note(tx, "effect").map(|()| Outcome::done())).await.unwrap_or_else(Into::into)
}

/// Not a test of its own: the server that the next ones start and kill. Without its variables it does nothing.
#[tokio::test]
async fn child_that_is_killed_in_the_middle_of_a_task() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let hours = std::env::var(HOURS).unwrap().parse().unwrap();
    let bench = Bench::at(Path::new(&folder), START.plus(Duration::from_hours(hours))).await;
    let runner = bench.runner(options(), |context: TaskContext, payload: String| async move {
        match payload.as_str() {
            "aborts" => std::process::abort(),
            _ => sliced(context, Some(3)).await,
        }
    });
    runner.run_pending().await.unwrap();
}

/// Runs the child on `folder`, `hours` after the start, until it stands still, and kills it; or until it ends by itself.
/// Whether it ended well.
fn run_child(folder: &Path, hours: u64) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tasks::crash::child_that_is_killed_in_the_middle_of_a_task", "--nocapture"])
        .env(FOLDER, folder)
        .env(HOURS, hours.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if line.unwrap().contains("standing before slice 3") {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap().success()
}

#[tokio::test]
async fn a_task_goes_on_after_a_kill_and_has_its_effect_once() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::at(folder.path(), START).await;
    let guid = bench.work("sliced").await.guid;
    bench.store.close().await.unwrap();
    assert!(!run_child(folder.path(), 0), "it was killed");

    let bench = Bench::at(folder.path(), START).await;
    let task = bench.task(guid);
    assert_eq!((task.state, task.attempts), (State::Running, 1), "as the kill left it");
    let runner = bench.runner(options(), |context: TaskContext, _: String| sliced(context, None));
    assert_eq!(runner.run_pending().await.unwrap(), 1, "at once, although the clock stands and the lease is not over");
    let task = bench.task(guid);
    assert_eq!((task.state, task.attempts), (State::Done, 2));
    let slices: Vec<_> = (0..SLICES).map(|slice| format!("slice {slice}")).collect();
    assert_eq!(bench.notes(), [slices, vec!["effect".to_owned(), "sliced done".to_owned()]].concat());
}

#[tokio::test]
async fn a_task_that_takes_the_process_down_each_time_ends_failed_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::at(folder.path(), START).await;
    let guid = bench.work("aborts").await.guid;
    bench.store.close().await.unwrap();
    let mut story = Vec::new();
    for hours in [0, 0, 0, 1, 2] {
        let ended_well = run_child(folder.path(), hours);
        let bench = Bench::at(folder.path(), START).await;
        let task = bench.task(guid);
        story.push((ended_well, task.state, task.attempts));
        bench.store.close().await.unwrap();
    }
    assert_eq!(
        story,
        [
            (false, State::Running, 1),
            (false, State::Running, 2),
            // From the second loss on it backs off, so that it does not keep the server from starting.
            (true, State::Waiting, 2),
            (false, State::Running, 3),
            (true, State::Failed, 3),
        ]
    );
    let bench = Bench::at(folder.path(), START).await;
    assert_eq!(
        bench.task(guid).error.as_deref(),
        Some("Comptoir stopped or was killed while this task ran, 3 of 3 times; it is not tried again.")
    );
    assert_eq!(bench.notes(), ["aborts failed"]);
    let failed = Filter { state: Some(State::Failed), ..Filter::default() };
    assert_eq!(bench.store.read(|conn| list(conn, bench.company, &failed, None, 10)).unwrap().len(), 1, "visible");
}
