//! A copy of the whole database in memory, and the way back to it: for test controls, which return to a known state
//! between two tests. Page by page through SQLite's backup, in one transaction of the writer's connection: readers see the
//! database before or after, nothing between.
//!
//! Must not know: what the tables mean. It is for small databases: a copy takes as much memory as the file.

use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::error::StoreError;

/// What is done to a copy before it takes the database's place, with the database as it is now at hand. Its statements are
/// one transaction.
pub type Adjust = Box<dyn FnOnce(&Connection, &Connection) -> Result<(), StoreError> + Send>;

/// A copy of a database.
#[derive(Debug)]
pub struct SavedState(Mutex<Connection>);

impl SavedState {
    /// The database as it is committed now.
    pub(super) fn of(database: &Connection) -> Result<Self, StoreError> {
        let mut copy = Connection::open_in_memory()?;
        copy_all(database, &mut copy)?;
        Ok(Self(Mutex::new(copy)))
    }

    /// Puts the copy, adjusted, in the place of the database.
    pub(super) fn restore(&self, database: &mut Connection, adjust: Adjust) -> Result<(), StoreError> {
        let copy = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        copy.execute_batch("BEGIN IMMEDIATE")?;
        match adjust(database, &copy) {
            Ok(()) => copy.execute_batch("COMMIT")?,
            Err(error) => {
                copy.execute_batch("ROLLBACK")?;
                return Err(error);
            }
        }
        copy_all(&copy, database)
    }

    /// How many bytes it takes.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        bytes(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How many bytes a database has.
pub(super) fn bytes(database: &Connection) -> Result<u64, StoreError> {
    let number = |pragma: &str| database.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let bytes = number("PRAGMA page_count")?.saturating_mul(number("PRAGMA page_size")?);
    Ok(u64::try_from(bytes).unwrap_or(0))
}

fn copy_all(from: &Connection, to: &mut Connection) -> Result<(), StoreError> {
    match Backup::new(from, to)?.step(-1)? {
        StepResult::Done => Ok(()),
        // It has waited for as long as the connection is told to.
        _ => Err(StoreError::Busy),
    }
}
