//! `/metrics`, read as strictly as a scraper reads it.

#![allow(clippy::float_cmp, reason = "the figures are whole numbers, which floats hold exactly")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use comptoir::backups::{Backups, Target};
use comptoir::store::{OpenOptions, Store, StoreError};
use regex::Regex;
use serde_json::{Value, json};

use crate::support::{Log, TestServer};

const PATH: &str = "/metrics";

/// A page of Prometheus's text format (version 0.0.4): samples by name and labels as they are written.
struct Page {
    samples: BTreeMap<String, f64>,
    kinds: BTreeMap<String, String>,
}

impl Page {
    /// Reads a page; whatever breaks the format fails the test.
    fn read(text: &str) -> Self {
        let sample = Regex::new(
            r#"^([a-zA-Z_:][a-zA-Z0-9_:]*)((?:\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*")*\})?) ([0-9.e+-]+)$"#,
        )
        .unwrap();
        assert!(text.ends_with('\n'), "the last line ends too");
        let (mut samples, mut kinds, mut family) = (BTreeMap::new(), BTreeMap::new(), String::new());
        let mut helped = BTreeSet::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').expect("a help text");
                assert!(helped.insert(name.to_owned()) && !words.is_empty(), "{line}");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("a type");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(
                    kinds.insert(name.to_owned(), kind.to_owned()).is_none(),
                    "a family stands in one place: {line}"
                );
                assert!(kind != "counter" || name.ends_with("_total"), "{line}");
                name.clone_into(&mut family);
            } else {
                let parts = sample.captures(line).unwrap_or_else(|| panic!("no sample: {line}"));
                let of_family = |suffix: &str| parts[1] == format!("{family}{suffix}");
                let histogram = kinds[&family] == "histogram";
                let suffixes: &[&str] = if histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
                assert!(suffixes.iter().any(|suffix| of_family(suffix)), "{line} stands under {family}");
                let value: f64 = parts[3].parse().unwrap();
                let earlier = samples.insert(format!("{}{}", &parts[1], &parts[2]), value);
                assert!(earlier.is_none(), "twice: {line}");
            }
        }
        assert_eq!(helped, kinds.keys().cloned().collect(), "every family has both");
        let page = Self { samples, kinds };
        page.check_histograms();
        page
    }

    /// Buckets hold what is below them, and the last one everything.
    fn check_histograms(&self) {
        let le = Regex::new(r#",?le="([^"]*)""#).unwrap();
        let mut buckets: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for (name, value) in self.samples.iter().filter(|(name, _)| name.contains("_bucket{")) {
            let bound = &le.captures(name).unwrap()[1];
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() };
            buckets.entry(le.replace(name, "").replace("{}", "")).or_default().push((bound, *value));
        }
        for (name, mut bounds) in buckets {
            bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(bounds.is_sorted_by(|a, b| a.1 <= b.1), "{name}: {bounds:?}");
            let count = self.samples[&name.replacen("_bucket", "_count", 1)];
            assert_eq!(bounds.last(), Some(&(f64::INFINITY, count)), "{name}");
        }
    }

    #[track_caller]
    fn get(&self, sample: &str) -> f64 {
        *self.samples.get(sample).unwrap_or_else(|| panic!("no {sample} among {:#?}", self.samples.keys()))
    }
}

async fn scrape(server: &TestServer) -> Page {
    let answer = server.as_operator().await.get(PATH).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    Page::read(answer.text())
}

#[tokio::test]
async fn every_room_has_its_figures_and_they_count() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    let before = scrape(&server).await;
    for _ in 0..3 {
        operator.get("/account/info").await.expect(200);
    }
    operator.get("/comptoir/v1/users/nobody").await.expect(404);
    server.anonymous().get("/account/info").await.expect(401);
    server.anonymous().get("/no/such/path").await.expect(404);
    server.company("north").await;
    server.waiting_task("operator").await;
    operator.post("/comptoir/v1/backups", Value::Null).await.expect(200);
    server.run_pending_tasks().await;
    server.clock.advance(Duration::from_secs(90));
    let after = scrape(&server).await;

    let requests = |operation: &str, class: &str| {
        format!("comptoir_http_requests_total{{operation=\"{operation}\",status=\"{class}\"}}")
    };
    assert_eq!(after.get(&requests("read_info", "2xx")), 3.0);
    assert_eq!(after.get(&requests("read_info", "4xx")), 1.0);
    assert_eq!(after.get(&requests("read_user", "4xx")), 1.0);
    assert_eq!(after.get(&requests("none", "4xx")), 1.0);
    assert_eq!(after.get("comptoir_http_request_duration_seconds_count{operation=\"read_info\"}"), 4.0);
    assert_eq!(after.get("comptoir_http_requests_in_flight"), 1.0, "the scrape itself");
    let committed = "comptoir_store_writes_total{outcome=\"committed\"}";
    assert!(after.get(committed) > before.get(committed));
    assert_eq!(after.get("comptoir_store_up"), 1.0);
    for positive in [
        "comptoir_store_file_bytes",
        "comptoir_store_log_bytes",
        "comptoir_store_last_commit_timestamp_seconds",
        "comptoir_store_commit_duration_seconds_count",
        "comptoir_store_batch_writes_sum",
        "comptoir_backup_last_success_bytes",
    ] {
        assert!(after.get(positive) > 0.0, "{positive}");
    }
    assert_eq!(after.get("comptoir_tasks_waiting{kind=\"nobodys\"}"), 1.0);
    assert_eq!(after.get("comptoir_tasks_overdue_seconds{kind=\"nobodys\"}"), 90.0);
    assert_eq!(after.get("comptoir_tasks_ended_total{kind=\"backup_take\",state=\"done\"}"), 1.0);
    assert_eq!(after.get("comptoir_webhook_attempts_total{outcome=\"delivered\"}"), 0.0);
    assert_eq!(after.get("comptoir_webhook_deliveries_waiting"), 0.0);
    assert_eq!(after.get("comptoir_outgoing_held"), 0.0);
    assert_eq!(before.get("comptoir_backup_last_success_timestamp_seconds"), 0.0);
    assert_eq!(after.get("comptoir_backup_last_success_timestamp_seconds"), 1_772_445_600.0);
    assert_eq!(after.get("process_start_time_seconds"), 1_772_445_600.0);
    assert!(after.samples.keys().any(|name| name.starts_with("comptoir_build_info{version=\"")));
    if cfg!(target_os = "linux") {
        assert!(after.get("process_resident_memory_bytes") > 1e6 && after.get("process_open_fds") > 3.0);
        assert!(after.kinds.contains_key("process_cpu_seconds_total"));
    }
}

#[tokio::test]
async fn what_a_client_asks_for_makes_no_new_label() {
    let server = TestServer::start().await;
    let before = scrape(&server).await.samples.len();
    for path in ["/a", "/b", "/comptoir/v1/nothing", "/account/info/x"] {
        server.anonymous().get(path).await;
    }
    let once = scrape(&server).await.samples.len();
    for number in 0..50 {
        server.anonymous().get(&format!("/c{number}")).await.expect(404);
    }
    let often = scrape(&server).await.samples.len();
    assert!(once > before && once == often, "{before}, {once}, {often}");
}

#[tokio::test]
async fn the_last_drill_is_among_them() {
    let server = TestServer::start_with(|options| options.backup.drill_every = Some(Duration::from_hours(1))).await;
    server.run_pending_tasks().await;
    server.clock.advance(Duration::from_hours(1));
    server.run_pending_tasks().await;
    assert_eq!(scrape(&server).await.get("comptoir_restore_drill_success"), 0.0, "there is no backup");
    let backups = Backups::new(server.store().clone(), server.clock.clone(), None, 1, comptoir::app::consistency);
    tokio::task::spawn_blocking(move || backups.take(&Target::Kept, &mut |_| true)).await.unwrap().unwrap();
    server.clock.advance(Duration::from_hours(1));
    server.run_pending_tasks().await;
    let page = scrape(&server).await;
    assert_eq!(page.get("comptoir_restore_drill_success"), 1.0);
    assert_eq!(page.get("comptoir_restore_drill_timestamp_seconds"), 1_772_445_600.0 + 7_200.0);
}

#[tokio::test]
async fn a_server_whose_database_is_gone_says_so_where_it_is_asked() {
    let server = TestServer::start().await;
    let metrics = server.metrics.clone();
    server.store().clone().close().await.unwrap();
    let ready = server.anonymous().get("/health/ready").await.expect(503);
    let reasons = json!(["the database does not answer", "the database does not accept writes"]);
    assert_eq!(ready.json()["reasons"], reasons);
    server.anonymous().get("/health/live").await.expect(200);
    let page = Page::read(&metrics.expose());
    assert_eq!(page.get("comptoir_store_up"), 0.0);
    assert!(page.samples.contains_key("comptoir_http_requests_in_flight"));
}

#[tokio::test]
async fn a_slow_request_is_logged_and_a_quick_one_is_not() {
    for (threshold, lines) in [(Duration::ZERO, 1), (Duration::from_hours(1), 0)] {
        let server = TestServer::start_with(|options| options.slow_request = threshold).await;
        let log = Log::start();
        server.anonymous().get("/health/live").await.expect(200);
        assert_eq!(log.with("slow request").len(), lines, "{threshold:?}");
    }
}

/// Takes the engine about a second, or less on a fast machine, and in any case more than a millisecond.
const SLOW: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) SELECT sum(i) FROM n";

fn run(conn: &comptoir::store::Conn) -> Result<i64, StoreError> {
    Ok(conn.prepare_cached(SLOW)?.query_row([300_000], |row| row.get(0))?)
}

#[tokio::test]
async fn a_slow_statement_is_logged_without_its_values_and_with_the_request_it_was_made_for() {
    let folder = tempfile::tempdir().unwrap();
    let open = |slow_query: Option<Duration>| {
        Store::open(OpenOptions { slow_query, ..OpenOptions::server(folder.path().join("test.db")) }).unwrap()
    };
    let log = Log::start();
    let store = open(None);
    store.read(|conn| run(conn)).unwrap();
    store.close().await.unwrap();
    assert_eq!(log.with("slow query"), [""; 0]);

    let store = open(Some(Duration::from_millis(1)));
    let request = uuid::Uuid::new_v4();
    let own = store.clone();
    comptoir::store::during(request, async move { own.read(|conn| run(conn)).unwrap() }).await;
    let lines = log.with("slow query");
    let line = lines.iter().find(|line| line.contains("WITH RECURSIVE n (i)")).unwrap_or_else(|| panic!("{lines:?}"));
    assert!(line.contains(&request.to_string()) && line.contains("i < ?1") && !line.contains("300000"), "{line}");
    // By nobody's request.
    store.read(|conn| run(conn)).unwrap();
    let lines = log.with("WITH RECURSIVE n (i)");
    assert!(lines.len() == 2 && !lines[1].contains("request_id"), "{lines:?}");
}
