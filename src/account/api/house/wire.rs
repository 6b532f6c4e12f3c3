//! The house API's types about usage.

use std::time::Duration;

use poem_openapi::{Enum, Object};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::account::api::words::{CalculationStatus, Date, ProcessType, Service};
use crate::account::model::{self, Kind, Made, Outcome, PointKey, Points, Report, Start, Told, may_end};
use crate::account::quota::Limits;
use crate::account::service::files::File;
use crate::account::service::processes::{ProcessView, ReportOutcome};
use crate::account::service::quotas::Quota;
use crate::http::Failure;
use crate::http::wire::Instant;

/// The beginning of a process.
#[derive(Debug, Object)]
#[oai(rename = "ProcessStart", deny_unknown_fields)]
pub struct StartWire {
    /// The user it is for; without it, the caller.
    #[oai(validator(min_length = 2, max_length = 256))]
    username: Option<String>,
    /// The service that does it.
    service: Service,
    /// What it does.
    process_type: ProcessType,
    /// When it began; without it, now. It decides which local day of the user it counts for.
    time: Option<Instant>,
    /// What it is about: a key for each point, 1 to 256 characters. A key that comes again on the same day, for the same
    /// user, service and process type, is the same point.
    #[oai(validator(max_items = 100_000))]
    points: Option<Vec<String>>,
    /// Or only how many points: each counts as unlike any other.
    #[oai(validator(minimum(value = "0"), maximum(value = "100000000")))]
    points_count: Option<i64>,
    /// Whether it waits still for its turn; else it is in progress.
    #[oai(default)]
    waiting: bool,
}

/// A request made for a process.
#[derive(Debug, Object)]
#[oai(rename = "ProcessRequest", deny_unknown_fields)]
pub struct RequestWire {
    /// Its code, unique in the company.
    request_code: Uuid,
    /// Which operation.
    #[oai(validator(min_length = 3, max_length = 256))]
    operation: String,
    /// The environment it ran in; without it, this server's.
    #[oai(validator(min_length = 2, max_length = 256))]
    env: Option<String>,
    /// The machine it ran on; without it, this server's id.
    #[oai(validator(min_length = 2, max_length = 256))]
    pod: Option<String>,
    /// When; without it, now.
    time: Option<Instant>,
}

/// How long the stages of a calculation took, in milliseconds; what is left out is 0.
#[derive(Debug, Default, Object)]
#[oai(rename = "ProcessTimings", deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name on the wire")]
pub struct TimingsWire {
    /// Preparing the data.
    #[oai(default, validator(minimum(value = "0"), maximum(value = "999999999999")))]
    preparing_ms: u64,
    /// Checking it by the rules of the business.
    #[oai(default, validator(minimum(value = "0"), maximum(value = "999999999999")))]
    business_validation_ms: u64,
    /// Checking it by those of mathematics.
    #[oai(default, validator(minimum(value = "0"), maximum(value = "999999999999")))]
    math_validation_ms: u64,
    /// Waiting for its turn.
    #[oai(default, validator(minimum(value = "0"), maximum(value = "999999999999")))]
    waiting_ms: u64,
    /// Calculating.
    #[oai(default, validator(minimum(value = "0"), maximum(value = "999999999999")))]
    calculation_ms: u64,
}

/// The end of a process.
#[derive(Debug, Object)]
#[oai(rename = "ProcessFinish", deny_unknown_fields)]
pub struct FinishWire {
    /// How it ended: `FINISHED_IN_TIME`, `FINISHED_OUT_OF_TIME`, `CANCELED`, `CANCELED_BY_TIMEOUT` or `FAILED`.
    status: CalculationStatus,
    /// How many elements came out.
    #[oai(default, validator(minimum(value = "0"), maximum(value = "100000000")))]
    elements: u32,
    /// The version of the result.
    #[oai(default, validator(minimum(value = "0"), maximum(value = "1000000")))]
    result_version: u32,
    /// How long it took.
    #[oai(default)]
    timings: TimingsWire,
}

/// What is reported of a process: its start, requests made for it, its end. The start comes first or with the others;
/// work that is reported with its end is done already and is not refused by a quota.
#[derive(Debug, Object)]
#[oai(rename = "ProcessReport", deny_unknown_fields)]
pub struct ReportWire {
    /// The process's code, unique in the company.
    process_code: Uuid,
    /// Its beginning.
    start: Option<StartWire>,
    /// What was asked for.
    #[oai(default, validator(max_items = 1000))]
    requests: Vec<RequestWire>,
    /// Its end.
    finish: Option<FinishWire>,
}

/// Reports, in the order in which they happened.
#[derive(Debug, Object)]
#[oai(rename = "ProcessReports", deny_unknown_fields)]
pub struct ReportsWire {
    /// The reports.
    #[oai(validator(min_items = 1, max_items = 10_000))]
    pub reports: Vec<ReportWire>,
}

/// Requests made for a process.
#[derive(Debug, Object)]
#[oai(rename = "ProcessRequests", deny_unknown_fields)]
pub struct RequestsWire {
    /// The requests.
    #[oai(validator(min_items = 1, max_items = 1000))]
    pub requests: Vec<RequestWire>,
}

fn told(time: Option<&Instant>) -> Option<Told> {
    time.and_then(|time| Some(Told { at: time.to_timestamp()?, offset_minutes: time.offset_minutes() }))
}

impl StartWire {
    fn parse(self, at: &str) -> Result<Start, Failure> {
        let points = match (self.points, self.points_count) {
            (Some(_), Some(_)) => {
                return Err(Failure::invalid_field(format!("{at}.points_count"), "must not stand beside `points`"));
            }
            (Some(keys), None) => Points::Keys(
                keys.iter()
                    .enumerate()
                    .map(|(index, key)| {
                        PointKey::parse(key)
                            .map_err(|rule| Failure::invalid_field(format!("{at}.points[{index}]"), rule.0))
                    })
                    .collect::<Result<_, _>>()?,
            ),
            (None, count) => Points::Count(count.unwrap_or(0)),
        };
        Ok(Start {
            username: self.username,
            kind: Kind { service: self.service.0, process_type: self.process_type.0 },
            time: told(self.time.as_ref()),
            points,
            waiting: self.waiting,
        })
    }
}

impl From<RequestWire> for Made {
    fn from(wire: RequestWire) -> Self {
        let time = told(wire.time.as_ref());
        Self { request_code: wire.request_code, operation: wire.operation, env: wire.env, pod: wire.pod, time }
    }
}

impl From<&Outcome> for FinishWire {
    fn from(outcome: &Outcome) -> Self {
        let millis = |stage: Duration| u64::try_from(stage.as_millis()).unwrap_or(u64::MAX);
        let timings = &outcome.timings;
        Self {
            status: CalculationStatus(outcome.status),
            elements: outcome.elements,
            result_version: outcome.result_version,
            timings: TimingsWire {
                preparing_ms: millis(timings.preparing),
                business_validation_ms: millis(timings.business_validation),
                math_validation_ms: millis(timings.math_validation),
                waiting_ms: millis(timings.waiting),
                calculation_ms: millis(timings.calculation),
            },
        }
    }
}

impl FinishWire {
    /// The end, if a service may say that a process ended like this.
    pub fn parse(self, at: &str) -> Result<Outcome, Failure> {
        if !may_end(self.status.0) {
            let rule = "must be one of FINISHED_IN_TIME, FINISHED_OUT_OF_TIME, CANCELED, CANCELED_BY_TIMEOUT, FAILED";
            return Err(Failure::invalid_field(format!("{at}status"), rule));
        }
        let timings = model::Timings {
            preparing: Duration::from_millis(self.timings.preparing_ms),
            business_validation: Duration::from_millis(self.timings.business_validation_ms),
            math_validation: Duration::from_millis(self.timings.math_validation_ms),
            waiting: Duration::from_millis(self.timings.waiting_ms),
            calculation: Duration::from_millis(self.timings.calculation_ms),
        };
        Ok(Outcome { status: self.status.0, elements: self.elements, result_version: self.result_version, timings })
    }
}

impl RequestsWire {
    /// Only requests of a process that is known.
    pub fn parse(self, process_code: Uuid) -> Report {
        let requests = self.requests.into_iter().map(Made::from).collect();
        Report { process_code, start: None, requests, finish: None }
    }
}

impl ReportWire {
    /// The report's code, which is known before anything else of it.
    pub fn process_code(&self) -> Uuid {
        self.process_code
    }

    /// The report; `at` is where it stands in the body.
    pub fn parse(self, at: &str) -> Result<Report, Failure> {
        if self.start.is_none() && self.requests.is_empty() && self.finish.is_none() {
            let field = format!("{at}start");
            return Err(Failure::invalid_field(field, "is required, unless there are `requests` or a `finish`"));
        }
        Ok(Report {
            process_code: self.process_code,
            start: self.start.map(|start| start.parse(&format!("{at}start"))).transpose()?,
            requests: self.requests.into_iter().map(Made::from).collect(),
            finish: self.finish.map(|finish| finish.parse(&format!("{at}finish."))).transpose()?,
        })
    }
}

/// How a process stands.
#[derive(Debug, Object)]
#[oai(rename = "Process")]
pub struct ProcessWire {
    /// The process's code.
    process_code: Uuid,
    /// The user it is for.
    #[oai(validator(min_length = 2, max_length = 256))]
    username: String,
    /// The service that does it.
    service: Service,
    /// What it does.
    process_type: ProcessType,
    /// How it stands.
    status: CalculationStatus,
    /// When it began.
    time: Instant,
    /// The user's local day it counts for, fixed when it was reported.
    day: Date,
    /// How many points it is about, repeated ones included.
    #[oai(validator(minimum(value = "0"), maximum(value = "100000000")))]
    points: i64,
    /// How many elements came out.
    #[oai(validator(minimum(value = "0"), maximum(value = "100000000")))]
    elements: i64,
    /// Whether its input is kept.
    input_file_exists: bool,
    /// Whether its output is kept.
    output_file_exists: bool,
}

impl From<ProcessView> for ProcessWire {
    fn from(view: ProcessView) -> Self {
        let process = view.process;
        Self {
            process_code: process.code,
            username: view.username,
            service: Service(process.kind.service),
            process_type: ProcessType(process.kind.process_type),
            status: CalculationStatus(process.status),
            time: Instant::utc(process.time),
            day: Date(process.day),
            points: process.points,
            elements: process.elements,
            input_file_exists: view.input,
            output_file_exists: view.output,
        }
    }
}

/// A page of processes.
#[derive(Debug, Object)]
#[oai(rename = "ProcessPage")]
pub struct ProcessPage {
    /// The page, those reported last first.
    #[oai(validator(max_items = 200))]
    pub items: Vec<ProcessWire>,
    /// Pass it as `page_token` for the next page; absent on the last.
    #[oai(skip_serializing_if_is_none)]
    pub next_page_token: Option<String>,
}

/// What came of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "ReportOutcome", rename_all = "UPPERCASE")]
pub enum OutcomeWord {
    /// It is recorded now.
    Recorded,
    /// It was recorded before.
    Known,
    /// It was refused.
    Refused,
}

/// What came of one report.
#[derive(Debug, Object)]
#[oai(rename = "ReportResult")]
pub struct ResultWire {
    /// The process it was about.
    process_code: Uuid,
    /// What came of it.
    outcome: OutcomeWord,
    /// Of a refused one: the status it would have had by itself.
    #[oai(skip_serializing_if_is_none, validator(minimum(value = "400"), maximum(value = "599")))]
    status: Option<i32>,
    /// Of a refused one: why.
    #[oai(skip_serializing_if_is_none)]
    message: Option<String>,
}

/// What came of each report, in their order.
#[derive(Debug, Object)]
#[oai(rename = "ReportResults")]
pub struct ResultsWire {
    /// How many are recorded now.
    #[oai(validator(minimum(value = "0"), maximum(value = "10000")))]
    recorded: u32,
    /// How many were recorded before.
    #[oai(validator(minimum(value = "0"), maximum(value = "10000")))]
    known: u32,
    /// How many were refused.
    #[oai(validator(minimum(value = "0"), maximum(value = "10000")))]
    refused: u32,
    /// Each of them.
    #[oai(validator(max_items = 10_000))]
    results: Vec<ResultWire>,
}

impl ResultWire {
    /// A report that was refused.
    pub fn refused(process_code: Uuid, failure: &Failure) -> Self {
        let status = Some(i32::from(failure.status().as_u16()));
        Self { process_code, outcome: OutcomeWord::Refused, status, message: Some(failure.message.clone()) }
    }

    /// What came of a report that the service saw.
    pub fn of(process_code: Uuid, outcome: ReportOutcome) -> Self {
        let done = |outcome| Self { process_code, outcome, status: None, message: None };
        match outcome {
            ReportOutcome::Recorded => done(OutcomeWord::Recorded),
            ReportOutcome::Known => done(OutcomeWord::Known),
            ReportOutcome::Refused(error) => Self::refused(process_code, &crate::account::api::usage_failure(error)),
        }
    }
}

impl From<Vec<ResultWire>> for ResultsWire {
    fn from(results: Vec<ResultWire>) -> Self {
        let count = |outcome| {
            let of = results.iter().filter(|result| result.outcome == outcome).count();
            u32::try_from(of).unwrap_or(u32::MAX)
        };
        Self {
            recorded: count(OutcomeWord::Recorded),
            known: count(OutcomeWord::Known),
            refused: count(OutcomeWord::Refused),
            results,
        }
    }
}

/// A data file that is kept.
#[derive(Debug, Object)]
#[oai(rename = "ProcessFile")]
pub struct FileWire {
    /// Its length in bytes.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    size: i64,
    /// The SHA-256 of its bytes, in hexadecimal.
    #[oai(validator(min_length = 64, max_length = 64))]
    sha256: String,
}

impl From<File> for FileWire {
    fn from(file: File) -> Self {
        let mut sha256 = String::with_capacity(64);
        for byte in file.sha256 {
            for digit in [byte >> 4, byte & 15] {
                sha256.push(char::from_digit(digit.into(), 16).expect("four bits are a digit"));
            }
        }
        Self { size: file.size, sha256 }
    }
}

/// Limits of a user for a kind of work. What is left out is as wide as the contract's bounds.
#[derive(Debug, Object)]
#[oai(rename = "QuotaLimits", deny_unknown_fields)]
pub struct LimitsWire {
    /// The most points of one start.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000")))]
    points_per_request: Option<i64>,
    /// The most points of a local day.
    #[oai(validator(minimum(value = "0"), maximum(value = "100000000")))]
    points_per_day: Option<i64>,
    /// The most processes at once.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000")))]
    max_concurrent_execution: Option<i64>,
}

impl LimitsWire {
    /// Checks the bounds.
    pub fn parse(&self) -> Result<Limits, Failure> {
        Ok(Limits::parse(self.points_per_request, self.points_per_day, self.max_concurrent_execution)?)
    }
}

/// A quota.
#[derive(Debug, Object)]
#[oai(rename = "Quota")]
pub struct QuotaWire {
    /// The user it is of.
    #[oai(validator(min_length = 2, max_length = 256))]
    username: String,
    /// The service.
    service: Service,
    /// The process type.
    process_type: ProcessType,
    /// The most points of one start.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000")))]
    points_per_request: i64,
    /// The most points of a local day.
    #[oai(validator(minimum(value = "0"), maximum(value = "100000000")))]
    points_per_day: i64,
    /// The most processes at once.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000")))]
    max_concurrent_execution: i64,
}

impl From<Quota> for QuotaWire {
    fn from(quota: Quota) -> Self {
        Self {
            username: quota.username,
            service: Service(quota.kind.service),
            process_type: ProcessType(quota.kind.process_type),
            points_per_request: quota.limits.points_per_request,
            points_per_day: quota.limits.points_per_day,
            max_concurrent_execution: quota.limits.max_concurrent_execution,
        }
    }
}

/// A page of quotas.
#[derive(Debug, Object)]
#[oai(rename = "QuotaPage")]
pub struct QuotaPage {
    /// The page.
    #[oai(validator(max_items = 200))]
    pub items: Vec<QuotaWire>,
    /// Pass it as `page_token` for the next page; absent on the last.
    #[oai(skip_serializing_if_is_none)]
    pub next_page_token: Option<String>,
}

const CODE: &str = "11111111-2222-3333-4444-555555555555";
const REQUEST: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

/// What `/docs` offers for a report.
pub fn report_example() -> Value {
    json!({
        "process_code": CODE,
        "start": {"service": "UNIVERSAL", "process_type": "PLAN", "points": ["warehouse", "shop 1", "shop 2"]},
        "requests": [{"request_code": REQUEST, "operation": "run_plan_calculation"}],
    })
}

/// What `/docs` offers for many.
pub fn batch_example() -> Value {
    json!({
        "reports": [{
            "process_code": "22222222-2222-3333-4444-555555555555",
            "start": {"service": "ROUTING", "process_type": "MATRIX", "points_count": 120},
            "finish": {"status": "FINISHED_IN_TIME", "elements": 14400},
        }],
    })
}

/// What `/docs` offers for requests.
pub fn requests_example() -> Value {
    json!({"requests": [{"request_code": REQUEST, "operation": "run_plan_calculation"}]})
}

/// What `/docs` offers for an end.
pub fn finish_example() -> Value {
    json!({
        "status": "FINISHED_IN_TIME",
        "elements": 3,
        "result_version": 1,
        "timings": {"preparing_ms": 120, "calculation_ms": 4500},
    })
}

/// What `/docs` offers for a data file.
pub fn bytes_example() -> Value {
    json!("{\"points\": 3}")
}

/// What `/docs` offers for limits.
pub fn limits_example() -> Value {
    json!({"points_per_request": 1500, "points_per_day": 25000, "max_concurrent_execution": 5})
}

/// What a process is answered like.
pub fn process_answer() -> Value {
    json!({
        "process_code": CODE,
        "username": "username_for_login",
        "service": "UNIVERSAL",
        "process_type": "PLAN",
        "status": "IN_PROGRESS",
        "time": "2024-11-21T06:30:00Z",
        "day": "2024-11-21",
        "points": 3,
        "elements": 0,
        "input_file_exists": false,
        "output_file_exists": false,
    })
}

/// What many reports are answered like.
pub fn batch_answer() -> Value {
    json!({
        "recorded": 1,
        "known": 0,
        "refused": 0,
        "results": [{"process_code": "22222222-2222-3333-4444-555555555555", "outcome": "RECORDED"}],
    })
}
