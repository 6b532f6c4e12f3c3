//! Order windows as an iCalendar (RFC 5545).
//!
//! A schedule is an event that begins with its first occurrence, in the producer's zone, with an RRULE: so it stays at its
//! hours whatever the clocks do. Days that differ from what a client makes of that are said one by one: EXDATE, RDATE,
//! an override (RECURRENCE-ID), or an event of their own. An end is always UNTIL and never COUNT, because clients do not
//! count a day that a zone skipped and the contract does.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write};

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::{OffsetComponents, OffsetName, Tz};

use crate::clock::Timestamp;
use crate::schedules::civil::{self, LAST_DAY, UnixSeconds};
use crate::schedules::recurrence::Frequency;
use crate::schedules::windows::{Plan, Window};

/// The longest line, in octets (RFC 5545, section 3.1).
const LINE: usize = 75;

/// How far ahead the changes of clocks are told of, in days. Whoever subscribes comes again long before.
const AHEAD: u64 = 3_660;

const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// A schedule in a calendar.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// What calendars know it by: the same for the life of the schedule.
    pub uid: String,
    /// How often it has changed.
    pub sequence: i64,
    /// When it was last changed.
    pub changed_at: Timestamp,
    /// Its title.
    pub summary: String,
    /// What else there is to say.
    pub description: String,
    /// Its days.
    pub plan: Plan<'a>,
    /// Days before this one are another schedule's.
    pub from: NaiveDate,
}

/// The whole calendar, as `text/calendar`.
#[must_use]
pub fn calendar(name: &str, events: &[Event<'_>], today: NaiveDate) -> String {
    let horizon = today.checked_add_days(Days::new(AHEAD)).unwrap_or(LAST_DAY);
    let mut out = Lines::default();
    out.line("BEGIN", "VCALENDAR");
    out.line("VERSION", "2.0");
    out.line("PRODID", "-//Comptoir//Order windows//EN");
    out.line("CALSCALE", "GREGORIAN");
    out.line("NAME", &escaped(name));
    out.line("X-WR-CALNAME", &escaped(name));
    out.line("REFRESH-INTERVAL;VALUE=DURATION", "PT1H");
    out.line("X-PUBLISHED-TTL", "PT1H");
    let mut zones: BTreeMap<&str, (Tz, NaiveDate)> = BTreeMap::new();
    for event in events {
        let first = event.plan.start.max(event.from);
        let entry = zones.entry(event.plan.zone.name()).or_insert((event.plan.zone, first));
        entry.1 = entry.1.min(first);
    }
    for (zone, first) in zones.values() {
        out.zone(*zone, *first, horizon);
    }
    for event in events {
        out.event(event, horizon);
    }
    out.line("END", "VCALENDAR");
    out.0
}

/// A TEXT value (RFC 5545, section 3.3.11).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | ';' | ',' => {
                out.push('\\');
                out.push(character);
            }
            '\n' => out.push_str("\\n"),
            // A lone carriage return has no place in a text, nor has any other control character.
            control if control.is_control() => {}
            other => out.push(other),
        }
    }
    out
}

fn utc(at: UnixSeconds) -> impl Display {
    DateTime::from_timestamp(at, 0).unwrap_or_default().format("%Y%m%dT%H%M%SZ")
}

fn local(time: NaiveDateTime) -> impl Display {
    time.format("%Y%m%dT%H%M%S")
}

/// What the clocks show at `at` if they are `offset` seconds ahead of UTC.
fn shown(at: UnixSeconds, offset: i64) -> NaiveDateTime {
    DateTime::from_timestamp(at + offset, 0).unwrap_or_default().naive_utc()
}

/// `+0200`, with seconds where there are some.
fn offset(seconds: i64) -> String {
    let (sign, seconds) = if seconds < 0 { ('-', -seconds) } else { ('+', seconds) };
    let rest = if seconds % 60 == 0 { String::new() } else { format!("{:02}", seconds % 60) };
    format!("{sign}{:02}{:02}{rest}", seconds / 3_600, seconds / 60 % 60)
}

fn duration(seconds: u32) -> String {
    let mut text = String::from("PT");
    for (amount, unit) in [(seconds / 3_600, 'H'), (seconds / 60 % 60, 'M'), (seconds % 60, 'S')] {
        if amount > 0 {
            let _ = write!(text, "{amount}{unit}");
        }
    }
    text
}

/// The instants at which the clocks of a zone change, from a day to another.
fn changes(zone: Tz, from: NaiveDate, to: NaiveDate) -> Vec<UnixSeconds> {
    const STEP: i64 = 86_400;
    let (mut at, end) = (civil::start_of(zone, from), civil::start_of(zone, to));
    let mut found = Vec::new();
    while at < end {
        let next = at + STEP;
        if civil::offset_at(zone, at) != civil::offset_at(zone, next) {
            let (mut before, mut after) = (at, next);
            while after - before > 1 {
                let middle = before + (after - before) / 2;
                if civil::offset_at(zone, middle) == civil::offset_at(zone, at) {
                    before = middle;
                } else {
                    after = middle;
                }
            }
            found.push(after);
        }
        at = next;
    }
    found
}

/// Content lines, folded.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, name: &str, value: &str) {
        let line = format!("{name}:{value}");
        let mut room = LINE;
        for character in line.chars() {
            if character.len_utf8() > room {
                self.0.push_str("\r\n ");
                room = LINE - 1;
            }
            room -= character.len_utf8();
            self.0.push(character);
        }
        self.0.push_str("\r\n");
    }

    /// Which offset holds when, told so far as this calendar needs it.
    fn zone(&mut self, zone: Tz, first: NaiveDate, horizon: NaiveDate) {
        self.line("BEGIN", "VTIMEZONE");
        self.line("TZID", zone.name());
        let from = civil::before(first, 400);
        let detail = |at: UnixSeconds| {
            let utc = DateTime::from_timestamp(at, 0).unwrap_or_default().naive_utc();
            let detail = zone.offset_from_utc_datetime(&utc);
            let kind = if detail.dst_offset().is_zero() { "STANDARD" } else { "DAYLIGHT" };
            (kind, detail.abbreviation().unwrap_or("LMT").to_owned(), civil::offset_at(zone, at))
        };
        let (kind, name, to) = detail(civil::start_of(zone, from));
        let epoch = NaiveDateTime::default();
        // By what they change to and from: each kind of change is told once, with all its instants.
        let mut kinds: BTreeMap<_, Vec<NaiveDateTime>> = BTreeMap::from([((kind, name, to, to), vec![epoch])]);
        for at in changes(zone, from, horizon) {
            let before = civil::offset_at(zone, at - 1);
            let (kind, name, after) = detail(at);
            kinds.entry((kind, name, before, after)).or_default().push(shown(at, before));
        }
        for ((kind, name, before, after), onsets) in kinds {
            self.line("BEGIN", kind);
            self.line("TZNAME", &name);
            self.line("TZOFFSETFROM", &offset(before));
            self.line("TZOFFSETTO", &offset(after));
            for (at, onset) in onsets.into_iter().enumerate() {
                self.line(if at == 0 { "DTSTART" } else { "RDATE" }, &local(onset).to_string());
            }
            self.line("END", kind);
        }
        self.line("END", "VTIMEZONE");
    }

    fn event(&mut self, event: &Event<'_>, horizon: NaiveDate) {
        let plan = &event.plan;
        let from = plan.start.max(event.from);
        let first = plan.recurrence.next_on_or_after(from);
        let repeats = plan.recurrence.rule().is_some() && first.is_some();
        let mut special: BTreeSet<NaiveDate> = plan.exceptions.iter().map(|(day, _)| *day).collect();
        special.extend(plan.holidays.iter().map(|(day, _)| *day));
        // The last window may run into the day after.
        let last = plan.end().map_or(horizon, |end| civil::after(civil::after(end)).min(horizon));
        for at in changes(plan.zone, civil::before(from, 3), last) {
            if let Some(day) = civil::day_of(plan.zone, at) {
                special.extend((0..4).map(|back| civil::before(day, back)));
                special.insert(civil::after(day));
            }
        }
        let mut differences = Differences::default();
        if repeats {
            for day in special.into_iter().filter(|day| *day >= from) {
                differences.add(plan, day);
            }
        } else {
            // A day of its own, and there is nothing that it could differ from.
            let days = special.into_iter().chain(first).collect::<BTreeSet<_>>().into_iter().filter(|day| *day >= from);
            differences.own.extend(days.filter_map(|day| plan.on(day).window));
        }
        if let (Some(first), true) = (first, repeats) {
            self.recurring(event, first, &differences);
        }
        for window in &differences.overridden {
            let nominal = shown(nominal(plan, window.day), civil::offset_at(plan.zone, nominal(plan, window.day)));
            self.single(event, &event.uid, window, Some(nominal));
        }
        for window in &differences.own {
            // A schedule for one day is that event itself.
            let uid =
                if repeats { format!("{}-{}", window.day.format("%Y%m%d"), event.uid) } else { event.uid.clone() };
            self.single(event, &uid, window, None);
        }
    }

    fn recurring(&mut self, event: &Event<'_>, first: NaiveDate, differences: &Differences) {
        let plan = &event.plan;
        let Some(rule) = plan.recurrence.rule() else { return };
        let named = |property: &str| format!("{property};TZID={}", plan.zone.name());
        // As the clock shows it by its name, whether it did on that day or not.
        let stated =
            |day: NaiveDate| local(day.and_hms_opt(0, 0, 0).unwrap_or_default() + from_midnight(plan)).to_string();
        self.head(event, &event.uid);
        self.line(&named("DTSTART"), &stated(first));
        self.line("DURATION", &duration(plan.hours.length()));
        let mut text = format!("FREQ={};INTERVAL={}", rule.frequency.as_str(), rule.interval);
        if !rule.days.is_empty() {
            let days: Vec<_> = rule.days.numbers().map(|number| WEEKDAYS[usize::from(number) - 1]).collect();
            let _ = write!(text, ";BYDAY={}", days.join(","));
        }
        if rule.frequency == Frequency::Weekly {
            text.push_str(";WKST=MO");
        }
        if let Some(end) = plan.end() {
            let _ = write!(text, ";UNTIL={}", utc(nominal(plan, end)));
        }
        self.line("RRULE", &text);
        for day in &differences.gone {
            self.line(&named("EXDATE"), &stated(*day));
        }
        for day in &differences.added {
            self.line(&named("RDATE"), &stated(*day));
        }
        self.tail(event);
    }

    fn single(&mut self, event: &Event<'_>, uid: &str, window: &Window, instead_of: Option<NaiveDateTime>) {
        self.head(event, uid);
        if let Some(instance) = instead_of {
            self.line(&format!("RECURRENCE-ID;TZID={}", event.plan.zone.name()), &local(instance).to_string());
        }
        self.line("DTSTART", &utc(window.opens_at).to_string());
        self.line("DTEND", &utc(window.closes_at).to_string());
        self.tail(event);
    }

    fn head(&mut self, event: &Event<'_>, uid: &str) {
        let changed = utc(event.changed_at.as_unix_seconds()).to_string();
        self.line("BEGIN", "VEVENT");
        self.line("UID", uid);
        // Without a METHOD this is when the event was last revised (RFC 5545, section 3.8.7.2).
        self.line("DTSTAMP", &changed);
        self.line("LAST-MODIFIED", &changed);
        self.line("SEQUENCE", &event.sequence.to_string());
    }

    fn tail(&mut self, event: &Event<'_>) {
        self.line("SUMMARY", &escaped(&event.summary));
        if !event.description.is_empty() {
            self.line("DESCRIPTION", &escaped(&event.description));
        }
        self.line("TRANSP", "TRANSPARENT");
        self.line("END", "VEVENT");
    }
}

fn from_midnight(plan: &Plan<'_>) -> chrono::TimeDelta {
    chrono::TimeDelta::seconds(plan.hours.from().seconds().into())
}

/// The instant at which a client sees the rule's event of a day begin.
fn nominal(plan: &Plan<'_>, day: NaiveDate) -> UnixSeconds {
    civil::first_at(plan.zone, day, plan.hours.from())
}

/// Where a client that expands the rule would be wrong.
#[derive(Default)]
struct Differences {
    /// No event.
    gone: Vec<NaiveDate>,
    /// One more like the others.
    added: Vec<NaiveDate>,
    /// Another window instead.
    overridden: Vec<Window>,
    /// A window that the rule has none for.
    own: Vec<Window>,
}

impl Differences {
    fn add(&mut self, plan: &Plan<'_>, day: NaiveDate) {
        let regular = plan.recurrence.occurs_on(day);
        // Clients differ on a time that the clocks skipped; RFC 5545 says that there is no event then.
        let stated = civil::skipped_at(plan.zone, day, plan.hours.from()).is_none();
        let opens_at = nominal(plan, day);
        let expected = Window { day, opens_at, closes_at: opens_at + i64::from(plan.hours.length()) };
        match (regular, plan.on(day).window) {
            (true, None) => self.gone.push(day),
            (true, Some(window)) if stated && window == expected => {}
            (true, Some(window)) if stated => self.overridden.push(window),
            (true, Some(window)) => {
                self.gone.push(day);
                self.own.push(window);
            }
            (false, Some(window)) if stated && window == expected => self.added.push(day),
            (false, Some(window)) => self.own.push(window),
            (false, None) => {}
        }
    }
}

#[cfg(test)]
mod tests;
