//! When an attempt follows a failed one.
//!
//! Pure. Must not know: the database, HTTP, the runtime, the clock.

use std::time::Duration;

use crate::clock::Timestamp;

/// How long each attempt waits after the one before; the first waits for nothing. Together about 31 hours.
pub const DELAYS: [Duration; 8] = [
    Duration::ZERO,
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
];

/// The longest a receiver's `Retry-After` is obeyed.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);

/// The most that jitter adds to a delay: a tenth of it, so that what failed together does not come back together. It
/// never makes a delay shorter.
const JITTER_DIVISOR: u32 = 10;

/// When the next attempt is due after the `made`-th one of a round failed at `now`; `None`: that was the last one.
/// `random` is uniform over all its values. A receiver that asked for a pause gets at least that.
#[must_use]
pub fn next_attempt(made: u32, now: Timestamp, retry_after: Option<Duration>, random: u32) -> Option<Timestamp> {
    let delay = *DELAYS.get(usize::try_from(made).ok()?)?;
    let asked = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
    let base = delay.max(asked);
    let jitter = (base / JITTER_DIVISOR).mul_f64(f64::from(random) / f64::from(u32::MAX));
    Some(now.plus(base + jitter))
}

/// Reads `Retry-After`: whole seconds or an HTTP date (RFC 9110 section 10.2.3), capped. What is neither, or lies in
/// the past, asks for nothing.
#[must_use]
pub fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    let wait = if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits beyond u64 mean "very long".
        Duration::from_secs(header.parse().unwrap_or(u64::MAX))
    } else {
        let at = chrono::DateTime::<chrono::Utc>::from(httpdate::parse_http_date(header).ok()?);
        Timestamp::from(at).since(now)
    };
    (!wait.is_zero()).then(|| wait.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_772_445_600);

    #[test]
    fn attempts_follow_each_other_at_the_published_distances_and_end() {
        let waits: Vec<_> =
            (0..=9).map(|made| next_attempt(made, NOW, None, 0).map(|at| at.since(NOW).as_secs())).collect();
        let hours = |hours: u64| Some(hours * 3600);
        let expected = [Some(0), Some(5), Some(300), Some(1800), hours(2), hours(5), hours(10), hours(14), None, None];
        assert_eq!(waits, expected);
    }

    #[test]
    fn a_receivers_pause_is_kept_when_it_is_longer_and_capped() {
        let wait = |made, asked| {
            next_attempt(made, NOW, Some(Duration::from_secs(asked)), 0).map(|at| at.since(NOW).as_secs())
        };
        assert_eq!(wait(1, 60), Some(60));
        assert_eq!(wait(2, 60), Some(300));
        assert_eq!(wait(1, 10_000_000), Some(24 * 3600));
        assert_eq!(wait(8, 60), None, "the last attempt stays the last");
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        for (text, expected) in [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("0", None),
            ("99999999999999999999999", Some(24 * 3600)),
            ("Mon, 02 Mar 2026 10:01:00 GMT", Some(60)),
            ("Mon, 02 Mar 2026 09:59:00 GMT", None),
            ("Fri, 01 Jan 2100 00:00:00 GMT", Some(24 * 3600)),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(text, NOW), expected.map(Duration::from_secs), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn jitter_adds_at_most_a_tenth(made in 0..8_u32, random: u32, asked in 0..200_000_u64) {
            let base = DELAYS[made as usize].max(Duration::from_secs(asked).min(LONGEST_RETRY_AFTER));
            let wait = next_attempt(made, NOW, Some(Duration::from_secs(asked)), random).expect("not the last").since(NOW);
            prop_assert!(wait >= base && wait <= base + base / 10 + Duration::from_micros(1), "{wait:?} for {base:?}");
        }

        #[test]
        fn no_header_makes_it_panic(text in ".{0,40}") {
            let _ = retry_after(&text, NOW);
        }
    }
}
