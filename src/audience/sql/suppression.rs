//! Statements on `audience_suppressed`.

use rusqlite::{OptionalExtension, named_params};

use super::at_most;
use crate::audience::model::{Address, AddressKind};
use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

/// An address on a company's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressed {
    /// The address.
    pub address: Address,
    /// Since when.
    pub created_at: Timestamp,
}

/// Whether the address is on the list.
pub fn has(conn: &Conn, company: CompanyId, kind: AddressKind, value: &str) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT 1 FROM audience_suppressed WHERE company_id = :company AND kind = :kind AND value = :value",
        )?
        .query_row(named_params! { ":company": company.0, ":kind": kind.word(), ":value": value }, |_| Ok(()))
        .optional()?
        .is_some())
}

/// Puts an address on the list; false: it was there.
pub fn insert(tx: &WriteTx<'_>, company: CompanyId, address: &Address, now: Timestamp) -> Result<bool, StoreError> {
    let added = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO audience_suppressed (company_id, kind, value, address, created_at)
             VALUES (:company, :kind, :value, :address, :now)",
        )?
        .execute(named_params! {
            ":company": company.0, ":kind": address.kind.word(), ":value": address.value, ":address": address.shown,
            ":now": now.as_micros(),
        })?;
    Ok(added > 0)
}

/// Takes an address from the list; false: it was not there.
pub fn delete(tx: &WriteTx<'_>, company: CompanyId, address: &Address) -> Result<bool, StoreError> {
    let removed = tx
        .prepare_cached(
            "DELETE FROM audience_suppressed WHERE company_id = :company AND kind = :kind AND value = :value",
        )?
        .execute(named_params! { ":company": company.0, ":kind": address.kind.word(), ":value": address.value })?;
    Ok(removed > 0)
}

/// Up to `limit` addresses after the one given, by kind and value.
pub fn list(conn: &Conn, company: CompanyId, after: (&str, &str), limit: usize) -> Result<Vec<Suppressed>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT kind, value, address, created_at FROM audience_suppressed
         WHERE company_id = :company AND (kind, value) > (:kind, :value) ORDER BY kind, value LIMIT :limit",
    )?;
    let rows = statement.query_map(
        named_params! { ":company": company.0, ":kind": after.0, ":value": after.1, ":limit": at_most(limit) },
        |row| {
            let kind: String = row.get(0)?;
            // The schema admits two words.
            let kind = AddressKind::parse(&kind).unwrap_or(AddressKind::Phone);
            Ok(Suppressed {
                address: Address { kind, value: row.get(1)?, shown: row.get(2)? },
                created_at: Timestamp::from_micros(row.get(3)?),
            })
        },
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}
