//! What may be done to a task from outside: ask for it, join it, cancel it, answer it, try it again, watch it. Each of
//! them is a part of the caller's transaction; whoever has to know of it hears of it once that is committed.
//!
//! Must not know: who runs tasks, any domain, HTTP.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::auth::model::CompanyId;
use crate::clock::Clock;
use crate::meters::{Exposition, Kind};
use crate::store::{Conn, StoreError, WriteTx};
use crate::tasks::model::{Dedupe, Enqueued, Filter, NewTask, Task, TaskChange, Waiting};
use crate::tasks::outcome::{Ending, Progress};
use crate::tasks::sql::{self, Lease, Row};
use crate::tasks::state::{Event, State};

/// How many changes a watcher may be behind before it loses the oldest.
const CHANGES: usize = 1_024;

/// Why something was not done to a task.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// There is no such task in this company.
    #[error("there is no task {0}")]
    NotFound(Uuid),
    /// It cannot happen to a task in this state.
    #[error("task {guid} is {state}: {what} is not possible")]
    WrongState {
        /// The task.
        guid: Uuid,
        /// Its state.
        state: State,
        /// What was to be done.
        what: &'static str,
    },
    /// The payload is not representable as JSON.
    #[error("the payload of a task is no plain data: {0}")]
    Payload(serde_json::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Told in the very transaction in which a task ends (done, failed or canceled), so that what follows from it, such as a
/// row in an outbox, is there exactly if the task has ended.
pub trait OnEnd: Send + Sync {
    /// `task` ends. An error keeps it from ending. Whoever enqueues tasks here has to leave the ends of those alone.
    fn task_ended(&self, tx: &WriteTx<'_>, queue: &Queue, task: &Task) -> Result<(), StoreError>;
}

/// The queue; clones share it. One belongs to each process, and at most one runner to each of them.
#[derive(Clone)]
pub struct Queue(Arc<Inner>);

struct Inner {
    clock: Clock,
    hooks: Vec<Arc<dyn OnEnd>>,
    changes: broadcast::Sender<TaskChange>,
    /// There may be something to run.
    wake: Notify,
    /// What this process runs, by row key.
    running: Mutex<HashMap<i64, Running>>,
    /// How many tasks have ended in this process, by kind and state.
    ended: Mutex<BTreeMap<(String, &'static str), u64>>,
}

/// A task that this process runs.
pub(super) struct Running {
    pub(super) lease: i64,
    pub(super) kind: &'static str,
    /// Tells the handler to stop.
    pub(super) cancel: CancellationToken,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("running", &self.running().len()).finish_non_exhaustive()
    }
}

impl Queue {
    /// A queue that tells `hooks` of every end.
    #[must_use]
    pub fn new(clock: Clock, hooks: Vec<Arc<dyn OnEnd>>) -> Self {
        let (changes, _) = broadcast::channel(CHANGES);
        Self(Arc::new(Inner {
            clock,
            hooks,
            changes,
            wake: Notify::new(),
            running: Mutex::default(),
            ended: Mutex::default(),
        }))
    }

    /// Adds a task, or joins an earlier one as its dedupe policy says. Its runner begins it as soon as the transaction
    /// is committed; one in another process within a second.
    pub fn enqueue<P: Serialize>(&self, tx: &WriteTx<'_>, new: &NewTask<P>) -> Result<Enqueued, TaskError> {
        let payload = serde_json::to_string(&new.payload).map_err(TaskError::Payload)?;
        let now = self.0.clock.now();
        let run_at = new.run_at.unwrap_or(now);
        let (key, also_running) = match &new.dedupe {
            Dedupe::Always => (None, false),
            Dedupe::Join(key) => (Some(key.as_str()), false),
            Dedupe::JoinRunning(key) => (Some(key.as_str()), true),
        };
        if let Some(key) = key
            && let Some(mut task) = sql::find_by_key(tx, new.kind.name(), new.company, key, also_running)?
        {
            // One that has begun and waits keeps to its back-off.
            if task.state == State::Waiting && task.lease == 0 && run_at < task.run_at {
                task.run_at = run_at;
                task.updated_at = now;
                sql::save(tx, &task)?;
                self.announce(tx, &task);
            }
            return Ok(Enqueued { task, joined: true });
        }
        let row = Row {
            guid: Uuid::new_v4(),
            company: new.company,
            owner: new.owner,
            kind: new.kind.name(),
            payload: &payload,
            max_attempts: new.kind.max_attempts(),
            run_at,
            dedupe_key: key,
            now,
        };
        let task = sql::insert(tx, &row)?;
        self.announce(tx, &task);
        Ok(Enqueued { task, joined: false })
    }

    /// Cancels a task: at once if it waits, for its turn or for a person; a running one is told to stop, and what it has
    /// not committed by then it will not. Asking twice changes nothing.
    pub fn cancel(&self, tx: &WriteTx<'_>, company: CompanyId, guid: Uuid) -> Result<Task, TaskError> {
        self.change(tx, company, guid, Event::Cancel, "canceling it", |_| {})
    }

    /// Tries a failed or canceled task again, with all its attempts. It goes on from its last checkpoint.
    pub fn retry(&self, tx: &WriteTx<'_>, company: CompanyId, guid: Uuid) -> Result<Task, TaskError> {
        self.change(tx, company, guid, Event::RetryByHand, "trying it again", |task| {
            task.progress = 0;
            task.detail = None;
            task.result = None;
            task.error = None;
            // It is no longer one that was never begun, even if it was canceled before.
            task.lease += 1;
        })
    }

    /// Answers a task that waits for a person, who has read its result; its handler finds `answer` in its context.
    pub fn resume(&self, tx: &WriteTx<'_>, company: CompanyId, guid: Uuid, answer: &Value) -> Result<Task, TaskError> {
        let task = self.change(tx, company, guid, Event::Resume, "answering it", |_| {})?;
        sql::save_answer(tx, task.id, &answer.to_string())?;
        Ok(task)
    }

    /// Every change of a task that this process makes, from now on. One that reads too slowly loses the oldest and is
    /// told so; it holds up nobody.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<TaskChange> {
        self.0.changes.subscribe()
    }

    fn change(
        &self,
        tx: &WriteTx<'_>,
        company: CompanyId,
        guid: Uuid,
        event: Event,
        what: &'static str,
        also: impl FnOnce(&mut Task),
    ) -> Result<Task, TaskError> {
        let mut task = get(tx, company, guid)?;
        let state = task.state;
        if !task.pass(event, self.0.clock.now()) {
            return Err(TaskError::WrongState { guid, state, what });
        }
        also(&mut task);
        self.keep(tx, &task)?;
        Ok(task)
    }

    /// Ends the attempt that holds `lease`, or does nothing and returns `None` if that is no longer its task.
    pub(super) fn settle(
        &self,
        tx: &WriteTx<'_>,
        lease: Lease,
        ending: &Ending,
        progress: Option<&Progress>,
    ) -> Result<Option<Task>, StoreError> {
        let Some(mut task) = sql::held(tx, lease)? else { return Ok(None) };
        if !task.pass(ending.event, self.0.clock.now()) {
            return Ok(None);
        }
        if let Some(progress) = progress {
            task.progress = progress.percent;
            task.detail.clone_from(&progress.detail);
        }
        match task.state {
            State::Done => {
                task.progress = 100;
                task.error = None;
                task.result.clone_from(&ending.result);
            }
            State::Feedback => {
                task.error = None;
                task.result.clone_from(&ending.result);
            }
            State::Waiting | State::Failed if ending.error.is_some() => task.error.clone_from(&ending.error),
            _ => {}
        }
        self.keep(tx, &task)?;
        Ok(Some(task))
    }

    /// Writes a task that has changed, with what follows from it.
    fn keep(&self, tx: &WriteTx<'_>, task: &Task) -> Result<(), StoreError> {
        sql::save(tx, task)?;
        if task.state.is_ended() {
            for hook in &self.0.hooks {
                hook.task_ended(tx, self, task)?;
            }
        }
        self.announce(tx, task);
        Ok(())
    }

    /// Lets everybody in this process know how `task` stands once `tx` is committed.
    pub(super) fn announce(&self, tx: &WriteTx<'_>, task: &Task) {
        let (queue, change) = (self.clone(), TaskChange::from(task));
        let ended = task.state.is_ended().then(|| (task.kind.clone(), task.state.as_str()));
        let stop = (task.cancel_requested && task.state == State::Running).then_some(task.id);
        // One that begins to run makes no room and brings no work.
        let wakes = task.state != State::Running;
        tx.after_commit(move || {
            if let Some(id) = stop {
                queue.stop(id);
            }
            if let Some(ended) = ended {
                *queue.0.ended.lock().unwrap_or_else(PoisonError::into_inner).entry(ended).or_default() += 1;
            }
            // Nobody listens: nobody misses it.
            let _ = queue.0.changes.send(change);
            if wakes {
                queue.0.wake.notify_one();
            }
        });
    }

    /// Tells the worker of task `id`, if it is in this process, to stop.
    pub(super) fn stop(&self, id: i64) {
        if let Some(running) = self.running().get(&id) {
            running.cancel.cancel();
        }
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(super) fn running(&self) -> MutexGuard<'_, HashMap<i64, Running>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what this process runs and how what it ran has ended.
    pub fn expose(&self, page: &mut Exposition) {
        let mut kinds = BTreeMap::new();
        for running in self.running().values() {
            *kinds.entry(running.kind).or_insert(0u32) += 1;
        }
        let running = "comptoir_tasks_running";
        page.family(running, Kind::Gauge, "Tasks that run, by kind.");
        for (kind, count) in kinds {
            page.sample(running, &[("kind", kind)], count);
        }
        let ended = "comptoir_tasks_ended_total";
        page.family(ended, Kind::Counter, "Tasks that have ended, by kind and how.");
        for ((kind, state), count) in &*self.0.ended.lock().unwrap_or_else(PoisonError::into_inner) {
            page.sample(ended, &[("kind", kind), ("state", state)], count);
        }
    }

    /// Waits until there may be something to run.
    pub(super) async fn woken(&self) {
        self.0.wake.notified().await;
    }

    /// Has [`Queue::woken`] return.
    pub(super) fn wake(&self) {
        self.0.wake.notify_one();
    }
}

/// One task of a company.
pub fn get(conn: &Conn, company: CompanyId, guid: Uuid) -> Result<Task, TaskError> {
    sql::find(conn, company, guid)?.ok_or(TaskError::NotFound(guid))
}

/// What waits in the whole installation, kind by kind.
pub fn waiting(conn: &Conn) -> Result<Vec<Waiting>, StoreError> {
    sql::waiting(conn)
}

/// Up to `limit` tasks of a company, newest first, that come after the one with row key `after` in that order.
pub fn list(
    conn: &Conn,
    company: CompanyId,
    filter: &Filter,
    after: Option<i64>,
    limit: usize,
) -> Result<Vec<Task>, StoreError> {
    sql::list(conn, company, filter, after, limit)
}
