//! Statements on `account_files`, `account_chunks` and `account_storage`.

use rusqlite::{OptionalExtension, named_params};

use super::at_most;
use crate::account::model::Flow;
use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

/// A data file that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Row key.
    pub id: i64,
    /// Its length in bytes.
    pub size: i64,
    /// The SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

/// The file of a process that is there.
pub fn find(conn: &Conn, company: CompanyId, process: i64, flow: Flow) -> Result<Option<File>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, size, sha256 FROM account_files
         WHERE company_id = :company AND process_id = :process AND flow = :flow AND state = 1",
    )?;
    let found = statement
        .query_row(named_params! { ":company": company.0, ":process": process, ":flow": flow.code() }, |row| {
            Ok(File { id: row.get(0)?, size: row.get(1)?, sha256: row.get(2)? })
        });
    Ok(found.optional()?)
}

/// Begins a file that nobody sees yet; its row key.
pub fn begin(
    tx: &WriteTx<'_>,
    company: CompanyId,
    process: i64,
    flow: Flow,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO account_files (company_id, process_id, flow, state, written_at)
         VALUES (:company, :process, :flow, 0, :now) RETURNING id",
    )?;
    Ok(statement.query_row(
        named_params! {
            ":company": company.0, ":process": process, ":flow": flow.code(), ":now": now.as_micros(),
        },
        |row| row.get(0),
    )?)
}

/// Adds a piece to a file that is being written; false if it no longer is.
pub fn append(tx: &WriteTx<'_>, file: i64, number: i64, bytes: &[u8], now: Timestamp) -> Result<bool, StoreError> {
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let known = tx
        .prepare_cached(
            "UPDATE account_files SET size = size + :length, written_at = :now WHERE id = :file AND state = 0",
        )?
        .execute(named_params! { ":file": file, ":length": length, ":now": now.as_micros() })?;
    if known == 0 {
        return Ok(false);
    }
    tx.prepare_cached("INSERT INTO account_chunks (file_id, number, bytes) VALUES (:file, :number, :bytes)")?
        .execute(named_params! { ":file": file, ":number": number, ":bytes": bytes })?;
    Ok(true)
}

/// Takes room for `length` bytes of a company's data files; false if they would be more than `cap`.
pub fn take_room(tx: &WriteTx<'_>, company: CompanyId, length: i64, cap: i64) -> Result<bool, StoreError> {
    tx.prepare_cached(
        "INSERT INTO account_storage (company_id, bytes) VALUES (:company, 0) ON CONFLICT (company_id) DO NOTHING",
    )?
    .execute(named_params! { ":company": company.0 })?;
    let taken = tx
        .prepare_cached(
            "UPDATE account_storage SET bytes = bytes + :length WHERE company_id = :company AND bytes + :length <= :cap",
        )?
        .execute(named_params! { ":company": company.0, ":length": length, ":cap": cap })?;
    Ok(taken > 0)
}

/// Shows a file that is written; false if it was given up meanwhile.
pub fn publish(tx: &WriteTx<'_>, file: i64, sha256: &[u8; 32], now: Timestamp) -> Result<bool, StoreError> {
    let published = tx
        .prepare_cached(
            "UPDATE account_files SET state = 1, sha256 = :sha256, written_at = :now WHERE id = :file AND state = 0",
        )?
        .execute(named_params! { ":file": file, ":sha256": sha256, ":now": now.as_micros() })?;
    Ok(published > 0)
}

/// One piece of a file; `None` past its end, or once it is being removed.
pub fn chunk(conn: &Conn, file: i64, number: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT c.bytes FROM account_files f JOIN account_chunks c ON c.file_id = f.id AND c.number = :number
         WHERE f.id = :file AND f.state = 1",
    )?;
    Ok(statement.query_row(named_params! { ":file": file, ":number": number }, |row| row.get(0)).optional()?)
}

/// Gives up a file that is being written; one that was finished stays.
pub fn give_up(tx: &WriteTx<'_>, file: i64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE account_files SET state = 2 WHERE id = :file AND state = 0")?
        .execute(named_params! { ":file": file })?;
    Ok(())
}

/// Hides a file that is there, to be removed.
pub fn hide(tx: &WriteTx<'_>, file: i64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE account_files SET state = 2 WHERE id = :file AND state = 1")?
        .execute(named_params! { ":file": file })?;
    Ok(())
}

/// Gives up what nobody has written to since `before` and nobody has finished.
pub fn give_up_stalled(tx: &WriteTx<'_>, before: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE account_files SET state = 2 WHERE state = 0 AND written_at <= :before")?
        .execute(named_params! { ":before": before.as_micros() })?;
    Ok(())
}

/// The statement of [`given_up`].
pub const GIVEN_UP: &str = "SELECT id FROM account_files WHERE state = 2 ORDER BY written_at LIMIT 1";

/// A file that is to be removed, of any company.
pub fn given_up(conn: &Conn) -> Result<Option<i64>, StoreError> {
    Ok(conn.prepare_cached(GIVEN_UP)?.query_row([], |row| row.get(0)).optional()?)
}

/// Removes up to `limit` pieces of a file that was given up or hidden, with the file once none is left; whether nothing
/// is left to be done. Any other file stays as it is.
pub fn remove_slice(tx: &WriteTx<'_>, file: i64, limit: usize) -> Result<bool, StoreError> {
    let mut statement = tx.prepare_cached(
        "DELETE FROM account_chunks WHERE id IN (
             SELECT c.id FROM account_files f JOIN account_chunks c ON c.file_id = f.id
             WHERE f.id = :file AND f.state = 2 ORDER BY c.number LIMIT :limit)
         RETURNING length(bytes)",
    )?;
    let lengths = statement
        .query_map(named_params! { ":file": file, ":limit": at_most(limit) }, |row| row.get::<_, i64>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    tx.prepare_cached(
        "UPDATE account_storage SET bytes = bytes - :length
         WHERE company_id = (SELECT company_id FROM account_files WHERE id = :file)",
    )?
    .execute(named_params! { ":file": file, ":length": lengths.iter().sum::<i64>() })?;
    if lengths.len() == limit {
        return Ok(false);
    }
    tx.prepare_cached("DELETE FROM account_files WHERE id = :file AND state = 2")?
        .execute(named_params! { ":file": file })?;
    Ok(true)
}

/// The companies whose noted bytes of data files are not those that are there.
pub fn miscounted(conn: &Conn) -> Result<Vec<i64>, StoreError> {
    let mut statement = conn.prepare(
        "SELECT s.company_id FROM account_storage s
         WHERE s.bytes <> (SELECT ifnull(sum(f.size), 0) FROM account_files f
                           WHERE f.company_id = s.company_id AND f.state <> 2)
           AND NOT EXISTS (SELECT 1 FROM account_files g WHERE g.company_id = s.company_id AND g.state = 2)",
    )?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
