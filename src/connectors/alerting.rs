//! When an alert is on: what a rule says of a series' newest value, with hysteresis, and when the clock has to look.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock.

use crate::connectors::model::{Key, Name, Rule, UnixSeconds};

/// The longest silence a rule can wait for: 366 days.
const LONGEST_SILENCE: i64 = 366 * 86_400;

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Condition {
    /// A number above `threshold`; it ends at `clear` or below.
    Above {
        /// Where it starts.
        threshold: f64,
        /// Where it ends: not above the threshold.
        clear: f64,
    },
    /// A number below `threshold`; it ends at `clear` or above.
    Below {
        /// Where it starts.
        threshold: f64,
        /// Where it ends: not below the threshold.
        clear: f64,
    },
    /// No value with an instant of the last so many seconds.
    NoData {
        /// How many.
        silence: i64,
    },
}

impl Condition {
    /// Above a threshold; without `clear` it ends where it starts.
    pub fn above(threshold: f64, clear: Option<f64>) -> Result<Self, Rule> {
        let clear = clear.unwrap_or(threshold);
        finite(threshold, clear)?;
        if clear > threshold {
            return Err(Rule("must not lie above the threshold".into()));
        }
        Ok(Self::Above { threshold, clear })
    }

    /// Below a threshold; without `clear` it ends where it starts.
    pub fn below(threshold: f64, clear: Option<f64>) -> Result<Self, Rule> {
        let clear = clear.unwrap_or(threshold);
        finite(threshold, clear)?;
        if clear < threshold {
            return Err(Rule("must not lie below the threshold".into()));
        }
        Ok(Self::Below { threshold, clear })
    }

    /// Silence of so many seconds.
    pub fn no_data(silence: i64) -> Result<Self, Rule> {
        if !(60..=LONGEST_SILENCE).contains(&silence) {
            return Err(Rule("must be from 1 minute to 366 days".into()));
        }
        Ok(Self::NoData { silence })
    }

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Above { .. } => "above",
            Self::Below { .. } => "below",
            Self::NoData { .. } => "no_data",
        }
    }

    /// Whether the alert is on when `newest` is the series' newest value by timestamp, having been `on` before.
    #[must_use]
    pub fn is_on(self, on: bool, newest: Newest, now: UnixSeconds) -> bool {
        match (self, newest.number) {
            (Self::Above { threshold, clear }, Some(number)) => {
                if on {
                    number > clear
                } else {
                    number > threshold
                }
            }
            (Self::Below { threshold, clear }, Some(number)) => {
                if on {
                    number < clear
                } else {
                    number < threshold
                }
            }
            // What is no number says nothing about a threshold.
            (Self::Above { .. } | Self::Below { .. }, None) => on,
            (Self::NoData { silence }, _) => newest.at.saturating_add(silence) <= now,
        }
    }

    /// When the clock has to look next, the alert being `on` or not; `None`: only a value can change anything.
    #[must_use]
    pub fn look_at(self, on: bool, newest: Newest) -> Option<UnixSeconds> {
        match self {
            Self::NoData { silence } if !on => Some(newest.at.saturating_add(silence)),
            _ => None,
        }
    }
}

fn finite(threshold: f64, clear: f64) -> Result<(), Rule> {
    if threshold.is_finite() && clear.is_finite() { Ok(()) } else { Err(Rule("must be a number".into())) }
}

/// The newest value of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Newest {
    /// Its instant.
    pub at: UnixSeconds,
    /// Its number, if it is one.
    pub number: Option<f64>,
}

/// Which merchants a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Any of them, and none.
    Any,
    /// Values of no merchant.
    None,
    /// This one, by its row key.
    One(i64),
}

/// A rule as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// What people call it.
    pub name: Name,
    /// The key it looks at.
    pub key: Key,
    /// Only this system, by its row key.
    pub system: Option<i64>,
    /// Only this merchant.
    pub merchant: Whose,
    /// What starts and ends an alert.
    pub condition: Condition,
    /// Whether it is looked at.
    pub enabled: bool,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn newest(number: f64) -> Newest {
        Newest { at: 0, number: Some(number) }
    }

    /// What becomes of an alert with these numbers, one after the other.
    fn course(condition: Condition, numbers: &[f64]) -> Vec<bool> {
        let mut on = false;
        numbers
            .iter()
            .map(|number| {
                on = condition.is_on(on, newest(*number), 0);
                on
            })
            .collect()
    }

    #[test]
    fn between_the_two_bounds_an_alert_stays_as_it_is() {
        let above = Condition::above(50.0, Some(40.0)).expect("bounds");
        assert_eq!(
            course(above, &[50.0, 50.1, 45.0, 40.1, 40.0, 45.0, 50.0, 51.0]),
            [false, true, true, true, false, false, false, true]
        );
        let below = Condition::below(10.0, Some(20.0)).expect("bounds");
        assert_eq!(course(below, &[10.0, 9.0, 15.0, 19.9, 20.0, 15.0]), [false, true, true, true, false, false]);
        let plain = Condition::above(5.0, None).expect("bounds");
        assert_eq!(course(plain, &[5.0, 6.0, 5.0]), [false, true, false]);
    }

    #[test]
    fn what_is_no_number_changes_nothing() {
        let above = Condition::above(5.0, None).expect("bounds");
        for on in [false, true] {
            assert_eq!(above.is_on(on, Newest { at: 0, number: None }, 0), on);
        }
    }

    #[test]
    fn silence_is_counted_from_the_newest_value() {
        let silent = Condition::no_data(600).expect("a silence");
        let newest = Newest { at: 1_000, number: None };
        assert!(!silent.is_on(false, newest, 1_599));
        assert!(silent.is_on(false, newest, 1_600));
        assert_eq!((silent.look_at(false, newest), silent.look_at(true, newest)), (Some(1_600), None));
        // A value that is itself too old ends no silence.
        assert!(silent.is_on(true, Newest { at: 1_100, number: None }, 1_700));
        assert!(!silent.is_on(true, Newest { at: 1_101, number: None }, 1_700));
    }

    #[test]
    fn bounds_that_make_no_sense_are_refused() {
        assert!(Condition::above(5.0, Some(6.0)).is_err());
        assert!(Condition::below(5.0, Some(4.0)).is_err());
        assert!(Condition::above(f64::NAN, None).is_err());
        assert!(Condition::below(5.0, Some(f64::INFINITY)).is_err());
        assert!(Condition::no_data(59).is_err() && Condition::no_data(LONGEST_SILENCE + 1).is_err());
    }

    proptest! {
        #[test]
        fn an_alert_never_ends_where_it_would_start(threshold in -100.0..100.0_f64, width in 0.0..50.0_f64, number in -200.0..200.0_f64) {
            let above = Condition::above(threshold, Some(threshold - width)).expect("bounds");
            let below = Condition::below(threshold, Some(threshold + width)).expect("bounds");
            for condition in [above, below] {
                if condition.is_on(false, newest(number), 0) {
                    prop_assert!(condition.is_on(true, newest(number), 0));
                }
            }
        }
    }
}
