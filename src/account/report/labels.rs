//! What a report says, in every language.

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
    pub period: Words,
    pub user: Words,
    pub company: Words,
    pub everybody: Words,
    pub no_usage: Words,
    pub date: Words,
    pub service: Words,
    pub process_type: Words,
    pub processes: Words,
    pub points: Words,
    pub unique_points: Words,
    pub elements: Words,
    pub total: Words,
    pub points_per_day: Words,
}
