//! Statements on `schedules`, `schedule_numbers` and `schedule_distributors`.

use chrono::NaiveDate;
use rusqlite::{OptionalExtension, Row, named_params};

use super::{NEVER, at_most, day, hours, number, time, unreadable};
use crate::auth::model::{CompanyId, PartyId};
use crate::clock::Timestamp;
use crate::schedules::civil::{LAST_DAY, TimeOfDay};
use crate::schedules::model::{Kind, Repeat, Schedule, ScheduleId, ScheduleName, Terms};
use crate::schedules::overlap::Span;
use crate::schedules::recurrence::{Frequency, Rule, WeekDays};
use crate::store::{Conn, StoreError, WriteTx};

fn schedule(row: &Row<'_>) -> rusqlite::Result<Schedule> {
    let ids = row.get_ref(17)?.as_str()?;
    let distributors = ids.split(',').filter(|id| !id.is_empty()).map(|id| id.parse().map(PartyId));
    Ok(Schedule {
        id: ScheduleId(row.get(0)?),
        producer: PartyId(row.get(1)?),
        terms: Terms {
            name: ScheduleName::parse(row.get::<_, String>(2)?).map_err(|rule| unreadable(2, &rule.0))?,
            kind: Kind::of_number(row.get(3)?).ok_or_else(|| unreadable(3, "no kind has this number"))?,
            block: row.get(4)?,
            date_start: row.get(5)?,
            start_day: day(row, 6)?,
            hours: hours(row, 7, 8)?,
            remind: row.get::<_, Option<u32>>(9)?.map(|_| time(row, 9)).transpose()?,
            repeat: repeat(row)?,
        },
        distributors: distributors.collect::<Result<_, _>>().map_err(|_| unreadable(17, "ids are numbers"))?,
        sequence: row.get(18)?,
        created_at: Timestamp::from_micros(row.get(15)?),
        changed_at: Timestamp::from_micros(row.get(16)?),
    })
}

fn repeat(row: &Row<'_>) -> rusqlite::Result<Option<Repeat>> {
    let Some(word) = row.get_ref(10)?.as_str_or_null()? else { return Ok(None) };
    let frequency = Frequency::parse(word).ok_or_else(|| unreadable(10, "no frequency has this name"))?;
    let date_until = row.get(13)?;
    let until = row.get_ref(19)?.as_i64_or_null()?.map(|_| day(row, 19)).transpose()?;
    let rule = Rule {
        frequency,
        interval: row.get(11)?,
        count: row.get::<_, Option<i64>>(12)?.and_then(|count| u64::try_from(count).ok()),
        until,
        days: WeekDays::of_bits(row.get(14)?),
    };
    Ok(Some(Repeat { rule, date_until }))
}

/// One schedule of a company.
pub fn find(conn: &Conn, company: CompanyId, id: ScheduleId) -> Result<Option<Schedule>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT id, producer_id, name, kind, block, date_start, start_day, time_from, time_to, time_remind,
                    frequency, interval, count, date_until, week_days, created_at, changed_at, distributors, sequence,
                    until_day
             FROM schedules WHERE company_id = :company AND id = :id",
        )?
        .query_row(named_params! { ":company": company.0, ":id": id.0 }, schedule)
        .optional()?)
}

/// Relies on `schedules_by_change`.
const LIST: &str = "
    SELECT id, producer_id, name, kind, block, date_start, start_day, time_from, time_to, time_remind,
            frequency, interval, count, date_until, week_days, created_at, changed_at, distributors, sequence,
            until_day
     FROM schedules WHERE company_id = :company AND producer_id = :producer
     ORDER BY changed_at DESC, id DESC LIMIT :limit OFFSET :offset";

/// Up to `limit` schedules of a producer after the first `offset`, the newest change first.
pub fn list(
    conn: &Conn,
    company: CompanyId,
    producer: PartyId,
    limit: usize,
    offset: usize,
) -> Result<Vec<Schedule>, StoreError> {
    // Relies on schedules_by_change.
    Ok(conn
        .prepare_cached(LIST)?
        .query_map(
            named_params! {
                ":company": company.0, ":producer": producer.0, ":limit": at_most(limit), ":offset": at_most(offset),
            },
            schedule,
        )?
        .collect::<Result<_, _>>()?)
}

/// The schedules of a producer with this name, by number.
pub fn by_name(conn: &Conn, company: CompanyId, producer: PartyId, name: &str) -> Result<Vec<Schedule>, StoreError> {
    // Relies on schedules_by_change for those of the producer.
    Ok(conn
        .prepare_cached(
            "SELECT id, producer_id, name, kind, block, date_start, start_day, time_from, time_to, time_remind,
                    frequency, interval, count, date_until, week_days, created_at, changed_at, distributors, sequence,
                    until_day
             FROM schedules WHERE company_id = :company AND producer_id = :producer AND name = :name
             ORDER BY id",
        )?
        .query_map(named_params! { ":company": company.0, ":producer": producer.0, ":name": name }, schedule)?
        .collect::<Result<_, _>>()?)
}

/// Up to `limit` schedules of a company after number `after`, by number.
pub fn all(conn: &Conn, company: CompanyId, after: ScheduleId, limit: usize) -> Result<Vec<Schedule>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT id, producer_id, name, kind, block, date_start, start_day, time_from, time_to, time_remind,
                    frequency, interval, count, date_until, week_days, created_at, changed_at, distributors, sequence,
                    until_day
             FROM schedules WHERE company_id = :company AND id > :after ORDER BY id LIMIT :limit",
        )?
        .query_map(named_params! { ":company": company.0, ":after": after.0, ":limit": at_most(limit) }, schedule)?
        .collect::<Result<_, _>>()?)
}

/// Relies on the primary key of `schedule_distributors`.
const INDIVIDUAL: &str = "
    SELECT s.id, s.producer_id, s.name, s.kind, s.block, s.date_start, s.start_day, s.time_from, s.time_to,
            s.time_remind, s.frequency, s.interval, s.count, s.date_until, s.week_days, s.created_at,
            s.changed_at, s.distributors, s.sequence, s.until_day
     FROM schedule_distributors d JOIN schedules s ON s.company_id = d.company_id AND s.id = d.schedule_id
     WHERE d.company_id = :company AND d.producer_id = :producer AND d.distributor_id = :distributor
           AND d.start_day >= ifnull((SELECT max(b.start_day) FROM schedule_distributors b
                                      WHERE b.company_id = :company AND b.producer_id = :producer
                                            AND b.distributor_id = :distributor AND b.start_day <= :from), 0)
           AND d.end_day >= :from
     ORDER BY d.start_day";

/// The individual schedules of a producer for a distributor that have not ended before `from`, in the order they begin.
pub fn individual(
    conn: &Conn,
    company: CompanyId,
    producer: PartyId,
    distributor: PartyId,
    from: NaiveDate,
) -> Result<Vec<Schedule>, StoreError> {
    // Relies on the primary key of schedule_distributors: the spans do not overlap, so only the one that begins last
    // before `from` and those after it can matter.
    Ok(conn
        .prepare_cached(INDIVIDUAL)?
        .query_map(
            named_params! {
                ":company": company.0, ":producer": producer.0, ":distributor": distributor.0, ":from": number(from),
            },
            schedule,
        )?
        .collect::<Result<_, _>>()?)
}

/// Relies on `schedules_general`.
const GENERAL: &str = "
    SELECT id, producer_id, name, kind, block, date_start, start_day, time_from, time_to, time_remind,
            frequency, interval, count, date_until, week_days, created_at, changed_at, distributors, sequence,
            until_day
     FROM schedules
     WHERE company_id = :company AND producer_id = :producer AND kind = 2
           AND start_day >= ifnull((SELECT max(b.start_day) FROM schedules b
                                    WHERE b.company_id = :company AND b.producer_id = :producer AND b.kind = 2
                                          AND b.start_day <= :from), 0)
           AND end_day >= :from
     ORDER BY start_day";

/// The general schedules of a producer that have not ended before `from`, in the order they begin.
pub fn general(
    conn: &Conn,
    company: CompanyId,
    producer: PartyId,
    from: NaiveDate,
) -> Result<Vec<Schedule>, StoreError> {
    // Relies on schedules_general, in the same way.
    Ok(conn
        .prepare_cached(GENERAL)?
        .query_map(named_params! { ":company": company.0, ":producer": producer.0, ":from": number(from) }, schedule)?
        .collect::<Result<_, _>>()?)
}

/// The producers whose schedules may concern a distributor from `from` on.
pub fn producers_for(
    conn: &Conn,
    company: CompanyId,
    distributor: PartyId,
    from: NaiveDate,
    limit: usize,
) -> Result<Vec<PartyId>, StoreError> {
    // Relies on schedule_distributors_running and schedules_general_running.
    Ok(conn
        .prepare_cached(
            "SELECT producer_id FROM schedule_distributors
             WHERE company_id = :company AND distributor_id = :distributor AND end_day >= :from
             UNION
             SELECT producer_id FROM schedules WHERE company_id = :company AND kind = 2 AND end_day >= :from
             ORDER BY producer_id LIMIT :limit",
        )?
        .query_map(
            named_params! {
                ":company": company.0, ":distributor": distributor.0, ":from": number(from), ":limit": at_most(limit),
            },
            |row| row.get(0).map(PartyId),
        )?
        .collect::<Result<_, _>>()?)
}

fn latest(row: &Row<'_>) -> rusqlite::Result<(Span, String)> {
    let end: i32 = row.get(1)?;
    let end = if end >= NEVER { None } else { Some(day(row, 1)?) };
    Ok((Span { start: day(row, 0)?, end }, row.get(2)?))
}

/// Relies on the primary key of `schedule_distributors`.
const LATEST_INDIVIDUAL: &str = "
    SELECT d.start_day, d.end_day, s.name
     FROM schedule_distributors d JOIN schedules s ON s.company_id = d.company_id AND s.id = d.schedule_id
     WHERE d.company_id = :company AND d.producer_id = :producer AND d.distributor_id = :distributor
           AND d.start_day <= :end AND d.schedule_id <> :but
     ORDER BY d.start_day DESC LIMIT 1";

/// Of a producer's individual schedules for a distributor but `but`, the one that begins last and no later than `new`
/// ends, with its name.
pub fn latest_individual(
    conn: &Conn,
    company: CompanyId,
    producer: PartyId,
    distributor: PartyId,
    new: Span,
    but: Option<ScheduleId>,
) -> Result<Option<(Span, String)>, StoreError> {
    // Relies on the primary key of schedule_distributors, read backwards: two entries at most.
    Ok(conn
        .prepare_cached(LATEST_INDIVIDUAL)?
        .query_row(
            named_params! {
                ":company": company.0,
                ":producer": producer.0,
                ":distributor": distributor.0,
                ":end": number(new.end.unwrap_or(LAST_DAY)),
                ":but": but.map_or(0, |but| but.0),
            },
            latest,
        )
        .optional()?)
}

/// Relies on `schedules_general`.
const LATEST_GENERAL: &str = "
    SELECT start_day, end_day, name FROM schedules
     WHERE company_id = :company AND producer_id = :producer AND kind = 2
           AND start_day <= :end AND id <> :but
     ORDER BY start_day DESC LIMIT 1";

/// The same of a producer's general schedules.
pub fn latest_general(
    conn: &Conn,
    company: CompanyId,
    producer: PartyId,
    new: Span,
    but: Option<ScheduleId>,
) -> Result<Option<(Span, String)>, StoreError> {
    // Relies on schedules_general, read backwards.
    Ok(conn
        .prepare_cached(LATEST_GENERAL)?
        .query_row(
            named_params! {
                ":company": company.0,
                ":producer": producer.0,
                ":end": number(new.end.unwrap_or(LAST_DAY)),
                ":but": but.map_or(0, |but| but.0),
            },
            latest,
        )
        .optional()?)
}

/// The next number of a company's schedules.
pub fn next_number(tx: &WriteTx<'_>, company: CompanyId) -> Result<ScheduleId, StoreError> {
    let number = tx
        .prepare_cached(
            "INSERT INTO schedule_numbers (company_id, last) VALUES (:company, 1)
             ON CONFLICT (company_id) DO UPDATE SET last = last + 1 RETURNING last",
        )?
        .query_row(named_params! { ":company": company.0 }, |row| row.get(0))?;
    Ok(ScheduleId(number))
}

/// Writes a schedule, new or changed, and what it is found by.
pub fn save(tx: &WriteTx<'_>, company: CompanyId, schedule: &Schedule, span: Span) -> Result<(), StoreError> {
    let Terms { name, kind, block, date_start, start_day, hours, remind, repeat } = &schedule.terms;
    let end_day = span.end.map_or(NEVER, number);
    let ids: Vec<_> = schedule.distributors.iter().map(ToString::to_string).collect();
    let rule = repeat.as_ref().map(|repeat| repeat.rule);
    tx.prepare_cached(
        "INSERT INTO schedules (company_id, id, producer_id, name, kind, block, date_start, start_day, end_day,
                                time_from, time_to, time_remind, frequency, interval, count, date_until, until_day,
                                week_days, distributors, sequence, created_at, changed_at)
         VALUES (:company, :id, :producer, :name, :kind, :block, :date_start, :start_day, :end_day,
                 :time_from, :time_to, :time_remind, :frequency, :interval, :count, :date_until, :until_day,
                 :week_days, :distributors, :sequence, :created_at, :changed_at)
         ON CONFLICT (company_id, id) DO UPDATE SET
             name = excluded.name, kind = excluded.kind, block = excluded.block, date_start = excluded.date_start,
             start_day = excluded.start_day, end_day = excluded.end_day, time_from = excluded.time_from,
             time_to = excluded.time_to, time_remind = excluded.time_remind, frequency = excluded.frequency,
             interval = excluded.interval, count = excluded.count, date_until = excluded.date_until,
             until_day = excluded.until_day, week_days = excluded.week_days, distributors = excluded.distributors,
             sequence = excluded.sequence, changed_at = excluded.changed_at",
    )?
    .execute(named_params! {
        ":company": company.0,
        ":id": schedule.id.0,
        ":producer": schedule.producer.0,
        ":name": name.as_str(),
        ":kind": kind.number(),
        ":block": block,
        ":date_start": date_start,
        ":start_day": number(*start_day),
        ":end_day": end_day,
        ":time_from": hours.from().seconds(),
        ":time_to": hours.to().seconds(),
        ":time_remind": remind.map(TimeOfDay::seconds),
        ":frequency": rule.map(|rule| rule.frequency.as_str()),
        ":interval": rule.map_or(1, |rule| rule.interval),
        ":count": rule.and_then(|rule| rule.count).map(|count| i64::try_from(count).unwrap_or(i64::MAX)),
        ":date_until": repeat.as_ref().and_then(|repeat| repeat.date_until),
        ":until_day": rule.and_then(|rule| rule.until).map(number),
        ":week_days": rule.map_or(0, |rule| rule.days.bits()),
        ":distributors": ids.join(","),
        ":sequence": schedule.sequence,
        ":created_at": schedule.created_at.as_micros(),
        ":changed_at": schedule.changed_at.as_micros(),
    })?;
    unname(tx, company, schedule.id)?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO schedule_distributors (company_id, producer_id, distributor_id, start_day, schedule_id, end_day)
         VALUES (:company, :producer, :distributor, :start_day, :id, :end_day)",
    )?;
    for distributor in &schedule.distributors {
        insert.execute(named_params! {
            ":company": company.0,
            ":producer": schedule.producer.0,
            ":distributor": distributor.0,
            ":start_day": number(*start_day),
            ":id": schedule.id.0,
            ":end_day": end_day,
        })?;
    }
    Ok(())
}

/// Two schedules of a producer that overlap though they must not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collision {
    /// The company's key.
    pub company: String,
    /// The one that begins later.
    pub later: ScheduleId,
    /// The one that has not ended by then.
    pub earlier: ScheduleId,
    /// For which distributor; `None`: both are general.
    pub distributor: Option<PartyId>,
}

/// The first `limit` pairs that overlap, of all companies. It reads every schedule.
pub fn collisions(conn: &Conn, limit: usize) -> Result<Vec<Collision>, StoreError> {
    // Of spans in the order they begin, one overlaps an earlier one exactly if it overlaps the one that ends last.
    Ok(conn
        .prepare_cached(
            "WITH spans AS (
                 SELECT company_id, producer_id, distributor_id, start_day, end_day, schedule_id
                 FROM schedule_distributors
                 UNION ALL
                 SELECT company_id, producer_id, NULL, start_day, end_day, id FROM schedules WHERE kind = 2),
             pairs AS (
                 SELECT company_id, distributor_id, start_day, schedule_id,
                        max(end_day * 10000000000 + schedule_id) OVER before AS latest
                 FROM spans
                 WINDOW before AS (PARTITION BY company_id, producer_id, distributor_id
                                   ORDER BY start_day, schedule_id
                                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING))
             SELECT c.key, p.schedule_id, p.latest % 10000000000, p.distributor_id
             FROM pairs p JOIN companies c ON c.id = p.company_id
             WHERE p.latest / 10000000000 >= p.start_day
             ORDER BY p.company_id, p.schedule_id, p.distributor_id LIMIT :limit",
        )?
        .query_map(named_params! { ":limit": at_most(limit) }, |row| {
            Ok(Collision {
                company: row.get(0)?,
                later: ScheduleId(row.get(1)?),
                earlier: ScheduleId(row.get(2)?),
                distributor: row.get::<_, Option<i64>>(3)?.map(PartyId),
            })
        })?
        .collect::<Result<_, _>>()?)
}

/// Individual schedules whose days, or whose distributors, are searched by other values than they are shown with: the
/// company's key and the schedule.
pub fn strayed(conn: &Conn, limit: usize) -> Result<Vec<(String, ScheduleId)>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT c.key, s.id FROM schedules s JOIN companies c ON c.id = s.company_id
             WHERE s.distributors <> ifnull(
                       (SELECT group_concat(d.distributor_id, ',' ORDER BY instr(',' || s.distributors || ',',
                                                                                ',' || d.distributor_id || ','))
                        FROM schedule_distributors d WHERE d.company_id = s.company_id AND d.schedule_id = s.id), '')
                OR EXISTS (SELECT 1 FROM schedule_distributors d
                           WHERE d.company_id = s.company_id AND d.schedule_id = s.id
                                 AND (d.producer_id, d.start_day, d.end_day)
                                     IS NOT (s.producer_id, s.start_day, s.end_day))
             ORDER BY s.company_id, s.id LIMIT :limit",
        )?
        .query_map(named_params! { ":limit": at_most(limit) }, |row| Ok((row.get(0)?, ScheduleId(row.get(1)?))))?
        .collect::<Result<_, _>>()?)
}

/// Notes that something about a schedule has changed that its own row does not say.
pub fn touch(tx: &WriteTx<'_>, company: CompanyId, id: ScheduleId, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE schedules SET sequence = sequence + 1, changed_at = :now WHERE company_id = :company AND id = :id",
    )?
    .execute(named_params! { ":company": company.0, ":id": id.0, ":now": now.as_micros() })?;
    Ok(())
}

fn unname(tx: &WriteTx<'_>, company: CompanyId, id: ScheduleId) -> Result<(), StoreError> {
    // Relies on schedule_distributors_by_schedule.
    tx.prepare_cached("DELETE FROM schedule_distributors WHERE company_id = :company AND schedule_id = :id")?
        .execute(named_params! { ":company": company.0, ":id": id.0 })?;
    Ok(())
}

/// Removes a schedule and all that hangs on it, its calendars' addresses included.
pub fn delete(tx: &WriteTx<'_>, company: CompanyId, id: ScheduleId) -> Result<(), StoreError> {
    unname(tx, company, id)?;
    let key = named_params! { ":company": company.0, ":id": id.0 };
    tx.prepare_cached("DELETE FROM schedule_exceptions WHERE company_id = :company AND schedule_id = :id")?
        .execute(key)?;
    tx.prepare_cached("DELETE FROM schedule_reminders WHERE company_id = :company AND schedule_id = :id")?
        .execute(key)?;
    // Relies on calendar_feeds_by_schedule.
    tx.prepare_cached("DELETE FROM calendar_feeds WHERE company_id = :company AND schedule_id = :id")?.execute(key)?;
    tx.prepare_cached("DELETE FROM schedules WHERE company_id = :company AND id = :id")?.execute(key)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::store::MIGRATIONS;

    #[test]
    fn hot_statements_use_their_indexes_and_read_no_more_of_them_than_they_need() {
        let connection = Connection::open_in_memory().expect("a database");
        for migration in MIGRATIONS {
            connection.execute_batch(migration.sql).expect("a schema");
        }
        let pair = "PRIMARY KEY (company_id=? AND producer_id=? AND distributor_id=? AND start_day<?)";
        for (name, statement, says) in [
            ("list", LIST, "schedules_by_change (company_id=? AND producer_id=?)"),
            ("overlap of individual ones", LATEST_INDIVIDUAL, pair),
            (
                "overlap of general ones",
                LATEST_GENERAL,
                "schedules_general (company_id=? AND producer_id=? AND start_day<?)",
            ),
            (
                "individual ones that matter",
                INDIVIDUAL,
                "PRIMARY KEY (company_id=? AND producer_id=? AND distributor_id=? AND start_day>?)",
            ),
            ("general ones that matter", GENERAL, "schedules_general (company_id=? AND producer_id=? AND start_day>?)"),
        ] {
            let mut explain = connection.prepare(&["EXPLAIN QUERY PLAN ", statement].concat()).expect("a statement");
            // Parameters stay NULL: the plan does not depend on them.
            let (mut steps, mut plan) = (explain.raw_query(), String::new());
            while let Some(step) = steps.next().expect("a plan") {
                plan += &step.get::<_, String>(3).expect("a step");
                plan.push('\n');
            }
            assert!(plan.contains(says), "{name}: {plan}");
            assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{name}: {plan}");
        }
    }
}
