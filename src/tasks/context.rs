//! What a handler is given: who and what for, ways to tell how far it has come, and the one way to have its effect and
//! its end in one transaction.
//!
//! Must not know: any domain, HTTP, the runner.

use std::fmt::{self, Display};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::auth::model::{CompanyId, UserId};
use crate::clock::Clock;
use crate::store::{Store, StoreError, WriteTx};
use crate::tasks::backoff::Backoff;
use crate::tasks::outcome::{Ending, Outcome, Progress, Settled};
use crate::tasks::queue::Queue;
use crate::tasks::sql::{self, Claimed, Lease};

/// An attempt, as its handler sees it; clones share it.
#[derive(Clone)]
pub struct TaskContext(Arc<Inner>);

struct Inner {
    store: Store,
    queue: Queue,
    claimed: Claimed,
    backoff: Backoff,
    /// Chance for the delay after this attempt, should it need one.
    chance: f64,
    progress: watch::Sender<Progress>,
    cancel: CancellationToken,
    draining: CancellationToken,
    /// Whether the attempt has recorded its end by itself.
    settled: AtomicBool,
}

/// Why a fenced write was not done. Nothing of it is in the database.
#[derive(Debug, thiserror::Error)]
pub enum Interrupted<E> {
    /// The task is no longer this worker's: somebody else took it over, or it has ended.
    #[error("the task has been taken over")]
    LeaseLost,
    /// Somebody asked to cancel the task.
    #[error("the task is to be canceled")]
    Canceled,
    /// The closure's own error, or the store's.
    #[error(transparent)]
    Effect(E),
}

impl<E: From<StoreError>> From<StoreError> for Interrupted<E> {
    fn from(error: StoreError) -> Self {
        Self::Effect(error.into())
    }
}

/// What is left for a handler to say: its effect failed, so the attempt did.
impl<E: Display> From<Interrupted<E>> for Outcome {
    fn from(interrupted: Interrupted<E>) -> Self {
        match interrupted {
            Interrupted::LeaseLost => Self::Settled(Settled(())),
            Interrupted::Canceled => Self::Canceled,
            Interrupted::Effect(error) => Self::retry(error),
        }
    }
}

impl fmt::Debug for TaskContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskContext").field(&self.0.claimed.task.guid).finish()
    }
}

impl TaskContext {
    pub(super) fn new(
        store: Store,
        queue: Queue,
        claimed: Claimed,
        (backoff, chance): (Backoff, f64),
        (cancel, draining): (CancellationToken, CancellationToken),
    ) -> Self {
        let task = &claimed.task;
        let (progress, _) = watch::channel(Progress { percent: task.progress, detail: task.detail.clone() });
        let settled = AtomicBool::new(false);
        Self(Arc::new(Inner { store, queue, claimed, backoff, chance, progress, cancel, draining, settled }))
    }

    /// The task's public id.
    #[must_use]
    pub fn guid(&self) -> Uuid {
        self.0.claimed.task.guid
    }

    /// The task's company; `None`: the installation.
    #[must_use]
    pub fn company(&self) -> Option<CompanyId> {
        self.0.claimed.task.company
    }

    /// The user who asked for it.
    #[must_use]
    pub fn owner(&self) -> Option<UserId> {
        self.0.claimed.task.owner
    }

    /// The number of this attempt; the first is 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.claimed.task.attempts
    }

    /// Whether there is no attempt after this one.
    #[must_use]
    pub fn is_last_attempt(&self) -> bool {
        self.0.claimed.task.attempts >= self.0.claimed.task.max_attempts
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The queue, to enqueue what follows.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.0.queue
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        self.0.queue.clock()
    }

    /// Whether to stop: somebody asked to cancel the task, its time is over, or it is no longer this worker's.
    #[must_use]
    pub fn is_canceled(&self) -> bool {
        self.0.cancel.is_cancelled()
    }

    /// Waits until [`TaskContext::is_canceled`].
    pub async fn canceled(&self) {
        self.0.cancel.cancelled().await;
    }

    /// Whether the server is about to stop. A task that keeps checkpoints does well to end here with
    /// `Outcome::Snooze(Duration::ZERO)`; others have the grace period to finish.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.draining.is_cancelled()
    }

    /// Says how far the work has come: 0 to 100, and what it is doing, for people. Call it as often as you like and
    /// from any thread: it is written a few times a second.
    pub fn progress(&self, percent: u8, detail: impl Into<String>) {
        self.0.progress.send_replace(Progress { percent: percent.min(100), detail: Some(detail.into()) });
    }

    /// Where an earlier attempt said it had come to; `None` at the first, and if this version cannot read it.
    #[must_use]
    pub fn last_checkpoint<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(self.0.claimed.checkpoint.as_ref()?).ok()
    }

    /// What the person said for whom the task waited last.
    #[must_use]
    pub fn answer<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(self.0.claimed.answer.as_ref()?).ok()
    }

    /// Notes where the work has come to, for the attempt after a kill or a failure.
    pub async fn checkpoint(&self, state: &Value) -> Result<(), Interrupted<StoreError>> {
        let (context, state) = (self.clone(), state.clone());
        self.write(move |tx| context.checkpoint_in(tx, &state)).await
    }

    /// The same as a part of [`TaskContext::write`]: a slice of the work and the note that it is done are one.
    pub fn checkpoint_in(&self, tx: &WriteTx<'_>, state: &Value) -> Result<(), StoreError> {
        sql::save_checkpoint(tx, self.lease(), &state.to_string())?;
        Ok(())
    }

    /// A write that happens only while the task is still this worker's and nobody asked to cancel it. As with
    /// [`Store::write`], the closure may run more than once.
    pub async fn write<T, E>(
        &self,
        f: impl Fn(&WriteTx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Interrupted<E>>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let lease = self.lease();
        self.0
            .store
            .write(move |tx| {
                let task = sql::held(tx, lease)?.ok_or(Interrupted::LeaseLost)?;
                if task.cancel_requested {
                    return Err(Interrupted::Canceled);
                }
                f(tx).map_err(Interrupted::Effect)
            })
            .await
    }

    /// The decisive write: what `effect` does and how the attempt ends (what it returns) are committed together, under
    /// the conditions of [`TaskContext::write`]. So whatever is killed or taken over when, the effect happens once. Hand
    /// the outcome on:
    ///
    /// ```text
    /// match context.finish(|tx| apply(tx).map(Outcome::Done)).await {
    ///     Ok(settled) => settled,
    ///     Err(interrupted) => interrupted.into(),
    /// }
    /// ```
    pub async fn finish<E>(
        &self,
        effect: impl Fn(&WriteTx<'_>) -> Result<Outcome, E> + Send + 'static,
    ) -> Result<Outcome, Interrupted<E>>
    where
        E: From<StoreError> + Send + 'static,
    {
        let context = self.clone();
        let lease = self.lease();
        self.0
            .store
            .write(move |tx| {
                let task = sql::held(tx, lease)?.ok_or(Interrupted::LeaseLost)?;
                if task.cancel_requested {
                    return Err(Interrupted::Canceled);
                }
                let outcome = effect(tx).map_err(Interrupted::Effect)?;
                let ending = context.ending_of(outcome).ok_or(Interrupted::LeaseLost)?;
                context.end_in(tx, &ending)?.ok_or(Interrupted::LeaseLost)?;
                let settled = context.clone();
                tx.after_commit(move || settled.0.settled.store(true, Ordering::Release));
                Ok(())
            })
            .await?;
        Ok(Outcome::Settled(Settled(())))
    }

    /// What `outcome` means to the task; `None` if that is recorded already.
    pub(super) fn ending_of(&self, outcome: Outcome) -> Option<Ending> {
        Ending::of(outcome, self.attempt(), self.0.backoff, self.0.chance)
    }

    /// Records how the attempt ended; `None` if the task is no longer this worker's.
    pub(super) fn end_in(&self, tx: &WriteTx<'_>, ending: &Ending) -> Result<Option<()>, StoreError> {
        let progress = self.0.progress.borrow().clone();
        let task = self.0.queue.settle(tx, self.lease(), ending, Some(&progress))?;
        Ok(task.map(|_| ()))
    }

    /// Whether the attempt has recorded its end by itself: then the task is nobody's, and nobody has taken it over.
    pub(super) fn is_settled(&self) -> bool {
        self.0.settled.load(Ordering::Acquire)
    }

    pub(super) fn lease(&self) -> Lease {
        Lease { id: self.0.claimed.task.id, number: self.0.claimed.task.lease }
    }

    pub(super) fn payload(&self) -> Value {
        self.0.claimed.task.payload.clone()
    }

    pub(super) fn watch_progress(&self) -> watch::Receiver<Progress> {
        self.0.progress.subscribe()
    }

    /// Tells the handler to stop, whoever asks.
    pub(super) fn stop(&self) {
        self.0.cancel.cancel();
    }
}
