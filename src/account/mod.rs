//! The account contract: sign-in, account information, password, the audit, system check, reference pages.
//!
//! Operations: see [`api`]. Tables: none of its own yet; users and companies belong to [`crate::auth`], actions to
//! [`crate::audit`]. Tasks: none.
//!
//! Must not know: any other domain.

pub mod api;
mod moment;
mod reference;
mod service;

pub use self::service::AccountService;
