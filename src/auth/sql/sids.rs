//! Statements on `sids`.

use rusqlite::{Connection, OptionalExtension, named_params};

use crate::auth::model::{PartyId, Roles, UserId};
use crate::clock::Timestamp;
use crate::store::{StoreError, WriteTx};

/// A session as it is kept.
#[derive(Debug, Clone)]
pub struct Session {
    /// Whose it is.
    pub user: UserId,
    /// The credential generation it began in.
    pub generation: i64,
    /// The user's roles then.
    pub roles: Roles,
    /// Whether the user was an operator then.
    pub operator: bool,
    /// The party it was signed in for.
    pub party: Option<PartyId>,
    /// When it was last used.
    pub last_used_at: Timestamp,
}

/// Adds a session by the hash of its SID.
pub fn insert(tx: &WriteTx<'_>, secret_hash: &[u8; 32], session: &Session) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO sids (secret_hash, user_id, generation, roles, operator, party_id, created_at, last_used_at)
         VALUES (:secret_hash, :user, :generation, :roles, :operator, :party, :now, :now)",
    )?
    .execute(named_params! {
        ":secret_hash": secret_hash.as_slice(),
        ":user": session.user.0,
        ":generation": session.generation,
        ":roles": session.roles.to_stored(),
        ":operator": session.operator,
        ":party": session.party.map(|party| party.0),
        ":now": session.last_used_at.as_micros(),
    })?;
    Ok(())
}

/// The session with this SID.
pub fn find(conn: &Connection, secret_hash: &[u8; 32]) -> Result<Option<Session>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT user_id, generation, roles, operator, party_id, last_used_at FROM sids
             WHERE secret_hash = :secret_hash",
        )?
        .query_row(named_params! { ":secret_hash": secret_hash.as_slice() }, |row| {
            Ok(Session {
                user: UserId(row.get(0)?),
                generation: row.get(1)?,
                roles: Roles::from_stored(row.get_ref(2)?.as_str()?),
                operator: row.get(3)?,
                party: row.get::<_, Option<i64>>(4)?.map(PartyId),
                last_used_at: Timestamp::from_micros(row.get(5)?),
            })
        })
        .optional()?)
}

/// Notes that a session was used.
pub fn touch(tx: &WriteTx<'_>, secret_hash: &[u8; 32], now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE sids SET last_used_at = max(last_used_at, :now) WHERE secret_hash = :secret_hash")?
        .execute(named_params! { ":secret_hash": secret_hash.as_slice(), ":now": now.as_micros() })?;
    Ok(())
}

/// Ends a session at once.
pub fn delete(tx: &WriteTx<'_>, secret_hash: &[u8; 32]) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM sids WHERE secret_hash = :secret_hash")?
        .execute(named_params! { ":secret_hash": secret_hash.as_slice() })?;
    Ok(())
}

/// Ends every session.
pub fn delete_all(tx: &WriteTx<'_>) -> Result<(), StoreError> {
    // Without the mark that a forgotten session gets: whatever was remembered of these is void.
    tx.prepare_cached("DELETE FROM sids")?.execute([])?;
    Ok(())
}

/// Clears away up to `limit` sessions that were last used before `before`, and are over therefore.
pub fn forget(tx: &WriteTx<'_>, before: Timestamp, limit: usize) -> Result<(), StoreError> {
    // Relies on sids_by_use.
    let marked = tx
        .prepare_cached(
            "UPDATE sids SET stale = 1 WHERE secret_hash IN
             (SELECT secret_hash FROM sids WHERE last_used_at < :before ORDER BY last_used_at LIMIT :limit)",
        )?
        .execute(named_params! {
            ":before": before.as_micros(),
            ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
        })?;
    if marked > 0 {
        tx.prepare_cached("DELETE FROM sids WHERE last_used_at < :before AND stale = 1")?
            .execute(named_params! { ":before": before.as_micros() })?;
    }
    Ok(())
}
