//! The restore drill: the newest backup is restored to a place of its own and looked at as `comptoir check` does. Nothing is
//! started on it: no server, no task, nothing that could call anybody.
//!
//! Must not know: HTTP, tasks, any domain.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::Backups;
use super::error::BackupError;
use super::folder::has_room;
use crate::clock::Timestamp;
use crate::store::{self, Conn, OpenError, OpenOptions, Store, StoreError};

/// What a drill's folder begins with.
const FOLDER: &str = ".drill-";

/// The file in it that is locked while the drill goes on.
const LOCK: &str = "drill.lock";

/// How a drill ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// When it began, in microseconds since 1970.
    pub at: i64,
    /// The backup that was restored; nothing if there was none.
    pub backup: Option<String>,
    /// How long it took.
    pub took_millis: u64,
    /// What was wrong; nothing if all was well.
    pub findings: Vec<String>,
}

impl Drill {
    /// Whether the backup can be restored.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.findings.is_empty()
    }

    /// When it began.
    #[must_use]
    pub fn began(&self) -> Timestamp {
        Timestamp::from_micros(self.at)
    }
}

/// How the last drill ended.
pub fn last_drill(conn: &Conn) -> Result<Option<Drill>, StoreError> {
    Ok(store::drill_outcome(conn)?.and_then(|outcome| serde_json::from_str(&outcome).ok()))
}

impl Backups {
    /// Makes a drill. That a backup cannot be restored, or that there is none, is its outcome; an error says that it could
    /// not be tried. Whoever calls keeps the outcome.
    pub fn drill(&self) -> Result<Drill, BackupError> {
        let (at, started) = (self.0.clock.now().as_micros(), Instant::now());
        let newest = self.newest()?;
        let (backup, findings) = match &newest {
            None => (None, vec![BackupError::None(self.folder().to_owned()).to_string()]),
            Some(backup) => (Some(backup.name.to_string()), self.try_out(&self.path(&backup.name), backup.bytes)?),
        };
        let took_millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Drill { at, backup, took_millis, findings })
    }

    /// What is wrong with a backup when it is restored.
    fn try_out(&self, backup: &Path, bytes: u64) -> Result<Vec<String>, BackupError> {
        sweep(self.folder())?;
        has_room(self.folder(), bytes)?;
        let folder = tempfile::Builder::new()
            .prefix(FOLDER)
            .tempdir_in(self.folder())
            .map_err(BackupError::io(self.folder()))?;
        let lock = folder.path().join(LOCK);
        let held = File::create(&lock).map_err(BackupError::io(&lock))?;
        held.try_lock().map_err(|error| BackupError::io(&lock)(error.into()))?;
        let restored = folder.path().join("comptoir.db");
        fs::copy(backup, &restored).map_err(BackupError::io(backup))?;
        let options = OpenOptions { clock: self.0.clock.clone(), ..OpenOptions::server(&restored) };
        let opened = match Store::open(options) {
            Ok(opened) => opened,
            // Not under the name of a file that will be gone.
            Err(error) => return Ok(vec![unnamed(&error, &restored, backup)]),
        };
        let check = self.0.check;
        let looked = opened.read(|conn| {
            let mut findings = store::integrity(conn, true)?;
            if findings.is_empty() {
                findings = check(conn)?;
            }
            Ok::<_, StoreError>(findings)
        });
        Ok(looked.unwrap_or_else(|error| vec![error.to_string()]))
    }
}

fn unnamed(error: &OpenError, restored: &Path, backup: &Path) -> String {
    error.to_string().replace(&restored.display().to_string(), &backup.display().to_string())
}

/// Removes what kills have left of drills.
fn sweep(folder: &Path) -> Result<(), BackupError> {
    let entries = fs::read_dir(folder).map_err(BackupError::io(folder))?;
    let paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    for path in paths {
        let ours = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(FOLDER));
        if ours && File::open(path.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok()) {
            fs::remove_dir_all(&path).map_err(BackupError::io(&path))?;
        }
    }
    Ok(())
}
