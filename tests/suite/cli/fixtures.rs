//! `seed`, `dump`, `serve --seed --test-controls`: what a CI job runs.

use serde_json::{Value, json};

use super::{GENEROUS, OPERATOR_PASSWORD, Place};

/// The published example.
const EXAMPLE: &str = include_str!("../../../examples/fixture.toml");

/// A fixture without secrets that need a database of tests, and with an operator.
fn plain() -> String {
    json!({
        "companies": [{"key": "acme"}],
        "users": [{"username": "chief", "company": "acme", "roles": ["ADMIN"], "operator": true,
                   "password": OPERATOR_PASSWORD}],
        "tokens": [{"username": "chief", "name": "machine", "role": "OWNER"}],
    })
    .to_string()
}

#[tokio::test]
async fn a_fresh_file_is_made_seeded_and_served_with_the_operator_of_the_fixture() {
    let place = Place::new();
    std::fs::write(place.path("fixture.json"), plain()).unwrap();
    let printed = place.succeed(&["seed", "fixture.json"]).await;
    assert!(printed.starts_with("seeded 3 items\ntoken `machine` of chief (shown this once): cmp_"), "{printed}");
    let secret = super::shown_once(&printed).to_owned();
    let server = place.serve(&[]).await;
    assert_eq!(server.ready["operator"], Value::Null, "the first start made nobody");
    assert_eq!(server.ready["password_file"], Value::Null);
    let chief = server.sign_in("chief", OPERATOR_PASSWORD).await;
    chief.get("/comptoir/v1/companies").await.expect(200);
    server.client.bearing(&secret).get("/account/info").await.expect(200);

    // Beside the running server, from standard input, and again.
    let more =
        json!({"users": [{"username": "ivan", "company": "acme", "password": "the password of ivan"}]}).to_string();
    let output = place.feed(&["seed", "-", "--json"], &more).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said, json!({"items": 1, "secrets": []}));
    server.sign_in("ivan", "the password of ivan").await;
    let again = place.succeed(&["seed", "fixture.json"]).await;
    assert_eq!(again, "seeded 3 items\n", "what is there keeps its secret");
    chief.get("/account/info").await.expect(200);
    assert!(place.succeed(&["check"]).await.contains("is well"));
}

#[tokio::test]
async fn a_fixture_that_is_not_in_order_is_refused_by_path_and_leaves_nothing() {
    let place = Place::new();
    for (name, text, said) in [
        (
            "a.json",
            r#"{"users": [{"username": "x y", "company": "acme", "roles": ["KING"]}]}"#,
            "`users[0].roles[0]` must be one of",
        ),
        ("b.toml", "[[users]]\nusername = \"olena\"\n", "`users[0].company` is required"),
        ("c.toml", "[[users]\n", "is not valid TOML"),
        ("d.json", "{", "is not valid JSON"),
    ] {
        std::fs::write(place.path(name), text).unwrap();
        let output = place.run(&["seed", name]).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {stderr}");
        assert!(stderr.contains(said), "{name}: {stderr}");
        assert!(!place.database().exists(), "{name}");
    }
    std::fs::write(place.path("secret.toml"), EXAMPLE).unwrap();
    let output = place.run(&["seed", "secret.toml"]).await;
    assert!(String::from_utf8_lossy(&output.stderr).contains("`tokens[0].secret` may only be given"));
    let output = place.run(&["seed", "nowhere.json"]).await;
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read nowhere.json"));
}

#[tokio::test]
async fn a_dump_is_seeded_elsewhere_and_dumps_the_same() {
    let place = Place::new();
    std::fs::write(place.path("fixture.json"), plain()).unwrap();
    place.succeed(&["seed", "fixture.json"]).await;
    let dumped = place.succeed(&["dump"]).await;
    assert!(!dumped.contains("cmp_") && !dumped.contains("argon2") && !dumped.contains(OPERATOR_PASSWORD), "{dumped}");
    let said = place.succeed(&["dump", "dump.toml"]).await;
    assert_eq!(said, "written to dump.toml\n");
    let other = ["--database", "other.db"];
    place.succeed(&[&["seed", "dump.toml"], &other[..]].concat()).await;
    assert_eq!(place.succeed(&[&["dump"], &other[..]].concat()).await, dumped);
    // Its operator has no password any more: the first start makes one up, and nobody is locked out.
    let server = place.serve(&other).await;
    assert_eq!(server.ready["operator"], "operator");
}

#[tokio::test]
async fn the_schema_of_fixtures_is_printed() {
    let place = Place::new();
    let schema: Value = serde_json::from_str(&place.succeed(&["seed", "--schema"]).await).unwrap();
    assert_eq!(schema["title"], "Comptoir fixture");
    assert_eq!(schema, comptoir::fixtures::schema());
    assert!(!place.database().exists());
}

#[tokio::test]
async fn a_ci_job_starts_a_seeded_server_resets_it_and_stops_it() {
    let place = Place::new();
    std::fs::write(place.path("fixture.toml"), EXAMPLE).unwrap();
    let server = place.serve(&["--database", "temp", "--test-controls", "--seed", "fixture.toml"]).await;
    assert_eq!(server.ready["operator"], Value::Null, "the fixture brings its own");
    assert!(server.ready["test_controls"].as_str().unwrap().ends_with("/comptoir/v1/test"));
    assert_eq!(server.ready["secrets"][0]["name"], "for a month");
    let ready = server.client.get("/health/ready").await.expect(200).json();
    assert!(ready["warnings"][0].as_str().unwrap().starts_with("test controls are on"), "{ready}");

    let olena = server.sign_in("olena", "correct horse battery").await;
    let new = json!({"username": "passing", "roles": []});
    olena.post("/comptoir/v1/users", new.clone()).await.expect(200);
    server.client.post("/comptoir/v1/test/reset", Value::Null).await.expect(200);
    olena.get("/account/info").await.expect(401);
    server.client.bearing("cmp_test-shop-token").get("/comptoir/v1/me").await.expect(200);
    let olena = server.sign_in("olena", "correct horse battery").await;
    olena.post("/comptoir/v1/users", new).await.expect(200);
    let advanced = json!({"by": "1d"});
    let advanced = server.client.post("/comptoir/v1/test/clock/advance", advanced).await.expect(200).json();
    assert_eq!(advanced["complete"], true, "{advanced}");
    let ended = server.signal("TERM").await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("test controls are on"), "{}", ended.log);
}

#[tokio::test]
async fn test_controls_are_refused_on_a_database_that_was_not_made_for_tests() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    server.client.post("/comptoir/v1/test/reset", Value::Null).await.expect(404);
    server.signal("TERM").await;
    let output = place.run(&["serve", "--listen", "127.0.0.1:0", "--test-controls"]).await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("was not made for tests"), "{stderr}");

    // One that was begun with them keeps the mark, and works without them too.
    let marked = ["--database", "tests.db"];
    let with = [&["--test-controls"], &marked[..]].concat();
    let server = place.serve_with_password(&with).await;
    server.client.post("/comptoir/v1/test/reset", Value::Null).await.expect(200);
    server.signal("TERM").await;
    let server = place.serve_with_password(&marked).await;
    server.client.post("/comptoir/v1/test/reset", Value::Null).await.expect(404);
    server.signal("TERM").await;
    let server = place.serve_with_password(&with).await;
    server.client.post("/comptoir/v1/test/reset", Value::Null).await.expect(200);
    server.signal("TERM").await;
}

#[tokio::test]
async fn the_demo_can_be_steered_too() {
    let place = Place::new();
    let mut command = place.command(&["demo", "--listen", "127.0.0.1:0", "--json", "--test-controls"]);
    command.env("COMPTOIR_LOG", "warn");
    let server = tokio::time::timeout(GENEROUS, place.serve_as(command)).await.expect("it starts");
    let password = server.ready["password"].as_str().unwrap().to_owned();
    let olena = server.sign_in("olena", &password).await;
    olena.post("/comptoir/v1/users", json!({"username": "passing", "roles": []})).await.expect(200);
    server.client.post("/comptoir/v1/test/reset", Value::Null).await.expect(200);
    let olena = server.sign_in("olena", &password).await;
    olena.get("/comptoir/v1/users/passing").await.expect(404);
    olena.get("/comptoir/v1/users/ivan").await.expect(200);
}
