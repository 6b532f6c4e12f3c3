//! Bringing the log into the file while the writer goes on: a thread with a connection of its own, which the writer wakes
//! once the log has grown. Copying 16 MiB takes as long as two slices of bulk work; nobody waits for it here.
//!
//! While writes follow each other without a pause there is never an instant at which all of the log is in the file, and
//! only at such an instant is it begun anew. So once it is four times as long, the writer does what little the thread has
//! left, after it has answered. What piled up behind a long reader is the thread's alone.
//!
//! Must not know: what is written, who writes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use super::error::StoreError;
use super::open::{Manner, Role, connect};

/// Pages of the log, 16 MiB: from here on it is brought into the file. Bulk work changes the same pages again and again;
/// the fewer times they are copied, the better.
const LONG: u32 = 4_096;

/// Pages: from here on the writer does it. As much of the file system is kept for the log in any case (`journal_size_limit`).
const TOO_LONG: u32 = 4 * LONG;

/// Pages: so much longer the log gets before it is done again. The fewer times, the fewer copies of pages that change with
/// every commit.
const AGAIN: u32 = LONG;

/// What the writer has of it.
pub(super) struct Checkpointer {
    path: PathBuf,
    manner: Manner,
    /// How long the log was after the latest commit, in pages.
    length: Arc<AtomicU32>,
    seen: u32,
    due: u32,
    /// How much of the log the thread has found in the file at last.
    copied: Arc<AtomicU32>,
    /// One checkpoint at a time: a second one would be refused.
    turn: Arc<Mutex<()>>,
    /// Begun when the log is long for the first time.
    thread: Option<(SyncSender<()>, JoinHandle<()>)>,
}

impl Checkpointer {
    /// For the file at `path`, whose writer has `connection`.
    pub(super) fn new(connection: &mut Connection, path: PathBuf, manner: Manner) -> Result<Self, StoreError> {
        let length = Arc::new(AtomicU32::new(0));
        let told = Arc::clone(&length);
        // Takes the place of SQLite's own way, which makes the commit wait.
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            told.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        // Whoever writes waits for none of it, however long it takes.
        let manner = Manner { slow_query: None, ..manner };
        let (copied, turn) = (Arc::default(), Arc::default());
        Ok(Self { path, manner, length, seen: 0, due: LONG, copied, turn, thread: None })
    }

    /// Looks at the log after a commit.
    pub(super) fn look(&mut self, connection: &Connection) {
        let length = self.length.load(Ordering::Relaxed);
        if length < self.seen {
            self.due = LONG;
            self.copied.store(0, Ordering::Relaxed);
        }
        self.seen = length;
        if length < self.due {
            return;
        }
        self.due = length + AGAIN;
        let left = length.saturating_sub(self.copied.load(Ordering::Relaxed));
        if (length >= TOO_LONG && left <= LONG) || !self.wake() {
            let _turn = self.turn();
            advance(connection);
        }
    }

    /// Keeps others from a checkpoint as long as the guard lives.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the thread do it; whether it can.
    fn wake(&mut self) -> bool {
        if self.thread.is_none() {
            match self.start() {
                Ok(thread) => self.thread = Some(thread),
                Err(error) => {
                    tracing::warn!(%error, "there is no second connection to bring the log into the file with");
                    return false;
                }
            }
        }
        let sent = self.thread.as_ref().map(|(wake, _)| wake.try_send(()));
        // It has something to do already: then it will see what is new as well, or be woken again.
        !matches!(sent, None | Some(Err(TrySendError::Disconnected(()))))
    }

    fn start(&self) -> Result<(SyncSender<()>, JoinHandle<()>), StoreError> {
        let connection = connect(&self.path, Role::Checkpointer, self.manner)?;
        let (wake, woken) = sync_channel(1);
        let (turn, copied) = (Arc::clone(&self.turn), Arc::clone(&self.copied));
        let thread = thread::Builder::new().name("store-log".to_owned()).spawn(move || {
            while woken.recv().is_ok() {
                let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
                copied.store(advance(&connection), Ordering::Relaxed);
            }
        });
        Ok((wake, thread.map_err(|error| StoreError::Io(error.to_string()))?))
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        if let Some((wake, thread)) = self.thread.take() {
            drop(wake);
            let _ = thread.join();
        }
    }
}

/// The same once, by a connection of its own.
pub(super) fn advance_once(path: &Path, manner: Manner) -> Result<(), StoreError> {
    advance(&connect(path, Role::Checkpointer, Manner { slow_query: None, ..manner })?);
    Ok(())
}

/// Brings as much of the log into the file as readers allow, without waiting for any; how many of its pages are there. A
/// failure costs nobody anything: the log has it all, and it is tried again.
fn advance(connection: &Connection) -> u32 {
    let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(2));
    match copied {
        // Negative: there is no log.
        Ok(pages) => u32::try_from(pages).unwrap_or(0),
        Err(error) => {
            tracing::warn!(%error, "the log could not be brought into the file");
            0
        }
    }
}
