//! `Idempotency-Key`: a POST that is sent again with the same key has one effect; each time the answer is what it made,
//! as it is by then.
//!
//! The name of what was made is kept in the transaction of the effect, for a day, and never a secret: a token's secret is
//! shown once, and a repeated request gets the token without it.
//!
//! Owns the table `idempotency_keys`. Must not know: HTTP, any domain.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::auth::model::UserId;
use crate::auth::sql::idempotency::{self as sql, Kept};
use crate::clock::Timestamp;
use crate::store::{StoreError, WriteTx};

/// How long a key is remembered.
const KEPT_FOR: Duration = Duration::from_hours(24);

/// Why a request with a key was refused.
#[derive(Debug, thiserror::Error)]
pub enum IdempotencyError {
    /// The key came with another request before.
    #[error("this Idempotency-Key was already used for another request")]
    Reused,
    /// A kept answer cannot be read or written: for the log, not for the client.
    #[error("the answer kept for an idempotency key is unreadable: {0}")]
    Unreadable(serde_json::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A key with the request it came with.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    user: UserId,
    operation: &'static str,
    key: String,
    fingerprint: [u8; 32],
}

impl IdempotencyKey {
    /// `key` as `user` sent it with `request` to `operation`. No secret belongs into `request`: what is kept of it is a
    /// plain hash, and a password that went into it could be guessed from there.
    #[must_use]
    pub fn new(user: UserId, operation: &'static str, key: &str, request: &str) -> Self {
        Self { user, operation, key: key.to_owned(), fingerprint: Sha256::digest(request.as_bytes()).into() }
    }
}

/// A result, and whether it is that of an earlier request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Once<T> {
    /// This request did it.
    Now(T),
    /// An earlier request with the same key did it.
    Before(T),
}

/// Runs `effect` unless a request with the same key already did.
pub fn once<T: Serialize + DeserializeOwned, E: From<IdempotencyError>>(
    tx: &WriteTx<'_>,
    key: Option<&IdempotencyKey>,
    now: Timestamp,
    effect: impl FnOnce(&WriteTx<'_>) -> Result<T, E>,
) -> Result<Once<T>, E> {
    let Some(key) = key else { return effect(tx).map(Once::Now) };
    if let Some(before) = known(tx, key, now)? {
        return Ok(Once::Before(before));
    }
    let result = effect(tx)?;
    keep(tx, key, &result, now)?;
    Ok(Once::Now(result))
}

fn known<T: DeserializeOwned>(
    tx: &WriteTx<'_>,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<T>, IdempotencyError> {
    sql::forget_before(tx, now.minus(KEPT_FOR))?;
    let Some(kept) = sql::find(tx, key.user, &key.key)? else { return Ok(None) };
    if kept.operation != key.operation || kept.fingerprint != key.fingerprint {
        return Err(IdempotencyError::Reused);
    }
    serde_json::from_str(&kept.answer).map(Some).map_err(IdempotencyError::Unreadable)
}

fn keep<T: Serialize>(
    tx: &WriteTx<'_>,
    key: &IdempotencyKey,
    result: &T,
    now: Timestamp,
) -> Result<(), IdempotencyError> {
    let answer = serde_json::to_string(result).map_err(IdempotencyError::Unreadable)?;
    let kept = Kept { operation: key.operation.to_owned(), fingerprint: key.fingerprint.to_vec(), answer };
    Ok(sql::insert(tx, key.user, &key.key, &kept, now)?)
}
