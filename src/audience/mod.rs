//! The audience contract: lists of profiles, the resources they subscribe to, and how many stand how.
//!
//! Owns the tables `audience_*`, the operations under `/api/v1.1/` and `/comptoir/v1/audience/`, and the task kind
//! `audience_refresh`. In reading order: [`model`] (values), [`counters`] (the rules of counting), `sql`, [`service`],
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
