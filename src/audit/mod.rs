//! Who did what: a row per process of any service, Comptoir's own activity among them, and the chain of events that vouches
//! for the latter.
//!
//! Owns the tables `actions` (one row per process), `action_requests` (the requests made for it), `action_days` (how many
//! there are per day, kept up to date), `audit_events` and `audit_chains` (the chain), and the task kinds
//! `audit_retention` and `audit_heads`. In reading order: [`model`], [`actions`] (what services report), [`chain`] (how
//! events are bound), [`own`] (what Comptoir itself does), [`journal`] (what of it waits in memory), [`list`] (reading it),
//! [`check`] (whether the chains hold), [`tasks`] (retention, heads, and the record of every background task).
//!
//! Must not know: any domain, HTTP. A domain calls [`actions`] in the transaction of its cause; what Comptoir's callers do
//! is recorded by `Auth::write_as` and the HTTP layer, not by domains.

pub mod actions;
pub mod chain;
pub mod check;
pub mod journal;
pub mod list;
pub mod model;
pub mod own;
mod sql;
pub mod tasks;

pub use self::journal::Journal;
