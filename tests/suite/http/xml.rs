//! JSON to XML and back under a published schema: nothing is lost, and both formats are held to the same rules.

use comptoir::http::schema::{Schema, Unknown};
use comptoir::http::xml;
use poem_openapi::{Enum, Object};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Of each kind of value there is.
#[derive(Object)]
struct Everything {
    text: String,
    number: i64,
    ratio: f64,
    flag: bool,
    word: Word,
    numbers: Vec<i64>,
    parts: Vec<Part>,
    part: Part,
    optional: Option<String>,
    texts: Option<Vec<String>>,
}

#[derive(Object)]
struct Part {
    code: String,
    parts: Vec<Part>,
}

#[derive(Enum)]
enum Word {
    One,
    Two,
}

/// Text that XML can hold.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~\\t\\n\\r]{0,12}",
        "[а-яіїє<>&'\"\\]]{0,12}",
        "[0-9]{1,6}",
        Just("007".to_owned()),
        Just("true".to_owned()),
        Just(String::new()),
        Just("]]>".to_owned()),
        Just("\u{1f600}\u{fffd}\u{e000}".to_owned()),
    ]
}

fn part() -> impl Strategy<Value = Value> {
    let leaf = text().prop_map(|code| json!({"code": code, "parts": []}));
    leaf.prop_recursive(3, 8, 3, |inner| {
        (text(), prop::collection::vec(inner, 0..3)).prop_map(|(code, parts)| json!({"code": code, "parts": parts}))
    })
}

fn everything() -> impl Strategy<Value = Value> {
    let scalars = (
        text(),
        any::<i64>(),
        any::<i32>().prop_map(|number| f64::from(number) / 4.0),
        any::<bool>(),
        prop::sample::select(vec!["One", "Two"]),
    );
    let arrays = (prop::collection::vec(any::<i64>(), 0..4), prop::collection::vec(part(), 0..3), part());
    let optional = (prop::option::of(text()), prop::option::of(prop::collection::vec(text(), 1..4)));
    (scalars, arrays, optional).prop_map(
        |((text, number, ratio, flag, word), (numbers, parts, part), (optional, texts))| {
            let mut value = json!({"text": text, "number": number, "ratio": ratio, "flag": flag, "word": word,
                                   "numbers": numbers, "parts": parts, "part": part});
            if let Some(optional) = optional {
                value["optional"] = json!(optional);
            }
            if let Some(texts) = texts {
                value["texts"] = json!(texts);
            }
            value
        },
    )
}

/// `value` through XML, by the schema of [`Everything`].
fn through(value: &Value) -> Value {
    let document = xml::write("xml", value);
    Schema::of::<Everything>().coerce(xml::read(document.as_bytes(), "xml").unwrap())
}

proptest! {
    #[test]
    fn a_value_comes_back_from_xml_as_it_was(value in everything()) {
        let schema = Schema::of::<Everything>();
        prop_assert_eq!(schema.check(&value, Unknown::Refuse), vec![]);
        let back = through(&value);
        prop_assert_eq!(schema.check(&back, Unknown::Refuse), vec![]);
        prop_assert_eq!(back, value);
    }

    #[test]
    fn whatever_bytes_come_they_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = xml::read(&bytes, "xml");
        let _ = xml::read(&[b"<xml>", bytes.as_slice(), b"</xml>"].concat(), "xml");
    }

    #[test]
    fn markup_of_any_shape_is_read_or_refused(parts in prop::collection::vec(
        prop::sample::select(vec!["<a>", "</a>", "<b/>", "<a x='1'>", "&lt;", "&#", "&x;", "<![CDATA[", "]]>", "<!--", "-->",
            "<?", "?>", "<!DOCTYPE", "text", "<", ">", "\"", "</xml>", "<xml>"]), 0..20))
    {
        let _ = xml::read(format!("<xml>{}</xml>", parts.concat()).as_bytes(), "xml");
    }
}

#[test]
fn what_does_not_fit_its_type_is_reported_as_in_json() {
    let mut value = through(&json!({"text": "x", "number": "007", "ratio": "x", "flag": "yes", "word": "Three",
        "numbers": ["1", "x"], "parts": [], "part": "x"}));
    value.as_object_mut().unwrap_or(&mut Map::new()).remove("parts");
    let faults = Schema::of::<Everything>().check(&value, Unknown::Ignore);
    let faults: Vec<_> = faults.iter().map(|fault| format!("{} {}", fault.field, fault.rule)).collect();
    assert_eq!(
        faults,
        [
            "number must be an integer (is a string)",
            "ratio must be a number (is a string)",
            "flag must be true or false (is a string)",
            "word must be one of One, Two",
            "numbers[1] must be an integer (is a string)",
            "part must be an object (is a string)",
            "parts is required",
        ]
    );
}
