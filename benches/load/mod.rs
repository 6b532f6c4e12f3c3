//! What the benches over HTTP share: a server as a child process, its figures from `/proc`, and clients that ask for so
//! little of the machine that the server is what is measured.

#![allow(dead_code, reason = "each bench uses its part")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// The operator's password of every server that [`Server::comptoir`] starts.
pub const PASSWORD: &str = "a bench's own password";

/// Linux counts a process's time in these, whatever its timer does (`USER_HZ`, `proc_pid_stat(5)`).
const TICK: Duration = Duration::from_millis(10);

/// A server in a process of its own; it ends with this value.
pub struct Server {
    process: Child,
    pub address: SocketAddr,
    /// Where its temporary files are.
    _folder: TempDir,
}

impl Server {
    /// The binary as it is shipped, with a temporary database and its default configuration.
    pub fn comptoir() -> Self {
        let folder = folder();
        let mut command = comptoir(folder.path(), "127.0.0.1:0");
        command.env("COMPTOIR_OPERATOR_PASSWORD", PASSWORD);
        Self::start(command, folder)
    }

    /// Starts `command`, which is to write a line of JSON with its `url` to its standard output once it listens.
    pub fn start(mut command: Command, folder: TempDir) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output is a pipe");
        BufReader::new(output).read_line(&mut line).expect("a line of it");
        let ready: serde_json::Value = serde_json::from_str(&line).expect("the ready line is JSON");
        let address = ready["url"].as_str().and_then(|url| url.strip_prefix("http://")?.parse().ok());
        Self { process, address: address.expect("the ready line has an address"), _folder: folder }
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The processor time it has used so far, in user space and in the kernel.
    pub fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).expect("the process lives");
        // The second field, in brackets, may contain anything; utime and stime are the fourteenth and the fifteenth.
        let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
        let times = fields.split_whitespace().skip(11).take(2);
        TICK * times.map(|ticks| ticks.parse::<u32>().expect("a number")).sum::<u32>()
    }

    /// A line of its `/proc` status that ends in kB, in megabytes: `VmRSS`, `RssAnon`, `VmHWM`.
    pub fn memory(&self, name: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("the process lives");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("the line");
        f64::from(line.trim().trim_end_matches(" kB").parse::<u32>().expect("a number")) * 1024.0 / 1e6
    }

    /// A JWT of the operator.
    pub fn sign_in(&self) -> String {
        let (status, body) = block_on(call(self.address, &sign_in_request()));
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).expect("a token is a JSON string")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Not asked politely: the folder goes with us, and what a shutdown takes is no part of any figure.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `comptoir serve` with nothing of this process's environment.
pub fn comptoir(folder: &Path, listen: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comptoir"));
    command.args(["serve", "--database", "temp", "--listen", listen]);
    command.env_clear().env("TMPDIR", folder).current_dir(folder).stderr(Stdio::null());
    command
}

pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A request as it goes over the wire.
pub fn get(path: &str, token: Option<&str>) -> Vec<u8> {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{authorization}\r\n").into_bytes()
}

pub fn sign_in_request() -> Vec<u8> {
    let body = serde_json::json!({ "username": "operator", "password": PASSWORD }).to_string();
    let length = body.len();
    format!(
        "POST /account/token/generation HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// One request on a connection of its own.
pub async fn call(address: SocketAddr, request: &[u8]) -> (u16, Vec<u8>) {
    let mut client = Client::connect(address).await;
    let (status, body) = client.exchange(request).await;
    (status, body.to_vec())
}

/// Runs `future` on this thread.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, future)
}

/// A connection that is kept.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        Self { stream, buffer: Vec::with_capacity(4096) }
    }

    /// Sends `request` and reads its answer: the status and the body, whose length must be announced.
    pub async fn exchange(&mut self, request: &[u8]) -> (u16, &[u8]) {
        self.stream.write_all(request).await.expect("the server reads");
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await.expect("the server answers");
            assert!(read > 0, "the server closed the connection");
            if let Some((status, body)) = whole(&self.buffer) {
                return (status, &self.buffer[body..]);
            }
        }
    }
}

/// The status of an answer and where its body begins, if all of it is there.
fn whole(answer: &[u8]) -> Option<(u16, usize)> {
    let body = answer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&answer[..body]).expect("a head is ASCII");
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    let length: usize = length.parse().expect("a number");
    assert!(answer.len() <= body + length, "more than was asked for");
    (answer.len() == body + length).then(|| (head[9..12].parse().expect("a status"), body))
}

/// What `clients` saw that each asked for the same thing again and again.
pub struct Load {
    pub elapsed: Duration,
    /// How long each request took, shortest first.
    pub waits: Vec<Duration>,
}

impl Load {
    pub fn per_second(&self) -> f64 {
        count(self.waits.len()) / self.elapsed.as_secs_f64()
    }

    /// What `percent` of the requests were answered in, in milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        self.waits[(self.waits.len() * percent / 100).min(self.waits.len() - 1)].as_secs_f64() * 1e3
    }
}

/// Sends `request` on `clients` connections until `going` says no, each as soon as the last one was answered with 200
/// and `body`.
pub async fn load(
    address: SocketAddr,
    clients: usize,
    request: &[u8],
    body: &[u8],
    going: impl Fn() -> bool + 'static,
) -> Load {
    let (request, body, going) = (Rc::<[u8]>::from(request), Rc::<[u8]>::from(body), Rc::new(going));
    let mut connected = Vec::with_capacity(clients);
    for _ in 0..clients {
        connected.push(Client::connect(address).await);
    }
    let start = Instant::now();
    let tasks: Vec<_> = connected
        .into_iter()
        .map(|mut client| {
            let (request, body, going) = (Rc::clone(&request), Rc::clone(&body), Rc::clone(&going));
            tokio::task::spawn_local(async move {
                let mut waits = Vec::new();
                while going() {
                    let begun = Instant::now();
                    let (status, answer) = client.exchange(&request).await;
                    waits.push(begun.elapsed());
                    assert!(status == 200 && answer == &*body, "{status}: {}", String::from_utf8_lossy(answer));
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.append(&mut task.await.expect("a client"));
    }
    let elapsed = start.elapsed();
    waits.sort_unstable();
    Load { elapsed, waits }
}

/// The middle one.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// A number of things as a figure to calculate with.
pub fn count(things: usize) -> f64 {
    f64::from(u32::try_from(things).expect("fewer than four billion"))
}
