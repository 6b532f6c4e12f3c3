//! The client of the front-door tests.

use std::sync::LazyLock;

use bytes::Bytes;
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method};
use regex::Regex;
use reqwest::redirect::Policy;
use serde_json::Value;

use super::contract;

/// Sends requests to one server, with or without a credential; clones share connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    bearer: Option<String>,
}

impl Client {
    /// A client without credentials.
    pub fn new(base: impl Into<String>) -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { http, base: base.into(), bearer: None }
    }

    /// The same with a bearer credential.
    pub fn bearing(&self, credential: &str) -> Self {
        Self { bearer: Some(credential.to_owned()), ..self.clone() }
    }

    /// The credential it sends.
    pub fn credential(&self) -> &str {
        self.bearer.as_deref().expect("the client is signed in")
    }

    /// A request to be completed.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
        if let Some(bearer) = &self.bearer {
            request = request.bearer_auth(bearer);
        }
        Call { method, path: path.to_owned(), request }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path).send().await
    }

    /// POST with a JSON body; `Value::Null` for none.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path).json(&body).send().await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path).json(&body).send().await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path).json(&body).send().await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path).send().await
    }
}

/// A request that is not sent yet.
pub struct Call {
    method: Method,
    path: String,
    request: reqwest::RequestBuilder,
}

impl Call {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.request = self.request.header(name, HeaderValue::from_bytes(value.as_ref()).unwrap());
        self
    }

    /// Gives it a JSON body; null: none.
    pub fn json(mut self, body: &Value) -> Self {
        if !body.is_null() {
            self.request = self.request.json(body);
        }
        self
    }

    /// Gives it a body that is called JSON, whatever it is.
    pub fn json_text(self, body: impl Into<reqwest::Body>) -> Self {
        self.header("content-type", "application/json").body(body)
    }

    /// Gives it a body as it stands.
    pub fn body(mut self, body: impl Into<reqwest::Body>) -> Self {
        self.request = self.request.body(body);
        self
    }

    /// Sends it, and holds the answer against the document.
    pub async fn send(self) -> Answer {
        let answer = self.request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let streams = headers.get("content-type").is_some_and(|media_type| media_type == "text/event-stream");
        // A stream of events has no end to wait for.
        let body = if streams { Bytes::new() } else { answer.bytes().await.unwrap() };
        let answer = Answer { status, headers, body };
        answer.check(self.method.as_str(), &self.path);
        answer
    }
}

/// An answer that keeps what the document promises.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as it came.
    pub body: Bytes,
}

impl Answer {
    /// Fails the test if this answer to `method path` is not what the document says.
    pub fn check(&self, method: &str, path: &str) {
        if let Err(why) = contract::published().check(method, path, self) {
            panic!("{method} {path} broke the published contract: {why}\n{}", self.shown());
        }
    }

    /// Fails the test unless the status is `status`.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.shown());
        self
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.shown()))
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Status and body for a snapshot: what is new at each run is replaced by its kind.
    pub fn shown(&self) -> String {
        static CHANGING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
            [
                (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[uuid]"),
                (r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "[jwt]"),
                (r"cmp_[\w-]{43}", "[secret]"),
                (r"cmp_[\w-]{6}\b", "[hint]"),
            ]
            .map(|(pattern, kind)| (Regex::new(pattern).unwrap(), kind))
            .into()
        });
        let body = match serde_json::from_slice::<Value>(&self.body) {
            Ok(json) => serde_json::to_string_pretty(&json).unwrap(),
            Err(_) => String::from_utf8_lossy(&self.body).into_owned(),
        };
        let body = CHANGING.iter().fold(body, |text, (pattern, kind)| pattern.replace_all(&text, *kind).into_owned());
        format!("{}\n{body}", self.status).trim_end().to_owned()
    }

    /// The fields at fault, in either shape: `["password must …"]`.
    pub fn faults(&self) -> Vec<String> {
        let json = self.json();
        let (errors, name) = match json.get("schema_errors") {
            Some(errors) => (errors.clone(), "entity"),
            None => (json["errors"].clone(), "field"),
        };
        let errors = errors.as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|error| format!("{}: {}", error[name].as_str().unwrap(), error["message"].as_str().unwrap()))
            .collect()
    }
}
