//! What can go wrong with identity, in its own words. Carries no HTTP: `http` gives each a status, a contract its shape.

use std::time::Duration;

use crate::auth::model::Refused;
use crate::auth::password::HashError;
use crate::store::StoreError;

/// Why an identity use case was refused.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Wrong name, wrong password, disabled user, unknown, expired or revoked token: told apart by nobody.
    #[error("the credentials are not valid")]
    Unauthenticated,
    /// Too many refused attempts; try again after this long.
    #[error("too many refused sign-ins")]
    Throttled(Duration),
    /// More sign-ins wait for their password check than the queue holds.
    #[error("too many sign-ins are waiting for their password check")]
    HasherBusy,
    /// The caller is known, but may not do this; says what it would need.
    #[error("{0}")]
    Forbidden(String),
    /// No such row, or not one the caller may know of.
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
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored value is not what it must be: for the log, not for the client.
    #[error("{0}")]
    Damaged(&'static str),
    /// The server is stopping, or the random source of the machine failed.
    #[error("{0}")]
    Unavailable(&'static str),
}

impl From<Refused> for AuthError {
    fn from(refused: Refused) -> Self {
        Self::Invalid(refused)
    }
}

impl From<HashError> for AuthError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::HasherBusy,
            HashError::Closed => Self::Unavailable("the server is stopping"),
            HashError::Unreadable => Self::Damaged("a stored password hash cannot be read; `comptoir check` names it"),
        }
    }
}
