//! Backups on the wire, and outgoing work that a restore has held: the operator's alone.
//!
//! Must not know: SQL, any domain.

use poem::http::HeaderMap;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::tasks::TaskView;
use super::{Answer, HouseTags};
use crate::backups::{Backup, BackupError, Drill};
use crate::house::backups::{BackupService, Outgoing};
use crate::http::download::Download;
use crate::http::idempotency;
use crate::http::paging::{self, PageToken};
use crate::http::wire::Instant;
use crate::http::{Caller, Failure};

/// The name page tokens of this list carry.
const LIST: &str = "backups";

/// A backup that was read back after it was taken.
#[derive(Debug, Object)]
#[oai(rename = "Backup")]
pub struct BackupView {
    /// Its name.
    #[oai(validator(max_length = 80))]
    pub name: String,
    /// When it was taken, to the second.
    pub taken_at: Instant,
    /// Its size in bytes.
    #[oai(validator(minimum(value = "0")))]
    pub bytes: i64,
    /// Whether all that was looked at was well. If not, rows of the database contradict each other, as `comptoir check`
    /// tells; such a backup counts for nothing and goes when there is a good one.
    pub good: bool,
}

impl From<Backup> for BackupView {
    fn from(backup: Backup) -> Self {
        Self {
            taken_at: Instant::utc(backup.name.at().into()),
            bytes: i64::try_from(backup.bytes).unwrap_or(i64::MAX),
            good: backup.name.is_good(),
            name: backup.name.to_string(),
        }
    }
}

/// How the last restore drill ended: the newest backup, restored to a place of its own and looked over.
#[derive(Debug, Object)]
pub struct RestoreDrill {
    /// When it began.
    pub at: Instant,
    /// The backup; null if there was none.
    #[oai(nullable)]
    pub backup: Option<String>,
    /// How long it took, in milliseconds.
    #[oai(validator(minimum(value = "0")))]
    pub took_ms: i64,
    /// Whether the backup can be relied on.
    pub succeeded: bool,
    /// What was wrong.
    #[oai(validator(max_items = 10))]
    pub findings: Vec<String>,
}

impl From<Drill> for RestoreDrill {
    fn from(drill: Drill) -> Self {
        Self {
            at: Instant::utc(drill.began()),
            took_ms: i64::try_from(drill.took_millis).unwrap_or(i64::MAX),
            succeeded: drill.succeeded(),
            backup: drill.backup,
            findings: drill.findings,
        }
    }
}

/// A page of backups.
#[derive(Debug, Object)]
pub struct BackupPage {
    /// The backups, newest first.
    pub items: Vec<BackupView>,
    /// What to send as `page_token` for the next page; null on the last.
    #[oai(nullable)]
    pub next_page_token: Option<String>,
    /// How the last restore drill ended; null if there was none yet.
    #[oai(nullable)]
    pub last_drill: Option<RestoreDrill>,
}

/// Whether what goes to other people's servers goes on.
#[derive(Debug, Object)]
#[oai(rename = "Outgoing")]
pub struct OutgoingView {
    /// Whether it is held, as after a restore.
    pub held: bool,
    /// Since when.
    #[oai(nullable)]
    pub held_since: Option<Instant>,
    /// What waits for its time, or for being released, by kind of task.
    #[oai(validator(max_items = 20))]
    pub waiting: Vec<WaitingView>,
}

/// Tasks of one kind that wait.
#[derive(Debug, Object)]
#[oai(rename = "WaitingTasks")]
pub struct WaitingView {
    /// What kind of work it is.
    #[oai(validator(max_length = 100))]
    pub kind: String,
    /// How many they are.
    #[oai(validator(minimum(value = "0")))]
    pub tasks: i64,
}

impl From<Outgoing> for OutgoingView {
    fn from(outgoing: Outgoing) -> Self {
        let waiting = outgoing.waiting.into_iter().map(|(kind, tasks)| WaitingView { kind, tasks });
        Self {
            held: outgoing.held_since.is_some(),
            held_since: outgoing.held_since.map(Instant::utc),
            waiting: waiting.collect(),
        }
    }
}

/// `/comptoir/v1/backups`, `/comptoir/v1/outgoing`.
pub struct BackupsApi(pub BackupService);

#[OpenApi(tag = "HouseTags::Backups")]
impl BackupsApi {
    /// List the backups
    #[oai(path = "/comptoir/v1/backups", method = "get", operation_id = "list_backups")]
    async fn list_backups(
        &self,
        _caller: Caller,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<BackupPage>> {
        let limit = limit.0.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let token = PageToken::parse(LIST, page_token.0.as_deref())?;
        let kept = self.0.list().await?;
        // Newest first: what comes after a page was taken before its last one, or has the smaller name.
        let views = kept.backups.into_iter().map(BackupView::from);
        let rest = views.skip_while(|view| !token.after().is_empty() && view.name.as_str() != token.after());
        let rows = rest.skip(usize::from(!token.after().is_empty())).take(limit + 1).collect();
        let (items, next) = paging::page(rows, limit, |last: &BackupView| PageToken::new(LIST, last.name.clone()));
        Ok(Json(BackupPage { items, next_page_token: next, last_drill: kept.last_drill.map(RestoreDrill::from) }))
    }

    /// Take a backup
    ///
    /// In the background, beside everything else: a copy of the database as it is at one instant, read back before it
    /// counts. The answer is the task; its `result` names the backup once it is done. Superfluous ones go then.
    #[oai(path = "/comptoir/v1/backups", method = "post", operation_id = "create_backup")]
    async fn create_backup(
        &self,
        caller: Caller,
        /// Makes a repeated request harmless for a day.
        #[oai(name = "Idempotency-Key")]
        _idempotency_key: Header<Option<String>>,
        headers: &HeaderMap,
    ) -> Answer<Json<TaskView>> {
        let key = idempotency(&caller, "create_backup", headers, &serde_json::Value::Null)?;
        Ok(Json(self.0.create(caller.principal(), key).await?.into()))
    }

    /// Read a backup
    #[oai(path = "/comptoir/v1/backups/:name", method = "get", operation_id = "read_backup")]
    async fn read_backup(
        &self,
        _caller: Caller,
        /// The backup's name.
        name: Path<String>,
    ) -> Answer<Json<BackupView>> {
        Ok(Json(self.0.read(name.0).await?.into()))
    }

    /// Download a backup
    ///
    /// A SQLite file with everything in it, secrets and password hashes too: keep it as you keep those. `comptoir
    /// restore` puts it in the place of a database.
    #[oai(path = "/comptoir/v1/backups/:name/file", method = "get", operation_id = "download_backup")]
    async fn download_backup(
        &self,
        _caller: Caller,
        /// The backup's name.
        name: Path<String>,
    ) -> Answer<Download> {
        let (backup, file) = self.0.open(name.0).await?;
        Ok(Download::of_file(&backup.name.file(), file).map_err(Failure::internal)?)
    }

    /// Delete a backup
    #[oai(path = "/comptoir/v1/backups/:name", method = "delete", operation_id = "delete_backup")]
    async fn delete_backup(
        &self,
        caller: Caller,
        /// The backup's name.
        name: Path<String>,
    ) -> Answer<()> {
        Ok(self.0.delete(caller.principal(), name.0).await?)
    }

    /// Is outgoing work held
    ///
    /// After a restore what goes to other people's servers waits until somebody releases it: deliveries that were on their
    /// way when the backup was taken have long been made, and reminders been sent.
    #[oai(path = "/comptoir/v1/outgoing", method = "get", operation_id = "read_outgoing")]
    async fn read_outgoing(&self, _caller: Caller) -> Answer<Json<OutgoingView>> {
        Ok(Json(self.0.outgoing()?.into()))
    }

    /// Release outgoing work
    ///
    /// What is due goes out within a second; reminders that are too late by now are skipped. Asking again changes nothing.
    #[oai(path = "/comptoir/v1/outgoing/release", method = "post", operation_id = "release_outgoing")]
    async fn release_outgoing(&self, caller: Caller) -> Answer<Json<OutgoingView>> {
        Ok(Json(self.0.release(caller.principal()).await?.into()))
    }
}

/// A failure of the folder, on the wire.
pub fn failure(error: BackupError) -> Failure {
    match error {
        BackupError::NotFound(name) => Failure::not_found("backup", name),
        BackupError::Store(error) => error.into(),
        BackupError::Auth(error) => error.into(),
        other => Failure::internal(other),
    }
}
