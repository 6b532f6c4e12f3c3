//! Statements on `account_points`.

use rusqlite::named_params;

use super::usage::Cell;
use crate::account::model::PointKey;
use crate::store::{StoreError, WriteTx};

/// Notes that a day has seen these points; how many of them it had not seen before. The same again changes nothing.
pub fn note(tx: &WriteTx<'_>, cell: Cell, points: &[PointKey]) -> Result<i64, StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO account_points (company_id, user_id, day, service, process_type, point)
         VALUES (:company, :user, :day, :service, :process_type, :point)
         ON CONFLICT (company_id, user_id, day, service, process_type, point) DO NOTHING",
    )?;
    let mut fresh = 0;
    for point in points {
        let noted = statement.execute(named_params! {
            ":company": cell.company.0, ":user": cell.user.0, ":day": cell.day.number(),
            ":service": cell.kind.service.code(), ":process_type": cell.kind.process_type.code(),
            ":point": point.0,
        })?;
        fresh += i64::from(noted > 0);
    }
    Ok(fresh)
}
