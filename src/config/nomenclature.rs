//! What imports of nomenclature go by.

use std::time::Duration;

use serde::Deserialize;

use super::{ConfigError, days};

/// What imports of nomenclature go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NomenclatureConfig {
    /// The most bytes of uploaded workbooks a company may have.
    pub storage_per_company: i64,
    /// How long the file and the report of an import that ended are kept.
    pub kept_for: Duration,
}

impl Default for NomenclatureConfig {
    /// 2 GiB a company, 30 days.
    fn default() -> Self {
        Self { storage_per_company: 2 << 30, kept_for: days(30) }
    }
}

/// The table `[nomenclature]`; as flags `--nomenclature-storage-per-company` and so on.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct NomenclatureSettings {
    /// The most bytes of uploaded price lists a company may have. In the configuration file:
    /// `nomenclature.storage_per_company` [default: 2147483648].
    #[arg(
        long = "nomenclature-storage-per-company",
        id = "nomenclature_storage_per_company",
        env = "COMPTOIR_NOMENCLATURE_STORAGE_PER_COMPANY",
        value_name = "BYTES"
    )]
    pub storage_per_company: Option<u64>,

    /// How many days the file and the report of an import that ended are kept. In the configuration file:
    /// `nomenclature.kept_days` [default: 30].
    #[arg(
        long = "nomenclature-kept-days",
        id = "nomenclature_kept_days",
        env = "COMPTOIR_NOMENCLATURE_KEPT_DAYS",
        value_name = "DAYS"
    )]
    pub kept_days: Option<u64>,
}

impl NomenclatureSettings {
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            storage_per_company: self.storage_per_company.or(other.storage_per_company),
            kept_days: self.kept_days.or(other.kept_days),
        }
    }

    /// Checks the bounds and fills in the defaults.
    pub fn resolve(self) -> Result<NomenclatureConfig, ConfigError> {
        let invalid = |setting, rule: &str| ConfigError::Invalid { setting, rule: rule.to_owned() };
        let default = NomenclatureConfig::default();
        let storage_per_company = match self.storage_per_company {
            None => default.storage_per_company,
            Some(bytes) => i64::try_from(bytes)
                .ok()
                .filter(|bytes| *bytes <= 1 << 46)
                .ok_or_else(|| invalid("nomenclature.storage_per_company", "must be at most 70368744177664 bytes"))?,
        };
        let kept_for = match self.kept_days {
            None => default.kept_for,
            Some(count @ 1..=3650) => days(count),
            Some(_) => return Err(invalid("nomenclature.kept_days", "must be from 1 to 3650")),
        };
        Ok(NomenclatureConfig { storage_per_company, kept_for })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_out_of_its_bounds_is_named() {
        let refused = |settings: NomenclatureSettings| match settings.resolve() {
            Err(ConfigError::Invalid { setting, .. }) => setting,
            other => panic!("{other:?}"),
        };
        let storage = NomenclatureSettings { storage_per_company: Some(u64::MAX), ..NomenclatureSettings::default() };
        assert_eq!(refused(storage), "nomenclature.storage_per_company");
        let kept = NomenclatureSettings { kept_days: Some(0), ..NomenclatureSettings::default() };
        assert_eq!(refused(kept), "nomenclature.kept_days");
        assert_eq!(NomenclatureSettings::default().resolve().expect("the defaults"), NomenclatureConfig::default());
    }
}
