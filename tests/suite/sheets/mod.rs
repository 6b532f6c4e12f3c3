//! Spreadsheets: what is read of which file, what a file can do to the server (nothing), and what is written.
//!
//! The files are made by [`forge`], which other tests may use too.

pub mod forge;
mod isolation;
mod reading;
mod writing;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use comptoir::sheets::{Cell, Format, Limits, Reader, Row, Rows, Unreadable};

/// A reader that starts the program under test.
pub fn reader(limits: Limits) -> Reader {
    Reader::new(PathBuf::from(env!("CARGO_BIN_EXE_comptoir")), limits)
}

/// An unnamed file.
pub fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

async fn open(limits: Limits, name: &str, bytes: &[u8]) -> Result<Rows, Unreadable> {
    reader(limits).open(file_of(bytes), Format::of_name(name).unwrap()).await
}

/// Every row.
async fn all(mut rows: Rows) -> Result<Vec<Row>, Unreadable> {
    let mut all = Vec::new();
    while let Some(batch) = rows.next().await? {
        assert!((1..=1_000).contains(&batch.len()));
        all.extend(batch);
    }
    assert_eq!(rows.next().await, Ok(None), "the end stays the end");
    Ok(all)
}

async fn read(limits: Limits, name: &str, bytes: &[u8]) -> Result<Vec<Row>, Unreadable> {
    all(open(limits, name, bytes).await?).await
}

/// Rows as [`forge::Outcome::Rows`] writes them.
fn shown(rows: &[Row]) -> String {
    let lines: Vec<_> = rows
        .iter()
        .map(|row| {
            let hidden = if row.hidden { "h" } else { "" };
            let mut cells: Vec<String> = Vec::new();
            let mut at = 0;
            while at < row.cells.len() {
                let same = row.cells[at..].iter().take_while(|cell| **cell == row.cells[at]).count();
                match &row.cells[at] {
                    Cell::Empty if same > 5 => cells.push(format!("‹{same}›")),
                    Cell::Text(text) if same > 5 => cells.push(format!("«{same} cells {text}»")),
                    cell => {
                        cells.push(shown_cell(cell));
                        at += 1;
                        continue;
                    }
                }
                at += same;
            }
            format!("{}{hidden}: {}", row.number, cells.join(" | "))
        })
        .collect();
    lines.join("\n")
}

fn shown_cell(cell: &Cell) -> String {
    let said = cell.text();
    match cell {
        Cell::Text(text) if text.chars().count() > 100 => {
            let first = text.chars().next().unwrap();
            assert!(text.chars().all(|character| character == first));
            format!("«{}×{first}»", text.chars().count())
        }
        Cell::Text(_) | Cell::Empty => said.into_owned(),
        Cell::Number(_) => format!("({said})"),
        Cell::Bool(_) => format!("{{{said}}}"),
        Cell::Date(_) => format!("@{said}"),
        Cell::Error(_) => format!("!{said}"),
        Cell::NoValue => "?".to_owned(),
    }
}
