//! `GET /account/info` (a JWT, a row read) of the shipped binary with its default configuration, beside its peer: a
//! bare poem server that says hello, with as many workers. Each is a process of its own; 64 connections that are kept
//! ask the one and then the other, round by round, so that what else the machine does concerns both. Ours has to answer
//! at least [`BOUND`] times as many requests.
//!
//! `cargo bench --bench http`

#![allow(clippy::print_stdout, reason = "figures are what a measurement is for")]

mod load;

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{Route, handler};

use self::load::{Server, block_on, call, count, get, median};

const CLIENTS: usize = 64;
const ROUNDS: usize = 9;
const WARM_UP: Duration = Duration::from_millis(200);
const ROUND: Duration = Duration::from_millis(1500);
const BOUND: f64 = 0.4;

/// What this program is called with to be the peer.
const PEER: &str = "peer";

#[handler]
fn hello() -> &'static str {
    "hello"
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == PEER) {
        serve_peer();
        return ExitCode::SUCCESS;
    }
    // `cargo test --all-targets` starts this program too, without the word.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let comptoir = Server::comptoir();
    let peer = Server::start(peer(), load::folder());
    let token = comptoir.sign_in();
    let ours = Target::of(comptoir, get("/account/info", Some(&token)), "\"username\":\"operator\"");
    let theirs = Target::of(peer, get("/", None), "hello");

    println!("round | bare poem: requests/s, CPU each | comptoir: requests/s, CPU each | ratio");
    let (mut peers, mut own, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let (a, b) = (theirs.measure(), ours.measure());
        let ratio = b.per_second / a.per_second;
        println!("{round:5} | {a} | {b} | {ratio:.3}");
        peers.push(a);
        own.push(b);
        ratios.push(ratio);
    }
    // Of each round's own ratio: the two of a round met the same machine.
    let ratio = median(ratios);
    println!("    = | {} | {} | {ratio:.3} (bound: at least {BOUND})", middle(&peers), middle(&own));
    if ratio < BOUND { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Starts this very program as the peer.
fn peer() -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.arg(PEER);
    command
}

/// The runtime is made as ours is: a worker for each processor.
fn serve_peer() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let served: std::io::Result<()> = runtime.block_on(async {
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await?;
        let address = acceptor.local_addr().remove(0);
        println!("{{\"url\":\"http://{}\"}}", address.as_socket_addr().expect("an address and a port"));
        poem::Server::new_with_acceptor(acceptor).run(Route::new().at("/", poem::get(hello))).await
    });
    served.expect("the peer serves");
}

/// A server and what is asked of it.
struct Target {
    server: Server,
    request: Vec<u8>,
    body: Vec<u8>,
}

impl Target {
    /// The first answer, which has to contain `word`, is what every further one has to be.
    fn of(server: Server, request: Vec<u8>, word: &str) -> Self {
        let (status, body) = block_on(call(server.address, &request));
        let text = String::from_utf8_lossy(&body);
        assert!(status == 200 && text.contains(word), "{status}: {text}");
        Self { server, request, body }
    }

    fn measure(&self) -> Figures {
        self.load(WARM_UP);
        let before = self.server.cpu();
        let load = self.load(ROUND);
        let used = self.server.cpu().saturating_sub(before);
        Figures { per_second: load.per_second(), cpu_each: used.as_secs_f64() * 1e6 / count(load.waits.len()) }
    }

    fn load(&self, duration: Duration) -> load::Load {
        let end = Instant::now() + duration;
        block_on(load::load(self.server.address, CLIENTS, &self.request, &self.body, move || Instant::now() < end))
    }
}

/// One measurement: requests a second, and the server's processor time for each in microseconds.
struct Figures {
    per_second: f64,
    cpu_each: f64,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:9.0}/s {:6.1} µs", self.per_second, self.cpu_each)
    }
}

fn middle(rounds: &[Figures]) -> Figures {
    let of = |by: fn(&Figures) -> f64| median(rounds.iter().map(by).collect());
    Figures { per_second: of(|figures| figures.per_second), cpu_each: of(|figures| figures.cpu_each) }
}
