//! Identity: companies, users and their roles, parties and who may act for them, passwords, JWTs, API tokens, SIDs,
//! throttling, and the permission table.
//!
//! Owns the tables `companies`, `users`, `api_tokens`, `revoked_jwts`, `jwt_keys`, `identity_epoch`,
//! `parties`, `user_parties`, `company_zones`, `sids`, `idempotency_keys`. Use cases that
//! change rows ([`companies`], [`users`], [`tokens`], [`parties`]) are functions inside a transaction their caller owns, the same
//! for the HTTP services and for the command line; [`Auth`] adds what needs the hasher, the clock and the cache.
//!
//! Must not know: any domain, HTTP, tasks, webhooks.

mod basic;
pub mod bootstrap;
mod cache;
pub mod companies;
mod error;
pub mod idempotency;
pub mod jwt;
pub mod model;
pub mod parties;
pub mod password;
pub mod permissions;
pub mod revived;
mod sessions;
pub mod sids;
mod sql;
pub mod throttle;
mod timeline;
pub mod tokens;
pub mod users;

use std::sync::{Arc, Mutex, OnceLock};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::cache::Cache;
pub use self::error::AuthError;
use self::password::Hasher;
use self::throttle::Throttle;
pub use self::timeline::Mark;
use crate::audit::Journal;
use crate::clock::Clock;
use crate::store::{Store, WriteTx};

/// How many sign-ins may wait for their password check or be in it: with one hash at a time, the last of them waits for
/// about a second and a half.
const SIGN_INS: usize = 64;

/// Identity as one handle; clones share it.
#[derive(Clone)]
pub struct Auth(Arc<Inner>);

struct Inner {
    store: Store,
    hasher: Hasher,
    clock: Clock,
    throttle: Throttle,
    /// Places for sign-ins that wait or run: beyond them 429, so that a flood of them costs neither memory nor time.
    sign_ins: Semaphore,
    cache: Cache,
    /// What is recorded of sign-ins, a moment later.
    journal: Journal,
    flights: basic::Flights,
    /// The ids of JWTs that were made, in that order, if anybody goes back in time here.
    issued: OnceLock<Mutex<Vec<Uuid>>>,
    /// Cancelled, oddly named for it, once the first start is over.
    ready: CancellationToken,
}

impl Auth {
    /// Identity over `store`. Sign-ins wait until [`bootstrap::run`] has made sure that there is someone to sign in.
    pub fn new(store: Store, hasher: Hasher, clock: Clock) -> Result<Self, AuthError> {
        Ok(Self(Arc::new(Inner {
            store,
            hasher,
            clock,
            throttle: Throttle::new(),
            sign_ins: Semaphore::new(SIGN_INS),
            cache: Cache::new(random()?),
            journal: Journal::default(),
            flights: basic::Flights::default(),
            issued: OnceLock::new(),
            ready: CancellationToken::new(),
        })))
    }

    /// Waits until the first start is over.
    pub async fn ready(&self) {
        self.0.ready.cancelled().await;
    }

    /// Whether the first start is over.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.ready.is_cancelled()
    }

    fn set_ready(&self) {
        self.0.ready.cancel();
    }

    /// The store that identities are in.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The password hasher.
    #[must_use]
    pub fn hasher(&self) -> &Hasher {
        &self.0.hasher
    }

    /// Where sign-ins and reads wait to be recorded.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.0.journal
    }

    /// The clock that expiry goes by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }
}

/// Replaces the key that signs JWTs: every JWT ends at once. API tokens stay.
pub fn rotate_jwt_key(
    tx: &WriteTx<'_>,
    key: &[u8; jwt::KEY_BYTES],
    now: crate::clock::Timestamp,
) -> Result<(), AuthError> {
    Ok(sql::keys::replace_jwt_key(tx, key, now)?)
}

/// `N` bytes from the machine's random source.
pub fn random<const N: usize>() -> Result<[u8; N], AuthError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| AuthError::Unavailable("the machine's random source failed"))?;
    Ok(bytes)
}

/// What contradicts itself among the rows of identity, one sentence each.
pub fn consistency(conn: &crate::store::Conn) -> Result<Vec<String>, crate::store::StoreError> {
    let mut findings = Vec::new();
    if sql::keys::jwt_key(conn)?.is_some() {
        if sql::checks::operators(conn)? == 0 {
            findings.push("identity: no enabled operator is left; `comptoir user operator NAME` makes one".to_owned());
        }
    } else {
        findings.push("identity: the first start has not finished; start the server once".to_owned());
    }
    let passwords = sql::checks::unreadable_passwords(conn)?.into_iter();
    findings.extend(passwords.map(|user| format!("identity: the stored password of user {user} is not Argon2id")));
    let tokens = sql::checks::strayed_tokens(conn)?.into_iter();
    findings.extend(tokens.map(|token| format!("identity: token {token} is in another company than its owner")));
    Ok(findings)
}
