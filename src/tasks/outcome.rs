//! What a handler may say of an attempt, and which event that is to the task.
//!
//! Must not know: the database, the runtime, the system clock, any domain.

use std::fmt::Display;
use std::time::Duration;

use serde_json::Value;

use crate::tasks::backoff::{Backoff, spread};
use crate::tasks::state::Event;

/// How an attempt ended. Texts are for people: what happened and what they can do, no internals; those go to the log.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The work is done.
    Done(Value),
    /// The attempt failed, another one may not: it comes after the kind's back-off, if there is one left.
    Retry {
        /// Why it failed.
        error: String,
    },
    /// The same, after a delay of the handler's own choice: what a `Retry-After` asked for. Chance spreads it a little.
    RetryIn {
        /// Why it failed.
        error: String,
        /// The delay.
        delay: Duration,
    },
    /// There is nothing to do yet. The attempt does not count.
    Snooze(Duration),
    /// A person has to decide first, on this.
    Feedback(Value),
    /// It failed, and another attempt would too.
    Failed {
        /// Why.
        error: String,
    },
    /// Somebody asked to cancel it, and it stopped.
    Canceled,
    /// Nothing is left to record: only [`TaskContext::finish`] makes this.
    ///
    /// [`TaskContext::finish`]: crate::tasks::TaskContext::finish
    Settled(Settled),
}

impl Outcome {
    /// The work is done and there is nothing to say about it.
    #[must_use]
    pub fn done() -> Self {
        Self::Done(Value::Null)
    }

    /// [`Outcome::Retry`] because of `error`.
    pub fn retry(error: impl Display) -> Self {
        Self::Retry { error: error.to_string() }
    }

    /// [`Outcome::Failed`] because of `error`.
    pub fn failed(error: impl Display) -> Self {
        Self::Failed { error: error.to_string() }
    }
}

/// The proof that the end of the attempt is in the database, or that the task is no longer this worker's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled(pub(super) ());

/// The end of an attempt as the database gets it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ending {
    pub(super) event: Event,
    pub(super) result: Option<Value>,
    pub(super) error: Option<String>,
}

impl Ending {
    pub(super) fn new(event: Event) -> Self {
        Self { event, result: None, error: None }
    }

    pub(super) fn because(event: Event, error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..Self::new(event) }
    }

    /// What `outcome` of attempt number `attempt` means; `None` if it is settled. For `chance` see [`Backoff::delay`].
    pub(super) fn of(outcome: Outcome, attempt: u32, backoff: Backoff, chance: f64) -> Option<Self> {
        Some(match outcome {
            Outcome::Done(result) => Self { result: Some(result), ..Self::new(Event::Done) },
            Outcome::Retry { error } => Self::because(Event::Retry(backoff.delay(attempt, chance)), error),
            Outcome::RetryIn { error, delay } => Self::because(Event::Retry(spread(delay, chance)), error),
            Outcome::Snooze(delay) => Self::new(Event::Snooze(delay)),
            Outcome::Feedback(result) => Self { result: Some(result), ..Self::new(Event::Feedback) },
            Outcome::Failed { error } => Self::because(Event::Failed, error),
            Outcome::Canceled => Self::new(Event::Stopped),
            Outcome::Settled(_) => return None,
        })
    }

    /// The worker of attempt number `attempt` of `of` went away. The first time the task goes on at once, so that a
    /// restart delays nothing; after that it may itself be the reason, and backs off.
    pub(super) fn lost(attempt: u32, of: u32, backoff: Backoff, chance: f64) -> Self {
        let delay = if attempt <= 1 { Duration::ZERO } else { backoff.delay(attempt - 1, chance) };
        let error = if attempt >= of {
            format!(
                "Comptoir stopped or was killed while this task ran, {attempt} of {of} times; it is not tried again."
            )
        } else {
            format!("Comptoir stopped or was killed while this task ran (attempt {attempt} of {of}).")
        };
        Self::because(Event::Lost(delay), error)
    }
}

/// How far a running task has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// 0 to 100.
    pub(super) percent: u8,
    /// What it is doing, for people.
    pub(super) detail: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: Backoff = Backoff::Steps(&[Duration::from_secs(5), Duration::from_mins(5)]);

    #[test]
    fn a_failed_attempt_backs_off_as_its_kind_says_and_a_wish_of_the_handler_outranks_that() {
        let event = |outcome| Ending::of(outcome, 2, STEPS, 0.5).map(|ending| ending.event);
        assert_eq!(event(Outcome::retry("x")), Some(Event::Retry(Duration::from_mins(5))));
        let wish = Outcome::RetryIn { error: "x".into(), delay: Duration::from_secs(42) };
        assert_eq!(event(wish), Some(Event::Retry(Duration::from_secs(42))));
        assert_eq!(event(Outcome::Settled(Settled(()))), None);
    }

    #[test]
    fn the_first_loss_delays_nothing_and_the_last_one_says_so() {
        let lost = |attempt| Ending::lost(attempt, 3, STEPS, 0.5);
        let delays = [1, 2, 3].map(|attempt| lost(attempt).event);
        assert_eq!(delays, [0, 5, 300].map(|seconds| Event::Lost(Duration::from_secs(seconds))));
        assert!(lost(2).error.is_some_and(|text| text.ends_with("(attempt 2 of 3).")));
        assert!(lost(3).error.is_some_and(|text| text.ends_with("3 of 3 times; it is not tried again.")));
    }
}
