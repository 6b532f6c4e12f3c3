//! `/comptoir/v1/connectors/systems` and `merchants`.
//!
//! Must not know: SQL, other domains.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;

use super::wire::{ExternalSystem, ExternalSystemPage, Merchant, MerchantPage, NewRegistered, RegisteredChange};
use super::{Answer, HouseTags};
use crate::connectors::ConnectorsService;
use crate::connectors::model::{Entry, Register};
use crate::http::json::Strict;
use crate::http::paging::{self, PageToken};
use crate::http::{Caller, Failure};

/// `/comptoir/v1/connectors/systems` and `/comptoir/v1/connectors/merchants`.
pub struct RegistryApi(pub ConnectorsService);

#[OpenApi(tag = "HouseTags::Connectors")]
impl RegistryApi {
    /// List the external systems
    ///
    /// Disabled ones too, by code.
    #[oai(path = "/comptoir/v1/connectors/systems", method = "get", operation_id = "list_external_systems")]
    async fn systems(
        &self,
        caller: Caller,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<ExternalSystemPage>> {
        let (items, next_page_token) = self.page(&caller, Register::Systems, limit.0, page_token.0.as_deref())?;
        Ok(Json(ExternalSystemPage { items: items.into_iter().map(ExternalSystem::from).collect(), next_page_token }))
    }

    /// Register an external system
    #[oai(path = "/comptoir/v1/connectors/systems", method = "post", operation_id = "create_external_system")]
    async fn create_system(&self, caller: Caller, body: Strict<NewRegistered>) -> Answer<Json<ExternalSystem>> {
        Ok(Json(self.create(&caller, Register::Systems, body.0).await?.into()))
    }

    /// Read an external system
    #[oai(path = "/comptoir/v1/connectors/systems/:id", method = "get", operation_id = "read_external_system")]
    async fn system(
        &self,
        caller: Caller,
        /// The system's code.
        id: Path<String>,
    ) -> Answer<Json<ExternalSystem>> {
        Ok(Json(self.0.entry(caller.company_id, Register::Systems, &id.0)?.into()))
    }

    /// Change an external system
    ///
    /// Renames, disables or enables it. A disabled one is unknown to the contract; nothing of it is lost.
    #[oai(path = "/comptoir/v1/connectors/systems/:id", method = "patch", operation_id = "change_external_system")]
    async fn change_system(
        &self,
        caller: Caller,
        /// The system's code.
        id: Path<String>,
        body: Strict<RegisteredChange>,
    ) -> Answer<Json<ExternalSystem>> {
        let to = body.0.parse()?;
        Ok(Json(self.0.change_entry(caller.principal(), Register::Systems, id.0, to).await?.into()))
    }

    /// List the merchants
    ///
    /// Disabled ones too, by code.
    #[oai(path = "/comptoir/v1/connectors/merchants", method = "get", operation_id = "list_merchants")]
    async fn merchants(
        &self,
        caller: Caller,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<MerchantPage>> {
        let (items, next_page_token) = self.page(&caller, Register::Merchants, limit.0, page_token.0.as_deref())?;
        Ok(Json(MerchantPage { items: items.into_iter().map(Merchant::from).collect(), next_page_token }))
    }

    /// Register a merchant
    ///
    /// A 'personal cabinet' at a marketplace.
    #[oai(path = "/comptoir/v1/connectors/merchants", method = "post", operation_id = "create_merchant")]
    async fn create_merchant(&self, caller: Caller, body: Strict<NewRegistered>) -> Answer<Json<Merchant>> {
        Ok(Json(self.create(&caller, Register::Merchants, body.0).await?.into()))
    }

    /// Read a merchant
    #[oai(path = "/comptoir/v1/connectors/merchants/:id", method = "get", operation_id = "read_merchant")]
    async fn merchant(
        &self,
        caller: Caller,
        /// The merchant's code.
        id: Path<String>,
    ) -> Answer<Json<Merchant>> {
        Ok(Json(self.0.entry(caller.company_id, Register::Merchants, &id.0)?.into()))
    }

    /// Change a merchant
    ///
    /// Renames, disables or enables it. A disabled one is unknown to the contract; nothing of it is lost.
    #[oai(path = "/comptoir/v1/connectors/merchants/:id", method = "patch", operation_id = "change_merchant")]
    async fn change_merchant(
        &self,
        caller: Caller,
        /// The merchant's code.
        id: Path<String>,
        body: Strict<RegisteredChange>,
    ) -> Answer<Json<Merchant>> {
        let to = body.0.parse()?;
        Ok(Json(self.0.change_entry(caller.principal(), Register::Merchants, id.0, to).await?.into()))
    }
}

impl RegistryApi {
    fn page(
        &self,
        caller: &Caller,
        register: Register,
        limit: Option<u32>,
        page_token: Option<&str>,
    ) -> Result<(Vec<Entry>, Option<String>), Failure> {
        let limit = limit.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let token = PageToken::parse(register.noun(), page_token)?;
        let rows = self.0.entries(caller.company_id, register, token.after(), limit + 1)?;
        Ok(paging::page(rows, limit, |last| PageToken::new(register.noun(), last.code.clone())))
    }

    async fn create(&self, caller: &Caller, register: Register, body: NewRegistered) -> Result<Entry, Failure> {
        let (code, name) = body.parse()?;
        Ok(self.0.create_entry(caller.principal(), register, code, name).await?)
    }
}
