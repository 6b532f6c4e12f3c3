//! Standard output that nobody reads, or that has no room.

use std::fs::File;
use std::process::{Output, Stdio};

use tokio::time::timeout;

use super::{GENEROUS, Place};

fn without_a_reader() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn without_room() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

impl Place {
    async fn print_to(&self, stdout: Stdio, arguments: &[&str]) -> Output {
        let child = self.command(arguments).stdout(stdout).spawn().unwrap();
        timeout(GENEROUS, child.wait_with_output()).await.expect("the command ends").unwrap()
    }
}

#[tokio::test]
async fn a_reader_that_went_away_is_no_failure_and_a_full_disk_is_one() {
    let place = Place::new();
    drop(place.serve_with_password(&[]).await.signal("TERM").await);
    for arguments in [
        &["company", "list"][..],
        &["user", "list", "--company", "comptoir", "--json"],
        &["token", "list", "--company", "comptoir"],
        &["check"],
        &["openapi"],
        &["completions", "zsh"],
        &["user", "sign-out", "operator"],
        &["company", "rename", "comptoir", "Comptoir"],
    ] {
        let output = place.print_to(without_a_reader(), arguments).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
        let output = place.print_to(without_room(), arguments).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.starts_with("comptoir: it is done, but standard output cannot be written"), "{said}");
    }
}

#[tokio::test]
async fn a_secret_that_could_not_be_shown_is_a_failure_that_says_what_to_run() {
    let place = Place::new();
    drop(place.serve_with_password(&[]).await.signal("TERM").await);
    for (stdout, name) in [(without_a_reader as fn() -> Stdio, "olena"), (without_room, "ivan")] {
        let reset = format!("run: comptoir user reset-password {name}");
        for (arguments, remedy) in [
            (&["user", "add", name, "--company", "comptoir"][..], reset.as_str()),
            (&["user", "reset-password", name], &reset),
            (&["token", "add", name, "--name", "machine"], "run: comptoir token revoke "),
        ] {
            let output = place.print_to(stdout(), arguments).await;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
            assert!(said.starts_with("comptoir: it is done, but the ") && said.contains(remedy), "{said}");
        }
        let token = place.list(&["token", "list", "--username", name, "--json"]).await[0]["id"].clone();
        place.succeed(&["token", "revoke", token.as_str().unwrap()]).await;
    }
}

#[tokio::test]
async fn an_error_that_nobody_can_read_keeps_its_exit_code() {
    let place = Place::new();
    let status = place.command(&["check"]).stderr(without_a_reader()).status();
    assert_eq!(timeout(GENEROUS, status).await.expect("the command ends").unwrap().code(), Some(10));
}
