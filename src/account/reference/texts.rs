//! What the reference pages say, in every language: labels of the page, and translations of the document's own texts.
//!
//! The English of a translation is the document's, word for word; the tests compare, so that a text that changes there
//! asks for its translations here. A new operation is translated in `texts/operations.toml`, a new type in
//! `texts/types.toml`. Must not know: SQL, HTTP, other domains.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use toml::{Table, Value};

use crate::i18n::{Language, Words};

/// The one set of texts.
pub static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::read().expect("the tests read these files"));

/// The texts of the pages.
#[derive(Debug)]
pub struct Texts {
    /// What the page itself says.
    pub labels: Labels,
    /// What the document says, by keys such as `operations.read_info.summary`.
    translations: BTreeMap<String, Words>,
}

/// What the page itself says. Each label is one row of `texts/labels.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    pub title: Words,
    pub subtitle: Words,
    pub languages: Words,
    pub contents: Words,
    pub signing_in: Words,
    pub signing_in_text: Words,
    pub signing_in_after: Words,
    pub errors: Words,
    pub errors_text: Words,
    pub answer_headers: Words,
    pub operations: Words,
    pub operation: Words,
    pub path: Words,
    pub credentials: Words,
    pub needed: Words,
    pub not_needed: Words,
    pub parameters: Words,
    pub parameter: Words,
    pub place: Words,
    pub in_path: Words,
    pub in_query: Words,
    pub in_header: Words,
    pub request_body: Words,
    pub body_is: Words,
    pub command: Words,
    pub answers: Words,
    pub status: Words,
    pub body: Words,
    pub no_body: Words,
    pub headers: Words,
    pub header: Words,
    pub request_example: Words,
    pub answer_example: Words,
    pub types: Words,
    pub field: Words,
    pub value: Words,
    pub r#type: Words,
    pub required: Words,
    pub yes: Words,
    pub no: Words,
    pub bounds: Words,
    pub meaning: Words,
    pub string: Words,
    pub integer: Words,
    pub number: Words,
    pub boolean: Words,
    pub object: Words,
    pub bytes: Words,
    pub array_of: Words,
    pub or_null: Words,
    pub length: Words,
    pub items: Words,
    pub unique: Words,
    pub each: Words,
    pub pattern: Words,
    pub default: Words,
    pub one_of: Words,
}

/// The texts as one language says them.
#[derive(Debug, Clone, Copy)]
pub struct Voice {
    texts: &'static Texts,
    /// The language.
    pub language: Language,
}

impl Voice {
    /// The voice of `language`.
    pub fn of(language: Language) -> Self {
        Self { texts: &TEXTS, language }
    }

    /// A label of the page.
    pub fn label(self, pick: impl Fn(&Labels) -> &Words) -> &'static str {
        pick(&self.texts.labels).say(self.language)
    }

    /// The document's text under `key`; see [`Texts::say`].
    pub fn say<'a>(self, key: &str, english: &'a str) -> &'a str {
        self.texts.say(self.language, key, english)
    }

    /// What a status means; see [`Texts::say_status`].
    pub fn say_status<'a>(self, operation: &str, status: &str, english: &'a str) -> &'a str {
        self.texts.say_status(self.language, operation, status, english)
    }
}

impl Texts {
    fn read() -> Result<Self, toml::de::Error> {
        let mut translations = BTreeMap::new();
        for file in [include_str!("texts/operations.toml"), include_str!("texts/types.toml")] {
            flatten("", toml::from_str(file)?, &mut translations)?;
        }
        Ok(Self { labels: toml::from_str(include_str!("texts/labels.toml"))?, translations })
    }

    /// The document's text under `key` in `language`. English is what the document says; a text without a translation
    /// stays English.
    #[must_use]
    pub fn say<'a>(&'a self, language: Language, key: &str, english: &'a str) -> &'a str {
        match self.translations.get(key) {
            Some(words) if language != Language::En || english.is_empty() => words.say(language),
            _ => english,
        }
    }

    /// What a status means: for this operation where it says something else than the others, else in general.
    #[must_use]
    pub fn say_status<'a>(&'a self, language: Language, operation: &str, status: &str, english: &'a str) -> &'a str {
        let own = format!("operations.{operation}.statuses.{status}");
        let key = if self.translations.contains_key(&own) { own } else { format!("statuses.{status}") };
        self.say(language, &key, english)
    }
}

/// Puts every text of a table into one map, under its dotted path.
fn flatten(path: &str, table: Table, into: &mut BTreeMap<String, Words>) -> Result<(), toml::de::Error> {
    for (name, value) in table {
        let path = if path.is_empty() { name } else { format!("{path}.{name}") };
        match value {
            Value::Table(inner) if !inner.values().all(Value::is_str) => flatten(&path, inner, into)?,
            text => {
                into.insert(path, text.try_into()?);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value as Json};

    use super::*;
    use crate::account::api::CONTRACT;
    use crate::app;
    use crate::http::document;

    type English = BTreeMap<String, String>;

    fn entries(value: &Json) -> impl Iterator<Item = (&String, &Json)> {
        value.as_object().into_iter().flat_map(Map::iter)
    }

    fn operations(document: &Json) -> Vec<&Json> {
        entries(&document["paths"]).flat_map(|(_, path)| entries(path)).map(|(_, operation)| operation).collect()
    }

    /// A status has the meaning most operations give it; those that give another one have their own text.
    fn statuses(document: &Json, expected: &mut English) {
        let mut uses: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
        for operation in operations(document) {
            let id = operation["operationId"].as_str().expect("an id");
            for (status, answer) in entries(&operation["responses"]) {
                let text = answer["description"].as_str().expect("a description");
                uses.entry(status).or_default().entry(text).or_default().push(id);
                for (name, header) in entries(&answer["headers"]) {
                    expected.insert(format!("headers.{name}"), text_of(header));
                }
            }
        }
        for (status, meanings) in uses {
            let (general, _) = meanings.iter().rev().max_by_key(|(_, ids)| ids.len()).expect("at least one");
            expected.insert(format!("statuses.{status}"), (*general).to_owned());
            for (text, ids) in meanings.iter().filter(|(text, _)| *text != general) {
                for id in ids {
                    expected.insert(format!("operations.{id}.statuses.{status}"), (*text).to_owned());
                }
            }
        }
    }

    fn text_of(value: &Json) -> String {
        value["description"].as_str().unwrap_or_default().to_owned()
    }

    /// Every text of the document by the key of its translation. Values of enums have no text there: it is empty.
    fn expected(document: &Json) -> English {
        let mut expected = English::new();
        for tag in document["tags"].as_array().expect("tags") {
            expected.insert(format!("tags.{}", tag["name"].as_str().expect("a name")), text_of(tag));
        }
        for operation in operations(document) {
            let id = operation["operationId"].as_str().expect("an id");
            expected.insert(format!("operations.{id}.summary"), operation["summary"].as_str().unwrap_or("").to_owned());
            expected.insert(format!("operations.{id}.description"), text_of(operation));
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().expect("a name");
                expected.insert(format!("operations.{id}.parameters.{name}"), text_of(parameter));
            }
        }
        statuses(document, &mut expected);
        for (name, schema) in entries(&document["components"]["schemas"]) {
            expected.insert(format!("schemas.{name}.about"), text_of(schema));
            for (field, property) in entries(&schema["properties"]) {
                expected.insert(format!("schemas.{name}.fields.{field}"), text_of(property));
            }
            for value in schema["enum"].as_array().into_iter().flatten() {
                expected.insert(format!("schemas.{name}.values.{}", value.as_str().expect("text")), String::new());
            }
        }
        expected
    }

    fn one_line(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// What is wrong with `texts` for this document, a line each.
    fn faults(texts: &Texts, document: &Json) -> Vec<String> {
        let expected = expected(document);
        let mut faults = Vec::new();
        for (key, english) in &expected {
            let is_value = key.starts_with("schemas.") && key.contains(".values.");
            if english.is_empty() && !is_value {
                faults.push(format!("{key}: the document has no description"));
            }
            match texts.translations.get(key) {
                None => faults.push(format!("{key}: no translation of {english:?}")),
                Some(words) if !is_value && one_line(words.say(Language::En)) != one_line(english) => {
                    faults.push(format!("{key}: translates an older text; the document says {english:?}"));
                }
                Some(_) => {}
            }
        }
        for key in texts.translations.keys().filter(|key| !expected.contains_key(*key)) {
            faults.push(format!("{key}: the document has nothing of this name"));
        }
        for (key, words) in &texts.translations {
            for language in Language::ALL.into_iter().filter(|language| words.say(*language).trim().is_empty()) {
                faults.push(format!("{key}: the {} text is empty", language.code()));
            }
        }
        faults
    }

    #[test]
    fn every_text_of_the_document_is_translated_as_it_stands_and_no_translation_is_left_over() {
        let document = document::part(&app::document(), &CONTRACT);
        let faults = faults(&TEXTS, &document);
        assert!(faults.is_empty(), "in src/account/reference/texts/:\n{}", faults.join("\n"));
    }

    #[test]
    fn a_text_that_is_missing_stale_or_left_over_is_named() {
        let document = serde_json::json!({
            "tags": [],
            "paths": {"/a": {"get": {
                "operationId": "a", "summary": "A", "description": "Does a.",
                "responses": {"200": {"description": "Success"}},
            }}},
            "components": {"schemas": {"Kind": {"description": "A kind.", "enum": ["X"]}}},
        });
        let words = |en: &str| Words::new(en, "да", "так");
        let translations = BTreeMap::from([
            ("operations.a.summary".to_owned(), words("A")),
            ("operations.a.description".to_owned(), words("Did a.")),
            ("statuses.200".to_owned(), words("Success")),
            ("schemas.Kind.about".to_owned(), Words::new("A kind.", " ", "так")),
            ("statuses.404".to_owned(), words("Gone")),
        ]);
        let labels = toml::from_str(include_str!("texts/labels.toml")).expect("labels");
        assert_eq!(
            faults(&Texts { labels, translations }, &document),
            [
                "operations.a.description: translates an older text; the document says \"Does a.\"",
                "schemas.Kind.values.X: no translation of \"\"",
                "statuses.404: the document has nothing of this name",
                "schemas.Kind.about: the ru text is empty",
            ]
        );
    }

    #[test]
    fn no_label_is_empty_in_any_language() {
        let rows: BTreeMap<String, Words> = toml::from_str(include_str!("texts/labels.toml")).expect("labels");
        for (name, words) in rows {
            for language in Language::ALL {
                assert!(!words.say(language).trim().is_empty(), "{name} in {}", language.code());
            }
        }
    }
}
