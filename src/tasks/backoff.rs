//! How long a failed attempt waits before the next one.
//!
//! Must not know: the database, the runtime, the clock, any domain. Chance comes in as a number.

use std::time::Duration;

/// How far chance moves a delay either way, as a part of it: enough that tasks that failed together come back apart.
const SPREAD: f64 = 0.1;

/// The delays between the attempts of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backoff {
    /// `first` after the first failed attempt, twice as long after each further one, at most `longest`.
    Doubling {
        /// The first delay.
        first: Duration,
        /// No delay is longer, but for the spread.
        longest: Duration,
    },
    /// One delay after another; the last one repeats.
    Steps(&'static [Duration]),
}

impl Default for Backoff {
    /// Five seconds, doubling, an hour at most.
    fn default() -> Self {
        Self::Doubling { first: Duration::from_secs(5), longest: Duration::from_hours(1) }
    }
}

impl Backoff {
    /// The delay after failed attempt number `attempt` (the first is 1). `chance`, from 0 to 1, spreads it by up to a
    /// tenth either way; one half leaves it alone.
    #[must_use]
    pub fn delay(self, attempt: u32, chance: f64) -> Duration {
        let failed = attempt.saturating_sub(1);
        let plain = match self {
            Self::Doubling { first, longest } => {
                2u32.checked_pow(failed).map_or(longest, |times| first.saturating_mul(times)).min(longest)
            }
            Self::Steps(steps) => {
                let last = steps.len().saturating_sub(1);
                let step = usize::try_from(failed).unwrap_or(last).min(last);
                steps.get(step).copied().unwrap_or_default()
            }
        };
        spread(plain, chance)
    }
}

/// `delay`, moved by chance; see [`Backoff::delay`].
#[must_use]
pub fn spread(delay: Duration, chance: f64) -> Duration {
    // Outside these bounds, NaN included, chance has nothing to say.
    let chance = if (0.0..=1.0).contains(&chance) { chance } else { 0.5 };
    Duration::try_from_secs_f64(delay.as_secs_f64() * (1.0 + SPREAD * (2.0 * chance - 1.0))).unwrap_or(delay)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Backoff = Backoff::Doubling { first: Duration::from_mins(1), longest: Duration::from_hours(1) };

    #[test]
    fn delays_double_up_to_the_longest() {
        let seconds = |attempt| MINUTE.delay(attempt, 0.5).as_secs();
        let attempts = [0, 1, 2, 3, 6, 7, 8, u32::MAX];
        assert_eq!(attempts.map(seconds), [60, 60, 120, 240, 1_920, 3_600, 3_600, 3_600]);
    }

    #[test]
    fn steps_are_taken_one_by_one_and_the_last_one_repeats() {
        const DELAYS: &[Duration] = &[Duration::ZERO, Duration::from_secs(5), Duration::from_mins(5)];
        let steps = Backoff::Steps(DELAYS);
        assert_eq!([1, 2, 3, 4, 99].map(|n| steps.delay(n, 0.5).as_secs()), [0, 5, 300, 300, 300]);
        assert_eq!(Backoff::Steps(&[]).delay(1, 0.5), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn chance_moves_a_delay_by_a_tenth_at_most(attempt in 0..100u32, chance in 0.0..=1.0f64) {
            let (plain, moved) = (MINUTE.delay(attempt, 0.5).as_secs_f64(), MINUTE.delay(attempt, chance).as_secs_f64());
            prop_assert!((moved - plain).abs() <= plain * SPREAD + 1e-6, "{plain} {moved}");
        }

        #[test]
        fn no_number_is_too_strange(attempt: u32, chance: f64, first: u64, longest: u64) {
            let (first, longest) = (Duration::from_millis(first), Duration::from_millis(longest));
            let delay = Backoff::Doubling { first, longest }.delay(attempt, chance);
            prop_assert!(delay.as_secs_f64() <= longest.as_secs_f64() * (1.0 + SPREAD) + 1e-3);
        }
    }
}
