//! Dates and times as connectors write them: ISO 8601 in its extended and its basic form, and Unix seconds.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock. Source: contracts/connectors.md, 'datetime'.
//! A time without an offset is UTC: whose local time it would be, nobody says.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime};

use crate::clock::Timestamp;
use crate::connectors::model::{LAST_SECOND, Rule, UnixSeconds};
use crate::connectors::value::{Figure, Number};

/// 2000-01-01: what lies between it and now is a plausible instant.
const PLAUSIBLE_FROM: UnixSeconds = 946_684_800;

/// The instant that ISO 8601 text names.
#[must_use]
pub fn of_text(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let (date, rest) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let date = day(date)?;
    let (time, offset) = rest.map_or(Some((NaiveTime::MIN, 0)), clock)?;
    let micros = NaiveDateTime::new(date, time).and_utc().timestamp_micros();
    let at = Timestamp::from_micros(micros.checked_sub(offset * 60 * 1_000_000)?);
    within_the_calendar(at)
}

/// The instant that Unix seconds name, to the microsecond.
#[must_use]
pub fn of_number(number: &Number) -> Option<Timestamp> {
    match number.figure {
        Figure::Int(seconds) => within_the_calendar(Timestamp::from_unix_seconds(seconds)),
        Figure::Real(seconds) => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "within the calendar, so within 53 bits of microseconds"
            )]
            let micros = (-1e11..3e11).contains(&seconds).then(|| (seconds * 1e6).round() as i64)?;
            within_the_calendar(Timestamp::from_micros(micros))
        }
    }
}

fn within_the_calendar(at: Timestamp) -> Option<Timestamp> {
    (at.as_unix_seconds() <= LAST_SECOND && (1..=9999).contains(&at.to_utc().year())).then_some(at)
}

/// `YYYY-MM-DD` or `YYYYMMDD`.
fn day(text: &str) -> Option<NaiveDate> {
    let digits = match text.len() {
        10 if text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-' => text.replace('-', ""),
        8 => text.to_owned(),
        _ => return None,
    };
    if digits.len() != 8 || !digits.is_ascii() {
        return None;
    }
    let year = i32::try_from(number(&digits[..4])?).ok()?;
    NaiveDate::from_ymd_opt(year, number(&digits[4..6])?, number(&digits[6..])?)
}

/// A time of day and, in minutes east of UTC, its offset.
fn clock(text: &str) -> Option<(NaiveTime, i64)> {
    let end = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (time, offset) = text.split_at(end);
    let offset = match offset {
        "" | "Z" | "z" => 0,
        _ => {
            let (sign, rest) = offset.split_at(1);
            let digits =
                if rest.len() == 5 && rest.as_bytes()[2] == b':' { rest.replace(':', "") } else { rest.to_owned() };
            let (hours, minutes) = match digits.len() {
                2 => (number(&digits)?, 0),
                4 => (number(digits.get(..2)?)?, number(digits.get(2..)?)?),
                _ => return None,
            };
            let minutes = (hours <= 23 && minutes <= 59).then_some(i64::from(hours * 60 + minutes))?;
            if sign == "-" { -minutes } else { minutes }
        }
    };
    // RFC 3339 has a full stop, ISO 8601 a comma too.
    let (whole, fraction) = match time.find(['.', ',']) {
        Some(at) => (&time[..at], Some(&time[at + 1..])),
        None => (time, None),
    };
    let digits = match whole.len() {
        5 | 8 if whole.split(':').all(|part| part.len() == 2) => whole.replace(':', ""),
        4 | 6 => whole.to_owned(),
        _ => return None,
    };
    let (hours, minutes) = (number(digits.get(..2)?)?, number(digits.get(2..4)?)?);
    let seconds = digits.get(4..).filter(|seconds| !seconds.is_empty()).map_or(Some(0), number)?;
    let micros = match fraction {
        None => 0,
        // A fraction of a minute is nothing anybody writes.
        Some(fraction) if digits.len() == 6 && (1..=9).contains(&fraction.len()) => {
            number(fraction)? * 10_u32.pow(9 - u32::try_from(fraction.len()).ok()?) / 1_000
        }
        Some(_) => return None,
    };
    // A leap second is the second after it.
    let leap = u32::from(seconds == 60);
    let time = NaiveTime::from_hms_micro_opt(hours, minutes, seconds - leap, micros + leap * 1_000_000)?;
    Some((time, offset))
}

fn number(digits: &str) -> Option<u32> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Checks a request's `timestamp` at `now`; it may be `skew` seconds ahead.
pub fn check(at: UnixSeconds, now: UnixSeconds, skew: i64) -> Result<(), Rule> {
    if at < 0 {
        return Err(Rule("must not be negative: it is in Unix seconds".into()));
    }
    let latest = now.saturating_add(skew);
    if at <= latest && at <= LAST_SECOND {
        return Ok(());
    }
    for (parts, unit) in [(1_000, "milliseconds"), (1_000_000, "microseconds")] {
        let seconds = at / parts;
        if (PLAUSIBLE_FROM..=latest).contains(&seconds) {
            return Err(Rule(format!("must be in Unix seconds, and looks like {unit}: send {seconds}")));
        }
    }
    Err(Rule(format!(
        "lies in the future: it is {at}, the server's clock shows {now}, and {skew} seconds are let pass"
    )))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        of_text(text).map(Timestamp::as_unix_seconds)
    }

    #[test]
    fn iso_8601_is_read_in_both_forms() {
        let expected = Some(1_654_055_585);
        for text in [
            "2022-06-01T03:53:05Z",
            "2022-06-01T03:53:05",
            "2022-06-01 03:53:05",
            "2022-06-01t03:53:05z",
            "2022-06-01T06:53:05+03:00",
            "2022-06-01T06:53:05+0300",
            "2022-06-01T06:53:05+03",
            "2022-05-31T22:23:05-05:30",
            "20220601T035305Z",
            "20220601T035305",
            "20220601T065305+0300",
            " 2022-06-01T03:53:05.999Z ",
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
        assert_eq!(seconds("2022-06-01"), Some(1_654_041_600));
        assert_eq!(seconds("2022-06-01T03:53Z"), Some(1_654_055_580));
        assert_eq!(seconds("2016-12-31T23:59:60Z"), seconds("2017-01-01T00:00:00Z"));
        let micros = |text: &str| of_text(text).expect("an instant").as_micros() % 1_000_000;
        assert_eq!((micros("2022-06-01T03:53:05.25Z"), micros("2022-06-01T03:53:05,000001Z")), (250_000, 1));
        assert_eq!(micros("2022-06-01T03:53:05.123456789Z"), 123_456);
    }

    #[test]
    fn what_is_no_instant_is_none() {
        for text in [
            "",
            "yesterday",
            "2022-02-30",
            "2022-6-1",
            "2022-06-01T25:00:00Z",
            "2022-06-01T03:60:00Z",
            "2022-06-01T03:53:05+24:00",
            "2022-06-01T03:53:05 UTC",
            "2022-06-01T3:53:05Z",
            "2022-06-01T03:53.5Z",
            "2022-06-01T",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-01:00",
            "٢٠٢٢-06-01",
            "2022-06-01T03:53:05.Z",
            "01.06.2022 03:53:05",
            "1654055585",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn a_timestamp_is_in_seconds_and_not_far_ahead() {
        let now = 1_772_445_600;
        for good in [0, 1_654_055_585, now, now + 3_600] {
            assert_eq!(check(good, now, 3_600), Ok(()), "{good}");
        }
        for (bad, why) in [
            (-1, "negative"),
            (i64::MIN, "negative"),
            (now + 3_601, "in the future"),
            (1_654_055_585_000, "milliseconds: send 1654055585"),
            (1_654_055_585_000_000, "microseconds: send 1654055585"),
            (i64::MAX, "in the future"),
            (now * 2, "in the future"),
        ] {
            let rule = check(bad, now, 3_600).expect_err(why).0;
            assert!(rule.contains(why), "{rule}");
        }
        assert!(check(LAST_SECOND + 1, LAST_SECOND, i64::MAX).is_err());
    }

    proptest! {
        #[test]
        fn no_text_brings_it_down(text in any::<String>()) {
            let _ = of_text(&text);
        }

        #[test]
        fn what_chrono_writes_is_read(at in 0..LAST_SECOND, minutes in -720_i32..=840) {
            let offset = chrono::FixedOffset::east_opt(minutes * 60).expect("an offset");
            let text = Timestamp::from_unix_seconds(at).to_utc().with_timezone(&offset).to_rfc3339();
            if text.len() == 25 && !text.starts_with('+') {
                prop_assert_eq!(seconds(&text), Some(at), "{}", text);
            }
        }

        #[test]
        fn no_text_that_looks_like_one_brings_it_down(text in r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}[T ]?[0-9:.,+Zя-]{0,20}") {
            let _ = of_text(&text);
        }
    }
}
