//! The operations of the contract: a producer's schedules, and what they are to a distributor.

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;

use super::{Candidates, SchedulesError, SchedulesService, matters_from, plan, reminders};
use crate::auth::model::{CompanyId, Party, PartyId, PartyRef, Principal, Refused, SharedPrincipal, Side};
use crate::auth::{AuthError, parties};
use crate::clock::Timestamp;
use crate::schedules::civil::{self, UnixSeconds};
use crate::schedules::model::{Draft, Kind, Schedule, ScheduleId};
use crate::schedules::overlap::{self, Span};
use crate::schedules::windows::{Exception, Plan};
use crate::schedules::{service::MOST_EXCEPTIONS, sql};
use crate::store::{Conn, WriteTx};
use crate::tasks::Queue;

/// A page of this many schedules is read where it may take its time.
const LONG_PAGE: usize = 500;

/// A schedule as it is shown, with what changes from day to day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The schedule.
    pub schedule: Schedule,
    /// The contract's `dateEnd`.
    pub date_end: UnixSeconds,
    /// The contract's `dateClosest`.
    pub date_closest: Option<UnixSeconds>,
}

impl Shown {
    fn of(schedule: Schedule, plan: &Plan<'_>, now: UnixSeconds) -> Self {
        Self {
            date_end: schedule.date_end(plan),
            date_closest: plan.nearest(now).map(|window| civil::start_of(plan.zone, window.day)),
            schedule,
        }
    }
}

/// One schedule as it is shown.
fn shown(
    conn: &Conn,
    company: CompanyId,
    schedule: Schedule,
    zone: Tz,
    now: Timestamp,
) -> Result<Shown, SchedulesError> {
    let now = now.as_unix_seconds();
    let from = matters_from(zone, now);
    let exceptions = sql::exceptions::of_schedule(conn, company, schedule.id, from, MOST_EXCEPTIONS)?;
    let holidays = sql::exceptions::holidays(conn, company, from, MOST_EXCEPTIONS)?;
    let plan = plan(&schedule, zone, &exceptions, &holidays)?;
    Ok(Shown::of(schedule, &plan, now))
}

/// A page of a producer's schedules, the newest change first.
fn page(
    conn: &Conn,
    company: CompanyId,
    producer: &Party,
    limit: usize,
    offset: usize,
    now: UnixSeconds,
) -> Result<Vec<Shown>, SchedulesError> {
    let from = matters_from(producer.zone, now);
    let schedules = sql::schedules::list(conn, company, producer.id, limit, offset)?;
    let mut exceptions = if sql::exceptions::any(conn, company)? {
        sql::exceptions::of_page(conn, company, producer.id, limit, offset, from)?
    } else {
        std::collections::HashMap::new()
    };
    let holidays = sql::exceptions::holidays(conn, company, from, MOST_EXCEPTIONS)?;
    schedules
        .into_iter()
        .map(|schedule| {
            let own = exceptions.remove(&schedule.id).unwrap_or_default();
            let plan = plan(&schedule, producer.zone, &own, &holidays)?;
            Ok(Shown::of(schedule, &plan, now))
        })
        .collect()
}

/// The ids of the distributors a draft names, each once, in its order.
fn distributors(
    conn: &Conn,
    company: CompanyId,
    producer: &Party,
    named: &[PartyRef],
) -> Result<Vec<PartyId>, SchedulesError> {
    let mut seen = std::collections::HashSet::with_capacity(named.len());
    let mut ids = Vec::with_capacity(named.len());
    for party in named {
        let found = match parties::find(conn, company, party, Side::Distributor) {
            Ok(found) if found.id != producer.id => found,
            Ok(_) => return Err(Refused::new("distributors", format!("names {party}, the producer itself")).into()),
            Err(AuthError::NotFound { .. }) => {
                return Err(
                    Refused::new("distributors", format!("names {party}, which is no known distributor")).into()
                );
            }
            Err(error) => return Err(error.into()),
        };
        if seen.insert(found.id) {
            ids.push(found.id);
        }
    }
    Ok(ids)
}

/// Refuses a schedule whose span meets another's of its kind.
fn refuse_overlap(
    conn: &Conn,
    company: CompanyId,
    schedule: &Schedule,
    span: Span,
    itself: Option<ScheduleId>,
) -> Result<(), SchedulesError> {
    let in_the_way = |latest: Option<(Span, String)>| match latest {
        Some((other, name)) if overlap::collides(Some(other), span) => {
            Err(SchedulesError::Conflict(overlap::refusal(&name)))
        }
        _ => Ok(()),
    };
    match schedule.terms.kind {
        Kind::General => in_the_way(sql::schedules::latest_general(conn, company, schedule.producer, span, itself)?),
        Kind::Individual => schedule.distributors.iter().try_for_each(|distributor| {
            let latest =
                sql::schedules::latest_individual(conn, company, schedule.producer, *distributor, span, itself)?;
            in_the_way(latest)
        }),
    }
}

/// Adds a schedule, or replaces all that the one with this number says.
pub fn write(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    producer: &Party,
    draft: &Draft,
    replaced: Option<Schedule>,
    now: Timestamp,
) -> Result<Shown, SchedulesError> {
    let terms = draft.check(producer.zone)?;
    let span = terms.span()?;
    let itself = replaced.as_ref().map(|replaced| replaced.id);
    let mut schedule = Schedule {
        id: itself.unwrap_or(ScheduleId(0)),
        producer: producer.id,
        distributors: distributors(tx, company, producer, &draft.distributors)?,
        sequence: replaced.as_ref().map_or(0, |replaced| replaced.sequence + 1),
        created_at: replaced.as_ref().map_or(now, |replaced| replaced.created_at),
        changed_at: now,
        terms,
    };
    refuse_overlap(tx, company, &schedule, span, itself)?;
    if itself.is_none() {
        schedule.id = sql::schedules::next_number(tx, company)?;
    }
    sql::schedules::save(tx, company, &schedule, span)?;
    reminders::planned(tx, queue, company, &schedule, now)?;
    shown(tx, company, schedule, producer.zone, now)
}

/// Sees to it that a producer has a schedule that says this. One with the same name, first day and distributors is brought
/// to it, or left alone if it says so already.
pub fn ensure(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    producer: &Party,
    draft: &Draft,
    now: Timestamp,
) -> Result<ScheduleId, SchedulesError> {
    let terms = draft.check(producer.zone)?;
    let named = distributors(tx, company, producer, &draft.distributors)?;
    let mut known = sql::schedules::by_name(tx, company, producer.id, &draft.name)?.into_iter();
    let known = known.find(|known| known.terms.start_day == terms.start_day && known.distributors == named);
    if let Some(known) = known.as_ref().filter(|known| known.terms == terms) {
        return Ok(known.id);
    }
    Ok(write(tx, queue, company, producer, draft, known, now)?.schedule.id)
}

/// Up to `limit` schedules of a company after number `after`, by number.
pub fn all(conn: &Conn, company: CompanyId, after: ScheduleId, limit: usize) -> Result<Vec<Schedule>, SchedulesError> {
    Ok(sql::schedules::all(conn, company, after, limit)?)
}

/// A schedule of a producer.
fn own(conn: &Conn, company: CompanyId, producer: &Party, id: ScheduleId) -> Result<Schedule, SchedulesError> {
    sql::schedules::find(conn, company, id)?
        .filter(|schedule| schedule.producer == producer.id)
        .ok_or_else(|| SchedulesError::not_found("schedule", id.0))
}

impl SchedulesService {
    /// `GET producer/schedules`: up to `limit` schedules after the first `offset`, the newest change first.
    pub async fn list(
        &self,
        caller: SharedPrincipal,
        gln: Option<String>,
        limit: usize,
        offset: usize,
    ) -> Result<Vec<Shown>, SchedulesError> {
        let now = self.clock.now().as_unix_seconds();
        let read = move |conn: &Conn| {
            let producer = parties::acting(conn, &caller, gln.as_deref(), Side::Producer)?;
            page(conn, caller.company_id, &producer, limit, offset, now)
        };
        if limit > LONG_PAGE {
            return self.store.read_long(move |conn| read(conn)).await;
        }
        self.store.read(|conn| read(conn))
    }

    /// `POST producer/schedules`.
    pub async fn create(
        &self,
        caller: SharedPrincipal,
        gln: Option<String>,
        draft: Draft,
    ) -> Result<Shown, SchedulesError> {
        let (now, queue, acting) = (self.clock.now(), self.queue.clone(), caller.clone());
        self.auth
            .write_as(acting, move |tx| {
                let producer = parties::acting(tx, &caller, gln.as_deref(), Side::Producer)?;
                write(tx, &queue, caller.company_id, &producer, &draft, None, now)
            })
            .await
    }

    /// `PATCH producer/schedules`: what the draft does not say is no longer so.
    pub async fn replace(
        &self,
        caller: SharedPrincipal,
        gln: Option<String>,
        id: ScheduleId,
        draft: Draft,
    ) -> Result<Shown, SchedulesError> {
        let (now, queue, acting) = (self.clock.now(), self.queue.clone(), caller.clone());
        self.auth
            .write_as(acting, move |tx| {
                let producer = parties::acting(tx, &caller, gln.as_deref(), Side::Producer)?;
                let replaced = own(tx, caller.company_id, &producer, id)?;
                write(tx, &queue, caller.company_id, &producer, &draft, Some(replaced), now)
            })
            .await
    }

    /// `DELETE producer/schedules`.
    pub async fn delete(
        &self,
        caller: SharedPrincipal,
        gln: Option<String>,
        id: ScheduleId,
    ) -> Result<(), SchedulesError> {
        let acting = caller.clone();
        self.auth
            .write_as(acting, move |tx| {
                let producer = parties::acting(tx, &caller, gln.as_deref(), Side::Producer)?;
                own(tx, caller.company_id, &producer, id)?;
                Ok(sql::schedules::delete(tx, caller.company_id, id)?)
            })
            .await
    }

    /// `POST distributor/schedules`: by producer, the schedule that is relevant to a distributor now. A producer that is
    /// not known here, or has none, is left out.
    pub fn relevant(
        &self,
        caller: &Principal,
        gln: Option<&str>,
        producers: &[PartyRef],
    ) -> Result<Vec<(PartyId, Shown)>, SchedulesError> {
        let now = self.clock.now().as_unix_seconds();
        let company = caller.company_id;
        self.store.read(|conn| {
            let distributor = parties::acting(conn, caller, gln, Side::Distributor)?;
            let mut found: Vec<(PartyId, Shown)> = Vec::new();
            for named in producers {
                let producer = match parties::find(conn, company, named, Side::Producer) {
                    Ok(producer) => producer,
                    Err(AuthError::NotFound { .. }) => continue,
                    Err(error) => return Err(error.into()),
                };
                if found.iter().any(|(known, _)| *known == producer.id) {
                    continue;
                }
                if let Some(shown) = relevant_to(conn, company, &producer, &distributor, now)? {
                    found.push((producer.id, shown));
                }
            }
            Ok(found)
        })
    }

    /// `GET distributor/schedules/days`: the days of a month on which orders may be sent.
    pub fn days(
        &self,
        caller: &Principal,
        gln: Option<&str>,
        producer: &PartyRef,
        year: i32,
        month: u32,
    ) -> Result<Vec<u32>, SchedulesError> {
        let first = NaiveDate::from_ymd_opt(year, month, 1).ok_or_else(|| Refused::new("month", "is no month"))?;
        let last = NaiveDate::from_ymd_opt(year, month, u32::from(first.num_days_in_month()))
            .ok_or_else(|| Refused::new("month", "is no month"))?;
        let company = caller.company_id;
        self.store.read(|conn| {
            let distributor = parties::acting(conn, caller, gln, Side::Distributor)?;
            let producer = parties::find(conn, company, producer, Side::Producer)?;
            let candidates = Candidates::of(conn, company, &producer, &distributor, first, first)?;
            let holidays = sql::exceptions::holidays(conn, company, first, MOST_EXCEPTIONS)?;
            let lineup = candidates.lineup(producer.zone, &holidays)?;
            Ok(lineup.days(first, last).iter().map(Datelike::day).collect())
        })
    }
}

fn relevant_to(
    conn: &Conn,
    company: CompanyId,
    producer: &Party,
    distributor: &Party,
    now: UnixSeconds,
) -> Result<Option<Shown>, SchedulesError> {
    let from = matters_from(producer.zone, now);
    let candidates = Candidates::of(conn, company, producer, distributor, from, from)?;
    let holidays = sql::exceptions::holidays(conn, company, from, MOST_EXCEPTIONS)?;
    let lineup = candidates.lineup(producer.zone, &holidays)?;
    Ok(lineup.relevant(now).map(|(schedule, plan)| Shown::of((*schedule).clone(), plan, now)))
}

/// The exceptions of a schedule that its calendar has to know.
pub(super) fn exceptions_since(
    conn: &Conn,
    company: CompanyId,
    schedule: ScheduleId,
    from: NaiveDate,
) -> Result<Vec<(NaiveDate, Exception)>, SchedulesError> {
    Ok(sql::exceptions::of_schedule(conn, company, schedule, from, MOST_EXCEPTIONS)?)
}
