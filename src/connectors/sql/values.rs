//! Statements on `connector_values`.

use rusqlite::named_params;
use rusqlite::types::ValueRef;

use super::{NUMBER, at_most, figure, unreadable, value};
use crate::connectors::buckets::Reading;
use crate::connectors::model::{SeriesId, UnixSeconds};
use crate::connectors::value::Value;
use crate::store::{Conn, StoreError};

/// Up to `limit` values of a series in `from..to`, by their instants, until they have more than `bytes` bytes of text.
/// Whether that was all.
pub fn range(
    conn: &Conn,
    series: SeriesId,
    (from, to): (UnixSeconds, UnixSeconds),
    limit: usize,
    bytes: usize,
) -> Result<(Vec<(UnixSeconds, Value)>, bool), StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT at, kind, number, text FROM connector_values
         WHERE series_id = :series AND at >= :from AND at < :to ORDER BY at LIMIT :limit",
    )?;
    let mut rows = statement
        .query(named_params! { ":series": series.0, ":from": from, ":to": to, ":limit": at_most(limit + 1) })?;
    let (mut found, mut size) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        if found.len() == limit || size > bytes {
            return Ok((found, false));
        }
        let read = value(row, 1)?;
        if let Value::Text(text) = &read {
            size += text.len();
        }
        found.push((row.get(0)?, read));
    }
    Ok((found, true))
}

/// Shows `take` each value of a series in `from..to` by its instant: the number, or `None` for what is none.
pub fn each(
    conn: &Conn,
    series: SeriesId,
    (from, to): (UnixSeconds, UnixSeconds),
    mut take: impl FnMut(UnixSeconds, Option<Reading<'_>>),
) -> Result<(), StoreError> {
    // One range of the primary key.
    let mut statement = conn.prepare_cached(
        "SELECT at, kind, number, text FROM connector_values WHERE series_id = ?1 AND at >= ?2 AND at < ?3 ORDER BY at",
    )?;
    let mut rows = statement.query((series.0, from, to))?;
    while let Some(row) = rows.next()? {
        let at = row.get_ref(0)?.as_i64().map_err(|_| unreadable(0, "an instant is no integer"))?;
        if row.get_ref(1)? != ValueRef::Integer(NUMBER.into()) {
            take(at, None);
            continue;
        }
        let exact = row.get_ref(3)?.as_str_or_null().map_err(|_| unreadable(3, "a number's text is no text"))?;
        take(at, Some(Reading { figure: figure(row, 2)?, exact }));
    }
    Ok(())
}
