//! Snapshots of the whole installation and the way back to them; seeding.
//!
//! Must not know: HTTP's requests and answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OwnedRwLockWriteGuard};

use crate::auth::{Auth, AuthError, Mark};
use crate::clock::{Clock, Standing, Timestamp};
use crate::fixtures::plan::WHOLE;
use crate::fixtures::{self, Circumstances, Fixture, FixtureError, Plan, Seeded};
use crate::http::probe::Probe;
use crate::store::{SavedState, StoreError};
use crate::tasks::{Queue, Runner};
use crate::webhooks::capture::Capture;
use crate::webhooks::guard::Guard;

/// The snapshot that is taken when the first start is over.
pub const START: &str = "start";

/// The snapshot that a reset returns to: the start, and after each seeding what is there then.
pub const SEED: &str = "seed";

/// The most snapshots at once.
pub const MOST_SNAPSHOTS: usize = 20;

/// The most bytes that all of them take: they are in memory.
pub const MOST_BYTES: u64 = 1024 * 1024 * 1024;

/// How long a way back waits for requests that are being handled.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a test control did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ControlsError {
    /// There is no snapshot of this name.
    #[error("there is no snapshot `{0}`")]
    NoSnapshot(String),
    /// There are as many as there may be, or they take as much memory as they may.
    #[error("{0}")]
    NoRoom(String),
    /// The one a reset returns to is always there.
    #[error("the snapshot `{0}` is always there: take it anew, or return to another one")]
    Kept(String),
    /// Requests went on being handled.
    #[error("requests are still being handled; nothing was changed")]
    Busy,
    /// The fixture is not in order.
    #[error(transparent)]
    Fixture(#[from] FixtureError),
    /// Identity failed.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What test controls steer.
pub struct Parts {
    /// Identity and, through it, the store.
    pub auth: Auth,
    /// The steered clock.
    pub clock: Clock,
    /// Background work.
    pub runner: Runner,
    /// Where it is enqueued.
    pub queue: Queue,
    /// Where webhooks may go.
    pub guard: Guard,
}

/// Test controls; clones share them. What they steer is given to them once it is put together.
#[derive(Clone, Default)]
pub struct Controls(Arc<Inner>);

#[derive(Default)]
struct Inner {
    probe: Arc<Probe>,
    capture: Arc<Capture>,
    parts: OnceLock<Parts>,
    snapshots: Mutex<BTreeMap<String, Kept>>,
    /// One at a time: two ways back at once would each wait for the other.
    turn: AsyncMutex<()>,
}

/// A snapshot, with what is not in the rows.
#[derive(Clone)]
struct Kept {
    snapshot: Arc<SavedState>,
    standing: Option<Standing>,
    mark: Mark,
    taken_at: Timestamp,
    bytes: u64,
}

/// A snapshot as it is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotView {
    /// Its name.
    pub name: String,
    /// What the server's clock showed then.
    pub taken_at: Timestamp,
    /// How many bytes it takes.
    pub bytes: u64,
}

impl Controls {
    /// What watches the gate.
    #[must_use]
    pub fn probe(&self) -> &Arc<Probe> {
        &self.0.probe
    }

    /// What captures webhooks.
    #[must_use]
    pub fn capture(&self) -> &Arc<Capture> {
        &self.0.capture
    }

    /// Gives them what they steer. A second call changes nothing.
    pub fn steer(&self, parts: Parts) {
        parts.auth.keep_issued();
        let _ = self.0.parts.set(parts);
    }

    /// What they steer.
    ///
    /// # Panics
    /// Before [`Controls::steer`].
    pub(super) fn parts(&self) -> &Parts {
        self.0.parts.get().expect("an application that is put together has given them what they steer")
    }

    fn snapshots(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.0.snapshots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the snapshots that are always there: once the first start is over.
    pub async fn begin(&self) -> Result<(), ControlsError> {
        self.keep(START).await?;
        let start = self.snapshots().get(START).cloned();
        self.snapshots().extend(start.map(|start| (SEED.to_owned(), start)));
        Ok(())
    }

    /// Takes a snapshot; one of the same name is replaced.
    pub async fn keep(&self, name: &str) -> Result<SnapshotView, ControlsError> {
        let _turn = self.0.turn.lock().await;
        self.take(name).await
    }

    async fn take(&self, name: &str) -> Result<SnapshotView, ControlsError> {
        let Parts { auth, clock, runner, .. } = self.parts();
        self.check_room(name, auth.store().bytes()?)?;
        let _still = self.still().await?;
        let kept = runner
            .interrupted(async {
                // What waits to be recorded belongs to it.
                auth.journal().flush(auth.store(), clock.now(), true).await?;
                let snapshot = auth.store().snapshot().await?;
                Ok::<_, StoreError>(Kept {
                    bytes: snapshot.bytes()?,
                    snapshot: Arc::new(snapshot),
                    standing: clock.standing(),
                    mark: auth.mark(),
                    taken_at: clock.now(),
                })
            })
            .await?;
        let view = view(name, &kept);
        self.snapshots().insert(name.to_owned(), kept);
        Ok(view)
    }

    fn check_room(&self, name: &str, bytes: u64) -> Result<(), ControlsError> {
        let snapshots = self.snapshots();
        let others = snapshots.iter().filter(|(known, _)| *known != name);
        let (count, taken) = others.fold((0, 0), |(count, taken), (_, kept)| (count + 1, taken + kept.bytes));
        if count >= MOST_SNAPSHOTS {
            let why = format!("there are {MOST_SNAPSHOTS} snapshots, and no more at once: delete one first");
            return Err(ControlsError::NoRoom(why));
        }
        if taken.saturating_add(bytes) > MOST_BYTES {
            let why = format!("snapshots are in memory and take at most {MOST_BYTES} bytes: delete one first");
            return Err(ControlsError::NoRoom(why));
        }
        Ok(())
    }

    /// Every snapshot, by name.
    #[must_use]
    pub fn list(&self) -> Vec<SnapshotView> {
        self.snapshots().iter().map(|(name, kept)| view(name, kept)).collect()
    }

    /// Forgets a snapshot.
    pub fn forget(&self, name: &str) -> Result<(), ControlsError> {
        if name == START || name == SEED {
            return Err(ControlsError::Kept(name.to_owned()));
        }
        let gone = self.snapshots().remove(name);
        gone.map(|_| ()).ok_or_else(|| ControlsError::NoSnapshot(name.to_owned()))
    }

    /// Returns to a snapshot.
    pub async fn restore(&self, name: &str) -> Result<SnapshotView, ControlsError> {
        let _turn = self.0.turn.lock().await;
        self.go_back(name).await
    }

    async fn go_back(&self, name: &str) -> Result<SnapshotView, ControlsError> {
        let Parts { auth, clock, runner, .. } = self.parts();
        let unknown = || ControlsError::NoSnapshot(name.to_owned());
        let kept = self.snapshots().get(name).cloned().ok_or_else(unknown)?;
        // Requests before background work: they may have enqueued some.
        let _still = self.still().await?;
        let (adjust, mark) = auth.carry_over(kept.mark);
        runner
            .interrupted(async {
                auth.store().restore(Arc::clone(&kept.snapshot), adjust).await?;
                auth.forget().await?;
                if let Some(standing) = kept.standing {
                    clock.stand(standing);
                }
                Ok::<_, ControlsError>(())
            })
            .await?;
        // The dead are in this copy from now on; the next way back to it need only add to them.
        let mut snapshots = self.snapshots();
        for other in snapshots.values_mut().filter(|other| Arc::ptr_eq(&other.snapshot, &kept.snapshot)) {
            other.mark = mark;
        }
        drop(snapshots);
        self.0.probe.faults.clear();
        self.0.probe.requests.clear();
        self.0.capture.clear();
        Ok(view(name, &kept))
    }

    /// Waits until no request is being handled.
    async fn still(&self) -> Result<OwnedRwLockWriteGuard<()>, ControlsError> {
        tokio::time::timeout(PATIENCE, self.0.probe.still()).await.map_err(|_| ControlsError::Busy)
    }

    /// Seeds a fixture, on what is there or, if `fresh`, on what the start was, and has resets return to what is there then.
    pub async fn seed(&self, fixture: Fixture, fresh: bool) -> Result<Seeded, ControlsError> {
        let Parts { auth, clock, queue, guard, .. } = self.parts();
        let _turn = self.0.turn.lock().await;
        let now = if fresh { self.now_at(START) } else { clock.now() };
        let circumstances = Circumstances { now, tests: true, guard: guard.clone(), whole: WHOLE };
        // Nothing is undone for a document that is not in order.
        let mut plan = Plan::of(fixture, &circumstances)?;
        if fresh {
            self.go_back(START).await?;
        }
        plan.hash(auth.store(), auth.hasher()).await?;
        let seeded = plan.write(auth.store(), queue, |_| {}).await?;
        self.take(SEED).await?;
        Ok(seeded)
    }

    /// What is there, as a fixture.
    pub async fn dump(&self) -> Result<Fixture, ControlsError> {
        let Parts { auth, clock, .. } = self.parts();
        let now = clock.now();
        Ok(auth.store().read_long(move |conn| fixtures::dump(conn, now)).await?)
    }

    /// What the clock shows after the way back to a snapshot.
    fn now_at(&self, name: &str) -> Timestamp {
        let clock = &self.parts().clock;
        match self.snapshots().get(name).and_then(|kept| kept.standing) {
            Some(Standing::Held(at)) => at,
            Some(Standing::Going(ahead)) => match clock.standing() {
                Some(Standing::Going(now_ahead)) => {
                    Timestamp::from_micros(clock.now().as_micros().saturating_sub(now_ahead).saturating_add(ahead))
                }
                _ => Timestamp::from_micros(Clock::system().now().as_micros().saturating_add(ahead)),
            },
            None => clock.now(),
        }
    }

    /// Everybody else waits while `f` moves the clock.
    pub(super) async fn alone<T>(&self, f: impl Future<Output = T>) -> T {
        let _turn = self.0.turn.lock().await;
        f.await
    }
}

fn view(name: &str, kept: &Kept) -> SnapshotView {
    SnapshotView { name: name.to_owned(), taken_at: kept.taken_at, bytes: kept.bytes }
}
