//! A value as it was sent: numbers keep their exact text, and a float or an integer beside it to calculate with.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock. Source: contracts/connectors.md, 'Numbers keep
//! their exact text'.

use chrono::SecondsFormat;
use serde_json::value::RawValue;

use crate::clock::Timestamp;
use crate::connectors::model::Rule;
use crate::connectors::moment;

/// So many bytes a text value has at most: it stands with its series, too.
pub const LONGEST_TEXT: usize = 64 * 1024;

/// So many characters a number is written with at most.
const LONGEST_NUMBER: usize = 512;

/// A number to calculate with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Figure {
    /// One that 64 bits hold exactly.
    Int(i64),
    /// The float nearest to it, finite.
    Real(f64),
}

impl Figure {
    /// As a float.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "what is compared and averaged; the exact text is beside it")]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }

    /// How it is written if nobody says otherwise: valid JSON, and read back as the same number.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Int(whole) => whole.to_string(),
            // With a fraction or an exponent, so that a float stays one.
            Self::Real(real) => format!("{real:?}"),
        }
    }
}

/// A number.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// To calculate with.
    pub figure: Figure,
    /// As it was written, if that differs from [`Figure::text`].
    pub exact: Option<String>,
}

impl Number {
    /// Reads a JSON number.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        if text.len() > LONGEST_NUMBER {
            return Err(Rule(format!("is a number of more than {LONGEST_NUMBER} characters")));
        }
        let figure = if let Ok(whole) = text.parse::<i64>() {
            Figure::Int(whole)
        } else {
            let real = text.parse::<f64>().ok().filter(|real| real.is_finite());
            Figure::Real(real.ok_or_else(|| Rule("is a number that a 64-bit float cannot hold".into()))?)
        };
        let exact = (figure.text() != text).then(|| text.to_owned());
        Ok(Self { figure, exact })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> String {
        self.exact.clone().unwrap_or_else(|| self.figure.text())
    }
}

/// A value of a series.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
    /// An instant: what `valueType` `datetime` makes of a text or a number.
    Instant(Timestamp),
}

impl Value {
    /// Reads an item's `value`, a whole JSON text, by its `valueType`.
    pub fn parse(raw: &str, value_type: Option<&str>) -> Result<Self, Rule> {
        match value_type {
            None => Self::plain(raw),
            Some("datetime") => Self::instant(raw),
            Some(_) => Err(Rule("has a valueType other than datetime".into())),
        }
    }

    fn plain(raw: &str) -> Result<Self, Rule> {
        match raw.as_bytes().first() {
            Some(b'{') => Err(Rule("is an object".into())),
            Some(b'[') => Err(Rule("is an array".into())),
            Some(b'"') => text(raw).map(Self::Text),
            Some(b't') => Ok(Self::Bool(true)),
            Some(b'f') => Ok(Self::Bool(false)),
            Some(b'n') => Ok(Self::Null),
            _ => Number::parse(raw).map(Self::Number),
        }
    }

    fn instant(raw: &str) -> Result<Self, Rule> {
        let at = match Self::plain(raw)? {
            Self::Text(text) => moment::of_text(&text),
            Self::Number(number) => moment::of_number(&number),
            _ => None,
        };
        at.map(Self::Instant).ok_or_else(|| {
            Rule("is no date and time: neither ISO 8601 such as 2022-06-01T03:53:05Z nor Unix seconds".into())
        })
    }

    /// What kind it is, in a word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::Instant(_) => "datetime",
        }
    }

    /// As JSON: a number as it was written, an instant as ISO 8601 in UTC.
    #[must_use]
    pub fn json(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => number.text(),
            Self::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
            Self::Instant(at) => format!("\"{}\"", at.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        }
    }

    /// The same as a value of its own.
    #[must_use]
    pub fn raw(&self) -> Box<RawValue> {
        RawValue::from_string(self.json()).expect("what was read as JSON is written as JSON")
    }

    /// The number, if it is one.
    #[must_use]
    pub fn figure(&self) -> Option<Figure> {
        match self {
            Self::Number(number) => Some(number.figure),
            _ => None,
        }
    }
}

/// A JSON string's text.
fn text(raw: &str) -> Result<String, Rule> {
    // Half a surrogate pair is JSON and no text.
    let text: String = serde_json::from_str(raw).map_err(|_| Rule("is no valid Unicode text".into()))?;
    if text.len() > LONGEST_TEXT {
        return Err(Rule(format!("is a text of more than {LONGEST_TEXT} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).expect("a number")
    }

    #[test]
    fn a_number_comes_back_as_it_was_written_and_needs_its_text_only_where_it_differs() {
        for (text, figure, kept) in [
            ("10", Figure::Int(10), false),
            ("-7", Figure::Int(-7), false),
            ("10.0", Figure::Real(10.0), false),
            ("0.1", Figure::Real(0.1), false),
            ("9223372036854775807", Figure::Int(i64::MAX), false),
            ("9223372036854775808", Figure::Real(9_223_372_036_854_775_808.0), true),
            ("99999999999999999999", Figure::Real(1e20), true),
            ("10.00", Figure::Real(10.0), true),
            ("1e3", Figure::Real(1000.0), true),
            ("1E+3", Figure::Real(1000.0), true),
            ("-0", Figure::Int(0), true),
            ("-0.0", Figure::Real(-0.0), false),
            ("0.30000000000000004441", Figure::Real(0.300_000_000_000_000_04), true),
        ] {
            let read = number(text);
            assert_eq!((read.figure, read.exact.is_some()), (figure, kept), "{text}");
            assert_eq!(read.text(), text);
        }
    }

    #[test]
    fn a_number_no_float_holds_is_refused() {
        for bad in ["1e309", "-1e400", &"9".repeat(310), &format!("0.{}", "0".repeat(600))] {
            assert!(Number::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(number("1e308").figure, Figure::Real(1e308));
        assert_eq!(number("1e-400").figure, Figure::Real(0.0));
    }

    #[test]
    fn every_kind_is_told_by_how_it_is_written() {
        for (raw, word) in
            [("null", "null"), ("true", "boolean"), ("\"x\"", "string"), ("\"10\"", "string"), ("10", "number")]
        {
            let value = Value::parse(raw, None).expect("a value");
            assert_eq!((value.word(), value.json().as_str()), (word, raw));
        }
        for (raw, why) in [("{\"a\":1}", "object"), ("[1]", "array"), (r#""\ud800""#, "Unicode")] {
            let rule = Value::parse(raw, None).expect_err(why).0;
            assert!(rule.contains(why), "{rule}");
        }
        assert!(Value::parse("10", Some("number")).is_err());
    }

    #[test]
    fn datetime_makes_an_instant_of_a_text_or_of_unix_seconds() {
        let at = |raw: &str| Value::parse(raw, Some("datetime")).map(|value| value.json());
        assert_eq!(at("\"2022-06-01T06:53:05+03:00\""), Ok("\"2022-06-01T03:53:05Z\"".to_owned()));
        assert_eq!(at("1654055585"), Ok("\"2022-06-01T03:53:05Z\"".to_owned()));
        assert_eq!(at("1654055585.25"), Ok("\"2022-06-01T03:53:05.250Z\"".to_owned()));
        for bad in ["\"yesterday\"", "true", "null", "1654055585000", "\"\"", "[1]", "1e300"] {
            assert!(at(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_number_that_is_taken_comes_back(text in r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?") {
            let read = number(&text);
            prop_assert_eq!(read.text(), text.clone());
            let near: f64 = text.parse().expect("a float");
            prop_assert!((read.figure.as_f64() - near).abs() <= near.abs() * 1e-15);
        }

        #[test]
        fn how_a_float_is_written_is_valid_json_and_the_same_float(real in any::<f64>().prop_filter("finite", |real| real.is_finite())) {
            let text = Figure::Real(real).text();
            prop_assert!(serde_json::from_str::<f64>(&text).is_ok(), "{}", text);
            prop_assert_eq!(text.parse::<f64>().expect("a float").to_bits(), real.to_bits());
        }

        #[test]
        fn any_text_comes_back(text in any::<String>()) {
            let raw = serde_json::Value::from(text.as_str()).to_string();
            let value = Value::parse(&raw, None).expect("a text");
            prop_assert_eq!(&value, &Value::Text(text));
            prop_assert_eq!(value.json(), raw);
        }
    }
}
