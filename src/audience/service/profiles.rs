//! Profiles: importing one or many, deleting.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::{AudienceService, enabled};
use crate::audience::AudienceError;
use crate::audience::counters::Deltas;
use crate::audience::model::{
    Address, Identity, Import, MAX_FIELDS, ProfileChange, ProfileKey, Refused, Shelf, Status, Target,
};
use crate::audience::service::subscriptions;
use crate::audience::sql::profiles::{self as rows, Profile};
pub use crate::audience::sql::subscriptions::Subscription;
use crate::audience::sql::{self, subscriptions as subs};
use crate::auth::model::{CompanyId, SharedPrincipal};
use crate::clock::Timestamp;
use crate::store::{Conn, WriteTx};

/// Rows of a batch share a transaction until together they write about so many rows of tables: about 10 ms of the writer
/// for profiles with three subscriptions (benches/audience.rs).
const SLICE: usize = 500;

/// What became of a row of a batch.
pub type RowResult = Result<ProfileKey, AudienceError>;

/// The profile that is meant.
pub(super) fn locate(
    conn: &Conn,
    company: CompanyId,
    list: i64,
    target: &Target,
) -> Result<Option<Profile>, AudienceError> {
    Ok(match target {
        Target::Key(key) => rows::by_key(conn, company, list, *key)?,
        Target::Identity(identity) => rows::by_identity(conn, company, list, identity)?,
    })
}

/// The profile that is meant, or the error that there is none.
pub(super) fn located(conn: &Conn, company: CompanyId, list: i64, target: &Target) -> Result<Profile, AudienceError> {
    enabled(conn, Shelf::Lists, company, list)?;
    locate(conn, company, list, target)?.ok_or_else(|| AudienceError::not_found("profile", describe(target)))
}

fn describe(target: &Target) -> String {
    match target {
        Target::Key(key) => key.to_string(),
        Target::Identity(identity) => identity.value.clone(),
    }
}

/// Makes or changes a profile of a list that is there, and notes in `deltas` what that moves.
fn import(
    tx: &WriteTx<'_>,
    company: CompanyId,
    list: i64,
    import: &Import,
    now: Timestamp,
    deltas: &mut Deltas,
) -> Result<ProfileKey, AudienceError> {
    let known = locate(tx, company, list, &import.target)?;
    if let (None, Target::Key(key)) = (&known, &import.target) {
        return Err(AudienceError::not_found("profile", key));
    }
    merge(tx, company, list, known, import, now, deltas)
}

/// Changes the profile that is known, or makes one.
fn merge(
    tx: &WriteTx<'_>,
    company: CompanyId,
    list: i64,
    known: Option<Profile>,
    import: &Import,
    now: Timestamp,
    deltas: &mut Deltas,
) -> Result<ProfileKey, AudienceError> {
    let before = known.clone();
    let mut profile = known.unwrap_or_else(|| Profile {
        id: 0,
        key: import.key,
        email: None,
        phones: Vec::new(),
        first_name: None,
        last_name: None,
        status: Status::Subscribed,
        suppressed: false,
        fields: serde_json::Map::new(),
    });
    let had = before.as_ref().map(identities).unwrap_or_default();
    apply(&mut profile, &import.change)?;
    let has = identities(&profile);
    if has != had {
        profile.suppressed = is_suppressed(tx, company, &profile)?;
    }
    match &before {
        None => {
            profile.id = rows::insert(tx, company, list, &profile, now)?;
            deltas.profile(list, 1);
        }
        Some(before) if *before != profile => {
            rows::update(tx, company, &profile, now)?;
            subscriptions::follow_profile(tx, company, list, before, &profile, deltas)?;
        }
        Some(_) => {}
    }
    for gone in had.difference(&has) {
        rows::remove_identity(tx, company, list, profile.id, gone)?;
    }
    for new in has.difference(&had) {
        rows::add_identity(tx, company, list, profile.id, new)?;
    }
    for change in &import.change.subscriptions {
        subscriptions::set(tx, company, list, &profile, change, now, deltas)?;
    }
    Ok(profile.key)
}

/// Puts a profile into a list as a fixture describes it: one with `key` is changed, else one that `target` finds, else a
/// new one gets that key.
pub fn place(
    tx: &WriteTx<'_>,
    company: CompanyId,
    list: i64,
    row: &Import,
    now: Timestamp,
) -> Result<ProfileKey, AudienceError> {
    let mut deltas = Deltas::default();
    let known = match rows::by_key(tx, company, list, row.key)? {
        None => locate(tx, company, list, &row.target)?,
        known => known,
    };
    let key = merge(tx, company, list, known, row, now, &mut deltas)?;
    sql::counters::apply(tx, company, &deltas)?;
    Ok(key)
}

/// A profile with all that is kept of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// The profile.
    pub profile: Profile,
    /// Its subscriptions that count, with what goes with their channels.
    pub subscriptions: Vec<(Subscription, Option<Value>)>,
}

/// Up to `limit` profiles of a list after the one with the id `after`, by id.
pub fn list(
    conn: &Conn,
    company: CompanyId,
    list: i64,
    after: Option<ProfileKey>,
    limit: usize,
) -> Result<Vec<Kept>, AudienceError> {
    let after = after.as_ref().map_or(&[][..], |key| &key.0);
    let found = rows::list(conn, company, list, after, limit)?;
    found
        .into_iter()
        .map(|profile| {
            let subscriptions = subs::detailed(conn, company, profile.id)?.into_iter();
            let read = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
            let subscriptions = subscriptions.map(|(subscription, details)| (subscription, read(details))).collect();
            Ok(Kept { profile, subscriptions })
        })
        .collect()
}

/// Changes `profile` as `change` says.
fn apply(profile: &mut Profile, change: &ProfileChange) -> Result<(), Refused> {
    if let Some(email) = &change.email {
        profile.email = email.as_ref().map(|email| email.shown.clone());
    }
    if let Some(phones) = &change.phones {
        profile.phones = phones.iter().map(|phone| phone.shown.clone()).collect();
    }
    if let Some(name) = &change.first_name {
        profile.first_name.clone_from(name);
    }
    if let Some(name) = &change.last_name {
        profile.last_name.clone_from(name);
    }
    if let Some(status) = change.status {
        profile.status = status;
    }
    for (name, value) in &change.fields {
        if value.is_null() {
            profile.fields.shift_remove(name);
        } else {
            profile.fields.insert(name.clone(), value.clone());
        }
    }
    if profile.fields.len() > MAX_FIELDS {
        return Err(Refused::new("data", format!("must have at most {MAX_FIELDS} fields of its own")));
    }
    Ok(())
}

/// A profile's addresses. What is stored was parsed once; what an SQL shell has left is passed over.
fn addresses(profile: &Profile) -> impl Iterator<Item = Address> {
    let email = profile.email.iter().filter_map(|text| Address::email(text).ok());
    email.chain(profile.phones.iter().filter_map(|text| Address::phone(text).ok()))
}

/// What a profile is found by.
fn identities(profile: &Profile) -> BTreeSet<Identity> {
    let fields = profile.fields.iter().filter_map(|(name, value)| Identity::field(name, value));
    addresses(profile).map(|address| Identity::from(&address)).chain(fields).collect()
}

/// Whether one of a profile's addresses is on the company's suppression list.
pub(super) fn is_suppressed(conn: &Conn, company: CompanyId, profile: &Profile) -> Result<bool, AudienceError> {
    for address in addresses(profile) {
        if sql::suppression::has(conn, company, address.kind, &address.value)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How many of the first rows make a slice: at least one. A row that is refused costs nothing but its place.
fn slice_of(batch: &[Result<Import, String>]) -> usize {
    let mut weight = 0;
    let fits = batch.iter().take_while(|row| {
        weight += row.as_ref().map_or(1, |row| row.change.weight());
        weight <= SLICE
    });
    fits.count().max(1)
}

/// Imports rows into a list that is there, each for itself: a bad one is undone and loses nothing else.
fn import_slice(
    tx: &WriteTx<'_>,
    company: CompanyId,
    list: i64,
    slice: &[Result<Import, String>],
    now: Timestamp,
) -> Result<Vec<RowResult>, AudienceError> {
    enabled(tx, Shelf::Lists, company, list)?;
    let mut deltas = Deltas::default();
    let mut results = Vec::with_capacity(slice.len());
    for row in slice {
        let result = match row {
            Err(why) => Err(AudienceError::Malformed(why.clone())),
            Ok(row) => {
                let mut moved = Deltas::default();
                let result = tx.nested(|| import(tx, company, list, row, now, &mut moved));
                if result.is_ok() {
                    deltas.merge(&moved);
                }
                result
            }
        };
        match result {
            Err(error) if !error.is_the_rows_own() => return Err(error),
            result => results.push(result),
        }
    }
    sql::counters::apply(tx, company, &deltas)?;
    Ok(results)
}

impl AudienceService {
    /// `profiles/import`: makes a profile, or changes the one that is found.
    pub async fn import_profile(
        &self,
        caller: SharedPrincipal,
        list: i64,
        row: Import,
    ) -> Result<ProfileKey, AudienceError> {
        let company = caller.company_id;
        let now = self.clock.now();
        self.auth
            .write_as(caller, move |tx| {
                enabled(tx, Shelf::Lists, company, list)?;
                let mut deltas = Deltas::default();
                let key = import(tx, company, list, &row, now, &mut deltas)?;
                sql::counters::apply(tx, company, &deltas)?;
                Ok(key)
            })
            .await
    }

    /// `profiles/import_batch`: the same for each row by itself, in slices, so that others may write in between. Rows
    /// come in their order, and a later one of the same profile changes what an earlier one made.
    pub async fn import_profiles(
        &self,
        caller: SharedPrincipal,
        list: i64,
        batch: Vec<Result<Import, String>>,
    ) -> Result<Vec<RowResult>, AudienceError> {
        let company = caller.company_id;
        self.store.read(|conn| enabled(conn, Shelf::Lists, company, list))?;
        let now = self.clock.now();
        let mut results = Vec::with_capacity(batch.len());
        let mut rest = batch.into_iter();
        while !rest.as_slice().is_empty() {
            let count = slice_of(rest.as_slice());
            let slice: Vec<_> = rest.by_ref().take(count).collect();
            results.extend(
                self.auth.write_as(Arc::clone(&caller), move |tx| import_slice(tx, company, list, &slice, now)).await?,
            );
        }
        Ok(results)
    }

    /// `profiles/delete`: removes a profile and its subscriptions.
    pub async fn delete_profile(
        &self,
        caller: SharedPrincipal,
        list: i64,
        target: Target,
    ) -> Result<(), AudienceError> {
        let company = caller.company_id;
        self.auth
            .write_as(caller, move |tx| {
                let profile = located(tx, company, list, &target)?;
                let mut deltas = Deltas::default();
                for subscription in subs::live(tx, company, profile.id)? {
                    deltas.moved(list, Some(subscriptions::cell(&subscription)), None);
                }
                subs::delete_all(tx, company, profile.id)?;
                rows::delete(tx, company, profile.id)?;
                deltas.profile(list, -1);
                Ok(sql::counters::apply(tx, company, &deltas)?)
            })
            .await
    }
}
