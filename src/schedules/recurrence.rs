//! The days of a recurrence rule: daily or weekly, with interval, count, until and days of the week.
//!
//! Everything is computed directly. A rule is a cycle of days that repeats: the n-th occurrence, the last one, the next
//! one on or after a day and the days of a month cost the same however long ago it began and however large its count is.
//!
//! Must not know: zones and clocks (a day is a civil day; what instants it has is [`super::civil`]'s), the database,
//! HTTP, the runtime, files. Source: contracts/schedules.md, 'Schedule'; where that is silent, RFC 5545, section 3.3.10.

use chrono::{Datelike, NaiveDate, Weekday};

use crate::auth::model::{Refused, Rule as Text};
use crate::schedules::civil::LAST_DAY;

/// Days of the week, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct WeekDays(u8);

impl WeekDays {
    /// No day.
    pub const NONE: Self = Self(0);

    /// Reads the contract's numbers: 1 is Monday, 7 is Sunday.
    pub fn parse(numbers: &[i64]) -> Result<Self, Text> {
        numbers.iter().try_fold(Self::NONE, |days, number| match number {
            1..=7 => Ok(Self(days.0 | 1 << (number - 1))),
            _ => Err(Text(format!("must hold numbers from 1 (Monday) to 7 (Sunday), and {number} is none"))),
        })
    }

    /// The stored form: bit 0 is Monday.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Reads the stored form.
    #[must_use]
    pub const fn of_bits(bits: u8) -> Self {
        Self(bits & 0x7f)
    }

    /// The contract's numbers, in order.
    pub fn numbers(self) -> impl Iterator<Item = u8> {
        (1..=7).filter(move |number| self.0 & 1 << (number - 1) != 0)
    }

    /// Whether `weekday` is among them.
    #[must_use]
    pub fn has(self, weekday: Weekday) -> bool {
        self.0 & 1 << weekday.num_days_from_monday() != 0
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Frequency {
    /// Each n-th day from the start.
    Daily,
    /// On days of each n-th week; weeks begin on Monday and are counted from that of the start.
    Weekly,
}

impl Frequency {
    /// The contract's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "DAILY",
            Self::Weekly => "WEEKLY",
        }
    }

    /// Reads the contract's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Daily, Self::Weekly].into_iter().find(|frequency| frequency.as_str() == word)
    }
}

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rule {
    /// How often.
    pub frequency: Frequency,
    /// Each how many days or weeks; at least 1.
    pub interval: u32,
    /// How many occurrences at most; at least 1.
    pub count: Option<u64>,
    /// No occurrence after this day.
    pub until: Option<NaiveDate>,
    /// The days of the week: at least one if it is weekly. A daily rule with some has the occurrences that fall on them.
    pub days: WeekDays,
}

/// The longest cycle has so many days in it.
const MOST: usize = 7;

/// The days of a rule that begins on a day, or that day alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurrence {
    rule: Option<Rule>,
    /// The first day of the first cycle, in days of the common era.
    anchor: i64,
    /// Days in a cycle.
    length: i64,
    /// The days in it, counted from its first one, in order.
    offsets: [i64; MOST],
    /// How many there are.
    size: u8,
    /// So many of the first cycle lie before the start.
    missed: i64,
    /// How many occurrences there are, if they end.
    total: Option<i64>,
}

fn number(day: NaiveDate) -> i64 {
    day.num_days_from_ce().into()
}

fn day(number: i64) -> Option<NaiveDate> {
    let day = NaiveDate::from_num_days_from_ce_opt(i32::try_from(number).ok()?)?;
    (day <= LAST_DAY).then_some(day)
}

impl Recurrence {
    /// `start` alone.
    #[must_use]
    pub fn once(start: NaiveDate) -> Self {
        Self { rule: None, anchor: number(start), length: 1, offsets: [0; MOST], size: 1, missed: 0, total: Some(1) }
    }

    /// The occurrences of `rule` from `start` on. Refused: a rule that has none, one that runs out of the calendar
    /// before its count does, and values that [`Rule`] does not allow.
    pub fn new(start: NaiveDate, rule: Rule) -> Result<Self, Refused> {
        if rule.interval == 0 {
            return Err(Refused::new("recurrenceRule.interval", "must be at least 1"));
        }
        if rule.count == Some(0) {
            return Err(Refused::new("recurrenceRule.count", "must be at least 1, or 0 or absent for no limit"));
        }
        if rule.until.is_some_and(|until| until < start) {
            return Err(Refused::new("recurrenceRule.dateUntil", "must not lie before dateStart"));
        }
        let mut recurrence = Self::cycle(start, rule)?;
        recurrence.missed = recurrence.rank(number(start));
        let nothing = || Refused::new("recurrenceRule", "has no occurrence");
        recurrence.nth(0).ok_or_else(nothing)?;
        let counted = rule.count.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        let until = rule.until.map(|until| recurrence.before(until) + i64::from(recurrence.occurs_on(until)));
        recurrence.total = match (counted, until) {
            (Some(counted), Some(until)) => Some(counted.min(until)),
            (counted, until) => counted.or(until),
        };
        if recurrence.total == Some(0) {
            return Err(nothing());
        }
        if recurrence.total.is_some() && recurrence.last().is_none() {
            return Err(Refused::new("recurrenceRule.count", "leads beyond the year 9999"));
        }
        Ok(recurrence)
    }

    /// The cycle of a rule, with no end and nothing missed.
    fn cycle(start: NaiveDate, rule: Rule) -> Result<Self, Refused> {
        let interval = i64::from(rule.interval);
        let mut offsets = [0; MOST];
        let mut size = 0;
        let mut add = |offset: i64| {
            offsets[usize::from(size)] = offset;
            size += 1;
        };
        let (anchor, length) = match rule.frequency {
            Frequency::Weekly => {
                (0..7).filter(|at| rule.days.bits() & 1 << at != 0).for_each(&mut add);
                (number(start) - i64::from(start.weekday().num_days_from_monday()), 7 * interval)
            }
            Frequency::Daily if rule.days.is_empty() => {
                add(0);
                (number(start), interval)
            }
            Frequency::Daily => {
                // After seven intervals, or after one of whole weeks, the days of the week come round again.
                let rounds = if interval % 7 == 0 { 1 } else { 7 };
                let weekday = i64::from(start.weekday().num_days_from_monday());
                (0..rounds)
                    .map(|round| round * interval)
                    .filter(|offset| rule.days.bits() & 1 << ((weekday + offset) % 7) != 0)
                    .for_each(&mut add);
                (number(start), rounds * interval)
            }
        };
        if size == 0 {
            return Err(match rule.frequency {
                Frequency::Weekly => Refused::new("recurrenceRule.byDay", "must name at least one day of the week"),
                Frequency::Daily => Refused::new("recurrenceRule", "has no occurrence"),
            });
        }
        Ok(Self { rule: Some(rule), anchor, length, offsets, size, missed: 0, total: None })
    }

    /// The rule; `None`: it does not repeat.
    #[must_use]
    pub fn rule(&self) -> Option<&Rule> {
        self.rule.as_ref()
    }

    /// The days of a cycle, counted from its first one.
    fn days(&self) -> &[i64] {
        &self.offsets[..usize::from(self.size)]
    }

    /// How many days of the cycles lie before day number `day`.
    fn rank(&self, day: i64) -> i64 {
        let into = day - self.anchor;
        if into <= 0 {
            return 0;
        }
        let (cycles, rest) = (into / self.length, into % self.length);
        let within: i64 = self.days().iter().map(|offset| i64::from(*offset < rest)).sum();
        cycles * i64::from(self.size) + within
    }

    /// The occurrence with this number, from 0; `None` when there are not so many, or it lies beyond the calendar.
    #[must_use]
    pub fn nth(&self, n: u64) -> Option<NaiveDate> {
        let n = i64::try_from(n).ok()?;
        if self.total.is_some_and(|total| n >= total) {
            return None;
        }
        let at = n.checked_add(self.missed)?;
        let size = i64::from(self.size);
        let offset = self.days()[usize::try_from(at % size).ok()?];
        day((at / size).checked_mul(self.length)?.checked_add(self.anchor)?.checked_add(offset)?)
    }

    /// The first occurrence.
    ///
    /// # Panics
    /// Never: a recurrence without any is not made.
    #[must_use]
    pub fn first(&self) -> NaiveDate {
        self.nth(0).expect("a recurrence has an occurrence")
    }

    /// The last occurrence; `None`: there is no end.
    #[must_use]
    pub fn last(&self) -> Option<NaiveDate> {
        self.nth(u64::try_from(self.total? - 1).ok()?)
    }

    /// How many occurrences there are; `None`: there is no end.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        self.total.and_then(|total| u64::try_from(total).ok())
    }

    /// How many occurrences lie before `day`, those after the end included.
    fn before(&self, day: NaiveDate) -> i64 {
        (self.rank(number(day)) - self.missed).max(0)
    }

    /// Whether `day` is an occurrence.
    #[must_use]
    pub fn occurs_on(&self, day: NaiveDate) -> bool {
        self.next_on_or_after(day) == Some(day)
    }

    /// The first occurrence that is not before `day`.
    #[must_use]
    pub fn next_on_or_after(&self, day: NaiveDate) -> Option<NaiveDate> {
        self.nth(u64::try_from(self.before(day)).ok()?)
    }

    /// The occurrences from `from` to `to`, both included.
    pub fn between(&self, from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = NaiveDate> {
        let begin = u64::try_from(self.before(from)).unwrap_or(0);
        (begin..).map_while(|n| self.nth(n)).take_while(move |day| *day <= to)
    }
}

#[cfg(test)]
mod tests;
