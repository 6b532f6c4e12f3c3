//! The account contract: sign-in, account information, password, system check, reference pages.
//!
//! Operations: see [`api`]. Tables: none of its own yet; users and companies belong to [`crate::auth`]. Tasks: none.
//!
//! Must not know: any other domain.

pub mod api;
mod reference;
mod service;

pub use self::service::AccountService;
