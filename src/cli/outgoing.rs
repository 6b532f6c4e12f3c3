//! `comptoir outgoing`: work that goes to other people's servers, which a restore holds.

use clap::Subcommand;

use super::{CliError, Common, output};
use crate::app;
use crate::house::backups::{Outgoing, outgoing};
use crate::store;

/// What can be done with outgoing work.
#[derive(Debug, Subcommand)]
pub enum OutgoingCommand {
    /// Whether it is held, and how much of it waits.
    Status,
    /// Let it go on. A running server takes notice within a second.
    Release,
}

/// Runs the command.
pub fn run(common: &Common, command: OutgoingCommand) -> Result<(), CliError> {
    let store = common.open()?;
    let outgoing = match command {
        OutgoingCommand::Status => store.read(|conn| outgoing(conn, app::OUTGOING))?,
        OutgoingCommand::Release => common.change(
            &store,
            "release_outgoing",
            |_: &Outgoing| None,
            |tx| {
                store::release(tx)?;
                Ok::<_, CliError>(outgoing(tx, app::OUTGOING)?)
            },
        )?,
    };
    let state = match outgoing.held_since {
        Some(since) => format!("held since {since:?}"),
        None => "goes on".to_owned(),
    };
    let waiting: Vec<_> = outgoing.waiting.iter().map(|(kind, tasks)| format!("{tasks} {kind}")).collect();
    let waiting = if waiting.is_empty() { "nothing".to_owned() } else { waiting.join(", ") };
    output::say(&format!("outgoing work: {state}; waiting: {waiting}"))
}
