//! Alert rules and alerts on the wire.

use poem_openapi::{Enum, Object};
use serde::Serialize;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{name, utc};
use crate::connectors::alerting::Condition;
use crate::connectors::api::wire::AnyJson;
use crate::connectors::model::{Key, Refused};
use crate::connectors::service::alerts::{NewRule, RuleChange, ShownAlert, ShownRule};
use crate::http::Failure;
use crate::http::wire::Instant;

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

/// What `/docs` offers for a rule to make.
#[must_use]
pub fn new_rule_example() -> Json {
    json!({"name": "Orders are stuck", "key": "Очереди.ОбработкаЗаказов.КоличествоОшибок", "system": "29e86b162",
           "condition": "above", "threshold": 50, "clear": 10})
}

/// See [`new_rule_example`].
#[must_use]
pub fn rule_change_example() -> Json {
    json!({"condition": "no_data", "minutes": 30})
}
