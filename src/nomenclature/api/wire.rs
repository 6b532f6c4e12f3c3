//! The contract's types on the wire.
//!
//! Must not know: SQL, other domains. Source of names and nullability: the vendor's document, the seed.

use std::collections::HashMap;

use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Enum, Object};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::http::wire::Instant;
use crate::i18n::Language;
use crate::nomenclature::model::{self, Import, Status};
use crate::nomenclature::paging::pages;
use crate::nomenclature::problems::Severity;
use crate::nomenclature::service::imports::Shown;
use crate::nomenclature::service::lists::{self, Page};

/// How much of each task a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
#[oai(rename_all = "lowercase")]
pub enum PresentationModes {
    /// Without `parameters`, `resolutions`, `meta` and `meta_data`.
    Compact,
    /// All of it.
    #[default]
    Full,
}

/// In which order tasks are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
#[oai(rename_all = "snake_case")]
pub enum AsyncTaskOrdering {
    /// The earliest made first.
    CreatedAtAsc,
    /// The latest made first.
    #[default]
    CreatedAtDesc,
    /// The longest unchanged first.
    UpdatedAtAsc,
    /// The latest changed first.
    UpdatedAtDesc,
}

impl From<AsyncTaskOrdering> for lists::Order {
    fn from(order: AsyncTaskOrdering) -> Self {
        match order {
            AsyncTaskOrdering::CreatedAtAsc => Self::CreatedAsc,
            AsyncTaskOrdering::CreatedAtDesc => Self::CreatedDesc,
            AsyncTaskOrdering::UpdatedAtAsc => Self::UpdatedAsc,
            AsyncTaskOrdering::UpdatedAtDesc => Self::UpdatedDesc,
        }
    }
}

/// Where a task is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum AsyncTaskStatuses {
    /// It waits for its turn.
    InQueue,
    /// It is read and matched, or applied.
    InProgress,
    /// Its resolutions are to be looked at.
    WaitingForFeedback,
    /// It is applied.
    Completed,
    /// It ended, and nothing was changed.
    Canceled,
}

impl From<Status> for AsyncTaskStatuses {
    fn from(status: Status) -> Self {
        match status {
            Status::InQueue => Self::InQueue,
            Status::InProgress => Self::InProgress,
            Status::WaitingForFeedback => Self::WaitingForFeedback,
            Status::Completed => Self::Completed,
            Status::Canceled => Self::Canceled,
        }
    }
}

impl From<AsyncTaskStatuses> for Status {
    fn from(status: AsyncTaskStatuses) -> Self {
        match status {
            AsyncTaskStatuses::InQueue => Self::InQueue,
            AsyncTaskStatuses::InProgress => Self::InProgress,
            AsyncTaskStatuses::WaitingForFeedback => Self::WaitingForFeedback,
            AsyncTaskStatuses::Completed => Self::Completed,
            AsyncTaskStatuses::Canceled => Self::Canceled,
        }
    }
}

/// What happens to goods that the file does not mention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
pub enum NomenclatureImportStrategies {
    /// They are archived.
    FullImport,
    /// They stay.
    #[default]
    IncrementalImport,
}

impl From<NomenclatureImportStrategies> for model::Strategy {
    fn from(strategy: NomenclatureImportStrategies) -> Self {
        match strategy {
            NomenclatureImportStrategies::FullImport => Self::Full,
            NomenclatureImportStrategies::IncrementalImport => Self::Incremental,
        }
    }
}

impl From<model::Strategy> for NomenclatureImportStrategies {
    fn from(strategy: model::Strategy) -> Self {
        match strategy {
            model::Strategy::Full => Self::FullImport,
            model::Strategy::Incremental => Self::IncrementalImport,
        }
    }
}

/// Whether a file that nothing is wrong with is applied without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
#[oai(rename = "NomenclatureConfirmation", rename_all = "lowercase")]
pub enum Confirmation {
    /// A person confirms.
    #[default]
    Manual,
    /// A file without any warning or error is applied at once.
    Auto,
}

/// What kind of client calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "NomenclatureClientTypes")]
pub enum ClientType {
    /// Nobody knows.
    Unknown,
    /// An application.
    App,
    /// An application in a browser.
    WebApp,
    /// A service.
    Service,
    /// An application on Android.
    Android,
}

/// How much a resolution weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ResolutionTypes {
    /// Worth knowing.
    Information,
    /// To be looked at.
    Warning,
    /// Refused.
    Error,
}

impl From<Severity> for ResolutionTypes {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Information => Self::Information,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
        }
    }
}

/// By what rows find their goods.
#[derive(Debug, Object)]
#[oai(rename = "NomenclatureMatchingAttributes")]
pub struct AttributesForMatching {
    /// By name, case and spaces folded.
    pub use_good_name: bool,
    /// By EAN-13.
    pub use_barcodes_ean13: bool,
    /// By local barcodes.
    pub use_barcodes_local: bool,
}

/// What was asked for.
#[derive(Debug, Object)]
#[oai(rename = "NomenclatureImportParameters")]
pub struct Parameters {
    /// What happens to goods that the file does not mention.
    pub import_strategy: NomenclatureImportStrategies,
    /// By what rows find their goods.
    pub attributes_for_matching: AttributesForMatching,
}

/// What a task found, or would do.
#[derive(Debug, Object)]
#[oai(rename = "AsyncTaskResolution")]
pub struct Resolution {
    /// In the language of the request.
    #[oai(nullable)]
    pub message: Option<String>,
    /// How much it weighs.
    #[oai(rename = "type")]
    pub kind: ResolutionTypes,
}

impl Resolution {
    fn new(severity: Severity, message: String) -> Self {
        Self { message: Some(message), kind: severity.into() }
    }
}

/// The organisation of a task.
#[derive(Debug, Object)]
#[oai(rename = "OrganizationReference")]
pub struct Organization {
    /// Its id.
    pub guid: Uuid,
    /// What it is: `Organization`.
    #[oai(nullable)]
    pub type_of: Option<String>,
}

/// A task that imports nomenclature.
#[derive(Debug, Object)]
pub struct NomenclatureImportTask {
    /// What was asked for; absent in `compact`.
    pub parameters: MaybeUndefined<Parameters>,
    /// The uploaded file.
    pub file: Uuid,
    /// Whether what it would do was agreed to.
    pub is_confirmed: bool,
    /// Where it is in its life.
    pub status: AsyncTaskStatuses,
    /// How far it is, 0 to 100; 50 is where it asks.
    #[oai(validator(minimum(value = "0"), maximum(value = "100")))]
    pub progress: i32,
    /// What it found and would do; absent in `compact`. Of more than a thousand findings the first thousand are listed.
    #[oai(nullable)]
    pub resolutions: MaybeUndefined<Vec<Resolution>>,
    /// Its organisation.
    pub organization: Organization,
    /// When it was asked for.
    pub created_at: Instant,
    /// When its status changed last.
    pub updated_at: Instant,
    /// When it was removed.
    #[oai(nullable)]
    pub deleted_at: Option<Instant>,
    /// What its owner says of it; absent in `compact`.
    #[oai(nullable, validator(max_length = 128))]
    pub meta: MaybeUndefined<String>,
    /// More of it; absent in `compact`.
    #[oai(nullable)]
    pub meta_data: MaybeUndefined<HashMap<String, String>>,
    /// Its id.
    pub guid: Uuid,
    /// What it is: `NomenclatureImportTask`.
    #[oai(nullable)]
    pub type_of: Option<String>,
}

/// What an import found and would do, or did.
pub fn resolutions(language: Language, shown: &Shown) -> Vec<Resolution> {
    let said = shown.summary(language).into_iter().chain(shown.findings(language));
    said.map(|(severity, text)| Resolution::new(severity, text)).collect()
}

impl NomenclatureImportTask {
    /// An import in a language, as much of it as `mode` wants.
    pub fn of(shown: &Shown, organization: Uuid, language: Language, mode: PresentationModes) -> Self {
        let Shown { import, progress, .. } = shown;
        let full = mode == PresentationModes::Full;
        Self {
            parameters: if full { MaybeUndefined::Value(parameters(import)) } else { MaybeUndefined::Undefined },
            file: import.upload.1,
            is_confirmed: import.is_confirmed,
            status: import.status.into(),
            progress: (*progress).into(),
            resolutions: if full {
                MaybeUndefined::Value(resolutions(language, shown))
            } else {
                MaybeUndefined::Undefined
            },
            organization: Organization { guid: organization, type_of: Some("Organization".to_owned()) },
            created_at: Instant::exact(import.created_at),
            updated_at: Instant::exact(import.updated_at),
            deleted_at: import.deleted_at.map(Instant::exact),
            meta: match &import.asked.meta {
                _ if !full => MaybeUndefined::Undefined,
                Some(meta) => MaybeUndefined::Value(meta.clone()),
                None => MaybeUndefined::Null,
            },
            meta_data: if full { MaybeUndefined::Null } else { MaybeUndefined::Undefined },
            guid: import.guid,
            type_of: Some("NomenclatureImportTask".to_owned()),
        }
    }
}

/// What was asked for.
pub fn parameters(import: &Import) -> Parameters {
    let attributes = import.asked.attributes;
    Parameters {
        import_strategy: import.asked.strategy.into(),
        attributes_for_matching: AttributesForMatching {
            use_good_name: attributes.name,
            use_barcodes_ean13: attributes.ean13,
            use_barcodes_local: attributes.local,
        },
    }
}

/// A page of tasks.
#[derive(Debug, Object)]
pub struct NomenclatureImportTaskList {
    /// The tasks.
    #[oai(nullable)]
    pub items: Option<Vec<NomenclatureImportTask>>,
    /// What to send as `page_token`, with the same parameters, for the next page; null on the last.
    #[oai(nullable)]
    pub next_page_token: Option<String>,
    /// The number of the page, from 1.
    pub page_number: i32,
    /// How many pages there are.
    pub pages_total: i32,
    /// How many items a page has.
    pub items_per_page: i32,
    /// How many items there are.
    pub items_total: i32,
    /// What it is: `NomenclatureImportTaskList`.
    #[oai(nullable)]
    pub type_of: Option<String>,
}

/// The figures of a page: number, pages, items a page, items.
pub fn figures<T>(page: &Page<T>, items: u32) -> [i32; 4] {
    let small = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
    [small(page.number.into()), small(pages(page.total, items)), small(items.into()), small(page.total)]
}

impl NomenclatureImportTaskList {
    /// A page of imports.
    pub fn of(page: &Page<Shown>, items: u32, organization: Uuid, language: Language, mode: PresentationModes) -> Self {
        let [page_number, pages_total, items_per_page, items_total] = figures(page, items);
        let task = |shown| NomenclatureImportTask::of(shown, organization, language, mode);
        Self {
            items: Some(page.items.iter().map(task).collect()),
            next_page_token: page.next.as_ref().map(crate::nomenclature::paging::Token::encode),
            page_number,
            pages_total,
            items_per_page,
            items_total,
            type_of: Some("NomenclatureImportTaskList".to_owned()),
        }
    }
}

/// How a task stands.
#[derive(Debug, Object)]
pub struct NomenclatureImportEvent {
    /// The task.
    pub guid: Uuid,
    /// Where it is in its life.
    pub status: AsyncTaskStatuses,
    /// How far it is, 0 to 100.
    #[oai(validator(minimum(value = "0"), maximum(value = "100")))]
    pub progress: i32,
}

impl From<Shown> for NomenclatureImportEvent {
    fn from(shown: Shown) -> Self {
        Self { guid: shown.import.guid, status: shown.import.status.into(), progress: shown.progress.into() }
    }
}

/// A workbook stands here; `/docs` lets you choose one.
pub fn upload_example() -> Value {
    json!("goods.xlsx")
}

/// A task that waits for feedback.
pub fn task_answer() -> Value {
    json!({
        "parameters": {
            "import_strategy": "IncrementalImport",
            "attributes_for_matching": {
                "use_good_name": false, "use_barcodes_ean13": true, "use_barcodes_local": false
            }
        },
        "file": "0f4c0b0a-6a4e-4f0e-9d0c-2f7c3f0d9b11",
        "is_confirmed": false,
        "status": "WaitingForFeedback",
        "progress": 50,
        "resolutions": [
            {"message": "Will be created: 2", "type": "Information"},
            {"message": "Will be updated: 5", "type": "Information"},
            {"message": "Unchanged: 110", "type": "Information"},
            {"message": "Will be archived: 0", "type": "Information"},
            {"message": "Rows refused: 1", "type": "Error"},
            {
                "message": "Sheet “Goods”, row 14, column E: the price -5 is below zero",
                "type": "Error"
            }
        ],
        "organization": {"guid": "7b0e3c52-3e6f-4a52-8f35-1f6f2c1f4a10", "type_of": "Organization"},
        "created_at": "2026-03-02T10:00:00Z",
        "updated_at": "2026-03-02T10:00:02Z",
        "deleted_at": null,
        "meta": null,
        "meta_data": null,
        "guid": "b3a3f7a2-9c1f-4d7c-8a55-0f1f2e3d4c5b",
        "type_of": "NomenclatureImportTask"
    })
}

/// A page of tasks.
pub fn tasks_answer() -> Value {
    json!({
        "items": [task_answer()],
        "next_page_token": null,
        "page_number": 1,
        "pages_total": 1,
        "items_per_page": 50,
        "items_total": 1,
        "type_of": "NomenclatureImportTaskList"
    })
}
