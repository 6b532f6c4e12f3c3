//! The types of the house API of order schedules.
//!
//! Must not know: SQL, other domains.

use chrono::NaiveDate;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Enum, Object};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::auth::model::{self, Gln, PartyId, PartyKind, PartyName, Refused, zone};
use crate::auth::parties::{NewParty as New, PartyChange as Change};
use crate::clock::Timestamp;
use crate::http::Failure;
use crate::http::wire::Instant;
use crate::i18n::Language;
use crate::schedules::civil::TimeOfDay;
use crate::schedules::model::{self as kept, FeedOf};
use crate::schedules::service::calendars::FeedSecret;
use crate::schedules::service::order_windows::{Explanation as Explained, Verdict};
use crate::schedules::windows::{Exception as Kept, Hours, Window as Opening};

/// The side of trade a party is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "PartyKind", rename_all = "UPPERCASE")]
pub enum PartyKindWord {
    /// It sells.
    Producer,
    /// It buys.
    Distributor,
    /// It does both.
    Both,
}

impl From<PartyKind> for PartyKindWord {
    fn from(kind: PartyKind) -> Self {
        match kind {
            PartyKind::Producer => Self::Producer,
            PartyKind::Distributor => Self::Distributor,
            PartyKind::Both => Self::Both,
        }
    }
}

impl From<PartyKindWord> for PartyKind {
    fn from(word: PartyKindWord) -> Self {
        match word {
            PartyKindWord::Producer => Self::Producer,
            PartyKindWord::Distributor => Self::Distributor,
            PartyKindWord::Both => Self::Both,
        }
    }
}

/// A producer or a distributor.
#[derive(Debug, Object)]
pub struct Party {
    /// Its number in the company.
    #[oai(validator(minimum(value = "1"), maximum(value = "999999999999")))]
    pub id: i64,
    /// Its GLN.
    #[oai(validator(min_length = 13, max_length = 13))]
    pub gln: String,
    /// Its name.
    #[oai(validator(min_length = 1, max_length = 256))]
    pub name: String,
    /// Which side it is on.
    pub kind: PartyKindWord,
    /// The IANA time zone its days go by: its own, else the company's.
    #[oai(validator(min_length = 1, max_length = 64))]
    pub zone: String,
    /// Whether that is its own.
    pub own_zone: bool,
    /// Whether the contract finds it.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last changed, if ever.
    #[oai(nullable)]
    pub edited_at: Option<Instant>,
}

impl From<model::Party> for Party {
    fn from(party: model::Party) -> Self {
        Self {
            id: party.id.0,
            gln: party.gln.to_string(),
            name: party.name.as_str().to_owned(),
            kind: party.kind.into(),
            zone: party.zone.name().to_owned(),
            own_zone: party.own_zone.is_some(),
            enabled: party.enabled,
            created_at: Instant::utc(party.created_at),
            edited_at: party.edited_at.map(Instant::utc),
        }
    }
}

/// A page of parties.
#[derive(Debug, Object)]
pub struct PartyPage {
    /// The page, by number.
    #[oai(validator(max_items = 200))]
    pub items: Vec<Party>,
    /// Pass it as `page_token` for the next page; absent on the last.
    #[oai(skip_serializing_if_is_none, validator(max_length = 128))]
    pub next_page_token: Option<String>,
}

/// A party to be made.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewParty {
    /// Its number; without it, the one after the highest.
    #[oai(validator(minimum(value = "1"), maximum(value = "999999999999")))]
    pub id: Option<i64>,
    /// Its GLN: 13 digits, the last of which checks the others; unique in the company, and for good.
    pub gln: String,
    /// Its name.
    #[oai(validator(min_length = 1, max_length = 256))]
    pub name: String,
    /// Which side it is on.
    pub kind: PartyKindWord,
    /// Its own IANA time zone; absent: the company's.
    pub zone: Option<String>,
}

impl NewParty {
    /// What it says, checked.
    pub fn parse(self) -> Result<New, Refused> {
        Ok(New {
            id: self.id.map(PartyId::parse).transpose().map_err(|rule| Refused { field: "id", rule })?,
            gln: Gln::parse(self.gln).map_err(|rule| Refused { field: "gln", rule })?,
            name: PartyName::parse(self.name).map_err(|rule| Refused { field: "name", rule })?,
            kind: self.kind.into(),
            zone: self.zone.as_deref().map(zone).transpose().map_err(|rule| Refused { field: "zone", rule })?,
        })
    }
}

/// A change of a party: what is absent stays.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct PartyChange {
    /// Its name.
    #[oai(validator(min_length = 1, max_length = 256))]
    pub name: Option<String>,
    /// Which side it is on.
    pub kind: Option<PartyKindWord>,
    /// Its own IANA time zone; null: the company's.
    #[oai(nullable)]
    pub zone: MaybeUndefined<String>,
    /// Whether the contract finds it. Nothing of a disabled one is lost.
    pub enabled: Option<bool>,
}

impl PartyChange {
    /// What it says, checked.
    pub fn parse(self) -> Result<Change, Refused> {
        let own_zone = match self.zone {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(name) => Some(Some(zone(&name).map_err(|rule| Refused { field: "zone", rule })?)),
        };
        Ok(Change {
            name: self.name.map(PartyName::parse).transpose().map_err(|rule| Refused { field: "name", rule })?,
            kind: self.kind.map(PartyKind::from),
            zone: own_zone,
            enabled: self.enabled,
        })
    }
}

/// The parties a user may act for.
#[derive(Debug, Object)]
pub struct UserParties {
    /// The parties, by number.
    #[oai(validator(max_items = 1000))]
    pub items: Vec<Party>,
}

/// The parties a user is bound to from now on.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct Binding {
    /// Numbers or GLNs, as texts; none: bound to no party.
    #[oai(validator(max_items = 1000))]
    pub parties: Vec<String>,
}

/// A time zone.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct Zone {
    /// Its IANA name.
    #[oai(validator(min_length = 1, max_length = 64))]
    pub zone: String,
}

/// What is different on one day of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "ScheduleExceptionKind", rename_all = "UPPERCASE")]
pub enum ExceptionKind {
    /// No orders.
    Skip,
    /// Orders although the rule has no such day, or a holiday forbids it.
    Extra,
    /// Orders at other hours.
    Move,
}

impl ExceptionKind {
    /// The word of its kind.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Skip => Kept::WORDS[0],
            Self::Extra => Kept::WORDS[1],
            Self::Move => Kept::WORDS[2],
        }
    }
}

/// An exception to be written.
#[derive(Debug, Object)]
#[oai(rename = "NewScheduleException", deny_unknown_fields)]
pub struct NewException {
    /// What is different.
    pub kind: ExceptionKind,
    /// From when orders may be sent that day, `HH:MM:SS`: required to move, the schedule's own when an extra day has none.
    pub time_from: Option<String>,
    /// Until when.
    pub time_to: Option<String>,
}

/// Reads hours that are both there or both absent.
pub fn hours(from: Option<&str>, to: Option<&str>) -> Result<Option<Hours>, Refused> {
    let time = |field, text: &str| TimeOfDay::parse(text).map_err(|rule| Refused { field, rule });
    match (from, to) {
        (None, None) => Ok(None),
        (Some(from), Some(to)) => {
            let hours = Hours::new(time("time_from", from)?, time("time_to", to)?);
            hours.map(Some).map_err(|_| Refused::new("time_to", "must differ from time_from"))
        }
        (Some(_), None) => Err(Refused::new("time_to", "is required with time_from")),
        (None, Some(_)) => Err(Refused::new("time_from", "is required with time_to")),
    }
}

impl NewException {
    /// What it says, checked.
    pub fn parse(&self) -> Result<Kept, Refused> {
        Kept::new(self.kind.word(), hours(self.time_from.as_deref(), self.time_to.as_deref())?)
    }
}

/// An exception to a schedule.
#[derive(Debug, Object)]
#[oai(rename = "ScheduleException")]
pub struct Exception {
    /// The day.
    pub date: NaiveDate,
    /// What is different.
    pub kind: ExceptionKind,
    /// From when orders may be sent, if it has hours of its own.
    #[oai(nullable, validator(max_length = 8))]
    pub time_from: Option<String>,
    /// Until when.
    #[oai(nullable, validator(max_length = 8))]
    pub time_to: Option<String>,
}

impl Exception {
    /// The exception on a day.
    #[must_use]
    pub fn of(date: NaiveDate, exception: Kept) -> Self {
        let kind = match exception {
            Kept::Skip => ExceptionKind::Skip,
            Kept::Extra(_) => ExceptionKind::Extra,
            Kept::Move(_) => ExceptionKind::Move,
        };
        let hours = exception.hours();
        Self {
            date,
            kind,
            time_from: hours.map(|hours| hours.from().to_string()),
            time_to: hours.map(|hours| hours.to().to_string()),
        }
    }
}

/// The exceptions to a schedule.
#[derive(Debug, Object)]
#[oai(rename = "ScheduleExceptionPage")]
pub struct ExceptionPage {
    /// In the order of their days.
    #[oai(validator(max_items = 1000))]
    pub items: Vec<Exception>,
}

/// A holiday of the company.
#[derive(Debug, Object)]
pub struct Holiday {
    /// The day.
    pub date: NaiveDate,
    /// What it is called.
    #[oai(validator(min_length = 1, max_length = 256))]
    pub name: String,
}

impl From<kept::Holiday> for Holiday {
    fn from(holiday: kept::Holiday) -> Self {
        Self { date: holiday.day, name: holiday.name }
    }
}

/// The holidays of the company.
#[derive(Debug, Object)]
pub struct HolidayPage {
    /// In the order of their days.
    #[oai(validator(max_items = 1000))]
    pub items: Vec<Holiday>,
}

/// A holiday to be written.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewHoliday {
    /// What it is called.
    #[oai(validator(min_length = 1, max_length = 256))]
    pub name: String,
}

/// A language of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "Language", rename_all = "lowercase")]
pub enum Lang {
    /// English.
    En,
    /// Russian.
    Ru,
    /// Ukrainian.
    Uk,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::En => Self::En,
            Lang::Ru => Self::Ru,
            Lang::Uk => Self::Uk,
        }
    }
}

/// The schedule that decides.
#[derive(Debug, Object)]
pub struct DecidingSchedule {
    /// Its number.
    pub id: i64,
    /// Its name.
    #[oai(validator(min_length = 1, max_length = 256))]
    pub name: String,
    /// 1 individual, 2 general.
    #[oai(rename = "type", validator(minimum(value = "1"), maximum(value = "2")))]
    pub kind: i32,
    /// Whether it refuses orders outside of its windows.
    pub block: bool,
}

impl From<kept::Schedule> for DecidingSchedule {
    fn from(schedule: kept::Schedule) -> Self {
        Self {
            id: schedule.id.0,
            name: schedule.terms.name.as_str().to_owned(),
            kind: schedule.terms.kind.number().into(),
            block: schedule.terms.block,
        }
    }
}

/// A stretch of time in which orders may be sent.
#[derive(Debug, Object)]
pub struct OrderWindow {
    /// The day it belongs to: the one it opens on.
    pub date: NaiveDate,
    /// Its first second.
    pub opens_at: Instant,
    /// Its last second.
    pub closes_at: Instant,
}

impl From<Opening> for OrderWindow {
    fn from(window: Opening) -> Self {
        let instant = |at| Instant::utc(Timestamp::from_unix_seconds(at));
        Self { date: window.day, opens_at: instant(window.opens_at), closes_at: instant(window.closes_at) }
    }
}

/// Why an order may be sent or may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderGround {
    /// No schedule decides.
    NoSchedule,
    /// A window is open.
    WindowOpen,
    /// No window is open, and the schedule does not block.
    OutsideNotBlocking,
    /// No window is open, and the schedule blocks.
    OutsideBlocked,
}

/// Whether an order may be sent.
#[derive(Debug, Object)]
pub struct OrderCheck {
    /// Whether it may.
    pub allowed: bool,
    /// Why.
    pub reason: OrderGround,
    /// The same in words.
    #[oai(validator(max_length = 512))]
    pub text: String,
    /// The schedule that decides.
    #[oai(nullable)]
    pub schedule: Option<DecidingSchedule>,
    /// The window that is open.
    #[oai(nullable)]
    pub window: Option<OrderWindow>,
    /// The window that opens next.
    #[oai(nullable)]
    pub next_window: Option<OrderWindow>,
}

impl OrderCheck {
    /// The verdict in a language.
    #[must_use]
    pub fn of(verdict: Verdict, language: Language) -> Self {
        use crate::schedules::explain::Ground;
        let reason = match verdict.ground {
            Ground::NoSchedule => OrderGround::NoSchedule,
            Ground::Open => OrderGround::WindowOpen,
            Ground::NotBlocking => OrderGround::OutsideNotBlocking,
            Ground::Blocked => OrderGround::OutsideBlocked,
        };
        Self {
            allowed: verdict.ground.allows(),
            reason,
            text: verdict.ground.say(language),
            schedule: verdict.schedule.map(DecidingSchedule::from),
            window: verdict.window.map(OrderWindow::from),
            next_window: verdict.next.map(OrderWindow::from),
        }
    }
}

/// Why a day is as it is.
#[derive(Debug, Object)]
pub struct OrderExplanation {
    /// The day.
    pub date: NaiveDate,
    /// The schedule that decides.
    #[oai(nullable)]
    pub schedule: Option<DecidingSchedule>,
    /// What decided within it: `RULE`, `NO_OCCURRENCE`, `SKIPPED`, `EXTRA`, `MOVED`, `HOLIDAY`, `NOT_BEGUN`, `ENDED`,
    /// `NO_SUCH_DAY`; null: no schedule decides.
    #[oai(nullable, validator(max_length = 32))]
    pub reason: Option<String>,
    /// When orders may be sent that day.
    #[oai(nullable)]
    pub window: Option<OrderWindow>,
    /// All of it in words.
    #[oai(validator(max_length = 2048))]
    pub text: String,
}

impl OrderExplanation {
    /// The explanation of a day.
    #[must_use]
    pub fn of(date: NaiveDate, explained: Explained) -> Self {
        Self {
            date,
            schedule: explained.schedule.map(DecidingSchedule::from),
            reason: explained.reason.map(str::to_owned),
            window: explained.window.map(OrderWindow::from),
            text: explained.text,
        }
    }
}

/// The address of a calendar, without its secret.
#[derive(Debug, Object)]
pub struct CalendarFeed {
    /// Its id.
    pub id: Uuid,
    /// What it is for.
    #[oai(validator(min_length = 1, max_length = 256))]
    pub name: String,
    /// The schedule it shows, if it is one schedule's.
    #[oai(nullable)]
    pub schedule_id: Option<i64>,
    /// The number of the distributor it shows all of, if it is a distributor's.
    #[oai(nullable)]
    pub distributor: Option<i64>,
    /// The first characters of its secret.
    #[oai(validator(min_length = 1, max_length = 16))]
    pub hint: String,
    /// When it was made.
    pub created_at: Instant,
}

impl From<kept::Feed> for CalendarFeed {
    fn from(feed: kept::Feed) -> Self {
        let (schedule_id, distributor) = match feed.of {
            FeedOf::Schedule(id) => (Some(id.0), None),
            FeedOf::Distributor(id) => (None, Some(id.0)),
        };
        let created_at = Instant::utc(feed.created_at);
        Self { id: feed.guid, name: feed.name, schedule_id, distributor, hint: feed.hint, created_at }
    }
}

/// A page of calendar feeds.
#[derive(Debug, Object)]
pub struct CalendarFeedPage {
    /// The page, oldest first.
    #[oai(validator(max_items = 200))]
    pub items: Vec<CalendarFeed>,
    /// Pass it as `page_token` for the next page; absent on the last.
    #[oai(skip_serializing_if_is_none, validator(max_length = 128))]
    pub next_page_token: Option<String>,
}

/// A calendar feed to be made: of one schedule, or of all that decides for a distributor.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewCalendarFeed {
    /// What it is for.
    #[oai(validator(min_length = 1, max_length = 256))]
    pub name: String,
    /// The schedule.
    pub schedule_id: Option<i64>,
    /// The distributor's number or GLN, as text.
    pub distributor: Option<String>,
}

/// A feed that was made.
#[derive(Debug, Object)]
pub struct CreatedCalendarFeed {
    /// The feed.
    pub feed: CalendarFeed,
    /// Its path on this server, with the secret: shown this once, and null when the request was a repeated one.
    #[oai(nullable, validator(min_length = 1, max_length = 128))]
    pub path: Option<String>,
}

impl CreatedCalendarFeed {
    /// A feed, with its secret if this request made it.
    #[must_use]
    pub fn of(feed: kept::Feed, secret: Option<&FeedSecret>) -> Self {
        let path = secret.map(|secret| format!("/comptoir/v1/calendars/{}.ics", secret.expose()));
        Self { feed: feed.into(), path }
    }
}

/// Reads an instant: Unix seconds, or RFC 3339.
pub fn instant(field: &'static str, text: &str) -> Result<i64, Failure> {
    let seconds = text.parse::<i64>().ok().or_else(|| Timestamp::from_rfc3339(text).map(Timestamp::as_unix_seconds));
    // To the end of the year 9999.
    seconds.filter(|seconds| (0..=253_402_300_799).contains(seconds)).ok_or_else(|| {
        Failure::invalid_field(field, "must be Unix seconds, or an instant such as 2026-01-31T23:59:59Z")
    })
}

/// What `/docs` offers for a party to be made.
pub fn new_party_example() -> Value {
    json!({"id": 13_200_791, "gln": "4820000000017", "name": "Dnipro Retail", "kind": "DISTRIBUTOR"})
}

/// What `/docs` offers for a change of one.
pub fn party_change_example() -> Value {
    json!({"name": "Dnipro Retail Group", "zone": "Europe/Kyiv"})
}

/// What `/docs` offers for a binding.
pub fn binding_example() -> Value {
    json!({"parties": ["13200791"]})
}

/// What `/docs` offers for a zone.
pub fn zone_example() -> Value {
    json!({"zone": "Europe/Kyiv"})
}

/// What `/docs` offers for an exception.
pub fn exception_example() -> Value {
    json!({"kind": "MOVE", "time_from": "12:00:00", "time_to": "18:00:00"})
}

/// What `/docs` offers for a holiday.
pub fn holiday_example() -> Value {
    json!({"name": "Independence Day"})
}

/// What `/docs` offers for a feed.
pub fn new_feed_example() -> Value {
    json!({"name": "the buyers' phones", "distributor": "13200791"})
}
