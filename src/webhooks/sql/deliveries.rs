//! Statements on `webhook_deliveries` and `webhook_attempts`.
//!
//! Must not know: api, service, tasks.

use rusqlite::{OptionalExtension, Row, ToSql, named_params};
use uuid::Uuid;

use super::{bound, guid, instant, parsed};
use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};
use crate::webhooks::model::{
    Attempt, ContentType, Delivery, DeliveryFilter, DeliveryId, DeliveryState, EndpointId, EventType,
};

/// A delivery as it is put into the outbox.
pub struct NewDelivery<'a> {
    /// Its `webhook-id`.
    pub guid: Uuid,
    /// Whose it is.
    pub company: CompanyId,
    /// The endpoint it goes to, or
    pub endpoint: Option<EndpointId>,
    /// the URL of its own.
    pub url: Option<&'a str>,
    /// What it tells of.
    pub event: EventType,
    /// What the body is written in.
    pub content_type: ContentType,
    /// The body.
    pub body: &'a [u8],
}

/// What sending a delivery needs of it.
pub struct Outgoing {
    /// Row key.
    pub id: DeliveryId,
    /// Whose it is.
    pub company: CompanyId,
    /// The endpoint it goes to, or
    pub endpoint: Option<EndpointId>,
    /// the URL of its own.
    pub url: Option<String>,
    /// What the body is written in.
    pub content_type: ContentType,
    /// The body.
    pub body: Vec<u8>,
    /// How far it is.
    pub state: DeliveryState,
    /// How many attempts were made since it was last begun.
    pub attempts: u32,
    /// When it is due.
    pub next_at: Option<Timestamp>,
}

/// How a delivery stands after an event of its life.
pub struct Standing<'a> {
    /// How far it is.
    pub state: DeliveryState,
    /// How many attempts were made since it was last begun.
    pub attempts: u32,
    /// When it is due, while it is pending.
    pub next_at: Option<Timestamp>,
    /// The latest answer's status.
    pub last_status: Option<u16>,
    /// What was wrong with the latest attempt.
    pub last_error: Option<&'a str>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Puts a delivery into the outbox, due at once.
pub fn insert(tx: &WriteTx<'_>, new: &NewDelivery<'_>, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO webhook_deliveries
             (guid, company_id, endpoint_id, url, event, content_type, body, state, next_at, created_at)
         VALUES (:guid, :company, :endpoint, :url, :event, :content_type, :body, 'pending', :now, :now)",
    )?
    .execute(named_params! {
        ":guid": new.guid.to_string(),
        ":company": new.company.0,
        ":endpoint": new.endpoint.map(|id| id.0),
        ":url": new.url,
        ":event": new.event.as_str(),
        ":content_type": new.content_type.as_str(),
        ":body": new.body,
        ":now": now.as_micros(),
    })?;
    Ok(())
}

/// A delivery to be sent.
pub fn outgoing(conn: &Conn, guid: Uuid) -> Result<Option<Outgoing>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT id, company_id, endpoint_id, url, content_type, body, state, attempts, next_at
             FROM webhook_deliveries WHERE guid = :guid",
        )?
        .query_row(named_params! { ":guid": guid.to_string() }, |row| {
            Ok(Outgoing {
                id: DeliveryId(row.get("id")?),
                company: CompanyId(row.get("company_id")?),
                endpoint: row.get::<_, Option<i64>>("endpoint_id")?.map(EndpointId),
                url: row.get("url")?,
                content_type: content_type(row)?,
                body: row.get("body")?,
                state: state(row)?,
                attempts: row.get("attempts")?,
                next_at: instant(row, "next_at")?,
            })
        })
        .optional()?)
}

/// Writes how a delivery stands.
pub fn stand(tx: &WriteTx<'_>, id: DeliveryId, standing: &Standing<'_>) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE webhook_deliveries
         SET state = :state, attempts = :attempts, next_at = :next_at, last_status = :status, last_error = :error,
             ended_at = :ended_at
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": id.0,
        ":state": standing.state.as_str(),
        ":attempts": standing.attempts,
        ":next_at": standing.next_at.map(Timestamp::as_micros),
        ":status": standing.last_status,
        ":error": standing.last_error,
        ":ended_at": standing.ended_at.map(Timestamp::as_micros),
    })?;
    Ok(())
}

/// Adds a call to the log, with the next number of its delivery; the number in `attempt` is not looked at.
pub fn log(tx: &WriteTx<'_>, id: DeliveryId, attempt: &Attempt) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO webhook_attempts (delivery_id, number, at, url, status, took_micros, error, answer)
         SELECT :id, coalesce(max(number), 0) + 1, :at, :url, :status, :took, :error, :answer
         FROM webhook_attempts WHERE delivery_id = :id",
    )?
    .execute(named_params! {
        ":id": id.0,
        ":at": attempt.at.as_micros(),
        ":url": attempt.url,
        ":status": attempt.status,
        ":took": i64::try_from(attempt.took_micros).unwrap_or(i64::MAX),
        ":error": attempt.error,
        ":answer": attempt.answer,
    })?;
    Ok(())
}

/// The body of a delivery.
pub fn body(conn: &Conn, id: DeliveryId) -> Result<Vec<u8>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT body FROM webhook_deliveries WHERE id = :id")?
        .query_row(named_params! { ":id": id.0 }, |row| row.get(0))?)
}

/// The log of a delivery.
pub fn attempts(conn: &Conn, id: DeliveryId) -> Result<Vec<Attempt>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT number, at, url, status, took_micros, error, answer
         FROM webhook_attempts WHERE delivery_id = :id ORDER BY number",
    )?;
    let rows = statement.query_map(named_params! { ":id": id.0 }, |row| {
        Ok(Attempt {
            number: row.get("number")?,
            at: Timestamp::from_micros(row.get("at")?),
            url: row.get("url")?,
            status: row.get("status")?,
            took_micros: u64::try_from(row.get::<_, i64>("took_micros")?).unwrap_or(0),
            error: row.get("error")?,
            answer: row.get("answer")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A company's delivery by its id on the wire.
pub fn find(conn: &Conn, company: CompanyId, guid: Uuid) -> Result<Option<Delivery>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT d.id, d.guid, e.guid AS endpoint, coalesce(d.url, e.url) AS url, d.event, d.content_type, d.state,
                    d.attempts, d.next_at, d.last_status, d.last_error, d.created_at, d.ended_at
             FROM webhook_deliveries AS d LEFT JOIN webhook_endpoints AS e ON e.id = d.endpoint_id
             WHERE d.guid = :guid AND d.company_id = :company",
        )?
        .query_row(named_params! { ":guid": guid.to_string(), ":company": company.0 }, delivery)
        .optional()?)
}

/// Relies on `webhook_deliveries_by_company`.
const OF_COMPANY: &str = "
     SELECT d.id, d.guid, e.guid AS endpoint, coalesce(d.url, e.url) AS url, d.event, d.content_type, d.state,
            d.attempts, d.next_at, d.last_status, d.last_error, d.created_at, d.ended_at
     FROM webhook_deliveries AS d LEFT JOIN webhook_endpoints AS e ON e.id = d.endpoint_id
     WHERE d.company_id = :company AND d.id < :before AND (:event IS NULL OR d.event = :event)
     ORDER BY d.id DESC LIMIT :limit";

/// Relies on `webhook_deliveries_by_company_state`.
const OF_COMPANY_IN_STATE: &str = "
     SELECT d.id, d.guid, e.guid AS endpoint, coalesce(d.url, e.url) AS url, d.event, d.content_type, d.state,
            d.attempts, d.next_at, d.last_status, d.last_error, d.created_at, d.ended_at
     FROM webhook_deliveries AS d LEFT JOIN webhook_endpoints AS e ON e.id = d.endpoint_id
     WHERE d.company_id = :company AND d.state = :state AND d.id < :before
       AND (:event IS NULL OR d.event = :event)
     ORDER BY d.id DESC LIMIT :limit";

/// Relies on `webhook_deliveries_by_endpoint`. The plus keeps the company out of the choice of an index.
const OF_ENDPOINT: &str = "
     SELECT d.id, d.guid, e.guid AS endpoint, coalesce(d.url, e.url) AS url, d.event, d.content_type, d.state,
            d.attempts, d.next_at, d.last_status, d.last_error, d.created_at, d.ended_at
     FROM webhook_deliveries AS d LEFT JOIN webhook_endpoints AS e ON e.id = d.endpoint_id
     WHERE +d.company_id = :company AND d.endpoint_id = :endpoint AND d.id < :before
       AND (:event IS NULL OR d.event = :event)
     ORDER BY d.id DESC LIMIT :limit";

/// Relies on `webhook_deliveries_by_endpoint_state`.
const OF_ENDPOINT_IN_STATE: &str = "
     SELECT d.id, d.guid, e.guid AS endpoint, coalesce(d.url, e.url) AS url, d.event, d.content_type, d.state,
            d.attempts, d.next_at, d.last_status, d.last_error, d.created_at, d.ended_at
     FROM webhook_deliveries AS d LEFT JOIN webhook_endpoints AS e ON e.id = d.endpoint_id
     WHERE +d.company_id = :company AND d.endpoint_id = :endpoint AND d.state = :state AND d.id < :before
       AND (:event IS NULL OR d.event = :event)
     ORDER BY d.id DESC LIMIT :limit";

/// Up to `limit` deliveries of a company before row key `before`, newest first.
pub fn list(
    conn: &Conn,
    company: CompanyId,
    filter: DeliveryFilter,
    before: DeliveryId,
    limit: usize,
) -> Result<Vec<Delivery>, StoreError> {
    let (endpoint, state) = (filter.endpoint.map(|id| id.0), filter.state.map(DeliveryState::as_str));
    let (sql, narrower): (_, &[(&str, &dyn ToSql)]) = match (&endpoint, &state) {
        (None, None) => (OF_COMPANY, &[]),
        (None, Some(_)) => (OF_COMPANY_IN_STATE, &[(":state", &state)]),
        (Some(_), None) => (OF_ENDPOINT, &[(":endpoint", &endpoint)]),
        (Some(_), Some(_)) => (OF_ENDPOINT_IN_STATE, &[(":endpoint", &endpoint), (":state", &state)]),
    };
    let (event, limit) = (filter.event.map(EventType::as_str), bound(limit));
    let always = named_params! { ":company": company.0, ":event": event, ":before": before.0, ":limit": limit };
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map(&*[always, narrower].concat(), delivery)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Up to `limit` deliveries that are held for an endpoint, oldest first.
pub fn held(conn: &Conn, endpoint: EndpointId, limit: usize) -> Result<Vec<(DeliveryId, Uuid)>, StoreError> {
    // Relies on webhook_deliveries_by_endpoint_state.
    let mut statement = conn.prepare_cached(
        "SELECT id, guid FROM webhook_deliveries WHERE endpoint_id = :endpoint AND state = 'held' ORDER BY id
         LIMIT :limit",
    )?;
    let rows = statement.query_map(named_params! { ":endpoint": endpoint.0, ":limit": bound(limit) }, |row| {
        Ok((DeliveryId(row.get("id")?), guid(row, "guid")?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Up to `limit` deliveries that are held for an endpoint which was deleted, with the attempts made.
pub fn held_for_deleted(conn: &Conn, limit: usize) -> Result<Vec<(DeliveryId, u32)>, StoreError> {
    // Relies on webhook_endpoints_deleted and webhook_deliveries_by_endpoint_state.
    let mut statement = conn.prepare_cached(
        "SELECT d.id, d.attempts FROM webhook_endpoints AS e
         JOIN webhook_deliveries AS d ON d.endpoint_id = e.id AND d.state = 'held'
         WHERE e.deleted_at IS NOT NULL LIMIT :limit",
    )?;
    let rows = statement.query_map(named_params! { ":limit": bound(limit) }, |row| {
        Ok((DeliveryId(row.get("id")?), row.get("attempts")?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Removes up to `limit` deliveries that ended before `before`, with their log.
pub fn forget_before(tx: &WriteTx<'_>, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
    // Relies on webhook_deliveries_ended.
    Ok(tx
        .prepare_cached(
            "DELETE FROM webhook_deliveries WHERE id IN (
                 SELECT id FROM webhook_deliveries WHERE ended_at < :before ORDER BY ended_at LIMIT :limit)",
        )?
        .execute(named_params! { ":before": before.as_micros(), ":limit": bound(limit) })?)
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let endpoint: Option<String> = row.get("endpoint")?;
    let event: String = row.get("event")?;
    Ok(Delivery {
        id: DeliveryId(row.get("id")?),
        guid: guid(row, "guid")?,
        endpoint: endpoint.map(|text| parsed(text.parse().ok(), "a UUID")).transpose()?,
        url: row.get("url")?,
        event: parsed(EventType::parse(&event), "an event")?,
        content_type: content_type(row)?,
        state: state(row)?,
        attempts: row.get("attempts")?,
        next_at: instant(row, "next_at")?,
        last_status: row.get("last_status")?,
        last_error: row.get("last_error")?,
        created_at: Timestamp::from_micros(row.get("created_at")?),
        ended_at: instant(row, "ended_at")?,
    })
}

fn state(row: &Row<'_>) -> rusqlite::Result<DeliveryState> {
    parsed(DeliveryState::parse(&row.get::<_, String>("state")?), "a state")
}

fn content_type(row: &Row<'_>) -> rusqlite::Result<ContentType> {
    parsed(ContentType::parse(&row.get::<_, String>("content_type")?), "a content type")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How SQLite means to run `sql`, on a database of this version.
    fn plan(sql: &str) -> String {
        let conn = Conn::open_in_memory().expect("memory");
        for migration in crate::store::MIGRATIONS {
            conn.execute_batch(migration.sql).expect("a migration that works");
        }
        let mut statement = conn.prepare(&["EXPLAIN QUERY PLAN ", sql].concat()).expect("a statement that works");
        // A plan needs no values.
        let rows = statement.raw_query().mapped(|row| row.get::<_, String>("detail"));
        rows.map(|row| row.expect("a step")).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn every_list_is_read_from_its_index_without_sorting() {
        for (sql, index) in [
            (OF_COMPANY, "webhook_deliveries_by_company (company_id=? AND id<?)"),
            (OF_COMPANY_IN_STATE, "webhook_deliveries_by_company_state (company_id=? AND state=? AND id<?)"),
            (OF_ENDPOINT, "webhook_deliveries_by_endpoint (endpoint_id=? AND id<?)"),
            (OF_ENDPOINT_IN_STATE, "webhook_deliveries_by_endpoint_state (endpoint_id=? AND state=? AND id<?)"),
        ] {
            let plan = plan(sql);
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{index}: {plan}");
        }
    }
}
