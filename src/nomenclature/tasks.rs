//! The tasks of the nomenclature: doing an import, undoing one, and removing what is no longer kept.
//!
//! Must not know: other domains. An import is one task from the upload to its end: it waits for feedback in between, and
//! what it has come to stands in the import's row, so that an attempt after a kill goes on from there. Nothing is done
//! twice: a plan is written under a version nobody reads, and the switch to it and the end of the task are one commit.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::clock::Clock;
use crate::config::NomenclatureConfig;
use crate::i18n::Language;
use crate::nomenclature::model::{Import, Plan, Status, Undo};
use crate::nomenclature::problems::Problem;
use crate::nomenclature::service::applying::{self, Written};
use crate::nomenclature::service::imports::{self, IMPORT, Order, SWEEP};
use crate::nomenclature::service::planning::{self, Halt};
use crate::nomenclature::service::undoing::{self, UNDO, UndoOrder};
use crate::nomenclature::service::{NomenclatureError, keep, sweeping};
use crate::nomenclature::{sql, words};
use crate::sheets::Reader;
use crate::store::{StoreError, WriteTx};
use crate::tasks::{Interrupted, KindOptions, OnEnd, Outcome, Queue, Registry, Schedule, State, Task, TaskContext};

/// How many imports are done at once: each of them keeps two cores busy.
const CONCURRENCY: usize = 2;

/// The longest an attempt may take.
const LONGEST: Duration = Duration::from_mins(30);

/// How long an import waits for another one's turn at the same catalogue.
const BUSY: Duration = Duration::from_secs(1);

/// How often it is looked for what is no longer kept.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// How often undoing begins anew because the catalogue has changed meanwhile.
const TRIES: usize = 5;

/// Says how the tasks of the nomenclature are run, and when.
pub fn register(registry: &mut Registry, reader: &Reader, options: NomenclatureConfig) {
    let kind = KindOptions { concurrency: CONCURRENCY, timeout: LONGEST, ..KindOptions::default() };
    let reader = reader.clone();
    registry.register(IMPORT, kind, move |context, order| import(context, reader.clone(), order));
    registry.register(UNDO, kind, undo);
    let alone = KindOptions { concurrency: 1, ..KindOptions::default() };
    registry.register(SWEEP, alone, move |context, ()| sweep(context, options.kept_for));
    registry.every("nomenclature_sweep", Schedule::Every(SWEEP_EVERY), SWEEP, ());
}

/// Sees to it that an import ends with its task, whoever ends that.
#[derive(Debug, Clone)]
pub struct ImportEnded(Clock);

impl ImportEnded {
    /// As a hook of the queue.
    #[must_use]
    pub fn hook(clock: &Clock) -> Arc<dyn OnEnd> {
        Arc::new(Self(clock.clone()))
    }
}

impl OnEnd for ImportEnded {
    fn task_ended(&self, tx: &WriteTx<'_>, queue: &Queue, task: &Task) -> Result<(), StoreError> {
        if task.kind == IMPORT.name() {
            return imports::task_ended(tx, queue, task, self.0.now());
        }
        if task.kind == UNDO.name() && task.state != State::Done {
            return undoing::task_ended(tx, queue, task);
        }
        Ok(())
    }
}

async fn import(context: TaskContext, reader: Reader, order: Order) -> Outcome {
    match go_on(&context, &reader, order).await {
        Ok(outcome) => outcome,
        Err(Halt::Unreadable(problem)) => refuse(&context, order, *problem).await,
        Err(Halt::Interrupted(interrupted)) => ended(interrupted),
    }
}

/// What an attempt that was cut off says; the cause is for the log.
fn ended(interrupted: Interrupted<NomenclatureError>) -> Outcome {
    if let Interrupted::Effect(error) = &interrupted {
        tracing::error!(%error, "an attempt at the nomenclature failed");
        return Outcome::retry("The import could not go on; the server's log says why.");
    }
    interrupted.into()
}

/// Takes an import as far as it goes: to the question, or to its end.
async fn go_on(context: &TaskContext, reader: &Reader, order: Order) -> Result<Outcome, Halt> {
    let mut import = begin(context, order).await?;
    if import.status.is_ended() {
        return Ok(Outcome::Canceled);
    }
    if !import.is_confirmed {
        let plan = planning::plan(context, reader, &import).await?;
        let counts = &plan.counts;
        let clean = counts.warnings == 0 && counts.errors == 0 && counts.archived == 0 && !counts.is_drastic();
        if !(import.asked.auto_confirm && clean) {
            return Ok(ask(context, import, plan, false).await?);
        }
        import = agree(context, import, plan).await?;
    }
    loop {
        let known = import.plan.map(|plan| context.store().read_one(|conn| sql::plans::get(conn, plan))).transpose()?;
        let Some(plan) = known.flatten() else {
            return Ok(Outcome::failed("What the import does is no longer known."));
        };
        match applying::write(context, import.company, &plan).await? {
            Written::Whole => return Ok(complete(context, import, plan).await?),
            Written::Busy => return Ok(Outcome::Snooze(BUSY)),
            Written::Stale => {}
        }
        // Goods have changed since: the same question is not asked twice, another one is. What nobody has agreed to on second
        // thoughts is another one, even if it would do the same.
        let fresh = planning::plan(context, reader, &import).await?;
        let newly_drastic = fresh.counts.is_drastic() && !plan.counts.is_drastic();
        if fresh.digest != plan.digest || newly_drastic {
            return Ok(ask(context, import, fresh, true).await?);
        }
        import = agree(context, import, fresh).await?;
    }
}

/// Marks the import as being done.
async fn begin(context: &TaskContext, order: Order) -> Result<Import, Halt> {
    let (company, now) = (context.company(), context.clock().now());
    let import = context
        .write(move |tx| {
            let company = company.ok_or(NomenclatureError::Contradicts("an import belongs to a company"))?;
            let mut import = imports::organizations(tx, company, order.import)?;
            if import.status == Status::InQueue {
                (import.status, import.updated_at) = (Status::InProgress, now);
                keep(tx, &import)?;
            }
            Ok::<_, NomenclatureError>(import)
        })
        .await?;
    if !import.is_confirmed {
        // Also tells whoever watches.
        context.progress(1, "reading");
    }
    Ok(import)
}

/// Ends the attempt with the question whether to do what the plan says.
async fn ask(
    context: &TaskContext,
    mut import: Import,
    plan: Plan,
    replanned: bool,
) -> Result<Outcome, Interrupted<NomenclatureError>> {
    (import.plan, import.replanned) = (Some(plan.id), replanned);
    (import.status, import.is_confirmed) = (Status::WaitingForFeedback, false);
    import.updated_at = context.clock().now();
    context.progress(planning::PLANNED, "waiting for feedback");
    context
        .finish(move |tx| {
            sql::plans::finish(tx, &plan)?;
            sql::plans::give_up_all_but(tx, import.id, [Some(plan.id), None])?;
            keep(tx, &import)?;
            Ok::<_, NomenclatureError>(Outcome::Feedback(figures(&import, &plan)))
        })
        .await
}

/// Takes a plan for confirmed: nothing is wrong with it and nobody wants to be asked, or it is the one that was.
async fn agree(
    context: &TaskContext,
    mut import: Import,
    plan: Plan,
) -> Result<Import, Interrupted<NomenclatureError>> {
    let newly = !import.is_confirmed;
    (import.plan, import.is_confirmed) = (Some(plan.id), true);
    if newly {
        import.updated_at = context.clock().now();
    }
    context
        .write(move |tx| {
            sql::plans::finish(tx, &plan)?;
            sql::plans::give_up_all_but(tx, import.id, [Some(plan.id), None])?;
            if newly {
                keep(tx, &import)?;
            } else {
                sql::imports::save(tx, &import)?;
            }
            Ok::<_, NomenclatureError>(import.clone())
        })
        .await
}

/// Ends the import: what was written is the catalogue.
async fn complete(
    context: &TaskContext,
    mut import: Import,
    plan: Plan,
) -> Result<Outcome, Interrupted<NomenclatureError>> {
    (import.status, import.updated_at) = (Status::Completed, context.clock().now());
    context
        .finish(move |tx| {
            let version = applying::switch_over(tx, import.company, &plan)?;
            let import = Import { applied_version: version, ..import.clone() };
            // The catalogue waits for this plan alone, so only a bug could be in the way.
            version.ok_or(NomenclatureError::Contradicts("the catalogue is no longer waiting for this plan"))?;
            keep(tx, &import)?;
            Ok::<_, NomenclatureError>(Outcome::Done(figures(&import, &plan)))
        })
        .await
}

/// Ends an import whose file cannot be read.
async fn refuse(context: &TaskContext, order: Order, problem: Problem) -> Outcome {
    let (company, now) = (context.company(), context.clock().now());
    let refused = context
        .finish(move |tx| {
            let company = company.ok_or(NomenclatureError::Contradicts("an import belongs to a company"))?;
            let mut import = imports::organizations(tx, company, order.import)?;
            (import.status, import.updated_at) = (Status::Canceled, now);
            import.failure = Some(problem.clone());
            // The plan that was being made.
            sql::plans::give_up_all_but(tx, import.id, [None, None])?;
            keep(tx, &import)?;
            Ok::<_, NomenclatureError>(Outcome::Failed { error: words::resolution(Language::En, "", &problem) })
        })
        .await;
    refused.unwrap_or_else(ended)
}

/// What a task shows of its import.
fn figures(import: &Import, plan: &Plan) -> serde_json::Value {
    let counts = &plan.counts;
    json!({
        "import": import.guid,
        "created": counts.created,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "archived": counts.archived,
        "refused": counts.refused,
    })
}

async fn undo(context: TaskContext, order: UndoOrder) -> Outcome {
    undo_now(&context, order).await.unwrap_or_else(ended)
}

async fn undo_now(context: &TaskContext, order: UndoOrder) -> Result<Outcome, Interrupted<NomenclatureError>> {
    let effect = |error: StoreError| Interrupted::Effect(NomenclatureError::from(error));
    let Some(company) = context.company() else { return Ok(Outcome::failed("An import belongs to a company.")) };
    for _ in 0..TRIES {
        let read = context.store().read(|conn| {
            let import = imports::organizations(conn, company, order.import)?;
            // Cut off while it was written: that goes on.
            let pending = sql::catalogues::get(conn, company)?.pending.filter(|plan| Some(*plan) == import.undo_plan);
            let plan = pending.map(|plan| sql::plans::get(conn, plan)).transpose()?.flatten();
            Ok::<_, NomenclatureError>((import, plan))
        });
        let (mut import, pending) = read.map_err(Interrupted::Effect)?;
        if import.undo != Undo::Running {
            return Ok(Outcome::Canceled);
        }
        let plan = if let Some(plan) = pending {
            plan
        } else {
            let looked_at = import.clone();
            let undoing =
                context.store().read_long(move |conn| undoing::compute(conn, &looked_at)).await.map_err(effect)?;
            if !(undoing.conflicts.is_empty() || order.skip_conflicts) {
                return Ok(Outcome::failed("Goods were changed again meanwhile; nothing was undone."));
            }
            undoing::make(context, &import, undoing).await?
        };
        import.undo_plan = Some(plan.id);
        match applying::write(context, company, &plan).await? {
            Written::Stale => continue,
            Written::Busy => return Ok(Outcome::Snooze(BUSY)),
            Written::Whole => {}
        }
        (import.undo, import.undone_at) = (Undo::Done, Some(context.clock().now()));
        return context
            .finish(move |tx| {
                let version = applying::switch_over(tx, company, &plan)?;
                version.ok_or(NomenclatureError::Contradicts("the catalogue is no longer waiting for this plan"))?;
                sql::imports::save(tx, &import)?;
                Ok::<_, NomenclatureError>(Outcome::Done(json!({"import": import.guid, "undone": plan.counts.rows})))
            })
            .await;
    }
    Ok(Outcome::retry("The catalogue kept changing; it is tried again."))
}

async fn sweep(context: TaskContext, kept_for: Duration) -> Outcome {
    match sweeping::sweep(context.store(), context.clock().now(), kept_for).await {
        Ok(()) => Outcome::done(),
        Err(error) => Outcome::retry(error),
    }
}
