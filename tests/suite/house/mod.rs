//! The house API, resource by resource.

mod companies;
mod health;
mod idempotency;
mod revocation;
mod session;
mod tasks;
mod test_controls;
mod tokens;
mod users;
