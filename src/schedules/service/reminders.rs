//! Reminders: working out when the next one is due, and sending those that are.
//!
//! Every reminder of a schedule up to `done_until` is done with. An occurrence is told of in slices: each writes the
//! outbox, the note of who was told and how far it has come in one transaction, so that whatever happens in between,
//! nobody is told twice and nobody is forgotten.

use std::time::Duration;

use chrono::NaiveDate;
use serde_json::json;

use super::{MOST_EXCEPTIONS, SchedulesError, matters_from, plan};
use crate::auth::model::{CompanyId, Gln, PartyId, PartyRef};
use crate::auth::parties;
use crate::clock::Timestamp;
use crate::schedules::civil::UnixSeconds;
use crate::schedules::model::{Kind, Schedule, ScheduleId};
use crate::schedules::sql::{self, reminders::Due};
use crate::schedules::windows::Window;
use crate::store::WriteTx;
use crate::tasks::{Dedupe, Kind as TaskKind, NewTask, Queue};
use crate::webhooks;
use crate::webhooks::model::EventType;

/// Looks after whatever reminder is due, for the whole installation.
pub const REMIND: TaskKind<()> = TaskKind::new("schedule_reminders");

/// The key that all of them share: there is one to come at a time.
pub const KEY: &str = "schedule_reminders";

/// So many distributors are told in one transaction.
const SLICE: usize = 100;

/// How long it is remembered who was told of what.
const NOTED_FOR: Duration = Duration::from_hours(40 * 24);

/// Where no reminder ever is.
const NOT_AGAIN: UnixSeconds = i64::MAX;

/// Has the reminders of a schedule that was written worked out.
pub(super) fn planned(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    schedule: &Schedule,
    now: Timestamp,
) -> Result<(), SchedulesError> {
    if schedule.terms.remind.is_none() {
        return Ok(sql::reminders::forget(tx, company, schedule.id)?);
    }
    sql::reminders::plan(tx, company, schedule.id, now.as_unix_seconds())?;
    look(tx, queue, now)
}

/// Has the reminders of a company worked out anew, or of one of its producers: what decides about their days has changed.
pub(super) fn planned_all(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    producer: Option<PartyId>,
    now: Timestamp,
) -> Result<(), SchedulesError> {
    sql::reminders::plan_all(tx, company, producer, now.as_unix_seconds())?;
    look(tx, queue, now)
}

/// Has somebody look at `at`.
pub(in crate::schedules) fn look(tx: &WriteTx<'_>, queue: &Queue, at: Timestamp) -> Result<(), SchedulesError> {
    let task = NewTask::new(REMIND, ()).not_before(at).dedupe(Dedupe::Join(KEY.to_owned()));
    queue.enqueue(tx, &task)?;
    Ok(())
}

/// What a slice has done.
#[derive(Debug, Default)]
pub struct Slice {
    /// Whether there may be more to do.
    pub more: bool,
    /// What was too late to be sent, for the log.
    pub skipped: Vec<Skipped>,
}

/// Reminders that were skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The company.
    pub company: CompanyId,
    /// The schedule.
    pub schedule: ScheduleId,
    /// The first day nobody was reminded of.
    pub day: NaiveDate,
    /// How late that one would have been, in seconds.
    pub late: i64,
}

/// Does a slice of what is due at `now`. What is later than `grace` is skipped.
pub fn slice(tx: &WriteTx<'_>, queue: &Queue, now: Timestamp, grace: Duration) -> Result<Slice, SchedulesError> {
    let at = now.as_unix_seconds();
    let due = sql::reminders::due_at(tx, at, SLICE)?;
    let mut done = Slice::default();
    let mut told = 0;
    for schedule in &due {
        told += look_after(tx, queue, *schedule, at, grace, &mut done.skipped)?;
        if told >= SLICE {
            return Ok(Slice { more: true, ..done });
        }
    }
    sql::reminders::forget_noted(tx, now.minus(NOTED_FOR).as_unix_seconds(), SLICE)?;
    done.more = due.len() >= SLICE || sql::reminders::next_at(tx)?.is_some_and(|next| next <= at);
    Ok(done)
}

/// When to look again: after [`slice()`] has nothing left to do.
pub fn next_look(tx: &WriteTx<'_>) -> Result<Option<Timestamp>, SchedulesError> {
    let next = sql::reminders::next_at(tx)?.filter(|next| *next < NOT_AGAIN);
    Ok(next.map(Timestamp::from_unix_seconds))
}

/// Sends a schedule's next reminder if it is due, or works out when it will be; how many were told.
fn look_after(
    tx: &WriteTx<'_>,
    queue: &Queue,
    mut due: Due,
    now: UnixSeconds,
    grace: Duration,
    skipped: &mut Vec<Skipped>,
) -> Result<usize, SchedulesError> {
    let found = sql::schedules::find(tx, due.company, due.schedule)?;
    let Some((schedule, time)) = found.and_then(|schedule| schedule.terms.remind.map(|time| (schedule, time))) else {
        sql::reminders::forget(tx, due.company, due.schedule)?;
        return Ok(0);
    };
    let producer = parties::get(tx, due.company, &PartyRef::Id(schedule.producer))?;
    let from = matters_from(producer.zone, due.done_until);
    let exceptions = sql::exceptions::of_schedule(tx, due.company, schedule.id, from, MOST_EXCEPTIONS)?;
    let holidays = sql::exceptions::holidays(tx, due.company, from, MOST_EXCEPTIONS)?;
    let plan = plan(&schedule, producer.zone, &exceptions, &holidays)?;

    let mut next = plan.next_at(time, due.done_until);
    let oldest = now.saturating_sub(i64::try_from(grace.as_secs()).unwrap_or(i64::MAX));
    if let Some((day, at)) = next.filter(|(_, at)| *at < oldest) {
        skipped.push(Skipped { company: due.company, schedule: schedule.id, day, late: now - at });
        due.done_until = oldest - 1;
        due.cursor = None;
        next = plan.next_at(time, due.done_until);
    }
    let Some((day, at)) = next else {
        sql::reminders::advance(tx, &due, NOT_AGAIN)?;
        return Ok(0);
    };
    if at > now {
        due.cursor = None;
        sql::reminders::advance(tx, &due, at)?;
        return Ok(0);
    }
    let Some(window) = plan.on(day).window else {
        // There is one on every day that `next_at` names; without, nobody is told and the day is done with.
        due.done_until = at;
        sql::reminders::advance(tx, &due, 0)?;
        return Ok(0);
    };
    let occurrence = Occurrence { schedule: &schedule, producer: (producer.id, &producer.gln), window, due_at: at };
    let told = if producer.enabled { tell(tx, queue, &mut due, &occurrence, now)? } else { 0 };
    if told < SLICE {
        due.done_until = at;
        due.cursor = None;
    }
    // The day after is worked out at the next turn, which is at once.
    sql::reminders::advance(tx, &due, 0)?;
    Ok(told.max(1))
}

/// An occurrence to be told of.
struct Occurrence<'a> {
    schedule: &'a Schedule,
    producer: (PartyId, &'a Gln),
    window: Window,
    due_at: UnixSeconds,
}

impl Occurrence<'_> {
    fn day(&self) -> NaiveDate {
        self.window.day
    }
}

/// Tells the next slice of an occurrence's distributors; how many they were.
fn tell(
    tx: &WriteTx<'_>,
    queue: &Queue,
    due: &mut Due,
    occurrence: &Occurrence<'_>,
    now: UnixSeconds,
) -> Result<usize, SchedulesError> {
    let after = due.cursor.map_or(0, |cursor| cursor.0);
    let schedule = occurrence.schedule;
    let distributors = match schedule.terms.kind {
        Kind::Individual => sql::reminders::named_by(tx, due.company, schedule.id, after, SLICE)?,
        Kind::General => {
            sql::reminders::left_to_general(tx, due.company, schedule.producer, occurrence.day(), after, SLICE)?
        }
    };
    for (distributor, gln) in &distributors {
        due.cursor = Some(*distributor);
        if !sql::reminders::note(tx, due, occurrence.day(), *distributor, now)? {
            continue;
        }
        let rfc3339 = |at| Timestamp::from_unix_seconds(at).to_utc().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let data = json!({
            "schedule_id": schedule.id.0,
            "schedule_name": schedule.terms.name.as_str(),
            "day": occurrence.day().to_string(),
            "due_at": rfc3339(occurrence.due_at),
            "producer": {"id": occurrence.producer.0.0, "gln": occurrence.producer.1.as_str()},
            "distributor": {"id": distributor.0, "gln": gln.as_str()},
            "opens_at": rfc3339(occurrence.window.opens_at),
            "closes_at": rfc3339(occurrence.window.closes_at),
            "block": schedule.terms.block,
        });
        let at = Timestamp::from_unix_seconds(now);
        webhooks::emit(tx, queue, due.company, EventType::OrderReminder, &data, at)?;
    }
    Ok(distributors.len())
}
