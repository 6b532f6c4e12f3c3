//! Statements on `nomenclature_imports`. Whoever changes a status says so in `states` too.

use rusqlite::{OptionalExtension, Row, named_params};
use uuid::Uuid;

use super::{at_most, guid, instant, instant_option, unreadable};
use crate::auth::model::{CompanyId, UserId};
use crate::clock::Timestamp;
use crate::nomenclature::model::{Attributes, Import, NewImport, Status, Strategy, Undo};
use crate::nomenclature::problems::{Code, Problem};
use crate::store::{Conn, StoreError, WriteTx};

fn import(row: &Row<'_>) -> rusqlite::Result<Import> {
    let failure = row
        .get::<_, Option<i64>>(16)?
        .map(|code| {
            Ok::<_, rusqlite::Error>(Problem {
                code: Code::of_number(code).ok_or_else(|| unreadable(16, "no finding has this number"))?,
                a: row.get(17)?,
                b: row.get(18)?,
                row: row.get(19)?,
                column: row.get(20)?,
            })
        })
        .transpose()?;
    Ok(Import {
        id: row.get(0)?,
        guid: guid(row, 1)?,
        company: CompanyId(row.get(2)?),
        user: UserId(row.get(3)?),
        task: guid(row, 4)?,
        upload: (row.get(5)?, guid(row, 6)?),
        asked: NewImport {
            strategy: if row.get(7)? { Strategy::Incremental } else { Strategy::Full },
            attributes: Attributes { name: row.get(8)?, ean13: row.get(9)?, local: row.get(10)? },
            auto_confirm: row.get(11)?,
            meta: row.get(21)?,
        },
        is_confirmed: row.get(12)?,
        status: Status::of_number(row.get(13)?).ok_or_else(|| unreadable(13, "no status has this number"))?,
        plan: row.get(14)?,
        replanned: row.get(15)?,
        failure,
        created_at: instant(row, 22)?,
        updated_at: instant(row, 23)?,
        deleted_at: instant_option(row, 24)?,
        applied_version: row.get(25)?,
        undo: Undo::of_number(row.get(26)?).ok_or_else(|| unreadable(26, "no such number"))?,
        undo_plan: row.get(27)?,
        undone_at: instant_option(row, 28)?,
        kept: row.get(29)?,
    })
}

/// Adds an import, in the queue; its row key.
pub fn insert(
    tx: &WriteTx<'_>,
    (company, user): (CompanyId, UserId),
    (id, task): (Uuid, Uuid),
    upload: i64,
    new: &NewImport,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO nomenclature_imports (guid, company_id, user_id, task, upload_id, strategy, use_name, use_ean13,
                                           use_local, auto_confirm, status, meta, created_at, updated_at)
         VALUES (:guid, :company, :user, :task, :upload, :strategy, :name, :ean13, :local, :auto, 0, :meta, :now, :now)
         RETURNING id",
    )?;
    Ok(statement.query_row(
        named_params! {
            ":guid": id.as_bytes(),
            ":company": company.0,
            ":user": user.0,
            ":task": task.as_bytes(),
            ":upload": upload,
            ":strategy": new.strategy == Strategy::Incremental,
            ":name": new.attributes.name,
            ":ean13": new.attributes.ean13,
            ":local": new.attributes.local,
            ":auto": new.auto_confirm,
            ":meta": new.meta,
            ":now": now.as_micros(),
        },
        |row| row.get(0),
    )?)
}

/// An import by its public id.
pub fn find(conn: &Conn, company: CompanyId, id: Uuid) -> Result<Option<Import>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT i.id, i.guid, i.company_id, i.user_id, i.task, i.upload_id, u.guid, i.strategy, i.use_name, i.use_ean13,
                i.use_local, i.auto_confirm, i.is_confirmed, i.status, i.plan_id, i.replanned, i.failure, i.failure_a,
                i.failure_b, i.failure_row, i.failure_column, i.meta, i.created_at, i.updated_at, i.deleted_at,
                i.applied_version, i.undo, i.undo_plan, i.undone_at, i.kept
         FROM nomenclature_imports i JOIN nomenclature_uploads u ON u.id = i.upload_id
         WHERE i.guid = :guid AND i.company_id = :company",
    )?;
    Ok(statement.query_row(named_params! { ":guid": id.as_bytes(), ":company": company.0 }, import).optional()?)
}

/// An import by its row key.
pub fn get(conn: &Conn, id: i64) -> Result<Option<Import>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT i.id, i.guid, i.company_id, i.user_id, i.task, i.upload_id, u.guid, i.strategy, i.use_name, i.use_ean13,
                i.use_local, i.auto_confirm, i.is_confirmed, i.status, i.plan_id, i.replanned, i.failure, i.failure_a,
                i.failure_b, i.failure_row, i.failure_column, i.meta, i.created_at, i.updated_at, i.deleted_at,
                i.applied_version, i.undo, i.undo_plan, i.undone_at, i.kept
         FROM nomenclature_imports i JOIN nomenclature_uploads u ON u.id = i.upload_id WHERE i.id = :id",
    )?;
    Ok(statement.query_row(named_params! { ":id": id }, import).optional()?)
}

/// The import that a background task does.
pub fn of_task(conn: &Conn, task: Uuid) -> Result<Option<Import>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT i.id, i.guid, i.company_id, i.user_id, i.task, i.upload_id, u.guid, i.strategy, i.use_name, i.use_ean13,
                i.use_local, i.auto_confirm, i.is_confirmed, i.status, i.plan_id, i.replanned, i.failure, i.failure_a,
                i.failure_b, i.failure_row, i.failure_column, i.meta, i.created_at, i.updated_at, i.deleted_at,
                i.applied_version, i.undo, i.undo_plan, i.undone_at, i.kept
         FROM nomenclature_imports i JOIN nomenclature_uploads u ON u.id = i.upload_id WHERE i.task = :task",
    )?;
    Ok(statement.query_row(named_params! { ":task": task.as_bytes() }, import).optional()?)
}

/// Up to `limit` imports of a company, newest first, before the one with row key `before`.
pub fn list(conn: &Conn, company: CompanyId, before: i64, limit: usize) -> Result<Vec<Import>, StoreError> {
    // Relies on nomenclature_imports_by_company.
    let mut statement = conn.prepare_cached(
        "SELECT i.id, i.guid, i.company_id, i.user_id, i.task, i.upload_id, u.guid, i.strategy, i.use_name, i.use_ean13,
                i.use_local, i.auto_confirm, i.is_confirmed, i.status, i.plan_id, i.replanned, i.failure, i.failure_a,
                i.failure_b, i.failure_row, i.failure_column, i.meta, i.created_at, i.updated_at, i.deleted_at,
                i.applied_version, i.undo, i.undo_plan, i.undone_at, i.kept
         FROM nomenclature_imports i JOIN nomenclature_uploads u ON u.id = i.upload_id
         WHERE i.company_id = :company AND i.id < :before ORDER BY i.id DESC LIMIT :limit",
    )?;
    let rows = statement
        .query_map(named_params! { ":company": company.0, ":before": before, ":limit": at_most(limit) }, import)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Writes what changes about an import in its life.
pub fn save(tx: &WriteTx<'_>, import: &Import) -> Result<(), StoreError> {
    let failure = import.failure.as_ref();
    tx.prepare_cached(
        "UPDATE nomenclature_imports
         SET is_confirmed = :confirmed, status = :status, plan_id = :plan, replanned = :replanned,
             applied_version = :version, failure = :failure, failure_a = :a, failure_b = :b, failure_row = :row,
             failure_column = :column, updated_at = :updated, deleted_at = :deleted, undo = :undo,
             undo_plan = :undo_plan, undone_at = :undone, kept = :kept,
             ended_at = iif(:status < 3, NULL, ifnull(ended_at, :updated))
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": import.id,
        ":confirmed": import.is_confirmed,
        ":status": import.status.number(),
        ":plan": import.plan,
        ":replanned": import.replanned,
        ":version": import.applied_version,
        ":failure": failure.map(|failure| failure.code.number()),
        ":a": failure.map_or("", |failure| failure.a.as_str()),
        ":b": failure.map_or("", |failure| failure.b.as_str()),
        ":row": failure.map_or(0, |failure| failure.row),
        ":column": failure.and_then(|failure| failure.column),
        ":updated": import.updated_at.as_micros(),
        ":deleted": import.deleted_at.map(Timestamp::as_micros),
        ":undo": import.undo.number(),
        ":undo_plan": import.undo_plan,
        ":undone": import.undone_at.map(Timestamp::as_micros),
        ":kept": import.kept,
    })?;
    Ok(())
}

/// An import that ended before `before`, or was removed by its owner, and whose file and plan are still kept.
pub fn to_forget(conn: &Conn, before: Timestamp) -> Result<Option<i64>, StoreError> {
    // Relies on nomenclature_imports_kept.
    let mut statement = conn.prepare_cached(
        "SELECT id FROM nomenclature_imports
         WHERE kept = 1 AND ended_at IS NOT NULL AND (ended_at <= :before OR deleted_at IS NOT NULL AND status = 4)
           AND undo <> 1 LIMIT 1",
    )?;
    Ok(statement.query_row(named_params! { ":before": before.as_micros() }, |row| row.get(0)).optional()?)
}

/// Of a company's applied imports that can be undone, the earliest but the latest `but`.
pub fn beyond_latest(conn: &Conn, company: CompanyId, but: usize) -> Result<Option<i64>, StoreError> {
    // Relies on nomenclature_imports_applied.
    let mut statement = conn.prepare_cached(
        "SELECT id FROM nomenclature_imports
         WHERE company_id = :company AND kept = 1 AND applied_version IS NOT NULL AND undo <> 1
         ORDER BY applied_version DESC LIMIT 1 OFFSET :but",
    )?;
    let found = statement.query_row(named_params! { ":company": company.0, ":but": at_most(but) }, |row| row.get(0));
    Ok(found.optional()?)
}

/// The earliest version of a catalogue that an import made which can still be undone.
pub fn earliest_applied(conn: &Conn, company: CompanyId) -> Result<Option<i64>, StoreError> {
    // Relies on nomenclature_imports_applied.
    let mut statement = conn.prepare_cached(
        "SELECT min(applied_version) FROM nomenclature_imports
         WHERE company_id = :company AND kept = 1 AND applied_version IS NOT NULL",
    )?;
    Ok(statement.query_row(named_params! { ":company": company.0 }, |row| row.get(0))?)
}

/// Whether any import of a company is being made, carried out or undone. One that waits for its answer is made anew if the
/// catalogue has moved by then, so it needs no old version.
pub fn any_going_on(conn: &Conn, company: CompanyId) -> Result<bool, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM nomenclature_imports
                        WHERE company_id = :company AND (status = 1 OR undo = 1))",
    )?;
    Ok(statement.query_row(named_params! { ":company": company.0 }, |row| row.get(0))?)
}
