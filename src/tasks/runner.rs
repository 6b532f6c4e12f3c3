//! The runner: one loop that claims what is due, looks after what was abandoned, and stops in good order.
//!
//! Must not know: any domain, HTTP. What happens within an attempt is `worker`'s.
//!
//! Two clocks are at work. When something is due, a lease ends or an attempt has taken too long is a matter of
//! [`crate::clock`], which a test may hold or move. How often the loop looks for rows of other processes and how long a
//! shutdown may take is a matter between this process and its surroundings, so the machine's clock decides; under a held
//! clock the server would otherwise neither notice anything nor stop.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock::{Clock, Timestamp};
use crate::store::{self, Store, StoreError};
use crate::tasks::context::TaskContext;
use crate::tasks::model::{Dedupe, NewTask};
use crate::tasks::outcome::Ending;
use crate::tasks::queue::{Queue, Running, TaskError};
use crate::tasks::registry::{Period, Registered, Registry};
use crate::tasks::sql::{self, Claim, Claimed, Lease};
use crate::tasks::worker;

/// A loop that has not come round for this long is not alive. It waits for its own writes, and those for up to five
/// seconds for another process's.
const DEAD_AFTER: Duration = Duration::from_secs(15);

/// How long the tasks that are handed back at the end may take to say so.
const FAREWELL: Duration = Duration::from_secs(5);

/// How the runner behaves.
#[derive(Debug, Clone, Copy)]
pub struct RunnerOptions {
    /// How often it looks for what other processes did: tasks they enqueued, wishes to cancel.
    pub poll: Duration,
    /// Chance, from 0 to 1, that spreads delays.
    pub chance: fn() -> f64,
    /// Kinds that tell people outside of something: they wait while the store says that outgoing work is held.
    pub outgoing: &'static [&'static str],
}

impl Default for RunnerOptions {
    fn default() -> Self {
        Self { poll: Duration::from_secs(1), chance, outgoing: &[] }
    }
}

/// An even chance from 0 to 1; the middle, should the machine have no chance to give.
fn chance() -> f64 {
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}

/// A handle on the runner; clones share it.
#[derive(Clone)]
pub struct Runner(Arc<Inner>);

struct Inner {
    store: Store,
    queue: Queue,
    registry: Registry,
    options: RunnerOptions,
    /// This run of the process.
    boot: String,
    /// Held while claiming, so that places are not given away twice; what is within is known to whoever claims.
    desk: AsyncMutex<Desk>,
    /// Counts attempts that are over.
    over: watch::Sender<u64>,
    /// Take nothing more.
    draining: CancellationToken,
    /// Hand back what runs: renewed when only that was interrupted.
    abort: Mutex<CancellationToken>,
    life: Mutex<Option<JoinHandle<()>>>,
    born: Instant,
    /// Milliseconds after `born` at which the loop last came round.
    came_round: AtomicU64,
}

#[derive(Default)]
struct Desk {
    /// Whether what other boots left behind was looked after.
    started: bool,
    /// When each period is due.
    periods: BTreeMap<&'static str, Timestamp>,
    /// Per kind, the tenant whose turn it was last.
    served: BTreeMap<&'static str, i64>,
}

/// What came of looking for due tasks.
#[derive(Default)]
struct Round {
    /// How many were begun.
    begun: usize,
    /// When the next one is due, among those for which there is a place.
    next: Option<Timestamp>,
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").field("boot", &self.0.boot).field("queue", &self.0.queue).finish_non_exhaustive()
    }
}

impl Runner {
    /// A runner of what `registry` knows. It does nothing until [`Runner::start`] or [`Runner::run_pending`]. There must
    /// be no other one on this queue, and none on this file but those of dead processes: what they had is taken over.
    ///
    /// # Panics
    /// If an outgoing kind has no handler: its name would be misspelt.
    #[must_use]
    pub fn new(store: Store, queue: Queue, registry: Registry, options: RunnerOptions) -> Self {
        let unknown = options.outgoing.iter().find(|kind| registry.kind(kind).is_none());
        assert!(unknown.is_none(), "nobody handles the outgoing kind {unknown:?}");
        Self(Arc::new(Inner {
            store,
            queue,
            registry,
            options,
            boot: Uuid::new_v4().to_string(),
            desk: AsyncMutex::default(),
            over: watch::Sender::new(0),
            draining: CancellationToken::new(),
            abort: Mutex::default(),
            life: Mutex::default(),
            born: Instant::now(),
            came_round: AtomicU64::new(0),
        }))
    }

    /// Begins to run tasks, until [`Runner::drain`]. A second call changes nothing.
    pub fn start(&self) {
        let mut life = self.0.life.lock().unwrap_or_else(PoisonError::into_inner);
        if life.is_none() {
            self.come_round();
            let runner = self.clone();
            *life = Some(tokio::spawn(async move { runner.live().await }));
        }
    }

    /// Whether tasks are run: false once the loop has ended, or has not come round lately. A runner whose loop was never
    /// started is driven by hand, and as alive as that hand.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        if self.0.draining.is_cancelled() {
            return false;
        }
        let last = Duration::from_millis(self.0.came_round.load(Ordering::Relaxed));
        let life = self.0.life.lock().unwrap_or_else(PoisonError::into_inner);
        life.as_ref().is_none_or(|life| !life.is_finished() && self.0.born.elapsed().saturating_sub(last) < DEAD_AFTER)
    }

    /// Runs all that is due, and what becomes due by that, until nothing runs and nothing is due at the clock's present
    /// instant; how many attempts that were. For tests: it waits for no time to pass.
    pub async fn run_pending(&self) -> Result<u64, TaskError> {
        let mut over = self.0.over.subscribe();
        let before = *over.borrow_and_update();
        loop {
            self.look_after().await?;
            let begun = self.claim().await?.begun;
            if begun == 0 && self.0.queue.running().is_empty() {
                return Ok(*over.borrow_and_update() - before);
            }
            if begun == 0 {
                tokio::select! {
                    _ = over.changed() => {}
                    () = self.0.queue.woken() => {}
                }
            }
        }
    }

    /// Stops in good order: takes nothing more, gives what runs `grace` to end, and hands back the rest, which waits for
    /// the next start and has not used an attempt.
    pub async fn drain(&self, grace: Duration) {
        self.0.draining.cancel();
        let life = self.0.life.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(life) = life
            && life.await.is_err()
        {
            tracing::error!("the task runner panicked");
        }
        if tokio::time::timeout(grace, self.quiet()).await.is_err() {
            tracing::info!(tasks = self.0.queue.running().len(), "handing back the tasks that still run");
            self.abort().cancel();
            if tokio::time::timeout(FAREWELL, self.quiet()).await.is_err() {
                tracing::warn!("some tasks could not be handed back; they are taken over at the next start");
            }
        }
    }

    fn abort(&self) -> MutexGuard<'_, CancellationToken> {
        self.0.abort.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands back what runs, has `meanwhile` done while nothing can begin, and then looks at the rows as at a start: for
    /// who puts other rows in the place of these.
    pub async fn interrupted<T>(&self, meanwhile: impl Future<Output = T>) -> T {
        let mut desk = self.0.desk.lock().await;
        std::mem::take(&mut *self.abort()).cancel();
        if tokio::time::timeout(FAREWELL, self.quiet()).await.is_err() {
            tracing::warn!("some tasks could not be interrupted");
        }
        let done = meanwhile.await;
        *desk = Desk::default();
        drop(desk);
        self.0.queue.wake();
        done
    }

    /// When the next waiting task is due, of those that are not due yet; periods aside.
    pub fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let now = self.0.queue.clock().now();
        self.0.store.read(|conn| {
            let mut next = None;
            for kind in self.0.registry.kinds() {
                next = next.into_iter().chain(sql::due(conn, kind.name, now)?.next).min();
            }
            Ok(next)
        })
    }

    /// Waits until nothing runs.
    async fn quiet(&self) {
        let mut over = self.0.over.subscribe();
        while !self.0.queue.running().is_empty() {
            if over.changed().await.is_err() {
                return;
            }
        }
    }

    async fn live(&self) {
        let mut look = true;
        let mut looked = Instant::now();
        while !self.0.draining.is_cancelled() {
            self.come_round();
            if look || looked.elapsed() >= self.0.options.poll {
                looked = Instant::now();
                self.report(self.look_after().await);
            }
            let claimed = self.claim().await.map_err(TaskError::from);
            let next = self.report(claimed).and_then(|claimed| claimed.next);
            let period = self.0.desk.lock().await.periods.values().min().copied();
            // A wake-up is about rows of this process; everything else is looked after whenever time has passed.
            look = tokio::select! {
                biased;
                () = self.0.draining.cancelled() => return,
                () = self.0.queue.woken() => false,
                () = until(self.0.queue.clock(), next.into_iter().chain(period).min()) => true,
                () = tokio::time::sleep(self.0.options.poll) => true,
            };
        }
    }

    /// What came of a part of a round. The next one tries again.
    fn report<T>(&self, outcome: Result<T, TaskError>) -> Option<T> {
        outcome.inspect_err(|error| tracing::error!(%error, boot = self.0.boot, "the task runner is stuck")).ok()
    }

    fn come_round(&self) {
        let passed = u64::try_from(self.0.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.came_round.store(passed, Ordering::Relaxed);
    }

    /// Everything but claiming: abandoned tasks, wishes of other processes, periods.
    async fn look_after(&self) -> Result<(), TaskError> {
        let mut desk = self.0.desk.lock().await;
        self.take_over(!desk.started).await?;
        if !desk.started {
            desk.periods = self.begin_periods().await?;
            desk.started = true;
        }
        for id in self.0.store.read(|conn| sql::to_cancel(conn))? {
            self.0.queue.stop(id);
        }
        let now = self.0.queue.clock().now();
        for period in self.0.registry.periods() {
            if desk.periods.get(period.key).is_some_and(|due| *due <= now) {
                let next = self.enqueue_period(period, now).await?;
                desk.periods.insert(period.key, next);
            }
        }
        Ok(())
    }

    /// Gives up what nobody runs any longer: at the start what other boots had, later what this one has lost.
    async fn take_over(&self, starting: bool) -> Result<(), StoreError> {
        let (boot, now) = (self.0.boot.clone(), self.0.queue.clock().now());
        let abandoned = self.0.store.read(|conn| sql::abandoned(conn, &boot, starting, now))?;
        let abandoned: Vec<_> = {
            // A worker of ours is alive whatever its lease says: the clock may have jumped.
            let running = self.0.queue.running();
            let is_ours = |id: i64, lease: i64| running.get(&id).is_some_and(|running| running.lease == lease);
            abandoned.into_iter().filter(|task| !is_ours(task.id, task.lease)).collect()
        };
        if abandoned.is_empty() {
            return Ok(());
        }
        let endings: Vec<_> = abandoned
            .iter()
            .map(|task| {
                let backoff = self.0.registry.kind(&task.kind).map(|kind| kind.options.backoff).unwrap_or_default();
                let ending = Ending::lost(task.attempts, task.max_attempts, backoff, (self.0.options.chance)());
                tracing::warn!(kind = task.kind, guid = %task.guid, attempt = task.attempts, "a task was abandoned");
                (Lease { id: task.id, number: task.lease }, ending)
            })
            .collect();
        let queue = self.0.queue.clone();
        self.0
            .store
            .write(move |tx| {
                endings.iter().try_for_each(|(lease, ending)| queue.settle(tx, *lease, ending, None).map(|_| ()))
            })
            .await
    }

    /// When each period is due: what is written, unless its schedule has become shorter since.
    async fn begin_periods(&self) -> Result<BTreeMap<&'static str, Timestamp>, StoreError> {
        let now = self.0.queue.clock().now();
        let periods = self.0.registry.periods().to_vec();
        if periods.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.0
            .store
            .write(move |tx| {
                let mut dues = BTreeMap::new();
                for period in &periods {
                    let next = period.schedule.next_after(now);
                    let due = sql::period(tx, period.key)?.map_or(next, |due| due.min(next));
                    sql::save_period(tx, period.key, due)?;
                    dues.insert(period.key, due);
                }
                Ok::<_, StoreError>(dues)
            })
            .await
    }

    /// Enqueues a period's task and moves the period on, past everything that was missed.
    async fn enqueue_period(&self, period: &Period, now: Timestamp) -> Result<Timestamp, TaskError> {
        let (period, queue) = (period.clone(), self.0.queue.clone());
        self.0
            .store
            .write(move |tx| {
                let task = NewTask::new(period.kind, period.payload.clone());
                queue.enqueue(tx, &task.dedupe(Dedupe::JoinRunning(period.key.to_owned())))?;
                let next = period.schedule.next_after(now);
                sql::save_period(tx, period.key, next)?;
                Ok(next)
            })
            .await
    }

    /// Begins as many due tasks as there are places. Whenever a place becomes free, the loop is woken.
    async fn claim(&self) -> Result<Round, StoreError> {
        let mut desk = self.0.desk.lock().await;
        if self.0.draining.is_cancelled() {
            return Ok(Round::default());
        }
        let now = self.0.queue.clock().now();
        let places = self.places();
        let (wanted, next) = self.0.store.read(|conn| {
            let (mut wanted, mut next) = (Vec::new(), None);
            let held = store::held(conn)?.is_some();
            let holds = |kind: &str| held && self.0.options.outgoing.contains(&kind);
            for (kind, places) in places.iter().filter(|(kind, _)| !holds(kind.name)) {
                let due = sql::due(conn, kind.name, now)?;
                if due.now {
                    let served = desk.served.get(kind.name).copied().unwrap_or_default();
                    wanted.push((kind.name, *places, served, now.plus(kind.options.lease)));
                }
                next = next.into_iter().chain(due.next).min();
            }
            Ok::<_, StoreError>((wanted, next))
        })?;
        if wanted.is_empty() {
            return Ok(Round { begun: 0, next });
        }
        let (boot, queue) = (self.0.boot.clone(), self.0.queue.clone());
        let claimed = self
            .0
            .store
            .write(move |tx| {
                let mut claimed = Vec::new();
                for (kind, places, served, until) in &wanted {
                    let what = Claim { kind, places: *places, boot: &boot, served: *served, now, until: *until };
                    claimed.append(&mut sql::claim(tx, what)?);
                }
                for claimed in &claimed {
                    queue.announce(tx, &claimed.task);
                }
                Ok::<_, StoreError>(claimed)
            })
            .await?;
        let begun = claimed.len();
        for claimed in claimed {
            self.begin(&mut desk, claimed);
        }
        Ok(Round { begun, next })
    }

    /// Kinds with free places, and how many.
    fn places(&self) -> Vec<(Arc<Registered>, usize)> {
        let running = self.0.queue.running();
        let mut taken = BTreeMap::new();
        for task in running.values() {
            *taken.entry(task.kind).or_insert(0usize) += 1;
        }
        let free = |kind: &Registered| {
            kind.options.concurrency.saturating_sub(taken.get(kind.name).copied().unwrap_or_default())
        };
        self.0.registry.kinds().map(|kind| (Arc::clone(kind), free(kind))).filter(|(_, free)| *free > 0).collect()
    }

    /// Runs a claimed task in the background.
    fn begin(&self, desk: &mut Desk, claimed: Claimed) {
        let Some(kind) = self.0.registry.kind(&claimed.task.kind).cloned() else { return };
        // They come in the order of the circle of tenants: the last one says where it stands.
        desk.served.insert(kind.name, sql::tenant(claimed.task.company));
        let (id, lease) = (claimed.task.id, claimed.task.lease);
        let cancel = CancellationToken::new();
        if claimed.task.cancel_requested {
            cancel.cancel();
        }
        self.0.queue.running().insert(id, Running { lease, kind: kind.name, cancel: cancel.clone() });
        let seat = Seat { runner: self.clone(), id };
        let (store, abort) = (self.0.store.clone(), self.abort().clone());
        let context = TaskContext::new(
            store.clone(),
            self.0.queue.clone(),
            claimed,
            (kind.options.backoff, (self.0.options.chance)()),
            (cancel, self.0.draining.clone()),
        );
        tokio::spawn(async move {
            let _seat = seat;
            worker::work(store, &kind, context, abort).await;
        });
    }
}

/// The place of a running task. It is free again when this goes, however the attempt ended.
struct Seat {
    runner: Runner,
    id: i64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let inner = &self.runner.0;
        inner.queue.running().remove(&self.id);
        inner.over.send_modify(|over| *over += 1);
        inner.queue.wake();
    }
}

async fn until(clock: &Clock, due: Option<Timestamp>) {
    match due {
        Some(due) => clock.sleep_until(due).await,
        None => std::future::pending().await,
    }
}
