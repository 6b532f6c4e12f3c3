//! Statements on `companies`.

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use uuid::Uuid;

use super::{checked, guid, instant, instant_option};
use crate::auth::model::{Company, CompanyId, CompanyKey, CompanyName, folded};
use crate::clock::Timestamp;
use crate::store::{StoreError, WriteTx};

fn company(row: &Row<'_>) -> rusqlite::Result<Company> {
    Ok(Company {
        id: CompanyId(row.get(0)?),
        guid: guid(row, 1)?,
        key: checked(row, 2, CompanyKey::parse)?,
        name: checked(row, 3, CompanyName::parse)?,
        enabled: row.get(4)?,
        created_at: instant(row, 5)?,
        edited_at: instant_option(row, 6)?,
    })
}

/// Adds a company.
pub fn insert(
    tx: &WriteTx<'_>,
    guid: Uuid,
    key: &CompanyKey,
    name: &CompanyName,
    now: Timestamp,
) -> Result<CompanyId, StoreError> {
    tx.prepare_cached(
        "INSERT INTO companies (guid, key, key_folded, name, enabled, created_at)
         VALUES (:guid, :key, :key_folded, :name, 1, :now)",
    )?
    .execute(named_params! {
        ":guid": guid.to_string(),
        ":key": key.as_str(),
        ":key_folded": folded(key.as_str()),
        ":name": name.as_str(),
        ":now": now.as_micros(),
    })?;
    Ok(CompanyId(tx.last_insert_rowid()))
}

/// The company with this row key.
pub fn get(conn: &Connection, id: CompanyId) -> Result<Option<Company>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT id, guid, key, name, enabled, created_at, edited_at FROM companies WHERE id = :id")?
        .query_row(named_params! { ":id": id.0 }, company)
        .optional()?)
}

/// The company with this key, in any case.
pub fn find(conn: &Connection, key: &str) -> Result<Option<Company>, StoreError> {
    // Relies on the unique index on key_folded.
    Ok(conn
        .prepare_cached(
            "SELECT id, guid, key, name, enabled, created_at, edited_at FROM companies WHERE key_folded = :key",
        )?
        .query_row(named_params! { ":key": folded(key) }, company)
        .optional()?)
}

/// Up to `limit` companies whose folded key comes after `after`, in that order.
pub fn list(conn: &Connection, after: &str, limit: usize) -> Result<Vec<Company>, StoreError> {
    // Relies on the unique index on key_folded.
    Ok(conn
        .prepare_cached(
            "SELECT id, guid, key, name, enabled, created_at, edited_at FROM companies
             WHERE key_folded > :after ORDER BY key_folded LIMIT :limit",
        )?
        .query_map(named_params! { ":after": after, ":limit": i64::try_from(limit).unwrap_or(i64::MAX) }, company)?
        .collect::<Result<_, _>>()?)
}

/// Changes name and state.
pub fn update(
    tx: &WriteTx<'_>,
    id: CompanyId,
    name: &CompanyName,
    enabled: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE companies SET name = :name, enabled = :enabled, edited_at = :now WHERE id = :id")?
        .execute(named_params! {
            ":id": id.0,
            ":name": name.as_str(),
            ":enabled": enabled,
            ":now": now.as_micros(),
        })?;
    Ok(())
}
