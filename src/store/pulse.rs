//! Whether the store is alive, asked often and cheaply: by the system check, which anybody may call, and by readiness.
//!
//! Must not know: who asks.

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
}

impl Pulse {
    /// The pulse of `store`.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self(Arc::new(Inner { store, clock, probed: Mutex::new(None) }))
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
