//! The account contract, operation by operation.

mod failures;
mod file;
mod info;
mod password;
mod system;
mod token;
pub mod usage;
