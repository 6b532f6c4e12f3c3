//! The house API, resource by resource.

mod companies;
mod health;
mod idempotency;
mod metrics;
mod revocation;
mod session;
mod tasks;
mod test_controls;
mod tokens;
mod users;
