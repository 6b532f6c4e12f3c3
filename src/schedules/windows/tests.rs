//! Windows, exceptions and holidays: cases computed by hand, and a walk over every second day that finds the same.

use chrono_tz::Tz;
use chrono_tz::{America, Asia, Europe::Kyiv, Pacific};
use proptest::prelude::*;

use super::*;
use crate::schedules::recurrence::{Frequency, Rule as Repeat, WeekDays};

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn at(text: &str) -> UnixSeconds {
    chrono::DateTime::parse_from_rfc3339(text).expect("an instant").timestamp()
}

fn hours(text: &str) -> Hours {
    let (from, to) = text.split_once('-').expect("two times");
    let time = |text: &str| TimeOfDay::parse(text).expect("a time");
    Hours::new(time(from), time(to)).expect("they differ")
}

fn every_day() -> Repeat {
    Repeat { frequency: Frequency::Daily, interval: 1, count: None, until: None, days: WeekDays::NONE }
}

fn plan(zone: Tz, start: &str, rule: Repeat, of: &str) -> Plan<'static> {
    Plan {
        zone,
        start: day(start),
        recurrence: Recurrence::new(day(start), rule).expect("a rule"),
        hours: hours(of),
        exceptions: &[],
        holidays: &[],
    }
}

#[test]
fn windows_computed_by_hand() {
    for (zone, on, of, opens, closes) in [
        (Kyiv, "2026-03-02", "09:00:00-21:00:00", "2026-03-02T09:00:00+02:00", "2026-03-02T21:00:00+02:00"),
        (Kyiv, "2026-03-02", "00:00:00-23:59:59", "2026-03-02T00:00:00+02:00", "2026-03-02T23:59:59+02:00"),
        // Over midnight, it belongs to the day it opens on.
        (Kyiv, "2026-03-02", "22:00:00-06:00:00", "2026-03-02T22:00:00+02:00", "2026-03-03T06:00:00+02:00"),
        // The night the clocks go forward is an hour shorter, the one they go back an hour longer.
        (Kyiv, "2026-03-28", "22:00:00-06:00:00", "2026-03-28T22:00:00+02:00", "2026-03-29T06:00:00+03:00"),
        (Kyiv, "2026-10-24", "22:00:00-06:00:00", "2026-10-24T22:00:00+03:00", "2026-10-25T06:00:00+02:00"),
        // 03:00 to 03:59:59 is not there, and is there twice.
        (Kyiv, "2026-03-29", "03:30:00-12:00:00", "2026-03-29T04:30:00+03:00", "2026-03-29T12:00:00+03:00"),
        (Kyiv, "2026-03-29", "01:00:00-03:30:00", "2026-03-29T01:00:00+02:00", "2026-03-29T04:30:00+03:00"),
        (Kyiv, "2026-03-29", "03:30:00-04:15:00", "2026-03-29T04:00:00+03:00", "2026-03-29T04:15:00+03:00"),
        (Kyiv, "2026-10-25", "03:30:00-12:00:00", "2026-10-25T03:30:00+03:00", "2026-10-25T12:00:00+02:00"),
        (Kyiv, "2026-10-25", "01:00:00-03:30:00", "2026-10-25T01:00:00+03:00", "2026-10-25T03:30:00+02:00"),
        // Where clocks change at midnight.
        (
            America::Sao_Paulo,
            "2018-11-04",
            "00:00:00-12:00:00",
            "2018-11-04T01:00:00-02:00",
            "2018-11-04T12:00:00-02:00",
        ),
        (Asia::Beirut, "2024-03-30", "20:00:00-00:30:00", "2024-03-30T20:00:00+02:00", "2024-03-31T01:30:00+03:00"),
        // Into the day that was not there.
        (Pacific::Apia, "2011-12-29", "22:00:00-02:00:00", "2011-12-29T22:00:00-10:00", "2011-12-31T02:00:00+14:00"),
    ] {
        let window = Window::on(zone, day(on), hours(of)).expect("there was such a day");
        assert_eq!((window.opens_at, window.closes_at), (at(opens), at(closes)), "{zone} {on} {of}");
    }
    assert_eq!(Window::on(Pacific::Apia, day("2011-12-30"), hours("09:00:00-21:00:00")), None);
}

#[test]
fn equal_times_are_no_window_and_a_night_has_a_length() {
    let time = |text| TimeOfDay::parse(text).expect("a time");
    assert_eq!(Hours::new(time("09:00:00"), time("09:00:00")).expect_err("empty").field, "timeTo");
    assert_eq!(hours("22:00:00-06:00:00").length(), 8 * 3_600);
    assert_eq!(hours("00:00:00-23:59:59").length(), 86_399);
}

#[test]
fn the_nearest_day_is_today_while_its_window_is_open_and_yesterday_while_that_one_is() {
    let plain = plan(Kyiv, "2026-03-01", every_day(), "09:00:00-21:00:00");
    let night = plan(Kyiv, "2026-03-01", every_day(), "22:00:00-02:00:00");
    for (plan, now, expected) in [
        (&plain, "2026-02-01T00:00:00+02:00", "2026-03-01"),
        (&plain, "2026-03-10T05:00:00+02:00", "2026-03-10"),
        (&plain, "2026-03-10T21:00:00+02:00", "2026-03-10"),
        (&plain, "2026-03-10T21:00:01+02:00", "2026-03-11"),
        (&night, "2026-03-10T02:00:00+02:00", "2026-03-09"),
        (&night, "2026-03-10T02:00:01+02:00", "2026-03-10"),
        (&night, "2026-03-10T23:00:00+02:00", "2026-03-10"),
    ] {
        let found = plan.nearest(at(now)).map(|window| window.day);
        assert_eq!(found, Some(day(expected)), "{now}");
    }
    let apia = plan(Pacific::Apia, "2011-12-01", every_day(), "22:00:00-02:00:00");
    assert_eq!(apia.nearest(at("2011-12-31T01:00:00+14:00")).expect("open").day, day("2011-12-29"));
    let apia = plan(Pacific::Apia, "2011-12-01", every_day(), "09:00:00-17:00:00");
    assert_eq!(apia.nearest(at("2011-12-29T18:00:00-10:00")).expect("a window").day, day("2011-12-31"));
    let counted = Repeat { count: Some(2), ..every_day() };
    let apia = plan(Pacific::Apia, "2011-12-29", counted, "09:00:00-17:00:00");
    assert_eq!(apia.end(), Some(day("2011-12-30")), "the day that was not there counts");
    assert_eq!(apia.nearest(at("2011-12-29T18:00:00-10:00")), None);
}

#[test]
fn a_schedule_has_ended_when_its_last_day_and_its_last_window_are_over() {
    let rule = Repeat { count: Some(1), ..every_day() };
    let night = plan(Kyiv, "2026-03-10", rule, "22:00:00-02:00:00");
    let short = plan(Kyiv, "2026-03-10", rule, "09:00:00-10:00:00");
    for (plan, now, ended) in [
        (&night, "2026-03-11T02:00:00+02:00", false),
        (&night, "2026-03-11T02:00:01+02:00", true),
        (&short, "2026-03-10T23:59:59+02:00", false),
        (&short, "2026-03-11T00:00:00+02:00", true),
    ] {
        assert_eq!(plan.has_ended(at(now)), ended, "{now}");
    }
    assert!(!plan(Kyiv, "2026-03-10", every_day(), "09:00:00-10:00:00").has_ended(at("2999-01-01T00:00:00Z")));
}

#[test]
fn exceptions_decide_before_holidays_and_those_before_the_rule() {
    let rule = Repeat { frequency: Frequency::Weekly, days: WeekDays::parse(&[1]).expect("Monday"), ..every_day() };
    let rule = Repeat { until: Some(day("2026-03-30")), ..rule };
    let exceptions = [
        (day("2026-02-20"), Exception::Extra(None)),
        (day("2026-03-09"), Exception::Skip),
        (day("2026-03-11"), Exception::Extra(Some(hours("06:00:00-07:00:00")))),
        (day("2026-03-12"), Exception::Move(hours("06:00:00-07:00:00"))),
        (day("2026-03-16"), Exception::Move(hours("22:00:00-02:00:00"))),
        (day("2026-03-23"), Exception::Extra(None)),
        (day("2026-04-06"), Exception::Extra(None)),
    ];
    let holidays = [(day("2026-03-02"), "Planting day".to_owned()), (day("2026-03-23"), "Spring day".to_owned())];
    let plan =
        Plan { exceptions: &exceptions, holidays: &holidays, ..plan(Kyiv, "2026-03-01", rule, "09:00:00-18:00:00") };
    let says = |text| {
        let decided = plan.on(day(text));
        (decided.reason, decided.window.map(|window| (window.opens_at, window.closes_at)))
    };
    let usual = |text: &str| Some((at(&format!("{text}T09:00:00+02:00")), at(&format!("{text}T18:00:00+02:00"))));
    assert_eq!(says("2026-02-20"), (Reason::NotBegun, None), "nothing happens outside the span");
    assert_eq!(says("2026-03-02"), (Reason::Holiday("Planting day"), None));
    assert_eq!(says("2026-03-03"), (Reason::NoOccurrence, None));
    assert_eq!(says("2026-03-09"), (Reason::Exception(Exception::Skip), None));
    assert_eq!(says("2026-03-11").1, Some((at("2026-03-11T06:00:00+02:00"), at("2026-03-11T07:00:00+02:00"))));
    assert_eq!(says("2026-03-12"), (Reason::NoOccurrence, None), "there is nothing to move");
    assert_eq!(says("2026-03-16").1, Some((at("2026-03-16T22:00:00+02:00"), at("2026-03-17T02:00:00+02:00"))));
    assert_eq!(says("2026-03-23"), (Reason::Exception(Exception::Extra(None)), usual("2026-03-23")));
    assert_eq!(says("2026-04-06"), (Reason::Ended, None));
    let nearest = |now| plan.nearest(at(now)).map(|window| window.day.to_string());
    assert_eq!(nearest("2026-03-01T12:00:00+02:00").as_deref(), Some("2026-03-11"));
    assert_eq!(nearest("2026-03-12T12:00:00+02:00").as_deref(), Some("2026-03-16"));
    assert_eq!(nearest("2026-03-17T01:00:00+02:00").as_deref(), Some("2026-03-16"));
    assert_eq!(nearest("2026-03-24T12:00:00+02:00").as_deref(), Some("2026-03-30"));
    assert_eq!(nearest("2026-03-31T00:00:00+03:00").as_deref(), None, "the extra day lies after the end");
}

#[test]
fn a_reminder_comes_on_days_with_a_window_once_a_day_whatever_the_clocks_do() {
    let plan = plan(Kyiv, "2026-03-27", every_day(), "09:00:00-18:00:00");
    let time = |text| TimeOfDay::parse(text).expect("a time");
    let mut now = at("2026-03-27T12:00:00+02:00");
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (day, next) = plan.next_at(time("03:30:00"), now).expect("every day");
        seen.push((day.to_string(), next));
        now = next;
    }
    let expected = [
        ("2026-03-28".to_owned(), at("2026-03-28T03:30:00+02:00")),
        ("2026-03-29".to_owned(), at("2026-03-29T04:30:00+03:00")),
        ("2026-03-30".to_owned(), at("2026-03-30T03:30:00+03:00")),
    ];
    assert_eq!(seen, expected);
    // In autumn the time comes twice, and the reminder with the first.
    let (day, first) = plan.next_at(time("03:30:00"), at("2026-10-24T12:00:00+03:00")).expect("every day");
    assert_eq!((day.to_string(), first), ("2026-10-25".to_owned(), at("2026-10-25T03:30:00+03:00")));
    assert_eq!(plan.next_at(time("03:30:00"), first).expect("every day").1, at("2026-10-26T03:30:00+02:00"));
}

const ZONES: [Tz; 7] = [
    Kyiv,
    America::Sao_Paulo,
    Asia::Beirut,
    Pacific::Apia,
    America::Havana,
    Asia::Amman,
    chrono_tz::Australia::Lord_Howe,
];

proptest! {
    #[test]
    fn the_nearest_window_is_that_of_a_walk_over_the_days(
        zone in prop::sample::select(&ZONES[..]), start in 0..1_500_i32, ahead in -50..400_i64, into in 0..86_400_i64,
        from in 0..86_400_u32, to in 0..86_400_u32, interval in 1..9_u32, bits in 1..128_u8, is_daily in any::<bool>(),
        count in prop::option::of(1..40_u64), marks in prop::collection::btree_map(0..450_u64, 0..4_u8, 0..30),
    ) {
        prop_assume!(from != to);
        // 2009 to 2013: Samoa skips a day, and everybody here changes clocks.
        let start = NaiveDate::from_num_days_from_ce_opt(733_500 + start).expect("a date");
        let days = WeekDays::of_bits(if is_daily { 0 } else { bits });
        let frequency = if is_daily { Frequency::Daily } else { Frequency::Weekly };
        let rule = Repeat { frequency, interval, count, until: None, days };
        let time = |seconds| TimeOfDay::of_seconds(seconds).expect("within a day");
        let of = Hours::new(time(from), time(to)).expect("they differ");
        let moved = Hours::new(time(3_600), time(7_200)).expect("they differ");
        let (mut exceptions, mut holidays) = (Vec::new(), Vec::new());
        for (ahead, what) in marks {
            let day = start + chrono::Days::new(ahead);
            match what {
                0 => exceptions.push((day, Exception::Skip)),
                1 => exceptions.push((day, Exception::Extra(None))),
                2 => exceptions.push((day, Exception::Move(moved))),
                _ => holidays.push((day, "a holiday".to_owned())),
            }
        }
        let plan = Plan {
            zone, start, recurrence: Recurrence::new(start, rule).expect("a rule"), hours: of,
            exceptions: &exceptions, holidays: &holidays,
        };
        let now = civil::start_of(zone, start) + ahead * 86_400 + into;
        let last = plan.end().unwrap_or(start + chrono::Days::new(600)).max(start);
        let walked = start.iter_days().take_while(|day| *day <= last)
            .filter_map(|day| plan.on(day).window)
            .find(|window| window.closes_at >= now);
        prop_assert_eq!(plan.nearest(now), walked);
        if let Some(window) = walked {
            prop_assert!(window.opens_at <= window.closes_at);
        }
    }
}
