//! What people do with imports. A task of the queue does the work; here it is asked for, confirmed, canceled, removed and
//! shown.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use super::{NomenclatureError, NomenclatureService, What, keep};
use crate::auth::model::{CompanyId, Principal, SharedPrincipal};
use crate::clock::Timestamp;
use crate::i18n::Language;
use crate::nomenclature::model::{Counts, Import, NewImport, Plan, Status, Strategy};
use crate::nomenclature::problems::{Code, Problem, Severity};
use crate::nomenclature::sql;
use crate::nomenclature::words::{self, Why};
use crate::store::{Conn, StoreError, WriteTx};
use crate::tasks::{Kind, NewTask, Queue, State, Task, TaskChange, TaskError, get};

/// So many findings are listed; the rest are counted.
pub const LISTED: usize = 1_000;

/// How often a silent stream looks whether its caller still stands.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The task that does an import.
pub const IMPORT: Kind<Order> = Kind::new("nomenclature_import");

/// The task that removes what is no longer kept.
pub const SWEEP: Kind<()> = Kind::new("nomenclature_sweep").attempts(3);

/// What a task is about.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Order {
    /// The import's public id.
    pub import: Uuid,
}

/// An import as it is shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The import.
    pub import: Import,
    /// What it would do, or did.
    pub plan: Option<Plan>,
    /// The first findings of the plan.
    pub problems: Vec<Problem>,
    /// How far it is, in per cent.
    pub progress: u8,
}

impl Shown {
    /// What the import would do, or did, or why it ended.
    #[must_use]
    pub fn summary(&self, language: Language) -> Vec<(Severity, String)> {
        let mut said = Vec::new();
        if let Some(failure) = &self.import.failure {
            said.push((failure.code.severity(), words::resolution(language, "", failure)));
        }
        let Some(plan) = &self.plan else { return said };
        let (counts, status) = (&plan.counts, self.import.status);
        if self.import.replanned && status == Status::WaitingForFeedback {
            said.push((Severity::Warning, words::replanned(language)));
        }
        said.extend(words::summary(language, counts, status == Status::Completed));
        if counts.is_drastic() && status == Status::WaitingForFeedback {
            said.push((Severity::Warning, words::drastic(language, counts)));
        }
        said
    }

    /// What was found about its rows: the first thousand findings, and how many more there are.
    #[must_use]
    pub fn findings(&self, language: Language) -> Vec<(Severity, String)> {
        let Some(plan) = &self.plan else { return Vec::new() };
        let said = |problem: &Problem| (problem.code.severity(), words::resolution(language, &plan.sheet, problem));
        let mut findings: Vec<_> = self.problems.iter().map(said).collect();
        let counts = &plan.counts;
        let more = counts.infos + counts.warnings + counts.errors - i64::try_from(LISTED).unwrap_or(i64::MAX);
        if more > 0 {
            findings.push((Severity::Information, words::more(language, more)));
        }
        findings
    }
}

/// How far an import is.
fn progress(conn: &Conn, import: &Import) -> Result<u8, StoreError> {
    match import.status {
        Status::Completed => Ok(100),
        Status::InQueue => Ok(0),
        Status::InProgress | Status::WaitingForFeedback | Status::Canceled => {
            match get(conn, import.company, import.task) {
                Ok(task) => Ok(task.progress),
                Err(TaskError::Store(error)) => Err(error),
                // Retention has taken the task.
                Err(_) => Ok(0),
            }
        }
    }
}

/// An import with what a list of this detail shows of it.
pub(super) fn shown(conn: &Conn, import: Import, full: bool) -> Result<Shown, StoreError> {
    let progress = progress(conn, &import)?;
    let plan = if full { import.plan.map(|plan| sql::plans::get(conn, plan)).transpose()?.flatten() } else { None };
    let problems = match &plan {
        Some(plan) => sql::problems::first(conn, plan.id, LISTED)?,
        None => Vec::new(),
    };
    Ok(Shown { import, plan, problems, progress })
}

/// The caller's own import, unless it was removed.
pub(super) fn own(conn: &Conn, caller: &Principal, id: Uuid) -> Result<Import, NomenclatureError> {
    sql::imports::find(conn, caller.company_id, id)?
        .filter(|import| import.user == caller.user_id && import.deleted_at.is_none())
        .ok_or_else(|| NomenclatureError::not_found(What::Import, id))
}

/// Has what is no longer kept removed soon.
pub(super) fn ask_to_sweep(tx: &WriteTx<'_>, queue: &Queue) -> Result<(), TaskError> {
    let sweep = NewTask::new(SWEEP, ()).dedupe(crate::tasks::Dedupe::Join("sweep".to_owned()));
    queue.enqueue(tx, &sweep)?;
    Ok(())
}

/// Notes that a task has ended without what it was for: nothing was changed.
pub fn task_ended(tx: &WriteTx<'_>, queue: &Queue, task: &Task, now: Timestamp) -> Result<(), StoreError> {
    let Some(mut import) = sql::imports::of_task(tx, task.guid)? else { return Ok(()) };
    if !import.status.is_ended() {
        import.status = Status::Canceled;
        import.updated_at = now;
        if task.state == State::Failed {
            import.failure = Some(Problem::of_file(Code::ServerFailed));
        }
        keep(tx, &import)?;
    }
    if import.status == Status::Canceled {
        ask_to_sweep(tx, queue).map_err(|error| match error {
            TaskError::Store(error) => error,
            other => StoreError::Io(other.to_string()),
        })?;
    }
    Ok(())
}

impl NomenclatureService {
    /// `POST …:new.xlsx`: takes a workbook in, to be read in the background.
    pub async fn create(
        &self,
        caller: SharedPrincipal,
        new: NewImport,
        name: String,
        body: impl Stream<Item = io::Result<Bytes>> + Unpin,
    ) -> Result<Shown, NomenclatureError> {
        if new.strategy == Strategy::Full && !new.attributes.any() {
            return Err(NomenclatureError::Refused("import_strategy", Why::NothingToMatchBy));
        }
        let draft = self.receive(caller.company_id, name, body).await?;
        let (queue, now, upload, owner) = (self.queue.clone(), self.clock.now(), draft.id(), caller.clone());
        let guid = Uuid::new_v4();
        let created = self
            .auth
            .write_as(caller, move |tx| {
                if !sql::uploads::publish(tx, upload, now)? {
                    return Err(NomenclatureError::GivenUp);
                }
                let task = NewTask::new(IMPORT, Order { import: guid }).of(owner.company_id).by(owner.user_id);
                let task = queue.enqueue(tx, &task)?.task;
                let whose = (owner.company_id, owner.user_id);
                sql::imports::insert(tx, whose, (guid, task.guid), upload, &new, now)?;
                let import = own(tx, &owner, guid)?;
                sql::states::note(tx, &import)?;
                Ok(shown(tx, import, true)?)
            })
            .await?;
        draft.keep();
        Ok(created)
    }

    /// `GET …/{guid}`: one of the caller's imports.
    pub fn import(&self, caller: &Principal, id: Uuid) -> Result<Shown, NomenclatureError> {
        self.store.read(|conn| Ok(shown(conn, own(conn, caller, id)?, true)?))
    }

    /// `POST …/{guid}/confirm`: what was shown is to be applied. Of several at once one wins.
    pub async fn confirm(
        &self,
        caller: SharedPrincipal,
        id: Uuid,
        allow_archive: bool,
    ) -> Result<Shown, NomenclatureError> {
        let (queue, now, owner) = (self.queue.clone(), self.clock.now(), caller.clone());
        self.auth
            .write_as(caller, move |tx| {
                let mut import = own(tx, &owner, id)?;
                if import.status != Status::WaitingForFeedback {
                    return Err(NomenclatureError::Refused("guid", Why::State(import.status)));
                }
                let counts = counts(tx, &import)?;
                if counts.is_drastic() && !allow_archive {
                    return Err(NomenclatureError::Refused("allow_archive", Why::Drastic(counts)));
                }
                (import.is_confirmed, import.status, import.updated_at) = (true, Status::InProgress, now);
                keep(tx, &import)?;
                queue.resume(tx, import.company, import.task, &json!({"allow_archive": allow_archive}))?;
                Ok(shown(tx, import, true)?)
            })
            .await
    }

    /// `POST …/{guid}/cancel`: nothing is changed, unless the import is completed already.
    pub async fn cancel(&self, caller: SharedPrincipal, id: Uuid) -> Result<Shown, NomenclatureError> {
        let (queue, now, owner) = (self.queue.clone(), self.clock.now(), caller.clone());
        self.auth
            .write_as(caller, move |tx| {
                let mut import = own(tx, &owner, id)?;
                if import.status.is_ended() {
                    return Err(NomenclatureError::Refused("guid", Why::State(import.status)));
                }
                (import.status, import.updated_at) = (Status::Canceled, now);
                keep(tx, &import)?;
                // From here on the task commits nothing more; what it has written is taken back.
                queue.cancel(tx, import.company, import.task)?;
                ask_to_sweep(tx, &queue)?;
                Ok(shown(tx, import, true)?)
            })
            .await
    }

    /// `DELETE …/{guid}`: an ended import is shown no longer.
    pub async fn delete(&self, caller: SharedPrincipal, id: Uuid) -> Result<Shown, NomenclatureError> {
        let (queue, now, owner) = (self.queue.clone(), self.clock.now(), caller.clone());
        self.auth
            .write_as(caller, move |tx| {
                let mut import = own(tx, &owner, id)?;
                if !import.status.is_ended() {
                    return Err(NomenclatureError::Refused("guid", Why::NotEnded));
                }
                (import.deleted_at, import.updated_at) = (Some(now), now);
                keep(tx, &import)?;
                ask_to_sweep(tx, &queue)?;
                Ok(shown(tx, import, true)?)
            })
            .await
    }

    /// House: up to `limit` imports of the organisation, newest first, before the one with row key `before`.
    pub fn organization_imports(
        &self,
        caller: &Principal,
        before: i64,
        limit: usize,
    ) -> Result<Vec<(Shown, String)>, NomenclatureError> {
        self.store.read(|conn| {
            let found = sql::imports::list(conn, caller.company_id, before, limit)?;
            found.into_iter().map(|import| with_owner(conn, import)).collect()
        })
    }

    /// House: one import of the organisation.
    pub fn organization_import(&self, caller: &Principal, id: Uuid) -> Result<(Shown, String), NomenclatureError> {
        self.store.read(|conn| with_owner(conn, organizations(conn, caller.company_id, id)?))
    }

    /// How one of the caller's imports stands, now and at each change, until it has ended.
    pub fn watch(
        &self,
        caller: SharedPrincipal,
        id: Uuid,
    ) -> Result<impl Stream<Item = Shown> + Send + 'static, NomenclatureError> {
        let changes = self.queue.subscribe();
        let import = self.store.read(|conn| own(conn, &caller, id))?;
        let watch =
            Watch { service: self.clone(), changes, caller, import: import.guid, task: import.task, last: None };
        Ok(futures_util::stream::unfold(watch, async |mut watch| watch.next().await.map(|shown| (shown, watch))))
    }
}

/// One import of a company, whoever asked for it.
pub(in crate::nomenclature) fn organizations(
    conn: &Conn,
    company: CompanyId,
    id: Uuid,
) -> Result<Import, NomenclatureError> {
    sql::imports::find(conn, company, id)?.ok_or_else(|| NomenclatureError::not_found(What::Import, id))
}

fn with_owner(conn: &Conn, import: Import) -> Result<(Shown, String), NomenclatureError> {
    let owner = crate::auth::users::get(conn, import.user)?;
    let plan = import.plan.map(|plan| sql::plans::get(conn, plan)).transpose()?.flatten();
    let shown = Shown { plan, ..shown(conn, import, false)? };
    Ok((shown, owner.username.as_str().to_owned()))
}

/// How much of what the plan of an import does.
pub(super) fn counts(conn: &Conn, import: &Import) -> Result<Counts, StoreError> {
    let plan = import.plan.map(|plan| sql::plans::get(conn, plan)).transpose()?.flatten();
    Ok(plan.map_or_else(Counts::default, |plan| plan.counts))
}

/// One stream of changes of an import.
struct Watch {
    service: NomenclatureService,
    changes: broadcast::Receiver<TaskChange>,
    caller: SharedPrincipal,
    import: Uuid,
    task: Uuid,
    /// What was told last.
    last: Option<(Status, u8)>,
}

impl Watch {
    async fn next(&mut self) -> Option<Shown> {
        loop {
            if self.last.is_some_and(|(status, _)| status.is_ended()) {
                return None;
            }
            if self.last.is_some() {
                self.changed().await?;
            }
            if !self.service.auth.stands(&self.caller).unwrap_or(false) {
                return None;
            }
            let shown = self.service.import(&self.caller, self.import).ok()?;
            let told = (shown.import.status, shown.progress);
            if self.last.replace(told) != Some(told) {
                return Some(shown);
            }
        }
    }

    /// Waits until there may be something new; `None`: there will not be.
    async fn changed(&mut self) -> Option<()> {
        loop {
            tokio::select! {
                () = self.service.stopping.cancelled() => return None,
                change = self.changes.recv() => match change {
                    Ok(change) if change.guid == self.task => return Some(()),
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return Some(()),
                    Err(RecvError::Closed) => return None,
                },
                // A command beside the server may have changed it.
                () = tokio::time::sleep(LOOK_EVERY) => return Some(()),
            }
        }
    }
}
