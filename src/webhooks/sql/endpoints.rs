//! Statements on `webhook_endpoints` and `webhook_secrets`.
//!
//! Must not know: api, service, tasks. A deleted endpoint is seen by no statement here but [`find_by_id`] and
//! [`forget_deleted`].

use rusqlite::{OptionalExtension, Row, named_params};
use uuid::Uuid;

use super::{bound, guid, instant, secrets};
use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};
use crate::webhooks::model::{Endpoint, EndpointId, Events, NewEndpoint};
use crate::webhooks::sign::{Secret, SecretPair};

fn endpoint(row: &Row<'_>) -> rusqlite::Result<Endpoint> {
    Ok(Endpoint {
        id: EndpointId(row.get("id")?),
        guid: guid(row, "guid")?,
        company: CompanyId(row.get("company_id")?),
        url: row.get("url")?,
        events: Events::from_stored(&row.get::<_, String>("events")?),
        enabled: row.get("enabled")?,
        disabled_reason: row.get("disabled_reason")?,
        secrets: secrets(row)?,
        created_at: Timestamp::from_micros(row.get("created_at")?),
        edited_at: instant(row, "edited_at")?,
    })
}

/// Adds an endpoint.
pub fn insert(
    tx: &WriteTx<'_>,
    company: CompanyId,
    guid: Uuid,
    new: &NewEndpoint,
    secret: &Secret,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO webhook_endpoints (guid, company_id, url, events, enabled, secret, created_at)
         VALUES (:guid, :company, :url, :events, :enabled, :secret, :now)",
    )?
    .execute(named_params! {
        ":guid": guid.to_string(),
        ":company": company.0,
        ":url": new.url.as_str(),
        ":events": new.events.to_stored(),
        ":enabled": new.enabled,
        ":secret": secret.bytes(),
        ":now": now.as_micros(),
    })?;
    Ok(())
}

/// Up to `limit` endpoints of a company after row key `after`, oldest first.
pub fn list(conn: &Conn, company: CompanyId, after: EndpointId, limit: usize) -> Result<Vec<Endpoint>, StoreError> {
    // Relies on webhook_endpoints_by_company.
    let mut statement = conn.prepare_cached(
        "SELECT id, guid, company_id, url, events, enabled, disabled_reason, secret, previous_secret, previous_until,
                created_at, edited_at
         FROM webhook_endpoints
         WHERE company_id = :company AND id > :after AND deleted_at IS NULL
         ORDER BY id LIMIT :limit",
    )?;
    let rows = statement
        .query_map(named_params! { ":company": company.0, ":after": after.0, ":limit": bound(limit) }, |row| {
            endpoint(row)
        })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A company's endpoint by its id on the wire.
pub fn find(conn: &Conn, company: CompanyId, guid: Uuid) -> Result<Option<Endpoint>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT id, guid, company_id, url, events, enabled, disabled_reason, secret, previous_secret,
                    previous_until, created_at, edited_at
             FROM webhook_endpoints WHERE guid = :guid AND company_id = :company AND deleted_at IS NULL",
        )?
        .query_row(named_params! { ":guid": guid.to_string(), ":company": company.0 }, endpoint)
        .optional()?)
}

/// The endpoint of a delivery, and whether it was deleted.
pub fn find_by_id(conn: &Conn, id: EndpointId) -> Result<Option<(Endpoint, bool)>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT id, guid, company_id, url, events, enabled, disabled_reason, secret, previous_secret,
                    previous_until, created_at, edited_at, deleted_at IS NOT NULL AS deleted
             FROM webhook_endpoints WHERE id = :id",
        )?
        .query_row(named_params! { ":id": id.0 }, |row| Ok((endpoint(row)?, row.get("deleted")?)))
        .optional()?)
}

/// Writes everything of an endpoint that can change.
pub fn update(tx: &WriteTx<'_>, endpoint: &Endpoint) -> Result<(), StoreError> {
    let (previous, until) = stored(&endpoint.secrets);
    tx.prepare_cached(
        "UPDATE webhook_endpoints
         SET url = :url, events = :events, enabled = :enabled, disabled_reason = :reason, secret = :secret,
             previous_secret = :previous, previous_until = :until, edited_at = :edited
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": endpoint.id.0,
        ":url": endpoint.url,
        ":events": endpoint.events.to_stored(),
        ":enabled": endpoint.enabled,
        ":reason": endpoint.disabled_reason,
        ":secret": endpoint.secrets.current.bytes(),
        ":previous": previous,
        ":until": until,
        ":edited": endpoint.edited_at.map(Timestamp::as_micros),
    })?;
    Ok(())
}

/// Takes an endpoint out of sight and forgets its secrets.
pub fn delete(tx: &WriteTx<'_>, id: EndpointId, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE webhook_endpoints
         SET deleted_at = :now, enabled = 0, secret = x'', previous_secret = NULL, previous_until = NULL
         WHERE id = :id",
    )?
    .execute(named_params! { ":id": id.0, ":now": now.as_micros() })?;
    Ok(())
}

/// Up to `limit` endpoints that are switched on and have deliveries that are held.
pub fn on_with_held(conn: &Conn, limit: usize) -> Result<Vec<(CompanyId, EndpointId)>, StoreError> {
    // One look into webhook_deliveries_by_endpoint_state for each endpoint.
    let mut statement = conn.prepare_cached(
        "SELECT company_id, id FROM webhook_endpoints AS e
         WHERE enabled = 1 AND deleted_at IS NULL
           AND EXISTS (SELECT 1 FROM webhook_deliveries WHERE endpoint_id = e.id AND state = 'held')
         LIMIT :limit",
    )?;
    let rows = statement.query_map(named_params! { ":limit": bound(limit) }, |row| {
        Ok((CompanyId(row.get("company_id")?), EndpointId(row.get("id")?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Removes up to `limit` deleted endpoints that no delivery refers to any more.
pub fn forget_deleted(tx: &WriteTx<'_>, limit: usize) -> Result<usize, StoreError> {
    // Relies on webhook_endpoints_deleted and webhook_deliveries_by_endpoint.
    Ok(tx
        .prepare_cached(
            "DELETE FROM webhook_endpoints WHERE id IN (
                 SELECT id FROM webhook_endpoints AS gone
                 WHERE deleted_at IS NOT NULL
                   AND NOT EXISTS (SELECT 1 FROM webhook_deliveries WHERE endpoint_id = gone.id)
                 LIMIT :limit)",
        )?
        .execute(named_params! { ":limit": bound(limit) })?)
}

/// What signs a company's deliveries to URLs that are no endpoint's, if it has one yet.
pub fn company_secrets(conn: &Conn, company: CompanyId) -> Result<Option<SecretPair>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT secret, previous_secret, previous_until FROM webhook_secrets WHERE company_id = :company",
        )?
        .query_row(named_params! { ":company": company.0 }, secrets)
        .optional()?)
}

/// Sets what signs a company's deliveries to URLs that are no endpoint's.
pub fn set_company_secrets(tx: &WriteTx<'_>, company: CompanyId, pair: &SecretPair) -> Result<(), StoreError> {
    let (previous, until) = stored(pair);
    tx.prepare_cached(
        "INSERT INTO webhook_secrets (company_id, secret, previous_secret, previous_until)
         VALUES (:company, :secret, :previous, :until)
         ON CONFLICT (company_id) DO UPDATE
         SET secret = excluded.secret, previous_secret = excluded.previous_secret,
             previous_until = excluded.previous_until",
    )?
    .execute(named_params! {
        ":company": company.0,
        ":secret": pair.current.bytes(),
        ":previous": previous,
        ":until": until,
    })?;
    Ok(())
}

fn stored(pair: &SecretPair) -> (Option<&[u8]>, Option<i64>) {
    match &pair.previous {
        Some((secret, until)) => (Some(secret.bytes()), Some(until.as_micros())),
        None => (None, None),
    }
}
