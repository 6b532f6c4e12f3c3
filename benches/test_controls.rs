//! What a CI job waits for: how soon `comptoir demo` is ready, and how long a reset between two tests takes on the demo's
//! database when each test has written something, each figure beside its bound.
//!
//! `cargo bench --bench test_controls`

#![allow(clippy::print_stdout, reason = "figures are what a measurement is for")]

mod load;

use std::net::SocketAddr;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::load::{Client, Server, block_on};

const STARTS: usize = 7;
const READY_BOUND_MS: f64 = 1_000.0;

const RESETS: usize = 300;
const RESET_BOUND_MS: f64 = 20.0;

fn main() -> ExitCode {
    // `cargo test --all-targets` starts this program too, without the word.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let mut starts: Vec<f64> = (0..STARTS).map(|_| millis(demo().1)).collect();
    starts.sort_by(f64::total_cmp);
    let mut missed = bounded("demo ready after its start, slowest", starts[STARTS - 1], READY_BOUND_MS);
    row("demo ready after its start, median", starts[STARTS / 2]);

    let (server, _) = demo();
    let (mut resets, mut firsts) = block_on(between_tests(server.address));
    resets.sort_by(f64::total_cmp);
    firsts.sort_by(f64::total_cmp);
    row("reset, median", resets[RESETS / 2]);
    missed |= bounded("reset, 99th percentile", resets[RESETS * 99 / 100], RESET_BOUND_MS);
    row("reset, slowest", resets[RESETS - 1]);
    row("first request after a reset, median", firsts[RESETS / 2]);
    row("first request after a reset, 99th percentile", firsts[RESETS * 99 / 100]);
    if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// A demo with test controls, and how long it took until its line said that it is ready.
fn demo() -> (Server, Duration) {
    let folder = load::folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_comptoir"));
    command.args(["demo", "--json", "--test-controls", "--listen", "127.0.0.1:0", "--log", "warn"]);
    command.env_clear().env("TMPDIR", folder.path()).current_dir(folder.path());
    let start = Instant::now();
    let server = Server::start(command, folder);
    (server, start.elapsed())
}

/// As a test suite goes: something is written, then everything is put back. How long each reset took, and the first
/// request after it.
async fn between_tests(address: SocketAddr) -> (Vec<f64>, Vec<f64>) {
    let mut client = Client::connect(address).await;
    let fixture = json!({"users": [{"username": "bench", "company": "north_star", "roles": ["ADMIN"]}],
                         "tokens": [{"username": "bench", "name": "bench", "role": "ADMIN", "secret": "cmp_bench-token"}]});
    assert_eq!(exchange(&mut client, "POST", "/comptoir/v1/test/seed", &fixture).await, 200);
    let (mut resets, mut firsts) = (Vec::with_capacity(RESETS), Vec::with_capacity(RESETS));
    for number in 0..RESETS {
        for user in 0..5 {
            let new = json!({"username": format!("passing_{number}_{user}"), "roles": ["USER"]});
            assert_eq!(exchange(&mut client, "POST", "/comptoir/v1/users", &new).await, 200);
        }
        let start = Instant::now();
        assert_eq!(exchange(&mut client, "POST", "/comptoir/v1/test/reset", &Value::Null).await, 200);
        resets.push(millis(start.elapsed()));
        let start = Instant::now();
        assert_eq!(exchange(&mut client, "GET", "/comptoir/v1/users", &Value::Null).await, 200);
        firsts.push(millis(start.elapsed()));
    }
    (resets, firsts)
}

async fn exchange(client: &mut Client, method: &str, path: &str, body: &Value) -> u16 {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer cmp_bench-token\r\n{kind}Content-Length: \
         {}\r\n\r\n{body}",
        body.len()
    );
    client.exchange(request.as_bytes()).await.0
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

fn row(what: &str, value: f64) {
    println!("{what:46} {value:8.2} ms");
}

/// Prints a figure that has a bound; whether it was missed.
fn bounded(what: &str, value: f64, bound: f64) -> bool {
    let missed = value > bound;
    let word = if missed { " MISSED" } else { "" };
    println!("{what:46} {value:8.2} ms (bound: {bound} ms){word}");
    missed
}
