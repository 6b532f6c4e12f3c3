//! What can go wrong with the audience, in its own words. Carries no HTTP: `api` gives each a status and a shape.

use crate::audience::model::Refused;
use crate::auth::AuthError;
use crate::store::StoreError;
use crate::tasks::TaskError;

/// Why a use case of the audience was refused.
#[derive(Debug, thiserror::Error)]
pub enum AudienceError {
    /// There is no such thing in this company.
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
    /// A row of a batch is not what it must be; says how.
    #[error("{0}")]
    Malformed(String),
    /// The change contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// So much has been asked for already that this must wait; says what.
    #[error("{0}")]
    TooMany(String),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The task could not be enqueued or read.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The machine's random source failed.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// A stored value is not what it must be: for the log, not for the client.
    #[error("{0}")]
    Damaged(String),
}

impl AudienceError {
    pub(in crate::audience) fn not_found(what: &'static str, key: impl ToString) -> Self {
        Self::NotFound { what, key: key.to_string() }
    }

    pub(in crate::audience) fn invalid(field: &'static str, rule: impl Into<String>) -> Self {
        Self::Invalid(Refused::new(field, rule))
    }

    /// Whether it concerns the one row it came from and nothing else.
    pub(in crate::audience) fn is_the_rows_own(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::Invalid(_) | Self::Malformed(_) | Self::Conflict(_))
    }
}

impl From<Refused> for AudienceError {
    fn from(refused: Refused) -> Self {
        Self::Invalid(refused)
    }
}
