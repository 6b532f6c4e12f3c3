//! Statements on `account_processes` and `account_requests`.

use rusqlite::{OptionalExtension, Row, named_params};
use uuid::Uuid;

use super::{at_most, day, kind, status};
use crate::account::model::{CalculationStatus, Day, Kind, Print};
use crate::auth::model::{CompanyId, UserId};
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

/// A process as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Row key.
    pub id: i64,
    /// Whom it is for.
    pub user: UserId,
    /// The company's code for it.
    pub code: Uuid,
    /// What it is.
    pub kind: Kind,
    /// How it stands.
    pub status: CalculationStatus,
    /// When it began.
    pub time: Timestamp,
    /// Its user's local day then.
    pub day: Day,
    /// How many points.
    pub points: i64,
    /// How many elements.
    pub elements: i64,
    /// What it was started with.
    pub start_print: Print,
    /// What it ended with, if anybody said.
    pub finish_print: Option<Print>,
    /// Whether its end is still to come.
    pub open: bool,
}

fn process(row: &Row<'_>) -> Result<Process, rusqlite::Error> {
    Ok(Process {
        id: row.get(0)?,
        user: UserId(row.get(1)?),
        code: Uuid::from_bytes(row.get(2)?),
        kind: kind(row, 3)?,
        status: status(row, 5)?,
        time: Timestamp::from_micros(row.get(6)?),
        day: day(row, 7)?,
        points: row.get(8)?,
        elements: row.get(9)?,
        start_print: row.get(10)?,
        finish_print: row.get(11)?,
        open: row.get(12)?,
    })
}

/// The process with this code.
pub fn find(conn: &Conn, company: CompanyId, code: Uuid) -> Result<Option<Process>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, user_id, process_code, service, process_type, status, time, day, points, elements, start_print,
                finish_print, open
         FROM account_processes WHERE company_id = :company AND process_code = :code",
    )?;
    let found = statement.query_row(named_params! { ":company": company.0, ":code": code.as_bytes() }, process);
    Ok(found.optional()?)
}

/// Keeps a process of which something was heard at `now`; its row key. The one it is given with does not count.
pub fn insert(tx: &WriteTx<'_>, company: CompanyId, new: &Process, now: Timestamp) -> Result<i64, StoreError> {
    tx.prepare_cached(
        "INSERT INTO account_processes (company_id, user_id, process_code, service, process_type, status, time, day,
                                        points, elements, start_print, finish_print, open, heard_at)
         VALUES (:company, :user, :code, :service, :process_type, :status, :time, :day, :points, :elements,
                 :start_print, :finish_print, :open, :now)",
    )?
    .execute(named_params! {
        ":company": company.0, ":user": new.user.0, ":code": new.code.as_bytes(),
        ":service": new.kind.service.code(), ":process_type": new.kind.process_type.code(),
        ":status": new.status.code(), ":time": new.time.as_micros(), ":day": new.day.number(),
        ":points": new.points, ":elements": new.elements, ":start_print": new.start_print,
        ":finish_print": new.finish_print, ":open": new.open, ":now": now.as_micros(),
    })?;
    Ok(tx.last_insert_rowid())
}

/// Ends a process, with what was reported of its end or without a word of it.
pub fn finish(
    tx: &WriteTx<'_>,
    id: i64,
    status: CalculationStatus,
    elements: i64,
    print: Option<&Print>,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE account_processes SET status = :status, elements = :elements, finish_print = :print, open = 0
         WHERE id = :id",
    )?
    .execute(named_params! { ":id": id, ":status": status.code(), ":elements": elements, ":print": print })?;
    Ok(())
}

/// Notes that something was heard of a process whose end is still to come.
pub fn touch(tx: &WriteTx<'_>, id: i64, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE account_processes SET heard_at = :now WHERE id = :id AND open = 1")?
        .execute(named_params! { ":id": id, ":now": now.as_micros() })?;
    Ok(())
}

/// The statement of [`running`]: the partial index alone.
pub const RUNNING: &str = "SELECT count(*) FROM (
         SELECT 1 FROM account_processes
         WHERE company_id = :company AND user_id = :user AND service = :service AND process_type = :process_type
           AND open = 1
         LIMIT :limit)";

/// How many processes of a kind are under way for a user; counted up to `limit`.
pub fn running(conn: &Conn, company: CompanyId, user: UserId, kind: Kind, limit: i64) -> Result<i64, StoreError> {
    Ok(conn.prepare_cached(RUNNING)?.query_row(
        named_params! {
            ":company": company.0, ":user": user.0, ":service": kind.service.code(),
            ":process_type": kind.process_type.code(), ":limit": limit,
        },
        |row| row.get(0),
    )?)
}

/// The statement of [`silent`].
pub const SILENT: &str = "SELECT id, company_id, process_code FROM account_processes
     WHERE open = 1 AND heard_at <= :before ORDER BY heard_at LIMIT :limit";

/// Up to `limit` processes of every company whose end is still to come and of which nothing was heard since `before`.
pub fn silent(conn: &Conn, before: Timestamp, limit: usize) -> Result<Vec<(i64, CompanyId, Uuid)>, StoreError> {
    let mut statement = conn.prepare_cached(SILENT)?;
    let rows = statement
        .query_map(named_params! { ":before": before.as_micros(), ":limit": at_most(limit) }, |row| {
            Ok((row.get(0)?, CompanyId(row.get(1)?), Uuid::from_bytes(row.get(2)?)))
        })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Up to `limit` processes of a user that were reported before number `before`, the latest first.
pub fn list(
    conn: &Conn,
    company: CompanyId,
    user: UserId,
    before: i64,
    limit: usize,
) -> Result<Vec<Process>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, user_id, process_code, service, process_type, status, time, day, points, elements, start_print,
                finish_print, open
         FROM account_processes WHERE company_id = :company AND user_id = :user AND id < :before
         ORDER BY id DESC LIMIT :limit",
    )?;
    let rows = statement.query_map(
        named_params! { ":company": company.0, ":user": user.0, ":before": before, ":limit": at_most(limit) },
        process,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Up to `limit` processes of a user after row key `after`, in the order they were reported.
pub fn since(
    conn: &Conn,
    company: CompanyId,
    user: UserId,
    after: i64,
    limit: usize,
) -> Result<Vec<Process>, StoreError> {
    // Relies on account_processes_by_user.
    let mut statement = conn.prepare_cached(
        "SELECT id, user_id, process_code, service, process_type, status, time, day, points, elements, start_print,
                finish_print, open
         FROM account_processes WHERE company_id = :company AND user_id = :user AND id > :after ORDER BY id LIMIT :limit",
    )?;
    let rows = statement.query_map(
        named_params! { ":company": company.0, ":user": user.0, ":after": after, ":limit": at_most(limit) },
        process,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The process a request was made for, and what the request was reported with.
pub fn find_request(conn: &Conn, company: CompanyId, code: Uuid) -> Result<Option<(i64, Print)>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT process_id, print FROM account_requests WHERE company_id = :company AND request_code = :code",
    )?;
    let found = statement.query_row(named_params! { ":company": company.0, ":code": code.as_bytes() }, |row| {
        Ok((row.get(0)?, row.get(1)?))
    });
    Ok(found.optional()?)
}

/// Keeps a request made for a process.
pub fn insert_request(
    tx: &WriteTx<'_>,
    company: CompanyId,
    process: i64,
    code: Uuid,
    print: &Print,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO account_requests (company_id, request_code, process_id, print)
         VALUES (:company, :code, :process, :print)",
    )?
    .execute(named_params! {
        ":company": company.0, ":code": code.as_bytes(), ":process": process, ":print": print,
    })?;
    Ok(())
}
