//! What requests come to, operation by operation: how many by class of status, and how long they took.
//!
//! Must not know: any domain, how it is published.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use poem::http::StatusCode;

use crate::auth::permissions::TABLE;
use crate::meters::{Exposition, Histogram, Kind};

/// Under which name stands what matched no operation: pages, and paths that lead nowhere.
pub const NO_OPERATION: &str = "none";

/// The bounds of a request's time, in microseconds.
const BOUNDS: &[u64] = &[
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

/// The classes of status, as a label says them.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The figures of every operation. What is not known before is not counted by name, so labels are bounded.
#[derive(Debug)]
pub struct Meters {
    by_operation: HashMap<&'static str, Meter>,
    none: Meter,
    begun: AtomicU64,
    ended: AtomicU64,
}

#[derive(Debug)]
struct Meter {
    by_class: [AtomicU64; CLASSES.len()],
    took: Histogram,
}

impl Meter {
    fn new() -> Self {
        Self { by_class: Default::default(), took: Histogram::new(BOUNDS) }
    }
}

impl Default for Meters {
    fn default() -> Self {
        let by_operation = TABLE.iter().map(|(id, _, _)| (*id, Meter::new())).collect();
        Self { by_operation, none: Meter::new(), begun: AtomicU64::new(0), ended: AtomicU64::new(0) }
    }
}

impl Meters {
    /// A request has come in.
    pub fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// It was answered; a long answer may still be on its way.
    pub fn end(&self, operation: &str, status: StatusCode, took: Duration) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        let meter = self.by_operation.get(operation).unwrap_or(&self.none);
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len());
        meter.by_class[class - 1].fetch_add(1, Ordering::Relaxed);
        meter.took.add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// Writes what was counted. Operations that were never asked for are left out.
    pub fn expose(&self, page: &mut Exposition) {
        let mut meters: Vec<_> = self.by_operation.iter().map(|(id, meter)| (*id, meter)).collect();
        meters.push((NO_OPERATION, &self.none));
        meters.retain(|(_, meter)| meter.took.count() > 0);
        meters.sort_unstable_by_key(|(id, _)| *id);
        let requests = "comptoir_http_requests_total";
        page.family(requests, Kind::Counter, "Answered requests by operation and class of status.");
        for (operation, meter) in &meters {
            for (class, count) in CLASSES.iter().zip(&meter.by_class) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    page.sample(requests, &[("operation", operation), ("status", class)], count);
                }
            }
        }
        let took = "comptoir_http_request_duration_seconds";
        page.family(took, Kind::Histogram, "Time from a request's head to the beginning of its answer.");
        for (operation, meter) in &meters {
            page.histogram(took, &[("operation", operation)], &meter.took, 1_000_000);
        }
        let ended = self.ended.load(Ordering::Relaxed);
        let in_flight = self.begun.load(Ordering::Relaxed).saturating_sub(ended);
        page.single("comptoir_http_requests_in_flight", Kind::Gauge, "Requests without an answer yet.", in_flight);
    }
}
