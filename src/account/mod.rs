//! The account contract: sign-in, account information, password, the audit, system check, reference pages; and usage: what services
//! report of their work, the statistics, reports and quotas of it, the data that went in and came out.
//!
//! Operations: under `/account/`, `/comptoir/v1/processes` and `/comptoir/v1/quotas`, see [`api`]. Tables:
//! `account_processes`, `account_requests`, `account_usage`, `account_points`, `account_quotas`, `account_files`,
//! `account_chunks`, `account_storage`; users and companies belong to [`crate::auth`], the audit to [`crate::audit`].
//! Tasks: `usage_abandoned`, `usage_sweep`.
//!
//! In reading order: [`model`] (values), [`period`], [`usage`] and [`quota`] (rules), [`report`] (the workbook), `sql`,
//! [`service`], [`tasks`], [`api`], `reference` (the pages about the contract itself).
//!
//! Must not know: any other domain.

pub mod api;
pub mod model;
mod moment;
pub mod period;
pub mod quota;
mod reference;
pub mod report;
pub mod service;
mod sql;
pub mod tasks;
pub mod usage;

pub use self::service::{AccountService, UsageError, UsageService};
