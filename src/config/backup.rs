//! When backups are taken, and which are kept.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::{ConfigError, Database};

/// When backups are taken by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackupTimes {
    /// Never.
    #[default]
    Off,
    /// With this much between them.
    Every(Duration),
    /// Once a day, this long after midnight UTC.
    DailyAt(Duration),
}

/// When backups are taken, and which are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupConfig {
    /// When.
    pub times: BackupTimes,
    /// How many are kept, at least one.
    pub keep: usize,
    /// Where; `None`: beside the database.
    pub folder: Option<PathBuf>,
    /// How often the newest one is restored on trial.
    pub drill_every: Option<Duration>,
}

impl Default for BackupConfig {
    /// Nothing by itself; seven are kept.
    fn default() -> Self {
        Self { times: BackupTimes::Off, keep: BACKUPS_KEPT, folder: None, drill_every: None }
    }
}

/// How many backups are kept unless somebody says otherwise.
const BACKUPS_KEPT: usize = 7;

/// Three in the morning UTC, when few people trade.
const BACKUP_AT: &str = "03:00";

/// A week.
const DRILL_EVERY: u64 = 7 * 86_400;

/// The table `[backup]`; as flags `--backup-every` and so on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackupSettings {
    /// The time between two, in seconds; 0: none by themselves.
    pub every: Option<u64>,
    /// The time of day, in UTC.
    pub at: Option<String>,
    /// How many are kept.
    pub keep: Option<usize>,
    /// Where.
    pub folder: Option<PathBuf>,
    /// The time between two restore drills, in seconds; 0: none by themselves.
    pub drill_every: Option<u64>,
}

impl BackupSettings {
    pub(super) fn or(self, other: Self) -> Self {
        // They are one setting: a time of day on the command line must not meet an interval in the file.
        let (every, at) =
            if self.every.is_some() || self.at.is_some() { (self.every, self.at) } else { (other.every, other.at) };
        Self {
            every,
            at,
            keep: self.keep.or(other.keep),
            folder: self.folder.or(other.folder),
            drill_every: self.drill_every.or(other.drill_every),
        }
    }

    /// Checks the bounds and fills in the defaults: daily at three, the last seven, a drill a week. Of a temporary
    /// database none is taken unless somebody says so.
    pub fn resolve(self, database: &Database) -> Result<BackupConfig, ConfigError> {
        let invalid = |setting, rule: &str| ConfigError::Invalid { setting, rule: rule.to_owned() };
        let temporary = *database == Database::Temporary;
        let times = match (self.every, self.at) {
            (Some(_), Some(_)) => return Err(invalid("backup.every", "and `backup.at` exclude each other: set one")),
            (Some(0), None) => BackupTimes::Off,
            (Some(seconds @ 60..=31_536_000), None) => BackupTimes::Every(Duration::from_secs(seconds)),
            (Some(_), None) => return Err(invalid("backup.every", "must be 0 or from 60 to 31536000 seconds")),
            (None, None) if temporary => BackupTimes::Off,
            (None, at) => {
                let at = time_of_day(at.as_deref().unwrap_or(BACKUP_AT));
                BackupTimes::DailyAt(at.ok_or_else(|| invalid("backup.at", "must be a time in UTC, such as 03:00"))?)
            }
        };
        let keep = self.keep.unwrap_or(BACKUPS_KEPT);
        if !(1..=10_000).contains(&keep) {
            return Err(invalid("backup.keep", "must be from 1 to 10000"));
        }
        let drill_every = match self.drill_every {
            None if times == BackupTimes::Off => 0,
            None => DRILL_EVERY,
            Some(seconds) => seconds,
        };
        if !(drill_every == 0 || (60..=31_536_000).contains(&drill_every)) {
            return Err(invalid("backup.drill_every", "must be 0 or from 60 to 31536000 seconds"));
        }
        let drill_every = (drill_every > 0).then(|| Duration::from_secs(drill_every));
        Ok(BackupConfig { times, keep, folder: self.folder, drill_every })
    }
}

/// The time after midnight that `03:00` is.
fn time_of_day(text: &str) -> Option<Duration> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, below: u64| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|number| digits && *number < below)
    };
    Some(Duration::from_secs(number(hours, 24)? * 3_600 + number(minutes, 60)? * 60))
}
