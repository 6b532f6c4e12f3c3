//! `comptoir serve`: takes the port, opens the database, answers at once, makes the first operator beside it, stops on a
//! signal.

use std::env::var_os;
use std::fs::{self, File};
use std::io::{IsTerminal, Write, stdout};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::signals::Signals;
use super::{CliError, Common, logging, output, ready, seed};
use crate::app::{self, AppOptions, Background};
use crate::auth::Auth;
use crate::auth::bootstrap::{self, Bootstrapped, FirstOperator, MadeUp};
use crate::auth::password::Hasher;
use crate::clock::Clock;
use crate::config::{
    AuditSettings, BackupSettings, CheckpointsSetting, Config, ConnectorSettings, Database, NomenclatureSettings,
    OperatorPassword, ProcessSettings, Settings, SheetSettings, StoreSettings, WebhookSettings,
};
use crate::fixtures::plan::WHOLE;
use crate::fixtures::{Circumstances, Fixture, MadeSecret, Plan};
use crate::http::server::{self, Limits};
use crate::sheets::Reader;
use crate::store::{self, Checkpoints, OpenOptions, Store};
use crate::tasks::Queue;
use crate::testing::Controls;
use crate::webhooks;
use crate::webhooks::guard::Guard;

/// How to serve.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address and port to listen on; port 0 takes any free one [default: 127.0.0.1:8080].
    #[arg(long, short, env = "COMPTOIR_LISTEN", value_name = "ADDRESS")]
    listen: Option<String>,

    /// Name of this environment, shown in `tracedata.env` [default: local].
    #[arg(long, env = "COMPTOIR_ENVIRONMENT", value_name = "NAME")]
    environment: Option<String>,

    /// A proxy (address or network) whose `X-Forwarded-For` is believed; may be given several times.
    #[arg(long = "trusted-proxy", env = "COMPTOIR_TRUSTED_PROXIES", value_name = "NETWORK", value_delimiter = ',')]
    trusted_proxies: Option<Vec<String>>,

    /// Company of the first operator, on the first start [default: comptoir].
    #[arg(long, env = "COMPTOIR_OPERATOR_COMPANY", value_name = "KEY")]
    operator_company: Option<String>,

    /// Name of the first operator, on the first start [default: operator].
    #[arg(long, env = "COMPTOIR_OPERATOR_USERNAME", value_name = "NAME")]
    operator_username: Option<String>,

    /// A file with the first operator's password, on the first start. It wins over the environment, which has either
    /// `COMPTOIR_OPERATOR_PASSWORD_FILE` or the password itself in `COMPTOIR_OPERATOR_PASSWORD`. With none of them, one
    /// is made up and written to `<database>.operator-password`; on a terminal it is printed, and the file removed.
    #[arg(long, value_name = "FILE")]
    operator_password_file: Option<PathBuf>,

    /// Connections served at once [default: 1024].
    #[arg(long, env = "COMPTOIR_MAX_CONNECTIONS", value_name = "NUMBER")]
    max_connections: Option<usize>,

    /// The longest a request may take, in seconds [default: 60].
    #[arg(long, env = "COMPTOIR_REQUEST_TIMEOUT", value_name = "SECONDS")]
    request_timeout: Option<u64>,

    /// How long running requests may go on after the signal to stop, in seconds [default: 20].
    #[arg(long, env = "COMPTOIR_GRACE", value_name = "SECONDS")]
    grace: Option<u64>,

    /// How late a reminder of an order window may be sent when the server was down, in seconds; a later one is skipped and
    /// logged [default: 3600].
    #[arg(long, env = "COMPTOIR_REMINDER_GRACE", value_name = "SECONDS")]
    reminder_grace: Option<u64>,

    /// A destination that webhooks may call although it is internal: a host, a host with a port, an address or a network;
    /// may be given several times. In the configuration file: `webhooks.allow` [default: none].
    #[arg(long, env = "COMPTOIR_WEBHOOKS_ALLOW", value_name = "DESTINATION", value_delimiter = ',')]
    webhooks_allow: Option<Vec<String>>,

    /// A PEM file with authorities whose certificates webhooks trust beside Mozilla's. In the configuration file:
    /// `webhooks.ca`.
    #[arg(long, env = "COMPTOIR_WEBHOOKS_CA", value_name = "FILE")]
    webhooks_ca: Option<PathBuf>,

    /// The largest data file of a process, in bytes. In the configuration file: `processes.max_file_size` [default:
    /// 268435456].
    #[arg(long, env = "COMPTOIR_PROCESSES_MAX_FILE_SIZE", value_name = "BYTES")]
    processes_max_file_size: Option<u64>,

    /// The most bytes of data files a company may have. In the configuration file: `processes.storage_per_company`
    /// [default: 10737418240].
    #[arg(long, env = "COMPTOIR_PROCESSES_STORAGE_PER_COMPANY", value_name = "BYTES")]
    processes_storage_per_company: Option<u64>,

    /// How long nothing may be heard of a process before it is closed as abandoned, in seconds. In the configuration
    /// file: `processes.abandoned_after` [default: 86400].
    #[arg(long, env = "COMPTOIR_PROCESSES_ABANDONED_AFTER", value_name = "SECONDS")]
    processes_abandoned_after: Option<u64>,

    /// Record plain reads in the audit too, not only what changes, exports or ingests something. In the configuration
    /// file: `audit.reads`.
    #[arg(long, env = "COMPTOIR_AUDIT_READS")]
    audit_reads: bool,

    /// How many days the audit keeps what was done [default: 1096]. In the configuration file: `audit.retention_days`.
    #[arg(long, env = "COMPTOIR_AUDIT_RETENTION_DAYS", value_name = "DAYS")]
    audit_retention_days: Option<u64>,

    /// Let tests steer this server: seed, reset, clock, faults, what came in, under `/comptoir/v1/test/`. Only on a new
    /// database, which is marked for it, or on one that is. Whoever is on this machine may use them.
    #[arg(long, env = "COMPTOIR_TEST_CONTROLS")]
    test_controls: bool,

    /// A fixture (JSON or TOML) that a new database begins with; one that is there already is left alone.
    #[arg(long, env = "COMPTOIR_SEED", value_name = "FILE")]
    seed: Option<PathBuf>,
    /// How far ahead of this server's clock a connector's timestamp may be, in seconds [default: 86400]. In the
    /// configuration file: `connectors.max_skew`.
    #[arg(long, env = "COMPTOIR_CONNECTORS_MAX_SKEW", value_name = "SECONDS")]
    connectors_max_skew: Option<u64>,

    /// How many days connectors' values are kept [default: for good]. In the configuration file:
    /// `connectors.retention_days`.
    #[arg(long, env = "COMPTOIR_CONNECTORS_RETENTION_DAYS", value_name = "DAYS")]
    connectors_retention_days: Option<u64>,

    /// How many days old connectors' values have to be to be thinned [default: none is]. In the configuration file:
    /// `connectors.thin_after_days`.
    #[arg(long, env = "COMPTOIR_CONNECTORS_THIN_AFTER_DAYS", value_name = "DAYS")]
    connectors_thin_after_days: Option<u64>,

    /// Of so many seconds of values that are thinned the last one stays [default: 3600]. In the configuration file:
    /// `connectors.thin_to`.
    #[arg(long, env = "COMPTOIR_CONNECTORS_THIN_TO", value_name = "SECONDS")]
    connectors_thin_to: Option<u64>,

    /// How many series of a company its gauges for Prometheus show [default: 10000]. In the configuration file:
    /// `connectors.max_gauges`.
    #[arg(long, env = "COMPTOIR_CONNECTORS_MAX_GAUGES", value_name = "NUMBER")]
    connectors_max_gauges: Option<usize>,
    #[command(flatten)]
    sheets: SheetSettings,

    #[command(flatten)]
    nomenclature: NomenclatureSettings,
    /// Who brings the database's log into its file: `external` for a program beside it that copies the log away first, such
    /// as Litestream. In the configuration file: `store.checkpoints` [default: own].
    #[arg(long, env = "COMPTOIR_STORE_CHECKPOINTS", value_name = "WHO")]
    store_checkpoints: Option<CheckpointsSetting>,

    /// Take a backup every so many seconds instead of daily; 0: none by themselves. In the configuration file:
    /// `backup.every`.
    #[arg(long, env = "COMPTOIR_BACKUP_EVERY", value_name = "SECONDS", conflicts_with = "backup_at")]
    backup_every: Option<u64>,

    /// The time of day in UTC at which a backup is taken [default: 03:00; none of a temporary database]. In the
    /// configuration file: `backup.at`.
    #[arg(long, env = "COMPTOIR_BACKUP_AT", value_name = "HH:MM")]
    backup_at: Option<String>,

    /// How many backups are kept [default: 7]. In the configuration file: `backup.keep`.
    #[arg(long, env = "COMPTOIR_BACKUP_KEEP", value_name = "NUMBER")]
    backup_keep: Option<usize>,

    /// Where backups are kept [default: a folder beside the database, `<database>.backups`]. In the configuration file:
    /// `backup.folder`.
    #[arg(long, env = "COMPTOIR_BACKUP_FOLDER", value_name = "FOLDER")]
    backup_folder: Option<PathBuf>,

    /// How often the newest backup is restored on trial, in seconds; 0: never by itself [default: 604800]. In the
    /// configuration file: `backup.drill_every`.
    #[arg(long, env = "COMPTOIR_BACKUP_DRILL_EVERY", value_name = "SECONDS")]
    backup_drill_every: Option<u64>,

    /// Log every request, not only refused, failed and slow ones.
    #[arg(long, env = "COMPTOIR_LOG_REQUESTS")]
    log_requests: bool,

    /// Log a request as slow from so many milliseconds on [default: 1000].
    #[arg(long, env = "COMPTOIR_LOG_SLOW_REQUEST", value_name = "MS")]
    log_slow_request: Option<u64>,

    /// Log a statement of the database as slow from so many milliseconds on, without its values; 0: none [default: 250].
    #[arg(long, env = "COMPTOIR_LOG_SLOW_QUERY", value_name = "MS")]
    log_slow_query: Option<u64>,

    /// Serve the technical figures at `/metrics` of this address too, without asking for a credential: choose one that only
    /// the scraper reaches. At the server's own address they are the operator's.
    #[arg(long, env = "COMPTOIR_METRICS_LISTEN", value_name = "ADDRESS")]
    metrics_listen: Option<String>,

    /// Write one JSON line to this inherited file descriptor (a pipe, a file or a terminal) once the server listens:
    /// {"ready":true,"url":…}. Without it, the line goes to standard output unless that is a terminal.
    #[arg(long, env = "COMPTOIR_READY_FD", value_name = "FD", value_parser = clap::value_parser!(u32).range(1..))]
    ready_fd: Option<u32>,
}

impl ServeArgs {
    fn into_settings(self) -> Settings {
        Settings {
            listen: self.listen,
            environment: self.environment,
            trusted_proxies: self.trusted_proxies,
            operator_company: self.operator_company,
            operator_username: self.operator_username,
            operator_password: self.operator_password_file.map(OperatorPassword::File),
            max_connections: self.max_connections,
            request_timeout: self.request_timeout,
            grace: self.grace,
            reminder_grace: self.reminder_grace,
            log_requests: self.log_requests.then_some(true),
            log_slow_request: self.log_slow_request,
            log_slow_query: self.log_slow_query,
            metrics_listen: self.metrics_listen,
            webhooks: WebhookSettings { allow: self.webhooks_allow, ca: self.webhooks_ca },
            processes: ProcessSettings {
                max_file_size: self.processes_max_file_size,
                storage_per_company: self.processes_storage_per_company,
                abandoned_after: self.processes_abandoned_after,
            },
            test_controls: self.test_controls.then_some(true),
            audit: AuditSettings { reads: self.audit_reads.then_some(true), retention_days: self.audit_retention_days },
            connectors: ConnectorSettings {
                max_skew: self.connectors_max_skew,
                retention_days: self.connectors_retention_days,
                thin_after_days: self.connectors_thin_after_days,
                thin_to: self.connectors_thin_to,
                max_gauges: self.connectors_max_gauges,
            },
            sheets: self.sheets,
            nomenclature: self.nomenclature,
            store: StoreSettings { checkpoints: self.store_checkpoints },
            backup: BackupSettings {
                every: self.backup_every,
                at: self.backup_at,
                keep: self.backup_keep,
                folder: self.backup_folder,
                drill_every: self.backup_drill_every,
            },
            ..Settings::default()
        }
    }
}

/// Runs the command until a signal ends it.
pub fn run(common: &Common, args: ServeArgs) -> Result<(), CliError> {
    // Before any other file is opened.
    let ready = args.ready_fd.map(ready::inherited).transpose()?;
    let environment = Settings {
        operator_password: OperatorPassword::of_environment(
            var_os("COMPTOIR_OPERATOR_PASSWORD"),
            var_os("COMPTOIR_OPERATOR_PASSWORD_FILE"),
        ),
        ..Settings::default()
    };
    // Nothing is begun for a fixture that is not in order.
    let fixture = args.seed.as_deref().map(|file| seed::read(file, None)).transpose()?;
    let config = common.settings(args.into_settings().or(environment))?.resolve()?;
    logging::start(&config.log_filter, config.log_format)?;
    let clock = if config.test_controls { common.steered_clock() } else { common.clock() };
    serve(config, clock, fixture, async move |server: &Running| announce(server, ready))
}

/// A server that listens.
pub struct Running {
    /// What it listens on.
    pub address: SocketAddr,
    /// Where the figures are served without a credential.
    pub metrics: Option<SocketAddr>,
    /// The database file.
    pub database: PathBuf,
    /// Identity, to add to before the first request.
    pub auth: Auth,
    /// The queue of background work, to add to.
    pub queue: Queue,
    /// What the first start did.
    pub bootstrapped: Bootstrapped,
    /// Secrets that were made up while seeding.
    pub secrets: Vec<MadeSecret>,
    /// What steers it in tests.
    pub controls: Option<Controls>,
}

impl Running {
    /// Where a client on this machine reaches it.
    pub fn url(&self) -> String {
        let ip = self.address.ip();
        if ip.is_unspecified() {
            let local = if ip.is_ipv4() { "127.0.0.1" } else { "[::1]" };
            return format!("http://{local}:{}", self.address.port());
        }
        format!("http://{}", self.address)
    }

    /// The operator that this start made: its name and its company.
    pub fn operator(&self) -> Option<(&str, &str)> {
        match &self.bootstrapped {
            Bootstrapped::Created { username, company, .. } => Some((username.as_str(), company.as_str())),
            Bootstrapped::AlreadyThere => None,
        }
    }

    /// The operator's password, if this start made it up.
    fn made_up(&self) -> Option<&MadeUp> {
        match &self.bootstrapped {
            Bootstrapped::Created { made_up, .. } => made_up.as_ref(),
            Bootstrapped::AlreadyThere => None,
        }
    }

    /// Writes to standard output. That it is closed or full is no reason to stop serving. True if it was written.
    pub fn tell(&self, text: &str) -> bool {
        let told = output::write(text);
        if let Err(error) = &told {
            tracing::warn!(%error, address = %self.address, "standard output cannot be written; serving all the same");
        }
        told.is_ok()
    }
}

/// Serves as `config` says until SIGTERM, SIGINT or SIGHUP; calls `started` once it listens and the first start is over,
/// with `fixture` seeded if the database is new.
pub fn serve(
    config: Config,
    clock: Clock,
    fixture: Option<Fixture>,
    started: impl AsyncFnOnce(&Running) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(CliError::io("cannot start the runtime"))?;
    let outcome = runtime.block_on(run_server(config, clock, fixture, started));
    // What still runs was cut on purpose and is not waited for.
    runtime.shutdown_background();
    outcome
}

/// What the application is made of, as `config` says.
pub fn options(
    config: &Config,
    test_controls: Option<Controls>,
    stopping: CancellationToken,
) -> Result<AppOptions, CliError> {
    Ok(AppOptions {
        env: config.environment.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        request_timeout: config.request_timeout,
        log_all_requests: config.log_requests,
        slow_request: config.slow_request,
        reminder_grace: config.reminder_grace,
        webhooks: webhooks::Options::of(config.webhooks.clone())?,
        processes: config.processes,
        audit: config.audit,
        test_controls,
        connectors: config.connectors,
        nomenclature: config.nomenclature,
        backup: config.backup.clone(),
        sheets: Reader::of_this_program(config.sheets).map_err(CliError::io("cannot find the program"))?,
        stopping,
    })
}

fn limits(config: &Config) -> Limits {
    Limits {
        max_connections: config.max_connections,
        // Behind a proxy every connection comes from the proxy.
        max_connections_per_address: config.trusted_proxies.is_empty().then(|| config.max_connections.div_ceil(2)),
        grace: config.grace,
        ..Limits::default()
    }
}

async fn run_server(
    config: Config,
    clock: Clock,
    fixture: Option<Fixture>,
    started: impl AsyncFnOnce(&Running) -> Result<(), CliError>,
) -> Result<(), CliError> {
    // Before anything that a signal must not leave behind half done: a folder, a lock, a first start.
    let mut signals = Signals::listen()?;
    // Nor does a port that is taken leave a database behind.
    let listener =
        TcpListener::bind(config.listen).await.map_err(CliError::io(format!("cannot listen on {}", config.listen)))?;
    let address = listener.local_addr().map_err(CliError::io("cannot read the address"))?;
    let scraped = Scraped::listen(config.metrics_listen).await?;
    let (path, folder) = place(&config.database)?;
    // Nor what cannot be used for a first start that is sure to come.
    let is_new = is_new(&path);
    let told = if is_new { Some(config.first_start.check()?) } else { None };
    let store = open(path, &config, &clock)?;
    let controls = test_controls(&config, &store, is_new).await?;
    let path = store.path().to_owned();
    let auth = Auth::new(store.clone(), Hasher::start(), clock.clone())?;
    let shutdown = CancellationToken::new();
    let options = options(&config, controls.clone(), shutdown.clone())?;
    let background = app::background(&store, &clock, &options);
    let (runner, queue) = (background.runner.clone(), background.queue.clone());
    let metrics = scraped.serve(&background, &shutdown);
    let guard = background.webhooks.guard().clone();
    let endpoint = app::build(auth.clone(), clock.clone(), background, options).await?;
    let mut server = tokio::spawn(server::serve(listener, endpoint, limits(&config), shutdown.clone()));
    runner.start();
    // Until the very end: requests and tasks that still run may have something to record.
    let closing = CancellationToken::new();
    let (journal, kept, until) = (auth.journal().clone(), store.clone(), closing.clone());
    let journal = tokio::spawn(async move { journal.keep(&kept, &clock, until).await });
    tracing::info!(%address, database = %path.display(), build = crate::BUILD, "listening");

    // The server answers already; whoever signs in waits for this.
    let first = || {
        let operator = told.map_or_else(|| config.first_start.check(), Ok)?;
        Ok::<_, CliError>(FirstOperator {
            company: operator.company,
            username: operator.username,
            password: operator.password,
            password_file: password_file(&path),
        })
    };
    let life = async {
        let fixture = fixture.filter(|_| is_new);
        let tests = controls.is_some();
        let secrets = match fixture {
            Some(fixture) => seed_first(&auth, fixture, tests, guard, &queue).await?,
            None => Vec::new(),
        };
        let bootstrapped = bootstrap::run(&auth, first).await?;
        if let Some(controls) = &controls {
            controls.begin().await?;
        }
        match &bootstrapped {
            Bootstrapped::Created { username, .. } => tracing::info!(%username, "the first operator was made"),
            Bootstrapped::AlreadyThere if password_file(&path).exists() => {
                let file = password_file(&path);
                tracing::warn!(file = %file.display(), "the first operator's password still stands in a file: remove it");
            }
            Bootstrapped::AlreadyThere => {}
        }
        let (database, auth) = (path.clone(), auth.clone());
        let controls = controls.clone();
        let running = Running { address, metrics, database, auth, queue, bootstrapped, secrets, controls };
        started(&running).await?;
        std::future::pending().await
    };
    let outcome = tokio::select! {
        failed = life => failed,
        signal = signals.next() => {
            tracing::info!(signal, "stopping");
            Ok(())
        }
    };

    shutdown.cancel();
    // Both within the same grace.
    let done = async {
        let (ended, ()) = tokio::join!(&mut server, runner.drain(config.grace));
        ended.is_ok()
    };
    let orderly = tokio::select! {
        well = done => Some(well),
        signal = signals.next() => {
            tracing::warn!(signal, "stopping at once; requests that still run are cut");
            None
        }
    };
    match orderly {
        Some(true) => {}
        Some(false) => tracing::error!("the server loop panicked"),
        None => server.abort(),
    }
    closing.cancel();
    if journal.await.is_err() {
        tracing::error!("the audit's journal panicked");
    }
    drop(auth);
    if let Err(error) = store.close().await {
        tracing::warn!(%error, "the database could not be tidied up");
    }
    drop(folder);
    tracing::info!("stopped");
    outcome
}

/// The address for the figures alone, if there is one.
struct Scraped(Option<TcpListener>);

impl Scraped {
    async fn listen(address: Option<SocketAddr>) -> Result<Self, CliError> {
        let Some(address) = address else { return Ok(Self(None)) };
        let listener = TcpListener::bind(address).await;
        Ok(Self(Some(listener.map_err(CliError::io(format!("cannot listen on {address}")))?)))
    }

    /// Serves them until `shutdown`; where.
    fn serve(self, background: &Background, shutdown: &CancellationToken) -> Option<SocketAddr> {
        let listener = self.0?;
        let address = listener.local_addr().ok();
        let endpoint = app::metrics_endpoint(background.metrics.clone());
        let limits = Limits { max_connections: 16, max_connections_per_address: None, ..Limits::default() };
        tokio::spawn(server::serve(listener, endpoint, limits, shutdown.clone()));
        tracing::info!(address = address.map(tracing::field::display), "the figures are served without a credential");
        address
    }
}

fn open(path: PathBuf, config: &Config, clock: &Clock) -> Result<Store, CliError> {
    let checkpoints = if config.external_checkpoints { Checkpoints::External } else { Checkpoints::Own };
    let (clock, slow_query) = (clock.clone(), config.slow_query);
    // A database of tests need not outlive a power cut.
    let durable = !config.test_controls;
    let store = Store::open(OpenOptions { checkpoints, slow_query, durable, clock, ..OpenOptions::server(path) })?;
    if let Some(held) = store.read(|conn| store::held(conn))? {
        tracing::warn!(since = ?held.since, "webhooks and reminders are held since a restore: `comptoir outgoing release`");
    }
    Ok(store)
}

/// Test controls, if they are asked for and the database was made for tests: a new one is marked here.
async fn test_controls(config: &Config, store: &Store, is_new: bool) -> Result<Option<Controls>, CliError> {
    if !config.test_controls {
        return Ok(None);
    }
    if is_new {
        store.write(store::mark_for_tests).await?;
    }
    if !store.read(|conn| store::is_for_tests(conn))? {
        return Err(CliError::Refused(format!(
            "--test-controls: {} was not made for tests; name a new file, or `temp`",
            store.path().display()
        )));
    }
    tracing::warn!("{}", app::WARNING);
    Ok(Some(Controls::default()))
}

/// Seeds a new database before its first start is over, so that the fixture may bring the operator.
async fn seed_first(
    auth: &Auth,
    fixture: Fixture,
    tests: bool,
    guard: Guard,
    queue: &Queue,
) -> Result<Vec<MadeSecret>, CliError> {
    let circumstances = Circumstances { now: auth.clock().now(), tests, guard, whole: WHOLE };
    let mut plan = Plan::of(fixture, &circumstances)?;
    plan.hash(auth.store(), auth.hasher()).await?;
    Ok(plan.write(auth.store(), queue, |_| {}).await?.secrets)
}

/// The database's path, and the folder that goes with the process if it is a temporary one.
fn place(database: &Database) -> Result<(PathBuf, Option<TempDir>), CliError> {
    match database {
        Database::File(path) => Ok((path.clone(), None)),
        Database::Temporary => {
            let folder = tempfile::Builder::new()
                .prefix("comptoir-")
                .tempdir()
                .map_err(CliError::io("cannot make a temporary folder"))?;
            Ok((folder.path().join("comptoir.db"), Some(folder)))
        }
    }
}

/// Whether there is nothing in the database yet.
fn is_new(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |found| found.len() == 0)
}

/// Where a made-up password is written.
fn password_file(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".operator-password");
    path.into()
}

/// Tells whoever started the server that it listens: a few words for a person, a line of JSON for a program.
fn announce(server: &Running, ready: Option<File>) -> Result<(), CliError> {
    let is_terminal = stdout().is_terminal();
    let mut made_up = server.made_up();
    if is_terminal && server.tell(&for_people(server)) {
        // Seen: from now on it is in its owner's hands alone.
        made_up = made_up.filter(|made_up| {
            let removed = made_up.was_shown();
            if let Err(error) = &removed {
                tracing::warn!(%error, file = %made_up.file.display(), "the operator's password stays in its file");
            }
            removed.is_err()
        });
    }
    let line = serde_json::json!({
        "ready": true,
        "url": server.url(),
        "listen": server.address.to_string(),
        "metrics": server.metrics.map(|address| format!("http://{address}/metrics")),
        "pid": std::process::id(),
        "database": server.database,
        "operator": server.operator().map(|(username, _)| username),
        "password_file": made_up.map(|made_up| &made_up.file),
        "test_controls": server.controls.as_ref().map(|_| format!("{}/comptoir/v1/test", server.url())),
        "secrets": seed::secrets_json(&server.secrets),
    });
    let line = format!("{line}\n");
    if let Some(mut out) = ready {
        return out.write_all(line.as_bytes()).map_err(CliError::io("cannot write the ready line"));
    }
    if !is_terminal {
        server.tell(&line);
    }
    Ok(())
}

fn for_people(server: &Running) -> String {
    let url = server.url();
    let first_start = match (server.operator(), server.made_up()) {
        (Some((username, _)), Some(made_up)) => format!(
            "First start: sign in as `{username}` with this password, shown this once:\n    {}\n",
            made_up.password.expose()
        ),
        _ => String::new(),
    };
    let secret = |made: &MadeSecret| {
        format!("{} `{}` of {}, shown this once: {}\n", made.kind, made.name, made.owner, made.secret)
    };
    let secrets: String = server.secrets.iter().map(secret).collect();
    format!("Comptoir listens on {url}\n{first_start}{secrets}Try the API at {url}/docs; stop with Ctrl-C.\n")
}
