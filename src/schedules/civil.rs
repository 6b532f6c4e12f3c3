//! Civil days and times of day in a time zone, and the instants they are: with clocks that go forward or back, at
//! midnight too, and with days that a zone skipped.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock. Instants are Unix seconds, as in the
//! contract. Sources: contracts/schedules.md, 'Schedule'; RFC 5545, section 3.3.5, for times that do not exist.

use std::fmt;

use chrono::offset::LocalResult;
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use chrono_tz::Tz;

use crate::auth::model::Rule;

/// Seconds since 1970-01-01T00:00:00Z.
pub type UnixSeconds = i64;

/// The last day of the calendar: the contract knows no year beyond 9999.
pub const LAST_DAY: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).expect("a date");

/// Further than any zone was ever away from UTC.
const WIDEST_OFFSET: i64 = 26 * 3_600;

/// A time of day to the second, 00:00:00 to 23:59:59.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay(u32);

impl TimeOfDay {
    /// Midnight.
    pub const MIDNIGHT: Self = Self(0);

    /// Reads `HH:MM:SS`.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let refused = || Rule("must be a time from 00:00:00 to 23:59:59, written HH:MM:SS".into());
        let bytes = text.as_bytes();
        let shaped = bytes.len() == 8
            && bytes.iter().enumerate().all(
                |(at, byte)| {
                    if at % 3 == 2 { *byte == b':' } else { byte.is_ascii_digit() }
                },
            );
        if !shaped {
            return Err(refused());
        }
        let part = |at: usize| u32::from(bytes[at] - b'0') * 10 + u32::from(bytes[at + 1] - b'0');
        let (hours, minutes, seconds) = (part(0), part(3), part(6));
        if hours > 23 || minutes > 59 || seconds > 59 {
            return Err(refused());
        }
        Ok(Self(hours * 3_600 + minutes * 60 + seconds))
    }

    /// The time this many seconds after midnight, if it is one.
    #[must_use]
    pub fn of_seconds(seconds: u32) -> Option<Self> {
        (seconds < 86_400).then_some(Self(seconds))
    }

    /// Seconds after midnight.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }

    fn on(self, day: NaiveDate) -> NaiveDateTime {
        let time = NaiveTime::from_num_seconds_from_midnight_opt(self.0, 0).expect("checked when it was made");
        day.and_time(time)
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:{:02}", self.0 / 3_600, self.0 / 60 % 60, self.0 % 60)
    }
}

/// The civil day in `zone` at an instant; `None` beyond the calendar.
#[must_use]
pub fn day_of(zone: Tz, at: UnixSeconds) -> Option<NaiveDate> {
    let day = DateTime::from_timestamp(at, 0)?.with_timezone(&zone).date_naive();
    (1..=9999).contains(&day.year()).then_some(day)
}

/// The first instant at which the civil day in `zone` is `day` or, if the zone skipped that day, a later one.
#[must_use]
pub fn start_of(zone: Tz, day: NaiveDate) -> UnixSeconds {
    match local(zone, TimeOfDay::MIDNIGHT.on(day)) {
        Local::Once(at) | Local::Twice(at, _) => at,
        Local::Never { clocks_change, .. } => clocks_change,
    }
}

/// Whether there was such a day in `zone`: Samoa went from 29 to 31 December 2011.
#[must_use]
pub fn exists(zone: Tz, day: NaiveDate) -> bool {
    match local(zone, TimeOfDay::MIDNIGHT.on(day)) {
        Local::Once(_) | Local::Twice(..) => true,
        Local::Never { clocks_change, .. } => day_of(zone, clocks_change) == Some(day),
    }
}

/// The instant of a time of day: one that the clocks skip moves forward by as much as they do (RFC 5545, section 3.3.5),
/// of one that comes twice the first.
#[must_use]
pub fn first_at(zone: Tz, day: NaiveDate, time: TimeOfDay) -> UnixSeconds {
    match local(zone, time.on(day)) {
        Local::Once(at) | Local::Twice(at, _) | Local::Never { moved: at, .. } => at,
    }
}

/// The same, of a time that comes twice the last.
#[must_use]
pub fn last_at(zone: Tz, day: NaiveDate, time: TimeOfDay) -> UnixSeconds {
    match local(zone, time.on(day)) {
        Local::Once(at) | Local::Twice(_, at) | Local::Never { moved: at, .. } => at,
    }
}

/// When the clocks skipped this time of day, the instant at which they did.
#[must_use]
pub fn skipped_at(zone: Tz, day: NaiveDate, time: TimeOfDay) -> Option<UnixSeconds> {
    match local(zone, time.on(day)) {
        Local::Never { clocks_change, .. } => Some(clocks_change),
        Local::Once(_) | Local::Twice(..) => None,
    }
}

/// How far the clocks of `zone` are ahead of UTC at an instant, in seconds.
#[must_use]
pub fn offset_at(zone: Tz, at: UnixSeconds) -> i64 {
    let utc = DateTime::from_timestamp(at, 0).unwrap_or(DateTime::UNIX_EPOCH).naive_utc();
    zone.offset_from_utc_datetime(&utc).fix().local_minus_utc().into()
}

/// The day after; the calendar ends, and so does this.
#[must_use]
pub fn after(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX)
}

/// The day `days` before.
#[must_use]
pub fn before(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN)
}

/// What a local time is in a zone.
enum Local {
    Once(UnixSeconds),
    /// The clocks went back: the first and the last of the two.
    Twice(UnixSeconds, UnixSeconds),
    /// The clocks went forward over it.
    Never {
        /// The time by the clocks as they were before.
        moved: UnixSeconds,
        /// When they went forward.
        clocks_change: UnixSeconds,
    },
}

fn local(zone: Tz, time: NaiveDateTime) -> Local {
    let shown = time.and_utc().timestamp();
    let instant = |offset: chrono::FixedOffset| shown - i64::from(offset.local_minus_utc());
    match zone.offset_from_local_datetime(&time) {
        LocalResult::Single(offset) => Local::Once(instant(offset.fix())),
        LocalResult::Ambiguous(one, other) => {
            let (one, other) = (instant(one.fix()), instant(other.fix()));
            Local::Twice(one.min(other), one.max(other))
        }
        LocalResult::None => {
            // What the clocks show jumps from before `shown` to after it somewhere in between.
            let (mut before, mut after) = (shown - WIDEST_OFFSET, shown + WIDEST_OFFSET);
            while after - before > 1 {
                let middle = before + (after - before) / 2;
                if middle + offset_at(zone, middle) < shown {
                    before = middle;
                } else {
                    after = middle;
                }
            }
            Local::Never { moved: shown - offset_at(zone, before), clocks_change: after }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America, Asia, Europe, Pacific};
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn time(text: &str) -> TimeOfDay {
        TimeOfDay::parse(text).expect("a time")
    }

    fn utc(text: &str) -> UnixSeconds {
        DateTime::parse_from_rfc3339(text).expect("an instant").timestamp()
    }

    #[test]
    fn times_are_read_to_the_second_and_nothing_else_is() {
        for good in ["00:00:00", "09:30:15", "23:59:59"] {
            assert_eq!(time(good).to_string(), good);
        }
        for bad in [
            "",
            "9:00:00",
            "09:00",
            "24:00:00",
            "23:60:00",
            "23:59:60",
            "09:00:00Z",
            "٠٩:00:00",
            "-1:00:00",
            "09-00-00",
        ] {
            assert!(TimeOfDay::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_that_the_clocks_skip_moves_forward_and_one_that_comes_twice_is_both() {
        // Kyiv, 29 March 2026: 03:00 becomes 04:00. 25 October 2026: 04:00 becomes 03:00.
        let (spring, autumn) = (day("2026-03-29"), day("2026-10-25"));
        let gap = first_at(Europe::Kyiv, spring, time("03:30:00"));
        assert_eq!(gap, utc("2026-03-29T04:30:00+03:00"));
        assert_eq!(last_at(Europe::Kyiv, spring, time("03:30:00")), gap);
        assert_eq!(skipped_at(Europe::Kyiv, spring, time("03:30:00")), Some(utc("2026-03-29T04:00:00+03:00")));
        assert_eq!(skipped_at(Europe::Kyiv, spring, time("02:59:59")), None);
        assert_eq!(skipped_at(Europe::Kyiv, spring, time("04:00:00")), None);
        assert_eq!(first_at(Europe::Kyiv, autumn, time("03:30:00")), utc("2026-10-25T03:30:00+03:00"));
        assert_eq!(last_at(Europe::Kyiv, autumn, time("03:30:00")), utc("2026-10-25T03:30:00+02:00"));
    }

    #[test]
    fn a_day_whose_midnight_is_skipped_begins_when_the_clocks_have_changed() {
        // São Paulo went forward at midnight until 2018, Beirut still does.
        for (zone, on, begins) in [
            (America::Sao_Paulo, "2018-11-04", "2018-11-04T01:00:00-02:00"),
            (Asia::Beirut, "2024-03-31", "2024-03-31T01:00:00+03:00"),
        ] {
            assert_eq!(start_of(zone, day(on)), utc(begins));
            assert!(exists(zone, day(on)));
            assert_eq!(day_of(zone, utc(begins)), Some(day(on)));
            assert_eq!(day_of(zone, utc(begins) - 1), Some(before(day(on), 1)));
        }
        // Havana goes back at 01:00, so that midnight comes twice: the day begins with the first.
        assert_eq!(start_of(America::Havana, day("2024-11-03")), utc("2024-11-03T00:00:00-04:00"));
    }

    #[test]
    fn a_day_that_a_zone_skipped_is_not_there() {
        assert!(!exists(Pacific::Apia, day("2011-12-30")));
        for there in ["2011-12-29", "2011-12-31"] {
            assert!(exists(Pacific::Apia, day(there)));
        }
        assert_eq!(start_of(Pacific::Apia, day("2011-12-30")), start_of(Pacific::Apia, day("2011-12-31")));
        // 02:00 of the day that was not there, by the clocks before it.
        assert_eq!(first_at(Pacific::Apia, day("2011-12-30"), time("02:00:00")), utc("2011-12-31T02:00:00+14:00"));
    }

    #[test]
    fn the_calendar_ends_with_the_year_9999() {
        assert_eq!(day_of(Europe::Kyiv, utc("9999-12-31T21:59:59Z")), Some(LAST_DAY));
        assert_eq!(day_of(Europe::Kyiv, utc("9999-12-31T22:00:00Z")), None);
        assert_eq!(day_of(Europe::Kyiv, i64::MAX), None);
        assert_eq!(day_of(Europe::Kyiv, i64::MIN), None);
    }

    proptest! {
        #[test]
        fn every_instant_lies_in_its_own_day_and_days_follow_each_other(at in 0_i64..4_000_000_000, which in 0_usize..600) {
            let zone = chrono_tz::TZ_VARIANTS[which % chrono_tz::TZ_VARIANTS.len()];
            let today = day_of(zone, at).expect("within the calendar");
            prop_assert!(exists(zone, today));
            prop_assert!(start_of(zone, today) <= at);
            prop_assert!(at < start_of(zone, after(today)));
            prop_assert_eq!(day_of(zone, start_of(zone, today)), Some(today));
        }

        #[test]
        fn a_time_that_was_shown_is_found_again(at in 0_i64..4_000_000_000, which in 0_usize..600) {
            let zone = chrono_tz::TZ_VARIANTS[which % chrono_tz::TZ_VARIANTS.len()];
            let shown = DateTime::from_timestamp(at, 0).expect("an instant").with_timezone(&zone).naive_local();
            let time = TimeOfDay::parse(&shown.format("%H:%M:%S").to_string()).expect("a time");
            let (first, last) = (first_at(zone, shown.date(), time), last_at(zone, shown.date(), time));
            prop_assert!(first <= last);
            prop_assert!(at == first || at == last);
            prop_assert_eq!(skipped_at(zone, shown.date(), time), None);
        }
    }
}
