//! Statements on `schedule_exceptions` and `holidays`.

use std::collections::HashMap;

use chrono::NaiveDate;
use rusqlite::{OptionalExtension, Row, named_params};

use super::{at_most, day, hours_option, number, unreadable};
use crate::auth::model::{CompanyId, PartyId};
use crate::clock::Timestamp;
use crate::schedules::model::{Holiday, ScheduleId};
use crate::schedules::windows::{Exception, Hours};
use crate::store::{Conn, StoreError, WriteTx};

/// The exceptions to a schedule, in the order of their days.
pub type Exceptions = Vec<(NaiveDate, Exception)>;

fn exception(row: &Row<'_>) -> rusqlite::Result<(NaiveDate, Exception)> {
    let word: String = row.get(1)?;
    let exception =
        Exception::new(&word, hours_option(row, 2, 3)?).map_err(|refused| unreadable(1, &refused.rule.0))?;
    Ok((day(row, 0)?, exception))
}

/// The exceptions to a schedule on `from` and later.
pub fn of_schedule(
    conn: &Conn,
    company: CompanyId,
    schedule: ScheduleId,
    from: NaiveDate,
    limit: usize,
) -> Result<Exceptions, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT day, kind, time_from, time_to FROM schedule_exceptions
             WHERE company_id = :company AND schedule_id = :schedule AND day >= :from ORDER BY day LIMIT :limit",
        )?
        .query_map(
            named_params! {
                ":company": company.0, ":schedule": schedule.0, ":from": number(from), ":limit": at_most(limit),
            },
            exception,
        )?
        .collect::<Result<_, _>>()?)
}

/// The same of each schedule on a page of [`super::schedules::list`].
pub fn of_page(
    conn: &Conn,
    company: CompanyId,
    producer: PartyId,
    limit: usize,
    offset: usize,
    from: NaiveDate,
) -> Result<HashMap<ScheduleId, Exceptions>, StoreError> {
    // Relies on schedules_by_change, which has all that finds the page, and on the primary key.
    let mut statement = conn.prepare_cached(
        "SELECT e.day, e.kind, e.time_from, e.time_to, e.schedule_id
         FROM (SELECT id FROM schedules WHERE company_id = :company AND producer_id = :producer
               ORDER BY changed_at DESC, id DESC LIMIT :limit OFFSET :offset) s
         CROSS JOIN schedule_exceptions e
         WHERE e.company_id = :company AND e.schedule_id = s.id AND e.day >= :from
         ORDER BY e.schedule_id, e.day",
    )?;
    let rows = statement.query_map(
        named_params! {
            ":company": company.0,
            ":producer": producer.0,
            ":limit": at_most(limit),
            ":offset": at_most(offset),
            ":from": number(from),
        },
        |row| Ok((ScheduleId(row.get(4)?), exception(row)?)),
    )?;
    let mut found: HashMap<ScheduleId, Exceptions> = HashMap::new();
    for row in rows {
        let (schedule, exception) = row?;
        found.entry(schedule).or_default().push(exception);
    }
    Ok(found)
}

/// Whether a company has any exception at all: most have none, and are spared the look for each schedule.
pub fn any(conn: &Conn, company: CompanyId) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM schedule_exceptions WHERE company_id = :company)")?
        .query_row(named_params! { ":company": company.0 }, |row| row.get(0))?)
}

/// Writes an exception; one that is there for that day is replaced.
pub fn save(
    tx: &WriteTx<'_>,
    company: CompanyId,
    schedule: ScheduleId,
    day: NaiveDate,
    exception: Exception,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO schedule_exceptions (company_id, schedule_id, day, kind, time_from, time_to, created_at)
         VALUES (:company, :schedule, :day, :kind, :time_from, :time_to, :now)
         ON CONFLICT (company_id, schedule_id, day) DO UPDATE SET
             kind = excluded.kind, time_from = excluded.time_from, time_to = excluded.time_to",
    )?
    .execute(named_params! {
        ":company": company.0,
        ":schedule": schedule.0,
        ":day": number(day),
        ":kind": exception.word(),
        ":time_from": exception.hours().map(|hours: Hours| hours.from().seconds()),
        ":time_to": exception.hours().map(|hours: Hours| hours.to().seconds()),
        ":now": now.as_micros(),
    })?;
    Ok(())
}

/// Removes an exception; whether there was one.
pub fn delete(tx: &WriteTx<'_>, company: CompanyId, schedule: ScheduleId, day: NaiveDate) -> Result<bool, StoreError> {
    let deleted = tx
        .prepare_cached(
            "DELETE FROM schedule_exceptions WHERE company_id = :company AND schedule_id = :schedule AND day = :day",
        )?
        .execute(named_params! { ":company": company.0, ":schedule": schedule.0, ":day": number(day) })?;
    Ok(deleted > 0)
}

/// How many exceptions a schedule has.
pub fn count(conn: &Conn, company: CompanyId, schedule: ScheduleId) -> Result<i64, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT count(*) FROM schedule_exceptions WHERE company_id = :company AND schedule_id = :schedule",
        )?
        .query_row(named_params! { ":company": company.0, ":schedule": schedule.0 }, |row| row.get(0))?)
}

/// Up to `limit` holidays of a company on `from` and later, in the order of their days.
pub fn holidays(
    conn: &Conn,
    company: CompanyId,
    from: NaiveDate,
    limit: usize,
) -> Result<Vec<(NaiveDate, String)>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT day, name FROM holidays WHERE company_id = :company AND day >= :from ORDER BY day LIMIT :limit",
        )?
        .query_map(named_params! { ":company": company.0, ":from": number(from), ":limit": at_most(limit) }, |row| {
            Ok((day(row, 0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?)
}

/// One holiday.
pub fn holiday(conn: &Conn, company: CompanyId, on: NaiveDate) -> Result<Option<Holiday>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT day, name FROM holidays WHERE company_id = :company AND day = :day")?
        .query_row(named_params! { ":company": company.0, ":day": number(on) }, |row| {
            Ok(Holiday { day: day(row, 0)?, name: row.get(1)? })
        })
        .optional()?)
}

/// How many holidays a company has.
pub fn count_holidays(conn: &Conn, company: CompanyId) -> Result<i64, StoreError> {
    Ok(conn
        .prepare_cached("SELECT count(*) FROM holidays WHERE company_id = :company")?
        .query_row(named_params! { ":company": company.0 }, |row| row.get(0))?)
}

/// Writes a holiday; one that is there for that day is renamed.
pub fn save_holiday(tx: &WriteTx<'_>, company: CompanyId, holiday: &Holiday, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO holidays (company_id, day, name, created_at) VALUES (:company, :day, :name, :now)
         ON CONFLICT (company_id, day) DO UPDATE SET name = excluded.name",
    )?
    .execute(named_params! {
        ":company": company.0, ":day": number(holiday.day), ":name": holiday.name, ":now": now.as_micros(),
    })?;
    Ok(())
}

/// Removes a holiday; whether there was one.
pub fn delete_holiday(tx: &WriteTx<'_>, company: CompanyId, on: NaiveDate) -> Result<bool, StoreError> {
    let deleted = tx
        .prepare_cached("DELETE FROM holidays WHERE company_id = :company AND day = :day")?
        .execute(named_params! { ":company": company.0, ":day": number(on) })?;
    Ok(deleted > 0)
}
