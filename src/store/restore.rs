//! Another file in the place of the database: staged beside it, with a copy of what it replaces, in its place with one
//! rename. Whatever is killed when, there is a whole database under the name: the old one or the new one.
//!
//! Must not know: what is done to the staged file meanwhile, what the tables mean.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::ErrorCode;

use super::Checkpoints;
use super::backup::with_suffix;
use super::error::OpenError;
use super::lock::{ServerLock, lock_path};
use super::migrations::{MIGRATIONS, latest};
use super::open::{self, Manner, Role, log_path, private_file, sync_folder};
use crate::clock::Clock;

/// How long a command beside may hold the database before the restore gives up.
const PATIENCE: Duration = Duration::from_secs(5);

/// A database about to be replaced. Its server's lock is held, and what was staged goes with this value.
#[derive(Debug)]
pub struct Replacement {
    path: PathBuf,
    staging: PathBuf,
    // Last, so that nobody opens the file before the staging is cleared away.
    _lock: ServerLock,
}

impl Replacement {
    /// Takes the place of the server of the database at `path`, which need not be there, nor be whole. Somebody else's
    /// file is refused.
    pub fn begin(path: &Path) -> Result<Self, OpenError> {
        let path = open::resolve(path)?;
        match open::look_at_header(&path) {
            // What is damaged is what a restore is for.
            Ok(()) | Err(OpenError::Damaged { .. }) => {}
            Err(refused) => return Err(refused),
        }
        open::has_one_name(&path)?;
        let lock = ServerLock::acquire(&path)?;
        let staging = with_suffix(&path, ".restoring");
        // What a kill has left: nobody else is at it, or would have the lock.
        remove_folder(&staging).map_err(OpenError::io(&staging))?;
        make_folder(&staging).map_err(OpenError::io(&staging))?;
        Ok(Self { path, staging, _lock: lock })
    }

    /// The database, with symbolic links resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file to come is, once it is staged.
    #[must_use]
    pub fn staged(&self) -> PathBuf {
        self.staging.join("comptoir.db")
    }

    /// Copies `backup`, which is left as it is, to where it can be worked on. What is no backup of this program, or one of
    /// a newer program, is refused here, under its own name.
    pub fn stage(&self, backup: &Path) -> Result<(), OpenError> {
        look_at_backup(backup)?;
        let staged = self.staged();
        copy_file(backup, &staged).map_err(OpenError::io(backup))?;
        // A database that was copied by hand may have its last commits beside it.
        let log = log_path(backup);
        if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            copy_file(&log, &log_path(&staged)).map_err(OpenError::io(&log))?;
        }
        Ok(())
    }

    /// Copies what is going to be replaced, log and all, to `<database>.before-restore-<time>.bak`; `None` if there is
    /// nothing.
    pub fn set_aside(&self, clock: &Clock) -> Result<Option<PathBuf>, OpenError> {
        if fs::metadata(&self.path).map_or(true, |found| found.len() == 0) {
            return Ok(None);
        }
        self.bring_home()?;
        let stamp = clock.now().to_utc().format("%Y%m%dT%H%M%SZ").to_string();
        let (copy, file) = (1..)
            .map(|number| match number {
                1 => format!(".before-restore-{stamp}.bak"),
                number => format!(".before-restore-{stamp}-{number}.bak"),
            })
            .find_map(|suffix| {
                let copy = with_suffix(&self.path, &suffix);
                match private_file().create_new(true).open(&copy) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
                    outcome => Some(outcome.map(|file| (copy.clone(), file)).map_err(OpenError::io(&copy))),
                }
            })
            .expect("the numbers do not end")?;
        let log = log_path(&self.path);
        let copied = fill(&self.path, &file)
            .and_then(|()| if log.exists() { copy_file(&log, &log_path(&copy)) } else { Ok(()) })
            .and_then(|()| sync_folder(&copy));
        if let Err(source) = copied {
            let _ = fs::remove_file(&copy);
            let _ = fs::remove_file(log_path(&copy));
            return Err(OpenError::Io { path: copy, source });
        }
        Ok(Some(copy))
    }

    /// Puts the staged file into its place.
    pub fn finish(self) -> Result<(), OpenError> {
        let staged = self.staged();
        File::open(&staged).and_then(|file| file.sync_all()).map_err(OpenError::io(&staged))?;
        // Of a database that could not be opened: its copy is aside. Under the new file's name SQLite would take it for
        // the new file's.
        for suffix in ["-wal", "-shm"] {
            let path = with_suffix(&self.path, suffix);
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(OpenError::Io { path, source }),
                _ => {}
            }
        }
        fs::rename(&staged, &self.path).and_then(|()| sync_folder(&self.path)).map_err(OpenError::io(&self.path))
    }

    /// Brings the old database's log into its file, and makes sure that no command has it open: what that wrote would be
    /// lost. A damaged one stays as it is.
    fn bring_home(&self) -> Result<(), OpenError> {
        let manner = Manner { busy_timeout: PATIENCE, checkpoints: Checkpoints::Own, slow_query: None };
        let brought = open::connect(&self.path, Role::Writer, manner).and_then(|connection| {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))?;
            connection.close().map_err(|(_, error)| error)
        });
        let in_use = || OpenError::Locked { path: self.path.clone(), holder: "a command that has it open".to_owned() };
        match brought {
            // The last one to close the file takes the log along.
            Ok(()) if log_path(&self.path).exists() => Err(in_use()),
            Ok(()) => Ok(()),
            Err(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Err(in_use()),
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Ok(()),
                _ => Err(OpenError::Engine { path: self.path.clone(), source: error.into() }),
            },
        }
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        // The next restore removes what could not be removed here.
        let _ = remove_folder(&self.staging);
    }
}

/// What can be told of a backup without opening it: whose it is, and its format (bytes 60 to 63 of the header).
fn look_at_backup(path: &Path) -> Result<(), OpenError> {
    let mut header = [0; 100];
    let found = fs::metadata(path).map_err(OpenError::io(path))?;
    if !found.is_file() || found.len() == 0 {
        let what = if found.is_file() { "it is empty" } else { "it is not a regular file" };
        return Err(OpenError::Foreign { path: path.to_owned(), what: what.to_owned() });
    }
    open::look_at_header(path)?;
    let damaged = |what: &str| OpenError::Damaged { path: path.to_owned(), what: what.to_owned() };
    File::open(path).and_then(|mut file| file.read_exact(&mut header)).map_err(|_| damaged("it is too short"))?;
    let found = u32::from_be_bytes([header[60], header[61], header[62], header[63]]);
    let known = latest(MIGRATIONS);
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    if lock_path(path).exists() && File::open(lock_path(path)).is_ok_and(|lock| lock.try_lock().is_err()) {
        return Err(OpenError::Locked { path: path.to_owned(), holder: "its server".to_owned() });
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    fill(from, &private_file().create_new(true).open(to)?)
}

fn fill(from: &Path, mut to: &File) -> io::Result<()> {
    io::copy(&mut File::open(from)?, &mut to)?;
    to.sync_all()
}

fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}
