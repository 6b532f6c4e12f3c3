//! What taking in and keeping figures of connectors goes by.

use std::time::Duration;

use serde::Deserialize;

use super::{ConfigError, days};

/// What taking in and keeping figures of connectors goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectorConfig {
    /// How far ahead of this server's clock a timestamp may be.
    pub max_skew: Duration,
    /// How long a value is kept; `None`: for good.
    pub retention: Option<Duration>,
    /// How old a value has to be to be thinned; `None`: none is.
    pub thin_after: Option<Duration>,
    /// Of so long a span the last value stays.
    pub thin_to: Duration,
    /// How many series the gauges show.
    pub max_gauges: usize,
}

impl Default for ConnectorConfig {
    fn default() -> Self {
        Self {
            max_skew: Duration::from_hours(24),
            retention: None,
            thin_after: None,
            thin_to: Duration::from_hours(1),
            max_gauges: 10_000,
        }
    }
}

/// The table `[connectors]`; as flags `--connectors-max-skew` and so on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectorSettings {
    /// How far ahead of this server's clock a timestamp may be, in seconds.
    pub max_skew: Option<u64>,
    /// How many days a value is kept.
    pub retention_days: Option<u64>,
    /// How many days old a value has to be to be thinned.
    pub thin_after_days: Option<u64>,
    /// Of so many seconds the last value stays.
    pub thin_to: Option<u64>,
    /// How many series the gauges show.
    pub max_gauges: Option<usize>,
}

impl ConnectorSettings {
    pub(super) fn or(&self, other: &Self) -> Self {
        Self {
            max_skew: self.max_skew.or(other.max_skew),
            retention_days: self.retention_days.or(other.retention_days),
            thin_after_days: self.thin_after_days.or(other.thin_after_days),
            thin_to: self.thin_to.or(other.thin_to),
            max_gauges: self.max_gauges.or(other.max_gauges),
        }
    }

    /// Checks the bounds and fills in the defaults: a day of skew, everything kept, ten thousand gauges.
    pub fn resolve(&self) -> Result<ConnectorConfig, ConfigError> {
        let invalid = |setting, rule: &str| ConfigError::Invalid { setting, rule: rule.to_owned() };
        let ages = |setting, given: Option<u64>| match given {
            Some(age) if !(1..=36_525).contains(&age) => Err(invalid(setting, "must be from 1 to 36525 days")),
            given => Ok(given.map(days)),
        };
        let defaults = ConnectorConfig::default();
        let max_skew = self.max_skew.map_or(defaults.max_skew, Duration::from_secs);
        if max_skew > days(36_525) {
            return Err(invalid("connectors.max_skew", "must be at most 3155760000 seconds"));
        }
        let retention = ages("connectors.retention_days", self.retention_days)?;
        let thin_after = ages("connectors.thin_after_days", self.thin_after_days)?;
        let thin_to = self.thin_to.map_or(defaults.thin_to, Duration::from_secs);
        if !(Duration::from_secs(1)..=days(1)).contains(&thin_to) {
            return Err(invalid("connectors.thin_to", "must be from 1 to 86400 seconds"));
        }
        let max_gauges = self.max_gauges.unwrap_or(defaults.max_gauges);
        if max_gauges > 1_000_000 {
            return Err(invalid("connectors.max_gauges", "must be at most 1000000"));
        }
        Ok(ConnectorConfig { max_skew, retention, thin_after, thin_to, max_gauges })
    }
}
