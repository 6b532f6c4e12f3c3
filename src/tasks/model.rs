//! What a task is, and how one is asked for.
//!
//! Must not know: the database, the runtime, the system clock, any domain.

use std::marker::PhantomData;

use serde_json::Value;
use uuid::Uuid;

use crate::auth::model::{CompanyId, UserId};
use crate::clock::Timestamp;
use crate::tasks::state::{Event, Standing, State};

/// How many attempts a kind has that does not say.
const MAX_ATTEMPTS: u32 = 5;

/// A kind of task whose payload is a `P`: a constant that both who enqueues and who handles it use.
#[derive(Debug)]
pub struct Kind<P> {
    name: &'static str,
    max_attempts: u32,
    payload: PhantomData<fn() -> P>,
}

impl<P> Kind<P> {
    /// The kind `name`: `domain_what`, kept in the database for good. Five attempts.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, max_attempts: MAX_ATTEMPTS, payload: PhantomData }
    }

    /// The same with `attempts` attempts, at least one, the first included.
    #[must_use]
    pub const fn attempts(self, attempts: u32) -> Self {
        assert!(attempts > 0, "a task has at least one attempt");
        Self { max_attempts: attempts, ..self }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// How many attempts a task of this kind has.
    #[must_use]
    pub const fn max_attempts(self) -> u32 {
        self.max_attempts
    }
}

impl<P> Clone for Kind<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Kind<P> {}

/// Which earlier task answers for a new one. Keys are compared within a kind and a company. Whatever the policy, two
/// tasks of one key never run at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dedupe {
    /// None: it is a task of its own.
    Always,
    /// One of this key that waits. While one runs, exactly one more waits behind it, so that what was true when the
    /// task was asked for is always seen by the task that answers for it.
    Join(String),
    /// One of this key that is not ended, a running one too.
    JoinRunning(String),
}

/// A task to be.
#[derive(Debug, Clone)]
pub struct NewTask<P> {
    /// Its kind.
    pub kind: Kind<P>,
    /// What its handler needs to know. It is kept as JSON and shown to administrators: no secrets.
    pub payload: P,
    /// Its company; `None`: the installation.
    pub company: Option<CompanyId>,
    /// The user who asked for it.
    pub owner: Option<UserId>,
    /// Not before this instant; `None`: at once.
    pub run_at: Option<Timestamp>,
    /// Which earlier task answers for it.
    pub dedupe: Dedupe,
}

impl<P> NewTask<P> {
    /// A task of the installation, to run at once. Change what differs.
    #[must_use]
    pub fn new(kind: Kind<P>, payload: P) -> Self {
        Self { kind, payload, company: None, owner: None, run_at: None, dedupe: Dedupe::Always }
    }

    /// The same for a company.
    #[must_use]
    pub fn of(self, company: CompanyId) -> Self {
        Self { company: Some(company), ..self }
    }

    /// The same, asked for by a user.
    #[must_use]
    pub fn by(self, owner: UserId) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// The same, not before `instant`.
    #[must_use]
    pub fn not_before(self, instant: Timestamp) -> Self {
        Self { run_at: Some(instant), ..self }
    }

    /// The same with a dedupe policy.
    #[must_use]
    pub fn dedupe(self, dedupe: Dedupe) -> Self {
        Self { dedupe, ..self }
    }
}

/// The answer to an enqueue.
#[derive(Debug, Clone, PartialEq)]
pub struct Enqueued {
    /// The task that will do it.
    pub task: Task,
    /// Whether that is an earlier one, by its dedupe key.
    pub joined: bool,
}

/// A task as it stands.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Task {
    /// Row key: a later task has a higher one.
    pub id: i64,
    /// Public id.
    pub guid: Uuid,
    /// Its company; `None`: the installation.
    pub company: Option<CompanyId>,
    /// The user who asked for it.
    pub owner: Option<UserId>,
    /// Its kind's name.
    pub kind: String,
    /// Where it is in its life.
    pub state: State,
    /// 0 to 100.
    pub progress: u8,
    /// What it is doing, for people.
    pub detail: Option<String>,
    /// What its handler was told.
    pub payload: Value,
    /// What came of it; for a task in feedback, what the person has to decide on.
    pub result: Option<Value>,
    /// Why the latest failed attempt failed, for people.
    pub error: Option<String>,
    /// How many attempts were begun.
    pub attempts: u32,
    /// How many it has.
    pub max_attempts: u32,
    /// For a waiting task: not before this instant.
    pub run_at: Timestamp,
    /// Its dedupe key.
    pub dedupe_key: Option<String>,
    /// Whether somebody asked to cancel it.
    pub cancel_requested: bool,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When its latest attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When anything about it changed last.
    pub updated_at: Timestamp,
    /// The number of its latest claim; 0: never begun.
    pub(super) lease: i64,
}

impl Task {
    /// Lets `event` happen at `now`, or says `false` if it cannot happen in this state.
    pub(super) fn pass(&mut self, event: Event, now: Timestamp) -> bool {
        let standing = Standing {
            state: self.state,
            attempts: self.attempts,
            max_attempts: self.max_attempts,
            cancel_requested: self.cancel_requested,
        };
        let Some(next) = standing.after(event) else { return false };
        self.state = next.to.state;
        self.attempts = next.to.attempts;
        self.cancel_requested = next.to.cancel_requested;
        if self.state == State::Waiting {
            self.run_at = now.plus(next.delay);
        }
        self.ended_at = self.state.is_ended().then_some(now);
        self.updated_at = now;
        true
    }
}

/// Which tasks of a company to list. `None` is any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this kind.
    pub kind: Option<String>,
    /// In this state.
    pub state: Option<State>,
    /// Asked for by this user.
    pub owner: Option<UserId>,
}

/// The tasks of a kind that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The kind's name.
    pub kind: String,
    /// How many they are.
    pub count: i64,
    /// When the one that is due first is, or was.
    pub oldest: Timestamp,
}

/// Something about a task that those who watch it may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskChange {
    /// Its company; `None`: the installation.
    pub company: Option<CompanyId>,
    /// The user who asked for it.
    pub owner: Option<UserId>,
    /// Public id.
    pub guid: Uuid,
    /// Its kind's name.
    pub kind: String,
    /// Where it is in its life.
    pub state: State,
    /// 0 to 100.
    pub progress: u8,
    /// What it is doing, for people.
    pub detail: Option<String>,
}

impl From<&Task> for TaskChange {
    fn from(task: &Task) -> Self {
        Self {
            company: task.company,
            owner: task.owner,
            guid: task.guid,
            kind: task.kind.clone(),
            state: task.state,
            progress: task.progress,
            detail: task.detail.clone(),
        }
    }
}
