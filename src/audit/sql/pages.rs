//! Statements that list `actions` in an order, each over the index that has that order. What is passed over is read from
//! the index alone.

use rusqlite::{Row, ToSql, named_params};
use uuid::Uuid;

use super::{at_most, code};
use crate::audit::model::{ActionId, CalculationStatus, ProcessType, Service, Sort, Wanted};
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError};

/// Where an action stands in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// By a number.
    Number(i64),
    /// By a text.
    Text(String),
}

impl ToSql for Key {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match self {
            Self::Number(number) => number.to_sql(),
            Self::Text(text) => text.to_sql(),
        }
    }
}

/// A place in an order: an action's key and, among equals, its code.
pub type Place = (Key, Uuid);

/// Before every number and every text that is no name.
const LEAST_NUMBER: i64 = i64::MIN;

/// After every number, text and code: the engine puts blobs last, and this one after all of 16 bytes.
const MOST: [u8; 17] = [0xff; 17];

/// An order and what is to be passed over in it.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The order.
    pub sort: Sort,
    /// Whether it is turned round.
    pub descending: bool,
    /// Only what comes after this place.
    pub after: Option<&'a Place>,
    /// How many more are passed over.
    pub offset: u64,
    /// How many at most.
    pub limit: usize,
}

/// Up to `page.limit` actions, in the page's order, with their places.
pub fn list(conn: &Conn, wanted: &Wanted, page: &Page<'_>) -> Result<Vec<(ActionId, Place)>, StoreError> {
    let least: &dyn ToSql = match page.sort {
        Sort::Username | Sort::Operation => &"",
        _ => &LEAST_NUMBER,
    };
    let (key, after): (&dyn ToSql, &dyn ToSql) = match (page.after, page.descending) {
        (Some((key, code)), _) => (key, code.as_bytes()),
        (None, false) => (least, &b"".as_slice()),
        (None, true) => (&MOST, &MOST),
    };
    let mut statement = conn.prepare_cached(statement(page.sort, page.descending))?;
    let rows = statement.query_map(
        named_params! {
            ":company": wanted.company.0,
            ":user": wanted.user.map(|user| user.0),
            ":from": wanted.from.as_micros(),
            ":to": wanted.to.as_micros(),
            ":service": wanted.service.map(Service::code),
            ":type": wanted.process_type.map(ProcessType::code),
            ":operation": wanted.operation,
            ":status": wanted.status.map(CalculationStatus::code),
            ":key": key,
            ":code": after,
            ":limit": at_most(page.limit),
            ":offset": i64::try_from(page.offset).unwrap_or(i64::MAX),
        },
        |row| place(page.sort, row),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn place(sort: Sort, row: &Row<'_>) -> rusqlite::Result<(ActionId, Place)> {
    let key = match sort {
        Sort::Username | Sort::Operation => Key::Text(row.get(1)?),
        _ => Key::Number(row.get(1)?),
    };
    Ok((ActionId(row.get(0)?), (key, code(row, 2)?)))
}

/// How many actions from `from` to `to` there are, and how many of them pass the filter. It reads their entries in
/// `actions_by_time`.
pub fn count(conn: &Conn, wanted: &Wanted, from: Timestamp, to: Timestamp) -> Result<(u64, u64), StoreError> {
    let counts = conn
        .prepare_cached(
            "SELECT count(*), ifnull(sum(
                        (:service IS NULL OR service = :service) AND (:type IS NULL OR process_type = :type)
                        AND (:operation IS NULL OR operation = :operation) AND (:status IS NULL OR status = :status)), 0)
             FROM actions INDEXED BY actions_by_time
             WHERE company_id = :company AND time BETWEEN :from AND :to AND (:user IS NULL OR user_id = :user)",
        )?
        .query_row(
            named_params! {
                ":company": wanted.company.0,
                ":user": wanted.user.map(|user| user.0),
                ":from": from.as_micros(),
                ":to": to.as_micros(),
                ":service": wanted.service.map(Service::code),
                ":type": wanted.process_type.map(ProcessType::code),
                ":operation": wanted.operation,
                ":status": wanted.status.map(CalculationStatus::code),
            },
            |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, i64>(1)?.unsigned_abs())),
        )?;
    Ok(counts)
}

/// The statement of an order. Each is written whole; they differ in the column and its index, and in the direction.
#[expect(clippy::too_many_lines, reason = "fourteen statements, each written whole")]
fn statement(sort: Sort, descending: bool) -> &'static str {
    match (sort, descending) {
        (Sort::Time, false) => {
            "SELECT id, time, process_code FROM actions INDEXED BY actions_by_time
             WHERE company_id = :company AND (time, process_code) > (:key, :code)
                   AND time BETWEEN :from AND :to AND (:user IS NULL OR user_id = :user)
                   AND (:service IS NULL OR service = :service) AND (:type IS NULL OR process_type = :type)
                   AND (:operation IS NULL OR operation = :operation) AND (:status IS NULL OR status = :status)
             ORDER BY time, process_code LIMIT :limit OFFSET :offset"
        }
        (Sort::Time, true) => {
            "SELECT id, time, process_code FROM actions INDEXED BY actions_by_time
             WHERE company_id = :company AND (time, process_code) < (:key, :code)
                   AND time BETWEEN :from AND :to AND (:user IS NULL OR user_id = :user)
                   AND (:service IS NULL OR service = :service) AND (:type IS NULL OR process_type = :type)
                   AND (:operation IS NULL OR operation = :operation) AND (:status IS NULL OR status = :status)
             ORDER BY time DESC, process_code DESC LIMIT :limit OFFSET :offset"
        }
        (Sort::Username, false) => {
            "SELECT id, username, process_code FROM actions INDEXED BY actions_by_username
             WHERE company_id = :company AND (username, process_code) > (:key, :code)
                   AND time BETWEEN :from AND :to AND (:user IS NULL OR user_id = :user)
                   AND (:service IS NULL OR service = :service) AND (:type IS NULL OR process_type = :type)
                   AND (:operation IS NULL OR operation = :operation) AND (:status IS NULL OR status = :status)
             ORDER BY username, process_code LIMIT :limit OFFSET :offset"
        }
        (Sort::Username, true) => {
            "SELECT id, username, process_code FROM actions INDEXED BY actions_by_username
             WHERE company_id = :company AND (username, process_code) < (:key, :code)
                   AND time BETWEEN :from AND :to AND (:user IS NULL OR user_id = :user)
                   AND (:service IS NULL OR service = :service) AND (:type IS NULL OR process_type = :type)
                   AND (:operation IS NULL OR operation = :operation) AND (:status IS NULL OR status = :status)
             ORDER BY username DESC, process_code DESC LIMIT :limit OFFSET :offset"
        }
        (Sort::Service, false) => {
            "SELECT id, service, process_code FROM actions INDEXED BY actions_by_service
             WHERE company_id = :company AND (service, process_code) > (:key, :code)
                   AND time BETWEEN :from AND :to AND (:user IS NULL OR user_id = :user)
                   AND (:service IS NULL OR service = :service) AND (:type IS NULL OR process_type = :type)
                   AND (:operation IS NULL OR operation = :operation) AND (:status IS NULL OR status = :status)
             ORDER BY service, process_code LIMIT :limit OFFSET :offset"
        }
        (Sort::Service, true) => {
            "SELECT id, service, process_code FROM actions INDEXED BY actions_by_service
             WHERE company_id = :company AND (service, process_code) < (:key, :code)
                   AND time BETWEEN :from AND :to AND (:user IS NULL OR user_id = :user)
                   AND (:service IS NULL OR service = :service) AND (:type IS NULL OR process_type = :type)
                   AND (:operation IS NULL OR operation = :operation) AND (:status IS NULL OR status = :status)
             ORDER BY service DESC, process_code DESC LIMIT :limit OFFSET :offset"
        }
        (Sort::ProcessType, false) => {
            "SELECT id, process_type, process_code FROM actions INDEXED BY actions_by_process_type
             WHERE company_id = :company AND (process_type, process_code) > (:key, :code)
                   AND time BETWEEN :from AND :to AND (:user IS NULL OR user_id = :user)
                   AND (:service IS NULL OR service = :service) AND (:type IS NULL OR process_type = :type)
                   AND (:operation IS NULL OR operation = :operation) AND (:status IS NULL OR status = :status)
             ORDER BY process_type, process_code LIMIT :limit OFFSET :offset"
        }
        (Sort::ProcessType, true) => {
            "SELECT id, process_type, process_code FROM actions INDEXED BY actions_by_process_type
             WHERE company_id = :company AND (process_type, process_code) < (:key, :code)
                   AND time BETWEEN :from AND :to AND (:user IS NULL OR user_id = :user)
                   AND (:service IS NULL OR service = :service) AND (:type IS NULL OR process_type = :type)
                   AND (:operation IS NULL OR operation = :operation) AND (:status IS NULL OR status = :status)
             ORDER BY process_type DESC, process_code DESC LIMIT :limit OFFSET :offset"
        }
        (Sort::Operation, false) => {
            "SELECT id, operation, process_code FROM actions INDEXED BY actions_by_operation
             WHERE company_id = :company AND (operation, process_code) > (:key, :code)
                   AND time BETWEEN :from AND :to AND (:user IS NULL OR user_id = :user)
                   AND (:service IS NULL OR service = :service) AND (:type IS NULL OR process_type = :type)
                   AND (:operation IS NULL OR operation = :operation) AND (:status IS NULL OR status = :status)
             ORDER BY operation, process_code LIMIT :limit OFFSET :offset"
        }
        (Sort::Operation, true) => {
            "SELECT id, operation, process_code FROM actions INDEXED BY actions_by_operation
             WHERE company_id = :company AND (operation, process_code) < (:key, :code)
                   AND time BETWEEN :from AND :to AND (:user IS NULL OR user_id = :user)
                   AND (:service IS NULL OR service = :service) AND (:type IS NULL OR process_type = :type)
                   AND (:operation IS NULL OR operation = :operation) AND (:status IS NULL OR status = :status)
             ORDER BY operation DESC, process_code DESC LIMIT :limit OFFSET :offset"
        }
        (Sort::Status, false) => {
            "SELECT id, status, process_code FROM actions INDEXED BY actions_by_status
             WHERE company_id = :company AND (status, process_code) > (:key, :code)
                   AND time BETWEEN :from AND :to AND (:user IS NULL OR user_id = :user)
                   AND (:service IS NULL OR service = :service) AND (:type IS NULL OR process_type = :type)
                   AND (:operation IS NULL OR operation = :operation) AND (:status IS NULL OR status = :status)
             ORDER BY status, process_code LIMIT :limit OFFSET :offset"
        }
        (Sort::Status, true) => {
            "SELECT id, status, process_code FROM actions INDEXED BY actions_by_status
             WHERE company_id = :company AND (status, process_code) < (:key, :code)
                   AND time BETWEEN :from AND :to AND (:user IS NULL OR user_id = :user)
                   AND (:service IS NULL OR service = :service) AND (:type IS NULL OR process_type = :type)
                   AND (:operation IS NULL OR operation = :operation) AND (:status IS NULL OR status = :status)
             ORDER BY status DESC, process_code DESC LIMIT :limit OFFSET :offset"
        }
        (Sort::Points, false) => {
            "SELECT id, points, process_code FROM actions INDEXED BY actions_by_points
             WHERE company_id = :company AND (points, process_code) > (:key, :code)
                   AND time BETWEEN :from AND :to AND (:user IS NULL OR user_id = :user)
                   AND (:service IS NULL OR service = :service) AND (:type IS NULL OR process_type = :type)
                   AND (:operation IS NULL OR operation = :operation) AND (:status IS NULL OR status = :status)
             ORDER BY points, process_code LIMIT :limit OFFSET :offset"
        }
        (Sort::Points, true) => {
            "SELECT id, points, process_code FROM actions INDEXED BY actions_by_points
             WHERE company_id = :company AND (points, process_code) < (:key, :code)
                   AND time BETWEEN :from AND :to AND (:user IS NULL OR user_id = :user)
                   AND (:service IS NULL OR service = :service) AND (:type IS NULL OR process_type = :type)
                   AND (:operation IS NULL OR operation = :operation) AND (:status IS NULL OR status = :status)
             ORDER BY points DESC, process_code DESC LIMIT :limit OFFSET :offset"
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use rusqlite::types::Null;

    use super::*;

    /// Passing over rows must cost no look into the table, and no order may have to be made.
    #[test]
    fn every_order_is_read_from_its_index() {
        let connection = Connection::open_in_memory().expect("a database");
        connection
            .execute_batch(
                "CREATE TABLE companies (id INTEGER PRIMARY KEY); CREATE TABLE users (id INTEGER PRIMARY KEY);",
            )
            .expect("what the schema refers to");
        connection.execute_batch(include_str!("../../store/migrations/0005_audit.sql")).expect("the schema");
        for sort in Sort::ALL {
            for descending in [false, true] {
                let sql = statement(sort, descending);
                let mut plan = connection.prepare(&["EXPLAIN QUERY PLAN ", sql].concat()).expect(sql);
                for number in 1..=plan.parameter_count() {
                    plan.raw_bind_parameter(number, Null).expect("a parameter");
                }
                let mut rows = plan.raw_query();
                let mut steps = Vec::new();
                while let Some(row) = rows.next().expect("a step") {
                    steps.push(row.get::<_, String>(3).expect("a text"));
                }
                let steps = steps.join("\n");
                assert!(steps.contains("USING COVERING INDEX"), "{sort:?} {descending}: {steps}");
                assert!(!steps.contains("TEMP B-TREE"), "{sort:?} {descending}: {steps}");
                // By time the period is the range: a list that goes on moves its beginning.
                let range =
                    if sort == Sort::Time { "company_id=? AND time>? AND time<?" } else { "company_id=? AND (" };
                assert!(steps.contains(range), "{sort:?} {descending}: {steps}");
            }
        }
    }
}
