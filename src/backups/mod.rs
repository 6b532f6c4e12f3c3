//! Backups of the database: taken while the server goes on, read back before they count, kept in a folder, restored on
//! trial now and then, and restored in earnest.
//!
//! The folder is the list: a backup is a file there under a name that this program gives, and it gets that name only once
//! it was read back. (A table of them would be inside what it is about, and lost with it.) In reading order: `model`
//! (names, and which of them are superfluous), `folder`, [`Backups`] (taking one, the drill), `restore`, `tasks`.
//!
//! Owns no table; what came of the last drill and whether outgoing work is held stand in the store's `meta`.
//! Must not know: any domain, HTTP. What must hold between rows is told to it where the program is put together.

mod drill;
mod error;
mod folder;
pub mod model;
pub mod restore;
mod take;
pub mod tasks;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::drill::{Drill, last_drill};
pub use self::error::BackupError;
pub use self::folder::Backup;
pub use self::take::{Taken, Target};
use crate::clock::Clock;
use crate::store::{Conn, Store, StoreError};

/// What contradicts itself among the rows, one sentence each.
pub type Check = fn(&Conn) -> Result<Vec<String>, StoreError>;

/// The backups of one database; clones share it. Everything here blocks.
#[derive(Clone)]
pub struct Backups(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    folder: PathBuf,
    /// At least one.
    keep: usize,
    check: Check,
}

impl Backups {
    /// Backups of `store` in `folder`, or else in one beside the database; `keep` of them stay, at least one.
    #[must_use]
    pub fn new(store: Store, clock: Clock, folder: Option<PathBuf>, keep: usize, check: Check) -> Self {
        let folder = folder.unwrap_or_else(|| beside(store.path()));
        Self(Arc::new(Inner { store, clock, folder, keep: keep.max(1), check }))
    }

    /// Where they are kept.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// The store they are of.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }
}

/// The folder beside a database.
fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".backups");
    name.into()
}
