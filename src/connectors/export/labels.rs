//! What a workbook says, in every language.
//!
//! Must not know: the database, HTTP.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::i18n::Words;

/// The one set of labels.
pub static LABELS: LazyLock<Labels> =
    LazyLock::new(|| toml::from_str(include_str!("labels.toml")).expect("a test reads this file"));

/// Each is a row of `labels.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    pub title: Words,
    pub key: Words,
    pub system: Words,
    pub merchant: Words,
    pub zone: Words,
    pub time: Words,
    pub min: Words,
    pub max: Words,
    pub avg: Words,
    pub sum: Words,
    pub last: Words,
    pub count: Words,
    pub none: Words,
}
