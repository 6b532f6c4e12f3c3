//! What a company sets up: functions inside a transaction their caller owns, the same for the house API and the command
//! line.
//!
//! Must not know: HTTP, any domain. URLs come in checked, by [`crate::webhooks::guard::Guard::admit`].

use uuid::Uuid;

use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};
use crate::tasks::Queue;
use crate::webhooks::error::WebhookError;
use crate::webhooks::model::{Endpoint, EndpointChange, EndpointId, NewEndpoint};
use crate::webhooks::outbox;
use crate::webhooks::sign::{Secret, SecretPair};
use crate::webhooks::sql::endpoints as sql;

/// The most endpoints a company may have: each event is written once for each of them.
pub const MOST: usize = 50;

/// How many held deliveries go on within the transaction that switches their endpoint on; more follow in slices.
pub const RELEASED_AT_ONCE: usize = 500;

/// Up to `limit` endpoints of a company after row key `after`, oldest first.
pub fn list(conn: &Conn, company: CompanyId, after: EndpointId, limit: usize) -> Result<Vec<Endpoint>, StoreError> {
    sql::list(conn, company, after, limit)
}

/// One endpoint of a company.
pub fn find(conn: &Conn, company: CompanyId, guid: Uuid) -> Result<Endpoint, WebhookError> {
    sql::find(conn, company, guid)?.ok_or_else(|| WebhookError::NotFound { what: "webhook", key: guid.to_string() })
}

/// Sets an endpoint up.
pub fn create(
    tx: &WriteTx<'_>,
    company: CompanyId,
    new: &NewEndpoint,
    secret: &Secret,
    now: Timestamp,
) -> Result<Endpoint, WebhookError> {
    if sql::list(tx, company, EndpointId(0), MOST)?.len() >= MOST {
        return Err(WebhookError::Conflict(format!("a company has at most {MOST} webhooks: delete one first")));
    }
    let guid = Uuid::new_v4();
    sql::insert(tx, company, guid, new, secret, now)?;
    find(tx, company, guid)
}

/// Changes an endpoint. Switched on, it lets go what it held: [`RELEASED_AT_ONCE`] deliveries here, the rest by
/// [`outbox::release`].
pub fn change(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    guid: Uuid,
    change: &EndpointChange,
    now: Timestamp,
) -> Result<Endpoint, WebhookError> {
    let mut endpoint = find(tx, company, guid)?;
    if let Some(url) = &change.url {
        url.as_str().clone_into(&mut endpoint.url);
    }
    if let Some(events) = &change.events {
        endpoint.events = events.clone();
    }
    if let Some(enabled) = change.enabled {
        endpoint.enabled = enabled;
        endpoint.disabled_reason = None;
    }
    endpoint.edited_at = Some(now);
    sql::update(tx, &endpoint)?;
    if change.enabled == Some(true) {
        outbox::release(tx, queue, company, endpoint.id, now, RELEASED_AT_ONCE)?;
    }
    Ok(endpoint)
}

/// Switches an endpoint off because of `reason`.
pub(super) fn disable(
    tx: &WriteTx<'_>,
    mut endpoint: Endpoint,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    endpoint.enabled = false;
    endpoint.disabled_reason = Some(reason.to_owned());
    endpoint.edited_at = Some(now);
    sql::update(tx, &endpoint)
}

/// Deletes an endpoint. What was on its way to it fails at its next turn.
pub fn delete(tx: &WriteTx<'_>, company: CompanyId, guid: Uuid, now: Timestamp) -> Result<(), WebhookError> {
    let endpoint = find(tx, company, guid)?;
    Ok(sql::delete(tx, endpoint.id, now)?)
}

/// Gives an endpoint a new secret; the one before goes on signing beside it for a day.
pub fn rotate_secret(
    tx: &WriteTx<'_>,
    company: CompanyId,
    guid: Uuid,
    secret: &Secret,
    now: Timestamp,
) -> Result<Endpoint, WebhookError> {
    let mut endpoint = find(tx, company, guid)?;
    endpoint.secrets = endpoint.secrets.rotated(secret.clone(), now);
    endpoint.edited_at = Some(now);
    sql::update(tx, &endpoint)?;
    Ok(endpoint)
}

/// Gives a company a new secret for what goes to URLs that are no endpoint's; one before goes on signing for a day.
pub fn rotate_company_secret(
    tx: &WriteTx<'_>,
    company: CompanyId,
    secret: &Secret,
    now: Timestamp,
) -> Result<SecretPair, StoreError> {
    let pair = match sql::company_secrets(tx, company)? {
        Some(pair) => pair.rotated(secret.clone(), now),
        None => SecretPair::first(secret.clone()),
    };
    sql::set_company_secrets(tx, company, &pair)?;
    Ok(pair)
}

/// Sends an endpoint a ping; the delivery's id.
pub fn ping(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    guid: Uuid,
    now: Timestamp,
) -> Result<Uuid, WebhookError> {
    let endpoint = find(tx, company, guid)?;
    if !endpoint.enabled {
        return Err(WebhookError::Conflict("the webhook is switched off: switch it on first".to_owned()));
    }
    Ok(outbox::ping(tx, queue, company, endpoint.id, now)?)
}
