//! The integration tests.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has found one")]

mod http;
mod store;
mod tasks;
