//! Statements on `action_days`.

use rusqlite::{OptionalExtension, named_params};

use crate::audit::model::{CalculationStatus, NewAction, ProcessType, Service, Wanted};
use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

/// Microseconds of a day.
pub const DAY: i64 = 24 * 3600 * 1_000_000;

/// What stands for the server itself among users.
const SERVER: i64 = 0;

/// What stands for all of them.
const EVERYONE: i64 = -1;

/// The UTC day an instant lies in, as days since 1970-01-01.
pub fn day_of(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(DAY)
}

/// The companies that have actions.
pub fn companies(conn: &Conn) -> Result<Vec<CompanyId>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT id FROM companies WHERE EXISTS (SELECT 1 FROM action_days WHERE company_id = companies.id)
                OR EXISTS (SELECT 1 FROM actions WHERE company_id = companies.id) ORDER BY id",
    )?;
    let rows = statement.query_map([], |row| Ok(CompanyId(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The first day of a company on which its counters and its actions disagree. It reads all of them.
pub fn first_wrong(conn: &Conn, company: CompanyId) -> Result<Option<i64>, StoreError> {
    // Relies on actions_by_time, which has every column that is counted. Floor division: days before 1970 are days too.
    Ok(conn
        .prepare_cached(
            "SELECT day FROM (
                 SELECT day, user_id, service, process_type, operation, status, count AS n FROM action_days
                 WHERE company_id = :company
                 UNION ALL
                 SELECT (time - iif(time < 0, 86399999999, 0)) / 86400000000, ifnull(user_id, 0), service,
                        process_type, operation, status, -1
                 FROM actions WHERE company_id = :company
                 UNION ALL
                 SELECT (time - iif(time < 0, 86399999999, 0)) / 86400000000, -1, service,
                        process_type, operation, status, -1
                 FROM actions WHERE company_id = :company)
             GROUP BY day, user_id, service, process_type, operation, status HAVING sum(n) <> 0
             ORDER BY day LIMIT 1",
        )?
        .query_row(named_params! { ":company": company.0 }, |row| row.get(0))
        .optional()?)
}

/// How many actions of a day there are, and how many of them pass a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCount {
    /// Days since 1970-01-01.
    pub day: i64,
    /// Whatever they are.
    pub overall: u64,
    /// Those that pass.
    pub filtered: u64,
}

/// The days from `first` to `last` that have actions, in order. `user` is no filter: it bounds what there is.
pub fn counts(conn: &Conn, wanted: &Wanted, first: i64, last: i64) -> Result<Vec<DayCount>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT day, sum(count),
                sum(iif((:service IS NULL OR service = :service) AND (:type IS NULL OR process_type = :type)
                        AND (:operation IS NULL OR operation = :operation) AND (:status IS NULL OR status = :status),
                        count, 0))
         FROM action_days
         WHERE company_id = :company AND user_id = :user AND day BETWEEN :first AND :last
         GROUP BY day HAVING sum(count) > 0 ORDER BY day",
    )?;
    let rows = statement.query_map(
        named_params! {
            ":company": wanted.company.0,
            ":user": wanted.user.map_or(EVERYONE, |user| user.0),
            ":service": wanted.service.map(Service::code),
            ":type": wanted.process_type.map(ProcessType::code),
            ":operation": wanted.operation,
            ":status": wanted.status.map(CalculationStatus::code),
            ":first": first,
            ":last": last,
        },
        |row| {
            let (overall, filtered): (i64, i64) = (row.get(1)?, row.get(2)?);
            Ok(DayCount { day: row.get(0)?, overall: overall.unsigned_abs(), filtered: filtered.unsigned_abs() })
        },
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What a counter is of, but for whom: of a user and of everyone it is counted alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Counter {
    company: CompanyId,
    user: i64,
    day: i64,
    service: u8,
    process_type: u8,
    status: u8,
    operation: String,
}

impl Counter {
    /// The one that counts an action while it has this status.
    pub fn of(action: &NewAction, status: CalculationStatus) -> Self {
        Self {
            company: action.company,
            user: action.user.map_or(SERVER, |user| user.0),
            day: day_of(action.time.at),
            service: action.service.code(),
            process_type: action.process_type.code(),
            status: status.code(),
            operation: action.operation.clone(),
        }
    }
}

/// Counts so many more actions.
pub fn add(tx: &WriteTx<'_>, counter: &Counter, more: u32) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO action_days (company_id, day, user_id, service, process_type, operation, status, count)
         VALUES (:company, :day, :user, :service, :type, :operation, :status, :more),
                (:company, :day, :everyone, :service, :type, :operation, :status, :more)
         ON CONFLICT (company_id, user_id, day, service, process_type, operation, status)
         DO UPDATE SET count = count + :more",
    )?
    .execute(named_params! {
        ":company": counter.company.0,
        ":day": counter.day,
        ":user": counter.user,
        ":everyone": EVERYONE,
        ":service": counter.service,
        ":type": counter.process_type,
        ":operation": counter.operation,
        ":status": counter.status,
        ":more": more,
    })?;
    Ok(())
}

/// Counts so many actions no longer.
pub fn remove(tx: &WriteTx<'_>, counter: &Counter, fewer: u32) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE action_days SET count = count - :fewer
         WHERE company_id = :company AND user_id IN (:user, :everyone) AND day = :day AND service = :service
               AND process_type = :type AND operation = :operation AND status = :status",
    )?
    .execute(named_params! {
        ":company": counter.company.0,
        ":day": counter.day,
        ":user": counter.user,
        ":everyone": EVERYONE,
        ":service": counter.service,
        ":type": counter.process_type,
        ":operation": counter.operation,
        ":status": counter.status,
        ":fewer": fewer,
    })?;
    Ok(())
}
