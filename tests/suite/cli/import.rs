//! `comptoir import`: beside a server and without one, asked on a terminal and not asked at all.

use std::fs::{self, File};
use std::io::{Read, Write};

use comptoir::store::{OpenOptions, Store, StoreError};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use serde_json::Value;
use tokio::time::timeout;

use super::{GENEROUS, OPERATOR_PASSWORD, Place, Server};

const GOODS: &str = "Name;Price;EAN-13\nJuice;12,50;4820024700016\nWater;9;4820024700023\n";

impl Place {
    /// A database that a server has made, and a file.
    async fn with_file(name: &str, content: &str) -> (Self, String) {
        let place = Self::new();
        let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("COMPTOIR_OPERATOR_PASSWORD", OPERATOR_PASSWORD);
        place.serve_as(command).await.signal("TERM").await;
        fs::write(place.path(name), content).unwrap();
        let path = place.path(name).to_str().unwrap().to_owned();
        (place, path)
    }
}

/// The names of the goods in the operator's catalogue that are in use.
async fn goods(server: &Server) -> Vec<String> {
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    let company = operator.get("/comptoir/v1/companies/comptoir").await.expect(200).json();
    let path = format!("/v5/orgs/{}/nomenclature", company["guid"].as_str().unwrap());
    let page = operator.get(&path).await.expect(200).json();
    let used = page["items"].as_array().unwrap().iter().filter(|good| good["is_archived"] == false);
    let mut names: Vec<_> = used.map(|good| good["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn without_a_server_the_command_does_the_import_itself() {
    let (place, file) = Place::with_file("goods.csv", GOODS).await;
    let printed = place.succeed(&["import", &file, "--yes"]).await;
    assert!(printed.contains("Created: 2\n"), "{printed}");
    let again = place.succeed(&["import", &file, "--yes"]).await;
    assert!(again.contains("Created: 0\n") && again.contains("Unchanged: 2\n"), "{again}");
    let server = place.serve(&[]).await;
    assert_eq!(goods(&server).await, ["Juice", "Water"]);
    server.signal("TERM").await;
    place.succeed(&["check"]).await;
}

#[tokio::test]
async fn beside_a_server_the_server_does_it() {
    let (place, file) = Place::with_file("goods.csv", GOODS).await;
    let server = place.serve(&[]).await;
    place.succeed(&["import", &file, "--yes", "--match", "ean13,name"]).await;
    assert_eq!(goods(&server).await, ["Juice", "Water"]);
}

#[tokio::test]
async fn a_server_that_is_gone_is_not_waited_for_and_the_next_one_takes_the_import_on() {
    let (place, file) = Place::with_file("goods.csv", GOODS).await;
    // Has the database as a server has it, and does no work.
    let idle = Store::open(OpenOptions::server(place.database())).unwrap();
    let command = place.command(&["import", &file, "--yes"]).spawn().unwrap();
    let begun = |store: &Store| {
        store.read(|conn| {
            let begun = conn.query_row("SELECT count(*) FROM nomenclature_imports", [], |row| row.get::<_, i64>(0))?;
            Ok::<_, StoreError>(begun == 1)
        })
    };
    let waiting = async {
        while !begun(&idle).unwrap() {
            tokio::task::yield_now().await;
        }
    };
    timeout(GENEROUS, waiting).await.expect("an import");
    idle.close().await.unwrap();
    let output = timeout(GENEROUS, command.wait_with_output()).await.expect("the command ends").unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the server that was doing the import has ended"), "{said}");
    let server = place.serve(&[]).await;
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    let taken_on = async {
        loop {
            let imports = operator.get("/comptoir/v1/nomenclature/imports").await.expect(200).json();
            if imports["items"][0]["status"] == "WaitingForFeedback" {
                return;
            }
        }
    };
    timeout(GENEROUS, taken_on).await.expect("the question");
}

#[tokio::test]
async fn where_nobody_can_be_asked_nothing_is_changed() {
    let (place, file) = Place::with_file("goods.csv", GOODS).await;
    let output = place.run(&["import", &file]).await;
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no --yes") && said.contains("nothing was changed"), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("goods.csv:\n"), "what it would have done is shown");
    let server = place.serve(&[]).await;
    assert_eq!(goods(&server).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_archives_much_is_agreed_to_twice() {
    let (place, file) = Place::with_file("goods.csv", GOODS).await;
    place.succeed(&["import", &file, "--yes"]).await;
    fs::write(&file, "Name;Price;EAN-13\nJuice;12,50;4820024700016\n").unwrap();
    let full = ["import", &file, "--yes", "--strategy", "full"];
    let output = place.run(&full).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--allow-archive"));
    place.succeed(&[&full[..], &["--allow-archive"]].concat()).await;
    let server = place.serve(&[]).await;
    assert_eq!(goods(&server).await, ["Juice"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_a_reason() {
    let (place, file) = Place::with_file("goods.xlsx", "<html>").await;
    for (arguments, words) in [
        (vec!["import", &file, "--yes"], "nothing was imported"),
        (vec!["import", "nowhere.xlsx"], "nowhere.xlsx"),
        (vec!["import", "/", "--yes"], "is no file"),
        (vec!["import", &file, "--user", "nobody"], "there is no user `nobody`"),
        (vec!["import", &file, "--match", "none,name"], "stands alone"),
    ] {
        let output = place.run(&arguments).await;
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn who_may_not_import_over_http_may_not_here() {
    let (place, file) = Place::with_file("goods.csv", GOODS).await;
    place.succeed(&["user", "add", "olena", "--company", "comptoir", "--role", "PARTNER"]).await;
    let output = place.run(&["import", &file, "--yes", "--user", "olena"]).await;
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("olena may not import"), "{said}");
}

#[tokio::test]
async fn on_a_terminal_there_is_a_bar_and_a_question() {
    for (answer, code, expected) in [("y\n", 0, vec!["Juice", "Water"]), ("\n", 1, vec![])] {
        let (place, file) = Place::with_file("goods.csv", GOODS).await;
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let peer =
            || ioctl_tiocgptpeer(&terminal, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        let mut command = place.command(&["import", &file]);
        let mut child = command.stdin(peer()).stdout(peer()).stderr(peer()).spawn().unwrap();
        drop(command);
        let mut terminal = File::from(terminal);
        let mut shown = Vec::new();
        while !String::from_utf8_lossy(&shown).contains("[y/N]") {
            let mut some = [0; 1024];
            let length = terminal.read(&mut some).unwrap();
            shown.extend_from_slice(&some[..length]);
        }
        terminal.write_all(answer.as_bytes()).unwrap();
        let status = timeout(GENEROUS, child.wait()).await.expect("the command ends").unwrap();
        assert_eq!(status.code(), Some(code));
        let shown = String::from_utf8(shown).unwrap();
        assert!(shown.contains('%') && shown.contains('░'), "{shown}");
        let server = place.serve(&[]).await;
        assert_eq!(goods(&server).await, expected);
    }
}

#[tokio::test]
async fn what_the_command_did_is_in_the_audit_under_the_users_name() {
    let (place, file) = Place::with_file("goods.csv", GOODS).await;
    place.succeed(&["import", &file, "--yes"]).await;
    let server = place.serve(&[]).await;
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    let audit: Value = operator.get("/account/audit").await.expect(200).json();
    let text = audit.to_string();
    for operation in ["create_nomenclature_import", "confirm_nomenclature_import"] {
        assert!(text.contains(operation), "{operation}: {text}");
    }
}
