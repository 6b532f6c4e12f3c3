//! Statements on `jwt_keys` and `identity_epoch`.

use rusqlite::{Connection, OptionalExtension, named_params};

use crate::clock::Timestamp;
use crate::store::{StoreError, WriteTx};

/// The count of changes to identities so far: what was remembered at another count is void.
pub fn epoch(conn: &Connection) -> Result<i64, StoreError> {
    Ok(conn.prepare_cached("SELECT epoch FROM identity_epoch WHERE id = 1")?.query_row([], |row| row.get(0))?)
}

/// Moves that count: what was remembered at any count so far is void.
pub fn set_epoch(conn: &Connection, epoch: i64) -> Result<(), StoreError> {
    conn.prepare_cached("UPDATE identity_epoch SET epoch = :epoch WHERE id = 1")?
        .execute(named_params! { ":epoch": epoch })?;
    Ok(())
}

/// The key that signs JWTs, once there is one.
pub fn jwt_key(conn: &Connection) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(conn.prepare_cached("SELECT key FROM jwt_keys WHERE id = 1")?.query_row([], |row| row.get(0)).optional()?)
}

/// Keeps the first key; a key that is there stays.
pub fn insert_jwt_key(tx: &WriteTx<'_>, key: &[u8], now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT OR IGNORE INTO jwt_keys (id, key, created_at) VALUES (1, :key, :now)")?
        .execute(named_params! { ":key": key, ":now": now.as_micros() })?;
    Ok(())
}

/// Replaces the key: every JWT ends.
pub fn replace_jwt_key(tx: &WriteTx<'_>, key: &[u8], now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE jwt_keys SET key = :key, created_at = :now WHERE id = 1")?
        .execute(named_params! { ":key": key, ":now": now.as_micros() })?;
    Ok(())
}
