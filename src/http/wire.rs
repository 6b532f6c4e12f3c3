//! Wire types that more than one contract writes.
//!
//! Must not know: any domain.

use std::borrow::Cow;

use chrono::{DateTime, FixedOffset, SecondsFormat};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type};
use serde::Serialize;
use serde_json::Value;

use crate::clock::Timestamp;

/// An instant on the wire: RFC 3339 (ISO 8601), for example `2024-11-21T19:45:00Z`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Instant(String);

impl Instant {
    /// In UTC to the second, as the account contract's examples show it.
    #[must_use]
    pub fn utc(at: Timestamp) -> Self {
        Self(at.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true))
    }

    /// At an offset to the second: `2024-11-21T09:30:00+03:00`.
    #[must_use]
    pub fn at_offset(at: Timestamp, offset: FixedOffset) -> Self {
        Self(at.to_utc().with_timezone(&offset).to_rfc3339_opts(SecondsFormat::Secs, false))
    }

    /// The offset it is written with, in minutes east of UTC.
    #[must_use]
    pub fn offset_minutes(&self) -> i16 {
        let offset = DateTime::parse_from_rfc3339(&self.0).map_or(0, |at| at.offset().local_minus_utc() / 60);
        i16::try_from(offset).unwrap_or(0)
    }

    /// At an offset, with a fraction of the second if there is one: what is shown is exactly what a filter compares with.
    #[must_use]
    pub fn exact_at_offset(at: Timestamp, offset: FixedOffset) -> Self {
        Self(at.to_utc().with_timezone(&offset).to_rfc3339_opts(SecondsFormat::AutoSi, false))
    }

    /// In UTC, with a fraction of the second if there is one.
    #[must_use]
    pub fn exact(at: Timestamp) -> Self {
        Self(at.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }

    /// The instant it names. Text that names none was refused when it was parsed.
    #[must_use]
    pub fn to_timestamp(&self) -> Option<Timestamp> {
        Timestamp::from_rfc3339(&self.0)
    }
}

impl Type for Instant {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "string_date-time".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "date-time")))
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl ToJSON for Instant {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.0.clone()))
    }
}

impl ParseFromParameter for Instant {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        // A plus sign that nobody escaped is a space by now.
        Self::parse_from_json(Some(Value::String(value.replace(' ', "+"))))
    }
}

impl ParseFromJSON for Instant {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        let Some(Value::String(text)) = value else {
            return Err(ParseError::custom("must be a string with a date and a time"));
        };
        let parsed = Self(text);
        if parsed.to_timestamp().is_none() {
            return Err(ParseError::custom("must be a date and a time with an offset, such as 2024-11-21T19:45:00Z"));
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_the_contracts_show_them() {
        let at = Timestamp::from_unix_seconds(1_732_218_300);
        assert_eq!(Instant::utc(at).0, "2024-11-21T19:45:00Z");
        let offset = FixedOffset::east_opt(3 * 3600).expect("a real offset");
        assert_eq!(Instant::at_offset(at, offset).0, "2024-11-21T22:45:00+03:00");
        assert_eq!(Instant::utc(at).to_timestamp(), Some(at));
        assert_eq!((Instant::utc(at).offset_minutes(), Instant::at_offset(at, offset).offset_minutes()), (0, 180));
        assert!(Instant::parse_from_json(Some(Value::from("yesterday"))).is_err());
    }
}
