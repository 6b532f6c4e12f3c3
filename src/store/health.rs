//! What the store says about itself, for the health page and the metrics.
//!
//! Must not know: how any of it is published.

use crate::clock::Timestamp;

/// Counters since the start, and the length of the queue at this moment. Reading them costs a few atomic loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Writes that wait for the writer.
    pub queued: usize,
    /// Commits, each shared by all the writes of a batch.
    pub batches: u64,
    /// Writes that were committed and acknowledged.
    pub writes: u64,
    /// Writes that were answered with an error, their own or the store's.
    pub failures: u64,
    /// Batches whose transaction was lost, so that their writes ran again one by one.
    pub reruns: u64,
    /// When the last commit worked.
    pub last_commit: Option<Timestamp>,
}

/// Whether the store can write, as far as it knows without trying ([`Store::probe`] tries).
///
/// [`Store::probe`]: super::Store::probe
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Whether the writer takes writes at all; not once the store is closed.
    pub writer_alive: bool,
    /// When the last commit worked.
    pub last_commit: Option<Timestamp>,
    /// What the database refused since then. What a closure itself refuses is none of its faults.
    pub fault: Option<Fault>,
}

impl Health {
    /// Whether a write may be expected to work.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.writer_alive && self.fault.is_none()
    }
}

/// A write the database could not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// When.
    pub at: Timestamp,
    /// Why, in words for the log and the operator.
    pub reason: String,
}
