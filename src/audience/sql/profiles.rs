//! Statements on `audience_profiles` and `audience_identities`.

use rusqlite::{OptionalExtension, Row, named_params};
use serde_json::{Map, Value};

use super::{at_most, status};
use crate::audience::model::{Identity, ProfileKey, Status};
use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

/// A profile as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Row key.
    pub id: i64,
    /// The id on the wire.
    pub key: ProfileKey,
    /// Its e-mail address as it was given.
    pub email: Option<String>,
    /// Its phones as they were given.
    pub phones: Vec<String>,
    /// Its first name.
    pub first_name: Option<String>,
    /// Its last name.
    pub last_name: Option<String>,
    /// How it stands as a whole.
    pub status: Status,
    /// Whether one of its addresses is suppressed.
    pub suppressed: bool,
    /// Fields of the company's own.
    pub fields: Map<String, Value>,
}

impl Profile {
    /// Whether it may be sent to.
    #[must_use]
    pub fn is_sendable(&self) -> bool {
        self.status != Status::Suspended && !self.suppressed
    }
}

fn profile(row: &Row<'_>) -> Result<Profile, rusqlite::Error> {
    // Both columns are checked to be JSON; what an SQL shell may have left of another shape counts as nothing.
    let phones: String = row.get(3)?;
    let fields: String = row.get(8)?;
    Ok(Profile {
        id: row.get(0)?,
        key: ProfileKey(row.get(1)?),
        email: row.get(2)?,
        phones: serde_json::from_str(&phones).unwrap_or_default(),
        first_name: row.get(4)?,
        last_name: row.get(5)?,
        status: status(row, 6)?,
        suppressed: row.get(7)?,
        fields: serde_json::from_str(&fields).unwrap_or_default(),
    })
}

/// The profile with this id on the wire.
pub fn by_key(conn: &Conn, company: CompanyId, list: i64, key: ProfileKey) -> Result<Option<Profile>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT id, key, email, phones, first_name, last_name, status, suppressed, fields FROM audience_profiles
             WHERE company_id = :company AND list_id = :list AND key = :key",
        )?
        .query_row(named_params! { ":company": company.0, ":list": list, ":key": key.0 }, profile)
        .optional()?)
}

/// The oldest profile of the list that is found by `identity`.
pub fn by_identity(
    conn: &Conn,
    company: CompanyId,
    list: i64,
    identity: &Identity,
) -> Result<Option<Profile>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT p.id, p.key, p.email, p.phones, p.first_name, p.last_name, p.status, p.suppressed, p.fields
             FROM audience_identities AS i JOIN audience_profiles AS p ON p.id = i.profile_id
             WHERE i.company_id = :company AND i.kind = :kind AND i.value = :value AND i.list_id = :list
               AND p.company_id = :company
             ORDER BY i.profile_id LIMIT 1",
        )?
        .query_row(
            named_params! { ":company": company.0, ":kind": identity.kind, ":value": identity.value, ":list": list },
            profile,
        )
        .optional()?)
}

/// Adds a profile; its `id` is not looked at. Returns the row key.
pub fn insert(
    tx: &WriteTx<'_>,
    company: CompanyId,
    list: i64,
    profile: &Profile,
    now: Timestamp,
) -> Result<i64, StoreError> {
    tx.prepare_cached(
        "INSERT INTO audience_profiles
             (company_id, list_id, key, email, phones, first_name, last_name, status, suppressed, fields, created_at)
         VALUES (:company, :list, :key, :email, :phones, :first, :last, :status, :suppressed, :fields, :now)",
    )?
    .execute(named_params! {
        ":company": company.0,
        ":list": list,
        ":key": profile.key.0,
        ":email": profile.email,
        ":phones": json(&profile.phones),
        ":first": profile.first_name,
        ":last": profile.last_name,
        ":status": profile.status.code(),
        ":suppressed": profile.suppressed,
        ":fields": json(&profile.fields),
        ":now": now.as_micros(),
    })?;
    Ok(tx.last_insert_rowid())
}

/// Writes a profile that has changed.
pub fn update(tx: &WriteTx<'_>, company: CompanyId, profile: &Profile, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE audience_profiles
         SET email = :email, phones = :phones, first_name = :first, last_name = :last, status = :status,
             suppressed = :suppressed, fields = :fields, edited_at = :now
         WHERE company_id = :company AND id = :id",
    )?
    .execute(named_params! {
        ":company": company.0,
        ":id": profile.id,
        ":email": profile.email,
        ":phones": json(&profile.phones),
        ":first": profile.first_name,
        ":last": profile.last_name,
        ":status": profile.status.code(),
        ":suppressed": profile.suppressed,
        ":fields": json(&profile.fields),
        ":now": now.as_micros(),
    })?;
    Ok(())
}

/// Removes a profile whose subscriptions are gone.
pub fn delete(tx: &WriteTx<'_>, company: CompanyId, id: i64) -> Result<(), StoreError> {
    // Relies on audience_identities_by_profile.
    tx.prepare_cached("DELETE FROM audience_identities WHERE company_id = :company AND profile_id = :id")?
        .execute(named_params! { ":company": company.0, ":id": id })?;
    tx.prepare_cached("DELETE FROM audience_profiles WHERE company_id = :company AND id = :id")?
        .execute(named_params! { ":company": company.0, ":id": id })?;
    Ok(())
}

/// Lets a profile be found by `identity`.
pub fn add_identity(
    tx: &WriteTx<'_>,
    company: CompanyId,
    list: i64,
    profile: i64,
    identity: &Identity,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT OR IGNORE INTO audience_identities (company_id, kind, value, list_id, profile_id)
         VALUES (:company, :kind, :value, :list, :profile)",
    )?
    .execute(named_params! {
        ":company": company.0, ":kind": identity.kind, ":value": identity.value, ":list": list, ":profile": profile,
    })?;
    Ok(())
}

/// Lets a profile no longer be found by `identity`.
pub fn remove_identity(
    tx: &WriteTx<'_>,
    company: CompanyId,
    list: i64,
    profile: i64,
    identity: &Identity,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "DELETE FROM audience_identities
         WHERE company_id = :company AND kind = :kind AND value = :value AND list_id = :list AND profile_id = :profile",
    )?
    .execute(named_params! {
        ":company": company.0, ":kind": identity.kind, ":value": identity.value, ":list": list, ":profile": profile,
    })?;
    Ok(())
}

/// Up to `limit` profiles of a list after the id `after` (nothing: the first ones), by id.
pub fn list(
    conn: &Conn,
    company: CompanyId,
    list: i64,
    after: &[u8],
    limit: usize,
) -> Result<Vec<Profile>, StoreError> {
    // Relies on audience_profiles_by_key.
    let mut statement = conn.prepare_cached(
        "SELECT id, key, email, phones, first_name, last_name, status, suppressed, fields FROM audience_profiles
         WHERE company_id = :company AND list_id = :list AND key > :after ORDER BY key LIMIT :limit",
    )?;
    let parameters = named_params! { ":company": company.0, ":list": list, ":after": after, ":limit": at_most(limit) };
    let rows = statement.query_map(parameters, profile)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Up to `limit` profiles of any list of the company that have this address, with their lists, after row key `after`.
pub fn with_address(
    conn: &Conn,
    company: CompanyId,
    identity: &Identity,
    after: (i64, i64),
    limit: usize,
) -> Result<Vec<(i64, Profile)>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT p.id, p.key, p.email, p.phones, p.first_name, p.last_name, p.status, p.suppressed, p.fields, i.list_id
         FROM audience_identities AS i JOIN audience_profiles AS p ON p.id = i.profile_id
         WHERE i.company_id = :company AND i.kind = :kind AND i.value = :value
           AND (i.list_id, i.profile_id) > (:list, :profile) AND p.company_id = :company
         ORDER BY i.list_id, i.profile_id LIMIT :limit",
    )?;
    let rows = statement.query_map(
        named_params! {
            ":company": company.0, ":kind": identity.kind, ":value": identity.value, ":list": after.0,
            ":profile": after.1, ":limit": at_most(limit),
        },
        |row| Ok((row.get(9)?, profile(row)?)),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("text and JSON values are representable as JSON")
}
