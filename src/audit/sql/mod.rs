//! Every statement on the tables of the audit, by table.
//!
//! Must not know: HTTP, services, tasks. Nothing here begins a transaction; each statement names the company.

pub mod actions;
pub mod chain;
pub mod days;
pub mod pages;
pub mod requests;

use std::time::Duration;

use rusqlite::Row;
use rusqlite::types::Type;
use uuid::Uuid;

use crate::audit::model::{CalculationStatus, ProcessType, Service};

/// A stored number that the schema's checks let through and this version does not know.
fn unknown(column: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, what.into())
}

fn service_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Service> {
    Service::of_code(row.get(column)?).ok_or_else(|| unknown(column, "no service has this number"))
}

fn process_type_of(row: &Row<'_>, column: usize) -> rusqlite::Result<ProcessType> {
    ProcessType::of_code(row.get(column)?).ok_or_else(|| unknown(column, "no type of process has this number"))
}

fn status_of(row: &Row<'_>, column: usize) -> rusqlite::Result<CalculationStatus> {
    CalculationStatus::of_code(row.get(column)?).ok_or_else(|| unknown(column, "no status has this number"))
}

/// A code, kept as its 16 bytes.
fn code(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    Ok(Uuid::from_bytes(row.get(column)?))
}

/// A duration, kept in milliseconds.
fn duration(row: &Row<'_>, column: usize) -> rusqlite::Result<Duration> {
    let millis: i64 = row.get(column)?;
    Ok(Duration::from_millis(millis.unsigned_abs()))
}

/// How many rows at most, as the engine wants it.
fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
