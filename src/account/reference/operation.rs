//! One operation on a reference page: what it takes, what it answers, and how to try it.
//!
//! Must not know: SQL, HTTP, other domains.

use serde_json::Value;

use super::command::{command, example};
use super::html::{code_block, escape, heading, paragraphs, phrase, table};
use super::schema::{bounds, entries, fields_table, reference, text, type_words};
use super::texts::Voice;

/// The header of every answer: said once, with the errors.
const ALWAYS: &str = "X-Request-Id";

/// An operation of the document.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a> {
    /// The document.
    pub document: &'a Value,
    /// The method, in lower case as the document has it.
    pub method: &'a str,
    /// The path, with its parameters in braces.
    pub path: &'a str,
    /// What the document says of it.
    pub value: &'a Value,
}

impl<'a> Operation<'a> {
    /// Every operation, in the document's order.
    pub fn all(document: &'a Value) -> Vec<Self> {
        entries(&document["paths"])
            .flat_map(|(path, methods)| {
                entries(methods).map(move |(method, value)| Self { document, method, path, value })
            })
            .collect()
    }

    /// Its `operationId`.
    pub fn id(&self) -> &'a str {
        text(self.value, "operationId")
    }

    /// The id of its heading.
    pub fn anchor(&self) -> String {
        format!("op-{}", self.id())
    }

    /// Its tag.
    pub fn tag(&self) -> &'a str {
        self.value["tags"][0].as_str().unwrap_or_default()
    }

    /// Its summary.
    pub fn summary(&self, voice: Voice) -> &'a str {
        voice.say(&format!("operations.{}.summary", self.id()), text(self.value, "summary"))
    }

    /// Its parameters.
    pub fn parameters(&self) -> impl Iterator<Item = &'a Value> {
        self.value["parameters"].as_array().into_iter().flatten()
    }

    /// Its answers: status and description.
    pub fn answers(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        entries(&self.value["responses"])
    }

    /// Whether it is for signed-in callers.
    pub fn needs_token(&self) -> bool {
        self.value["security"].as_array().is_some_and(|schemes| !schemes.is_empty())
    }

    /// The body it takes: its media type with the schema.
    fn request_body(&self) -> Option<&'a Value> {
        entries(&self.value["requestBody"]["content"]).next().map(|(_, content)| content)
    }

    /// An example of the body it takes.
    pub fn request_example(&self) -> Option<&'a Value> {
        example(self.document, self.request_body()?)
    }

    /// The answer when it succeeds: its media type, and that with the schema.
    fn success(&self) -> Option<(&'a String, &'a Value)> {
        let (_, answer) = self.answers().find(|(status, _)| status.starts_with('2'))?;
        entries(&answer["content"]).next()
    }

    /// Whether it answers with something a terminal cannot show.
    pub fn answers_bytes(&self) -> bool {
        self.success().is_some_and(|(kind, _)| !kind.starts_with("text/") && !kind.ends_with("json"))
    }

    /// The section of the page about it.
    pub fn section(&self, voice: Voice) -> String {
        let anchor = self.anchor();
        let method = self.method.to_uppercase();
        let token = voice.label(|label| if self.needs_token() { &label.needed } else { &label.not_needed });
        let mut html = format!("<section aria-labelledby=\"{}\">\n", escape(&anchor));
        html += &heading(3, &anchor, self.summary(voice));
        html += &format!(
            "<p class=\"call\"><code><b>{}</b> {}</code> <span>{}: {}</span> <span>operationId: <code>{}</code></span></p>\n",
            escape(&method),
            escape(self.path),
            escape(voice.label(|label| &label.credentials)),
            escape(token),
            escape(self.id()),
        );
        let description = voice.say(&format!("operations.{}.description", self.id()), text(self.value, "description"));
        html += &paragraphs(description);
        html += &self.parameters_part(voice);
        html += &self.body_part(voice);
        html += &self.part(voice.label(|label| &label.command), "command");
        html += &code_block(&command(self));
        html += &self.answers_part(voice);
        html + "</section>\n"
    }

    /// A heading inside the section.
    fn part(&self, title: &str, name: &str) -> String {
        heading(4, &self.part_id(name), title)
    }

    fn part_id(&self, name: &str) -> String {
        format!("{}-{name}", self.anchor())
    }

    fn parameters_part(&self, voice: Voice) -> String {
        let rows: Vec<_> = self
            .parameters()
            .map(|parameter| {
                let name = text(parameter, "name");
                let place = match text(parameter, "in") {
                    "path" => voice.label(|label| &label.in_path),
                    "query" => voice.label(|label| &label.in_query),
                    _ => voice.label(|label| &label.in_header),
                };
                let required = parameter["required"] == true;
                let key = format!("operations.{}.parameters.{name}", self.id());
                vec![
                    format!("<code>{}</code>", escape(name)),
                    escape(place).into_owned(),
                    type_words(voice, &parameter["schema"]),
                    escape(voice.label(|label| if required { &label.yes } else { &label.no })).into_owned(),
                    bounds(voice, &parameter["schema"]),
                    phrase(voice.say(&key, text(parameter, "description"))),
                ]
            })
            .collect();
        if rows.is_empty() {
            return String::new();
        }
        let columns = [
            voice.label(|label| &label.parameter),
            voice.label(|label| &label.place),
            voice.label(|label| &label.r#type),
            voice.label(|label| &label.required),
            voice.label(|label| &label.bounds),
            voice.label(|label| &label.meaning),
        ];
        let title = voice.label(|label| &label.parameters);
        self.part(title, "parameters") + &table(&self.part_id("parameters"), &columns, rows)
    }

    fn body_part(&self, voice: Voice) -> String {
        let Some(body) = self.request_body() else { return String::new() };
        let schema = &body["schema"];
        let mut html = self.part(voice.label(|label| &label.request_body), "body");
        html += &format!("<p>{} {}", escape(voice.label(|label| &label.body_is)), type_words(voice, schema));
        let limits = bounds(voice, schema);
        html += &if limits.is_empty() { ".</p>\n".to_owned() } else { format!("; {limits}.</p>\n") };
        if let Some(name) = reference(schema) {
            let named = &self.document["components"]["schemas"][name];
            html += &fields_table(voice, &self.part_id("body"), name, named);
        }
        if let Some(example) = self.request_example() {
            html += &self.part(voice.label(|label| &label.request_example), "request");
            html += &code_block(&pretty(example));
        }
        html
    }

    fn answers_part(&self, voice: Voice) -> String {
        let rows = self.answers().map(|(status, answer)| {
            let body = entries(&answer["content"]).next().map_or_else(
                || escape(voice.label(|label| &label.no_body)).into_owned(),
                |(kind, content)| format!("{} <small>{}</small>", type_words(voice, &content["schema"]), escape(kind)),
            );
            let headers: Vec<_> = entries(&answer["headers"])
                .filter(|(name, _)| *name != ALWAYS)
                .map(|(name, _)| format!("<a href=\"#header-{0}\"><code>{0}</code></a>", escape(name)))
                .collect();
            vec![
                format!("<code>{}</code>", escape(status)),
                phrase(voice.say_status(self.id(), status, text(answer, "description"))),
                body,
                headers.join(" "),
            ]
        });
        let columns = [
            voice.label(|label| &label.status),
            voice.label(|label| &label.meaning),
            voice.label(|label| &label.body),
            voice.label(|label| &label.headers),
        ];
        let title = voice.label(|label| &label.answers);
        let mut html = self.part(title, "answers") + &table(&self.part_id("answers"), &columns, rows);
        if let Some(example) = self.success().and_then(|(_, content)| example(self.document, content)) {
            html += &self.part(voice.label(|label| &label.answer_example), "answer");
            html += &code_block(&pretty(example));
        }
        html
    }
}

/// JSON as people read it.
pub fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a JSON value serialises")
}
