//! Cells and rows, as a file says them.

use std::borrow::Cow;

use chrono::NaiveDateTime;

/// One cell as the file says it.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing, or a text of no characters.
    Empty,
    /// A text, as it is written: spaces, line breaks and control characters included.
    Text(String),
    /// A number that is not shown as a date. The full value, however few digits of it the workbook shows.
    Number(f64),
    /// True or false.
    Bool(bool),
    /// A number that its format shows as a date, a time or both. Times alone are of 1899-12-31 (or 1904-01-01).
    Date(NaiveDateTime),
    /// An error in the cell, as it is shown: `#DIV/0!`.
    Error(String),
    /// A formula whose result the file does not hold: whoever wrote it did not calculate.
    NoValue,
}

impl Cell {
    /// The cell as a person would type it: whole numbers without a point and never with an exponent below 10^17 (`4.82002E+12`
    /// is what a narrow column shows of `4820024700016`), dates as `2026-11-27` or `2026-11-27 10:30:00`, errors as they
    /// are shown, nothing for `Empty` and `NoValue`.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Empty | Self::NoValue => Cow::Borrowed(""),
            Self::Text(text) | Self::Error(text) => Cow::Borrowed(text),
            Self::Number(number) => Cow::Owned(number_text(*number)),
            Self::Bool(true) => Cow::Borrowed("TRUE"),
            Self::Bool(false) => Cow::Borrowed("FALSE"),
            Self::Date(at) if at.time() == chrono::NaiveTime::MIN => Cow::Owned(at.date().to_string()),
            Self::Date(at) => Cow::Owned(at.format("%Y-%m-%d %H:%M:%S").to_string()),
        }
    }
}

fn number_text(number: f64) -> String {
    // `Display` writes the shortest text that is this number, and no exponent; beyond 10^17 digits would be made up.
    if number == 0.0 {
        "0".to_owned()
    } else if number.abs() < 1e17 && number.abs() >= 1e-9 {
        number.to_string()
    } else {
        format!("{number:e}")
    }
}

/// One row that has at least one cell that is not empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// From 1, as the spreadsheet shows it.
    pub number: u32,
    /// Whether the workbook hides it. Known of `.xlsx` only.
    pub hidden: bool,
    /// From column A; empty cells at the end are cut.
    pub cells: Vec<Cell>,
}

/// The letters of a column, counted from 0: `A`, `Z`, `AA`, `XFD`.
#[must_use]
pub fn column_name(mut column: u32) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(b'A' + u8::try_from(column % 26).expect("a remainder of 26"));
        if column < 26 {
            break;
        }
        column = column / 26 - 1;
    }
    letters.iter().rev().map(|letter| char::from(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    #[test]
    fn a_number_is_written_as_a_person_would() {
        for (number, text) in [
            (4_820_024_700_016.0, "4820024700016"),
            (0.0, "0"),
            (-0.0, "0"),
            (1234.5, "1234.5"),
            (0.1, "0.1"),
            (-7.0, "-7"),
            (99_999_999_999_999.0, "99999999999999"),
            (1e20, "1e20"),
            (1.5e-12, "1.5e-12"),
        ] {
            assert_eq!(Cell::Number(number).text(), text);
        }
    }

    #[test]
    fn a_date_has_a_time_only_if_there_is_one() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 27).expect("a day");
        assert_eq!(Cell::Date(day.and_hms_opt(0, 0, 0).expect("a time")).text(), "2026-11-27");
        assert_eq!(Cell::Date(day.and_hms_opt(10, 30, 0).expect("a time")).text(), "2026-11-27 10:30:00");
    }

    #[test]
    fn columns_have_the_letters_that_spreadsheets_show() {
        for (column, name) in
            [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")]
        {
            assert_eq!(column_name(column), name);
        }
    }
}
