//! Where the log goes: standard error, pretty on a terminal, JSON otherwise. Secrets are in none of its fields: the
//! types that hold them print as an ellipsis.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

use super::CliError;
use crate::config::LogFormat;

/// Starts logging. In a process that logs already, a test's, nothing changes.
pub fn start(filter: &str, format: LogFormat) -> Result<(), CliError> {
    let filter = EnvFilter::try_new(filter).map_err(|error| CliError::Refused(format!("log {error}")))?;
    let pretty = match format {
        LogFormat::Pretty => true,
        LogFormat::Json => false,
        LogFormat::Auto => stderr().is_terminal(),
    };
    // A log that cannot be written is no reason to stop: by default it would be told to standard error, with a panic.
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).log_internal_errors(false);
    let started = if pretty {
        builder.with_ansi(stderr().is_terminal()).with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(false).try_init()
    };
    // An error here means that a logger is there already.
    drop(started);
    Ok(())
}
