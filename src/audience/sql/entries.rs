//! Statements on `audience_lists` and `audience_resources`: the same for both, each written out.

use rusqlite::{OptionalExtension, Row, named_params};

use super::at_most;
use crate::audience::model::{Entry, Shelf, folded};
use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

fn entry(row: &Row<'_>) -> Result<Entry, rusqlite::Error> {
    Ok(Entry {
        id: row.get(0)?,
        name: row.get(1)?,
        enabled: row.get(2)?,
        profiles: row.get(3)?,
        created_at: Timestamp::from_micros(row.get(4)?),
        edited_at: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_micros),
    })
}

/// One of them, disabled ones too.
pub fn find(conn: &Conn, shelf: Shelf, company: CompanyId, id: i64) -> Result<Option<Entry>, StoreError> {
    let sql = match shelf {
        Shelf::Lists => {
            "SELECT id, name, enabled, profiles, created_at, edited_at FROM audience_lists
             WHERE company_id = :company AND id = :id"
        }
        Shelf::Resources => {
            "SELECT id, name, enabled, 0, created_at, edited_at FROM audience_resources
             WHERE company_id = :company AND id = :id"
        }
    };
    let mut statement = conn.prepare_cached(sql)?;
    Ok(statement.query_row(named_params! { ":company": company.0, ":id": id }, entry).optional()?)
}

/// Up to `limit` of them with a number of at least `from`, by number.
pub fn list(
    conn: &Conn,
    shelf: Shelf,
    company: CompanyId,
    from: i64,
    limit: usize,
    only_enabled: bool,
) -> Result<Vec<Entry>, StoreError> {
    let sql = match shelf {
        Shelf::Lists => {
            "SELECT id, name, enabled, profiles, created_at, edited_at FROM audience_lists
             WHERE company_id = :company AND id >= :from AND enabled >= :enabled ORDER BY id LIMIT :limit"
        }
        Shelf::Resources => {
            "SELECT id, name, enabled, 0, created_at, edited_at FROM audience_resources
             WHERE company_id = :company AND id >= :from AND enabled >= :enabled ORDER BY id LIMIT :limit"
        }
    };
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map(
        named_params! { ":company": company.0, ":from": from, ":enabled": i64::from(only_enabled), ":limit": at_most(limit) },
        entry,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The one with this name, in any case.
pub fn by_name(conn: &Conn, shelf: Shelf, company: CompanyId, name: &str) -> Result<Option<Entry>, StoreError> {
    // Relies on the unique index on (company_id, name_folded).
    let sql = match shelf {
        Shelf::Lists => {
            "SELECT id, name, enabled, profiles, created_at, edited_at FROM audience_lists
             WHERE company_id = :company AND name_folded = :name"
        }
        Shelf::Resources => {
            "SELECT id, name, enabled, 0, created_at, edited_at FROM audience_resources
             WHERE company_id = :company AND name_folded = :name"
        }
    };
    let mut statement = conn.prepare_cached(sql)?;
    Ok(statement.query_row(named_params! { ":company": company.0, ":name": folded(name) }, entry).optional()?)
}

/// How many enabled ones there are.
pub fn count(conn: &Conn, shelf: Shelf, company: CompanyId) -> Result<i64, StoreError> {
    let sql = match shelf {
        Shelf::Lists => "SELECT count(*) FROM audience_lists WHERE company_id = :company AND enabled = 1",
        Shelf::Resources => "SELECT count(*) FROM audience_resources WHERE company_id = :company AND enabled = 1",
    };
    Ok(conn.prepare_cached(sql)?.query_row(named_params! { ":company": company.0 }, |row| row.get(0))?)
}

/// Adds one. Without a number it gets the one after the highest; rows are never deleted, so none comes twice.
pub fn insert(
    tx: &WriteTx<'_>,
    shelf: Shelf,
    company: CompanyId,
    id: Option<i64>,
    name: &str,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let sql = match shelf {
        Shelf::Lists => {
            "INSERT INTO audience_lists (company_id, id, name, name_folded, created_at)
             SELECT :company, ifnull(:id, (SELECT ifnull(max(id), 0) + 1 FROM audience_lists WHERE company_id = :company)),
                    :name, :folded, :now
             RETURNING id"
        }
        Shelf::Resources => {
            "INSERT INTO audience_resources (company_id, id, name, name_folded, created_at)
             SELECT :company,
                    ifnull(:id, (SELECT ifnull(max(id), 0) + 1 FROM audience_resources WHERE company_id = :company)),
                    :name, :folded, :now
             RETURNING id"
        }
    };
    Ok(tx.prepare_cached(sql)?.query_row(
        named_params! {
            ":company": company.0, ":id": id, ":name": name, ":folded": folded(name), ":now": now.as_micros(),
        },
        |row| row.get(0),
    )?)
}

/// Changes the name, or whether the contract finds it, or both.
pub fn update(
    tx: &WriteTx<'_>,
    shelf: Shelf,
    company: CompanyId,
    id: i64,
    name: Option<&str>,
    enabled: Option<bool>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = match shelf {
        Shelf::Lists => {
            "UPDATE audience_lists SET name = ifnull(:name, name), name_folded = ifnull(:folded, name_folded),
                    enabled = ifnull(:enabled, enabled), edited_at = :now
             WHERE company_id = :company AND id = :id"
        }
        Shelf::Resources => {
            "UPDATE audience_resources SET name = ifnull(:name, name), name_folded = ifnull(:folded, name_folded),
                    enabled = ifnull(:enabled, enabled), edited_at = :now
             WHERE company_id = :company AND id = :id"
        }
    };
    tx.prepare_cached(sql)?.execute(named_params! {
        ":company": company.0, ":id": id, ":name": name, ":folded": name.map(folded), ":enabled": enabled,
        ":now": now.as_micros(),
    })?;
    Ok(())
}
