//! The folder of backups: what is in it, and what goes.
//!
//! Must not know: what is in the files, HTTP, any domain.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::Backups;
use super::error::BackupError;
use super::model::{BackupName, superfluous};
use crate::store::Part;

/// Behind the name of a file that is not whole yet; before it a full stop.
pub(super) const PART: &str = ".part";

/// A backup in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// What it is called.
    pub name: BackupName,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Backups {
    /// What is in the folder, newest first. A folder that is not there yet is empty.
    pub fn list(&self) -> Result<Vec<Backup>, BackupError> {
        let found = in_folder(self.folder())?.into_iter();
        Ok(found.map(|(name, bytes)| Backup { name, bytes }).collect())
    }

    /// The newest of this installation in which everything was as it must be.
    pub fn newest(&self) -> Result<Option<Backup>, BackupError> {
        let installation = self.installation()?;
        Ok(self.list()?.into_iter().find(|backup| backup.name.is_good() && backup.name.is_of(&installation)))
    }

    /// One backup by its name.
    pub fn find(&self, name: &str) -> Result<Backup, BackupError> {
        let unknown = || BackupError::NotFound(name.to_owned());
        let name = BackupName::parse(name).ok_or_else(unknown)?;
        let path = self.path(&name);
        match fs::metadata(&path) {
            Ok(file) if file.is_file() => Ok(Backup { name, bytes: file.len() }),
            Ok(_) => Err(unknown()),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(unknown()),
            Err(source) => Err(BackupError::Io { path, source }),
        }
    }

    /// Opens a backup to be read. It can be read to its end even if it is deleted meanwhile.
    pub fn open(&self, backup: &Backup) -> Result<File, BackupError> {
        let path = self.path(&backup.name);
        File::open(&path).map_err(|source| match source.kind() {
            ErrorKind::NotFound => BackupError::NotFound(backup.name.to_string()),
            _ => BackupError::Io { path, source },
        })
    }

    /// Deletes a backup.
    pub fn delete(&self, name: &BackupName) -> Result<(), BackupError> {
        let path = self.path(name);
        fs::remove_file(&path).map_err(|source| match source.kind() {
            ErrorKind::NotFound => BackupError::NotFound(name.to_string()),
            _ => BackupError::Io { path, source },
        })
    }

    /// Where a backup of that name is.
    #[must_use]
    pub fn path(&self, name: &BackupName) -> PathBuf {
        self.folder().join(name.file())
    }

    /// Removes those that are superfluous now that one was taken; which they were. One that cannot be removed is logged and stays.
    pub(super) fn prune(&self, taken: &BackupName) -> Result<Vec<BackupName>, BackupError> {
        let names: Vec<_> = self.list()?.into_iter().map(|backup| backup.name).collect();
        let mut gone = superfluous(&names, &self.installation()?, self.0.keep, taken);
        gone.retain(|name| match self.delete(name) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "a superfluous backup stays");
                false
            }
        });
        Ok(gone)
    }

    /// The installation's id; nothing before the first start.
    pub(super) fn installation(&self) -> Result<String, BackupError> {
        Ok(self.0.store.read(|conn| crate::store::instance(conn))?.unwrap_or_default())
    }
}

/// The backups in `folder` and their sizes, newest first.
pub(super) fn in_folder(folder: &Path) -> Result<Vec<(BackupName, u64)>, BackupError> {
    let mut found = Vec::new();
    for path in paths(folder)? {
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".db"));
        let Some(name) = name.and_then(BackupName::parse) else { continue };
        match fs::metadata(&path) {
            Ok(file) if file.is_file() => found.push((name, file.len())),
            // Somebody has removed it meanwhile.
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(BackupError::Io { path, source }),
        }
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

fn paths(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let unreadable = BackupError::io(folder);
    let listed = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>());
    match listed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed.map_err(unreadable),
    }
}

/// Removes what kills have left.
pub(super) fn sweep(folder: &Path) -> Result<(), BackupError> {
    for path in paths(folder)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let ours = name.strip_prefix('.').and_then(|name| name.strip_suffix(PART)).and_then(BackupName::parse);
        if ours.is_some() && Part::sweep(&path).is_ok_and(|swept| swept) {
            tracing::info!(file = %path.display(), "removed what was left of a backup that was not finished");
        }
    }
    Ok(())
}

/// Makes a folder that nobody else may read, unless it is there.
pub(super) fn make(folder: &Path) -> Result<(), BackupError> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(BackupError::io(folder))
}

/// Refuses to begin what would fill the disk: a database on the same one could no longer be written to.
pub(super) fn has_room(folder: &Path, bytes: u64) -> Result<(), BackupError> {
    // Some more, for what is written meanwhile.
    let needed = bytes.saturating_add(bytes / 16).saturating_add(16 << 20);
    #[cfg(unix)]
    {
        let found = rustix::fs::statvfs(folder).map_err(|error| BackupError::io(folder)(error.into()))?;
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        if free < needed {
            return Err(BackupError::NoRoom { path: folder.to_owned(), needed, free });
        }
    }
    #[cfg(not(unix))]
    let _ = (folder, needed);
    Ok(())
}
