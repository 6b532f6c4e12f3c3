//! A `curl` command for an operation. It runs as it stands in a shell that has set `URL` and `TOKEN` as the page says.
//!
//! Must not know: SQL, HTTP, other domains.

use std::fmt::Write as _;

use serde_json::Value;

use super::operation::Operation;
use super::schema::{reference, text};

/// The command for `operation`.
pub fn command(operation: &Operation<'_>) -> String {
    let mut path = operation.path.to_owned();
    let mut query = String::new();
    for parameter in operation.parameters() {
        let (name, place) = (text(parameter, "name"), text(parameter, "in"));
        let example = parameter.get("example").or_else(|| parameter["schema"].get("example"));
        let example = example.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        match (place, example) {
            ("path", example) => {
                path = path.replace(&format!("{{{name}}}"), &example.unwrap_or_else(|| name.to_uppercase()));
            }
            ("query", Some(example)) => {
                let _ = write!(query, " \\\n  --data-urlencode {}", quoted(&format!("{name}={example}")));
            }
            _ => {}
        }
    }
    let body = operation.request_example();
    let mut command = "curl -sS".to_owned();
    match (operation.method, body) {
        ("get", None) if query.is_empty() => {}
        ("get", None) => command += " -G",
        ("post", Some(_)) => {}
        (method, _) => {
            let _ = write!(command, " -X {}", method.to_uppercase());
        }
    }
    if operation.answers_bytes() {
        command += " -OJ";
    }
    let _ = write!(command, " \"$URL{path}\"");
    if operation.needs_token() {
        command += " \\\n  -H \"Authorization: Bearer $TOKEN\"";
    }
    command += &query;
    if let Some(example) = body {
        let _ = write!(command, " \\\n  -H 'Content-Type: application/json' \\\n  -d {}", quoted(&example.to_string()));
    }
    command
}

/// The commands that set the variables the others use.
pub fn preparation(sign_in: &Operation<'_>) -> String {
    format!("URL=http://127.0.0.1:8080\nTOKEN=$({} | tr -d '\"')", command(sign_in))
}

/// `text` as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The example of an answer or body: its own, or that of the type it names.
pub fn example<'a>(document: &'a Value, media_type: &'a Value) -> Option<&'a Value> {
    let of_type = || {
        let name = reference(&media_type["schema"])?;
        document["components"]["schemas"][name].get("example")
    };
    media_type.get("example").or_else(of_type)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn command_of(method: &str, path: &str, value: &Value) -> String {
        command(&Operation { document: &Value::Null, method, path, value })
    }

    #[test]
    fn a_command_says_the_method_only_where_curl_would_not_guess_it() {
        let body = json!({"requestBody": {"content": {"application/json": {"example": "it's"}}}});
        assert_eq!(command_of("get", "/a", &json!({})), "curl -sS \"$URL/a\"");
        assert_eq!(command_of("delete", "/a", &json!({})), "curl -sS -X DELETE \"$URL/a\"");
        assert_eq!(command_of("post", "/a", &json!({})), "curl -sS -X POST \"$URL/a\"");
        let sent = "\"$URL/a\" \\\n  -H 'Content-Type: application/json' \\\n  -d '\"it'\\''s\"'";
        assert_eq!(command_of("post", "/a", &body), format!("curl -sS {sent}"));
        assert_eq!(command_of("put", "/a", &body), format!("curl -sS -X PUT {sent}"));
    }

    #[test]
    fn a_command_fills_in_parameters_and_the_token_and_keeps_bytes_off_the_terminal() {
        let operation = json!({
            "security": [{"bearer": []}],
            "parameters": [
                {"name": "code", "in": "path", "schema": {}},
                {"name": "from", "in": "query", "schema": {"example": "2024-11-22"}},
                {"name": "to", "in": "query", "schema": {}},
            ],
            "responses": {"200": {"content": {"application/octet-stream": {}}}},
        });
        assert_eq!(
            command_of("get", "/data/{code}", &operation),
            "curl -sS -G -OJ \"$URL/data/CODE\" \\\n  -H \"Authorization: Bearer $TOKEN\" \\\n  \
             --data-urlencode 'from=2024-11-22'"
        );
    }
}
