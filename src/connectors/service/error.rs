//! What can go wrong with connectors, in their own words. Carries no HTTP: `api` gives each a status and a shape.

use crate::auth::AuthError;
use crate::connectors::export::Unwritten;
use crate::connectors::model::Refused;
use crate::store::StoreError;
use crate::tasks::TaskError;

/// Why a use case of connectors was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorsError {
    /// There is no such thing in this company.
    #[error("there is no {what} `{key}`")]
    NotFound {
        /// The kind of thing, in words.
        what: &'static str,
        /// The name it was asked for by.
        key: String,
    },
    /// The contract knows no such external system, and nothing was set.
    #[error("External system was not found by following externalSystemId: {0}")]
    UnknownSystem(String),
    /// The contract knows no such merchants, and nothing was set.
    #[error("Personal cabinets was not found by following merchantId: {}", some(.0))]
    UnknownMerchants(Vec<String>),
    /// A value breaks a rule.
    #[error("`{}` {}", .0.field, .0.rule)]
    Invalid(Refused),
    /// The change contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// Identity said no, or the store failed.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// A task could not be enqueued.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A workbook could not be written: for the log, not for the client.
    #[error("the workbook could not be written: {0}")]
    Unwritten(String),
}

/// So many are named.
const NAMED: usize = 20;

/// The first of them, and how many more there are.
fn some(codes: &[String]) -> String {
    let named: Vec<&str> = codes.iter().take(NAMED).map(String::as_str).collect();
    let more = codes.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    named.join(", ") + &more
}

impl ConnectorsError {
    pub(in crate::connectors) fn not_found(what: &'static str, key: impl ToString) -> Self {
        Self::NotFound { what, key: key.to_string() }
    }
}

impl From<StoreError> for ConnectorsError {
    fn from(error: StoreError) -> Self {
        Self::Auth(error.into())
    }
}

impl From<Refused> for ConnectorsError {
    fn from(refused: Refused) -> Self {
        Self::Invalid(refused)
    }
}

impl From<Unwritten> for ConnectorsError {
    fn from(error: Unwritten) -> Self {
        Self::Unwritten(error.to_string())
    }
}
