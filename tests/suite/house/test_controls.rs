//! Test controls through the front door: seeding, reset, snapshots, the clock, faults, what came in, captured webhooks.

use std::time::Duration;

use futures_util::future::join_all;
use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestServer, api_token};

const TEST: &str = "/comptoir/v1/test";

/// A server with controls and what the tests need of a company.
struct World {
    server: TestServer,
    tester: Client,
}

impl World {
    async fn new() -> Self {
        let server = TestServer::controlled().await;
        let world = Self { tester: server.anonymous(), server };
        world.seed(fixture()).await;
        world
    }

    async fn seed(&self, fixture: Value) -> Value {
        self.tester.post(&format!("{TEST}/seed"), fixture).await.expect(200).json()
    }

    async fn reset(&self) {
        self.tester.post(&format!("{TEST}/reset"), Value::Null).await.expect(200);
    }

    async fn dump(&self) -> Value {
        self.tester.get(&format!("{TEST}/fixture")).await.expect(200).json()
    }

    async fn advance(&self, by: &str) -> Value {
        self.tester.post(&format!("{TEST}/clock/advance"), json!({"by": by})).await.expect(200).json()
    }

    async fn olena(&self) -> Client {
        self.server.sign_in("olena", PASSWORD).await
    }

    async fn fault(&self, fault: Value) -> Value {
        self.tester.post(&format!("{TEST}/faults"), fault).await.expect(200).json()
    }

    async fn received(&self, query: &str) -> Vec<Value> {
        let listed = self.tester.get(&format!("{TEST}/requests{query}")).await.expect(200).json();
        listed["items"].as_array().unwrap().clone()
    }
}

fn fixture() -> Value {
    json!({
        "companies": [{"key": "acme", "zone": "UTC"}],
        "parties": [
            {"company": "acme", "gln": "4820000000017", "id": 700, "name": "Dairy", "kind": "PRODUCER"},
            {"company": "acme", "gln": "4820000000024", "id": 710, "name": "Retail", "kind": "DISTRIBUTOR"},
        ],
        "users": [
            {"username": "olena", "company": "acme", "roles": ["ADMIN"], "password": PASSWORD},
            {"username": "shop", "company": "acme", "roles": ["BOT"]},
        ],
        "tokens": [{"username": "shop", "name": "shop", "role": "BOT", "secret": "cmp_test-shop"}],
        "webhooks": [{"company": "acme", "url": "https://hooks.example.com/", "events": ["order_reminder", "alert_started"]}],
    })
}

/// Where nothing is without the flag.
#[tokio::test]
async fn without_the_flag_nothing_is_there() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let words = |answer: &crate::support::Answer| answer.json()["detail"].clone();
    let absent = words(&operator.get("/comptoir/v1/nothing").await.expect(404));
    for (method, path) in [
        ("POST", "/seed"),
        ("POST", "/reset"),
        ("GET", "/clock"),
        ("OPTIONS", "/clock"),
        ("PATCH", "/clock"),
        ("DELETE", "/faults/1"),
        ("GET", "/requests"),
        ("GET", "/webhooks"),
        ("GET", ""),
        ("PUT", "/snapshots/a"),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = operator.call(method, &format!("{TEST}{path}")).send().await.expect(404);
        assert_eq!(words(&answer), absent, "{path}");
    }
    let ready = server.anonymous().get("/health/ready").await.expect(200).json();
    assert_eq!(ready.get("warnings"), None);
}

#[tokio::test]
async fn whoever_is_on_this_machine_may_and_from_a_page_or_elsewhere_the_operator_alone() {
    let world = World::new().await;
    let path = format!("{TEST}/clock");
    world.tester.get(&path).await.expect(200);
    let page = |client: &Client| client.call(Method::GET, &path).header("origin", "http://evil.example");
    page(&world.tester).send().await.expect(401);
    page(&world.olena().await).send().await.expect(403);
    page(&world.server.as_operator().await).send().await.expect(200);
    let rebound = |client: &Client| client.call(Method::GET, &path).header("host", "evil.example");
    rebound(&world.tester).send().await.expect(401);
    rebound(&world.server.as_operator().await).send().await.expect(200);
}

#[tokio::test]
async fn a_reset_returns_to_what_was_seeded_and_no_credential_made_since_lives() {
    let world = World::new().await;
    let before_seed = world.server.jwt("olena", PASSWORD).await;
    // The JWT above was made before this snapshot.
    world.seed(fixture()).await;
    let seeded = world.dump().await;
    let olena = world.olena().await;
    let (_, token) = api_token(&olena, json!({"name": "passing", "role": "OWNER"})).await;
    let token = world.server.bearing(&token);
    token.get("/account/info").await.expect(200);
    olena
        .post("/comptoir/v1/users", json!({"username": "passing", "roles": ["USER"], "password": PASSWORD}))
        .await
        .expect(200);
    let passing = world.server.sign_in("passing", PASSWORD).await;
    let body = json!({"new_password": "a new password"});
    olena.put("/comptoir/v1/users/olena/password", body).await.expect(200);
    let with_new = world.server.sign_in("olena", "a new password").await;
    with_new.get("/account/info").await.expect(200);
    let revoked = world.server.bearing("cmp_test-shop");
    let id = with_new.get("/comptoir/v1/tokens?username=shop").await.expect(200).json()["items"][0]["id"].clone();
    with_new.delete(&format!("/comptoir/v1/tokens/{}", id.as_str().unwrap())).await.expect(200);
    revoked.get("/comptoir/v1/me").await.expect(401);
    assert_ne!(world.dump().await, seeded);

    world.reset().await;
    assert_eq!(world.dump().await, seeded);
    for dead in [&olena, &token, &passing, &with_new] {
        dead.get("/account/info").await.expect(401);
    }
    revoked.get("/comptoir/v1/me").await.expect(200);
    world.server.bearing(&before_seed).get("/account/info").await.expect(200);

    // Whatever happens to identities from now on, it brings nothing back: generations and epochs come round again.
    let olena = world.olena().await;
    for password in ["a new password", "another one", "yet another"] {
        let body = json!({"new_password": password});
        world.server.as_operator().await.put("/comptoir/v1/users/olena/password", body).await.expect(200);
        for dead in [&token, &passing, &with_new] {
            dead.get("/account/info").await.expect(401);
        }
    }
    olena.get("/account/info").await.expect(401);
    assert_eq!(world.server.audit_findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_remembered_name_and_password_and_a_session_are_forgotten_by_a_reset() {
    let world = World::new().await;
    let basic = |password: &str| {
        use base64::Engine;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("olena:{password}"));
        let client = world.server.anonymous();
        let path = "/api/distribex/producer/schedules?gln=4820000000017";
        async move { client.call(Method::GET, path).header("authorization", format!("Basic {pair}")).send().await.status }
    };
    let body = json!({"new_password": "a new password"});
    world.server.as_operator().await.put("/comptoir/v1/users/olena/password", body.clone()).await.expect(200);
    assert_eq!(basic("a new password").await, 200);
    let form = "username=olena&password=a+new+password";
    let sid = world
        .tester
        .call(Method::POST, "/api/authorization/hash")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .expect(200)
        .json();
    let sid = sid["SID"].as_str().or(sid["data"]["SID"].as_str()).unwrap_or_else(|| panic!("{sid}")).to_owned();
    let session = || {
        let path = "/api/distribex/producer/schedules?gln=4820000000017";
        let call = world.tester.call(Method::GET, path).header("authorization", &sid);
        async move { call.send().await.status }
    };
    assert_eq!(session().await, 200);
    world.reset().await;
    assert_eq!(basic("a new password").await, 401);
    assert_eq!(session().await, 401);
    assert_eq!(basic(PASSWORD).await, 200);
    // The same generation again, with another password.
    let body = json!({"new_password": "quite another one"});
    world.server.as_operator().await.put("/comptoir/v1/users/olena/password", body).await.expect(200);
    assert_eq!(basic("a new password").await, 401);
    assert_eq!(session().await, 401);
}

#[tokio::test]
async fn throttling_idempotency_and_what_waits_to_be_recorded_follow_a_reset() {
    let world = World::new().await;
    let wrong = json!({"username": "olena", "password": "a wrong password"});
    let mut last = 0;
    for _ in 0..7 {
        last = world.tester.post("/account/token/generation", wrong.clone()).await.status;
    }
    assert_eq!(last, 429);
    world.reset().await;
    world.tester.post("/account/token/generation", wrong).await.expect(401);

    let make = |client: Client, name: &'static str| async move {
        let call = client.call(Method::POST, "/comptoir/v1/users").header("idempotency-key", "the-same-key");
        call.json(&json!({"username": name, "roles": [], "password": PASSWORD})).send().await.status
    };
    assert_eq!(make(world.olena().await, "first").await, 200);
    assert_eq!(make(world.olena().await, "second").await, 422);
    world.reset().await;
    assert_eq!(make(world.olena().await, "second").await, 200);

    world.reset().await;
    // Of what was tried above, nothing is written later.
    world.server.flush_journal().await;
    let olena = world.olena().await;
    world.server.flush_journal().await;
    let audit = olena.get("/account/audit?operation=run_token_generation").await.expect(200).json();
    let signed_in = audit["counters"]["filter"]["total"].as_u64().unwrap();
    assert_eq!(signed_in, 1, "only the sign-in after the reset: {audit}");
}

#[tokio::test]
async fn named_snapshots_are_returned_to_in_any_order() {
    let world = World::new().await;
    let snapshot = |name: &str| format!("{TEST}/snapshots/{name}");
    let user = |name: &str| json!({"users": [{"username": name, "company": "acme", "password": PASSWORD}]});
    let has = |name: &'static str| {
        let tester = &world;
        async move { tester.dump().await["users"].to_string().contains(name) }
    };
    world.tester.put(&snapshot("empty"), Value::Null).await.expect(200);
    world.seed(user("ivan")).await;
    let before = world.server.sign_in("ivan", PASSWORD).await;
    world.tester.put(&snapshot("one"), Value::Null).await.expect(200);
    world.seed(user("petro")).await;
    let after = world.server.sign_in("ivan", PASSWORD).await;
    for (name, ivan, petro) in [("one", true, false), ("empty", false, false), ("one", true, false)] {
        world.tester.post(&format!("{}/restore", snapshot(name)), Value::Null).await.expect(200);
        assert_eq!((has("ivan").await, has("petro").await), (ivan, petro), "{name}");
        before.get("/account/info").await.expect(if ivan { 200 } else { 401 });
        after.get("/account/info").await.expect(401);
    }
    world.reset().await;
    assert!(has("petro").await, "a reset returns to the last seed, wherever one has been since");

    let listed = world.tester.get(&format!("{TEST}/snapshots")).await.expect(200).json();
    let names: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["empty", "one", "seed", "start"]);
    world.tester.delete(&snapshot("one")).await.expect(200);
    world.tester.post(&format!("{}/restore", snapshot("one")), Value::Null).await.expect(404);
    world.tester.delete(&snapshot("one")).await.expect(404);
    world.tester.delete(&snapshot("seed")).await.expect(409);
    world.tester.put(&snapshot("A B"), Value::Null).await.expect(400);
    for number in 0..17 {
        world.tester.put(&snapshot(&format!("n{number}")), Value::Null).await.expect(200);
    }
    world.tester.put(&snapshot("one-more"), Value::Null).await.expect(409);
}

#[tokio::test]
async fn a_fresh_seed_begins_with_the_first_start() {
    let world = World::new().await;
    let other = json!({"companies": [{"key": "other"}]});
    let refused = json!({"companies": [{"key": "other", "zone": "Mars"}]});
    world.tester.post(&format!("{TEST}/seed?fresh=true"), refused).await.expect(400);
    assert!(world.dump().await.to_string().contains("acme"), "nothing is undone for a fixture that is not in order");
    world.tester.post(&format!("{TEST}/seed?fresh=true"), other).await.expect(200);
    let dumped = world.dump().await;
    let keys: Vec<_> = dumped["companies"].as_array().unwrap().iter().map(|company| company["key"].clone()).collect();
    assert_eq!(keys, ["comptoir", "other"]);
    let contradicting = json!({"users": [{"username": "x1", "company": "nowhere"}]});
    let answer = world.tester.post(&format!("{TEST}/seed"), contradicting).await.expect(409).json();
    assert_eq!(answer["errors"][0]["field"], "users[0].company", "{answer}");
    let malformed = json!({"users": [{"username": "x1", "company": "other", "roles": ["KING"]}]});
    let answer = world.tester.post(&format!("{TEST}/seed"), malformed).await.expect(400).json();
    assert_eq!(answer["errors"][0]["field"], "users[0].roles[0]", "{answer}");
}

#[tokio::test]
async fn the_clock_is_set_held_let_go_and_put_back_by_a_reset() {
    let world = World::new().await;
    let clock = format!("{TEST}/clock");
    let read = || async { world.tester.get(&clock).await.expect(200).json() };
    assert_eq!(read().await, json!({"now": "2026-03-02T10:00:00+00:00", "held": true}));
    let set = json!({"now": "2030-01-01T00:00:00Z"});
    world.tester.put(&clock, set).await.expect(200);
    assert_eq!(read().await["now"], "2030-01-01T00:00:00+00:00");
    let going = world.tester.put(&clock, json!({"held": false})).await.expect(200).json();
    assert_eq!(going["held"], false);
    assert!(read().await["now"].as_str().unwrap().starts_with("2030-01-01T00:0"), "it goes on from where it stood");
    world.reset().await;
    assert_eq!(read().await, json!({"now": "2026-03-02T10:00:00+00:00", "held": true}));
    for wrong in [json!({"now": "today"}), json!({"held": 1}), json!({"then": "2030-01-01T00:00:00Z"})] {
        world.tester.put(&clock, wrong).await.expect(400);
    }
    for wrong in ["", "1", "1w", "d", "-1d", "1.5h"] {
        world.tester.post(&format!("{clock}/advance"), json!({"by": wrong})).await.expect(400);
    }
}

#[tokio::test]
async fn whatever_expires_or_is_counted_by_day_follows_the_clock() {
    let world = World::new().await;
    let olena = world.olena().await;
    let (_, week) =
        api_token(&olena, json!({"name": "week", "role": "OWNER", "expires_at": "2026-03-09T10:00:00Z"})).await;
    let week = world.server.bearing(&week);
    let limits = json!({"points_per_day": 10});
    olena.put("/comptoir/v1/quotas/olena/UNIVERSAL/PLAN", limits).await.expect(200);
    let begin = |client: Client, number: u32| async move {
        let code = format!("00000000-0000-4000-8000-{number:012}");
        let start = json!({"service": "UNIVERSAL", "process_type": "PLAN", "points_count": 10});
        let report = json!({"process_code": code, "start": start});
        client.post("/comptoir/v1/processes", report).await.status
    };
    assert_eq!(begin(week.clone(), 1).await, 200);
    assert_eq!(begin(week.clone(), 2).await, 402, "the day's quota is used up");

    world.advance("23h59m").await;
    olena.get("/account/info").await.expect(200);
    world.advance("1m").await;
    olena.get("/account/info").await.expect(401);
    assert_eq!(begin(week.clone(), 3).await, 200, "another day");
    // Of the first process nothing was heard for a day.
    let first = week.get("/comptoir/v1/processes/00000000-0000-4000-8000-000000000001").await.expect(200).json();
    let ran = world.advance("1h").await;
    assert!(ran["ran"].to_string().contains("processes") || first["status"] == "CANCELED_BY_TIMEOUT", "{ran} {first}");
    let first = week.get("/comptoir/v1/processes/00000000-0000-4000-8000-000000000001").await.expect(200).json();
    assert_eq!(first["status"], "CANCELED_BY_TIMEOUT");
    world.advance("6d").await;
    week.get("/account/info").await.expect(401);
}

#[tokio::test]
async fn reminders_and_retries_come_on_the_way_as_they_would_in_that_time() {
    let world = World::new().await;
    let capture = format!("{TEST}/webhooks");
    world.tester.put(&capture, json!({"capture": true})).await.expect(200);
    let schedule = json!({"schedules": [{
        "company": "acme", "producer": "4820000000017", "name": "Daily", "start": "today", "time_from": "12:00:00",
        "time_to": "18:00:00", "time_remind": "11:00:00", "repeat": {"frequency": "DAILY"},
        "distributors": ["4820000000024"],
    }]});
    world.seed(schedule).await;
    let advanced = world.advance("3d").await;
    assert_eq!(advanced["complete"], true);
    assert_eq!(advanced["now"], "2026-03-05T10:00:00+00:00");
    let captured = world.tester.get(&capture).await.expect(200).json();
    let days: Vec<_> = captured["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| serde_json::from_str::<Value>(call["body"].as_str().unwrap()).unwrap())
        .map(|body| {
            (body["data"]["day"].as_str().unwrap().to_owned(), body["timestamp"].as_str().unwrap()[..16].to_owned())
        })
        .collect();
    let expected = ["2026-03-02", "2026-03-03", "2026-03-04"].map(|day| (day.to_owned(), format!("{day}T11:00")));
    assert_eq!(days, expected, "each at its own time");
    let headers = captured["items"][0]["headers"].to_string();
    assert!(headers.contains("webhook-signature") && headers.contains("webhook-id"), "{headers}");

    world.reset().await;
    assert_eq!(world.tester.get(&capture).await.expect(200).json()["items"], json!([]), "captured ones are forgotten");
    // A receiver that never answers well: eight attempts over about a day, each at its time.
    world.tester.put(&capture, json!({"capture": true, "answer": 503})).await.expect(200);
    let olena = world.olena().await;
    let webhooks = olena.get("/comptoir/v1/webhooks").await.expect(200).json();
    let id = webhooks["items"][0]["id"].as_str().unwrap();
    let ping = olena.post(&format!("/comptoir/v1/webhooks/{id}/ping"), Value::Null).await.expect(200).json();
    let advanced = world.advance("3d").await;
    let deliveries = advanced["ran"].as_array().unwrap().iter().find(|ran| ran["kind"] == "webhook_delivery").unwrap();
    assert!(deliveries["attempts"].as_u64().unwrap() >= 8, "{advanced}");
    let olena = world.olena().await;
    let delivery = format!("/comptoir/v1/deliveries/{}", ping["id"].as_str().unwrap());
    let delivery = olena.get(&delivery).await.expect(200).json();
    assert_eq!(delivery["state"].as_str().or(delivery["delivery"]["state"].as_str()), Some("failed"), "{delivery}");
    let calls = world.tester.get(&capture).await.expect(200).json();
    let calls: Vec<_> =
        calls["items"].as_array().unwrap().iter().filter(|call| call["id"] == ping["id"]).cloned().collect();
    assert_eq!(calls.len(), 8);
    let times: std::collections::BTreeSet<_> = calls.iter().map(|call| call["at"].as_str().unwrap()).collect();
    assert_eq!(times.len(), 8, "each at its own time");
    // And one that does.
    world.tester.delete(&capture).await.expect(200);
    world.tester.put(&capture, json!({"capture": false})).await.expect(200);
    assert_eq!(world.tester.get(&capture).await.expect(200).json(), json!({"capture": false, "items": []}));
}

#[tokio::test]
async fn silence_of_a_connector_starts_its_alert_on_the_way() {
    let world = World::new().await;
    let capture = format!("{TEST}/webhooks");
    world.tester.put(&capture, json!({"capture": true})).await.expect(200);
    world.seed(json!({
        "connector_systems": [{"company": "acme", "id": "warehouse"}],
        "connector_values": [{"company": "acme", "system": "warehouse", "key": "beats", "time": "now", "value": 1}],
        "alert_rules": [{"company": "acme", "name": "Silent", "key": "beats", "condition": "no_data", "minutes": 60}],
    })).await;
    world.advance("59m").await;
    assert_eq!(world.tester.get(&capture).await.expect(200).json()["items"], json!([]));
    world.advance("2m").await;
    let captured = world.tester.get(&capture).await.expect(200).json();
    let body: Value = serde_json::from_str(captured["items"][0]["body"].as_str().unwrap()).unwrap();
    assert_eq!((&body["type"], &body["data"]["rule"]["name"]), (&json!("alert_started"), &json!("Silent")), "{body}");
    world.reset().await;
    let alerts = world.olena().await.get("/comptoir/v1/connectors/alerts").await.expect(200).json();
    assert_eq!(alerts["items"], json!([]), "a reset ends it without a trace");
}

#[tokio::test]
async fn a_fault_has_the_contracts_own_shape_and_spares_what_it_is_not_about() {
    let world = World::new().await;
    let olena = world.olena().await;
    let set = world.fault(json!({"operation": "read_info", "status": 503, "retry_after": 7})).await;
    let answer = olena.get("/account/info").await.expect(503);
    assert_eq!(answer.header("retry-after"), Some("7"));
    assert!(answer.text().contains("a fault that a test asked for"), "{}", answer.text());
    olena.get("/account/quota").await.expect(200);
    world.fault(json!({"path": "/comptoir/v1/users*", "method": "GET", "status": 503})).await;
    let answer = olena.get("/comptoir/v1/users").await.expect(503);
    assert_eq!(answer.json()["status"], 503);
    olena.post("/comptoir/v1/users", json!({"username": "u1", "roles": [], "password": PASSWORD})).await.expect(200);
    // Test controls themselves get none.
    world.fault(json!({"path": "*", "status": 500})).await;
    let listed = world.tester.get(&format!("{TEST}/faults")).await.expect(200).json();
    assert_eq!((&listed["items"][0]["seen"], &listed["items"][0]["struck"]), (&json!(1), &json!(1)), "{listed}");
    world.tester.delete(&format!("{TEST}/faults/{}", set["id"])).await.expect(200);
    world.tester.delete(&format!("{TEST}/faults/{}", set["id"])).await.expect(404);
    olena.get("/account/info").await.expect(500);
    world.tester.delete(&format!("{TEST}/faults")).await.expect(200);
    olena.get("/account/info").await.expect(200);

    world.fault(json!({"operation": "read_info", "status": 500})).await;
    world.reset().await;
    world.olena().await.get("/account/info").await.expect(200);
    for wrong in [
        json!({}),
        json!({"status": 200}),
        json!({"status": 500, "cut": true}),
        json!({"status": 500, "probability": 2}),
        json!({"status": 500, "operations": "x"}),
    ] {
        world.tester.post(&format!("{TEST}/faults"), wrong).await.expect(400);
    }
}

#[tokio::test]
async fn faults_by_chance_are_the_same_for_the_same_seed() {
    let world = World::new().await;
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        world.fault(json!({"operation": "check", "status": 503, "probability": 0.5, "seed": seed})).await;
        let mut run = Vec::new();
        for _ in 0..40 {
            run.push(world.tester.get("/account/system/check").await.status);
        }
        runs.push(run);
        world.tester.delete(&format!("{TEST}/faults")).await.expect(200);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
    assert!(runs[0].contains(&503) && runs[0].iter().any(|status| *status != 503));
    world.fault(json!({"operation": "check", "status": 503, "skip": 1, "limit": 2})).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(world.tester.get("/account/system/check").await.status == 503);
    }
    assert_eq!(statuses, [false, true, true, false, false]);
}

#[tokio::test]
async fn a_connection_is_cut_and_an_answer_comes_late() {
    let world = World::new().await;
    world.fault(json!({"operation": "health_live", "cut": true, "limit": 1})).await;
    let request = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let bytes = crate::support::raw::all(world.server.address(), request).await;
    assert!(bytes.is_empty(), "not one byte of an answer: {}", String::from_utf8_lossy(&bytes));
    world.fault(json!({"operation": "health_live", "delay_ms": 150})).await;
    let began = std::time::Instant::now();
    world.tester.get("/health/live").await.expect(200);
    assert!(began.elapsed() >= Duration::from_millis(150));
    let cut = &world.received("?operation=health_live").await[0];
    assert_eq!((cut.get("status"), &cut["fault"]), (None, &json!(1)), "{cut}");
}

#[tokio::test]
async fn what_came_in_is_told_without_secrets() {
    let world = World::new().await;
    let olena = world.olena().await;
    olena
        .post("/comptoir/v1/users?x=1", json!({"username": "u1", "roles": [], "password": PASSWORD}))
        .await
        .expect(200);
    olena.get("/account/nothing").await.expect(404);
    world.server.bearing("cmp_test-shop").post("/api/v1.1/databases/list", json!({"token": "cmp_test-shop"})).await;

    let all = world.received("").await;
    let text = Value::Array(all.clone()).to_string();
    assert!(
        !text.contains(PASSWORD) && !text.contains("cmp_test-shop") && !text.contains(olena.credential()),
        "{text}"
    );
    let operations: Vec<_> = all.iter().map(|one| one["operation"].clone()).collect();
    assert_eq!(operations, [json!("run_token_generation"), json!("create_user"), Value::Null, json!("list_databases")]);
    let made = &world.received("?operation=create_user").await[0];
    assert_eq!(
        (&made["method"], &made["path"], &made["query"], &made["status"], &made["username"]),
        (&json!("POST"), &json!("/comptoir/v1/users"), &json!("x=1"), &json!(200), &json!("olena"))
    );
    assert_eq!(made["body"], r#"{"username":"u1","roles":[],"password":"…"}"#);
    let authorization = made["headers"].as_array().unwrap().iter().find(|header| header["name"] == "authorization");
    assert_eq!(authorization.unwrap()["value"], "…");
    assert_eq!(world.received("?status=404").await.len(), 1);
    assert_eq!(world.received("?username=olena&method=post").await.len(), 1);
    assert_eq!(world.received("?path=/api/").await.len(), 1);
    assert_eq!(world.received(&format!("?after={}", made["number"])).await.len(), 2);
    let long = "x".repeat(20_000);
    olena.post("/comptoir/v1/users", json!({"username": "u2", "roles": [], "specification": long})).await.expect(400);
    let cut = &world.received("?status=400").await[0];
    assert_eq!((&cut["body_cut"], cut["body"].as_str().map(str::len) < Some(17_000)), (&json!(true), true));
    world.tester.delete(&format!("{TEST}/requests")).await.expect(200);
    assert_eq!(world.received("").await, Vec::<Value>::new());
    olena.get("/account/info").await.expect(200);
    world.reset().await;
    assert_eq!(world.received("").await, Vec::<Value>::new(), "a reset forgets them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resets_with_requests_in_flight_leave_exactly_what_was_seeded() {
    let world = World::new().await;
    let seeded = world.dump().await;
    let shop = world.server.bearing("cmp_test-shop");
    let lists = json!({"audience_lists": [{"company": "acme", "name": "all"}]});
    let seeded_lists = {
        world.seed(lists).await;
        world.dump().await
    };
    assert_ne!(seeded, seeded_lists);
    let writers = (0..6).map(|writer| {
        let shop = shop.clone();
        async move {
            let mut answers = Vec::new();
            for number in 0..40 {
                let email = format!("w{writer}n{number}@example.com");
                let row = json!({"db_id": 1, "data": {"email": email}});
                answers.push(shop.post("/api/v1.1/profiles/import", row).await.status);
            }
            answers
        }
    });
    let resets = async {
        for _ in 0..15 {
            world.reset().await;
        }
    };
    let (written, ()) = futures_util::future::join(join_all(writers), resets).await;
    assert!(written.iter().flatten().all(|status| *status == 200), "{written:?}");
    world.reset().await;
    assert_eq!(world.dump().await, seeded_lists);
    assert!(world.server.store().read(comptoir_check).unwrap().is_empty());
    assert_eq!(world.server.audit_findings(), Vec::<String>::new());
}

/// What SQLite and the references between rows say of the file.
fn comptoir_check(conn: &comptoir::store::ReadTx<'_>) -> Result<Vec<String>, comptoir::store::StoreError> {
    comptoir::store::integrity(conn, true)
}

#[tokio::test]
async fn background_work_that_runs_is_interrupted_by_a_reset_and_leaves_nothing() {
    let world = World::new().await;
    let olena = world.olena().await;
    let hooks = olena.get("/comptoir/v1/webhooks").await.expect(200).json();
    let ping = format!("/comptoir/v1/webhooks/{}/ping", hooks["items"][0]["id"].as_str().unwrap());
    olena.post(&ping, Value::Null).await.expect(200);
    let waiting = world.dump().await;
    world.reset().await;
    assert_eq!(world.dump().await, waiting, "a delivery is no state of a fixture");
    world.tester.put(&format!("{TEST}/webhooks"), json!({"capture": true})).await.expect(200);
    world.server.run_pending_tasks().await;
    let captured = world.tester.get(&format!("{TEST}/webhooks")).await.expect(200).json();
    assert_eq!(captured["items"], json!([]), "what was on its way is gone");
}
