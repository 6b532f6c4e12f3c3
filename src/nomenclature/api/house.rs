//! What the house API has beside the contract: the organisation's imports, undoing one, the groups of the catalogue.
//!
//! Must not know: SQL, other domains. Undoing twice is refused by the import's state, so it takes no `Idempotency-Key`.

use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi, Tags};
use serde_json::{Value, json};
use uuid::Uuid;

use super::wire::{AsyncTaskStatuses, Parameters, parameters};
use crate::http::json::Strict;
use crate::http::paging::{self, PageToken};
use crate::http::problem::Problems;
use crate::http::wire::Instant;
use crate::http::{Caller, Failure, Refused};
use crate::nomenclature::NomenclatureService;
use crate::nomenclature::model::{Counts, Undo};
use crate::nomenclature::service::imports::Shown;
use crate::nomenclature::service::undoing::{Conflict, Undoing};

/// The name page tokens of this list carry.
const LIST: &str = "nomenclature-imports";

/// So many conflicts are named; the rest are counted.
const NAMED: usize = 1_000;

#[derive(Tags)]
enum HouseTags {
    /// Imports of the whole organisation, and undoing them.
    #[oai(rename = "house: nomenclature")]
    Nomenclature,
}

type Answer<T> = Result<T, Refused<Problems>>;

/// How much of what an import does, or did.
#[derive(Debug, Object)]
#[oai(rename = "NomenclatureImportCounts")]
pub struct CountsView {
    /// Rows that were looked at.
    pub rows: i64,
    /// Goods made.
    pub created: i64,
    /// Goods changed.
    pub updated: i64,
    /// Goods that are so already.
    pub unchanged: i64,
    /// Goods that go out of use.
    pub archived: i64,
    /// Rows refused.
    pub refused: i64,
    /// Things to look at.
    pub warnings: i64,
    /// Things that are wrong.
    pub errors: i64,
}

impl From<&Counts> for CountsView {
    fn from(counts: &Counts) -> Self {
        Self {
            rows: counts.rows,
            created: counts.created,
            updated: counts.updated,
            unchanged: counts.unchanged,
            archived: counts.archived,
            refused: counts.refused,
            warnings: counts.warnings,
            errors: counts.errors,
        }
    }
}

/// Whether an import was undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "NomenclatureUndoState", rename_all = "snake_case")]
pub enum UndoState {
    /// Nobody asked.
    No,
    /// It is being undone.
    Running,
    /// It is undone.
    Done,
    /// That failed; it may be tried again.
    Failed,
}

impl From<Undo> for UndoState {
    fn from(undo: Undo) -> Self {
        match undo {
            Undo::No => Self::No,
            Undo::Running => Self::Running,
            Undo::Done => Self::Done,
            Undo::Failed => Self::Failed,
        }
    }
}

/// An import of the organisation.
#[derive(Debug, Object)]
#[oai(rename = "OrganizationImport")]
pub struct ImportView {
    /// Its id.
    pub id: Uuid,
    /// Who asked for it.
    #[oai(validator(max_length = 256))]
    pub username: String,
    /// What was asked for.
    pub parameters: Parameters,
    /// Where it is in its life.
    pub status: AsyncTaskStatuses,
    /// How far it is, 0 to 100.
    #[oai(validator(minimum(value = "0"), maximum(value = "100")))]
    pub progress: i32,
    /// How much of what it does, or did; null until its file is read.
    #[oai(nullable)]
    pub counts: Option<CountsView>,
    /// When it was asked for.
    pub created_at: Instant,
    /// When its status changed last.
    pub updated_at: Instant,
    /// When its owner removed it.
    #[oai(nullable)]
    pub deleted_at: Option<Instant>,
    /// Whether it was undone.
    pub undo: UndoState,
    /// When it was.
    #[oai(nullable)]
    pub undone_at: Option<Instant>,
}

impl ImportView {
    fn of(shown: Shown, username: String) -> Self {
        let import = shown.import;
        Self {
            id: import.guid,
            username,
            parameters: parameters(&import),
            status: import.status.into(),
            progress: shown.progress.into(),
            counts: shown.plan.as_ref().map(|plan| CountsView::from(&plan.counts)),
            created_at: Instant::exact(import.created_at),
            updated_at: Instant::exact(import.updated_at),
            deleted_at: import.deleted_at.map(Instant::exact),
            undo: import.undo.into(),
            undone_at: import.undone_at.map(Instant::exact),
        }
    }
}

/// A page of imports.
#[derive(Debug, Object)]
#[oai(rename = "OrganizationImportPage")]
pub struct ImportPage {
    /// The imports, newest first.
    #[oai(validator(max_items = 200))]
    pub items: Vec<ImportView>,
    /// What to send as `page_token` for the next page; null on the last.
    #[oai(nullable)]
    pub next_page_token: Option<String>,
}

/// A good that undoing would leave as it is.
#[derive(Debug, Object)]
#[oai(rename = "UndoConflict")]
pub struct ConflictView {
    /// The good.
    pub good: Uuid,
    /// Its name.
    #[oai(validator(max_length = 128))]
    pub name: String,
    /// Why.
    pub reason: String,
}

/// What undoing an import would do.
#[derive(Debug, Object)]
#[oai(rename = "UndoPreview")]
pub struct Preview {
    /// So many goods would be what they were before, or be gone again.
    pub possible: i64,
    /// So many were changed again since and would stay as they are.
    pub conflicts_total: i64,
    /// The first thousand of them.
    #[oai(validator(max_items = 1000))]
    pub conflicts: Vec<ConflictView>,
}

impl From<Undoing> for Preview {
    fn from(undoing: Undoing) -> Self {
        let many = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        Self {
            possible: many(undoing.possible()),
            conflicts_total: many(undoing.conflicts.len()),
            conflicts: undoing
                .conflicts
                .into_iter()
                .take(NAMED)
                .map(|(good, name, why)| ConflictView {
                    good,
                    name,
                    reason: match why {
                        Conflict::Changed => "it was changed again since".to_owned(),
                        Conflict::BarcodeTaken(code) => format!("its barcode {code} is another good's by now"),
                    },
                })
                .collect(),
        }
    }
}

/// How to undo an import.
#[derive(Debug, Object)]
#[oai(rename = "UndoRequest", deny_unknown_fields)]
pub struct UndoRequest {
    /// Whether what was changed again since is passed over; otherwise it is in the way (409).
    #[oai(default)]
    pub skip_conflicts: bool,
}

/// A group of the catalogue.
#[derive(Debug, Object)]
#[oai(rename = "NomenclatureGroup")]
pub struct GroupView {
    /// Its path.
    #[oai(validator(max_length = 256))]
    pub path: String,
    /// How many goods in use it has, those of its subgroups left out.
    pub goods: i64,
}

/// The groups of the catalogue.
#[derive(Debug, Object)]
#[oai(rename = "NomenclatureGroups")]
pub struct GroupsView {
    /// By path.
    #[oai(validator(max_items = 10000))]
    pub items: Vec<GroupView>,
}

/// How to undo an import.
#[must_use]
pub fn undo_example() -> Value {
    json!({"skip_conflicts": true})
}

/// `/comptoir/v1/nomenclature`.
pub struct NomenclatureHouseApi(pub NomenclatureService);

#[OpenApi(tag = "HouseTags::Nomenclature")]
impl NomenclatureHouseApi {
    /// List the organisation's imports
    ///
    /// Whoever asked for them, removed ones too, newest first.
    #[oai(path = "/comptoir/v1/nomenclature/imports", method = "get", operation_id = "list_organization_imports")]
    async fn list(
        &self,
        caller: Caller,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<ImportPage>> {
        let limit = limit.0.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let token = PageToken::parse(LIST, page_token.0.as_deref())?;
        let before = match token.after() {
            "" => i64::MAX,
            key => key.parse().map_err(|_| Failure::invalid_field("page_token", "is not one of this list"))?,
        };
        let rows = self.0.organization_imports(&caller, before, limit + 1)?;
        let key = |(last, _): &(Shown, String)| PageToken::new(LIST, last.import.id.to_string());
        let (items, next) = paging::page(rows, limit, key);
        let items = items.into_iter().map(|(shown, username)| ImportView::of(shown, username)).collect();
        Ok(Json(ImportPage { items, next_page_token: next }))
    }

    /// Read an import of the organisation
    #[oai(path = "/comptoir/v1/nomenclature/imports/:id", method = "get", operation_id = "read_organization_import")]
    async fn read(
        &self,
        caller: Caller,
        /// The import.
        id: Path<Uuid>,
    ) -> Answer<Json<ImportView>> {
        let (shown, username) = self.0.organization_import(&caller, id.0)?;
        Ok(Json(ImportView::of(shown, username)))
    }

    /// See what undoing an import would do
    ///
    /// What it changed and nobody has changed since becomes what it was; what it made is gone again. The rest is named.
    #[oai(path = "/comptoir/v1/nomenclature/imports/:id/undo", method = "get", operation_id = "preview_import_undo")]
    async fn preview(
        &self,
        caller: Caller,
        /// The import.
        id: Path<Uuid>,
    ) -> Answer<Json<Preview>> {
        Ok(Json(self.0.undo_preview(caller.principal(), id.0).await?.into()))
    }

    /// Undo an import
    ///
    /// In the background, all at once. The last ten applied imports can be undone.
    #[oai(path = "/comptoir/v1/nomenclature/imports/:id/undo", method = "post", operation_id = "undo_import")]
    async fn undo(
        &self,
        caller: Caller,
        /// The import.
        id: Path<Uuid>,
        body: Strict<UndoRequest>,
    ) -> Answer<Json<ImportView>> {
        self.0.undo(caller.principal(), id.0, body.0.skip_conflicts).await?;
        let (shown, username) = self.0.organization_import(&caller, id.0)?;
        Ok(Json(ImportView::of(shown, username)))
    }

    /// List the groups of the catalogue
    #[oai(path = "/comptoir/v1/nomenclature/groups", method = "get", operation_id = "list_good_groups")]
    async fn groups(&self, caller: Caller) -> Answer<Json<GroupsView>> {
        let groups = self.0.groups(&caller).await?;
        Ok(Json(GroupsView { items: groups.into_iter().map(|(path, goods)| GroupView { path, goods }).collect() }))
    }
}
