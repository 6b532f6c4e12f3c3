//! Statements on `connector_series`.

use rusqlite::{OptionalExtension, named_params};

use super::{NUMBER, at_most, value};
use crate::auth::model::CompanyId;
use crate::connectors::model::{SeriesId, UnixSeconds};
use crate::connectors::value::{Number, Value};
use crate::store::{Conn, StoreError};

/// What a series is of: a key of a system and a merchant, by their row keys; merchant 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity<'a> {
    /// Whose.
    pub company: CompanyId,
    /// The key.
    pub key: &'a str,
    /// The system.
    pub system: i64,
    /// The merchant.
    pub merchant: i64,
}

/// The number of a series.
pub fn find(conn: &Conn, of: Identity<'_>) -> Result<Option<SeriesId>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT id FROM connector_series
             WHERE company_id = ?1 AND key = ?2 AND system_id = ?3 AND merchant_id = ?4",
        )?
        .query_row((of.company.0, of.key, of.system, of.merchant), |row| row.get(0).map(SeriesId))
        .optional()?)
}

/// The newest value of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Latest {
    /// The key.
    pub key: String,
    /// The system's row key.
    pub system: i64,
    /// The merchant's; 0: none.
    pub merchant: i64,
    /// When it was so.
    pub at: UnixSeconds,
    /// The value.
    pub value: Value,
}

fn latest_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Latest> {
    Ok(Latest { key: row.get(0)?, system: row.get(1)?, merchant: row.get(2)?, at: row.get(3)?, value: value(row, 4)? })
}

/// Where a page of newest values begins: after this key, system and merchant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The key.
    pub key: String,
    /// The system's row key.
    pub system: i64,
    /// The merchant's.
    pub merchant: i64,
}

/// Which newest values are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Whose.
    pub company: CompanyId,
    /// Those of this system.
    pub system: Option<i64>,
    /// Those of this merchant; 0: of none.
    pub merchant: Option<i64>,
    /// Those whose key begins with this.
    pub prefix: String,
}

/// Up to `limit` newest values after `after`, by key, system and merchant, until they have more than `bytes` bytes of
/// text. Whether that was all.
pub fn latest(
    conn: &Conn,
    wanted: &Wanted,
    after: &Place,
    limit: usize,
    bytes: usize,
) -> Result<(Vec<Latest>, bool), StoreError> {
    // A key is never empty, so nothing comes before the first place.
    let from = if after.key > wanted.prefix { &after.key } else { &wanted.prefix };
    let mut statement;
    let mut rows = if let Some(system) = wanted.system {
        // The index of a system, and then the row of each.
        statement = conn.prepare_cached(
            "SELECT key, system_id, merchant_id, latest_at, kind, number, text FROM connector_series
             WHERE company_id = :company AND system_id = :system AND key >= :from
                   AND (key, merchant_id) > (:key, :after_merchant)
                   AND (:merchant IS NULL OR merchant_id = :merchant)
             ORDER BY key, merchant_id",
        )?;
        statement.query(named_params! {
            ":company": wanted.company.0, ":system": system, ":merchant": wanted.merchant, ":from": from,
            ":key": after.key, ":after_merchant": after.merchant,
        })?
    } else {
        // The primary key in its order.
        statement = conn.prepare_cached(
            "SELECT key, system_id, merchant_id, latest_at, kind, number, text FROM connector_series
             WHERE company_id = :company AND key >= :from
                   AND (key, system_id, merchant_id) > (:key, :after_system, :after_merchant)
                   AND (:merchant IS NULL OR merchant_id = :merchant)
             ORDER BY key, system_id, merchant_id",
        )?;
        statement.query(named_params! {
            ":company": wanted.company.0, ":merchant": wanted.merchant, ":from": from,
            ":key": after.key, ":after_system": after.system, ":after_merchant": after.merchant,
        })?
    };
    let (mut found, mut size) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        if !row.get_ref(0)?.as_str().is_ok_and(|key| key.starts_with(&wanted.prefix)) {
            break;
        }
        if found.len() == limit || size > bytes {
            return Ok((found, false));
        }
        let read = latest_row(row)?;
        if let Value::Text(text) = &read.value {
            size += text.len();
        }
        found.push(read);
    }
    Ok((found, true))
}

/// The first key of a company, or of one of its systems, that is `from` or comes after it.
pub fn first_key(
    conn: &Conn,
    company: CompanyId,
    system: Option<i64>,
    from: &str,
) -> Result<Option<String>, StoreError> {
    let found = match system {
        Some(system) => conn
            .prepare_cached(
                "SELECT key FROM connector_series WHERE company_id = ?1 AND system_id = ?2 AND key >= ?3
                 ORDER BY key LIMIT 1",
            )?
            .query_row((company.0, system, from), |row| row.get(0)),
        None => conn
            .prepare_cached(
                "SELECT key FROM connector_series WHERE company_id = ?1 AND key >= ?2 ORDER BY key LIMIT 1",
            )?
            .query_row((company.0, from), |row| row.get(0)),
    };
    Ok(found.optional()?)
}

/// The newest numbers of a company's enabled systems and merchants, by key: up to `limit`; and how many more there are.
pub fn numbers(conn: &Conn, company: CompanyId, limit: usize) -> Result<(Vec<(Latest, Number)>, u64), StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT s.key, s.system_id, s.merchant_id, s.latest_at, s.kind, s.number, s.text FROM connector_series s
         WHERE s.company_id = :company AND s.kind = :number
               AND (SELECT enabled FROM connector_systems WHERE id = s.system_id)
               AND (s.merchant_id = 0 OR (SELECT enabled FROM connector_merchants WHERE id = s.merchant_id))
         ORDER BY s.key, s.system_id, s.merchant_id",
    )?;
    let mut rows = statement.query(named_params! { ":company": company.0, ":number": NUMBER })?;
    let (mut found, mut more) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        if found.len() >= limit {
            more += 1;
            continue;
        }
        let latest = latest_row(row)?;
        if let Value::Number(number) = &latest.value {
            let number = number.clone();
            found.push((latest, number));
        }
    }
    Ok((found, more))
}

/// Series whose newest value is not the newest of their rows: up to `limit` of their numbers.
pub fn strayed(conn: &Conn, limit: usize) -> Result<Vec<i64>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT s.id FROM connector_series s
         LEFT JOIN connector_values v ON v.series_id = s.id
              AND v.at = (SELECT max(at) FROM connector_values WHERE series_id = s.id)
         WHERE v.at IS NOT s.latest_at OR v.kind IS NOT s.kind OR v.number IS NOT s.number OR v.text IS NOT s.text
         LIMIT ?1",
    )?;
    let rows = statement.query_map([at_most(limit)], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
