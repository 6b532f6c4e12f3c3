//! What verified credentials stood for, remembered in memory under a keyed hash of the credential, so that a request
//! does not pay for a signature check and three rows each time. One invalidation point: the identity epoch that the
//! database's triggers move; an entry made at another epoch is void.
//!
//! Must not know: the database, HTTP, any domain.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::auth::model::SharedPrincipal;
use crate::clock::Timestamp;

/// More credentials than this at once empty the cache: forgetting is always safe.
const CAPACITY: usize = 10_000;

/// A remembered credential.
#[derive(Debug)]
pub struct Entry {
    /// Whom it stands for.
    pub principal: SharedPrincipal,
    /// When it expires by itself.
    pub expires_at: Option<Timestamp>,
    /// How long it lives without being used, if that ends it.
    idle: Option<Duration>,
    /// When it was last used, in microseconds; kept for those that idleness ends.
    used: AtomicI64,
    /// When its use was last written down, in microseconds.
    touched: AtomicI64,
}

impl Entry {
    /// A credential that was just verified.
    pub fn new(principal: SharedPrincipal, expires_at: Option<Timestamp>, last_used: Option<Timestamp>) -> Self {
        let touched = AtomicI64::new(last_used.map_or(i64::MIN, Timestamp::as_micros));
        Self { principal, expires_at, idle: None, used: AtomicI64::new(i64::MIN), touched }
    }

    /// One that was just verified, was last used at `used`, and ends when it is not used for `idle`.
    pub fn idling(principal: SharedPrincipal, used: Timestamp, idle: Duration) -> Self {
        let micros = || AtomicI64::new(used.as_micros());
        Self { principal, expires_at: None, idle: Some(idle), used: micros(), touched: micros() }
    }

    /// Whether it has neither expired nor idled away.
    fn lives(&self, now: Timestamp) -> bool {
        let used = Timestamp::from_micros(self.used.load(Ordering::Relaxed));
        self.expires_at.is_none_or(|expiry| now < expiry) && self.idle.is_none_or(|idle| now < used.plus(idle))
    }

    /// It is used.
    pub fn use_at(&self, now: Timestamp) {
        self.used.fetch_max(now.as_micros(), Ordering::Relaxed);
    }

    /// Whether this use should be written down, if that happens once in `every`; of concurrent callers one is told yes.
    pub fn due(&self, now: Timestamp, every: Duration) -> bool {
        let seen = self.touched.load(Ordering::Relaxed);
        seen <= now.minus(every).as_micros()
            && self.touched.compare_exchange(seen, now.as_micros(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// The cache.
pub struct Cache {
    salt: RwLock<[u8; 32]>,
    entries: RwLock<HashMap<[u8; 32], Arc<Entry>>>,
}

impl Cache {
    /// An empty one, keyed with `salt`: random and new at each start.
    pub fn new(salt: [u8; 32]) -> Self {
        Self { salt: RwLock::new(salt), entries: RwLock::default() }
    }

    /// Forgets everything, and what is being verified at this moment with it: under the new salt nobody finds it again.
    pub fn forget(&self, salt: [u8; 32]) {
        *self.salt.write().unwrap_or_else(PoisonError::into_inner) = salt;
        self.entries.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The name a credential goes by in here.
    pub fn key(&self, credential: &str) -> [u8; 32] {
        let salt = *self.salt.read().unwrap_or_else(PoisonError::into_inner);
        Sha256::new().chain_update(salt).chain_update(credential.as_bytes()).finalize().into()
    }

    /// What `key` stands for, if it was verified at this epoch and has not expired.
    pub fn get(&self, key: &[u8; 32], epoch: i64, now: Timestamp) -> Option<Arc<Entry>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(key)?;
        (entry.principal.epoch == epoch && entry.lives(now)).then(|| Arc::clone(entry))
    }

    /// What `key` stood for when it was verified, whatever has changed since, if it has not expired.
    pub fn at_any_epoch(&self, key: &[u8; 32], now: Timestamp) -> Option<Arc<Entry>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).filter(|entry| entry.lives(now)).cloned()
    }

    /// Remembers a verified credential.
    pub fn put(&self, key: [u8; 32], entry: Arc<Entry>) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= CAPACITY && !entries.contains_key(&key) {
            entries.clear();
        }
        entries.insert(key, entry);
    }
}
