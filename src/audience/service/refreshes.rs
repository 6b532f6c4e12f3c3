//! Refreshes: asking for a count, how far it is, and the figures at once.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::counts::{self, Counted};
use super::{AudienceService, enabled};
use crate::audience::AudienceError;
use crate::audience::counters::ChannelFigures;
use crate::audience::model::{Feedback, Refresh, Refused, Shelf};
use crate::audience::sql;
use crate::auth::model::{CompanyId, SharedPrincipal};
use crate::clock::Timestamp;
use crate::store::Conn;
use crate::tasks::{self, Dedupe, Kind, NewTask, State, Task, TaskError};

/// The kind of task that counts.
pub const REFRESH: Kind<Refresh> = Kind::new("audience_refresh").attempts(5);

/// So many receivers are told of the end of one refresh: all are written in the transaction that ends it.
const MAX_FEEDBACK: i64 = 100;

/// How long a refresh is remembered here: longer than its task.
const REMEMBERED: Duration = Duration::from_hours(180 * 24);

/// The figures of a resource in a list, as they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// By channel.
    pub channels: Vec<ChannelFigures>,
    /// When they were counted and how long that took; `None`: never, they are the counters as they stand.
    pub counted: Option<(Timestamp, Duration)>,
    /// The list.
    pub list: i64,
    /// A refresh that has not ended.
    pub refresh: Option<Uuid>,
    /// The moment they are right for.
    pub right_at: Timestamp,
}

/// How far a refresh is, in the contract's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Its turn has not come.
    Waiting,
    /// It counts.
    InProgress,
    /// It has counted.
    Completed,
    /// It has given up.
    Failed,
    /// Somebody has canceled it.
    Canceled,
}

/// A refresh as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshStatus {
    /// How far it is.
    pub stage: Stage,
    /// 0 to 100.
    pub progress: u8,
    /// What it has counted, or the latest figures while it has not; `None` when its list or resource is gone.
    pub figures: Option<Figures>,
    /// Why it has failed.
    pub error: Option<String>,
}

/// A task's result: what it has counted.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    list: i64,
    resource: i64,
    counted_at: i64,
    took_micros: u64,
    channels: Vec<ChannelFigures>,
}

/// What a count leaves as its task's result.
pub fn record(refresh: Refresh, counted: &Counted) -> Result<serde_json::Value, AudienceError> {
    let record = Record {
        list: refresh.list,
        resource: refresh.resource,
        counted_at: counted.counted_at.as_micros(),
        took_micros: u64::try_from(counted.took.as_micros()).unwrap_or(u64::MAX),
        channels: counted.figures.clone(),
    };
    serde_json::to_value(record).map_err(|error| AudienceError::Damaged(format!("figures cannot be written: {error}")))
}

/// `task` in the contract's terms.
pub fn status(conn: &Conn, company: CompanyId, task: &Task, now: Timestamp) -> Result<RefreshStatus, AudienceError> {
    let stage = match task.state {
        State::Waiting => Stage::Waiting,
        State::Running | State::Feedback => Stage::InProgress,
        State::Done => Stage::Completed,
        State::Failed => Stage::Failed,
        State::Canceled => Stage::Canceled,
    };
    let unreadable = |error: serde_json::Error| AudienceError::Damaged(format!("a refresh cannot be read: {error}"));
    let figures = if let (Stage::Completed, Some(result)) = (stage, &task.result) {
        let record = Record::deserialize(result).map_err(unreadable)?;
        let at = Timestamp::from_micros(record.counted_at);
        Some(Figures {
            channels: record.channels,
            counted: Some((at, Duration::from_micros(record.took_micros))),
            list: record.list,
            refresh: None,
            right_at: at,
        })
    } else {
        let refresh = Refresh::deserialize(&task.payload).map_err(unreadable)?;
        match figures(conn, company, refresh, now) {
            // While a task is being ended, it is still among the unfinished ones.
            Ok(figures) => Some(Figures { refresh: figures.refresh.filter(|_| !task.state.is_ended()), ..figures }),
            Err(AudienceError::NotFound { .. }) => None,
            Err(error) => return Err(error),
        }
    };
    Ok(RefreshStatus {
        stage,
        progress: task.progress,
        figures,
        error: task.error.clone().filter(|_| stage == Stage::Failed),
    })
}

/// The latest figures, at once.
fn figures(conn: &Conn, company: CompanyId, refresh: Refresh, now: Timestamp) -> Result<Figures, AudienceError> {
    let published = counts::published(conn, company, refresh)?;
    let unfinished = sql::refreshes::unfinished(conn, company, refresh)?;
    let mut running = None;
    for guid in unfinished {
        match tasks::get(conn, company, guid) {
            // Of two, the one that runs.
            Ok(task) if task.state == State::Running => running = Some(guid),
            Ok(task) if !task.state.is_ended() => running = running.or(Some(guid)),
            Ok(_) | Err(TaskError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Figures {
        channels: published.figures,
        right_at: published.counted.map_or(now, |(at, _)| at),
        counted: published.counted,
        list: refresh.list,
        refresh: running,
    })
}

impl AudienceService {
    /// `resources/refresh_counters`, `databases/refresh_counters`: has the figures counted, by a task that waits already
    /// or by a new one, and answers with its id before it counts.
    pub async fn refresh(
        &self,
        caller: SharedPrincipal,
        refresh: Refresh,
        feedback: Option<Feedback>,
    ) -> Result<Uuid, AudienceError> {
        if let Some(feedback) = &feedback {
            self.guard.admit(&feedback.url).map_err(|rule| Refused { field: "feedback.url", rule })?;
        }
        let (company, owner) = (caller.company_id, caller.user_id);
        let (queue, now) = (self.queue.clone(), self.clock.now());
        let feedback = feedback.map(Arc::new);
        self.auth
            .write_as(caller, move |tx| {
                enabled(tx, Shelf::Lists, company, refresh.list)?;
                enabled(tx, Shelf::Resources, company, refresh.resource)?;
                let key = format!("{}/{}", refresh.list, refresh.resource);
                let new = NewTask::new(REFRESH, refresh).of(company).by(owner).dedupe(Dedupe::Join(key));
                let task = queue.enqueue(tx, &new)?.task.guid;
                sql::refreshes::forget(tx, now.minus(REMEMBERED))?;
                sql::refreshes::open(tx, company, task, refresh, now)?;
                if let Some(feedback) = &feedback {
                    sql::refreshes::add_feedback(tx, task, feedback)?;
                    if sql::refreshes::count_feedback(tx, task)? > MAX_FEEDBACK {
                        return Err(AudienceError::TooMany(format!(
                            "{MAX_FEEDBACK} receivers wait for the end of this refresh already; ask again when it has ended"
                        )));
                    }
                }
                Ok(task)
            })
            .await
    }

    /// `tasks/status`.
    pub fn refresh_status(&self, company: CompanyId, task: &str) -> Result<RefreshStatus, AudienceError> {
        let unknown = || AudienceError::not_found("task", task);
        let guid = Uuid::parse_str(task).map_err(|_| unknown())?;
        let now = self.clock.now();
        self.store.read(|conn| {
            let task = match tasks::get(conn, company, guid) {
                Ok(task) if task.kind == REFRESH.name() => task,
                Ok(_) | Err(TaskError::NotFound(_)) => return Err(unknown()),
                Err(error) => return Err(error.into()),
            };
            status(conn, company, &task, now)
        })
    }

    /// `resources/get_counters`, `databases/get_counters`: the latest figures at once.
    pub fn figures(&self, company: CompanyId, refresh: Refresh) -> Result<Figures, AudienceError> {
        let now = self.clock.now();
        self.store.read(|conn| figures(conn, company, refresh, now))
    }
}
