//! `comptoir read-sheet`: what the server runs to have an untrusted spreadsheet read. Not for people.

use clap::Args;

use super::CliError;
use crate::sheets::child;

#[derive(Debug, Args)]
pub struct ReadSheetArgs {
    /// What the file may cost.
    #[arg(long)]
    limits: String,

    /// The extension the file's name should have.
    #[arg(long)]
    hint: String,
}

pub fn run(args: &ReadSheetArgs) -> Result<(), CliError> {
    child::run(&args.limits, &args.hint).map_err(CliError::io("cannot read the sheet"))
}
