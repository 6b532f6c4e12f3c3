//! The use cases of the house API on background tasks.
//!
//! Must not know: HTTP, the wire types, any domain. An ADMIN reaches the tasks of its company, others those they asked
//! for; what is out of reach is not there.

use std::time::Duration;

use futures_util::Stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::auth::model::{Principal, Role, SharedPrincipal};
use crate::auth::{Auth, AuthError, users};
use crate::house::service::HouseError;
use crate::store::{Conn, Store};
use crate::tasks::{self, Filter, Queue, State, Task, TaskChange};

/// How often a silent stream looks whether its caller still stands.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Which tasks to list.
#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    /// Of this kind.
    pub kind: Option<String>,
    /// In this state.
    pub state: Option<State>,
    /// Asked for by this user.
    pub username: Option<String>,
}

/// What a stream of changes says.
#[derive(Debug, Clone)]
pub enum Watched {
    /// A task changed.
    Change(TaskChange),
    /// Changes came faster than they were read, and some are lost.
    Missed,
}

/// The use cases over one queue.
#[derive(Clone)]
pub struct TasksService {
    auth: Auth,
    store: Store,
    queue: Queue,
    stopping: CancellationToken,
}

impl TasksService {
    /// The tasks of this installation. Streams end when `stopping` is cancelled.
    #[must_use]
    pub fn new(auth: Auth, queue: Queue, stopping: CancellationToken) -> Self {
        let store = auth.store().clone();
        Self { auth, store, queue, stopping }
    }

    /// Up to `limit` tasks, newest first, after the one with row key `after`.
    pub fn list_tasks(
        &self,
        caller: &Principal,
        filter: TaskFilter,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Task>, HouseError> {
        self.store.read(|conn| {
            let owner = match &filter.username {
                Some(name) => {
                    let user = users::find(conn, caller.scope(), name)?;
                    let reached = user.company_id == caller.company_id
                        && (caller.roles.has(Role::Admin) || user.id == caller.user_id);
                    if !reached {
                        return Err(AuthError::NotFound { what: "user", key: name.clone() }.into());
                    }
                    Some(user.id)
                }
                None if caller.roles.has(Role::Admin) => None,
                None => Some(caller.user_id),
            };
            let filter = Filter { kind: filter.kind.clone(), state: filter.state, owner };
            Ok(tasks::list(conn, caller.company_id, &filter, after, limit)?)
        })
    }

    /// One task in the caller's reach.
    pub fn read_task(&self, caller: &Principal, id: Uuid) -> Result<Task, HouseError> {
        self.store.read(|conn| reached(conn, caller, id))
    }

    /// Cancels a task.
    pub async fn cancel_task(&self, caller: SharedPrincipal, id: Uuid) -> Result<Task, HouseError> {
        let (queue, acting) = (self.queue.clone(), SharedPrincipal::clone(&caller));
        self.auth
            .write_as(acting, move |tx| {
                reached(tx, &caller, id)?;
                Ok(queue.cancel(tx, caller.company_id, id)?)
            })
            .await
    }

    /// Tries a task again that failed or was canceled.
    pub async fn retry_task(&self, caller: SharedPrincipal, id: Uuid) -> Result<Task, HouseError> {
        let (queue, acting) = (self.queue.clone(), SharedPrincipal::clone(&caller));
        self.auth
            .write_as(acting, move |tx| {
                reached(tx, &caller, id)?;
                Ok(queue.retry(tx, caller.company_id, id)?)
            })
            .await
    }

    /// The changes of the tasks in the caller's reach, from now on, for as long as the caller stands.
    pub fn watch_tasks(&self, caller: SharedPrincipal) -> impl Stream<Item = Watched> + Send + 'static {
        let watch = Watch { service: self.clone(), changes: self.queue.subscribe(), caller };
        futures_util::stream::unfold(watch, async |mut watch| watch.next().await.map(|item| (item, watch)))
    }
}

/// One stream of changes.
struct Watch {
    service: TasksService,
    changes: broadcast::Receiver<TaskChange>,
    caller: SharedPrincipal,
}

impl Watch {
    async fn next(&mut self) -> Option<Watched> {
        loop {
            let received = tokio::select! {
                () = self.service.stopping.cancelled() => return None,
                received = self.changes.recv() => Some(received),
                () = tokio::time::sleep(LOOK_EVERY) => None,
            };
            if !self.service.auth.stands(&self.caller).unwrap_or(false) {
                return None;
            }
            match received {
                Some(Ok(change)) if self.reaches(&change) => return Some(Watched::Change(change)),
                Some(Ok(_)) | None => {}
                Some(Err(RecvError::Lagged(_))) => return Some(Watched::Missed),
                Some(Err(RecvError::Closed)) => return None,
            }
        }
    }

    fn reaches(&self, change: &TaskChange) -> bool {
        change.company == Some(self.caller.company_id)
            && (self.caller.roles.has(Role::Admin) || change.owner == Some(self.caller.user_id))
    }
}

/// One task in the caller's reach.
fn reached(conn: &Conn, caller: &Principal, id: Uuid) -> Result<Task, HouseError> {
    let task = tasks::get(conn, caller.company_id, id)?;
    if caller.roles.has(Role::Admin) || task.owner == Some(caller.user_id) {
        return Ok(task);
    }
    Err(tasks::TaskError::NotFound(id).into())
}
