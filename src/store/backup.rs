//! A copy of the file as it stands at one instant, taken beside readers and the writer, and read back before it counts.
//!
//! Must not know: where copies are kept, who wants them, what the tables mean.
//!
//! The pages go through SQLite's backup interface from a connection of their own that holds one read transaction from
//! the first page to the last. So the copy is one snapshot, and no write makes it begin again, which it would with every
//! commit of another connection were each step a read of its own. The writer goes on meanwhile; what it writes stays in
//! the log until the snapshot is let go. The copy goes to the disk piece by piece: a gigabyte of unwritten pages would
//! have every commit of the writer wait for it.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::integrity::{pages, references};
use super::open::{Manner, Role, connect, private_file, sync_folder};
use super::{Checkpoints, Conn};

/// So many pages go at a time: a mebibyte of the usual ones.
const STEP: i32 = 256;

/// So many bytes go to the disk at a time.
const SYNC_EVERY: u64 = 4 << 20;

/// Why there is no copy. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The database could not be read, or the copy not written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file system refused or failed.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Whoever watches it wanted it to stop.
    #[error("it was stopped before it was whole")]
    Stopped,
    /// Read back, the copy is not what was to be copied.
    #[error("read back, the copy is not whole: {0}")]
    NotWhole(String),
}

impl CopyError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<'_> {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

impl From<rusqlite::Error> for CopyError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// How far a copy has come, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copying {
    /// What is copied.
    pub done: u64,
    /// What there is.
    pub total: u64,
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The size in bytes.
    pub bytes: u64,
    /// The number of each table's rows.
    pub rows: Vec<(String, i64)>,
}

/// A file that is being made under a name that nothing takes for a finished one. Unless it is kept it goes with this
/// value. It is locked while it is made, so that what a kill has left can be told from what somebody is at.
#[derive(Debug)]
pub struct Part {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl Part {
    /// Begins an empty file that nobody else may read.
    pub fn begin(path: &Path) -> Result<Self, CopyError> {
        let file = private_file().read(true).create_new(true).open(path).map_err(CopyError::io(path))?;
        let part = Self { path: path.to_owned(), file, kept: false };
        part.file.try_lock().map_err(io::Error::from).map_err(CopyError::io(path))?;
        Ok(part)
    }

    /// Removes what is at `path` if a kill has left it there; whether it did.
    pub fn sweep(path: &Path) -> io::Result<bool> {
        let file = File::open(path)?;
        match file.try_lock() {
            Ok(()) => fs::remove_file(path).map(|()| true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes all of it to the disk and gives it its name; only now it counts.
    pub fn keep(mut self, name: &Path) -> Result<(), CopyError> {
        self.file.sync_all().map_err(CopyError::io(&self.path))?;
        fs::rename(&self.path, name).map_err(CopyError::io(name))?;
        self.kept = true;
        sync_folder(name).map_err(CopyError::io(name))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed is removed by a later sweep.
            let _ = fs::remove_file(&self.path);
            let _ = fs::remove_file(with_suffix(&self.path, "-journal"));
        }
    }
}

/// `path` with something behind its name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Copies the database at `path` into `part` and reads the copy back. `watch` is told how far it is, and may say that
/// it is to stop.
pub(super) fn copy(
    path: &Path,
    manner: Manner,
    part: &Part,
    watch: &mut dyn FnMut(Copying) -> bool,
) -> Result<Snapshot, CopyError> {
    // It takes as long as the file is large: that is no news.
    let from = connect(path, Role::Reader, Manner { slow_query: None, ..manner })?;
    from.execute_batch("BEGIN DEFERRED")?;
    // The snapshot is taken with the first read.
    let bytes: i64 = from.query_row(
        "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size(), (SELECT count(*) FROM sqlite_schema)",
        [],
        |row| row.get(0),
    )?;
    let bytes = u64::try_from(bytes).unwrap_or(0);
    fill(&from, part, bytes, watch)?;
    let rows = rows(&from)?;
    from.execute_batch("COMMIT")?;
    if manner.checkpoints == Checkpoints::Own {
        // What has gathered in the log while it was held: here rather than in the writer's next commit.
        let _: Result<(), _> = from.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    }
    part.file.sync_all().map_err(CopyError::io(&part.path))?;
    Ok(Snapshot { bytes, rows })
}

fn fill(from: &Connection, part: &Part, total: u64, watch: &mut dyn FnMut(Copying) -> bool) -> Result<(), CopyError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let mut to = Connection::open_with_flags(&part.path, flags)?;
    // It is whole or it is thrown away: no journal, and we ourselves say when it goes to the disk. The cache is small, so
    // that pages reach the file as they come.
    to.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1024",
    )?;
    {
        let backup = Backup::new(from, &mut to)?;
        let mut synced = 0;
        loop {
            let step = backup.step(STEP)?;
            let progress = backup.progress();
            let pages = u64::try_from(progress.pagecount).unwrap_or(0).max(1);
            let left = u64::try_from(progress.remaining).unwrap_or(0);
            let done = total / pages * (pages - left.min(pages));
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                _ => return Err(StoreError::Busy.into()),
            }
            if done - synced >= SYNC_EVERY {
                part.file.sync_data().map_err(CopyError::io(&part.path))?;
                synced = done;
            }
            if !watch(Copying { done, total }) {
                return Err(CopyError::Stopped);
            }
        }
    }
    // A plain file that can be read without anything beside it; whoever opens it as a database turns the log on again.
    let mode: String = to.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))?;
    if mode != "delete" {
        return Err(CopyError::NotWhole(format!("its journal is `{mode}`")));
    }
    to.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// The number of each table's rows.
fn rows(conn: &Connection) -> Result<Vec<(String, i64)>, CopyError> {
    let tables = conn
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name")?
        .query_map([], |row| row.get::<_, String>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let count = |table: String| -> rusqlite::Result<(String, i64)> {
        let statement = format!("SELECT count(*) FROM \"{}\"", table.replace('"', "\"\""));
        let rows = conn.query_row(&statement, [], |row| row.get(0))?;
        Ok((table, rows))
    };
    Ok(tables.into_iter().map(count).collect::<rusqlite::Result<_>>()?)
}

/// Reads a copy back: every page, and the rows of every table. What `check` finds beside that, and references to rows
/// that are not there, is said and no failure: it is so in the database as well.
pub(super) fn read_back(
    path: &Path,
    snapshot: &Snapshot,
    check: &dyn Fn(&Conn) -> Result<Vec<String>, StoreError>,
) -> Result<Vec<String>, CopyError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let conn = Connection::open_with_flags(path, flags)?;
    if let Some(finding) = pages(&conn)?.into_iter().next() {
        return Err(CopyError::NotWhole(finding));
    }
    let found = rows(&conn)?;
    if let Some((table, rows)) = snapshot.rows.iter().find(|row| !found.contains(row)) {
        return Err(CopyError::NotWhole(format!("{table} has not the {rows} rows that it had")));
    }
    if found.len() != snapshot.rows.len() {
        return Err(CopyError::NotWhole("it has tables that were not there".to_owned()));
    }
    let mut findings = references(&conn)?;
    if findings.is_empty() {
        findings = check(&conn)?;
    }
    Ok(findings)
}
