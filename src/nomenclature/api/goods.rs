//! Goods on the wire: the list, one good, a change of it, the catalogue as a workbook.
//!
//! Must not know: SQL, other domains.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Enum, Object, OpenApi};
use serde_json::{Value, json};
use uuid::Uuid;

use super::files::Workbook;
use super::wire::figures;
use super::{Answer, NomenclatureTags, failure};
use crate::http::json::Checked;
use crate::http::wire::Instant;
use crate::http::{Caller, Failure, RequestContext};
use crate::i18n::Language;
use crate::nomenclature::NomenclatureService;
use crate::nomenclature::barcodes::{self, Ean13, LONGEST_LOCAL, MOST_CODES};
use crate::nomenclature::matching::joined_ean13;
use crate::nomenclature::model::{Good, LONGEST_ARTICLE, LONGEST_GROUP, LONGEST_NAME, LONGEST_UNIT, Subject, Vat};
use crate::nomenclature::money::Price;
use crate::nomenclature::paging::{DEFAULT_ITEMS, Token};
use crate::nomenclature::rows::group_path;
use crate::nomenclature::service::goods::Change;
use crate::nomenclature::service::lists::{GoodList, Page};
use crate::nomenclature::text::{Fault, clean};

/// A rate of VAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "NomenclatureVatRate")]
pub enum VatWord {
    /// Without VAT.
    #[oai(rename = "none")]
    Without,
    /// 0 %.
    #[oai(rename = "0")]
    Rate0,
    /// 5 %.
    #[oai(rename = "5")]
    Rate5,
    /// 7 %.
    #[oai(rename = "7")]
    Rate7,
    /// 10 %.
    #[oai(rename = "10")]
    Rate10,
    /// 20 %.
    #[oai(rename = "20")]
    Rate20,
    /// 22 %.
    #[oai(rename = "22")]
    Rate22,
}

impl VatWord {
    const RATES: [(Self, u8); 6] = [
        (Self::Rate0, 0),
        (Self::Rate5, 5),
        (Self::Rate7, 7),
        (Self::Rate10, 10),
        (Self::Rate20, 20),
        (Self::Rate22, 22),
    ];

    fn of(vat: Vat) -> Self {
        match vat {
            Vat::Without => Self::Without,
            Vat::Rate(percent) => {
                Self::RATES.into_iter().find(|(_, rate)| *rate == percent).map_or(Self::Without, |(word, _)| word)
            }
        }
    }

    fn parse(self) -> Vat {
        Self::RATES.into_iter().find(|(word, _)| *word == self).map_or(Vat::Without, |(_, rate)| Vat::Rate(rate))
    }
}

/// What is settled when a good is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "NomenclatureSettlementSubject")]
pub enum SubjectWord {
    /// A thing.
    Product,
    /// A service.
    Service,
}

impl From<Subject> for SubjectWord {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Product => Self::Product,
            Subject::Service => Self::Service,
        }
    }
}

/// A good of the catalogue.
#[derive(Debug, Object)]
#[oai(rename = "NomenclatureGood")]
pub struct GoodView {
    /// Its id.
    pub guid: Uuid,
    /// Its name.
    #[oai(validator(min_length = 1, max_length = 128))]
    pub name: String,
    /// The maker's or the company's own code.
    #[oai(nullable, validator(max_length = 64))]
    pub article: Option<String>,
    /// Where it belongs: `Drinks/Juices`.
    #[oai(nullable, validator(max_length = 256))]
    pub group: Option<String>,
    /// What it is counted in.
    #[oai(nullable, validator(max_length = 32))]
    pub unit: Option<String>,
    /// What one of it costs, in minor units: 123450 is 1 234.50.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "99999999999999")))]
    pub price: Option<i64>,
    /// Its rate of VAT in per cent, or `none`.
    #[oai(nullable)]
    pub vat_rate: Option<VatWord>,
    /// Its EAN-13.
    #[oai(validator(max_items = 50))]
    pub barcodes_ean13: Vec<String>,
    /// Its local barcodes.
    #[oai(validator(max_items = 50))]
    pub barcodes_local: Vec<String>,
    /// What is settled.
    pub settlement_subject: SubjectWord,
    /// Whether it is out of use.
    pub is_archived: bool,
    /// When it was made.
    pub created_at: Instant,
    /// When it became what it is.
    pub updated_at: Instant,
    /// What it is: `Nomenclature`.
    #[oai(nullable)]
    pub type_of: Option<String>,
}

impl From<Good> for GoodView {
    fn from(good: Good) -> Self {
        let codes = |joined: &str| barcodes::stored(joined).map(str::to_owned).collect();
        let values = good.values;
        Self {
            guid: good.guid,
            barcodes_ean13: codes(&values.ean13),
            barcodes_local: codes(&values.local),
            name: values.name,
            article: values.article,
            group: values.group,
            unit: values.unit,
            price: values.price.map(Price::minor),
            vat_rate: values.vat.map(VatWord::of),
            settlement_subject: values.subject.into(),
            is_archived: values.archived,
            created_at: Instant::exact(good.created_at),
            updated_at: Instant::exact(good.changed_at),
            type_of: Some("Nomenclature".to_owned()),
        }
    }
}

/// A page of goods.
#[derive(Debug, Object)]
#[oai(rename = "NomenclatureGoodList")]
pub struct GoodListView {
    /// The goods, by name.
    #[oai(nullable)]
    pub items: Option<Vec<GoodView>>,
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
    /// What it is: `NomenclatureGoodList`.
    #[oai(nullable)]
    pub type_of: Option<String>,
}

impl GoodListView {
    fn of(page: Page<Good>, items: u32) -> Self {
        let [page_number, pages_total, items_per_page, items_total] = figures(&page, items);
        Self {
            next_page_token: page.next.as_ref().map(Token::encode),
            items: Some(page.items.into_iter().map(GoodView::from).collect()),
            page_number,
            pages_total,
            items_per_page,
            items_total,
            type_of: Some("NomenclatureGoodList".to_owned()),
        }
    }
}

/// A change of a good: what is absent stays, null clears.
#[derive(Debug, Object)]
#[oai(rename = "NomenclatureGoodChange")]
pub struct GoodChange {
    /// Its name.
    #[oai(validator(min_length = 1, max_length = 128))]
    pub name: Option<String>,
    /// The maker's or the company's own code.
    #[oai(nullable, validator(max_length = 64))]
    pub article: MaybeUndefined<String>,
    /// Where it belongs: `Drinks/Juices`.
    #[oai(nullable, validator(max_length = 256))]
    pub group: MaybeUndefined<String>,
    /// What it is counted in.
    #[oai(nullable, validator(max_length = 32))]
    pub unit: MaybeUndefined<String>,
    /// What one of it costs, in minor units.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "99999999999999")))]
    pub price: MaybeUndefined<i64>,
    /// Its rate of VAT.
    #[oai(nullable)]
    pub vat_rate: MaybeUndefined<VatWord>,
    /// Its EAN-13, all of them.
    #[oai(validator(max_items = 50))]
    pub barcodes_ean13: Option<Vec<String>>,
    /// Its local barcodes, all of them.
    #[oai(validator(max_items = 50))]
    pub barcodes_local: Option<Vec<String>>,
    /// What is settled.
    pub settlement_subject: Option<SubjectWord>,
    /// Whether it is out of use.
    pub is_archived: Option<bool>,
}

/// A text that is kept, or why it is not.
fn text(field: &str, text: &str, longest: usize) -> Result<Option<String>, Failure> {
    match clean(text, longest) {
        Ok((_, true)) | Err(Fault::Control) => {
            Err(Failure::invalid_field(field, "must not have control characters or line breaks"))
        }
        Ok((clean, false)) => Ok(Some(clean.into_owned()).filter(|text| !text.is_empty())),
        Err(Fault::TooLong(_)) => Err(Failure::invalid_field(field, format!("must have at most {longest} characters"))),
    }
}

/// A field that null clears.
fn cleared<T, U>(
    value: MaybeUndefined<T>,
    parse: impl FnOnce(T) -> Result<Option<U>, Failure>,
) -> Result<Option<Option<U>>, Failure> {
    match value {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Ok(Some(None)),
        MaybeUndefined::Value(value) => parse(value).map(Some),
    }
}

fn group(text_: &str) -> Result<Option<String>, Failure> {
    if text_.trim().is_empty() {
        return Ok(None);
    }
    let path = group_path(text_).ok_or_else(|| Failure::invalid_field("group", "must not have an empty part"))?;
    text("group", &path, LONGEST_GROUP)
}

fn ean13(codes: &[String]) -> Result<String, Failure> {
    let mut read: Vec<Ean13> = Vec::with_capacity(codes.len().min(MOST_CODES));
    for (at, code) in codes.iter().enumerate() {
        let code = Ean13::parse(code).map_err(|_| {
            let rule = "must be an EAN-13: 13 digits, the last of which checks the others";
            Failure::invalid_field(format!("barcodes_ean13[{at}]"), rule)
        })?;
        if !read.contains(&code) {
            read.push(code);
        }
    }
    Ok(joined_ean13(&read))
}

fn local(codes: &[String]) -> Result<String, Failure> {
    let mut read: Vec<&str> = Vec::with_capacity(codes.len().min(MOST_CODES));
    for (at, code) in codes.iter().enumerate() {
        let code = code.trim();
        let valid = !code.is_empty()
            && code.chars().count() <= LONGEST_LOCAL
            && !code.chars().any(|character| character.is_control() || matches!(character, ',' | ';'));
        if !valid {
            let rule = format!("must have 1 to {LONGEST_LOCAL} characters and neither commas nor semicolons");
            return Err(Failure::invalid_field(format!("barcodes_local[{at}]"), rule));
        }
        if !read.contains(&code) {
            read.push(code);
        }
    }
    Ok(read.join(","))
}

impl GoodChange {
    /// Checks it.
    pub fn parse(self) -> Result<Change, Failure> {
        let name = match self.name {
            None => None,
            Some(name) => {
                let name = text("name", &name, LONGEST_NAME)?;
                Some(name.ok_or_else(|| Failure::invalid_field("name", "must have at least 1 character"))?)
            }
        };
        let price =
            |minor| Price::of_minor(minor).map(Some).map_err(|_| Failure::invalid_field("price", "is no price"));
        Ok(Change {
            name,
            article: cleared(self.article, |article| text("article", &article, LONGEST_ARTICLE))?,
            group: cleared(self.group, |path| group(&path))?,
            unit: cleared(self.unit, |unit| text("unit", &unit, LONGEST_UNIT))?,
            price: cleared(self.price, price)?,
            vat: cleared(self.vat_rate, |vat| Ok(Some(vat.parse())))?,
            ean13: self.barcodes_ean13.as_deref().map(ean13).transpose()?,
            local: self.barcodes_local.as_deref().map(local).transpose()?,
            subject: self.settlement_subject.map(|subject| match subject {
                SubjectWord::Product => Subject::Product,
                SubjectWord::Service => Subject::Service,
            }),
            archived: self.is_archived,
        })
    }
}

/// A change of a good.
pub fn change_example() -> Value {
    json!({"price": 123_450, "vat_rate": "20", "barcodes_ean13": ["4820024700016"]})
}

/// A good.
pub fn good_answer() -> Value {
    json!({
        "guid": "01956b2e-8f6b-7c1a-9a7e-3f8b1c2d4e5f",
        "name": "Сок яблочный 1 л",
        "article": "SK-001",
        "group": "Напитки/Соки",
        "unit": "шт",
        "price": 123_450,
        "vat_rate": "20",
        "barcodes_ean13": ["4820024700016"],
        "barcodes_local": [],
        "settlement_subject": "Product",
        "is_archived": false,
        "created_at": "2026-03-02T10:00:00Z",
        "updated_at": "2026-03-02T10:00:00Z",
        "type_of": "Nomenclature"
    })
}

/// `/v5/orgs/{org_guid}/nomenclature`.
pub struct GoodsApi(pub NomenclatureService);

#[OpenApi(tag = "NomenclatureTags::Goods")]
impl GoodsApi {
    /// List goods
    ///
    /// By name, as the catalogue was when the first page was read.
    #[oai(path = "/v5/orgs/:org_guid/nomenclature", method = "get", operation_id = "list_goods")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn list(
        &self,
        caller: Caller,
        context: Data<&Arc<RequestContext>>,
        /// The organisation.
        org_guid: Path<Uuid>,
        /// The `next_page_token` of the page before, with the same parameters.
        page_token: Query<Option<String>>,
        /// Text that is in the name or the article, in any case; or a whole barcode.
        #[oai(validator(max_length = 128))]
        search: Query<Option<String>>,
        /// A group, with its subgroups: `Drinks` or `Drinks/Juices`.
        #[oai(validator(max_length = 256))]
        group: Query<Option<String>>,
        /// Only those out of use, or only those in use.
        is_archived: Query<Option<bool>>,
        /// How many items a page has.
        #[oai(default = "default_items", validator(minimum(value = "1"), maximum(value = "200")))]
        items_per_page: Query<u32>,
    ) -> Answer<Json<GoodListView>> {
        let language = context.language();
        self.0.organization(&caller, org_guid.0).map_err(|error| failure(language, error))?;
        let list = GoodList {
            token: page_token.0,
            search: search.0.filter(|text| !text.trim().is_empty()),
            group: group.0.filter(|text| !text.trim().is_empty()),
            archived: is_archived.0,
            items: items_per_page.0,
        };
        let page = self.0.goods(caller.principal(), list).await.map_err(|error| failure(language, error))?;
        Ok(Json(GoodListView::of(page, items_per_page.0)))
    }

    /// Read a good
    #[oai(path = "/v5/orgs/:org_guid/nomenclature/:guid", method = "get", operation_id = "read_good")]
    async fn read(
        &self,
        caller: Caller,
        context: Data<&Arc<RequestContext>>,
        /// The organisation.
        org_guid: Path<Uuid>,
        /// The good.
        guid: Path<Uuid>,
    ) -> Answer<Json<GoodView>> {
        let found = self.0.organization(&caller, org_guid.0).and_then(|()| self.0.good(&caller, guid.0));
        Ok(Json(found.map_err(|error| failure(context.language(), error))?.into()))
    }

    /// Change a good
    ///
    /// What is absent stays. A barcode that another good in use has is refused (`NotUnique`). While an import is being
    /// applied, which takes a moment, it is to be tried again (429).
    #[oai(path = "/v5/orgs/:org_guid/nomenclature/:guid", method = "patch", operation_id = "change_good")]
    async fn change(
        &self,
        caller: Caller,
        context: Data<&Arc<RequestContext>>,
        /// The organisation.
        org_guid: Path<Uuid>,
        /// The good.
        guid: Path<Uuid>,
        body: Checked<GoodChange>,
    ) -> Answer<Json<GoodView>> {
        let language = context.language();
        self.0.organization(&caller, org_guid.0).map_err(|error| failure(language, error))?;
        let change = body.0.parse()?;
        let changed = self.0.change_good(caller.principal(), guid.0, change).await;
        Ok(Json(changed.map_err(|error| failure(language, error))?.into()))
    }

    /// Download the catalogue
    ///
    /// Every good, archived ones too, with its id: imported as it is, whatever rows are matched by, the workbook changes
    /// nothing.
    #[oai(path = "/v5/orgs/:org_guid/nomenclature.xlsx", method = "get", operation_id = "export_goods")]
    async fn export(
        &self,
        caller: Caller,
        context: Data<&Arc<RequestContext>>,
        /// The organisation.
        org_guid: Path<Uuid>,
        /// The language of the columns' names.
        #[oai(name = "Accept-Language", validator(max_length = 256))]
        accept_language: Header<Option<String>>,
    ) -> Answer<Workbook> {
        let language = Language::negotiate(accept_language.0.as_deref());
        let told = |error| failure(context.language(), error);
        self.0.organization(&caller, org_guid.0).map_err(told)?;
        let file = self.0.export(caller.principal(), language).await.map_err(told)?;
        Ok(Workbook::new("nomenclature.xlsx", language, file).map_err(Failure::internal)?)
    }
}

fn default_items() -> u32 {
    DEFAULT_ITEMS
}
