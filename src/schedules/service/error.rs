//! What can go wrong with order schedules, in their own words. Carries no HTTP: `api` gives each a status and a shape.

use crate::auth::AuthError;
use crate::auth::idempotency::IdempotencyError;
use crate::auth::model::Refused;
use crate::store::StoreError;
use crate::tasks::TaskError;

/// Why a use case of order schedules was refused.
#[derive(Debug, thiserror::Error)]
pub enum SchedulesError {
    /// There is no such thing, or none the caller may know of.
    #[error("there is no {what} `{key}`")]
    NotFound {
        /// The kind of thing, in words.
        what: &'static str,
        /// The name it was asked for by.
        key: String,
    },
    /// A value breaks a rule.
    #[error("`{}` {}", .0.field, .0.rule)]
    Invalid(Refused),
    /// The change contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// Identity said no, or the store failed.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The idempotency key came with another request before, or what is kept of it cannot be read.
    #[error(transparent)]
    Repeated(#[from] IdempotencyError),
    /// A task could not be enqueued.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A stored schedule breaks its own rules: for the log, not for the client.
    #[error("schedule {0} cannot be read: {1}")]
    Damaged(i64, String),
}

impl SchedulesError {
    pub(in crate::schedules) fn not_found(what: &'static str, key: impl ToString) -> Self {
        Self::NotFound { what, key: key.to_string() }
    }
}

impl From<StoreError> for SchedulesError {
    fn from(error: StoreError) -> Self {
        Self::Auth(error.into())
    }
}

impl From<Refused> for SchedulesError {
    fn from(refused: Refused) -> Self {
        Self::Invalid(refused)
    }
}
