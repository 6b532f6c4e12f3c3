//! What can go wrong with the nomenclature, in its own words. Carries no HTTP: `api` gives each a status and a shape.

use std::io;

use crate::auth::AuthError;
use crate::i18n::Language;
use crate::nomenclature::words::{self, Why};
use crate::sheets::Unwritten;
use crate::store::StoreError;
use crate::tasks::TaskError;

/// What was not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The organisation of the path.
    Organization,
    /// A good.
    Good,
    /// An import.
    Import,
}

/// Why a use case was refused.
#[derive(Debug, thiserror::Error)]
pub enum NomenclatureError {
    /// There is no such thing in this organisation, or none of the caller's.
    #[error("there is no {0:?} `{1}`")]
    NotFound(What, String),
    /// The request is not in order: the parameter or field at fault, and why.
    #[error("`{0}`: {words}", words = words::why(Language::En, .1))]
    Refused(&'static str, Why),
    /// A barcode is another good's: the field, the barcode and that good's name.
    #[error("`{0}`: {1} belongs to {2}")]
    NotUnique(&'static str, String, String),
    /// An import is being written into the catalogue at this moment.
    #[error("an import is being applied")]
    Busy,
    /// What an import changed was changed again: so many goods.
    #[error("{0} goods were changed again since")]
    Conflicts(usize),
    /// It cannot happen to the import as it stands.
    #[error("{0}")]
    Contradicts(&'static str),
    /// The company's room for uploads is used up.
    #[error("the company's uploads have used up their {0} bytes; remove some that have ended")]
    NoRoom(i64),
    /// What was being sent could not be read to its end.
    #[error("the upload could not be read to its end: {0}")]
    Body(io::Error),
    /// The file was removed while it was being written.
    #[error("the upload took too long and was given up; send it again")]
    GivenUp,
    /// A workbook could not be written: for the log.
    #[error("the workbook could not be written: {0}")]
    Unwritten(#[from] Unwritten),
    /// A file could not be written or read: for the log.
    #[error(transparent)]
    File(io::Error),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Identity said no.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The queue said no.
    #[error(transparent)]
    Task(#[from] TaskError),
}

impl NomenclatureError {
    pub(in crate::nomenclature) fn not_found(what: What, key: impl ToString) -> Self {
        Self::NotFound(what, key.to_string())
    }
}
