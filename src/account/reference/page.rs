//! A reference page as a whole: its frame, signing in, errors, the operations, the types.
//!
//! Must not know: SQL, HTTP, other domains.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::command::preparation;
use super::html::{code_block, escape, heading, paragraphs, phrase, table};
use super::operation::{Operation, pretty};
use super::schema::{entries, fields_table, reference, text, type_id, type_words, values_table};
use super::texts::Voice;
use crate::i18n::Language;

/// The one style of a page: small, inline, without anything to fetch.
pub const STYLE: &str = include_str!("page.css");

/// The operation that gives out tokens.
const SIGN_IN: &str = "run_token_generation";

/// Renders the page of `document` in `language`.
pub fn render(document: &Value, language: Language) -> String {
    let voice = Voice::of(language);
    let operations = Operation::all(document);
    let title = escape(voice.label(|label| &label.title));
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title} · Comptoir</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>{STYLE}</style>\n</head>\n<body>\n",
        language.code(),
    );
    html += &header(document, voice);
    html += &contents(document, &operations, voice);
    html += "<main>\n";
    html += &signing_in(&operations, voice);
    html += &errors(document, &operations, voice);
    html += &operations_part(document, &operations, voice);
    html += &types(document, voice);
    html + "</main>\n</body>\n</html>\n"
}

fn header(document: &Value, voice: Voice) -> String {
    let version = text(&document["info"], "version");
    let subtitle = voice.label(|label| &label.subtitle).replace("{version}", version);
    let languages: String = Language::ALL
        .into_iter()
        .map(|language| {
            let (code, name) = (language.code(), language.name());
            if language == voice.language {
                format!("<li aria-current=\"page\">{name}</li>")
            } else {
                format!("<li><a href=\"file_{code}.html\" hreflang=\"{code}\" lang=\"{code}\">{name}</a></li>")
            }
        })
        .collect();
    format!(
        "<header>\n<nav aria-label=\"{}\"><ul>{languages}</ul></nav>\n<h1>{}</h1>\n<p>{}</p>\n</header>\n",
        escape(voice.label(|label| &label.languages)),
        escape(voice.label(|label| &label.title)),
        escape(&subtitle),
    )
}

fn contents(document: &Value, operations: &[Operation<'_>], voice: Voice) -> String {
    let link = |id: &str, title: &str| format!("<a href=\"#{}\">{}</a>", escape(id), escape(title));
    let operations: String = operations
        .iter()
        .map(|operation| format!("<li>{}</li>", link(&operation.anchor(), operation.summary(voice))))
        .collect();
    let types: Vec<_> =
        entries(&document["components"]["schemas"]).map(|(name, _)| link(&type_id(name), name)).collect();
    format!(
        "<nav aria-labelledby=\"contents\">\n{}<ul>\n<li>{}</li>\n<li>{}</li>\n<li>{}<ul>{operations}</ul></li>\n\
         <li>{}: {}</li>\n</ul>\n</nav>\n",
        heading(2, "contents", voice.label(|label| &label.contents)),
        link("signing-in", voice.label(|label| &label.signing_in)),
        link("errors", voice.label(|label| &label.errors)),
        link("operations", voice.label(|label| &label.operations)),
        link("types", voice.label(|label| &label.types)),
        types.join(", "),
    )
}

fn signing_in(operations: &[Operation<'_>], voice: Voice) -> String {
    let mut html = heading(2, "signing-in", voice.label(|label| &label.signing_in));
    html += &paragraphs(voice.label(|label| &label.signing_in_text));
    if let Some(sign_in) = operations.iter().find(|operation| operation.id() == SIGN_IN) {
        html += &code_block(&preparation(sign_in));
    }
    html + &paragraphs(voice.label(|label| &label.signing_in_after))
}

/// How errors look: each type of error body with an example, and the headers of answers.
fn errors(document: &Value, operations: &[Operation<'_>], voice: Voice) -> String {
    let mut html = heading(2, "errors", voice.label(|label| &label.errors));
    html += &paragraphs(voice.label(|label| &label.errors_text));
    let mut bodies: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut headers: Vec<(&str, &str)> = Vec::new();
    for (status, answer) in operations.iter().flat_map(Operation::answers) {
        let content = entries(&answer["content"]).next();
        if status.as_str() >= "400"
            && let Some(name) = content.and_then(|(_, content)| reference(&content["schema"]))
        {
            bodies.entry(name).or_default().insert(status);
        }
        for (name, header) in entries(&answer["headers"]) {
            if !headers.iter().any(|(known, _)| known == name) {
                headers.push((name, text(header, "description")));
            }
        }
    }
    for (name, statuses) in bodies {
        let statuses: Vec<_> = statuses.into_iter().collect();
        let words = type_words(voice, &serde_json::json!({"$ref": name}));
        html += &format!("<p>{}: {words}</p>\n", escape(&statuses.join(", ")));
        if let Some(example) = document["components"]["schemas"][name].get("example") {
            html += &code_block(&pretty(example));
        }
    }
    html += &heading(3, "headers", voice.label(|label| &label.answer_headers));
    let columns = [voice.label(|label| &label.header), voice.label(|label| &label.meaning)];
    let rows = headers.into_iter().map(|(name, english)| {
        let meaning = phrase(voice.say(&format!("headers.{name}"), english));
        vec![format!("<code id=\"header-{0}\">{0}</code>", escape(name)), meaning]
    });
    html + &table("headers", &columns, rows)
}

fn operations_part(document: &Value, operations: &[Operation<'_>], voice: Voice) -> String {
    let mut html = heading(2, "operations", voice.label(|label| &label.operations));
    let tags = document["tags"].as_array();
    for tag in tags.into_iter().flatten() {
        let name = text(tag, "name");
        html += &paragraphs(voice.say(&format!("tags.{name}"), text(tag, "description")));
        let rows = operations.iter().filter(|operation| operation.tag() == name).map(|operation| {
            let token = voice.label(|label| if operation.needs_token() { &label.needed } else { &label.not_needed });
            vec![
                format!("<code>{} {}</code>", escape(&operation.method.to_uppercase()), escape(operation.path)),
                format!("<a href=\"#{}\">{}</a>", escape(&operation.anchor()), escape(operation.summary(voice))),
                escape(token).into_owned(),
            ]
        });
        let columns = [
            voice.label(|label| &label.path),
            voice.label(|label| &label.operation),
            voice.label(|label| &label.credentials),
        ];
        html += &table("operations", &columns, rows);
    }
    html + &operations.iter().map(|operation| operation.section(voice)).collect::<String>()
}

fn types(document: &Value, voice: Voice) -> String {
    let mut html = heading(2, "types", voice.label(|label| &label.types));
    for (name, schema) in entries(&document["components"]["schemas"]) {
        let id = type_id(name);
        html += &format!("<section aria-labelledby=\"{}\">\n", escape(&id));
        html += &heading(3, &id, name);
        html += &paragraphs(voice.say(&format!("schemas.{name}.about"), text(schema, "description")));
        html += &fields_table(voice, &id, name, schema);
        html += &values_table(voice, &id, name, schema);
        html += "</section>\n";
    }
    html
}
