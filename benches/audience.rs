//! Counting, beside its peer: a refresh of 1 000 000 profiles with three channels each, against what the `sqlite3` shell
//! needs for the same figures over the same covering indexes in the same file, in turns. And what goes with it: how long
//! the writer is held, what `get_counters` costs for a short and a long list, and how long an import of 10 000 takes.
//!
//! `cargo bench --bench audience`

#![allow(clippy::print_stdout, reason = "figures are what a measurement is for")]

mod load;

use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use comptoir::audience::AudienceService;
use comptoir::audience::model::{
    Address, Channel, Identity, Import, Name, ProfileChange, ProfileKey, Refresh, Shelf, Status, SubscriptionChange,
    Target,
};
use comptoir::auth::Auth;
use comptoir::auth::bootstrap::{self, BootstrapError, FirstOperator};
use comptoir::auth::model::{CompanyKey, Password, SharedPrincipal, Username};
use comptoir::auth::password::Hasher;
use comptoir::clock::Clock;
use comptoir::store::{OpenOptions, Store, StoreError};
use comptoir::tasks::{Queue, Registry, Runner, RunnerOptions};
use comptoir::webhooks::guard::Guard;

/// Unless another number is given: `cargo bench --bench audience -- 20000`.
const PROFILES: i64 = 1_000_000;
const FEW: i64 = 1_000;
const ROUNDS: usize = 5;

/// Of the shell's time.
const RATIO_BOUND: f64 = 1.3;
const HOLD_BOUND: Duration = Duration::from_millis(50);
const IMPORT_BOUND: Duration = Duration::from_secs(2);
/// Of them the better counts: a request is made once by who makes it, but this machine does other things too.
const REQUESTS: usize = 3;

/// The peer's count: the same figures from the same indexes, each read once.
const PEER: &str = "
    SELECT channel, status, sendable, count(*) FROM audience_subscriptions
    WHERE company_id = 1 AND list_id = 1 AND resource_id = 24 AND deleted_at IS NULL
    GROUP BY channel, status, sendable;
    SELECT count(*) FROM audience_profiles WHERE company_id = 1 AND list_id = 1;";

const LARGE: Refresh = Refresh { list: 1, resource: 24 };
const SMALL: Refresh = Refresh { list: 2, resource: 24 };

struct World {
    store: Store,
    service: AudienceService,
    principal: SharedPrincipal,
    runner: Runner,
}

#[tokio::main]
async fn main() -> ExitCode {
    // `cargo test --all-targets` starts this program too, without the word.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let profiles = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(PROFILES);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("bench.db");
    let world = World::new(&path).await;
    let begun = Instant::now();
    world.fill(1, profiles).await;
    world.fill(2, FEW).await;
    println!("{profiles} profiles with three channels each, filled in {:.1} s", begun.elapsed().as_secs_f64());

    let mut good = counting(&world, &path, profiles).await;
    // Both have been counted.
    world.refresh(SMALL).await;
    good &= reading(&world, profiles);
    good &= importing(&world, profiles).await;
    let requested = tokio::task::spawn_blocking(requesting).await.expect("requests");
    good &= requested;
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A refresh beside the shell's count, and how long anybody else waits for the writer meanwhile.
async fn counting(world: &World, path: &Path, profiles: i64) -> bool {
    let (stop, longest) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let prober = tokio::spawn(probe(world.store.clone(), Arc::clone(&stop), Arc::clone(&longest)));
    // Both find their pages warm.
    let (mut ours, mut theirs) = (world.refresh(LARGE).await, shell(path));
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        (ours, theirs) = (world.refresh(LARGE).await, shell(path));
        ratios.push(ours.as_secs_f64() / theirs.as_secs_f64());
        println!("round {round}: refresh {:.1} ms, sqlite3 {:.1} ms", millis(ours), millis(theirs));
    }
    stop.store(true, Ordering::Relaxed);
    prober.await.expect("the prober ends");
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios[ratios.len() / 2];
    let longest = Duration::from_micros(longest.load(Ordering::Relaxed));
    println!("refresh of {profiles}:       {:.1} ms, sqlite3 {:.1} ms (last round)", millis(ours), millis(theirs));
    println!("ratio (median):             {ratio:.2} (bound: at most {RATIO_BOUND})");
    println!("longest wait for the writer: {:.1} ms (bound: at most {:.0} ms)", millis(longest), millis(HOLD_BOUND));
    ratio <= RATIO_BOUND && longest <= HOLD_BOUND
}

/// Writes nothing again and again, and notes how long the longest of it took: whoever holds the writer is waited for.
async fn probe(store: Store, stop: Arc<AtomicBool>, longest: Arc<AtomicU64>) {
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        store.write(|_| Ok::<_, StoreError>(())).await.expect("an empty write");
        let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        longest.fetch_max(took, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What the shell needs, by its own timer: its start and the opening of the file do not count.
fn shell(path: &Path) -> Duration {
    let mut shell = Command::new("sqlite3")
        .arg("-readonly")
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the sqlite3 shell is installed");
    // Only what it reads from there is timed.
    let script = format!(".timer on\n{PEER}\n");
    shell.stdin.take().expect("it is piped").write_all(script.as_bytes()).expect("the shell reads");
    let output = shell.wait_with_output().expect("the shell ends");
    assert!(output.status.success(), "sqlite3: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let seconds: f64 = text
        .lines()
        .filter_map(|line| line.strip_prefix("Run Time: real ")?.split(' ').next()?.parse::<f64>().ok())
        .sum();
    assert!(seconds > 0.0, "no time in: {text}");
    Duration::from_secs_f64(seconds)
}

fn reading(world: &World, profiles: i64) -> bool {
    let measure = |refresh: Refresh| {
        const READS: u32 = 5_000;
        let begun = Instant::now();
        for _ in 0..READS {
            world.service.figures(world.principal.company_id, refresh).expect("figures");
        }
        begun.elapsed() / READS
    };
    measure(SMALL);
    let (small, large) = (measure(SMALL), measure(LARGE));
    let ratio = large.as_secs_f64() / small.as_secs_f64();
    println!(
        "get_counters:               {:.1} µs at {FEW} profiles, {:.1} µs at {profiles} (ratio {ratio:.2}, bound 2)",
        small.as_secs_f64() * 1e6,
        large.as_secs_f64() * 1e6
    );
    ratio <= 2.0
}

async fn importing(world: &World, profiles: i64) -> bool {
    let (stop, longest) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let prober = tokio::spawn(probe(world.store.clone(), Arc::clone(&stop), Arc::clone(&longest)));
    let batch = (0..10_000).map(|number| Ok(row(profiles + number))).collect();
    let begun = Instant::now();
    let results = world.service.import_profiles(world.principal.clone(), 1, batch).await.expect("an import");
    let took = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    prober.await.expect("the prober ends");
    assert!(results.iter().all(Result::is_ok));
    let longest = Duration::from_micros(longest.load(Ordering::Relaxed));
    println!("import of 10 000 profiles:  {:.0} ms (bound: at most {:.0} ms)", millis(took), millis(IMPORT_BOUND));
    println!("longest wait meanwhile:     {:.1} ms (bound: at most {:.0} ms)", millis(longest), millis(HOLD_BOUND));
    took <= IMPORT_BOUND && longest <= HOLD_BOUND
}

/// The same number of profiles in one request to the server as people run it, in each format.
fn requesting() -> bool {
    let server = load::Server::comptoir();
    let token = server.sign_in();
    let send = |path: &str, media_type: &str, body: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\nContent-Type: {media_type}\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        let (status, answer) = load::block_on(load::call(server.address, &[head.as_bytes(), body.as_bytes()].concat()));
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let json = "application/json";
    send("/comptoir/v1/audience/lists", json, r#"{"name": "Customers"}"#);
    send("/comptoir/v1/audience/resources", json, r#"{"id": 24, "name": "News"}"#);
    let mut good = true;
    for media_type in [json, "application/xml"] {
        let mut took = Vec::new();
        for request in 0..REQUESTS {
            let body = batch(media_type, request);
            let begun = Instant::now();
            let answer = send("/api/v1.1/profiles/import_batch?format=json", media_type, &body);
            took.push(begun.elapsed());
            assert!(answer.contains("\"imported\":10000") && answer.contains("\"failed\":0"), "{}", &answer[..200]);
        }
        let took = took.into_iter().min().expect("one at least");
        println!(
            "10 000 in one request ({media_type}): {:.0} ms (bound: at most {:.0} ms)",
            millis(took),
            millis(IMPORT_BOUND)
        );
        good &= took <= IMPORT_BOUND;
    }
    good
}

/// A body of 10 000 profiles with a subscription in each of three channels.
fn batch(media_type: &str, request: usize) -> String {
    let channels = ["email", "sms", "push"];
    let emails = (0..10_000).map(|number| format!("{}profile{request}x{number}@example.com", &media_type[12..]));
    if media_type == "application/json" {
        let rows: Vec<_> = emails
            .map(|email| {
                let subscriptions = channels.map(|channel| serde_json::json!({"resource_id": 24, "channel": channel}));
                serde_json::json!({"email": email, "_fname": "Olena", "subscriptions": subscriptions})
            })
            .collect();
        serde_json::json!({"db_id": 1, "data": rows}).to_string()
    } else {
        let subscriptions = channels.map(|channel| {
            format!("<subscriptions><resource_id>24</resource_id><channel>{channel}</channel></subscriptions>")
        });
        let subscriptions = subscriptions.concat();
        let mut body = "<xml><db_id>1</db_id>".to_owned();
        for email in emails {
            body.push_str("<data><email>");
            body.push_str(&email);
            body.push_str("</email><_fname>Olena</_fname>");
            body.push_str(&subscriptions);
            body.push_str("</data>");
        }
        body + "</xml>"
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// A profile with an address, a phone and a subscription in each of three channels.
fn row(number: i64) -> Import {
    let email = Address::email(&format!("profile{number}@example.com")).expect("an address");
    let mut key = [0; 12];
    key[4..].copy_from_slice(&number.to_be_bytes());
    let status = Status::ALL[usize::try_from(number % 7).expect("small")];
    let subscriptions = [Channel::Email, Channel::Sms, Channel::Push]
        .map(|channel| SubscriptionChange { resource: 24, channel, status: Some(status), details: None })
        .into();
    Import {
        target: Target::Identity(Identity::from(&email)),
        key: ProfileKey(key),
        change: ProfileChange {
            email: Some(Some(email)),
            phones: Some(vec![Address::phone(&format!("38{number:010}")).expect("a phone")]),
            subscriptions,
            ..ProfileChange::default()
        },
    }
}

impl World {
    async fn new(path: &Path) -> Self {
        let clock = Clock::system();
        let store = Store::open(OpenOptions::server(path)).expect("a store");
        let auth = Auth::new(store.clone(), Hasher::start(), clock.clone()).expect("identity");
        let password = "correct horse battery";
        let first = FirstOperator {
            company: CompanyKey::parse("north").expect("a key"),
            username: Username::parse("operator").expect("a name"),
            password: Some(Password::parse(password).expect("a password")),
            password_file: path.with_extension("operator-password"),
        };
        bootstrap::run(&auth, || Ok::<_, BootstrapError>(first)).await.expect("a first start");
        let jwt = auth
            .sign_in("operator", password, [127, 0, 0, 1].into(), uuid::Uuid::new_v4(), Duration::from_hours(24))
            .await;
        let principal = auth.authenticate(&jwt.expect("a token")).expect("a principal");
        let queue = Queue::new(clock, vec![Arc::new(comptoir::audience::tasks::RefreshEnded)]);
        let service = AudienceService::new(&auth, queue.clone(), Guard::default());
        let mut registry = Registry::new();
        comptoir::audience::tasks::register(&mut registry);
        let runner = Runner::new(store.clone(), queue, registry, RunnerOptions::default());
        for (shelf, id) in [(Shelf::Lists, 1), (Shelf::Lists, 2), (Shelf::Resources, 24)] {
            let name = Name::parse(&format!("{} {id}", shelf.noun())).expect("a name");
            service.create_entry(principal.clone(), shelf, Some(id), name).await.expect("an entry");
        }
        Self { store, service, principal, runner }
    }

    async fn fill(&self, list: i64, profiles: i64) {
        for from in (0..profiles).step_by(10_000) {
            let rows = (from..profiles.min(from + 10_000)).map(|number| Ok(row(number))).collect();
            self.service.import_profiles(self.principal.clone(), list, rows).await.expect("an import");
        }
        self.store.checkpoint().await.expect("a checkpoint");
    }

    /// From the request to the committed end of its task.
    async fn refresh(&self, refresh: Refresh) -> Duration {
        let begun = Instant::now();
        let task = self.service.refresh(self.principal.clone(), refresh, None).await.expect("a task");
        self.runner.run_pending().await.expect("a runner");
        let took = begun.elapsed();
        let status =
            self.service.refresh_status(self.principal.company_id, &task.to_string()).expect("the task's status");
        assert_eq!(status.progress, 100);
        took
    }
}
