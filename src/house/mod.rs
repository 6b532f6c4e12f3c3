//! The house API (`/comptoir/v1`), where it belongs to no single domain: companies, users, API tokens, the caller
//! itself, backups, the server's health. What belongs to one domain stands in that domain.
//!
//! Operations: see [`api`]. Tables: none; companies, users and tokens belong to [`crate::auth`], webhooks to
//! [`crate::webhooks`].
//! Tasks: none.
//!
//! Must not know: any domain.

pub mod api;
mod service;
pub mod tasks;

pub use self::service::{HouseError, HouseService, backups, metrics, webhooks};
