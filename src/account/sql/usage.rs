//! Statements on `account_usage`.

use rusqlite::{OptionalExtension, Row, named_params};

use super::{day, kind};
use crate::account::model::{Day, Kind, KindFilter, ProcessType, Service};
use crate::account::period::Period;
use crate::account::usage::{DayUsage, Usage};
use crate::auth::model::{CompanyId, UserId};
use crate::store::{Conn, StoreError, WriteTx};

/// Whose usage, of which day and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cell {
    /// The company.
    pub company: CompanyId,
    /// The user.
    pub user: UserId,
    /// The user's local day.
    pub day: Day,
    /// The kind of work.
    pub kind: Kind,
}

fn usage(row: &Row<'_>, column: usize) -> Result<Usage, rusqlite::Error> {
    Ok(Usage {
        processes: row.get(column)?,
        points: row.get(column + 1)?,
        unique_points: row.get(column + 2)?,
        elements: row.get(column + 3)?,
    })
}

/// What a day has so far; nothing is nothing.
pub fn get(conn: &Conn, cell: Cell) -> Result<Usage, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT processes, points, unique_points, elements FROM account_usage
         WHERE company_id = :company AND user_id = :user AND day = :day AND service = :service
           AND process_type = :process_type",
    )?;
    let found = statement.query_row(
        named_params! {
            ":company": cell.company.0, ":user": cell.user.0, ":day": cell.day.number(),
            ":service": cell.kind.service.code(), ":process_type": cell.kind.process_type.code(),
        },
        |row| usage(row, 0),
    );
    Ok(found.optional()?.unwrap_or_default())
}

/// Says what a day has.
pub fn set(tx: &WriteTx<'_>, cell: Cell, usage: Usage) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO account_usage (company_id, user_id, day, service, process_type, processes, points, unique_points,
                                    elements)
         VALUES (:company, :user, :day, :service, :process_type, :processes, :points, :unique_points, :elements)
         ON CONFLICT (company_id, user_id, day, service, process_type) DO UPDATE
         SET processes = excluded.processes, points = excluded.points, unique_points = excluded.unique_points,
             elements = excluded.elements",
    )?
    .execute(named_params! {
        ":company": cell.company.0, ":user": cell.user.0, ":day": cell.day.number(),
        ":service": cell.kind.service.code(), ":process_type": cell.kind.process_type.code(),
        ":processes": usage.processes, ":points": usage.points, ":unique_points": usage.unique_points,
        ":elements": usage.elements,
    })?;
    Ok(())
}

/// Whose usage of when is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The company.
    pub company: CompanyId,
    /// One user of it; `None`: all.
    pub user: Option<UserId>,
    /// The days.
    pub period: Period,
    /// The kinds of work.
    pub filter: KindFilter,
}

/// The statement of [`each_of_user`]: the primary key alone, in its order.
pub const OF_USER: &str = "SELECT day, service, process_type, processes, points, unique_points, elements
     FROM account_usage
     WHERE company_id = :company AND user_id = :user AND day BETWEEN :from AND :to
       AND (:service IS NULL OR service = :service) AND (:process_type IS NULL OR process_type = :process_type)
     ORDER BY day, service, process_type";

/// The statement of [`each_of_company`]: relies on `account_usage_by_day` for the order.
pub const OF_COMPANY: &str = "SELECT day, service, process_type, processes, points, unique_points, elements, user_id
     FROM account_usage INDEXED BY account_usage_by_day
     WHERE company_id = :company AND day BETWEEN :from AND :to
       AND (:service IS NULL OR service = :service) AND (:process_type IS NULL OR process_type = :process_type)
     ORDER BY day, user_id, service, process_type";

/// Hands each day and kind of one user to `take`, by day, service and type.
pub fn each_of_user<E: From<StoreError>>(
    conn: &Conn,
    span: &Span,
    user: UserId,
    mut take: impl FnMut(DayUsage) -> Result<(), E>,
) -> Result<(), E> {
    let mut statement = conn.prepare_cached(OF_USER).map_err(StoreError::from)?;
    let mut rows = statement
        .query(named_params! {
            ":company": span.company.0, ":user": user.0, ":from": span.period.from.number(),
            ":to": span.period.to.number(), ":service": span.filter.service.map(Service::code),
            ":process_type": span.filter.process_type.map(ProcessType::code),
        })
        .map_err(StoreError::from)?;
    while let Some(row) = rows.next().map_err(StoreError::from)? {
        take(day_usage(row).map_err(StoreError::from)?)?;
    }
    Ok(())
}

/// Hands each user, day and kind of the company to `take`, by day, user, service and type.
pub fn each_of_company<E: From<StoreError>>(
    conn: &Conn,
    span: &Span,
    mut take: impl FnMut(UserId, DayUsage) -> Result<(), E>,
) -> Result<(), E> {
    let mut statement = conn.prepare_cached(OF_COMPANY).map_err(StoreError::from)?;
    let mut rows = statement
        .query(named_params! {
            ":company": span.company.0, ":from": span.period.from.number(), ":to": span.period.to.number(),
            ":service": span.filter.service.map(Service::code),
            ":process_type": span.filter.process_type.map(ProcessType::code),
        })
        .map_err(StoreError::from)?;
    while let Some(row) = rows.next().map_err(StoreError::from)? {
        let user = UserId(row.get(7).map_err(StoreError::from)?);
        take(user, day_usage(row).map_err(StoreError::from)?)?;
    }
    Ok(())
}

fn day_usage(row: &Row<'_>) -> Result<DayUsage, rusqlite::Error> {
    Ok(DayUsage { day: day(row, 0)?, kind: kind(row, 1)?, usage: usage(row, 3)? })
}
