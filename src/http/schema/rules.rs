//! The rules for single values: lengths, ranges, choices and formats, each with the sentence that states it.
//!
//! Must not know: where in a document the value stands, any domain, the store, HTTP.

use std::collections::HashSet;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use poem_openapi::registry::MetaSchema;
use regex::Regex;
use serde_json::{Number, Value};
use uuid::Uuid;

use crate::clock::Timestamp;

/// A least and a greatest count of something.
#[derive(Debug)]
pub(super) struct Length {
    min: usize,
    max: usize,
    /// `character`, `item` or `property`.
    unit: &'static str,
}

impl Length {
    pub(super) fn new(min: Option<usize>, max: Option<usize>, unit: &'static str) -> Self {
        Self { min: min.unwrap_or(0), max: max.unwrap_or(usize::MAX), unit }
    }

    pub(super) fn fault(&self, has: usize) -> Option<String> {
        if has < self.min {
            Some(format!("must have at least {} (has {has})", self.count(self.min)))
        } else if has > self.max {
            Some(format!("must have at most {} (has {has})", self.count(self.max)))
        } else {
            None
        }
    }

    fn count(&self, n: usize) -> String {
        let unit = match (n, self.unit) {
            (1, unit) => unit.to_owned(),
            (_, "property") => "properties".to_owned(),
            (_, unit) => format!("{unit}s"),
        };
        format!("{n} {unit}")
    }
}

#[derive(Debug)]
pub(super) struct Text {
    /// In characters, as JSON Schema counts them.
    pub(super) length: Length,
    pub(super) pattern: Option<(Regex, String)>,
    pub(super) format: Option<Format>,
}

impl Text {
    pub(super) fn faults(&self, text: &str) -> impl Iterator<Item = String> {
        // A text has as many bytes as characters or more: mostly there is nothing to count.
        let fits_surely = self.length.min == 0 && text.len() <= self.length.max;
        let length = if fits_surely { None } else { self.length.fault(text.chars().count()) };
        let pattern = self.pattern.as_ref().filter(|(regex, _)| !regex.is_match(text)).map(|(_, rule)| rule.clone());
        let format = self.format.filter(|format| !format.admits(text)).map(|format| format.rule().to_owned());
        [length, pattern, format].into_iter().flatten()
    }
}

/// The formats that are checked here: no stricter than the types that parse the value afterwards, of which a domain's own
/// may be stricter. What a type refuses beyond its format is refused without its place in the body.
#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    Email,
    Uuid,
    Date,
    Time,
    DateTime,
    LocalDateTime,
}

impl Format {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "email" => Self::Email,
            "uuid" => Self::Uuid,
            "date" | "naive-date" => Self::Date,
            "naive-time" => Self::Time,
            "date-time" => Self::DateTime,
            "naive-date-time" => Self::LocalDateTime,
            _ => return None,
        })
    }

    fn admits(self, text: &str) -> bool {
        match self {
            Self::Email => text.rsplit_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty()),
            Self::Uuid => Uuid::parse_str(text).is_ok(),
            Self::Date => text.parse::<NaiveDate>().is_ok(),
            Self::Time => text.parse::<NaiveTime>().is_ok(),
            Self::DateTime => Timestamp::from_rfc3339(text).is_some(),
            Self::LocalDateTime => text.parse::<NaiveDateTime>().is_ok(),
        }
    }

    fn rule(self) -> &'static str {
        match self {
            Self::Email => "must be an e-mail address",
            Self::Uuid => "must be a UUID",
            Self::Date => "must be a date, as in 2026-01-31",
            Self::Time => "must be a time, as in 23:59:59",
            Self::DateTime => "must be a date and time with an offset, as in 2026-01-31T23:59:59Z",
            Self::LocalDateTime => "must be a date and time without an offset, as in 2026-01-31T23:59:59",
        }
    }
}

#[derive(Debug)]
pub(super) struct Integers {
    /// Inclusive, of the bounds and the format together.
    min: i128,
    max: i128,
    multiple_of: Option<f64>,
    rule: String,
    out_of_range: String,
}

impl Integers {
    pub(super) fn new(schema: &MetaSchema) -> Self {
        let (format_min, format_max) = match schema.format {
            Some("int8") => (i8::MIN.into(), i8::MAX.into()),
            Some("int16") => (i16::MIN.into(), i16::MAX.into()),
            Some("int32") => (i32::MIN.into(), i32::MAX.into()),
            Some("uint8") => (0, u8::MAX.into()),
            Some("uint16") => (0, u16::MAX.into()),
            Some("uint32") => (0, u32::MAX.into()),
            Some("uint64") => (0, u64::MAX.into()),
            _ => (i64::MIN.into(), i128::from(i64::MAX)),
        };
        let step = |exclusive: Option<bool>| i128::from(exclusive == Some(true));
        let least = schema.minimum.map(|bound| {
            (whole(bound.ceil()) + i128::from(bound.fract() == 0.0) * step(schema.exclusive_minimum)).max(format_min)
        });
        let most = schema.maximum.map(|bound| {
            (whole(bound.floor()) - i128::from(bound.fract() == 0.0) * step(schema.exclusive_maximum)).min(format_max)
        });
        let (min, max) = (least.unwrap_or(format_min), most.unwrap_or(format_max));
        let out_of_range = match (least, most) {
            (Some(min), None) if max == i128::from(i64::MAX) => format!("must be an integer of at least {min}"),
            (None, Some(max)) if min == i128::from(i64::MIN) => format!("must be an integer of at most {max}"),
            _ => format!("must be an integer from {min} to {max}"),
        };
        let rule =
            if least.is_none() && most.is_none() { "must be an integer".to_owned() } else { out_of_range.clone() };
        Self { min, max, multiple_of: schema.multiple_of, rule, out_of_range }
    }

    /// What the value must be, whatever it is.
    pub(super) fn rule(&self) -> &str {
        &self.rule
    }

    pub(super) fn fault(&self, number: &Number) -> Option<String> {
        let value = match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), _, _) => i128::from(value),
            (_, Some(value), _) => i128::from(value),
            // JSON Schema counts 3.0 as an integer; most clients' integer types do not write it, so it is a mistake.
            (_, _, Some(value)) if value.fract() != 0.0 => return Some(self.rule.clone()),
            // An integer beyond 64 bits is read as a floating-point number, too.
            (_, _, Some(value)) if value.abs() >= 9_007_199_254_740_992.0 => return Some(self.out_of_range.clone()),
            _ => return Some(format!("{}, written without a fraction or an exponent", self.rule)),
        };
        if value < self.min || value > self.max {
            return Some(self.out_of_range.clone());
        }
        multiple_fault(self.multiple_of, number)
    }
}

/// A bound as an integer; beyond 128 bits it saturates.
#[expect(clippy::cast_possible_truncation, reason = "the bound is whole already and the cast saturates")]
fn whole(bound: f64) -> i128 {
    (bound as i128).clamp(i128::MIN / 2, i128::MAX / 2)
}

fn multiple_fault(multiple_of: Option<f64>, number: &Number) -> Option<String> {
    let step = multiple_of?;
    // The same arithmetic as poem-openapi's validator, which has the last word.
    (number.as_f64()? % step != 0.0).then(|| format!("must be a multiple of {step}"))
}

#[derive(Debug)]
pub(super) struct Numbers {
    min: f64,
    above: bool,
    max: f64,
    below: bool,
    multiple_of: Option<f64>,
    rule: String,
}

impl Numbers {
    pub(super) fn new(schema: &MetaSchema) -> Self {
        let (above, below) = (schema.exclusive_minimum == Some(true), schema.exclusive_maximum == Some(true));
        let least = schema.minimum.map(|min| format!("{} {min}", if above { "above" } else { "of at least" }));
        let most = schema.maximum.map(|max| format!("{} {max}", if below { "below" } else { "of at most" }));
        let rule = match (&least, &most, schema.minimum, schema.maximum) {
            (Some(_), Some(_), Some(min), Some(max)) if !above && !below => {
                format!("must be a number from {min} to {max}")
            }
            (Some(least), Some(most), ..) => format!("must be a number {least} and {most}"),
            (Some(only), None, ..) | (None, Some(only), ..) => format!("must be a number {only}"),
            (None, None, ..) => "must be a number".to_owned(),
        };
        Self {
            min: schema.minimum.unwrap_or(f64::NEG_INFINITY),
            above: above && schema.minimum.is_some(),
            max: schema.maximum.unwrap_or(f64::INFINITY),
            below: below && schema.maximum.is_some(),
            multiple_of: schema.multiple_of,
            rule,
        }
    }

    /// What the value must be, whatever it is.
    pub(super) fn rule(&self) -> &str {
        &self.rule
    }

    pub(super) fn fault(&self, number: &Number) -> Option<String> {
        let value = number.as_f64()?;
        let low = if self.above { value <= self.min } else { value < self.min };
        let high = if self.below { value >= self.max } else { value > self.max };
        if low || high { Some(self.rule.clone()) } else { multiple_fault(self.multiple_of, number) }
    }
}

/// So many choices are named; more would bury the message (time zones).
const NAMED_CHOICES: usize = 20;

/// A closed list of values.
#[derive(Debug)]
pub(super) struct Choices {
    values: Vec<Value>,
    rule: String,
}

impl Choices {
    pub(super) fn new(values: Vec<Value>) -> Self {
        let name = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut names = values.iter().take(NAMED_CHOICES).map(name).collect::<Vec<_>>().join(", ");
        if values.len() > NAMED_CHOICES {
            names = format!("{names} or {} more", values.len() - NAMED_CHOICES);
        }
        let rule = if values.len() == 1 { format!("must be {names}") } else { format!("must be one of {names}") };
        Self { values, rule }
    }

    pub(super) fn has(&self, value: &Value) -> bool {
        self.values.contains(value)
    }

    pub(super) fn rule(&self) -> &str {
        &self.rule
    }
}

/// Whether no two items are equal.
pub(super) fn are_unique(items: &[Value]) -> bool {
    let mut seen = HashSet::with_capacity(items.len());
    items.iter().all(|item| seen.insert(item))
}

/// The sentence about a property the schema does not have, with the name that was perhaps meant.
pub(super) fn unknown_field(key: &str, names: impl Iterator<Item = &'static str>) -> String {
    const LONGEST: usize = 64;
    let close = (key.len() <= LONGEST)
        .then(|| {
            let name = |name: &'static str| (distance(&key.to_lowercase(), &name.to_lowercase()), name);
            // A third of the name may be wrong, and no more than two letters of it.
            names.map(name).filter(|(far, name)| *far <= 2.min(name.len() / 3)).min_by_key(|(far, _)| *far)
        })
        .flatten();
    match close {
        Some((_, name)) => format!("is not a known field (did you mean {name}?)"),
        None => "is not a known field".to_owned(),
    }
}

/// The Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
