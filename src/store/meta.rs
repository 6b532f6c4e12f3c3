//! What the installation as a whole remembers, in the table `meta`.
//!
//! Must not know: any domain.

use rusqlite::{OptionalExtension, named_params};

use super::{Conn, StoreError, WriteTx};
use crate::clock::Timestamp;

/// The installation's id, once it has one.
pub fn instance(conn: &Conn) -> Result<Option<String>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT value FROM meta WHERE key = 'instance'")?
        .query_row([], |row| row.get(0))
        .optional()?)
}

/// Gives the installation an id unless it has one; says which it has.
pub fn set_instance(tx: &WriteTx<'_>, id: &str) -> Result<String, StoreError> {
    tx.prepare_cached("INSERT OR IGNORE INTO meta (key, value) VALUES ('instance', :id)")?
        .execute(named_params! { ":id": id })?;
    Ok(instance(tx)?.unwrap_or_else(|| id.to_owned()))
}

/// That nothing goes out to other people's servers for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Since when.
    pub since: Timestamp,
}

/// Whether what goes out is held.
pub fn held(conn: &Conn) -> Result<Option<Held>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT value FROM meta WHERE key = 'outgoing_held'")?
        .query_row([], |row| row.get(0).map(|micros| Held { since: Timestamp::from_micros(micros) }))
        .optional()?)
}

/// Holds what goes out, unless it is held already.
pub fn hold(tx: &WriteTx<'_>, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT OR IGNORE INTO meta (key, value) VALUES ('outgoing_held', :now)")?
        .execute(named_params! { ":now": now.as_micros() })?;
    Ok(())
}

/// Lets go out what was held; whether anything was.
pub fn release(tx: &WriteTx<'_>) -> Result<bool, StoreError> {
    Ok(tx.prepare_cached("DELETE FROM meta WHERE key = 'outgoing_held'")?.execute([])? > 0)
}

/// What came of the last restore drill, as it was kept.
pub fn drill_outcome(conn: &Conn) -> Result<Option<String>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT value FROM meta WHERE key = 'restore_drill'")?
        .query_row([], |row| row.get(0))
        .optional()?)
}

/// Keeps what came of a restore drill.
pub fn keep_drill_outcome(tx: &WriteTx<'_>, outcome: &str) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO meta (key, value) VALUES ('restore_drill', :outcome)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )?
    .execute(named_params! { ":outcome": outcome })?;
    Ok(())
}

/// Whether the database was made for tests: only then may test controls reset it and fixtures bring their own secrets.
pub fn is_for_tests(conn: &Conn) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM meta WHERE key = 'for_tests')")?
        .query_row([], |row| row.get(0))?)
}

/// Marks a database that was just made as one for tests.
pub fn mark_for_tests(tx: &WriteTx<'_>) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT OR IGNORE INTO meta (key, value) VALUES ('for_tests', 1)")?.execute([])?;
    Ok(())
}
