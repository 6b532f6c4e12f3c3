//! The nomenclature contract on the wire: imports. Extract, one call, convert.
//!
//! Must not know: SQL, other domains. Source of names and shapes: the vendor's document, the seed; of the rest:
//! contracts/nomenclature.md.

mod errors;
mod files;
mod goods;
pub mod house;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::{EventStream, Json};
use poem_openapi::{OpenApi, Tags};
use uuid::Uuid;

pub use self::errors::failure;
use self::errors::{NomenclatureErrors, render, status};
use self::files::{Upload, Workbook};
pub use self::goods::{GoodChange, GoodView, GoodsApi, SubjectWord, VatWord};
use self::wire::{
    AsyncTaskOrdering, AsyncTaskStatuses, ClientType, Confirmation, NomenclatureImportEvent,
    NomenclatureImportStrategies, NomenclatureImportTask, NomenclatureImportTaskList, PresentationModes,
};
use crate::clock::Timestamp;
use crate::http::document::Example;
use crate::http::wire::Instant;
use crate::http::{Caller, Contract, Failure, Refused, RequestContext};
use crate::i18n::Language;
use crate::nomenclature::model::{Attributes, NewImport};
use crate::nomenclature::paging::DEFAULT_ITEMS;
use crate::nomenclature::service::imports::Shown;
use crate::nomenclature::service::lists::ImportList;
use crate::nomenclature::{NomenclatureError, NomenclatureService};

/// The largest workbook, in bytes.
const LARGEST_UPLOAD: usize = 100 * 1024 * 1024;

/// What a form has around the file.
const AROUND: usize = 16 * 1024;

/// How often a silent stream says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The operations of the contract.
const OPERATIONS: &[&str] = &[
    "list_nomenclature_imports",
    "create_nomenclature_import",
    "read_nomenclature_import",
    "confirm_nomenclature_import",
    "cancel_nomenclature_import",
    "delete_nomenclature_import",
    "download_nomenclature_report",
    "watch_nomenclature_import",
    "download_nomenclature_template",
    "list_goods",
    "read_good",
    "change_good",
    "export_goods",
];

/// The contract, for the shared HTTP layer.
pub const CONTRACT: Contract = Contract {
    name: "nomenclature",
    prefixes: &["/v5/orgs"],
    body_limit: 1024 * 1024,
    large_bodies: &[("create_nomenclature_import", LARGEST_UPLOAD + AROUND)],
    unhurried: &["create_nomenclature_import", "export_goods", "download_nomenclature_report"],
    seldom: &[(422, OPERATIONS), (429, &["change_good"]), (409, &["preview_import_undo", "undo_import"])],
    status,
    methods: &[":new.xlsx"],
    ..Contract::plain(render)
};

/// Request bodies that `/docs` offers as they stand.
pub const EXAMPLES: &[Example] = &[
    ("create_nomenclature_import", wire::upload_example),
    ("change_good", goods::change_example),
    ("undo_import", house::undo_example),
];

/// What the answers look like.
pub const ANSWERS: &[Example] = &[
    ("list_nomenclature_imports", wire::tasks_answer),
    ("create_nomenclature_import", wire::task_answer),
    ("read_nomenclature_import", wire::task_answer),
    ("read_good", goods::good_answer),
];

#[derive(Tags)]
enum NomenclatureTags {
    /// Spreadsheets on their way into the catalogue.
    #[oai(rename = "nomenclature: imports")]
    Imports,
    /// The catalogue.
    #[oai(rename = "nomenclature: goods")]
    Goods,
}

type Answer<T> = Result<T, Refused<NomenclatureErrors>>;

/// The nomenclature contract's imports.
pub struct NomenclatureApi(pub NomenclatureService);

#[OpenApi(tag = "NomenclatureTags::Imports")]
impl NomenclatureApi {
    /// List the caller's imports
    ///
    /// Those the caller asked for, as they stood when the first page was read: rows neither repeat nor vanish while tasks
    /// are added or change.
    #[oai(
        path = "/v5/orgs/:org_guid/async/imports/nomenclature",
        method = "get",
        operation_id = "list_nomenclature_imports"
    )]
    #[expect(clippy::too_many_arguments, reason = "the contract's parameters")]
    async fn list(
        &self,
        caller: Caller,
        context: Data<&Arc<RequestContext>>,
        /// The organisation.
        org_guid: Path<Uuid>,
        /// The `next_page_token` of the page before, with the same parameters.
        page_token: Query<Option<String>>,
        /// How much of each task is shown.
        #[oai(default)]
        presentation: Query<PresentationModes>,
        /// Made at this instant or later.
        created_from: Query<Option<Instant>>,
        /// Made before this instant.
        created_to: Query<Option<Instant>>,
        /// Changed at this instant or later.
        updated_from: Query<Option<Instant>>,
        /// Changed before this instant.
        updated_to: Query<Option<Instant>>,
        /// In which order.
        #[oai(default)]
        order_by: Query<AsyncTaskOrdering>,
        /// Only in one of these states; may be given several times.
        #[oai(default)]
        task_status: Query<Vec<AsyncTaskStatuses>>,
        /// How many items a page has.
        #[oai(default = "default_items", validator(minimum(value = "1"), maximum(value = "200")))]
        items_per_page: Query<u32>,
        /// The language of the messages: Russian, Ukrainian or English.
        #[oai(name = "Accept-Language", validator(pattern = r"^[A-Za-z*][A-Za-z0-9*;=., -]{0,255}$"))]
        _accept_language: Header<String>,
        /// The client.
        #[oai(name = "X-LP-Client-Identifier", validator(min_length = 1, max_length = 256))]
        _client_identifier: Header<String>,
        /// What kind of client it is.
        #[oai(name = "X-LP-Client-Type")]
        _client_type: Header<ClientType>,
        /// The client's name.
        #[oai(name = "X-LP-Client-Name")]
        _client_name: Header<Option<String>>,
        /// The client's operating system.
        #[oai(name = "X-LP-Client-OS-Name")]
        _client_os_name: Header<Option<String>>,
        /// Its version.
        #[oai(name = "X-LP-Client-OS-Version")]
        _client_os_version: Header<Option<String>>,
        /// The client's screen.
        #[oai(name = "X-LP-Client-Screen-Resolution")]
        _client_screen_resolution: Header<Option<String>>,
        /// The client's equipment.
        #[oai(name = "X-LP-Client-Model")]
        _client_model: Header<Option<String>>,
        /// The client's default organisation.
        #[oai(name = "X-LP-Organization-Alias")]
        _organization_alias: Header<Option<String>>,
        /// The extensions of models that the client knows, parted by commas.
        #[oai(name = "X-LP-Client-Extensions")]
        _client_extensions: Header<Option<String>>,
    ) -> Answer<Json<NomenclatureImportTaskList>> {
        let (language, mode) = (context.language(), presentation.0);
        let told = |error| failure(language, error);
        self.0.organization(&caller, org_guid.0).map_err(told)?;
        let micros = |at: &Option<Instant>| at.as_ref().and_then(Instant::to_timestamp).map(Timestamp::as_micros);
        let list = ImportList {
            token: page_token.0,
            full: mode == PresentationModes::Full,
            created: (micros(&created_from), micros(&created_to)),
            updated: (micros(&updated_from), micros(&updated_to)),
            order: order_by.0.into(),
            statuses: task_status.0.into_iter().map(Into::into).collect(),
            items: items_per_page.0,
        };
        let page = self.0.imports(caller.principal(), list).await.map_err(told)?;
        Ok(Json(NomenclatureImportTaskList::of(&page, items_per_page.0, org_guid.0, language, mode)))
    }

    /// Import a workbook
    ///
    /// An `.xlsx` file (`.xlsb`, `.csv`, `.xls` and `.ods` are read too), as the field `file` of a form or as the body. It is
    /// read and matched in the background; then the task waits for a confirmation of what its `resolutions` say.
    #[oai(
        path = "/v5/orgs/:org_guid/async/imports/nomenclature%3Anew.xlsx",
        method = "post",
        operation_id = "create_nomenclature_import"
    )]
    #[expect(clippy::too_many_arguments, reason = "the contract's parameters")]
    async fn create(
        &self,
        caller: Caller,
        context: Data<&Arc<RequestContext>>,
        /// The organisation.
        org_guid: Path<Uuid>,
        /// What happens to goods that the file does not mention.
        #[oai(default)]
        import_strategy: Query<NomenclatureImportStrategies>,
        /// Whether rows find goods by name.
        #[oai(default)]
        use_good_name: Query<bool>,
        /// Whether rows find goods by EAN-13.
        #[oai(default = "default_true")]
        use_barcodes_ean13: Query<bool>,
        /// Whether rows find goods by local barcodes.
        #[oai(default)]
        use_barcodes_local: Query<bool>,
        /// Whether a file without any warning or error is applied without asking.
        #[oai(default)]
        confirm: Query<Confirmation>,
        /// What you say of it.
        #[oai(validator(max_length = 128))]
        meta: Query<Option<String>>,
        /// The language of the messages: Russian, Ukrainian or English.
        #[oai(name = "Accept-Language", validator(pattern = r"^[A-Za-z*][A-Za-z0-9*;=., -]{0,255}$"))]
        _accept_language: Header<String>,
        /// The client.
        #[oai(name = "X-LP-Client-Identifier", validator(min_length = 1, max_length = 256))]
        _client_identifier: Header<String>,
        /// What kind of client it is.
        #[oai(name = "X-LP-Client-Type")]
        _client_type: Header<ClientType>,
        /// The client's name.
        #[oai(name = "X-LP-Client-Name")]
        _client_name: Header<Option<String>>,
        /// The client's operating system.
        #[oai(name = "X-LP-Client-OS-Name")]
        _client_os_name: Header<Option<String>>,
        /// Its version.
        #[oai(name = "X-LP-Client-OS-Version")]
        _client_os_version: Header<Option<String>>,
        /// The client's screen.
        #[oai(name = "X-LP-Client-Screen-Resolution")]
        _client_screen_resolution: Header<Option<String>>,
        /// The client's equipment.
        #[oai(name = "X-LP-Client-Model")]
        _client_model: Header<Option<String>>,
        /// The client's default organisation.
        #[oai(name = "X-LP-Organization-Alias")]
        _organization_alias: Header<Option<String>>,
        /// The extensions of models that the client knows, parted by commas.
        #[oai(name = "X-LP-Client-Extensions")]
        _client_extensions: Header<Option<String>>,
        body: Upload,
    ) -> Answer<Json<NomenclatureImportTask>> {
        let language = context.language();
        let told = |error| failure(language, error);
        self.0.organization(&caller, org_guid.0).map_err(told)?;
        let new = NewImport {
            strategy: import_strategy.0.into(),
            attributes: Attributes { name: use_good_name.0, ean13: use_barcodes_ean13.0, local: use_barcodes_local.0 },
            auto_confirm: confirm.0 == Confirmation::Auto,
            meta: meta.0,
        };
        let (name, pieces) = body.open(language).await?;
        let created = self.0.create(caller.principal(), new, name, pieces).await.map_err(told)?;
        Ok(task(&created, org_guid.0, language))
    }

    /// Read an import
    #[oai(
        path = "/v5/orgs/:org_guid/async/imports/nomenclature/:guid",
        method = "get",
        operation_id = "read_nomenclature_import"
    )]
    async fn read(
        &self,
        caller: Caller,
        context: Data<&Arc<RequestContext>>,
        /// The organisation.
        org_guid: Path<Uuid>,
        /// The task.
        guid: Path<Uuid>,
    ) -> Answer<Json<NomenclatureImportTask>> {
        let language = context.language();
        let found = self.0.organization(&caller, org_guid.0).and_then(|()| self.0.import(&caller, guid.0));
        Ok(task(&found.map_err(|error| failure(language, error))?, org_guid.0, language))
    }

    /// Confirm an import
    ///
    /// Applies exactly what its resolutions say. Should goods have changed since, the rows are matched again, and a
    /// different plan waits for feedback once more.
    #[oai(
        path = "/v5/orgs/:org_guid/async/imports/nomenclature/:guid/confirm",
        method = "post",
        operation_id = "confirm_nomenclature_import"
    )]
    async fn confirm(
        &self,
        caller: Caller,
        context: Data<&Arc<RequestContext>>,
        /// The organisation.
        org_guid: Path<Uuid>,
        /// The task.
        guid: Path<Uuid>,
        /// Needed to archive more than a fifth of the catalogue, and for a file without a valid row.
        #[oai(default)]
        allow_archive: Query<bool>,
    ) -> Answer<Json<NomenclatureImportTask>> {
        let language = context.language();
        self.0.organization(&caller, org_guid.0).map_err(|error| failure(language, error))?;
        let confirmed = self.0.confirm(caller.principal(), guid.0, allow_archive.0).await;
        Ok(task(&confirmed.map_err(|error| failure(language, error))?, org_guid.0, language))
    }

    /// Cancel an import
    ///
    /// At any moment before it is applied: nothing is changed.
    #[oai(
        path = "/v5/orgs/:org_guid/async/imports/nomenclature/:guid/cancel",
        method = "post",
        operation_id = "cancel_nomenclature_import"
    )]
    async fn cancel(
        &self,
        caller: Caller,
        context: Data<&Arc<RequestContext>>,
        /// The organisation.
        org_guid: Path<Uuid>,
        /// The task.
        guid: Path<Uuid>,
    ) -> Answer<Json<NomenclatureImportTask>> {
        let language = context.language();
        self.0.organization(&caller, org_guid.0).map_err(|error| failure(language, error))?;
        let canceled = self.0.cancel(caller.principal(), guid.0).await;
        Ok(task(&canceled.map_err(|error| failure(language, error))?, org_guid.0, language))
    }

    /// Remove an import
    ///
    /// One that has ended: it is listed no longer. What it changed stays.
    #[oai(
        path = "/v5/orgs/:org_guid/async/imports/nomenclature/:guid",
        method = "delete",
        operation_id = "delete_nomenclature_import"
    )]
    async fn delete(
        &self,
        caller: Caller,
        context: Data<&Arc<RequestContext>>,
        /// The organisation.
        org_guid: Path<Uuid>,
        /// The task.
        guid: Path<Uuid>,
    ) -> Answer<Json<NomenclatureImportTask>> {
        let language = context.language();
        self.0.organization(&caller, org_guid.0).map_err(|error| failure(language, error))?;
        let deleted = self.0.delete(caller.principal(), guid.0).await;
        Ok(task(&deleted.map_err(|error| failure(language, error))?, org_guid.0, language))
    }

    /// Download the report of an import
    ///
    /// The uploaded rows, each with its outcome and everything that was found about it.
    #[oai(
        path = "/v5/orgs/:org_guid/async/imports/nomenclature/:guid/report.xlsx",
        method = "get",
        operation_id = "download_nomenclature_report"
    )]
    async fn report(
        &self,
        caller: Caller,
        context: Data<&Arc<RequestContext>>,
        /// The organisation.
        org_guid: Path<Uuid>,
        /// The task.
        guid: Path<Uuid>,
    ) -> Answer<Workbook> {
        let language = context.language();
        self.0.organization(&caller, org_guid.0).map_err(|error| failure(language, error))?;
        let file = self.0.report(caller.principal(), guid.0, language).await;
        let file = file.map_err(|error| failure(language, error))?;
        Ok(Workbook::new("report.xlsx", language, file).map_err(Failure::internal)?)
    }

    /// Watch an import
    ///
    /// Server-sent events: how it stands now, and each change of its status and progress until it has ended.
    #[oai(
        path = "/v5/orgs/:org_guid/async/imports/nomenclature/:guid/events",
        method = "get",
        operation_id = "watch_nomenclature_import"
    )]
    async fn watch(
        &self,
        caller: Caller,
        context: Data<&Arc<RequestContext>>,
        /// The organisation.
        org_guid: Path<Uuid>,
        /// The task.
        guid: Path<Uuid>,
    ) -> Answer<EventStream<BoxStream<'static, NomenclatureImportEvent>>> {
        let told = |error: NomenclatureError| failure(context.language(), error);
        self.0.organization(&caller, org_guid.0).map_err(told)?;
        let changes = self.0.watch(caller.principal(), guid.0).map_err(told)?;
        Ok(EventStream::new(changes.map(NomenclatureImportEvent::from).boxed()).keep_alive(KEEP_ALIVE))
    }

    /// Download a template
    ///
    /// A workbook with the columns that imports know, to be filled in.
    #[oai(
        path = "/v5/orgs/:org_guid/async/imports/nomenclature-template.xlsx",
        method = "get",
        operation_id = "download_nomenclature_template"
    )]
    async fn template(
        &self,
        caller: Caller,
        context: Data<&Arc<RequestContext>>,
        /// The organisation.
        org_guid: Path<Uuid>,
    ) -> Answer<Workbook> {
        let language = context.language();
        self.0.organization(&caller, org_guid.0).map_err(|error| failure(language, error))?;
        let file = self.0.template(language).await.map_err(|error| failure(language, error))?;
        Ok(Workbook::new("nomenclature-template.xlsx", language, file).map_err(Failure::internal)?)
    }
}

fn task(shown: &Shown, organization: Uuid, language: Language) -> Json<NomenclatureImportTask> {
    Json(NomenclatureImportTask::of(shown, organization, language, PresentationModes::Full))
}

fn default_items() -> u32 {
    DEFAULT_ITEMS
}

fn default_true() -> bool {
    true
}
