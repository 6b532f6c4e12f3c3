//! The connectors contract: figures that connectors report, kept as series and shown back.
//!
//! Operations: `POST /ExternalExchange/v1/statistic/set`, and `/comptoir/v1/connectors/` of the house API, see [`api`].
//! Tables: `connector_systems`, `connector_merchants`, `connector_series`, `connector_values`, `connector_alert_rules`,
//! `connector_watches`. Tasks: `connector_alerts`, `connector_alerts_values`, `connector_retention`.
//!
//! In reading order: [`model`] (names), [`value`] (a value with its exact text), [`moment`] (ISO 8601), [`submission`]
//! (what a request says), [`buckets`] (a series by minute, hour or day of a zone), [`alerting`] (when an alert is on),
//! [`exposition`] (Prometheus), [`export`] (workbooks), `sql`, [`service`], [`tasks`], [`api`].
//!
//! A series is one key of one system and merchant. It has a number; a value is a row under that number and its instant,
//! so that a period of a series is one range of one table, and the newest value of each stands with the series.
//!
//! Must not know: any other domain.

pub mod alerting;
pub mod api;
pub mod buckets;
pub mod export;
pub mod exposition;
pub mod model;
pub mod moment;
pub mod service;
mod sql;
pub mod submission;
pub mod tasks;
pub mod value;

pub use self::service::{ConnectorsError, ConnectorsService};
