//! What services report: one report, many at once, and how a process stands. And the end of those that nobody ended.

use std::sync::Arc;

use uuid::Uuid;

use super::UsageService;
use super::error::UsageError;
use super::recording::{KEYS_AT_ONCE, Recorded, Recorder};
use crate::account::model::{CalculationStatus, Outcome, Points, Report};
use crate::account::sql;
use crate::account::sql::processes::Process;
use crate::audit::actions::{self, Tally};
use crate::audit::model::{Action, NewRequest};
use crate::auth::model::{CompanyId, Principal, Role, Scope, SharedPrincipal, UserId};
use crate::auth::users;
use crate::clock::Timestamp;
use crate::store::{Conn, WriteTx};

/// So many reports share a transaction.
const SLICE: usize = 500;

/// What came of one report of many.
#[derive(Debug)]
pub enum ReportOutcome {
    /// It is recorded now.
    Recorded,
    /// It was recorded before.
    Known,
    /// It was refused; nothing of it is kept, unless a quota refused it.
    Refused(UsageError),
}

/// A process, for those who report it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessView {
    /// What is kept.
    pub process: Process,
    /// The name of the user it is for.
    pub username: String,
    /// Whether its input is there.
    pub input: bool,
    /// Whether its output is there.
    pub output: bool,
}

fn outcome(recorded: &Recorded) -> ReportOutcome {
    match (&recorded.over_quota, recorded.new) {
        (Some(why), _) => ReportOutcome::Refused(UsageError::QuotaExceeded(why.clone())),
        (None, true) => ReportOutcome::Recorded,
        (None, false) => ReportOutcome::Known,
    }
}

/// The process of this code as it stands.
pub fn view(conn: &Conn, company: CompanyId, process: Process) -> Result<ProcessView, UsageError> {
    use crate::account::model::Flow::{Input, Output};
    let username = users::get(conn, process.user)?.username.to_string();
    let there = |flow| sql::files::find(conn, company, process.id, flow).map(|file| file.is_some());
    Ok(ProcessView { username, input: there(Input)?, output: there(Output)?, process })
}

fn find(conn: &Conn, company: CompanyId, code: Uuid) -> Result<Process, UsageError> {
    sql::processes::find(conn, company, code)?.ok_or_else(|| UsageError::not_found("process", code))
}

/// Whether a process of this code is known.
pub fn is_known(conn: &Conn, company: CompanyId, code: Uuid) -> Result<bool, UsageError> {
    Ok(sql::processes::find(conn, company, code)?.is_some())
}

/// A process with what the audit still has of it.
#[derive(Debug, Clone)]
pub struct Remembered {
    /// What is kept.
    pub process: Process,
    /// How it was told: when, with which offset, how it ended. `None`: the audit has forgotten it.
    pub action: Option<Action>,
    /// The requests made for it.
    pub requests: Vec<NewRequest>,
}

/// Up to `limit` processes of a user after row key `after`, in the order they were reported.
pub fn since(
    conn: &Conn,
    company: CompanyId,
    user: UserId,
    after: i64,
    limit: usize,
) -> Result<Vec<Remembered>, UsageError> {
    let found = sql::processes::since(conn, company, user, after, limit)?;
    found
        .into_iter()
        .map(|process| {
            let action = actions::find(conn, company, process.code)?;
            let requests = match &action {
                Some(action) => actions::requests(conn, company, action.id)?,
                None => Vec::new(),
            };
            Ok(Remembered { process, action, requests })
        })
        .collect()
}

/// Closes a slice of the processes of which nothing was heard since `before`; how many it were.
pub fn close_silent(tx: &WriteTx<'_>, before: Timestamp) -> Result<usize, UsageError> {
    let silent = sql::processes::silent(tx, before, SLICE)?;
    let mut tally = Tally::default();
    for (id, company, code) in &silent {
        sql::processes::finish(tx, *id, CalculationStatus::CanceledByTimeout, 0, None)?;
        if let Some(action) = actions::find(tx, *company, *code)? {
            let outcome = Outcome::of(CalculationStatus::CanceledByTimeout);
            actions::conclude(tx, *company, action.id, &outcome, &mut tally)?;
        }
    }
    tally.write(tx)?;
    Ok(silent.len())
}

impl UsageService {
    /// Records one report.
    pub async fn record(&self, caller: SharedPrincipal, report: Report) -> Result<ProcessView, UsageError> {
        let (here, now, by) = (self.here.clone(), self.clock.now(), SharedPrincipal::clone(&caller));
        let (company, code) = (caller.company_id, report.process_code);
        let report = Arc::new(report);
        let recorded = {
            let report = Arc::clone(&report);
            let record = move |tx: &WriteTx<'_>| {
                let recorded = Recorder::new(tx, &by, &here, now).record_each([&*report])?;
                recorded.into_iter().next().expect("an outcome for each report")
            };
            self.auth.write_as(caller.clone(), record).await?
        };
        self.note_rest(&caller, &report, &recorded).await?;
        if let Some(why) = recorded.over_quota {
            return Err(UsageError::QuotaExceeded(why));
        }
        self.store.read(|conn| view(conn, company, find(conn, company, code)?))
    }

    /// Records many reports, each by itself, in slices. What came of each, in their order.
    ///
    /// Those of one process are recorded in their order, and all of them where quotas make a difference of it. Else they
    /// go by their codes: half the indexes of processes and of the audit are by code, so a slice then has to do with a
    /// small part of each and not with all of it, which is most of what a batch costs.
    pub async fn record_all(
        &self,
        caller: SharedPrincipal,
        reports: Vec<Report>,
    ) -> Result<Vec<ReportOutcome>, UsageError> {
        let (now, company) = (self.clock.now(), caller.company_id);
        let mut places: Vec<usize> = (0..reports.len()).collect();
        if !self.store.read_one(|conn| sql::quotas::any(conn, company))? {
            places.sort_by_key(|place| reports[*place].process_code);
        }
        let mut outcomes: Vec<Option<ReportOutcome>> = Vec::new();
        outcomes.resize_with(reports.len(), || None);
        let work = Arc::new((reports, places));
        let (reports, places) = &*work;
        let mut at = 0;
        while at < places.len() {
            let range = at..slice_end(reports, places, at);
            at = range.end;
            let (here, by, work) = (self.here.clone(), SharedPrincipal::clone(&caller), Arc::clone(&work));
            let slice = range.clone();
            let record = move |tx: &WriteTx<'_>| {
                let (reports, places) = &*work;
                let reports = places[slice.clone()].iter().map(|place| &reports[*place]);
                Recorder::new(tx, &by, &here, now).record_each(reports)
            };
            let recorded = self.auth.write_as(caller.clone(), record).await?;
            for (place, recorded) in places[range].iter().zip(recorded) {
                outcomes[*place] = Some(match recorded {
                    Ok(recorded) => {
                        self.note_rest(&caller, &reports[*place], &recorded).await?;
                        outcome(&recorded)
                    }
                    Err(error) => ReportOutcome::Refused(error),
                });
            }
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.expect("each place is in one slice")).collect())
    }

    /// Notes what keys of points one transaction had no room for. Should the server end in between, the caller has no
    /// answer and reports again, which goes on here: noting a key twice changes nothing.
    async fn note_rest(
        &self,
        caller: &SharedPrincipal,
        report: &Report,
        recorded: &Recorded,
    ) -> Result<(), UsageError> {
        let (Some(cell), Some(start)) = (recorded.cell, &report.start) else { return Ok(()) };
        let Points::Keys(keys) = &start.points else { return Ok(()) };
        for slice in keys.get(KEYS_AT_ONCE..).unwrap_or_default().chunks(KEYS_AT_ONCE) {
            let slice = slice.to_vec();
            self.auth.write_as(caller.clone(), move |tx| Recorder::note_more(tx, cell, &slice)).await?;
        }
        Ok(())
    }

    /// How a process stands.
    pub fn process(&self, caller: &Principal, code: Uuid) -> Result<ProcessView, UsageError> {
        let company = caller.company_id;
        self.store.read(|conn| view(conn, company, find(conn, company, code)?))
    }

    /// Up to `limit` processes of a user, those reported last first, from before row `before`. An ADMIN may ask for
    /// everybody in its company, others for themselves.
    pub fn processes(
        &self,
        caller: &Principal,
        username: Option<&str>,
        before: i64,
        limit: usize,
    ) -> Result<Vec<ProcessView>, UsageError> {
        let company = caller.company_id;
        self.store.read(|conn| {
            let user = beneficiary(conn, caller, username)?;
            let listed = sql::processes::list(conn, company, user, before, limit)?;
            listed.into_iter().map(|process| view(conn, company, process)).collect()
        })
    }
}

/// The user that an ADMIN asks for by name; for others there is nobody but themselves.
fn beneficiary(conn: &Conn, caller: &Principal, username: Option<&str>) -> Result<UserId, UsageError> {
    let Some(name) = username else { return Ok(caller.user_id) };
    let user = users::find(conn, Scope::Company(caller.company_id), name)?;
    if user.id != caller.user_id && !caller.roles.has(Role::Admin) {
        return Err(UsageError::not_found("user", name));
    }
    Ok(user.id)
}

/// Where the slice of `places` that begins at `at` ends: after so many reports, or so many keys of points.
fn slice_end(reports: &[Report], places: &[usize], at: usize) -> usize {
    let mut keys = 0;
    for (index, place) in places.iter().enumerate().skip(at).take(SLICE) {
        if let Some(Points::Keys(more)) = reports[*place].start.as_ref().map(|start| &start.points) {
            keys += more.len().min(KEYS_AT_ONCE);
        }
        if keys > KEYS_AT_ONCE && index > at {
            return index;
        }
    }
    places.len().min(at + SLICE)
}
