//! What can go wrong with usage, in its own words. Carries no HTTP: `api` gives each a status and a shape.

use std::io;

use crate::auth::AuthError;
use crate::auth::model::Refused;
use crate::store::StoreError;

/// Why a use case was refused.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// There is no such thing in this company, or none the caller may see.
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
    /// It contradicts what was reported before.
    #[error("{0}")]
    Conflict(String),
    /// A quota of points does not allow it; says which.
    #[error("{0}")]
    QuotaExceeded(String),
    /// As many processes as may be run already.
    #[error(
        "{0} processes of this kind are running already, as many as the quota allows; try again when one has ended"
    )]
    Busy(i64),
    /// The company's room for data files is used up.
    #[error("the company's data files have used up their {0} bytes; an ADMIN can remove some")]
    NoRoom(i64),
    /// The data that was being sent could not be read to its end.
    #[error("the data could not be read to its end: {0}")]
    Body(io::Error),
    /// The file was removed while it was being written.
    #[error("the file took too long and was given up; send it again")]
    GivenUp,
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Identity said no.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// A report could not be written: for the log, not for the client.
    #[error("the report could not be written: {0}")]
    Unwritten(String),
}

impl UsageError {
    pub(in crate::account) fn not_found(what: &'static str, key: impl ToString) -> Self {
        Self::NotFound { what, key: key.to_string() }
    }

    /// Whether it concerns the one report it came from and nothing else.
    pub(in crate::account) fn is_the_reports_own(&self) -> bool {
        match self {
            Self::NotFound { .. }
            | Self::Invalid(_)
            | Self::Conflict(_)
            | Self::QuotaExceeded(_)
            | Self::Busy(_)
            | Self::Auth(AuthError::NotFound { .. }) => true,
            Self::NoRoom(_) | Self::Body(_) | Self::GivenUp | Self::Store(_) | Self::Auth(_) | Self::Unwritten(_) => {
                false
            }
        }
    }
}

impl From<Refused> for UsageError {
    fn from(refused: Refused) -> Self {
        Self::Invalid(refused)
    }
}

impl From<crate::account::report::Unwritten> for UsageError {
    fn from(error: crate::account::report::Unwritten) -> Self {
        Self::Unwritten(error.to_string())
    }
}
