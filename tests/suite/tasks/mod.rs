//! The task queue through its public face: a real file, a clock that stands still, and no sleep anywhere.

mod attempts;
mod cancel;
mod crash;
mod dedupe;
mod finish;
mod periods;
mod queries;
mod runner;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use comptoir::auth::companies;
use comptoir::auth::model::{CompanyId, CompanyKey, CompanyName, Scope};
use comptoir::clock::{Clock, Timestamp};
use comptoir::store::{OpenOptions, Store, StoreError, WriteTx};
use comptoir::tasks::{
    Backoff, Dedupe, Enqueued, Handler, Kind, KindOptions, NewTask, OnEnd, Outcome, Queue, Registry, Runner,
    RunnerOptions, Task, TaskChange, TaskContext, TaskError, get,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use uuid::Uuid;

/// 2026-11-22T10:00:00Z, a Sunday.
const START: Timestamp = Timestamp::from_unix_seconds(1_795_341_600);

/// A kind for tests that need one; three attempts.
const WORK: Kind<String> = Kind::new("test_work").attempts(3);

/// A minute, two, four …
const MINUTES: Backoff = Backoff::Doubling { first: Duration::from_mins(1), longest: Duration::from_hours(1) };

/// How [`WORK`] is run unless a test says otherwise.
fn options() -> KindOptions {
    KindOptions { backoff: MINUTES, ..KindOptions::default() }
}

/// A store with two companies, a queue on it, and a clock at [`START`].
struct Bench {
    // After the store, which it holds.
    _folder: Option<TempDir>,
    clock: Clock,
    store: Store,
    queue: Queue,
    company: CompanyId,
    other: CompanyId,
    ends: Arc<Ends>,
}

/// Ends as a hook was told of them, in a table of its own, written in the same transaction.
#[derive(Default)]
struct Ends;

impl OnEnd for Ends {
    fn task_ended(&self, tx: &WriteTx<'_>, _: &Queue, task: &Task) -> Result<(), StoreError> {
        note(tx, &format!("{} {}", task.payload.as_str().unwrap_or("?"), task.state))
    }
}

/// An effect that a test can see: a row in a table that exists for that.
fn note(tx: &WriteTx<'_>, text: &str) -> Result<(), StoreError> {
    tx.execute("INSERT INTO notes (text) VALUES (?1)", [text])?;
    Ok(())
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bench = Self::at(folder.path(), START).await;
        Self { _folder: Some(folder), ..bench }
    }

    /// On the file in `folder`, made if it is not there, with a clock that stands at `now`.
    async fn at(folder: &Path, now: Timestamp) -> Self {
        let clock = Clock::fixed(now);
        let options = OpenOptions::server(folder.join("test.db"));
        let store = Store::open(OpenOptions { clock: clock.clone(), ..options }).unwrap();
        let (company, other) = store
            .write(|tx| {
                tx.execute_batch("CREATE TABLE IF NOT EXISTS notes (text TEXT NOT NULL) STRICT;")?;
                let company = |key: &str| {
                    companies::find(tx, Scope::Installation, key).unwrap_or_else(|_| {
                        let (key, name) = (CompanyKey::parse(key).unwrap(), CompanyName::parse(key).unwrap());
                        companies::create(tx, &key, &name, START).unwrap()
                    })
                };
                Ok::<_, StoreError>((company("acme").id, company("globex").id))
            })
            .await
            .unwrap();
        let ends = Arc::new(Ends);
        let queue = Queue::new(clock.clone(), vec![Arc::clone(&ends) as Arc<dyn OnEnd>]);
        Self { _folder: None, clock, store, queue, company, other, ends }
    }

    /// A second process's queue on the same file, as far as the queue can tell.
    fn another_queue(&self) -> Queue {
        Queue::new(self.clock.clone(), vec![Arc::clone(&self.ends) as Arc<dyn OnEnd>])
    }

    /// A runner of [`WORK`].
    fn runner(&self, options: KindOptions, handler: impl Handler<String>) -> Runner {
        self.runner_of(&self.queue, WORK, options, handler)
    }

    fn runner_of<P: DeserializeOwned + Send + 'static>(
        &self,
        queue: &Queue,
        kind: Kind<P>,
        options: KindOptions,
        handler: impl Handler<P>,
    ) -> Runner {
        let mut registry = Registry::new();
        registry.register(kind, options, handler);
        self.runner_with(queue, registry)
    }

    fn runner_with(&self, queue: &Queue, registry: Registry) -> Runner {
        // The middle: no spread.
        let options = RunnerOptions { chance: || 0.5, ..RunnerOptions::default() };
        Runner::new(self.store.clone(), queue.clone(), registry, options)
    }

    async fn add<P>(&self, task: NewTask<P>) -> Enqueued
    where
        P: Serialize + Send + 'static,
    {
        let queue = self.queue.clone();
        self.store.write(move |tx| queue.enqueue(tx, &task)).await.unwrap()
    }

    /// Adds a task of [`WORK`] that says `payload`, for the company.
    async fn work(&self, payload: &str) -> Task {
        self.add(NewTask::new(WORK, payload.to_owned()).of(self.company)).await.task
    }

    async fn keyed(&self, payload: &str, dedupe: Dedupe) -> Enqueued {
        self.add(NewTask::new(WORK, payload.to_owned()).of(self.company).dedupe(dedupe)).await
    }

    fn task(&self, guid: Uuid) -> Task {
        self.store.read(|conn| get(conn, self.company, guid)).unwrap()
    }

    async fn cancel(&self, guid: Uuid) -> Result<Task, TaskError> {
        let (queue, company) = (self.queue.clone(), self.company);
        self.store.write(move |tx| queue.cancel(tx, company, guid)).await
    }

    async fn retry(&self, guid: Uuid) -> Result<Task, TaskError> {
        let (queue, company) = (self.queue.clone(), self.company);
        self.store.write(move |tx| queue.retry(tx, company, guid)).await
    }

    /// The effects so far.
    fn notes(&self) -> Vec<String> {
        self.store
            .read(|conn| {
                let mut rows = conn.prepare("SELECT text FROM notes ORDER BY rowid")?;
                let notes = rows.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
                Ok::<_, StoreError>(notes)
            })
            .unwrap()
    }
}

/// What handlers saw, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A handler that logs its payload and does nothing else.
fn logging(log: &Log) -> impl Handler<String> + use<> {
    let log = log.clone();
    move |_: TaskContext, payload: String| {
        log.add(payload);
        async { Outcome::done() }
    }
}

/// The changes so far, as `state progress detail`.
fn changes(receiver: &mut Receiver<TaskChange>) -> Vec<String> {
    let mut changes = Vec::new();
    loop {
        match receiver.try_recv() {
            Ok(change) => {
                let detail = change.detail.map(|detail| format!(" {detail}")).unwrap_or_default();
                changes.push(format!("{} {}{detail}", change.state, change.progress));
            }
            Err(TryRecvError::Empty) => return changes,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Something a test and a handler hand over: the handler says where it is and waits to be let on.
#[derive(Clone)]
struct Gate(Arc<(tokio::sync::Semaphore, tokio::sync::Semaphore)>);

impl Gate {
    fn new() -> Self {
        Self(Arc::new((tokio::sync::Semaphore::new(0), tokio::sync::Semaphore::new(0))))
    }

    /// The handler's side.
    async fn pass(&self) {
        self.0.0.add_permits(1);
        self.0.1.acquire().await.unwrap().forget();
    }

    /// The test's side: waits until a handler stands at the gate.
    async fn reached(&self) {
        self.0.0.acquire().await.unwrap().forget();
    }

    /// Lets one handler on.
    fn open(&self) {
        self.0.1.add_permits(1);
    }
}
