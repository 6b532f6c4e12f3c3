//! Every statement of identity, by resource. Takes a connection or a transaction, names its columns, begins nothing.
//!
//! Must not know: HTTP, services, tasks. Rows become the types of [`super::model`] here and nowhere else.

pub mod checks;
pub mod companies;
pub mod idempotency;
pub mod keys;
pub mod parties;
pub mod revived;
pub mod sids;
pub mod tokens;
pub mod users;

use rusqlite::Row;
use rusqlite::types::Type;
use uuid::Uuid;

use crate::auth::model::Rule;
use crate::clock::Timestamp;

/// Reads a checked text; a stored value that breaks its own rule is damage, not a caller's mistake.
fn checked<T>(row: &Row<'_>, column: usize, parse: impl Fn(String) -> Result<T, Rule>) -> rusqlite::Result<T> {
    parse(row.get(column)?).map_err(|rule| unreadable(column, &rule.0))
}

fn checked_option<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl Fn(String) -> Result<T, Rule>,
) -> rusqlite::Result<Option<T>> {
    row.get::<_, Option<String>>(column)?
        .map(|text| parse(text).map_err(|rule| unreadable(column, &rule.0)))
        .transpose()
}

fn unreadable(column: usize, why: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, why.to_owned().into())
}

fn guid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    let text: String = row.get(column)?;
    Uuid::parse_str(&text).map_err(|error| unreadable(column, &error.to_string()))
}

fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_micros)
}

fn instant_option(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_micros))
}
