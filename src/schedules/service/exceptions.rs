//! Exceptions to a schedule, and holidays of a company.

use chrono::NaiveDate;

use super::{MOST_EXCEPTIONS, SchedulesError, SchedulesService, plan, reminders};
use crate::auth::model::{CompanyId, PartyRef, Principal, Refused, SharedPrincipal};
use crate::auth::{AuthError, parties};
use crate::clock::Timestamp;
use crate::schedules::civil::LAST_DAY;
use crate::schedules::model::{Holiday, Schedule, ScheduleId, ScheduleName};
use crate::schedules::sql;
use crate::schedules::windows::{Exception, Reason};
use crate::store::{Conn, WriteTx};
use crate::tasks::Queue;

/// One schedule of a company.
pub fn find(conn: &Conn, company: CompanyId, id: ScheduleId) -> Result<Schedule, SchedulesError> {
    sql::schedules::find(conn, company, id)?.ok_or_else(|| SchedulesError::not_found("schedule", id.0))
}

/// The same, if its producer is one the caller may act for.
pub(super) fn reachable(conn: &Conn, caller: &Principal, id: ScheduleId) -> Result<Schedule, SchedulesError> {
    let schedule = find(conn, caller.company_id, id)?;
    if parties::may_act_for(conn, caller, schedule.producer)? {
        return Ok(schedule);
    }
    Err(SchedulesError::not_found("schedule", id.0))
}

/// Writes an exception to a schedule of a company; one that is there for that day is replaced.
pub fn save(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    id: ScheduleId,
    day: NaiveDate,
    exception: Exception,
    now: Timestamp,
) -> Result<(), SchedulesError> {
    let schedule = find(tx, company, id)?;
    let producer = parties::get(tx, company, &PartyRef::Id(schedule.producer))?;
    let days = plan(&schedule, producer.zone, &[], &[])?;
    if let Reason::NotBegun | Reason::Ended = days.on(day).reason {
        return Err(Refused::new("date", "must lie between dateStart and dateEnd of the schedule").into());
    }
    if !matches!(exception, Exception::Extra(_)) && !days.recurrence.occurs_on(day) {
        return Err(Refused::new("date", "is no day of the schedule: there is nothing to skip or move").into());
    }
    sql::exceptions::save(tx, company, id, day, exception, now)?;
    if sql::exceptions::count(tx, company, id)? > i64::try_from(MOST_EXCEPTIONS).unwrap_or(i64::MAX) {
        return Err(SchedulesError::Conflict(format!("a schedule has at most {MOST_EXCEPTIONS} exceptions")));
    }
    changed(tx, queue, company, schedule, now)
}

/// Removes the exception to a schedule of a company on a day.
pub fn remove(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    id: ScheduleId,
    day: NaiveDate,
    now: Timestamp,
) -> Result<(), SchedulesError> {
    let schedule = find(tx, company, id)?;
    if !sql::exceptions::delete(tx, company, id, day)? {
        return Err(SchedulesError::not_found("exception", day));
    }
    changed(tx, queue, company, schedule, now)
}

/// What follows from a change of a schedule's exceptions: calendars hear of it, and reminders are worked out anew.
fn changed(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    schedule: Schedule,
    now: Timestamp,
) -> Result<(), SchedulesError> {
    sql::schedules::touch(tx, company, schedule.id, now)?;
    reminders::planned(tx, queue, company, &schedule, now)
}

/// The exceptions to a schedule of a company on `from` and later.
pub fn list(
    conn: &Conn,
    company: CompanyId,
    id: ScheduleId,
    from: NaiveDate,
    limit: usize,
) -> Result<Vec<(NaiveDate, Exception)>, SchedulesError> {
    Ok(sql::exceptions::of_schedule(conn, company, id, from, limit)?)
}

/// The exception to a schedule on a day.
fn one(conn: &Conn, company: CompanyId, id: ScheduleId, day: NaiveDate) -> Result<Exception, SchedulesError> {
    let found = list(conn, company, id, day, 1)?;
    let on_that_day = found.into_iter().find(|(known, _)| *known == day);
    on_that_day.map(|(_, exception)| exception).ok_or_else(|| SchedulesError::not_found("exception", day))
}

/// Reads a holiday's name.
pub fn holiday_name(name: &str) -> Result<String, Refused> {
    let checked = ScheduleName::parse(name).map_err(|rule| Refused { field: "name", rule })?;
    Ok(checked.as_str().to_owned())
}

/// Writes a holiday of a company; one that is there for that day is renamed.
pub fn save_holiday(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    holiday: &Holiday,
    now: Timestamp,
) -> Result<(), SchedulesError> {
    sql::exceptions::save_holiday(tx, company, holiday, now)?;
    if sql::exceptions::count_holidays(tx, company)? > i64::try_from(MOST_EXCEPTIONS).unwrap_or(i64::MAX) {
        return Err(SchedulesError::Conflict(format!("a company has at most {MOST_EXCEPTIONS} holidays")));
    }
    reminders::planned_all(tx, queue, company, None, now)
}

/// Removes a holiday of a company.
pub fn remove_holiday(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    day: NaiveDate,
    now: Timestamp,
) -> Result<(), SchedulesError> {
    if !sql::exceptions::delete_holiday(tx, company, day)? {
        return Err(SchedulesError::not_found("holiday", day));
    }
    reminders::planned_all(tx, queue, company, None, now)
}

/// The holidays of a company on `from` and later.
pub fn list_holidays(
    conn: &Conn,
    company: CompanyId,
    from: NaiveDate,
    limit: usize,
) -> Result<Vec<Holiday>, SchedulesError> {
    let found = sql::exceptions::holidays(conn, company, from, limit)?;
    Ok(found.into_iter().map(|(day, name)| Holiday { day, name }).collect())
}

impl SchedulesService {
    /// House: the exceptions to a schedule after `after`.
    pub fn exceptions(
        &self,
        caller: &Principal,
        id: ScheduleId,
        from: NaiveDate,
        limit: usize,
    ) -> Result<Vec<(NaiveDate, Exception)>, SchedulesError> {
        self.store.read(|conn| {
            reachable(conn, caller, id)?;
            list(conn, caller.company_id, id, from.min(LAST_DAY), limit)
        })
    }

    /// House: writes an exception.
    pub async fn save_exception(
        &self,
        caller: SharedPrincipal,
        id: ScheduleId,
        day: NaiveDate,
        exception: Exception,
    ) -> Result<Exception, SchedulesError> {
        let (now, queue, acting) = (self.clock.now(), self.queue.clone(), caller.clone());
        self.auth
            .write_as(acting, move |tx| {
                reachable(tx, &caller, id)?;
                save(tx, &queue, caller.company_id, id, day, exception, now)?;
                one(tx, caller.company_id, id, day)
            })
            .await
    }

    /// House: removes an exception.
    pub async fn remove_exception(
        &self,
        caller: SharedPrincipal,
        id: ScheduleId,
        day: NaiveDate,
    ) -> Result<(), SchedulesError> {
        let (now, queue, acting) = (self.clock.now(), self.queue.clone(), caller.clone());
        self.auth
            .write_as(acting, move |tx| {
                reachable(tx, &caller, id)?;
                remove(tx, &queue, caller.company_id, id, day, now)
            })
            .await
    }

    /// House: the holidays on `from` and later.
    pub fn holidays(&self, company: CompanyId, from: NaiveDate, limit: usize) -> Result<Vec<Holiday>, SchedulesError> {
        self.store.read(|conn| list_holidays(conn, company, from, limit))
    }

    /// House: writes a holiday.
    pub async fn save_holiday(&self, caller: SharedPrincipal, holiday: Holiday) -> Result<Holiday, SchedulesError> {
        let (now, queue, company) = (self.clock.now(), self.queue.clone(), caller.company_id);
        self.auth
            .write_as(caller, move |tx| {
                save_holiday(tx, &queue, company, &holiday, now)?;
                let kept = sql::exceptions::holiday(tx, company, holiday.day).map_err(AuthError::from)?;
                kept.ok_or_else(|| SchedulesError::not_found("holiday", holiday.day))
            })
            .await
    }

    /// House: removes a holiday.
    pub async fn remove_holiday(&self, caller: SharedPrincipal, day: NaiveDate) -> Result<(), SchedulesError> {
        let (now, queue, company) = (self.clock.now(), self.queue.clone(), caller.company_id);
        self.auth.write_as(caller, move |tx| remove_holiday(tx, &queue, company, day, now)).await
    }
}
