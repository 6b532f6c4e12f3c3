//! Statements on `connector_systems` and `connector_merchants`: the same for both, each written out.

use rusqlite::{OptionalExtension, Row, named_params};

use super::at_most;
use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::connectors::model::{Code, Entry, Name, Register};
use crate::store::{Conn, StoreError, WriteTx};

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        id: row.get(0)?,
        code: row.get(1)?,
        name: row.get(2)?,
        enabled: row.get(3)?,
        created_at: Timestamp::from_micros(row.get(4)?),
        edited_at: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_micros),
    })
}

/// The row key of an enabled one.
pub fn enabled_id(conn: &Conn, register: Register, company: CompanyId, code: &str) -> Result<Option<i64>, StoreError> {
    let sql = match register {
        Register::Systems => "SELECT id FROM connector_systems WHERE company_id = ?1 AND code = ?2 AND enabled = 1",
        Register::Merchants => "SELECT id FROM connector_merchants WHERE company_id = ?1 AND code = ?2 AND enabled = 1",
    };
    Ok(conn.prepare_cached(sql)?.query_row((company.0, code), |row| row.get(0)).optional()?)
}

/// One of them, disabled ones too.
pub fn find(conn: &Conn, register: Register, company: CompanyId, code: &str) -> Result<Option<Entry>, StoreError> {
    let sql = match register {
        Register::Systems => {
            "SELECT id, code, name, enabled, created_at, edited_at FROM connector_systems
             WHERE company_id = ?1 AND code = ?2"
        }
        Register::Merchants => {
            "SELECT id, code, name, enabled, created_at, edited_at FROM connector_merchants
             WHERE company_id = ?1 AND code = ?2"
        }
    };
    Ok(conn.prepare_cached(sql)?.query_row((company.0, code), entry).optional()?)
}

/// The one with a row key.
pub fn get(conn: &Conn, register: Register, id: i64) -> Result<Option<Entry>, StoreError> {
    let sql = match register {
        Register::Systems => {
            "SELECT id, code, name, enabled, created_at, edited_at FROM connector_systems WHERE id = ?1"
        }
        Register::Merchants => {
            "SELECT id, code, name, enabled, created_at, edited_at FROM connector_merchants WHERE id = ?1"
        }
    };
    Ok(conn.prepare_cached(sql)?.query_row([id], entry).optional()?)
}

/// Up to `limit` of them whose code comes after `after`, by code.
pub fn list(
    conn: &Conn,
    register: Register,
    company: CompanyId,
    after: &str,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let sql = match register {
        Register::Systems => {
            "SELECT id, code, name, enabled, created_at, edited_at FROM connector_systems
             WHERE company_id = ?1 AND code > ?2 ORDER BY code LIMIT ?3"
        }
        Register::Merchants => {
            "SELECT id, code, name, enabled, created_at, edited_at FROM connector_merchants
             WHERE company_id = ?1 AND code > ?2 ORDER BY code LIMIT ?3"
        }
    };
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map((company.0, after, at_most(limit)), entry)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Registers one.
pub fn insert(
    tx: &WriteTx<'_>,
    register: Register,
    company: CompanyId,
    code: &Code,
    name: &Name,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = match register {
        Register::Systems => {
            "INSERT INTO connector_systems (company_id, code, name, created_at) VALUES (:company, :code, :name, :now)"
        }
        Register::Merchants => {
            "INSERT INTO connector_merchants (company_id, code, name, created_at) VALUES (:company, :code, :name, :now)"
        }
    };
    tx.prepare_cached(sql)?.execute(named_params! {
        ":company": company.0, ":code": code.as_str(), ":name": name.as_str(), ":now": now.as_micros(),
    })?;
    Ok(())
}

/// Changes the name, or whether the contract finds it, or both.
pub fn update(
    tx: &WriteTx<'_>,
    register: Register,
    id: i64,
    name: Option<&Name>,
    enabled: Option<bool>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = match register {
        Register::Systems => {
            "UPDATE connector_systems SET name = ifnull(:name, name), enabled = ifnull(:enabled, enabled), edited_at = :now
             WHERE id = :id"
        }
        Register::Merchants => {
            "UPDATE connector_merchants SET name = ifnull(:name, name), enabled = ifnull(:enabled, enabled), edited_at = :now
             WHERE id = :id"
        }
    };
    tx.prepare_cached(sql)?.execute(named_params! {
        ":id": id, ":name": name.map(Name::as_str), ":enabled": enabled, ":now": now.as_micros(),
    })?;
    Ok(())
}
