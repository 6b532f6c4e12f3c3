//! Connectors' statistics over HTTP, beside their bounds: 64 connections that set four values a request, every answer on
//! the disk, against the same server that commits each request alone, in the same run; a request of 10 000 items; a month
//! of minutes by hours; the newest values of 10 000 keys. And what a value takes on the disk.
//!
//! `cargo bench --bench connectors`

#![allow(clippy::print_stdout, reason = "figures are what a measurement is for")]

mod load;

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use comptoir::app::{self, AppOptions};
use comptoir::auth::bootstrap::{self, BootstrapError, FirstOperator};
use comptoir::auth::model::{CompanyId, CompanyKey, Password, Scope, Username};
use comptoir::auth::password::Hasher;
use comptoir::auth::{Auth, AuthError, users};
use comptoir::clock::{Clock, Timestamp};
use comptoir::config::{AuditConfig, ConnectorConfig, NomenclatureConfig, ProcessSettings};
use comptoir::connectors::ConnectorsError;
use comptoir::connectors::model::{Code, Name, Register};
use comptoir::connectors::service::{ingest, registry};
use comptoir::connectors::submission::Submission;
use comptoir::http::server::{Limits, serve};
use comptoir::sheets::{Limits as SheetLimits, Reader};
use comptoir::store::{OpenOptions, Store, StoreError};
use comptoir::tasks::Queue;
use comptoir::webhooks;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use self::load::{Client, block_on, call, count, get, median};

const CLIENTS: usize = 64;
const ROUNDS: usize = 5;
/// Requests of each client, more than a round has time for.
const REQUESTS: i64 = 2_000;
const ROUND: Duration = Duration::from_millis(1500);
const RATE_BOUND: f64 = 4.0;
const MANY: usize = 10_000;
const MANY_BOUND: f64 = 300.0;
const HOLD_BOUND: f64 = 150.0;
const BUCKETS_BOUND: f64 = 20.0;
const LATEST_BOUND: f64 = 50.0;
const REPEATS: usize = 9;

const NOW: i64 = 1_772_445_600;
const PASSWORD: &str = "a bench's own password";
const SYSTEM: &str = "29e86b162";

fn main() -> ExitCode {
    // `cargo test --all-targets` starts this program too, without the word.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let mut good = rate();
    let world = World::new(None);
    good &= world.many();
    good &= world.buckets();
    good &= world.latest();
    world.size();
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Shared commits against a commit a request.
fn rate() -> bool {
    println!("round | shared commit: requests/s, p99 | a commit a request: requests/s, p99 | ratio");
    let (shared, alone) = (World::new(None), World::new(Some(1)));
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let (ours, theirs) = (shared.load(round), alone.load(round));
        let ratio = ours.per_second() / theirs.per_second();
        let shown = |load: &load::Load| format!("{:7.0}/s {:6.1} ms", load.per_second(), load.percentile(99));
        println!("{round:5} | {} | {} | {ratio:.2}", shown(&ours), shown(&theirs));
        ratios.push(ratio);
    }
    // Of each round's own ratio: the two of a round met the same disk.
    let ratio = median(ratios);
    println!("    = | ratio {ratio:.2} (bound: at least {RATE_BOUND})");
    ratio >= RATE_BOUND
}

/// A server of this process, with one system.
struct World {
    runtime: Runtime,
    store: Store,
    company: CompanyId,
    address: SocketAddr,
    token: String,
    _folder: TempDir,
}

impl World {
    fn new(max_batch: Option<usize>) -> Self {
        let folder = load::folder();
        let path = folder.path().join("bench.db");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let (store, address) = runtime.block_on(start(&path, max_batch));
        let token = sign_in(address);
        let operator = store.read(|conn| users::find(conn, Scope::Installation, "operator"));
        let company = operator.unwrap_or_else(|error: AuthError| panic!("{error}")).company_id;
        let registered = store.clone();
        let made = async move {
            registered
                .write(move |tx| {
                    let (code, name) = (Code::parse(SYSTEM).expect("a code"), Name::parse("1C").expect("a name"));
                    registry::create(tx, Register::Systems, company, &code, &name, Timestamp::from_unix_seconds(NOW))
                })
                .await
        };
        let made: Result<_, ConnectorsError> = runtime.block_on(made);
        made.expect("a system");
        Self { runtime, store, company, address, token, _folder: folder }
    }

    fn request(&self, body: &str) -> Vec<u8> {
        let (token, length) = (&self.token, body.len());
        format!(
            "POST /ExternalExchange/v1/statistic/set HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// Each client has four keys of its own and sets them at one instant after the other, in each round at others: a value
    /// that is there already changes nothing, and what changes nothing need not reach the disk.
    fn load(&self, round: usize) -> load::Load {
        let first = NOW - 100_000 + REQUESTS * i64::try_from(round).expect("few rounds");
        block_on(async {
            let mut clients = Vec::new();
            for number in 0..CLIENTS {
                let requests: Vec<_> = (0..REQUESTS).map(|at| self.request(&four(number, first + at))).collect();
                clients.push((Client::connect(self.address).await, requests));
            }
            let start = Instant::now();
            let end = start + ROUND;
            let tasks: Vec<_> = clients
                .into_iter()
                .map(|(mut client, requests)| {
                    tokio::task::spawn_local(async move {
                        let mut waits = Vec::new();
                        for request in &requests {
                            let begun = Instant::now();
                            if begun >= end {
                                return waits;
                            }
                            let (status, answer) = client.exchange(request).await;
                            waits.push(begun.elapsed());
                            let text = String::from_utf8_lossy(answer);
                            assert!(status == 200 && text.contains("settled"), "{status}: {text}");
                        }
                        panic!("a client needs more than {REQUESTS} requests")
                    })
                })
                .collect();
            let mut waits = Vec::new();
            for task in tasks {
                waits.append(&mut task.await.expect("a client"));
            }
            let elapsed = start.elapsed();
            waits.sort_unstable();
            load::Load { elapsed, waits }
        })
    }

    /// How long a request takes, in milliseconds, at the median; the first finds its pages cold.
    fn time(&self, mut request: impl FnMut(usize) -> Vec<u8>) -> f64 {
        let mut times = Vec::new();
        for round in 0..=REPEATS {
            let request = request(round);
            let begun = Instant::now();
            let (status, body) = block_on(call(self.address, &request));
            let took = begun.elapsed();
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
            if round > 0 {
                times.push(took.as_secs_f64() * 1e3);
            }
        }
        median(times)
    }

    fn many(&self) -> bool {
        let at = |round: usize| NOW - 10_000 + i64::try_from(round).expect("few");
        let fresh = self.time(|round| self.request(&items(&format!("Новое.{round}."), at(round))));
        let known = self.time(|round| self.request(&items("Очереди.", at(round))));
        let (queue, company) = (Queue::new(Clock::fixed(Timestamp::from_unix_seconds(NOW)), Vec::new()), self.company);
        let mut holds = Vec::new();
        for round in 0..REPEATS {
            for prefix in ["Ещё.", "Очереди."] {
                let key = if prefix == "Ещё." { format!("Ещё.{round}.") } else { prefix.to_owned() };
                let submission = Submission::parse(&items(&key, at(round) + 100)).expect("a request");
                let (store, queue) = (self.store.clone(), queue.clone());
                let held = self.runtime.block_on(async move {
                    let held = store.write(move |tx| {
                        let begun = Instant::now();
                        ingest::store(tx, &queue, company, &submission, Timestamp::from_unix_seconds(NOW))?;
                        Ok::<_, ConnectorsError>(begun.elapsed())
                    });
                    held.await.expect("values")
                });
                holds.push(held.as_secs_f64() * 1e3);
            }
        }
        let longest = holds.iter().copied().fold(0.0, f64::max);
        println!(
            "{MANY} items: {fresh:.0} ms with new keys, {known:.0} ms with known ones (bound: under {MANY_BOUND} ms)"
        );
        println!("             the writer is held for {longest:.0} ms at most (bound: {HOLD_BOUND} ms)");
        fresh.max(known) < MANY_BOUND && longest < HOLD_BOUND
    }

    /// A value a minute for thirty days, by hours.
    fn buckets(&self) -> bool {
        self.runtime.block_on(self.store.checkpoint()).expect("a checkpoint");
        let known = block_on(call(self.address, &self.request(&one("month", NOW - 1))));
        assert_eq!(known.0, 200);
        let store = self.store.clone();
        let filled = self.runtime.block_on(async move {
            let filled = store.write(|tx| {
                Ok::<_, StoreError>(tx.execute(
                    "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 43200)
                     INSERT INTO connector_values (series_id, at, kind, number)
                     SELECT s.id, ?1 - 60 * n.n, 2, CASE n.n % 2 WHEN 0 THEN n.n % 977 ELSE 1.5 * (n.n % 977) END
                     FROM n, connector_series s WHERE s.key = 'month'",
                    [NOW],
                )?)
            });
            filled.await.expect("values")
        });
        assert_eq!(filled, 43_200);
        let path = format!(
            "/comptoir/v1/connectors/series/buckets?system={SYSTEM}&key=month&from={}&to={NOW}&step=hour&zone=Europe/Kyiv",
            NOW - 30 * 86_400
        );
        let took = self.time(|_| get(&path, Some(&self.token)));
        println!("30 days of minutes by hours: {took:.1} ms (bound: under {BUCKETS_BOUND} ms)");
        took < BUCKETS_BOUND
    }

    fn latest(&self) -> bool {
        let path =
            format!("/comptoir/v1/connectors/values?limit={MANY}&prefix=%D0%9E%D1%87%D0%B5%D1%80%D0%B5%D0%B4%D0%B8.");
        let (_, body) = block_on(call(self.address, &get(&path, Some(&self.token))));
        assert_eq!(String::from_utf8_lossy(&body).matches("\"kind\"").count(), MANY);
        let took = self.time(|_| get(&path, Some(&self.token)));
        println!("newest values of {MANY} keys: {took:.1} ms (bound: under {LATEST_BOUND} ms)");
        took < LATEST_BOUND
    }

    /// What a value takes when a thousand series get theirs in turns, as they come.
    fn size(&self) {
        let store = self.store.clone();
        let pages = |store: &Store| {
            let used = store.read(|conn| {
                let used: i64 = conn.query_row(
                    "SELECT (SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count)",
                    [],
                    |row| row.get(0),
                )?;
                Ok::<_, StoreError>(used)
            });
            used.expect("pages")
        };
        let before = pages(&store);
        for from in (0..500_i64).step_by(10) {
            let store = store.clone();
            self.runtime.block_on(async move {
                let filled = store.write(move |tx| {
                    Ok::<_, StoreError>(tx.execute(
                        "WITH RECURSIVE i(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM i WHERE i + 1 < ?1 + 10),
                                        s(s) AS (SELECT 1000001 UNION ALL SELECT s + 1 FROM s WHERE s < 1001000)
                         INSERT INTO connector_values (series_id, at, kind, number)
                         SELECT s.s, 1700000000 + 60 * i.i, 2, (s.s * 31 + i.i * 17) % 100000 FROM i, s ORDER BY i.i, s.s",
                        [from],
                    )?)
                });
                filled.await.expect("values");
            });
        }
        let bytes = 4096 * (pages(&store) - before);
        println!(
            "a value of a thousand series in turns takes {:.1} bytes",
            count(usize::try_from(bytes).expect("more")) / 500_000.0
        );
    }
}

async fn start(path: &Path, max_batch: Option<usize>) -> (Store, SocketAddr) {
    let clock = Clock::fixed(Timestamp::from_unix_seconds(NOW));
    let options = OpenOptions { clock: clock.clone(), ..OpenOptions::server(path) };
    let max_batch = max_batch.unwrap_or(options.max_batch);
    let store = Store::open(OpenOptions { max_batch, ..options }).expect("a database");
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
    (store, address)
}

fn sign_in(address: SocketAddr) -> String {
    let (status, body) = block_on(call(address, &load::sign_in_request()));
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).expect("a token is a JSON string")
}

fn one(key: &str, at: i64) -> String {
    format!(r#"{{"externalSystemId": "{SYSTEM}", "timestamp": {at}, "items": [{{"key": "{key}", "value": 1}}]}}"#)
}

fn four(client: usize, at: i64) -> String {
    let items: Vec<_> = ["ОбработкаЗаказов", "ВыгрузкаНоменклатуры", "ВыгрузкаОстатков", "ВыгрузкаЦен"]
        .iter()
        .map(|queue| format!(r#"{{"key": "Очереди.{queue}.{client}.КоличествоОшибок", "value": {}}}"#, at % 1_000))
        .collect();
    format!(r#"{{"externalSystemId": "{SYSTEM}", "timestamp": {at}, "items": [{}]}}"#, items.join(","))
}

fn items(prefix: &str, at: i64) -> String {
    let mut body = format!(r#"{{"externalSystemId": "{SYSTEM}", "timestamp": {at}, "items": ["#);
    for number in 0..MANY {
        let comma = if number == 0 { "" } else { "," };
        write!(body, r#"{comma}{{"key": "{prefix}Заказы.Склад{number}.Количество", "value": {number}}}"#)
            .expect("a string");
    }
    body.push_str("]}");
    body
}
