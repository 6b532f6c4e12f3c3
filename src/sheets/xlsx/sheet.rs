//! A worksheet: rows, and what is in their cells.

use std::io::{Read, Write};

use memchr::memchr;

use super::is_true;
use super::texts::{self, Texts, decoded};
use crate::sheets::serial;
use crate::sheets::sink::{Sink, Stop};
use crate::sheets::xml::{Tag, Token, Xml, damaged, unescape};

/// The rows a sheet may have.
const ROWS: u32 = 1_048_576;

/// The columns a sheet may have.
const COLUMNS: u32 = 16_384;

/// The longest value that is no text.
const VALUE: usize = 64;

/// What cells refer to.
pub struct Book {
    pub texts: Texts,
    /// For each style whether it shows a date.
    pub dates: Vec<bool>,
    pub is_1904: bool,
}

/// What a cell says its value is (ECMA-376, part 1, section 18.18.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Shared,
    Inline,
    Result,
    Bool,
    Error,
    Iso,
}

/// A cell's start.
#[derive(Clone, Copy)]
struct Head {
    column: u32,
    kind: Kind,
    style: usize,
}

/// Reads a worksheet to its end.
pub fn read<R: Read, W: Write>(xml: &mut Xml<R>, book: &Book, sink: &mut Sink<W>) -> Result<(), Stop> {
    let mut sheet = Sheet { book, row: 0, next: 0, named: true, text: String::new(), value: Vec::new() };
    begin(xml)?;
    loop {
        match xml.next()? {
            Token::Start(tag) => match tag.name {
                b"c" => {
                    let head = sheet.head(tag, sink)?;
                    if !tag.closed && !sheet.short(xml, head, sink)? {
                        sheet.cell(xml, head, sink)?;
                    }
                }
                b"row" => sheet.row(tag, sink)?,
                _ if tag.closed => {}
                // What no version knows yet.
                _ => xml.skip_element()?,
            },
            Token::End(b"row") => sink.end_row()?,
            Token::End(b"sheetData") => return Ok(()),
            Token::Eof => return Err(damaged("it ends in the middle of its rows")),
            _ => {}
        }
    }
}

/// Passes over what comes before the rows.
fn begin<R: Read>(xml: &mut Xml<R>) -> Result<(), Stop> {
    let mut first = true;
    loop {
        match xml.next()? {
            Token::Start(tag) => match tag.name {
                b"sheetData" if tag.closed => return Err(Stop::End),
                b"sheetData" => return Ok(()),
                b"worksheet" => first = false,
                _ if first => return Err(damaged("the sheet is no worksheet")),
                _ => {}
            },
            Token::Eof => return Err(damaged("the worksheet has no rows, not even none")),
            _ => {}
        }
    }
}

struct Sheet<'a> {
    book: &'a Book,
    /// The number of the row.
    row: u32,
    /// The column of the next cell that does not say where it is.
    next: u32,
    /// Whether the row said its number, or has begun.
    named: bool,
    text: String,
    value: Vec<u8>,
}

impl Sheet<'_> {
    fn row<W: Write>(&mut self, tag: Tag<'_>, sink: &mut Sink<W>) -> Result<(), Stop> {
        let (mut number, mut hidden) = (None, false);
        for (name, value) in tag.attributes() {
            match name {
                b"r" => number = Some(digits(value).ok_or_else(|| damaged("a row has no number"))?),
                b"hidden" => hidden = is_true(value),
                _ => {}
            }
        }
        self.next = 0;
        self.named = number.is_some();
        let number = number.unwrap_or(u64::from(self.row) + 1);
        self.row = u32::try_from(number)
            .ok()
            .filter(|number| (1..=ROWS).contains(number))
            .ok_or_else(|| damaged(&format!("there is no row {number}")))?;
        sink.begin_row(self.row, hidden)
    }

    #[inline]
    fn head<W: Write>(&mut self, tag: Tag<'_>, sink: &mut Sink<W>) -> Result<Head, Stop> {
        let mut head = Head { column: self.next, kind: Kind::Number, style: 0 };
        for (name, value) in tag.attributes() {
            match name {
                b"r" => {
                    let (column, row) = place(value).ok_or_else(|| damaged("a cell has no place"))?;
                    head.column = column;
                    if row != self.row {
                        self.elsewhere(row, sink)?;
                    }
                }
                b"t" => {
                    head.kind = match value {
                        b"s" => Kind::Shared,
                        b"n" => Kind::Number,
                        b"str" => Kind::Result,
                        b"inlineStr" => Kind::Inline,
                        b"b" => Kind::Bool,
                        b"e" => Kind::Error,
                        b"d" => Kind::Iso,
                        _ => return Err(damaged("a cell is of no known type")),
                    }
                }
                b"s" => head.style = digits(value).and_then(|style| usize::try_from(style).ok()).unwrap_or(usize::MAX),
                _ => {}
            }
        }
        self.next = head.column + 1;
        Ok(head)
    }

    /// A row need not say its number: then its first cell does.
    #[cold]
    fn elsewhere<W: Write>(&mut self, row: u32, sink: &mut Sink<W>) -> Result<(), Stop> {
        if self.named || self.next > 0 || row < self.row {
            return Err(damaged(&format!("a cell of row {row} stands in row {}", self.row)));
        }
        (self.row, self.named) = (row, true);
        sink.begin_row(row, false)
    }

    /// Reads `<v>…</v></c>` or `<is><t>…</t></is></c>` at once, which is what most cells are, if all of it is in the
    /// buffer. `false`: it was not, or the cell is of another make.
    #[inline]
    fn short<R: Read, W: Write>(&mut self, xml: &mut Xml<R>, head: Head, sink: &mut Sink<W>) -> Result<bool, Stop> {
        if head.kind == Kind::Inline {
            let Some(length) = inside(xml.ahead(), b"<is><t>", b"</t></is></c>") else { return Ok(false) };
            self.text.clear();
            unescape(&xml.ahead()[b"<is><t>".len()..][..length], &mut self.text)?;
            xml.pass(b"<is><t></t></is></c>".len() + length);
            sink.text(head.column, &decoded(&self.text))?;
            return Ok(true);
        }
        let Some(length) = inside(xml.ahead(), b"<v>", b"</v></c>") else { return Ok(false) };
        if length > VALUE || length == 0 || head.kind == Kind::Result {
            return Ok(false);
        }
        let value = &xml.ahead()[b"<v>".len()..][..length];
        // The commonest two need no copy.
        match head.kind {
            Kind::Shared => self.shared(head.column, value, sink)?,
            Kind::Number => self.number(head, value, sink)?,
            _ => {
                self.value.clear();
                self.value.extend_from_slice(value);
                self.finish(head, false, true, sink)?;
            }
        }
        xml.pass(b"<v></v></c>".len() + length);
        Ok(true)
    }

    /// Reads a cell to its end.
    fn cell<R: Read, W: Write>(&mut self, xml: &mut Xml<R>, head: Head, sink: &mut Sink<W>) -> Result<(), Stop> {
        self.text.clear();
        self.value.clear();
        let most = sink.limits().text;
        let (mut formula, mut has_value) = (false, false);
        loop {
            match xml.next()? {
                Token::Start(tag) => match tag.name {
                    b"v" => {
                        has_value = true;
                        if !tag.closed && !self.value_of(xml, most)? {
                            return Err(sink.too_long(head.column));
                        }
                    }
                    b"is" if !tag.closed => {
                        has_value = true;
                        if !texts::read(xml, b"is", most, &mut self.text)? {
                            return Err(sink.too_long(head.column));
                        }
                    }
                    b"f" => {
                        formula = true;
                        if !tag.closed {
                            xml.skip_element()?;
                        }
                    }
                    _ if tag.closed => {}
                    _ => xml.skip_element()?,
                },
                Token::End(b"c") => break,
                Token::Eof => return Err(damaged("it ends in the middle of a cell")),
                _ => {}
            }
        }
        self.finish(head, formula, has_value, sink)
    }

    /// Collects a value. `false`: it is longer than a text may be.
    fn value_of<R: Read>(&mut self, xml: &mut Xml<R>, most: u32) -> Result<bool, Stop> {
        // Ten bytes may stand for one character, and seven such for one more.
        let room = (most as usize).saturating_mul(70);
        let mut depth = 1;
        loop {
            match xml.next()? {
                Token::Text(raw) => {
                    self.value.extend_from_slice(raw);
                    if self.value.len() > room {
                        return Ok(false);
                    }
                }
                Token::Literal(raw) => {
                    // As if it had been written with references.
                    for byte in raw {
                        match byte {
                            b'&' => self.value.extend_from_slice(b"&amp;"),
                            byte => self.value.push(*byte),
                        }
                    }
                    if self.value.len() > room {
                        return Ok(false);
                    }
                }
                Token::Start(tag) => depth += i32::from(!tag.closed),
                Token::End(_) => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(true);
                    }
                }
                Token::Eof => return Err(damaged("it ends in the middle of a cell")),
            }
        }
    }

    /// Passes on what was collected of a cell.
    fn finish<W: Write>(&self, head: Head, formula: bool, has_value: bool, sink: &mut Sink<W>) -> Result<(), Stop> {
        let column = head.column;
        let value = self.value.as_slice();
        match head.kind {
            Kind::Inline if !self.text.is_empty() => sink.text(column, &decoded(&self.text)),
            // A formula whose result is the empty text has a value, if an empty one.
            Kind::Result if has_value => {
                let mut text = String::new();
                unescape(value, &mut text)?;
                sink.text(column, &decoded(&text))
            }
            _ if value.trim_ascii().is_empty() => {
                if formula {
                    sink.no_value(column)
                } else {
                    Ok(())
                }
            }
            Kind::Shared => self.shared(column, value, sink),
            Kind::Number => self.number(head, value, sink),
            Kind::Bool => sink.bool(column, matches!(value.trim_ascii(), b"1" | b"true" | b"TRUE")),
            Kind::Error | Kind::Iso | Kind::Result | Kind::Inline => {
                let mut text = String::new();
                unescape(value, &mut text)?;
                match head.kind {
                    Kind::Error => sink.error(column, text.trim()),
                    Kind::Iso => match serial::iso(text.trim()) {
                        Some(at) => sink.date(column, at),
                        None => sink.text(column, &text),
                    },
                    _ => sink.text(column, &decoded(&text)),
                }
            }
        }
    }

    #[inline]
    fn shared<W: Write>(&self, column: u32, value: &[u8], sink: &mut Sink<W>) -> Result<(), Stop> {
        let number = digits(value.trim_ascii()).and_then(|number| usize::try_from(number).ok());
        match number.and_then(|number| self.book.texts.get(number)) {
            Some((text, true)) => sink.text(column, text),
            Some((_, false)) => Err(sink.too_long(column)),
            None => {
                let (cell, row) = (crate::sheets::column_name(column), sink.row());
                let count = self.book.texts.len();
                Err(damaged(&format!("{cell}{row} refers to a text that is not among the {count} shared ones")))
            }
        }
    }

    #[inline]
    fn number<W: Write>(&self, head: Head, value: &[u8], sink: &mut Sink<W>) -> Result<(), Stop> {
        let value = value.trim_ascii();
        let number = match whole(value) {
            Some(number) => Some(number),
            None => std::str::from_utf8(value)
                .ok()
                .and_then(|text| text.parse().ok())
                .filter(|number: &f64| number.is_finite()),
        };
        let Some(number) = number else {
            // Not what it says it is: as it is written, then.
            let mut text = String::new();
            unescape(value, &mut text)?;
            return sink.text(head.column, &text);
        };
        if self.book.dates.get(head.style).copied().unwrap_or(false)
            && let Some(at) = serial::date(number, self.book.is_1904)
        {
            return sink.date(head.column, at);
        }
        sink.number(head.column, number)
    }
}

/// How long the text is that stands between `begin` and `end` at the front of `ahead`, if nothing else does.
#[inline]
fn inside(ahead: &[u8], begin: &[u8], end: &[u8]) -> Option<usize> {
    let rest = ahead.strip_prefix(begin)?;
    let length = memchr(b'<', rest)?;
    rest[length..].starts_with(end).then_some(length)
}

/// A whole number of up to fifteen digits, which a float holds exactly: most numbers are, and parsing them is short.
#[inline]
fn whole(value: &[u8]) -> Option<f64> {
    if value.is_empty() || value.len() > 15 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "fifteen digits are below 2^53")]
    digits(value).map(|number| number as f64)
}

/// A number of digits alone.
#[inline]
fn digits(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 18 {
        return None;
    }
    value.iter().try_fold(0_u64, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0')))
}

/// Column (from 0) and row (from 1) of a reference such as `AB12`.
#[inline]
fn place(reference: &[u8]) -> Option<(u32, u32)> {
    let letters = reference.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    if !(1..=3).contains(&letters) {
        return None;
    }
    let (letters, row) = reference.split_at(letters);
    let column =
        letters.iter().fold(0_u32, |column, letter| column * 26 + u32::from(letter.to_ascii_uppercase() - b'A') + 1);
    let row = u32::try_from(digits(row)?).ok().filter(|row| (1..=ROWS).contains(row))?;
    (column <= COLUMNS).then_some((column - 1, row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read() {
        for (reference, expected) in [
            (b"A1".as_slice(), Some((0, 1))),
            (b"XFD1048576", Some((16_383, 1_048_576))),
            (b"aa10", Some((26, 10))),
            (b"XFE1", None),
            (b"A0", None),
            (b"A1048577", None),
            (b"A", None),
            (b"12", None),
            (b"AAAA1", None),
            (b"A-1", None),
        ] {
            assert_eq!(place(reference), expected);
        }
    }
}
