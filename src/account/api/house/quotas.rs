//! `/comptoir/v1/quotas`: what each user may use.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;

use super::wire::{LimitsWire, QuotaPage, QuotaWire};
use super::{Answer, HouseTags};
use crate::account::api::usage_failure;
use crate::account::api::words::{ProcessType, Service};
use crate::account::model::Kind;
use crate::account::service::UsageService;
use crate::http::json::Strict;
use crate::http::paging::{self, PageToken};
use crate::http::{Caller, Failure};

/// The list's name in its page tokens.
const LIST: &str = "quotas";

/// `/comptoir/v1/quotas`.
pub struct QuotasApi(pub UsageService);

#[OpenApi(tag = "HouseTags::Quotas")]
impl QuotasApi {
    /// List the quotas
    ///
    /// Of every user of the company. What is not listed is not limited.
    #[oai(path = "/comptoir/v1/quotas", method = "get", operation_id = "list_quotas")]
    async fn list(
        &self,
        caller: Caller,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<QuotaPage>> {
        let limit = limit.0.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let after = after(&PageToken::parse(LIST, page_token.0.as_deref())?)?;
        let listed = self.0.quotas(caller.company_id, after, limit + 1).map_err(usage_failure)?;
        let (items, next) = paging::page(listed, limit, |last| {
            let (service, process_type) = (last.kind.service.code(), last.kind.process_type.code());
            PageToken::new(LIST, format!("{} {service} {process_type}", last.user.0))
        });
        Ok(Json(QuotaPage { items: items.into_iter().map(QuotaWire::from).collect(), next_page_token: next }))
    }

    /// Set a quota
    ///
    /// Limits what a user may use of a service and process type, from the next start on. 0 is none at all.
    #[oai(path = "/comptoir/v1/quotas/:username/:service/:process_type", method = "put", operation_id = "set_quota")]
    async fn set(
        &self,
        caller: Caller,
        /// The user.
        username: Path<String>,
        /// The service.
        service: Path<Service>,
        /// The process type.
        process_type: Path<ProcessType>,
        body: Strict<LimitsWire>,
    ) -> Answer<Json<QuotaWire>> {
        let (kind, limits) = (kind(&service, &process_type), body.0.parse()?);
        let set = self.0.set_quota(caller.principal(), username.0, kind, limits).await;
        Ok(Json(set.map_err(usage_failure)?.into()))
    }

    /// Lift a quota
    ///
    /// What the user uses of the service and process type is not limited any more.
    #[oai(
        path = "/comptoir/v1/quotas/:username/:service/:process_type",
        method = "delete",
        operation_id = "delete_quota"
    )]
    async fn delete(
        &self,
        caller: Caller,
        /// The user.
        username: Path<String>,
        /// The service.
        service: Path<Service>,
        /// The process type.
        process_type: Path<ProcessType>,
    ) -> Answer<()> {
        let kind = kind(&service, &process_type);
        Ok(self.0.delete_quota(caller.principal(), username.0, kind).await.map_err(usage_failure)?)
    }
}

fn kind(service: &Path<Service>, process_type: &Path<ProcessType>) -> Kind {
    Kind { service: service.0.0, process_type: process_type.0.0 }
}

/// The key of the last row of the page before.
fn after(token: &PageToken) -> Result<(i64, i64, i64), Failure> {
    if token.after().is_empty() {
        return Ok((0, -1, -1));
    }
    let mut numbers = token.after().split(' ').map(str::parse);
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(user)), Some(Ok(service)), Some(Ok(process_type))) => Ok((user, service, process_type)),
        _ => Err(Failure::invalid_field("page_token", "is not one of this list")),
    }
}
