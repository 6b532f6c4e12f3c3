//! Comptoir: the back office of a small trading team in one binary and one SQLite file.
//!
//! The code map, in reading order:
//!
//! - [`clock`]: the one source of time.
//! - [`meters`]: counting without locks.
//! - [`store`]: the SQLite file, its one writer and its readers.
//! - [`auth`]: companies, users, credentials, the permission table.
//! - [`audit`]: who did what.
//! - [`tasks`]: the durable queue of background work, and its runner.
//! - [`webhooks`]: signed calls to other people's servers.
//! - [`backups`]: taken, kept, tried out, restored.
//! - [`http`]: what every contract shares on the wire.
//! - [`i18n`]: the languages people are spoken to in.
//! - [`sheets`]: spreadsheets, read in a process of their own and written through.
//! - [`account`]: the account contract. The other contracts stand beside it in the same rooms.
//! - [`audience`]: the audience contract.
//! - [`connectors`]: the connectors contract.
//! - [`schedules`]: the contract of order schedules.
//! - [`nomenclature`]: the nomenclature contract.
//! - [`house`]: the house API, where it belongs to no single domain.
//! - [`fixtures`]: one document that says what is to be in all of it, and the dump that writes the same.
//! - [`testing`]: test controls: reset, clock, faults, what came in.
//! - [`app`]: puts all of it together.
//! - [`config`] and [`cli`]: how it is started.
//!
//! Who may know whom is written in `ARCHITECTURE.md` and checked by `tests/suite/architecture.rs`.

pub mod account;
pub mod app;
pub mod audience;
pub mod audit;
pub mod auth;
pub mod backups;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connectors;
pub mod fixtures;
pub mod house;
pub mod http;
pub mod i18n;
pub mod meters;
pub mod nomenclature;
pub mod schedules;
pub mod sheets;
pub mod store;
pub mod tasks;
pub mod testing;
pub mod webhooks;

/// The server's version and, where it was built from a checkout, the commit.
pub const BUILD: &str = env!("COMPTOIR_BUILD");
