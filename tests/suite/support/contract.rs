//! The published document, held against what the server really answers.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::client::Answer;

/// What poem-openapi made of the handlers, as every server publishes it.
pub fn published() -> &'static Contract {
    static PUBLISHED: LazyLock<Contract> = LazyLock::new(|| Contract::new(comptoir::app::document()));
    &PUBLISHED
}

/// A document and its operations.
pub struct Contract {
    document: Value,
    operations: Vec<Operation>,
}

/// One operation of the document.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its `operationId`.
    pub id: String,
    /// In capitals.
    pub method: String,
    /// With its parameters in braces.
    pub path: String,
    /// What the document says of it.
    pub meta: Value,
}

impl Contract {
    /// Reads a document.
    pub fn new(document: Value) -> Self {
        let operations = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                methods.as_object().unwrap().iter().map(move |(method, meta)| (path, method, meta))
            })
            .map(|(path, method, meta)| Operation {
                id: meta["operationId"].as_str().unwrap_or_default().to_owned(),
                method: method.to_uppercase(),
                path: path.clone(),
                meta: meta.clone(),
            })
            .collect();
        Self { document, operations }
    }

    /// Every operation.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The operation that `method path` is.
    fn operation(&self, method: &str, path: &str) -> Option<&Operation> {
        let method = if method == "HEAD" { "GET" } else { method };
        self.operations.iter().find(|operation| {
            let (known, asked) = (operation.path.split('/'), path.split('/'));
            operation.method == method
                && known.clone().count() == asked.clone().count()
                && known.zip(asked).all(|(known, asked)| known == asked || known.starts_with('{') && !asked.is_empty())
        })
    }

    /// What is wrong with `answer` to `method path`, if anything.
    pub fn check(&self, method: &str, path: &str, answer: &Answer) -> Result<(), String> {
        let path = path.split('?').next().unwrap_or_default();
        let path = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path };
        let id = answer.header("x-request-id").ok_or("no X-Request-Id")?;
        Uuid::parse_str(id).map_err(|_| "X-Request-Id is no UUID")?;
        for (status, header) in [(401, "www-authenticate"), (405, "allow"), (429, "retry-after")] {
            if answer.status == status && answer.header(header).is_none() {
                return Err(format!("{status} without {header}"));
            }
        }
        if method == "HEAD" {
            return if answer.body.is_empty() { Ok(()) } else { Err("HEAD with a body".to_owned()) };
        }
        match self.operation(method, path) {
            Some(operation) => self.check_documented(operation, answer)?,
            None if answer.status >= 400 => self.check_undocumented(path, answer)?,
            None => {}
        }
        if answer.status >= 400 && answer.header("content-type").is_some_and(|media_type| media_type.contains("json")) {
            let body = answer.json();
            let named =
                [&body["tracedata"]["request_code"], &body["detail"]["tracedata"]["request_code"], &body["request_id"]];
            // The envelopes of these contracts have no place for it.
            let no_place = ["/api/v1.1", "/api/distribex", "/api/authorization", "/ExternalExchange/v1", "/v5/orgs"];
            if answer.status != 503
                && !no_place.iter().any(|prefix| path.starts_with(prefix))
                && !named.iter().any(|named| **named == id)
            {
                return Err(format!("the body does not name the request {id}"));
            }
        }
        Ok(())
    }

    fn check_documented(&self, operation: &Operation, answer: &Answer) -> Result<(), String> {
        let responses = operation.meta["responses"].as_object().ok_or("no responses are documented")?;
        let response = responses.get(&answer.status.to_string()).ok_or_else(|| {
            let known: Vec<_> = responses.keys().map(String::as_str).collect();
            format!("status {} of {} is not documented (there are {})", answer.status, operation.id, known.join(", "))
        })?;
        let Some(content) = response.get("content").and_then(Value::as_object).filter(|content| !content.is_empty())
        else {
            return if answer.body.is_empty() { Ok(()) } else { Err("a body where none is documented".to_owned()) };
        };
        let media_type = essence(answer);
        let documented = content.get(media_type).ok_or_else(|| {
            format!("media type {media_type:?}, documented: {:?}", content.keys().collect::<Vec<_>>())
        })?;
        if media_type.ends_with("json") {
            return self.valid(&documented["schema"], &answer.json());
        }
        Ok(())
    }

    /// A path or method outside the document still gets the shape of the contract it stands under.
    fn check_undocumented(&self, path: &str, answer: &Answer) -> Result<(), String> {
        let under =
            |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let (media_type, schema) = match answer.status {
            _ if under("/api/v1.1") && essence(answer) == "application/xml" => return Ok(()),
            _ if under("/api/v1.1") => ("application/json", "AudienceFailure"),
            _ if under("/api/distribex") || under("/api/authorization") => ("application/json", "ScheduleFailure"),
            _ if under("/ExternalExchange/v1") => ("application/json", "StatisticAnswer"),
            _ if under("/v5/orgs") => ("application/json", "NomenclatureFailure"),
            404 if under("/account") => ("application/json", "General404"),
            _ if under("/account") => ("application/json", "GeneralError"),
            _ => ("application/problem+json", "Problem"),
        };
        if essence(answer) != media_type {
            return Err(format!("an error of media type {:?} instead of {media_type}", essence(answer)));
        }
        self.valid(&self.document["components"]["schemas"][schema], &answer.json())
    }

    /// What is wrong with `value` by `schema`, if anything. A property that the schema does not name is wrong too.
    pub fn valid(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let mut wrong = Vec::new();
        self.compare(schema, value, "body", &mut wrong);
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
    }

    fn compare(&self, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
        if let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.strip_prefix('#').unwrap_or(reference);
            match self.document.pointer(pointer) {
                Some(target) => self.compare(target, value, at, wrong),
                None => wrong.push(format!("{at}: the document has no {reference}")),
            }
            return;
        }
        if value.is_null() && schema["nullable"] == true {
            return;
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            // Fields of one part are unknown to the others.
            let mut faults = Vec::new();
            self.compare(part, value, at, &mut faults);
            let whole = schema["allOf"].as_array().map_or(0, Vec::len) > 1;
            wrong.extend(faults.into_iter().filter(|fault| !whole || !fault.ends_with("is not documented")));
        }
        if let Some(kind) = schema["type"].as_str()
            && !is_a(kind, value)
        {
            wrong.push(format!("{at}: is no {kind}"));
            return;
        }
        if let Some(words) = schema["enum"].as_array()
            && !words.contains(value)
        {
            wrong.push(format!("{at}: {value} is not one of the documented words"));
        }
        bounds(schema, value, at, wrong);
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.compare(&schema["items"], item, &format!("{at}[{index}]"), wrong);
                }
            }
            Value::Object(fields) => self.compare_fields(schema, fields, at, wrong),
            _ => {}
        }
    }

    fn compare_fields(&self, schema: &Value, fields: &Map<String, Value>, at: &str, wrong: &mut Vec<String>) {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                wrong.push(format!("{at}: has no {name}"));
            }
        }
        let Some(known) = schema["properties"].as_object() else { return };
        for (name, value) in fields {
            match known.get(name) {
                Some(property) => self.compare(property, value, &format!("{at}.{name}"), wrong),
                None => wrong.push(format!("{at}: {name} is not documented")),
            }
        }
    }
}

fn essence(answer: &Answer) -> &str {
    answer.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim()
}

fn is_a(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => false,
    }
}

fn bounds(schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let mut hold = |holds: bool, rule: &str| {
        if !holds {
            wrong.push(format!("{at}: {value} breaks {rule} {}", schema[rule]));
        }
    };
    let limit = |rule: &str| schema[rule].as_u64().and_then(|limit| usize::try_from(limit).ok());
    match value {
        Value::String(text) => {
            let length = text.chars().count();
            hold(limit("minLength").is_none_or(|limit| length >= limit), "minLength");
            hold(limit("maxLength").is_none_or(|limit| length <= limit), "maxLength");
            hold(
                schema["pattern"].as_str().is_none_or(|pattern| Regex::new(pattern).unwrap().is_match(text)),
                "pattern",
            );
            hold(schema["format"] != "uuid" || Uuid::parse_str(text).is_ok(), "format");
            hold(schema["format"] != "date-time" || chrono::DateTime::parse_from_rfc3339(text).is_ok(), "format");
        }
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            hold(schema["minimum"].as_f64().is_none_or(|limit| number >= limit), "minimum");
            hold(schema["maximum"].as_f64().is_none_or(|limit| number <= limit), "maximum");
        }
        Value::Array(items) => {
            hold(limit("minItems").is_none_or(|limit| items.len() >= limit), "minItems");
            hold(limit("maxItems").is_none_or(|limit| items.len() <= limit), "maxItems");
            let repeats = || items.iter().enumerate().any(|(index, item)| items[..index].contains(item));
            hold(schema["uniqueItems"] != true || !repeats(), "uniqueItems");
        }
        _ => {}
    }
}

mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, media_type: &str, body: &Value) -> Answer {
        let headers = [("x-request-id", "6f2d1c55-32dd-4f8e-9b0a-2a3f2b7c9f10"), ("content-type", media_type)];
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Answer { status, headers, body: body.to_string().into() }
    }

    #[test]
    fn an_answer_that_breaks_the_document_is_told_what_it_breaks() {
        let me = json!({"username": "olena", "company_key": "comptoir", "roles": ["ADMIN"], "operator": false,
                        "timezone": 0, "credential": "JWT"});
        let with = |field: &str, value: Value| {
            let mut changed = me.clone();
            changed[field] = value;
            changed
        };
        let check = |answer: &Answer| published().check("GET", "/comptoir/v1/me", answer);
        assert_eq!(check(&answer(200, "application/json", &me)), Ok(()));
        for (broken, why) in [
            (answer(418, "application/json", &me), "is not documented"),
            (answer(200, "text/plain", &me), "media type"),
            (answer(200, "application/json", &json!({})), "has no username"),
            (answer(200, "application/json", &with("roles", json!(["KING"]))), "documented words"),
            (answer(200, "application/json", &with("timezone", json!("0"))), "is no integer"),
            (answer(200, "application/json", &with("secret", json!(1))), "secret is not documented"),
            (answer(200, "application/json", &with("username", json!(null))), "is no string"),
            (answer(401, "application/problem+json", &json!({})), "www-authenticate"),
        ] {
            let said = check(&broken).expect_err(why);
            assert!(said.contains(why), "{said}");
        }
        let mut nameless = answer(200, "application/json", &me);
        nameless.headers.remove("x-request-id");
        assert_eq!(check(&nameless), Err("no X-Request-Id".to_owned()));
    }

    #[test]
    fn an_error_outside_the_document_is_held_to_the_shape_of_its_contract() {
        let problem = answer(404, "application/problem+json", &json!({}));
        let said =
            published().check("GET", "/account/nothing", &problem).expect_err("the house's shape under /account");
        assert!(said.contains("application/json"), "{said}");
        let said = published().check("GET", "/nothing", &problem).expect_err("no problem");
        assert!(said.contains("has no type"), "{said}");
    }
}
