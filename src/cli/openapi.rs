//! `comptoir openapi`: the document, without a server.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::{CliError, output};
use crate::app;
use crate::fixtures;
use crate::http::document;

/// What the folder holds beside the documents: the JSON Schema of fixtures.
pub const FIXTURE_SCHEMA: &str = "fixture.schema.json";

/// What to print or write.
#[derive(Debug, Args)]
pub struct OpenapiArgs {
    /// Only this contract's part.
    #[arg(long, conflicts_with = "write")]
    contract: Option<String>,
    /// Write the whole, every contract's part and the schema of fixtures into this folder.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

/// Every document that `openapi/` holds: file name and text.
#[must_use]
pub fn files() -> Vec<(String, String)> {
    let whole = app::document();
    let parts = app::CONTRACTS.iter().map(|contract| (contract.name, document::part(&whole, contract)));
    let mut files: Vec<_> = parts.map(|(name, part)| (format!("{name}.json"), pretty(&part))).collect();
    files.push(("comptoir.json".to_owned(), pretty(&whole)));
    files
}

/// Runs the command.
pub fn run(args: &OpenapiArgs) -> Result<(), CliError> {
    if let Some(folder) = &args.write {
        fs::create_dir_all(folder).map_err(CliError::io(format!("cannot make {}", folder.display())))?;
        for (name, text) in files() {
            let path = folder.join(name);
            fs::write(&path, text).map_err(CliError::io(format!("cannot write {}", path.display())))?;
        }
        let path = folder.join(FIXTURE_SCHEMA);
        fs::write(&path, schema_text()).map_err(CliError::io(format!("cannot write {}", path.display())))?;
        return Ok(());
    }
    let document = app::document();
    let document = match &args.contract {
        Some(name) => {
            let contract = app::CONTRACTS.iter().find(|contract| contract.name == name).ok_or_else(|| {
                let known: Vec<_> = app::CONTRACTS.iter().map(|contract| contract.name).collect();
                CliError::Refused(format!("there is no contract `{name}`; there are: {}", known.join(", ")))
            })?;
            document::part(&document, contract)
        }
        None => document,
    };
    output::print(&pretty(&document))
}

/// The schema of fixtures as it is written.
#[must_use]
pub fn schema_text() -> String {
    pretty(&fixtures::schema())
}

fn pretty(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).expect("a JSON value serialises");
    text.push('\n');
    text
}
