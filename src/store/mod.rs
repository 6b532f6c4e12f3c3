//! The SQLite file: opening it, reading it, and the one writer.
//!
//! It owns the file, its settings, its format and its lock. It must not know any domain, HTTP, tasks: what the tables
//! mean is said in each domain's `sql`, which gets a [`WriteTx`] or a [`ReadTx`] and never begins a transaction itself.
//! In reading order: `open` (settings, refusals), `lock` (one server a file), `migrations` (the format), `writer` (the
//! shared commit), `checkpointer` (the log), `reader` (the pool), `backup` (a copy while all of that goes on), `restore`
//! (another file in its place),
//! `error`, `health`.
//!
//! Nothing awaits inside a transaction: both kinds of closure are ordinary functions. A closure should hold the writer
//! for no more than about 50 ms; larger work comes in slices.
//!
//! A program that cannot open its file ends with one of these, [`OpenError::exit_code`]:
//!
//! | code | why | what then |
//! |---|---|---|
//! | 3 | written by a newer version | use that version, or the copy taken before it changed the file |
//! | 4 | not a Comptoir database | choose another path; the file is untouched |
//! | 5 | damaged | restore a backup; the file is kept as it is |
//! | 6 | another server has it, or could under another name (a hard link) | stop that one; keep one name |
//! | 7 | the SQLite library is too old | use a build with a newer one |
//! | 8 | an older format, and a server has it open | stop the server, start the new version |
//! | 9 | a migration, or the copy before it, failed | read the message; the file is at the format it names |
//! | 10 | missing, unreadable, busy, or any other I/O error | read the message |

mod backup;
mod checkpointer;
mod error;
mod health;
mod integrity;
mod lock;
mod meta;
mod migrations;
mod nested;
mod open;
mod pulse;
mod reader;
mod restore;
mod saved;
mod slow;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

pub use self::backup::{CopyError, Copying, Part, Snapshot};
pub use self::error::{ConstraintKind, OpenError, StoreError};
pub use self::health::{Fault, Health, Metrics};
pub use self::integrity::integrity;
pub use self::meta::{
    Held, drill_outcome, held, hold, instance, is_for_tests, keep_drill_outcome, mark_for_tests, release, set_instance,
};
pub use self::migrations::{MIGRATIONS, Migration};
pub use self::pulse::Pulse;
pub use self::reader::ReadTx;
pub use self::restore::Replacement;
pub use self::saved::{Adjust, SavedState};
pub use self::slow::during;

pub use self::writer::WriteTx;
/// The connection behind a [`ReadTx`] or a [`WriteTx`]: what reading functions take, so that both will do.
pub use rusqlite::Connection as Conn;

use self::open::Manner;
use self::reader::Readers;
use self::writer::{Message, Write, Writer};
use crate::clock::Clock;
use crate::meters::Exposition;

/// Who opens the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The one long-lived process; it holds the lock for life.
    Server,
    /// A short administrative command: works beside a running server, under SQLite's own locking.
    Command,
}

/// Who brings the log into the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checkpoints {
    /// The store itself, as the log grows and when it is closed.
    #[default]
    Own,
    /// A program beside it that copies the log away first, such as Litestream: the store never does.
    External,
}

/// How to open the file. Start from [`OpenOptions::server`] or [`OpenOptions::command`] and change what differs.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// The file. Symbolic links are followed.
    pub path: PathBuf,
    /// Who opens it.
    pub access: Access,
    /// Whether an absent or empty file becomes a new database.
    pub create: bool,
    /// How many reading connections are kept. More reads at once than that work too: each extra one opens a connection
    /// for itself and closes it again.
    pub readers: usize,
    /// How many [`Store::read_long`] run at once; the others wait.
    pub long_readers: usize,
    /// How many writes share a commit at most. One: each pays for its own, which is what sharing is measured against.
    pub max_batch: usize,
    /// How long to wait for another process's write before [`StoreError::Busy`].
    pub busy_timeout: Duration,
    /// Who brings the log into the file.
    pub checkpoints: Checkpoints,
    /// Statements that take longer are logged; `None`: none is.
    pub slow_query: Option<Duration>,
    /// Whether what was acknowledged survives a power cut; for databases of tests it need not, and is faster then.
    pub durable: bool,
    /// The steps to the latest format.
    pub migrations: &'static [Migration],
    /// What dates the copies and the health report.
    pub clock: Clock,
}

impl OpenOptions {
    /// For the server: creates the file if there is none.
    #[must_use]
    pub fn server(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            access: Access::Server,
            create: true,
            readers: 16,
            long_readers: 2,
            max_batch: writer::MAX_BATCH,
            busy_timeout: Duration::from_secs(5),
            checkpoints: Checkpoints::Own,
            slow_query: None,
            durable: true,
            migrations: MIGRATIONS,
            clock: Clock::system(),
        }
    }

    /// For a command: the file must be there, and one connection will do.
    #[must_use]
    pub fn command(path: impl Into<PathBuf>) -> Self {
        Self { access: Access::Command, create: false, readers: 1, ..Self::server(path) }
    }
}

/// A handle on the open file; clones share it. The last one to go waits until everything queued is written, so that the
/// file is free afterwards; in async code prefer [`Store::close`], which does not block.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    manner: Manner,
    // Before the writer: SQLite removes the log when the last connection is closed, and that should be the writer's.
    readers: Arc<Readers>,
    writer: Writer,
    long: Arc<Semaphore>,
}

impl Store {
    /// Opens the file and brings it to the latest format. It blocks, for long if there is much to migrate.
    pub fn open(options: OpenOptions) -> Result<Self, OpenError> {
        let opened = open::open(&options)?;
        let OpenOptions { readers, long_readers, max_batch, busy_timeout, checkpoints, slow_query, clock, .. } =
            options;
        let manner = Manner { busy_timeout, checkpoints, slow_query };
        let writer = Writer::start(opened.connection, &opened.path, opened.lock, manner, clock, max_batch)
            .map_err(|source| OpenError::Engine { path: opened.path.clone(), source })?;
        Ok(Self(Arc::new(Inner {
            readers: Arc::new(Readers::new(opened.path.clone(), manner, readers)),
            path: opened.path,
            manner,
            writer,
            long: Arc::new(Semaphore::new(long_readers)),
        })))
    }

    /// Runs `f` in a transaction on the writer's thread and answers once its commit is on the disk; other writers share
    /// that commit. An error from `f` rolls back what `f` did, and nothing else.
    ///
    /// `f` may run more than once (see `writer`): it must have no effect outside the database (those belong into
    /// [`WriteTx::after_commit`]), and take nothing apart that it captured. A caller that stops waiting before `f` is queued takes it back; after that it runs all the
    /// same, and only the answer is dropped.
    pub async fn write<T, E>(&self, f: impl Fn(&WriteTx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (message, answer) = message(f);
        self.0.writer.queue().send(message).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// [`Store::write`] for the command line, where there is no runtime.
    ///
    /// # Panics
    /// Inside a runtime: it would block a worker.
    pub fn write_blocking<T, E>(&self, f: impl Fn(&WriteTx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (message, answer) = message(f);
        self.0.writer.queue().blocking_send(message).map_err(|_| StoreError::Closed)?;
        answer.blocking_recv().map_err(|_| StoreError::Closed)?
    }

    /// Runs `f` on this very thread, on one snapshot of the committed state. For short reads that an index bounds: a hop
    /// to another thread would cost more than the read. Everything else goes to [`Store::read_long`].
    pub fn read<T, E: From<StoreError>>(&self, f: impl FnOnce(&ReadTx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.0.readers.run(f)
    }

    /// [`Store::read`] for a closure that makes a single statement, which is a snapshot by itself: it is spared
    /// the two statements around it.
    pub fn read_one<T, E: From<StoreError>>(&self, f: impl FnOnce(&ReadTx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.0.readers.run_one(f)
    }

    /// Runs `f` on a thread that may block, on one snapshot of the committed state, with at most
    /// [`OpenOptions::long_readers`] others at a time. For reports, exports and counts. While it runs, the log cannot be
    /// emptied: a read that takes minutes belongs in slices.
    ///
    /// A caller that stops waiting does not stop `f`.
    pub async fn read_long<T, E>(&self, f: impl FnOnce(&ReadTx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let permit = Arc::clone(&self.0.long).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let (readers, request) = (Arc::clone(&self.0.readers), slow::request());
        let read = tokio::task::spawn_blocking(move || {
            let outcome = slow::on_behalf(request, || readers.run(f));
            drop(permit);
            outcome
        });
        read.await.unwrap_or_else(|error| {
            Err(match error.try_into_panic() {
                Ok(panic) => StoreError::Panicked(writer::panic_message(&*panic)),
                Err(_) => StoreError::Closed,
            }
            .into())
        })
    }

    /// Whether the last commit worked, without trying one.
    #[must_use]
    pub fn health(&self) -> Health {
        self.0.writer.health()
    }

    /// Makes a durable write that changes nothing, and so finds out whether one works now.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.write(|tx| {
            // Writing the number it has already dirties the first page all the same.
            let version: u32 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            Ok(tx.pragma_update(None, "user_version", version)?)
        })
        .await
    }

    /// Counters for the metrics page.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.0.writer.metrics()
    }

    /// Writes how large batches are and how long commits take.
    pub fn expose(&self, page: &mut Exposition) {
        self.0.writer.expose(page);
    }

    /// A number that changes exactly when somebody else has written to the file (a command beside the server): what was
    /// cached before is out of date then. This store's own writes leave it alone. It waits its turn in the queue.
    pub async fn outside_version(&self) -> Result<i64, StoreError> {
        self.write(|tx| Ok(tx.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)).await
    }

    /// Copies the file as it stands now into `part`, beside readers and the writer, and reads the copy back: every page,
    /// and the rows of every table. What `check` finds in the copy is returned. `watch` is told how far it is, and says
    /// whether to go on. It blocks, for as long as it takes to read and write the whole file.
    pub fn copy_to(
        &self,
        part: &Part,
        check: &dyn Fn(&Conn) -> Result<Vec<String>, StoreError>,
        watch: &mut dyn FnMut(Copying) -> bool,
    ) -> Result<(Snapshot, Vec<String>), CopyError> {
        let snapshot = backup::copy(&self.0.path, self.0.manner, part, watch)?;
        let findings = backup::read_back(part.path(), &snapshot, check)?;
        Ok((snapshot, findings))
    }

    /// Brings the log into the file and empties it, as far as running reads allow; not if that is somebody else's to do.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        if self.0.manner.checkpoints == Checkpoints::Own {
            // What has piled up is copied beside the writer; it is left to empty the log.
            let (path, manner) = (self.0.path.clone(), self.0.manner);
            let copied = tokio::task::spawn_blocking(move || checkpointer::advance_once(&path, manner));
            copied.await.map_err(|_| StoreError::Closed)??;
        }
        let (reply, answer) = oneshot::channel();
        self.0.writer.queue().send(Message::Checkpoint(reply)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// A copy of the whole database in memory, as it is when its turn comes.
    pub async fn snapshot(&self) -> Result<SavedState, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.0.writer.queue().send(Message::Save(reply)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Puts a copy in the place of the database, after `adjust` has carried over into it what must not go back. What was
    /// queued before is written and gone; what is remembered of the rows elsewhere is the caller's to forget.
    pub async fn restore(&self, snapshot: Arc<SavedState>, adjust: Adjust) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Restore(snapshot, adjust, reply);
        self.0.writer.queue().send(message).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// How many bytes the database has.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        self.read_one(|conn| saved::bytes(conn))
    }

    /// The file, with symbolic links resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Shuts the store, for every clone of the handle: what is queued is still written and answered, later calls get
    /// [`StoreError::Closed`]. Afterwards, running reads aside, one tidy file is left, free for the next server. An
    /// error concerns the tidying only.
    pub async fn close(self) -> Result<(), StoreError> {
        self.0.long.close();
        self.0.readers.close();
        let (reply, answer) = oneshot::channel();
        // An error here or there: somebody else has closed it already.
        if self.0.writer.queue().send(Message::Close(reply)).await.is_err() {
            return Ok(());
        }
        answer.await.unwrap_or(Ok(()))
    }
}

/// A write on its way to the thread, and where its answer will come out.
fn message<F, T, E>(body: F) -> (Message, oneshot::Receiver<Result<T, E>>)
where
    F: Fn(&WriteTx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Message::Write(Box::new(Write { body, request: slow::request(), outcome: None, reply })), answer)
}
