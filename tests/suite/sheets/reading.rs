//! What is read of which file.

use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};
use comptoir::sheets::{Cell, Format, Limits, Row, Unreadable};
use futures_util::stream::{self, StreamExt};
use proptest::prelude::*;

use super::forge::xlsx::{Book, row, row_of};
use super::forge::{Case, Outcome, cases};
use super::{open, read, shown};

/// What is wrong with how a case ended, if anything.
fn judged(case: &Case, read: Result<Vec<Row>, Unreadable>) -> Option<String> {
    let fits = match (&case.outcome, &read) {
        (Outcome::Rows(expected), Ok(rows)) => shown(rows) == *expected,
        (Outcome::Refused(expected), Err(why)) => expected == why,
        (Outcome::Damaged(words), Err(Unreadable::Damaged(why))) => why.contains(words),
        (Outcome::Damaged(words), Err(why @ Unreadable::OpenQuote { .. })) => why.to_string().contains(words),
        (Outcome::Any, Err(why)) => !why.is_transient(),
        _ => false,
    };
    let said = read.map(|rows| shown(&rows).chars().take(500).collect::<String>());
    (!fits).then(|| format!("{}:\n  expected {:?}\n  read     {said:?}", case.name, case.outcome))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_file_ends_in_its_rows_or_in_its_reason() {
    let cases = cases();
    assert!(cases.len() >= 40);
    let wrong: Vec<_> = stream::iter(cases)
        .map(|case| async move {
            let read = read(case.limits, case.file, &case.bytes).await;
            judged(&case, read)
        })
        .buffer_unordered(3)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_sheet_that_is_read_and_those_that_are_not_are_named() {
    let book = Book::new()
        .sheet("Hidden", "hidden", "")
        .sheet("Товары & цены", "visible", "")
        .chart("Chart")
        .sheet("Old", "visible", "")
        .sheet("Older", "visible", "");
    let rows = open(Limits::default(), "goods.csv", &book.bytes()).await.unwrap();
    assert_eq!(rows.sheet(), "Товары & цены");
    assert_eq!(rows.other_sheets(), ["Old", "Older"]);
    assert_eq!(rows.format(), Format::Xlsx, "whatever the name says");
}

#[tokio::test]
async fn rows_come_in_batches_of_a_thousand_and_fewer_where_they_are_wide() {
    let narrow: String = (1..=2_500).map(|number| row(number, &["a"])).collect();
    let mut rows = open(Limits::default(), "goods.xlsx", &Book::of(&narrow).bytes()).await.unwrap();
    let mut lengths = Vec::new();
    while let Some(batch) = rows.next().await.unwrap() {
        lengths.push((batch[0].number, batch.len()));
    }
    assert_eq!(lengths, [(1, 1_000), (1_001, 1_000), (2_001, 500)]);
    let wide: String = (1..=20).map(|number| row_of(number, "XFD")).collect();
    let mut rows = open(Limits::default(), "goods.xlsx", &Book::of(&wide).bytes()).await.unwrap();
    let mut count = 0;
    while let Some(batch) = rows.next().await.unwrap() {
        assert_eq!(batch.len(), 1);
        assert_eq!(batch[0].cells.len(), 16_384);
        count += 1;
    }
    assert_eq!(count, 20);
}

#[tokio::test]
async fn what_was_read_before_a_file_broke_is_passed_on_first() {
    let good: String = (1..=1_500).map(|number| row(number, &["a"])).collect();
    let bytes = Book::of(&format!("{good}<row r=\"3\"/>")).bytes();
    let mut rows = open(Limits::default(), "goods.xlsx", &bytes).await.unwrap();
    assert_eq!(rows.next().await.unwrap().unwrap().len(), 1_000);
    assert_eq!(rows.next().await.unwrap().unwrap().len(), 500);
    let why = rows.next().await.unwrap_err();
    assert_eq!(why, Unreadable::Damaged("row 3 comes after row 1500".to_owned()));
}

/// A cell that any program can write and any reader reads.
fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        Just(Cell::Empty),
        "[ -~а-яё€\u{1F600}\n]{1,20}".prop_map(Cell::Text),
        any::<i32>().prop_map(|number| Cell::Number(number.into())),
        (-1e15..1e15).prop_map(Cell::Number),
        any::<bool>().prop_map(Cell::Bool),
    ]
}

/// A workbook that another program wrote, with its texts in the cells or in the shared table.
fn workbook(rows: &[Vec<Cell>], through: bool) -> Vec<u8> {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = if through { workbook.add_worksheet_with_constant_memory() } else { Ok(workbook.add_worksheet()) };
    let sheet = sheet.unwrap();
    for (number, cells) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(cells) {
            match cell {
                Cell::Text(text) => {
                    sheet.write_string(number, column, text).unwrap();
                }
                Cell::Number(value) => {
                    sheet.write_number(number, column, *value).unwrap();
                }
                Cell::Bool(value) => {
                    sheet.write_boolean(number, column, *value).unwrap();
                }
                _ => {}
            }
        }
    }
    workbook.save_to_buffer().unwrap()
}

/// What another reader reads.
fn peer(bytes: &[u8]) -> Vec<Row> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes.to_vec())).unwrap();
    let range = book.worksheet_range_at(0).unwrap().unwrap();
    let (first_row, first_column) = range.start().unwrap_or_default();
    let mut rows = Vec::new();
    for (number, cells) in (first_row + 1..).zip(range.rows()) {
        let mut read = vec![Cell::Empty; first_column as usize];
        read.extend(cells.iter().map(|cell| match cell {
            Data::Empty => Cell::Empty,
            Data::String(text) => Cell::Text(text.clone()),
            Data::Float(number) => Cell::Number(*number),
            Data::Bool(value) => Cell::Bool(*value),
            other => panic!("{other:?}"),
        }));
        while read.last() == Some(&Cell::Empty) {
            read.pop();
        }
        if !read.is_empty() {
            rows.push(Row { number, hidden: false, cells: read });
        }
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_another_program_writes_is_read_as_another_reader_reads_it(
        cells in proptest::collection::vec(proptest::collection::vec(cell(), 0..8), 0..12),
        through in any::<bool>(),
    ) {
        let bytes = workbook(&cells, through);
        let rows = (1..).zip(cells).filter_map(|(number, mut cells)| {
            while cells.last() == Some(&Cell::Empty) {
                cells.pop();
            }
            (!cells.is_empty()).then_some(Row { number, hidden: false, cells })
        });
        let expected: Vec<_> = rows.collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let read = runtime.block_on(read(Limits::default(), "goods.xlsx", &bytes)).unwrap();
        prop_assert_eq!(&read, &expected);
        prop_assert_eq!(read, peer(&bytes));
    }
}
