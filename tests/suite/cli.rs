//! The built binary as people and supervisors run it. Nothing is waited for by time: a line, an end of file, an exit.

mod audience;
mod audit;
mod backups;
mod beside;
mod connectors;
mod fixtures;
mod help;
mod import;
mod nomenclature;
mod printing;
mod quotas;
mod refusals;
mod schedules;
mod serve;
mod start;
mod stop;
mod webhooks;

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::Client;

/// How long a test waits for what must come: far longer than it takes.
const GENEROUS: Duration = Duration::from_mins(1);

/// The password of the operator where a test gives one.
const OPERATOR_PASSWORD: &str = "the operator's own password";

/// A folder of its own for one installation, and for the temporary files of its processes.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(place.path("tmp")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn database(&self) -> PathBuf {
        self.path("comptoir.db")
    }

    /// The binary, in this folder, knowing nothing of the machine's environment.
    fn command(&self, arguments: &[&str]) -> Command {
        self.prepare(Command::new(env!("CARGO_BIN_EXE_comptoir")), arguments)
    }

    /// The same, started by a shell's script with the redirections it knows; `$0` and `$@` are the command line.
    fn command_in_shell(&self, script: &str, arguments: &[&str]) -> Command {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script, env!("CARGO_BIN_EXE_comptoir")]);
        self.prepare(shell, arguments)
    }

    fn prepare(&self, mut command: Command, arguments: &[&str]) -> Command {
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .env("TMPDIR", self.path("tmp"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    async fn run(&self, arguments: &[&str]) -> Output {
        timeout(GENEROUS, self.command(arguments).output()).await.expect("the command ends").unwrap()
    }

    /// Runs a command that must succeed, and returns what it printed.
    async fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must print JSON.
    async fn list(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.succeed(arguments).await).unwrap()
    }

    /// Runs a command that reads `input`.
    async fn feed(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
        timeout(GENEROUS, child.wait_with_output()).await.expect("the command ends").unwrap()
    }

    /// Starts a server and waits for its ready line.
    async fn serve(&self, arguments: &[&str]) -> Server {
        self.serve_as(self.command(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat())).await
    }

    /// The same with the operator's password given.
    async fn serve_with_password(&self, arguments: &[&str]) -> Server {
        let mut command = self.command(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
        command.env("COMPTOIR_OPERATOR_PASSWORD", OPERATOR_PASSWORD);
        self.serve_as(command).await
    }

    async fn serve_as(&self, mut command: Command) -> Server {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        // Read from the start, so that a full pipe never holds the server up.
        let log = tokio::spawn(async move {
            let mut text = String::new();
            stderr.read_to_string(&mut text).await.unwrap();
            text
        });
        let mut line = String::new();
        timeout(GENEROUS, stdout.read_line(&mut line)).await.expect("a ready line").unwrap();
        assert!(!line.is_empty(), "the server ended: {}", log.await.unwrap());
        let ready: Value = serde_json::from_str(&line).expect("the ready line is JSON");
        let client = Client::new(ready["url"].as_str().unwrap());
        Server { child, stdout, log, ready, client }
    }
}

/// A server of its own process.
struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    log: JoinHandle<String>,
    ready: Value,
    client: Client,
}

/// How a server ended.
struct Ended {
    code: Option<i32>,
    /// What it printed after the ready line.
    printed: String,
    log: String,
}

impl Server {
    fn database(&self) -> &Path {
        Path::new(self.ready["database"].as_str().unwrap())
    }

    async fn sign_in(&self, username: &str, password: &str) -> Client {
        let body = json!({"username": username, "password": password});
        let jwt = self.client.post("/account/token/generation", body).await.expect(200).json();
        self.client.bearing(jwt.as_str().unwrap())
    }

    /// Sends a signal by its name and waits for the end.
    async fn signal(mut self, name: &str) -> Ended {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().await.unwrap();
        assert!(sent.success());
        let status = timeout(GENEROUS, self.child.wait()).await.expect("the server ends").unwrap();
        let mut printed = String::new();
        self.stdout.read_to_string(&mut printed).await.unwrap();
        Ended { code: status.code(), printed, log: self.log.await.unwrap() }
    }
}

/// The secret in `something (shown this once): SECRET`.
fn shown_once(printed: &str) -> &str {
    printed.split("(shown this once): ").nth(1).unwrap_or_else(|| panic!("no secret in {printed:?}")).trim()
}
