//! `comptoir audience`: lists, resources and suppressed addresses of a company, beside a running server.

use std::sync::Arc;

use clap::{Args, Subcommand};

use super::output::{self, Table};
use super::{CliError, Common};
use crate::audience::AudienceError;
use crate::audience::model::{Address, Name, Shelf};
use crate::audience::service::entries;
use crate::audience::service::suppression::{self, Followed};
use crate::auth::companies;
use crate::auth::model::{CompanyId, Refused, Rule, Scope};
use crate::store::Store;

/// So many rows are read at a time.
const PAGE: usize = 500;

/// What can be done with the audience.
#[derive(Debug, Subcommand)]
pub enum AudienceCommand {
    /// Lists of profiles.
    List(Shelved),
    /// Resources that profiles subscribe to.
    Resource(Shelved),
    /// Addresses nothing is sent to.
    Suppress {
        /// The company's key.
        #[arg(long)]
        company: String,
        #[command(subcommand)]
        command: SuppressCommand,
    },
}

/// Lists or resources of a company.
#[derive(Debug, Args)]
pub struct Shelved {
    /// The company's key.
    #[arg(long)]
    company: String,
    #[command(subcommand)]
    command: ShelfCommand,
}

/// What can be done with lists and resources.
#[derive(Debug, Subcommand)]
enum ShelfCommand {
    /// Make one.
    Add {
        /// Its name.
        name: String,
        /// Its number [default: the one after the highest].
        #[arg(long)]
        id: Option<i64>,
    },
    /// Show all of them.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Rename one.
    Rename {
        /// Its number.
        id: i64,
        /// Its new name.
        name: String,
    },
    /// Let the contract find it again.
    Enable {
        /// Its number.
        id: i64,
    },
    /// Hide it from the contract; nothing of it is lost.
    Disable {
        /// Its number.
        id: i64,
    },
}

/// What can be done with suppressed addresses.
#[derive(Debug, Subcommand)]
pub enum SuppressCommand {
    /// Put addresses on the list.
    Add {
        /// E-mail addresses and phone numbers.
        #[arg(required = true)]
        addresses: Vec<String>,
    },
    /// Take addresses from the list.
    Remove {
        /// E-mail addresses and phone numbers.
        #[arg(required = true)]
        addresses: Vec<String>,
    },
    /// Show all of them.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
pub fn run(common: &Common, command: AudienceCommand) -> Result<(), CliError> {
    let store = common.open()?;
    match command {
        AudienceCommand::List(shelved) => shelf(common, &store, Shelf::Lists, shelved),
        AudienceCommand::Resource(shelved) => shelf(common, &store, Shelf::Resources, shelved),
        AudienceCommand::Suppress { company, command } => suppress(common, &store, &company, command),
    }
}

fn company(store: &Store, key: &str) -> Result<CompanyId, CliError> {
    Ok(store.read(|conn| companies::find(conn, Scope::Installation, key))?.id)
}

fn refused(field: &'static str) -> impl Fn(Rule) -> AudienceError {
    move |rule| Refused { field, rule }.into()
}

fn shelf(common: &Common, store: &Store, shelf: Shelf, shelved: Shelved) -> Result<(), CliError> {
    let company = company(store, &shelved.company)?;
    let now = common.clock().now();
    let change = |id: i64, name: Option<Name>, enabled: Option<bool>, done: &str| -> Result<(), CliError> {
        let operation = match shelf {
            Shelf::Lists => "change_audience_list",
            Shelf::Resources => "change_audience_resource",
        };
        let entry = common.change(
            store,
            operation,
            move |_| Some(company),
            move |tx| entries::change(tx, shelf, company, id, name.as_ref(), enabled, now),
        )?;
        output::say(&format!("{} {} {done}", shelf.noun(), entry.id))
    };
    match shelved.command {
        ShelfCommand::Add { name, id } => {
            let name = Name::parse(&name).map_err(refused("name"))?;
            let operation = match shelf {
                Shelf::Lists => "create_audience_list",
                Shelf::Resources => "create_audience_resource",
            };
            let entry = common.change(
                store,
                operation,
                move |_| Some(company),
                move |tx| entries::create(tx, shelf, company, id, &name, now),
            )?;
            output::say(&format!("{} {} made", shelf.noun(), entry.id))
        }
        ShelfCommand::List { json } => {
            let mut table = Table::new(&["id", "name", "enabled", "profiles"]);
            let mut after = 0;
            loop {
                let page = store.read(|conn| entries::list(conn, shelf, company, after, PAGE))?;
                let Some(last) = page.last() else { break };
                after = last.id;
                for entry in &page {
                    table.row([
                        entry.id.into(),
                        entry.name.as_str().into(),
                        entry.enabled.into(),
                        entry.profiles.into(),
                    ]);
                }
            }
            table.print(json)
        }
        ShelfCommand::Rename { id, name } => {
            change(id, Some(Name::parse(&name).map_err(refused("name"))?), None, "renamed")
        }
        ShelfCommand::Enable { id } => change(id, None, Some(true), "enabled"),
        ShelfCommand::Disable { id } => change(id, None, Some(false), "disabled"),
    }
}

fn suppress(common: &Common, store: &Store, key: &str, command: SuppressCommand) -> Result<(), CliError> {
    let company = company(store, key)?;
    let now = common.clock().now();
    let change = |addresses: Vec<String>, add: bool, done: &str| -> Result<(), CliError> {
        let addresses: Vec<Address> =
            addresses.iter().map(|text| Address::either(text).map_err(refused("address"))).collect::<Result<_, _>>()?;
        let addresses: Arc<[Address]> = addresses.into();
        let own = Arc::clone(&addresses);
        let operation = if add { "add_suppressed" } else { "remove_suppressed" };
        let changed = common.change(
            store,
            operation,
            move |_| Some(company),
            move |tx| suppression::change(tx, company, &own, add, now),
        )?;
        let mut followed = Some(Followed::default());
        while let Some(from) = followed {
            let own = Arc::clone(&addresses);
            followed = store.write_blocking(move |tx| suppression::follow(tx, company, &own, from, now))?;
        }
        output::say(&format!("{changed} addresses {done}"))
    };
    match command {
        SuppressCommand::Add { addresses } => change(addresses, true, "suppressed"),
        SuppressCommand::Remove { addresses } => change(addresses, false, "taken from the list"),
        SuppressCommand::List { json } => {
            let mut table = Table::new(&["kind", "address", "since"]);
            let mut after = (String::new(), String::new());
            loop {
                let page = store.read(|conn| suppression::list(conn, company, (&after.0, &after.1), PAGE))?;
                let Some(last) = page.last() else { break };
                after = (last.address.kind.word().to_owned(), last.address.value.clone());
                for row in &page {
                    table.row([
                        row.address.kind.word().into(),
                        row.address.shown.as_str().into(),
                        row.created_at.to_utc().to_rfc3339().into(),
                    ]);
                }
            }
            table.print(json)
        }
    }
}
