//! The audit over 1 000 000 actions: a first page by time under equality filters, every other order and pages far in,
//! totals, the whole of it as one streamed answer, and what recording costs a small write, with and without it in turns.
//!
//! `cargo bench --bench audit`

#![allow(clippy::print_stdout, reason = "figures are what a measurement is for")]

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use comptoir::app::{self, AppOptions};
use comptoir::audit::actions::{self, Tally};
use comptoir::audit::list::{self, Query};
use comptoir::audit::model::{
    CalculationStatus, NewAction, NewRequest, Opened, Outcome, ProcessType, Service, Sort, Told, Wanted,
};
use comptoir::auth::bootstrap::{self, BootstrapError, FirstOperator};
use comptoir::auth::model::{
    Call, CompanyKey, Password, Phone, Place, Roles, Scope, SharedPrincipal, Timezone, User, Username,
};
use comptoir::auth::password::Hasher;
use comptoir::auth::permissions::Effect;
use comptoir::auth::users::{self, NewUser, ProfileChange};
use comptoir::auth::{Auth, AuthError};
use comptoir::clock::{Clock, Timestamp};
use comptoir::config::{AuditConfig, ConnectorConfig, NomenclatureConfig, ProcessSettings};
use comptoir::http::server::{Limits, serve};
use comptoir::sheets::{Limits as SheetLimits, Reader};
use comptoir::store::{OpenOptions, Store, StoreError};
use comptoir::webhooks;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Unless another number is given: `cargo bench --bench audit -- 20000`.
const ACTIONS: u64 = 1_000_000;

/// The actions are spread over so many days.
const DAYS: u64 = 365;

const USERS: u64 = 20;
const ROUNDS: usize = 5;
const PAGE: usize = 100;

const FIRST_PAGE_BOUND: Duration = Duration::from_millis(50);
const ANY_PAGE_BOUND: Duration = Duration::from_millis(500);

/// Small writes per round, and how many are on their way at once.
const WRITES: usize = 20_000;
const WRITERS: usize = 64;

/// How much the memory of the process may grow while it sends the whole audit.
const MEMORY_BOUND: u64 = 50 * 1024 * 1024;

const PASSWORD: &str = "correct horse battery";

/// The present instant: 2026-03-02T10:00:00Z.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_772_445_600);

#[tokio::main]
async fn main() -> ExitCode {
    // `cargo test --all-targets` starts this program too, without the word.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let count = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(ACTIONS);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let auth = identity(&folder.path().join("bench.db")).await;
    let users = people(&auth).await;
    let begun = Instant::now();
    fill(auth.store(), &users, count).await;
    println!("{count} actions over {DAYS} days, filled in {:.1} s", begun.elapsed().as_secs_f64());

    let mut good = pages(auth.store(), &users[0], count);
    good &= streaming(&auth, count).await;
    good &= recording(&auth).await;
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn identity(path: &Path) -> Auth {
    let clock = Clock::fixed(NOW);
    let store = Store::open(OpenOptions { clock: clock.clone(), ..OpenOptions::server(path) }).expect("a store");
    let auth = Auth::new(store, Hasher::start(), clock).expect("identity");
    let first = FirstOperator {
        company: CompanyKey::parse("north").expect("a key"),
        username: Username::parse("operator").expect("a name"),
        password: Some(Password::parse(PASSWORD).expect("a password")),
        password_file: path.with_extension("operator-password"),
    };
    bootstrap::run(&auth, || Ok::<_, BootstrapError>(first)).await.expect("a first start");
    auth
}

async fn people(auth: &Auth) -> Vec<User> {
    let made = auth.store().write(|tx| {
        let operator = users::find(tx, Scope::Installation, "operator")?;
        let mut all = vec![operator];
        for number in 1..USERS {
            let new = NewUser {
                username: Username::parse(format!("user_{number}")).expect("a name"),
                roles: Roles::NONE,
                operator: false,
                timezone: Timezone::UTC,
                specification: None,
                email: None,
                phone: None,
            };
            all.push(users::create(tx, Scope::Installation, all[0].company_id, &new, None, NOW)?);
        }
        Ok::<_, AuthError>(all)
    });
    made.await.expect("users")
}

/// The instant of action `number` of `count`.
fn time_of(number: u64, count: u64) -> Timestamp {
    let span = Duration::from_hours(24 * DAYS).as_micros();
    let back = span * u128::from(count - number) / u128::from(count);
    NOW.minus(Duration::from_micros(u64::try_from(back).expect("a year")))
}

fn action(users: &[User], number: u64, count: u64) -> (NewAction, NewRequest) {
    // A fixed sequence that looks like none.
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let pick = |shift: u32, of: usize| usize::try_from(mixed >> shift & 0xffff).expect("16 bits") % of;
    let user = &users[pick(5, users.len())];
    // An operation belongs to a service and is of a type; most work is done in time.
    let service = pick(13, 8);
    let of_service = pick(21, 6);
    let operation = format!("run_operation_{service}_{of_service}");
    let status = if pick(37, 10) == 0 { pick(45, 8) } else { 2 };
    let time = Told { at: time_of(number, count), offset_minutes: 0 };
    let action = NewAction {
        company: user.company_id,
        user: Some(user.id),
        username: user.username.to_string(),
        process: Uuid::from_u64_pair(number.rotate_left(40), mixed),
        service: Service::ALL[service],
        process_type: ProcessType::ALL[of_service],
        operation: operation.clone(),
        time,
        points: u32::try_from(pick(29, 5_000)).expect("small"),
        outcome: Outcome::of(CalculationStatus::ALL[status]),
    };
    let request = Uuid::from_u64_pair(mixed, number);
    (action, NewRequest { request, operation, env: "bench".into(), pod: "bench".into(), time })
}

async fn fill(store: &Store, users: &[User], count: u64) {
    let users: Arc<[User]> = users.into();
    for from in (0..count).step_by(2_000) {
        let users = Arc::clone(&users);
        let slice = store.write(move |tx| {
            let mut tally = Tally::default();
            for number in from..count.min(from + 2_000) {
                let (action, request) = action(&users, number, count);
                let Opened::New(id) = actions::open(tx, &action, &mut tally)? else { panic!("known: {action:?}") };
                actions::attach(tx, action.company, id, &request)?;
            }
            tally.write(tx)
        });
        slice.await.expect("a slice");
    }
    store.checkpoint().await.expect("a checkpoint");
}

/// A page as `GET /account/audit` reads it, totals included: the median and the worst of some rounds, in that order.
fn timed(store: &Store, query: &Query) -> (Duration, Duration) {
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let read = store.read(|conn| {
            let (counters, mut cursor) = list::begin(conn, query.clone())?;
            Ok::<_, StoreError>((counters, list::next(conn, &mut cursor, PAGE)?))
        });
        let (counters, listed) = read.expect("a page");
        took.push(begun.elapsed());
        let wanted = counters.filtered.saturating_sub(query.offset).min(query.limit);
        assert_eq!(listed.len() as u64, wanted, "{query:?}");
    }
    took.sort_unstable();
    (took[ROUNDS / 2], took[ROUNDS - 1])
}

fn pages(store: &Store, user: &User, count: u64) -> bool {
    // Cut into days on both sides.
    let half_an_hour = Duration::from_mins(30);
    let everything = Wanted {
        company: user.company_id,
        user: None,
        from: NOW.minus(Duration::from_hours(24 * DAYS)).plus(half_an_hour),
        to: NOW.minus(half_an_hour),
        service: None,
        process_type: None,
        operation: None,
        status: None,
    };
    let one = Wanted { service: Some(Service::Agro), ..everything.clone() };
    let four = Wanted {
        service: Some(Service::Monitor),
        process_type: Some(ProcessType::Plan),
        operation: Some("run_operation_5_2".into()),
        status: Some(CalculationStatus::Failed),
        ..everything.clone()
    };
    let nothing = Wanted { operation: Some("run_nothing".into()), ..everything.clone() };
    let own = Wanted { user: Some(user.id), ..four.clone() };
    let far = count.saturating_mul(9) / 10;
    let query = |wanted: &Wanted, sort, descending, offset| Query {
        wanted: wanted.clone(),
        sort,
        descending,
        offset,
        limit: PAGE as u64,
    };
    let mut good = true;
    let mut say = |what: &str, query: Query, bound: Duration| {
        let (median, worst) = timed(store, &query);
        good &= median <= bound;
        println!(
            "{what:<58} {:>7.1} ms, worst {:>7.1} ms (bound {} ms)",
            millis(median),
            millis(worst),
            bound.as_millis()
        );
    };
    for (what, wanted) in [
        ("no filter", &everything),
        ("one filter", &one),
        ("four filters", &four),
        ("a filter that nothing passes", &nothing),
        ("four filters, one's own", &own),
    ] {
        for (way, descending) in [("ASC", false), ("DESC", true)] {
            let what = format!("first page by time {way}, {what}");
            say(&what, query(wanted, Sort::Time, descending, 0), FIRST_PAGE_BOUND);
        }
    }
    for sort in Sort::ALL {
        for (way, descending) in [("ASC", false), ("DESC", true)] {
            if sort != Sort::Time {
                say(&format!("first page by {sort:?} {way}"), query(&everything, sort, descending, 0), ANY_PAGE_BOUND);
                let what = format!("first page by {sort:?} {way}, four filters");
                say(&what, query(&four, sort, descending, 0), ANY_PAGE_BOUND);
            }
            let what = format!("by {sort:?} {way} from {far}");
            say(&what, query(&everything, sort, descending, far), ANY_PAGE_BOUND);
        }
    }
    good
}

/// The whole audit as one answer over HTTP: rows a second, and how much memory it takes.
async fn streaming(auth: &Auth, count: u64) -> bool {
    let shutdown = CancellationToken::new();
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
        stopping: shutdown.clone(),
    };
    let background = app::background(auth.store(), auth.clock(), &options);
    let endpoint = app::build(auth.clone(), auth.clock().clone(), background, options).await.expect("an application");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(serve(listener, endpoint, Limits::default(), shutdown.clone()));
    let jwt = sign_in(auth).await;
    let url = format!("http://{address}/account/audit?from=2020-01-01T00:00:00Z&limit=10000000&sort_field=username");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let before = resident();
    let (begun, mut bytes, mut highest) = (Instant::now(), 0, before);
    let mut answer = client.get(url).bearer_auth(jwt).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    let first = begun.elapsed();
    let mut seen = 0_usize;
    while let Some(chunk) = answer.chunk().await.expect("a chunk") {
        bytes += chunk.len();
        seen += 1;
        if seen.is_multiple_of(100) {
            highest = highest.max(resident());
        }
    }
    let took = begun.elapsed();
    shutdown.cancel();
    server.await.expect("the server ends");
    let grown = highest.saturating_sub(before);
    println!(
        "all {count} as one answer: {} MB in {:.1} s, first byte after {:.0} ms, memory grew by {} MB (bound {} MB)",
        bytes / 1_000_000,
        took.as_secs_f64(),
        millis(first),
        grown / 1_000_000,
        MEMORY_BOUND / 1_000_000
    );
    grown <= MEMORY_BOUND
}

/// The memory this process has in use, in bytes; both the server and its client are in it.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

async fn sign_in(auth: &Auth) -> String {
    let ttl = Duration::from_hours(24);
    auth.sign_in("operator", PASSWORD, [127, 0, 0, 1].into(), Uuid::new_v4(), ttl).await.expect("a token")
}

/// A small write, recorded and not, in turns.
async fn recording(auth: &Auth) -> bool {
    let caller = auth.authenticate(&sign_in(auth).await).expect("a principal");
    let (mut plain, mut recorded) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        plain.push(rate(auth, &caller, false).await);
        recorded.push(rate(auth, &caller, true).await);
    }
    plain.sort_by(f64::total_cmp);
    recorded.sort_by(f64::total_cmp);
    let (plain, recorded) = (plain[ROUNDS / 2], recorded[ROUNDS / 2]);
    println!(
        "small writes, {WRITERS} at once: {plain:.0}/s plain, {recorded:.0}/s recorded: {:.1} µs more each",
        (1.0 / recorded - 1.0 / plain) * 1e6
    );
    true
}

/// Small writes a second.
async fn rate(auth: &Auth, caller: &SharedPrincipal, recorded: bool) -> f64 {
    let begun = Instant::now();
    let writers = (0..WRITERS).map(|writer| {
        let (auth, caller) = (auth.clone(), SharedPrincipal::clone(caller));
        tokio::spawn(async move {
            for number in 0..WRITES / WRITERS {
                let acting = if recorded { acting(&caller) } else { SharedPrincipal::clone(&caller) };
                let phone = Phone::parse(format!("+{writer:02}{number:09}")).expect("a phone");
                let change = ProfileChange { phone: Some(Some(phone)), ..ProfileChange::default() };
                let (id, now) = (caller.user_id, auth.clock().now());
                let written = auth.write_as(acting, move |tx| users::change_own_profile(tx, id, &change, now)).await;
                written.expect("a write");
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("a writer");
    }
    #[expect(clippy::cast_precision_loss, reason = "twenty thousand")]
    let all = WRITES as f64;
    all / begun.elapsed().as_secs_f64()
}

/// The caller with a call of its own, a millisecond after the one before: codes of own actions begin with the time, and all
/// of one instant would be put in everywhere among each other, which no clock that goes on makes them.
fn acting(caller: &SharedPrincipal) -> SharedPrincipal {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    Arc::new(caller.doing(Call {
        operation: "update_info",
        effect: Effect::Changes,
        request: Uuid::new_v4(),
        at: NOW.plus(Duration::from_millis(call)),
        address: [127, 0, 0, 1].into(),
        place: Place::new("bench", "bench"),
    }))
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
