//! Instants as clients write them into a query, and durations as answers write them.
//!
//! Must not know: HTTP, SQL, the system clock, other domains. Source: the account contract, 'Real client' and 'Bounds':
//! `±hh:mm`, `±hhmm`, `Z`, fractions of a second, no offset (then it is the caller's), and a space where a `+` stood that
//! was not escaped; ISO 8601 durations of 3 to 16 characters.

use std::fmt::Write;
use std::time::Duration;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDateTime, TimeZone};

use crate::clock::Timestamp;

/// The rule that a text breaks which is no instant.
pub const RULE: &str = "must be a date and a time, such as 2024-11-21T09:30:00+03:00";

/// Microseconds of a day.
const DAY: i64 = 24 * 3600 * 1_000_000;

/// The instant that `text` names; without an offset of its own it is told at `offset`.
pub fn parse(text: &str, offset: FixedOffset) -> Option<Timestamp> {
    // Written by people or lost on the way: a blank between date and time, a blank for the plus of the offset.
    let mut text = text.to_owned();
    if text.len() > 10 && text.is_char_boundary(10) && text.is_char_boundary(11) && matches!(&text[10..11], " " | "t") {
        text.replace_range(10..11, "T");
    }
    if let Some(at) = text.rfind(' ') {
        text.replace_range(at..=at, "+");
    }
    if text.ends_with(['Z', 'z']) {
        text.truncate(text.len() - 1);
        text.push_str("+00:00");
    }
    let told = DateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f%#z").ok();
    let told = told.or_else(|| {
        let local = NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
        offset.from_local_datetime(&local).single()
    });
    let named: Timestamp = told?.to_utc().into();
    (1..=9999).contains(&named.to_utc().year()).then_some(named)
}

/// When the day that `now` lies in began, where clocks show `offset`.
pub fn day_begins(now: Timestamp, offset: FixedOffset) -> Timestamp {
    let shift = i64::from(offset.local_minus_utc()) * 1_000_000;
    let local = now.as_micros().saturating_add(shift);
    Timestamp::from_micros(local.saturating_sub(local.rem_euclid(DAY)).saturating_sub(shift))
}

/// A duration in ISO 8601, to the millisecond below a day and to the second above: `PT0S`, `PT1H45M`, `PT2.5S`.
pub fn duration(took: Duration) -> String {
    let millis = took.as_millis();
    let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60);
    let fraction = if hours >= 24 { 0 } else { millis % 1000 };
    let mut text = "PT".to_owned();
    // Writing to a String cannot fail.
    if hours > 0 {
        let _ = write!(text, "{hours}H");
    }
    if minutes > 0 {
        let _ = write!(text, "{minutes}M");
    }
    if fraction > 0 {
        let fraction = format!("{fraction:03}");
        let _ = write!(text, "{seconds}.{}S", fraction.trim_end_matches('0'));
    } else if seconds > 0 || text.len() == 2 {
        let _ = write!(text, "{seconds}S");
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audit::model::MAX_DURATION;

    fn read(text: &str, hours: i32) -> Option<i64> {
        let offset = FixedOffset::east_opt(hours * 3600).expect("a real offset");
        parse(text, offset).map(Timestamp::as_micros)
    }

    #[test]
    fn every_spelling_of_an_instant_is_read() {
        let half_past_six = Some(1_732_170_600_000_000);
        for text in [
            "2024-11-21T09:30:00+03:00",
            "2024-11-21T09:30:00 03:00",
            "2024-11-21T09:30:00+0300",
            "2024-11-21T09:30:00 0300",
            "2024-11-21T09:30:00.000000+0300",
            "2024-11-21T09:30:00.000000 0300",
            "2024-11-21 09:30:00+03:00",
            "2024-11-21 09:30:00 03:00",
            "2024-11-21T06:30:00Z",
            "2024-11-21t06:30:00z",
            "2024-11-21T03:30:00-03:00",
            "2024-11-21T03:30:00-0300",
        ] {
            assert_eq!(read(text, 12), half_past_six, "{text}");
        }
        assert_eq!(read("2024-11-21T09:30:00", 3), half_past_six);
        assert_eq!(read("2024-11-21T06:30:00.000", 0), half_past_six);
        assert_eq!(read("2024-11-21T06:30:00.000001Z", 0), Some(1_732_170_600_000_001));
        for text in [
            "",
            "yesterday",
            "2024-11-21",
            "2024-11-31T00:00:00Z",
            "2024-11-21T25:00:00Z",
            "2024-11-21T09:30:00+03:00 03:00",
            "0000-01-01T00:00:00Z",
            "+12024-11-21T09:30:00Z",
            "2024-11-21ї09:30:00Z",
        ] {
            assert_eq!(read(text, 0), None, "{text}");
        }
    }

    #[test]
    fn a_day_begins_where_its_clocks_say() {
        let at = |text| parse(text, FixedOffset::east_opt(0).expect("an offset")).expect(text);
        for (now, hours, begins) in [
            ("2026-03-02T10:00:00Z", 0, "2026-03-02T00:00:00Z"),
            ("2026-03-02T10:00:00Z", 3, "2026-03-01T21:00:00Z"),
            ("2026-03-02T21:00:00Z", 3, "2026-03-02T21:00:00Z"),
            ("2026-03-02T20:59:59.999999Z", 3, "2026-03-01T21:00:00Z"),
            ("2026-03-02T11:59:59Z", -12, "2026-03-01T12:00:00Z"),
            ("2026-03-02T12:00:00Z", -12, "2026-03-02T12:00:00Z"),
            ("2026-02-28T12:00:00Z", 12, "2026-02-28T12:00:00Z"),
        ] {
            let offset = FixedOffset::east_opt(hours * 3600).expect("an offset");
            assert_eq!(day_begins(at(now), offset), at(begins), "{now} at {hours}");
        }
    }

    #[test]
    fn durations_are_written_as_the_contract_shows_them() {
        for (millis, text) in [
            (0, "PT0S"),
            (5, "PT0.005S"),
            (2_500, "PT2.5S"),
            (60_000, "PT1M"),
            (6_300_000, "PT1H45M"),
            (86_399_999, "PT23H59M59.999S"),
            (86_400_001, "PT24H"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
        assert_eq!(duration(MAX_DURATION), "PT277777H46M39S");
    }

    proptest! {
        #[test]
        fn a_duration_has_the_contracts_length(millis in 0..=999_999_999_999_u64) {
            let text = duration(Duration::from_millis(millis));
            prop_assert!((3..=16).contains(&text.len()), "{text}");
        }
    }
}
