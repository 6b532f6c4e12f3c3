//! Recording what services report, inside a transaction its caller owns: the process, its requests, its end, the usage
//! that follows, the quotas it is held against, and what the audit is told.
//!
//! The same report again changes nothing; one that contradicts what is there is refused whole.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

use super::error::UsageError;
use crate::account::model::{
    CalculationStatus, Day, Made, Outcome, PointKey, Points, Print, Report, Start, Told, print_of_end,
};
use crate::account::quota::{self, Verdict};
use crate::account::sql;
use crate::account::sql::processes::Process;
use crate::account::sql::usage::Cell;
use crate::account::usage::Usage;
use crate::audit::actions::{self, Tally};
use crate::audit::model::{ActionId, Attached, NewAction, NewRequest, Opened};
use crate::auth::model::{CompanyId, Principal, Refused, Scope, Timezone, UserId};
use crate::auth::users;
use crate::clock::Timestamp;
use crate::store::{StoreError, WriteTx};

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

/// A request that is new, with all there is to be kept of it.
struct Fresh<'r> {
    made: &'r Made,
    print: Print,
    time: Told,
}

/// Records reports of one caller in one transaction. Each is looked at first and written only if nothing speaks against
/// it, so that one that is refused leaves nothing and needs no savepoint. What reports share (daily usage, the audit's
/// counters) gathers and is written at the end.
pub struct Recorder<'a, 'tx> {
    tx: &'a WriteTx<'tx>,
    caller: &'a Principal,
    here: &'a Here,
    now: Timestamp,
    known: HashMap<String, Beneficiary>,
    usage: HashMap<Cell, Usage>,
    tally: Tally,
    /// Whether starts are held against quotas.
    judges: bool,
}

impl<'a, 'tx> Recorder<'a, 'tx> {
    /// A recorder for `caller` at `now`.
    pub fn new(tx: &'a WriteTx<'tx>, caller: &'a Principal, here: &'a Here, now: Timestamp) -> Self {
        let (known, usage, tally) = (HashMap::new(), HashMap::new(), Tally::default());
        Self { tx, caller, here, now, known, usage, tally, judges: true }
    }

    /// The same that holds nothing against quotas: for what is copied, not begun.
    #[must_use]
    pub fn of_the_past(self) -> Self {
        Self { judges: false, ..self }
    }

    fn company(&self) -> CompanyId {
        self.caller.company_id
    }

    /// Records reports, each by itself; what came of each. An error of the whole is of nobody's report: nothing of it may
    /// be kept.
    pub fn record_each<'r>(
        mut self,
        reports: impl IntoIterator<Item = &'r Report>,
    ) -> Result<Vec<Result<Recorded, UsageError>>, UsageError> {
        let mut outcomes = Vec::new();
        for report in reports {
            match self.record(report) {
                Err(error) if !error.is_the_reports_own() => return Err(error),
                outcome => outcomes.push(outcome),
            }
        }
        for (cell, usage) in self.usage {
            sql::usage::set(self.tx, cell, usage)?;
        }
        self.tally.write(self.tx)?;
        Ok(outcomes)
    }

    fn record(&mut self, report: &Report) -> Result<Recorded, UsageError> {
        match (sql::processes::find(self.tx, self.company(), report.process_code)?, &report.start) {
            (Some(process), _) => self.go_on(&process, report),
            (None, Some(start)) => self.begin(report, start),
            (None, None) => Err(UsageError::not_found("process", report.process_code)),
        }
    }

    /// What a day has so far, with what this transaction is going to add.
    fn today(&self, cell: Cell) -> Result<Usage, UsageError> {
        match self.usage.get(&cell) {
            Some(usage) => Ok(*usage),
            None => Ok(sql::usage::get(self.tx, cell)?),
        }
    }

    fn cell(&self, process: &Process) -> Cell {
        Cell { company: self.company(), user: process.user, day: process.day, kind: process.kind }
    }

    fn recorded(&self, process: &Process, new: bool, over_quota: Option<String>) -> Recorded {
        let counts = process.status != CalculationStatus::CanceledByQuota;
        Recorded { new, cell: counts.then(|| self.cell(process)), over_quota }
    }

    /// More about a process that is known, or the same again.
    fn go_on(&mut self, process: &Process, report: &Report) -> Result<Recorded, UsageError> {
        let over_quota = self.known_start(process, report.start.as_ref())?;
        let fresh = self.fresh_requests(Some(process.id), &report.requests)?;
        let end = match &report.finish {
            Some(end) => fresh_end(process, end)?,
            None => None,
        };
        let cell = self.cell(process);
        let usage = match end {
            Some((end, _)) if end.elements > 0 => {
                let more = Usage { elements: end.elements.into(), ..Usage::default() };
                Some(self.today(cell)?.with(more, process.day)?)
            }
            _ => None,
        };
        if fresh.is_empty() && end.is_none() {
            return Ok(self.recorded(process, false, over_quota));
        }
        self.usage.extend(usage.map(|usage| (cell, usage)));
        // It may be gone: the audit forgets what is old.
        let action = actions::find(self.tx, self.company(), process.code)?.map(|action| action.id);
        self.keep_requests(process.id, action, fresh)?;
        match end {
            Some((end, print)) => {
                sql::processes::finish(self.tx, process.id, end.status, end.elements.into(), Some(&print))?;
                if let Some(action) = action {
                    actions::conclude(self.tx, self.company(), action, end, &mut self.tally)?;
                }
            }
            None if process.open => sql::processes::touch(self.tx, process.id, self.now)?,
            None => {}
        }
        Ok(self.recorded(process, true, over_quota))
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

    /// A process that is new, as far as its quota lets it.
    fn begin(&mut self, report: &Report, start: &Start) -> Result<Recorded, UsageError> {
        let beneficiary = self.beneficiary(start.username.as_deref())?;
        let time = self.told("start.time", start.time)?;
        let day = Day::of(time.at, beneficiary.timezone);
        let cell = Cell { company: self.company(), user: beneficiary.id, day, kind: start.kind };
        let points = start.points.count();
        let today = self.today(cell)?;
        // Work that is done already is not refused any more.
        let judged = self.judges && report.finish.is_none();
        let over_quota = if judged { self.judge(cell, points, today.points)? } else { None };
        let status = match (&report.finish, &over_quota) {
            (_, Some(_)) => CalculationStatus::CanceledByQuota,
            (Some(end), None) => end.status,
            (None, None) if start.waiting => CalculationStatus::Waiting,
            (None, None) => CalculationStatus::InProgress,
        };
        let elements = report.finish.map_or(0, |end| end.elements.into());
        let begun = Usage { processes: 1, points, elements, ..Usage::default() };
        let usage = if over_quota.is_none() { Some(today.with(begun, day)?) } else { None };
        let fresh = self.fresh_requests(None, &report.requests)?;
        let mut process = Process {
            id: 0,
            user: beneficiary.id,
            code: report.process_code,
            kind: start.kind,
            status,
            time: time.at,
            day,
            points,
            elements,
            start_print: start.print(beneficiary.id.0),
            finish_print: report.finish.as_ref().map(print_of_end),
            open: status.is_open(),
        };
        // The first to be written, since it may still say no.
        let action = self.open_action(report, &process, &beneficiary, time)?;
        process.id = sql::processes::insert(self.tx, self.company(), &process, self.now)?;
        if let Some(mut usage) = usage {
            usage.unique_points += self.unique(cell, &start.points)?;
            self.usage.insert(cell, usage);
        }
        self.keep_requests(process.id, Some(action), fresh)?;
        Ok(self.recorded(&process, true, over_quota))
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
        &mut self,
        report: &Report,
        process: &Process,
        beneficiary: &Beneficiary,
        time: Told,
    ) -> Result<ActionId, UsageError> {
        let operation = report.requests.first().map_or(UNKNOWN, |made| made.operation.as_str());
        let new = NewAction {
            company: self.company(),
            user: Some(beneficiary.id),
            username: beneficiary.username.clone(),
            process: process.code,
            service: process.kind.service,
            process_type: process.kind.process_type,
            operation: operation.to_owned(),
            time,
            points: u32::try_from(process.points).unwrap_or(u32::MAX),
            outcome: report.finish.unwrap_or_else(|| Outcome::of(process.status)),
        };
        match actions::open(self.tx, &new, &mut self.tally)? {
            Opened::New(id) => Ok(id),
            // Not one that was reported: those are known by their row here.
            Opened::Known(_) => Err(UsageError::Conflict(format!(
                "the process code `{}` belongs to this server's own activity",
                process.code
            ))),
        }
    }

    /// Those requests that are not known yet, unless one contradicts what is. `process`: the row they are made for, if
    /// there is one already.
    fn fresh_requests<'r>(&self, process: Option<i64>, requests: &'r [Made]) -> Result<Vec<Fresh<'r>>, UsageError> {
        let mut fresh: Vec<Fresh<'r>> = Vec::with_capacity(requests.len());
        let mut codes: HashMap<Uuid, Print> = HashMap::new();
        for made in requests {
            let print = made.print();
            let same = match sql::processes::find_request(self.tx, self.company(), made.request_code)? {
                Some((of, known)) => Some(Some(of) == process && known == print),
                None => codes.insert(made.request_code, print).map(|known| known == print),
            };
            match same {
                None => fresh.push(Fresh { made, print, time: self.told("requests.time", made.time)? }),
                Some(true) => {}
                Some(false) => {
                    let why = format!("request `{}` was reported with other data before", made.request_code);
                    return Err(UsageError::Conflict(why));
                }
            }
        }
        Ok(fresh)
    }

    fn keep_requests(&self, process: i64, action: Option<ActionId>, fresh: Vec<Fresh<'_>>) -> Result<(), UsageError> {
        for Fresh { made, print, time } in fresh {
            sql::processes::insert_request(self.tx, self.company(), process, made.request_code, &print)?;
            let Some(action) = action else { continue };
            let request = NewRequest {
                request: made.request_code,
                operation: made.operation.clone(),
                env: made.env.clone().unwrap_or_else(|| self.here.env.clone()),
                pod: made.pod.clone().unwrap_or_else(|| self.here.pod.clone()),
                time,
            };
            if let Attached::Known(..) = actions::attach(self.tx, self.company(), action, &request)? {
                // What was reported once is kept here for good, and was not found.
                let why = format!("the audit has a request `{}` that no process has", made.request_code);
                return Err(StoreError::Corrupt(why).into());
            }
        }
        Ok(())
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

/// The end of a process that is known, with its print; `None`: it is known too.
fn fresh_end<'r>(process: &Process, end: &'r Outcome) -> Result<Option<(&'r Outcome, Print)>, UsageError> {
    // What a quota refused has no end of its own.
    if process.status == CalculationStatus::CanceledByQuota {
        let why = format!("process `{}` was refused by a quota and never ran", process.code);
        return Err(UsageError::Conflict(why));
    }
    let print = print_of_end(end);
    match process.finish_print {
        None => Ok(Some((end, print))),
        Some(known) if known == print => Ok(None),
        Some(_) => {
            let why = format!("process `{}` was reported to have ended otherwise", process.code);
            Err(UsageError::Conflict(why))
        }
    }
}
