//! Statements on `api_tokens` and `revoked_jwts`.

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use uuid::Uuid;

use super::{checked, guid, instant, instant_option};
use crate::auth::model::{ApiToken, CompanyId, Grant, TokenName, UserId, Username};
use crate::clock::Timestamp;
use crate::store::{StoreError, WriteTx};

fn token(row: &Row<'_>) -> rusqlite::Result<ApiToken> {
    Ok(ApiToken {
        guid: guid(row, 0)?,
        user_id: UserId(row.get(1)?),
        username: checked(row, 2, Username::parse)?,
        company_id: CompanyId(row.get(3)?),
        name: checked(row, 4, TokenName::parse)?,
        hint: row.get(5)?,
        grant: checked(row, 6, |word| Grant::parse(&word))?,
        created_at: instant(row, 7)?,
        expires_at: instant_option(row, 8)?,
        last_used_at: instant_option(row, 9)?,
    })
}

/// Adds a token by the hash of its secret.
///
/// `made_with` is the token whose bearer asked for it, if one did.
pub fn insert(
    tx: &WriteTx<'_>,
    token: &ApiToken,
    secret_hash: &[u8; 32],
    made_with: Option<Uuid>,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO api_tokens (guid, company_id, user_id, name, hint, secret_hash, granted, made_with, created_at,
                                 expires_at)
         VALUES (:guid, :company, :user, :name, :hint, :secret_hash, :granted,
                 (SELECT id FROM api_tokens WHERE guid = :made_with), :created_at, :expires_at)",
    )?
    .execute(named_params! {
        ":guid": token.guid.to_string(),
        ":company": token.company_id.0,
        ":user": token.user_id.0,
        ":name": token.name.as_str(),
        ":hint": token.hint,
        ":secret_hash": secret_hash.as_slice(),
        ":granted": token.grant.as_str(),
        ":made_with": made_with.map(|id| id.to_string()),
        ":created_at": token.created_at.as_micros(),
        ":expires_at": token.expires_at.map(Timestamp::as_micros),
    })?;
    Ok(())
}

/// The token with this secret.
pub fn find_by_secret(conn: &Connection, secret_hash: &[u8; 32]) -> Result<Option<ApiToken>, StoreError> {
    // Relies on the unique index on secret_hash.
    Ok(conn
        .prepare_cached(
            "SELECT t.guid, t.user_id, u.username, t.company_id, t.name, t.hint, t.granted, t.created_at, t.expires_at,
                    t.last_used_at
             FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.secret_hash = :secret_hash",
        )?
        .query_row(named_params! { ":secret_hash": secret_hash.as_slice() }, token)
        .optional()?)
}

/// The token with this id.
pub fn find(conn: &Connection, id: Uuid) -> Result<Option<ApiToken>, StoreError> {
    // Relies on the unique index on guid.
    Ok(conn
        .prepare_cached(
            "SELECT t.guid, t.user_id, u.username, t.company_id, t.name, t.hint, t.granted, t.created_at, t.expires_at,
                    t.last_used_at
             FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.guid = :guid",
        )?
        .query_row(named_params! { ":guid": id.to_string() }, token)
        .optional()?)
}

/// Up to `limit` tokens of `company` made after the one with row key `after`, oldest first, with their row keys;
/// of one user only, if given.
pub fn list(
    conn: &Connection,
    company: CompanyId,
    user: Option<UserId>,
    after: i64,
    limit: usize,
) -> Result<Vec<(i64, ApiToken)>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let with_key = |row: &Row<'_>| Ok((row.get(10)?, token(row)?));
    let rows = match user {
        // Relies on api_tokens_by_user.
        Some(user) => conn
            .prepare_cached(
                "SELECT t.guid, t.user_id, u.username, t.company_id, t.name, t.hint, t.granted, t.created_at,
                        t.expires_at, t.last_used_at, t.id
                 FROM api_tokens t JOIN users u ON u.id = t.user_id
                 WHERE t.user_id = :user AND t.company_id = :company AND t.id > :after ORDER BY t.id LIMIT :limit",
            )?
            .query_map(
                named_params! { ":user": user.0, ":company": company.0, ":after": after, ":limit": limit },
                with_key,
            )?
            .collect::<Result<_, _>>()?,
        // Relies on api_tokens_by_company.
        None => conn
            .prepare_cached(
                "SELECT t.guid, t.user_id, u.username, t.company_id, t.name, t.hint, t.granted, t.created_at,
                        t.expires_at, t.last_used_at, t.id
                 FROM api_tokens t JOIN users u ON u.id = t.user_id
                 WHERE t.company_id = :company AND t.id > :after ORDER BY t.id LIMIT :limit",
            )?
            .query_map(named_params! { ":company": company.0, ":after": after, ":limit": limit }, with_key)?
            .collect::<Result<_, _>>()?,
    };
    Ok(rows)
}

/// Removes a token: it no longer works and is no longer listed.
pub fn delete(tx: &WriteTx<'_>, id: Uuid) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM api_tokens WHERE guid = :guid")?
        .execute(named_params! { ":guid": id.to_string() })?;
    Ok(())
}

/// Removes every token of a user.
pub fn delete_all(tx: &WriteTx<'_>, user: UserId) -> Result<(), StoreError> {
    // Relies on api_tokens_by_user.
    tx.prepare_cached("DELETE FROM api_tokens WHERE user_id = :user")?.execute(named_params! { ":user": user.0 })?;
    Ok(())
}

/// Notes that a token was used.
pub fn touch(tx: &WriteTx<'_>, id: Uuid, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE api_tokens SET last_used_at = :now WHERE guid = :guid")?
        .execute(named_params! { ":guid": id.to_string(), ":now": now.as_micros() })?;
    Ok(())
}

/// Ends one JWT before its time, and forgets those whose time has come anyway.
pub fn revoke_jwt(tx: &WriteTx<'_>, jti: Uuid, expires_at: Timestamp, now: Timestamp) -> Result<(), StoreError> {
    // Relies on revoked_jwts_by_expiry.
    tx.prepare_cached("DELETE FROM revoked_jwts WHERE expires_at < :now")?
        .execute(named_params! { ":now": now.as_micros() })?;
    tx.prepare_cached("INSERT OR IGNORE INTO revoked_jwts (jti, expires_at) VALUES (:jti, :expires_at)")?
        .execute(named_params! { ":jti": jti.to_string(), ":expires_at": expires_at.as_micros() })?;
    Ok(())
}

/// Ends one JWT for good, in whatever copy of the database `conn` is.
pub fn bury_jwt(conn: &Connection, jti: Uuid) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT OR IGNORE INTO revoked_jwts (jti, expires_at) VALUES (:jti, :never)")?
        .execute(named_params! { ":jti": jti.to_string(), ":never": i64::MAX })?;
    Ok(())
}

/// Whether this JWT was signed out.
pub fn is_revoked(conn: &Connection, jti: Uuid) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM revoked_jwts WHERE jti = :jti)")?
        .query_row(named_params! { ":jti": jti.to_string() }, |row| row.get(0))?)
}
