//! Carrying a plan out: its rows are written slice by slice as the next version of the catalogue, which nobody reads, and
//! one short transaction makes that version the present one. Until then nothing has changed; whatever ends the plan
//! before leaves rows that the sweep removes, and the catalogue waits for that.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::NomenclatureError;
use super::planning::PLANNED;
use crate::auth::model::CompanyId;
use crate::nomenclature::model::Plan;
use crate::nomenclature::sql;
use crate::store::{Store, StoreError, WriteTx};
use crate::tasks::{Interrupted, TaskContext};

/// So many rows are written in one transaction: the pages of the indexes that they share go to the disk once.
const SLICE: usize = 4_000;

/// How far a plan is written, for the attempt after a kill.
#[derive(Debug, Serialize, Deserialize)]
struct Checkpoint {
    plan: i64,
    row: i64,
}

/// How writing a plan began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is written, and only has to be shown.
    Whole,
    /// The catalogue is of another version by now.
    Stale,
    /// Another plan is being written.
    Busy,
}

/// How long another plan is waited for at a time.
const PATIENCE: Duration = Duration::from_secs(10);

/// Writes a plan into the catalogue it was made for, for nobody to see yet. Waits a while for another one.
pub async fn write(
    context: &TaskContext,
    company: CompanyId,
    plan: &Plan,
) -> Result<Written, Interrupted<NomenclatureError>> {
    // Before the first look, so that no end is missed.
    let mut changes = context.queue().subscribe();
    let beginning = async {
        loop {
            match begin(context, company, plan).await? {
                // Whoever is in the way ends its task when it is done.
                Written::Busy => drop(changes.recv().await),
                begun => return Ok(begun),
            }
        }
    };
    match tokio::time::timeout(PATIENCE, beginning).await {
        Ok(Ok(Written::Whole)) => {}
        Ok(refused) => return refused,
        Err(_) => return Ok(Written::Busy),
    }
    let (id, version) = (plan.id, plan.version);
    let known = context.last_checkpoint::<Checkpoint>().filter(|known| known.plan == id);
    let mut row = known.map_or(0, |known| known.row);
    let now = context.clock().now();
    let rows = (plan.counts.rows + plan.counts.archived).max(1);
    let mut done = 0;
    loop {
        let next = context.store().read_one(|conn| sql::writing::slice(conn, id, row, SLICE));
        let Some(slice) = next.map_err(|error| Interrupted::Effect(error.into()))? else { break };
        row = slice.last(id);
        let writer = context.clone();
        context
            .write(move |tx| {
                sql::writing::write(tx, company, slice, version + 1, now)?;
                writer.checkpoint_in(tx, &json!(Checkpoint { plan: id, row }))?;
                Ok::<_, NomenclatureError>(())
            })
            .await?;
        done += i64::try_from(SLICE).unwrap_or(i64::MAX);
        let part = i64::from(99 - PLANNED) * done.min(rows) / rows;
        context.progress(PLANNED + u8::try_from(part).unwrap_or(0), "writing");
    }
    Ok(Written::Whole)
}

/// Begins to write a plan; [`Written::Whole`]: nobody else may change the catalogue from here on.
async fn begin(
    context: &TaskContext,
    company: CompanyId,
    plan: &Plan,
) -> Result<Written, Interrupted<NomenclatureError>> {
    let (id, version) = (plan.id, plan.version);
    context
        .write(move |tx| {
            if sql::catalogues::begin(tx, company, version, id)? {
                return Ok::<_, NomenclatureError>(Written::Whole);
            }
            let busy = sql::catalogues::get(tx, company)?.pending.is_some();
            Ok(if busy { Written::Busy } else { Written::Stale })
        })
        .await
}

/// Makes what was written the catalogue; its version from now on. `None`: it is not what was being written.
pub fn switch_over(tx: &WriteTx<'_>, company: CompanyId, plan: &Plan) -> Result<Option<i64>, StoreError> {
    let counts = &plan.counts;
    sql::catalogues::switch_over(tx, company, plan.id, counts.more_live, counts.more_archived)
}

/// Takes back what was written of a plan that is not carried out, slice by slice, and lets the catalogue go.
pub async fn take_back(store: &Store, company: CompanyId, plan: i64, version: i64) -> Result<(), StoreError> {
    let mut row = 0;
    while let Some(slice) = store.read_one(|conn| sql::writing::slice(conn, plan, row, SLICE))? {
        row = slice.last(plan);
        store.write(move |tx| sql::writing::take_back(tx, company, slice, version + 1)).await?;
    }
    store.write(move |tx| sql::catalogues::release(tx, company, plan)).await
}
