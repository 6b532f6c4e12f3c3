//! Statements on `nomenclature_import_states`: how imports stood at any moment since.

use rusqlite::named_params;

use super::{FOREVER, at_most};
use crate::auth::model::{CompanyId, UserId};
use crate::nomenclature::model::{Import, Status};
use crate::store::{Conn, StoreError, WriteTx};

/// Notes how an import stands now.
pub fn note(tx: &WriteTx<'_>, import: &Import) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO nomenclature_import_states (import_id, company_id, user_id, status, deleted, created_at, updated_at)
         VALUES (:import, :company, :user, :status, :deleted, :created, :updated) RETURNING id",
    )?;
    let id: i64 = statement.query_row(
        named_params! {
            ":import": import.id,
            ":company": import.company.0,
            ":user": import.user.0,
            ":status": import.status.number(),
            ":deleted": import.deleted_at.is_some(),
            ":created": import.created_at.as_micros(),
            ":updated": import.updated_at.as_micros(),
        },
        |row| row.get(0),
    )?;
    // Relies on nomenclature_import_states_of.
    tx.prepare_cached(
        "UPDATE nomenclature_import_states SET until = :id
         WHERE import_id = :import AND id < :id AND until = :forever",
    )?
    .execute(named_params! { ":id": id, ":import": import.id, ":forever": FOREVER })?;
    Ok(())
}

/// The number of the latest change of any import.
pub fn latest(conn: &Conn) -> Result<i64, StoreError> {
    Ok(conn
        .prepare_cached("SELECT ifnull(max(id), 0) FROM nomenclature_import_states")?
        .query_row([], |row| row.get(0))?)
}

/// Which imports of a user to list, and as of which change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Their company.
    pub company: CompanyId,
    /// Who asked for them.
    pub user: UserId,
    /// As of the change with this number.
    pub moment: i64,
    /// Made from this instant on, and before that one.
    pub created: (i64, i64),
    /// Changed from this instant on, and before that one.
    pub updated: (i64, i64),
    /// In one of these states.
    pub statuses: Vec<Status>,
}

impl Query {
    /// Which statuses pass, as bits.
    fn bits(&self) -> i64 {
        self.statuses.iter().fold(0, |bits, status| bits | 1 << status.number())
    }
}

/// How many there are.
pub fn count(conn: &Conn, query: &Query) -> Result<i64, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT count(*) FROM nomenclature_import_states
         WHERE company_id = :company AND user_id = :user AND id <= :moment AND until > :moment AND deleted = 0
           AND created_at >= :created_from AND created_at < :created_to
           AND updated_at >= :updated_from AND updated_at < :updated_to
           AND (:statuses >> status) & 1",
    )?;
    Ok(statement.query_row(
        named_params! {
            ":company": query.company.0,
            ":user": query.user.0,
            ":moment": query.moment,
            ":created_from": query.created.0,
            ":created_to": query.created.1,
            ":updated_from": query.updated.0,
            ":updated_to": query.updated.1,
            ":statuses": query.bits(),
        },
        |row| row.get(0),
    )?)
}

/// In which order they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The earliest made first.
    CreatedAsc,
    /// The latest made first.
    CreatedDesc,
    /// The longest unchanged first.
    UpdatedAsc,
    /// The latest changed first.
    UpdatedDesc,
}

/// Relies on `nomenclature_import_states_by_creation`.
pub const CREATED_ASC: &str = "
    SELECT created_at, import_id FROM nomenclature_import_states
    WHERE company_id = :company AND user_id = :user AND id <= :moment AND until > :moment AND deleted = 0
      AND created_at >= :created_from AND created_at < :created_to
      AND updated_at >= :updated_from AND updated_at < :updated_to
      AND (:statuses >> status) & 1 AND (created_at, import_id) > (:at, :import)
    ORDER BY created_at, import_id LIMIT :limit";

/// The same backwards.
pub const CREATED_DESC: &str = "
    SELECT created_at, import_id FROM nomenclature_import_states
    WHERE company_id = :company AND user_id = :user AND id <= :moment AND until > :moment AND deleted = 0
      AND created_at >= :created_from AND created_at < :created_to
      AND updated_at >= :updated_from AND updated_at < :updated_to
      AND (:statuses >> status) & 1 AND (created_at, import_id) < (:at, :import)
    ORDER BY created_at DESC, import_id DESC LIMIT :limit";

/// Relies on `nomenclature_import_states_by_update`.
pub const UPDATED_ASC: &str = "
    SELECT updated_at, import_id FROM nomenclature_import_states
    WHERE company_id = :company AND user_id = :user AND id <= :moment AND until > :moment AND deleted = 0
      AND created_at >= :created_from AND created_at < :created_to
      AND updated_at >= :updated_from AND updated_at < :updated_to
      AND (:statuses >> status) & 1 AND (updated_at, import_id) > (:at, :import)
    ORDER BY updated_at, import_id LIMIT :limit";

/// The same backwards.
pub const UPDATED_DESC: &str = "
    SELECT updated_at, import_id FROM nomenclature_import_states
    WHERE company_id = :company AND user_id = :user AND id <= :moment AND until > :moment AND deleted = 0
      AND created_at >= :created_from AND created_at < :created_to
      AND updated_at >= :updated_from AND updated_at < :updated_to
      AND (:statuses >> status) & 1 AND (updated_at, import_id) < (:at, :import)
    ORDER BY updated_at DESC, import_id DESC LIMIT :limit";

/// Up to `limit` imports, each as the instant it is ordered by and its row key, after the one named so; `None`: from the
/// beginning.
pub fn list(
    conn: &Conn,
    query: &Query,
    order: Order,
    after: Option<(i64, i64)>,
    limit: usize,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let (statement, start) = match order {
        Order::CreatedAsc => (CREATED_ASC, i64::MIN),
        Order::CreatedDesc => (CREATED_DESC, i64::MAX),
        Order::UpdatedAsc => (UPDATED_ASC, i64::MIN),
        Order::UpdatedDesc => (UPDATED_DESC, i64::MAX),
    };
    let (at, import) = after.unwrap_or((start, start));
    let mut statement = conn.prepare_cached(statement)?;
    let rows = statement.query_map(
        named_params! {
            ":company": query.company.0,
            ":user": query.user.0,
            ":moment": query.moment,
            ":created_from": query.created.0,
            ":created_to": query.created.1,
            ":updated_from": query.updated.0,
            ":updated_to": query.updated.1,
            ":statuses": query.bits(),
            ":at": at,
            ":import": import,
            ":limit": at_most(limit),
        },
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}
