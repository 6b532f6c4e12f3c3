//! Recording what services report, inside a transaction its caller owns: the process, its requests, its end, the usage
//! that follows, the quotas it is held against, and what the audit is told.
//!
//! The same report again changes nothing; one that contradicts what is there is refused whole.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

use super::error::UsageError;
use crate::account::model::{
    CalculationStatus, Day, Made, Outcome, PointKey, Points, Report, Start, Told, print_of_end,
};
use crate::account::quota::{self, Verdict};
use crate::account::sql;
use crate::account::sql::processes::{Fresh, Process};
use crate::account::sql::usage::Cell;
use crate::account::usage::Usage;
use crate::audit::actions;
use crate::audit::model::{ActionId, Attached, NewAction, NewRequest, Opened};
use crate::auth::model::{CompanyId, Principal, Refused, Scope, Timezone, UserId};
use crate::auth::users;
use crate::clock::Timestamp;
use crate::store::WriteTx;

/// So many keys of points are noted in one transaction: a few hundredths of a second.
pub const KEYS_AT_ONCE: usize = 10_000;

/// How far ahead of this server's clock a service's may be.
const AHEAD: Duration = Duration::from_hours(24);

/// The earliest instant that work is reported of: 2000-01-01.
const EARLIEST: Timestamp = Timestamp::from_unix_seconds(946_684_800);

/// What an action's operation is called when nobody says.
const UNKNOWN: &str = "unknown";

/// This installation, for requests that name neither environment nor machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Here {
    /// The environment's name.
    pub env: String,
    /// The installation's id.
    pub pod: String,
}

/// What came of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Whether anything of it was new.
    pub new: bool,
    /// Whose day the process counts for; `None`: it does not count.
    pub cell: Option<Cell>,
    /// Why its quota did not allow it to start; it is kept as `CANCELED_BY_QUOTA` then.
    pub over_quota: Option<String>,
}

/// Whom a process is for.
#[derive(Debug, Clone)]
struct Beneficiary {
    id: UserId,
    username: String,
    timezone: Timezone,
}

/// Records reports of one caller in one transaction.
pub struct Recorder<'a, 'tx> {
    tx: &'a WriteTx<'tx>,
    caller: &'a Principal,
    here: &'a Here,
    now: Timestamp,
    known: HashMap<String, Beneficiary>,
    /// Whether starts are held against quotas.
    judges: bool,
}

impl<'a, 'tx> Recorder<'a, 'tx> {
    /// A recorder for `caller` at `now`.
    pub fn new(tx: &'a WriteTx<'tx>, caller: &'a Principal, here: &'a Here, now: Timestamp) -> Self {
        Self { tx, caller, here, now, known: HashMap::new(), judges: true }
    }

    /// The same that holds nothing against quotas: for what is copied, not begun.
    #[must_use]
    pub fn of_the_past(self) -> Self {
        Self { judges: false, ..self }
    }

    fn company(&self) -> CompanyId {
        self.caller.company_id
    }

    /// Records a report. An error leaves nothing of it only if the caller undoes the transaction, or this part of it.
    pub fn record(&mut self, report: &Report) -> Result<Recorded, UsageError> {
        let found = sql::processes::find(self.tx, self.company(), report.process_code)?;
        let (process, mut new, action, over_quota) = match (found, &report.start) {
            (Some(process), start) => {
                let over_quota = self.known_start(&process, start.as_ref())?;
                (process, false, None, over_quota)
            }
            (None, Some(start)) => {
                let (process, action, over_quota) = self.start(report, start)?;
                (process, true, Some(action), over_quota)
            }
            (None, None) => return Err(UsageError::not_found("process", report.process_code)),
        };
        let mut action = Lookup { company: self.company(), code: report.process_code, known: action.map(Some) };
        for made in &report.requests {
            new |= self.request(&process, &mut action, made)?;
        }
        // What a quota refused has no end of its own.
        if let Some(end) = &report.finish {
            if over_quota.is_some() || process.status == CalculationStatus::CanceledByQuota {
                return Err(UsageError::Conflict(format!(
                    "process `{}` was refused by a quota and never ran",
                    report.process_code
                )));
            }
            new |= self.finish(&process, &mut action, end)?;
        }
        if new && process.open {
            sql::processes::touch(self.tx, process.id, self.now)?;
        }
        let counts = process.status != CalculationStatus::CanceledByQuota;
        Ok(Recorded { new, cell: counts.then(|| self.cell(&process)), over_quota })
    }

    fn cell(&self, process: &Process) -> Cell {
        Cell { company: self.company(), user: process.user, day: process.day, kind: process.kind }
    }

    /// Holds a start against the one that is known. `Some`: its quota did not allow it then.
    fn known_start(&mut self, process: &Process, start: Option<&Start>) -> Result<Option<String>, UsageError> {
        let Some(start) = start else { return Ok(None) };
        let beneficiary = self.beneficiary(start.username.as_deref())?;
        if start.print(beneficiary.id.0) != process.start_print {
            return Err(UsageError::Conflict(format!("process `{}` was started with other data before", process.code)));
        }
        let refused = process.status == CalculationStatus::CanceledByQuota;
        Ok(refused.then(|| "the quota did not allow this process when it was first reported".to_owned()))
    }

    fn beneficiary(&mut self, username: Option<&str>) -> Result<Beneficiary, UsageError> {
        let Some(name) = username else {
            return Ok(Beneficiary {
                id: self.caller.user_id,
                username: self.caller.username.to_string(),
                timezone: self.caller.timezone,
            });
        };
        if let Some(known) = self.known.get(name) {
            return Ok(known.clone());
        }
        let user = users::find(self.tx, Scope::Company(self.company()), name)?;
        let found = Beneficiary { id: user.id, username: user.username.to_string(), timezone: user.timezone };
        self.known.insert(name.to_owned(), found.clone());
        Ok(found)
    }

    /// Keeps a process that is new, as far as its quota lets it.
    fn start(&mut self, report: &Report, start: &Start) -> Result<(Process, ActionId, Option<String>), UsageError> {
        let beneficiary = self.beneficiary(start.username.as_deref())?;
        let time = self.told("start.time", start.time)?;
        let day = Day::of(time.at, beneficiary.timezone);
        let cell = Cell { company: self.company(), user: beneficiary.id, day, kind: start.kind };
        let points = start.points.count();
        let today = sql::usage::get(self.tx, cell)?;
        // Work that is done already is not refused any more.
        let judged = self.judges && report.finish.is_none();
        let over_quota = if judged { self.judge(cell, points, today.points)? } else { None };
        let status = match (&report.finish, &over_quota) {
            (_, Some(_)) => CalculationStatus::CanceledByQuota,
            (None, None) if start.waiting => CalculationStatus::Waiting,
            (_, None) => CalculationStatus::InProgress,
        };
        let fresh = Fresh {
            company: self.company(),
            user: beneficiary.id,
            process_code: report.process_code,
            kind: start.kind,
            status,
            time: time.at,
            day,
            points,
            start_print: start.print(beneficiary.id.0),
            open: status.is_open(),
            now: self.now,
        };
        let id = sql::processes::insert(self.tx, &fresh)?;
        if over_quota.is_none() {
            let begun = Usage { processes: 1, points, ..Usage::default() };
            let mut usage = today.with(begun, day)?;
            usage.unique_points += self.unique(cell, &start.points)?;
            sql::usage::set(self.tx, cell, usage)?;
        }
        let action = self.open_action(report, start, &beneficiary, time, status)?;
        let process = Process {
            id,
            user: fresh.user,
            code: fresh.process_code,
            kind: fresh.kind,
            status,
            time: fresh.time,
            day,
            points,
            elements: 0,
            start_print: fresh.start_print,
            finish_print: None,
            open: fresh.open,
        };
        Ok((process, action, over_quota))
    }

    /// `Some`: why the quota does not allow it.
    fn judge(&self, cell: Cell, points: i64, today: i64) -> Result<Option<String>, UsageError> {
        let Some(limits) = sql::quotas::find(self.tx, cell.company, cell.user, cell.kind)? else { return Ok(None) };
        let running =
            sql::processes::running(self.tx, cell.company, cell.user, cell.kind, limits.max_concurrent_execution)?;
        match quota::judge(&limits, points, today, running) {
            Verdict::Admitted => Ok(None),
            Verdict::TooManyPoints(why) => Ok(Some(why)),
            Verdict::Busy(most) => Err(UsageError::Busy(most)),
        }
    }

    /// How many of the points the day had not seen. Of many, the first are noted here; see [`Recorder::note_more`].
    fn unique(&self, cell: Cell, points: &Points) -> Result<i64, UsageError> {
        match points {
            Points::Count(count) => Ok(*count),
            Points::Keys(keys) => Ok(sql::points::note(self.tx, cell, &keys[..keys.len().min(KEYS_AT_ONCE)])?),
        }
    }

    /// Notes further keys of a process that is recorded. A key that is known already changes nothing.
    pub fn note_more(tx: &WriteTx<'_>, cell: Cell, keys: &[PointKey]) -> Result<(), UsageError> {
        let fresh = sql::points::note(tx, cell, keys)?;
        let mut usage = sql::usage::get(tx, cell)?;
        usage.unique_points += fresh;
        sql::usage::set(tx, cell, usage)?;
        Ok(())
    }

    fn open_action(
        &self,
        report: &Report,
        start: &Start,
        beneficiary: &Beneficiary,
        time: Told,
        status: CalculationStatus,
    ) -> Result<ActionId, UsageError> {
        let operation = report.requests.first().map_or(UNKNOWN, |made| made.operation.as_str());
        let new = NewAction {
            company: self.company(),
            user: Some(beneficiary.id),
            username: beneficiary.username.clone(),
            process: report.process_code,
            service: start.kind.service,
            process_type: start.kind.process_type,
            operation: operation.to_owned(),
            time,
            points: u32::try_from(start.points.count()).unwrap_or(u32::MAX),
            outcome: report.finish.unwrap_or_else(|| Outcome::of(status)),
        };
        match actions::open(self.tx, &new)? {
            Opened::New(id) => Ok(id),
            // Not one that was reported: those are known by their row here.
            Opened::Known(_) => Err(UsageError::Conflict(format!(
                "the process code `{}` belongs to this server's own activity",
                report.process_code
            ))),
        }
    }

    /// Keeps a request; whether it was new.
    fn request(&self, process: &Process, action: &mut Lookup, made: &Made) -> Result<bool, UsageError> {
        let print = made.print();
        if let Some((of, known)) = sql::processes::find_request(self.tx, self.company(), made.request_code)? {
            if of == process.id && known == print {
                return Ok(false);
            }
            return Err(UsageError::Conflict(format!(
                "request `{}` was reported with other data before",
                made.request_code
            )));
        }
        let time = self.told("requests.time", made.time)?;
        sql::processes::insert_request(self.tx, self.company(), process.id, made.request_code, &print)?;
        let Some(action) = action.get(self.tx)? else { return Ok(true) };
        let request = NewRequest {
            request: made.request_code,
            operation: made.operation.clone(),
            env: made.env.clone().unwrap_or_else(|| self.here.env.clone()),
            pod: made.pod.clone().unwrap_or_else(|| self.here.pod.clone()),
            time,
        };
        match actions::attach(self.tx, self.company(), action, &request)? {
            Attached::New => Ok(true),
            Attached::Known(..) => {
                Err(UsageError::Conflict(format!("request `{}` was reported before", made.request_code)))
            }
        }
    }

    /// Ends a process; whether that was new.
    fn finish(&self, process: &Process, action: &mut Lookup, end: &Outcome) -> Result<bool, UsageError> {
        let print = print_of_end(end);
        if let Some(known) = process.finish_print {
            if known == print {
                return Ok(false);
            }
            return Err(UsageError::Conflict(format!(
                "process `{}` was reported to have ended otherwise",
                process.code
            )));
        }
        let cell = self.cell(process);
        let elements = i64::from(end.elements);
        if elements > 0 {
            let more = Usage { elements, ..Usage::default() };
            let usage = sql::usage::get(self.tx, cell)?.with(more, process.day)?;
            sql::usage::set(self.tx, cell, usage)?;
        }
        sql::processes::finish(self.tx, process.id, end.status, elements, Some(&print))?;
        if let Some(action) = action.get(self.tx)? {
            actions::conclude(self.tx, self.company(), action, end)?;
        }
        Ok(true)
    }

    /// The instant that was told, or this one at the caller's offset.
    fn told(&self, field: &'static str, time: Option<Told>) -> Result<Told, UsageError> {
        let Some(time) = time else {
            return Ok(Told { at: self.now, offset_minutes: i16::from(self.caller.timezone.hours()) * 60 });
        };
        if time.at > self.now.plus(AHEAD) {
            return Err(Refused::new(field, "must not lie more than a day ahead").into());
        }
        if time.at < EARLIEST {
            return Err(Refused::new(field, "must not lie before 2000-01-01").into());
        }
        Ok(time)
    }
}

/// The audit's row of a process, looked up when it is needed. It may be gone: the audit forgets what is old.
struct Lookup {
    company: CompanyId,
    code: Uuid,
    known: Option<Option<ActionId>>,
}

impl Lookup {
    fn get(&mut self, tx: &WriteTx<'_>) -> Result<Option<ActionId>, UsageError> {
        if self.known.is_none() {
            self.known = Some(actions::find(tx, self.company, self.code)?.map(|action| action.id));
        }
        Ok(self.known.flatten())
    }
}
