//! Background tasks on the wire: what runs, what came of it, and a stream of how it goes on.

use std::time::Duration;

use futures_util::stream::BoxStream;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{EventStream, Json};
use poem_openapi::types::Any;
use poem_openapi::{Enum, Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use super::{Answer, HouseTags};
use crate::house::tasks::{TaskFilter, TasksService, Watched};
use crate::http::paging::{self, PageToken};
use crate::http::wire::Instant;
use crate::http::{Caller, Failure};
use crate::tasks::{State, Task};

/// The name page tokens of this list carry.
const LIST: &str = "tasks";

/// How often a silent stream says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Where a task is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum TaskState {
    /// It waits for its turn or for its time.
    Waiting,
    /// It runs.
    Running,
    /// It waits for a person's decision.
    Feedback,
    /// It has ended well.
    Done,
    /// It has used up its attempts.
    Failed,
    /// Somebody canceled it.
    Canceled,
}

impl From<State> for TaskState {
    fn from(state: State) -> Self {
        match state {
            State::Waiting => Self::Waiting,
            State::Running => Self::Running,
            State::Feedback => Self::Feedback,
            State::Done => Self::Done,
            State::Failed => Self::Failed,
            State::Canceled => Self::Canceled,
        }
    }
}

impl From<TaskState> for State {
    fn from(state: TaskState) -> Self {
        match state {
            TaskState::Waiting => Self::Waiting,
            TaskState::Running => Self::Running,
            TaskState::Feedback => Self::Feedback,
            TaskState::Done => Self::Done,
            TaskState::Failed => Self::Failed,
            TaskState::Canceled => Self::Canceled,
        }
    }
}

/// A background task.
#[derive(Debug, Object)]
pub struct TaskView {
    /// Its id.
    pub id: Uuid,
    /// What kind of work it is.
    pub kind: String,
    /// Where it is in its life.
    pub state: TaskState,
    /// How far it is, 0 to 100.
    #[oai(validator(minimum(value = "0"), maximum(value = "100")))]
    pub progress: i32,
    /// What it is doing, in words.
    #[oai(nullable)]
    pub detail: Option<String>,
    /// What came of it, as its kind has it.
    #[oai(nullable)]
    pub result: Option<Any<Value>>,
    /// Why its latest failed attempt failed.
    #[oai(nullable)]
    pub error: Option<String>,
    /// How many attempts were begun.
    pub attempts: i32,
    /// How many it has.
    pub max_attempts: i32,
    /// Whether somebody asked it to stop.
    pub cancel_requested: bool,
    /// While it waits: not before this instant.
    pub run_at: Instant,
    /// When it was asked for.
    pub created_at: Instant,
    /// When its latest attempt began.
    #[oai(nullable)]
    pub started_at: Option<Instant>,
    /// When it ended.
    #[oai(nullable)]
    pub ended_at: Option<Instant>,
    /// When anything about it changed last.
    pub updated_at: Instant,
}

impl From<Task> for TaskView {
    fn from(task: Task) -> Self {
        Self {
            id: task.guid,
            state: task.state.into(),
            progress: task.progress.into(),
            detail: task.detail,
            result: task.result.map(Any),
            error: task.error,
            attempts: i32::try_from(task.attempts).unwrap_or(i32::MAX),
            max_attempts: i32::try_from(task.max_attempts).unwrap_or(i32::MAX),
            cancel_requested: task.cancel_requested,
            run_at: Instant::utc(task.run_at),
            created_at: Instant::utc(task.created_at),
            started_at: task.started_at.map(Instant::utc),
            ended_at: task.ended_at.map(Instant::utc),
            updated_at: Instant::utc(task.updated_at),
            kind: task.kind,
        }
    }
}

/// A page of tasks.
#[derive(Debug, Object)]
pub struct TaskPage {
    /// The tasks, newest first.
    pub items: Vec<TaskView>,
    /// What to send as `page_token` for the next page; null on the last.
    #[oai(nullable)]
    pub next_page_token: Option<String>,
}

/// Something about a task that changed.
#[derive(Debug, Object)]
pub struct TaskEvent {
    /// The task; null when changes came faster than this stream was read and some were left out: read the list again.
    #[oai(nullable)]
    pub id: Option<Uuid>,
    /// What kind of work it is.
    #[oai(nullable)]
    pub kind: Option<String>,
    /// Where it is in its life.
    #[oai(nullable)]
    pub state: Option<TaskState>,
    /// How far it is, 0 to 100.
    #[oai(nullable)]
    pub progress: Option<i32>,
    /// What it is doing, in words.
    #[oai(nullable)]
    pub detail: Option<String>,
}

impl From<Watched> for TaskEvent {
    fn from(watched: Watched) -> Self {
        match watched {
            Watched::Change(change) => Self {
                id: Some(change.guid),
                kind: Some(change.kind),
                state: Some(change.state.into()),
                progress: Some(change.progress.into()),
                detail: change.detail,
            },
            Watched::Missed => Self { id: None, kind: None, state: None, progress: None, detail: None },
        }
    }
}

/// `/comptoir/v1/tasks`, `/comptoir/v1/events`.
pub struct TasksApi(pub TasksService);

#[OpenApi(tag = "HouseTags::Tasks")]
impl TasksApi {
    /// List the tasks
    ///
    /// Newest first. An ADMIN sees the company's, others their own.
    #[oai(path = "/comptoir/v1/tasks", method = "get", operation_id = "list_tasks")]
    async fn list_tasks(
        &self,
        caller: Caller,
        /// Only of this kind.
        kind: Query<Option<String>>,
        /// Only in this state.
        state: Query<Option<TaskState>>,
        /// Only those this user asked for.
        username: Query<Option<String>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<TaskPage>> {
        let limit = limit.0.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let token = PageToken::parse(LIST, page_token.0.as_deref())?;
        let after = match token.after() {
            "" => None,
            key => Some(key.parse().map_err(|_| Failure::invalid_field("page_token", "is not one of this list"))?),
        };
        let filter = TaskFilter { kind: kind.0, state: state.0.map(State::from), username: username.0 };
        let rows = self.0.list_tasks(&caller, filter, after, limit + 1)?;
        let (items, next) = paging::page(rows, limit, |last| PageToken::new(LIST, last.id.to_string()));
        Ok(Json(TaskPage { items: items.into_iter().map(TaskView::from).collect(), next_page_token: next }))
    }

    /// Read a task
    #[oai(path = "/comptoir/v1/tasks/:id", method = "get", operation_id = "read_task")]
    async fn read_task(
        &self,
        caller: Caller,
        /// The task's id.
        id: Path<Uuid>,
    ) -> Answer<Json<TaskView>> {
        Ok(Json(self.0.read_task(&caller, id.0)?.into()))
    }

    /// Cancel a task
    ///
    /// One that waits ends at once; one that runs is told to stop, and what it has not committed by then it will not.
    /// One that has ended cannot be canceled: 409.
    #[oai(path = "/comptoir/v1/tasks/:id/cancel", method = "post", operation_id = "cancel_task")]
    async fn cancel_task(
        &self,
        caller: Caller,
        /// The task's id.
        id: Path<Uuid>,
    ) -> Answer<Json<TaskView>> {
        Ok(Json(self.0.cancel_task(caller.principal(), id.0).await?.into()))
    }

    /// Try a task again
    ///
    /// One that failed or was canceled, with all its attempts; any other: 409.
    #[oai(path = "/comptoir/v1/tasks/:id/retry", method = "post", operation_id = "retry_task")]
    async fn retry_task(
        &self,
        caller: Caller,
        /// The task's id.
        id: Path<Uuid>,
    ) -> Answer<Json<TaskView>> {
        Ok(Json(self.0.retry_task(caller.principal(), id.0).await?.into()))
    }

    /// Watch the tasks
    ///
    /// Server-sent events, one for each change of a task from now on. An ADMIN sees the company's, others their own. The
    /// stream ends when the caller's credential does, and when the server stops.
    #[oai(path = "/comptoir/v1/events", method = "get", operation_id = "watch_tasks")]
    async fn watch_tasks(&self, caller: Caller) -> Answer<EventStream<BoxStream<'static, TaskEvent>>> {
        use futures_util::StreamExt;
        let changes = self.0.watch_tasks(caller.principal()).map(TaskEvent::from).boxed();
        Ok(EventStream::new(changes).keep_alive(KEEP_ALIVE))
    }
}
