//! External systems and merchants: registering, renaming, disabling, listing.

use super::{ConnectorsError, ConnectorsService};
use crate::auth::model::{CompanyId, SharedPrincipal};
use crate::clock::Timestamp;
use crate::connectors::model::{Code, Entry, Name, Register};
use crate::connectors::service::alerts;
use crate::connectors::sql;
use crate::store::{Conn, StoreError, WriteTx};
use crate::tasks::Queue;

/// One of them, disabled or not.
pub fn find(conn: &Conn, register: Register, company: CompanyId, code: &str) -> Result<Entry, ConnectorsError> {
    sql::registry::find(conn, register, company, code)?.ok_or_else(|| ConnectorsError::not_found(register.noun(), code))
}

/// Up to `limit` of them whose code comes after `after`, by code.
pub fn list(
    conn: &Conn,
    register: Register,
    company: CompanyId,
    after: &str,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    sql::registry::list(conn, register, company, after, limit)
}

/// Registers one.
pub fn create(
    tx: &WriteTx<'_>,
    register: Register,
    company: CompanyId,
    code: &Code,
    name: &Name,
    now: Timestamp,
) -> Result<Entry, ConnectorsError> {
    sql::registry::insert(tx, register, company, code, name, now).map_err(|error| {
        if error.unique_on().is_some() {
            let (noun, code) = (register.noun(), code.as_str());
            return ConnectorsError::Conflict(format!("there already is a registered {noun} `{code}`"));
        }
        error.into()
    })?;
    find(tx, register, company, code.as_str())
}

/// What changes; `None` leaves a thing as it is.
#[derive(Debug, Clone, Default)]
pub struct EntryChange {
    /// Its name.
    pub name: Option<Name>,
    /// Whether the contract finds it.
    pub enabled: Option<bool>,
}

/// Renames, disables or enables one. Alerts about one that is disabled end.
pub fn change(
    tx: &WriteTx<'_>,
    queue: &Queue,
    register: Register,
    company: CompanyId,
    code: &str,
    to: &EntryChange,
    now: Timestamp,
) -> Result<Entry, ConnectorsError> {
    let entry = find(tx, register, company, code)?;
    sql::registry::update(tx, register, entry.id, to.name.as_ref(), to.enabled, now)?;
    if to.enabled.is_some_and(|enabled| enabled != entry.enabled) {
        alerts::entry_changed(tx, queue, company, register, entry.id, now)?;
    }
    find(tx, register, company, code)
}

impl ConnectorsService {
    /// One of them.
    pub fn entry(&self, company: CompanyId, register: Register, code: &str) -> Result<Entry, ConnectorsError> {
        self.store.read_one(|conn| find(conn, register, company, code))
    }

    /// Up to `limit` of them after a code.
    pub fn entries(
        &self,
        company: CompanyId,
        register: Register,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Entry>, ConnectorsError> {
        self.store.read_one(|conn| Ok(list(conn, register, company, after, limit)?))
    }

    /// Registers one.
    pub async fn create_entry(
        &self,
        caller: SharedPrincipal,
        register: Register,
        code: Code,
        name: Name,
    ) -> Result<Entry, ConnectorsError> {
        let (company, now) = (caller.company_id, self.clock.now());
        self.auth.write_as(caller, move |tx| create(tx, register, company, &code, &name, now)).await
    }

    /// Changes one.
    pub async fn change_entry(
        &self,
        caller: SharedPrincipal,
        register: Register,
        code: String,
        to: EntryChange,
    ) -> Result<Entry, ConnectorsError> {
        let (company, now, queue) = (caller.company_id, self.clock.now(), self.queue.clone());
        self.auth.write_as(caller, move |tx| change(tx, &queue, register, company, &code, &to, now)).await
    }
}
