//! Schemas in words: a field's type, its bounds, and the tables of both.
//!
//! Must not know: SQL, HTTP, other domains.

use serde_json::{Map, Value};

use super::html::{escape, phrase, table};
use super::texts::Voice;

/// The entries of a JSON object; none of anything else.
pub fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// The text under `key`, or an empty one.
pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The name of the schema that this one stands for, where it is a reference.
pub fn reference(schema: &Value) -> Option<&str> {
    keyword(schema, "$ref")?.as_str()?.rsplit('/').next()
}

/// A keyword of a schema, or of one of those it is put together from.
fn keyword<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let mut parts = schema["allOf"].as_array().into_iter().flatten();
    schema.get(name).or_else(|| parts.find_map(|part| part.get(name)))
}

/// The id of a type's heading.
pub fn type_id(name: &str) -> String {
    format!("type-{name}")
}

/// The type in words, as HTML: a link where it is a named one.
pub fn type_words(voice: Voice, schema: &Value) -> String {
    let mut html = match (reference(schema), text(schema, "type")) {
        (Some(name), _) => format!("<a href=\"#{}\">{}</a>", escape(&type_id(name)), escape(name)),
        (None, "array") => {
            format!("{} {}", escape(voice.label(|label| &label.array_of)), type_words(voice, &schema["items"]))
        }
        (None, kind) => {
            let word = match (kind, text(schema, "format")) {
                (_, "binary") => voice.label(|label| &label.bytes),
                ("string", _) => voice.label(|label| &label.string),
                ("integer", _) => voice.label(|label| &label.integer),
                ("number", _) => voice.label(|label| &label.number),
                ("boolean", _) => voice.label(|label| &label.boolean),
                _ => voice.label(|label| &label.object),
            };
            match text(schema, "format") {
                "" | "binary" => escape(word).into_owned(),
                format => format!("{} <small>({})</small>", escape(word), escape(format)),
            }
        }
    };
    if keyword(schema, "nullable") == Some(&Value::Bool(true)) {
        html.push(' ');
        html.push_str(&escape(voice.label(|label| &label.or_null)));
    }
    html
}

/// The bounds in words, as HTML, one below the other.
pub fn bounds(voice: Voice, schema: &Value) -> String {
    let mut lines = Vec::new();
    if let Some(range) = range(schema, "minimum", "maximum") {
        lines.push(range);
    }
    for (label, least, most) in [
        (voice.label(|label| &label.length), "minLength", "maxLength"),
        (voice.label(|label| &label.items), "minItems", "maxItems"),
    ] {
        if let Some(range) = range(schema, least, most) {
            lines.push(format!("{} {range}", escape(label)));
        }
    }
    if keyword(schema, "uniqueItems") == Some(&Value::Bool(true)) {
        lines.push(escape(voice.label(|label| &label.unique)).into_owned());
    }
    if let Some(pattern) = keyword(schema, "pattern").and_then(Value::as_str) {
        lines.push(format!("{} <code>{}</code>", escape(voice.label(|label| &label.pattern)), escape(pattern)));
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<_> = values.iter().map(code).collect();
        lines.push(format!("{} {}", escape(voice.label(|label| &label.one_of)), values.join(", ")));
    }
    if let Some(default) = keyword(schema, "default").filter(|default| !default.is_null()) {
        lines.push(format!("{} {}", escape(voice.label(|label| &label.default)), code(default)));
    }
    if schema["items"].is_object() {
        let each = bounds(voice, &schema["items"]);
        if !each.is_empty() {
            lines.push(format!("{} {each}", escape(voice.label(|label| &label.each))));
        }
    }
    lines.join("<br>")
}

/// A value as it stands in JSON, a text without its quotes.
fn code(value: &Value) -> String {
    let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("<code>{}</code>", escape(&plain))
}

fn range(schema: &Value, least: &str, most: &str) -> Option<String> {
    let bound = |name: &str, exclusive: &str| {
        let open = keyword(schema, exclusive) == Some(&Value::Bool(true));
        keyword(schema, name).map(|value| (number(value), open))
    };
    match (bound(least, "exclusiveMinimum"), bound(most, "exclusiveMaximum")) {
        (Some((least, false)), Some((most, false))) if least == most => Some(least),
        (Some((least, false)), Some((most, false))) => Some(format!("{least}\u{202f}…\u{202f}{most}")),
        (least, most) => {
            let sign = |open: bool, sign: char, closed: char| if open { sign } else { closed };
            let least = least.map(|(value, open)| format!("{}\u{a0}{value}", sign(open, '>', '≥')));
            let most = most.map(|(value, open)| format!("{}\u{a0}{value}", sign(open, '<', '≤')));
            let both: Vec<_> = [least, most].into_iter().flatten().map(|text| escape(&text).into_owned()).collect();
            (!both.is_empty()).then(|| both.join(", "))
        }
    }
}

/// A bound as people write it: the document has those of numbers as `1.0`. The minus is a real one.
fn number(value: &Value) -> String {
    let text = value.to_string();
    text.strip_suffix(".0").unwrap_or(&text).replace('-', "\u{2212}")
}

/// The fields of a named schema as a table under `heading`; nothing when it has none.
pub fn fields_table(voice: Voice, heading: &str, name: &str, schema: &Value) -> String {
    let required = schema["required"].as_array();
    let rows: Vec<_> = entries(&schema["properties"])
        .map(|(field, property)| {
            let needed = required.is_some_and(|names| names.iter().any(|known| known == field));
            vec![
                format!("<code>{}</code>", escape(field)),
                type_words(voice, property),
                escape(voice.label(|label| if needed { &label.yes } else { &label.no })).into_owned(),
                bounds(voice, property),
                phrase(voice.say(&format!("schemas.{name}.fields.{field}"), text(property, "description"))),
            ]
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let columns = [
        voice.label(|label| &label.field),
        voice.label(|label| &label.r#type),
        voice.label(|label| &label.required),
        voice.label(|label| &label.bounds),
        voice.label(|label| &label.meaning),
    ];
    table(heading, &columns, rows)
}

/// The values of a named schema as a table under `heading`; nothing when it is open.
pub fn values_table(voice: Voice, heading: &str, name: &str, schema: &Value) -> String {
    let values: Vec<_> = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if values.is_empty() {
        return String::new();
    }
    let columns = [voice.label(|label| &label.value), voice.label(|label| &label.meaning)];
    let rows = values.into_iter().map(|value| {
        let meaning = voice.say(&format!("schemas.{name}.values.{value}"), "");
        vec![format!("<code>{}</code>", escape(value)), phrase(meaning)]
    });
    table(heading, &columns, rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::i18n::Language;

    #[test]
    fn bounds_are_said_in_words() {
        let cases = [
            (json!({"type": "string"}), ""),
            (json!({"minLength": 2, "maxLength": 256}), "characters: 2\u{202f}…\u{202f}256"),
            (json!({"maxLength": 2000}), "characters: ≤\u{a0}2000"),
            (json!({"minimum": 60.0, "maximum": 31_556_926.0}), "60\u{202f}…\u{202f}31556926"),
            (json!({"minimum": -12.0, "maximum": 12.0}), "−12\u{202f}…\u{202f}12"),
            (json!({"minimum": 0.0, "exclusiveMinimum": true}), "&gt;\u{a0}0"),
            (json!({"minimum": 0.5}), "≥\u{a0}0.5"),
            (json!({"maxItems": 2, "uniqueItems": true}), "items: ≤\u{a0}2<br>no item twice"),
            (json!({"pattern": "<\\w+>"}), "pattern: <code>&lt;\\w+&gt;</code>"),
            (json!({"enum": ["A", "B"]}), "one of: <code>A</code>, <code>B</code>"),
            (json!({"default": 86400}), "by default: <code>86400</code>"),
            (json!({"allOf": [{"$ref": "#/x/A"}, {"default": "B"}]}), "by default: <code>B</code>"),
            (json!({"type": "array", "items": {"minLength": 1}}), "each item: characters: ≥\u{a0}1"),
        ];
        for (schema, expected) in cases {
            assert_eq!(bounds(Voice::of(Language::En), &schema), expected, "{schema}");
        }
    }

    #[test]
    fn types_are_said_in_words_and_link_to_the_named_ones() {
        let link = "<a href=\"#type-User\">User</a>";
        let named = json!({"$ref": "#/components/schemas/User"});
        let cases = [
            (json!({"type": "boolean"}), "true или false".to_owned()),
            (json!({"type": "integer", "format": "int32"}), "целое число <small>(int32)</small>".to_owned()),
            (json!({"type": "string", "format": "binary"}), "байты".to_owned()),
            (json!({"type": "string", "nullable": true}), "строка или null".to_owned()),
            (named.clone(), link.to_owned()),
            (json!({"allOf": [named, {"description": "…"}], "nullable": true}), format!("{link} или null")),
            (json!({"type": "array", "items": named}), format!("список: {link}")),
        ];
        for (schema, expected) in cases {
            assert_eq!(type_words(Voice::of(Language::Ru), &schema), expected, "{schema}");
        }
    }
}
