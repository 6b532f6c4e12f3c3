//! Why there is no backup, or not this one.
//!
//! Must not know: HTTP, any domain.

use std::io;
use std::path::{Path, PathBuf};

use crate::auth::AuthError;
use crate::store::{CopyError, OpenError, StoreError};

/// Why something about a backup was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The copy failed; nothing of it is left.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A backup cannot be opened, or a database not be replaced.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Identity failed.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// A file or the folder cannot be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is something under that name already.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// The disk would be full, and the database with it.
    #[error("there are {free} bytes free at {}, and a backup takes {needed}", .path.display())]
    NoRoom {
        /// Where.
        path: PathBuf,
        /// What it takes.
        needed: u64,
        /// What there is.
        free: u64,
    },
    /// There is no such backup.
    #[error("there is no backup `{0}`")]
    NotFound(String),
    /// There is none at all.
    #[error("there is no backup in {}", .0.display())]
    None(PathBuf),
    /// The rows contradict each other.
    #[error("{} holds {}, the first: {}", .path.display(), counted(.findings), .findings.first().map_or("", String::as_str))]
    Findings {
        /// Which file.
        path: PathBuf,
        /// What `check` says of it.
        findings: Vec<String>,
    },
    /// A backup was to be put in its own place.
    #[error("{} is the database itself", .0.display())]
    Itself(PathBuf),
}

impl BackupError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<'_> {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

fn counted(findings: &[String]) -> String {
    if findings.len() == 1 { "one contradiction".to_owned() } else { format!("{} contradictions", findings.len()) }
}
