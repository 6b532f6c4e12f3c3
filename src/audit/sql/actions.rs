//! Statements on `actions`: one at a time.

use rusqlite::{OptionalExtension, Row, named_params};
use uuid::Uuid;

use super::{code, duration, millis, process_type_of, service_of, status_of};
use crate::audit::model::{Action, ActionId, NewAction, Outcome, Timings, Told};
use crate::auth::model::{CompanyId, UserId};
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

/// Adds an action, unless the company has one of its code. `seal`: see the schema.
pub fn insert(tx: &WriteTx<'_>, new: &NewAction, seal: Option<i64>) -> Result<Option<ActionId>, StoreError> {
    let Outcome { status, elements, result_version, timings } = new.outcome;
    let inserted = tx
        .prepare_cached(
            "INSERT INTO actions
             (company_id, user_id, username, process_code, seal, service, process_type, status, operation, time,
              offset_minutes, points, elements, result_version, preparing, business_validation, math_validation,
              waiting, calculation)
         VALUES (:company, :user, :username, :process, :seal, :service, :type, :status, :operation, :time,
                 :offset, :points, :elements, :version, :preparing, :business, :math, :waiting, :calculation)
         ON CONFLICT (company_id, process_code) DO NOTHING",
        )?
        .execute(named_params! {
            ":company": new.company.0,
            ":user": new.user.map(|user| user.0),
            ":username": new.username,
            ":process": new.process.as_bytes(),
            ":seal": seal,
            ":service": new.service.code(),
            ":type": new.process_type.code(),
            ":status": status.code(),
            ":operation": new.operation,
            ":time": new.time.at.as_micros(),
            ":offset": new.time.offset_minutes,
            ":points": new.points,
            ":elements": elements,
            ":version": result_version,
            ":preparing": millis(timings.preparing),
            ":business": millis(timings.business_validation),
            ":math": millis(timings.math_validation),
            ":waiting": millis(timings.waiting),
            ":calculation": millis(timings.calculation),
        })?;
    Ok((inserted > 0).then(|| ActionId(tx.last_insert_rowid())))
}

/// Whether Comptoir itself has recorded an action of this code.
pub fn exists(conn: &Conn, company: CompanyId, process: Uuid) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT 1 FROM actions WHERE company_id = :company AND process_code = :process AND seal IS NOT NULL",
        )?
        .exists(named_params! { ":company": company.0, ":process": process.as_bytes() })?)
}

/// Notes which event vouches for an action as it stands.
pub fn set_seal(tx: &WriteTx<'_>, company: CompanyId, id: ActionId, seal: i64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE actions SET seal = :seal WHERE id = :id AND company_id = :company")?
        .execute(named_params! { ":id": id.0, ":company": company.0, ":seal": seal })?;
    Ok(())
}

/// The event that vouches for an action as it stands, if one does.
pub fn seal(conn: &Conn, company: CompanyId, id: ActionId) -> Result<Option<i64>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT seal FROM actions WHERE id = :id AND company_id = :company")?
        .query_row(named_params! { ":id": id.0, ":company": company.0 }, |row| row.get(0))
        .optional()?
        .flatten())
}

/// Removes an action with its requests.
pub fn delete(tx: &WriteTx<'_>, company: CompanyId, id: ActionId) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM actions WHERE id = :id AND company_id = :company")?
        .execute(named_params! { ":id": id.0, ":company": company.0 })?;
    Ok(())
}

/// Up to `limit` actions that services reported, began before `before`, and have no file left.
pub fn reported_before(
    conn: &Conn,
    company: CompanyId,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<ActionId>, StoreError> {
    // Relies on actions_by_time.
    let mut statement = conn.prepare_cached(
        "SELECT id FROM actions
         WHERE company_id = :company AND time < :before AND seal IS NULL
               AND input_file_exists = 0 AND output_file_exists = 0
         ORDER BY time LIMIT :limit",
    )?;
    let rows = statement.query_map(
        named_params! { ":company": company.0, ":before": before.as_micros(), ":limit": super::at_most(limit) },
        |row| Ok(ActionId(row.get(0)?)),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The first action of a company that claims to be vouched for, by an event that does not say so.
pub fn unvouched(conn: &Conn, company: CompanyId) -> Result<Option<Uuid>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT process_code FROM actions
             WHERE company_id = :company AND seal IS NOT NULL AND NOT EXISTS (
                 SELECT 1 FROM audit_events
                 WHERE chain = actions.company_id AND seq = actions.seal AND action_id = actions.id)
             LIMIT 1",
        )?
        .query_row(named_params! { ":company": company.0 }, |row| code(row, 0))
        .optional()?)
}

/// Notes how an action stands.
pub fn update_outcome(tx: &WriteTx<'_>, company: CompanyId, id: ActionId, outcome: &Outcome) -> Result<(), StoreError> {
    let timings = outcome.timings;
    tx.prepare_cached(
        "UPDATE actions
         SET status = :status, elements = :elements, result_version = :version, preparing = :preparing,
             business_validation = :business, math_validation = :math, waiting = :waiting, calculation = :calculation
         WHERE id = :id AND company_id = :company",
    )?
    .execute(named_params! {
        ":id": id.0,
        ":company": company.0,
        ":status": outcome.status.code(),
        ":elements": outcome.elements,
        ":version": outcome.result_version,
        ":preparing": millis(timings.preparing),
        ":business": millis(timings.business_validation),
        ":math": millis(timings.math_validation),
        ":waiting": millis(timings.waiting),
        ":calculation": millis(timings.calculation),
    })?;
    Ok(())
}

/// Notes whether an action's input is kept.
pub fn set_input(tx: &WriteTx<'_>, company: CompanyId, id: ActionId, exists: bool) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE actions SET input_file_exists = :exists WHERE id = :id AND company_id = :company")?
        .execute(named_params! { ":id": id.0, ":company": company.0, ":exists": exists })?;
    Ok(())
}

/// Notes whether an action's output is kept.
pub fn set_output(tx: &WriteTx<'_>, company: CompanyId, id: ActionId, exists: bool) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE actions SET output_file_exists = :exists WHERE id = :id AND company_id = :company")?
        .execute(named_params! { ":id": id.0, ":company": company.0, ":exists": exists })?;
    Ok(())
}

/// The action with this process code.
pub fn find(conn: &Conn, company: CompanyId, process: Uuid) -> Result<Option<Action>, StoreError> {
    // Relies on the unique index on company and code.
    Ok(conn
        .prepare_cached(
            "SELECT id, company_id, user_id, username, process_code, service, process_type, operation, time,
                    offset_minutes, points, status, elements, result_version, preparing, business_validation,
                    math_validation, waiting, calculation, seal IS NOT NULL, input_file_exists, output_file_exists
             FROM actions WHERE company_id = :company AND process_code = :process",
        )?
        .query_row(named_params! { ":company": company.0, ":process": process.as_bytes() }, action)
        .optional()?)
}

/// The action with this row key.
pub fn get(conn: &Conn, company: CompanyId, id: ActionId) -> Result<Option<Action>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT id, company_id, user_id, username, process_code, service, process_type, operation, time,
                    offset_minutes, points, status, elements, result_version, preparing, business_validation,
                    math_validation, waiting, calculation, seal IS NOT NULL, input_file_exists, output_file_exists
             FROM actions WHERE id = :id AND company_id = :company",
        )?
        .query_row(named_params! { ":company": company.0, ":id": id.0 }, action)
        .optional()?)
}

/// An action from a row of the columns above, in their order.
pub(super) fn action(row: &Row<'_>) -> rusqlite::Result<Action> {
    Ok(Action {
        id: ActionId(row.get(0)?),
        recorded: NewAction {
            company: CompanyId(row.get(1)?),
            user: row.get::<_, Option<i64>>(2)?.map(UserId),
            username: row.get(3)?,
            process: code(row, 4)?,
            service: service_of(row, 5)?,
            process_type: process_type_of(row, 6)?,
            operation: row.get(7)?,
            time: Told { at: Timestamp::from_micros(row.get(8)?), offset_minutes: row.get(9)? },
            points: row.get(10)?,
            outcome: Outcome {
                status: status_of(row, 11)?,
                elements: row.get(12)?,
                result_version: row.get(13)?,
                timings: Timings {
                    preparing: duration(row, 14)?,
                    business_validation: duration(row, 15)?,
                    math_validation: duration(row, 16)?,
                    waiting: duration(row, 17)?,
                    calculation: duration(row, 18)?,
                },
            },
        },
        own: row.get(19)?,
        input_file_exists: row.get(20)?,
        output_file_exists: row.get(21)?,
    })
}
