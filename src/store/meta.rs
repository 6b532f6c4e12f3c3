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
