//! Statements on `nomenclature_problems`.

use rusqlite::{Row, named_params};

use super::{at_most, unreadable};
use crate::nomenclature::problems::{Code, Problem};
use crate::store::{Conn, StoreError, WriteTx};

/// Adds what was found while a plan was made.
pub fn add(tx: &WriteTx<'_>, plan: i64, problems: &[Problem]) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO nomenclature_problems (plan_id, row, \"column\", code, a, b) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for problem in problems {
        statement.execute((
            plan,
            problem.row,
            problem.column,
            problem.code.number(),
            problem.a.as_str(),
            problem.b.as_str(),
        ))?;
    }
    Ok(())
}

fn problem(row: &Row<'_>) -> rusqlite::Result<Problem> {
    Ok(Problem {
        code: Code::of_number(row.get(2)?).ok_or_else(|| unreadable(2, "no finding has this number"))?,
        row: row.get(0)?,
        column: row.get(1)?,
        a: row.get(3)?,
        b: row.get(4)?,
    })
}

/// The first `limit` findings of a plan, in the order of the rows.
pub fn first(conn: &Conn, plan: i64, limit: usize) -> Result<Vec<Problem>, StoreError> {
    // Relies on nomenclature_problems_by_row.
    let mut statement = conn.prepare_cached(
        "SELECT row, \"column\", code, a, b FROM nomenclature_problems WHERE plan_id = :plan
         ORDER BY row, id LIMIT :limit",
    )?;
    let rows = statement.query_map(named_params! { ":plan": plan, ":limit": at_most(limit) }, problem)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The findings of a plan about the rows after one and up to another.
pub fn of_rows(conn: &Conn, plan: i64, after: u32, last: u32) -> Result<Vec<Problem>, StoreError> {
    // Relies on nomenclature_problems_by_row.
    let mut statement = conn.prepare_cached(
        "SELECT row, \"column\", code, a, b FROM nomenclature_problems
         WHERE plan_id = :plan AND row > :after AND row <= :last ORDER BY row, id",
    )?;
    let rows = statement.query_map(named_params! { ":plan": plan, ":after": after, ":last": last }, problem)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The findings of a plan about the file as a whole.
pub fn of_file(conn: &Conn, plan: i64) -> Result<Vec<Problem>, StoreError> {
    // Relies on nomenclature_problems_by_row.
    let mut statement = conn.prepare_cached(
        "SELECT row, \"column\", code, a, b FROM nomenclature_problems WHERE plan_id = :plan AND row = 0 ORDER BY id",
    )?;
    let rows = statement.query_map(named_params! { ":plan": plan }, problem)?;
    Ok(rows.collect::<Result<_, _>>()?)
}
