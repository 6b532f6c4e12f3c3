//! `comptoir backup`: a copy of the whole database, read back before it counts.

use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::output::{self, Table};
use super::{CliError, Common};
use crate::app;
use crate::backups::{BackupError, Backups, Taken, Target, tasks};
use crate::config::{BackupSettings, Database, Settings};
use crate::store::{self, Copying};

/// How to take a backup.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BackupArgs {
    #[command(subcommand)]
    command: Option<BackupCommand>,

    #[command(flatten)]
    place: Place,

    /// Put it into this folder (a path that is one, or ends in `/`) or this file, where nothing is ever removed, instead of
    /// among those that are kept.
    #[arg(long, value_name = "FOLDER|FILE")]
    to: Option<PathBuf>,
}

/// Where backups are kept.
#[derive(Debug, Args)]
struct Place {
    /// Where backups are kept, if this command does not read the server's configuration.
    #[arg(long, env = "COMPTOIR_BACKUP_FOLDER", value_name = "FOLDER")]
    backup_folder: Option<PathBuf>,

    /// How many are kept.
    #[arg(long, env = "COMPTOIR_BACKUP_KEEP", value_name = "NUMBER")]
    backup_keep: Option<usize>,
}

#[derive(Debug, Subcommand)]
enum BackupCommand {
    /// List the backups that are kept.
    List {
        #[command(flatten)]
        place: Place,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Restore the newest backup to a place of its own and look it over.
    Drill {
        #[command(flatten)]
        place: Place,
    },
}

/// Runs the command.
pub fn run(common: &Common, args: BackupArgs) -> Result<(), CliError> {
    match args.command {
        None => take(common, &backups(common, args.place)?, args.to.as_deref()),
        Some(BackupCommand::List { place, json }) => list(&backups(common, place)?, json),
        Some(BackupCommand::Drill { place }) => drill(common, &backups(common, place)?),
    }
}

fn backups(common: &Common, place: Place) -> Result<Backups, CliError> {
    let backup = BackupSettings { folder: place.backup_folder, keep: place.backup_keep, ..BackupSettings::default() };
    let settings = common.settings(Settings { backup, ..Settings::default() })?;
    let store = common.open_as(&settings)?;
    let config = settings.backup.resolve(&Database::File(store.path().to_owned()))?;
    Ok(Backups::new(store, common.clock(), config.folder, config.keep, app::consistency))
}

fn take(common: &Common, backups: &Backups, to: Option<&Path>) -> Result<(), CliError> {
    let target = to.map_or(Target::Kept, target);
    let mut shown = 0;
    let taken = backups.take(&target, &mut |copying| {
        show(copying, &mut shown);
        true
    })?;
    common.change(backups.store(), "create_backup", |()| None, |_| Ok::<_, CliError>(()))?;
    let Taken { path, bytes, tables, rows, findings, removed, .. } = taken;
    let path = path.display();
    if findings.is_empty() {
        let removed = if removed.is_empty() { String::new() } else { format!("; {} older ones went", removed.len()) };
        return output::say(&format!("{path}: {bytes} bytes, {rows} rows in {tables} tables, read back{removed}"));
    }
    output::say(&findings.join("\n"))?;
    Err(CliError::Refused(format!(
        "{path} is a faithful copy of a database that contradicts itself, and does not count"
    )))
}

fn target(to: &Path) -> Target {
    if to.is_dir() || to.as_os_str().to_string_lossy().ends_with('/') {
        Target::Folder(to.to_owned())
    } else {
        Target::File(to.to_owned())
    }
}

/// Shows a person how far it is, a percent at a time.
fn show(copying: Copying, shown: &mut u64) {
    let percent = copying.done.saturating_mul(100) / copying.total.max(1);
    if percent > *shown && stderr().is_terminal() {
        *shown = percent;
        let end = if percent >= 100 { "\n" } else { "" };
        // Who sees no progress sees the result.
        let _ = std::io::Write::write_fmt(&mut stderr().lock(), format_args!("\rcopying: {percent:>3} %{end}"));
    }
}

fn list(backups: &Backups, json: bool) -> Result<(), CliError> {
    let mut table = Table::new(&["name", "taken_at", "bytes", "good"]);
    for backup in backups.list()? {
        table.row([
            backup.name.to_string().into(),
            backup.name.at().to_rfc3339_opts(chrono::SecondsFormat::Secs, true).into(),
            backup.bytes.into(),
            backup.name.is_good().into(),
        ]);
    }
    table.print(json)
}

fn drill(common: &Common, backups: &Backups) -> Result<(), CliError> {
    let drill = backups.drill()?;
    let outcome = tasks::kept(&drill);
    common.change(
        backups.store(),
        "restore_drill",
        |()| None,
        move |tx| Ok::<_, BackupError>(store::keep_drill_outcome(tx, &outcome)?),
    )?;
    let name = drill.backup.as_deref().unwrap_or("the newest backup");
    if drill.succeeded() {
        return output::say(&format!("{name} can be restored ({} ms)", drill.took_millis));
    }
    output::say(&drill.findings.join("\n"))?;
    Err(CliError::Refused(format!("{name} cannot be relied on")))
}
