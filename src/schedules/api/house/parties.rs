//! Parties on the wire, and who may act for them.
//!
//! Must not know: SQL, other domains.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;

use super::wire::{Binding, NewParty, Party, PartyChange, PartyPage, UserParties, Zone};
use super::{Answer, HouseTags, row_key};
use crate::auth::model::{PartyRef, Refused, zone};
use crate::http::json::Strict;
use crate::http::paging::{self, PageToken};
use crate::http::{Caller, Failure};
use crate::schedules::SchedulesService;
use crate::schedules::api::party;

/// The name page tokens of this list carry.
const LIST: &str = "parties";

/// `/comptoir/v1/parties`.
pub struct PartiesApi(pub SchedulesService);

#[OpenApi(tag = "HouseTags::Parties")]
impl PartiesApi {
    /// List parties
    ///
    /// Those the caller may act for, disabled ones too, by number.
    #[oai(path = "/comptoir/v1/parties", method = "get", operation_id = "list_parties")]
    async fn list(
        &self,
        caller: Caller,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<PartyPage>> {
        let limit = limit.0.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let token = PageToken::parse(LIST, page_token.0.as_deref())?;
        let rows = self.0.parties(&caller, row_key(token.after())?, limit + 1)?;
        let (items, next) = paging::page(rows, limit, |last| PageToken::new(LIST, last.id.to_string()));
        Ok(Json(PartyPage { items: items.into_iter().map(Party::from).collect(), next_page_token: next }))
    }

    /// Make a party
    #[oai(path = "/comptoir/v1/parties", method = "post", operation_id = "create_party")]
    async fn create(&self, caller: Caller, body: Strict<NewParty>) -> Answer<Json<Party>> {
        Ok(Json(self.0.create_party(caller.principal(), body.0.parse()?).await?.into()))
    }

    /// Read a party
    #[oai(path = "/comptoir/v1/parties/:party", method = "get", operation_id = "read_party")]
    async fn read(
        &self,
        caller: Caller,
        /// Its number or its GLN.
        party: Path<String>,
    ) -> Answer<Json<Party>> {
        Ok(Json(self.0.party(&caller, &self::party("party", &party.0)?)?.into()))
    }

    /// Change a party
    ///
    /// What is absent stays. Another time zone leaves each schedule on its civil days.
    #[oai(path = "/comptoir/v1/parties/:party", method = "patch", operation_id = "change_party")]
    async fn change(
        &self,
        caller: Caller,
        /// Its number or its GLN.
        party: Path<String>,
        body: Strict<PartyChange>,
    ) -> Answer<Json<Party>> {
        let party = self::party("party", &party.0)?;
        Ok(Json(self.0.change_party(caller.principal(), party, body.0.parse()?).await?.into()))
    }

    /// List a user's parties
    #[oai(path = "/comptoir/v1/users/:username/parties", method = "get", operation_id = "read_user_parties")]
    async fn bound(
        &self,
        caller: Caller,
        /// The user's name.
        username: Path<String>,
    ) -> Answer<Json<UserParties>> {
        let items = self.0.bound_parties(&caller, &username.0)?;
        Ok(Json(UserParties { items: items.into_iter().map(Party::from).collect() }))
    }

    /// Bind a user to parties
    ///
    /// To exactly these, at once. A PARTNER acts for them alone; a USER or BOT too, as soon as there are any.
    #[oai(path = "/comptoir/v1/users/:username/parties", method = "put", operation_id = "set_user_parties")]
    async fn bind(
        &self,
        caller: Caller,
        /// The user's name.
        username: Path<String>,
        body: Strict<Binding>,
    ) -> Answer<Json<UserParties>> {
        let each = body.0.parties.iter().enumerate();
        let named = each.map(|(at, text)| {
            PartyRef::parse(text).map_err(|rule| Failure::invalid_field(format!("parties[{at}]"), rule.0))
        });
        let named = named.collect::<Result<Vec<_>, Failure>>()?;
        let items = self.0.bind_parties(caller.principal(), username.0, named).await?;
        Ok(Json(UserParties { items: items.into_iter().map(Party::from).collect() }))
    }

    /// Read the company's time zone
    ///
    /// That of its parties that have none of their own.
    #[oai(path = "/comptoir/v1/parties-zone", method = "get", operation_id = "read_company_zone")]
    async fn company_zone(&self, caller: Caller) -> Answer<Json<Zone>> {
        let zone = self.0.company_zone(caller.company_id)?;
        Ok(Json(Zone { zone: zone.name().to_owned() }))
    }

    /// Set the company's time zone
    ///
    /// That of its parties that have none of their own. Each schedule stays on its civil days.
    #[oai(path = "/comptoir/v1/parties-zone", method = "put", operation_id = "set_company_zone")]
    async fn set_company_zone(&self, caller: Caller, body: Strict<Zone>) -> Answer<Json<Zone>> {
        let to = zone(&body.0.zone).map_err(|rule| Refused { field: "zone", rule })?;
        let zone = self.0.set_company_zone(caller.principal(), to).await?;
        Ok(Json(Zone { zone: zone.name().to_owned() }))
    }
}
