//! The audience contract: lists of profiles, the resources they subscribe to, and how many stand how.
//!
//! Operations: under `/api/v1.1/` and `/comptoir/v1/audience/`, see [`api`]. Tables: `audience_lists`,
//! `audience_resources`, `audience_profiles`, `audience_identities`, `audience_subscriptions`, `audience_counters`,
//! `audience_counts`, `audience_refreshes`, `audience_feedback`, `audience_suppressed`. Tasks: `audience_refresh`.
//!
//! In reading order: [`model`] (values), [`counters`] (the rules of counting), `sql`, [`service`],
//! [`tasks`], [`api`].
//!
//! How counting stays cheap: `audience_counters` is moved in the transaction of each change, so the figures are always
//! there; a refresh counts the covering index in one snapshot, holds the counters against it, repairs and logs what
//! differs, and publishes what it counted.
//!
//! Must not know: any other domain.

pub mod api;
pub mod counters;
pub mod model;
pub mod service;
mod sql;
pub mod tasks;

pub use self::service::{AudienceError, AudienceService};
