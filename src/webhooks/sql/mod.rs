//! Statements on the tables of webhooks: [`endpoints`] (with the company's secret) and [`deliveries`] (with the log).
//!
//! Must not know: api, service, tasks, who sends. No statement begins a transaction.

pub mod deliveries;
pub mod endpoints;

use rusqlite::Row;
use rusqlite::types::Type;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::webhooks::sign::{Secret, SecretPair};

/// A stored UUID.
fn guid(row: &Row<'_>, column: &str) -> rusqlite::Result<Uuid> {
    let text: String = row.get(column)?;
    parsed(text.parse().ok(), "a UUID")
}

fn instant(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_micros))
}

fn secrets(row: &Row<'_>) -> rusqlite::Result<SecretPair> {
    let previous: Option<Vec<u8>> = row.get("previous_secret")?;
    Ok(SecretPair {
        current: Secret::from_bytes(row.get("secret")?),
        previous: previous.map(Secret::from_bytes).zip(instant(row, "previous_until")?),
    })
}

/// A value that only this program writes: that it is unreadable means that somebody else did.
fn parsed<T>(value: Option<T>, what: &str) -> rusqlite::Result<T> {
    value.ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, format!("a stored value is not {what}").into())
    })
}

/// A number of rows as SQLite counts.
fn bound(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
