//! Statements on `audience_counters` and `audience_counts`, and the count itself.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, named_params};

use super::{channel, status};
use crate::audience::counters::{Cell, Deltas};
use crate::audience::model::{Channel, Status};
use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

/// Moves the counters by `deltas`.
pub fn apply(tx: &WriteTx<'_>, company: CompanyId, deltas: &Deltas) -> Result<(), StoreError> {
    let mut profiles = tx.prepare_cached(
        "UPDATE audience_lists SET profiles = profiles + :by WHERE company_id = :company AND id = :list",
    )?;
    for (list, by) in deltas.profiles.iter().filter(|(_, by)| **by != 0) {
        profiles.execute(named_params! { ":company": company.0, ":list": list, ":by": by })?;
    }
    let mut cells = tx.prepare_cached(
        "INSERT INTO audience_counters (company_id, list_id, resource_id, channel, status, sendable, count)
         VALUES (:company, :list, :resource, :channel, :status, :sendable, :by)
         ON CONFLICT (company_id, list_id, resource_id, channel, status, sendable) DO UPDATE SET count = count + :by",
    )?;
    for ((list, cell), by) in deltas.cells.iter().filter(|(_, by)| **by != 0) {
        cells.execute(named_params! {
            ":company": company.0,
            ":list": list,
            ":resource": cell.resource,
            ":channel": cell.channel.code(),
            ":status": cell.status.code(),
            ":sendable": cell.sendable,
            ":by": by,
        })?;
    }
    Ok(())
}

/// The counters of a resource in a list; cells of nothing are left out.
pub fn kept(conn: &Conn, company: CompanyId, list: i64, resource: i64) -> Result<BTreeMap<Cell, i64>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT channel, status, sendable, count FROM audience_counters
         WHERE company_id = :company AND list_id = :list AND resource_id = :resource AND count <> 0",
    )?;
    let rows =
        statement.query_map(named_params! { ":company": company.0, ":list": list, ":resource": resource }, |row| {
            let cell = Cell { resource, channel: channel(row, 0)?, status: status(row, 1)?, sendable: row.get(2)? };
            Ok((cell, row.get(3)?))
        })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The channels that a list uses, for whatever resource, by number.
pub fn channels_of_list(conn: &Conn, company: CompanyId, list: i64) -> Result<Vec<Channel>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT DISTINCT channel FROM audience_counters
         WHERE company_id = :company AND list_id = :list AND count > 0 ORDER BY channel",
    )?;
    let rows = statement.query_map(named_params! { ":company": company.0, ":list": list }, |row| channel(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The lists and channels that a resource is used in.
pub fn uses_of_resource(conn: &Conn, company: CompanyId, resource: i64) -> Result<Vec<(i64, Channel)>, StoreError> {
    // Relies on audience_counters_by_resource.
    let mut statement = conn.prepare_cached(
        "SELECT DISTINCT list_id, channel FROM audience_counters
         WHERE company_id = :company AND resource_id = :resource AND count > 0 ORDER BY list_id, channel",
    )?;
    let rows = statement.query_map(named_params! { ":company": company.0, ":resource": resource }, |row| {
        Ok((row.get(0)?, channel(row, 1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Counts a list's profiles: reads `audience_profiles_by_key` alone.
pub fn count_profiles(conn: &Conn, company: CompanyId, list: i64) -> Result<i64, StoreError> {
    Ok(conn
        .prepare_cached("SELECT count(*) FROM audience_profiles WHERE company_id = :company AND list_id = :list")?
        .query_row(named_params! { ":company": company.0, ":list": list }, |row| row.get(0))?)
}

/// Counts the subscriptions of a resource in a list that stand like this in a channel: those that may be sent to, and
/// the others. Reads `audience_subscriptions_count` alone.
pub fn count(
    conn: &Conn,
    company: CompanyId,
    list: i64,
    resource: i64,
    through: Channel,
    standing: Status,
) -> Result<Vec<(Cell, i64)>, StoreError> {
    let mut statement = conn.prepare_cached(COUNT)?;
    let mut counted = Vec::with_capacity(2);
    for sendable in [false, true] {
        let count = statement.query_row(
            named_params! {
                ":company": company.0, ":list": list, ":resource": resource, ":channel": through.code(),
                ":status": standing.code(), ":sendable": sendable,
            },
            |row| row.get(0),
        )?;
        counted.push((Cell { resource, channel: through, status: standing, sendable }, count));
    }
    Ok(counted)
}

/// The statement of [`count`].
pub const COUNT: &str = "SELECT count(*) FROM audience_subscriptions
     WHERE company_id = :company AND list_id = :list AND resource_id = :resource AND channel = :channel
       AND status = :status AND sendable = :sendable AND deleted_at IS NULL";

/// A count as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// When it was finished.
    pub counted_at: Timestamp,
    /// How long it took.
    pub took: std::time::Duration,
    /// The figures, as JSON.
    pub figures: String,
}

/// The latest count of a resource in a list.
pub fn latest(conn: &Conn, company: CompanyId, list: i64, resource: i64) -> Result<Option<Count>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT counted_at, took_micros, figures FROM audience_counts
             WHERE company_id = :company AND list_id = :list AND resource_id = :resource",
        )?
        .query_row(named_params! { ":company": company.0, ":list": list, ":resource": resource }, |row| {
            Ok(Count {
                counted_at: Timestamp::from_micros(row.get(0)?),
                took: std::time::Duration::from_micros(u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0)),
                figures: row.get(2)?,
            })
        })
        .optional()?)
}

/// Publishes a count.
pub fn publish(
    tx: &WriteTx<'_>,
    company: CompanyId,
    list: i64,
    resource: i64,
    count: &Count,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO audience_counts (company_id, list_id, resource_id, counted_at, took_micros, figures)
         VALUES (:company, :list, :resource, :at, :took, :figures)
         ON CONFLICT (company_id, list_id, resource_id) DO UPDATE
         SET counted_at = excluded.counted_at, took_micros = excluded.took_micros, figures = excluded.figures",
    )?
    .execute(named_params! {
        ":company": company.0,
        ":list": list,
        ":resource": resource,
        ":at": count.counted_at.as_micros(),
        ":took": i64::try_from(count.took.as_micros()).unwrap_or(i64::MAX),
        ":figures": count.figures,
    })?;
    Ok(())
}
