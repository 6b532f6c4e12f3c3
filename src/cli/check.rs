//! `comptoir check`: whether the database is whole, and whether what must hold between its rows does.

use clap::Args;

use super::{CliError, Common, output};
use crate::app;
use crate::audit::check::{self, LoggedHead};
use crate::store::integrity;

/// How to check.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Skip the page-by-page check, which reads the whole file.
    #[arg(long)]
    quick: bool,

    /// A head of an audit chain as the log had it one day, CHAIN:SEQ:HASH: whether the chain still goes through it. May
    /// be given several times.
    #[arg(long = "audit-head", value_name = "HEAD", value_parser = head)]
    audit_heads: Vec<LoggedHead>,
}

fn head(text: &str) -> Result<LoggedHead, String> {
    LoggedHead::parse(text).ok_or_else(|| "must be CHAIN:SEQ:HASH, as in the log".to_owned())
}

/// Runs the command: says nothing but "well" when all is well, else every finding, and fails.
pub fn run(common: &Common, args: &CheckArgs) -> Result<(), CliError> {
    let store = common.open()?;
    let mut findings = store.read(|conn| integrity(conn, !args.quick))?;
    if findings.is_empty() {
        findings.extend(store.read(|conn| app::consistency(conn))?);
        for head in &args.audit_heads {
            findings.extend(store.read(|conn| check::logged_head(conn, *head))?);
        }
    }
    if findings.is_empty() {
        return output::say(&format!("{} is well", store.path().display()));
    }
    output::say(&findings.join("\n"))?;
    Err(CliError::Refused(format!("{} findings in {}", findings.len(), store.path().display())))
}
