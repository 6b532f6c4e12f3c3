//! Lists and single tasks, as the house API will ask for them.

use std::collections::BTreeSet;

use comptoir::auth::model::{CompanyId, Roles, Scope, Timezone, UserId, Username};
use comptoir::auth::users::{self, NewUser};
use comptoir::tasks::{Filter, Kind, NewTask, Outcome, State, Task, TaskContext, TaskError, get, list};
use proptest::prelude::*;

use super::{Bench, START, WORK, options};

const OTHER: Kind<String> = Kind::new("test_other");

async fn user(bench: &Bench, company: CompanyId, name: &str) -> UserId {
    let new = NewUser {
        username: Username::parse(name).unwrap(),
        roles: Roles::of(&[]),
        operator: false,
        timezone: Timezone::UTC,
        specification: None,
        email: None,
        phone: None,
    };
    bench
        .store
        .write(move |tx| {
            users::create(tx, Scope::Installation, company, &new, None, START)?;
            users::find(tx, Scope::Installation, new.username.as_str())
        })
        .await
        .unwrap()
        .id
}

/// Every page of a list, and that pages neither repeat nor skip.
fn pages(bench: &Bench, company: CompanyId, filter: &Filter, limit: usize) -> Vec<Task> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = bench.store.read(|conn| list(conn, company, filter, after, limit)).unwrap();
        assert!(page.len() <= limit);
        let Some(last) = page.last() else { return all };
        after = Some(last.id);
        all.extend(page);
    }
}

#[tokio::test]
async fn lists_are_filtered_paged_newest_first_and_never_show_another_company() {
    let bench = Bench::new().await;
    let (olena, ivan) = (user(&bench, bench.company, "olena").await, user(&bench, bench.company, "ivan").await);
    let mut made = Vec::new();
    for n in 0..40u32 {
        let kind = if n % 2 == 0 { WORK } else { OTHER };
        let mut task = NewTask::new(kind, format!("{n}"));
        task.company =
            [Some(bench.company), Some(bench.company), Some(bench.company), Some(bench.other), None][n as usize % 5];
        task.owner = match (task.company == Some(bench.company), n % 3) {
            (true, 0) => Some(olena),
            (true, 1) => Some(ivan),
            _ => None,
        };
        made.push(bench.add(task).await.task);
    }
    let runner = bench.runner(options(), |_: TaskContext, payload: String| async move {
        if payload.len() == 1 { Outcome::done() } else { Outcome::failed("no") }
    });
    runner.run_pending().await.unwrap();
    let kinds = [None, Some("test_work"), Some("test_other"), Some("unknown")];
    let states = [None, Some(State::Waiting), Some(State::Done), Some(State::Failed), Some(State::Running)];
    let owners = [None, Some(olena), Some(ivan)];
    for company in [bench.company, bench.other] {
        let current: Vec<Task> = pages(&bench, company, &Filter::default(), 1_000);
        assert!(current.iter().all(|task| task.company == Some(company)));
        let expected = made.iter().rev().filter(|task| task.company == Some(company)).map(|task| task.guid);
        assert_eq!(current.iter().map(|task| task.guid).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        let mut filters = Vec::new();
        for kind in &kinds {
            for state in &states {
                filters.extend(owners.iter().map(|owner| (kind, state, owner)));
            }
        }
        for (kind, state, owner) in filters {
            let filter = Filter { kind: kind.map(str::to_owned), state: *state, owner: *owner };
            let fits = |task: &&Task| {
                kind.is_none_or(|kind| task.kind == kind)
                    && state.is_none_or(|state| task.state == state)
                    && owner.is_none_or(|owner| task.owner == Some(owner))
            };
            let expected: Vec<_> = current.iter().filter(fits).map(|task| task.guid).collect();
            for limit in [3, 100] {
                let got: Vec<_> = pages(&bench, company, &filter, limit).iter().map(|task| task.guid).collect();
                assert_eq!(got, expected, "{filter:?}");
            }
        }
    }
}

#[tokio::test]
async fn another_companys_task_and_the_installations_do_not_exist() {
    let bench = Bench::new().await;
    let theirs = bench.add(NewTask::new(WORK, "x".to_owned()).of(bench.other)).await.task.guid;
    let nobodys = bench.add(NewTask::new(WORK, "x".to_owned())).await.task.guid;
    for guid in [theirs, nobodys, uuid::Uuid::nil()] {
        let missing = |error: TaskError| matches!(error, TaskError::NotFound(which) if which == guid);
        assert!(missing(bench.store.read(|conn| get(conn, bench.company, guid)).unwrap_err()));
        assert!(missing(bench.cancel(guid).await.unwrap_err()));
        assert!(missing(bench.retry(guid).await.unwrap_err()));
    }
    assert_eq!(bench.store.read(|conn| get(conn, bench.other, theirs)).unwrap().state, State::Waiting);
}

#[tokio::test]
async fn a_page_does_not_change_what_follows_when_tasks_come_and_go_in_between() {
    let bench = Bench::new().await;
    for n in 0..10 {
        bench.work(&n.to_string()).await;
    }
    let page = |after| bench.store.read(|conn| list(conn, bench.company, &Filter::default(), after, 4)).unwrap();
    let first = page(None);
    bench.work("new").await;
    bench.cancel(first[1].guid).await.unwrap();
    let second = page(Some(first[3].id));
    let seen: BTreeSet<_> = first.iter().chain(&second).map(|task| task.id).collect();
    assert_eq!(seen.len(), 8);
    assert!(second.iter().all(|task| task.payload != "new"));
}

#[tokio::test]
async fn a_watcher_that_does_not_read_loses_the_oldest_and_holds_up_nobody() {
    let bench = Bench::new().await;
    let mut slow = bench.queue.subscribe();
    let (queue, company) = (bench.queue.clone(), bench.company);
    bench
        .store
        .write(move |tx| {
            for n in 0..2_000 {
                queue.enqueue(tx, &NewTask::new(WORK, n.to_string()).of(company))?;
            }
            Ok::<_, TaskError>(())
        })
        .await
        .unwrap();
    let lagged = slow.recv().await.unwrap_err();
    assert!(matches!(lagged, tokio::sync::broadcast::error::RecvError::Lagged(976)), "{lagged:?}");
    assert_eq!(slow.recv().await.unwrap().state, State::Waiting);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Payloads and results come back as they were, whatever is in them.
    #[test]
    fn json_comes_back_as_it_was(text in "\\PC{0,40}", number: i64, flag: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::new().await;
            let payload = serde_json::json!({ "text": text, "number": number, "flags": [flag, null] });
            let kind = Kind::<serde_json::Value>::new("test_json");
            let runner = bench.runner_of(&bench.queue, kind, options(), |_: TaskContext, payload: serde_json::Value| async {
                Outcome::Done(payload)
            });
            let guid = bench.add(NewTask::new(kind, payload.clone()).of(bench.company)).await.task.guid;
            runner.run_pending().await.unwrap();
            let task = bench.task(guid);
            assert_eq!(task.result.as_ref(), Some(&payload));
            assert_eq!(task.payload, payload);
        });
    }
}
