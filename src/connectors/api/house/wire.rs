//! The wire types of the house API's part on connectors.
//!
//! Must not know: SQL, other domains.

use chrono::FixedOffset;
use chrono_tz::Tz;
use poem_openapi::{Enum, Object};
use serde::Serialize;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::connectors::alerting::Condition;
use crate::connectors::api::wire::AnyJson;
use crate::connectors::buckets::{self, Bucket, Step};
use crate::connectors::model::{Code, Entry, Key, Name, Refused, UnixSeconds};
use crate::connectors::service::alerts::{NewRule, RuleChange, ShownAlert, ShownRule};
use crate::connectors::service::reading::{LatestPage, Node, Place};
use crate::connectors::service::registry::EntryChange;
use crate::connectors::service::series::Cutting;
use crate::connectors::value::Value;
use crate::http::Failure;
use crate::http::wire::Instant;

/// A system that connectors report from.
#[derive(Debug, Object)]
pub struct ExternalSystem {
    /// Its code: `externalSystemId` in the connectors contract.
    #[oai(validator(min_length = 1, max_length = 128))]
    id: String,
    /// What people call it.
    #[oai(validator(min_length = 1, max_length = 256))]
    name: String,
    /// Whether the contract finds it.
    enabled: bool,
    /// When it was registered.
    created_at: Instant,
    /// When it was last changed.
    #[oai(nullable)]
    edited_at: Option<Instant>,
}

impl From<Entry> for ExternalSystem {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.code,
            name: entry.name,
            enabled: entry.enabled,
            created_at: Instant::utc(entry.created_at),
            edited_at: entry.edited_at.map(Instant::utc),
        }
    }
}

/// A page of external systems.
#[derive(Debug, Object)]
pub struct ExternalSystemPage {
    /// The page, by code.
    #[oai(validator(max_items = 200))]
    pub items: Vec<ExternalSystem>,
    /// Pass it as `page_token` for the next page; absent on the last.
    #[oai(skip_serializing_if_is_none, validator(max_length = 1024))]
    pub next_page_token: Option<String>,
}

/// A merchant ('personal cabinet' at a marketplace).
#[derive(Debug, Object)]
pub struct Merchant {
    /// Its code: `merchantId` in the connectors contract.
    #[oai(validator(min_length = 1, max_length = 128))]
    id: String,
    /// What people call it.
    #[oai(validator(min_length = 1, max_length = 256))]
    name: String,
    /// Whether the contract finds it.
    enabled: bool,
    /// When it was registered.
    created_at: Instant,
    /// When it was last changed.
    #[oai(nullable)]
    edited_at: Option<Instant>,
}

impl From<Entry> for Merchant {
    fn from(entry: Entry) -> Self {
        let ExternalSystem { id, name, enabled, created_at, edited_at } = entry.into();
        Self { id, name, enabled, created_at, edited_at }
    }
}

/// A page of merchants.
#[derive(Debug, Object)]
pub struct MerchantPage {
    /// The page, by code.
    #[oai(validator(max_items = 200))]
    pub items: Vec<Merchant>,
    /// Pass it as `page_token` for the next page; absent on the last.
    #[oai(skip_serializing_if_is_none, validator(max_length = 1024))]
    pub next_page_token: Option<String>,
}

/// A system or a merchant to register.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewRegistered {
    /// Its code, as connectors send it: unique in the company, no slash.
    #[oai(validator(min_length = 1, max_length = 128))]
    id: String,
    /// What people call it; absent: as its code.
    #[oai(validator(min_length = 1, max_length = 256))]
    name: Option<String>,
}

impl NewRegistered {
    /// Checks it.
    pub fn parse(&self) -> Result<(Code, Name), Failure> {
        let code = Code::parse(&self.id).map_err(|rule| Refused { field: "id", rule })?;
        Ok((code, name(self.name.as_deref().unwrap_or(&self.id))?))
    }
}

/// A change of a system or a merchant.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct RegisteredChange {
    /// Its name from now on.
    #[oai(validator(min_length = 1, max_length = 256))]
    name: Option<String>,
    /// Whether the contract finds it.
    enabled: Option<bool>,
}

impl RegisteredChange {
    /// Checks it.
    pub fn parse(&self) -> Result<EntryChange, Failure> {
        Ok(EntryChange { name: self.name.as_deref().map(name).transpose()?, enabled: self.enabled })
    }
}

fn name(text: &str) -> Result<Name, Failure> {
    Ok(Name::parse(text).map_err(|rule| Refused { field: "name", rule })?)
}

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

fn utc(seconds: UnixSeconds) -> Instant {
    Instant::utc(Timestamp::from_unix_seconds(seconds))
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

/// What starts an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum AlertCondition {
    /// A number above `threshold`; it ends at `clear` or below.
    Above,
    /// A number below `threshold`; it ends at `clear` or above.
    Below,
    /// No value of the last `minutes`.
    NoData,
}

/// The parts of a condition as they stand in a body.
#[derive(Debug, Clone, Copy)]
pub struct ConditionParts {
    /// What starts an alert.
    pub word: AlertCondition,
    /// Where it starts.
    pub threshold: Option<f64>,
    /// Where it ends.
    pub clear: Option<f64>,
    /// How long a silence is one.
    pub minutes: Option<i64>,
}

impl ConditionParts {
    /// Checks them.
    pub fn parse(self) -> Result<Condition, Failure> {
        let word = self.word;
        let missing = |field: &str| Failure::invalid_field(field, "is required by this condition");
        let foreign = |field: &str| Failure::invalid_field(field, "does not belong to this condition");
        if word == AlertCondition::NoData {
            if self.threshold.is_some() || self.clear.is_some() {
                return Err(foreign("threshold"));
            }
            let minutes = self.minutes.ok_or_else(|| missing("minutes"))?;
            let silence = Condition::no_data(minutes.saturating_mul(60));
            return Ok(silence.map_err(|rule| Refused { field: "minutes", rule })?);
        }
        if self.minutes.is_some() {
            return Err(foreign("minutes"));
        }
        let threshold = self.threshold.ok_or_else(|| missing("threshold"))?;
        let condition = if word == AlertCondition::Above {
            Condition::above(threshold, self.clear)
        } else {
            Condition::below(threshold, self.clear)
        };
        Ok(condition.map_err(|rule| Refused { field: "clear", rule })?)
    }
}

impl From<Condition> for ConditionParts {
    fn from(condition: Condition) -> Self {
        let (word, threshold, clear, minutes) = match condition {
            Condition::Above { threshold, clear } => (AlertCondition::Above, Some(threshold), Some(clear), None),
            Condition::Below { threshold, clear } => (AlertCondition::Below, Some(threshold), Some(clear), None),
            Condition::NoData { silence } => (AlertCondition::NoData, None, None, Some(silence / 60)),
        };
        Self { word, threshold, clear, minutes }
    }
}

/// An alert rule to make.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewAlertRule {
    /// What people call it.
    #[oai(validator(min_length = 1, max_length = 256))]
    name: String,
    /// The key it looks at.
    #[oai(validator(min_length = 1, max_length = 512))]
    key: String,
    /// Only this external system; absent: any.
    system: Option<String>,
    /// Only this merchant, empty for values of none; absent: any, and none.
    merchant: Option<String>,
    /// What starts an alert.
    condition: AlertCondition,
    /// Where an alert starts: for `above` and `below`.
    threshold: Option<f64>,
    /// Where it ends; absent: at the threshold.
    clear: Option<f64>,
    /// How long a silence is one: for `no_data`.
    #[oai(validator(minimum(value = "1"), maximum(value = "527040")))]
    minutes: Option<i64>,
    /// Whether it is looked at; absent: yes.
    enabled: Option<bool>,
}

impl NewAlertRule {
    /// Checks it.
    pub fn parse(self) -> Result<NewRule, Failure> {
        let Self { threshold, clear, minutes, .. } = self;
        let condition = ConditionParts { word: self.condition, threshold, clear, minutes }.parse()?;
        Ok(NewRule {
            name: name(&self.name)?,
            key: Key::parse(self.key).map_err(|rule| Refused { field: "key", rule })?,
            system: self.system,
            merchant: self.merchant,
            condition,
            enabled: self.enabled.unwrap_or(true),
        })
    }
}

/// A change of an alert rule.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct AlertRuleChange {
    /// Its name from now on.
    #[oai(validator(min_length = 1, max_length = 256))]
    name: Option<String>,
    /// What starts an alert from now on, with what belongs to it.
    condition: Option<AlertCondition>,
    /// Where an alert starts: for `above` and `below`.
    threshold: Option<f64>,
    /// Where it ends; absent: at the threshold.
    clear: Option<f64>,
    /// How long a silence is one: for `no_data`.
    #[oai(validator(minimum(value = "1"), maximum(value = "527040")))]
    minutes: Option<i64>,
    /// Whether it is looked at. The alerts of one that is not end.
    enabled: Option<bool>,
}

impl AlertRuleChange {
    /// Checks it.
    pub fn parse(self) -> Result<RuleChange, Failure> {
        let Self { threshold, clear, minutes, .. } = self;
        let condition = match self.condition {
            Some(word) => Some(ConditionParts { word, threshold, clear, minutes }.parse()?),
            None if threshold.is_some() || clear.is_some() || minutes.is_some() => {
                return Err(Failure::invalid_field("condition", "is required with what belongs to it"));
            }
            None => None,
        };
        Ok(RuleChange { name: self.name.as_deref().map(name).transpose()?, condition, enabled: self.enabled })
    }
}

/// An alert rule.
#[derive(Debug, Object)]
#[oai(rename = "AlertRule")]
pub struct AlertRuleWire {
    /// Its id.
    id: Uuid,
    /// What people call it.
    #[oai(validator(min_length = 1, max_length = 256))]
    name: String,
    /// The key it looks at.
    #[oai(validator(min_length = 1, max_length = 512))]
    key: String,
    /// Only this external system; null: any.
    #[oai(nullable)]
    system: Option<String>,
    /// Only this merchant, empty: values of none; null: any, and none.
    #[oai(nullable)]
    merchant: Option<String>,
    /// What starts an alert.
    condition: AlertCondition,
    /// Where an alert starts.
    #[oai(nullable)]
    threshold: Option<f64>,
    /// Where it ends.
    #[oai(nullable)]
    clear: Option<f64>,
    /// How long a silence is one.
    #[oai(nullable)]
    minutes: Option<i64>,
    /// Whether it is looked at.
    enabled: bool,
    /// When it was made.
    created_at: Instant,
    /// When it was last changed.
    #[oai(nullable)]
    edited_at: Option<Instant>,
}

impl From<ShownRule> for AlertRuleWire {
    fn from(shown: ShownRule) -> Self {
        let ShownRule { rule, system, merchant } = shown;
        let ConditionParts { word, threshold, clear, minutes } = rule.terms.condition.into();
        Self {
            id: rule.guid,
            name: rule.terms.name.as_str().to_owned(),
            key: rule.terms.key.to_string(),
            system,
            merchant,
            condition: word,
            threshold,
            clear,
            minutes,
            enabled: rule.terms.enabled,
            created_at: Instant::utc(rule.created_at),
            edited_at: rule.edited_at.map(Instant::utc),
        }
    }
}

/// A page of alert rules.
#[derive(Debug, Object)]
pub struct AlertRulePage {
    /// The page, oldest first.
    #[oai(validator(max_items = 200))]
    pub items: Vec<AlertRuleWire>,
    /// Pass it as `page_token` for the next page; absent on the last.
    #[oai(skip_serializing_if_is_none, validator(max_length = 128))]
    pub next_page_token: Option<String>,
}

/// An alert that is on.
#[derive(Debug, Object, Serialize)]
pub struct Alert {
    /// Its id, the same in both of its events.
    id: Uuid,
    /// The id of its rule.
    rule_id: Uuid,
    /// What people call the rule.
    rule_name: String,
    /// The code of the external system.
    system: String,
    /// The code of the merchant; null: of none.
    #[oai(nullable)]
    merchant: Option<String>,
    /// The key.
    key: String,
    /// The newest value.
    value: AnyJson,
    /// Its timestamp.
    at: Instant,
    /// When the alert started.
    started_at: Instant,
}

impl From<ShownAlert> for Alert {
    fn from(alert: ShownAlert) -> Self {
        let (at, value) = &alert.newest;
        Self {
            id: alert.on.alert,
            rule_id: alert.rule.0,
            rule_name: alert.rule.1.as_str().to_owned(),
            value: AnyJson::from(value),
            at: utc(*at),
            started_at: Instant::utc(alert.on.since),
            system: alert.system,
            merchant: alert.merchant,
            key: alert.key,
        }
    }
}

/// A page of alerts.
#[derive(Debug, Object, Serialize)]
pub struct AlertPage {
    /// The page, the first to start first.
    #[oai(validator(max_items = 200))]
    pub items: Vec<Alert>,
    /// Pass it as `page_token` for the next page; absent on the last.
    #[oai(skip_serializing_if_is_none, validator(max_length = 256))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// What `/docs` offers for a system to register.
#[must_use]
pub fn new_system_example() -> Json {
    json!({"id": "0f1d2c3b4", "name": "1C of the warehouse"})
}

/// See [`new_system_example`].
#[must_use]
pub fn system_change_example() -> Json {
    json!({"name": "1C of the warehouse in Dnipro"})
}

/// See [`new_system_example`].
#[must_use]
pub fn new_merchant_example() -> Json {
    json!({"id": "5a6b7c8d9", "name": "Rozetka, North Star"})
}

/// See [`new_system_example`].
#[must_use]
pub fn merchant_change_example() -> Json {
    json!({"name": "Rozetka, North Star Trading", "enabled": true})
}

/// See [`new_system_example`].
#[must_use]
pub fn new_rule_example() -> Json {
    json!({"name": "Orders are stuck", "key": "Очереди.ОбработкаЗаказов.КоличествоОшибок", "system": "29e86b162",
           "condition": "above", "threshold": 50, "clear": 10})
}

/// See [`new_system_example`].
#[must_use]
pub fn rule_change_example() -> Json {
    json!({"condition": "no_data", "minutes": 30})
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
