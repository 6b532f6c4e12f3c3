//! `comptoir company`: the tenants of the installation.

use clap::Subcommand;

use super::output::{self, Table};
use super::{CliError, Common};
use crate::auth::AuthError;
use crate::auth::companies::{self, CompanyChange};
use crate::auth::model::{Company, CompanyKey, CompanyName, Refused, folded};

/// What can be done with companies.
#[derive(Debug, Subcommand)]
pub enum CompanyCommand {
    /// Make a company.
    Add {
        /// Its key: letters, digits and underscores.
        key: String,
        /// Its name for people [default: the key].
        #[arg(long)]
        name: Option<String>,
    },
    /// List the companies.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Rename a company.
    Rename {
        /// Its key.
        key: String,
        /// Its new name for people.
        name: String,
    },
    /// Let a company's users sign in again.
    Enable {
        /// Its key.
        key: String,
    },
    /// Keep a company's users out at once, until it is enabled again.
    Disable {
        /// Its key.
        key: String,
    },
}

/// Runs the command.
pub fn run(common: &Common, command: CompanyCommand) -> Result<(), CliError> {
    let store = common.open()?;
    let now = common.clock().now();
    let change = |key: String, change: CompanyChange, done: &str| -> Result<(), CliError> {
        let of = |company: &Company| Some(company.id);
        let company =
            common.change(&store, "change_company", of, move |tx| companies::change(tx, &key, &change, now))?;
        output::say(&format!("company {} {done}", company.key))
    };
    match command {
        CompanyCommand::Add { key, name } => {
            let name = CompanyName::parse(name.unwrap_or_else(|| key.clone()))
                .map_err(|rule| AuthError::from(Refused { field: "name", rule }))?;
            let key = CompanyKey::parse(key).map_err(|rule| AuthError::from(Refused { field: "key", rule }))?;
            let of = |company: &Company| Some(company.id);
            let company =
                common.change(&store, "create_company", of, move |tx| companies::create(tx, &key, &name, now))?;
            output::say(&format!("company {} made", company.key))
        }
        CompanyCommand::List { json } => {
            let mut table = Table::new(&["key", "name", "enabled", "guid"]);
            let mut after = String::new();
            loop {
                let page = store.read(|conn| companies::list(conn, &after, 500))?;
                let Some(last) = page.last() else { break };
                after = folded(last.key.as_str());
                for company in &page {
                    table.row([
                        company.key.as_str().into(),
                        company.name.as_str().into(),
                        company.enabled.into(),
                        company.guid.to_string().into(),
                    ]);
                }
            }
            table.print(json)
        }
        CompanyCommand::Rename { key, name } => {
            let name = CompanyName::parse(name).map_err(|rule| AuthError::from(Refused { field: "name", rule }))?;
            change(key, CompanyChange { name: Some(name), enabled: None }, "renamed")
        }
        CompanyCommand::Enable { key } => change(key, CompanyChange { name: None, enabled: Some(true) }, "enabled"),
        CompanyCommand::Disable { key } => change(
            key,
            CompanyChange { name: None, enabled: Some(false) },
            "disabled; none of its users' credentials work until it is enabled",
        ),
    }
}
