//! Taking a backup: a copy of one instant, read back, named, and only then counted.
//!
//! Must not know: HTTP, tasks, any domain.

use std::fs;
use std::path::{Path, PathBuf};

use super::Backups;
use super::error::BackupError;
use super::folder::{PART, has_room, in_folder, make, sweep};
use super::model::BackupName;
use crate::store::{Copying, Part};

/// Where a backup goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Into the folder, where it is one of those that are kept; the superfluous ones go.
    Kept,
    /// Into another folder, under a name of its own. Nothing there is ever removed.
    Folder(PathBuf),
    /// To this very file, which must not be there.
    File(PathBuf),
}

/// A backup that was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Its file.
    pub path: PathBuf,
    /// Its name, if it is one of those that are kept.
    pub name: Option<BackupName>,
    /// Its size.
    pub bytes: u64,
    /// How many tables it has, and how many rows they have together.
    pub tables: usize,
    /// See `tables`.
    pub rows: i64,
    /// What contradicts itself in it, and therefore in the database. Such a backup is kept under the name of a suspect
    /// one, and is no success.
    pub findings: Vec<String>,
    /// Which ones it made superfluous.
    pub removed: Vec<BackupName>,
}

impl Backups {
    /// Takes a backup. `watch` is told how far it is, and says whether to go on.
    pub fn take(&self, target: &Target, watch: &mut dyn FnMut(Copying) -> bool) -> Result<Taken, BackupError> {
        let folder = match target {
            Target::Kept => self.folder(),
            Target::Folder(folder) => folder,
            Target::File(file) => return self.take_file(file, watch),
        };
        make(folder)?;
        sweep(folder)?;
        let (name, part) = self.begin(folder)?;
        let (snapshot, findings) = self.copy(folder, &part, watch)?;
        let name = if findings.is_empty() { name } else { name.suspected() };
        let path = folder.join(name.file());
        part.keep(&path)?;
        let kept = *target == Target::Kept;
        // Only now: until there is a new one, no old one is superfluous.
        let removed = if kept { self.prune(&name)? } else { Vec::new() };
        let rows = snapshot.rows.iter().map(|(_, rows)| rows).sum();
        let (bytes, tables) = (snapshot.bytes, snapshot.rows.len());
        Ok(Taken { path, name: kept.then_some(name), bytes, tables, rows, findings, removed })
    }

    fn take_file(&self, file: &Path, watch: &mut dyn FnMut(Copying) -> bool) -> Result<Taken, BackupError> {
        if file.exists() {
            return Err(BackupError::Exists(file.to_owned()));
        }
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut part = file.as_os_str().to_owned();
        part.push(PART);
        let part = PathBuf::from(part);
        if part.exists() {
            Part::sweep(&part).map_err(BackupError::io(&part))?;
        }
        let part = Part::begin(&part)?;
        let (snapshot, findings) = self.copy(folder, &part, watch)?;
        part.keep(file)?;
        let rows = snapshot.rows.iter().map(|(_, rows)| rows).sum();
        let (bytes, tables) = (snapshot.bytes, snapshot.rows.len());
        Ok(Taken { path: file.to_owned(), name: None, bytes, tables, rows, findings, removed: Vec::new() })
    }

    fn copy(
        &self,
        folder: &Path,
        part: &Part,
        watch: &mut dyn FnMut(Copying) -> bool,
    ) -> Result<(crate::store::Snapshot, Vec<String>), BackupError> {
        let bytes = fs::metadata(self.0.store.path()).map_err(BackupError::io(self.0.store.path()))?.len();
        has_room(folder, bytes)?;
        let check = self.0.check;
        Ok(self.0.store.copy_to(part, &check, watch)?)
    }

    /// A name that nobody has in `folder`, and its file.
    fn begin(&self, folder: &Path) -> Result<(BackupName, Part), BackupError> {
        let (installation, now) = (self.installation()?, self.0.clock.now().to_utc());
        // Behind those of the same second, so that the order of names is that of backups, those that went too.
        let number = |name: &BackupName| (name.at().timestamp() == now.timestamp()).then(|| name.number());
        let numbers = in_folder(folder)?.iter().filter_map(|(name, _)| number(name)).max();
        for number in numbers.unwrap_or(0) + 1.. {
            let name = BackupName::new(&installation, now, number, false);
            let part = folder.join(format!(".{name}{PART}"));
            if !part.exists() {
                return Ok((name, Part::begin(&part)?));
            }
        }
        Err(BackupError::Exists(folder.to_owned()))
    }
}
