//! The integration tests, in one binary so that they link once. The tree mirrors the URLs; `support` holds the server
//! and the client that every test of the front door uses.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has found one")]

mod account;
mod architecture;
mod audience;
mod audit;
mod backups;
mod cli;
mod connectors;
mod docs;
mod fixtures;
mod house;
mod http;
mod nomenclature;
mod openapi;
mod permissions;
mod schedules;
mod sheets;
mod store;
mod support;
mod tasks;
mod webhooks;
