//! What holds on a day: the rule's window, or what an exception or a holiday makes of it; and the nearest open window.
//!
//! An exception to the schedule decides before a holiday of the company, and that before the rule. Nothing happens
//! outside the span of the schedule, or two schedules that do not overlap could meet on a day.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock. Source: contracts/schedules.md, 'Schedule'.

use chrono::NaiveDate;
use chrono_tz::Tz;

use crate::auth::model::{Refused, Rule};
use crate::schedules::civil::{self, LAST_DAY, TimeOfDay, UnixSeconds};
use crate::schedules::recurrence::Recurrence;

/// From when to when, by the clock, orders may be sent; if the end comes before the beginning, past midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hours {
    from: TimeOfDay,
    to: TimeOfDay,
}

impl Hours {
    /// Both ends belong to the window, which is never empty: equal times are refused.
    pub fn new(from: TimeOfDay, to: TimeOfDay) -> Result<Self, Refused> {
        if from == to {
            return Err(Refused::new("timeTo", "must differ from timeFrom"));
        }
        Ok(Self { from, to })
    }

    /// The beginning.
    #[must_use]
    pub const fn from(self) -> TimeOfDay {
        self.from
    }

    /// The end.
    #[must_use]
    pub const fn to(self) -> TimeOfDay {
        self.to
    }

    /// Whether the end lies on the day after.
    #[must_use]
    pub fn runs_over_midnight(self) -> bool {
        self.to < self.from
    }

    /// Seconds from the beginning to the end on a day on which no clock is changed.
    #[must_use]
    pub fn length(self) -> u32 {
        let over = if self.runs_over_midnight() { 86_400 } else { 0 };
        self.to.seconds() + over - self.from.seconds()
    }
}

/// A stretch of time in which orders may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// The day it belongs to: the one it opens on.
    pub day: NaiveDate,
    /// Its first second.
    pub opens_at: UnixSeconds,
    /// Its last second.
    pub closes_at: UnixSeconds,
}

impl Window {
    /// The window of a day; `None` if the zone skipped that day.
    #[must_use]
    pub fn on(zone: Tz, day: NaiveDate, hours: Hours) -> Option<Self> {
        let closing_day = if hours.runs_over_midnight() { civil::after(day) } else { day };
        let closes_at = civil::last_at(zone, closing_day, hours.to);
        let mut opens_at = civil::first_at(zone, day, hours.from);
        if let Some(clocks_change) = civil::skipped_at(zone, day, hours.from) {
            if !civil::exists(zone, day) {
                return None;
            }
            // Moved past its own end, it would never be open: it opens as the clocks go forward.
            opens_at = if opens_at > closes_at { clocks_change } else { opens_at };
        }
        Some(Self { day, opens_at, closes_at })
    }

    /// Whether an instant lies in it.
    #[must_use]
    pub fn holds(&self, at: UnixSeconds) -> bool {
        (self.opens_at..=self.closes_at).contains(&at)
    }
}

/// What is different on one day of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exception {
    /// No orders.
    Skip,
    /// Orders although the rule has no such day, or a holiday forbids it; at the schedule's hours unless it has its own.
    Extra(Option<Hours>),
    /// Orders at other hours.
    Move(Hours),
}

impl Exception {
    /// Every kind's word.
    pub const WORDS: [&'static str; 3] = ["SKIP", "EXTRA", "MOVE"];

    /// The word of its kind.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Skip => Self::WORDS[0],
            Self::Extra(_) => Self::WORDS[1],
            Self::Move(_) => Self::WORDS[2],
        }
    }

    /// Puts one together: only what moves must have hours, and what skips has none.
    pub fn new(word: &str, hours: Option<Hours>) -> Result<Self, Refused> {
        match (word, hours) {
            ("SKIP", None) => Ok(Self::Skip),
            ("SKIP", Some(_)) => Err(Refused::new("time_from", "must be absent: a skipped day has no window")),
            ("EXTRA", hours) => Ok(Self::Extra(hours)),
            ("MOVE", Some(hours)) => Ok(Self::Move(hours)),
            ("MOVE", None) => {
                Err(Refused::new("time_from", "is required with time_to: they say where the window moves to"))
            }
            _ => Err(Refused { field: "kind", rule: Rule("must be SKIP, EXTRA or MOVE".into()) }),
        }
    }

    /// Its own hours.
    #[must_use]
    pub const fn hours(self) -> Option<Hours> {
        match self {
            Self::Skip => None,
            Self::Extra(hours) => hours,
            Self::Move(hours) => Some(hours),
        }
    }
}

/// What decided about a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason<'a> {
    /// The schedule has not begun.
    NotBegun,
    /// The schedule has ended.
    Ended,
    /// An exception to the schedule.
    Exception(Exception),
    /// A holiday of the company, by name.
    Holiday(&'a str),
    /// The rule: it is one of its days.
    Rule,
    /// The rule: it is none of its days.
    NoOccurrence,
    /// It is one of its days, and the zone skipped it.
    NoSuchDay,
}

/// A day of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day<'a> {
    /// What decided.
    pub reason: Reason<'a>,
    /// When orders may be sent, if they may.
    pub window: Option<Window>,
}

/// A schedule with all that decides about its days. Exceptions and holidays stand in the order of their days.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// The producer's zone.
    pub zone: Tz,
    /// The day the schedule begins on, an occurrence or not.
    pub start: NaiveDate,
    /// Its days.
    pub recurrence: Recurrence,
    /// Its hours.
    pub hours: Hours,
    /// What is different.
    pub exceptions: &'a [(NaiveDate, Exception)],
    /// The company's holidays.
    pub holidays: &'a [(NaiveDate, String)],
}

fn find<T>(days: &[(NaiveDate, T)], day: NaiveDate) -> Option<&T> {
    // Most have none.
    if days.is_empty() {
        return None;
    }
    days.binary_search_by_key(&day, |(known, _)| *known).ok().map(|at| &days[at].1)
}

impl<'a> Plan<'a> {
    /// Its last day; `None`: there is none.
    #[must_use]
    pub fn end(&self) -> Option<NaiveDate> {
        self.recurrence.last()
    }

    /// What holds on `day`.
    #[must_use]
    pub fn on(&self, day: NaiveDate) -> Day<'a> {
        let closed = |reason| Day { reason, window: None };
        if day < self.start {
            return closed(Reason::NotBegun);
        }
        if self.end().is_some_and(|end| day > end) {
            return closed(Reason::Ended);
        }
        let open = |reason, hours| match Window::on(self.zone, day, hours) {
            Some(window) => Day { reason, window: Some(window) },
            None => closed(Reason::NoSuchDay),
        };
        match find(self.exceptions, day).copied() {
            Some(Exception::Skip) => return closed(Reason::Exception(Exception::Skip)),
            Some(exception @ Exception::Extra(hours)) => {
                return open(Reason::Exception(exception), hours.unwrap_or(self.hours));
            }
            // Of a rule that has changed since, there may be nothing to move.
            Some(exception @ Exception::Move(hours)) if self.recurrence.occurs_on(day) => {
                return open(Reason::Exception(exception), hours);
            }
            Some(Exception::Move(_)) | None => {}
        }
        if !self.recurrence.occurs_on(day) {
            return closed(Reason::NoOccurrence);
        }
        match find(self.holidays, day) {
            Some(name) => closed(Reason::Holiday(name)),
            None => open(Reason::Rule, self.hours),
        }
    }

    /// The window of the first day, not before `from`, that has one.
    #[must_use]
    pub fn next(&self, from: NaiveDate) -> Option<Window> {
        let mut from = from.max(self.start);
        loop {
            let by_rule = self.recurrence.next_on_or_after(from);
            let later = self.exceptions.partition_point(|(day, _)| *day < from);
            let extra = self.exceptions[later..].iter().find(|(_, exception)| matches!(exception, Exception::Extra(_)));
            let day = by_rule.into_iter().chain(extra.map(|(day, _)| *day)).min()?;
            if self.end().is_some_and(|end| day > end) {
                return None;
            }
            // What comes round again is either open, or one of so many exceptions and holidays, or skipped by the zone.
            if let Some(window) = self.on(day).window {
                return Some(window);
            }
            from = civil::after(day);
        }
    }

    /// The first window that is open at `at` or opens later.
    #[must_use]
    pub fn nearest(&self, at: UnixSeconds) -> Option<Window> {
        self.nearest_from(at, self.start)
    }

    /// The same, of the days from `from` on.
    #[must_use]
    pub fn nearest_from(&self, at: UnixSeconds, from: NaiveDate) -> Option<Window> {
        let today = civil::day_of(self.zone, at)?;
        // A window runs into the next day, which is the one after a day that the zone skipped.
        let mut from = civil::before(today, 2).max(from);
        loop {
            let window = self.next(from)?;
            if window.closes_at >= at {
                return Some(window);
            }
            from = civil::after(window.day);
        }
    }

    /// Whether its last day is over, and its last window.
    #[must_use]
    pub fn has_ended(&self, at: UnixSeconds) -> bool {
        let Some(end) = self.end() else { return false };
        let today = civil::day_of(self.zone, at).unwrap_or(LAST_DAY);
        today > end && self.on(end).window.is_none_or(|window| window.closes_at < at)
    }

    /// The first instant after `after` that is `time` on a day with a window, and that day.
    #[must_use]
    pub fn next_at(&self, time: TimeOfDay, after: UnixSeconds) -> Option<(NaiveDate, UnixSeconds)> {
        let mut from = civil::before(civil::day_of(self.zone, after)?, 2);
        loop {
            let window = self.next(from)?;
            let at = civil::first_at(self.zone, window.day, time);
            if at > after {
                return Some((window.day, at));
            }
            from = civil::after(window.day);
        }
    }
}

#[cfg(test)]
mod tests;
