//! Statements on `action_requests`.

use rusqlite::{OptionalExtension, Row, named_params};
use uuid::Uuid;

use super::code;
use crate::audit::model::{ActionId, NewRequest, Told};
use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

/// Adds the one request of an action of Comptoir's own.
pub fn insert_own(tx: &WriteTx<'_>, company: CompanyId, action: ActionId, new: &NewRequest) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO action_requests
             (action_id, number, company_id, reported, request_code, operation, env, pod, time, offset_minutes)
         VALUES (:action, 1, :company, 0, :request, :operation, :env, :pod, :time, :offset)",
    )?
    .execute(named_params! {
        ":action": action.0,
        ":company": company.0,
        ":request": new.request.as_bytes(),
        ":operation": new.operation,
        ":env": new.env,
        ":pod": new.pod,
        ":time": new.time.at.as_micros(),
        ":offset": new.time.offset_minutes,
    })?;
    Ok(())
}

/// Adds a request that a service told of after those an action has, unless the company has one of its code; whether it
/// did.
pub fn insert_reported(
    tx: &WriteTx<'_>,
    company: CompanyId,
    action: ActionId,
    new: &NewRequest,
) -> Result<bool, StoreError> {
    let inserted = tx
        .prepare_cached(
            "INSERT INTO action_requests
                 (action_id, number, company_id, reported, request_code, operation, env, pod, time, offset_minutes)
             VALUES (:action, (SELECT ifnull(max(number), 0) + 1 FROM action_requests WHERE action_id = :action),
                     :company, 1, :request, :operation, :env, :pod, :time, :offset)
             ON CONFLICT (company_id, request_code) WHERE reported = 1 DO NOTHING",
        )?
        .execute(named_params! {
            ":action": action.0,
            ":company": company.0,
            ":request": new.request.as_bytes(),
            ":operation": new.operation,
            ":env": new.env,
            ":pod": new.pod,
            ":time": new.time.at.as_micros(),
            ":offset": new.time.offset_minutes,
        })?;
    Ok(inserted > 0)
}

/// The request of this code that a service told of, and whose it is.
pub fn find_reported(
    conn: &Conn,
    company: CompanyId,
    request: Uuid,
) -> Result<Option<(ActionId, NewRequest)>, StoreError> {
    // Relies on action_requests_reported.
    Ok(conn
        .prepare_cached(
            "SELECT request_code, operation, env, pod, time, offset_minutes, action_id FROM action_requests
             WHERE company_id = :company AND request_code = :request AND reported = 1",
        )?
        .query_row(named_params! { ":company": company.0, ":request": request.as_bytes() }, |row| {
            Ok((ActionId(row.get(6)?), request_of(row)?))
        })
        .optional()?)
}

/// The requests of an action, in the order they were told of.
pub fn of(conn: &Conn, company: CompanyId, action: ActionId) -> Result<Vec<NewRequest>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT request_code, operation, env, pod, time, offset_minutes FROM action_requests
         WHERE action_id = :action AND company_id = :company ORDER BY number",
    )?;
    let rows = statement.query_map(named_params! { ":action": action.0, ":company": company.0 }, request_of)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A request from a row of the columns above, in their order.
fn request_of(row: &Row<'_>) -> rusqlite::Result<NewRequest> {
    Ok(NewRequest {
        request: code(row, 0)?,
        operation: row.get(1)?,
        env: row.get(2)?,
        pod: row.get(3)?,
        time: Told { at: Timestamp::from_micros(row.get(4)?), offset_minutes: row.get(5)? },
    })
}
