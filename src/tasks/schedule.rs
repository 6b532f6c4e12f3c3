//! When periodic work is due.
//!
//! Must not know: the database, the runtime, the system clock, any domain.

use std::time::Duration;

use crate::clock::Timestamp;

const DAY: i64 = 24 * 3_600 * 1_000_000;

/// How often periodic work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Again and again with this much between, counted from the instant the last one was due or, if the server was
    /// down then, from the instant it was made up for.
    Every(Duration),
    /// Once a day, this long after midnight UTC.
    DailyAt(Duration),
}

impl Schedule {
    /// The first instant after `now` at which the work is due, if it was last done at `now`.
    #[must_use]
    pub fn next_after(self, now: Timestamp) -> Timestamp {
        match self {
            // Of zero length it would be due for ever.
            Self::Every(period) => now.plus(period.max(Duration::from_millis(1))),
            Self::DailyAt(time) => {
                let into_day = i64::try_from(time.as_micros()).unwrap_or(0).rem_euclid(DAY);
                let midnight = now.as_micros() - now.as_micros().rem_euclid(DAY);
                let today = midnight.saturating_add(into_day);
                Timestamp::from_micros(if today > now.as_micros() { today } else { today.saturating_add(DAY) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        chrono::DateTime::parse_from_rfc3339(text).expect("an instant").to_utc().into()
    }

    #[test]
    fn a_daily_time_is_the_next_one_in_the_future() {
        let three = Schedule::DailyAt(Duration::from_hours(3));
        let table = [
            ("2026-11-22T02:59:59.999999Z", "2026-11-22T03:00:00Z"),
            ("2026-11-22T03:00:00Z", "2026-11-23T03:00:00Z"),
            ("2026-12-31T23:00:00Z", "2027-01-01T03:00:00Z"),
            ("1969-12-31T01:00:00Z", "1969-12-31T03:00:00Z"),
        ];
        for (now, next) in table {
            assert_eq!(three.next_after(at(now)), at(next), "after {now}");
        }
    }

    proptest! {
        #[test]
        fn the_next_time_lies_in_the_future_and_no_further_than_a_period(
            now in -10 * DAY..100_000 * DAY, length in 0..2 * 24 * 3_600u64
        ) {
            let (now, length) = (Timestamp::from_micros(now), Duration::from_secs(length));
            for (schedule, period) in [(Schedule::Every(length), length), (Schedule::DailyAt(length), Duration::from_hours(24))] {
                let next = schedule.next_after(now);
                prop_assert!(next > now);
                prop_assert!(next.since(now) <= period.max(Duration::from_millis(1)));
            }
        }
    }
}
