//! `Idempotency-Key`: a POST that is sent again with the same key has one effect; each time the answer is what it made,
//! as it is by then.
//!
//! The name of what was made is kept in the transaction of the effect, for a day, and never a secret: a token's secret is
//! shown once, and a repeated request gets the token without it.
//!
//! Must not know: HTTP, any domain.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::auth::model::UserId;
use crate::clock::Timestamp;
use crate::house::service::HouseError;
use crate::house::sql::{self, Kept};
use crate::store::WriteTx;

/// How long a key is remembered.
const KEPT_FOR: Duration = Duration::from_hours(24);

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
pub fn once<T: Serialize + DeserializeOwned>(
    tx: &WriteTx<'_>,
    key: Option<&IdempotencyKey>,
    now: Timestamp,
    effect: impl FnOnce(&WriteTx<'_>) -> Result<T, HouseError>,
) -> Result<Once<T>, HouseError> {
    let Some(key) = key else { return effect(tx).map(Once::Now) };
    sql::forget_before(tx, now.minus(KEPT_FOR))?;
    if let Some(kept) = sql::find(tx, key.user, &key.key)? {
        if kept.operation != key.operation || kept.fingerprint != key.fingerprint {
            return Err(HouseError::KeyReused);
        }
        return serde_json::from_str(&kept.answer).map(Once::Before).map_err(HouseError::Unreadable);
    }
    let result = effect(tx)?;
    let answer = serde_json::to_string(&result).map_err(HouseError::Unreadable)?;
    let kept = Kept { operation: key.operation.to_owned(), fingerprint: key.fingerprint.to_vec(), answer };
    sql::insert(tx, key.user, &key.key, &kept, now)?;
    Ok(Once::Now(result))
}
