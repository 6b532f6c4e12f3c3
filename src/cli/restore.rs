//! `comptoir restore`: a backup in the place of the database.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::output::{self, Table};
use super::{CliError, Common, file};
use crate::app;
use crate::backups::restore::{RestoreOptions, Restored, restore};
use crate::config::Settings;

/// How to restore.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The backup: one that `comptoir backup` took, a copy that was put aside before a change, or any other whole copy of a
    /// database. It is left as it is.
    backup: PathBuf,

    /// Let webhooks and reminders that were on their way when the backup was taken go out as soon as the server starts.
    /// Otherwise they wait for `comptoir outgoing release`.
    #[arg(long)]
    resume: bool,

    /// Restore a backup whose rows contradict each other, too.
    #[arg(long)]
    despite_findings: bool,
}

/// Runs the command.
pub fn run(common: &Common, args: &RestoreArgs) -> Result<(), CliError> {
    let database = file(&common.settings(Settings::default())?)?;
    let options = RestoreOptions {
        resume: args.resume,
        despite_findings: args.despite_findings,
        check: app::consistency,
        outgoing: app::OUTGOING,
        clock: common.clock(),
    };
    let restored = restore(&args.backup, &database, &options)?;
    output::print(&told(&restored, args))
}

/// What a person has to know now.
fn told(restored: &Restored, args: &RestoreArgs) -> String {
    let mut text = format!("{} is now what {} holds.\n", restored.path.display(), args.backup.display());
    if let Some(copy) = &restored.set_aside {
        let _ = writeln!(text, "What was there before is kept as {}.", copy.display());
    }
    for finding in &restored.findings {
        let _ = writeln!(text, "It contradicts itself: {finding}");
    }
    text.push_str("Every JWT and every SID has ended.\n");
    let waiting: Vec<_> = restored.waiting.iter().map(|(kind, tasks)| format!("{tasks} {kind}")).collect();
    let waiting = if waiting.is_empty() { "nothing".to_owned() } else { waiting.join(", ") };
    let state =
        if restored.held { "are held until `comptoir outgoing release`" } else { "go on as soon as the server starts" };
    let _ = writeln!(text, "Webhooks and reminders {state} (waiting: {waiting}).");
    if !restored.compared && restored.set_aside.is_some() {
        text.push_str("What was there could not be read: nothing is known of what was changed since.\n");
    }
    let _ = writeln!(text, "\nAPI tokens that work: {}", restored.tokens.len());
    let mut tokens = Table::new(&["id", "name", "username", "role", "hint", "since_the_backup"]);
    for token in &restored.tokens {
        let row = &token.row;
        let texts = [&row.id, &row.name, &row.username, &row.granted, &row.hint].map(|text| Value::from(text.as_str()));
        tokens.row(texts.into_iter().chain([token.since.into()]));
    }
    text.push_str(&tokens.to_text());
    let _ = writeln!(text, "\nUsers who sign in with the password of that time: {}", restored.passwords.len());
    let mut passwords = Table::new(&["username", "company", "since_the_backup"]);
    for user in &restored.passwords {
        passwords.row([user.row.username.as_str().into(), user.row.company.as_str().into(), user.since.into()]);
    }
    text.push_str(&passwords.to_text());
    text
}
