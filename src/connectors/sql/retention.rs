//! Statements that thin and remove old values.

use rusqlite::{OptionalExtension, named_params};

use super::at_most;
use crate::connectors::model::{SeriesId, UnixSeconds};
use crate::store::{Conn, StoreError, WriteTx};

/// A series as retention sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aging {
    /// Its number.
    pub id: SeriesId,
    /// Its newest value stays whatever its age.
    pub latest_at: UnixSeconds,
    /// Older values are thinned.
    pub thinned_until: UnixSeconds,
}

/// The series after number `after`.
pub fn next(conn: &Conn, after: i64) -> Result<Option<Aging>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT id, latest_at, thinned_until FROM connector_series WHERE id > ?1 ORDER BY id LIMIT 1")?
        .query_row([after], |row| {
            Ok(Aging { id: SeriesId(row.get(0)?), latest_at: row.get(1)?, thinned_until: row.get(2)? })
        })
        .optional()?)
}

/// Removes up to `limit` values of a series from before `before`; how many.
pub fn remove(tx: &WriteTx<'_>, series: SeriesId, before: UnixSeconds, limit: usize) -> Result<usize, StoreError> {
    Ok(tx
        .prepare_cached(
            "DELETE FROM connector_values WHERE series_id = :series AND at IN
             (SELECT at FROM connector_values WHERE series_id = :series AND at < :before ORDER BY at LIMIT :limit)",
        )?
        .execute(named_params! { ":series": series.0, ":before": before, ":limit": at_most(limit) })?)
}

/// The instants of up to `limit` values of a series in `from..to`.
pub fn instants(
    conn: &Conn,
    series: SeriesId,
    (from, to): (UnixSeconds, UnixSeconds),
    limit: usize,
) -> Result<Vec<UnixSeconds>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT at FROM connector_values WHERE series_id = ?1 AND at >= ?2 AND at < ?3 ORDER BY at LIMIT ?4",
    )?;
    let rows = statement.query_map((series.0, from, to, at_most(limit)), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Removes one value.
pub fn remove_one(tx: &WriteTx<'_>, series: SeriesId, at: UnixSeconds) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM connector_values WHERE series_id = ?1 AND at = ?2")?.execute((series.0, at))?;
    Ok(())
}

/// Notes how far a series is thinned.
pub fn set_thinned(tx: &WriteTx<'_>, series: SeriesId, until: UnixSeconds) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE connector_series SET thinned_until = ?2 WHERE id = ?1")?.execute((series.0, until))?;
    Ok(())
}
