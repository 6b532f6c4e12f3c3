//! Lists and resources: making, renaming, disabling, listing.

use super::{AudienceService, enabled};
use crate::audience::AudienceError;
use crate::audience::model::{Channel, Entry, Name, Shelf};
use crate::audience::sql;
use crate::auth::model::{CompanyId, SharedPrincipal};
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

/// The highest number a list or a resource may be given: what a JavaScript client can still read.
const MAX_ID: i64 = 9_007_199_254_740_991;

/// A resource, and where it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceUse {
    /// The resource.
    pub entry: Entry,
    /// The channels it is subscribed to in.
    pub channels: Vec<Channel>,
    /// The lists whose profiles subscribe to it.
    pub lists: Vec<i64>,
}

/// A part of the enabled lists or resources, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The part.
    pub entries: Vec<Entry>,
    /// The number the next part begins with; 0 when there is none.
    pub next: i64,
    /// How many there are in all.
    pub total: i64,
}

/// Makes one; with `id` under that number, else under the next.
pub fn create(
    tx: &WriteTx<'_>,
    which: Shelf,
    company: CompanyId,
    id: Option<i64>,
    name: &Name,
    now: Timestamp,
) -> Result<Entry, AudienceError> {
    if let Some(id) = id {
        if !(1..=MAX_ID).contains(&id) {
            return Err(AudienceError::invalid("id", format!("must be a number from 1 to {MAX_ID}")));
        }
        if sql::entries::find(tx, which, company, id)?.is_some() {
            return Err(AudienceError::Conflict(format!("there is a {} {id} already", which.noun())));
        }
    }
    let id =
        sql::entries::insert(tx, which, company, id, name.as_str(), now).map_err(|error| taken(which, name, error))?;
    find(tx, which, company, id)
}

/// Renames, disables or enables one.
pub fn change(
    tx: &WriteTx<'_>,
    which: Shelf,
    company: CompanyId,
    id: i64,
    name: Option<&Name>,
    to_enabled: Option<bool>,
    now: Timestamp,
) -> Result<Entry, AudienceError> {
    find(tx, which, company, id)?;
    sql::entries::update(tx, which, company, id, name.map(Name::as_str), to_enabled, now).map_err(
        |error| match name {
            Some(name) => taken(which, name, error),
            None => error.into(),
        },
    )?;
    find(tx, which, company, id)
}

/// One of them, disabled or not.
pub fn find(conn: &Conn, which: Shelf, company: CompanyId, id: i64) -> Result<Entry, AudienceError> {
    sql::entries::find(conn, which, company, id)?.ok_or_else(|| AudienceError::not_found(which.noun(), id))
}

/// The one with this name, disabled or not.
pub fn by_name(conn: &Conn, which: Shelf, company: CompanyId, name: &Name) -> Result<Option<Entry>, AudienceError> {
    Ok(sql::entries::by_name(conn, which, company, name.as_str())?)
}

/// Up to `limit` of them after number `after`, disabled or not.
pub fn list(
    conn: &Conn,
    which: Shelf,
    company: CompanyId,
    after: i64,
    limit: usize,
) -> Result<Vec<Entry>, AudienceError> {
    Ok(sql::entries::list(conn, which, company, after.saturating_add(1), limit, false)?)
}

fn taken(which: Shelf, name: &Name, error: StoreError) -> AudienceError {
    if error.unique_on().is_some() {
        return AudienceError::Conflict(format!("there is a {} named `{}` already", which.noun(), name.as_str()));
    }
    error.into()
}

impl AudienceService {
    /// `databases/list`, `resources/list`: up to `limit` of them, from number `from` on.
    pub fn part(&self, company: CompanyId, which: Shelf, from: i64, limit: usize) -> Result<Part, AudienceError> {
        self.store.read(|conn| {
            let mut entries = sql::entries::list(conn, which, company, from, limit + 1, true)?;
            let next = entries.get(limit).map_or(0, |entry| entry.id);
            entries.truncate(limit);
            Ok(Part { entries, next, total: sql::entries::count(conn, which, company)? })
        })
    }

    /// `resources/get`.
    pub fn resource(&self, company: CompanyId, id: i64) -> Result<ResourceUse, AudienceError> {
        self.store.read(|conn| {
            let entry = enabled(conn, Shelf::Resources, company, id)?;
            let uses = sql::counters::uses_of_resource(conn, company, id)?;
            let mut lists: Vec<i64> = uses.iter().map(|(list, _)| *list).collect();
            lists.dedup();
            let mut channels: Vec<Channel> = uses.iter().map(|(_, channel)| *channel).collect();
            channels.sort_unstable();
            channels.dedup();
            Ok(ResourceUse { entry, channels, lists })
        })
    }

    /// House: up to `limit` of them after number `after`, disabled ones too.
    pub fn entries(
        &self,
        company: CompanyId,
        which: Shelf,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Entry>, AudienceError> {
        self.store.read(|conn| list(conn, which, company, after, limit))
    }

    /// House: one of them.
    pub fn entry(&self, company: CompanyId, which: Shelf, id: i64) -> Result<Entry, AudienceError> {
        self.store.read(|conn| find(conn, which, company, id))
    }

    /// House: makes one.
    pub async fn create_entry(
        &self,
        caller: SharedPrincipal,
        which: Shelf,
        id: Option<i64>,
        name: Name,
    ) -> Result<Entry, AudienceError> {
        let company = caller.company_id;
        let now = self.clock.now();
        self.auth.write_as(caller, move |tx| create(tx, which, company, id, &name, now)).await
    }

    /// House: renames, disables or enables one.
    pub async fn change_entry(
        &self,
        caller: SharedPrincipal,
        which: Shelf,
        id: i64,
        name: Option<Name>,
        to_enabled: Option<bool>,
    ) -> Result<Entry, AudienceError> {
        let company = caller.company_id;
        let now = self.clock.now();
        self.auth.write_as(caller, move |tx| change(tx, which, company, id, name.as_ref(), to_enabled, now)).await
    }
}
