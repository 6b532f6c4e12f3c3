//! Parses the command line, runs it, prints an error chain once.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use comptoir::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("comptoir: {error}");
            let mut said = error.to_string();
            let mut cause = error.source();
            while let Some(next) = cause {
                let text = next.to_string();
                // A transparent error repeats its cause; once is enough.
                if !said.contains(&text) {
                    eprintln!("  because: {text}");
                }
                said = text;
                cause = next.source();
            }
            ExitCode::from(error.exit_code())
        }
    }
}
