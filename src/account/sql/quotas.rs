//! Statements on `account_quotas`.

use rusqlite::{OptionalExtension, Row, named_params};

use super::{at_most, kind};
use crate::account::model::Kind;
use crate::account::quota::Limits;
use crate::auth::model::{CompanyId, UserId};
use crate::store::{Conn, StoreError, WriteTx};

fn limits(row: &Row<'_>, column: usize) -> Result<Limits, rusqlite::Error> {
    Ok(Limits {
        points_per_request: row.get(column)?,
        points_per_day: row.get(column + 1)?,
        max_concurrent_execution: row.get(column + 2)?,
    })
}

/// The limits of a user for a kind of work, if there are any.
pub fn find(conn: &Conn, company: CompanyId, user: UserId, kind: Kind) -> Result<Option<Limits>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT points_per_request, points_per_day, max_concurrent_execution FROM account_quotas
         WHERE company_id = :company AND user_id = :user AND service = :service AND process_type = :process_type",
    )?;
    let found = statement.query_row(
        named_params! {
            ":company": company.0, ":user": user.0, ":service": kind.service.code(),
            ":process_type": kind.process_type.code(),
        },
        |row| limits(row, 0),
    );
    Ok(found.optional()?)
}

/// Every limit of a user, by service and type.
pub fn of_user(conn: &Conn, company: CompanyId, user: UserId) -> Result<Vec<(Kind, Limits)>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT service, process_type, points_per_request, points_per_day, max_concurrent_execution
         FROM account_quotas WHERE company_id = :company AND user_id = :user ORDER BY service, process_type",
    )?;
    let rows = statement.query_map(named_params! { ":company": company.0, ":user": user.0 }, |row| {
        Ok((kind(row, 0)?, limits(row, 2)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether the company limits anybody.
pub fn any(conn: &Conn, company: CompanyId) -> Result<bool, StoreError> {
    // Relies on the primary key.
    Ok(conn
        .prepare_cached("SELECT 1 FROM account_quotas WHERE company_id = :company LIMIT 1")?
        .exists(named_params! { ":company": company.0 })?)
}

/// A limit with the user it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// The user.
    pub user: UserId,
    /// Its name.
    pub username: String,
    /// The kind of work.
    pub kind: Kind,
    /// The limits.
    pub limits: Limits,
}

/// Up to `limit` of the company's limits after `after`, by user, service and type.
pub fn list(conn: &Conn, company: CompanyId, after: (i64, i64, i64), limit: usize) -> Result<Vec<Quota>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT q.user_id, u.username, q.service, q.process_type, q.points_per_request, q.points_per_day,
                q.max_concurrent_execution
         FROM account_quotas q JOIN users u ON u.id = q.user_id
         WHERE q.company_id = :company AND (q.user_id, q.service, q.process_type) > (:user, :service, :process_type)
         ORDER BY q.user_id, q.service, q.process_type LIMIT :limit",
    )?;
    let (user, service, process_type) = after;
    let rows = statement.query_map(
        named_params! {
            ":company": company.0, ":user": user, ":service": service, ":process_type": process_type,
            ":limit": at_most(limit),
        },
        |row| {
            Ok(Quota { user: UserId(row.get(0)?), username: row.get(1)?, kind: kind(row, 2)?, limits: limits(row, 4)? })
        },
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Sets the limits of a user for a kind of work.
pub fn set(tx: &WriteTx<'_>, company: CompanyId, user: UserId, kind: Kind, limits: &Limits) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO account_quotas (company_id, user_id, service, process_type, points_per_request, points_per_day,
                                     max_concurrent_execution)
         VALUES (:company, :user, :service, :process_type, :request, :day, :concurrent)
         ON CONFLICT (company_id, user_id, service, process_type) DO UPDATE
         SET points_per_request = excluded.points_per_request, points_per_day = excluded.points_per_day,
             max_concurrent_execution = excluded.max_concurrent_execution",
    )?
    .execute(named_params! {
        ":company": company.0, ":user": user.0, ":service": kind.service.code(),
        ":process_type": kind.process_type.code(), ":request": limits.points_per_request,
        ":day": limits.points_per_day, ":concurrent": limits.max_concurrent_execution,
    })?;
    Ok(())
}

/// Lifts the limits of a user for a kind of work; false if there were none.
pub fn delete(tx: &WriteTx<'_>, company: CompanyId, user: UserId, kind: Kind) -> Result<bool, StoreError> {
    let deleted = tx
        .prepare_cached(
            "DELETE FROM account_quotas
             WHERE company_id = :company AND user_id = :user AND service = :service AND process_type = :process_type",
        )?
        .execute(named_params! {
            ":company": company.0, ":user": user.0, ":service": kind.service.code(),
            ":process_type": kind.process_type.code(),
        })?;
    Ok(deleted > 0)
}
