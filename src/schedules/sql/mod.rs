//! Every statement on the tables of order schedules, by table.
//!
//! Must not know: HTTP, services, tasks. Nothing here begins a transaction; each statement names the company. Days are
//! kept as days of the common era, times as seconds after midnight.

pub mod exceptions;
pub mod feeds;
pub mod reminders;
pub mod schedules;

use chrono::{Datelike, NaiveDate};
use rusqlite::Row;
use rusqlite::types::Type;

use crate::schedules::civil::{LAST_DAY, TimeOfDay};
use crate::schedules::windows::Hours;

/// A day after every other: where a schedule without an end ends.
pub const NEVER: i32 = 3_652_060;

fn unreadable(column: usize, why: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, why.to_owned().into())
}

/// How many rows at most, as the engine wants it.
fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A day as it is kept.
pub fn number(day: NaiveDate) -> i32 {
    day.num_days_from_ce()
}

fn day(row: &Row<'_>, column: usize) -> rusqlite::Result<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(row.get(column)?)
        .filter(|day| *day <= LAST_DAY)
        .ok_or_else(|| unreadable(column, "no day of the calendar has this number"))
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<TimeOfDay> {
    TimeOfDay::of_seconds(row.get(column)?).ok_or_else(|| unreadable(column, "no time of day has this number"))
}

/// Two columns, both of them or none.
fn hours_option(row: &Row<'_>, from: usize, to: usize) -> rusqlite::Result<Option<Hours>> {
    if row.get_ref(from)?.data_type() == Type::Null {
        return Ok(None);
    }
    hours(row, from, to).map(Some)
}

fn hours(row: &Row<'_>, from: usize, to: usize) -> rusqlite::Result<Hours> {
    Hours::new(time(row, from)?, time(row, to)?).map_err(|refused| unreadable(to, &refused.rule.0))
}
