//! Statements on `idempotency_keys`.

use rusqlite::{OptionalExtension, named_params};

use crate::auth::model::UserId;
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

/// A kept answer and what it answered.
pub struct Kept {
    /// The operation it was given to.
    pub operation: String,
    /// The hash of the request.
    pub fingerprint: Vec<u8>,
    /// What the operation returned.
    pub answer: String,
}

/// The answer kept under this key.
pub fn find(conn: &Conn, user: UserId, key: &str) -> Result<Option<Kept>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT operation, fingerprint, answer FROM idempotency_keys WHERE user_id = :user AND key = :key",
        )?
        .query_row(named_params! { ":user": user.0, ":key": key }, |row| {
            Ok(Kept { operation: row.get(0)?, fingerprint: row.get(1)?, answer: row.get(2)? })
        })
        .optional()?)
}

/// Keeps an answer.
pub fn insert(tx: &WriteTx<'_>, user: UserId, key: &str, kept: &Kept, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO idempotency_keys (user_id, key, operation, fingerprint, answer, created_at)
         VALUES (:user, :key, :operation, :fingerprint, :answer, :now)",
    )?
    .execute(named_params! {
        ":user": user.0,
        ":key": key,
        ":operation": kept.operation,
        ":fingerprint": kept.fingerprint,
        ":answer": kept.answer,
        ":now": now.as_micros(),
    })?;
    Ok(())
}

/// Forgets answers kept before `before`.
pub fn forget_before(tx: &WriteTx<'_>, before: Timestamp) -> Result<(), StoreError> {
    // Relies on idempotency_keys_by_age.
    tx.prepare_cached("DELETE FROM idempotency_keys WHERE created_at < :before")?
        .execute(named_params! { ":before": before.as_micros() })?;
    Ok(())
}
