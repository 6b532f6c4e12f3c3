//! The audience in the house API: making and changing what the contract only reads: lists, resources, suppression.
//!
//! Must not know: SQL, other domains. Making something twice is refused by its name and changing suppression twice
//! changes nothing, so these take no `Idempotency-Key`.

use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi, Tags};
use serde_json::{Value, json};

use crate::audience::AudienceService;
use crate::audience::model::{Address, AddressKind, Entry, Name, Refused as RefusedField, Shelf};
use crate::http::json::Strict;
use crate::http::paging::{self, PageToken};
use crate::http::problem::Problems;
use crate::http::wire::Instant;
use crate::http::{Caller, Failure, Refused};

#[derive(Tags)]
enum HouseTags {
    /// Lists, resources and suppressed addresses of the audience contract.
    #[oai(rename = "house: audience")]
    Audience,
}

type Answer<T> = Result<T, Refused<Problems>>;

/// A list or a resource.
#[derive(Debug, Object)]
#[oai(rename = "AudienceEntry")]
struct EntryWire {
    /// Its number, as the audience contract names it.
    id: i64,
    /// Its name.
    name: String,
    /// Whether the contract finds it.
    enabled: bool,
    /// How many profiles a list has.
    #[oai(skip_serializing_if_is_none)]
    profiles: Option<i64>,
    /// When it was made.
    created_at: Instant,
    /// When it was last changed.
    #[oai(nullable)]
    edited_at: Option<Instant>,
}

impl EntryWire {
    fn of(which: Shelf, entry: Entry) -> Self {
        Self {
            id: entry.id,
            name: entry.name,
            enabled: entry.enabled,
            profiles: (which == Shelf::Lists).then_some(entry.profiles),
            created_at: Instant::utc(entry.created_at),
            edited_at: entry.edited_at.map(Instant::utc),
        }
    }
}

/// A page of lists or resources.
#[derive(Debug, Object)]
#[oai(rename = "AudienceEntryPage")]
struct EntryPage {
    /// The page, by number.
    items: Vec<EntryWire>,
    /// Pass it as `page_token` for the next page; absent on the last.
    #[oai(skip_serializing_if_is_none)]
    next_page_token: Option<String>,
}

/// A list or a resource to make.
#[derive(Debug, Object)]
#[oai(rename = "AudienceNewEntry", deny_unknown_fields)]
struct NewEntry {
    /// Its name, unique in the company whatever its case.
    name: String,
    /// Its number; without it, the one after the highest.
    id: Option<i64>,
}

/// A change of a list or a resource.
#[derive(Debug, Object)]
#[oai(rename = "AudienceEntryChange", deny_unknown_fields)]
struct EntryChange {
    /// Its name from now on.
    name: Option<String>,
    /// Whether the contract finds it. Nothing of a disabled one is lost.
    enabled: Option<bool>,
}

/// What an address is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "AudienceAddressKind", rename_all = "snake_case")]
enum AddressKindWord {
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
}

/// An address nothing is sent to.
#[derive(Debug, Object)]
#[oai(rename = "AudienceSuppressedAddress")]
struct SuppressedWire {
    /// The address as it was given.
    address: String,
    /// Of what.
    kind: AddressKindWord,
    /// Since when.
    created_at: Instant,
}

/// A page of suppressed addresses.
#[derive(Debug, Object)]
#[oai(rename = "AudienceSuppressedPage")]
struct SuppressedPage {
    /// The page, e-mail addresses first.
    items: Vec<SuppressedWire>,
    /// Pass it as `page_token` for the next page; absent on the last.
    #[oai(skip_serializing_if_is_none)]
    next_page_token: Option<String>,
}

/// Addresses.
#[derive(Debug, Object)]
#[oai(rename = "AudienceAddresses", deny_unknown_fields)]
struct Addresses {
    /// E-mail addresses and phone numbers.
    #[oai(validator(min_items = 1, max_items = 1000))]
    addresses: Vec<String>,
}

impl Addresses {
    fn parse(&self) -> Result<Vec<Address>, Failure> {
        let each = self.addresses.iter().enumerate();
        each.map(|(at, text)| {
            Address::either(text).map_err(|rule| Failure::invalid_field(format!("addresses[{at}]"), rule.0))
        })
        .collect()
    }
}

/// How many addresses were new, or gone.
#[derive(Debug, Object)]
#[oai(rename = "AudienceSuppressionChange")]
struct Changed {
    /// How many.
    changed: u64,
}

/// `/comptoir/v1/audience`.
pub struct AudienceHouseApi(pub AudienceService);

#[OpenApi(tag = "HouseTags::Audience")]
impl AudienceHouseApi {
    /// List the lists
    ///
    /// Disabled ones too, by number.
    #[oai(path = "/comptoir/v1/audience/lists", method = "get", operation_id = "list_audience_lists")]
    async fn lists(
        &self,
        caller: Caller,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<EntryPage>> {
        Ok(Json(self.page(&caller, Shelf::Lists, limit.0, page_token.0.as_deref())?))
    }

    /// Make a list
    #[oai(path = "/comptoir/v1/audience/lists", method = "post", operation_id = "create_audience_list")]
    async fn create_list(&self, caller: Caller, body: Strict<NewEntry>) -> Answer<Json<EntryWire>> {
        Ok(Json(self.create(&caller, Shelf::Lists, body.0).await?))
    }

    /// Read a list
    #[oai(path = "/comptoir/v1/audience/lists/:id", method = "get", operation_id = "read_audience_list")]
    async fn list(
        &self,
        caller: Caller,
        /// The list's number.
        id: Path<i64>,
    ) -> Answer<Json<EntryWire>> {
        let entry = self.0.entry(caller.company_id, Shelf::Lists, id.0)?;
        Ok(Json(EntryWire::of(Shelf::Lists, entry)))
    }

    /// Change a list
    ///
    /// Renames, disables or enables it.
    #[oai(path = "/comptoir/v1/audience/lists/:id", method = "patch", operation_id = "change_audience_list")]
    async fn change_list(
        &self,
        caller: Caller,
        /// The list's number.
        id: Path<i64>,
        body: Strict<EntryChange>,
    ) -> Answer<Json<EntryWire>> {
        Ok(Json(self.change(&caller, Shelf::Lists, id.0, body.0).await?))
    }

    /// List the resources
    ///
    /// Disabled ones too, by number.
    #[oai(path = "/comptoir/v1/audience/resources", method = "get", operation_id = "list_audience_resources")]
    async fn resources(
        &self,
        caller: Caller,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<EntryPage>> {
        Ok(Json(self.page(&caller, Shelf::Resources, limit.0, page_token.0.as_deref())?))
    }

    /// Make a resource
    #[oai(path = "/comptoir/v1/audience/resources", method = "post", operation_id = "create_audience_resource")]
    async fn create_resource(&self, caller: Caller, body: Strict<NewEntry>) -> Answer<Json<EntryWire>> {
        Ok(Json(self.create(&caller, Shelf::Resources, body.0).await?))
    }

    /// Read a resource
    #[oai(path = "/comptoir/v1/audience/resources/:id", method = "get", operation_id = "read_audience_resource")]
    async fn resource(
        &self,
        caller: Caller,
        /// The resource's number.
        id: Path<i64>,
    ) -> Answer<Json<EntryWire>> {
        let entry = self.0.entry(caller.company_id, Shelf::Resources, id.0)?;
        Ok(Json(EntryWire::of(Shelf::Resources, entry)))
    }

    /// Change a resource
    ///
    /// Renames, disables or enables it.
    #[oai(path = "/comptoir/v1/audience/resources/:id", method = "patch", operation_id = "change_audience_resource")]
    async fn change_resource(
        &self,
        caller: Caller,
        /// The resource's number.
        id: Path<i64>,
        body: Strict<EntryChange>,
    ) -> Answer<Json<EntryWire>> {
        Ok(Json(self.change(&caller, Shelf::Resources, id.0, body.0).await?))
    }

    /// List the suppressed addresses
    ///
    /// Nothing is sent to them: their profiles are not among the sendable.
    #[oai(path = "/comptoir/v1/audience/suppressed", method = "get", operation_id = "list_suppressed")]
    async fn suppressed(
        &self,
        caller: Caller,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<SuppressedPage>> {
        let limit = limit.0.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let token = PageToken::parse("suppressed", page_token.0.as_deref())?;
        let after = token.after().split_once(' ').unwrap_or_default();
        let rows = self.0.suppressed(caller.company_id, after, limit + 1)?;
        let (items, next) = paging::page(rows, limit, |row| {
            PageToken::new("suppressed", format!("{} {}", row.address.kind.word(), row.address.value))
        });
        let items = items.into_iter().map(|row| SuppressedWire {
            address: row.address.shown,
            kind: match row.address.kind {
                AddressKind::Email => AddressKindWord::Email,
                AddressKind::Phone => AddressKindWord::Phone,
            },
            created_at: Instant::utc(row.created_at),
        });
        Ok(Json(SuppressedPage { items: items.collect(), next_page_token: next }))
    }

    /// Suppress addresses
    ///
    /// Up to 1000 at once. Those that are suppressed already stay as they are.
    #[oai(path = "/comptoir/v1/audience/suppressed", method = "post", operation_id = "add_suppressed")]
    async fn suppress(&self, caller: Caller, body: Strict<Addresses>) -> Answer<Json<Changed>> {
        let changed = self.0.change_suppression(caller.principal(), body.0.parse()?, true).await?;
        Ok(Json(Changed { changed }))
    }

    /// Take addresses from the suppression list
    ///
    /// Up to 1000 at once. Those that are not on it change nothing.
    #[oai(path = "/comptoir/v1/audience/suppressed/remove", method = "post", operation_id = "remove_suppressed")]
    async fn unsuppress(&self, caller: Caller, body: Strict<Addresses>) -> Answer<Json<Changed>> {
        let changed = self.0.change_suppression(caller.principal(), body.0.parse()?, false).await?;
        Ok(Json(Changed { changed }))
    }
}

impl AudienceHouseApi {
    fn page(
        &self,
        caller: &Caller,
        which: Shelf,
        limit: Option<u32>,
        page_token: Option<&str>,
    ) -> Result<EntryPage, Failure> {
        let limit = limit.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let token = PageToken::parse(which.noun(), page_token)?;
        let after = match token.after() {
            "" => 0,
            key => key.parse().map_err(|_| Failure::invalid_field("page_token", "is not one of this list"))?,
        };
        let rows = self.0.entries(caller.company_id, which, after, limit + 1)?;
        let (items, next) = paging::page(rows, limit, |last| PageToken::new(which.noun(), last.id.to_string()));
        Ok(EntryPage {
            items: items.into_iter().map(|entry| EntryWire::of(which, entry)).collect(),
            next_page_token: next,
        })
    }

    async fn create(&self, caller: &Caller, which: Shelf, body: NewEntry) -> Result<EntryWire, Failure> {
        let entry = self.0.create_entry(caller.principal(), which, body.id, name(&body.name)?).await?;
        Ok(EntryWire::of(which, entry))
    }

    async fn change(&self, caller: &Caller, which: Shelf, id: i64, body: EntryChange) -> Result<EntryWire, Failure> {
        let name = body.name.as_deref().map(name).transpose()?;
        let entry = self.0.change_entry(caller.principal(), which, id, name, body.enabled).await?;
        Ok(EntryWire::of(which, entry))
    }
}

fn name(text: &str) -> Result<Name, Failure> {
    Ok(Name::parse(text).map_err(|rule| RefusedField { field: "name", rule })?)
}

/// What `/docs` offers for a list or a resource to make.
pub fn new_entry_example() -> Value {
    json!({"name": "Customers"})
}

/// What `/docs` offers for a change of one.
pub fn entry_change_example() -> Value {
    json!({"name": "Customers of 2026", "enabled": true})
}

/// What `/docs` offers for addresses.
pub fn addresses_example() -> Value {
    json!({"addresses": ["olena@example.com", "+380501234567"]})
}
