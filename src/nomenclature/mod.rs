//! The nomenclature contract: each company's catalogue of goods, and imports of spreadsheets into it that a person confirms.
//!
//! Operations: under `/v5/orgs/`, and `/comptoir/v1/nomenclature/` of the house API, see [`api`]. Tables:
//! `nomenclature_catalogues`, `nomenclature_goods`, `nomenclature_barcodes`, `nomenclature_names`,
//! `nomenclature_ids`, `nomenclature_uploads`, `nomenclature_chunks`, `nomenclature_storage`, `nomenclature_imports`, `nomenclature_import_states`,
//! `nomenclature_plans`, `nomenclature_plan_rows`, `nomenclature_problems`. Tasks: `nomenclature_import`,
//! `nomenclature_undo`, `nomenclature_sweep`.
//!
//! In reading order: [`model`] (values), `text`, `money`, `barcodes` (what cells hold), `columns` and `rows` (what a sheet
//! says), `matching` and `plan` (what that does to the catalogue), `problems` and `words` (what is found, and how it is
//! said), `paging`, `sql`, [`service`], [`tasks`], [`api`].
//!
//! # The states of an import
//!
//! ```text
//!            upload                       a file nothing is wrong with, and ?confirm=auto
//!              │                        ┌──────────────────────────────────────────────┐
//!              ▼                        │                                              ▼
//!          InQueue ──────► InProgress (read, validate, match) ──► WaitingForFeedback   │
//!              │               │                    ▲                  │      │        │
//!              │               │                    │ another plan     │      │ confirm│
//!              │               │                    │ after changes    │      ▼        ▼
//!              │ cancel        │ cancel, or a file  └────────────── InProgress (write, switch over)
//!              │               │ that cannot be read               │   cancel │       │
//!              ▼               ▼                                   ▼          ▼       ▼
//!           Canceled ◄─────────┴───────────────────────────────────┴──────────┘   Completed
//! ```
//!
//! Must not know: any other domain.

pub mod api;
mod barcodes;
mod columns;
mod matching;
pub mod model;
mod money;
mod paging;
mod plan;
mod problems;
mod rows;
pub mod service;
mod sql;
pub mod tasks;
mod text;
mod words;

pub use self::problems::Severity;
pub use self::service::{NomenclatureError, NomenclatureService};
