//! Takes secrets out of what is shown: by the names of fields, in JSON, forms and XML.
//!
//! Must not know: any domain. A name that is none of a secret's here is shown: the log is one of a database of tests.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;
use url::form_urlencoded;

/// What stands in the place of a secret.
pub const HIDDEN: &str = "…";

/// Whether a field of this name holds a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("password") || name.contains("secret") || name == "token" || name.ends_with("_token")
}

/// A body as it is shown.
pub fn body(media_type: &str, bytes: &[u8], cut: bool) -> String {
    let text = String::from_utf8_lossy(bytes);
    let media_type = media_type.to_ascii_lowercase();
    if media_type.contains("json") {
        return match serde_json::from_slice::<Value>(bytes) {
            Ok(mut value) => {
                json(&mut value);
                value.to_string()
            }
            // Broken or cut JSON may hold anything anywhere.
            Err(_) if cut || names_a_secret(&text) => HIDDEN.to_owned(),
            Err(_) => text.into_owned(),
        };
    }
    if media_type.contains("x-www-form-urlencoded") {
        return form(&text);
    }
    if media_type.contains("xml") {
        static ELEMENT: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"(<(?:[\w.:-]*(?i:password|secret)[\w.:-]*|(?i:[\w.:-]*_?token))(?:\s[^>]*)?>)[^<]*")
                .expect("the pattern is constant")
        });
        return ELEMENT.replace_all(&text, format!("${{1}}{HIDDEN}")).into_owned();
    }
    text.into_owned()
}

fn names_a_secret(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["password", "secret", "token"].iter().any(|word| text.contains(word))
}

fn json(value: &mut Value) {
    match value {
        // A bare text is a credential that is asked about.
        Value::String(text) => HIDDEN.clone_into(text),
        _ => within(value),
    }
}

fn within(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if is_secret(name) && !value.is_null() {
                    *value = HIDDEN.into();
                } else {
                    within(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(within),
        _ => {}
    }
}

/// A form or a query as it is shown.
pub fn form(text: &str) -> String {
    if !names_a_secret(text) {
        return text.to_owned();
    }
    let fields = form_urlencoded::parse(text.as_bytes());
    let shown = fields.map(|(name, value)| {
        let value = if is_secret(&name) { HIDDEN.into() } else { value };
        format!("{name}={value}")
    });
    shown.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_by_their_names_and_the_rest_stays() {
        for (media_type, given, expected) in [
            ("application/json", r#"{"username":"ivan","password":"hush"}"#, r#"{"username":"ivan","password":"…"}"#),
            ("application/json", r#"{"a":[{"new_password":"hush","b":1}]}"#, r#"{"a":[{"new_password":"…","b":1}]}"#),
            ("application/json; charset=utf-8", r#""eyJhbGciOi.hush""#, r#""…""#),
            ("application/json", r#"{"token":"hush","tokens":3}"#, r#"{"token":"…","tokens":3}"#),
            ("application/json", r#"{"password":"hush"#, "…"),
            ("application/json", r#"{"broken""#, r#"{"broken""#),
            ("application/x-www-form-urlencoded", "username=ivan&password=hush", "username=ivan&password=…"),
            ("application/xml", "<xml><token>hush</token><id>7</id></xml>", "<xml><token>…</token><id>7</id></xml>"),
            ("text/plain", "as it is", "as it is"),
        ] {
            assert_eq!(body(media_type, given.as_bytes(), false), expected, "{media_type}: {given}");
        }
        assert_eq!(form("format=json&token=hush"), "format=json&token=…");
        assert_eq!(form("gln=1"), "gln=1");
    }
}
