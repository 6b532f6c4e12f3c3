//! Order schedules through the front door.

mod authorization;
mod calendars;
mod concurrency;
mod contract;
mod house;
mod overlap;
mod parties;
mod reminders;
pub mod rights;

use comptoir::auth::model::Gln;
use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Client, NOW, PASSWORD, TestServer};

/// The GLN of a party with this number, in these tests.
pub fn gln(id: i64) -> String {
    Gln::of_twelve(482_000_000_000 + id.unsigned_abs()).unwrap().to_string()
}

/// A schedule for one day.
pub fn draft(name: &str, date_start: i64) -> Value {
    json!({"name": name, "dateStart": date_start, "timeFrom": "09:00:00", "timeTo": "21:00:00"})
}

/// A schedule that repeats.
pub fn repeating(name: &str, date_start: i64, rule: Value) -> Value {
    let mut body = draft(name, date_start);
    body["recurrenceRule"] = rule;
    body
}

/// Every day.
pub fn daily() -> Value {
    json!({"frequency": "DAILY", "interval": 1})
}

/// The instant that RFC 3339 text names, in Unix seconds.
pub fn at(text: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp()
}

const PRODUCER: i64 = 500_500;
const OTHER_PRODUCER: i64 = 500_501;
const BUYER: i64 = 500_600;
const OTHER_BUYER: i64 = 500_601;

/// A company with two producers and two distributors, its ADMIN, and a partner bound to each of the first two.
struct World {
    server: TestServer,
    admin: Client,
    seller: Client,
    buyer: Client,
}

impl World {
    async fn new() -> Self {
        let server = TestServer::start().await;
        Self::over(server).await
    }

    async fn over(server: TestServer) -> Self {
        server.company("north").await;
        let admin = server.user("north", "admin", &["ADMIN"]).await;
        for (id, kind) in
            [(PRODUCER, "PRODUCER"), (OTHER_PRODUCER, "PRODUCER"), (BUYER, "DISTRIBUTOR"), (OTHER_BUYER, "DISTRIBUTOR")]
        {
            let body = json!({"id": id, "gln": gln(id), "name": format!("Party {id}"), "kind": kind});
            admin.post("/comptoir/v1/parties", body).await.expect(200);
        }
        let seller = server.user("north", "seller", &["PARTNER"]).await;
        let buyer = server.user("north", "buyer", &["PARTNER"]).await;
        let world = Self { server, admin, seller, buyer };
        world.bind("seller", &[PRODUCER]).await;
        world.bind("buyer", &[BUYER]).await;
        world
    }

    async fn bind(&self, username: &str, parties: &[i64]) {
        let parties: Vec<_> = parties.iter().map(ToString::to_string).collect();
        let path = format!("/comptoir/v1/users/{username}/parties");
        self.admin.put(&path, json!({"parties": parties})).await.expect(200);
    }

    /// Publishes a schedule of the first producer.
    async fn publish(&self, body: Value) -> Value {
        self.seller.post(SCHEDULES, body).await.expect(200).json()
    }

    /// A SID of a user.
    async fn sid(&self, username: &str) -> String {
        let answer = sign_in(&self.server, "", username, PASSWORD).await.expect(200);
        answer.json()["SID"].as_str().unwrap().to_owned()
    }
}

/// The producer's schedules, for a caller who is bound to one party.
const SCHEDULES: &str = "/api/distribex/producer/schedules";

/// `POST /api/authorization/hash`.
async fn sign_in(server: &TestServer, query: &str, username: &str, password: &str) -> crate::support::Answer {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("username", username)
        .append_pair("password", password)
        .finish();
    let path = format!("/api/authorization/hash{query}");
    let call = server.anonymous().call(Method::POST, &path);
    call.header("content-type", "application/x-www-form-urlencoded").body(form).send().await
}

/// A request with `Authorization` as it stands.
async fn with_authorization(server: &TestServer, value: &str, path: &str) -> crate::support::Answer {
    server.anonymous().call(Method::GET, path).header("authorization", value).send().await
}

#[test]
fn the_tests_begin_on_a_monday_at_noon_in_kyiv() {
    assert_eq!(NOW.as_unix_seconds(), at("2026-03-02T12:00:00+02:00"));
}
