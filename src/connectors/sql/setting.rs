//! The statements that set values: made ready once for a request, however many items it has.

use rusqlite::{CachedStatement, OptionalExtension};

use super::Columns;
use super::series::Identity;
use crate::auth::model::CompanyId;
use crate::connectors::model::{SeriesId, UnixSeconds};
use crate::connectors::value::Value;
use crate::store::{StoreError, WriteTx};

/// Sets values at one instant.
pub struct Setter<'tx> {
    at: UnixSeconds,
    look: CachedStatement<'tx>,
    change: CachedStatement<'tx>,
    begin: CachedStatement<'tx>,
    put: CachedStatement<'tx>,
}

/// A series that a value was put into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Put {
    /// Its number.
    pub id: SeriesId,
    /// Whether the value is the newest by timestamp now.
    pub newest: bool,
    /// Whether a rule may look at it.
    pub watched: bool,
}

impl<'tx> Setter<'tx> {
    /// Ready to set values at `at`.
    pub fn new(tx: &'tx WriteTx<'_>, at: UnixSeconds) -> Result<Self, StoreError> {
        // A look and a change find the row twice, in pages that are at hand the second time. `RETURNING` would find it once
        // and make a table in memory for its one row: that costs more.
        Ok(Self {
            at,
            look: tx.prepare_cached(
                "SELECT id, latest_at, thinned_until, watched FROM connector_series
                 WHERE company_id = ?1 AND key = ?2 AND system_id = ?3 AND merchant_id = ?4",
            )?,
            // No index holds what is changed here.
            change: tx.prepare_cached(
                "UPDATE connector_series SET
                    kind = CASE WHEN ?5 >= latest_at THEN ?6 ELSE kind END,
                    number = CASE WHEN ?5 >= latest_at THEN ?7 ELSE number END,
                    text = CASE WHEN ?5 >= latest_at THEN ?8 ELSE text END,
                    latest_at = max(latest_at, ?5),
                    thinned_until = min(thinned_until, ?5)
                 WHERE company_id = ?1 AND key = ?2 AND system_id = ?3 AND merchant_id = ?4",
            )?,
            begin: tx.prepare_cached(
                "INSERT INTO connector_series
                    (company_id, key, system_id, merchant_id, latest_at, kind, number, text, id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?,
            put: tx.prepare_cached(
                "INSERT INTO connector_values (series_id, at, kind, number, text) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (series_id, at)
                 DO UPDATE SET kind = excluded.kind, number = excluded.number, text = excluded.text",
            )?,
        })
    }

    /// Sets the value of a series, if there is one already.
    pub fn set(&mut self, of: Identity<'_>, value: &Value) -> Result<Option<Put>, StoreError> {
        let known = self
            .look
            .query_row((of.company.0, of.key, of.system, of.merchant), |row| {
                let (id, latest, thinned): (i64, UnixSeconds, UnixSeconds) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok((SeriesId(id), latest, thinned, row.get(3)?))
            })
            .optional()?;
        let Some((id, latest, thinned, watched)) = known else { return Ok(None) };
        let newest = self.at >= latest;
        let Columns { kind, number, text } = Columns::of(value);
        if newest || self.at < thinned {
            let of = (of.company.0, of.key, of.system, of.merchant);
            self.change.execute((of.0, of.1, of.2, of.3, self.at, kind, &number, text))?;
        }
        self.put.execute((id.0, self.at, kind, &number, text))?;
        Ok(Some(Put { id, newest, watched }))
    }

    /// Begins a series with its first value, as number `id`.
    pub fn begin(&mut self, id: SeriesId, of: Identity<'_>, value: &Value) -> Result<(), StoreError> {
        let Columns { kind, number, text } = Columns::of(value);
        self.begin.execute((of.company.0, of.key, of.system, of.merchant, self.at, kind, &number, text, id.0))?;
        self.put.execute((id.0, self.at, kind, &number, text))?;
        Ok(())
    }
}

/// The number of the next new series.
pub fn next_id(tx: &WriteTx<'_>) -> Result<SeriesId, StoreError> {
    let mut statement = tx.prepare_cached("SELECT ifnull(max(id), 0) + 1 FROM connector_series")?;
    Ok(SeriesId(statement.query_row([], |row| row.get(0))?))
}

/// Whether a company has any alert rule.
pub fn has_rules(tx: &WriteTx<'_>, company: CompanyId) -> Result<bool, StoreError> {
    Ok(tx.prepare_cached("SELECT 1 FROM connector_alert_rules WHERE company_id = ?1")?.exists([company.0])?)
}
