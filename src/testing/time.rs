//! The clock under test: set, held, let go, and moved on with everything that becomes due on the way.
//!
//! Must not know: HTTP, any domain.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use uuid::Uuid;

use super::controls::{Controls, ControlsError};
use crate::clock::{Standing, Timestamp};
use crate::store::StoreError;
use crate::tasks::{State, TaskChange, TaskError};

/// So many stops are made on the way at most; then the clock jumps. Work that comes back every minute of a year would
/// otherwise never end.
const MOST_STOPS: u32 = 10_000;

/// How the clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockView {
    /// What it shows.
    pub now: Timestamp,
    /// Whether it stands still.
    pub held: bool,
}

/// What tasks of a kind did while the clock was moved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ran {
    /// How often one was begun.
    pub attempts: u64,
    /// How many were done.
    pub done: u64,
    /// How many failed for good.
    pub failed: u64,
}

/// What came of moving the clock on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advanced {
    /// How the clock stands.
    pub clock: ClockView,
    /// What ran, by kind.
    pub ran: BTreeMap<String, Ran>,
    /// Whether all that became due is done; if not, there was no time left to wait for it.
    pub complete: bool,
}

impl Controls {
    /// How the clock stands.
    #[must_use]
    pub fn clock(&self) -> ClockView {
        let clock = &self.parts().clock;
        ClockView { now: clock.now(), held: matches!(clock.standing(), Some(Standing::Held(_)) | None) }
    }

    /// Puts the clock somewhere, holds it or lets it go. What becomes due by that is done in the background.
    pub async fn set_clock(&self, now: Option<Timestamp>, held: Option<bool>) -> ClockView {
        self.alone(async {
            let clock = &self.parts().clock;
            if let Some(now) = now {
                clock.set(now);
            }
            match (held, clock.standing()) {
                (Some(true), Some(Standing::Going(_))) => clock.stand(Standing::Held(clock.now())),
                (Some(false), Some(Standing::Held(at))) => {
                    // It goes on from where it stood.
                    clock.stand(Standing::Going(0));
                    clock.set(at);
                }
                _ => {}
            }
        })
        .await;
        self.clock()
    }

    /// Moves the clock on by `by`, stopping at each instant at which a task becomes due until what is due then is done, so
    /// that retries, reminders and the like come as they would in that time. Work that merely recurs (upkeep) is done once
    /// at each stop at most. It waits for `patience` at most, on the machine's clock; the clock arrives in any case.
    pub async fn advance(&self, by: Duration, patience: Duration) -> Result<Advanced, ControlsError> {
        self.alone(async {
            let parts = self.parts();
            let target = parts.clock.now().plus(by);
            let mut changes = Changes { source: parts.queue.subscribe(), states: HashMap::new(), ran: BTreeMap::new() };
            let deadline = Instant::now() + patience;
            let mut complete = true;
            // What is due before the clock moves first.
            let mut next = Some(parts.clock.now());
            for stop in 0.. {
                let to = next.unwrap_or(target);
                if to > parts.clock.now() {
                    parts.clock.set(to);
                }
                let left = deadline.saturating_duration_since(Instant::now());
                let settled = tokio::time::timeout(left, parts.runner.run_pending()).await;
                changes.drain();
                let Ok(done) = settled else {
                    complete = false;
                    parts.clock.set(target.max(parts.clock.now()));
                    break;
                };
                done.map_err(unrun)?;
                if next.is_none() {
                    break;
                }
                next = parts.runner.next_due()?.filter(|next| *next < target && stop < MOST_STOPS);
            }
            Ok(Advanced { clock: self.clock(), ran: changes.ran, complete })
        })
        .await
    }
}

fn unrun(error: TaskError) -> ControlsError {
    match error {
        TaskError::Store(error) => error.into(),
        other => StoreError::Io(other.to_string()).into(),
    }
}

/// What is heard of tasks.
struct Changes {
    source: Receiver<TaskChange>,
    /// How each task stood last: one that runs tells of its progress too.
    states: HashMap<Uuid, State>,
    ran: BTreeMap<String, Ran>,
}

impl Changes {
    fn drain(&mut self) {
        loop {
            match self.source.try_recv() {
                Ok(change) => {
                    if self.states.insert(change.guid, change.state) == Some(change.state) {
                        continue;
                    }
                    let ran = self.ran.entry(change.kind).or_default();
                    match change.state {
                        State::Running => ran.attempts += 1,
                        State::Done => ran.done += 1,
                        State::Failed => ran.failed += 1,
                        _ => {}
                    }
                }
                // What was lost is counted no more; what ran has run.
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        self.ran.retain(|_, ran| *ran != Ran::default());
    }
}
