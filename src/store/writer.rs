//! The one writer: a thread that owns the only connection that writes, a bounded queue before it, and the commit that
//! all who wait share.
//!
//! Must not know: any domain, the readers.
//!
//! How a batch goes: whatever waits (up to [`MAX_BATCH`] closures) runs in one `BEGIN IMMEDIATE`; then one commit, then the
//! answers. So an acknowledged write is on the disk, and sixty-four writers pay for one fsync.
//!
//! A closure that fails or panics leaves nothing. Most of those that fail do so before they change anything, and many that
//! run are never in another's way: so a batch runs hopefully first, without a savepoint for each. Should one fail half-way,
//! the batch is rolled back and runs again, each closure in a savepoint; so do the next [`WARY`] batches, for failures come
//! in swarms.
//!
//! What can go wrong: some errors (a full disk, an I/O error, an interrupt, `ON CONFLICT ROLLBACK`) end the *whole*
//! transaction from inside a closure, the neighbours' released savepoints included, after which SQLite would commit
//! every further statement on its own. Two hooks stand against that: one refuses every commit that is not the writer's,
//! one notes every rollback that is not. When a batch's transaction is lost, or its commit fails, nothing of it is
//! acknowledged, errors neither (a closure may have failed only because of a row that is gone now), and its closures run
//! again one by one, each in a transaction of its own. That is why they are `Fn`.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::checkpointer::Checkpointer;
use super::error::StoreError;
use super::health::{Fault, Health, Metrics};
use super::lock::ServerLock;
use super::open::Manner;
use super::saved::{Adjust, SavedState};
use super::{Checkpoints, slow};
use crate::clock::{Clock, Timestamp};
use crate::meters::{Exposition, Histogram, Kind};

/// How many closures share a commit at most.
pub(super) const MAX_BATCH: usize = 256;

/// How many writes may wait; further callers wait for a place. Four batches: enough to keep the writer busy, little
/// enough that a caller is not told yes a long time after it lost interest.
const QUEUE: usize = 4 * MAX_BATCH;

/// So many batches have savepoints after a closure has failed half-way.
const WARY: u32 = 64;

/// The bounds of the number of writes that share a commit.
const SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];

/// The bounds of a commit's time, in microseconds.
const COMMITS: &[u64] =
    &[500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000];

/// A write in progress. Only a closure given to [`Store::write`] or [`Store::write_blocking`] gets one; whether it is
/// kept is decided by the closure's result, so the closure begins and commits nothing itself.
///
/// [`Store::write`]: super::Store::write
/// [`Store::write_blocking`]: super::Store::write_blocking
pub struct WriteTx<'a> {
    connection: &'a Connection,
    /// What is to happen once this write is on the disk; forgotten if it is not kept.
    after: RefCell<Vec<AfterCommit>>,
}

/// Something to do once a write is on the disk.
type AfterCommit = Box<dyn FnOnce() + Send>;

impl<'a> WriteTx<'a> {
    fn new(connection: &'a Connection) -> Self {
        Self { connection, after: RefCell::default() }
    }

    /// Runs `f` once this write is on the disk, before its caller is answered, and never if the write is not kept: the
    /// one place for an effect outside the database, such as waking somebody. `f` runs on the writer's thread, which
    /// everybody waits for: it must neither block nor panic.
    pub fn after_commit(&self, f: impl FnOnce() + Send + 'static) {
        self.after.borrow_mut().push(Box::new(f));
    }
}

impl Deref for WriteTx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl fmt::Debug for WriteTx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteTx").field(self.connection).finish()
    }
}

/// What the thread is asked to do.
pub(super) enum Message {
    Write(Box<dyn Work>),
    Checkpoint(oneshot::Sender<Result<(), StoreError>>),
    Save(oneshot::Sender<Result<SavedState, StoreError>>),
    Restore(Arc<SavedState>, Adjust, oneshot::Sender<Result<(), StoreError>>),
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// A write without its types: the closure, its latest outcome, and the way back to the caller.
pub(super) trait Work: Send {
    /// Runs the closure, again if need be, and keeps the outcome. True if it succeeded.
    fn run(&mut self, tx: &WriteTx<'_>) -> bool;
    /// Replaces the outcome: what the closure says no longer counts.
    fn fail(&mut self, error: StoreError);
    fn succeeded(&self) -> bool;
    /// Sends the outcome. A caller that went away is not missed.
    fn answer(self: Box<Self>);
}

pub(super) struct Write<F, T, E> {
    pub(super) body: F,
    /// The request it is for, if it is for one.
    pub(super) request: Option<Uuid>,
    pub(super) outcome: Option<Result<T, E>>,
    pub(super) reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Work for Write<F, T, E>
where
    F: Fn(&WriteTx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, tx: &WriteTx<'_>) -> bool {
        // The closure may leave its own captures half changed, but only it sees them; the transaction is rolled back.
        let run = || slow::on_behalf(self.request, || (self.body)(tx));
        let outcome = catch_unwind(AssertUnwindSafe(run))
            .unwrap_or_else(|panic| Err(StoreError::Panicked(panic_message(&*panic)).into()));
        self.outcome.insert(outcome).is_ok()
    }

    fn fail(&mut self, error: StoreError) {
        self.outcome = Some(Err(error.into()));
    }

    fn succeeded(&self) -> bool {
        matches!(self.outcome, Some(Ok(_)))
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            let _ = self.reply.send(outcome);
        }
    }
}

/// The words of a panic, if it had any.
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

/// Does what was to be done after a commit. The thread outlives a panic in one of them, and the others are still done.
fn follow_up(after: Vec<AfterCommit>) {
    for effect in after {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(effect)) {
            tracing::error!(panic = panic_message(&*panic), "an effect that follows a commit panicked");
        }
    }
}

/// What the thread reports about itself, written by it alone.
struct Gauges {
    /// How many writes shared each commit.
    sizes: Histogram,
    /// How long commits took to reach the disk, in microseconds.
    commits: Histogram,
    batches: AtomicU64,
    writes: AtomicU64,
    failures: AtomicU64,
    reruns: AtomicU64,
    /// Microseconds; meaningless while `batches` is zero.
    last_commit: AtomicI64,
    fault: Mutex<Option<Fault>>,
}

impl Default for Gauges {
    fn default() -> Self {
        Self {
            sizes: Histogram::new(SIZES),
            commits: Histogram::new(COMMITS),
            batches: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            reruns: AtomicU64::new(0),
            last_commit: AtomicI64::new(0),
            fault: Mutex::default(),
        }
    }
}

/// The store's handle on the thread. Dropping it lets what is queued finish, then waits for the thread.
pub(super) struct Writer {
    /// `None` only while it is being dropped.
    queue: Option<mpsc::Sender<Message>>,
    thread: Option<JoinHandle<()>>,
    gauges: Arc<Gauges>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Writer").field(&self.metrics()).finish()
    }
}

impl Writer {
    /// Starts the thread. It keeps `lock` until the connection is closed.
    pub(super) fn start(
        mut connection: Connection,
        path: &Path,
        lock: Option<ServerLock>,
        manner: Manner,
        clock: Clock,
        max_batch: usize,
    ) -> Result<Self, StoreError> {
        let (sender, queue) = mpsc::channel(QUEUE);
        let checkpoints = manner.checkpoints;
        // A command is gone before it would be worth it.
        let checkpointer = if lock.is_some() && checkpoints == Checkpoints::Own {
            Some(Checkpointer::new(&mut connection, path.to_owned(), manner)?)
        } else {
            None
        };
        let gauges = Arc::new(Gauges::default());
        let mut desk = Desk {
            connection,
            queue,
            checkpointer,
            lock,
            checkpoints,
            busy_timeout: manner.busy_timeout,
            clock,
            max_batch,
            wary: 0,
            gauges: Arc::clone(&gauges),
            guard: Arc::new(Guard::default()),
        };
        desk.stand_guard()?;
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || desk.work())
            .map_err(|error| StoreError::Io(error.to_string()))?;
        Ok(Self { queue: Some(sender), thread: Some(thread), gauges })
    }

    pub(super) fn queue(&self) -> &mpsc::Sender<Message> {
        self.queue.as_ref().expect("the queue is there until drop, and drop has the only reference")
    }

    pub(super) fn metrics(&self) -> Metrics {
        let gauges = &*self.gauges;
        let batches = gauges.batches.load(Ordering::Acquire);
        Metrics {
            queued: self.queue().max_capacity() - self.queue().capacity(),
            batches,
            writes: gauges.writes.load(Ordering::Relaxed),
            failures: gauges.failures.load(Ordering::Relaxed),
            reruns: gauges.reruns.load(Ordering::Relaxed),
            last_commit: (batches > 0).then(|| Timestamp::from_micros(gauges.last_commit.load(Ordering::Relaxed))),
        }
    }

    pub(super) fn expose(&self, page: &mut Exposition) {
        let sizes = "comptoir_store_batch_writes";
        page.family(sizes, Kind::Histogram, "Writes that shared a commit.");
        page.histogram(sizes, &[], &self.gauges.sizes, 1);
        let commits = "comptoir_store_commit_duration_seconds";
        page.family(commits, Kind::Histogram, "Time until a commit was on the disk.");
        page.histogram(commits, &[], &self.gauges.commits, 1_000_000);
    }

    pub(super) fn health(&self) -> Health {
        Health {
            // The thread closes its end before it answers a close, and loses it should it die.
            writer_alive: !self.queue().is_closed(),
            last_commit: self.metrics().last_commit,
            fault: self.gauges.fault.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        // The last handle on the store may have been captured by a closure: then this *is* the thread.
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != thread::current().id()) {
            let _ = thread.join();
        }
    }
}

/// What the two hooks and the thread tell each other.
#[derive(Default)]
struct Guard {
    /// The thread itself is committing.
    committing: AtomicBool,
    /// The transaction was rolled back as a whole.
    lost: AtomicBool,
}

/// What the thread has before it.
struct Desk {
    // In this order, so that the lock outlives the connection.
    connection: Connection,
    queue: mpsc::Receiver<Message>,
    checkpointer: Option<Checkpointer>,
    lock: Option<ServerLock>,
    checkpoints: Checkpoints,
    busy_timeout: Duration,
    clock: Clock,
    max_batch: usize,
    /// So many batches to come have savepoints.
    wary: u32,
    gauges: Arc<Gauges>,
    guard: Arc<Guard>,
}

/// How a batch went that ran together.
enum Together {
    /// Whatever succeeded is on the disk.
    Committed,
    /// A closure failed half-way where there was no savepoint: nothing of the batch counts.
    Spoiled,
}

impl Desk {
    fn stand_guard(&mut self) -> Result<(), StoreError> {
        let guard = Arc::clone(&self.guard);
        self.connection.commit_hook(Some(move || !guard.committing.load(Ordering::Relaxed)))?;
        let guard = Arc::clone(&self.guard);
        self.connection.rollback_hook(Some(move || guard.lost.store(true, Ordering::Relaxed)))?;
        // What a savepoint may have to put back stays in memory: it is at most the pages that one write changes. Only now:
        // a migration may have more to sort than fits.
        self.connection.pragma_update(None, "temp_store", "MEMORY")?;
        Ok(())
    }

    /// The thread's life.
    fn work(mut self) {
        let mut closing = Vec::new();
        while let Some(message) = self.queue.blocking_recv() {
            self.handle(message, &mut closing);
        }
        // A server leaves one tidy file behind; a command must not make a running server's readers wait for that.
        let farewell = if self.lock.is_some() { self.checkpoint() } else { Ok(()) };
        let Self { connection, lock, checkpointer, .. } = self;
        drop(checkpointer);
        drop(connection);
        drop(lock);
        let mut farewell = Some(farewell);
        for reply in closing {
            let _: Result<(), _> = reply.send(farewell.take().unwrap_or(Ok(())));
        }
    }

    fn handle(&mut self, message: Message, closing: &mut Vec<oneshot::Sender<Result<(), StoreError>>>) {
        match message {
            Message::Write(first) => {
                let mut batch = vec![first];
                let mut other = None;
                while batch.len() < self.max_batch && other.is_none() {
                    match self.queue.try_recv() {
                        Ok(Message::Write(work)) => batch.push(work),
                        Ok(message) => other = Some(message),
                        Err(_) => break,
                    }
                }
                self.run_batch(batch);
                if let Some(checkpointer) = &mut self.checkpointer {
                    checkpointer.look(&self.connection);
                }
                if let Some(message) = other {
                    self.handle(message, closing);
                }
            }
            Message::Checkpoint(reply) => {
                let _ = reply.send(self.checkpoint());
            }
            Message::Save(reply) => {
                let _ = reply.send(SavedState::of(&self.connection));
            }
            Message::Restore(snapshot, adjust, reply) => {
                // Not through the shared commit: the pages change under it, whatever transaction it would be.
                self.guard.committing.store(true, Ordering::Relaxed);
                let restored = snapshot.restore(&mut self.connection, adjust);
                self.guard.committing.store(false, Ordering::Relaxed);
                let _ = reply.send(restored);
            }
            // What was queued before still runs: the queue only takes nothing more.
            Message::Close(reply) => {
                self.queue.close();
                closing.push(reply);
            }
        }
    }

    fn run_batch(&mut self, mut batch: Vec<Box<dyn Work>>) {
        if batch.len() > 1 {
            let mut together = self.run_together(&mut batch);
            if matches!(together, Ok(Together::Spoiled)) {
                tracing::debug!(writes = batch.len(), "a write failed half-way: those beside it run again");
                self.roll_back();
                self.wary = WARY;
                together = self.run_together(&mut batch);
            }
            match together {
                Ok(_) => return self.answer(batch),
                // Each would wait for the whole timeout again, one after the other.
                Err(StoreError::Busy) => {
                    // It may have been the commit that was refused.
                    self.roll_back();
                    self.note_fault(&StoreError::Busy);
                    for work in &mut batch {
                        work.fail(StoreError::Busy);
                    }
                    return self.answer(batch);
                }
                Err(_) => {
                    self.roll_back();
                    self.gauges.reruns.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        for mut work in batch {
            if let Err(error) = self.run_alone(&mut *work) {
                self.roll_back();
                self.note_fault(&error);
                work.fail(error);
            }
            self.answer(vec![work]);
        }
    }

    /// All in one transaction. An error means that none of it counts.
    fn run_together(&mut self, batch: &mut [Box<dyn Work>]) -> Result<Together, StoreError> {
        let careful = self.wary > 0;
        self.wary = self.wary.saturating_sub(1);
        self.begin()?;
        let count = batch.len();
        let mut after = Vec::new();
        for work in batch {
            if careful {
                self.step("SAVEPOINT one_write")?;
            }
            let before = self.connection.total_changes();
            let tx = WriteTx::new(&self.connection);
            let succeeded = work.run(&tx);
            if self.lost() {
                return Err(StoreError::RolledBack);
            }
            if succeeded {
                after.append(&mut tx.after.take());
            } else if careful {
                self.step("ROLLBACK TO one_write")?;
            } else if self.connection.total_changes() != before {
                return Ok(Together::Spoiled);
            }
            if careful {
                self.step("RELEASE one_write")?;
            }
        }
        self.commit(count)?;
        follow_up(after);
        Ok(Together::Committed)
    }

    /// One in a transaction of its own. An error takes the place of the closure's outcome.
    fn run_alone(&self, work: &mut dyn Work) -> Result<(), StoreError> {
        self.begin()?;
        let tx = WriteTx::new(&self.connection);
        let succeeded = work.run(&tx);
        match (succeeded, self.lost()) {
            (true, false) => {
                self.commit(1)?;
                follow_up(tx.after.take());
                Ok(())
            }
            (true, true) => Err(StoreError::RolledBack),
            (false, false) => {
                self.roll_back();
                Ok(())
            }
            // The closure's own error says what ended the transaction; its type says nothing to us.
            (false, true) => {
                self.roll_back();
                self.note("the database ended a transaction: a full disk or an I/O error".to_owned());
                Ok(())
            }
        }
    }

    fn answer(&self, batch: Vec<Box<dyn Work>>) {
        for work in batch {
            let count = if work.succeeded() { &self.gauges.writes } else { &self.gauges.failures };
            count.fetch_add(1, Ordering::Relaxed);
            work.answer();
        }
    }

    fn begin(&self) -> Result<(), StoreError> {
        self.guard.lost.store(false, Ordering::Relaxed);
        // Immediate: a transaction that reads first and asks for the write lock later is refused at once, whatever the
        // timeout, when another process has written in between.
        self.step("BEGIN IMMEDIATE")
    }

    fn commit(&self, writes: usize) -> Result<(), StoreError> {
        let began = Instant::now();
        self.guard.committing.store(true, Ordering::Relaxed);
        let outcome = self.step("COMMIT");
        self.guard.committing.store(false, Ordering::Relaxed);
        outcome?;
        self.gauges.commits.add(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
        self.gauges.sizes.add(writes as u64);
        self.gauges.last_commit.store(self.clock.now().as_micros(), Ordering::Relaxed);
        self.gauges.batches.fetch_add(1, Ordering::Release);
        *self.gauges.fault.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    /// Whether the transaction that `begin` began is gone. Autocommit alone would not tell: a savepoint opened after the
    /// loss begins a transaction again.
    fn lost(&self) -> bool {
        self.guard.lost.load(Ordering::Relaxed) || self.connection.is_autocommit()
    }

    fn roll_back(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.step("ROLLBACK")
        {
            self.note_fault(&error);
        }
    }

    fn step(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// Brings the log into the file and empties it as far as the readers allow. That they do not allow all of it is no
    /// error: a later one will.
    fn checkpoint(&self) -> Result<(), StoreError> {
        if self.checkpoints == Checkpoints::External {
            return Ok(());
        }
        let _turn = self.checkpointer.as_ref().map(Checkpointer::turn);
        // Writes wait meanwhile: no reader is waited for.
        self.connection.busy_timeout(Duration::ZERO)?;
        let outcome = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        self.connection.busy_timeout(self.busy_timeout)?;
        match outcome.map_err(StoreError::from) {
            Err(StoreError::Busy) => Ok(()),
            outcome => outcome,
        }
    }

    fn note_fault(&self, error: &StoreError) {
        if !error.is_the_callers() {
            self.note(error.to_string());
        }
    }

    fn note(&self, reason: String) {
        tracing::error!(%reason, "a write did not reach the database");
        let fault = Fault { at: self.clock.now(), reason };
        *self.gauges.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the log a commit waits for nobody; a rollback journal's commit waits for readers.
    #[test]
    fn a_batch_whose_commit_is_refused_leaves_no_transaction_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("test.db");
        let connection = Connection::open(&path).expect("a database");
        connection.busy_timeout(Duration::ZERO).expect("a setting");
        connection.execute_batch("CREATE TABLE item (id INTEGER PRIMARY KEY)").expect("a table");
        let reader = Connection::open(&path).expect("the same database");
        reader.execute_batch("BEGIN; SELECT count(*) FROM item").expect("a read");

        let (_sender, queue) = mpsc::channel(1);
        let (gauges, guard) = (Arc::default(), Arc::default());
        let (lock, checkpoints, clock) = (None, Checkpoints::Own, Clock::system());
        let (checkpointer, max_batch, busy_timeout) = (None, MAX_BATCH, Duration::ZERO);
        let mut desk = Desk {
            connection,
            queue,
            checkpointer,
            lock,
            checkpoints,
            busy_timeout,
            clock,
            max_batch,
            wary: 0,
            gauges,
            guard,
        };
        desk.stand_guard().expect("the hooks");
        let mut answers = Vec::new();
        let mut batch: Vec<Box<dyn Work>> = Vec::new();
        for id in 0..2 {
            let (reply, answer) = oneshot::channel::<Result<(), StoreError>>();
            let body = move |tx: &WriteTx<'_>| {
                tx.execute("INSERT INTO item (id) VALUES (?1)", [id])?;
                Ok(())
            };
            batch.push(Box::new(Write { body, request: None, outcome: None, reply }));
            answers.push(answer);
        }
        desk.run_batch(batch);

        assert!(desk.connection.is_autocommit());
        for answer in answers {
            assert!(matches!(answer.blocking_recv(), Ok(Err(StoreError::Busy))));
        }
    }
}
