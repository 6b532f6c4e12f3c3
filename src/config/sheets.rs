//! The table `[sheets]`: what reading an untrusted spreadsheet may cost.

use std::time::Duration;

use serde::Deserialize;

use super::ConfigError;
use crate::sheets::Limits;

/// The table `[sheets]`; as flags `--sheets-memory` and so on.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct SheetSettings {
    /// Address space of the process that reads a spreadsheet, in bytes. In the configuration file: `sheets.memory`
    /// [default: 536870912].
    #[arg(long = "sheets-memory", id = "sheets_memory", env = "COMPTOIR_SHEETS_MEMORY", value_name = "BYTES")]
    pub memory: Option<u64>,

    /// Processor time of that process, in seconds. In the configuration file: `sheets.cpu` [default: 60].
    #[arg(long = "sheets-cpu", id = "sheets_cpu", env = "COMPTOIR_SHEETS_CPU", value_name = "SECONDS")]
    pub cpu: Option<u64>,

    /// Spreadsheets that are read at once; further ones wait. In the configuration file: `sheets.children` [default: 2].
    #[arg(long = "sheets-children", id = "sheets_children", env = "COMPTOIR_SHEETS_CHILDREN", value_name = "NUMBER")]
    pub children: Option<usize>,

    /// The largest spreadsheet, in bytes. In the configuration file: `sheets.file` [default: 104857600].
    #[arg(long = "sheets-file", id = "sheets_file", env = "COMPTOIR_SHEETS_FILE", value_name = "BYTES")]
    pub file: Option<u64>,

    /// The largest `.xls` or `.ods` file, which is held in memory, in bytes. In the configuration file: `sheets.held_file`
    /// [default: 20971520].
    #[arg(long = "sheets-held-file", id = "sheets_held_file", env = "COMPTOIR_SHEETS_HELD_FILE", value_name = "BYTES")]
    pub held_file: Option<u64>,

    /// The most bytes that may come out of an archive. In the configuration file: `sheets.inflated` [default: 4294967296].
    #[arg(long = "sheets-inflated", id = "sheets_inflated", env = "COMPTOIR_SHEETS_INFLATED", value_name = "BYTES")]
    pub inflated: Option<u64>,

    /// The most bytes that may come out of an archive for each that went in. In the configuration file: `sheets.ratio`
    /// [default: 250].
    #[arg(long = "sheets-ratio", id = "sheets_ratio", env = "COMPTOIR_SHEETS_RATIO", value_name = "NUMBER")]
    pub ratio: Option<u64>,

    /// The most rows of a sheet. In the configuration file: `sheets.rows` [default: 1000000].
    #[arg(long = "sheets-rows", id = "sheets_rows", env = "COMPTOIR_SHEETS_ROWS", value_name = "NUMBER")]
    pub rows: Option<u64>,

    /// The most cells of a sheet, empty ones to the left of others included. In the configuration file: `sheets.cells`
    /// [default: 50000000].
    #[arg(long = "sheets-cells", id = "sheets_cells", env = "COMPTOIR_SHEETS_CELLS", value_name = "NUMBER")]
    pub cells: Option<u64>,
}

impl SheetSettings {
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            memory: self.memory.or(other.memory),
            cpu: self.cpu.or(other.cpu),
            children: self.children.or(other.children),
            file: self.file.or(other.file),
            held_file: self.held_file.or(other.held_file),
            inflated: self.inflated.or(other.inflated),
            ratio: self.ratio.or(other.ratio),
            rows: self.rows.or(other.rows),
            cells: self.cells.or(other.cells),
        }
    }

    /// Checks the bounds and fills in the defaults.
    pub fn resolve(self) -> Result<Limits, ConfigError> {
        let default = Limits::default();
        let within = |setting, given: Option<u64>, default: u64, least: u64, most: u64| {
            let number = given.unwrap_or(default);
            if !(least..=most).contains(&number) {
                return Err(ConfigError::Invalid { setting, rule: format!("must be from {least} to {most}") });
            }
            Ok(number)
        };
        // Below 64 MiB of address space the program itself has no room.
        let memory = within("sheets.memory", self.memory, default.memory, 64 << 20, 1 << 40)?;
        let cpu = within("sheets.cpu", self.cpu, default.cpu.as_secs(), 1, 3_600)?;
        let children = self.children.unwrap_or(default.children);
        let children = within("sheets.children", Some(children as u64), 0, 1, 64)?;
        let cpu = Duration::from_secs(cpu);
        Ok(Limits {
            memory,
            cpu,
            // Beside others it may take longer than its own time.
            wait: cpu * 3,
            children: usize::try_from(children).unwrap_or(1),
            file: within("sheets.file", self.file, default.file, 1, 1 << 40)?,
            held_file: within("sheets.held_file", self.held_file, default.held_file, 1, 1 << 40)?,
            inflated: within("sheets.inflated", self.inflated, default.inflated, 1, 1 << 46)?,
            ratio: within("sheets.ratio", self.ratio, default.ratio, 1, 1_032)?,
            rows: within("sheets.rows", self.rows, default.rows, 1, 1_048_576)?,
            cells: within("sheets.cells", self.cells, default.cells, 1, 1 << 34)?,
            ..default
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_settings_the_limits_are_the_defaults() {
        assert_eq!(SheetSettings::default().resolve().expect("valid settings"), Limits::default());
    }

    #[test]
    fn a_limit_that_would_let_nothing_or_everything_pass_is_refused_by_name() {
        for (settings, name) in [
            (SheetSettings { memory: Some(1 << 20), ..SheetSettings::default() }, "sheets.memory"),
            (SheetSettings { cpu: Some(0), ..SheetSettings::default() }, "sheets.cpu"),
            (SheetSettings { children: Some(0), ..SheetSettings::default() }, "sheets.children"),
            (SheetSettings { ratio: Some(5_000), ..SheetSettings::default() }, "sheets.ratio"),
            (SheetSettings { rows: Some(2_000_000), ..SheetSettings::default() }, "sheets.rows"),
        ] {
            let error = settings.resolve().expect_err(name);
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }

    #[test]
    fn an_earlier_source_wins() {
        let flags = SheetSettings { cpu: Some(5), ..SheetSettings::default() };
        let file: SheetSettings = toml::from_str("cpu = 7\nrows = 10").expect("a valid table");
        let limits = flags.or(file).resolve().expect("valid settings");
        assert_eq!((limits.cpu.as_secs(), limits.wait.as_secs(), limits.rows), (5, 15, 10));
    }
}
