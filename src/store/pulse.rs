//! Whether the store is alive, and whatever else has to run beside it, asked often and cheaply: by the system check,
//! which anybody may call, and by readiness.
//!
//! Must not know: who asks, what else there is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::{Store, StoreError};
use crate::clock::{Clock, Timestamp};

/// A commit, or a probe, is believed for this long.
const FRESH: Duration = Duration::from_secs(5);

/// The store's pulse; clones share it.
#[derive(Clone)]
pub struct Pulse(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    /// The last probe: when, and whether it worked. Held while probing, so that a crowd of askers makes one probe.
    probed: Mutex<Option<(Timestamp, bool)>>,
    /// What else has to live: what it is called and how to tell.
    beside: Option<(&'static str, IsAlive)>,
}

/// How to tell whether something lives.
type IsAlive = Box<dyn Fn() -> bool + Send + Sync>;

impl Pulse {
    /// The pulse of `store`.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self(Arc::new(Inner { store, clock, probed: Mutex::new(None), beside: None }))
    }

    /// The same, with something beside the store that has to live: what it is called in the log, and how to tell.
    #[must_use]
    pub fn with(self, name: &'static str, is_alive: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let Inner { store, clock, .. } = &*self.0;
        let (store, clock, beside) = (store.clone(), clock.clone(), Some((name, Box::new(is_alive) as IsAlive)));
        Self(Arc::new(Inner { store, clock, probed: Mutex::new(None), beside }))
    }

    /// Whether what has to live beside the store does.
    #[must_use]
    pub fn works(&self) -> bool {
        let Some((name, is_alive)) = &self.0.beside else { return true };
        let alive = is_alive();
        if !alive {
            tracing::error!(what = name, "it has stopped or does not come round");
        }
        alive
    }

    /// Whether the database answers a read now.
    #[must_use]
    pub fn answers_reads(&self) -> bool {
        let answer = self.0.store.read(|conn| {
            Ok::<i64, StoreError>(conn.prepare_cached("SELECT count(*) FROM meta")?.query_row([], |row| row.get(0))?)
        });
        if let Err(error) = &answer {
            tracing::error!(%error, "the database does not answer");
        }
        answer.is_ok()
    }

    /// Whether the database accepts writes: known from a commit of the last five seconds, else from a probe, of which
    /// there is at most one in five seconds.
    pub async fn accepts_writes(&self) -> bool {
        let now = self.0.clock.now();
        let health = self.0.store.health();
        if health.is_ok() && health.last_commit.is_some_and(|at| now.since(at) < FRESH) {
            return true;
        }
        let mut probed = self.0.probed.lock().await;
        if let Some((at, worked)) = *probed
            && now.since(at) < FRESH
        {
            return worked;
        }
        let outcome = self.0.store.probe().await;
        if let Err(error) = &outcome {
            tracing::error!(%error, "the database does not accept writes");
        }
        *probed = Some((now, outcome.is_ok()));
        outcome.is_ok()
    }
}
