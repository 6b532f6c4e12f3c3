//! The OpenAPI document: what poem-openapi generates from the handlers, finished once at start. Media types and failure
//! statuses are made exact, request examples are added where Swagger UI sends them from, and each contract gets a
//! document of its own.
//!
//! Must not know: any domain.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::auth::permissions::{self, Effect, Need};
use crate::http::contract::Contract;
use crate::http::xml;

/// The media type of XML.
const XML: &str = "application/xml";

/// The media type of forms with files.
const FORM: &str = "multipart/form-data";

/// An example body, by its operation's id.
pub type Example = (&'static str, fn() -> Value);

/// The example bodies of the whole document.
#[derive(Debug, Default)]
pub struct Examples {
    /// Of requests, sent as they stand by `/docs`.
    pub requests: Vec<Example>,
    /// Of what answers a request that succeeds.
    pub answers: Vec<Example>,
}

/// Properties that are strings of a kind the generator does not know of: how their names end, and the kind. Swagger UI
/// and generated clients hide what is typed into a password.
const FORMATS: &[(&str, &str)] = &[("password", "password"), ("email", "email")];

/// Finishes the generated document.
///
/// # Panics
/// When the generated text is not an OpenAPI document, which its generator rules out.
#[must_use]
pub fn finish(generated: &str, contracts: &[Contract], examples: &Examples) -> Value {
    let mut document: Value = serde_json::from_str(generated).expect("poem-openapi writes JSON");
    let schemas = document["components"]["schemas"].clone();
    let paths = document["paths"].as_object_mut().expect("a document has paths");
    for operations in paths.values_mut().filter_map(Value::as_object_mut) {
        for (method, operation) in operations {
            let Some(operation) = operation.as_object_mut() else { continue };
            clean_media_types(operation);
            prune_failures(method, operation, &schemas, contracts);
            describe_headers(operation);
            let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
            let find = |examples: &[Example]| examples.iter().find(|(known, _)| *known == id).map(|(_, make)| make());
            let (request, answer) = (find(&examples.requests), find(&examples.answers));
            if let Some(example) = request {
                add_example(operation.get_mut("requestBody"), &example);
            }
            if let Some(example) = answer {
                add_example(success(operation), &example);
            }
            name_root(operation);
        }
    }
    unescape_methods(&mut document);
    name_formats(&mut document);
    write_whole_bounds(&mut document);
    order_tags(&mut document);
    document
}

/// The part of `document` that belongs to one contract: its paths, and the schemas they reach.
#[must_use]
pub fn part(document: &Value, contract: &Contract) -> Value {
    let mut part = document.clone();
    if let Some(paths) = part["paths"].as_object_mut() {
        paths.retain(|path, _| contract.covers(path).is_some());
    }
    let mut reached = BTreeSet::new();
    collect_refs(&part["paths"], document, &mut reached);
    if let Some(schemas) = part["components"]["schemas"].as_object_mut() {
        schemas.retain(|name, _| reached.contains(name));
    }
    let used: BTreeSet<String> = operations(&part)
        .flat_map(|operation| operation["tags"].as_array().into_iter().flatten())
        .filter_map(|tag| tag.as_str().map(str::to_owned))
        .collect();
    if let Some(tags) = part["tags"].as_array_mut() {
        tags.retain(|tag| tag["name"].as_str().is_some_and(|name| used.contains(name)));
    }
    part["info"]["title"] =
        json!(format!("{}: {}", document["info"]["title"].as_str().unwrap_or("API"), contract.name));
    part
}

fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    document["paths"].as_object().into_iter().flat_map(Map::values).filter_map(Value::as_object).flat_map(Map::values)
}

fn collect_refs(value: &Value, document: &Value, reached: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if let Some(name) = object.get("$ref").and_then(Value::as_str).and_then(|text| text.rsplit('/').next())
                && reached.insert(name.to_owned())
            {
                collect_refs(&document["components"]["schemas"][name], document, reached);
            }
            object.values().for_each(|value| collect_refs(value, document, reached));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_refs(value, document, reached)),
        _ => {}
    }
}

/// `application/json; charset=utf-8` is what the framework writes; the media type is `application/json`.
fn clean_media_types(operation: &mut Map<String, Value>) {
    let clean = |content: &mut Map<String, Value>| {
        *content = std::mem::take(content)
            .into_iter()
            .map(|(media_type, value)| {
                let bare = media_type.split(';').next().unwrap_or_default().trim().to_owned();
                (bare, value)
            })
            .collect();
    };
    if let Some(content) = operation.get_mut("requestBody").and_then(|body| body["content"].as_object_mut()) {
        clean(content);
    }
    for response in operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut)
    {
        if let Some(content) = response.get_mut("content").and_then(Value::as_object_mut) {
            clean(content);
        }
    }
}

/// A contract documents every failure it knows with every operation; those that cannot come are taken out again.
fn prune_failures(method: &str, operation: &mut Map<String, Value>, schemas: &Value, contracts: &[Contract]) {
    let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let has_body = operation.contains_key("requestBody");
    let parameters = operation.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let has_parameters = !parameters.is_empty();
    let is_repeatable = parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key");
    let need = permissions::need(&id);
    let public = need == Some(Need::Public);
    let exports = matches!(permissions::effect(&id), Some(Effect::Exports | Effect::Downloads));
    let seldom = |status| contracts.iter().any(|contract| contract.may_answer(status, &id));
    // A filter or a field that names another row can name one that is not there.
    let names_a_row = parameters.iter().any(|parameter| parameter["in"] == "path")
        || parameters.iter().any(|parameter| parameter["name"].as_str().is_some_and(names_another_row))
        || !public && body_fields(operation, schemas).any(names_another_row);
    // Signing in is public and still says 401; the others that are public read no credentials.
    let signs_in = matches!(id.as_str(), "run_token_generation" | "create_sid");
    let security = operation.get("security").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let basic = security.iter().any(|scheme| scheme.get("basic").is_some());
    // Whatever hashes a password can find the queue of the one hashing thread full.
    let hashes = signs_in
        || basic
        || body_fields(operation, schemas).any(|field| field == "password" || field == "new_password");
    if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        responses.retain(|status, _| match status.as_str() {
            "400" => has_body || has_parameters,
            "401" => !public || signs_in,
            "403" => !public && need != Some(Need::SignedIn) || seldom(403),
            "404" => names_a_row || seldom(404),
            "408" | "413" | "415" => has_body,
            "402" => seldom(402),
            "409" => seldom(409),
            "422" => is_repeatable || seldom(422),
            "429" => hashes || seldom(429),
            // What is public reads only, but that a session is kept; an export writes that it was made.
            "507" => !public && (method != "get" || exports) || id == "create_sid",
            _ => true,
        });
    }
}

/// Whether a parameter or field is called what the house calls rows that are named in passing.
fn names_another_row(name: &str) -> bool {
    matches!(name, "username" | "company_key" | "gln" | "producer" | "producer_id" | "distributor" | "schedule_id")
}

/// The fields of the body an operation takes.
fn body_fields<'a>(operation: &Map<String, Value>, schemas: &'a Value) -> impl Iterator<Item = &'a str> {
    let schema = operation
        .get("requestBody")
        .and_then(|body| body["content"].as_object()?.values().next()?["schema"]["$ref"].as_str()?.rsplit('/').next())
        .map_or(&Value::Null, |name| &schemas[name]);
    schema["properties"].as_object().into_iter().flat_map(Map::keys).map(String::as_str)
}

/// The headers that come with an answer: the request's id always, and what goes with a status.
fn describe_headers(operation: &mut Map<String, Value>) {
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, response) in responses.iter_mut() {
        let Some(response) = response.as_object_mut() else { continue };
        if response.get("description").and_then(Value::as_str).is_none_or(str::is_empty) {
            response.insert("description".into(), json!("Success"));
        }
        let headers = response.entry("headers").or_insert_with(|| json!({}));
        headers["X-Request-Id"] = json!({
            "description": "The request's id: quote it to the operator, the log has it too.",
            "schema": {"type": "string", "format": "uuid"},
        });
        match status.as_str() {
            "401" => {
                headers["WWW-Authenticate"] =
                    json!({"description": "The scheme to use: `Bearer`.", "schema": {"type": "string"}});
            }
            "405" => {
                headers["Allow"] = json!({"description": "The methods this path knows.", "schema": {"type": "string"}});
            }
            "429" | "503" => {
                headers["Retry-After"] =
                    json!({"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}});
            }
            _ => {}
        }
    }
}

/// The answer of an operation that succeeds.
fn success(operation: &mut Map<String, Value>) -> Option<&mut Value> {
    let responses = operation.get_mut("responses")?.as_object_mut()?;
    responses.iter_mut().find(|(status, _)| status.starts_with('2')).map(|(_, response)| response)
}

/// To each media type of a request or an answer, in its own format.
fn add_example(body: Option<&mut Value>, example: &Value) {
    for (media_type, meta) in body.and_then(|body| body["content"].as_object_mut()).into_iter().flatten() {
        meta["example"] = match media_type.as_str() {
            XML => xml::write("xml", example).into(),
            // A file by itself, or as the field of a form.
            FORM => json!({"file": example}),
            _ => example.clone(),
        };
    }
}

/// Where an operation speaks XML, its failures do too; and the root element has a name, which only a schema can say.
fn name_root(operation: &mut Map<String, Value>) {
    let speaks_xml = operation.get("requestBody").is_some_and(|body| body["content"].get(XML).is_some());
    if !speaks_xml {
        return;
    }
    let rooted = |content: &mut Value| {
        let Some(content) = content.as_object_mut() else { return };
        if !content.contains_key(XML)
            && let Some(json) = content.get("application/json").cloned()
        {
            content.insert(XML.to_owned(), json);
        }
        if let Some(meta) = content.get_mut(XML) {
            let schema = meta["schema"].take();
            meta["schema"] = json!({"allOf": [schema], "xml": {"name": "xml"}});
        }
    };
    if let Some(body) = operation.get_mut("requestBody") {
        rooted(&mut body["content"]);
    }
    for response in operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut)
    {
        rooted(&mut response["content"]);
    }
}

/// `%3A` in a path is what the router needs for a colon; see [`Contract::methods`].
fn unescape_methods(document: &mut Value) {
    let Some(paths) = document["paths"].as_object_mut() else { return };
    *paths = std::mem::take(paths).into_iter().map(|(path, meta)| (path.replace("%3A", ":"), meta)).collect();
}

/// Says which strings are of a special kind, where the generator has not.
fn name_formats(document: &mut Value) {
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    let properties = schemas.values_mut().filter_map(|schema| schema.get_mut("properties")?.as_object_mut());
    for (name, property) in properties.flat_map(Map::iter_mut) {
        let Some((_, format)) = FORMATS.iter().find(|(ending, _)| name.ends_with(ending)) else { continue };
        if property["type"] == "string" && property.get("format").is_none() {
            property["format"] = json!(format);
        }
    }
}

/// The bounds of integers are integers. The generator has every bound as a floating-point number.
fn write_whole_bounds(value: &mut Value) {
    match value {
        Value::Object(schema) => {
            if schema.get("type").is_some_and(|kind| kind == "integer") {
                for name in ["minimum", "maximum", "multipleOf"] {
                    if let Some(bound) = schema.get_mut(name)
                        && let Some(whole) = bound.as_f64().and_then(whole)
                    {
                        *bound = json!(whole);
                    }
                }
            }
            schema.values_mut().for_each(write_whole_bounds);
        }
        Value::Array(items) => items.iter_mut().for_each(write_whole_bounds),
        _ => {}
    }
}

/// A number as an integer, if it is one that floating point holds exactly.
#[expect(clippy::cast_possible_truncation, reason = "whole and within 53 bits")]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

/// The generator sorts tags by name; a reader wants them as the operations come.
fn order_tags(document: &mut Value) {
    let mut order: Vec<String> = Vec::new();
    for tag in operations(document).flat_map(|operation| operation["tags"].as_array().into_iter().flatten()) {
        let name = tag.as_str().unwrap_or_default();
        if !order.iter().any(|known| known == name) {
            order.push(name.to_owned());
        }
    }
    if let Some(tags) = document["tags"].as_array_mut() {
        tags.sort_by_key(|tag| order.iter().position(|name| tag["name"] == name.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(document: &Value) -> Value {
        finish(&document.to_string(), &[], &Examples { requests: vec![], answers: vec![("read", || json!({"a": 1}))] })
    }

    #[test]
    fn tags_stand_in_the_order_of_the_operations() {
        let document = finished(&json!({
            "tags": [{"name": "a"}, {"name": "b"}],
            "paths": {
                "/first": {"get": {"tags": ["b"], "responses": {}}},
                "/second": {"get": {"tags": ["a"], "responses": {}}},
            },
        }));
        assert_eq!(document["tags"], json!([{"name": "b"}, {"name": "a"}]));
    }

    #[test]
    fn strings_named_for_passwords_and_addresses_get_their_format_and_others_stay() {
        let document = finished(&json!({
            "paths": {},
            "components": {"schemas": {"A": {"properties": {
                "new_password": {"type": "string"},
                "email": {"type": "string"},
                "has_password": {"type": "boolean"},
                "name": {"type": "string"},
                "id_password": {"type": "string", "format": "uuid"},
            }}}},
        }));
        let properties = &document["components"]["schemas"]["A"]["properties"];
        assert_eq!(properties["new_password"]["format"], "password");
        assert_eq!(properties["email"]["format"], "email");
        assert_eq!(properties["has_password"].get("format"), None);
        assert_eq!(properties["name"].get("format"), None);
        assert_eq!(properties["id_password"]["format"], "uuid");
    }

    #[test]
    fn bounds_of_integers_are_written_whole_wherever_they_stand_and_those_of_numbers_stay() {
        let integer = json!({"type": "integer", "minimum": -12.0, "maximum": 31_556_926.0});
        let number = json!({"type": "number", "minimum": 0.0, "maximum": 0.5});
        let document = finished(&json!({
            "paths": {"/a": {"get": {"parameters": [{"schema": integer}], "responses": {}}}},
            "components": {"schemas": {"A": {"properties": {"b": integer, "c": number}}}},
        }));
        let written = r#"{"type":"integer","minimum":-12,"maximum":31556926}"#;
        assert_eq!(document["paths"]["/a"]["get"]["parameters"][0]["schema"].to_string(), written);
        let properties = &document["components"]["schemas"]["A"]["properties"];
        assert_eq!(properties["b"].to_string(), written);
        assert_eq!(properties["c"], number);
    }

    #[test]
    fn an_example_answer_goes_to_the_success_alone() {
        let body = || json!({"content": {"application/json": {}}});
        let document = finished(&json!({
            "paths": {"/a": {"get": {"operationId": "read", "responses": {"200": body(), "500": body()}}}},
        }));
        let responses = &document["paths"]["/a"]["get"]["responses"];
        assert_eq!(responses["200"]["content"]["application/json"]["example"], json!({"a": 1}));
        assert_eq!(responses["500"]["content"]["application/json"].get("example"), None);
    }
}
