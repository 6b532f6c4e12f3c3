//! The contract of order schedules: when a producer's distributors may send orders.
//!
//! Operations: under `/api/distribex/`, and `/comptoir/v1/schedules/`, `/comptoir/v1/order-windows/`,
//! `/comptoir/v1/holidays/`, `/comptoir/v1/calendars/` of the house API, see [`api`]. Tables: `schedules`,
//! `schedule_numbers`, `schedule_distributors`, `schedule_exceptions`, `holidays`, `schedule_reminders`,
//! `schedule_reminded`, `calendar_feeds`. Tasks: `schedule_reminders`. The parties themselves are identity: `auth`.
//!
//! In reading order: [`civil`] (civil days and times in a zone), [`recurrence`] (the days of a rule), [`model`] (values),
//! [`windows`] (what holds on a day, exceptions and holidays included), [`hierarchy`] (which schedule decides),
//! [`overlap`], [`explain`] (the same in words), [`calendar`] (iCalendar), `sql`, [`service`], [`tasks`], [`api`].
//!
//! Must not know: any other domain.

pub mod api;
pub mod calendar;
pub mod civil;
pub mod explain;
pub mod hierarchy;
pub mod model;
pub mod overlap;
pub mod recurrence;
pub mod service;
mod sql;
pub mod tasks;
pub mod windows;

pub use self::service::{SchedulesError, SchedulesService};
