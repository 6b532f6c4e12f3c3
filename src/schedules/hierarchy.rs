//! Which of a producer's schedules decides for a distributor: an individual one before a general one.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock. Source: contracts/schedules.md, 'Operations':
//! an individual schedule wins over a general one even if it has not begun, and ended ones are not relevant. What that
//! says of today is said here of any day, so that a month has the days on which orders may really be sent.

use chrono::NaiveDate;

use crate::schedules::civil::{self, UnixSeconds};
use crate::schedules::windows::{Plan, Window};

/// The schedules of one producer that may concern one distributor, each kind in the order of its spans, which do not
/// overlap. `T` is whatever goes with a plan.
#[derive(Debug, Clone)]
pub struct Lineup<'a, T> {
    /// Those that name the distributor.
    pub individual: Vec<(T, Plan<'a>)>,
    /// Those for everybody.
    pub general: Vec<(T, Plan<'a>)>,
}

fn not_over<'l, 'a, T>(plans: &'l [(T, Plan<'a>)], day: NaiveDate) -> Option<&'l (T, Plan<'a>)> {
    // They end in the order they begin.
    let first = plans.partition_point(|(_, plan)| plan.end().is_some_and(|end| end < day));
    plans.get(first)
}

impl<'a, T> Lineup<'a, T> {
    /// The schedule that decides about a day; it need not have begun. `None`: all have ended by then.
    #[must_use]
    pub fn deciding(&self, day: NaiveDate) -> Option<&(T, Plan<'a>)> {
        not_over(&self.individual, day).or_else(|| not_over(&self.general, day))
    }

    /// The schedule that is relevant at an instant: one whose last window is still open has not ended.
    #[must_use]
    pub fn relevant(&self, at: UnixSeconds) -> Option<&(T, Plan<'a>)> {
        let mut all = self.individual.iter().chain(&self.general);
        all.find(|(_, plan)| !plan.has_ended(at))
    }

    /// The last day on which an individual schedule decides; `None` of the outer kind: there is no individual one, of
    /// the inner: the last of them does not end.
    #[must_use]
    pub fn individual_until(&self) -> Option<Option<NaiveDate>> {
        self.individual.last().map(|(_, plan)| plan.end())
    }

    /// The window that is open at `at`, with its schedule.
    #[must_use]
    pub fn open(&self, at: UnixSeconds) -> Option<(&(T, Plan<'a>), Window)> {
        let (_, any) = self.individual.first().or(self.general.first())?;
        let today = civil::day_of(any.zone, at)?;
        let days = [today, civil::before(today, 1), civil::before(today, 2)];
        days.into_iter().find_map(|day| {
            let deciding = self.deciding(day)?;
            let window = deciding.1.on(day).window.filter(|window| window.holds(at))?;
            Some((deciding, window))
        })
    }

    /// The first window that is open at `at` or opens later, with its schedule.
    #[must_use]
    pub fn nearest(&self, at: UnixSeconds) -> Option<(&(T, Plan<'a>), Window)> {
        let near = |found: &'_ [(T, Plan<'a>)], from: Option<NaiveDate>| {
            found.iter().enumerate().find_map(|(place, (_, plan))| {
                plan.nearest_from(at, from.unwrap_or(plan.start)).map(|window| (place, window))
            })
        };
        if let Some((place, window)) = near(&self.individual, None) {
            return Some((&self.individual[place], window));
        }
        let from = match self.individual_until() {
            Some(None) => return None,
            Some(Some(end)) => Some(civil::after(end)),
            None => None,
        };
        near(&self.general, from).map(|(place, window)| (&self.general[place], window))
    }

    /// The days from `from` to `to` on which orders may be sent.
    #[must_use]
    pub fn days(&self, from: NaiveDate, to: NaiveDate) -> Vec<NaiveDate> {
        from.iter_days()
            .take_while(|day| *day <= to)
            .filter(|day| self.deciding(*day).is_some_and(|(_, plan)| plan.on(*day).window.is_some()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Kyiv;

    use super::*;
    use crate::schedules::civil::TimeOfDay;
    use crate::schedules::recurrence::{Frequency, Recurrence, Rule, WeekDays};
    use crate::schedules::windows::Hours;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn at(text: &str) -> UnixSeconds {
        chrono::DateTime::parse_from_rfc3339(text).expect("an instant").timestamp()
    }

    fn daily(start: &str, until: Option<&str>, from: &str, to: &str) -> Plan<'static> {
        let rule =
            Rule { frequency: Frequency::Daily, interval: 1, count: None, until: until.map(day), days: WeekDays::NONE };
        let time = |text| TimeOfDay::parse(text).expect("a time");
        Plan {
            zone: Kyiv,
            start: day(start),
            recurrence: Recurrence::new(day(start), rule).expect("a rule"),
            hours: Hours::new(time(from), time(to)).expect("hours"),
            exceptions: &[],
            holidays: &[],
        }
    }

    fn lineup() -> Lineup<'static, &'static str> {
        Lineup {
            individual: vec![("own", daily("2026-03-10", Some("2026-03-12"), "22:00:00", "02:00:00"))],
            general: vec![("all", daily("2026-03-01", None, "09:00:00", "18:00:00"))],
        }
    }

    #[test]
    fn an_individual_schedule_decides_until_it_has_ended_even_before_it_begins() {
        let lineup = lineup();
        let deciding = |text| lineup.deciding(day(text)).map(|(name, _)| *name);
        assert_eq!(deciding("2026-03-01"), Some("own"));
        assert_eq!(deciding("2026-03-12"), Some("own"));
        assert_eq!(deciding("2026-03-13"), Some("all"));
        let days: Vec<_> = lineup.days(day("2026-03-08"), day("2026-03-15")).iter().map(ToString::to_string).collect();
        assert_eq!(days, ["2026-03-10", "2026-03-11", "2026-03-12", "2026-03-13", "2026-03-14", "2026-03-15"]);
    }

    #[test]
    fn the_last_window_of_an_individual_schedule_is_open_past_its_last_day() {
        let lineup = lineup();
        let relevant = |text| lineup.relevant(at(text)).map(|(name, _)| *name);
        assert_eq!(relevant("2026-03-13T02:00:00+02:00"), Some("own"));
        assert_eq!(relevant("2026-03-13T02:00:01+02:00"), Some("all"));
        let open = |text| lineup.open(at(text)).map(|((name, _), window)| (*name, window.day.to_string()));
        assert_eq!(open("2026-03-13T01:00:00+02:00"), Some(("own", "2026-03-12".into())));
        assert_eq!(open("2026-03-13T05:00:00+02:00"), None);
        assert_eq!(open("2026-03-13T09:00:00+02:00"), Some(("all", "2026-03-13".into())));
        assert_eq!(open("2026-03-05T10:00:00+02:00"), None, "the individual one has not begun, and wins");
    }

    #[test]
    fn the_nearest_window_is_the_individual_ones_and_after_it_the_general_ones() {
        let lineup = lineup();
        let nearest = |text| lineup.nearest(at(text)).map(|((name, _), window)| (*name, window.day.to_string()));
        assert_eq!(nearest("2026-03-05T10:00:00+02:00"), Some(("own", "2026-03-10".into())));
        assert_eq!(nearest("2026-03-13T01:59:59+02:00"), Some(("own", "2026-03-12".into())));
        assert_eq!(nearest("2026-03-13T02:00:01+02:00"), Some(("all", "2026-03-13".into())));
        let general = Lineup { individual: vec![], ..lineup.clone() };
        assert_eq!(general.nearest(at("2026-02-01T00:00:00Z")).expect("a window").1.day, day("2026-03-01"));
        let nothing: Lineup<'_, ()> = Lineup { individual: vec![], general: vec![] };
        assert!(nothing.nearest(0).is_none() && nothing.open(0).is_none() && nothing.relevant(0).is_none());
    }
}
