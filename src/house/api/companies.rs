//! Companies on the wire.

use poem::http::HeaderMap;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;

use super::wire::{Company, CompanyChange, CompanyPage, NewCompany};
use super::{Answer, HouseTags};
use crate::auth::companies::CompanyChange as Change;
use crate::auth::model::{CompanyKey, CompanyName, Refused, folded};
use crate::house::HouseService;
use crate::http::Caller;
use crate::http::idempotency;
use crate::http::json::Strict;
use crate::http::paging::{self, PageToken};

/// The name page tokens of this list carry.
const LIST: &str = "companies";

/// `/comptoir/v1/companies`.
pub struct CompaniesApi(pub HouseService);

#[OpenApi(tag = "HouseTags::Companies")]
impl CompaniesApi {
    /// List the companies
    ///
    /// Every company of the installation, by key. For the operator.
    #[oai(path = "/comptoir/v1/companies", method = "get", operation_id = "list_companies")]
    async fn list_companies(
        &self,
        _caller: Caller,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<CompanyPage>> {
        let limit = limit.0.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let token = PageToken::parse(LIST, page_token.0.as_deref())?;
        let rows = self.0.list_companies(token.after(), limit + 1)?;
        let (items, next) = paging::page(rows, limit, |last| PageToken::new(LIST, folded(last.key.as_str())));
        Ok(Json(CompanyPage { items: items.into_iter().map(Company::from).collect(), next_page_token: next }))
    }

    /// Make a company
    ///
    /// For the operator. Its first user is made with `POST /comptoir/v1/users` and `company_key`.
    #[oai(path = "/comptoir/v1/companies", method = "post", operation_id = "create_company")]
    async fn create_company(
        &self,
        caller: Caller,
        /// Makes a repeated request harmless for a day.
        #[oai(name = "Idempotency-Key")]
        _idempotency_key: Header<Option<String>>,
        headers: &HeaderMap,
        body: Strict<NewCompany>,
    ) -> Answer<Json<Company>> {
        let key = idempotency(&caller, "create_company", headers, &body.0)?;
        let company = CompanyKey::parse(body.0.key).map_err(|rule| Refused { field: "key", rule })?;
        let name = CompanyName::parse(body.0.name).map_err(|rule| Refused { field: "name", rule })?;
        Ok(Json(self.0.create_company(caller.principal(), company, name, key).await?.into()))
    }

    /// Read a company
    ///
    /// An ADMIN reads its own, the operator any.
    #[oai(path = "/comptoir/v1/companies/:company_key", method = "get", operation_id = "read_company")]
    async fn read_company(
        &self,
        caller: Caller,
        /// The company's key.
        company_key: Path<String>,
    ) -> Answer<Json<Company>> {
        Ok(Json(self.0.read_company(&caller, &company_key)?.into()))
    }

    /// Change a company
    ///
    /// Renames, disables or enables it. While it is disabled, none of its users' credentials
    /// works, from this moment on. For the operator.
    #[oai(path = "/comptoir/v1/companies/:company_key", method = "patch", operation_id = "change_company")]
    async fn change_company(
        &self,
        caller: Caller,
        /// The company's key.
        company_key: Path<String>,
        body: Strict<CompanyChange>,
    ) -> Answer<Json<Company>> {
        let name = body.0.name.map(CompanyName::parse).transpose().map_err(|rule| Refused { field: "name", rule })?;
        let change = Change { name, enabled: body.0.enabled };
        Ok(Json(self.0.change_company(caller.principal(), company_key.0, change).await?.into()))
    }
}
