//! Statements on `connector_alert_rules` and `connector_watches`.

use rusqlite::{OptionalExtension, Row, named_params};
use uuid::Uuid;

use super::{NUMBER, at_most, figure, unreadable};
use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::connectors::alerting::{Condition, Newest, Terms, Whose};
use crate::connectors::model::{Key, Name, SeriesId, UnixSeconds};
use crate::connectors::sql::series::Identity;
use crate::connectors::value::Value;
use crate::store::{Conn, StoreError, WriteTx};

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertRule {
    /// Row key.
    pub id: i64,
    /// Its id on the wire.
    pub guid: Uuid,
    /// Whose it is.
    pub company: CompanyId,
    /// What it says.
    pub terms: Terms,
    /// It was deleted, and its alerts are still to be ended.
    pub deleted: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed, if ever.
    pub edited_at: Option<Timestamp>,
}

fn guid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    Uuid::parse_str(row.get_ref(column)?.as_str().unwrap_or_default()).map_err(|_| unreadable(column, "is no UUID"))
}

fn rule(row: &Row<'_>) -> rusqlite::Result<AlertRule> {
    let bounds = || Ok::<_, rusqlite::Error>((row.get(8)?, row.get(9)?));
    let condition = match row.get::<_, u8>(7)? {
        1 => bounds().map(|(threshold, clear)| Condition::Above { threshold, clear })?,
        2 => bounds().map(|(threshold, clear)| Condition::Below { threshold, clear })?,
        3 => Condition::NoData { silence: row.get(10)? },
        _ => return Err(unreadable(7, "no condition has this number")),
    };
    let terms = Terms {
        name: Name::parse(row.get_ref(3)?.as_str().unwrap_or_default()).map_err(|_| unreadable(3, "is no name"))?,
        key: Key::parse(row.get::<_, String>(4)?).map_err(|_| unreadable(4, "is no key"))?,
        system: row.get(5)?,
        merchant: match row.get(6)? {
            None => Whose::Any,
            Some(0) => Whose::None,
            Some(id) => Whose::One(id),
        },
        condition,
        enabled: row.get(11)?,
    };
    Ok(AlertRule {
        id: row.get(0)?,
        guid: guid(row, 1)?,
        company: CompanyId(row.get(2)?),
        terms,
        deleted: row.get(12)?,
        created_at: Timestamp::from_micros(row.get(13)?),
        edited_at: row.get::<_, Option<i64>>(14)?.map(Timestamp::from_micros),
    })
}

/// A rule's terms as columns.
struct Columns {
    merchant: Option<i64>,
    condition: u8,
    threshold: Option<f64>,
    clear: Option<f64>,
    silence: Option<i64>,
}

impl Columns {
    fn of(terms: &Terms) -> Self {
        let merchant = match terms.merchant {
            Whose::Any => None,
            Whose::None => Some(0),
            Whose::One(id) => Some(id),
        };
        let (condition, threshold, clear, silence) = match terms.condition {
            Condition::Above { threshold, clear } => (1, Some(threshold), Some(clear), None),
            Condition::Below { threshold, clear } => (2, Some(threshold), Some(clear), None),
            Condition::NoData { silence } => (3, None, None, Some(silence)),
        };
        Self { merchant, condition, threshold, clear, silence }
    }
}

/// Adds a rule; its row key.
pub fn insert(
    tx: &WriteTx<'_>,
    company: CompanyId,
    guid: Uuid,
    terms: &Terms,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let columns = Columns::of(terms);
    tx.prepare_cached(
        "INSERT INTO connector_alert_rules
            (guid, company_id, name, key, system_id, merchant_id, condition, threshold, clear, silence, enabled, created_at)
         VALUES (:guid, :company, :name, :key, :system, :merchant, :condition, :threshold, :clear, :silence, :enabled, :now)",
    )?
    .execute(named_params! {
        ":guid": guid.to_string(), ":company": company.0, ":name": terms.name.as_str(), ":key": terms.key.as_str(),
        ":system": terms.system, ":merchant": columns.merchant, ":condition": columns.condition,
        ":threshold": columns.threshold, ":clear": columns.clear, ":silence": columns.silence,
        ":enabled": terms.enabled, ":now": now.as_micros(),
    })?;
    Ok(tx.last_insert_rowid())
}

/// Rewrites a rule, but for what it looks at.
pub fn update(tx: &WriteTx<'_>, id: i64, terms: &Terms, now: Timestamp) -> Result<(), StoreError> {
    let columns = Columns::of(terms);
    tx.prepare_cached(
        "UPDATE connector_alert_rules SET name = :name, condition = :condition, threshold = :threshold, clear = :clear,
                silence = :silence, enabled = :enabled, edited_at = :now
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": id, ":name": terms.name.as_str(), ":condition": columns.condition, ":threshold": columns.threshold,
        ":clear": columns.clear, ":silence": columns.silence, ":enabled": terms.enabled, ":now": now.as_micros(),
    })?;
    Ok(())
}

/// Marks a rule as deleted.
pub fn mark_deleted(tx: &WriteTx<'_>, id: i64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE connector_alert_rules SET deleted = 1 WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// Forgets a rule that watches nothing.
pub fn delete(tx: &WriteTx<'_>, id: i64) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM connector_alert_rules WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// A company's rule.
pub fn find(conn: &Conn, company: CompanyId, guid: Uuid) -> Result<Option<AlertRule>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT id, guid, company_id, name, key, system_id, merchant_id, condition, threshold, clear, silence, enabled,
                    deleted, created_at, edited_at
             FROM connector_alert_rules WHERE guid = ?1 AND company_id = ?2 AND deleted = 0",
        )?
        .query_row((guid.to_string(), company.0), rule)
        .optional()?)
}

/// The rule with a row key, deleted or not.
pub fn get(conn: &Conn, id: i64) -> Result<Option<AlertRule>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT id, guid, company_id, name, key, system_id, merchant_id, condition, threshold, clear, silence, enabled,
                    deleted, created_at, edited_at
             FROM connector_alert_rules WHERE id = ?1",
        )?
        .query_row([id], rule)
        .optional()?)
}

/// Up to `limit` rules of a company after row key `after`, oldest first.
pub fn list(conn: &Conn, company: CompanyId, after: i64, limit: usize) -> Result<Vec<AlertRule>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, guid, company_id, name, key, system_id, merchant_id, condition, threshold, clear, silence, enabled,
                deleted, created_at, edited_at
         FROM connector_alert_rules WHERE company_id = ?1 AND id > ?2 AND deleted = 0 ORDER BY id LIMIT ?3",
    )?;
    let rows = statement.query_map((company.0, after, at_most(limit)), rule)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many rules a company has.
pub fn count(conn: &Conn, company: CompanyId) -> Result<i64, StoreError> {
    Ok(conn
        .prepare_cached("SELECT count(*) FROM connector_alert_rules WHERE company_id = ?1 AND deleted = 0")?
        .query_row([company.0], |row| row.get(0))?)
}

/// Has a rule watch every series that it is about; they are looked at, at `now`.
pub fn watch_all(tx: &WriteTx<'_>, rule: i64, now: UnixSeconds) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO connector_watches (series_id, rule_id, company_id, due_at)
         SELECT s.id, r.id, r.company_id, :now FROM connector_alert_rules r
         JOIN connector_series s ON s.company_id = r.company_id AND s.key = r.key
              AND (r.system_id IS NULL OR s.system_id = r.system_id)
              AND (r.merchant_id IS NULL OR s.merchant_id = r.merchant_id)
         WHERE r.id = :rule",
    )?
    .execute(named_params! { ":rule": rule, ":now": now })?;
    tx.prepare_cached(
        "UPDATE connector_series SET watched = 1
         WHERE watched = 0 AND id IN (SELECT series_id FROM connector_watches WHERE rule_id = ?1)",
    )?
    .execute([rule])?;
    Ok(())
}

/// How many rules of a company are about a key.
pub fn count_of_key(conn: &Conn, company: CompanyId, key: &str) -> Result<i64, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT count(*) FROM connector_alert_rules WHERE company_id = ?1 AND key = ?2 AND deleted = 0",
        )?
        .query_row((company.0, key), |row| row.get(0))?)
}

/// Has every rule that is about a new series watch it; whether there is one. They are looked at, at `now`.
pub fn watch_new(tx: &WriteTx<'_>, series: SeriesId, of: Identity<'_>, now: UnixSeconds) -> Result<bool, StoreError> {
    let watches = tx
        .prepare_cached(
            "INSERT INTO connector_watches (series_id, rule_id, company_id, due_at)
             SELECT :series, id, company_id, :now FROM connector_alert_rules
             WHERE company_id = :company AND key = :key AND deleted = 0
                   AND (system_id IS NULL OR system_id = :system)
                   AND (merchant_id IS NULL OR merchant_id = :merchant)",
        )?
        .execute(named_params! {
            ":series": series.0, ":company": of.company.0, ":key": of.key, ":system": of.system,
            ":merchant": of.merchant, ":now": now,
        })?;
    if watches > 0 {
        tx.prepare_cached("UPDATE connector_series SET watched = 1 WHERE id = ?1")?.execute([series.0])?;
    }
    Ok(watches > 0)
}

/// Has everything that a rule watches looked at, at `now`.
pub fn look_again(tx: &WriteTx<'_>, rule: i64, now: UnixSeconds) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE connector_watches SET due_at = ?2 WHERE rule_id = ?1")?.execute((rule, now))?;
    Ok(())
}

/// Has whatever watches a system looked at, at `now`.
pub fn look_at_system(tx: &WriteTx<'_>, company: CompanyId, system: i64, now: UnixSeconds) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE connector_watches SET due_at = :now
         WHERE rule_id IN (SELECT id FROM connector_alert_rules WHERE company_id = :company)
               AND (SELECT system_id FROM connector_series WHERE id = connector_watches.series_id) = :system",
    )?
    .execute(named_params! { ":company": company.0, ":system": system, ":now": now })?;
    Ok(())
}

/// The same of a merchant.
pub fn look_at_merchant(
    tx: &WriteTx<'_>,
    company: CompanyId,
    merchant: i64,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE connector_watches SET due_at = :now
         WHERE rule_id IN (SELECT id FROM connector_alert_rules WHERE company_id = :company)
               AND (SELECT merchant_id FROM connector_series WHERE id = connector_watches.series_id) = :merchant",
    )?
    .execute(named_params! { ":company": company.0, ":merchant": merchant, ":now": now })?;
    Ok(())
}

/// An alert that is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct On {
    /// Its id, the same in both of its events.
    pub alert: Uuid,
    /// When it started.
    pub since: Timestamp,
}

/// What a rule knows of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// The series.
    pub series: SeriesId,
    /// The rule's row key.
    pub rule: i64,
    /// The alert, if one is on.
    pub on: Option<On>,
    /// When the clock has to look.
    pub due: Option<UnixSeconds>,
}

fn watch(row: &Row<'_>) -> rusqlite::Result<Watch> {
    let on = match row.get::<_, Option<i64>>(3)? {
        Some(since) => Some(On { alert: guid(row, 2)?, since: Timestamp::from_micros(since) }),
        None => None,
    };
    Ok(Watch { series: SeriesId(row.get(0)?), rule: row.get(1)?, on, due: row.get(4)? })
}

/// Who watches a series.
pub fn watches(conn: &Conn, series: SeriesId) -> Result<Vec<Watch>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT series_id, rule_id, alert, started_at, due_at FROM connector_watches WHERE series_id = ?1 ORDER BY rule_id",
    )?;
    let rows = statement.query_map([series.0], watch)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Up to `limit` watches that the clock has to look at by `now`.
pub fn due(conn: &Conn, now: UnixSeconds, limit: usize) -> Result<Vec<Watch>, StoreError> {
    // Relies on connector_watches_due.
    let mut statement = conn.prepare_cached(
        "SELECT series_id, rule_id, alert, started_at, due_at FROM connector_watches
         WHERE due_at IS NOT NULL AND due_at <= ?1 ORDER BY due_at LIMIT ?2",
    )?;
    let rows = statement.query_map((now, at_most(limit)), watch)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// When the clock has to look next.
pub fn next_due(conn: &Conn) -> Result<Option<UnixSeconds>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT min(due_at) FROM connector_watches WHERE due_at IS NOT NULL")?
        .query_row([], |row| row.get(0))?)
}

/// Writes how a watch stands: its alert, and when the clock has to look.
pub fn stand(tx: &WriteTx<'_>, watch: &Watch) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE connector_watches SET alert = :alert, started_at = :since, due_at = :due
         WHERE series_id = :series AND rule_id = :rule",
    )?
    .execute(named_params! {
        ":series": watch.series.0, ":rule": watch.rule, ":due": watch.due,
        ":alert": watch.on.map(|on| on.alert.to_string()), ":since": watch.on.map(|on| on.since.as_micros()),
    })?;
    Ok(())
}

/// Forgets a watch; whether its rule has none left.
pub fn unwatch(tx: &WriteTx<'_>, watch: &Watch) -> Result<bool, StoreError> {
    tx.prepare_cached("DELETE FROM connector_watches WHERE series_id = ?1 AND rule_id = ?2")?
        .execute((watch.series.0, watch.rule))?;
    Ok(!watches_anything(tx, watch.rule)?)
}

/// Whether a rule watches anything.
pub fn watches_anything(conn: &Conn, rule: i64) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM connector_watches WHERE rule_id = ?1)")?
        .query_row([rule], |row| row.get(0))?)
}

/// A series as an alert shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// The key.
    pub key: String,
    /// The system's row key.
    pub system: i64,
    /// The merchant's; 0: none.
    pub merchant: i64,
    /// Its newest value.
    pub newest: Newest,
    /// The same whole.
    pub value: Value,
    /// Whether its system and its merchant are enabled.
    pub enabled: bool,
}

/// The series with a number.
pub fn subject(conn: &Conn, series: SeriesId) -> Result<Option<Subject>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT s.key, s.system_id, s.merchant_id, s.latest_at, s.kind, s.number, s.text,
                    (SELECT enabled FROM connector_systems WHERE id = s.system_id)
                    AND (s.merchant_id = 0 OR (SELECT enabled FROM connector_merchants WHERE id = s.merchant_id))
             FROM connector_series s WHERE s.id = ?1",
        )?
        .query_row([series.0], |row| {
            let number = if row.get::<_, u8>(4)? == NUMBER { Some(figure(row, 5)?.as_f64()) } else { None };
            Ok(Subject {
                key: row.get(0)?,
                system: row.get(1)?,
                merchant: row.get(2)?,
                newest: Newest { at: row.get(3)?, number },
                value: super::value(row, 4)?,
                enabled: row.get(7)?,
            })
        })
        .optional()?)
}

/// Up to `limit` alerts of a company that are on, after the one of `after` (when it started, its series and its rule), in
/// the order in which they started.
pub fn alerts(conn: &Conn, company: CompanyId, after: (i64, i64, i64), limit: usize) -> Result<Vec<Watch>, StoreError> {
    // Relies on connector_watches_on.
    let mut statement = conn.prepare_cached(
        "SELECT series_id, rule_id, alert, started_at, due_at FROM connector_watches
         WHERE company_id = ?1 AND alert IS NOT NULL AND (started_at, series_id, rule_id) > (?2, ?3, ?4)
         ORDER BY started_at, series_id, rule_id LIMIT ?5",
    )?;
    let rows = statement.query_map((company.0, after.0, after.1, after.2, at_most(limit)), watch)?;
    Ok(rows.collect::<Result<_, _>>()?)
}
