//! Statements on `schedule_reminders` and `schedule_reminded`.

use chrono::NaiveDate;
use rusqlite::{OptionalExtension, Row, named_params};

use super::{at_most, number};
use crate::auth::model::{CompanyId, Gln, PartyId};
use crate::schedules::civil::UnixSeconds;
use crate::schedules::model::ScheduleId;
use crate::store::{Conn, StoreError, WriteTx};

/// A schedule whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Its company.
    pub company: CompanyId,
    /// The schedule.
    pub schedule: ScheduleId,
    /// Every reminder up to this instant is done with.
    pub done_until: UnixSeconds,
    /// The last distributor that was told of the occurrence in hand.
    pub cursor: Option<PartyId>,
}

fn due(row: &Row<'_>) -> rusqlite::Result<Due> {
    Ok(Due {
        company: CompanyId(row.get(0)?),
        schedule: ScheduleId(row.get(1)?),
        done_until: row.get(2)?,
        cursor: row.get::<_, Option<i64>>(3)?.map(PartyId),
    })
}

/// Up to `limit` schedules whose turn it is at `now`.
pub fn due_at(conn: &Conn, now: UnixSeconds, limit: usize) -> Result<Vec<Due>, StoreError> {
    // Relies on schedule_reminders_due.
    Ok(conn
        .prepare_cached(
            "SELECT company_id, schedule_id, done_until, cursor FROM schedule_reminders
             WHERE next_at <= :now ORDER BY next_at LIMIT :limit",
        )?
        .query_map(named_params! { ":now": now, ":limit": at_most(limit) }, due)?
        .collect::<Result<_, _>>()?)
}

/// When it is the turn of the next schedule.
pub fn next_at(conn: &Conn) -> Result<Option<UnixSeconds>, StoreError> {
    // Relies on schedule_reminders_due.
    Ok(conn
        .prepare_cached("SELECT next_at FROM schedule_reminders ORDER BY next_at LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?)
}

/// Has a schedule's next reminder worked out anew. One whose turn has come already keeps what it has to do; for any
/// other, only what is due after `now` counts.
pub fn plan(tx: &WriteTx<'_>, company: CompanyId, schedule: ScheduleId, now: UnixSeconds) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO schedule_reminders (company_id, schedule_id, next_at, done_until)
         VALUES (:company, :schedule, 0, :now)
         ON CONFLICT (company_id, schedule_id) DO UPDATE SET
             done_until = CASE WHEN next_at <= :now THEN done_until ELSE max(done_until, :now) END, next_at = 0",
    )?
    .execute(named_params! { ":company": company.0, ":schedule": schedule.0, ":now": now })?;
    Ok(())
}

/// The same for every schedule of a company, or of one of its producers.
pub fn plan_all(
    tx: &WriteTx<'_>,
    company: CompanyId,
    producer: Option<PartyId>,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE schedule_reminders
         SET done_until = CASE WHEN next_at <= :now THEN done_until ELSE max(done_until, :now) END, next_at = 0
         WHERE company_id = :company
               AND (:producer IS NULL OR EXISTS (SELECT 1 FROM schedules s
                    WHERE s.company_id = schedule_reminders.company_id AND s.id = schedule_reminders.schedule_id
                          AND s.producer_id = :producer))",
    )?
    .execute(named_params! { ":company": company.0, ":producer": producer.map(|producer| producer.0), ":now": now })?;
    Ok(())
}

/// Nothing is waited for any more.
pub fn forget(tx: &WriteTx<'_>, company: CompanyId, schedule: ScheduleId) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM schedule_reminders WHERE company_id = :company AND schedule_id = :schedule")?
        .execute(named_params! { ":company": company.0, ":schedule": schedule.0 })?;
    Ok(())
}

/// Notes how far the reminders of a schedule are.
pub fn advance(tx: &WriteTx<'_>, to: &Due, next_at: UnixSeconds) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE schedule_reminders SET next_at = :next_at, done_until = :done_until, cursor = :cursor
         WHERE company_id = :company AND schedule_id = :schedule",
    )?
    .execute(named_params! {
        ":company": to.company.0,
        ":schedule": to.schedule.0,
        ":next_at": next_at,
        ":done_until": to.done_until,
        ":cursor": to.cursor.map(|cursor| cursor.0),
    })?;
    Ok(())
}

/// Notes that a distributor is reminded of an occurrence; `false` if it was before.
pub fn note(
    tx: &WriteTx<'_>,
    due: &Due,
    day: NaiveDate,
    distributor: PartyId,
    now: UnixSeconds,
) -> Result<bool, StoreError> {
    let noted = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO schedule_reminded (company_id, schedule_id, day, distributor_id, at)
             VALUES (:company, :schedule, :day, :distributor, :now)",
        )?
        .execute(named_params! {
            ":company": due.company.0,
            ":schedule": due.schedule.0,
            ":day": number(day),
            ":distributor": distributor.0,
            ":now": now,
        })?;
    Ok(noted > 0)
}

/// Forgets up to `limit` of what was noted before `before`.
pub fn forget_noted(tx: &WriteTx<'_>, before: UnixSeconds, limit: usize) -> Result<(), StoreError> {
    // Relies on schedule_reminded_by_age.
    tx.prepare_cached(
        "DELETE FROM schedule_reminded WHERE (company_id, schedule_id, day, distributor_id) IN
         (SELECT company_id, schedule_id, day, distributor_id FROM schedule_reminded
          WHERE at < :before ORDER BY at LIMIT :limit)",
    )?
    .execute(named_params! { ":before": before, ":limit": at_most(limit) })?;
    Ok(())
}

fn party(row: &Row<'_>) -> rusqlite::Result<(PartyId, Gln)> {
    let gln = Gln::parse(row.get::<_, String>(1)?)
        .map_err(|rule| rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, rule.0.into()))?;
    Ok((PartyId(row.get(0)?), gln))
}

/// Up to `limit` enabled distributors that a schedule names, after number `after`.
pub fn named_by(
    conn: &Conn,
    company: CompanyId,
    schedule: ScheduleId,
    after: i64,
    limit: usize,
) -> Result<Vec<(PartyId, Gln)>, StoreError> {
    // Relies on schedule_distributors_by_schedule.
    Ok(conn
        .prepare_cached(
            "SELECT p.id, p.gln FROM schedule_distributors d
             JOIN parties p ON p.company_id = d.company_id AND p.id = d.distributor_id
             WHERE d.company_id = :company AND d.schedule_id = :schedule AND d.distributor_id > :after AND p.enabled = 1
             ORDER BY d.distributor_id LIMIT :limit",
        )?
        .query_map(
            named_params! {
                ":company": company.0, ":schedule": schedule.0, ":after": after, ":limit": at_most(limit),
            },
            party,
        )?
        .collect::<Result<_, _>>()?)
}

/// Up to `limit` enabled distributors of a company, after number `after`, for whom no individual schedule of the
/// producer decides on `day`.
pub fn left_to_general(
    conn: &Conn,
    company: CompanyId,
    producer: PartyId,
    day: NaiveDate,
    after: i64,
    limit: usize,
) -> Result<Vec<(PartyId, Gln)>, StoreError> {
    // Relies on the primary keys: of the individual schedules of a pair, the one that begins last ends last.
    Ok(conn
        .prepare_cached(
            "SELECT p.id, p.gln FROM parties p
             WHERE p.company_id = :company AND p.id > :after AND p.id <> :producer AND p.enabled = 1
                   AND p.kind <> 'PRODUCER'
                   AND ifnull((SELECT d.end_day FROM schedule_distributors d
                               WHERE d.company_id = :company AND d.producer_id = :producer AND d.distributor_id = p.id
                               ORDER BY d.start_day DESC LIMIT 1), 0) < :day
             ORDER BY p.id LIMIT :limit",
        )?
        .query_map(
            named_params! {
                ":company": company.0,
                ":producer": producer.0,
                ":day": number(day),
                ":after": after,
                ":limit": at_most(limit),
            },
            party,
        )?
        .collect::<Result<_, _>>()?)
}
