//! What services report: one report, many at once, and how a process stands. And the end of those that nobody ended.

use std::sync::Arc;

use uuid::Uuid;

use super::UsageService;
use super::error::UsageError;
use super::recording::{KEYS_AT_ONCE, Recorded, Recorder};
use crate::account::model::{CalculationStatus, Outcome, Points, Report};
use crate::account::sql;
use crate::account::sql::processes::Process;
use crate::audit::actions;
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
    for (id, company, code) in &silent {
        sql::processes::finish(tx, *id, CalculationStatus::CanceledByTimeout, 0, None)?;
        if let Some(action) = actions::find(tx, *company, *code)? {
            actions::conclude(tx, *company, action.id, &Outcome::of(CalculationStatus::CanceledByTimeout))?;
        }
    }
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
            self.auth.write_as(caller.clone(), move |tx| Recorder::new(tx, &by, &here, now).record(&report)).await?
        };
        self.note_rest(&caller, &report, &recorded).await?;
        if let Some(why) = recorded.over_quota {
            return Err(UsageError::QuotaExceeded(why));
        }
        self.store.read(|conn| view(conn, company, find(conn, company, code)?))
    }

    /// Records many reports, each by itself, in slices. What came of each, in their order.
    pub async fn record_all(
        &self,
        caller: SharedPrincipal,
        reports: Vec<Report>,
    ) -> Result<Vec<ReportOutcome>, UsageError> {
        let now = self.clock.now();
        let reports = Arc::new(reports);
        let mut outcomes = Vec::with_capacity(reports.len());
        let mut at = 0;
        while at < reports.len() {
            let slice = at..slice_end(&reports, at);
            at = slice.end;
            let (here, by, all) = (self.here.clone(), SharedPrincipal::clone(&caller), Arc::clone(&reports));
            let range = slice.clone();
            let recorded = self
                .auth
                .write_as(caller.clone(), move |tx| {
                    let mut desk = Recorder::new(tx, &by, &here, now);
                    let mut recorded = Vec::with_capacity(range.len());
                    for report in &all[range.clone()] {
                        match tx.nested(|| desk.record(report)) {
                            Err(error) if !error.is_the_reports_own() => return Err(error),
                            one => recorded.push(one),
                        }
                    }
                    Ok::<_, UsageError>(recorded)
                })
                .await?;
            for (report, recorded) in reports[slice].iter().zip(recorded) {
                outcomes.push(match recorded {
                    Ok(recorded) => {
                        self.note_rest(&caller, report, &recorded).await?;
                        outcome(&recorded)
                    }
                    Err(error) => ReportOutcome::Refused(error),
                });
            }
        }
        Ok(outcomes)
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

/// Where the slice that begins at `at` ends: after so many reports, or so many keys of points.
fn slice_end(reports: &[Report], at: usize) -> usize {
    let mut keys = 0;
    for (index, report) in reports.iter().enumerate().skip(at).take(SLICE) {
        if let Some(Points::Keys(more)) = report.start.as_ref().map(|start| &start.points) {
            keys += more.len().min(KEYS_AT_ONCE);
        }
        if keys > KEYS_AT_ONCE && index > at {
            return index;
        }
    }
    reports.len().min(at + SLICE)
}
