//! Every statement of the nomenclature, by table. Functions take the transaction of whoever owns it.
//!
//! Must not know: HTTP, the use cases, tasks.

pub mod catalogues;
pub mod finding;
pub mod goods;
pub mod imports;
pub mod plans;
pub mod problems;
pub mod states;
pub mod uploads;
pub mod writing;

use rusqlite::Row;
use rusqlite::types::Type;
use uuid::Uuid;

use crate::clock::Timestamp;

/// While nothing follows.
pub const FOREVER: i64 = i64::MAX;

fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn guid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    let bytes: [u8; 16] = row.get(column)?;
    Ok(Uuid::from_bytes(bytes))
}

fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_micros)
}

fn instant_option(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_micros))
}

/// What a column holds that nobody knows.
fn unreadable(column: usize, why: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, why.into())
}
