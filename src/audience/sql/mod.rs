//! Every statement on the tables of the audience, by table.
//!
//! Must not know: HTTP, services, tasks. Nothing here begins a transaction; each statement names the company.

pub mod counters;
pub mod entries;
pub mod profiles;
pub mod refreshes;
pub mod subscriptions;
pub mod suppression;

use rusqlite::types::Type;

use crate::audience::model::{Channel, Status};

/// A stored number that the schema's checks let through and this version does not know.
fn unknown(column: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, what.into())
}

/// How many rows at most, as the engine wants it.
fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn channel(row: &rusqlite::Row<'_>, column: usize) -> Result<Channel, rusqlite::Error> {
    Channel::of_code(row.get::<_, u8>(column)?.into()).ok_or_else(|| unknown(column, "no channel has this number"))
}

fn status(row: &rusqlite::Row<'_>, column: usize) -> Result<Status, rusqlite::Error> {
    Status::of_code(row.get::<_, u8>(column)?.into()).ok_or_else(|| unknown(column, "no status has this number"))
}
