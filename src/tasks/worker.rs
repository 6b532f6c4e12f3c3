//! One attempt: runs the handler in a tokio task of its own, keeps its lease, writes its progress, stops it when it has
//! to, and records how it ended.
//!
//! Must not know: any domain, how tasks are claimed.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::clock::{Clock, Timestamp};
use crate::store::{Store, StoreError};
use crate::tasks::context::TaskContext;
use crate::tasks::outcome::{Ending, Outcome, Progress};
use crate::tasks::registry::Registered;
use crate::tasks::sql;
use crate::tasks::state::Event;

/// At least this much between two writes of a task's progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// How long a handler that was dropped may go on to its next await before nobody waits for it any longer.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How often a record that another process's write kept out is tried.
const TRIES: u32 = 3;

/// How an attempt came to its end.
enum End {
    /// As the handler said, or as is said of one that did not get to.
    With(Outcome),
    /// It is to begin again elsewhere.
    HandBack,
    /// The task is somebody else's.
    LeaseLost,
    /// As the handler has recorded itself.
    Settled,
}

/// Runs one attempt from its claim to its record. `abort` ends it at once, to be handed back.
pub(super) async fn work(store: Store, kind: &Registered, context: TaskContext, abort: CancellationToken) {
    let span = tracing::info_span!("task", kind = kind.name, guid = %context.guid(), attempt = context.attempt());
    async {
        // Before the handler has anything to say.
        let progress = context.watch_progress();
        let job = tokio::spawn(kind.work.run(context.clone(), context.payload()).in_current_span());
        let clock = context.clock().clone();
        let watch = Watch { store: store.clone(), clock, kind, context: context.clone(), progress };
        match watch.until_it_ends(job, abort).await {
            End::LeaseLost => tracing::warn!("the task was taken over; what it does now is refused"),
            End::Settled => {}
            End::HandBack => record(&store, &context, Ending::new(Event::HandBack)).await,
            End::With(outcome) => {
                if let Some(ending) = context.ending_of(outcome) {
                    record(&store, &context, ending).await;
                }
            }
        }
    }
    .instrument(span)
    .await;
}

/// The watch over one attempt.
struct Watch<'a> {
    store: Store,
    clock: Clock,
    kind: &'a Registered,
    context: TaskContext,
    progress: watch::Receiver<Progress>,
}

impl Watch<'_> {
    async fn until_it_ends(mut self, mut job: JoinHandle<Outcome>, abort: CancellationToken) -> End {
        let options = self.kind.options;
        let began = self.clock.now();
        let deadline = began.plus(options.timeout);
        let mut beat = began.plus(options.lease / 3);
        // When the progress may be written next, and when what is new about it will be.
        let (mut quiet_until, mut report) = (began, None);
        // When one that is to be canceled has had its time.
        let mut patience = None;
        let clock = self.clock.clone();
        let cancel = self.context.clone();
        loop {
            tokio::select! {
                biased;
                ended = &mut job => return End::With(ended.unwrap_or_else(|error| fault(&error))),
                () = abort.cancelled() => return dropped(job, End::HandBack).await,
                () = clock.sleep_until(deadline) => {
                    self.context.stop();
                    let error = format!("It took longer than {} and was stopped.", words(options.timeout));
                    return dropped(job, End::With(Outcome::Retry { error })).await;
                }
                () = cancel.canceled(), if patience.is_none() => patience = Some(clock.now().plus(options.cancel_grace)),
                () = sleep(&clock, patience), if patience.is_some() => {
                    return dropped(job, End::With(Outcome::Canceled)).await;
                }
                // An error: the context is gone, and with it whoever could have news.
                changed = self.progress.changed(), if report.is_none() => {
                    report = Some(if changed.is_ok() { quiet_until } else { deadline });
                }
                () = sleep(&clock, report), if report.is_some() => {
                    let now = clock.now();
                    if !self.beat(now).await {
                        return self.taken_over(job).await;
                    }
                    (beat, quiet_until, report) = (now.plus(options.lease / 3), now.plus(PROGRESS_EVERY), None);
                }
                () = clock.sleep_until(beat) => {
                    let now = clock.now();
                    if !self.beat(now).await {
                        return self.taken_over(job).await;
                    }
                    beat = now.plus(options.lease / 3);
                }
            }
        }
    }

    /// Prolongs the lease and writes the progress. False once the task is somebody else's.
    async fn beat(&mut self, now: Timestamp) -> bool {
        let progress = self.progress.borrow_and_update().clone();
        let lease = self.context.lease();
        let (until, queue) = (now.plus(self.kind.options.lease), self.context.queue().clone());
        let written = self
            .store
            .write(move |tx| {
                let task = sql::beat(tx, lease, until, &progress, now)?;
                if let Some(task) = &task {
                    // Also tells the handler to stop, if another process has noted the wish.
                    queue.announce(tx, task);
                }
                Ok::<_, StoreError>(task.is_some())
            })
            .await;
        written.unwrap_or_else(|error| {
            // The lease runs on for two more beats.
            tracing::warn!(%error, "the progress of a task could not be written");
            true
        })
    }

    /// The task is no longer held: the handler has ended it a moment ago, or somebody else has it.
    async fn taken_over(&self, mut job: JoinHandle<Outcome>) -> End {
        if self.context.is_settled() {
            // It has nothing left to do but to return.
            let _ = tokio::time::timeout(LAST_WORDS, &mut job).await;
            job.abort();
            return End::Settled;
        }
        self.context.stop();
        stop(job).await;
        End::LeaseLost
    }
}

/// Stops the handler, which is then said to have come to `end`, unless it came to one of its own in that very moment.
async fn dropped(job: JoinHandle<Outcome>, end: End) -> End {
    stop(job).await.map_or(end, End::With)
}

/// What is said of a handler that panicked.
fn fault(error: &JoinError) -> Outcome {
    // Its message is for the log, not for people.
    tracing::error!(%error, "a task panicked");
    Outcome::retry("It stopped because of a fault in Comptoir; the log says more.")
}

/// Drops the handler at its next await; what it said, if it had ended by then.
async fn stop(mut job: JoinHandle<Outcome>) -> Option<Outcome> {
    job.abort();
    // On the machine's clock: this is about a thread that computes, not about anybody's time.
    tokio::time::timeout(LAST_WORDS, &mut job).await.ok()?.ok()
}

async fn sleep(clock: &Clock, until: Option<Timestamp>) {
    if let Some(until) = until {
        clock.sleep_until(until).await;
    }
}

/// Writes down how the attempt ended. If that fails, the lease runs out and the attempt counts as lost.
async fn record(store: &Store, context: &TaskContext, ending: Ending) {
    if let Some(error) = &ending.error {
        tracing::warn!(error, "an attempt failed");
    }
    for _ in 0..TRIES {
        let (attempt, ending) = (context.clone(), ending.clone());
        match store.write(move |tx| attempt.end_in(tx, &ending)).await {
            Ok(Some(())) => return,
            Ok(None) => return tracing::debug!("the task had ended, or was somebody else's, before this was recorded"),
            Err(error) if error.is_transient() => tracing::warn!(%error, "the end of a task could not be written"),
            Err(error) => return tracing::error!(%error, "the end of a task could not be written"),
        }
    }
}

/// A duration for people.
fn words(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis()),
        seconds if seconds >= 120 && seconds % 60 == 0 => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}
