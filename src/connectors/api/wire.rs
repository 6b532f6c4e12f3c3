//! The wire types of the connectors contract, and values that keep their exact text.
//!
//! Must not know: SQL, other domains. Source of names: the vendor's document, the seed.

use std::borrow::Cow;

use poem_openapi::Object;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use crate::connectors::submission::{Submission, Unreadable, Unsettable};
use crate::connectors::value::Value;
use crate::http::json::{FromText, InvalidBody};
use crate::http::schema::FieldError;

/// The text of success: the seed's.
pub const SETTLED: &str = "Statistic successfully settled";

/// So many items that were not set are named.
const NAMED: usize = 20;

/// A JSON value of any kind, written as it was.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct AnyJson(Box<RawValue>);

impl From<&Value> for AnyJson {
    fn from(value: &Value) -> Self {
        Self(value.raw())
    }
}

impl AnyJson {
    /// What is JSON already, such as a number.
    #[must_use]
    pub fn of_number(text: String) -> Option<Self> {
        RawValue::from_string(text).ok().map(Self)
    }
}

impl Type for AnyJson {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "any".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema { nullable: true, ..MetaSchema::ANY }))
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl ParseFromJSON for AnyJson {
    fn parse_from_json(value: Option<Json>) -> ParseResult<Self> {
        let text = value.unwrap_or(Json::Null).to_string();
        RawValue::from_string(text).map(Self).map_err(|error| ParseError::custom(error.to_string()))
    }
}

impl ToJSON for AnyJson {
    fn to_json(&self) -> Option<Json> {
        serde_json::from_str(self.0.get()).ok()
    }
}

/// Values to be set.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase")]
pub struct StatisticRequest {
    /// The code of the external system that reports.
    pub external_system_id: String,
    /// When the values were so, in Unix seconds.
    #[oai(validator(minimum(value = "0")))]
    pub timestamp: i64,
    /// The values. Of several for the same key and merchant the last one counts.
    #[oai(validator(max_items = 10000))]
    pub items: Vec<StatisticItem>,
}

/// A value to be set.
#[derive(Debug, Object)]
#[oai(rename_all = "camelCase")]
pub struct StatisticItem {
    /// Of what: 1 to 512 characters, a path whose parts are joined by dots.
    pub key: String,
    /// To what: a text of up to 65536 bytes, a number of up to 512 characters, `true`, `false` or null. A number comes back
    /// exactly as it was written.
    pub value: AnyJson,
    /// `datetime`: the value is ISO 8601 text (without an offset: UTC) or Unix seconds, and is kept as an instant.
    pub value_type: Option<String>,
    /// The code of the merchant that the value is of; absent, null or empty: of none.
    pub merchant_id: Option<String>,
}

/// What came of it.
#[derive(Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct StatisticAnswer {
    /// In words.
    pub message: String,
    /// Whether the request was carried out.
    pub success: bool,
    /// Whether each of its items was set.
    pub success_in_all_subrequests: bool,
}

impl StatisticAnswer {
    /// Nothing was set.
    #[must_use]
    pub fn refused(message: impl Into<String>) -> Self {
        Self { message: message.into(), success: false, success_in_all_subrequests: false }
    }

    /// Everything but `unsettable` was set.
    #[must_use]
    pub fn settled(unsettable: &[Unsettable]) -> Self {
        if unsettable.is_empty() {
            return Self { message: SETTLED.to_owned(), success: true, success_in_all_subrequests: true };
        }
        let named = unsettable.iter().take(NAMED).map(|item| format!("`{}` {}", item.name, item.reason));
        let more = unsettable.len().checked_sub(NAMED).filter(|more| *more > 0).map(|more| format!("and {more} more"));
        let message = format!("Some items were not set: {}", named.chain(more).collect::<Vec<_>>().join("; "));
        Self { message, success: true, success_in_all_subrequests: false }
    }
}

/// A request, read from its text.
#[derive(Debug)]
pub struct StatisticBody(pub Submission);

impl FromText for StatisticBody {
    type Published = StatisticRequest;

    fn from_text(text: &str) -> Result<Self, InvalidBody> {
        Submission::parse(text).map(Self).map_err(|unreadable| match unreadable {
            Unreadable::Malformed(why) => InvalidBody::plain(format!("the body is not valid JSON: {why}")),
            Unreadable::Faulty(faults) => InvalidBody::of(
                faults.into_iter().map(|fault| FieldError { field: fault.at, rule: fault.rule }).collect(),
            ),
        })
    }
}

/// What `/docs` offers for values to set: the seed's request with its missing commas.
pub fn request_example() -> Json {
    json!({
        "externalSystemId": "29e86b162",
        "timestamp": 1_654_055_585,
        "items": [
            {"key": "Очереди.ОбработкаЗаказов.КоличествоОшибок", "value": 10},
            {"key": "Очереди.ВыгрузкаНоменклатуры.КоличествоОшибок", "value": 50},
            {"key": "Заказы.КоличествоПроведенных.ЗаЧас", "value": 100, "merchantId": "77624623f"},
            {"key": "Заказы.КоличествоНепроведенных.ЗаЧас", "value": 10, "merchantId": "77624623f"},
        ],
    })
}

/// What `/docs` shows as the answer to it: the seed's.
pub fn settled_answer() -> Json {
    json!({"message": SETTLED, "success": true, "successInAllSubrequests": true})
}
