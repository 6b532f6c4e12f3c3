//! The states of a task and every way from one to another, as drawn in the documentation of [`super`].
//!
//! Must not know: the database, the runtime, the system clock, any domain.

use std::fmt;
use std::time::Duration;

/// Where a task is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Not begun, or to be begun again, once its time has come.
    Waiting,
    /// A worker has it.
    Running,
    /// A person has to say something first.
    Feedback,
    /// Ended well.
    Done,
    /// Ended badly: the error says why.
    Failed,
    /// Ended because somebody asked for it.
    Canceled,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Waiting, Self::Running, Self::Feedback, Self::Done, Self::Failed, Self::Canceled];

    /// The word for it in the database and in the house API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Feedback => "feedback",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// The state of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing more will happen by itself.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Canceled)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What decides which way a task goes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Where it is.
    pub state: State,
    /// How many attempts were begun since it was queued, answered or retried by hand, less those handed back.
    pub attempts: u32,
    /// How many attempts it has.
    pub max_attempts: u32,
    /// Whether somebody asked to cancel it.
    pub cancel_requested: bool,
}

/// What happens to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A worker takes it. Uses an attempt.
    #[cfg_attr(not(test), expect(dead_code, reason = "`sql::claim` is this one, for many tasks in one statement"))]
    Claim,
    /// The worker is done.
    Done,
    /// The worker says that trying again is of no use.
    Failed,
    /// The attempt failed; the next one, if there is one, comes after this delay.
    Retry(Duration),
    /// The worker has nothing to do before this delay is over. The attempt does not count.
    Snooze(Duration),
    /// The worker needs a person's word.
    Feedback,
    /// The worker stopped because somebody had asked for it.
    Stopped,
    /// The server stops: the attempt does not count.
    HandBack,
    /// The worker went away without a word, with its process or without. The next attempt comes after this delay.
    Lost(Duration),
    /// Somebody asks to cancel it.
    Cancel,
    /// A person answers.
    Resume,
    /// A person wants it tried again.
    RetryByHand,
}

/// Where an event leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// What the task is like afterwards.
    pub to: Standing,
    /// For a task that waits: how long from now.
    pub delay: Duration,
}

impl Standing {
    /// Where `event` leads, or `None` if it cannot happen here.
    #[must_use]
    pub fn after(self, event: Event) -> Option<Transition> {
        use State::{Canceled, Done, Failed, Feedback, Running, Waiting};
        let is_last = self.attempts >= self.max_attempts;
        let begun = Self { attempts: self.attempts.saturating_sub(1), ..self };
        let afresh = Self { attempts: 0, cancel_requested: false, ..self };
        let (to, state, delay) = match (self.state, event) {
            (Waiting, Event::Claim) => {
                (Self { attempts: self.attempts.saturating_add(1), ..self }, Running, Duration::ZERO)
            }
            // Work that is done is done, asked for or not.
            (Running, Event::Done) => (self, Done, Duration::ZERO),
            (Running, Event::Failed) => (self, Failed, Duration::ZERO),
            (Running, Event::Stopped) => (self, Canceled, Duration::ZERO),
            // Whatever would bring the task back does not, once somebody wants it to end.
            (Running, Event::Retry(_) | Event::Snooze(_) | Event::Feedback | Event::HandBack | Event::Lost(_))
                if self.cancel_requested =>
            {
                (self, Canceled, Duration::ZERO)
            }
            (Running, Event::Retry(_) | Event::Lost(_)) if is_last => (self, Failed, Duration::ZERO),
            (Running, Event::Retry(delay) | Event::Lost(delay)) => (self, Waiting, delay),
            (Running, Event::Snooze(delay)) => (begun, Waiting, delay),
            (Running, Event::HandBack) => (begun, Waiting, Duration::ZERO),
            (Running, Event::Feedback) => (self, Feedback, Duration::ZERO),
            (Waiting | Feedback, Event::Cancel) => (Self { cancel_requested: true, ..self }, Canceled, Duration::ZERO),
            // Its worker sees the wish and ends it.
            (Running, Event::Cancel) => (Self { cancel_requested: true, ..self }, Running, Duration::ZERO),
            (Feedback, Event::Resume) | (Failed | Canceled, Event::RetryByHand) => (afresh, Waiting, Duration::ZERO),
            _ => return None,
        };
        Some(Transition { to: Self { state, ..to }, delay })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SOON: Duration = Duration::from_secs(7);
    const EVENTS: [Event; 12] = [
        Event::Claim,
        Event::Done,
        Event::Failed,
        Event::Retry(SOON),
        Event::Snooze(SOON),
        Event::Feedback,
        Event::Stopped,
        Event::HandBack,
        Event::Lost(SOON),
        Event::Cancel,
        Event::Resume,
        Event::RetryByHand,
    ];

    /// `event` to a task in `state` on its attempt 2 of 3: the state, attempts, seconds and wish to cancel afterwards.
    fn after(state: State, event: Event) -> Option<(State, u32, u64, bool)> {
        let standing = Standing { state, attempts: 2, max_attempts: 3, cancel_requested: false };
        let next = standing.after(event)?;
        Some((next.to.state, next.to.attempts, next.delay.as_secs(), next.to.cancel_requested))
    }

    #[test]
    fn every_arrow_of_the_diagram_and_no_other() {
        use State::{Canceled, Done, Failed, Feedback, Running, Waiting};
        let arrows = [
            (Waiting, Event::Claim, (Running, 3, 0, false)),
            (Waiting, Event::Cancel, (Canceled, 2, 0, true)),
            (Running, Event::Done, (Done, 2, 0, false)),
            (Running, Event::Failed, (Failed, 2, 0, false)),
            (Running, Event::Retry(SOON), (Waiting, 2, 7, false)),
            (Running, Event::Snooze(SOON), (Waiting, 1, 7, false)),
            (Running, Event::Feedback, (Feedback, 2, 0, false)),
            (Running, Event::Stopped, (Canceled, 2, 0, false)),
            (Running, Event::HandBack, (Waiting, 1, 0, false)),
            (Running, Event::Lost(SOON), (Waiting, 2, 7, false)),
            (Running, Event::Cancel, (Running, 2, 0, true)),
            (Feedback, Event::Resume, (Waiting, 0, 0, false)),
            (Feedback, Event::Cancel, (Canceled, 2, 0, true)),
            (Failed, Event::RetryByHand, (Waiting, 0, 0, false)),
            (Canceled, Event::RetryByHand, (Waiting, 0, 0, false)),
        ];
        for state in State::ALL {
            for event in EVENTS {
                let drawn = arrows.iter().find(|arrow| (arrow.0, arrow.1) == (state, event)).map(|arrow| arrow.2);
                assert_eq!(after(state, event), drawn, "{state} {event:?}");
            }
        }
    }

    #[test]
    fn the_last_attempt_fails_for_good_and_a_wish_to_cancel_outweighs_coming_back() {
        let last = Standing { state: State::Running, attempts: 3, max_attempts: 3, cancel_requested: false };
        let wanted = Standing { cancel_requested: true, ..last };
        let state = |standing: Standing, event| standing.after(event).expect("an arrow").to.state;
        for event in [Event::Retry(SOON), Event::Lost(SOON)] {
            assert_eq!(state(last, event), State::Failed, "{event:?}");
        }
        for event in [Event::Snooze(SOON), Event::HandBack] {
            assert_eq!(state(last, event), State::Waiting, "{event:?}");
        }
        for event in [Event::Retry(SOON), Event::Lost(SOON), Event::Snooze(SOON), Event::HandBack, Event::Feedback] {
            assert_eq!(state(wanted, event), State::Canceled, "{event:?}");
        }
        assert_eq!(state(wanted, Event::Done), State::Done);
        assert_eq!(state(wanted, Event::Failed), State::Failed);
    }

    #[test]
    fn words_are_read_back() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
        assert_eq!(State::parse("paused"), None);
    }

    proptest! {
        /// Whatever happens to it by itself, a task that fails or takes its process down each time comes to an end.
        #[test]
        fn no_task_fails_for_ever(max in 1..20u32, losses in proptest::collection::vec(any::<bool>(), 25)) {
            let mut task = Standing { state: State::Waiting, attempts: 0, max_attempts: max, cancel_requested: false };
            let mut begun = 0;
            for lost in losses {
                let Some(claimed) = task.after(Event::Claim) else { break };
                begun += 1;
                let event = if lost { Event::Lost(SOON) } else { Event::Retry(SOON) };
                task = claimed.to.after(event).expect("a running task may fail").to;
            }
            prop_assert_eq!(task.state, State::Failed);
            prop_assert_eq!(begun, max);
        }

        /// An ended task stays as it is until a person asks for it.
        #[test]
        fn only_a_person_wakes_an_ended_task(attempts in 0..5u32, wanted: bool, index in 0..EVENTS.len()) {
            for state in [State::Done, State::Failed, State::Canceled] {
                let task = Standing { state, attempts, max_attempts: 3, cancel_requested: wanted };
                if task.after(EVENTS[index]).is_some() {
                    prop_assert_eq!(EVENTS[index], Event::RetryByHand);
                }
            }
        }
    }
}
