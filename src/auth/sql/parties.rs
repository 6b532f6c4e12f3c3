//! Statements on `parties`, `user_parties` and `company_zones`.

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::{checked, instant, instant_option, unreadable};
use crate::auth::model::{CompanyId, DEFAULT_ZONE, Gln, Party, PartyId, PartyKind, PartyName, UserId, zone};
use crate::auth::parties::NewParty;
use crate::clock::Timestamp;
use crate::store::{StoreError, WriteTx};

fn party(row: &Row<'_>) -> rusqlite::Result<Party> {
    let named = |column: usize| -> rusqlite::Result<Option<chrono_tz::Tz>> {
        let name: Option<String> = row.get(column)?;
        name.map(|name| zone(&name).map_err(|rule| unreadable(column, &rule.0))).transpose()
    };
    let own_zone = named(4)?;
    Ok(Party {
        id: PartyId(row.get(0)?),
        gln: checked(row, 1, Gln::parse)?,
        name: checked(row, 2, PartyName::parse)?,
        kind: checked(row, 3, |word| PartyKind::parse(&word))?,
        own_zone,
        zone: own_zone.or(named(5)?).unwrap_or(DEFAULT_ZONE),
        enabled: row.get(6)?,
        created_at: instant(row, 7)?,
        edited_at: instant_option(row, 8)?,
    })
}

/// The party with this number.
pub fn find(conn: &Connection, company: CompanyId, id: PartyId) -> Result<Option<Party>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT p.id, p.gln, p.name, p.kind, p.zone, z.zone, p.enabled, p.created_at, p.edited_at
             FROM parties p LEFT JOIN company_zones z ON z.company_id = p.company_id
             WHERE p.company_id = :company AND p.id = :id",
        )?
        .query_row(named_params! { ":company": company.0, ":id": id.0 }, party)
        .optional()?)
}

/// The party with this GLN.
pub fn find_by_gln(conn: &Connection, company: CompanyId, gln: &Gln) -> Result<Option<Party>, StoreError> {
    // Relies on the unique index on (company_id, gln).
    Ok(conn
        .prepare_cached(
            "SELECT p.id, p.gln, p.name, p.kind, p.zone, z.zone, p.enabled, p.created_at, p.edited_at
             FROM parties p LEFT JOIN company_zones z ON z.company_id = p.company_id
             WHERE p.company_id = :company AND p.gln = :gln",
        )?
        .query_row(named_params! { ":company": company.0, ":gln": gln.as_str() }, party)
        .optional()?)
}

/// Up to `limit` parties of a company after number `after`, by number.
pub fn list(conn: &Connection, company: CompanyId, after: i64, limit: usize) -> Result<Vec<Party>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT p.id, p.gln, p.name, p.kind, p.zone, z.zone, p.enabled, p.created_at, p.edited_at
             FROM parties p LEFT JOIN company_zones z ON z.company_id = p.company_id
             WHERE p.company_id = :company AND p.id > :after ORDER BY p.id LIMIT :limit",
        )?
        .query_map(
            named_params! {
                ":company": company.0,
                ":after": after,
                ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
            },
            party,
        )?
        .collect::<Result<_, _>>()?)
}

/// Up to `limit` parties that a user is bound to, after number `after`, by number.
pub fn list_bound(conn: &Connection, user: UserId, after: i64, limit: usize) -> Result<Vec<Party>, StoreError> {
    // Relies on the primary key of user_parties.
    Ok(conn
        .prepare_cached(
            "SELECT p.id, p.gln, p.name, p.kind, p.zone, z.zone, p.enabled, p.created_at, p.edited_at
             FROM user_parties u JOIN parties p ON p.company_id = u.company_id AND p.id = u.party_id
             LEFT JOIN company_zones z ON z.company_id = p.company_id
             WHERE u.user_id = :user AND u.party_id > :after ORDER BY u.party_id LIMIT :limit",
        )?
        .query_map(
            named_params! {
                ":user": user.0,
                ":after": after,
                ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
            },
            party,
        )?
        .collect::<Result<_, _>>()?)
}

/// Whether a user is bound to any party, or to this one.
pub fn is_bound(conn: &Connection, user: UserId, party: Option<PartyId>) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM user_parties
                            WHERE user_id = :user AND party_id BETWEEN ifnull(:party, 0) AND ifnull(:party, :last))",
        )?
        .query_row(
            named_params! { ":user": user.0, ":party": party.map(|party| party.0), ":last": PartyId::MAX },
            |row| row.get(0),
        )?)
}

/// Adds a party. Without a number it gets the one after the highest.
pub fn insert(tx: &WriteTx<'_>, company: CompanyId, new: &NewParty, now: Timestamp) -> Result<PartyId, StoreError> {
    let id = tx
        .prepare_cached(
            "INSERT INTO parties (company_id, id, gln, name, kind, zone, created_at)
             SELECT :company, ifnull(:id, (SELECT ifnull(max(id), 0) + 1 FROM parties WHERE company_id = :company)),
                    :gln, :name, :kind, :zone, :now
             RETURNING id",
        )?
        .query_row(
            named_params! {
                ":company": company.0,
                ":id": new.id.map(|id| id.0),
                ":gln": new.gln.as_str(),
                ":name": new.name.as_str(),
                ":kind": new.kind.as_str(),
                ":zone": new.zone.map(chrono_tz::Tz::name),
                ":now": now.as_micros(),
            },
            |row| row.get(0),
        )?;
    Ok(PartyId(id))
}

/// Writes what a party is.
pub fn update(tx: &WriteTx<'_>, company: CompanyId, party: &Party, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE parties SET name = :name, kind = :kind, zone = :zone, enabled = :enabled, edited_at = :now
         WHERE company_id = :company AND id = :id",
    )?
    .execute(named_params! {
        ":company": company.0,
        ":id": party.id.0,
        ":name": party.name.as_str(),
        ":kind": party.kind.as_str(),
        ":zone": party.own_zone.map(chrono_tz::Tz::name),
        ":enabled": party.enabled,
        ":now": now.as_micros(),
    })?;
    Ok(())
}

/// Unbinds a user from every party.
pub fn unbind_all(tx: &WriteTx<'_>, user: UserId) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM user_parties WHERE user_id = :user")?.execute(named_params! { ":user": user.0 })?;
    Ok(())
}

/// Binds a user to a party.
pub fn bind(tx: &WriteTx<'_>, user: UserId, company: CompanyId, party: PartyId) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT OR IGNORE INTO user_parties (user_id, company_id, party_id) VALUES (:user, :company, :party)",
    )?
    .execute(named_params! { ":user": user.0, ":company": company.0, ":party": party.0 })?;
    Ok(())
}

/// The zone of a company, if it has said.
pub fn company_zone(conn: &Connection, company: CompanyId) -> Result<Option<String>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT zone FROM company_zones WHERE company_id = :company")?
        .query_row(named_params! { ":company": company.0 }, |row| row.get(0))
        .optional()?)
}

/// Sets the zone of a company.
pub fn set_company_zone(tx: &WriteTx<'_>, company: CompanyId, zone: chrono_tz::Tz) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO company_zones (company_id, zone) VALUES (:company, :zone)
         ON CONFLICT (company_id) DO UPDATE SET zone = excluded.zone",
    )?
    .execute(named_params! { ":company": company.0, ":zone": zone.name() })?;
    Ok(())
}
