//! What the installation as a whole remembers, in the table `meta`.
//!
//! Must not know: any domain.

use rusqlite::{OptionalExtension, named_params};

use super::{Conn, StoreError, WriteTx};

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
