//! The command line: what can be asked for, in words a newcomer can live on. One file per command.
//!
//! Knows the application as a whole through [`crate::app`]; a command on rows uses the same use cases as the HTTP API.

mod audience;
mod backup;
mod check;
mod company;
mod completions;
mod connector;
mod demo;
mod health;
mod import;
mod logging;
mod man;
pub mod openapi;
mod outgoing;
mod output;
mod party;
mod quota;
mod read_sheet;
mod ready;
mod restore;
mod schedule;
mod seed;
mod serve;
mod service;
mod signals;
mod stock;
mod token;
mod user;
mod webhook;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::account::UsageError;
use crate::audience::AudienceError;
use crate::audit::own::record_command;
use crate::auth::AuthError;
use crate::auth::model::CompanyId;
use crate::backups::BackupError;
use crate::clock::{Clock, Timestamp};
use crate::config::{CheckpointsSetting, ConfigError, Database, LogFormat, Settings};
use crate::connectors::ConnectorsError;
use crate::connectors::model::Register;
use crate::nomenclature::NomenclatureError;
use crate::schedules::SchedulesError;
use crate::store::{Checkpoints, OpenError, OpenOptions, Store, StoreError, WriteTx};
use crate::webhooks::WebhookError;

/// The back office of a small trading team in one binary and one SQLite file.
///
/// Start with `comptoir demo`: it serves believable data from a temporary database and prints what to try.
#[derive(Debug, Parser)]
#[command(name = "comptoir", version = crate::BUILD, max_term_width = 100)]
#[command(
    after_help = "Every option can also be set as an environment variable (shown with it) or, without its dashes \
and with underscores, in the configuration file (those of webhooks in a table of that name: `webhooks.allow`). A flag wins over the environment, the environment over the file.

Exit codes: 0 done; 1 refused or failed; 2 wrong usage; 3 the database was written by a newer version; 4 the file is not \
a Comptoir database; 5 the file is damaged; 6 another server has it open, or the file \
has several names (hard links); 7 the SQLite library is too old; 8 the file has \
an older format and a server has it open; 9 a migration failed; 10 the file is missing or cannot be read."
)]
pub struct Cli {
    #[command(flatten)]
    common: Common,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Common {
    /// The database file, or `temp` for one that goes with the process [default: comptoir.db].
    #[arg(long, short, global = true, env = "COMPTOIR_DATABASE", value_name = "FILE")]
    database: Option<String>,

    /// The configuration file [default: comptoir.toml, if it is there].
    #[arg(long, global = true, env = "COMPTOIR_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    /// What to log: a level (error, warn, info, debug, trace) or filters such as `info,comptoir::store=debug`
    /// [default: info].
    #[arg(long, global = true, env = "COMPTOIR_LOG", value_name = "FILTER")]
    log: Option<String>,

    /// How to write the log [default: auto].
    #[arg(long, global = true, env = "COMPTOIR_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,

    /// Hold the clock still at this instant, such as 2026-11-22T10:00:00Z: for tests.
    #[arg(long, global = true, env = "COMPTOIR_NOW", value_name = "INSTANT", value_parser = instant)]
    now: Option<Timestamp>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(Box<serve::ServeArgs>),
    /// Serve believable data from a temporary database and print what to try.
    Demo(demo::DemoArgs),
    /// Companies: the tenants of the installation.
    #[command(subcommand)]
    Company(company::CompanyCommand),
    /// Users: the people and machines of a company.
    #[command(subcommand)]
    User(user::UserCommand),
    /// The audience: lists, resources, suppressed addresses.
    #[command(subcommand)]
    Audience(audience::AudienceCommand),
    /// Quotas: what users may use.
    #[command(subcommand)]
    Quota(quota::QuotaCommand),
    /// Parties: producers and distributors, and who may act for them.
    #[command(subcommand)]
    Party(party::PartyCommand),
    /// Order schedules: exceptions, holidays, calendar feeds.
    #[command(subcommand)]
    Schedule(schedule::ScheduleCommand),
    /// External systems, whose connectors report figures.
    System(connector::RegisterArgs),
    /// Merchants ('personal cabinets') that connectors report figures of.
    Merchant(connector::RegisterArgs),
    /// API tokens, and the key of JWTs.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Webhooks: a company's receivers of events.
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// Bring a database, new or not, to what a fixture (JSON or TOML) says.
    Seed(seed::SeedArgs),
    /// Write what is in the database as a fixture, without secrets.
    Dump(seed::DumpArgs),
    /// Import a spreadsheet into a company's catalogue. Works beside a running server.
    Import(import::ImportArgs),
    /// Take a backup beside a running server or without one; list backups, try the newest one out.
    Backup(backup::BackupArgs),
    /// Put a backup in the place of the database, with a copy of what it replaces. The server must be stopped.
    Restore(restore::RestoreArgs),
    /// Work that goes to other people's servers, which a restore holds: how much waits, and its release.
    #[command(subcommand)]
    Outgoing(outgoing::OutgoingCommand),
    /// Check the database: integrity, references, and what must hold between rows. Works beside a running server.
    Check(check::CheckArgs),
    /// Ask a running server whether it is ready: exit code 0 if it is.
    Health(health::HealthArgs),
    /// Running under systemd.
    #[command(subcommand)]
    Service(service::ServiceCommand),
    /// Print the OpenAPI document, or write all of them to a folder.
    Openapi(openapi::OpenapiArgs),
    /// Print completions for a shell.
    Completions(completions::CompletionsArgs),
    /// Print the manual page, or write the pages of all commands to a folder.
    Man(man::ManArgs),
    /// Read the spreadsheet on standard input: what the server starts to have an untrusted file read.
    #[command(name = crate::sheets::child::COMMAND, hide = true)]
    ReadSheet(read_sheet::ReadSheetArgs),
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The use case was refused.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// A use case of the audience was refused.
    #[error(transparent)]
    Audience(#[from] AudienceError),
    /// A use case of usage was refused.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// A use case of order schedules was refused.
    #[error(transparent)]
    Schedules(#[from] SchedulesError),
    /// A use case of connectors was refused.
    #[error(transparent)]
    Connectors(#[from] ConnectorsError),
    /// A use case of the nomenclature was refused.
    #[error(transparent)]
    Nomenclature(#[from] NomenclatureError),
    /// The first start failed.
    #[error(transparent)]
    Bootstrap(#[from] crate::auth::bootstrap::BootstrapError),
    /// The application could not be put together.
    #[error(transparent)]
    App(#[from] crate::app::AppError),
    /// Test controls could not begin.
    #[error(transparent)]
    Controls(#[from] crate::testing::ControlsError),
    /// A use case of webhooks was refused.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// No backup was taken, or none restored.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file or a socket failed.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// What a command has to say could not be printed.
    #[error("it is done, but standard output cannot be written: {0}")]
    Unsaid(std::io::Error),
    /// A secret that is shown once was not.
    #[error("it is done, but the {what} could not be shown and is lost; run: {remedy}")]
    Unshown {
        /// What kind of secret.
        what: &'static str,
        /// What to run now.
        remedy: String,
        /// Why.
        source: std::io::Error,
    },
    /// The check found something, or an argument breaks a rule.
    #[error("{0}")]
    Refused(String),
}

impl CliError {
    /// The process's exit code; `--help` lists them.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Open(error) | Self::Backup(BackupError::Open(error)) => error.exit_code(),
            _ => 1,
        }
    }

    fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> Result<(), CliError> {
        let Self { common, command } = self;
        match command {
            Command::Serve(args) => serve::run(&common, *args),
            Command::Demo(args) => demo::run(&common, args),
            Command::Company(command) => company::run(&common, command),
            Command::User(command) => user::run(&common, command),
            Command::Audience(command) => audience::run(&common, command),
            Command::Quota(command) => quota::run(&common, command),
            Command::Party(command) => party::run(&common, command),
            Command::Schedule(command) => schedule::run(&common, command),
            Command::System(args) => connector::run(&common, Register::Systems, args),
            Command::Merchant(args) => connector::run(&common, Register::Merchants, args),
            Command::Token(command) => token::run(&common, command),
            Command::Webhook(command) => webhook::run(&common, command),
            Command::Seed(args) => seed::run(&common, args),
            Command::Dump(args) => seed::dump(&common, &args),
            Command::Import(args) => import::run(&common, &args),
            Command::Backup(args) => backup::run(&common, args),
            Command::Restore(args) => restore::run(&common, &args),
            Command::Outgoing(command) => outgoing::run(&common, command),
            Command::Check(args) => check::run(&common, &args),
            Command::Openapi(args) => openapi::run(&args),
            Command::Completions(args) => completions::run(&args),
            Command::Man(args) => man::run(&args),
            Command::Health(args) => health::run(&common, args),
            Command::Service(command) => service::run(command),
            Command::ReadSheet(args) => read_sheet::run(&args),
        }
    }
}

impl Common {
    /// These flags as settings, over the configuration file.
    fn settings(&self, flags: Settings) -> Result<Settings, ConfigError> {
        let common = Settings {
            database: self.database.clone(),
            log: self.log.clone(),
            log_format: self.log_format,
            ..Settings::default()
        };
        Ok(flags.or(common).or(Settings::read_or_default(self.config.as_deref())?))
    }

    fn clock(&self) -> Clock {
        self.now.map_or_else(Clock::system, Clock::fixed)
    }

    /// The clock of a server that tests steer.
    fn steered_clock(&self) -> Clock {
        Clock::steered(self.now)
    }

    /// Makes a change and records it in the same transaction, under the company that `of` names, or the installation.
    /// `operation`: what the house API calls the same change.
    fn change<T, E>(
        &self,
        store: &Store,
        operation: &'static str,
        of: impl Fn(&T) -> Option<CompanyId> + Send + 'static,
        f: impl Fn(&WriteTx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let now = self.clock().now();
        store.write_blocking(move |tx| {
            let done = f(tx)?;
            record_command(tx, of(&done), operation, now)?;
            Ok(done)
        })
    }

    /// Opens the database for a short command, which a running server need not be stopped for.
    fn open(&self) -> Result<Store, CliError> {
        self.open_as(&self.settings(Settings::default())?)
    }

    /// The same with settings that were read already.
    fn open_as(&self, settings: &Settings) -> Result<Store, CliError> {
        self.open_with(settings, |options| options)
    }

    /// The same, changed as `change` says.
    fn open_with(
        &self,
        settings: &Settings,
        change: impl FnOnce(OpenOptions) -> OpenOptions,
    ) -> Result<Store, CliError> {
        let checkpoints = match settings.store.checkpoints {
            Some(CheckpointsSetting::External) => Checkpoints::External,
            Some(CheckpointsSetting::Own) | None => Checkpoints::Own,
        };
        let options = OpenOptions::command(file(settings)?);
        Ok(Store::open(change(OpenOptions { clock: self.clock(), checkpoints, ..options }))?)
    }
}

/// The database's file.
fn file(settings: &Settings) -> Result<PathBuf, CliError> {
    match Database::parse(settings.database.as_deref().unwrap_or(crate::config::DEFAULT_DATABASE)) {
        Database::File(path) => Ok(path),
        Database::Temporary => {
            Err(CliError::Refused("a temporary database belongs to the server that made it: name its file".into()))
        }
    }
}

fn instant(text: &str) -> Result<Timestamp, String> {
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|at| at.to_utc().into())
        .map_err(|_| "must be an instant with an offset, such as 2026-11-22T10:00:00Z".to_owned())
}
