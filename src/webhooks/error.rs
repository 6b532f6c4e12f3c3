//! What can go wrong with webhooks, in their own words. Carries no HTTP.

use crate::auth::AuthError;
use crate::auth::model::Refused;
use crate::store::StoreError;

/// Why a use case of webhooks was refused.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// No such row, or not one of this company.
    #[error("there is no {what} `{key}`")]
    NotFound {
        /// The kind of thing, in words.
        what: &'static str,
        /// The id it was asked for by.
        key: String,
    },
    /// A value breaks a rule.
    #[error("`{}` {}", .0.field, .0.rule)]
    Invalid(Refused),
    /// The change contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The machine's random source failed.
    #[error(transparent)]
    Random(#[from] AuthError),
}

impl From<Refused> for WebhookError {
    fn from(refused: Refused) -> Self {
        Self::Invalid(refused)
    }
}
