//! The usage report as a workbook: a sheet `Summary` with the totals and a chart of points per day, a sheet `Days` with a
//! row per day, service and process type, and `Days 2` and so on where one sheet has no more rows.
//!
//! Must not know: the database, HTTP, files. Rows are taken one by one and written through, so that memory depends on
//! the number of days and not of rows. Texts go into cells as texts: what looks like a formula stays what it is.

mod labels;
mod sheets;

use std::collections::BTreeMap;

use crate::account::model::{Day, Kind};
use crate::account::period::Period;
use crate::account::usage::{DayUsage, Usage};
use crate::i18n::Language;

pub use self::sheets::Book;

/// What a report says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The language of its labels.
    pub language: Language,
    /// The days it is about.
    pub period: Period,
    /// Who asked for it.
    pub username: String,
    /// That user's company.
    pub company: String,
    /// Whether it is about every user of the company: `Days` then has a column more.
    pub everybody: bool,
    /// The day on which it is written.
    pub written_on: Day,
}

/// The sums of a report.
#[derive(Debug, Default)]
pub struct Totals {
    kinds: BTreeMap<Kind, Usage>,
    points: BTreeMap<Day, i64>,
}

impl Totals {
    /// Adds a row.
    pub fn add(&mut self, row: &DayUsage) {
        let kind = self.kinds.entry(row.kind).or_default();
        *kind = kind.plus(row.usage);
        *self.points.entry(row.day).or_default() += row.usage.points;
    }

    /// By service and process type, in the contract's order.
    fn kinds(&self) -> impl Iterator<Item = (Kind, Usage)> {
        self.kinds.iter().map(|(kind, usage)| (*kind, *usage))
    }

    /// Of everything.
    fn sum(&self) -> Usage {
        self.kinds.values().copied().fold(Usage::default(), Usage::plus)
    }

    /// Points of each day from the first with usage to the last, those in between that have none included.
    fn points_per_day(&self) -> Vec<(Day, i64)> {
        let (Some((first, _)), Some((last, _))) = (self.points.first_key_value(), self.points.last_key_value()) else {
            return Vec::new();
        };
        let days = (first.number()..=last.number()).map(Day::of_number);
        days.map(|day| (day, self.points.get(&day).copied().unwrap_or(0))).collect()
    }
}

/// Why a workbook could not be written: the machine's fault, not the caller's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unwritten(String);
