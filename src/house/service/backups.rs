//! The use cases of the house API on backups and on outgoing work that is held.
//!
//! Must not know: HTTP, the wire types, the statements, any domain.

use std::fs::File;

use crate::auth::Auth;
use crate::auth::idempotency::{IdempotencyKey, Once, once};
use crate::auth::model::SharedPrincipal;
use crate::backups::{Backup, BackupError, Backups, Drill, last_drill, tasks};
use crate::clock::Timestamp;
use crate::house::HouseError;
use crate::store::{self, Conn, Store, StoreError};
use crate::tasks::{self as queue, NewTask, Queue, Task};

/// What the folder of backups has.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The backups, newest first.
    pub backups: Vec<Backup>,
    /// How the last restore drill ended.
    pub last_drill: Option<Drill>,
}

/// Whether work that tells people outside of something goes on, and how much of it waits.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Since when it is held; `None`: it goes on.
    pub held_since: Option<Timestamp>,
    /// How many tasks of each kind wait for their time, or for being released.
    pub waiting: Vec<(String, i64)>,
}

/// The use cases over one folder and one queue.
#[derive(Clone)]
pub struct BackupService {
    auth: Auth,
    store: Store,
    queue: Queue,
    backups: Backups,
    outgoing: &'static [&'static str],
}

impl BackupService {
    /// The backups of this installation; `outgoing` are the kinds of task that are held after a restore.
    #[must_use]
    pub fn new(auth: Auth, queue: Queue, backups: Backups, outgoing: &'static [&'static str]) -> Self {
        let store = auth.store().clone();
        Self { auth, store, queue, backups, outgoing }
    }

    /// Has a backup taken.
    pub async fn create(
        &self,
        caller: SharedPrincipal,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Task, HouseError> {
        let (queue, now, acting) = (self.queue.clone(), self.auth.clock().now(), SharedPrincipal::clone(&caller));
        self.auth
            .write_as(acting, move |tx| {
                let company = caller.company_id;
                let made = once(tx, idempotency.as_ref(), now, |tx| {
                    let task = NewTask::new(tasks::TAKE, ()).of(company).by(caller.user_id);
                    Ok::<_, HouseError>(queue.enqueue(tx, &task)?.task.guid)
                })?;
                let (Once::Now(id) | Once::Before(id)) = made;
                Ok(queue::get(tx, company, id)?)
            })
            .await
    }

    /// What there is, newest first.
    pub async fn list(&self) -> Result<Kept, HouseError> {
        let last_drill = self.store.read(|conn| last_drill(conn))?;
        let backups = self.blocking(Backups::list).await?;
        Ok(Kept { backups, last_drill })
    }

    /// One backup.
    pub async fn read(&self, name: String) -> Result<Backup, HouseError> {
        self.blocking(move |backups| backups.find(&name)).await
    }

    /// One backup, to be read.
    pub async fn open(&self, name: String) -> Result<(Backup, File), HouseError> {
        self.blocking(move |backups| {
            let backup = backups.find(&name)?;
            let file = backups.open(&backup)?;
            Ok((backup, file))
        })
        .await
    }

    /// Deletes a backup. It is recorded first: a file does not come back with a transaction that fails.
    pub async fn delete(&self, caller: SharedPrincipal, name: String) -> Result<(), HouseError> {
        let backup = self.read(name).await?;
        self.auth.write_as(caller, |_| Ok::<_, HouseError>(())).await?;
        self.blocking(move |backups| backups.delete(&backup.name)).await
    }

    /// Whether outgoing work is held.
    pub fn outgoing(&self) -> Result<Outgoing, HouseError> {
        Ok(self.store.read(|conn| outgoing(conn, self.outgoing))?)
    }

    /// Lets go what is held.
    pub async fn release(&self, caller: SharedPrincipal) -> Result<Outgoing, HouseError> {
        let kinds = self.outgoing;
        self.auth
            .write_as(caller, move |tx| {
                store::release(tx)?;
                Ok(outgoing(tx, kinds)?)
            })
            .await
    }

    /// Runs what reads the folder where it holds up nobody.
    async fn blocking<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Backups) -> Result<T, BackupError> + Send + 'static,
    ) -> Result<T, HouseError> {
        let backups = self.backups.clone();
        let done = tokio::task::spawn_blocking(move || f(&backups)).await;
        Ok(done.map_err(|error| StoreError::Panicked(error.to_string()))??)
    }
}

/// Whether outgoing work is held, and what of `kinds` waits.
pub fn outgoing(conn: &Conn, kinds: &[&str]) -> Result<Outgoing, StoreError> {
    let held_since = store::held(conn)?.map(|held| held.since);
    let waiting = queue::waiting(conn)?.into_iter().filter(|waiting| kinds.contains(&waiting.kind.as_str()));
    Ok(Outgoing { held_since, waiting: waiting.map(|waiting| (waiting.kind, waiting.count)).collect() })
}
