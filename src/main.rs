//! Parses the command line, runs it, prints an error chain once.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use comptoir::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut out = io::stderr().lock();
            // Where nobody listens, the exit code still says it.
            let _ = writeln!(out, "comptoir: {error}");
            let mut said = error.to_string();
            let mut cause = error.source();
            while let Some(next) = cause {
                let text = next.to_string();
                // A transparent error repeats its cause; once is enough.
                if !said.contains(&text) {
                    let _ = writeln!(out, "  because: {text}");
                }
                said = text;
                cause = next.source();
            }
            ExitCode::from(error.exit_code())
        }
    }
}
