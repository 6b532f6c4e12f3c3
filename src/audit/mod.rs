//! Who did what: a row per process of any service, Comptoir's own activity among them.
//!
//! Owns the tables `actions` (one row per process), `action_requests` (the requests made for it) and `action_days` (how
//! many there are per day, kept up to date). In reading order: [`model`], [`actions`].
//!
//! Must not know: any domain, HTTP. A domain calls [`actions`] in the transaction of its cause.

pub mod actions;
pub mod model;
mod sql;
