//! Every statement on the tables of the account contract, by table.
//!
//! Must not know: HTTP, services, tasks. Nothing here begins a transaction; each statement names the company.

pub mod files;
pub mod points;
pub mod processes;
pub mod quotas;
pub mod usage;

use rusqlite::types::Type;

use crate::account::model::{CalculationStatus, Day, Kind, ProcessType, Service};

/// A stored number that the schema's checks let through and this version does not know.
fn unknown(column: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, what.into())
}

/// How many rows at most, as the engine wants it.
fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A kind of work from two columns, the service first.
fn kind(row: &rusqlite::Row<'_>, column: usize) -> Result<Kind, rusqlite::Error> {
    let service = Service::of_code(row.get(column)?).ok_or_else(|| unknown(column, "no service has this number"))?;
    let process_type = ProcessType::of_code(row.get(column + 1)?)
        .ok_or_else(|| unknown(column + 1, "no process type has this number"))?;
    Ok(Kind { service, process_type })
}

fn status(row: &rusqlite::Row<'_>, column: usize) -> Result<CalculationStatus, rusqlite::Error> {
    CalculationStatus::of_code(row.get(column)?).ok_or_else(|| unknown(column, "no status has this number"))
}

fn day(row: &rusqlite::Row<'_>, column: usize) -> Result<Day, rusqlite::Error> {
    Ok(Day::of_number(row.get(column)?))
}

#[cfg(test)]
mod tests {
    use super::{files, processes, usage};
    use crate::store::{Conn, MIGRATIONS};

    /// How SQLite means to run `sql`, on a database of this version.
    fn plan(sql: &str) -> String {
        let conn = Conn::open_in_memory().expect("memory");
        for migration in MIGRATIONS {
            conn.execute_batch(migration.sql).expect("a migration that works");
        }
        let mut statement = conn.prepare(&["EXPLAIN QUERY PLAN ", sql].concat()).expect("a statement that works");
        // A plan needs no values.
        let rows = statement.raw_query().mapped(|row| row.get::<_, String>("detail"));
        rows.map(|row| row.expect("a step")).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn what_is_asked_often_or_of_much_is_read_from_its_index_without_sorting() {
        for (sql, index) in [
            (usage::OF_USER, "USING PRIMARY KEY (company_id=? AND user_id=? AND day>? AND day<?)"),
            (usage::OF_COMPANY, "account_usage_by_day (company_id=? AND day>? AND day<?)"),
            (
                processes::RUNNING,
                "account_processes_running (company_id=? AND user_id=? AND service=? AND process_type=?)",
            ),
            (processes::SILENT, "account_processes_silent (heard_at<?)"),
            (files::GIVEN_UP, "account_files_by_state (state=?)"),
        ] {
            let plan = plan(sql);
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{index}: {plan}");
        }
    }
}
