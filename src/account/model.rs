//! The values of usage, parsed once at the edge: days, kinds of work, what services report of a process.
//!
//! Must not know: the database, HTTP, the runtime, the system clock. Bounds are those of the account contract.

use std::fmt;

use chrono::{Datelike, NaiveDate};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::auth::model::{Refused, Rule, Timezone};
use crate::clock::Timestamp;

pub use crate::audit::model::{
    CalculationStatus, Flow, MAX_DURATION, MAX_RESULT_VERSION, Outcome, ProcessType, Service, Timings, Told,
};

/// The most of anything a day, or a process, may count (`points_per_day` and the other daily counts of the contract).
pub const MAX_COUNT: i64 = crate::audit::model::MAX_COUNT as i64;

/// The most keys one process may name; a larger one gives their number.
pub const MAX_KEYS: usize = 100_000;

/// The most requests one report may bring.
pub const MAX_REQUESTS: usize = 1_000;

/// A calendar day, as the number of days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

impl Day {
    /// The day that `at` falls on where the clock is `timezone` off UTC.
    #[must_use]
    pub fn of(at: Timestamp, timezone: Timezone) -> Self {
        let local = at.as_micros().saturating_add(i64::from(timezone.hours()) * 3_600_000_000);
        Self(i32::try_from(local.div_euclid(24 * 3_600_000_000)).unwrap_or(i32::MAX))
    }

    /// Reads `2024-11-22`, in the years that four digits can write.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let well_formed = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let date = if well_formed { NaiveDate::parse_from_str(text, "%Y-%m-%d").ok() } else { None };
        date.filter(|date| date.year() >= 1)
            .map(Self::of_date)
            .ok_or_else(|| Rule("must be a date such as 2024-11-22".into()))
    }

    /// The day of a stored number.
    #[must_use]
    pub const fn of_number(number: i32) -> Self {
        Self(number)
    }

    /// The number of days since 1970-01-01.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }

    fn of_date(date: NaiveDate) -> Self {
        Self(date.to_epoch_days())
    }

    /// The day in the calendar. Days beyond the calendar's range become its end.
    #[must_use]
    pub fn to_date(self) -> NaiveDate {
        NaiveDate::from_epoch_days(self.0).unwrap_or(NaiveDate::MAX)
    }

    /// The day `days` later.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The first day of the same month.
    #[must_use]
    pub fn first_of_month(self) -> Self {
        self.to_date().with_day(1).map_or(self, Self::of_date)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_date().format("%Y-%m-%d"))
    }
}

/// A kind of work: what usage is counted by and limited by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    /// The service that does it.
    pub service: Service,
    /// What it does.
    pub process_type: ProcessType,
}

/// Which kinds are asked for; `None`: all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KindFilter {
    /// Of this service.
    pub service: Option<Service>,
    /// Of this type.
    pub process_type: Option<ProcessType>,
}

/// A point's key as it is kept: the first half of its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PointKey(pub [u8; 16]);

impl PointKey {
    /// The key of a point that its service calls `name`: 1 to 256 characters.
    pub fn parse(name: &str) -> Result<Self, Rule> {
        if !(1..=256).contains(&name.chars().count()) {
            return Err(Rule("must have 1 to 256 characters".into()));
        }
        let digest = Sha256::digest(name.as_bytes());
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Ok(Self(key))
    }
}

/// The points a process is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Points {
    /// So many, each unlike any other.
    Count(i64),
    /// These; a key may come more than once.
    Keys(Vec<PointKey>),
}

impl Points {
    /// How many, repeated ones included.
    #[must_use]
    pub fn count(&self) -> i64 {
        match self {
            Self::Count(count) => *count,
            Self::Keys(keys) => i64::try_from(keys.len()).unwrap_or(i64::MAX),
        }
    }
}

/// The beginning of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Whom it is for; `None`: the caller.
    pub username: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// When it began; `None`: now.
    pub time: Option<Told>,
    /// What it is about.
    pub points: Points,
    /// Whether it waits still; else it is in progress.
    pub waiting: bool,
}

/// A request made for a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its code, unique in the company.
    pub request_code: Uuid,
    /// Which operation: 3 to 256 characters.
    pub operation: String,
    /// The environment it ran in; `None`: this one.
    pub env: Option<String>,
    /// The machine it ran on; `None`: this one.
    pub pod: Option<String>,
    /// When; `None`: now.
    pub time: Option<Told>,
}

/// Whether a service may say that a process ended like this: the other words are of its beginning, or this server's own.
#[must_use]
pub const fn may_end(status: CalculationStatus) -> bool {
    !status.is_open() && !matches!(status, CalculationStatus::CanceledByQuota)
}

/// What is reported of a process: its start, requests made for it, its end. Each may come alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The process, by the company's own code.
    pub process_code: Uuid,
    /// Its beginning.
    pub start: Option<Start>,
    /// What was asked for.
    pub requests: Vec<Made>,
    /// Its end.
    pub finish: Option<Outcome>,
}

/// The SHA-256 of what something was reported with, to tell the same from a contradiction.
pub type Print = [u8; 32];

fn print(parts: &[&[u8]]) -> Print {
    let mut digest = Sha256::new();
    for part in parts {
        // With their lengths, so that no two lists of parts read alike.
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

fn instant(time: Option<Told>) -> [u8; 9] {
    let mut bytes = [0; 9];
    if let Some(time) = time {
        bytes[0] = 1;
        bytes[1..].copy_from_slice(&time.at.as_micros().to_be_bytes());
    }
    bytes
}

impl Start {
    /// Its print, for the user it is for. The order of its points does not matter.
    #[must_use]
    pub fn print(&self, user: i64) -> Print {
        let kind = [self.kind.service.code(), self.kind.process_type.code(), u8::from(self.waiting)];
        let points = match &self.points {
            Points::Count(count) => count.to_be_bytes().to_vec(),
            Points::Keys(keys) => {
                let mut keys = keys.clone();
                keys.sort_unstable();
                keys.iter().flat_map(|key| key.0).collect()
            }
        };
        let form = [u8::from(matches!(self.points, Points::Keys(_)))];
        print(&[&user.to_be_bytes(), &kind, &instant(self.time), &form, &points])
    }
}

impl Made {
    /// Its print.
    #[must_use]
    pub fn print(&self) -> Print {
        let text = |text: &Option<String>| text.clone().unwrap_or_default().into_bytes();
        print(&[self.operation.as_bytes(), &text(&self.env), &text(&self.pod), &instant(self.time)])
    }
}

/// The print of an end.
#[must_use]
pub fn print_of_end(end: &Outcome) -> Print {
    let Timings { preparing, business_validation, math_validation, waiting, calculation } = end.timings;
    let stages: Vec<u8> = [preparing, business_validation, math_validation, waiting, calculation]
        .iter()
        .flat_map(|stage| stage.as_micros().to_be_bytes())
        .collect();
    print(&[&[end.status.code()], &end.elements.to_be_bytes(), &end.result_version.to_be_bytes(), &stages])
}

/// A number from 0 to `max`, or the field and the rule it breaks.
pub fn count(field: &'static str, value: i64, max: i64) -> Result<i64, Refused> {
    if (0..=max).contains(&value) {
        Ok(value)
    } else {
        Err(Refused::new(field, format!("must be a whole number from 0 to {max}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_rfc3339(text).expect("an instant")
    }

    #[test]
    fn a_day_begins_at_the_users_own_midnight() {
        let table = [
            (-12, "2024-03-01T11:59:59.999999Z", "2024-02-29"),
            (-12, "2024-03-01T12:00:00Z", "2024-03-01"),
            (0, "2023-12-31T23:59:59.999999Z", "2023-12-31"),
            (0, "2024-01-01T00:00:00Z", "2024-01-01"),
            (3, "2024-11-30T20:59:59.999999Z", "2024-11-30"),
            (3, "2024-11-30T21:00:00Z", "2024-12-01"),
            (12, "2025-02-28T11:59:59.999999Z", "2025-02-28"),
            (12, "2025-02-28T12:00:00Z", "2025-03-01"),
            (0, "1969-12-31T23:59:59Z", "1969-12-31"),
        ];
        for (hours, instant, day) in table {
            let timezone = Timezone::parse(hours).expect("a time zone");
            assert_eq!(Day::of(at(instant), timezone).to_string(), day, "{instant} at {hours}");
        }
    }

    #[test]
    fn dates_are_read_strictly() {
        for text in ["2024-11-22", "0001-01-01", "9999-12-31", "2024-02-29"] {
            assert_eq!(Day::parse(text).expect(text).to_string(), text);
        }
        for text in [
            "",
            "2024-11-2",
            "2024-13-01",
            "2023-02-29",
            "22.11.2024",
            "2024-11-22T00:00",
            "0000-01-01",
            "+024-11-22",
            " 024-11-22",
        ] {
            assert!(Day::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_print_tells_every_difference_but_the_order_of_points() {
        let key = |name: &str| PointKey::parse(name).expect("a key");
        let start = Start {
            username: None,
            kind: Kind { service: Service::Universal, process_type: ProcessType::Plan },
            time: None,
            points: Points::Keys(vec![key("a"), key("b")]),
            waiting: false,
        };
        let turned = Start { points: Points::Keys(vec![key("b"), key("a")]), ..start.clone() };
        assert_eq!(start.print(1), turned.print(1));
        let others = [
            Start { points: Points::Count(2), ..start.clone() },
            Start { points: Points::Keys(vec![key("a"), key("b"), key("b")]), ..start.clone() },
            Start { time: Some(Told { at: Timestamp::from_micros(0), offset_minutes: 0 }), ..start.clone() },
            Start { kind: Kind { service: Service::Routing, ..start.kind }, ..start.clone() },
            Start { waiting: true, ..start.clone() },
        ];
        for other in others {
            assert_ne!(start.print(1), other.print(1), "{other:?}");
        }
        assert_ne!(start.print(1), start.print(2));
    }
}
