//! `comptoir system` and `comptoir merchant`: what connectors report from and of, beside a running server.

use clap::{Args, Subcommand};

use super::output::{self, Table};
use super::party::company;
use super::{CliError, Common};
use crate::connectors::ConnectorsError;
use crate::connectors::model::{Code, Name, Refused, Register, Rule};
use crate::connectors::service::registry::{self, EntryChange};
use crate::tasks::Queue;

/// So many rows are read at a time.
const PAGE: usize = 500;

/// Systems or merchants of a company.
#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// The company's key.
    #[arg(long)]
    company: String,
    #[command(subcommand)]
    command: RegisterCommand,
}

/// What can be done with systems and merchants.
#[derive(Debug, Subcommand)]
enum RegisterCommand {
    /// Register one.
    Add {
        /// Its code, as connectors send it.
        code: String,
        /// What people call it [default: its code].
        #[arg(long)]
        name: Option<String>,
    },
    /// Show all of them.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Rename one.
    Rename {
        /// Its code.
        code: String,
        /// Its new name.
        name: String,
    },
    /// Let the contract find one again.
    Enable {
        /// Its code.
        code: String,
    },
    /// Hide one from the contract; nothing of it is lost.
    Disable {
        /// Its code.
        code: String,
    },
}

fn refused(field: &'static str) -> impl Fn(Rule) -> ConnectorsError {
    move |rule| Refused { field, rule }.into()
}

/// Runs the command.
pub fn run(common: &Common, register: Register, args: RegisterArgs) -> Result<(), CliError> {
    let store = common.open()?;
    let (company, now) = (company(&store, &args.company)?, common.clock().now());
    let change = |code: String, to: EntryChange, done: &str| -> Result<(), CliError> {
        let queue = Queue::new(common.clock(), Vec::new());
        let operation = match register {
            Register::Systems => "change_external_system",
            Register::Merchants => "change_merchant",
        };
        let entry = common.change(
            &store,
            operation,
            move |_| Some(company),
            move |tx| registry::change(tx, &queue, register, company, &code, &to, now),
        )?;
        output::say(&format!("{} {} {done}", register.noun(), entry.code))
    };
    match args.command {
        RegisterCommand::Add { code, name } => {
            let name = Name::parse(name.as_deref().unwrap_or(&code)).map_err(refused("name"))?;
            let code = Code::parse(&code).map_err(refused("code"))?;
            let operation = match register {
                Register::Systems => "create_external_system",
                Register::Merchants => "create_merchant",
            };
            let entry = common.change(
                &store,
                operation,
                move |_| Some(company),
                move |tx| registry::create(tx, register, company, &code, &name, now),
            )?;
            output::say(&format!("{} {} registered", register.noun(), entry.code))
        }
        RegisterCommand::List { json } => {
            let mut table = Table::new(&["id", "name", "enabled"]);
            let mut after = String::new();
            loop {
                let page = store.read(|conn| registry::list(conn, register, company, &after, PAGE))?;
                let Some(last) = page.last() else { break };
                after.clone_from(&last.code);
                for entry in page {
                    table.row([entry.code.into(), entry.name.into(), entry.enabled.into()]);
                }
            }
            table.print(json)
        }
        RegisterCommand::Rename { code, name } => {
            let name = Some(Name::parse(&name).map_err(refused("name"))?);
            change(code, EntryChange { name, enabled: None }, "renamed")
        }
        RegisterCommand::Enable { code } => change(code, EntryChange { name: None, enabled: Some(true) }, "enabled"),
        RegisterCommand::Disable { code } => change(code, EntryChange { name: None, enabled: Some(false) }, "disabled"),
    }
}
