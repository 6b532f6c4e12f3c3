//! What can go wrong with the file, sorted by what a caller can do about it: [`StoreError`] for reads and writes,
//! [`OpenError`] for the start, with a sentence for people and an exit code for scripts.
//!
//! Must not know: any domain, HTTP. It is also the wall that keeps the engine's own error type inside.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Error as EngineError, ErrorCode, ffi};

/// Why a read or a write did not happen. Nothing of a write that ends in one of these is in the file, with one
/// exception that [`StoreError::Closed`] names.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No room: the disk is full, or the file has reached its page limit.
    #[error("the disk is full")]
    Full,
    /// Another process held the write lock for longer than the busy timeout. Trying again is right.
    #[error("another process is writing to the database")]
    Busy,
    /// A write where only reading is possible: through a read, or to a file that may not be written.
    #[error("the database cannot be written here")]
    ReadOnly,
    /// The file system refused or failed; the engine's own words.
    #[error("the database file could not be read or written: {0}")]
    Io(String),
    /// The file's content contradicts itself; the engine's own words.
    #[error("the database file is damaged: {0}")]
    Corrupt(String),
    /// The store is shut down. Should the writer itself have died in the middle of a commit, the write that was
    /// waiting for it gets this too, and only then may it be in the file.
    #[error("the store is closed")]
    Closed,
    /// The closure panicked; the panic's message.
    #[error("a panic inside the store's closure: {0}")]
    Panicked(String),
    /// The transaction ended before the closure did, though the closure reported success: it swallowed the error that
    /// ended it, or it tried to commit or to roll back by itself.
    #[error("the transaction ended before it could be committed")]
    RolledBack,
    /// The schema refused a row.
    #[error("{kind} constraint: {on}")]
    Constraint {
        /// Which rule.
        kind: ConstraintKind,
        /// What it guards, as the engine names it: `users.company_id, users.email`, or `index 'users_by_email'` for an
        /// index on an expression; for a foreign key it says nothing of use.
        on: String,
        /// SQLite's extended result code.
        code: i32,
    },
    /// Everything that only a change of the program can mend: bad SQL, a wrong column type, a missing row.
    #[error(transparent)]
    Other(EngineError),
}

/// The kinds of rule a schema enforces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConstraintKind {
    /// A unique index or a primary key: the row exists already.
    Unique,
    /// A row refers to one that is not there, or is referred to and was to go.
    ForeignKey,
    /// A value is missing.
    NotNull,
    /// A `CHECK` said no.
    Check,
    /// A trigger raised.
    Trigger,
    /// Any other rule, a STRICT column's type among them.
    Other,
}

impl std::fmt::Display for ConstraintKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unique => "unique",
            Self::ForeignKey => "foreign key",
            Self::NotNull => "not null",
            Self::Check => "check",
            Self::Trigger => "trigger",
            Self::Other => "schema",
        })
    }
}

impl StoreError {
    /// What the unique rule that was broken guards (`users.email`), if that is what happened.
    #[must_use]
    pub fn unique_on(&self) -> Option<&str> {
        match self {
            Self::Constraint { kind: ConstraintKind::Unique, on, .. } => Some(on),
            _ => None,
        }
    }

    /// Whether a foreign key refused the change.
    #[must_use]
    pub fn is_foreign_key(&self) -> bool {
        matches!(self, Self::Constraint { kind: ConstraintKind::ForeignKey, .. })
    }

    /// Whether the same call may well succeed a moment later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy)
    }

    /// Whether the caller's data is the reason, not the file or the machine.
    pub(super) fn is_the_callers(&self) -> bool {
        matches!(self, Self::Constraint { .. } | Self::RolledBack | Self::Panicked(_))
    }
}

impl From<EngineError> for StoreError {
    fn from(error: EngineError) -> Self {
        let EngineError::SqliteFailure(failure, text) = &error else { return Self::Other(error) };
        let text = || text.clone().unwrap_or_else(|| failure.to_string());
        match failure.code {
            ErrorCode::DiskFull => Self::Full,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::ReadOnly => Self::ReadOnly,
            ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed => {
                Self::Io(format!("{} (SQLite code {})", text(), failure.extended_code))
            }
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                Self::Corrupt(format!("{} (SQLite code {})", text(), failure.extended_code))
            }
            // Only the writer's own guard refuses a commit: see `writer`.
            ErrorCode::ConstraintViolation if failure.extended_code == ffi::SQLITE_CONSTRAINT_COMMITHOOK => {
                Self::RolledBack
            }
            ErrorCode::ConstraintViolation => {
                let text = text();
                Self::Constraint {
                    kind: constraint_kind(failure.extended_code),
                    on: text.split_once("failed: ").map_or(text.as_str(), |(_, on)| on).to_owned(),
                    code: failure.extended_code,
                }
            }
            _ => Self::Other(error),
        }
    }
}

fn constraint_kind(extended_code: i32) -> ConstraintKind {
    match extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            ConstraintKind::Unique
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ConstraintKind::ForeignKey,
        ffi::SQLITE_CONSTRAINT_NOTNULL => ConstraintKind::NotNull,
        ffi::SQLITE_CONSTRAINT_CHECK => ConstraintKind::Check,
        ffi::SQLITE_CONSTRAINT_TRIGGER => ConstraintKind::Trigger,
        _ => ConstraintKind::Other,
    }
}

/// Why the file was not opened. Nothing is ever deleted or repaired on the way; [`OpenError::exit_code`] is the number
/// the program ends with, and the table of them stands in [`crate::store`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A later version of the program has written the file.
    #[error(
        "{} was written by a newer Comptoir (format {found}; this one knows up to {known}): use that version, or \
         restore the copy it took before it changed the file", .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format number in the file.
        found: u32,
        /// The last format number this program knows.
        known: u32,
    },
    /// The file belongs to something else.
    #[error("{} is not a Comptoir database: {what}; it has not been touched", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: String,
    },
    /// The file is Comptoir's, but its content is broken.
    #[error("{} is damaged: {what}; nothing was changed, restore a backup to another path", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// Another process serves the file.
    #[error("{} is in use by another Comptoir ({holder}): stop that one first, or choose another file", .path.display())]
    Locked {
        /// The file.
        path: PathBuf,
        /// Who holds it, as far as it says so itself: `process 4711`.
        holder: String,
    },
    /// The file has several names: under each of them SQLite would keep another log and other locks.
    #[error(
        "{} has {links} names (hard links), and two processes that use different ones would destroy it: keep one name, \
         or make a copy", .path.display()
    )]
    Linked {
        /// The file.
        path: PathBuf,
        /// How many names it has.
        links: u64,
    },
    /// The SQLite library has a defect that can destroy the file.
    #[error("this program runs on SQLite {found}, which can damage a database under load; it needs {needed} or later")]
    OldLibrary {
        /// The library's version.
        found: &'static str,
        /// The first version without the defect.
        needed: &'static str,
    },
    /// A command met a file of an older format while a server has it open.
    #[error(
        "{} has to be brought from format {found} to {known} first, but {holder} is using it: stop it and start the \
         new version", .path.display()
    )]
    MigrationNeeded {
        /// The file.
        path: PathBuf,
        /// The format number in the file.
        found: u32,
        /// The format number this program needs.
        known: u32,
        /// Who holds it.
        holder: String,
    },
    /// A step to a newer format, or the copy that must precede it, failed.
    #[error("{} stays at format {at}: {what}", .path.display())]
    Migration {
        /// The file.
        path: PathBuf,
        /// The format number the file has now.
        at: u32,
        /// What failed, and why.
        what: String,
    },
    /// There is no file, and the caller did not ask for a new one.
    #[error("there is no database at {}", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file system refused or failed.
    #[error("{} cannot be opened: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The engine refused or failed for a reason that has no sentence of its own.
    #[error("{} cannot be opened: {source}", .path.display())]
    Engine {
        /// The file.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
}

impl OpenError {
    /// The number the program ends with: the table in [`crate::store`].
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Newer { .. } => 3,
            Self::Foreign { .. } => 4,
            Self::Damaged { .. } => 5,
            Self::Locked { .. } | Self::Linked { .. } => 6,
            Self::OldLibrary { .. } => 7,
            Self::MigrationNeeded { .. } => 8,
            Self::Migration { .. } => 9,
            Self::Missing { .. } | Self::Io { .. } | Self::Engine { .. } => 10,
        }
    }

    /// The same of another file: of the one that the file in question is a copy of.
    #[must_use]
    pub fn of(mut self, other: &Path) -> Self {
        match &mut self {
            Self::Newer { path, .. }
            | Self::Foreign { path, .. }
            | Self::Damaged { path, .. }
            | Self::Locked { path, .. }
            | Self::Linked { path, .. }
            | Self::MigrationNeeded { path, .. }
            | Self::Migration { path, .. }
            | Self::Missing { path }
            | Self::Io { path, .. }
            | Self::Engine { path, .. } => other.clone_into(path),
            Self::OldLibrary { .. } => {}
        }
        self
    }

    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<'_> {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
