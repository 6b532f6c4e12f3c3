//! `comptoir serve`: how it starts, what it says, how it ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use super::{OPERATOR_PASSWORD, Place};

#[tokio::test]
async fn a_temporary_server_says_once_where_it_is_and_leaves_nothing_behind() {
    let place = Place::new();
    let server = place.serve_with_password(&["--database", "temp"]).await;
    let ready = server.ready.clone();
    assert_eq!(ready["ready"], true);
    assert_eq!(ready["operator"], "operator");
    assert_eq!(ready["pid"], server.child.id().unwrap());
    assert_eq!(ready["url"], format!("http://{}", ready["listen"].as_str().unwrap()));
    assert_ne!(ready["listen"], "127.0.0.1:0");
    let folder = server.database().parent().unwrap().to_owned();
    assert!(folder.starts_with(place.path("tmp")), "{}", folder.display());
    assert!(server.database().is_file());
    server.client.get("/health/ready").await.expect(200);

    let ended = server.signal("TERM").await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(ended.printed, "", "one line on standard output and no more");
    assert!(!folder.exists());
    assert_eq!(fs::read_dir(place.path("tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn an_interrupt_ends_it_as_well_as_sigterm() {
    let place = Place::new();
    let ended = place.serve_with_password(&[]).await.signal("INT").await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let left: Vec<_> = fs::read_dir(place.0.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with("-wal")), "a clean end leaves one file: {left:?}");
}

#[tokio::test]
async fn without_a_password_one_is_made_up_written_for_its_owner_only_and_works() {
    let place = Place::new();
    let server = place.serve(&[]).await;
    let path = place.path("comptoir.db.operator-password");
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&place.database()), 0o600);
    let password = fs::read_to_string(&path).unwrap();
    let password = password.trim_end();
    assert!(password.len() >= 20, "{password}");
    let operator = server.sign_in("operator", password).await;
    operator.get("/comptoir/v1/companies").await.expect(200);
    assert!(!server.ready.to_string().contains(password));
    let ended = server.signal("TERM").await;
    assert!(!ended.log.contains(password));
    assert!(!ended.printed.contains(password));

    // The second start makes nothing up.
    fs::remove_file(&path).unwrap();
    let server = place.serve(&[]).await;
    assert!(!path.exists());
    server.sign_in("operator", password).await;
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_first_operator_is_called_as_it_was_asked_for_and_its_password_may_stand_in_a_file() {
    let place = Place::new();
    fs::write(place.path("password"), format!("{OPERATOR_PASSWORD}\n")).unwrap();
    let arguments =
        ["--operator-username", "olena", "--operator-company", "north", "--operator-password-file", "password"];
    let server = place.serve(&arguments).await;
    assert_eq!(server.ready["operator"], "olena");
    let me = server.sign_in("olena", OPERATOR_PASSWORD).await.get("/comptoir/v1/me").await.expect(200).json();
    assert_eq!((&me["company_key"], &me["operator"]), (&json!("north"), &json!(true)));
    assert!(!place.path("comptoir.db.operator-password").exists());
}

#[tokio::test]
async fn settings_come_from_flags_before_the_environment_before_the_file() {
    let place = Place::new();
    fs::write(place.path("comptoir.toml"), "environment = 'file'\noperator_username = 'from_file'\ngrace = 1\n")
        .unwrap();
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0", "--environment", "flag"]);
    command.env("COMPTOIR_ENVIRONMENT", "variable").env("COMPTOIR_OPERATOR_PASSWORD", OPERATOR_PASSWORD);
    let server = place.serve_as(command).await;
    assert_eq!(server.ready["operator"], "from_file");
    let refused = server.client.get("/account/info").await.expect(401).json();
    assert_eq!(refused["tracedata"]["env"], "flag");
    drop(server);

    fs::write(place.path("comptoir.toml"), "lisen = 'nowhere'\n").unwrap();
    let output = place.run(&["serve"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("lisen"));
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_refused_with_its_code_and_left_as_it_was() {
    let place = Place::new();
    fs::write(place.database(), "These are somebody's notes, and no database at all.".repeat(40)).unwrap();
    let before = fs::read(place.database()).unwrap();
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["check"], &["company", "list"]] {
        let output = place.run(arguments).await;
        assert_eq!(output.status.code(), Some(4), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stderr).contains("comptoir.db"), "the message names the file");
    }
    assert_eq!(fs::read(place.database()).unwrap(), before);
    assert!(!place.path("comptoir.db.operator-password").exists());
}

#[tokio::test]
async fn a_second_server_on_the_same_file_is_refused_and_the_first_goes_on() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    let output = place.run(&["serve", "--listen", "127.0.0.1:0"]).await;
    assert_eq!(output.status.code(), Some(6), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty());
    server.sign_in("operator", OPERATOR_PASSWORD).await;
}

#[tokio::test]
async fn a_command_on_a_file_that_is_missing_makes_none() {
    let place = Place::new();
    for arguments in [&["check"][..], &["user", "list", "--company", "x"], &["token", "rotate-jwt-key"]] {
        let output = place.run(arguments).await;
        assert_eq!(output.status.code(), Some(10), "{arguments:?}");
    }
    assert!(!place.database().exists());
}

#[tokio::test]
async fn wrong_usage_is_code_2_and_a_port_that_is_taken_code_1() {
    let place = Place::new();
    assert_eq!(place.run(&["serve", "--no-such-flag"]).await.status.code(), Some(2));
    assert_eq!(place.run(&[]).await.status.code(), Some(2));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = place.run(&["serve", "--database", "temp", "--listen", &address]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&address));
    assert_eq!(place.run(&["serve", "--listen", "8080"]).await.status.code(), Some(1));
}

#[tokio::test]
async fn an_acknowledged_write_survives_kill_9() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    for n in 0..20 {
        let body = json!({"key": format!("company_{n}"), "name": "x"});
        operator.post("/comptoir/v1/companies", body).await.expect(200);
    }
    assert_eq!(server.signal("KILL").await.code, None);

    let server = place.serve(&[]).await;
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    let companies = operator.get("/comptoir/v1/companies?limit=200").await.expect(200).json();
    assert_eq!(companies["items"].as_array().unwrap().len(), 21);
    assert!(place.succeed(&["check"]).await.contains("is well"));
}

#[tokio::test]
async fn no_secret_ever_stands_in_the_log() {
    let place = Place::new();
    let server = place.serve_with_password(&["--log", "trace", "--log-requests"]).await;
    let client = server.client.clone();
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    let mut secrets = vec![OPERATOR_PASSWORD.to_owned(), operator.credential().to_owned()];

    let made = operator.post("/comptoir/v1/tokens", json!({"name": "x", "role": "OWNER"})).await.expect(200).json();
    let token = made["secret"].as_str().unwrap().to_owned();
    client.bearing(&token).get("/account/info").await.expect(200);
    client.post("/account/token/validation", json!(token)).await.expect(200);
    let new = json!({"username": "ivan", "password": "the password of ivan", "roles": ["USER"]});
    operator.post("/comptoir/v1/users", new).await.expect(200);
    operator.put("/comptoir/v1/users/ivan/password", json!({"new_password": "another of ivan"})).await.expect(200);
    // Also where it fails: a wrong password, a bad token, bodies that are refused.
    let wrong = json!({"username": "operator", "password": "a mistyped password"});
    client.post("/account/token/generation", wrong).await.expect(401);
    client.bearing("cmp_a_token_that_was_revoked").get("/account/info").await.expect(401);
    let misplaced =
        json!({"username": "operator", "pasword": "in the wrong field", "password": {"x": "nested secret"}});
    client.post("/account/token/generation", misplaced.clone()).await.expect(400);
    operator.post("/comptoir/v1/users", misplaced).await.expect(400);
    let changed = json!({"current_password": OPERATOR_PASSWORD, "new_password": "the operator's next password"});
    let jwt = operator.post("/account/password", changed).await.expect(200).json();
    secrets.extend([token, jwt.as_str().unwrap().to_owned()]);
    secrets.extend(
        [
            "the password of ivan",
            "another of ivan",
            "a mistyped password",
            "cmp_a_token_that_was_revoked",
            "in the wrong field",
            "nested secret",
            "the operator's next password",
            "$argon2id$",
        ]
        .map(str::to_owned),
    );

    let log = server.signal("TERM").await.log;
    assert!(log.matches("run_token_generation").count() >= 3, "the log is there: {log}");
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} stands in the log");
        // Nor the part of a JWT that makes it valid.
        if let Some((_, signature)) = secret.rsplit_once('.') {
            assert!(!log.contains(signature));
        }
    }
}

#[tokio::test]
async fn the_log_is_json_when_it_goes_to_no_terminal_and_carries_the_requests_id() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    let refused = server.client.get("/account/info").await.expect(401);
    let id = refused.header("x-request-id").unwrap().to_owned();
    let log = server.signal("TERM").await.log;
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let line = lines.iter().find(|line| line["request_id"] == id).unwrap_or_else(|| panic!("{id} is not in {log}"));
    assert_eq!(line["status"], 401);
    assert_eq!(line["operation"], "read_info");
    assert_eq!(line["path"], "/account/info");
}

#[tokio::test]
async fn the_clock_may_be_held_still_for_tests() {
    let place = Place::new();
    let server = place.serve_with_password(&["--now", "2026-11-22T10:00:00Z"]).await;
    let refused = server.client.get("/account/info").await.expect(401).json();
    assert_eq!(refused["tracedata"]["time"], "2026-11-22T10:00:00+00:00");
    let user = server.sign_in("operator", OPERATOR_PASSWORD).await.get("/account/info").await.expect(200).json();
    assert_eq!(user["creation_date"], "2026-11-22T10:00:00Z");
}
