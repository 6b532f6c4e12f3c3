//! Statements on `action_days`.

use rusqlite::named_params;

use crate::audit::model::{CalculationStatus, NewAction};
use crate::clock::Timestamp;
use crate::store::{StoreError, WriteTx};

/// Microseconds of a day.
const DAY: i64 = 24 * 3600 * 1_000_000;

/// The UTC day an instant lies in, as days since 1970-01-01.
pub fn day_of(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(DAY)
}

/// Counts an action of this status on its day.
pub fn add(tx: &WriteTx<'_>, action: &NewAction, status: CalculationStatus) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO action_days (company_id, day, user_id, service, process_type, operation, status, count)
         VALUES (:company, :day, :user, :service, :type, :operation, :status, 1)
         ON CONFLICT (company_id, day, user_id, service, process_type, operation, status)
         DO UPDATE SET count = count + 1",
    )?
    .execute(named_params! {
        ":company": action.company.0,
        ":day": day_of(action.time.at),
        ":user": action.user.map_or(0, |user| user.0),
        ":service": action.service.code(),
        ":type": action.process_type.code(),
        ":operation": action.operation,
        ":status": status.code(),
    })?;
    Ok(())
}

/// Counts an action of this status on its day no longer.
pub fn remove(tx: &WriteTx<'_>, action: &NewAction, status: CalculationStatus) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE action_days SET count = count - 1
         WHERE company_id = :company AND day = :day AND user_id = :user AND service = :service
               AND process_type = :type AND operation = :operation AND status = :status",
    )?
    .execute(named_params! {
        ":company": action.company.0,
        ":day": day_of(action.time.at),
        ":user": action.user.map_or(0, |user| user.0),
        ":service": action.service.code(),
        ":type": action.process_type.code(),
        ":operation": action.operation,
        ":status": status.code(),
    })?;
    Ok(())
}
