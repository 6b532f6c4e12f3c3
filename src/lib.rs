//! Comptoir: the back office of a small trading team in one binary and one SQLite file.
//!
//! In reading order: [`clock`] is the one source of time; [`store`] is the SQLite file with its single writer.

pub mod auth;
pub mod clock;
pub mod store;
pub mod http;
