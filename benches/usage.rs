//! Usage against its bounds, over HTTP: statistics over ten years of days from the daily table, 10 000 reports in one
//! batch, a report of 3 653 days of every service and process type with the memory it takes, and the memory that a data
//! file of the largest size takes on its way in and out.
//!
//! `cargo bench --bench usage`

#![allow(clippy::print_stdout, reason = "figures are what a measurement is for")]

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use comptoir::app::{self, AppOptions};
use comptoir::auth::Auth;
use comptoir::auth::bootstrap::{self, BootstrapError, FirstOperator};
use comptoir::auth::model::{CompanyKey, Password, Scope, Username};
use comptoir::auth::password::Hasher;
use comptoir::auth::{AuthError, users};
use comptoir::clock::{Clock, Timestamp};
use comptoir::config::{AuditConfig, ConnectorConfig, NomenclatureConfig, ProcessSettings};
use comptoir::http::server::{Limits, serve};
use comptoir::sheets::{Limits as SheetLimits, Reader};
use comptoir::store::{OpenOptions, Store, StoreError};
use comptoir::webhooks;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Where the clock stands: 2026-03-02T10:00:00Z.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_772_445_600);
/// The ten years before it, as long as the contract lets anybody ask for.
const PERIOD: &str = "from=2016-03-01&to=2026-03-01";
const DAYS: i32 = 3653;
/// 2016-03-01, in days since 1970-01-01.
const FIRST: i32 = 16_861;
const REPORTS: usize = 10_000;
const ROUNDS: usize = 9;
const BATCHES: usize = 5;
const PASSWORD: &str = "a password for benches";

const STATISTICS_BOUND: Duration = Duration::from_millis(20);
const BATCH_BOUND: Duration = Duration::from_secs(1);
const MEMORY_BOUND: u64 = 150 * 1024 * 1024;

/// The largest data file that is taken unless a setting says otherwise.
const FILE: usize = 256 * 1024 * 1024;
/// A file in memory would be eight times this.
const FILE_BOUND: u64 = 32 * 1024 * 1024;

struct World {
    store: Store,
    http: reqwest::Client,
    address: SocketAddr,
}

#[tokio::main]
async fn main() -> ExitCode {
    // `cargo test --all-targets` starts this program too, without the word.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let world = World::new(&folder.path().join("bench.db")).await;
    let operator = world.sign_in("operator").await;
    for username in ["one_kind", "four_kinds"] {
        let body = json!({"username": username, "password": PASSWORD, "roles": ["USER"]});
        world.post(&operator, "/comptoir/v1/users", &body).await;
    }
    world.fill("one_kind", 1, 1).await;
    world.fill("four_kinds", 2, 2).await;
    let mut good = world.report(&operator).await;
    good &= world.statistics("one_kind", true).await;
    good &= world.statistics("four_kinds", true).await;
    world.statistics("operator", false).await;
    good &= world.batches(&operator).await;
    good &= world.file(&operator).await;
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl World {
    async fn new(path: &Path) -> Self {
        let clock = Clock::fixed(NOW);
        let store = Store::open(OpenOptions { clock: clock.clone(), ..OpenOptions::server(path) }).expect("a database");
        let auth = Auth::new(store.clone(), Hasher::start(), clock.clone()).expect("identity");
        let options = AppOptions {
            env: "bench".to_owned(),
            trusted_proxies: Vec::new(),
            request_timeout: Duration::from_mins(1),
            log_all_requests: false,
            slow_request: Duration::from_secs(1),
            reminder_grace: Duration::from_hours(1),
            webhooks: webhooks::Options::default(),
            processes: ProcessSettings::default().resolve().expect("the defaults"),
            backup: comptoir::config::BackupConfig::default(),
            audit: AuditConfig::default(),
            test_controls: None,
            connectors: ConnectorConfig::default(),
            nomenclature: NomenclatureConfig::default(),
            sheets: Reader::new(env!("CARGO_BIN_EXE_comptoir").into(), SheetLimits::default()),
            stopping: CancellationToken::new(),
        };
        let background = app::background(&store, &clock, &options);
        let endpoint = app::build(auth.clone(), clock, background, options).await.expect("an application");
        let first = FirstOperator {
            company: CompanyKey::parse("comptoir").expect("a key"),
            username: Username::parse("operator").expect("a name"),
            password: Some(Password::parse(PASSWORD).expect("a password")),
            password_file: path.with_extension("password"),
        };
        bootstrap::run(&auth, || Ok::<_, BootstrapError>(first)).await.expect("a first start");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(serve(listener, endpoint, Limits::default(), CancellationToken::new()));
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { store, http, address }
    }

    async fn sign_in(&self, username: &str) -> String {
        let body = json!({"username": username, "password": PASSWORD});
        let answer = self.post("", "/account/token/generation", &body).await;
        answer.as_str().expect("a token").to_owned()
    }

    async fn post(&self, token: &str, path: &str, body: &Value) -> Value {
        let url = format!("http://{}{path}", self.address);
        let answer = self.http.post(url).bearer_auth(token).json(body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap_or_default());
        answer.json().await.expect("JSON")
    }

    async fn get(&self, token: &str, path: &str) -> (bytes::Bytes, Duration) {
        let begun = Instant::now();
        let url = format!("http://{}{path}", self.address);
        let answer = self.http.get(url).bearer_auth(token).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        let bytes = answer.bytes().await.expect("a body");
        (bytes, begun.elapsed())
    }

    /// Ten years of so many services and process types a day, written into the daily table at once.
    async fn fill(&self, username: &str, services: u32, process_types: u32) {
        let user = self.store.read(|conn| users::find(conn, Scope::Installation, username));
        let user = user.unwrap_or_else(|error: AuthError| panic!("{error}"));
        let filled = self.store.write(move |tx| {
            Ok::<_, StoreError>(tx.execute(
                "WITH RECURSIVE d(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM d WHERE n + 1 < ?5),
                      s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < ?3),
                      t(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM t WHERE n + 1 < ?4)
                 INSERT INTO account_usage (company_id, user_id, day, service, process_type, processes, points,
                                            unique_points, elements)
                 SELECT ?1, ?2, ?6 + d.n, s.n, t.n, 1 + d.n % 7, 100 + d.n % 977, 50 + d.n % 400, 90 + d.n % 800
                 FROM d, s, t",
                (user.company_id.0, user.id.0, services, process_types, DAYS, FIRST),
            )?)
        });
        let rows = filled.await.expect("rows");
        println!("{username}: {rows} rows of daily usage");
    }

    /// The time and the memory that a report of everything takes.
    async fn report(&self, token: &str) -> bool {
        self.fill("operator", 8, 8).await;
        let before = peak_from_here();
        let (book, took) = self.get(token, &format!("/account/report?{PERIOD}")).await;
        let peak = resident("VmHWM");
        println!(
            "report of {DAYS} days, 8 services, 8 types and two more users: {:.2} s, {} kB of XLSX",
            took.as_secs_f64(),
            book.len() / 1024
        );
        println!(
            "peak memory: {} MB, {} MB before (bound: at most {} MB; the client and its copy are part of it)",
            peak >> 20,
            before >> 20,
            MEMORY_BOUND >> 20
        );
        peak <= MEMORY_BOUND
    }

    async fn statistics(&self, username: &str, bound: bool) -> bool {
        let token = self.sign_in(username).await;
        let path = format!("/account/statistics?{PERIOD}");
        let mut times = Vec::new();
        let mut length = 0;
        for _ in 0..ROUNDS {
            let (answer, took) = self.get(&token, &path).await;
            length = answer.len();
            times.push(took);
        }
        times.sort_unstable();
        let median = times[times.len() / 2];
        let says =
            if bound { format!("bound: at most {} ms", STATISTICS_BOUND.as_millis()) } else { "no bound".into() };
        println!("statistics of {username}: {:.1} ms, {} kB of JSON ({says})", millis(median), length / 1024);
        !bound || median <= STATISTICS_BOUND
    }

    /// 10 000 events in one request: a start each, then the end of each, and processes whole, which are three events. The
    /// tables grow with each round.
    async fn batches(&self, token: &str) -> bool {
        let mut good = true;
        let mut times: [Vec<(Duration, Duration)>; 3] = Default::default();
        for round in 0..BATCHES {
            let whole: Vec<_> = (0..REPORTS).map(|number| report(round, number)).collect();
            let parts = |name: &str, of: &[Value]| -> Vec<_> {
                of.iter().map(|report| json!({"process_code": report["process_code"], name: report[name]})).collect()
            };
            let others: Vec<_> = (0..REPORTS).map(|number| report(round, number)).collect();
            let (starts, ends) = (parts("start", &others), parts("finish", &others));
            for (times, reports) in times.iter_mut().zip([whole, starts, ends]) {
                let body = json!({ "reports": reports });
                let (begun, worked) = (Instant::now(), processor());
                let answer = self.post(token, "/comptoir/v1/processes/batch", &body).await;
                times.push((begun.elapsed(), processor().saturating_sub(worked)));
                assert_eq!(answer["recorded"], REPORTS, "{}", answer["results"][0]);
            }
        }
        for (what, mut times) in ["whole processes", "starts", "ends"].into_iter().zip(times) {
            let (first, last) = (times[0].0, times[BATCHES - 1].0);
            times.sort_unstable();
            let (median, work) = times[BATCHES / 2];
            println!(
                "a batch of {REPORTS} {what}: {:.2} s, {:.2} s of it a processor's; the first {:.2} s, the last {:.2} s \
                 (bound: at most {} s, the median of {BATCHES})",
                median.as_secs_f64(),
                work.as_secs_f64(),
                first.as_secs_f64(),
                last.as_secs_f64(),
                BATCH_BOUND.as_secs()
            );
            good &= median <= BATCH_BOUND;
        }
        good
    }
}

impl World {
    /// How much the memory grows while a file comes in and goes out, a piece at a time at this end too.
    async fn file(&self, token: &str) -> bool {
        let code = Uuid::new_v4();
        let start = json!({"service": "UNIVERSAL", "process_type": "PLAN"});
        self.post(token, "/comptoir/v1/processes", &json!({"process_code": code, "start": start})).await;
        let path = format!("/comptoir/v1/processes/{code}/files/INPUT");
        let before = peak_from_here();
        let begun = Instant::now();
        let answer = self.exchange("PUT", &path, token, FILE).await;
        let up = begun.elapsed();
        let after_up = resident("VmHWM");
        let begun = Instant::now();
        let read = self.exchange("GET", &path, token, 0).await;
        let down = begun.elapsed();
        let after = resident("VmHWM");
        assert!(answer < 4096 && read > FILE, "{answer} {read}");
        println!(
            "a file of {} MB: in {:.2} s, memory +{} MB; out {:.2} s, memory +{} MB in all (bound: at most {} MB)",
            FILE >> 20,
            up.as_secs_f64(),
            after_up.saturating_sub(before) >> 20,
            down.as_secs_f64(),
            after.saturating_sub(before) >> 20,
            FILE_BOUND >> 20
        );
        after.saturating_sub(before) <= FILE_BOUND
    }

    /// Sends so many bytes and reads the answer, which it only counts.
    async fn exchange(&self, method: &str, path: &str, token: &str, length: usize) -> usize {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("a head");
        let mut piece = vec![7; 1024 * 1024];
        for _ in 0..length / piece.len() {
            stream.write_all(&piece).await.expect("a piece");
        }
        let mut read = 0;
        loop {
            let more = stream.read(&mut piece).await.expect("an answer");
            if more == 0 {
                return read;
            }
            read += more;
        }
    }
}

/// A process from its start to its end, with a request and three points.
fn report(round: usize, number: usize) -> Value {
    let points: Vec<_> = (0..3).map(|point| format!("shop {}", (number * 3 + point + round) % 5000)).collect();
    json!({
        "process_code": Uuid::new_v4(),
        "start": {"service": "UNIVERSAL", "process_type": "PLAN", "points": points},
        "requests": [{"request_code": Uuid::new_v4(), "operation": "run_plan_calculation"}],
        "finish": {"status": "FINISHED_IN_TIME", "elements": 3, "timings": {"calculation_ms": 40}},
    })
}

/// The processor time this process has used, its client's included: what a busy machine does not change.
fn processor() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    // User and system time, in hundredths of a second (proc_pid_stat(5), fields 14 and 15).
    let ticks: u64 = [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Forgets the peak of this process's memory; the new one is what it has now.
fn peak_from_here() -> u64 {
    // Where the kernel does not let it, the peak is that of the whole run: a harder bound.
    let _ = fs::write("/proc/self/clear_refs", "5");
    resident("VmHWM")
}

/// A figure of this process's memory in bytes, as the kernel has it.
fn resident(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()).unwrap_or(0) * 1024
}
