//! Systems and merchants on the wire.

use poem_openapi::Object;
use serde_json::{Value as Json, json};

use super::name;
use crate::connectors::model::{Code, Entry, Name, Refused};
use crate::connectors::service::registry::EntryChange;
use crate::http::Failure;
use crate::http::wire::Instant;

/// A system that connectors report from.
#[derive(Debug, Object)]
pub struct ExternalSystem {
    /// Its code: `externalSystemId` in the connectors contract.
    #[oai(validator(min_length = 1, max_length = 128))]
    id: String,
    /// What people call it.
    #[oai(validator(min_length = 1, max_length = 256))]
    name: String,
    /// Whether the contract finds it.
    enabled: bool,
    /// When it was registered.
    created_at: Instant,
    /// When it was last changed.
    #[oai(nullable)]
    edited_at: Option<Instant>,
}

impl From<Entry> for ExternalSystem {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.code,
            name: entry.name,
            enabled: entry.enabled,
            created_at: Instant::utc(entry.created_at),
            edited_at: entry.edited_at.map(Instant::utc),
        }
    }
}

/// A page of external systems.
#[derive(Debug, Object)]
pub struct ExternalSystemPage {
    /// The page, by code.
    #[oai(validator(max_items = 200))]
    pub items: Vec<ExternalSystem>,
    /// Pass it as `page_token` for the next page; absent on the last.
    #[oai(skip_serializing_if_is_none, validator(max_length = 1024))]
    pub next_page_token: Option<String>,
}

/// A merchant ('personal cabinet' at a marketplace).
#[derive(Debug, Object)]
pub struct Merchant {
    /// Its code: `merchantId` in the connectors contract.
    #[oai(validator(min_length = 1, max_length = 128))]
    id: String,
    /// What people call it.
    #[oai(validator(min_length = 1, max_length = 256))]
    name: String,
    /// Whether the contract finds it.
    enabled: bool,
    /// When it was registered.
    created_at: Instant,
    /// When it was last changed.
    #[oai(nullable)]
    edited_at: Option<Instant>,
}

impl From<Entry> for Merchant {
    fn from(entry: Entry) -> Self {
        let ExternalSystem { id, name, enabled, created_at, edited_at } = entry.into();
        Self { id, name, enabled, created_at, edited_at }
    }
}

/// A page of merchants.
#[derive(Debug, Object)]
pub struct MerchantPage {
    /// The page, by code.
    #[oai(validator(max_items = 200))]
    pub items: Vec<Merchant>,
    /// Pass it as `page_token` for the next page; absent on the last.
    #[oai(skip_serializing_if_is_none, validator(max_length = 1024))]
    pub next_page_token: Option<String>,
}

/// A system or a merchant to register.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewRegistered {
    /// Its code, as connectors send it: unique in the company, no slash.
    #[oai(validator(min_length = 1, max_length = 128))]
    id: String,
    /// What people call it; absent: as its code.
    #[oai(validator(min_length = 1, max_length = 256))]
    name: Option<String>,
}

impl NewRegistered {
    /// Checks it.
    pub fn parse(&self) -> Result<(Code, Name), Failure> {
        let code = Code::parse(&self.id).map_err(|rule| Refused { field: "id", rule })?;
        Ok((code, name(self.name.as_deref().unwrap_or(&self.id))?))
    }
}

/// A change of a system or a merchant.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct RegisteredChange {
    /// Its name from now on.
    #[oai(validator(min_length = 1, max_length = 256))]
    name: Option<String>,
    /// Whether the contract finds it.
    enabled: Option<bool>,
}

impl RegisteredChange {
    /// Checks it.
    pub fn parse(&self) -> Result<EntryChange, Failure> {
        Ok(EntryChange { name: self.name.as_deref().map(name).transpose()?, enabled: self.enabled })
    }
}

/// What `/docs` offers for a system to register.
#[must_use]
pub fn new_system_example() -> Json {
    json!({"id": "0f1d2c3b4", "name": "1C of the warehouse"})
}

/// See [`new_system_example`].
#[must_use]
pub fn system_change_example() -> Json {
    json!({"name": "1C of the warehouse in Dnipro"})
}

/// See [`new_system_example`].
#[must_use]
pub fn new_merchant_example() -> Json {
    json!({"id": "5a6b7c8d9", "name": "Rozetka, North Star"})
}

/// See [`new_system_example`].
#[must_use]
pub fn merchant_change_example() -> Json {
    json!({"name": "Rozetka, North Star Trading", "enabled": true})
}
