//! Whether the file is whole, as far as SQLite can tell.
//!
//! Must not know: what the tables mean.

use super::{Conn, StoreError};

/// What is wrong with the file, one sentence each: every page and index when `pages` is set, and every reference
/// between tables.
pub fn integrity(conn: &Conn, pages: bool) -> Result<Vec<String>, StoreError> {
    let mut findings = if pages { self::pages(conn)? } else { Vec::new() };
    findings.extend(references(conn)?);
    Ok(findings)
}

/// What is wrong with pages and indexes.
pub(super) fn pages(conn: &Conn) -> Result<Vec<String>, StoreError> {
    let mut statement = conn.prepare("PRAGMA integrity_check(100)")?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").map(|line| format!("integrity: {line}")).collect())
}

/// Which rows name others that are not there.
pub(super) fn references(conn: &Conn) -> Result<Vec<String>, StoreError> {
    let mut findings = Vec::new();
    let mut statement = conn.prepare("PRAGMA foreign_key_check")?;
    let orphans = statement.query_map([], |row| {
        let (table, row_id, parent): (String, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let which = row_id.map_or_else(|| "a row".to_owned(), |id| format!("row {id}"));
        Ok(format!("reference: {which} of {table} names a row of {parent} that is not there"))
    })?;
    for orphan in orphans.take(100) {
        findings.push(orphan?);
    }
    Ok(findings)
}
