//! What is to be sent and what came of it: functions inside a transaction their caller owns.
//!
//! Must not know: any domain, HTTP, who calls the receiver.

use std::time::Duration;

use chrono::SecondsFormat;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};
use crate::tasks::Queue;
use crate::webhooks::error::WebhookError;
use crate::webhooks::guard::Destination;
use crate::webhooks::model::{
    Attempt, ContentType, Delivery, DeliveryFilter, DeliveryId, DeliveryState, EndpointId, EventType,
};
use crate::webhooks::schedule::next_attempt;
use crate::webhooks::sign::{Secret, SecretPair};
use crate::webhooks::sql::deliveries::{self, NewDelivery, Outgoing, Standing};
use crate::webhooks::sql::endpoints;
use crate::webhooks::{endpoints as endpoint_rules, tasks};

/// Tells every enabled endpoint of `company` that asked for `event`, in the transaction of the cause; the deliveries'
/// ids. The body is `{"type": …, "timestamp": …, "data": data}`.
pub fn emit(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    event: EventType,
    data: &Value,
    now: Timestamp,
) -> Result<Vec<Uuid>, StoreError> {
    let all = endpoints::list(tx, company, EndpointId(0), endpoint_rules::MOST)?;
    let asked = all.iter().filter(|endpoint| endpoint.enabled && endpoint.events.has(event));
    let body = body(event, data, now);
    asked
        .map(|endpoint| put(tx, queue, company, Target::Endpoint(endpoint.id), event, ContentType::Json, &body, now))
        .collect()
}

/// Sends `body` to a URL that is no endpoint's, such as the one a caller asked to be told at, in the transaction of the
/// cause; the delivery's id. It is signed with the company's own secret.
#[allow(clippy::too_many_arguments, reason = "each names one part of the message; a struct would only rename them")]
pub fn send_to(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    destination: &Destination,
    event: EventType,
    content_type: ContentType,
    body: &[u8],
    now: Timestamp,
) -> Result<Uuid, WebhookError> {
    if endpoints::company_secrets(tx, company)?.is_none() {
        endpoints::set_company_secrets(tx, company, &SecretPair::first(Secret::generate()?))?;
    }
    Ok(put(tx, queue, company, Target::Url(destination.as_str()), event, content_type, body, now)?)
}

/// Tries one endpoint out, whatever it asked for.
pub(super) fn ping(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    endpoint: EndpointId,
    now: Timestamp,
) -> Result<Uuid, StoreError> {
    let body = body(EventType::Ping, &json!({}), now);
    put(tx, queue, company, Target::Endpoint(endpoint), EventType::Ping, ContentType::Json, &body, now)
}

enum Target<'a> {
    Endpoint(EndpointId),
    Url(&'a str),
}

fn body(event: EventType, data: &Value, now: Timestamp) -> Vec<u8> {
    let timestamp = now.to_utc().to_rfc3339_opts(SecondsFormat::Micros, true);
    json!({"type": event.as_str(), "timestamp": timestamp, "data": data}).to_string().into_bytes()
}

#[allow(clippy::too_many_arguments, reason = "as send_to")]
fn put(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    target: Target<'_>,
    event: EventType,
    content_type: ContentType,
    body: &[u8],
    now: Timestamp,
) -> Result<Uuid, StoreError> {
    let guid = Uuid::new_v4();
    let (endpoint, url) = match target {
        Target::Endpoint(id) => (Some(id), None),
        Target::Url(url) => (None, Some(url)),
    };
    deliveries::insert(tx, &NewDelivery { guid, company, endpoint, url, event, content_type, body }, now)?;
    tasks::enqueue(tx, queue, company, guid, now)?;
    Ok(guid)
}

/// A message that is due, with all that sending it needs.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where to.
    pub url: String,
    /// What the body is written in.
    pub content_type: ContentType,
    /// The body.
    pub body: Vec<u8>,
    /// What signs it.
    pub secrets: SecretPair,
}

/// What is to be done about a delivery now.
enum Due {
    Send(Message),
    /// Its endpoint is switched off.
    Hold,
    /// Its endpoint was deleted.
    Drop,
}

fn due(conn: &Conn, delivery: &Outgoing) -> Result<Due, StoreError> {
    let message = |url: &str, secrets| {
        let (content_type, body) = (delivery.content_type, delivery.body.clone());
        Due::Send(Message { url: url.to_owned(), content_type, body, secrets })
    };
    if let Some(id) = delivery.endpoint {
        return Ok(match endpoints::find_by_id(conn, id)? {
            None | Some((_, true)) => Due::Drop,
            Some((endpoint, false)) if !endpoint.enabled => Due::Hold,
            Some((endpoint, false)) => message(&endpoint.url, endpoint.secrets),
        });
    }
    let secrets = endpoints::company_secrets(conn, delivery.company)?;
    Ok(match (&delivery.url, secrets) {
        (Some(url), Some(secrets)) => message(url, secrets),
        // Not by this program: it writes both before the first of them is needed.
        _ => Due::Drop,
    })
}

/// The message of a delivery that is to be sent now; `None`: there is nothing to send, and [`record`] will say why.
pub fn message(conn: &Conn, guid: Uuid, now: Timestamp) -> Result<Option<Message>, StoreError> {
    let Some(delivery) = deliveries::outgoing(conn, guid)? else { return Ok(None) };
    if delivery.state != DeliveryState::Pending || delivery.next_at.is_some_and(|at| at > now) {
        return Ok(None);
    }
    Ok(match due(conn, &delivery)? {
        Due::Send(message) => Some(message),
        Due::Hold | Due::Drop => None,
    })
}

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// 2xx.
    Delivered,
    /// 410: the receiver wants nothing more.
    Gone,
    /// Anything else; the receiver may have asked for a pause.
    Failed(Option<Duration>),
}

/// A call that was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// For the log.
    pub attempt: Attempt,
    /// What it came to.
    pub verdict: Verdict,
}

/// What comes next for a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing, until somebody acts.
    Ended,
    /// An attempt, at this instant.
    At(Timestamp),
}

/// Records what a call came to, or, without one, that the delivery is held or dropped. For `random` see
/// [`next_attempt`].
pub fn record(
    tx: &WriteTx<'_>,
    guid: Uuid,
    made: Option<&Made>,
    random: u32,
    now: Timestamp,
) -> Result<Next, StoreError> {
    let Some(delivery) = deliveries::outgoing(tx, guid)? else { return Ok(Next::Ended) };
    if let Some(made) = made {
        deliveries::log(tx, delivery.id, &made.attempt)?;
    }
    // Somebody was faster: a second worker, or a person.
    if delivery.state != DeliveryState::Pending {
        return Ok(Next::Ended);
    }
    let Some(made) = made else { return unsent(tx, &delivery, now) };
    let attempts = delivery.attempts + 1;
    let next_at = match made.verdict {
        Verdict::Failed(pause) => next_attempt(attempts, now, pause, random),
        Verdict::Delivered | Verdict::Gone => None,
    };
    let state = match (made.verdict, next_at) {
        (Verdict::Delivered, _) => DeliveryState::Delivered,
        (_, Some(_)) => DeliveryState::Pending,
        (_, None) => DeliveryState::Failed,
    };
    let standing = Standing {
        state,
        attempts,
        next_at,
        last_status: made.attempt.status,
        last_error: made.attempt.error.as_deref(),
        ended_at: next_at.is_none().then_some(now),
    };
    deliveries::stand(tx, delivery.id, &standing)?;
    if let (Verdict::Gone, Some(id)) = (made.verdict, delivery.endpoint)
        && let Some((endpoint, false)) = endpoints::find_by_id(tx, id)?
        // Not if it has moved since: the answer was the old receiver's.
        && endpoint.url == made.attempt.url
    {
        endpoint_rules::disable(tx, endpoint, "the receiver answered 410 Gone", now)?;
    }
    Ok(next_at.map_or(Next::Ended, Next::At))
}

/// A pending delivery was not sent. Asked again here, because what kept it may be over.
fn unsent(tx: &WriteTx<'_>, delivery: &Outgoing, now: Timestamp) -> Result<Next, StoreError> {
    if let Some(at) = delivery.next_at.filter(|at| *at > now) {
        return Ok(Next::At(at));
    }
    let (state, error) = match due(tx, delivery)? {
        Due::Send(_) => return Ok(Next::At(now)),
        Due::Hold => (DeliveryState::Held, "its endpoint is switched off"),
        Due::Drop => (DeliveryState::Failed, "its endpoint was deleted"),
    };
    end(tx, delivery.id, delivery.attempts, state, error, now)?;
    Ok(Next::Ended)
}

/// Gives a delivery up that nobody sends any more.
pub fn abandon(tx: &WriteTx<'_>, guid: Uuid, reason: &str, now: Timestamp) -> Result<(), StoreError> {
    match deliveries::outgoing(tx, guid)? {
        Some(delivery) if delivery.state == DeliveryState::Pending => {
            end(tx, delivery.id, delivery.attempts, DeliveryState::Failed, reason, now)
        }
        _ => Ok(()),
    }
}

fn end(
    tx: &WriteTx<'_>,
    id: DeliveryId,
    attempts: u32,
    state: DeliveryState,
    error: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let ended_at = (state != DeliveryState::Held).then_some(now);
    let standing = Standing { state, attempts, next_at: None, last_status: None, last_error: Some(error), ended_at };
    deliveries::stand(tx, id, &standing)
}

/// Begins a delivery again: at once, with all its attempts, under the same id.
pub fn redeliver(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    guid: Uuid,
    now: Timestamp,
) -> Result<Delivery, WebhookError> {
    let unknown = || WebhookError::NotFound { what: "delivery", key: guid.to_string() };
    let delivery =
        deliveries::outgoing(tx, guid)?.filter(|delivery| delivery.company == company).ok_or_else(unknown)?;
    if delivery.state == DeliveryState::Pending {
        return Err(WebhookError::Conflict("the delivery is still on its way".to_owned()));
    }
    match due(tx, &delivery)? {
        Due::Send(_) => {}
        Due::Hold => return Err(WebhookError::Conflict("its endpoint is switched off: switch it on first".to_owned())),
        Due::Drop => return Err(WebhookError::Conflict("its endpoint was deleted".to_owned())),
    }
    begin(tx, queue, company, delivery.id, guid, now)?;
    deliveries::find(tx, company, guid)?.ok_or_else(unknown)
}

fn begin(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    id: DeliveryId,
    guid: Uuid,
    now: Timestamp,
) -> Result<(), StoreError> {
    let standing = Standing {
        state: DeliveryState::Pending,
        attempts: 0,
        next_at: Some(now),
        last_status: None,
        last_error: None,
        ended_at: None,
    };
    deliveries::stand(tx, id, &standing)?;
    tasks::enqueue(tx, queue, company, guid, now)
}

/// Lets up to `limit` deliveries go on that were held for an endpoint which is switched on; how many they were.
pub fn release(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    endpoint: EndpointId,
    now: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    let held = deliveries::held(tx, endpoint, limit)?;
    for (id, guid) in &held {
        begin(tx, queue, company, *id, *guid, now)?;
    }
    Ok(held.len())
}

/// A slice of what has to be done now and then: removes deliveries that ended before `before`, lets go or gives up what
/// was held for an endpoint that is on again or gone, and forgets deleted endpoints. How many rows it moved.
pub fn upkeep(
    tx: &WriteTx<'_>,
    queue: &Queue,
    before: Timestamp,
    now: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    let mut moved = deliveries::forget_before(tx, before, limit)?;
    // An endpoint that was switched on right before a kill has not let go all of its deliveries.
    for (company, endpoint) in endpoints::on_with_held(tx, 1)? {
        moved += release(tx, queue, company, endpoint, now, limit)?;
    }
    for (id, attempts) in deliveries::held_for_deleted(tx, limit)? {
        end(tx, id, attempts, DeliveryState::Failed, "its endpoint was deleted", now)?;
        moved += 1;
    }
    Ok(moved + endpoints::forget_deleted(tx, limit)?)
}

/// One delivery of a company.
pub fn find(conn: &Conn, company: CompanyId, guid: Uuid) -> Result<Delivery, WebhookError> {
    deliveries::find(conn, company, guid)?
        .ok_or_else(|| WebhookError::NotFound { what: "delivery", key: guid.to_string() })
}

/// Its body.
pub fn body_of(conn: &Conn, delivery: DeliveryId) -> Result<Vec<u8>, StoreError> {
    deliveries::body(conn, delivery)
}

/// Its calls, oldest first.
pub fn attempts(conn: &Conn, delivery: DeliveryId) -> Result<Vec<Attempt>, StoreError> {
    deliveries::attempts(conn, delivery)
}

/// Up to `limit` deliveries of a company before row key `before`, newest first.
pub fn list(
    conn: &Conn,
    company: CompanyId,
    filter: DeliveryFilter,
    before: DeliveryId,
    limit: usize,
) -> Result<Vec<Delivery>, StoreError> {
    deliveries::list(conn, company, filter, before, limit)
}
