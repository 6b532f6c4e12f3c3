//! What is written, read again by us and by another reader.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use calamine::{Reader as _, Xlsx};
use chrono::{NaiveDate, NaiveDateTime};
use comptoir::sheets::{Cell, Column, Limits, Look, Value, Writer};

use super::{read, shown};

fn noon() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 11, 27).unwrap().and_hms_opt(12, 0, 0).unwrap()
}

fn column(name: &str, look: Look) -> Column {
    Column { name: name.to_owned(), width: 12.0, look }
}

fn written(columns: Vec<Column>, rows: &[Vec<Value<'_>>]) -> Vec<u8> {
    let mut writer = Writer::new("Товары", columns, noon()).unwrap();
    for row in rows {
        writer.row(row).unwrap();
    }
    let mut target = Cursor::new(Vec::new());
    writer.finish(&mut target).unwrap();
    target.into_inner()
}

fn part(book: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(book)).unwrap();
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn every_kind_of_value_comes_back_as_it_was() {
    let columns = vec![
        column("Text", Look::Text),
        column("Money", Look::Money),
        column("Count", Look::Count),
        column("Date", Look::Date),
        column("Yes", Look::Plain),
    ];
    let row = vec![
        Value::text("007"),
        Value::Hundredths(123_450),
        Value::Number(4_820_024_700_016.0),
        Value::Date(noon()),
        Value::Bool(true),
        Value::text("beyond"),
    ];
    let bytes = written(columns, &[row, vec![Value::Empty, Value::text(""), Value::Number(-1.0)]]);
    let rows = read(Limits::default(), "goods.xlsx", &bytes).await.unwrap();
    assert_eq!(
        shown(&rows),
        "1: Text | Money | Count | Date | Yes\n\
         2: 007 | (1234.5) | (4820024700016) | @2026-11-27 12:00:00 | {TRUE} | beyond\n\
         3:  |  | (-1)"
    );
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
    assert_eq!(book.sheet_names(), ["Товары"]);
    assert_eq!(book.worksheet_range("Товары").unwrap().height(), 3);
}

#[tokio::test]
async fn a_text_is_never_a_formula_and_keeps_every_character() {
    let texts = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "=HYPERLINK(\"http://example.com\")",
        "<b>&amp;",
        "a\u{1}b",
        "_x0041_",
        " spaces ",
        "line\nbreak",
        "tab\there",
        "😀",
        "\u{0}",
        "{=1}",
        "http://example.com",
        "return\rhere",
    ];
    let rows: Vec<_> = texts.iter().map(|text| vec![Value::text(text)]).collect();
    let bytes = written(vec![column("Text", Look::Plain)], &rows);
    assert!(!part(&bytes, "xl/worksheets/sheet1.xml").contains("<f>"));
    let read = read(Limits::default(), "goods.xlsx", &bytes).await.unwrap();
    let back: Vec<_> = read[1..].iter().map(|row| row.cells[0].clone()).collect();
    assert_eq!(back, texts.map(|text| Cell::Text(text.to_owned())));
}

#[tokio::test]
async fn a_text_that_no_cell_has_room_for_is_cut_and_says_so() {
    let fits = "я".repeat(32_767);
    let long = "я".repeat(40_000);
    let rows = [vec![Value::text(&fits)], vec![Value::Text(Cow::Borrowed(&long))]];
    let bytes = written(vec![column("Text", Look::Plain)], &rows);
    let read = read(Limits::default(), "goods.xlsx", &bytes).await.unwrap();
    assert_eq!(read[1].cells[0], Cell::Text(fits));
    assert_eq!(read[2].cells[0], Cell::Text(format!("{}…", "я".repeat(32_766))));
}

#[test]
fn the_header_stays_in_sight_has_a_filter_and_the_columns_their_formats() {
    let columns = vec![column("Text", Look::Text), column("Money", Look::Money)];
    let bytes = written(columns.clone(), &[vec![Value::text("a"), Value::Hundredths(1)]]);
    let sheet = part(&bytes, "xl/worksheets/sheet1.xml");
    assert!(sheet.contains("<autoFilter ref=\"A1:B2\"") && sheet.contains("state=\"frozen\""), "{sheet}");
    let styles = part(&bytes, "xl/styles.xml");
    assert!(styles.contains("formatCode=\"@\"") && styles.contains("formatCode=\"#,##0.00\""), "{styles}");
    assert_eq!(
        written(columns, &[vec![Value::text("a"), Value::Hundredths(1)]]),
        bytes,
        "the same rows, the same file"
    );
}

#[test]
fn a_number_that_is_none_is_refused() {
    let mut writer = Writer::new("Goods", vec![column("Number", Look::Plain)], noon()).unwrap();
    assert!(writer.row(&[Value::Number(f64::NAN)]).is_err());
}

#[test]
fn any_name_becomes_one_that_a_sheet_may_have() {
    for (name, sheet) in
        [("a/b:c*?[d]\\", "abcd"), ("'quoted'", "quoted"), ("", "Sheet"), (&"x".repeat(40), &"x".repeat(31))]
    {
        let writer = Writer::new(name, vec![column("Text", Look::Plain)], noon()).unwrap();
        let mut target = Cursor::new(Vec::new());
        writer.finish(&mut target).unwrap();
        target.set_position(0);
        let book: Xlsx<_> = Xlsx::new(target).unwrap();
        assert_eq!(book.sheet_names(), [sheet]);
    }
}
