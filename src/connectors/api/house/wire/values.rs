//! Newest values, the tree of keys and series on the wire.

use chrono::FixedOffset;
use chrono_tz::Tz;
use poem_openapi::{Enum, Object};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::utc;
use crate::clock::Timestamp;
use crate::connectors::api::wire::AnyJson;
use crate::connectors::buckets::{self, Bucket, Step};
use crate::connectors::model::UnixSeconds;
use crate::connectors::service::reading::{LatestPage, Node, Place};
use crate::connectors::service::series::Cutting;
use crate::connectors::value::Value;
use crate::http::Failure;
use crate::http::wire::Instant;

/// What kind of value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// Null.
    Null,
    /// True or false.
    Boolean,
    /// A number.
    Number,
    /// A text.
    String,
    /// An instant: `valueType` was `datetime`.
    Datetime,
}

impl From<&Value> for ValueKind {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::Text(_) => Self::String,
            Value::Instant(_) => Self::Datetime,
        }
    }
}

/// The newest value of a key of a system and a merchant.
#[derive(Debug, Object, Serialize)]
pub struct LatestValue {
    /// The key.
    key: String,
    /// The code of the external system.
    system: String,
    /// The code of the merchant; null: of none.
    #[oai(nullable)]
    merchant: Option<String>,
    /// Its timestamp.
    at: Instant,
    /// The value; a number exactly as it was sent.
    value: AnyJson,
    /// Its kind.
    kind: ValueKind,
}

/// A page of newest values.
#[derive(Debug, Object, Serialize)]
pub struct LatestValuePage {
    /// The page, by key, system and merchant.
    #[oai(validator(max_items = 10000))]
    items: Vec<LatestValue>,
    /// Pass it as `page_token` for the next page; absent on the last.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

impl LatestValuePage {
    /// A page; `token` names the place of its last value.
    pub fn of(page: LatestPage, token: impl FnOnce(&Place) -> String) -> Self {
        let LatestPage { values, is_last, codes } = page;
        let last = values.last().filter(|_| !is_last);
        let next_page_token =
            last.map(|last| token(&Place { key: last.key.clone(), system: last.system, merchant: last.merchant }));
        let items = values.into_iter().map(|latest| LatestValue {
            system: codes.system(latest.system).to_owned(),
            merchant: codes.merchant(latest.merchant).map(str::to_owned),
            at: utc(latest.at),
            value: AnyJson::from(&latest.value),
            kind: ValueKind::from(&latest.value),
            key: latest.key,
        });
        Self { items: items.collect(), next_page_token }
    }
}

/// A place as a page token has it: no key contains NUL.
#[must_use]
pub fn place_text(place: &Place) -> String {
    format!("{}\0{}\0{}", place.system, place.merchant, place.key)
}

/// Reads such a place; nothing is the beginning.
pub fn place_of(text: &str) -> Result<Place, Failure> {
    if text.is_empty() {
        return Ok(Place::default());
    }
    let foreign = || Failure::invalid_field("page_token", "is not one of this list");
    let mut parts = text.splitn(3, '\0');
    let mut number = || parts.next().and_then(|part| part.parse().ok()).ok_or_else(foreign);
    let (system, merchant) = (number()?, number()?);
    let key = parts.next().ok_or_else(foreign)?.to_owned();
    Ok(Place { key, system, merchant })
}

/// A node of the tree of keys.
#[derive(Debug, Object)]
pub struct TreeNode {
    /// What stands between two dots.
    name: String,
    /// The whole path.
    path: String,
    /// Whether it is itself a key.
    is_key: bool,
    /// Whether there are keys below it.
    has_children: bool,
}

impl From<Node> for TreeNode {
    fn from(node: Node) -> Self {
        let Node { name, path, is_key, has_children } = node;
        Self { name, path, is_key, has_children }
    }
}

/// A page of nodes.
#[derive(Debug, Object)]
pub struct KeyPage {
    /// The page, by name.
    #[oai(validator(max_items = 200))]
    pub items: Vec<TreeNode>,
    /// Pass it as `page_token` for the next page; absent on the last.
    #[oai(skip_serializing_if_is_none)]
    pub next_page_token: Option<String>,
}

/// A value of a series.
#[derive(Debug, Object, Serialize)]
pub struct SeriesValue {
    /// Its timestamp.
    at: Instant,
    /// The value; a number exactly as it was sent.
    value: AnyJson,
    /// Its kind.
    kind: ValueKind,
}

/// A page of a series.
#[derive(Debug, Object, Serialize)]
pub struct SeriesPage {
    /// The page, oldest first.
    #[oai(validator(max_items = 10000))]
    items: Vec<SeriesValue>,
    /// Pass it as `page_token` for the next page; absent on the last.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

impl SeriesPage {
    /// A page; `token` names the instant of its last value.
    pub fn of(values: &[(UnixSeconds, Value)], is_last: bool, token: impl FnOnce(UnixSeconds) -> String) -> Self {
        let next_page_token = values.last().filter(|_| !is_last).map(|(at, _)| token(*at));
        let item = |(at, value): &(UnixSeconds, Value)| SeriesValue {
            at: utc(*at),
            value: AnyJson::from(value),
            kind: ValueKind::from(value),
        };
        Self { items: values.iter().map(item).collect(), next_page_token }
    }
}

/// How long a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum StepWord {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A civil day.
    Day,
}

impl From<StepWord> for Step {
    fn from(word: StepWord) -> Self {
        match word {
            StepWord::Minute => Self::Minute,
            StepWord::Hour => Self::Hour,
            StepWord::Day => Self::Day,
        }
    }
}

impl From<Step> for StepWord {
    fn from(step: Step) -> Self {
        match step {
            Step::Minute => Self::Minute,
            Step::Hour => Self::Hour,
            Step::Day => Self::Day,
        }
    }
}

/// What the values of a minute, hour or day come to.
#[derive(Debug, Object, Serialize)]
pub struct BucketFigures {
    /// How many values there were, of whatever kind.
    count: u64,
    /// The least number; null: there was none.
    #[oai(nullable)]
    min: Option<AnyJson>,
    /// The greatest number.
    #[oai(nullable)]
    max: Option<AnyJson>,
    /// The mean of the numbers; null also beyond what a float holds.
    #[oai(nullable)]
    avg: Option<f64>,
    /// Their sum, exact if all of them are integers; null also beyond what a float holds.
    #[oai(nullable)]
    sum: Option<AnyJson>,
    /// The newest number.
    #[oai(nullable)]
    last: Option<AnyJson>,
}

impl From<&Bucket> for BucketFigures {
    fn from(bucket: &Bucket) -> Self {
        let numbers = bucket.numbers.as_ref();
        let number = |text: Option<String>| text.and_then(AnyJson::of_number);
        Self {
            count: bucket.count,
            min: number(numbers.map(|numbers| numbers.min.text())),
            max: number(numbers.map(|numbers| numbers.max.text())),
            avg: numbers.and_then(buckets::Numbers::mean),
            sum: number(numbers.and_then(buckets::Numbers::sum)),
            last: number(numbers.map(|numbers| numbers.last.text())),
        }
    }
}

/// A minute, hour or day of a series.
#[derive(Debug, Object, Serialize)]
pub struct SeriesBucket {
    /// Where it begins, in local time.
    start: Instant,
    /// Where it ends.
    end: Instant,
    /// How many values there were, of whatever kind.
    count: u64,
    /// The least number; null: there was none.
    #[oai(nullable)]
    min: Option<AnyJson>,
    /// The greatest number.
    #[oai(nullable)]
    max: Option<AnyJson>,
    /// The mean of the numbers; null also beyond what a float holds.
    #[oai(nullable)]
    avg: Option<f64>,
    /// Their sum, exact if all of them are integers; null also beyond what a float holds.
    #[oai(nullable)]
    sum: Option<AnyJson>,
    /// The newest number.
    #[oai(nullable)]
    last: Option<AnyJson>,
}

/// An instant in local time.
fn local(zone: Tz, at: UnixSeconds) -> Instant {
    let offset = i32::try_from(buckets::offset_at(zone, at)).ok().and_then(FixedOffset::east_opt);
    Instant::at_offset(Timestamp::from_unix_seconds(at), offset.unwrap_or(FixedOffset::east_opt(0).expect("an offset")))
}

/// A series by minutes, hours or days.
#[derive(Debug, Object, Serialize)]
pub struct SeriesBuckets {
    /// The IANA name of the time zone.
    zone: String,
    /// How long each is.
    step: StepWord,
    /// Every one of the period, those without values too.
    #[oai(validator(max_items = 50000))]
    items: Vec<SeriesBucket>,
}

impl SeriesBuckets {
    /// A series that was cut.
    #[must_use]
    pub fn of(step: Step, cutting: &Cutting) -> Self {
        let zone = cutting.zone;
        let item = |(start, end, bucket): &(UnixSeconds, UnixSeconds, Bucket)| {
            let BucketFigures { count, min, max, avg, sum, last } = bucket.into();
            SeriesBucket { start: local(zone, *start), end: local(zone, *end), count, min, max, avg, sum, last }
        };
        Self { zone: zone.name().to_owned(), step: step.into(), items: cutting.buckets.iter().map(item).collect() }
    }
}

/// A minute, hour or day of two merchants.
#[derive(Debug, Object, Serialize)]
pub struct ComparedBucket {
    /// Where it begins, in local time.
    start: Instant,
    /// Where it ends.
    end: Instant,
    /// What the values of the first merchant come to.
    first: BucketFigures,
    /// What those of the second do.
    second: BucketFigures,
    /// By how much the second's mean lies above the first's; null: one of them has none.
    #[oai(nullable)]
    difference: Option<f64>,
}

/// The same key of two merchants.
#[derive(Debug, Object, Serialize)]
pub struct Comparison {
    /// The IANA name of the time zone.
    zone: String,
    /// How long each part is.
    step: StepWord,
    /// The codes of the first and the second merchant.
    #[oai(validator(min_items = 2, max_items = 2))]
    merchants: Vec<String>,
    /// Every part of the period, those without values too.
    #[oai(validator(max_items = 50000))]
    items: Vec<ComparedBucket>,
}

impl Comparison {
    /// Two series that were cut the same way.
    #[must_use]
    pub fn of(step: Step, merchants: [String; 2], [first, second]: &[Cutting; 2]) -> Self {
        let zone = first.zone;
        let pairs = first.buckets.iter().zip(&second.buckets);
        let items = pairs.map(|((start, end, one), (.., other))| {
            let (first, second) = (BucketFigures::from(one), BucketFigures::from(other));
            let difference = first.avg.zip(second.avg).map(|(one, other)| other - one).filter(|one| one.is_finite());
            ComparedBucket { start: local(zone, *start), end: local(zone, *end), first, second, difference }
        });
        Self { zone: zone.name().to_owned(), step: step.into(), items: items.collect(), merchants: merchants.into() }
    }
}

/// What `/docs` shows as the answer.
#[must_use]
pub fn latest_answer() -> Json {
    json!({"items": [{"key": "Очереди.ОбработкаЗаказов.КоличествоОшибок", "system": "29e86b162", "merchant": null,
                      "at": "2022-06-01T03:53:05Z", "value": 10, "kind": "number"}]})
}

/// See [`latest_answer`].
#[must_use]
pub fn buckets_answer() -> Json {
    json!({"zone": "Europe/Kyiv", "step": "hour", "items": [
        {"start": "2022-06-01T06:00:00+03:00", "end": "2022-06-01T07:00:00+03:00", "count": 2, "min": 10, "max": 50,
         "avg": 30.0, "sum": 60, "last": 50},
        {"start": "2022-06-01T07:00:00+03:00", "end": "2022-06-01T08:00:00+03:00", "count": 0, "min": null, "max": null,
         "avg": null, "sum": null, "last": null}]})
}
