//! What reporting processes goes by.

use std::time::Duration;

use serde::Deserialize;

use super::ConfigError;

/// What reporting processes goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessConfig {
    /// The largest data file, in bytes.
    pub max_file_size: usize,
    /// The most bytes of data files a company may have.
    pub storage_per_company: i64,
    /// How long nothing may be heard of a process before it counts as abandoned.
    pub abandoned_after: Duration,
}

/// The table `[processes]`; as flags `--processes-max-file-size` and so on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProcessSettings {
    /// The largest data file, in bytes.
    pub max_file_size: Option<u64>,
    /// The most bytes of data files a company may have.
    pub storage_per_company: Option<u64>,
    /// How long nothing may be heard of a process before it counts as abandoned, in seconds.
    pub abandoned_after: Option<u64>,
}

impl ProcessSettings {
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            max_file_size: self.max_file_size.or(other.max_file_size),
            storage_per_company: self.storage_per_company.or(other.storage_per_company),
            abandoned_after: self.abandoned_after.or(other.abandoned_after),
        }
    }

    /// Checks the bounds and fills in the defaults: 256 MiB a file, 10 GiB a company, a day of silence.
    pub fn resolve(self) -> Result<ProcessConfig, ConfigError> {
        let invalid = |setting, rule: &str| ConfigError::Invalid { setting, rule: rule.to_owned() };
        // SQLite's file has an end, and so have the numbers of a JavaScript client.
        let bytes = |setting, given: Option<u64>, default: u64| {
            let bytes = given.unwrap_or(default);
            if bytes > 1 << 46 {
                return Err(invalid(setting, "must be at most 70368744177664 bytes"));
            }
            Ok(bytes)
        };
        let max_file_size = bytes("processes.max_file_size", self.max_file_size, 256 << 20)?;
        let storage = bytes("processes.storage_per_company", self.storage_per_company, 10 << 30)?;
        let abandoned_after = self.abandoned_after.unwrap_or(86_400);
        if !(60..=31_536_000).contains(&abandoned_after) {
            return Err(invalid("processes.abandoned_after", "must be from 60 to 31536000 seconds"));
        }
        Ok(ProcessConfig {
            max_file_size: usize::try_from(max_file_size).unwrap_or(usize::MAX),
            storage_per_company: i64::try_from(storage).unwrap_or(i64::MAX),
            abandoned_after: Duration::from_secs(abandoned_after),
        })
    }
}
