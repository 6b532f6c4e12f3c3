//! Statements on `nomenclature_catalogues`.

use rusqlite::{OptionalExtension, named_params};

use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::nomenclature::model::Catalogue;
use crate::store::{Conn, StoreError, WriteTx};

/// A company's catalogue; empty if there is none.
pub fn get(conn: &Conn, company: CompanyId) -> Result<Catalogue, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT version, live, archived, pending_plan, forgotten FROM nomenclature_catalogues
         WHERE company_id = :company",
    )?;
    let found = statement.query_row(named_params! { ":company": company.0 }, |row| {
        Ok(Catalogue {
            version: row.get(0)?,
            live: row.get(1)?,
            archived: row.get(2)?,
            pending: row.get(3)?,
            forgotten: row.get(4)?,
        })
    });
    Ok(found.optional()?.unwrap_or_default())
}

/// Has a company have a catalogue.
pub fn ensure(tx: &WriteTx<'_>, company: CompanyId) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO nomenclature_catalogues (company_id) VALUES (:company) ON CONFLICT (company_id) DO NOTHING",
    )?
    .execute(named_params! { ":company": company.0 })?;
    Ok(())
}

/// Lets a plan be written into a catalogue of this version; false if it is of another one or another plan is.
pub fn begin(tx: &WriteTx<'_>, company: CompanyId, version: i64, plan: i64) -> Result<bool, StoreError> {
    ensure(tx, company)?;
    let begun = tx
        .prepare_cached(
            "UPDATE nomenclature_catalogues SET pending_plan = :plan
             WHERE company_id = :company AND version = :version AND ifnull(pending_plan, :plan) = :plan",
        )?
        .execute(named_params! { ":company": company.0, ":version": version, ":plan": plan })?;
    Ok(begun > 0)
}

/// Shows what was written: the catalogue is of the next version, with so many goods more. The version, or `None` if the
/// plan is not the one that was being written.
pub fn switch_over(
    tx: &WriteTx<'_>,
    company: CompanyId,
    plan: i64,
    more_live: i64,
    more_archived: i64,
) -> Result<Option<i64>, StoreError> {
    let mut statement = tx.prepare_cached(
        "UPDATE nomenclature_catalogues
         SET version = version + 1, pending_plan = NULL, live = live + :live, archived = archived + :archived
         WHERE company_id = :company AND pending_plan = :plan RETURNING version",
    )?;
    let version = statement.query_row(
        named_params! { ":company": company.0, ":plan": plan, ":live": more_live, ":archived": more_archived },
        |row| row.get(0),
    );
    Ok(version.optional()?)
}

/// Moves the version for a change by hand; the new one.
pub fn advance(tx: &WriteTx<'_>, company: CompanyId, more_live: i64, more_archived: i64) -> Result<i64, StoreError> {
    let mut statement = tx.prepare_cached(
        "UPDATE nomenclature_catalogues
         SET version = version + 1, live = live + :live, archived = archived + :archived
         WHERE company_id = :company RETURNING version",
    )?;
    let version = statement
        .query_row(named_params! { ":company": company.0, ":live": more_live, ":archived": more_archived }, |row| {
            row.get(0)
        });
    Ok(version?)
}

/// Lets the catalogue be changed again: nothing of the plan is left in it.
pub fn release(tx: &WriteTx<'_>, company: CompanyId, plan: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE nomenclature_catalogues SET pending_plan = NULL WHERE company_id = :company AND pending_plan = :plan",
    )?
    .execute(named_params! { ":company": company.0, ":plan": plan })?;
    Ok(())
}

/// Plans that are being written into a catalogue although nobody does any longer: company, plan and version.
pub fn stranded(conn: &Conn) -> Result<Vec<(CompanyId, i64, i64)>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT c.company_id, p.id, c.version FROM nomenclature_catalogues c
         JOIN nomenclature_plans p ON p.id = c.pending_plan
         JOIN nomenclature_imports i ON i.id = p.import_id
         WHERE (p.undoes = 0 AND i.status = 4) OR (p.undoes = 1 AND i.undo <> 1)",
    )?;
    let rows = statement.query_map([], |row| Ok((CompanyId(row.get(0)?), row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The version that a catalogue had at an instant that somebody noted.
pub fn mark(conn: &Conn, company: CompanyId) -> Result<Option<(i64, Timestamp)>, StoreError> {
    let mut statement = conn
        .prepare_cached("SELECT marked_version, marked_at FROM nomenclature_catalogues WHERE company_id = :company")?;
    let found = statement.query_row(named_params! { ":company": company.0 }, |row| {
        let (version, at): (Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?);
        Ok(version.zip(at.map(Timestamp::from_micros)))
    });
    Ok(found.optional()?.flatten())
}

/// Notes the present version of a catalogue, and that it can be read from `readable` on.
pub fn set_mark(tx: &WriteTx<'_>, company: CompanyId, readable: i64, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE nomenclature_catalogues
         SET marked_version = version, marked_at = :now, forgotten = max(forgotten, :readable)
         WHERE company_id = :company",
    )?
    .execute(named_params! { ":company": company.0, ":now": now.as_micros(), ":readable": readable })?;
    Ok(())
}

/// Every catalogue.
pub fn all(conn: &Conn) -> Result<Vec<CompanyId>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT company_id FROM nomenclature_catalogues ORDER BY company_id")?;
    let rows = statement.query_map([], |row| row.get(0).map(CompanyId))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
