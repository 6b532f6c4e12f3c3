//! The rule beside two others: a plain walk from day to day, and the `rrule` crate where both mean the same.

use proptest::prelude::*;

use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn rule(frequency: Frequency, interval: u32, days: &[i64]) -> Rule {
    Rule { frequency, interval, count: None, until: None, days: WeekDays::parse(days).expect("weekdays") }
}

fn weekly(interval: u32, days: &[i64]) -> Rule {
    rule(Frequency::Weekly, interval, days)
}

fn daily(interval: u32) -> Rule {
    rule(Frequency::Daily, interval, &[])
}

fn made(start: &str, rule: Rule) -> Recurrence {
    Recurrence::new(day(start), rule).expect("a rule that holds")
}

/// The days of a rule by its definition, one after the other, up to `horizon`.
fn walked(start: NaiveDate, rule: &Rule, horizon: NaiveDate) -> Vec<NaiveDate> {
    let monday = |day: NaiveDate| day - chrono::Days::new(day.weekday().num_days_from_monday().into());
    let mut found = Vec::new();
    for day in start.iter_days().take_while(|day| *day <= horizon) {
        if rule.until.is_some_and(|until| day > until) || rule.count.is_some_and(|count| found.len() as u64 >= count) {
            break;
        }
        let interval = i64::from(rule.interval);
        let fits = match rule.frequency {
            Frequency::Daily => {
                (day - start).num_days() % interval == 0 && (rule.days.is_empty() || rule.days.has(day.weekday()))
            }
            Frequency::Weekly => {
                let weeks = (monday(day) - monday(start)).num_days() / 7;
                weeks % interval == 0 && rule.days.has(day.weekday())
            }
        };
        if fits {
            found.push(day);
        }
    }
    found
}

#[test]
fn the_vendors_own_example_ends_when_the_vendor_says() {
    let made = made("2025-10-27", Rule { count: Some(50), ..weekly(1, &[1, 2, 4, 6]) });
    assert_eq!(made.first(), day("2025-10-27"));
    assert_eq!(made.last(), Some(day("2026-01-20")));
    assert_eq!(made.count(), Some(50));
}

#[test]
fn days_computed_by_hand() {
    let table: &[(&str, Rule, &[&str])] = &[
        // Every other week over a year end: the weeks of 22 December and 5 January.
        (
            "2025-12-22",
            weekly(2, &[1, 5]),
            &["2025-12-22", "2025-12-26", "2026-01-05", "2026-01-09", "2026-01-19", "2026-01-23"],
        ),
        // Days of the first week before the start do not occur; the weeks are counted from its Monday all the same.
        ("2026-03-05", weekly(2, &[1, 4]), &["2026-03-05", "2026-03-16", "2026-03-19", "2026-03-30"]),
        // None is left in the first week.
        ("2026-03-06", weekly(2, &[1, 4]), &["2026-03-16", "2026-03-19", "2026-03-30"]),
        // 29 February, and a year without one.
        ("2024-02-28", daily(1), &["2024-02-28", "2024-02-29", "2024-03-01"]),
        ("2025-02-27", daily(2), &["2025-02-27", "2025-03-01", "2025-03-03"]),
        ("2024-02-29", daily(366), &["2024-02-29", "2025-03-01", "2026-03-02"]),
        // Every third day, if it is a Sunday.
        ("2026-03-01", rule(Frequency::Daily, 3, &[7]), &["2026-03-01", "2026-03-22", "2026-04-12"]),
        ("2026-03-02", rule(Frequency::Daily, 14, &[1]), &["2026-03-02", "2026-03-16"]),
        ("2026-01-31", daily(30), &["2026-01-31", "2026-03-02", "2026-04-01"]),
    ];
    for (start, rule, days) in table {
        let made = made(start, *rule);
        for (n, expected) in (0..).zip(*days) {
            assert_eq!(made.nth(n), Some(day(expected)), "{start} {rule:?} {n}");
        }
    }
}

#[test]
fn the_earlier_of_count_and_until_ends_it_and_until_is_included() {
    let until = |text| Some(day(text));
    for (rule, last, count) in [
        (Rule { until: until("2026-03-09"), ..weekly(1, &[1]) }, "2026-03-09", 2),
        (Rule { until: until("2026-03-15"), ..weekly(1, &[1]) }, "2026-03-09", 2),
        (Rule { until: until("2026-03-15"), count: Some(9), ..weekly(1, &[1]) }, "2026-03-09", 2),
        (Rule { until: until("2026-03-15"), count: Some(1), ..weekly(1, &[1]) }, "2026-03-02", 1),
    ] {
        let made = made("2026-03-02", rule);
        assert_eq!((made.last(), made.count()), (Some(day(last)), Some(count)), "{rule:?}");
        assert_eq!(made.nth(count), None);
        assert_eq!(made.next_on_or_after(day("2026-06-01")), None);
    }
    let endless = made("2026-03-02", weekly(1, &[1]));
    assert_eq!((endless.last(), endless.count()), (None, None));
    let once = Recurrence::once(day("2026-03-02"));
    assert_eq!((once.first(), once.last(), once.count()), (day("2026-03-02"), Some(day("2026-03-02")), Some(1)));
    assert_eq!(once.next_on_or_after(day("2026-03-03")), None);
    assert_eq!(once.next_on_or_after(day("1999-01-01")), Some(day("2026-03-02")));
}

#[test]
fn a_rule_that_cannot_be_is_refused_by_the_field_at_fault() {
    for (start, rule, field) in [
        ("2026-03-02", weekly(1, &[]), "recurrenceRule.byDay"),
        ("2026-03-02", weekly(0, &[1]), "recurrenceRule.interval"),
        ("2026-03-02", Rule { count: Some(0), ..daily(1) }, "recurrenceRule.count"),
        ("2026-03-02", Rule { until: Some(day("2026-03-01")), ..daily(1) }, "recurrenceRule.dateUntil"),
        // Tuesday comes after the end.
        ("2026-03-02", Rule { until: Some(day("2026-03-02")), ..weekly(1, &[2]) }, "recurrenceRule"),
        // Sunday was before, and the next week of the rule is in a year that is not.
        ("2026-03-02", rule(Frequency::Daily, 7, &[2]), "recurrenceRule"),
        ("9999-12-31", weekly(1, &[1]), "recurrenceRule"),
        ("2026-03-06", weekly(u32::MAX, &[1]), "recurrenceRule"),
        ("2026-03-02", Rule { count: Some(u64::MAX), ..daily(1) }, "recurrenceRule.count"),
        ("2026-03-02", Rule { count: Some(2), ..daily(u32::MAX) }, "recurrenceRule.count"),
    ] {
        let refused = Recurrence::new(day(start), rule).expect_err(field);
        assert_eq!(refused.field, field, "{rule:?}: {refused:?}");
    }
    assert!(WeekDays::parse(&[0]).is_err() && WeekDays::parse(&[8]).is_err() && WeekDays::parse(&[-1]).is_err());
}

#[test]
fn the_last_days_of_the_calendar_are_days_like_others() {
    let made = made("9999-12-30", daily(1));
    assert_eq!(made.nth(1), Some(LAST_DAY));
    assert_eq!(made.nth(2), None);
    assert_eq!(made.nth(u64::MAX), None);
    assert_eq!(made.between(day("9999-12-01"), LAST_DAY).count(), 2);
}

#[test]
fn a_rule_of_long_ago_is_no_more_work_than_one_of_today() {
    // A walk of three million days, two thousand times, would not come back.
    let made = made("0001-01-01", Rule { count: Some(3_000_000), ..daily(1) });
    for _ in 0..1_000 {
        assert_eq!(made.last(), day("0001-01-01").checked_add_days(chrono::Days::new(2_999_999)));
        assert_eq!(made.next_on_or_after(day("8000-01-01")), Some(day("8000-01-01")));
    }
}

fn rules() -> impl Strategy<Value = (NaiveDate, Rule)> {
    let parts =
        (0..4_000_i32, any::<bool>(), 1..20_u32, prop::option::of(1..60_u64), prop::option::of(0..500_i32), 0..128_u8);
    parts.prop_map(|(start, is_daily, interval, count, until, days)| {
        let start = NaiveDate::from_num_days_from_ce_opt(737_000 + start).expect("a date");
        let frequency = if is_daily { Frequency::Daily } else { Frequency::Weekly };
        let until = until.map(|until| start + chrono::Days::new(until.unsigned_abs().into()));
        // Half of the daily ones have no days of the week.
        let days = if is_daily && days % 2 == 0 { WeekDays::NONE } else { WeekDays::of_bits(days) };
        (start, Rule { frequency, interval, count, until, days })
    })
}

proptest! {
    #[test]
    fn every_answer_is_that_of_a_walk_from_day_to_day((start, rule) in rules(), from in -30..1_500_i64) {
        let horizon = start + chrono::Days::new(5_000);
        let walked = walked(start, &rule, horizon);
        let made = match Recurrence::new(start, rule) {
            Ok(made) => made,
            Err(refused) => {
                prop_assert!(walked.is_empty(), "{refused:?} though there are {walked:?}");
                return Ok(());
            }
        };
        prop_assert_eq!(made.first(), walked[0]);
        for (n, expected) in (0..).zip(&walked) {
            prop_assert_eq!(made.nth(n), Some(*expected));
        }
        let ends = rule.count.is_some() || rule.until.is_some();
        if ends && (rule.count.is_none_or(|count| walked.len() as u64 == count) || rule.until.is_some()) {
            prop_assert_eq!(made.last(), walked.last().copied());
            prop_assert_eq!(made.count(), Some(walked.len() as u64));
        } else if !ends {
            prop_assert_eq!(made.last(), None);
        }
        let from = start + chrono::TimeDelta::days(from);
        let next = walked.iter().find(|day| **day >= from);
        prop_assert_eq!(made.next_on_or_after(from), next.copied());
        prop_assert_eq!(made.occurs_on(from), walked.contains(&from));
        let to = from + chrono::Days::new(31);
        let month: Vec<_> = walked.iter().filter(|day| (from..=to).contains(*day)).copied().collect();
        prop_assert_eq!(made.between(from, to).collect::<Vec<_>>(), month);
    }

    #[test]
    fn every_occurrence_is_that_of_the_rrule_crate((start, rule) in rules()) {
        use rrule::{Frequency as Peers, NWeekday, RRule, Tz, Weekday as Day};
        const DAYS: [Day; 7] = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];
        let Ok(made) = Recurrence::new(start, rule) else { return Ok(()) };
        let midnight = |day: NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_local_timezone(Tz::UTC).unwrap();
        let frequency = if rule.frequency == Frequency::Daily { Peers::Daily } else { Peers::Weekly };
        let days = rule.days.numbers().map(|number| NWeekday::Every(DAYS[usize::from(number) - 1])).collect();
        let mut peer = RRule::new(frequency).interval(rule.interval.try_into().expect("small")).week_start(Day::Mon);
        peer = peer.by_weekday(days);
        if let Some(count) = rule.count {
            peer = peer.count(count.try_into().expect("small"));
        }
        if let Some(until) = rule.until {
            peer = peer.until(midnight(until));
        }
        let peer = peer.build(midnight(start)).expect("a rule of the peer");
        let theirs: Vec<_> = peer.all(60).dates.iter().map(chrono::DateTime::date_naive).collect();
        let ours: Vec<_> = (0..60).map_while(|n| made.nth(n)).collect();
        prop_assert_eq!(ours, theirs);
    }
}
