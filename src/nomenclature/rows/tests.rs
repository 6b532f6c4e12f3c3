//! What a row says.

use chrono::NaiveDate;
use proptest::prelude::*;

use super::*;

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn header() -> Header {
    let cells = Field::ALL.iter().map(|field| text(field.name(crate::i18n::Language::En))).collect();
    Header::find(&Row { number: 1, hidden: false, cells }).expect("no column twice").expect("a header")
}

/// A row with these cells, and a name where none is given.
fn looked(cells: &[(Field, Cell)]) -> Looked {
    let mut row = vec![Cell::Empty; 10];
    row[0] = text("Milk");
    for (field, cell) in cells {
        row[*field as usize] = cell.clone();
    }
    look(&header(), &Row { number: 7, hidden: false, cells: row }).expect("something to look at")
}

fn codes(looked: &Looked) -> Vec<(Code, Option<u32>)> {
    looked.problems.iter().map(|problem| (problem.code, problem.column)).collect()
}

#[test]
fn a_whole_row_is_read() {
    let row = looked(&[
        (Field::Name, text(" Сок яблочный ")),
        (Field::Article, Cell::Number(7.0)),
        (Field::Group, text("Напитки / Соки")),
        (Field::Unit, text("шт")),
        (Field::Price, text("1\u{a0}234,50")),
        (Field::Vat, text("НДС 20%")),
        (Field::Ean13, text("4820024700016; 4820024700016")),
        (Field::Local, text("A1, B2")),
        (Field::Subject, text("товар")),
        (Field::Archived, text("Нет")),
    ]);
    assert!(row.problems.is_empty() && !row.refused, "{:?}", row.problems);
    let said = row.said;
    assert_eq!((said.name.as_str(), said.name_folded.as_str()), ("Сок яблочный", "сок яблочный"));
    assert_eq!(said.article.as_deref(), Some("7"));
    assert_eq!(said.group.as_deref(), Some("Напитки/Соки"));
    assert_eq!(said.price.map(Price::minor), Some(123_450));
    assert_eq!((said.vat, said.subject, said.archived), (Some(Vat::Rate(20)), Some(Subject::Product), Some(false)));
    assert_eq!((said.ean13.len(), said.local), (1, vec!["A1".to_owned(), "B2".to_owned()]));
}

#[test]
fn empty_cells_say_nothing_and_an_empty_row_is_none() {
    let row = looked(&[(Field::Price, text(" \u{a0} "))]);
    assert_eq!((row.said.price, row.said.archived, row.said.ean13.len()), (None, None, 0));
    let none = Row { number: 7, hidden: false, cells: vec![text("  "), Cell::Empty] };
    assert_eq!(look(&header(), &none), None);
}

#[test]
fn rates_of_vat_are_read_as_people_write_them() {
    for (cell, rate) in [
        (Cell::Number(20.0), Vat::Rate(20)),
        (Cell::Number(0.2), Vat::Rate(20)),
        (Cell::Number(0.07), Vat::Rate(7)),
        (Cell::Number(0.0), Vat::Rate(0)),
        (text("22 %"), Vat::Rate(22)),
        (text("0%"), Vat::Rate(0)),
        (text("Без НДС"), Vat::Without),
        (text("без ПДВ"), Vat::Without),
        (text("none"), Vat::Without),
    ] {
        assert_eq!(looked(&[(Field::Vat, cell.clone())]).said.vat, Some(rate), "{cell:?}");
    }
    for cell in [Cell::Number(18.0), text("18%"), text("двадцать"), text("акциз 5"), Cell::Number(-1.0)] {
        let row = looked(&[(Field::Vat, cell.clone())]);
        assert_eq!(codes(&row), [(Code::VatUnknown, Some(5))], "{cell:?}");
    }
}

#[test]
fn each_fault_is_pointed_out_at_its_cell() {
    let day = NaiveDate::from_ymd_opt(2026, 3, 2).and_then(|day| day.and_hms_opt(0, 0, 0)).expect("a day");
    for (field, cell, code) in [
        (Field::Name, Cell::Empty, Code::NameMissing),
        (Field::Name, text(&"x".repeat(129)), Code::TextTooLong),
        (Field::Name, text("a\u{7}b"), Code::TextControl),
        (Field::Name, text("a\nb"), Code::TextBreaks),
        (Field::Name, Cell::Error("#REF!".to_owned()), Code::CellError),
        (Field::Name, Cell::NoValue, Code::CellNoValue),
        (Field::Name, Cell::Bool(true), Code::CellBool),
        (Field::Article, Cell::Date(day), Code::CellDate),
        (Field::Group, text("a//b"), Code::GroupPart),
        (Field::Price, text("-5"), Code::PriceNegative),
        (Field::Price, Cell::Number(1.005), Code::PriceDecimals),
        (Field::Price, text("договорная"), Code::PriceNumber),
        (Field::Price, Cell::Number(1e13), Code::PriceTooHigh),
        (Field::Price, Cell::Error("#DIV/0!".to_owned()), Code::CellError),
        (Field::Ean13, text("4820024700017"), Code::EanCheckDigit),
        (Field::Ean13, text("4.82002E+12"), Code::EanScientific),
        (Field::Ean13, text("482"), Code::EanLength),
        (Field::Ean13, text("abc"), Code::EanDigits),
        (Field::Ean13, text("012345678905"), Code::EanZerosLost),
        (Field::Ean13, Cell::Number(12_345_678_905.0), Code::EanZerosAdded),
        (Field::Local, text(&"x".repeat(65)), Code::LocalTooLong),
        (Field::Subject, text("вещь"), Code::SubjectUnknown),
        (Field::Archived, text("может быть"), Code::ArchivedUnknown),
    ] {
        // With a unit: without a name alone, the row would be blank.
        let row = looked(&[(Field::Unit, text("шт")), (field, cell.clone())]);
        assert_eq!(codes(&row), [(code, Some(field as u32))], "{cell:?}");
        assert_eq!(row.refused, code.severity() == Severity::Error, "{cell:?}");
        assert_eq!(row.problems[0].row, 7);
    }
}

#[test]
fn an_ean_is_read_from_the_full_value_of_its_cell() {
    let row = looked(&[(Field::Ean13, Cell::Number(4_820_024_700_016.0))]);
    assert_eq!(row.said.ean13.iter().map(ToString::to_string).collect::<Vec<_>>(), ["4820024700016"]);
    let row = looked(&[(Field::Ean13, Cell::Number(12_345_678_905.0))]);
    assert_eq!(row.said.ean13.iter().map(ToString::to_string).collect::<Vec<_>>(), ["0012345678905"]);
}

proptest! {
    #[test]
    fn no_row_is_too_strange(texts in proptest::collection::vec(".*", 0..12), numbers in proptest::collection::vec(any::<f64>(), 0..12)) {
        for cells in [texts.iter().map(|said| text(said)).collect::<Vec<_>>(), numbers.iter().copied().map(Cell::Number).collect()] {
            if let Some(row) = look(&header(), &Row { number: 2, hidden: false, cells }) {
                prop_assert_eq!(row.said.name.is_empty(), row.problems.iter().any(|problem| problem.column == Some(0) && problem.code.severity() == Severity::Error));
                prop_assert!(row.problems.len() < 100);
            }
        }
    }
}
