//! Writing workbooks: rows go through to the disk, so memory does not depend on how many there are.

use std::borrow::Cow;
use std::io::{Seek, Write};

use chrono::NaiveDateTime;
use rust_xlsxwriter::{Color, DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};

/// The rows a sheet has.
const ROWS: u32 = 1_048_576;

/// The characters a cell has room for.
const CHARACTERS: usize = 32_767;

/// The characters a sheet's name has room for.
const NAME: usize = 31;

/// Why a workbook could not be written: the machine's fault, not the caller's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unwritten(String);

impl From<XlsxError> for Unwritten {
    fn from(error: XlsxError) -> Self {
        Self(error.to_string())
    }
}

/// How the cells of a column look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As they are.
    Plain,
    /// As text, numbers too: what is typed into the column stays text, `007` for one.
    Text,
    /// Numbers with two decimals and groups of three digits.
    Money,
    /// Whole numbers with groups of three digits.
    Count,
    /// A day.
    Date,
    /// Texts over several lines.
    Wrapped,
}

/// A column of a sheet that is written.
#[derive(Debug, Clone)]
pub struct Column {
    /// What stands in the header.
    pub name: String,
    /// Its width in characters.
    pub width: f64,
    /// How its cells look.
    pub look: Look,
}

/// A cell that is written.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Empty,
    /// A text, never a formula or a link, whatever it begins with. Beyond 32 767 characters it is cut and ends in `…`.
    Text(Cow<'a, str>),
    /// A number.
    Number(f64),
    /// An amount in hundredths.
    Hundredths(i64),
    /// True or false.
    Bool(bool),
    /// A date with its time.
    Date(NaiveDateTime),
}

impl<'a> Value<'a> {
    /// A text.
    #[must_use]
    pub fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

/// A workbook of one table: a header that stays in sight, a filter, and rows; where a sheet has no more rows, another one.
pub struct Writer {
    workbook: Workbook,
    name: String,
    columns: Vec<Column>,
    looks: Vec<Format>,
    header: Format,
    /// The number of the sheet that is written to, from 0.
    sheet: usize,
    /// The next row, from 0.
    row: u32,
    rows: u32,
}

impl Writer {
    /// Begins a workbook whose sheets are called `name`, `name 2` and so on; `written_on` goes into its properties, so that the
    /// same rows make the same file.
    pub fn new(name: &str, columns: Vec<Column>, written_on: NaiveDateTime) -> Result<Self, Unwritten> {
        Self::with_rows(name, columns, written_on, ROWS)
    }

    fn with_rows(name: &str, columns: Vec<Column>, written_on: NaiveDateTime, rows: u32) -> Result<Self, Unwritten> {
        let mut workbook = Workbook::new();
        let written_on = written_on.format("%Y-%m-%dT%H:%M:%S").to_string();
        let properties =
            DocProperties::new().set_creation_datetime(&ExcelDateTime::parse_from_str(&written_on)?).set_title(name);
        workbook.set_properties(&properties);
        let header = Format::new()
            .set_bold()
            .set_font_color(Color::White)
            .set_background_color(Color::RGB(0x1F_6F_5C))
            .set_text_wrap()
            .set_align(FormatAlign::VerticalCenter);
        let looks = columns.iter().map(|column| format(column.look)).collect();
        let mut writer = Self { workbook, name: sheet_name(name), columns, looks, header, sheet: 0, row: 0, rows };
        writer.begin_sheet()?;
        Ok(writer)
    }

    /// Writes a row; cells beyond the columns have no look.
    pub fn row(&mut self, cells: &[Value<'_>]) -> Result<(), Unwritten> {
        if self.row == self.rows {
            self.end_sheet()?;
            self.sheet += 1;
            self.begin_sheet()?;
        }
        let row = self.row;
        let sheet = self.workbook.worksheet_from_index(self.sheet)?;
        let plain = Format::new();
        for (column, value) in (0..).zip(cells) {
            let look = self.looks.get(usize::from(column)).unwrap_or(&plain);
            write_cell(sheet, row, column, value, look)?;
        }
        self.row += 1;
        Ok(())
    }

    /// Writes all of it to `target`, which is to have a reader's rights removed or no name.
    pub fn finish<W: Write + Seek + Send>(mut self, target: W) -> Result<(), Unwritten> {
        self.end_sheet()?;
        Ok(self.workbook.save_to_writer(target)?)
    }

    fn begin_sheet(&mut self) -> Result<(), Unwritten> {
        let name = if self.sheet == 0 {
            self.name.clone()
        } else {
            let number = format!(" {}", self.sheet + 1);
            let room = NAME - number.len();
            self.name.chars().take(room).collect::<String>() + &number
        };
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        for (at, column) in (0..).zip(&self.columns) {
            sheet.set_column_width(at, column.width)?;
            // Rows that people add below look like those above.
            sheet.set_column_format(at, &self.looks[usize::from(at)])?;
        }
        for (at, column) in (0..).zip(&self.columns) {
            sheet.write_string_with_format(0, at, column.name.as_str(), &self.header)?;
        }
        sheet.set_freeze_panes(1, 0)?;
        self.row = 1;
        Ok(())
    }

    fn end_sheet(&mut self) -> Result<(), Unwritten> {
        let last = u16::try_from(self.columns.len().saturating_sub(1)).unwrap_or(u16::MAX);
        let end = self.row - 1;
        let sheet = self.workbook.worksheet_from_index(self.sheet)?;
        sheet.autofilter(0, 0, end, last)?;
        sheet.set_repeat_rows(0, 0)?;
        Ok(())
    }
}

fn format(look: Look) -> Format {
    let format = Format::new();
    match look {
        Look::Plain => format,
        Look::Text => format.set_num_format("@"),
        Look::Money => format.set_num_format("#,##0.00"),
        Look::Count => format.set_num_format("#,##0"),
        Look::Date => format.set_num_format("yyyy-mm-dd"),
        Look::Wrapped => format.set_text_wrap().set_align(FormatAlign::Top),
    }
}

fn write_cell(sheet: &mut Worksheet, row: u32, column: u16, value: &Value<'_>, look: &Format) -> Result<(), Unwritten> {
    match value {
        Value::Empty => {}
        Value::Text(text) if text.is_empty() => {}
        Value::Text(text) => {
            sheet.write_string_with_format(row, column, fitting(text), look)?;
        }
        Value::Number(number) if !number.is_finite() => {
            return Err(Unwritten(format!("row {row}, column {column}: {number} is no number of a cell")));
        }
        Value::Number(number) => {
            sheet.write_number_with_format(row, column, *number, look)?;
        }
        Value::Hundredths(amount) => {
            sheet.write_number_with_format(row, column, hundredths(*amount), look)?;
        }
        Value::Bool(value) => {
            sheet.write_boolean_with_format(row, column, *value, look)?;
        }
        Value::Date(at) => {
            let at = ExcelDateTime::parse_from_str(&at.format("%Y-%m-%dT%H:%M:%S").to_string())?;
            sheet.write_datetime_with_format(row, column, &at, look)?;
        }
    }
    Ok(())
}

/// As a cell holds it: the nearest number to the amount, which shows the same two decimals below 10^13.
#[expect(clippy::cast_precision_loss, reason = "the nearest number is meant")]
fn hundredths(amount: i64) -> f64 {
    amount as f64 / 100.0
}

/// As much of a text as a cell has room for.
fn fitting(text: &str) -> Cow<'_, str> {
    if text.len() <= CHARACTERS || text.chars().count() <= CHARACTERS {
        return Cow::Borrowed(text);
    }
    let end = text.char_indices().nth(CHARACTERS - 1).map_or(text.len(), |(at, _)| at);
    Cow::Owned(format!("{}…", &text[..end]))
}

/// A name that a sheet may have.
fn sheet_name(name: &str) -> String {
    let allowed = |character: &char| !matches!(character, '[' | ']' | ':' | '*' | '?' | '/' | '\\');
    let name: String = name.chars().filter(allowed).take(NAME).collect();
    let name = name.trim_matches('\'').trim();
    if name.is_empty() { "Sheet".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use calamine::{Data, Reader, Xlsx};
    use chrono::NaiveDate;

    use super::*;

    #[test]
    fn what_one_sheet_has_no_rows_for_goes_on_in_the_next_under_a_header_of_its_own() {
        let columns = vec![Column { name: "Number".to_owned(), width: 10.0, look: Look::Count }];
        let at = NaiveDate::from_ymd_opt(2026, 11, 27).and_then(|day| day.and_hms_opt(0, 0, 0)).expect("a time");
        let mut writer = Writer::with_rows("Goods", columns, at, 4).expect("a writer");
        for number in 0..7 {
            writer.row(&[Value::Number(f64::from(number))]).expect("a row");
        }
        let mut target = Cursor::new(Vec::new());
        writer.finish(&mut target).expect("a workbook");
        target.set_position(0);
        let mut book: Xlsx<_> = Xlsx::new(target).expect("a workbook");
        assert_eq!(book.sheet_names(), ["Goods", "Goods 2", "Goods 3"]);
        let mut numbers = Vec::new();
        for (name, count) in [("Goods", 3), ("Goods 2", 3), ("Goods 3", 1)] {
            let sheet = book.worksheet_range(name).expect(name);
            assert_eq!(sheet.get((0, 0)), Some(&Data::String("Number".to_owned())), "{name}");
            let rows: Vec<_> = sheet.rows().skip(1).map(|row| row[0].clone()).collect();
            assert_eq!(rows.len(), count, "{name}");
            numbers.extend(rows);
        }
        assert_eq!(numbers, (0..7).map(|number| Data::Float(f64::from(number))).collect::<Vec<_>>());
    }
}
