//! What a `set_statistic` request says, read from its text: numbers must not pass through a float on their way.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock. Source: contracts/connectors.md, 'Request'.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::connectors::model::{Key, Rule, UnixSeconds, shown};
use crate::connectors::value::Value;

/// So many items one request may carry.
pub const MOST_ITEMS: usize = 10_000;

/// So many faults are told; the first ones are what the sender mends first anyway.
const TOLD_FAULTS: usize = 10;

/// Something wrong with a request as a whole: where, and the rule it breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A path such as `items[3].key`.
    pub at: String,
    /// Worded to follow it.
    pub rule: String,
}

/// Why a text is no request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// It is no JSON; says where.
    Malformed(String),
    /// It is JSON and not a request.
    Faulty(Vec<Fault>),
}

/// A value to be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Of what.
    pub key: Key,
    /// Of which merchant: an index into [`Submission::merchants`].
    pub merchant: Option<usize>,
    /// To what.
    pub value: Value,
}

/// An item that cannot be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettable {
    /// Its key, fit to be shown; where it has none that is, its place.
    pub name: String,
    /// The rule it breaks, worded to follow "is not set: it" or "its key".
    pub reason: String,
}

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// `externalSystemId`.
    pub system: String,
    /// `timestamp`.
    pub at: UnixSeconds,
    /// The merchants that items name, each once, in the order of appearance.
    pub merchants: Vec<String>,
    /// What can be set: of several items for the same key and merchant only the last.
    pub items: Vec<Item>,
    /// What cannot.
    pub unsettable: Vec<Unsettable>,
    /// How many items a later one replaces.
    pub repeated: usize,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Body<'a> {
    #[serde(borrow, rename = "externalSystemId")]
    system: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    items: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object", rename_all = "camelCase")]
struct RawItem<'a> {
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    /// One that is null is there all the same.
    #[serde(borrow, default, deserialize_with = "present")]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    value_type: Option<&'a RawValue>,
    #[serde(borrow)]
    merchant_id: Option<&'a RawValue>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl Submission {
    /// Reads the text of a body.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let malformed = |error: serde_json::Error| Unreadable::Malformed(error.to_string());
        let whole: &RawValue = serde_json::from_str(text).map_err(malformed)?;
        let fault = |at: &str, rule: &str| Fault { at: at.to_owned(), rule: rule.to_owned() };
        if !whole.get().starts_with('{') {
            return Err(Unreadable::Faulty(vec![fault("body", "must be an object")]));
        }
        // What is still wrong is a property that stands twice; where, is counted from the beginning of the text.
        let body: Body<'_> = serde_json::from_str(text).map_err(malformed)?;
        let mut faults = Vec::new();
        let system = required(body.system, "externalSystemId", &mut faults).and_then(|raw| {
            string(raw).map_err(|rule| faults.push(Fault { at: "externalSystemId".to_owned(), rule })).ok()
        });
        let at = required(body.timestamp, "timestamp", &mut faults).and_then(|raw| {
            raw.get().parse::<UnixSeconds>().map_err(|_| faults.push(fault("timestamp", not_seconds(raw.get())))).ok()
        });
        let mut read = Reader::default();
        if let Some(raw) = required(body.items, "items", &mut faults) {
            match serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
                Ok(items) if items.len() > MOST_ITEMS => {
                    let rule = format!("must have at most {MOST_ITEMS} items (has {})", items.len());
                    faults.push(Fault { at: "items".to_owned(), rule });
                }
                Ok(items) => {
                    for (index, item) in items.into_iter().enumerate() {
                        read.item(index, item, &mut faults);
                    }
                }
                Err(_) => faults.push(fault("items", "must be an array")),
            }
        }
        let (Some(system), Some(at), true) = (system, at, faults.is_empty()) else {
            faults.truncate(TOLD_FAULTS);
            return Err(Unreadable::Faulty(faults));
        };
        let Reader { merchants, items, unsettable, repeated, .. } = read;
        let items = items.into_iter().flatten().collect();
        Ok(Self { system, at, merchants, items, unsettable, repeated })
    }
}

/// The items that were read so far.
#[derive(Default)]
struct Reader {
    merchants: Vec<String>,
    merchant_places: HashMap<String, usize>,
    /// `None`: a later one is for the same key and merchant.
    items: Vec<Option<Item>>,
    places: HashMap<(Key, Option<usize>), usize>,
    unsettable: Vec<Unsettable>,
    repeated: usize,
}

impl Reader {
    fn item(&mut self, index: usize, raw: &RawValue, faults: &mut Vec<Fault>) {
        // Each of ten thousand may be wrong; none of the rest would be told.
        if faults.len() > TOLD_FAULTS {
            return;
        }
        let mut fault = |field: &str, rule: &str| {
            faults.push(Fault { at: format!("items[{index}]{field}"), rule: rule.to_owned() });
        };
        if !raw.get().starts_with('{') {
            return fault("", "must be an object");
        }
        let Ok(item) = serde_json::from_str::<RawItem<'_>>(raw.get()) else {
            return fault("", "has a property twice");
        };
        let Some(key) = item.key else { return fault(".key", "is required") };
        let key = match string(key) {
            Ok(key) => key,
            Err(rule) => return fault(".key", &rule),
        };
        let Some(value) = item.value else { return fault(".value", "is required") };
        let merchant = match item.merchant_id.map(string).transpose() {
            Ok(merchant) => merchant.filter(|merchant| !merchant.is_empty()),
            Err(rule) => return fault(".merchantId", &rule),
        };
        let value_type = match item.value_type.map(string).transpose() {
            Ok(value_type) => value_type.filter(|value_type| !value_type.is_empty()),
            Err(rule) => return fault(".valueType", &rule),
        };
        // One that cannot be set names its merchant all the same.
        let merchant = merchant.map(|code| self.merchant(code));
        match Key::parse(key.as_str()) {
            Ok(parsed) => match Value::parse(value.get(), value_type.as_deref()) {
                Ok(value) => self.set(Item { key: parsed, merchant, value }),
                Err(Rule(reason)) => self.unsettable.push(Unsettable { name: shown(&key), reason }),
            },
            Err(Rule(rule)) => {
                let name = if key.is_empty() { format!("items[{index}]") } else { shown(&key) };
                self.unsettable.push(Unsettable { name, reason: format!("key {rule}") });
            }
        }
    }

    fn merchant(&mut self, code: String) -> usize {
        *self.merchant_places.entry(code).or_insert_with_key(|code| {
            self.merchants.push(code.clone());
            self.merchants.len() - 1
        })
    }

    fn set(&mut self, item: Item) {
        let place = self.items.len();
        if let Some(earlier) = self.places.insert((item.key.clone(), item.merchant), place) {
            self.items[earlier] = None;
            self.repeated += 1;
        }
        self.items.push(Some(item));
    }
}

fn required<'a>(raw: Option<&'a RawValue>, name: &str, faults: &mut Vec<Fault>) -> Option<&'a RawValue> {
    if raw.is_none() {
        faults.push(Fault { at: name.to_owned(), rule: "is required".to_owned() });
    }
    raw
}

fn string(raw: &RawValue) -> Result<String, String> {
    if !raw.get().starts_with('"') {
        return Err("must be a string".to_owned());
    }
    serde_json::from_str(raw.get()).map_err(|_| "must be valid Unicode text".to_owned())
}

fn not_seconds(raw: &str) -> &'static str {
    let integer = raw.strip_prefix('-').unwrap_or(raw).bytes().all(|byte| byte.is_ascii_digit());
    if integer { "is out of range: it is in Unix seconds" } else { "must be an integer: Unix seconds" }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Submission {
        Submission::parse(text).expect("a request")
    }

    fn of_items(items: &str) -> Result<Submission, Unreadable> {
        Submission::parse(&format!(r#"{{"externalSystemId": "s", "timestamp": 1, "items": {items}}}"#))
    }

    fn faults(items: &str) -> Vec<String> {
        match of_items(items) {
            Err(Unreadable::Faulty(faults)) => {
                faults.into_iter().map(|fault| format!("{} {}", fault.at, fault.rule)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn merchants_are_named_once_in_the_order_they_appear_and_an_empty_one_is_none() {
        let read = of_items(
            r#"[{"key": "a", "value": 1, "merchantId": "B"}, {"key": "b", "value": [], "merchantId": "A"},
                {"key": "c", "value": 1, "merchantId": "B"}, {"key": "d", "value": 1, "merchantId": ""},
                {"key": "e", "value": null, "merchantId": null}]"#,
        )
        .expect("a request");
        assert_eq!(read.merchants, ["B", "A"]);
        let merchants: Vec<_> = read.items.iter().map(|item| item.merchant).collect();
        assert_eq!(merchants, [Some(0), Some(0), None, None]);
    }

    #[test]
    fn the_last_item_for_a_key_and_merchant_wins_and_others_stay_in_their_order() {
        let read = of_items(
            r#"[{"key": "a", "value": 1}, {"key": "b", "value": 2}, {"key": "a", "value": 3, "merchantId": "M"},
                {"key": "a", "value": 4}, {"key": "a", "value": {}}]"#,
        )
        .expect("a request");
        let set: Vec<_> = read.items.iter().map(|item| (item.key.as_str(), item.value.json())).collect();
        assert_eq!(set, [("b", "2".to_owned()), ("a", "3".to_owned()), ("a", "4".to_owned())]);
        assert_eq!((read.repeated, read.unsettable.len()), (1, 1));
    }

    #[test]
    fn what_cannot_be_set_is_named_and_the_rest_is_set() {
        let long = "я".repeat(513);
        let items = format!(
            r#"[{{"key": "", "value": 1}}, {{"key": "{long}", "value": 1}}, {{"key": "n\u0000l", "value": 1}},
                {{"key": "o", "value": {{}}}}, {{"key": "x", "value": 1e999}}, {{"key": "d", "value": "?", "valueType": "datetime"}},
                {{"key": "t", "value": 1, "valueType": "money"}}, {{"key": "ok", "value": 1, "valueType": ""}}]"#
        );
        let read = of_items(&items).expect("a request");
        assert_eq!(read.items.len(), 1);
        let named: Vec<_> = read.unsettable.iter().map(|item| format!("{} {}", item.name, item.reason)).collect();
        assert_eq!(named[0], "items[0] key must not be empty");
        assert!(named[1].starts_with("яяя") && named[1].contains("… key must have at most 512"), "{}", named[1]);
        assert_eq!(named[2], "n\u{fffd}l key must not contain the NUL character");
        assert_eq!(named[3], "o is an object");
        assert!(named[4].starts_with("x is a number"), "{}", named[4]);
        assert!(named[5].starts_with("d is no date"), "{}", named[5]);
        assert_eq!(named[6], "t has a valueType other than datetime");
    }

    #[test]
    fn wrong_types_and_missing_fields_are_told_with_their_place() {
        for (items, told) in [
            ("{}", "items must be an array"),
            ("5", "items must be an array"),
            ("[5]", "items[0] must be an object"),
            (r#"[["k", 1]]"#, "items[0] must be an object"),
            (r#"[{"value": 1}]"#, "items[0].key is required"),
            (r#"[{"key": null, "value": 1}]"#, "items[0].key is required"),
            (r#"[{"key": 5, "value": 1}]"#, "items[0].key must be a string"),
            (r#"[{"key": "\udc00", "value": 1}]"#, "items[0].key must be valid Unicode text"),
            (r#"[{"key": "a"}]"#, "items[0].value is required"),
            (
                r#"[{"key": "a", "value": 1}, {"key": "a", "value": 1, "merchantId": 5}]"#,
                "items[1].merchantId must be a string",
            ),
            (r#"[{"key": "a", "value": 1, "valueType": false}]"#, "items[0].valueType must be a string"),
            (r#"[{"key": "a", "key": "b", "value": 1}]"#, "items[0] has a property twice"),
        ] {
            assert_eq!(faults(items), [told]);
        }
        let many = format!("[{}]", vec!["0"; 5_000].join(","));
        assert_eq!(faults(&many).len(), TOLD_FAULTS);
        let too_many = format!("[{}]", vec!["0"; MOST_ITEMS + 1].join(","));
        assert_eq!(faults(&too_many), ["items must have at most 10000 items (has 10001)"]);
    }

    #[test]
    fn the_envelope_is_checked_field_by_field() {
        let told = |text: &str| match Submission::parse(text) {
            Err(Unreadable::Faulty(faults)) => {
                faults.into_iter().map(|fault| format!("{} {}", fault.at, fault.rule)).collect::<Vec<_>>().join("; ")
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(told("[]"), "body must be an object");
        assert_eq!(told("{}"), "externalSystemId is required; timestamp is required; items is required");
        assert_eq!(
            told(r#"{"externalSystemId": 5, "timestamp": "1", "items": null}"#),
            "externalSystemId must be a string; timestamp must be an integer: Unix seconds; items is required"
        );
        for timestamp in ["1.0", "1e9", "true", "{}"] {
            let text = format!(r#"{{"externalSystemId": "s", "timestamp": {timestamp}, "items": []}}"#);
            assert_eq!(told(&text), "timestamp must be an integer: Unix seconds");
        }
        let text = r#"{"externalSystemId": "s", "timestamp": 99999999999999999999, "items": []}"#;
        assert_eq!(told(text), "timestamp is out of range: it is in Unix seconds");
        assert_eq!(
            read(r#"{"externalSystemId": "s", "timestamp": 1, "items": [], "more": {"is": ["ignored"]}}"#).items,
            []
        );
    }

    #[test]
    fn what_is_no_json_is_told_with_line_and_column() {
        let text = "{\n  \"externalSystemId\": \"s\",\n  \"timestamp\": 1\n  \"items\": []\n}";
        let Err(Unreadable::Malformed(why)) = Submission::parse(text) else { panic!("it is read") };
        assert!(why.ends_with("at line 4 column 3"), "{why}");
        let twice = r#"{"timestamp": 1, "timestamp": 2}"#;
        let Err(Unreadable::Malformed(why)) = Submission::parse(twice) else { panic!("it is read") };
        assert!(why.contains("timestamp") && why.contains("line 1 column"), "{why}");
    }

    proptest! {
        #[test]
        fn no_text_brings_it_down(text in any::<String>()) {
            let _ = Submission::parse(&text);
        }

        #[test]
        fn no_item_brings_it_down(raw in r#"[\[\]{}",:a-z0-9.\\ -]{0,60}"#) {
            let _ = of_items(&format!("[{raw}]"));
        }

        #[test]
        fn each_settable_item_is_there_once_with_the_last_value(
            given in prop::collection::vec((0_u8..6, 0_u8..3, any::<i64>()), 0..40)
        ) {
            let items: Vec<_> = given
                .iter()
                .map(|(key, merchant, value)| format!(r#"{{"key": "k{key}", "merchantId": "{}", "value": {value}}}"#,
                                                      if *merchant == 0 { String::new() } else { format!("m{merchant}") }))
                .collect();
            let read = of_items(&format!("[{}]", items.join(","))).expect("a request");
            let mut last = HashMap::new();
            for (key, merchant, value) in &given {
                last.insert((*key, *merchant), *value);
            }
            prop_assert_eq!(read.items.len(), last.len());
            prop_assert_eq!(read.items.len() + read.repeated, given.len());
            for item in &read.items {
                let key: u8 = item.key.as_str()[1..].parse().expect("a number");
                let merchant = item.merchant.map_or(0, |at| read.merchants[at][1..].parse().expect("a number"));
                prop_assert_eq!(item.value.json(), last[&(key, merchant)].to_string());
            }
        }
    }
}
