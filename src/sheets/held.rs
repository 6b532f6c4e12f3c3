//! The formats that calamine reads: `.xlsb`, cell by cell, and `.xls` and `.ods`, which it holds in memory. It does not say
//! which of their rows are hidden.

use std::fs::File;
use std::io::{BufReader, Read, Seek, Write};

use calamine::{DataRef, ExcelDateTime, Ods, Reader, Sheet, SheetType, SheetVisible, Xls, Xlsb};
use memchr::memmem;

use super::archive::broken;
use super::detect::Format;
use super::serial;
use super::sink::{Sink, Stop};
use super::unreadable::Unreadable;

fn damaged(error: &dyn std::error::Error) -> Stop {
    Unreadable::Damaged(error.to_string()).into()
}

/// Reads an `.xlsb` workbook.
pub fn read_xlsb<W: Write>(input: File, sink: &mut Sink<W>) -> Result<(), Stop> {
    let mut workbook = match Xlsb::new(BufReader::new(input)) {
        Err(calamine::XlsbError::Password) => return Err(Unreadable::Encrypted.into()),
        workbook => workbook.map_err(|error| damaged(&error))?,
    };
    let name = open(Format::Xlsb, workbook.sheets_metadata(), sink)?;
    let mut cells = workbook.worksheet_cells_reader(&name).map_err(|error| damaged(&error))?;
    let mut rows = Rows::default();
    while let Some(cell) = cells.next_cell().map_err(|error| damaged(&error))? {
        rows.put(cell.get_position(), cell.get_value(), sink)?;
    }
    sink.end_row()
}

/// Reads an `.ods` spreadsheet.
pub fn read_ods<W: Write>(input: File, sink: &mut Sink<W>) -> Result<(), Stop> {
    let mut spreadsheet = match Ods::new(BufReader::new(input)) {
        Err(calamine::OdsError::Password) => return Err(Unreadable::Encrypted.into()),
        spreadsheet => spreadsheet.map_err(|error| damaged(&error))?,
    };
    let name = open(Format::Ods, spreadsheet.sheets_metadata(), sink)?;
    let range = spreadsheet.worksheet_range(&name).map_err(|error| damaged(&error))?;
    whole(&range, sink)
}

/// Reads a compound file: an `.xls` workbook, if it is one.
pub fn read_compound<W: Write>(mut input: File, bytes: u64, sink: &mut Sink<W>) -> Result<(), Stop> {
    match content(&mut input)? {
        Some(Content::Encrypted) => return Err(Unreadable::Encrypted.into()),
        Some(Content::Workbook) => {}
        None => return Err(Unreadable::UnknownFormat.into()),
    }
    let limit = sink.limits().held_file;
    if bytes > limit {
        return Err(Unreadable::FileTooLarge { limit }.into());
    }
    let mut workbook = match Xls::new(BufReader::new(input)) {
        Err(calamine::XlsError::Password) => return Err(Unreadable::Encrypted.into()),
        workbook => workbook.map_err(|error| damaged(&error))?,
    };
    let name = open(Format::Xls, workbook.sheets_metadata(), sink)?;
    let range = workbook.worksheet_range(&name).map_err(|error| damaged(&error))?;
    whole(&range, sink)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// A package that a password protects: a new workbook in an old box.
    Encrypted,
    Workbook,
}

/// What a compound file holds, by the names in its directory, wherever that is.
fn content(input: &mut File) -> Result<Option<Content>, Stop> {
    const PIECE: usize = 64 << 10;
    let wide = |name: &str| name.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    // Names end in a zero: `Book` is not the end of another.
    let names = [
        (wide("EncryptedPackage\0"), Content::Encrypted),
        (wide("Workbook\0"), Content::Workbook),
        (wide("Book\0"), Content::Workbook),
    ];
    let overlap = names.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut bytes = vec![0; PIECE + overlap];
    let (mut kept, mut found) = (0, None);
    loop {
        let read = input.read(&mut bytes[kept..]).map_err(broken)?;
        let known = kept + read;
        for (name, content) in &names {
            if memmem::find(&bytes[..known], name).is_some() && found != Some(Content::Encrypted) {
                found = Some(*content);
                break;
            }
        }
        if read == 0 || found == Some(Content::Encrypted) {
            input.rewind().map_err(broken)?;
            return Ok(found);
        }
        let start = known.saturating_sub(overlap);
        bytes.copy_within(start..known, 0);
        kept = known - start;
    }
}

/// Says which sheet is read: the first visible worksheet.
fn open<W: Write>(format: Format, sheets: &[Sheet], sink: &mut Sink<W>) -> Result<String, Stop> {
    let mut shown = sheets
        .iter()
        .filter(|sheet| sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible)
        .map(|sheet| sheet.name.clone());
    let name = shown.next().ok_or(Unreadable::NoSheet)?;
    sink.opened(format, &name, &shown.collect::<Vec<_>>())?;
    Ok(name)
}

fn whole<W: Write>(range: &calamine::Range<calamine::Data>, sink: &mut Sink<W>) -> Result<(), Stop> {
    let Some((first_row, first_column)) = range.start() else { return Ok(()) };
    let mut rows = Rows::default();
    for (row, column, value) in range.used_cells() {
        let place = |first: u32, offset: usize| first.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX));
        rows.put((place(first_row, row), place(first_column, column)), value, sink)?;
    }
    sink.end_row()
}

/// Makes rows of cells that come with their places, from 0.
#[derive(Default)]
struct Rows {
    row: Option<u32>,
}

impl Rows {
    fn put<W: Write>(&mut self, place: (u32, u32), value: &impl Value, sink: &mut Sink<W>) -> Result<(), Stop> {
        if value.is_nothing() {
            return Ok(());
        }
        let (row, column) = place;
        if self.row != Some(row) {
            sink.end_row()?;
            sink.begin_row(row.saturating_add(1), false)?;
            self.row = Some(row);
        }
        value.put(column, sink)
    }
}

/// The two kinds of values that calamine gives.
trait Value {
    fn is_nothing(&self) -> bool;
    fn put<W: Write>(&self, column: u32, sink: &mut Sink<W>) -> Result<(), Stop>;
}

impl Value for DataRef<'_> {
    fn is_nothing(&self) -> bool {
        matches!(self, Self::Empty)
    }

    fn put<W: Write>(&self, column: u32, sink: &mut Sink<W>) -> Result<(), Stop> {
        match self {
            Self::Empty => Ok(()),
            Self::Int(number) => sink.number(column, float(*number)),
            Self::Float(number) => sink.number(column, *number),
            Self::SharedString(text) => sink.text(column, text),
            Self::Bool(value) => sink.bool(column, *value),
            Self::DateTime(at) => moment(at, column, sink),
            Self::DateTimeIso(text) => iso(text, column, sink),
            Self::String(text) | Self::DurationIso(text) => sink.text(column, text),
            Self::Error(error) => sink.error(column, &error.to_string()),
        }
    }
}

impl Value for calamine::Data {
    fn is_nothing(&self) -> bool {
        matches!(self, Self::Empty)
    }

    fn put<W: Write>(&self, column: u32, sink: &mut Sink<W>) -> Result<(), Stop> {
        match self {
            Self::Empty => Ok(()),
            Self::Int(number) => sink.number(column, float(*number)),
            Self::Float(number) => sink.number(column, *number),
            Self::Bool(value) => sink.bool(column, *value),
            Self::DateTime(at) => moment(at, column, sink),
            Self::DateTimeIso(text) => iso(text, column, sink),
            Self::String(text) | Self::DurationIso(text) => sink.text(column, text),
            Self::Error(error) => sink.error(column, &error.to_string()),
        }
    }
}

/// Whole numbers of these formats have thirty bits.
#[expect(clippy::cast_precision_loss, reason = "the nearest number is meant")]
fn float(number: i64) -> f64 {
    number as f64
}

fn moment<W: Write>(at: &ExcelDateTime, column: u32, sink: &mut Sink<W>) -> Result<(), Stop> {
    // Beyond these calamine's own conversion ends the process.
    let is_date = at.is_datetime() && (0.0..2_958_466.0).contains(&at.as_f64());
    match is_date.then(|| at.as_datetime()).flatten() {
        Some(at) => sink.date(column, at),
        None => sink.number(column, at.as_f64()),
    }
}

fn iso<W: Write>(text: &str, column: u32, sink: &mut Sink<W>) -> Result<(), Stop> {
    match serial::iso(text) {
        Some(at) => sink.date(column, at),
        None => sink.text(column, text),
    }
}
