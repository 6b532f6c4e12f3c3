//! Calendars beside an independent expansion: what the `rrule` crate makes of RRULE, EXDATE and RDATE, with the overrides
//! applied, is what the plan says, day by day.

use std::collections::BTreeMap;

use chrono_tz::{Europe::Kyiv, Pacific};
use proptest::prelude::*;

use super::*;
use crate::schedules::civil::TimeOfDay;
use crate::schedules::recurrence::{Recurrence, Rule, WeekDays};
use crate::schedules::windows::{Exception, Hours};

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn hours(text: &str) -> Hours {
    let (from, to) = text.split_once('-').expect("two times");
    let time = |text: &str| TimeOfDay::parse(text).expect("a time");
    Hours::new(time(from), time(to)).expect("they differ")
}

fn event(plan: Plan<'_>) -> Event<'_> {
    Event {
        uid: "schedule-1-1@test".into(),
        sequence: 3,
        changed_at: Timestamp::from_unix_seconds(1_772_445_600),
        summary: "Замовлення: весна; усе, що є".into(),
        description: "one\\two\nthree".into(),
        from: plan.start,
        plan,
    }
}

fn weekly(zone: Tz, start: &str, of: &str) -> Plan<'static> {
    let days = WeekDays::parse(&[1, 2, 4, 6]).expect("weekdays");
    let rule = Rule { frequency: Frequency::Weekly, interval: 1, count: Some(50), until: None, days };
    Plan {
        zone,
        start: day(start),
        recurrence: Recurrence::new(day(start), rule).expect("a rule"),
        hours: hours(of),
        exceptions: &[],
        holidays: &[],
    }
}

/// Content lines without their folds.
fn unfolded(text: &str) -> Vec<String> {
    assert!(text.ends_with("\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']));
    for line in text.split("\r\n") {
        assert!(line.len() <= 75, "{} octets: {line}", line.len());
    }
    text.replace("\r\n ", "").split("\r\n").filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_vendors_example_as_a_calendar() {
    let text = calendar("Test6", &[event(weekly(Kyiv, "2025-10-27", "09:00:00-21:00:00"))], day("2025-10-01"));
    let lines = unfolded(&text);
    let from = lines.iter().position(|line| line == "BEGIN:VEVENT").expect("an event");
    let expected = [
        "BEGIN:VEVENT",
        "UID:schedule-1-1@test",
        "DTSTAMP:20260302T100000Z",
        "LAST-MODIFIED:20260302T100000Z",
        "SEQUENCE:3",
        "DTSTART;TZID=Europe/Kyiv:20251027T090000",
        "DURATION:PT12H",
        "RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,TU,TH,SA;WKST=MO;UNTIL=20260120T070000Z",
        "SUMMARY:Замовлення: весна\\; усе\\, що є",
        "DESCRIPTION:one\\\\two\\nthree",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
    ];
    assert_eq!(lines[from..], expected);
    let zone: Vec<_> = lines
        .iter()
        .skip_while(|line| *line != "BEGIN:VTIMEZONE")
        .take_while(|line| *line != "END:VTIMEZONE")
        .collect();
    for line in ["TZID:Europe/Kyiv", "TZOFFSETTO:+0300", "TZOFFSETTO:+0200", "RDATE:20260329T030000", "TZNAME:EEST"] {
        assert!(zone.iter().any(|known| *known == line), "{line} in {zone:?}");
    }
}

#[test]
fn long_lines_are_folded_between_characters() {
    let mut long = event(weekly(Kyiv, "2025-10-27", "09:00:00-21:00:00"));
    long.summary = "ї".repeat(200);
    let text = calendar("x", &[long], day("2025-10-01"));
    assert!(unfolded(&text).iter().any(|line| *line == format!("SUMMARY:{}", "ї".repeat(200))));
}

fn stamp(text: &str) -> UnixSeconds {
    NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").expect("an instant").and_utc().timestamp()
}

fn wall(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").expect("a local time")
}

/// The windows of one schedule as a client sees them, by what they begin with; it leaves out what its clock never showed.
fn expanded(text: &str, zone: Tz) -> BTreeMap<UnixSeconds, UnixSeconds> {
    let lines = unfolded(text);
    let mut found = BTreeMap::new();
    let mut replaced = Vec::new();
    let mut recurring = Vec::new();
    for event in lines.split(|line| line == "BEGIN:VEVENT").skip(1) {
        let values: Vec<(&str, &str)> = event.iter().filter_map(|line| line.split_once(':')).collect();
        let get = |name: &str| {
            values.iter().find(|(known, _)| known.split(';').next() == Some(name)).map(|(_, value)| *value)
        };
        let all = |name: &str| {
            let named = values.iter().filter(|(known, _)| known.split(';').next() == Some(name));
            named.map(|(_, value)| wall(value)).collect::<Vec<_>>()
        };
        if let Some(rule) = get("RRULE") {
            recurring.push((
                rule.to_owned(),
                wall(get("DTSTART").expect("a start")),
                get("DURATION").expect("a length").to_owned(),
                all("EXDATE"),
                all("RDATE"),
            ));
            continue;
        }
        if let Some(instance) = get("RECURRENCE-ID") {
            replaced.push(wall(instance));
        }
        found.insert(stamp(get("DTSTART").expect("a start")), stamp(get("DTEND").expect("an end")));
    }
    for (rule, start, length, gone, added) in recurring {
        // On the clock's face: what the peer makes of a time that was skipped is another matter.
        let until = rule.split(";UNTIL=").nth(1).map(|until| {
            let at = DateTime::from_timestamp(stamp(until), 0).expect("an instant").with_timezone(&zone);
            at.naive_local().format("%Y%m%dT%H%M%SZ").to_string()
        });
        let rule = rule.split(";UNTIL=").next().expect("a rule").to_owned();
        let rule = until.map_or(rule.clone(), |until| format!("{rule};UNTIL={until}"));
        let set: rrule::RRuleSet =
            format!("DTSTART:{}Z\nRRULE:{rule}", start.format("%Y%m%dT%H%M%S")).parse().expect("the peer reads it");
        let times =
            set.all(2_000).dates.into_iter().map(|at| at.naive_utc()).filter(|at| !gone.contains(at)).chain(added);
        let seconds = seconds_of(&length);
        for time in times.filter(|time| !replaced.contains(time)) {
            if let Some(at) = zone.from_local_datetime(&time).earliest() {
                found.insert(at.timestamp(), at.timestamp() + seconds);
            }
        }
    }
    found
}

fn seconds_of(duration: &str) -> i64 {
    let (mut total, mut number) = (0, 0);
    for character in duration.trim_start_matches("PT").chars() {
        match character {
            'H' => total += std::mem::take(&mut number) * 3_600,
            'M' => total += std::mem::take(&mut number) * 60,
            'S' => total += std::mem::take(&mut number),
            digit => number = number * 10 + i64::from(digit.to_digit(10).expect("a digit")),
        }
    }
    total
}

proptest! {
    #[test]
    fn a_client_sees_the_windows_that_the_plan_has(
        zone in prop::sample::select(&[Kyiv, Pacific::Apia, chrono_tz::America::Sao_Paulo, chrono_tz::Asia::Beirut][..]),
        start in 0..900_i32, interval in 1..4_u32, bits in 1..128_u8, is_daily in any::<bool>(), count in 1..120_u64,
        from in 0..86_400_u32, to in 0..86_400_u32,
        marks in prop::collection::btree_map(0..250_u64, 0..5_u8, 0..20),
    ) {
        prop_assume!(from != to);
        let start = NaiveDate::from_num_days_from_ce_opt(733_900 + start).expect("a date");
        let time = |seconds| TimeOfDay::of_seconds(seconds).expect("within a day");
        let moved = Hours::new(time(3_600), time(7_200)).expect("they differ");
        let (mut exceptions, mut holidays) = (Vec::new(), Vec::new());
        for (ahead, what) in marks {
            let day = start + Days::new(ahead);
            match what {
                0 => exceptions.push((day, Exception::Skip)),
                1 => exceptions.push((day, Exception::Extra(None))),
                2 => exceptions.push((day, Exception::Extra(Some(moved)))),
                3 => exceptions.push((day, Exception::Move(moved))),
                _ => holidays.push((day, "a holiday".to_owned())),
            }
        }
        let days = WeekDays::of_bits(if is_daily { 0 } else { bits });
        let frequency = if is_daily { Frequency::Daily } else { Frequency::Weekly };
        let rule = Rule { frequency, interval, count: Some(count), until: None, days };
        let plan = Plan {
            zone, start, recurrence: Recurrence::new(start, rule).expect("a rule"),
            hours: Hours::new(time(from), time(to)).expect("they differ"),
            exceptions: &exceptions, holidays: &holidays,
        };
        let last = plan.end().expect("it ends");
        let windows: BTreeMap<_, _> = start.iter_days().take_while(|day| *day <= last)
            .filter_map(|day| plan.on(day).window).map(|window| (window.opens_at, window.closes_at)).collect();
        let text = calendar("x", &[event(plan)], start);
        prop_assert_eq!(expanded(&text, zone), windows, "{}", text);
    }
}
