//! The house API on the wire. Every answer that is no success is an RFC 9457 problem; unknown fields in a body are
//! refused; lists are paged by keys; a POST that makes something takes an `Idempotency-Key`.
//!
//! Must not know: SQL, any domain.

mod backups;
mod companies;
mod health;
mod metrics;
mod session;
mod tasks;
mod tokens;
mod users;
mod webhooks;
mod wire;

use poem::http::StatusCode;
use poem_openapi::Tags;

pub use self::backups::BackupsApi;
pub use self::companies::CompaniesApi;
pub use self::health::HealthApi;
pub use self::metrics::MetricsApi;
pub use self::session::SessionApi;
pub use self::tasks::TasksApi;
pub use self::tokens::TokensApi;
pub use self::users::UsersApi;
pub use self::webhooks::WebhooksApi;
pub use self::webhooks::wire::WebhookEvent;
pub use self::wire::{Role, TokenRole};
use crate::house::HouseError;
use crate::http::document::Example;
use crate::http::problem::{Problems, render};
use crate::http::{Contract, Failure, Refused};
use crate::tasks::TaskError;
use crate::webhooks::WebhookError;

/// The largest fixture, in bytes.
const FIXTURE_LIMIT: usize = 64 * 1024 * 1024;

/// The operations that are there only with test controls.
const TEST_CONTROLS: &[&str] = &[
    "seed_test_data",
    "read_test_data",
    "reset_test_data",
    "list_test_snapshots",
    "take_test_snapshot",
    "restore_test_snapshot",
    "delete_test_snapshot",
    "read_test_clock",
    "set_test_clock",
    "advance_test_clock",
    "list_test_faults",
    "set_test_fault",
    "delete_test_fault",
    "clear_test_faults",
    "list_test_requests",
    "clear_test_requests",
    "list_captured_webhooks",
    "set_webhook_capture",
    "clear_captured_webhooks",
];

/// The contract, for the shared HTTP layer. It also shapes what belongs to no contract at all.
pub const CONTRACT: Contract = Contract {
    name: "house",
    prefixes: &["/comptoir/v1", "/health", "/metrics"],
    body_limit: 1024 * 1024,
    seldom: &[
        (403, &["create_token", "revoke_token"]),
        // Without test controls there is nothing at their paths.
        (404, TEST_CONTROLS),
        (
            409,
            &[
                "create_company",
                "change_company",
                "create_user",
                "change_user",
                "sign_out",
                "cancel_task",
                "retry_task",
                "create_webhook",
                "ping_webhook",
                "redeliver",
                "seed_test_data",
                "take_test_snapshot",
                "delete_test_snapshot",
                "set_test_fault",
            ],
        ),
    ],
    secret_paths: &["/comptoir/v1/calendars"],
    only_in_tests: &["/comptoir/v1/test"],
    large_bodies: &[("seed_test_data", FIXTURE_LIMIT)],
    unhurried: &["seed_test_data", "advance_test_clock"],
    ..Contract::plain(render)
};

/// Request bodies that `/docs` offers as they stand.
pub const EXAMPLES: &[Example] = &[
    ("create_company", wire::new_company_example),
    ("change_company", wire::company_change_example),
    ("create_user", wire::new_user_example),
    ("change_user", wire::user_change_example),
    ("reset_password", wire::password_reset_example),
    ("create_token", wire::new_token_example),
    ("create_webhook", webhooks::wire::new_webhook_example),
    ("change_webhook", webhooks::wire::webhook_change_example),
];

#[derive(Tags)]
enum HouseTags {
    /// Who the caller is, and signing out.
    #[oai(rename = "house: session")]
    Session,
    /// The tenants of the installation.
    #[oai(rename = "house: companies")]
    Companies,
    /// The people and machines of a company.
    #[oai(rename = "house: users")]
    Users,
    /// Credentials for machines.
    #[oai(rename = "house: tokens")]
    Tokens,
    /// Background work, and how it goes on.
    #[oai(rename = "house: tasks")]
    Tasks,
    /// Signed calls to other servers.
    #[oai(rename = "house: webhooks")]
    Webhooks,
    /// Copies of the whole database, and what a restore has held.
    #[oai(rename = "house: backups")]
    Backups,
    /// Whether the server is up, and its figures.
    #[oai(rename = "house: health")]
    Health,
}

type Answer<T> = Result<T, Refused<Problems>>;

impl From<HouseError> for Failure {
    fn from(error: HouseError) -> Self {
        match error {
            HouseError::Auth(error) => error.into(),
            HouseError::Webhook(error) => webhook_failure(error),
            HouseError::Backup(error) => backups::failure(error),
            HouseError::Repeated(error) => error.into(),
            HouseError::Task(TaskError::NotFound(id)) => Self::not_found("task", id.to_string()),
            HouseError::Task(TaskError::WrongState { .. }) => Self::new(StatusCode::CONFLICT, error.to_string()),
            HouseError::Task(TaskError::Store(error)) => error.into(),
            HouseError::Task(_) => Self::internal(error),
        }
    }
}

fn webhook_failure(error: WebhookError) -> Failure {
    match error {
        WebhookError::NotFound { what, key } => Failure::not_found(what, key),
        WebhookError::Invalid(refused) => refused.into(),
        WebhookError::Conflict(why) => Failure::new(StatusCode::CONFLICT, why),
        WebhookError::Store(error) => error.into(),
        WebhookError::Random(error) => error.into(),
    }
}
