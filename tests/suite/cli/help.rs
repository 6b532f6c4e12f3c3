//! What the program says of itself: `--help`, manual pages, completions, the unit and the script that installs it.

use clap::{Command, CommandFactory};
use comptoir::cli::Cli;
use tokio::process::Command as Process;

use super::{OPERATOR_PASSWORD, Place};

/// Every command with its words, as they are typed; what the program only says to itself is hidden.
fn commands() -> Vec<(String, Command)> {
    fn walk(words: String, command: &Command, into: &mut Vec<(String, Command)>) {
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help" && !inner.is_hide_set()) {
            walk(format!("{words} {}", inner.get_name()), inner, into);
        }
        into.push((words, command.clone()));
    }
    let mut command = Cli::command();
    command.build();
    let mut found = Vec::new();
    walk("comptoir".to_owned(), &command, &mut found);
    found
}

#[test]
fn every_command_and_every_option_says_what_it_is_for() {
    let commands = commands();
    assert!(commands.len() > 40, "{}", commands.len());
    let mut silent = Vec::new();
    for (words, command) in &commands {
        if command.get_about().is_none_or(|about| about.to_string().trim().is_empty()) {
            silent.push(words.clone());
        }
        for argument in command.get_arguments() {
            let help = argument.get_help().or(argument.get_long_help()).map(ToString::to_string).unwrap_or_default();
            if help.trim().len() < 4 {
                silent.push(format!("{words} {argument}"));
            }
        }
    }
    assert!(silent.is_empty(), "without a word of help: {}", silent.join(", "));
}

#[tokio::test]
async fn each_command_has_a_manual_page_and_help_of_the_same_words() {
    let place = Place::new();
    let printed = place.succeed(&["man"]).await;
    assert!(printed.contains(".TH comptoir 1") && printed.contains("comptoir demo"), "{printed}");
    let folder = place.path("man1");
    place.succeed(&["man", "--write", folder.to_str().unwrap()]).await;
    let mut pages: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let mut expected: Vec<_> =
        commands().into_iter().map(|(words, _)| format!("{}.1", words.replace(' ', "-"))).collect();
    pages.sort();
    expected.sort();
    assert_eq!(pages, expected);
    let add = std::fs::read_to_string(folder.join("comptoir-user-add.1")).unwrap();
    assert!(add.contains("comptoir\\-user\\-add") && add.contains("\\-\\-no\\-password"), "{add}");
}

#[tokio::test]
async fn a_server_that_is_ready_is_told_from_one_that_is_not_there() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    server.sign_in("operator", OPERATOR_PASSWORD).await;
    let listen = server.ready["listen"].as_str().unwrap().to_owned();
    assert_eq!(place.succeed(&["health", "--listen", &listen]).await, "ready\n");
    server.signal("TERM").await;
    let output = place.run(&["health", "--listen", &listen]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("no answer from a server at "), "{said}");
    let output = place.run(&["health", "--listen", "nowhere"]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("must be an address and a port"), "{said}");
}

#[tokio::test]
async fn installing_the_service_is_printed_as_a_script_that_a_shell_can_read() {
    let place = Place::new();
    let script = place.succeed(&["service", "install", "--program", "/opt/bin/comptoir", "--listen", "[::]:80"]).await;
    for line in [
        "ExecStart=/opt/bin/comptoir serve --config /etc/comptoir/comptoir.toml --database /var/lib/comptoir/comptoir.db",
        "listen = \"[::]:80\"",
        "systemctl enable comptoir.service",
    ] {
        assert!(script.lines().any(|of_it| of_it == line), "{line}: {script}");
    }
    assert!(!script.contains("/usr/local/bin/comptoir"), "{script}");
    let file = place.path("install.sh");
    std::fs::write(&file, &script).unwrap();
    let read = Process::new("/bin/sh").arg("-n").arg(&file).output().await.unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let unit = place.succeed(&["service", "unit"]).await;
    assert_eq!(unit, include_str!("../../../packaging/comptoir.service"));
    let output = place.run(&["service", "install", "--program", "opt/comptoir"]).await;
    assert_eq!(output.status.code(), Some(1));
}
