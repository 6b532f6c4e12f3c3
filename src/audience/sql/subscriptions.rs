//! Statements on `audience_subscriptions`.

use rusqlite::{OptionalExtension, named_params};

use super::{channel, status};
use crate::audience::model::{Channel, Status};
use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

/// A subscription of a known profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    /// The resource's number.
    pub resource: i64,
    /// Through what.
    pub channel: Channel,
    /// How it stands.
    pub status: Status,
    /// Whether its profile may be sent to.
    pub sendable: bool,
    /// Whether it counts no longer.
    pub deleted: bool,
}

/// The one subscription of a profile to a resource in a channel, a deleted one too.
pub fn find(
    conn: &Conn,
    company: CompanyId,
    profile: i64,
    resource: i64,
    through: Channel,
) -> Result<Option<Subscription>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT status, sendable, deleted_at IS NOT NULL FROM audience_subscriptions
             WHERE profile_id = :profile AND resource_id = :resource AND channel = :channel AND company_id = :company",
        )?
        .query_row(
            named_params! {
                ":company": company.0, ":profile": profile, ":resource": resource, ":channel": through.code(),
            },
            |row| {
                Ok(Subscription {
                    resource,
                    channel: through,
                    status: status(row, 0)?,
                    sendable: row.get(1)?,
                    deleted: row.get(2)?,
                })
            },
        )
        .optional()?)
}

/// Those of a profile that count, by resource and channel.
pub fn live(conn: &Conn, company: CompanyId, profile: i64) -> Result<Vec<Subscription>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT resource_id, channel, status, sendable FROM audience_subscriptions
         WHERE profile_id = :profile AND company_id = :company AND deleted_at IS NULL ORDER BY resource_id, channel",
    )?;
    let rows = statement.query_map(named_params! { ":company": company.0, ":profile": profile }, |row| {
        Ok(Subscription {
            resource: row.get(0)?,
            channel: channel(row, 1)?,
            status: status(row, 2)?,
            sendable: row.get(3)?,
            deleted: false,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The same with what goes with their channels.
pub fn detailed(
    conn: &Conn,
    company: CompanyId,
    profile: i64,
) -> Result<Vec<(Subscription, Option<String>)>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT resource_id, channel, status, sendable, details FROM audience_subscriptions
         WHERE profile_id = :profile AND company_id = :company AND deleted_at IS NULL ORDER BY resource_id, channel",
    )?;
    let rows = statement.query_map(named_params! { ":company": company.0, ":profile": profile }, |row| {
        let subscription = Subscription {
            resource: row.get(0)?,
            channel: channel(row, 1)?,
            status: status(row, 2)?,
            sendable: row.get(3)?,
            deleted: false,
        };
        Ok((subscription, row.get(4)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Writes a subscription, new or not. Without `details` the earlier ones stay.
pub fn save(
    tx: &WriteTx<'_>,
    company: CompanyId,
    (list, profile): (i64, i64),
    subscription: &Subscription,
    details: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO audience_subscriptions
             (profile_id, resource_id, channel, company_id, list_id, status, sendable, details, deleted_at, created_at)
         VALUES (:profile, :resource, :channel, :company, :list, :status, :sendable, :details,
                 iif(:deleted, :now, NULL), :now)
         ON CONFLICT (profile_id, resource_id, channel) DO UPDATE
         SET status = excluded.status, sendable = excluded.sendable, details = ifnull(excluded.details, details),
             deleted_at = excluded.deleted_at, edited_at = :now
         WHERE company_id = :company",
    )?
    .execute(named_params! {
        ":company": company.0,
        ":list": list,
        ":profile": profile,
        ":resource": subscription.resource,
        ":channel": subscription.channel.code(),
        ":status": subscription.status.code(),
        ":sendable": subscription.sendable,
        ":details": details,
        ":deleted": subscription.deleted,
        ":now": now.as_micros(),
    })?;
    Ok(())
}

/// Notes on all of a profile's subscriptions whether it may be sent to.
pub fn set_sendable(tx: &WriteTx<'_>, company: CompanyId, profile: i64, sendable: bool) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE audience_subscriptions SET sendable = :sendable
         WHERE profile_id = :profile AND company_id = :company AND sendable <> :sendable",
    )?
    .execute(named_params! { ":company": company.0, ":profile": profile, ":sendable": sendable })?;
    Ok(())
}

/// Removes all of a profile's subscriptions for good.
pub fn delete_all(tx: &WriteTx<'_>, company: CompanyId, profile: i64) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM audience_subscriptions WHERE profile_id = :profile AND company_id = :company")?
        .execute(named_params! { ":company": company.0, ":profile": profile })?;
    Ok(())
}
