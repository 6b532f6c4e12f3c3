//! Undoing a completed import: goods that it made are gone again, goods that it changed or archived are what they were. What
//! was changed again since is a conflict, and stays. It is a plan like an import's, carried out in the same way.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::imports::{Shown, ask_to_sweep, organizations, shown};
use super::planning::SLICE;
use super::{NomenclatureError, NomenclatureService};
use crate::auth::model::{CompanyId, SharedPrincipal};
use crate::nomenclature::model::{Counts, Good, Import, Outcome, Plan, Status, Undo};
use crate::nomenclature::sql;
use crate::nomenclature::sql::plans::Step;
use crate::nomenclature::text::fold;
use crate::store::{Conn, StoreError, WriteTx};
use crate::tasks::{Dedupe, Interrupted, Kind, NewTask, Queue, Task, TaskContext};

/// The task that undoes an import.
pub const UNDO: Kind<UndoOrder> = Kind::new("nomenclature_undo");

/// What a task is about.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct UndoOrder {
    /// The import's public id.
    pub import: Uuid,
    /// Whether what was changed again is passed over.
    pub skip_conflicts: bool,
}

/// Why a good is not brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// It was changed again.
    Changed,
    /// A barcode that it had is another good's by now.
    BarcodeTaken(String),
}

/// What undoing an import would do.
#[derive(Debug, Clone, Default)]
pub struct Undoing {
    /// The version of the catalogue it goes by.
    pub version: i64,
    /// Goods that come back or go.
    steps: Vec<Candidate>,
    /// Goods that stay as they are: public id, name, and why.
    pub conflicts: Vec<(Uuid, String, Conflict)>,
}

impl Undoing {
    /// How many goods come back or go.
    #[must_use]
    pub fn possible(&self) -> usize {
        self.steps.len()
    }
}

#[derive(Debug, Clone)]
struct Candidate {
    step: Step,
    more_live: i64,
    more_archived: i64,
}

/// Looks at every good that an import changed.
pub fn compute(conn: &Conn, import: &Import) -> Result<Undoing, StoreError> {
    let catalogue = sql::catalogues::get(conn, import.company)?;
    let mut undoing = Undoing { version: catalogue.version, ..Undoing::default() };
    let (Some(plan), Some(applied)) = (import.plan, import.applied_version) else { return Ok(undoing) };
    // Goods whose codes or archive come back: they may be in somebody's way.
    let mut delicate: Vec<(Good, Good)> = Vec::new();
    let mut after = 0;
    loop {
        let rows = sql::plans::rows(conn, plan, after, SLICE)?;
        let Some(last) = rows.last() else { break };
        after = last.row;
        for row in rows {
            let Some(good) = row.good else { continue };
            if !matches!(row.outcome, Outcome::Create | Outcome::Update | Outcome::Archive) {
                continue;
            }
            let Some(present) = sql::goods::at(conn, import.company, good, catalogue.version)? else { continue };
            let before = row.old.map(|old| sql::goods::version(conn, old)).transpose()?.flatten();
            let forgotten = row.outcome != Outcome::Create && before.is_none();
            // Changed and changed back, by undoing a later import for one, is as good as never changed.
            let left = sql::goods::at(conn, import.company, good, applied)?;
            let changed = present.since != applied && left.is_none_or(|left| left.values != present.values);
            if changed || forgotten {
                undoing.conflicts.push((present.guid, present.values.name, Conflict::Changed));
                continue;
            }
            undoing.steps.push(candidate(&present, before.as_ref()));
            if let Some(before) = before
                && !before.values.archived
                && (present.values.archived || codes(&present) != codes(&before))
            {
                delicate.push((present, before));
            }
        }
    }
    refuse_taken(conn, import.company, &mut undoing, delicate)?;
    Ok(undoing)
}

fn codes(good: &Good) -> (&str, &str) {
    (&good.values.ean13, &good.values.local)
}

fn candidate(present: &Good, before: Option<&Good>) -> Candidate {
    let archived = |good: &Good| i64::from(good.values.archived);
    let live = |good: &Good| 1 - archived(good);
    let step = Step {
        outcome: if before.is_some() { Outcome::Restore } else { Outcome::Remove },
        good: present.good,
        old: present.id,
        from: before.map(|before| before.id),
        codes_changed: before.map_or(("", ""), codes) != codes(present),
        name_changed: before.is_none_or(|before| fold(&before.values.name) != fold(&present.values.name)),
    };
    Candidate {
        step,
        more_live: before.map_or(0, live) - live(present),
        more_archived: before.map_or(0, archived) - archived(present),
    }
}

/// Goods whose codes another good in use has by now stay as they are, unless that one goes back too. What stays may keep
/// others from going back.
fn refuse_taken(
    conn: &Conn,
    company: CompanyId,
    undoing: &mut Undoing,
    mut delicate: Vec<(Good, Good)>,
) -> Result<(), StoreError> {
    let mut going: HashMap<i64, Option<i64>> =
        undoing.steps.iter().map(|candidate| (candidate.step.good, candidate.step.from)).collect();
    loop {
        let (mut left, mut refused) = (Vec::with_capacity(delicate.len()), false);
        for (present, before) in delicate {
            let taken = taken_code(conn, company, undoing.version, &before, &going)?;
            let Some(code) = taken else {
                left.push((present, before));
                continue;
            };
            refused = true;
            going.remove(&present.good);
            undoing.conflicts.push((present.guid, present.values.name, Conflict::BarcodeTaken(code)));
        }
        delicate = left;
        if !refused {
            break;
        }
    }
    undoing.steps.retain(|candidate| going.contains_key(&candidate.step.good));
    Ok(())
}

fn taken_code(
    conn: &Conn,
    company: CompanyId,
    version: i64,
    before: &Good,
    going: &HashMap<i64, Option<i64>>,
) -> Result<Option<String>, StoreError> {
    let (ean13, local) = codes(before);
    for (kind, code) in sql::goods::codes_of(ean13, local) {
        let Some(holder) = sql::goods::holder(conn, company, kind, code, before.good, version)? else { continue };
        let gives_it_back = match going.get(&holder.good) {
            None => false,
            Some(None) => true,
            Some(Some(from)) => sql::goods::version(conn, *from)?.is_none_or(|was| {
                was.values.archived
                    || !sql::goods::codes_of(&was.values.ean13, &was.values.local).any(|own| own == (kind, code))
            }),
        };
        if !gives_it_back {
            return Ok(Some(code.to_owned()));
        }
    }
    Ok(None)
}

/// Writes down what undoing does, as a plan.
pub async fn make(
    context: &TaskContext,
    import: &Import,
    undoing: Undoing,
) -> Result<Plan, Interrupted<NomenclatureError>> {
    let (company, number, version) = (import.company, import.id, undoing.version);
    let id = context
        .write(move |tx| Ok::<_, NomenclatureError>(sql::plans::begin(tx, number, company, version, true)?))
        .await?;
    let mut counts = Counts { rows: i64::try_from(undoing.steps.len()).unwrap_or(i64::MAX), ..Counts::default() };
    for (at, steps) in undoing.steps.chunks(SLICE).enumerate() {
        counts.more_live += steps.iter().map(|candidate| candidate.more_live).sum::<i64>();
        counts.more_archived += steps.iter().map(|candidate| candidate.more_archived).sum::<i64>();
        let first = i64::try_from(at * SLICE).unwrap_or(i64::MAX);
        let steps: Vec<Step> = steps.iter().map(|candidate| candidate.step).collect();
        context.write(move |tx| Ok::<_, NomenclatureError>(sql::plans::add_steps(tx, id, first, &steps)?)).await?;
    }
    let plan = Plan { id, version, sheet: String::new(), counts, digest: [0; 32] };
    let (mut import, made) = (import.clone(), plan.clone());
    import.undo_plan = Some(id);
    context
        .write(move |tx| {
            sql::plans::finish(tx, &made)?;
            sql::plans::give_up_all_but(tx, import.id, [import.plan, import.undo_plan])?;
            Ok::<_, NomenclatureError>(sql::imports::save(tx, &import)?)
        })
        .await?;
    Ok(plan)
}

/// Whether an import can be undone at all.
fn undoable(import: &Import) -> Result<(), NomenclatureError> {
    if import.status != Status::Completed {
        return Err(NomenclatureError::Contradicts("the import is not completed: there is nothing to undo"));
    }
    match import.undo {
        Undo::Running => Err(NomenclatureError::Contradicts("the import is being undone already")),
        Undo::Done => Err(NomenclatureError::Contradicts("the import is undone already")),
        Undo::No | Undo::Failed if !import.kept => {
            Err(NomenclatureError::Contradicts("the import is too old: what was before it is no longer kept"))
        }
        Undo::No | Undo::Failed => Ok(()),
    }
}

impl NomenclatureService {
    /// House: what undoing an import would do.
    pub async fn undo_preview(&self, caller: SharedPrincipal, id: Uuid) -> Result<Undoing, NomenclatureError> {
        self.store
            .read_long(move |conn| {
                let import = organizations(conn, caller.company_id, id)?;
                undoable(&import)?;
                Ok(compute(conn, &import)?)
            })
            .await
    }

    /// House: has an import undone in the background.
    pub async fn undo(
        &self,
        caller: SharedPrincipal,
        id: Uuid,
        skip_conflicts: bool,
    ) -> Result<Shown, NomenclatureError> {
        let conflicts = self.undo_preview(caller.clone(), id).await?.conflicts.len();
        if conflicts > 0 && !skip_conflicts {
            return Err(NomenclatureError::Conflicts(conflicts));
        }
        let (queue, owner): (Queue, _) = (self.queue.clone(), caller.clone());
        self.auth
            .write_as(caller, move |tx| {
                let mut import = organizations(tx, owner.company_id, id)?;
                undoable(&import)?;
                import.undo = Undo::Running;
                // To the contract's lists nothing has changed.
                sql::imports::save(tx, &import)?;
                let order = UndoOrder { import: id, skip_conflicts };
                let task = NewTask::new(UNDO, order).of(owner.company_id).by(owner.user_id);
                queue.enqueue(tx, &task.dedupe(Dedupe::Join(id.to_string())))?;
                Ok(shown(tx, import, false)?)
            })
            .await
    }
}

/// Notes that a task has ended without undoing its import: nothing was changed.
pub fn task_ended(tx: &WriteTx<'_>, queue: &Queue, task: &Task) -> Result<(), StoreError> {
    let order: Option<UndoOrder> = serde_json::from_value(task.payload.clone()).ok();
    let (Some(order), Some(company)) = (order, task.company) else { return Ok(()) };
    let Some(mut import) = sql::imports::find(tx, company, order.import)? else { return Ok(()) };
    if import.undo == Undo::Running {
        import.undo = Undo::Failed;
        sql::imports::save(tx, &import)?;
        ask_to_sweep(tx, queue).map_err(|error| StoreError::Io(error.to_string()))?;
    }
    Ok(())
}
