//! The first start and later ones: what they are told, what they hand over, and what a failed one leaves behind.

use std::fs::{self, File};
use std::io::Read;

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use super::{GENEROUS, OPERATOR_PASSWORD, Place};
use crate::support::Client;

const SERVE: &[&str] = &["serve", "--listen", "127.0.0.1:0"];

impl Place {
    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn the_ready_line_goes_to_the_descriptor_that_was_handed_down() {
    let place = Place::new();
    let command =
        place.command_in_shell("exec \"$0\" \"$@\" 3>&1 1>standard-output", &[SERVE, &["--ready-fd", "3"]].concat());
    let server = place.serve_as(command).await;
    assert_eq!(server.ready["ready"], true);
    server.client.get("/health/ready").await.expect(200);
    assert_eq!(server.signal("TERM").await.code, Some(0));
    assert_eq!(fs::read(place.path("standard-output")).unwrap(), b"");
    place.succeed(&["check"]).await;
}

#[tokio::test]
async fn a_descriptor_that_was_not_handed_down_is_refused_whatever_it_becomes_later() {
    let place = Place::new();
    // Whatever the tests themselves were handed down.
    let close = "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; exec \"$0\" \"$@\"";
    for fd in ["3", "4", "5", "6", "7", "8", "9"] {
        let arguments = [SERVE, &["--ready-fd", fd]].concat();
        let output = place.command_in_shell(close, &arguments).output();
        let output = timeout(GENEROUS, output).await.expect("the command ends").unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{fd}: {said}");
        assert!(said.contains(&format!("--ready-fd {fd}: there is no such open descriptor")), "{said}");
    }
    assert_eq!(place.run(&[SERVE, &["--ready-fd", "0"]].concat()).await.status.code(), Some(2));
    assert_eq!(place.names(), ["tmp"]);
}

#[tokio::test]
async fn on_a_terminal_the_made_up_password_is_shown_and_its_file_removed_whoever_else_is_told() {
    let place = Place::new();
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let peer = ioctl_tiocgptpeer(&terminal, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    let mut command = place.command_in_shell("exec \"$0\" \"$@\" 3>&2 2>log", &[SERVE, &["--ready-fd", "3"]].concat());
    let mut child = command.stdout(peer).spawn().unwrap();
    drop(command);
    let mut ready = String::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    timeout(GENEROUS, lines.read_line(&mut ready)).await.expect("a ready line").unwrap();
    let ready: Value = serde_json::from_str(&ready).expect("the ready line is JSON");
    assert_eq!(ready["password_file"], Value::Null);
    assert!(!place.path("comptoir.db.operator-password").exists());

    let mut shown = Vec::new();
    let mut terminal = File::from(terminal);
    while !String::from_utf8_lossy(&shown).contains("stop with Ctrl-C") {
        let mut some = [0; 1024];
        let length = terminal.read(&mut some).unwrap();
        shown.extend_from_slice(&some[..length]);
    }
    let shown = String::from_utf8(shown).unwrap();
    let password = shown.split("shown this once:").nth(1).unwrap().split_whitespace().next().unwrap();
    let body = json!({"username": "operator", "password": password});
    Client::new(ready["url"].as_str().unwrap()).post("/account/token/generation", body).await.expect(200);
    child.kill().await.unwrap();
}

#[tokio::test]
async fn without_a_terminal_the_ready_line_says_where_the_made_up_password_is() {
    let place = Place::new();
    let server = place.serve(&[]).await;
    let file = fs::canonicalize(place.path("comptoir.db.operator-password")).unwrap();
    assert_eq!(server.ready["password_file"], file.to_str().unwrap());
    server.sign_in("operator", fs::read_to_string(&file).unwrap().trim_end()).await;
    server.signal("TERM").await;

    // Left where it is until its owner takes it: a later start made neither of them.
    let server = place.serve(&[]).await;
    assert_eq!((&server.ready["password_file"], &server.ready["operator"]), (&Value::Null, &Value::Null));
    assert!(file.exists());
    let ended = server.signal("TERM").await;
    assert!(ended.log.contains("still stands in a file"), "{}", ended.log);
}

#[tokio::test]
async fn a_later_start_asks_for_nothing_that_only_the_first_one_needs() {
    let place = Place::new();
    fs::write(place.path("password"), OPERATOR_PASSWORD).unwrap();
    fs::write(place.path("comptoir.toml"), "operator_password_file = 'password'\n").unwrap();
    place.serve(&[]).await.signal("TERM").await;
    fs::remove_file(place.path("password")).unwrap();
    place.serve(&[]).await.signal("TERM").await;

    let mut command = place.command(SERVE);
    for name in ["USERNAME", "COMPANY", "PASSWORD", "PASSWORD_FILE"] {
        command.env(format!("COMPTOIR_OPERATOR_{name}"), "");
    }
    place.serve_as(command).await.sign_in("operator", OPERATOR_PASSWORD).await;
}

#[tokio::test]
async fn a_first_start_that_is_told_nonsense_leaves_nothing_behind() {
    let place = Place::new();
    for (variables, why) in [
        (&[("USERNAME", "")][..], "operator_username"),
        (&[("COMPANY", "a b")], "operator_company"),
        (&[("PASSWORD", "")], "the operator's password"),
        (&[("PASSWORD_FILE", "nowhere")], "cannot read nowhere"),
        (&[("PASSWORD", OPERATOR_PASSWORD), ("PASSWORD_FILE", "nowhere")], "is ambiguous"),
    ] {
        let mut command = place.command(SERVE);
        for (name, value) in variables {
            command.env(format!("COMPTOIR_OPERATOR_{name}"), value);
        }
        let output = timeout(GENEROUS, command.output()).await.expect("the command ends").unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(why) && !said.contains(OPERATOR_PASSWORD), "{said}");
    }
    assert_eq!(place.names(), ["tmp"]);
}

#[tokio::test]
async fn the_flag_for_the_password_file_wins_over_the_environment() {
    let place = Place::new();
    fs::write(place.path("password"), OPERATOR_PASSWORD).unwrap();
    let mut command = place.command(&[SERVE, &["--operator-password-file", "password"]].concat());
    command.env("COMPTOIR_OPERATOR_PASSWORD", "another password");
    let server = place.serve_as(command).await;
    server.sign_in("operator", OPERATOR_PASSWORD).await;
}

#[tokio::test]
async fn a_port_that_is_taken_leaves_nothing_behind() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let output = place.run(&["serve", "--listen", &taken.local_addr().unwrap().to_string()]).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(place.names(), ["tmp"]);
}

#[tokio::test]
async fn a_standard_output_that_cannot_be_written_does_not_stop_the_server() {
    let place = Place::new();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut child = place.command(SERVE).stdout(full).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let warning = loop {
        let line = timeout(GENEROUS, log.next_line()).await.expect("a line").unwrap().expect("the server goes on");
        let line: Value = serde_json::from_str(&line).unwrap();
        if line["message"].as_str().unwrap().starts_with("standard output cannot be written") {
            break line;
        }
    };
    assert_eq!(warning["level"], "WARN");
    let client = Client::new(format!("http://{}", warning["address"].as_str().unwrap()));
    client.get("/health/ready").await.expect(200);
    assert!(place.path("comptoir.db.operator-password").exists());
    child.kill().await.unwrap();
}
