//! The composition root: the only file that names every domain. It puts the store, identity, the domains and the HTTP
//! layer together into one endpoint, and the document of all their operations beside it.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ipnet::IpNet;
use poem::endpoint::BoxEndpoint;
use poem::http::header::{ALLOW, CONTENT_TYPE};
use poem::http::{Method, StatusCode};
use poem::{EndpointExt, IntoEndpoint, Request, Response};
use poem_openapi::registry::{MetaApi, Registry};
use poem_openapi::{LicenseObject, OpenApi, OpenApiService, ServerObject};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::account::api::house::{ProcessesApi, QuotasApi};
use crate::account::api::{AccountApi, UsageApi};
use crate::account::service::recording::Here;
use crate::account::{AccountService, UsageService};
use crate::audience::AudienceService;
use crate::audience::api::{AudienceApi, AudienceHouseApi};
use crate::audience::tasks::RefreshEnded;
use crate::auth::model::Place;
use crate::auth::{Auth, AuthError};
use crate::backups::Backups;
use crate::clock::Clock;
use crate::config::{AuditConfig, BackupConfig, ConnectorConfig, NomenclatureConfig, ProcessConfig};
use crate::connectors::ConnectorsService;
use crate::connectors::api::{AlertsApi, ConnectorsApi, ReadingApi, RegistryApi};
use crate::house::HouseService;
use crate::house::api::{
    BackupsApi, CompaniesApi, HealthApi, MetricsApi, SessionApi, TasksApi, TokensApi, UsersApi, WebhooksApi,
};
use crate::house::backups::BackupService;
use crate::house::metrics::MetricsService;
use crate::house::tasks::TasksService;
use crate::house::webhooks::WebhookService;
use crate::http::document::{self, Examples};
use crate::http::gate::Gate;
use crate::http::operations::{Operations, OperationsError};
use crate::http::pages::{Documents, Pages};
use crate::http::{Contract, HttpState};
use crate::nomenclature::NomenclatureService;
use crate::nomenclature::api::house::NomenclatureHouseApi;
use crate::nomenclature::api::{GoodsApi, NomenclatureApi};
use crate::nomenclature::tasks::ImportEnded;
use crate::schedules::SchedulesService;
use crate::schedules::api::{OrderWindowsApi, PartiesApi, SchedulesApi};
use crate::sheets::Reader;
use crate::store::{Conn, Pulse, Store, StoreError};
use crate::tasks::{self, Kind, KindOptions, Outcome, Queue, Runner, RunnerOptions, Schedule, TaskContext};
use crate::testing::api::TestApi;
use crate::testing::{Controls, Parts};
use crate::webhooks::Webhooks;
use crate::{
    account, audience, audit, auth, backups, connectors, house, meters, nomenclature, schedules, testing, webhooks,
};

/// Every contract. The first one also shapes the failures of paths that belong to none.
pub const CONTRACTS: &[Contract] = &[
    house::api::CONTRACT,
    account::api::CONTRACT,
    connectors::api::CONTRACT,
    audience::api::CONTRACT,
    schedules::api::CONTRACT,
    nomenclature::api::CONTRACT,
];

/// The handlers of every contract. A tuple has sixteen at most, and may hold tuples.
type Handlers = (
    AccountApi,
    UsageApi,
    SessionApi,
    UsersApi,
    TokensApi,
    CompaniesApi,
    TasksApi,
    WebhooksApi,
    (BackupsApi, HealthApi, MetricsApi, TestApi),
    AudienceApi,
    AudienceHouseApi,
    ProcessesApi,
    QuotasApi,
    (SchedulesApi, PartiesApi, OrderWindowsApi),
    (ConnectorsApi, RegistryApi, ReadingApi, AlertsApi),
    (NomenclatureApi, GoodsApi, NomenclatureHouseApi),
);

/// What a server with test controls says of itself.
pub const WARNING: &str =
    "test controls are on: whoever is on this machine can change, reset and stop everything; for tests alone";

/// How long an ended task is remembered.
const TASKS_KEPT_FOR: Duration = Duration::from_hours(30 * 24);

/// The kinds of task that tell people outside of something: a restored database has them wait until somebody says so.
pub const OUTGOING: &[&str] = &[webhooks::tasks::DELIVERY.name(), schedules::tasks::REMIND.name()];

/// What contradicts itself among the rows of every room, one sentence each; what `comptoir check` asks.
pub fn consistency(conn: &Conn) -> Result<Vec<String>, StoreError> {
    let mut findings = auth::consistency(conn)?;
    findings.extend(account::service::files::consistency(conn)?);
    findings.extend(schedules::service::consistency(conn)?);
    findings.extend(connectors::service::consistency(conn)?);
    findings.extend(nomenclature::service::consistency(conn)?);
    findings.extend(audit::check::consistency(conn)?);
    Ok(findings)
}

/// Brings the log into the file and gives its room back. The store does the former by itself as the log grows, the
/// latter only here.
const CHECKPOINT: Kind<()> = Kind::new("store_checkpoint").attempts(1);

/// How often.
const CHECKPOINT_EVERY: Duration = Duration::from_mins(10);

/// What an application is made of, beside its store and identity.
#[derive(Clone)]
pub struct AppOptions {
    /// The environment's name, for `tracedata.env`.
    pub env: String,
    /// Proxies whose word on the client's address is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// The longest a handler may take, reading the body included.
    pub request_timeout: Duration,
    /// Whether successful requests are logged at `info` too.
    pub log_all_requests: bool,
    /// Answers that take longer are logged as a warning.
    pub slow_request: Duration,
    /// How late a reminder of an order window may be sent.
    pub reminder_grace: Duration,
    /// How webhooks go out.
    pub webhooks: webhooks::Options,
    /// What reporting processes goes by.
    pub processes: ProcessConfig,
    /// How the audit is kept.
    pub audit: AuditConfig,
    /// What steers this server in tests; `None`: nothing does.
    pub test_controls: Option<Controls>,
    /// What figures of connectors go by.
    pub connectors: ConnectorConfig,
    /// What imports of nomenclature go by.
    pub nomenclature: NomenclatureConfig,
    /// Who reads spreadsheets.
    pub sheets: Reader,
    /// When backups are taken, and which are kept.
    pub backup: BackupConfig,
    /// Cancelled when the server stops: streams of events end then.
    pub stopping: CancellationToken,
}

/// What works beside the requests.
pub struct Background {
    /// The queue of background work.
    pub queue: Queue,
    /// Who does it: nothing happens until it is started.
    pub runner: Runner,
    /// Who makes the calls of webhooks.
    pub webhooks: Webhooks,
    /// The backups of the store.
    pub backups: Backups,
    /// The figures of all that, and of the requests.
    pub metrics: MetricsService,
}

/// Why the application could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Identity could not start.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An operation is not in the permission table.
    #[error(transparent)]
    Operations(#[from] OperationsError),
}

/// The queue of background work: what is enqueued by whom, and who is told of its end.
fn queue(clock: &Clock, options: &AppOptions) -> Queue {
    let hooks = vec![
        webhooks::tasks::TaskEnds::hook(),
        Arc::new(RefreshEnded),
        ImportEnded::hook(clock),
        audit::tasks::TaskEnds::hook(&options.env),
    ];
    Queue::new(clock.clone(), hooks)
}

/// The background work of all of it, and the runner, which does nothing until it is started.
#[must_use]
pub fn background(store: &Store, clock: &Clock, options: &AppOptions) -> Background {
    let queue = queue(clock, options);
    let capture = options.test_controls.as_ref().map(|controls| Arc::clone(controls.capture()));
    let webhooks = Webhooks::new(webhooks::Options { capture, ..options.webhooks.clone() });
    let mut registry = tasks::Registry::new();
    tasks::keep_ended_for(&mut registry, TASKS_KEPT_FOR);
    registry.register(CHECKPOINT, KindOptions::default(), checkpoint);
    registry.every("store_checkpoint", Schedule::Every(CHECKPOINT_EVERY), CHECKPOINT, ());
    webhooks::tasks::register(&mut registry, &webhooks);
    audience::tasks::register(&mut registry);
    account::tasks::register(&mut registry, options.processes.abandoned_after);
    audit::tasks::register(&mut registry, options.audit.retention);
    schedules::tasks::register(&mut registry, options.reminder_grace);
    connectors::tasks::register(&mut registry, options.connectors);
    nomenclature::tasks::register(&mut registry, &options.sheets, options.nomenclature);
    let BackupConfig { times, keep, folder, drill_every } = options.backup.clone();
    let backups = Backups::new(store.clone(), clock.clone(), folder, keep, consistency);
    backups::tasks::register(&mut registry, &backups, times, drill_every);
    let how = RunnerOptions { outgoing: OUTGOING, ..RunnerOptions::default() };
    let runner = Runner::new(store.clone(), queue.clone(), registry, how);
    let (counted, called, copies) = (queue.clone(), webhooks.clone(), backups.clone());
    let metrics = MetricsService::new(clock.clone(), counted, called, copies, Arc::default());
    Background { queue, runner, webhooks, backups, metrics }
}

/// Imports of nomenclature alone, for a command that does one where no server runs: its runner leaves other tasks to the
/// next server.
#[must_use]
pub fn imports(store: &Store, clock: &Clock, options: &AppOptions) -> (Queue, Runner) {
    let queue = queue(clock, options);
    let mut registry = tasks::Registry::new();
    nomenclature::tasks::register(&mut registry, &options.sheets, options.nomenclature);
    let runner = Runner::new(store.clone(), queue.clone(), registry, RunnerOptions::default());
    (queue, runner)
}

async fn checkpoint(context: TaskContext, (): ()) -> Outcome {
    match context.store().checkpoint().await {
        Ok(()) => Outcome::done(),
        Err(error) => Outcome::retry(error),
    }
}

/// Puts everything together into the endpoint that the server loop serves.
pub async fn build(
    auth: Auth,
    clock: Clock,
    background: Background,
    options: AppOptions,
) -> Result<BoxEndpoint<'static, Response>, AppError> {
    let store = auth.store().clone();
    let instance = instance(&store).await?;
    let place = Place::new(&options.env, &instance);
    auth.journal().set_place(place.clone());
    let audience = AudienceService::new(&auth, background.queue.clone(), background.webhooks.guard().clone());
    let schedules = SchedulesService::new(&auth, background.queue.clone());
    let connectors = ConnectorsService::new(&auth, background.queue.clone(), options.connectors);
    let nomenclature = NomenclatureService::new(
        &auth,
        background.queue.clone(),
        options.sheets,
        options.nomenclature,
        options.stopping.clone(),
    );
    let tasks = TasksService::new(auth.clone(), background.queue.clone(), options.stopping);
    let runner = background.runner;
    let backups = BackupService::new(auth.clone(), background.queue.clone(), background.backups, OUTGOING);
    if let Some(controls) = &options.test_controls {
        controls.steer(Parts {
            auth: auth.clone(),
            clock: clock.clone(),
            runner: runner.clone(),
            queue: background.queue.clone(),
            guard: background.webhooks.guard().clone(),
        });
    }
    let warnings = options.test_controls.as_ref().map(|_| WARNING.to_owned()).into_iter().collect();
    let webhooks = WebhookService::new(auth.clone(), background.queue, background.webhooks);
    let pulse = Pulse::new(store, clock.clone()).with("the task runner", move || runner.is_alive());
    let (documents, account_document) = (Arc::clone(&PUBLISHED.0), Arc::clone(&PUBLISHED.1));
    let house = HouseService::new(auth.clone(), pulse.clone());
    let here = Here { env: options.env.clone(), pod: instance.clone() };
    let usage = UsageService::new(&auth, here, options.processes);
    let handlers: Handlers = (
        AccountApi::new(AccountService::new(auth.clone(), pulse), account_document),
        UsageApi(usage.clone()),
        SessionApi(house.clone()),
        UsersApi(house.clone()),
        TokensApi(house.clone()),
        CompaniesApi(house.clone()),
        TasksApi(tasks),
        WebhooksApi(webhooks),
        (
            BackupsApi(backups),
            HealthApi::new(house, warnings),
            MetricsApi(background.metrics.clone()),
            TestApi(options.test_controls.clone()),
        ),
        AudienceApi(audience.clone()),
        AudienceHouseApi(audience),
        ProcessesApi(usage.clone()),
        QuotasApi(usage),
        (SchedulesApi(schedules.clone()), PartiesApi(schedules.clone()), OrderWindowsApi(schedules)),
        (
            ConnectorsApi(connectors.clone()),
            RegistryApi(connectors.clone()),
            ReadingApi(connectors.clone()),
            AlertsApi(connectors),
        ),
        (NomenclatureApi(nomenclature.clone()), GoodsApi(nomenclature.clone()), NomenclatureHouseApi(nomenclature)),
    );
    let state = HttpState {
        auth,
        clock,
        operations: Operations::of::<Handlers>()?,
        contracts: CONTRACTS,
        env: options.env,
        instance,
        place,
        audit_reads: options.audit.reads,
        trusted_proxies: options.trusted_proxies,
        request_timeout: options.request_timeout,
        log_all_requests: options.log_all_requests,
        slow_request: options.slow_request,
        meters: Arc::clone(background.metrics.meters()),
        probe: options.test_controls.map(|controls| Arc::clone(controls.probe())),
    };
    let operations = service(handlers).into_endpoint();
    let pages = Pages::new(documents, CONTRACTS, crate::BUILD, operations);
    Ok(Gate::new(Arc::new(state), pages).boxed())
}

/// What every application of this process publishes, and the account contract's part for its reference pages. It follows
/// from the handlers' types alone, and making it is most of the work of a start: tests start hundreds.
static PUBLISHED: LazyLock<(Arc<Documents>, Arc<Value>)> = LazyLock::new(|| {
    let document = document();
    (Arc::new(Documents::new(&document, CONTRACTS)), Arc::new(document::part(&document, &account::api::CONTRACT)))
});

/// What an address of its own serves to a scraper without a credential: the figures, and nothing else.
#[must_use]
pub fn metrics_endpoint(metrics: MetricsService) -> BoxEndpoint<'static, Response> {
    let serve = move |request: Request| match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => {
            Response::builder().header(CONTENT_TYPE, meters::MEDIA_TYPE).body(metrics.expose())
        }
        (_, "/metrics") => Response::builder().status(StatusCode::METHOD_NOT_ALLOWED).header(ALLOW, "GET").finish(),
        _ => Response::builder().status(StatusCode::NOT_FOUND).finish(),
    };
    poem::endpoint::make_sync(serve).boxed()
}

/// The whole OpenAPI document.
#[must_use]
pub fn document() -> Value {
    let examples = Examples {
        requests: [
            account::api::EXAMPLES,
            account::api::house::EXAMPLES,
            house::api::EXAMPLES,
            audience::api::EXAMPLES,
            schedules::api::EXAMPLES,
            testing::api::EXAMPLES,
            connectors::api::EXAMPLES,
            nomenclature::api::EXAMPLES,
        ]
        .concat(),
        answers: [
            account::api::ANSWERS,
            account::api::house::ANSWERS,
            audience::api::ANSWERS,
            schedules::api::ANSWERS,
            connectors::api::ANSWERS,
            nomenclature::api::ANSWERS,
        ]
        .concat(),
    };
    document::finish(&service(Described::<Handlers>(PhantomData)).spec(), CONTRACTS, &examples)
}

fn service<T: OpenApi>(handlers: T) -> OpenApiService<T, ()> {
    OpenApiService::new(handlers, "Comptoir", env!("CARGO_PKG_VERSION"))
        .description(
            "The back office of a small trading team: five wire contracts that partners' software already speaks, and \
             the house API (`/comptoir/v1`) for what they leave out.\n\nSign in with `POST /account/token/generation`, \
             press *Authorize* and paste the token.",
        )
        .license(LicenseObject::new("Apache-2.0").url("https://www.apache.org/licenses/LICENSE-2.0"))
        .server(ServerObject::new("/").description("This server"))
}

/// Handlers by their description alone: the document needs no running application.
struct Described<T>(PhantomData<T>);

impl<T: OpenApi> OpenApi for Described<T> {
    fn meta() -> Vec<MetaApi> {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, _routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}

/// The installation's id: made once, kept in the database.
pub async fn instance(store: &Store) -> Result<String, StoreError> {
    if let Some(known) = store.read(|conn| crate::store::instance(conn))? {
        return Ok(known);
    }
    let fresh = uuid::Uuid::new_v4().to_string();
    store.write(move |tx| crate::store::set_instance(tx, &fresh)).await
}
