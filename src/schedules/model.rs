//! The values of order schedules, parsed once at the edge.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock. Source: contracts/schedules.md, 'Schedule'.

use chrono::NaiveDate;
use chrono_tz::Tz;

use crate::auth::model::{PartyId, PartyRef, Refused, Rule as Text};
use crate::clock::Timestamp;
use crate::schedules::civil::{self, LAST_DAY, TimeOfDay, UnixSeconds};
use crate::schedules::overlap::Span;
use crate::schedules::recurrence::{Frequency, Recurrence, Rule, WeekDays};
use crate::schedules::windows::{Exception, Hours, Plan};

/// The most distributors a schedule names: each costs an entry in two indexes.
pub const MOST_DISTRIBUTORS: usize = 2_000;

/// A schedule's number in its company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScheduleId(pub i64);

/// Whom a schedule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The distributors it names.
    Individual,
    /// Every distributor that no individual one decides for.
    General,
}

impl Kind {
    /// The contract's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Individual => 1,
            Self::General => 2,
        }
    }

    /// Reads the contract's number.
    #[must_use]
    pub fn of_number(number: i64) -> Option<Self> {
        [Self::Individual, Self::General].into_iter().find(|kind| i64::from(kind.number()) == number)
    }
}

/// A schedule's name: 1 to 256 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ScheduleName(String);

impl ScheduleName {
    /// Checks `text`.
    pub fn parse(text: impl Into<String>) -> Result<Self, Text> {
        let text = text.into();
        let length = text.chars().count();
        if !(1..=256).contains(&length) {
            return Err(Text(format!("must have 1 to 256 characters (has {length})")));
        }
        if text.trim().is_empty() {
            return Err(Text("must not be blank".into()));
        }
        if text.chars().any(char::is_control) {
            return Err(Text("must not contain control characters".into()));
        }
        Ok(Self(text))
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a schedule repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Repeat {
    /// By which rule.
    pub rule: Rule,
    /// Its end as it was sent; the rule has its civil day.
    pub date_until: Option<UnixSeconds>,
}

/// What a schedule says, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Its name.
    pub name: ScheduleName,
    /// Whom it is for.
    pub kind: Kind,
    /// Whether orders outside its windows are refused.
    pub block: bool,
    /// Its beginning as it was sent.
    pub date_start: UnixSeconds,
    /// The civil day of it in the producer's zone at that time.
    pub start_day: NaiveDate,
    /// Its hours.
    pub hours: Hours,
    /// When distributors are reminded.
    pub remind: Option<TimeOfDay>,
    /// How it repeats; `None`: it is for one day.
    pub repeat: Option<Repeat>,
}

impl Terms {
    /// Its days.
    pub fn recurrence(&self) -> Result<Recurrence, Refused> {
        match self.repeat {
            None => Ok(Recurrence::once(self.start_day)),
            Some(repeat) => Recurrence::new(self.start_day, repeat.rule),
        }
    }

    /// Its first and last day.
    pub fn span(&self) -> Result<Span, Refused> {
        Ok(Span { start: self.start_day, end: self.recurrence()?.last() })
    }
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Its number.
    pub id: ScheduleId,
    /// Whose it is.
    pub producer: PartyId,
    /// What it says.
    pub terms: Terms,
    /// Whom it names.
    pub distributors: Vec<PartyId>,
    /// How often it has changed.
    pub sequence: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub changed_at: Timestamp,
}

impl Schedule {
    /// All that decides about its days.
    pub fn plan<'a>(
        &self,
        zone: Tz,
        exceptions: &'a [(NaiveDate, Exception)],
        holidays: &'a [(NaiveDate, String)],
    ) -> Result<Plan<'a>, Refused> {
        Ok(Plan {
            zone,
            start: self.terms.start_day,
            recurrence: self.terms.recurrence()?,
            hours: self.terms.hours,
            exceptions,
            holidays,
        })
    }

    /// The contract's `dateEnd`: 0 without an end, the beginning as it was sent if it does not repeat, else the start of
    /// the last day.
    #[must_use]
    pub fn date_end(&self, plan: &Plan<'_>) -> UnixSeconds {
        match (self.terms.repeat, plan.end()) {
            (None, _) => self.terms.date_start,
            (Some(_), None) => 0,
            (Some(_), Some(end)) => civil::start_of(plan.zone, end),
        }
    }
}

/// A rule as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftRule {
    /// How often.
    pub frequency: Frequency,
    /// Each how many days or weeks.
    pub interval: i64,
    /// How many; 0: no limit.
    pub count: i64,
    /// Until when; 0: no limit.
    pub date_until: UnixSeconds,
    /// Days of the week.
    pub by_day: Vec<i64>,
}

/// A schedule as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its name.
    pub name: String,
    /// Its beginning.
    pub date_start: UnixSeconds,
    /// From when orders may be sent.
    pub time_from: String,
    /// Until when.
    pub time_to: String,
    /// When to remind.
    pub time_remind: Option<String>,
    /// Whether orders outside are refused.
    pub block: bool,
    /// Its kind's number.
    pub kind: Option<i64>,
    /// How it repeats.
    pub rule: Option<DraftRule>,
    /// Whom it names.
    pub distributors: Vec<PartyRef>,
}

fn day(field: &'static str, zone: Tz, at: UnixSeconds) -> Result<NaiveDate, Refused> {
    civil::day_of(zone, at).filter(|_| at >= 0).ok_or_else(|| {
        Refused::new(field, "must be Unix seconds (not milliseconds) from 1970 to the end of the year 9999")
    })
}

impl Draft {
    /// Checks everything that needs no look at other rows, for a producer whose days go by `zone`.
    pub fn check(&self, zone: Tz) -> Result<Terms, Refused> {
        let time = |field, text: &str| TimeOfDay::parse(text).map_err(|rule| Refused { field, rule });
        let start_day = day("dateStart", zone, self.date_start)?;
        let terms = Terms {
            name: ScheduleName::parse(&self.name).map_err(|rule| Refused { field: "name", rule })?,
            kind: self.kind()?,
            block: self.block,
            date_start: self.date_start,
            start_day,
            hours: Hours::new(time("timeFrom", &self.time_from)?, time("timeTo", &self.time_to)?)?,
            remind: self.time_remind.as_deref().map(|text| time("timeRemind", text)).transpose()?,
            repeat: self.rule.as_ref().map(|rule| rule.check(zone)).transpose()?,
        };
        terms.recurrence()?;
        Ok(terms)
    }

    fn kind(&self) -> Result<Kind, Refused> {
        let named = !self.distributors.is_empty();
        let kind = match self.kind {
            None if named => Kind::Individual,
            None => Kind::General,
            Some(number) => {
                Kind::of_number(number).ok_or_else(|| Refused::new("type", "must be 1 (individual) or 2 (general)"))?
            }
        };
        match kind {
            Kind::Individual if !named => Err(Refused::new("distributors", "is required when type is 1")),
            Kind::General if named => Err(Refused::new("distributors", "must be absent or empty when type is 2")),
            _ if self.distributors.len() > MOST_DISTRIBUTORS => {
                Err(Refused::new("distributors", format!("must have at most {MOST_DISTRIBUTORS} items")))
            }
            kind => Ok(kind),
        }
    }
}

impl DraftRule {
    fn check(&self, zone: Tz) -> Result<Repeat, Refused> {
        let interval = u32::try_from(self.interval)
            .ok()
            .filter(|interval| *interval > 0)
            .ok_or_else(|| Refused::new("recurrenceRule.interval", format!("must be from 1 to {}", u32::MAX)))?;
        let count = u64::try_from(self.count)
            .map_err(|_| Refused::new("recurrenceRule.count", "must be at least 1, or 0 or absent for no limit"))?;
        let date_until = (self.date_until != 0).then_some(self.date_until);
        let days = WeekDays::parse(&self.by_day).map_err(|rule| Refused { field: "recurrenceRule.byDay", rule })?;
        let rule = Rule {
            frequency: self.frequency,
            interval,
            count: (count > 0).then_some(count),
            until: date_until.map(|until| day("recurrenceRule.dateUntil", zone, until)).transpose()?,
            days,
        };
        Ok(Repeat { rule, date_until })
    }
}

/// Reads a day of the calendar, `YYYY-MM-DD`.
pub fn calendar_day(field: &'static str, text: &str) -> Result<NaiveDate, Refused> {
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(
            |(at, byte)| {
                if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() }
            },
        );
    let day = shaped.then(|| text.parse::<NaiveDate>().ok()).flatten();
    day.filter(|day| *day <= LAST_DAY).ok_or_else(|| Refused::new(field, "must be a date such as 2026-01-31"))
}

/// A holiday of a company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holiday {
    /// The day.
    pub day: NaiveDate,
    /// What it is called.
    pub name: String,
}

/// What a calendar's address shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FeedOf {
    /// One schedule.
    Schedule(ScheduleId),
    /// Whatever decides for a distributor.
    Distributor(PartyId),
}

/// A calendar's address, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Row key: a later one has a higher one.
    pub row: i64,
    /// Its id on the wire.
    pub guid: uuid::Uuid,
    /// What it shows.
    pub of: FeedOf,
    /// What it is for, in its maker's words.
    pub name: String,
    /// The first characters of its secret, to tell feeds apart.
    pub hint: String,
    /// Who made it; `None`: the command line.
    pub user: Option<crate::auth::model::UserId>,
    /// When it was made.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::model::DEFAULT_ZONE;

    fn draft() -> Draft {
        Draft {
            name: "Test6".into(),
            date_start: 1_761_516_000,
            time_from: "09:00:00".into(),
            time_to: "21:00:00".into(),
            time_remind: None,
            block: false,
            kind: None,
            rule: Some(DraftRule {
                frequency: Frequency::Weekly,
                interval: 1,
                count: 50,
                date_until: 0,
                by_day: vec![1, 2, 4, 6],
            }),
            distributors: vec![],
        }
    }

    fn refused(change: impl FnOnce(&mut Draft)) -> &'static str {
        let mut draft = draft();
        change(&mut draft);
        draft.check(DEFAULT_ZONE).expect_err("something is wrong with it").field
    }

    #[test]
    fn the_vendors_own_example_holds() {
        let terms = draft().check(DEFAULT_ZONE).expect("it is the vendor's");
        assert_eq!(terms.kind, Kind::General);
        let end = terms.span().expect("a span").end.expect("it ends");
        assert_eq!(civil::start_of(DEFAULT_ZONE, end), 1_768_860_000);
    }

    #[test]
    fn the_kind_follows_the_distributors_and_must_not_contradict_them() {
        let party = || vec![PartyRef::Id(PartyId(1))];
        let individual = Draft { distributors: party(), ..draft() };
        assert_eq!(individual.check(DEFAULT_ZONE).map(|terms| terms.kind), Ok(Kind::Individual));
        assert_eq!(refused(|draft| draft.kind = Some(1)), "distributors");
        assert_eq!(refused(|draft| (draft.kind, draft.distributors) = (Some(2), party())), "distributors");
        assert_eq!(refused(|draft| draft.kind = Some(3)), "type");
        assert_eq!(refused(|draft| draft.kind = Some(0)), "type");
    }

    #[test]
    fn what_is_wrong_is_named() {
        fn rule(draft: &mut Draft) -> &mut DraftRule {
            draft.rule.as_mut().expect("it has one")
        }
        assert_eq!(refused(|draft| draft.name = " ".into()), "name");
        assert_eq!(refused(|draft| draft.name = "a\nb".into()), "name");
        assert_eq!(refused(|draft| draft.date_start = -1), "dateStart");
        assert_eq!(refused(|draft| draft.date_start = 1_761_516_000_000), "dateStart");
        assert_eq!(refused(|draft| draft.time_from = "25:00:00".into()), "timeFrom");
        assert_eq!(refused(|draft| draft.time_to = "09:00".into()), "timeTo");
        assert_eq!(refused(|draft| draft.time_to = "09:00:00".into()), "timeTo");
        assert_eq!(refused(|draft| draft.time_remind = Some("9".into())), "timeRemind");
        assert_eq!(refused(|draft| rule(draft).interval = 0), "recurrenceRule.interval");
        assert_eq!(refused(|draft| rule(draft).interval = -2), "recurrenceRule.interval");
        assert_eq!(refused(|draft| rule(draft).interval = i64::MAX), "recurrenceRule.interval");
        assert_eq!(refused(|draft| rule(draft).count = -1), "recurrenceRule.count");
        assert_eq!(refused(|draft| rule(draft).count = i64::MAX), "recurrenceRule.count");
        assert_eq!(refused(|draft| rule(draft).date_until = 1_761_400_000), "recurrenceRule.dateUntil");
        assert_eq!(refused(|draft| rule(draft).date_until = i64::MAX), "recurrenceRule.dateUntil");
        assert_eq!(refused(|draft| rule(draft).by_day = vec![]), "recurrenceRule.byDay");
        assert_eq!(refused(|draft| rule(draft).by_day = vec![0]), "recurrenceRule.byDay");
        assert_eq!(refused(|draft| rule(draft).by_day = vec![1, 8]), "recurrenceRule.byDay");
    }

    #[test]
    fn a_calendar_day_is_written_in_one_way() {
        assert!(calendar_day("date", "2024-02-29").is_ok());
        for bad in ["2026-02-29", "2026-2-9", "10000-01-01", "20260101", "+2026-01-1", "", "today"] {
            assert!(calendar_day("date", bad).is_err(), "{bad}");
        }
    }
}
