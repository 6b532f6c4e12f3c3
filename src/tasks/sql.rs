//! Statements on `tasks` and `task_periods`.
//!
//! Must not know: the runtime, the runner, any domain. States stand in the text of the statements, not in parameters:
//! the partial indexes are found by them. One statement reads a task, [`read`]; the others find which.

use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row as SqlRow, named_params};
use serde_json::Value;
use uuid::Uuid;

use crate::auth::model::{CompanyId, UserId};
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};
use crate::tasks::model::{Filter, Task, Waiting};
use crate::tasks::outcome::Progress;
use crate::tasks::state::State;

#[cfg(test)]
mod plans;

/// A claim of a task. Whoever holds the latest one runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The task's row key.
    pub id: i64,
    /// The number of the claim.
    pub number: i64,
}

/// A task that was claimed, with what only its worker needs.
#[derive(Debug)]
pub struct Claimed {
    /// The task.
    pub task: Task,
    /// Where an earlier attempt had come to.
    pub checkpoint: Option<Value>,
    /// What a person said.
    pub answer: Option<Value>,
}

/// A row to be.
#[derive(Debug)]
pub struct Row<'a> {
    /// Public id.
    pub guid: Uuid,
    /// Its company.
    pub company: Option<CompanyId>,
    /// Who asked for it.
    pub owner: Option<UserId>,
    /// Its kind.
    pub kind: &'a str,
    /// JSON.
    pub payload: &'a str,
    /// At least one.
    pub max_attempts: u32,
    /// Not before this.
    pub run_at: Timestamp,
    /// Its dedupe key.
    pub dedupe_key: Option<&'a str>,
    /// Now.
    pub now: Timestamp,
}

/// What waits of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Whether the time of one has come.
    pub now: bool,
    /// When that of the next one comes, for those whose time has not.
    pub next: Option<Timestamp>,
}

/// The company as the indexes have it; 0 is the installation.
pub fn tenant(company: Option<CompanyId>) -> i64 {
    company.map_or(0, |company| company.0)
}

fn unreadable(column: usize, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, why.into())
}

fn json(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<Option<Value>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    text.map(|text| serde_json::from_str(text).map_err(|error| unreadable(column, error))).transpose()
}

fn task(row: &SqlRow<'_>) -> rusqlite::Result<Task> {
    let instant = |column| row.get::<_, Option<i64>>(column).map(|micros| micros.map(Timestamp::from_micros));
    Ok(Task {
        id: row.get(0)?,
        guid: Uuid::parse_str(row.get_ref(1)?.as_str()?).map_err(|error| unreadable(1, error))?,
        company: row.get::<_, Option<i64>>(2)?.map(CompanyId),
        owner: row.get::<_, Option<i64>>(3)?.map(UserId),
        kind: row.get(4)?,
        state: State::parse(row.get_ref(5)?.as_str()?).ok_or_else(|| unreadable(5, "no state of a task"))?,
        progress: row.get(6)?,
        detail: row.get(7)?,
        payload: json(row, 8)?.unwrap_or_default(),
        result: json(row, 9)?,
        error: row.get(10)?,
        attempts: row.get(11)?,
        max_attempts: row.get(12)?,
        run_at: Timestamp::from_micros(row.get(13)?),
        dedupe_key: row.get(14)?,
        cancel_requested: row.get(15)?,
        created_at: Timestamp::from_micros(row.get(16)?),
        started_at: instant(17)?,
        ended_at: instant(18)?,
        updated_at: Timestamp::from_micros(row.get(19)?),
        lease: row.get(20)?,
    })
}

/// The task with this row key.
pub fn read(conn: &Conn, id: i64) -> Result<Task, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT id, guid, company_id, user_id, kind, state, progress, detail, payload, result, error, attempts,
                    max_attempts, run_at, dedupe_key, cancel_requested, created_at, started_at, ended_at, updated_at,
                    lease
             FROM tasks WHERE id = :id",
        )?
        .query_row(named_params! { ":id": id }, task)?)
}

/// The tasks with these row keys, in this order.
fn read_all(conn: &Conn, ids: Vec<i64>) -> Result<Vec<Task>, StoreError> {
    ids.into_iter().map(|id| read(conn, id)).collect()
}

/// Adds a waiting task.
pub fn insert(tx: &WriteTx<'_>, new: &Row<'_>) -> Result<Task, StoreError> {
    tx.prepare_cached(
        "INSERT INTO tasks (guid, company_id, user_id, kind, state, payload, max_attempts, run_at, dedupe_key,
                            created_at, updated_at)
         VALUES (:guid, :company, :owner, :kind, 'waiting', :payload, :max_attempts, :run_at, :dedupe_key,
                 :now, :now)",
    )?
    .execute(named_params! {
        ":guid": new.guid.to_string(),
        ":company": new.company.map(|company| company.0),
        ":owner": new.owner.map(|owner| owner.0),
        ":kind": new.kind,
        ":payload": new.payload,
        ":max_attempts": new.max_attempts,
        ":run_at": new.run_at.as_micros(),
        ":dedupe_key": new.dedupe_key,
        ":now": new.now.as_micros(),
    })?;
    read(tx, tx.last_insert_rowid())
}

/// The task that a new one with this dedupe key may join, if there is one: the first to run of those that wait and would
/// begin anew, or, if `also_running`, any that is not ended and will not be canceled.
pub fn find_by_key(
    conn: &Conn,
    kind: &str,
    company: Option<CompanyId>,
    key: &str,
    also_running: bool,
) -> Result<Option<Task>, StoreError> {
    conn.prepare_cached(FIND_BY_KEY)?
        .query_row(
            named_params! {
                ":kind": kind,
                ":tenant": tenant(company),
                ":key": key,
                ":also_running": also_running,
            },
            |row| row.get(0),
        )
        .optional()?
        .map(|id| read(conn, id))
        .transpose()
}

/// Relies on `tasks_unfinished_key`.
const FIND_BY_KEY: &str = "
    SELECT id FROM tasks
    WHERE kind = :kind AND tenant = :tenant AND dedupe_key = :key AND ended_at IS NULL AND cancel_requested = 0
      AND (:also_running OR (state = 'waiting' AND checkpoint IS NULL))
    ORDER BY state = 'running' DESC, run_at, id LIMIT 1";

/// One task of a company.
pub fn find(conn: &Conn, company: CompanyId, guid: Uuid) -> Result<Option<Task>, StoreError> {
    // Relies on the unique index on guid.
    conn.prepare_cached("SELECT id FROM tasks WHERE guid = :guid AND company_id = :company")?
        .query_row(named_params! { ":guid": guid.to_string(), ":company": company.0 }, |row| row.get(0))
        .optional()?
        .map(|id| read(conn, id))
        .transpose()
}

/// Relies on `tasks_by_company`.
const LIST: &str = "
    SELECT id FROM tasks
    WHERE company_id = :company AND id < :after
      AND (:kind IS NULL OR kind = :kind) AND (:owner IS NULL OR user_id = :owner) AND (:state IS NULL OR state = :state)
    ORDER BY id DESC LIMIT :limit";

/// Relies on `tasks_by_owner`.
const LIST_BY_OWNER: &str = "
    SELECT id FROM tasks
    WHERE company_id = :company AND user_id = :owner AND id < :after
      AND (:kind IS NULL OR kind = :kind) AND (:state IS NULL OR state = :state)
    ORDER BY id DESC LIMIT :limit";

/// Relies on `tasks_by_company_kind`.
const LIST_BY_KIND: &str = "
    SELECT id FROM tasks
    WHERE company_id = :company AND kind = :kind AND id < :after
      AND (:owner IS NULL OR user_id = :owner) AND (:state IS NULL OR state = :state)
    ORDER BY id DESC LIMIT :limit";

/// Relies on `tasks_by_company_state`.
const LIST_BY_STATE: &str = "
    SELECT id FROM tasks
    WHERE company_id = :company AND state = :state AND id < :after
      AND (:kind IS NULL OR kind = :kind) AND (:owner IS NULL OR user_id = :owner)
    ORDER BY id DESC LIMIT :limit";

/// Up to `limit` tasks of a company, newest first, below row key `after`.
pub fn list(
    conn: &Conn,
    company: CompanyId,
    filter: &Filter,
    after: Option<i64>,
    limit: usize,
) -> Result<Vec<Task>, StoreError> {
    let statement = match filter {
        Filter { owner: Some(_), .. } => LIST_BY_OWNER,
        Filter { kind: Some(_), .. } => LIST_BY_KIND,
        Filter { state: Some(_), .. } => LIST_BY_STATE,
        _ => LIST,
    };
    let mut statement = conn.prepare_cached(statement)?;
    let rows = statement.query_map(
        named_params! {
            ":company": company.0,
            ":after": after.unwrap_or(i64::MAX),
            ":kind": filter.kind,
            ":owner": filter.owner.map(|owner| owner.0),
            ":state": filter.state.map(State::as_str),
            ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
        },
        |row| row.get(0),
    )?;
    read_all(conn, rows.collect::<Result<_, _>>()?)
}

/// What waits of `kind`. It hops from tenant to tenant through the index, so a long queue costs no more than a short one.
pub fn due(conn: &Conn, kind: &str, now: Timestamp) -> Result<Due, StoreError> {
    Ok(conn.prepare_cached(DUE)?.query_row(named_params! { ":kind": kind, ":now": now.as_micros() }, |row| {
        Ok(Due { now: row.get(0)?, next: row.get::<_, Option<i64>>(1)?.map(Timestamp::from_micros) })
    })?)
}

/// Relies on `tasks_due`, once per tenant.
const DUE: &str = "
     WITH RECURSIVE tenants (tenant) AS (
         SELECT min(tenant) FROM tasks WHERE state = 'waiting' AND kind = :kind
         UNION ALL
         SELECT (SELECT min(t.tenant) FROM tasks t
                 WHERE t.state = 'waiting' AND t.kind = :kind AND t.tenant > tenants.tenant)
         FROM tenants WHERE tenants.tenant IS NOT NULL
     )
     SELECT ifnull(max(EXISTS (SELECT 1 FROM tasks w WHERE w.state = 'waiting' AND w.kind = :kind
                               AND w.tenant = tenants.tenant AND w.run_at <= :now)), 0),
            min((SELECT min(w.run_at) FROM tasks w WHERE w.state = 'waiting' AND w.kind = :kind
                 AND w.tenant = tenants.tenant AND w.run_at > :now))
     FROM tenants WHERE tenants.tenant IS NOT NULL";

/// What waits, kind by kind.
pub fn waiting(conn: &Conn) -> Result<Vec<Waiting>, StoreError> {
    let mut statement = conn.prepare_cached(WAITING)?;
    let rows = statement.query_map([], |row| {
        Ok(Waiting { kind: row.get(0)?, count: row.get(1)?, oldest: Timestamp::from_micros(row.get(2)?) })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Relies on `tasks_due`, which has all of it.
const WAITING: &str = "SELECT kind, count(*), min(run_at) FROM tasks WHERE state = 'waiting' GROUP BY kind";

/// What to claim.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Tasks of this kind.
    pub kind: &'a str,
    /// As many as this.
    pub places: usize,
    /// For this boot.
    pub boot: &'a str,
    /// The tenant whose turn it was last.
    pub served: i64,
    /// Those due by now.
    pub now: Timestamp,
    /// Until then.
    pub until: Timestamp,
}

/// Claims due tasks. Tenants take turns, those with fewer running tasks first; within one, the longest due comes first.
/// Of one dedupe key one runs at a time, the first due first.
pub fn claim(tx: &WriteTx<'_>, what: Claim<'_>) -> Result<Vec<Claimed>, StoreError> {
    let mut statement = tx.prepare_cached(CLAIM)?;
    let rows = statement.query_map(
        named_params! {
            ":kind": what.kind,
            ":places": i64::try_from(what.places).unwrap_or(i64::MAX),
            ":boot": what.boot,
            ":served": what.served,
            ":now": what.now.as_micros(),
            ":until": what.until.as_micros(),
        },
        |row| Ok((row.get(0)?, json(row, 1)?, json(row, 2)?)),
    )?;
    let mut claimed = Vec::new();
    for row in rows.collect::<Result<Vec<_>, _>>()? {
        let (id, checkpoint, answer) = row;
        claimed.push(Claimed { task: read(tx, id)?, checkpoint, answer });
    }
    // RETURNING promises no order: by turns, from the tenant after the one served last.
    claimed.sort_unstable_by_key(|Claimed { task, .. }| {
        let tenant = tenant(task.company);
        (tenant <= what.served, tenant, task.run_at, task.id)
    });
    Ok(claimed)
}

/// Relies on `tasks_due` (once per tenant), `tasks_running` (to count) and `tasks_unfinished_key` (for the dedupe keys).
const CLAIM: &str = "
    UPDATE tasks
     SET state = 'running', attempts = attempts + 1, lease = lease + 1, lease_owner = :boot, lease_until = :until,
         started_at = :now, updated_at = :now
     WHERE id IN (
         WITH RECURSIVE tenants (tenant) AS (
             SELECT min(tenant) FROM tasks WHERE state = 'waiting' AND kind = :kind
             UNION ALL
             SELECT (SELECT min(t.tenant) FROM tasks t
                     WHERE t.state = 'waiting' AND t.kind = :kind AND t.tenant > tenants.tenant)
             FROM tenants WHERE tenants.tenant IS NOT NULL
         ),
         candidates (id, tenant, run_at, turn) AS (
             SELECT c.id, tenants.tenant, c.run_at,
                    row_number() OVER (PARTITION BY tenants.tenant ORDER BY c.run_at, c.id)
                    + (SELECT count(*) FROM tasks r
                       WHERE r.state = 'running' AND r.kind = :kind AND r.tenant = tenants.tenant)
             FROM tenants CROSS JOIN tasks c
             WHERE c.id IN (
                 SELECT w.id FROM tasks w
                 WHERE w.state = 'waiting' AND w.kind = :kind AND w.tenant = tenants.tenant AND w.run_at <= :now
                   AND NOT EXISTS (
                       SELECT 1 FROM tasks o
                       WHERE o.kind = :kind AND o.tenant = w.tenant AND o.dedupe_key = w.dedupe_key
                         AND o.ended_at IS NULL
                         AND (o.state = 'running'
                              OR (o.state = 'waiting' AND (o.run_at, o.id) < (w.run_at, w.id))))
                 ORDER BY w.run_at, w.id LIMIT :places
             )
         )
         SELECT id FROM candidates ORDER BY turn, tenant <= :served, tenant, run_at, id LIMIT :places
     )
     RETURNING id, checkpoint, answer";

/// The task, if `lease` is still the claim that runs it.
pub fn held(conn: &Conn, lease: Lease) -> Result<Option<Task>, StoreError> {
    conn.prepare_cached("SELECT id FROM tasks WHERE id = :id AND state = 'running' AND lease = :lease")?
        .query_row(named_params! { ":id": lease.id, ":lease": lease.number }, |row| row.get(0))
        .optional()?
        .map(|id| read(conn, id))
        .transpose()
}

/// Writes what may change about a task, and takes its lease away unless it runs.
pub fn save(tx: &WriteTx<'_>, task: &Task) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE tasks
         SET state = :state, progress = :progress, detail = :detail, result = :result, error = :error,
             attempts = :attempts, run_at = :run_at, cancel_requested = :cancel_requested, ended_at = :ended_at,
             updated_at = :updated_at, lease = :lease,
             lease_owner = CASE WHEN :state = 'running' THEN lease_owner END,
             lease_until = CASE WHEN :state = 'running' THEN lease_until END
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": task.id,
        ":state": task.state.as_str(),
        ":progress": task.progress,
        ":detail": task.detail,
        ":result": task.result.as_ref().map(Value::to_string),
        ":error": task.error,
        ":attempts": task.attempts,
        ":run_at": task.run_at.as_micros(),
        ":cancel_requested": task.cancel_requested,
        ":ended_at": task.ended_at.map(Timestamp::as_micros),
        ":updated_at": task.updated_at.as_micros(),
        ":lease": task.lease,
    })?;
    Ok(())
}

/// Keeps what a person said.
pub fn save_answer(tx: &WriteTx<'_>, id: i64, answer: &str) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE tasks SET answer = :answer WHERE id = :id")?
        .execute(named_params! { ":id": id, ":answer": answer })?;
    Ok(())
}

/// Keeps where the worker has come to; false if the task is no longer its own.
pub fn save_checkpoint(tx: &WriteTx<'_>, lease: Lease, checkpoint: &str) -> Result<bool, StoreError> {
    let changed = tx
        .prepare_cached(
            "UPDATE tasks SET checkpoint = :checkpoint WHERE id = :id AND state = 'running' AND lease = :lease",
        )?
        .execute(named_params! { ":id": lease.id, ":lease": lease.number, ":checkpoint": checkpoint })?;
    Ok(changed > 0)
}

/// Prolongs a lease and notes the progress; `None` if the task is no longer its own.
pub fn beat(
    tx: &WriteTx<'_>,
    lease: Lease,
    until: Timestamp,
    progress: &Progress,
    now: Timestamp,
) -> Result<Option<Task>, StoreError> {
    let changed = tx
        .prepare_cached(
            "UPDATE tasks SET lease_until = :until, progress = :progress, detail = :detail, updated_at = :now
             WHERE id = :id AND state = 'running' AND lease = :lease",
        )?
        .execute(named_params! {
            ":id": lease.id,
            ":lease": lease.number,
            ":until": until.as_micros(),
            ":progress": progress.percent,
            ":detail": progress.detail,
            ":now": now.as_micros(),
        })?;
    if changed == 0 { Ok(None) } else { read(tx, lease.id).map(Some) }
}

/// Running tasks whose lease has ended; at the start of `boot`, those of every other boot as well.
pub fn abandoned(conn: &Conn, boot: &str, starting: bool, now: Timestamp) -> Result<Vec<Task>, StoreError> {
    let mut statement = conn.prepare_cached(ABANDONED)?;
    let parameters = named_params! { ":boot": boot, ":starting": starting, ":now": now.as_micros() };
    let rows = statement.query_map(parameters, |row| row.get(0))?;
    read_all(conn, rows.collect::<Result<_, _>>()?)
}

/// Relies on `tasks_running`, all of it.
const ABANDONED: &str = "
    SELECT id FROM tasks INDEXED BY tasks_running
    WHERE state = 'running' AND (lease_until <= :now OR (:starting AND lease_owner <> :boot))";

/// Running tasks that somebody wants to end.
pub fn to_cancel(conn: &Conn) -> Result<Vec<i64>, StoreError> {
    // Relies on tasks_running.
    let mut statement = conn.prepare_cached(
        "SELECT id FROM tasks INDEXED BY tasks_running WHERE state = 'running' AND cancel_requested = 1",
    )?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Removes up to `limit` tasks that ended before `before`; how many there were.
pub fn delete_ended(tx: &WriteTx<'_>, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
    Ok(tx
        .prepare_cached(DELETE_ENDED)?
        .execute(named_params! { ":before": before.as_micros(), ":limit": i64::try_from(limit).unwrap_or(i64::MAX) })?)
}

/// Relies on `tasks_ended`.
const DELETE_ENDED: &str =
    "DELETE FROM tasks WHERE id IN (SELECT id FROM tasks WHERE ended_at < :before ORDER BY ended_at LIMIT :limit)";

/// When the period `key` is due, if it is known.
pub fn period(conn: &Conn, key: &str) -> Result<Option<Timestamp>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT due_at FROM task_periods WHERE key = :key")?
        .query_row(named_params! { ":key": key }, |row| row.get(0).map(Timestamp::from_micros))
        .optional()?)
}

/// Notes when the period `key` is due.
pub fn save_period(tx: &WriteTx<'_>, key: &str, due_at: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO task_periods (key, due_at) VALUES (:key, :due_at)
         ON CONFLICT (key) DO UPDATE SET due_at = excluded.due_at",
    )?
    .execute(named_params! { ":key": key, ":due_at": due_at.as_micros() })?;
    Ok(())
}
