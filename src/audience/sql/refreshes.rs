//! Statements on `audience_refreshes` and `audience_feedback`.

use rusqlite::named_params;
use uuid::Uuid;

use crate::audience::model::{Feedback, FeedbackFormat, Refresh};
use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

/// Notes that `task` counts this, from now on or again.
pub fn open(
    tx: &WriteTx<'_>,
    company: CompanyId,
    task: Uuid,
    refresh: Refresh,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO audience_refreshes (task, company_id, list_id, resource_id, created_at)
         VALUES (:task, :company, :list, :resource, :now)
         ON CONFLICT (task) DO UPDATE SET ended_at = NULL WHERE company_id = :company",
    )?
    .execute(named_params! {
        ":task": task.to_string(), ":company": company.0, ":list": refresh.list, ":resource": refresh.resource,
        ":now": now.as_micros(),
    })?;
    Ok(())
}

/// Notes that `task` has ended.
pub fn close(tx: &WriteTx<'_>, company: CompanyId, task: Uuid, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE audience_refreshes SET ended_at = :now WHERE task = :task AND company_id = :company")?
        .execute(named_params! { ":task": task.to_string(), ":company": company.0, ":now": now.as_micros() })?;
    Ok(())
}

/// The tasks that count this and have not ended, the one asked for first first.
pub fn unfinished(conn: &Conn, company: CompanyId, refresh: Refresh) -> Result<Vec<Uuid>, StoreError> {
    // Relies on audience_refreshes_open.
    let mut statement = conn.prepare_cached(
        "SELECT task FROM audience_refreshes
         WHERE company_id = :company AND list_id = :list AND resource_id = :resource AND ended_at IS NULL
         ORDER BY created_at, task",
    )?;
    let rows = statement.query_map(
        named_params! { ":company": company.0, ":list": refresh.list, ":resource": refresh.resource },
        |row| row.get::<_, String>(0),
    )?;
    // Only ids were written.
    Ok(rows.collect::<Result<Vec<_>, _>>()?.iter().filter_map(|text| Uuid::parse_str(text).ok()).collect())
}

/// Whether a task other than `task` counts in this list, or waits to.
pub fn has_other(conn: &Conn, company: CompanyId, list: i64, task: Uuid) -> Result<bool, StoreError> {
    // Relies on audience_refreshes_open.
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM audience_refreshes
                            WHERE company_id = :company AND list_id = :list AND ended_at IS NULL AND task <> :task)",
        )?
        .query_row(named_params! { ":company": company.0, ":list": list, ":task": task.to_string() }, |row| {
            row.get(0)
        })?)
}

/// Adds somebody to tell when `task` has ended; one who asked twice is told once.
pub fn add_feedback(tx: &WriteTx<'_>, task: Uuid, feedback: &Feedback) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT OR IGNORE INTO audience_feedback (task, content_type, url) VALUES (:task, :type, :url)")?
        .execute(named_params! { ":task": task.to_string(), ":type": feedback.format.word(), ":url": feedback.url })?;
    Ok(())
}

/// How many are told when `task` has ended.
pub fn count_feedback(tx: &WriteTx<'_>, task: Uuid) -> Result<i64, StoreError> {
    Ok(tx
        .prepare_cached("SELECT count(*) FROM audience_feedback WHERE task = :task")?
        .query_row(named_params! { ":task": task.to_string() }, |row| row.get(0))?)
}

/// Whom to tell when `task` has ended.
pub fn feedback(conn: &Conn, company: CompanyId, task: Uuid) -> Result<Vec<Feedback>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT f.content_type, f.url FROM audience_feedback AS f JOIN audience_refreshes AS r ON r.task = f.task
         WHERE f.task = :task AND r.company_id = :company ORDER BY f.content_type, f.url",
    )?;
    let rows = statement.query_map(named_params! { ":task": task.to_string(), ":company": company.0 }, |row| {
        let word: String = row.get(0)?;
        // The schema admits two words.
        let format = if word == FeedbackFormat::Xml.word() { FeedbackFormat::Xml } else { FeedbackFormat::Json };
        Ok(Feedback { format, url: row.get(1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Forgets refreshes asked for before `before` that have ended: their tasks are gone by then, too.
pub fn forget(tx: &WriteTx<'_>, before: Timestamp) -> Result<(), StoreError> {
    // Relies on audience_refreshes_by_age. A few at a time, since each refresh does it.
    tx.prepare_cached(
        "DELETE FROM audience_feedback WHERE task IN
             (SELECT task FROM audience_refreshes WHERE created_at < :before AND ended_at IS NOT NULL
              ORDER BY created_at LIMIT 20)",
    )?
    .execute(named_params! { ":before": before.as_micros() })?;
    tx.prepare_cached(
        "DELETE FROM audience_refreshes WHERE task IN
             (SELECT task FROM audience_refreshes WHERE created_at < :before AND ended_at IS NOT NULL
              ORDER BY created_at LIMIT 20)",
    )?
    .execute(named_params! { ":before": before.as_micros() })?;
    Ok(())
}
