//! What is recorded without keeping anybody waiting: sign-ins, refused ones counted per user, address and minute, and
//! plain reads where they are wanted. It waits in memory and is written a moment later, so a full disk keeps nobody out.
//!
//! Must not know: HTTP, any domain. What waits is bounded; what finds no room is counted, and that count is recorded.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::audit::chain::{Chain, Kind};
use crate::audit::model::{CalculationStatus, MAX_COUNT, Outcome, ProcessType};
use crate::audit::own::{self, Deed};
use crate::auth::model::{Call, CompanyId, Place, Principal, Timezone, UserId};
use crate::clock::{Clock, Timestamp};
use crate::store::{Store, StoreError};

/// How much may wait.
const ROOM: usize = 20_000;

/// So much that waits is written at once.
const PLENTY: usize = 500;

/// How often it is written otherwise, on the machine's clock.
const EVERY: Duration = Duration::from_secs(2);

/// How many go in one write: some milliseconds of the writer's time.
const SLICE: usize = 100;

/// Refusals are counted in spans of this length, in microseconds.
const MINUTE: i64 = 60_000_000;

/// A user as far as an action names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Who {
    /// Its company.
    pub company: CompanyId,
    /// Its row key.
    pub user: UserId,
    /// Its name.
    pub username: String,
    /// Where its day begins, in hours.
    pub hours: i8,
}

impl Who {
    /// A user.
    #[must_use]
    pub fn new(company: CompanyId, user: UserId, username: &str, timezone: Timezone) -> Self {
        Self { company, user, username: username.to_owned(), hours: timezone.hours() }
    }
}

/// What is counted as one: refusals of one user (`None`: of names that nobody has) from one address in one minute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Refusals {
    who: Option<Who>,
    operation: &'static str,
    address: IpAddr,
    minute: i64,
}

/// What waits.
#[derive(Debug, Default)]
struct Waiting {
    deeds: Vec<Deed>,
    refusals: HashMap<Refusals, u32>,
    lost: u64,
}

/// The journal; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    place: OnceLock<Place>,
    waiting: Mutex<Waiting>,
    plenty: Notify,
    /// Held while writing, so that what is read afterwards has all that waited before.
    desk: AsyncMutex<()>,
}

impl Journal {
    /// Says which server this is. Before that, nothing is written.
    pub fn set_place(&self, place: Place) {
        // A server is put together once.
        let _ = self.0.place.set(place);
    }

    /// Someone signed in.
    pub fn signed_in(&self, who: &Who, operation: &'static str, request: Uuid, address: IpAddr, at: Timestamp) {
        let outcome = Outcome::of(CalculationStatus::FinishedInTime);
        self.deed(who, operation, request, address, at, outcome);
    }

    /// Someone was refused; `who` is the user, if there is one of that name. A name that nobody has is not kept: people
    /// type passwords there.
    pub fn refused(&self, who: Option<Who>, operation: &'static str, address: IpAddr, at: Timestamp) {
        let key = Refusals { who, operation, address, minute: at.as_micros().div_euclid(MINUTE) };
        let mut waiting = self.waiting();
        if waiting.refusals.len() >= ROOM && !waiting.refusals.contains_key(&key) {
            waiting.lost += 1;
            return;
        }
        let count = waiting.refusals.entry(key).or_default();
        *count = count.saturating_add(1).min(MAX_COUNT);
    }

    /// Someone read something.
    pub fn read(&self, caller: &Principal, call: &Call) {
        self.push(own::deed(caller, call));
    }

    fn deed(
        &self,
        who: &Who,
        operation: &'static str,
        request: Uuid,
        address: IpAddr,
        at: Timestamp,
        outcome: Outcome,
    ) {
        let Some(place) = self.0.place.get() else { return };
        self.push(Deed {
            company: who.company,
            user: Some(who.user),
            username: who.username.clone(),
            process: own::timed(at, request.as_bytes()),
            process_type: ProcessType::Notrace,
            operation: operation.to_owned(),
            time: own::told(at, who.hours),
            request,
            place: place.clone(),
            outcome,
            detail: own::from_address(address),
        });
    }

    fn push(&self, deed: Deed) {
        let mut waiting = self.waiting();
        if waiting.deeds.len() >= ROOM {
            waiting.lost += 1;
            return;
        }
        waiting.deeds.push(deed);
        if waiting.deeds.len() == PLENTY {
            self.0.plenty.notify_one();
        }
    }

    /// Forgets what waits, once what is being written is written.
    pub async fn forget(&self) {
        let _desk = self.0.desk.lock().await;
        *self.waiting() = Waiting::default();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what waits; of the refusals, those of minutes that are over at `now`, or with `all` every one. What cannot
    /// be written goes on waiting.
    pub async fn flush(&self, store: &Store, now: Timestamp, all: bool) -> Result<(), StoreError> {
        let _desk = self.0.desk.lock().await;
        let (deeds, unknown, lost) = self.due(now, all);
        if lost > 0 || !unknown.is_empty() {
            let noted: Arc<Vec<_>> = Arc::new(unknown);
            let written = Arc::clone(&noted);
            let outcome = store
                .write(move |tx| {
                    for (refusals, count) in written.iter() {
                        own::note(tx, Chain::INSTALLATION, now, Kind::Refusals, &detail(refusals, *count))?;
                    }
                    if lost > 0 {
                        own::note(tx, Chain::INSTALLATION, now, Kind::Lost, &json!({ "count": lost }))?;
                    }
                    Ok::<_, StoreError>(())
                })
                .await;
            if let Err(error) = outcome {
                let mut waiting = self.waiting();
                waiting.lost += lost;
                for (refusals, count) in noted.iter() {
                    *waiting.refusals.entry(refusals.clone()).or_default() += count;
                }
                drop(waiting);
                self.put_back(deeds);
                return Err(error);
            }
        }
        let mut deeds = deeds.into_iter();
        loop {
            let slice: Arc<Vec<Deed>> = Arc::new(deeds.by_ref().take(SLICE).collect());
            if slice.is_empty() {
                return Ok(());
            }
            let written = Arc::clone(&slice);
            let outcome = store.write(move |tx| written.iter().try_for_each(|deed| own::record(tx, deed, now))).await;
            if let Err(error) = outcome {
                self.put_back(slice.iter().cloned().chain(deeds).collect());
                return Err(error);
            }
        }
    }

    /// Takes out what is to be written now: deeds, refusals of names that nobody has, and how much was lost.
    fn due(&self, now: Timestamp, all: bool) -> (Vec<Deed>, Vec<(Refusals, u32)>, u64) {
        let Some(place) = self.0.place.get() else { return (Vec::new(), Vec::new(), 0) };
        let minute = now.as_micros().div_euclid(MINUTE);
        let mut waiting = self.waiting();
        let mut deeds = std::mem::take(&mut waiting.deeds);
        let lost = std::mem::take(&mut waiting.lost);
        let over: Vec<_> = waiting.refusals.extract_if(|key, _| all || key.minute < minute).collect();
        drop(waiting);
        let (known, unknown): (Vec<_>, Vec<_>) = over.into_iter().partition(|(key, _)| key.who.is_some());
        deeds.extend(known.into_iter().filter_map(|(key, count)| refusals(&key, count, place)));
        (deeds, unknown, lost)
    }

    /// What could not be written waits again, before what came since.
    fn put_back(&self, mut deeds: Vec<Deed>) {
        let mut waiting = self.waiting();
        deeds.append(&mut waiting.deeds);
        let excess = deeds.len().saturating_sub(ROOM);
        deeds.truncate(ROOM);
        waiting.lost += excess as u64;
        waiting.deeds = deeds;
    }

    /// Writes again and again until `stop`, and then once more, all of it.
    pub async fn keep(&self, store: &Store, clock: &Clock, stop: CancellationToken) {
        let mut stopping = false;
        while !stopping {
            tokio::select! {
                () = stop.cancelled() => stopping = true,
                () = self.0.plenty.notified() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
            if let Err(error) = self.flush(store, clock.now(), stopping).await {
                tracing::warn!(%error, "what waits to be recorded in the audit could not be written");
            }
        }
    }
}

/// Refusals of a user as one deed.
fn refusals(key: &Refusals, count: u32, place: &Place) -> Option<Deed> {
    let who = key.who.as_ref()?;
    let at = Timestamp::from_micros(key.minute.saturating_mul(MINUTE));
    let request = Uuid::new_v4();
    Some(Deed {
        company: who.company,
        user: Some(who.user),
        username: who.username.clone(),
        process: own::timed(at, request.as_bytes()),
        process_type: ProcessType::Notrace,
        operation: key.operation.to_owned(),
        time: own::told(at, who.hours),
        request,
        place: place.clone(),
        outcome: Outcome { elements: count, ..Outcome::of(CalculationStatus::Failed) },
        detail: detail(key, count),
    })
}

fn detail(key: &Refusals, count: u32) -> serde_json::Value {
    json!({ "address": key.address, "minute": key.minute.saturating_mul(MINUTE), "refused": count })
}
