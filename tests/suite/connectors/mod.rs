//! The connectors contract through the front door.

mod alerts;
mod concurrency;
mod contract;
mod export;
mod failures;
mod metrics;
mod reading;
mod registry;
mod retention;
pub mod rights;
mod series;

use comptoir::app::AppOptions;
use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, NOW, TestServer, api_token};

/// The contract's one operation.
pub const SET: &str = "/ExternalExchange/v1/statistic/set";

/// The system and the merchant of the vendor's sample.
const SYSTEM: &str = "29e86b162";
const MERCHANT: &str = "77624623f";

/// A company with the sample's system and merchant, its ADMIN and its connector.
struct World {
    server: TestServer,
    admin: Client,
    bot: Client,
}

impl World {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut AppOptions)) -> Self {
        let server = TestServer::start_with(change).await;
        server.company("north").await;
        let admin = server.user("north", "admin", &["ADMIN"]).await;
        let bot = server.user("north", "connector", &["BOT"]).await;
        // Tokens, which outlive what happens to the clock and to passwords.
        let (_, owner) = api_token(&admin, json!({"name": "x", "role": "OWNER"})).await;
        let (_, machine) = api_token(&bot, json!({"name": "x", "role": "BOT"})).await;
        let (admin, bot) = (server.bearing(&owner), server.bearing(&machine));
        let world = Self { server, admin, bot };
        world.register("systems", SYSTEM).await;
        world.register("merchants", MERCHANT).await;
        world
    }

    async fn register(&self, register: &str, code: &str) {
        self.admin.post(&format!("/comptoir/v1/connectors/{register}"), json!({"id": code})).await.expect(200);
    }

    /// Sets items at an instant.
    async fn set(&self, at: i64, items: Value) -> Value {
        let body = json!({"externalSystemId": SYSTEM, "timestamp": at, "items": items});
        self.bot.post(SET, body).await.expect(200).json()
    }

    /// Sets one key at an instant, which must succeed.
    async fn put(&self, at: i64, key: &str, value: Value) {
        let answer = self.set(at, json!([{"key": key, "value": value}])).await;
        assert_eq!(answer["successInAllSubrequests"], true, "{answer}");
    }

    /// Sends a body as it stands.
    async fn send(&self, body: &str) -> Answer {
        self.bot.call(Method::POST, SET).json_text(body.to_owned()).send().await
    }

    /// An answer of the house API's part on connectors, as text: numbers are not to be read by the way.
    async fn text(&self, path: &str) -> String {
        self.admin.get(&format!("/comptoir/v1/connectors/{path}")).await.expect(200).text().to_owned()
    }

    async fn json(&self, path: &str) -> Value {
        self.admin.get(&format!("/comptoir/v1/connectors/{path}")).await.expect(200).json()
    }

    /// The newest values as `key|system|merchant|value`, all of them.
    async fn latest(&self, filter: &str) -> Vec<String> {
        let text = self.text(&format!("values?limit=10000{filter}")).await;
        let page: Page = serde_json::from_str(&text).unwrap();
        let line = |item: Latest| {
            format!("{}|{}|{}|{}", item.key, item.system, item.merchant.unwrap_or_default(), item.value.get())
        };
        page.items.into_iter().map(line).collect()
    }
}

#[derive(serde::Deserialize)]
struct Page {
    items: Vec<Latest>,
}

#[derive(serde::Deserialize)]
struct Latest {
    key: String,
    system: String,
    merchant: Option<String>,
    value: Box<serde_json::value::RawValue>,
}

/// A series' address for the sample's system.
fn of(path: &str, key: &str, more: &str) -> String {
    let key: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
    format!("{path}?system={SYSTEM}&key={key}{more}")
}

/// The instant that RFC 3339 text names, in Unix seconds.
fn at(text: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp()
}

/// The present instant of a fresh server.
const TODAY: i64 = NOW.as_unix_seconds();
