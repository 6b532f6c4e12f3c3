//! Reading: a pool of query-only connections that runs a closure on the thread that asks, in one snapshot.
//!
//! Must not know: the writer, any domain.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use super::error::StoreError;
use super::open::{self, Manner, Role};

/// A read in progress: one snapshot of the committed state. Only a closure given to [`Store::read`] or
/// [`Store::read_long`] gets one.
///
/// [`Store::read`]: super::Store::read
/// [`Store::read_long`]: super::Store::read_long
#[derive(Debug)]
pub struct ReadTx<'a>(&'a Connection);

impl Deref for ReadTx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    manner: Manner,
    keep: usize,
    /// The connections nobody uses at the moment; `None` once the store is closed.
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Readers {
    /// A pool that keeps up to `keep` connections. Each is opened when it is first needed.
    pub(super) fn new(path: PathBuf, manner: Manner, keep: usize) -> Self {
        Self { path, manner, keep, idle: Mutex::new(Some(Vec::with_capacity(keep))) }
    }

    /// Runs `f` in a read transaction on this thread.
    pub(super) fn run<T, E: From<StoreError>>(&self, f: impl FnOnce(&ReadTx<'_>) -> Result<T, E>) -> Result<T, E> {
        // Should `f` panic, the connection is dropped with its transaction, and the next read opens a new one.
        let connection = self.take()?;
        step(&connection, "BEGIN DEFERRED")?;
        let outcome = f(&ReadTx(&connection));
        // A closure that ended the transaction itself, or left it in a state that cannot end, costs its connection.
        if step(&connection, "COMMIT").is_ok() {
            self.put_back(connection);
        }
        outcome
    }

    /// Runs `f`, which makes one statement, on this thread: SQLite gives every statement a snapshot of its own.
    pub(super) fn run_one<T, E: From<StoreError>>(&self, f: impl FnOnce(&ReadTx<'_>) -> Result<T, E>) -> Result<T, E> {
        let connection = self.take()?;
        let outcome = f(&ReadTx(&connection));
        if connection.is_autocommit() {
            self.put_back(connection);
        }
        outcome
    }

    /// Closes the idle connections and lets nothing new begin; one in use is closed when its closure returns.
    pub(super) fn close(&self) {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(idle);
    }

    fn take(&self) -> Result<Connection, StoreError> {
        let pooled = match self.idle.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(idle) => idle.pop(),
            None => return Err(StoreError::Closed),
        };
        match pooled {
            Some(connection) => Ok(connection),
            None => Ok(open::connect(&self.path, Role::Reader, self.manner)?),
        }
    }

    fn put_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let surplus = match idle.as_mut() {
            Some(idle) if idle.len() < self.keep => {
                idle.push(connection);
                None
            }
            _ => Some(connection),
        };
        // Closing one touches the disk: not while others wait for the pool.
        drop(idle);
        drop(surplus);
    }
}

fn step(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
