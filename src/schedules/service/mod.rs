//! The use cases of order schedules, one function each; each owns its transaction.
//!
//! Must not know: HTTP, the wire types. Functions that take a transaction are for those that own one: the task and the
//! command line.

pub mod calendars;
pub mod contract;
mod error;
pub mod exceptions;
pub mod order_windows;
pub mod parties;
pub mod reminders;

use chrono::NaiveDate;
use chrono_tz::Tz;

pub use self::error::SchedulesError;
use crate::auth::model::{CompanyId, Party};
use crate::auth::{Auth, AuthError};
use crate::clock::{Clock, Timestamp};
use crate::schedules::civil::{self, LAST_DAY, UnixSeconds};
use crate::schedules::hierarchy::Lineup;
use crate::schedules::model::Schedule;
use crate::schedules::sql;
use crate::schedules::windows::{Exception, Plan};
use crate::store::{Conn, Store, StoreError};
use crate::tasks::Queue;

/// So many exceptions a schedule has at most, and so many holidays a company.
pub const MOST_EXCEPTIONS: usize = 1_000;

/// So many findings of a kind are worth reading.
const FINDINGS: usize = 20;

/// What contradicts itself among the schedules of every company, one sentence each.
pub fn consistency(conn: &Conn) -> Result<Vec<String>, StoreError> {
    let collisions = sql::schedules::collisions(conn, FINDINGS)?.into_iter().map(|found| {
        let whom = found.distributor.map_or_else(|| "everybody".to_owned(), |id| format!("distributor {id}"));
        let (later, earlier, company) = (found.later.0, found.earlier.0, found.company);
        format!("schedules: {later} of company {company} overlaps with {earlier} for {whom}; change the dates of one")
    });
    let strayed = sql::schedules::strayed(conn, FINDINGS)?.into_iter().map(|(company, id)| {
        format!(
            "schedules: {} of company {company} is searched by other days or distributors than it shows; save it again",
            id.0
        )
    });
    Ok(collisions.chain(strayed).collect())
}

/// The use cases over one store.
#[derive(Clone)]
pub struct SchedulesService {
    auth: Auth,
    store: Store,
    clock: Clock,
    queue: Queue,
}

impl SchedulesService {
    /// The order schedules of this installation.
    #[must_use]
    pub fn new(auth: &Auth, queue: Queue) -> Self {
        Self { store: auth.store().clone(), clock: auth.clock().clone(), auth: auth.clone(), queue }
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Identity.
    #[must_use]
    pub fn auth(&self) -> &Auth {
        &self.auth
    }
}

/// The civil day at an instant; beyond the calendar its last one.
fn today(zone: Tz, at: UnixSeconds) -> NaiveDate {
    civil::day_of(zone, at).unwrap_or(LAST_DAY)
}

/// The first day that can matter at an instant: a window that is open may have opened two days ago.
fn matters_from(zone: Tz, at: UnixSeconds) -> NaiveDate {
    civil::before(today(zone, at), 2)
}

/// A schedule's plan, which a stored one always has.
fn plan<'a>(
    schedule: &Schedule,
    zone: Tz,
    exceptions: &'a [(NaiveDate, Exception)],
    holidays: &'a [(NaiveDate, String)],
) -> Result<Plan<'a>, SchedulesError> {
    schedule
        .plan(zone, exceptions, holidays)
        .map_err(|refused| SchedulesError::Damaged(schedule.id.0, format!("{} {}", refused.field, refused.rule)))
}

/// The schedules that may concern a distributor, with what else decides about their days.
struct Candidates {
    individual: Vec<(Schedule, Vec<(NaiveDate, Exception)>)>,
    general: Vec<(Schedule, Vec<(NaiveDate, Exception)>)>,
}

impl Candidates {
    /// Those of a producer for a distributor that have not ended before `from`, with their exceptions on `known_from` and
    /// later.
    fn of(
        conn: &Conn,
        company: CompanyId,
        producer: &Party,
        distributor: &Party,
        from: NaiveDate,
        known_from: NaiveDate,
    ) -> Result<Self, SchedulesError> {
        let with_exceptions = |schedules: Vec<Schedule>| {
            schedules
                .into_iter()
                .map(|schedule| {
                    let found = sql::exceptions::of_schedule(conn, company, schedule.id, known_from, MOST_EXCEPTIONS)?;
                    Ok((schedule, found))
                })
                .collect::<Result<Vec<_>, AuthError>>()
        };
        let individual = sql::schedules::individual(conn, company, producer.id, distributor.id, from)?;
        let general = sql::schedules::general(conn, company, producer.id, from)?;
        Ok(Self { individual: with_exceptions(individual)?, general: with_exceptions(general)? })
    }

    fn lineup<'a>(
        &'a self,
        zone: Tz,
        holidays: &'a [(NaiveDate, String)],
    ) -> Result<Lineup<'a, &'a Schedule>, SchedulesError> {
        let plans = |found: &'a [(Schedule, Vec<(NaiveDate, Exception)>)]| {
            found
                .iter()
                .map(|(schedule, exceptions)| Ok((schedule, plan(schedule, zone, exceptions, holidays)?)))
                .collect::<Result<Vec<_>, SchedulesError>>()
        };
        Ok(Lineup { individual: plans(&self.individual)?, general: plans(&self.general)? })
    }
}
