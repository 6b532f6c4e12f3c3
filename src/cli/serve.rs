//! `comptoir serve`: opens the database, answers at once, makes the first operator beside it, stops on a signal.

use std::fs::File;
use std::io::{IsTerminal, Write, stdout};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{CliError, Common, logging};
use crate::app::{self, AppOptions};
use crate::auth::Auth;
use crate::auth::bootstrap::{self, Bootstrapped, FirstOperator, Handover};
use crate::auth::password::Hasher;
use crate::clock::Clock;
use crate::config::{Config, Database, Settings};
use crate::http::server::{self, Limits};
use crate::store::{OpenOptions, Store};

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

    /// A file with the first operator's password, on the first start. The password itself is taken from the environment
    /// variable `COMPTOIR_OPERATOR_PASSWORD`. With neither, one is made up: printed once on a terminal, else written to
    /// `<database>.operator-password`.
    #[arg(long, env = "COMPTOIR_OPERATOR_PASSWORD_FILE", value_name = "FILE")]
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

    /// Log every request, not only refused, failed and slow ones.
    #[arg(long, env = "COMPTOIR_LOG_REQUESTS")]
    log_requests: bool,

    /// Write one JSON line to this file descriptor once the server listens: {"ready":true,"url":…}. Without it, the line
    /// goes to standard output unless that is a terminal.
    #[arg(long, env = "COMPTOIR_READY_FD", value_name = "FD")]
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
            operator_password_file: self.operator_password_file,
            max_connections: self.max_connections,
            request_timeout: self.request_timeout,
            grace: self.grace,
            log_requests: self.log_requests.then_some(true),
            ..Settings::default()
        }
    }
}

/// Runs the command until a signal ends it.
pub fn run(common: &Common, args: ServeArgs) -> Result<(), CliError> {
    let ready_fd = args.ready_fd;
    let settings = common.settings(args.into_settings())?;
    let config = settings.resolve(std::env::var("COMPTOIR_OPERATOR_PASSWORD").ok())?;
    logging::start(&config.log_filter, config.log_format)?;
    let clock = common.clock();
    serve(config, clock, async move |server: &Running| announce(server, ready_fd))
}

/// A server that listens.
pub struct Running {
    /// What it listens on.
    pub address: SocketAddr,
    /// The database file.
    pub database: PathBuf,
    /// Identity, to add to before the first request.
    pub auth: Auth,
    /// What the first start did.
    pub bootstrapped: Bootstrapped,
    /// The first operator's name.
    pub operator: String,
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
}

/// Serves as `config` says until SIGTERM or SIGINT; calls `started` once it listens and the first start is over.
pub fn serve(
    config: Config,
    clock: Clock,
    started: impl AsyncFnOnce(&Running) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(CliError::io("cannot start the runtime"))?;
    runtime.block_on(run_server(config, clock, started))
}

async fn run_server(
    config: Config,
    clock: Clock,
    started: impl AsyncFnOnce(&Running) -> Result<(), CliError>,
) -> Result<(), CliError> {
    // Before anything that a signal must not leave behind half done: a folder, a lock, a first start.
    let mut signals = Signals::listen()?;
    let (path, folder) = place(&config.database)?;
    let store = Store::open(OpenOptions { clock: clock.clone(), ..OpenOptions::server(path) })?;
    let path = store.path().to_owned();
    let listener =
        TcpListener::bind(config.listen).await.map_err(CliError::io(format!("cannot listen on {}", config.listen)))?;
    let address = listener.local_addr().map_err(CliError::io("cannot read the address"))?;
    let auth = Auth::new(store.clone(), Hasher::start(), clock.clone())?;
    let options = AppOptions {
        env: config.environment.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        request_timeout: config.request_timeout,
        log_all_requests: config.log_requests,
    };
    let (_, runner) = app::background(&store, &clock);
    let endpoint = app::build(auth.clone(), clock, runner.clone(), options).await?;
    runner.start();
    let limits = Limits { max_connections: config.max_connections, grace: config.grace, ..Limits::default() };
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(server::serve(listener, endpoint, limits, shutdown.clone()));
    tracing::info!(%address, database = %path.display(), build = crate::BUILD, "listening");

    // The server answers already; whoever signs in waits for this.
    let first = first_operator(&config, &path);
    let operator = first.username.to_string();
    let life = async {
        let bootstrapped = bootstrap::run(&auth, first).await?;
        if let Bootstrapped::Created { .. } = bootstrapped {
            tracing::info!(operator, "the first operator was made");
        }
        let running = Running { address, database: path.clone(), auth: auth.clone(), bootstrapped, operator };
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
    let (server, ()) = tokio::join!(server, runner.drain(config.grace));
    if server.is_err() {
        tracing::error!("the server loop panicked");
    }
    drop(auth);
    if let Err(error) = store.close().await {
        tracing::warn!(%error, "the database could not be tidied up");
    }
    drop(folder);
    tracing::info!("stopped");
    outcome
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

fn first_operator(config: &Config, database: &Path) -> FirstOperator {
    let handover = if stdout().is_terminal() {
        Handover::Return
    } else {
        let mut path = database.as_os_str().to_owned();
        path.push(".operator-password");
        Handover::File(path.into())
    };
    FirstOperator {
        company: config.operator.company.clone(),
        username: config.operator.username.clone(),
        password: config.operator.password.clone(),
        handover,
    }
}

/// The signals that end the server in an orderly way.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, CliError> {
        let listen = |kind| signal(kind).map_err(CliError::io("cannot listen for signals"));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Tells whoever started the server that it listens: a line of JSON for a program, a few words for a person.
fn announce(server: &Running, ready_fd: Option<u32>) -> Result<(), CliError> {
    let url = server.url();
    if ready_fd.is_none() && stdout().is_terminal() {
        println!("Comptoir listens on {url}");
        if let Bootstrapped::Created { password: Some(password) } = &server.bootstrapped {
            println!("First start: sign in as `{}` with this password, shown this once:", server.operator);
            println!("    {}", password.expose());
        }
        println!("Try the API at {url}/docs; stop with Ctrl-C.");
        return Ok(());
    }
    let line = serde_json::json!({
        "ready": true,
        "url": url,
        "listen": server.address.to_string(),
        "pid": std::process::id(),
        "database": server.database,
        "operator": server.operator,
    });
    let what = "cannot write the ready line";
    if let Some(fd) = ready_fd {
        let mut out = File::options().write(true).open(format!("/dev/fd/{fd}")).map_err(CliError::io(what))?;
        return writeln!(out, "{line}").map_err(CliError::io(what));
    }
    let mut out = stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(CliError::io(what))
}
