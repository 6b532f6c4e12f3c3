//! Statements on `users`.

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use uuid::Uuid;

use super::{checked, checked_option, guid, instant, instant_option, unreadable};
use crate::auth::model::{
    Attributes, CompanyId, CompanyKey, Email, Phone, Roles, Specification, Timezone, User, UserId, Username, folded,
};
use crate::clock::Timestamp;
use crate::store::{StoreError, WriteTx};

/// The columns a new user starts with.
#[derive(Debug, Clone)]
pub struct Fresh<'a> {
    /// The `sub` of its tokens.
    pub guid: Uuid,
    /// Its company.
    pub company_id: CompanyId,
    /// Its name.
    pub username: &'a Username,
    /// Argon2id in PHC form, if it has a password.
    pub password_hash: Option<&'a str>,
    /// Its roles.
    pub roles: Roles,
    /// Whether it administers the installation.
    pub operator: bool,
    /// Where its day begins.
    pub timezone: Timezone,
    /// A description.
    pub specification: Option<&'a Specification>,
    /// An address.
    pub email: Option<&'a Email>,
    /// A number.
    pub phone: Option<&'a Phone>,
}

/// Adds a user.
pub fn insert(tx: &WriteTx<'_>, fresh: &Fresh<'_>, now: Timestamp) -> Result<UserId, StoreError> {
    tx.prepare_cached(
        "INSERT INTO users (guid, company_id, username, username_folded, password_hash, roles, operator, timezone,
                            specification, email, phone, created_at)
         VALUES (:guid, :company_id, :username, :username_folded, :password_hash, :roles, :operator, :timezone,
                 :specification, :email, :phone, :now)",
    )?
    .execute(named_params! {
        ":guid": fresh.guid.to_string(),
        ":company_id": fresh.company_id.0,
        ":username": fresh.username.as_str(),
        ":username_folded": folded(fresh.username.as_str()),
        ":password_hash": fresh.password_hash,
        ":roles": fresh.roles.to_stored(),
        ":operator": fresh.operator,
        ":timezone": fresh.timezone.hours(),
        ":specification": fresh.specification.map(Specification::as_str),
        ":email": fresh.email.map(Email::as_str),
        ":phone": fresh.phone.map(Phone::as_str),
        ":now": now.as_micros(),
    })?;
    Ok(UserId(tx.last_insert_rowid()))
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    let attributes: String = row.get(14)?;
    Ok(User {
        id: UserId(row.get(0)?),
        guid: guid(row, 1)?,
        company_id: CompanyId(row.get(2)?),
        company_key: checked(row, 3, CompanyKey::parse)?,
        username: checked(row, 4, Username::parse)?,
        roles: Roles::from_stored(row.get_ref(5)?.as_str()?),
        operator: row.get(6)?,
        enabled: row.get(7)?,
        has_password: row.get(8)?,
        timezone: Timezone::parse(row.get(9)?).map_err(|rule| unreadable(9, &rule.0))?,
        specification: checked_option(row, 10, Specification::parse)?,
        email: checked_option(row, 11, Email::parse)?,
        phone: checked_option(row, 12, Phone::parse)?,
        created_at: instant(row, 13)?,
        attributes: serde_json::from_str::<Attributes>(&attributes)
            .map_err(|error| unreadable(14, &error.to_string()))?,
        edited_at: instant_option(row, 15)?,
        email_confirmed: row.get(16)?,
    })
}

/// The user with this row key.
pub fn get(conn: &Connection, id: UserId) -> Result<Option<User>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT u.id, u.guid, u.company_id, c.key, u.username, u.roles, u.operator, u.enabled,
                    u.password_hash IS NOT NULL, u.timezone, u.specification, u.email, u.phone, u.created_at,
                    u.attributes, u.edited_at, u.email_confirmed
             FROM users u JOIN companies c ON c.id = u.company_id WHERE u.id = :id",
        )?
        .query_row(named_params! { ":id": id.0 }, user)
        .optional()?)
}

/// The user with this name, in any case.
pub fn find(conn: &Connection, username: &str) -> Result<Option<User>, StoreError> {
    // Relies on the unique index on username_folded.
    Ok(conn
        .prepare_cached(
            "SELECT u.id, u.guid, u.company_id, c.key, u.username, u.roles, u.operator, u.enabled,
                    u.password_hash IS NOT NULL, u.timezone, u.specification, u.email, u.phone, u.created_at,
                    u.attributes, u.edited_at, u.email_confirmed
             FROM users u JOIN companies c ON c.id = u.company_id WHERE u.username_folded = :username",
        )?
        .query_row(named_params! { ":username": folded(username) }, user)
        .optional()?)
}

/// Up to `limit` users of `company` whose folded name comes after `after`, in that order.
pub fn list(conn: &Connection, company: CompanyId, after: &str, limit: usize) -> Result<Vec<User>, StoreError> {
    // Relies on users_by_company.
    Ok(conn
        .prepare_cached(
            "SELECT u.id, u.guid, u.company_id, c.key, u.username, u.roles, u.operator, u.enabled,
                    u.password_hash IS NOT NULL, u.timezone, u.specification, u.email, u.phone, u.created_at,
                    u.attributes, u.edited_at, u.email_confirmed
             FROM users u JOIN companies c ON c.id = u.company_id
             WHERE u.company_id = :company AND u.username_folded > :after ORDER BY u.username_folded LIMIT :limit",
        )?
        .query_map(
            named_params! {
                ":company": company.0,
                ":after": after,
                ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
            },
            user,
        )?
        .collect::<Result<_, _>>()?)
}

/// What a sign-in compares and what a principal is made of.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Row key.
    pub id: UserId,
    /// The `sub` of its tokens.
    pub guid: Uuid,
    /// Row key of the company.
    pub company_id: CompanyId,
    /// The company's id.
    pub company_guid: Uuid,
    /// The company's key.
    pub company_key: CompanyKey,
    /// Its name.
    pub username: Username,
    /// Argon2id in PHC form, if it has a password.
    pub password_hash: Option<String>,
    /// Its roles as granted.
    pub roles: Roles,
    /// Whether it administers the installation.
    pub operator: bool,
    /// Whether both it and its company are enabled.
    pub enabled: bool,
    /// Credential generation.
    pub generation: i64,
    /// Where its day begins.
    pub timezone: Timezone,
}

fn credentials_row(row: &Row<'_>) -> rusqlite::Result<Credentials> {
    Ok(Credentials {
        id: UserId(row.get(0)?),
        guid: guid(row, 1)?,
        company_id: CompanyId(row.get(2)?),
        company_guid: guid(row, 3)?,
        company_key: checked(row, 4, CompanyKey::parse)?,
        username: checked(row, 5, Username::parse)?,
        password_hash: row.get(6)?,
        roles: Roles::from_stored(row.get_ref(7)?.as_str()?),
        operator: row.get(8)?,
        enabled: row.get(9)?,
        generation: row.get(10)?,
        timezone: Timezone::parse(row.get(11)?).map_err(|rule| unreadable(11, &rule.0))?,
    })
}

/// The credentials of the user with this name, in any case.
pub fn credentials(conn: &Connection, username: &str) -> Result<Option<Credentials>, StoreError> {
    // Relies on the unique index on username_folded.
    Ok(conn
        .prepare_cached(
            "SELECT u.id, u.guid, u.company_id, c.guid, c.key, u.username, u.password_hash, u.roles, u.operator,
                    u.enabled AND c.enabled, u.generation, u.timezone
             FROM users u JOIN companies c ON c.id = u.company_id WHERE u.username_folded = :username",
        )?
        .query_row(named_params! { ":username": folded(username) }, credentials_row)
        .optional()?)
}

/// The credentials of the user with this id.
pub fn credentials_by_guid(conn: &Connection, user: Uuid) -> Result<Option<Credentials>, StoreError> {
    // Relies on the unique index on guid.
    Ok(conn
        .prepare_cached(
            "SELECT u.id, u.guid, u.company_id, c.guid, c.key, u.username, u.password_hash, u.roles, u.operator,
                    u.enabled AND c.enabled, u.generation, u.timezone
             FROM users u JOIN companies c ON c.id = u.company_id WHERE u.guid = :guid",
        )?
        .query_row(named_params! { ":guid": user.to_string() }, credentials_row)
        .optional()?)
}

/// The credentials of the user with this row key.
pub fn credentials_by_id(conn: &Connection, user: UserId) -> Result<Option<Credentials>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT u.id, u.guid, u.company_id, c.guid, c.key, u.username, u.password_hash, u.roles, u.operator,
                    u.enabled AND c.enabled, u.generation, u.timezone
             FROM users u JOIN companies c ON c.id = u.company_id WHERE u.id = :id",
        )?
        .query_row(named_params! { ":id": user.0 }, credentials_row)
        .optional()?)
}

/// The credentials of the enabled user whose e-mail address this is, by word of an ADMIN; of none if there are several.
pub fn credentials_by_email(conn: &Connection, email: &str) -> Result<Option<Credentials>, StoreError> {
    // Relies on users_by_confirmed_email.
    let found: Vec<Credentials> = conn
        .prepare_cached(
            "SELECT u.id, u.guid, u.company_id, c.guid, c.key, u.username, u.password_hash, u.roles, u.operator,
                    u.enabled AND c.enabled, u.generation, u.timezone
             FROM users u JOIN companies c ON c.id = u.company_id
             WHERE lower(u.email) = lower(:email) AND u.email_confirmed = 1 AND u.enabled = 1 AND c.enabled = 1
             LIMIT 2",
        )?
        .query_map(named_params! { ":email": email }, credentials_row)?
        .collect::<Result<_, _>>()?;
    Ok(<[Credentials; 1]>::try_from(found).ok().map(|[only]| only))
}

/// Notes whether an ADMIN vouches for a user's e-mail address.
pub fn confirm_email(tx: &WriteTx<'_>, id: UserId, confirmed: bool) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE users SET email_confirmed = :confirmed WHERE id = :id AND email IS NOT NULL")?
        .execute(named_params! { ":id": id.0, ":confirmed": confirmed })?;
    Ok(())
}

/// Writes what describes a user.
pub fn update_profile(
    tx: &WriteTx<'_>,
    id: UserId,
    specification: Option<&Specification>,
    email: Option<&Email>,
    phone: Option<&Phone>,
    attributes: &Attributes,
    now: Timestamp,
) -> Result<(), StoreError> {
    let attributes = serde_json::to_string(attributes).expect("pairs of strings serialise");
    tx.prepare_cached(
        "UPDATE users SET specification = :specification, email = :email, phone = :phone, attributes = :attributes,
                          edited_at = :now WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": id.0,
        ":specification": specification.map(Specification::as_str),
        ":email": email.map(Email::as_str),
        ":phone": phone.map(Phone::as_str),
        ":attributes": attributes,
        ":now": now.as_micros(),
    })?;
    Ok(())
}

/// Writes what a user may do.
pub fn update_rights(
    tx: &WriteTx<'_>,
    id: UserId,
    roles: Roles,
    operator: bool,
    enabled: bool,
    timezone: Timezone,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE users SET roles = :roles, operator = :operator, enabled = :enabled, timezone = :timezone,
                          edited_at = :now WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": id.0,
        ":roles": roles.to_stored(),
        ":operator": operator,
        ":enabled": enabled,
        ":timezone": timezone.hours(),
        ":now": now.as_micros(),
    })?;
    Ok(())
}

/// Replaces the password and begins a new credential generation; says which.
pub fn update_password(tx: &WriteTx<'_>, id: UserId, hash: &str, now: Timestamp) -> Result<i64, StoreError> {
    Ok(tx
        .prepare_cached(
            "UPDATE users SET password_hash = :hash, generation = generation + 1, edited_at = :now WHERE id = :id
             RETURNING generation",
        )?
        .query_row(named_params! { ":id": id.0, ":hash": hash, ":now": now.as_micros() }, |row| row.get(0))?)
}

/// Begins a new credential generation: every JWT of the user ends.
pub fn next_generation(tx: &WriteTx<'_>, id: UserId) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE users SET generation = generation + 1 WHERE id = :id")?
        .execute(named_params! { ":id": id.0 })?;
    Ok(())
}

/// How many enabled operators in enabled companies there are besides `but`.
pub fn other_operators(conn: &Connection, but: UserId) -> Result<i64, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT count(*) FROM users u JOIN companies c ON c.id = u.company_id
             WHERE u.operator = 1 AND u.enabled = 1 AND c.enabled = 1 AND u.id <> :but",
        )?
        .query_row(named_params! { ":but": but.0 }, |row| row.get(0))?)
}

/// How many enabled operators there are outside `company`.
pub fn operators_outside(conn: &Connection, company: CompanyId) -> Result<i64, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT count(*) FROM users u JOIN companies c ON c.id = u.company_id
             WHERE u.operator = 1 AND u.enabled = 1 AND c.enabled = 1 AND u.company_id <> :company",
        )?
        .query_row(named_params! { ":company": company.0 }, |row| row.get(0))?)
}
