//! `comptoir quota`: what users may use, beside a running server.

use clap::{Args, Subcommand};

use super::output::{self, Table};
use super::{CliError, Common};
use crate::account::UsageError;
use crate::account::model::{Kind, ProcessType, Service};
use crate::account::quota::Limits;
use crate::account::service::quotas;
use crate::auth::companies;
use crate::auth::model::{Company, Scope};
use crate::store::Store;

/// So many rows are read at a time.
const PAGE: usize = 500;

/// What can be done with quotas.
#[derive(Debug, Subcommand)]
pub enum QuotaCommand {
    /// Limit what a user may use of a service and process type, from the next start on.
    Set {
        #[command(flatten)]
        of: Of,
        /// The most points of one start [default: 1000000, the highest].
        #[arg(long, value_name = "NUMBER")]
        points_per_request: Option<i64>,
        /// The most points of a local day [default: 100000000, the highest].
        #[arg(long, value_name = "NUMBER")]
        points_per_day: Option<i64>,
        /// The most processes at once [default: 1000, the highest].
        #[arg(long, value_name = "NUMBER")]
        max_concurrent_execution: Option<i64>,
    },
    /// Lift the limits of a user for a service and process type.
    Remove {
        #[command(flatten)]
        of: Of,
    },
    /// Show the quotas of a company. What is not shown is not limited.
    List {
        /// The company's key.
        company: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Whose quota, of what.
#[derive(Debug, Args)]
pub struct Of {
    /// The company's key.
    company: String,
    /// The user's name.
    username: String,
    /// The service, such as UNIVERSAL.
    #[arg(value_parser = service)]
    service: Service,
    /// The process type, such as PLAN.
    #[arg(value_parser = process_type)]
    process_type: ProcessType,
}

impl Of {
    fn kind(&self) -> Kind {
        Kind { service: self.service, process_type: self.process_type }
    }
}

fn service(word: &str) -> Result<Service, String> {
    let words = || Service::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", ");
    Service::parse(word).ok_or_else(|| format!("must be one of {}", words()))
}

fn process_type(word: &str) -> Result<ProcessType, String> {
    let words = || ProcessType::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", ");
    ProcessType::parse(word).ok_or_else(|| format!("must be one of {}", words()))
}

/// Runs the command.
pub fn run(common: &Common, command: QuotaCommand) -> Result<(), CliError> {
    let store = common.open()?;
    match command {
        QuotaCommand::Set { of, points_per_request, points_per_day, max_concurrent_execution } => {
            let limits = Limits::parse(points_per_request, points_per_day, max_concurrent_execution)
                .map_err(UsageError::Invalid)?;
            let (company, kind, username) = (company(&store, &of.company)?.id, of.kind(), of.username);
            let quota = common.change(
                &store,
                "set_quota",
                move |_| Some(company),
                move |tx| quotas::set(tx, company, &username, kind, &limits),
            )?;
            output::say(&format!("quota of {} for {} {} set", quota.username, kind.service, kind.process_type))
        }
        QuotaCommand::Remove { of } => {
            let (company, kind, username) = (company(&store, &of.company)?.id, of.kind(), of.username.clone());
            common.change(
                &store,
                "delete_quota",
                move |()| Some(company),
                move |tx| quotas::delete(tx, company, &username, kind),
            )?;
            output::say(&format!("quota of {} for {} {} lifted", of.username, kind.service, kind.process_type))
        }
        QuotaCommand::List { company: key, json } => list(&store, &key, json),
    }
}

fn company(store: &Store, key: &str) -> Result<Company, CliError> {
    Ok(store.read(|conn| companies::find(conn, Scope::Installation, key))?)
}

fn list(store: &Store, key: &str, json: bool) -> Result<(), CliError> {
    let company = company(store, key)?;
    let mut table = Table::new(&[
        "username",
        "service",
        "process_type",
        "points_per_request",
        "points_per_day",
        "max_concurrent_execution",
    ]);
    let mut after = (0, -1, -1);
    loop {
        let page = store.read(|conn| quotas::list(conn, company.id, after, PAGE))?;
        let Some(last) = page.last() else { break };
        after = (last.user.0, last.kind.service.code().into(), last.kind.process_type.code().into());
        for quota in &page {
            table.row([
                quota.username.as_str().into(),
                quota.kind.service.as_str().into(),
                quota.kind.process_type.as_str().into(),
                quota.limits.points_per_request.into(),
                quota.limits.points_per_day.into(),
                quota.limits.max_concurrent_execution.into(),
            ]);
        }
    }
    table.print(json)
}
