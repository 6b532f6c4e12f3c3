//! Statements on `audit_events` and `audit_chains`.

use rusqlite::{OptionalExtension, Row, named_params};

use crate::audit::chain::{Chain, Event, Hash, Head};
use crate::audit::model::ActionId;
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

/// A chain's two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// Its last event.
    pub head: Head,
    /// The last event that retention has taken.
    pub removed: Head,
}

/// Where a chain ends.
pub fn head(conn: &Conn, chain: Chain) -> Result<Head, StoreError> {
    Ok(conn
        .prepare_cached("SELECT seq, hash FROM audit_chains WHERE chain = :chain")?
        .query_row(named_params! { ":chain": chain.0 }, |row| Ok(Head { seq: row.get(0)?, hash: row.get(1)? }))
        .optional()?
        .unwrap_or(Head::NONE))
}

/// A chain's ends, if it has begun.
pub fn ends(conn: &Conn, chain: Chain) -> Result<Option<Ends>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT seq, hash, removed_seq, removed_hash FROM audit_chains WHERE chain = :chain")?
        .query_row(named_params! { ":chain": chain.0 }, |row| {
            Ok(Ends {
                head: Head { seq: row.get(0)?, hash: row.get(1)? },
                removed: Head { seq: row.get(2)?, hash: row.get(3)? },
            })
        })
        .optional()?)
}

/// Every chain, also one that only its events know of.
pub fn chains(conn: &Conn) -> Result<Vec<Chain>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT chain FROM audit_chains UNION SELECT chain FROM audit_events
         UNION SELECT company_id FROM actions WHERE seal IS NOT NULL ORDER BY 1",
    )?;
    let rows = statement.query_map([], |row| Ok(Chain(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Adds an event, which is the chain's head from now on.
pub fn append(tx: &WriteTx<'_>, event: &Event, hash: &Hash) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO audit_events (chain, seq, at, kind, action_id, digest, detail, hash)
         VALUES (:chain, :seq, :at, :kind, :action, :digest, :detail, :hash)",
    )?
    .execute(named_params! {
        ":chain": event.chain.0,
        ":seq": event.seq,
        ":at": event.at.as_micros(),
        ":kind": event.kind,
        ":action": event.action.map(|(id, _)| id.0),
        ":digest": event.action.map(|(_, digest)| digest),
        ":detail": event.detail,
        ":hash": hash,
    })?;
    tx.prepare_cached(
        "INSERT INTO audit_chains (chain, seq, hash) VALUES (:chain, :seq, :hash)
         ON CONFLICT (chain) DO UPDATE SET seq = :seq, hash = :hash",
    )?
    .execute(named_params! { ":chain": event.chain.0, ":seq": event.seq, ":hash": hash })?;
    Ok(())
}

/// Up to `limit` events of a chain after the one numbered `after`, each with its hash, in their order.
pub fn after(conn: &Conn, chain: Chain, after: i64, limit: usize) -> Result<Vec<(Event, Hash)>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT seq, at, kind, action_id, digest, detail, hash FROM audit_events
         WHERE chain = :chain AND seq > :after ORDER BY seq LIMIT :limit",
    )?;
    let rows = statement
        .query_map(named_params! { ":chain": chain.0, ":after": after, ":limit": super::at_most(limit) }, |row| {
            event(chain, row)
        })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn event(chain: Chain, row: &Row<'_>) -> rusqlite::Result<(Event, Hash)> {
    let action: Option<i64> = row.get(3)?;
    let digest: Option<Hash> = row.get(4)?;
    let event = Event {
        chain,
        seq: row.get(0)?,
        at: Timestamp::from_micros(row.get(1)?),
        kind: row.get(2)?,
        action: action.map(ActionId).zip(digest),
        detail: row.get(5)?,
    };
    Ok((event, row.get(6)?))
}

/// The last event before the first one that was written at `since` or later: its number and hash. It reads as many
/// events as are older.
pub fn last_before(conn: &Conn, chain: Chain, since: Timestamp) -> Result<Option<Head>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT seq, hash FROM audit_events
             WHERE chain = :chain AND seq < ifnull(
                 (SELECT seq FROM audit_events WHERE chain = :chain AND at >= :since ORDER BY seq LIMIT 1),
                 9223372036854775807)
             ORDER BY seq DESC LIMIT 1",
        )?
        .query_row(named_params! { ":chain": chain.0, ":since": since.as_micros() }, |row| {
            Ok(Head { seq: row.get(0)?, hash: row.get(1)? })
        })
        .optional()?)
}

/// Notes that the events through `last` are gone, and removes them.
pub fn remove_through(tx: &WriteTx<'_>, chain: Chain, last: Head) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE audit_chains SET removed_seq = :seq, removed_hash = :hash WHERE chain = :chain")?
        .execute(named_params! { ":chain": chain.0, ":seq": last.seq, ":hash": last.hash })?;
    tx.prepare_cached("DELETE FROM audit_events WHERE chain = :chain AND seq <= :seq")?
        .execute(named_params! { ":chain": chain.0, ":seq": last.seq })?;
    Ok(())
}
