//! Test controls on the wire: types.
//!
//! Must not know: SQL.

use std::time::Duration;

use poem_openapi::Object;
use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::fixtures::{MadeSecret, Seeded};
use crate::http::Failure;
use crate::http::probe::faults::{Fault, Rule, Set, Target};
use crate::http::probe::requests::Received;
use crate::http::wire::Instant;
use crate::testing::controls::SnapshotView;
use crate::testing::time::{Advanced, ClockView};
use crate::webhooks::capture::Captured;

/// A secret that was made up while seeding.
#[derive(Object)]
#[oai(rename = "TestSecret")]
pub struct SecretWire {
    /// `token` or `webhook`.
    kind: String,
    /// The user a token is of, the company a webhook is of.
    owner: String,
    /// The token's name, the webhook's URL.
    name: String,
    /// The secret.
    secret: String,
}

impl From<MadeSecret> for SecretWire {
    fn from(made: MadeSecret) -> Self {
        Self { kind: made.kind.to_owned(), owner: made.owner, name: made.name, secret: made.secret }
    }
}

/// What came of seeding.
#[derive(Object)]
#[oai(rename = "TestSeeded")]
pub struct SeededWire {
    /// How many items the fixture has.
    items: u64,
    /// Secrets that were made up, because the fixture does not give them.
    secrets: Vec<SecretWire>,
}

impl From<Seeded> for SeededWire {
    fn from(seeded: Seeded) -> Self {
        Self { items: seeded.items as u64, secrets: seeded.secrets.into_iter().map(Into::into).collect() }
    }
}

/// A snapshot.
#[derive(Debug, Object)]
#[oai(rename = "TestSnapshot")]
pub struct SnapshotWire {
    /// Its name.
    name: String,
    /// What the server's clock showed when it was taken.
    taken_at: Instant,
    /// How much memory it takes.
    bytes: u64,
}

impl From<SnapshotView> for SnapshotWire {
    fn from(view: SnapshotView) -> Self {
        Self { name: view.name, taken_at: Instant::utc(view.taken_at), bytes: view.bytes }
    }
}

/// Every snapshot, by name.
#[derive(Debug, Object)]
#[oai(rename = "TestSnapshots")]
pub struct SnapshotsWire {
    /// The snapshots.
    #[oai(validator(max_items = 20))]
    pub items: Vec<SnapshotWire>,
}

/// How the clock stands.
#[derive(Debug, Object)]
#[oai(rename = "TestClock")]
pub struct ClockWire {
    /// What it shows.
    now: Instant,
    /// Whether it stands still.
    held: bool,
}

impl From<ClockView> for ClockWire {
    fn from(view: ClockView) -> Self {
        Self { now: exact(view.now), held: view.held }
    }
}

/// To the microsecond: tests compare instants.
fn exact(at: Timestamp) -> Instant {
    Instant::exact_at_offset(at, chrono::FixedOffset::east_opt(0).expect("Greenwich is an offset"))
}

/// What the clock is to do.
#[derive(Debug, Object)]
#[oai(rename = "TestClockChange", deny_unknown_fields)]
pub struct ClockChange {
    /// What it is to show; without it, what it shows. It may go back, which undoes nothing.
    pub now: Option<Instant>,
    /// Whether it is to stand still; without it, as before.
    pub held: Option<bool>,
}

/// An example for `/docs`.
pub fn clock_change_example() -> Value {
    json!({"now": "2026-03-02T10:00:00Z", "held": true})
}

/// How far the clock is to move.
#[derive(Debug, Object)]
#[oai(rename = "TestClockAdvance", deny_unknown_fields)]
pub struct ClockAdvance {
    /// By how much: days, hours, minutes, seconds, such as `1d`, `2h30m`, `90s`.
    #[oai(validator(pattern = r"^(\d{1,6}[dhms]){1,4}$"))]
    pub by: String,
    /// How long to wait for what becomes due, in seconds of real time; without it, 30.
    #[oai(validator(minimum(value = "1"), maximum(value = "600")))]
    pub timeout_seconds: Option<u32>,
}

/// An example for `/docs`.
pub fn clock_advance_example() -> Value {
    json!({"by": "1d2h"})
}

impl ClockAdvance {
    /// How far.
    pub fn span(&self) -> Result<Duration, Failure> {
        let wrong = || Failure::invalid_field("by", "must be such as 1d, 2h30m or 90s");
        let (mut seconds, mut number) = (0_u64, String::new());
        for character in self.by.chars() {
            let unit = match character {
                'd' => 86_400,
                'h' => 3_600,
                'm' => 60,
                's' => 1,
                digit => {
                    number.push(digit);
                    continue;
                }
            };
            seconds += number.parse::<u64>().map_err(|_| wrong())? * unit;
            number.clear();
        }
        Ok(Duration::from_secs(seconds))
    }
}

/// What tasks of a kind did.
#[derive(Debug, Object)]
#[oai(rename = "TestRan")]
pub struct RanWire {
    /// The kind.
    kind: String,
    /// How often one was begun.
    attempts: u64,
    /// How many were done.
    done: u64,
    /// How many failed for good.
    failed: u64,
}

/// What came of moving the clock.
#[derive(Debug, Object)]
#[oai(rename = "TestClockAdvanced")]
pub struct AdvancedWire {
    /// What it shows now.
    now: Instant,
    /// What ran on the way, by kind.
    ran: Vec<RanWire>,
    /// Whether all that became due is done; if not, the time to wait was over.
    complete: bool,
}

impl From<Advanced> for AdvancedWire {
    fn from(advanced: Advanced) -> Self {
        let Advanced { clock, ran, complete } = advanced;
        let ran = ran.into_iter().map(|(kind, ran)| RanWire {
            kind,
            attempts: ran.attempts,
            done: ran.done,
            failed: ran.failed,
        });
        Self { now: exact(clock.now), ran: ran.collect(), complete }
    }
}

/// A fault to be set: about which requests, and what happens to them. At least one of `status`, `delay_ms` and `cut`.
#[derive(Debug, Object)]
#[oai(rename = "NewTestFault", deny_unknown_fields)]
pub struct NewFault {
    /// About this operation, by its `operationId`.
    #[oai(validator(min_length = 1, max_length = 100))]
    pub operation: Option<String>,
    /// About this method, in capitals.
    #[oai(validator(pattern = r"^[A-Z]{3,7}$"))]
    pub method: Option<String>,
    /// About paths of this form; `*` stands for any characters.
    #[oai(validator(min_length = 1, max_length = 500))]
    pub path: Option<String>,
    /// The request is answered with this status in its contract's shape, and not handled.
    #[oai(validator(minimum(value = "400"), maximum(value = "599")))]
    pub status: Option<u16>,
    /// The `Retry-After` of that answer, in seconds.
    #[oai(validator(minimum(value = "1"), maximum(value = "86400")))]
    pub retry_after: Option<u32>,
    /// It waits for so long first, in milliseconds of real time.
    #[oai(validator(minimum(value = "0"), maximum(value = "600000")))]
    pub delay_ms: Option<u32>,
    /// It is not answered: the connection is cut.
    pub cut: Option<bool>,
    /// The part of the requests that get it, 0 to 1; without it, all.
    #[oai(validator(minimum(value = "0"), maximum(value = "1")))]
    pub probability: Option<f64>,
    /// What chance is made of: with the same seed the same requests of a sequence get it. Without it, 0.
    pub seed: Option<u32>,
    /// So many get it at most; without it, no limit.
    #[oai(validator(minimum(value = "1")))]
    pub limit: Option<u32>,
    /// So many are spared first; without it, none.
    pub skip: Option<u32>,
}

/// An example for `/docs`.
pub fn new_fault_example() -> Value {
    json!({"operation": "read_info", "status": 503, "retry_after": 1, "probability": 0.5, "seed": 7})
}

impl NewFault {
    /// The rule.
    pub fn parse(self) -> Result<Rule, Failure> {
        let fault = Fault {
            delay: Duration::from_millis(self.delay_ms.unwrap_or(0).into()),
            status: self.status,
            retry_after: self.retry_after.map(|seconds| Duration::from_secs(seconds.into())),
            cut: self.cut.unwrap_or(false),
        };
        if fault.status.is_none() && fault.delay.is_zero() && !fault.cut {
            return Err(Failure::invalid_field("status", "is required, unless there is a `delay_ms` or a `cut`"));
        }
        if fault.status.is_some() && fault.cut {
            return Err(Failure::invalid_field("cut", "must not stand beside a `status`"));
        }
        Ok(Rule {
            target: Target { operation: self.operation, method: self.method, path: self.path },
            fault,
            probability: self.probability.unwrap_or(1.0),
            seed: self.seed.unwrap_or(0).into(),
            limit: self.limit.map(Into::into),
            skip: self.skip.unwrap_or(0).into(),
        })
    }
}

/// A fault that is set, and what it has done.
#[derive(Debug, Object)]
#[oai(rename = "TestFault", skip_serializing_if_is_none)]
pub struct FaultWire {
    /// Its number.
    id: u64,
    /// About this operation.
    operation: Option<String>,
    /// About this method.
    method: Option<String>,
    /// About paths of this form.
    path: Option<String>,
    /// The status of the answer.
    status: Option<u16>,
    /// How long it waits, in milliseconds.
    delay_ms: Option<u64>,
    /// Whether the connection is cut.
    cut: bool,
    /// The part of the requests that get it.
    probability: f64,
    /// How many requests fitted.
    seen: u64,
    /// How many of them got it.
    struck: u64,
}

impl From<Set> for FaultWire {
    fn from(set: Set) -> Self {
        let Rule { target, fault, probability, .. } = set.rule;
        Self {
            id: set.id,
            operation: target.operation,
            method: target.method,
            path: target.path,
            status: fault.status,
            delay_ms: u64::try_from(fault.delay.as_millis()).ok().filter(|millis| *millis > 0),
            cut: fault.cut,
            probability,
            seen: set.seen,
            struck: set.struck,
        }
    }
}

/// The faults that are set, in that order.
#[derive(Debug, Object)]
#[oai(rename = "TestFaults")]
pub struct FaultsWire {
    /// The faults.
    #[oai(validator(max_items = 100))]
    pub items: Vec<FaultWire>,
}

/// A header.
#[derive(Debug, Object)]
#[oai(rename = "TestHeader")]
pub struct HeaderWire {
    /// Its name in lower case.
    name: String,
    /// Its value; `…` where it is a credential.
    value: String,
}

fn headers(headers: Vec<(String, String)>) -> Vec<HeaderWire> {
    headers.into_iter().map(|(name, value)| HeaderWire { name, value }).collect()
}

/// A request that came in. Secrets are replaced by `…`.
#[derive(Debug, Object)]
#[oai(rename = "TestRequest", skip_serializing_if_is_none)]
pub struct RequestWire {
    /// Its number: later ones have higher ones.
    number: u64,
    /// When it came in, by the server's clock.
    at: Instant,
    /// The method.
    method: String,
    /// The path.
    path: String,
    /// The query.
    query: Option<String>,
    /// The `operationId`; absent: nothing that there is.
    operation: Option<String>,
    /// Who it came from, if it signed in.
    username: Option<String>,
    /// The headers.
    headers: Vec<HeaderWire>,
    /// The body as text, up to 16 KiB.
    body: Option<String>,
    /// Whether more of the body came than is shown.
    body_cut: bool,
    /// How it was answered; absent: the connection was cut.
    status: Option<u16>,
    /// How long that took, in microseconds of real time.
    took_micros: u64,
    /// The number of the fault it got.
    fault: Option<u64>,
}

impl From<Received> for RequestWire {
    fn from(received: Received) -> Self {
        Self {
            number: received.number,
            at: exact(received.at),
            method: received.method,
            path: received.path,
            query: received.query,
            operation: received.operation.map(str::to_owned),
            username: received.username,
            headers: headers(received.headers),
            body: received.body,
            body_cut: received.body_cut,
            status: received.status,
            took_micros: received.took_micros,
            fault: received.fault,
        }
    }
}

/// Requests that came in, in the order they were answered.
#[derive(Debug, Object)]
#[oai(rename = "TestRequests")]
pub struct RequestsWire {
    /// How many fit the filter, those not shown included.
    pub total: u64,
    /// The requests.
    #[oai(validator(max_items = 1000))]
    pub items: Vec<RequestWire>,
}

/// Whether webhooks are captured.
#[derive(Debug, Object)]
#[oai(rename = "TestCapture", deny_unknown_fields)]
pub struct CaptureWire {
    /// Whether calls are kept instead of made.
    pub capture: bool,
    /// What a receiver is taken to answer; without it, 200.
    #[oai(skip_serializing_if_is_none, validator(minimum(value = "200"), maximum(value = "599")))]
    pub answer: Option<u16>,
}

/// An example for `/docs`.
pub fn capture_example() -> Value {
    json!({"capture": true, "answer": 200})
}

/// A call that was not made.
#[derive(Debug, Object)]
#[oai(rename = "CapturedWebhook")]
pub struct CapturedWire {
    /// Its number: later ones have higher ones.
    number: u64,
    /// When it would have been made, by the server's clock.
    at: Instant,
    /// Its `webhook-id`.
    id: String,
    /// Where to.
    url: String,
    /// The headers, the signature among them.
    headers: Vec<HeaderWire>,
    /// The body.
    body: String,
}

impl From<Captured> for CapturedWire {
    fn from(captured: Captured) -> Self {
        Self {
            number: captured.number,
            at: exact(captured.at),
            id: captured.id,
            url: captured.url,
            headers: headers(captured.headers),
            body: captured.body,
        }
    }
}

/// Calls that were not made, in their order.
#[derive(Debug, Object)]
#[oai(rename = "CapturedWebhooks")]
pub struct CapturedListWire {
    /// Whether calls are kept instead of made.
    pub capture: bool,
    /// The calls.
    #[oai(validator(max_items = 1000))]
    pub items: Vec<CapturedWire>,
}
