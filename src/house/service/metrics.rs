//! The technical figures of the installation, gathered when somebody asks. Nothing here can fail: what a broken database
//! cannot say is left out, and that it cannot is a figure too.
//!
//! Must not know: the wire types, the statements, any domain.

use std::fs;
use std::sync::Arc;

use crate::backups::{Backups, last_drill};
use crate::clock::{Clock, Timestamp};
use crate::http::meters::Meters;
use crate::meters::{Exposition, Kind, Scaled};
use crate::store::{self, Store};
use crate::tasks::{self, Queue};
use crate::webhooks::Webhooks;
use crate::webhooks::tasks::DELIVERY;

/// Where the figures come from; clones share it.
#[derive(Clone)]
pub struct MetricsService {
    store: Store,
    clock: Clock,
    queue: Queue,
    webhooks: Webhooks,
    backups: Backups,
    meters: Arc<Meters>,
    started: Timestamp,
}

impl MetricsService {
    /// The figures of what these do, counted from now on.
    #[must_use]
    pub fn new(clock: Clock, queue: Queue, webhooks: Webhooks, backups: Backups, meters: Arc<Meters>) -> Self {
        let (store, started) = (backups.store().clone(), clock.now());
        Self { store, clock, queue, webhooks, backups, meters, started }
    }

    /// What counts requests.
    #[must_use]
    pub fn meters(&self) -> &Arc<Meters> {
        &self.meters
    }

    /// All of it, in Prometheus's text format. It reads a few rows and the list of backups.
    #[must_use]
    pub fn expose(&self) -> String {
        let mut page = Exposition::default();
        page.family("comptoir_build_info", Kind::Gauge, "Which build runs.");
        page.sample("comptoir_build_info", &[("version", crate::BUILD)], 1);
        self.process(&mut page);
        self.meters.expose(&mut page);
        self.store(&mut page);
        self.tasks(&mut page);
        self.webhooks.expose(&mut page);
        self.backups(&mut page);
        page.into_text()
    }

    /// By the names that every client library gives them.
    fn process(&self, page: &mut Exposition) {
        let started = seconds(self.started);
        page.single("process_start_time_seconds", Kind::Gauge, "When it started, in Unix time.", started);
        if let Some(bytes) = resident_bytes() {
            page.single("process_resident_memory_bytes", Kind::Gauge, "Memory it has in the machine's.", bytes);
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            page.single("process_open_fds", Kind::Gauge, "Open files and sockets.", open.count());
        }
        if let Some(ticks) = cpu_ticks() {
            let spent = Scaled { value: ticks, scale: 100 };
            page.single("process_cpu_seconds_total", Kind::Counter, "Processor time it has used.", spent);
        }
    }

    fn store(&self, page: &mut Exposition) {
        let metrics = self.store.metrics();
        let health = self.store.health();
        let up = u8::from(health.is_ok() && self.store.read(|conn| store::instance(conn)).is_ok());
        page.single("comptoir_store_up", Kind::Gauge, "Whether the last write worked and a read does.", up);
        page.single("comptoir_store_queue_depth", Kind::Gauge, "Writes that wait for the writer.", metrics.queued);
        let writes = "comptoir_store_writes_total";
        page.family(writes, Kind::Counter, "Answered writes.");
        page.sample(writes, &[("outcome", "committed")], metrics.writes);
        page.sample(writes, &[("outcome", "refused")], metrics.failures);
        let reruns = "Batches whose transaction was lost, so that their writes ran one by one.";
        page.single("comptoir_store_reruns_total", Kind::Counter, reruns, metrics.reruns);
        self.store.expose(page);
        if let Some(at) = metrics.last_commit {
            let help = "When the last commit worked, in Unix time.";
            page.single("comptoir_store_last_commit_timestamp_seconds", Kind::Gauge, help, seconds(at));
        }
        let size = |path: &std::path::Path| fs::metadata(path).map_or(0, |file| file.len());
        let mut log = self.store.path().as_os_str().to_owned();
        log.push("-wal");
        let file = size(self.store.path());
        page.single("comptoir_store_file_bytes", Kind::Gauge, "The size of the database file.", file);
        let log = size(std::path::Path::new(&log));
        page.single("comptoir_store_log_bytes", Kind::Gauge, "The size of its write-ahead log.", log);
    }

    fn tasks(&self, page: &mut Exposition) {
        let now = self.clock.now();
        if let Ok(waiting) = self.store.read(|conn| tasks::waiting(conn)) {
            let name = "comptoir_tasks_waiting";
            page.family(name, Kind::Gauge, "Tasks that wait for their turn or their time, by kind.");
            for kind in &waiting {
                page.sample(name, &[("kind", &kind.kind)], kind.count);
            }
            let name = "comptoir_tasks_overdue_seconds";
            page.family(name, Kind::Gauge, "How long the one that is due first has waited since, by kind.");
            for kind in &waiting {
                page.sample(name, &[("kind", &kind.kind)], micros(now.since(kind.oldest)));
            }
            let deliveries = waiting.iter().find(|waiting| waiting.kind == DELIVERY.name());
            let deliveries = deliveries.map_or(0, |waiting| waiting.count);
            let help = "Deliveries of webhooks that wait for their next attempt.";
            page.single("comptoir_webhook_deliveries_waiting", Kind::Gauge, help, deliveries);
        }
        self.queue.expose(page);
        if let Ok(held) = self.store.read(|conn| store::held(conn)) {
            let help = "Whether webhooks and reminders are held, as after a restore.";
            page.single("comptoir_outgoing_held", Kind::Gauge, help, u8::from(held.is_some()));
        }
    }

    fn backups(&self, page: &mut Exposition) {
        if let Ok(newest) = self.backups.newest() {
            let at = newest.as_ref().map_or(0, |backup| backup.name.at().timestamp());
            let help = "When the newest good backup was taken, in Unix time; 0: there is none.";
            page.single("comptoir_backup_last_success_timestamp_seconds", Kind::Gauge, help, at);
            let bytes = newest.map_or(0, |backup| backup.bytes);
            page.single("comptoir_backup_last_success_bytes", Kind::Gauge, "Its size.", bytes);
        }
        if let Ok(Some(drill)) = self.store.read(|conn| last_drill(conn)) {
            let help = "When the last restore drill began, in Unix time.";
            page.single("comptoir_restore_drill_timestamp_seconds", Kind::Gauge, help, seconds(drill.began()));
            let help = "Whether the newest backup could be restored then.";
            page.single("comptoir_restore_drill_success", Kind::Gauge, help, u8::from(drill.succeeded()));
        }
    }
}

fn seconds(at: Timestamp) -> Scaled {
    Scaled { value: u64::try_from(at.as_micros()).unwrap_or(0), scale: 1_000_000 }
}

fn micros(span: std::time::Duration) -> Scaled {
    Scaled { value: u64::try_from(span.as_micros()).unwrap_or(u64::MAX), scale: 1_000_000 }
}

/// Where the system tells (proc(5)).
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// User and system time in hundredths of a second, which the kernel's ticks are on every machine (proc(5), fields 14 and
/// 15 of stat; the name in field 2 may have spaces).
fn cpu_ticks() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}
