//! Values between separators (RFC 4180, and what is found in the wild).
//!
//! A reader of our own: rows must have the numbers that a spreadsheet shows, empty lines counted, and a quotation mark that
//! nobody closes must not make one value of a hundred megabytes.

use std::fs::File;
use std::io::{Read, Seek, Write};

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1251};

use super::archive::broken;
use super::detect::{Format, Width};
use super::sink::{Sink, Stop};
use super::unreadable::Unreadable;

/// What is read at once, and looked at to find the separator.
const PIECE: usize = 64 << 10;

/// The separators that are looked for; of two that would do as well, the earlier.
const SEPARATORS: [u8; 4] = [b';', b'\t', b',', b'|'];

/// Reads all of it.
pub fn read(mut input: File, sink: &mut Sink<File>) -> Result<(), Stop> {
    let encoding = encoding(&mut input)?;
    input.rewind().map_err(broken)?;
    sink.opened(Format::Csv, "", &[])?;
    let mut pieces =
        Pieces { input, decoder: encoding.new_decoder_with_bom_removal(), bytes: vec![0; PIECE], done: false };
    let mut text = String::with_capacity(4 * PIECE);
    pieces.next(&mut text)?;
    let (separator, passed) = separator(&text);
    let mut table = Table::new(separator, sink);
    table.take(&text[passed..])?;
    while !pieces.done {
        pieces.next(&mut text)?;
        table.take(&text)?;
    }
    table.end()
}

/// The encoding: by its mark, by zeros, or UTF-8 if all of it is; Windows-1251 otherwise, in which every byte means something.
fn encoding(input: &mut File) -> Result<&'static Encoding, Stop> {
    let mut bytes = vec![0; PIECE];
    let mut kept = 0;
    let mut first = true;
    loop {
        let read = input.read(&mut bytes[kept..]).map_err(broken)?;
        let known = &bytes[..kept + read];
        if first {
            if let Some((encoding, _)) = Encoding::for_bom(known) {
                return Ok(encoding);
            }
            match Width::detect(&known[..known.len().min(512)]) {
                Some(Width::LittleEndian) => return Ok(UTF_16LE),
                Some(Width::BigEndian) => return Ok(UTF_16BE),
                None => first = false,
            }
        }
        let valid = match std::str::from_utf8(known) {
            Ok(_) => known.len(),
            // The rest of the character comes with the next piece.
            Err(error) if error.error_len().is_none() && read > 0 => error.valid_up_to(),
            Err(_) => return Ok(WINDOWS_1251),
        };
        if read == 0 {
            return Ok(UTF_8);
        }
        let end = kept + read;
        bytes.copy_within(valid..end, 0);
        kept = end - valid;
    }
}

/// The text, piece by piece.
struct Pieces {
    input: File,
    decoder: encoding_rs::Decoder,
    bytes: Vec<u8>,
    done: bool,
}

impl Pieces {
    fn next(&mut self, text: &mut String) -> Result<(), Stop> {
        text.clear();
        let read = self.input.read(&mut self.bytes).map_err(broken)?;
        self.done = read == 0;
        let mut bytes = &self.bytes[..read];
        loop {
            text.reserve(self.decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(4 * PIECE));
            let (result, taken, _) = self.decoder.decode_to_string(bytes, text, self.done);
            bytes = &bytes[taken..];
            if result == encoding_rs::CoderResult::InputEmpty {
                return Ok(());
            }
        }
    }
}

/// The separator, and how much of the beginning only says which it is: `sep=;` in the first line, as Excel reads it.
fn separator(text: &str) -> (u8, usize) {
    let line = text.split(['\r', '\n']).next().unwrap_or_default();
    if let [separator] = *line.trim_matches('"').strip_prefix("sep=").unwrap_or_default().as_bytes()
        && separator.is_ascii()
        && separator != b'"'
    {
        let rest = &text[line.len()..];
        let ended = if rest.starts_with("\r\n") { 2 } else { usize::from(!rest.is_empty()) };
        return (separator, line.len() + ended);
    }
    let counts = counts(text);
    let mut best = (0, 0, SEPARATORS[0]);
    for (at, separator) in SEPARATORS.into_iter().enumerate() {
        // How many rows agree on how many of this separator they have; and on how many.
        let agreed = counts
            .iter()
            .map(|row| row[at])
            .filter(|count| *count > 0)
            .map(|count| (counts.iter().filter(|row| row[at] == count).count(), count))
            .max();
        if let Some((rows, count)) = agreed
            && (rows, count) > (best.0, best.1)
        {
            best = (rows, count, separator);
        }
    }
    (best.2, 0)
}

/// How often each separator stands outside quotation marks, for each of the first rows.
fn counts(text: &str) -> Vec<[usize; 4]> {
    const ROWS: usize = 30;
    let mut rows = Vec::new();
    let mut row = [0; 4];
    let mut quoted = false;
    for byte in text.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'\n' | b'\r' => {
                rows.push(std::mem::take(&mut row));
                if rows.len() == 2 * ROWS {
                    return rows;
                }
            }
            _ => {
                if let Some(at) = SEPARATORS.iter().position(|separator| *separator == byte) {
                    row[at] += 1;
                }
            }
        }
    }
    rows.push(row);
    rows
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning of a value.
    Begin,
    /// In one without quotation marks, or behind the closing one.
    Plain,
    /// Within quotation marks.
    Quoted,
    /// Behind a quotation mark within: it closes, or it is one of two that mean one.
    Closing,
}

/// Takes the text as it comes and passes on values.
struct Table<'a, W> {
    sink: &'a mut Sink<W>,
    separator: u8,
    state: State,
    value: String,
    row: u32,
    column: u32,
    /// The row in which the last opening quotation mark stands.
    opened: u32,
    /// Whether the last character was a carriage return, whose line feed does not end another row.
    returned: bool,
}

impl<'a, W: Write> Table<'a, W> {
    fn new(separator: u8, sink: &'a mut Sink<W>) -> Self {
        Self {
            sink,
            separator,
            state: State::Begin,
            value: String::new(),
            row: 0,
            column: 0,
            opened: 0,
            returned: false,
        }
    }

    fn take(&mut self, text: &str) -> Result<(), Stop> {
        let mut rest = text;
        while !rest.is_empty() {
            rest = match self.state {
                State::Quoted => self.quoted(rest)?,
                State::Closing => self.closing(rest),
                State::Begin => self.begin(rest)?,
                State::Plain => self.plain(rest)?,
            };
        }
        Ok(())
    }

    fn begin<'t>(&mut self, text: &'t str) -> Result<&'t str, Stop> {
        if std::mem::take(&mut self.returned)
            && let Some(rest) = text.strip_prefix('\n')
        {
            return Ok(rest);
        }
        if self.column == 0 {
            self.row = self.row.saturating_add(1);
            self.sink.begin_row(self.row, false)?;
        }
        if let Some(rest) = text.strip_prefix('"') {
            (self.state, self.opened) = (State::Quoted, self.row);
            return Ok(rest);
        }
        self.state = State::Plain;
        Ok(text)
    }

    fn plain<'t>(&mut self, text: &'t str) -> Result<&'t str, Stop> {
        let Some(end) = memchr::memchr3(self.separator, b'\n', b'\r', text.as_bytes()) else {
            self.add(text)?;
            return Ok("");
        };
        self.add(&text[..end])?;
        self.pass_on()?;
        let ends = text.as_bytes()[end];
        if ends == self.separator {
            self.column += 1;
        } else {
            self.returned = ends == b'\r';
            self.column = 0;
            self.sink.end_row()?;
        }
        self.state = State::Begin;
        Ok(&text[end + 1..])
    }

    fn quoted<'t>(&mut self, text: &'t str) -> Result<&'t str, Stop> {
        let Some(end) = memchr::memchr(b'"', text.as_bytes()) else {
            self.add(text)?;
            return Ok("");
        };
        self.add(&text[..end])?;
        self.state = State::Closing;
        Ok(&text[end + 1..])
    }

    fn closing<'t>(&mut self, text: &'t str) -> &'t str {
        if let Some(rest) = text.strip_prefix('"') {
            self.value.push('"');
            self.state = State::Quoted;
            return rest;
        }
        self.state = State::Plain;
        text
    }

    fn add(&mut self, text: &str) -> Result<(), Stop> {
        // Four bytes make a character at most.
        if self.value.len() + text.len() > 4 * self.sink.limits().text as usize {
            return Err(self.sink.too_long(self.column));
        }
        self.value.push_str(text);
        Ok(())
    }

    fn pass_on(&mut self) -> Result<(), Stop> {
        self.sink.text(self.column, &self.value)?;
        self.value.clear();
        Ok(())
    }

    fn end(mut self) -> Result<(), Stop> {
        if self.state == State::Quoted {
            return Err(Unreadable::OpenQuote { row: self.opened }.into());
        }
        self.pass_on()?;
        self.sink.end_row()
    }
}
