//! Statements on `nomenclature_uploads`, `nomenclature_chunks` and `nomenclature_storage`.

use rusqlite::{OptionalExtension, named_params};
use uuid::Uuid;

use super::at_most;
use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

/// Begins a file that nobody reads yet; its row key.
pub fn begin(tx: &WriteTx<'_>, company: CompanyId, guid: Uuid, name: &str, now: Timestamp) -> Result<i64, StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO nomenclature_uploads (guid, company_id, state, name, written_at)
         VALUES (:guid, :company, 0, :name, :now) RETURNING id",
    )?;
    Ok(statement.query_row(
        named_params! { ":guid": guid.as_bytes(), ":company": company.0, ":name": name, ":now": now.as_micros() },
        |row| row.get(0),
    )?)
}

/// Takes room for `length` bytes of a company's uploads; false if they would be more than `cap`.
pub fn take_room(tx: &WriteTx<'_>, company: CompanyId, length: i64, cap: i64) -> Result<bool, StoreError> {
    tx.prepare_cached(
        "INSERT INTO nomenclature_storage (company_id, bytes) VALUES (:company, 0)
         ON CONFLICT (company_id) DO NOTHING",
    )?
    .execute(named_params! { ":company": company.0 })?;
    let taken = tx
        .prepare_cached(
            "UPDATE nomenclature_storage SET bytes = bytes + :length
             WHERE company_id = :company AND bytes + :length <= :cap",
        )?
        .execute(named_params! { ":company": company.0, ":length": length, ":cap": cap })?;
    Ok(taken > 0)
}

/// Adds a piece to a file that is being written; false if it no longer is.
pub fn append(tx: &WriteTx<'_>, upload: i64, number: i64, bytes: &[u8], now: Timestamp) -> Result<bool, StoreError> {
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let known = tx
        .prepare_cached(
            "UPDATE nomenclature_uploads SET size = size + :length, written_at = :now
             WHERE id = :upload AND state = 0",
        )?
        .execute(named_params! { ":upload": upload, ":length": length, ":now": now.as_micros() })?;
    if known == 0 {
        return Ok(false);
    }
    tx.prepare_cached("INSERT INTO nomenclature_chunks (upload_id, number, bytes) VALUES (:upload, :number, :bytes)")?
        .execute(named_params! { ":upload": upload, ":number": number, ":bytes": bytes })?;
    Ok(true)
}

/// Says that a file is whole; false if it was given up meanwhile.
pub fn publish(tx: &WriteTx<'_>, upload: i64, now: Timestamp) -> Result<bool, StoreError> {
    let published = tx
        .prepare_cached(
            "UPDATE nomenclature_uploads SET state = 1, written_at = :now WHERE id = :upload AND state = 0",
        )?
        .execute(named_params! { ":upload": upload, ":now": now.as_micros() })?;
    Ok(published > 0)
}

/// The name of a file that is whole.
pub fn name(conn: &Conn, upload: i64) -> Result<Option<String>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT name FROM nomenclature_uploads WHERE id = :id AND state = 1")?;
    Ok(statement.query_row(named_params! { ":id": upload }, |row| row.get(0)).optional()?)
}

/// One piece of a file that is whole; `None` past its end.
pub fn chunk(conn: &Conn, upload: i64, number: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT c.bytes FROM nomenclature_uploads f JOIN nomenclature_chunks c ON c.upload_id = f.id
         WHERE f.id = :upload AND f.state = 1 AND c.number = :number",
    )?;
    Ok(statement.query_row(named_params! { ":upload": upload, ":number": number }, |row| row.get(0)).optional()?)
}

/// Gives a file up, whole or not.
pub fn give_up(tx: &WriteTx<'_>, upload: i64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE nomenclature_uploads SET state = 2 WHERE id = :upload AND state < 2")?
        .execute(named_params! { ":upload": upload })?;
    Ok(())
}

/// Gives a file up that is still being written.
pub fn give_up_unfinished(tx: &WriteTx<'_>, upload: i64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE nomenclature_uploads SET state = 2 WHERE id = :upload AND state = 0")?
        .execute(named_params! { ":upload": upload })?;
    Ok(())
}

/// Gives up what nobody has written to since `before` and nobody has finished.
pub fn give_up_stalled(tx: &WriteTx<'_>, before: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE nomenclature_uploads SET state = 2 WHERE state = 0 AND written_at <= :before")?
        .execute(named_params! { ":before": before.as_micros() })?;
    Ok(())
}

/// A file that is to be removed and has something left.
pub fn given_up(conn: &Conn) -> Result<Option<i64>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT f.id FROM nomenclature_uploads f WHERE f.state = 2 AND f.size > 0 ORDER BY f.written_at LIMIT 1",
    )?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?)
}

/// Removes up to `limit` pieces of a file that was given up; whether none is left. Its row stays: imports name it.
pub fn remove_slice(tx: &WriteTx<'_>, upload: i64, limit: usize) -> Result<bool, StoreError> {
    let mut statement = tx.prepare_cached(
        "DELETE FROM nomenclature_chunks WHERE id IN (
             SELECT c.id FROM nomenclature_uploads f JOIN nomenclature_chunks c ON c.upload_id = f.id
             WHERE f.id = :upload AND f.state = 2 ORDER BY c.number LIMIT :limit)
         RETURNING length(bytes)",
    )?;
    let lengths = statement
        .query_map(named_params! { ":upload": upload, ":limit": at_most(limit) }, |row| row.get::<_, i64>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    let sum: i64 = lengths.iter().sum();
    tx.prepare_cached(
        "UPDATE nomenclature_storage SET bytes = bytes - :length
         WHERE company_id = (SELECT company_id FROM nomenclature_uploads WHERE id = :upload)",
    )?
    .execute(named_params! { ":upload": upload, ":length": sum })?;
    tx.prepare_cached("UPDATE nomenclature_uploads SET size = size - :length WHERE id = :upload")?
        .execute(named_params! { ":upload": upload, ":length": sum })?;
    Ok(lengths.len() < limit)
}

/// The companies whose noted bytes of uploads are not those that are there.
pub fn miscounted(conn: &Conn) -> Result<Vec<i64>, StoreError> {
    let mut statement = conn.prepare(
        "SELECT s.company_id FROM nomenclature_storage s
         WHERE s.bytes <> (SELECT ifnull(sum(f.size), 0) FROM nomenclature_uploads f WHERE f.company_id = s.company_id)",
    )?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
