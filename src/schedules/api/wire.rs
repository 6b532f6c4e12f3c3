//! The contract's types.
//!
//! Must not know: SQL, other domains. Source of names and shapes: the vendor's document, the seed; of bounds:
//! contracts/schedules.md.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use poem_openapi::{Enum, Object};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::auth::model::PartyRef;
use crate::http::Failure;
use crate::schedules::model::{Draft, DraftRule, Schedule as Kept};
use crate::schedules::recurrence::Frequency;
use crate::schedules::service::contract::Shown;

/// A party as a caller names it: its number, or its GLN as a number or as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartyName(String);

impl PartyName {
    /// The party it names; `field` is where it stands.
    pub fn parse(&self, field: impl Into<String>) -> Result<PartyRef, Failure> {
        PartyRef::parse(&self.0).map_err(|rule| Failure::invalid_field(field, rule.0))
    }
}

/// Every party of a list, by where it stands.
pub fn parties(names: &[PartyName], field: &str) -> Result<Vec<PartyRef>, Failure> {
    names.iter().enumerate().map(|(at, name)| name.parse(format!("{field}[{at}]"))).collect()
}

impl Type for PartyName {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "party".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let number = MetaSchema { minimum: Some(0.0), ..MetaSchema::new_with_format("integer", "int64") };
        let text = MetaSchema { pattern: Some(r"^\d{1,13}$".to_owned()), ..MetaSchema::new("string") };
        let forms = [number, text].map(|form| MetaSchemaRef::Inline(Box::new(form)));
        MetaSchemaRef::Inline(Box::new(MetaSchema { any_of: forms.into(), ..MetaSchema::ANY }))
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl ToJSON for PartyName {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.0.clone()))
    }
}

impl ParseFromJSON for PartyName {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value {
            // A GLN may begin with zeros, which a number has not.
            Some(Value::Number(number)) => Ok(Self(number.to_string())),
            Some(Value::String(text)) => Ok(Self(text)),
            _ => Err(ParseError::custom("must be a party's number or its GLN")),
        }
    }
}

/// A sign-in.
#[derive(Object)]
#[oai(rename = "ScheduleSignIn")]
pub struct SignIn {
    /// A user's name, or an e-mail address that an ADMIN has confirmed and that no other enabled user has.
    #[oai(validator(min_length = 1, max_length = 256))]
    pub username: String,
    /// Its password.
    #[oai(validator(min_length = 1, max_length = 256))]
    pub password: String,
}

/// A session.
#[derive(Debug, Object)]
#[oai(rename = "ScheduleSession")]
pub struct Session {
    /// What to send bare as `Authorization`. 20 minutes of idleness end it.
    #[oai(rename = "SID")]
    pub sid: Uuid,
}

/// How often a schedule repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "ScheduleFrequency", rename_all = "UPPERCASE")]
pub enum FrequencyWord {
    /// Each n-th day.
    Daily,
    /// On days of each n-th week.
    Weekly,
}

/// How a schedule repeats.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase")]
pub struct RecurrenceRule {
    /// How often.
    pub frequency: FrequencyWord,
    /// Each how many days or weeks.
    #[oai(validator(minimum(value = "1"), maximum(value = "4294967295")))]
    pub interval: i64,
    /// How many occurrences at most; 0 or absent: no limit.
    #[oai(nullable, validator(minimum(value = "0")))]
    pub count: Option<i64>,
    /// Unix seconds on the last day that may be one; 0 or absent: no limit.
    #[oai(nullable, validator(minimum(value = "0")))]
    pub date_until: Option<i64>,
    /// Days of the week, 1 is Monday; at least one for WEEKLY. A DAILY rule with some has the occurrences that fall on
    /// them.
    #[oai(nullable, skip_serializing_if_is_none, validator(max_items = 7))]
    pub by_day: Option<Vec<i64>>,
}

/// A schedule to be made, or all that one is to be from now on: what is absent is erased. The server's own fields
/// (`dateCreated`, `dateChanged`, `dateEnd`, `dateClosest`, `producerId`) are ignored.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase")]
pub struct ScheduleRequest {
    /// Its number: required to replace one.
    #[oai(nullable)]
    pub id: Option<i64>,
    /// Its name.
    #[oai(validator(min_length = 1, max_length = 256))]
    pub name: String,
    /// Unix seconds on its first day, in the producer's time zone.
    #[oai(validator(minimum(value = "0")))]
    pub date_start: i64,
    /// From when orders may be sent, `HH:MM:SS`.
    pub time_from: String,
    /// Until when, `HH:MM:SS`, this second included. Before `timeFrom`: on the day after.
    pub time_to: String,
    /// When distributors are reminded, `HH:MM:SS`.
    #[oai(nullable)]
    pub time_remind: Option<String>,
    /// Whether orders outside of the windows are refused.
    #[oai(nullable)]
    pub block: Option<bool>,
    /// 1 individual, 2 general; absent: individual if there are distributors.
    #[oai(nullable, rename = "type")]
    pub kind: Option<i64>,
    /// How it repeats; absent: it is for one day.
    #[oai(nullable)]
    pub recurrence_rule: Option<RecurrenceRule>,
    /// Whom it is for, by number or GLN; required when `type` is 1.
    #[oai(nullable, validator(max_items = 2000))]
    pub distributors: Option<Vec<PartyName>>,
}

impl ScheduleRequest {
    /// What it says, to be checked for its producer.
    pub fn into_draft(self) -> Result<Draft, Failure> {
        let rule = self.recurrence_rule.map(|rule| DraftRule {
            frequency: match rule.frequency {
                FrequencyWord::Daily => Frequency::Daily,
                FrequencyWord::Weekly => Frequency::Weekly,
            },
            interval: rule.interval,
            count: rule.count.unwrap_or(0),
            date_until: rule.date_until.unwrap_or(0),
            by_day: rule.by_day.unwrap_or_default(),
        });
        Ok(Draft {
            name: self.name,
            date_start: self.date_start,
            time_from: self.time_from,
            time_to: self.time_to,
            // An empty text is how some clients say that there is none.
            time_remind: self.time_remind.filter(|time| !time.is_empty()),
            block: self.block.unwrap_or(false),
            kind: self.kind,
            rule,
            distributors: parties(&self.distributors.unwrap_or_default(), "distributors")?,
        })
    }
}

/// A schedule.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase")]
pub struct Schedule {
    /// Its number.
    pub id: i64,
    /// The producer's number.
    pub producer_id: i64,
    /// Its name.
    pub name: String,
    /// When it was made, in Unix seconds.
    pub date_created: i64,
    /// When it was last changed, in Unix seconds.
    pub date_changed: i64,
    /// Its beginning as it was sent, in Unix seconds.
    pub date_start: i64,
    /// The start of its last day in Unix seconds; 0: it does not end.
    pub date_end: i64,
    /// From when orders may be sent.
    pub time_from: String,
    /// Until when.
    pub time_to: String,
    /// When distributors are reminded.
    #[oai(skip_serializing_if_is_none)]
    pub time_remind: Option<String>,
    /// Whether orders outside of the windows are refused.
    pub block: bool,
    /// 1 individual, 2 general.
    #[oai(rename = "type")]
    pub kind: i32,
    /// How it repeats.
    #[oai(skip_serializing_if_is_none)]
    pub recurrence_rule: Option<RecurrenceRule>,
    /// The numbers of those it is for, if it is individual.
    #[oai(default, skip_serializing_if_is_empty)]
    pub distributors: Vec<i64>,
    /// The start of the nearest day on which orders may be sent, in Unix seconds: today while its window is still open.
    #[oai(skip_serializing_if_is_none)]
    pub date_closest: Option<i64>,
}

impl From<Shown> for Schedule {
    fn from(shown: Shown) -> Self {
        let Kept { id, producer, terms, distributors, created_at, changed_at, .. } = shown.schedule;
        let recurrence_rule = terms.repeat.map(|repeat| RecurrenceRule {
            frequency: match repeat.rule.frequency {
                Frequency::Daily => FrequencyWord::Daily,
                Frequency::Weekly => FrequencyWord::Weekly,
            },
            interval: repeat.rule.interval.into(),
            count: Some(repeat.rule.count.map_or(0, |count| i64::try_from(count).unwrap_or(i64::MAX))),
            date_until: Some(repeat.date_until.unwrap_or(0)),
            by_day: (!repeat.rule.days.is_empty()).then(|| repeat.rule.days.numbers().map(i64::from).collect()),
        });
        Self {
            id: id.0,
            producer_id: producer.0,
            name: terms.name.as_str().to_owned(),
            date_created: created_at.as_unix_seconds(),
            date_changed: changed_at.as_unix_seconds(),
            date_start: terms.date_start,
            date_end: shown.date_end,
            time_from: terms.hours.from().to_string(),
            time_to: terms.hours.to().to_string(),
            time_remind: terms.remind.map(|time| time.to_string()),
            block: terms.block,
            kind: terms.kind.number().into(),
            recurrence_rule,
            distributors: distributors.into_iter().map(|id| id.0).collect(),
            date_closest: shown.date_closest,
        }
    }
}

/// What `/docs` offers for a sign-in.
pub fn sign_in_example() -> Value {
    json!({"username": "petro", "password": "a long enough password"})
}

/// What a sign-in answers.
pub fn session_example() -> Value {
    json!({"SID": "6f2d1c55-32dd-4f8e-9b0a-2a3f2b7c9f10"})
}

/// What `/docs` offers for a schedule to be made.
pub fn new_schedule_example() -> Value {
    let mut schedule = schedule_example();
    if let Some(fields) = schedule.as_object_mut() {
        fields.remove("id");
    }
    schedule
}

/// What `/docs` offers for a schedule to be replaced: the vendor's own.
pub fn schedule_example() -> Value {
    json!({
        "id": 17,
        "name": "Test6",
        "dateStart": 1_761_516_000,
        "timeFrom": "09:00:00",
        "timeTo": "21:00:00",
        "block": false,
        "type": 1,
        "recurrenceRule": {
            "frequency": "WEEKLY", "interval": 1, "count": 50, "dateUntil": 0, "byDay": [1, 2, 4, 6],
        },
        "distributors": [13_200_791, 13_202_863],
    })
}

/// What is answered to it.
pub fn schedule_answer() -> Value {
    json!({
        "id": 17,
        "producerId": 13_200_001,
        "name": "Test6",
        "dateCreated": 1_761_400_000,
        "dateChanged": 1_761_400_000,
        "dateStart": 1_761_516_000,
        "dateEnd": 1_768_860_000,
        "timeFrom": "09:00:00",
        "timeTo": "21:00:00",
        "block": false,
        "type": 1,
        "recurrenceRule": {
            "frequency": "WEEKLY", "interval": 1, "count": 50, "dateUntil": 0, "byDay": [1, 2, 4, 6],
        },
        "distributors": [13_200_791, 13_202_863],
        "dateClosest": 1_761_516_000,
    })
}

/// What a list of them looks like.
pub fn schedules_answer() -> Value {
    json!([schedule_answer()])
}

/// What `/docs` offers for producers to ask about.
pub fn producers_example() -> Value {
    json!([13_200_001])
}

/// What is answered to it.
pub fn relevant_answer() -> Value {
    json!({"13200001": schedule_answer()})
}

/// Days of a month.
pub fn days_answer() -> Value {
    json!([1, 2, 3])
}
