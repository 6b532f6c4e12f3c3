//! Statements on `nomenclature_plans` and `nomenclature_plan_rows`, but for those that carry a plan out.

use rusqlite::{OptionalExtension, Row, named_params};
use uuid::Uuid;

use super::at_most;
use crate::auth::model::CompanyId;
use crate::nomenclature::model::{Counts, Outcome, Plan, Subject, Vat};
use crate::nomenclature::money::Price;
use crate::nomenclature::plan::Planned;
use crate::nomenclature::text::fold;
use crate::store::{Conn, StoreError, WriteTx};

/// The rows of a plan have the numbers from its own times this.
pub const ROWS: i64 = 1 << 24;

/// Goods that no row mentions come after every row of a sheet.
pub const UNMENTIONED: i64 = 1 << 23;

/// The number of a plan's row.
#[must_use]
pub fn row_id(plan: i64, row: i64) -> i64 {
    plan * ROWS + row
}

/// Begins a plan; its row key.
pub fn begin(tx: &WriteTx<'_>, import: i64, company: CompanyId, version: i64, undoes: bool) -> Result<i64, StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO nomenclature_plans (import_id, company_id, version, state, undoes)
         VALUES (:import, :company, :version, 0, :undoes) RETURNING id",
    )?;
    Ok(statement.query_row(
        named_params! { ":import": import, ":company": company.0, ":version": version, ":undoes": undoes },
        |row| row.get(0),
    )?)
}

/// Says that a plan is whole, and how much of what it does.
pub fn finish(tx: &WriteTx<'_>, plan: &Plan) -> Result<(), StoreError> {
    let counts = &plan.counts;
    tx.prepare_cached(
        "UPDATE nomenclature_plans
         SET state = 1, version = :version, sheet = :sheet, rows = :rows, created = :created, updated = :updated,
             unchanged = :unchanged, archived = :archived, refused = :refused, infos = :infos, warnings = :warnings,
             errors = :errors, live = :live, more_live = :more_live, more_archived = :more_archived, digest = :digest
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": plan.id,
        ":version": plan.version,
        ":sheet": plan.sheet,
        ":rows": counts.rows,
        ":created": counts.created,
        ":updated": counts.updated,
        ":unchanged": counts.unchanged,
        ":archived": counts.archived,
        ":refused": counts.refused,
        ":infos": counts.infos,
        ":warnings": counts.warnings,
        ":errors": counts.errors,
        ":live": counts.live,
        ":more_live": counts.more_live,
        ":more_archived": counts.more_archived,
        ":digest": plan.digest,
    })?;
    Ok(())
}

/// A plan that is whole.
pub fn get(conn: &Conn, plan: i64) -> Result<Option<Plan>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, version, sheet, rows, created, updated, unchanged, archived, refused, infos, warnings, errors, live,
                more_live, more_archived, digest
         FROM nomenclature_plans WHERE id = :id AND digest IS NOT NULL",
    )?;
    let found = statement.query_row(named_params! { ":id": plan }, |row| {
        Ok(Plan {
            id: row.get(0)?,
            version: row.get(1)?,
            sheet: row.get(2)?,
            counts: Counts {
                rows: row.get(3)?,
                created: row.get(4)?,
                updated: row.get(5)?,
                unchanged: row.get(6)?,
                archived: row.get(7)?,
                refused: row.get(8)?,
                infos: row.get(9)?,
                warnings: row.get(10)?,
                errors: row.get(11)?,
                live: row.get(12)?,
                more_live: row.get(13)?,
                more_archived: row.get(14)?,
            },
            digest: row.get(15)?,
        })
    });
    Ok(found.optional()?)
}

/// Has the plans of an import removed, but for these.
pub fn give_up_all_but(tx: &WriteTx<'_>, import: i64, kept: [Option<i64>; 2]) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE nomenclature_plans SET state = 2
         WHERE import_id = :import AND state < 2 AND id NOT IN (ifnull(:one, 0), ifnull(:other, 0))",
    )?
    .execute(named_params! { ":import": import, ":one": kept[0], ":other": kept[1] })?;
    Ok(())
}

/// A plan that is to be removed and is not being written into a catalogue.
pub fn given_up(conn: &Conn) -> Result<Option<i64>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT p.id FROM nomenclature_plans p
         WHERE p.state = 2
           AND NOT EXISTS (SELECT 1 FROM nomenclature_catalogues c WHERE c.pending_plan = p.id)
         ORDER BY p.id LIMIT 1",
    )?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?)
}

/// Removes up to `limit` rows and as many problems of a plan that is to be removed; whether none is left.
pub fn remove_slice(tx: &WriteTx<'_>, plan: i64, limit: usize) -> Result<bool, StoreError> {
    let rows = tx
        .prepare_cached(
            "DELETE FROM nomenclature_plan_rows WHERE id IN (
                 SELECT id FROM nomenclature_plan_rows WHERE id >= :first AND id < :end ORDER BY id LIMIT :limit)",
        )?
        .execute(named_params! {
            ":first": row_id(plan, 0), ":end": row_id(plan + 1, 0), ":limit": at_most(limit),
        })?;
    let problems = tx
        .prepare_cached(
            "DELETE FROM nomenclature_problems WHERE id IN (
                 SELECT id FROM nomenclature_problems WHERE plan_id = :plan LIMIT :limit)",
        )?
        .execute(named_params! { ":plan": plan, ":limit": at_most(limit) })?;
    let done = rows < limit && problems < limit;
    if done {
        tx.prepare_cached("UPDATE nomenclature_plans SET state = 3 WHERE id = :plan")?
            .execute(named_params! { ":plan": plan })?;
    }
    Ok(done)
}

/// Adds rows to a plan; new goods get public ids from `guids`.
pub fn add(tx: &WriteTx<'_>, plan: i64, rows: &[(Planned, Uuid)]) -> Result<(), StoreError> {
    let mut full = tx.prepare_cached(
        "INSERT INTO nomenclature_plan_rows (id, outcome, old_id, good, guid, codes_changed, name, name_folded, article,
                                             article_folded, group_path, group_folded, unit, price, vat, ean13, local,
                                             subject, archived, created_at, name_changed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
    )?;
    let mut bare =
        tx.prepare_cached("INSERT INTO nomenclature_plan_rows (id, outcome, old_id, good) VALUES (?1, ?2, ?3, ?4)")?;
    for (planned, new) in rows {
        let id = row_id(plan, planned.row.into());
        let old = planned.old;
        let Some(values) = planned.values.as_deref() else {
            bare.execute((id, planned.outcome.number(), old.map(|old| old.id), old.map(|old| old.good)))?;
            continue;
        };
        full.execute(rusqlite::params![
            id,
            planned.outcome.number(),
            old.map(|old| old.id),
            old.map_or(id, |old| old.good),
            old.map_or(*new, |old| old.guid).as_bytes(),
            planned.codes_changed,
            values.name,
            planned.name_folded,
            values.article,
            values.article.as_deref().map(fold),
            values.group,
            values.group.as_deref().map(fold),
            values.unit,
            values.price.map(Price::minor),
            values.vat.map(Vat::number),
            values.ean13,
            values.local,
            values.subject == Subject::Service,
            values.archived,
            old.map(|old| old.created_at.as_micros()),
            planned.name_changed,
        ])?;
    }
    Ok(())
}

/// Adds goods that no row mentions: they go out of use. `first`: how many were added before. Each as its version's row and
/// its number.
pub fn add_unmentioned(tx: &WriteTx<'_>, plan: i64, first: i64, goods: &[(i64, i64)]) -> Result<(), StoreError> {
    let mut statement =
        tx.prepare_cached("INSERT INTO nomenclature_plan_rows (id, outcome, old_id, good) VALUES (?1, ?2, ?3, ?4)")?;
    for (at, (id, good)) in (first..).zip(goods) {
        statement.execute((row_id(plan, UNMENTIONED + at), Outcome::Archive.number(), id, good))?;
    }
    Ok(())
}

/// A good that undoing brings back to what it was, or removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// [`Outcome::Restore`] or [`Outcome::Remove`].
    pub outcome: Outcome,
    /// The good.
    pub good: i64,
    /// The row of its present version.
    pub old: i64,
    /// The row of the version that comes back.
    pub from: Option<i64>,
    /// Whether that has other codes.
    pub codes_changed: bool,
    /// Whether that has another name, as names are compared.
    pub name_changed: bool,
}

/// Adds steps to a plan. `first`: how many were added before.
pub fn add_steps(tx: &WriteTx<'_>, plan: i64, first: i64, steps: &[Step]) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO nomenclature_plan_rows (id, outcome, old_id, from_id, good, codes_changed, name_changed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for (at, step) in (first + 1..).zip(steps) {
        statement.execute((
            row_id(plan, at),
            step.outcome.number(),
            step.old,
            step.from,
            step.good,
            step.codes_changed,
            step.name_changed,
        ))?;
    }
    Ok(())
}

/// Refuses rows after all.
pub fn refuse(tx: &WriteTx<'_>, plan: i64, rows: &[u32]) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached("UPDATE nomenclature_plan_rows SET outcome = ?2 WHERE id = ?1")?;
    for row in rows {
        statement.execute((row_id(plan, (*row).into()), Outcome::Refuse.number()))?;
    }
    Ok(())
}

/// A row of a plan, as far as a report needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided {
    /// The number of the row within the plan.
    pub row: i64,
    /// What becomes of it.
    pub outcome: Outcome,
    /// The row of the good's version that it changes.
    pub old: Option<i64>,
    /// The good.
    pub good: Option<i64>,
}

fn decided(plan: i64) -> impl Fn(&Row<'_>) -> rusqlite::Result<Decided> {
    move |row| {
        let outcome = Outcome::of_number(row.get(1)?).ok_or_else(|| super::unreadable(1, "no outcome"))?;
        Ok(Decided { row: row.get::<_, i64>(0)? - row_id(plan, 0), outcome, old: row.get(2)?, good: row.get(3)? })
    }
}

/// Up to `limit` rows of a plan after row `after`.
pub fn rows(conn: &Conn, plan: i64, after: i64, limit: usize) -> Result<Vec<Decided>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, outcome, old_id, good FROM nomenclature_plan_rows WHERE id > :after AND id < :end
         ORDER BY id LIMIT :limit",
    )?;
    let rows = statement.query_map(
        named_params! {
            ":after": row_id(plan, after), ":end": row_id(plan + 1, 0), ":limit": at_most(limit),
        },
        decided(plan),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}
