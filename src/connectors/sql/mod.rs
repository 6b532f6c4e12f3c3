//! Every statement on the tables of connectors, by table.
//!
//! Must not know: HTTP, services, tasks. Nothing here begins a transaction; each statement names the company, or a series
//! that was found under one.

pub mod alerts;
pub mod registry;
pub mod retention;
pub mod series;
pub mod setting;
pub mod values;

use rusqlite::Row;
use rusqlite::types::{Type, Value as Stored, ValueRef};

use crate::clock::Timestamp;
use crate::connectors::value::{Figure, Number, Value};

const NULL: u8 = 0;
const BOOL: u8 = 1;
pub(in crate::connectors) const NUMBER: u8 = 2;
const TEXT: u8 = 3;
const INSTANT: u8 = 4;

fn unreadable(column: usize, why: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, why.into())
}

/// How many rows at most, as the engine wants it.
fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A value as it is kept.
struct Columns<'a> {
    kind: u8,
    number: Stored,
    text: Option<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(value: &'a Value) -> Self {
        let (kind, number, text) = match value {
            Value::Null => (NULL, Stored::Null, None),
            Value::Bool(value) => (BOOL, Stored::Integer((*value).into()), None),
            Value::Number(Number { figure, exact }) => {
                let number = match figure {
                    Figure::Int(whole) => Stored::Integer(*whole),
                    Figure::Real(real) => Stored::Real(*real),
                };
                (NUMBER, number, exact.as_deref())
            }
            Value::Text(text) => (TEXT, Stored::Null, Some(text.as_str())),
            Value::Instant(at) => (INSTANT, Stored::Integer(at.as_micros()), None),
        };
        Self { kind, number, text }
    }
}

fn figure(row: &Row<'_>, column: usize) -> rusqlite::Result<Figure> {
    match row.get_ref(column)? {
        ValueRef::Integer(whole) => Ok(Figure::Int(whole)),
        ValueRef::Real(real) => Ok(Figure::Real(real)),
        _ => Err(unreadable(column, "a number is neither an integer nor a float")),
    }
}

/// The value in three columns from `first` on.
fn value(row: &Row<'_>, first: usize) -> rusqlite::Result<Value> {
    Ok(match row.get::<_, u8>(first)? {
        NULL => Value::Null,
        BOOL => Value::Bool(row.get(first + 1)?),
        NUMBER => Value::Number(Number { figure: figure(row, first + 1)?, exact: row.get(first + 2)? }),
        TEXT => Value::Text(row.get(first + 2)?),
        INSTANT => Value::Instant(Timestamp::from_micros(row.get(first + 1)?)),
        _ => return Err(unreadable(first, "no kind of value has this number")),
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use rusqlite::params;

    use super::*;

    #[test]
    fn every_value_comes_back_as_it_was_kept() {
        let connection = Connection::open_in_memory().expect("a database");
        connection
            .execute_batch("CREATE TABLE v (kind INTEGER NOT NULL, number ANY, text TEXT) STRICT")
            .expect("a table");
        for (raw, value_type) in [
            ("null", None),
            ("true", None),
            ("false", None),
            ("10", None),
            ("10.0", None),
            ("-0.0", None),
            ("99999999999999999999", None),
            ("\"a\\u0000b\"", None),
            ("\"10\"", None),
            ("1654055585.5", Some("datetime")),
        ] {
            let value = Value::parse(raw, value_type).expect("a value");
            let kept = Columns::of(&value);
            connection
                .execute(
                    "INSERT INTO v (kind, number, text) VALUES (?1, ?2, ?3)",
                    params![kept.kind, kept.number, kept.text],
                )
                .expect("a row");
            let read = connection
                .query_row("DELETE FROM v RETURNING kind, number, text", [], |row| super::value(row, 0))
                .expect("a row");
            assert_eq!((read.json(), &read), (value.json(), &value));
        }
    }
}
