//! The server under test.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use comptoir::app::{self, AppOptions};
use comptoir::auth::Auth;
use comptoir::auth::bootstrap::{self, BootstrapError, FirstOperator};
use comptoir::auth::model::{CompanyKey, Password, Scope, Username};
use comptoir::auth::password::Hasher;
use comptoir::auth::{AuthError, users};
use comptoir::clock::{Clock, Timestamp};
use comptoir::config::{AuditConfig, BackupConfig, ConnectorConfig, NomenclatureConfig, ProcessSettings};
use comptoir::house::metrics::MetricsService;
use comptoir::http::server::{Limits, serve};
use comptoir::sheets::{Limits as SheetLimits, Reader};
use comptoir::store::{OpenOptions, Store};
use comptoir::tasks::{Kind, NewTask, Queue, Runner};
use comptoir::testing::Controls;
use comptoir::webhooks;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::client::{Answer, Client};
use super::raw;

/// Where the clock stands when a server starts: 2026-03-02T10:00:00Z, a Monday.
pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_772_445_600);

/// The password of every user that the helpers make, the operator included.
pub const PASSWORD: &str = "correct horse battery";

/// Comptoir as it is served, over a file of its own and a clock that stands at [`NOW`]. It stops when it is dropped.
pub struct TestServer {
    /// The one clock; `advance` moves it.
    pub clock: Clock,
    /// Where background work waits for [`TestServer::run_pending_tasks`].
    pub queue: Queue,
    /// Runs tasks when it is told to.
    pub runner: Runner,
    /// The figures, as an address without credentials serves them.
    pub metrics: MetricsService,
    auth: Auth,
    address: SocketAddr,
    client: Client,
    database: PathBuf,
    // Before the folder: the server must be told to stop while its file is still there.
    stop: DropGuard,
    folder: TempDir,
}

impl TestServer {
    /// A fresh installation whose operator is `operator` with [`PASSWORD`], in company `comptoir`.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// As [`TestServer::start`], with other options.
    pub async fn start_with(change: impl FnOnce(&mut AppOptions)) -> Self {
        let server = Self::unprepared(change).await;
        server.first_start().await;
        server
    }

    /// As [`TestServer::start`], with test controls; its clock is held at [`NOW`] until one of them moves it.
    pub async fn controlled() -> Self {
        let controls = Controls::default();
        let own = controls.clone();
        let change = |options: &mut AppOptions| options.test_controls = Some(own);
        let server = Self::over(tempfile::tempdir().unwrap(), Clock::steered(Some(NOW)), change).await;
        server.first_start().await;
        controls.begin().await.unwrap();
        server
    }

    /// A server that listens and whose first start is still to come.
    pub async fn unprepared(change: impl FnOnce(&mut AppOptions)) -> Self {
        Self::over(tempfile::tempdir().unwrap(), Clock::fixed(NOW), change).await
    }

    /// The same installation after a stop and a start, at the same instant. Clients of the old one lead nowhere.
    pub async fn restarted(self) -> Self {
        self.stop().await.start(|_| {}).await
    }

    /// Stops it. Its folder stays.
    pub async fn stop(self) -> Stopped {
        let Self { clock, auth, stop, folder, .. } = self;
        drop(stop);
        auth.store().clone().close().await.unwrap();
        Stopped { clock, folder }
    }

    async fn over(folder: TempDir, clock: Clock, change: impl FnOnce(&mut AppOptions)) -> Self {
        let database = folder.path().join("comptoir.db");
        let store = Store::open(OpenOptions { clock: clock.clone(), ..OpenOptions::server(&database) }).unwrap();
        let auth = Auth::new(store, Hasher::start(), clock.clone()).unwrap();
        let shutdown = CancellationToken::new();
        let mut options = AppOptions {
            env: "test".to_owned(),
            trusted_proxies: Vec::new(),
            request_timeout: Duration::from_mins(1),
            log_all_requests: false,
            slow_request: Duration::from_secs(1),
            reminder_grace: Duration::from_hours(1),
            webhooks: webhooks::Options::default(),
            processes: ProcessSettings::default().resolve().unwrap(),
            audit: AuditConfig::default(),
            test_controls: None,
            connectors: ConnectorConfig::default(),
            nomenclature: NomenclatureConfig::default(),
            sheets: Reader::new(env!("CARGO_BIN_EXE_comptoir").into(), SheetLimits::default()),
            backup: BackupConfig::default(),
            stopping: shutdown.clone(),
        };
        change(&mut options);
        let background = app::background(auth.store(), &clock, &options);
        let (queue, runner) = (background.queue.clone(), background.runner.clone());
        let metrics = background.metrics.clone();
        let endpoint = app::build(auth.clone(), clock.clone(), background, options).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, endpoint, Limits::default(), shutdown.clone()));
        let client = Client::new(format!("http://{address}"));
        Self { clock, queue, runner, metrics, auth, address, client, database, stop: shutdown.drop_guard(), folder }
    }

    /// Makes the operator.
    pub async fn first_start(&self) {
        let first = FirstOperator {
            company: CompanyKey::parse("comptoir").unwrap(),
            username: Username::parse("operator").unwrap(),
            password: Some(Password::parse(PASSWORD).unwrap()),
            password_file: self.database.with_extension("operator-password"),
        };
        bootstrap::run(&self.auth, || Ok::<_, BootstrapError>(first)).await.unwrap();
    }

    /// Does all the background work that is due, and what becomes due by it; how many attempts that took.
    pub async fn run_pending_tasks(&self) -> u64 {
        self.runner.run_pending().await.unwrap()
    }

    /// Has what waits to be recorded in the audit written now, refusals of the current minute too.
    pub async fn flush_journal(&self) {
        self.auth.journal().flush(self.auth.store(), self.clock.now(), true).await.unwrap();
    }

    /// What contradicts itself in the audit.
    pub fn audit_findings(&self) -> Vec<String> {
        self.store().read(|conn| comptoir::audit::check::consistency(conn)).unwrap()
    }

    /// The server's own store, for what no operation does yet.
    pub fn store(&self) -> &Store {
        self.auth.store()
    }

    /// How many passwords were checked so far.
    pub fn hashes(&self) -> u64 {
        self.auth.hasher().checked()
    }

    /// What it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client without credentials.
    pub fn anonymous(&self) -> Client {
        self.client.clone()
    }

    /// A client that sends `credential` as its bearer.
    pub fn bearing(&self, credential: &str) -> Client {
        self.client.bearing(credential)
    }

    /// A JWT for a name and a password.
    pub async fn jwt(&self, username: &str, password: &str) -> String {
        let body = json!({"username": username, "password": password});
        let answer = self.client.post("/account/token/generation", body).await.expect(200);
        answer.json().as_str().unwrap().to_owned()
    }

    /// A client signed in with a JWT.
    pub async fn sign_in(&self, username: &str, password: &str) -> Client {
        self.bearing(&self.jwt(username, password).await)
    }

    /// A client signed in as the operator.
    pub async fn as_operator(&self) -> Client {
        self.sign_in("operator", PASSWORD).await
    }

    /// Makes a company.
    pub async fn company(&self, key: &str) {
        let body = json!({"key": key, "name": format!("The company {key}")});
        self.as_operator().await.post("/comptoir/v1/companies", body).await.expect(200);
    }

    /// Makes a user with [`PASSWORD`] in a company that is there, and signs it in.
    pub async fn user(&self, company: &str, username: &str, roles: &[&str]) -> Client {
        let body = json!({"username": username, "company_key": company, "password": PASSWORD, "roles": roles});
        self.as_operator().await.post("/comptoir/v1/users", body).await.expect(200);
        self.sign_in(username, PASSWORD).await
    }

    /// Bytes as they stand, over a connection of their own; `method` and `path` are what they ask for.
    pub async fn raw(&self, method: &str, path: &str, request: &[u8]) -> Answer {
        let answer = raw::exchange(self.address, request).await;
        answer.check(method, path);
        answer
    }

    /// A request of `client` whose body comes only after `meanwhile`, which begins once the caller is authenticated.
    pub async fn held(
        &self,
        client: &Client,
        method: &str,
        path: &str,
        body: &Value,
        meanwhile: impl Future<Output = ()>,
    ) -> Answer {
        let body = body.to_string();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
            client.credential(),
            body.len()
        );
        let answer = raw::exchange_around(self.address, &head, &body, meanwhile).await;
        answer.check(method, path);
        answer
    }

    /// Queues work that nobody does, on behalf of a user; its id.
    pub async fn waiting_task(&self, username: &str) -> String {
        const NOBODYS: Kind<Value> = Kind::new("nobodys");
        let owner = self.store().read(|conn| users::find(conn, Scope::Installation, username));
        let owner = owner.unwrap_or_else(|error: AuthError| panic!("{error}"));
        let queue = self.queue.clone();
        let new = NewTask::new(NOBODYS, Value::Null).of(owner.company_id).by(owner.id);
        let enqueued = self.store().write(move |tx| queue.enqueue(tx, &new)).await.unwrap();
        enqueued.task.guid.to_string()
    }

    /// The file opened a second time, as the command line does beside a running server.
    pub fn second_store(&self) -> Store {
        Store::open(OpenOptions { clock: self.clock.clone(), ..OpenOptions::command(&self.database) }).unwrap()
    }
}

/// An installation whose server was stopped.
pub struct Stopped {
    /// The clock, which stands where it stood.
    pub clock: Clock,
    folder: TempDir,
}

impl Stopped {
    /// Its database.
    pub fn database(&self) -> PathBuf {
        self.folder.path().join("comptoir.db")
    }

    /// Starts a server over it.
    pub async fn start(self, change: impl FnOnce(&mut AppOptions)) -> TestServer {
        let server = TestServer::over(self.folder, self.clock, change).await;
        server.first_start().await;
        server
    }
}

/// Makes an API token and returns its id and its secret.
pub async fn api_token(maker: &Client, body: Value) -> (String, String) {
    let made = maker.post("/comptoir/v1/tokens", body).await.expect(200).json();
    (made["token"]["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}
