//! What the shipped binary takes of a machine, each figure beside its bound: the time from its start to its first
//! answer on a fresh database, the memory it rests in 30 s after the last sign-in, and what fifty sign-ins at once, then
//! a flood of three hundred, do to its memory and to everybody else's requests.
//!
//! `cargo bench --bench footprint`

#![allow(clippy::print_stdout, reason = "figures are what a measurement is for")]

mod load;

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{ExitCode, Stdio};
use std::rc::Rc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use self::load::{Load, Server, block_on, call, get, load, median, sign_in_request};

const STARTS: usize = 30;
const START_BOUND_MS: f64 = 50.0;

const SIGN_INS: usize = 20;
const REST: Duration = Duration::from_secs(30);
const IDLE_BOUND_MB: f64 = 20.0;

const CROWD: usize = 50;
const FLOOD: usize = 300;
const PEAK_BOUND_MB: f64 = 60.0;
/// Those who read their account meanwhile, each one request after the other.
const READERS: usize = 4;
/// What "stays responsive" is taken to mean.
const READ_BOUND_MS: f64 = 50.0;

fn main() -> ExitCode {
    // `cargo test --all-targets` starts this program too, without the word.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let mut table = Table { missed: false };

    let mut starts: Vec<f64> = (0..STARTS).map(|_| first_answer().as_secs_f64() * 1e3).collect();
    starts.sort_by(f64::total_cmp);
    table.bounded("first answer after the start, median", median(starts.clone()), "ms", START_BOUND_MS);
    row("first answer after the start, slowest", starts[STARTS - 1], "ms");

    let server = Server::comptoir();
    row("memory before the first sign-in", server.memory("VmRSS"), "MB");
    for _ in 1..SIGN_INS {
        server.sign_in();
    }
    let token = server.sign_in();
    sleep(REST);
    table.bounded("memory 30 s after 20 sign-ins", server.memory("VmRSS"), "MB", IDLE_BOUND_MB);
    row("  of it its own, not the binary's pages", server.memory("RssAnon"), "MB");

    let idle = read_while(&server, &token, async |_| sleep_async(Duration::from_secs(3)).await);
    row("GET /account/info alone, p50", idle.percentile(50), "ms");
    row("GET /account/info alone, p99", idle.percentile(99), "ms");
    let crowd = Rc::new(Cell::new(Answers::default()));
    let answers = Rc::clone(&crowd);
    let busy = read_while(&server, &token, async move |address| answers.set(sign_ins(address, CROWD).await));
    let crowd = crowd.get();
    row("GET /account/info beside 50 sign-ins, p50", busy.percentile(50), "ms");
    table.bounded("GET /account/info beside 50 sign-ins, p99", busy.percentile(99), "ms", READ_BOUND_MS);
    row("50 sign-ins at once take", crowd.took.as_secs_f64() * 1e3, "ms");
    table.fact("50 sign-ins at once succeed", crowd.accepted == CROWD, &crowd);
    table.bounded("most memory so far", server.memory("VmHWM"), "MB", PEAK_BOUND_MB);

    let flood = block_on(sign_ins(server.address, FLOOD));
    let told = flood.accepted > 0 && flood.accepted + flood.put_off == FLOOD && flood.put_off > 0;
    table.fact("of 300 sign-ins at once the excess gets 429", told, &flood);
    table.bounded("most memory so far", server.memory("VmHWM"), "MB", PEAK_BOUND_MB);
    sleep(REST);
    row("memory 30 s after the flood", server.memory("VmRSS"), "MB");

    if table.missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The time from starting the binary, with nothing given, to its first answer.
fn first_answer() -> Duration {
    // The one question goes to a port that must be known before.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("its address");
    drop(listener);
    let folder = load::folder();
    let mut command = load::comptoir(folder.path(), &address.to_string());
    command.stdout(Stdio::null());

    let start = Instant::now();
    let mut process = command.spawn().expect("the server starts");
    let mut stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(_) => sleep(Duration::from_micros(200)),
        }
        assert!(start.elapsed() < Duration::from_secs(30), "the server does not answer");
    };
    stream.write_all(&get("/health/live", None)).expect("the server reads");
    let mut status = [0; 12];
    stream.read_exact(&mut status).expect("the server answers");
    let took = start.elapsed();
    assert_eq!(&status, b"HTTP/1.1 200");
    process.kill().expect("the server ends");
    process.wait().expect("the server ends");
    took
}

/// The account read again and again while `other` goes on.
fn read_while(server: &Server, token: &str, other: impl AsyncFnOnce(SocketAddr) + 'static) -> Load {
    let (address, request) = (server.address, get("/account/info", Some(token)));
    block_on(async move {
        let (_, body) = call(address, &request).await;
        let going = Rc::new(Cell::new(true));
        let seen = Rc::clone(&going);
        let other = tokio::task::spawn_local(async move {
            other(address).await;
            going.set(false);
        });
        let load = load(address, READERS, &request, &body, move || seen.get()).await;
        other.await.expect("the other work ends");
        load
    })
}

/// What became of sign-ins.
#[derive(Clone, Copy, Default)]
struct Answers {
    accepted: usize,
    put_off: usize,
    other: usize,
    took: Duration,
}

impl std::fmt::Display for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "200: {}, 429: {}, other: {}", self.accepted, self.put_off, self.other)
    }
}

/// `number` sign-ins at once, each on a connection of its own.
async fn sign_ins(address: SocketAddr, number: usize) -> Answers {
    let start = Instant::now();
    let attempts: Vec<_> = (0..number)
        .map(|_| tokio::task::spawn_local(async move { call(address, &sign_in_request()).await.0 }))
        .collect();
    let mut answers = Answers::default();
    for attempt in attempts {
        match attempt.await.expect("an answer") {
            200 => answers.accepted += 1,
            429 => answers.put_off += 1,
            _ => answers.other += 1,
        }
    }
    answers.took = start.elapsed();
    answers
}

async fn sleep_async(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// A figure without a bound.
fn row(what: &str, value: f64, unit: &str) {
    println!("{what:46} {value:8.2} {unit}");
}

/// What has a bound, and whether one was missed.
struct Table {
    missed: bool,
}

impl Table {
    fn bounded(&mut self, what: &str, value: f64, unit: &str, bound: f64) {
        let word = self.verdict(value <= bound);
        println!("{what:46} {value:8.2} {unit} (bound: {bound} {unit}){word}");
    }

    fn fact(&mut self, what: &str, holds: bool, seen: &Answers) {
        let word = self.verdict(holds);
        println!("{what:46} {seen}{word}");
    }

    fn verdict(&mut self, holds: bool) -> &'static str {
        self.missed |= !holds;
        if holds { "" } else { " MISSED" }
    }
}
