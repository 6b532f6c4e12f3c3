//! What the child sends: frames, each a length and as many bytes. The parent believes none of it.
//!
//! A frame is its length (4 bytes, little-endian), a byte that says what it is, and the content. Lengths within are
//! LEB128. A cell is a tag and what the tag says.

use chrono::DateTime;

use super::cell::{Cell, Row};
use super::detect::Format;
use super::limits::Limits;
use super::unreadable::Unreadable;

/// Rows of one batch.
pub const BATCH_ROWS: usize = 1_000;

/// Cells at which a batch is sent, however few rows it has: a row of 16 384 columns takes half a megabyte.
pub const BATCH_CELLS: usize = 1 << 14;

/// Bytes at which a batch is sent.
pub const BATCH_BYTES: usize = 256 << 10;

/// Bytes that one row may take.
pub const ROW_BYTES: usize = 4 << 20;

/// The longest frame: a batch that one more row was added to, or what is said of a sheet.
pub const FRAME_BYTES: usize = BATCH_BYTES + ROW_BYTES + (64 << 10);

/// Sheets that are named beside the one that is read.
pub const OTHER_SHEETS: usize = 100;

/// Characters of a sheet's name that are told.
pub const NAME_CHARACTERS: usize = 255;

pub const OPENED: u8 = 1;
pub const ROWS: u8 = 2;
pub const END: u8 = 3;
pub const FAILED: u8 = 4;

pub const EMPTY: u8 = 0;
pub const GAP: u8 = 1;
pub const TEXT: u8 = 2;
pub const NUMBER: u8 = 3;
pub const FALSE: u8 = 4;
pub const TRUE: u8 = 5;
pub const DATE: u8 = 6;
pub const ERROR: u8 = 7;
pub const NO_VALUE: u8 = 8;

/// A frame as the parent understood it.
#[derive(Debug, PartialEq)]
pub enum Frame {
    /// The sheet is found.
    Opened { format: Format, sheet: String, others: Vec<String> },
    /// Rows of it, in order.
    Rows(Vec<Row>),
    /// There are no more.
    End,
    /// There are more, or none, and they cannot be read.
    Failed(Unreadable),
}

/// Adds a number in LEB128.
pub fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Adds a text.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// The content of a frame that says why not.
pub fn failed(why: &Unreadable) -> Vec<u8> {
    let (code, numbers, text) = match why {
        Unreadable::Empty => (1, [0; 3], ""),
        Unreadable::UnknownFormat => (2, [0; 3], ""),
        Unreadable::Damaged(what) => (3, [0; 3], what.as_str()),
        Unreadable::Encrypted => (4, [0; 3], ""),
        Unreadable::NoSheet => (5, [0; 3], ""),
        Unreadable::FileTooLarge { limit } => (6, [*limit, 0, 0], ""),
        Unreadable::TooManyEntries { limit } => (7, [*limit, 0, 0], ""),
        Unreadable::InflatedTooLarge { limit } => (8, [*limit, 0, 0], ""),
        Unreadable::RatioTooHigh { limit } => (9, [*limit, 0, 0], ""),
        Unreadable::TooManyRows { limit } => (10, [*limit, 0, 0], ""),
        Unreadable::TooManyColumns { row, limit } => (11, [u64::from(*limit), u64::from(*row), 0], ""),
        Unreadable::TooManyCells { row, limit } => (12, [*limit, u64::from(*row), 0], ""),
        Unreadable::RowTooLong { row, limit } => (13, [*limit, u64::from(*row), 0], ""),
        Unreadable::TextTooLong { row, column, limit } => {
            (14, [u64::from(*limit), u64::from(*row), u64::from(*column)], "")
        }
        Unreadable::OutOfMemory { limit } => (15, [*limit, 0, 0], ""),
        Unreadable::OutOfTime => (16, [0; 3], ""),
        Unreadable::Crashed => (17, [0; 3], ""),
        Unreadable::Io(what) => (18, [0; 3], what.as_str()),
        Unreadable::OpenQuote { row } => (19, [0, u64::from(*row), 0], ""),
    };
    let mut out = vec![FAILED, code];
    for number in numbers {
        put(&mut out, number);
    }
    put_text(&mut out, text.get(..text.floor_char_boundary(1_000)).unwrap_or_default());
    out
}

/// Reads a frame's content. `None`: no child of ours wrote it.
pub fn parse(content: &[u8], limits: &Limits) -> Option<Frame> {
    let (kind, content) = content.split_first()?;
    let mut content = Content(content);
    let frame = match *kind {
        OPENED => opened(&mut content)?,
        ROWS => Frame::Rows(rows(&mut content, limits)?),
        END => Frame::End,
        FAILED => Frame::Failed(unreadable(&mut content)?),
        _ => return None,
    };
    content.0.is_empty().then_some(frame)
}

/// What is left of a frame.
struct Content<'a>(&'a [u8]);

impl<'a> Content<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn number(&mut self) -> Option<u64> {
        let first = self.byte()?;
        if first < 0x80 {
            return Some(u64::from(first));
        }
        let mut number = u64::from(first & 0x7F);
        for shift in (7..63).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        // Ten bytes would hold more than 64 bits; the last one has the last bit.
        let last = self.byte().filter(|last| *last <= 1)?;
        Some(number | u64::from(last) << 63)
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

fn opened(content: &mut Content<'_>) -> Option<Frame> {
    let format = Format::of_code(content.byte()?)?;
    let sheet = content.text()?.to_owned();
    let count = usize::try_from(content.number()?).ok().filter(|count| *count <= OTHER_SHEETS)?;
    let others = (0..count).map(|_| content.text().map(str::to_owned)).collect::<Option<_>>()?;
    Some(Frame::Opened { format, sheet, others })
}

fn rows(content: &mut Content<'_>, limits: &Limits) -> Option<Vec<Row>> {
    let mut rows = Vec::with_capacity(BATCH_ROWS.min(content.0.len() / 4));
    let mut room = BATCH_CELLS + limits.columns as usize;
    while !content.0.is_empty() {
        let number = content.small()?;
        let hidden = content.byte()? != 0;
        let width = usize::try_from(content.number()?).ok().filter(|width| *width <= limits.columns as usize)?;
        room = room.checked_sub(width)?;
        let mut cells = Vec::with_capacity(width);
        while cells.len() < width {
            cells.push(match content.byte()? {
                EMPTY => Cell::Empty,
                GAP => {
                    let gap = usize::try_from(content.number()?).ok().filter(|gap| *gap <= width - cells.len())?;
                    cells.resize(cells.len() + gap, Cell::Empty);
                    continue;
                }
                TEXT => Cell::Text(content.text()?.to_owned()),
                NUMBER => Cell::Number(f64::from_le_bytes(content.bytes()?)),
                FALSE => Cell::Bool(false),
                TRUE => Cell::Bool(true),
                DATE => Cell::Date(DateTime::from_timestamp_millis(i64::from_le_bytes(content.bytes()?))?.naive_utc()),
                ERROR => Cell::Error(content.text()?.to_owned()),
                NO_VALUE => Cell::NoValue,
                _ => return None,
            });
        }
        if rows.len() == BATCH_ROWS || cells.is_empty() {
            return None;
        }
        rows.push(Row { number, hidden, cells });
    }
    (!rows.is_empty()).then_some(rows)
}

fn unreadable(content: &mut Content<'_>) -> Option<Unreadable> {
    let code = content.byte()?;
    let (limit, row, column) = (content.number()?, content.small()?, content.small()?);
    let text = content.text()?.to_owned();
    Some(match code {
        1 => Unreadable::Empty,
        2 => Unreadable::UnknownFormat,
        3 => Unreadable::Damaged(text),
        4 => Unreadable::Encrypted,
        5 => Unreadable::NoSheet,
        6 => Unreadable::FileTooLarge { limit },
        7 => Unreadable::TooManyEntries { limit },
        8 => Unreadable::InflatedTooLarge { limit },
        9 => Unreadable::RatioTooHigh { limit },
        10 => Unreadable::TooManyRows { limit },
        11 => Unreadable::TooManyColumns { row, limit: u32::try_from(limit).ok()? },
        12 => Unreadable::TooManyCells { row, limit },
        13 => Unreadable::RowTooLong { row, limit },
        14 => Unreadable::TextTooLong { row, column, limit: u32::try_from(limit).ok()? },
        15 => Unreadable::OutOfMemory { limit },
        16 => Unreadable::OutOfTime,
        17 => Unreadable::Crashed,
        18 => Unreadable::Io(text),
        19 => Unreadable::OpenQuote { row },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::super::sink::Sink;
    use super::*;

    /// The frames of what `write` writes, as the parent understands them.
    fn frames(limits: Limits, write: impl FnOnce(&mut Sink<&mut Vec<u8>>)) -> Vec<Frame> {
        let mut out = Vec::new();
        write(&mut Sink::new(&mut out, limits));
        let mut rest = out.as_slice();
        let mut frames = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = u32::from_le_bytes(*length) as usize;
            assert!(length <= FRAME_BYTES);
            frames.push(parse(&after[..length], &limits).expect("a frame of ours"));
            rest = &after[length..];
        }
        frames
    }

    #[test]
    fn what_the_child_says_is_what_the_parent_understands() {
        let at =
            NaiveDate::from_ymd_opt(2026, 11, 27).and_then(|day| day.and_hms_milli_opt(10, 30, 0, 5)).expect("a time");
        let frames = frames(Limits::default(), |sink| {
            sink.opened(Format::Ods, "Товары", &["Old".to_owned()]).expect("it is written");
            sink.begin_row(7, true).expect("a row");
            sink.text(1, "Сок").expect("a text");
            sink.text(2, "").expect("nothing");
            sink.number(300, -0.5).expect("a number");
            sink.bool(301, true).expect("a boolean");
            sink.bool(302, false).expect("a boolean");
            sink.date(303, at).expect("a date");
            sink.error(304, "#N/A").expect("an error");
            sink.no_value(305).expect("no value");
            sink.end_row().expect("it ends");
            sink.begin_row(8, false).expect("a row");
            sink.end_row().expect("it was empty");
            sink.end().expect("it is written");
        });
        let mut cells = vec![Cell::Empty, Cell::Text("Сок".to_owned())];
        cells.resize(300, Cell::Empty);
        cells.extend([Cell::Number(-0.5), Cell::Bool(true), Cell::Bool(false), Cell::Date(at)]);
        cells.extend([Cell::Error("#N/A".to_owned()), Cell::NoValue]);
        assert_eq!(
            frames,
            [
                Frame::Opened { format: Format::Ods, sheet: "Товары".to_owned(), others: vec!["Old".to_owned()] },
                Frame::Rows(vec![Row { number: 7, hidden: true, cells }]),
                Frame::End,
            ]
        );
    }

    #[test]
    fn every_reason_arrives_as_it_was() {
        for why in [
            Unreadable::Empty,
            Unreadable::UnknownFormat,
            Unreadable::Damaged("a tag".to_owned()),
            Unreadable::Encrypted,
            Unreadable::NoSheet,
            Unreadable::FileTooLarge { limit: u64::MAX },
            Unreadable::TooManyEntries { limit: 1 },
            Unreadable::InflatedTooLarge { limit: 128 },
            Unreadable::RatioTooHigh { limit: 16_384 },
            Unreadable::TooManyRows { limit: 5 },
            Unreadable::TooManyColumns { row: 6, limit: 7 },
            Unreadable::TooManyCells { row: 8, limit: 9 },
            Unreadable::RowTooLong { row: 10, limit: 11 },
            Unreadable::TextTooLong { row: 1_048_576, column: 16_383, limit: 32_767 },
            Unreadable::OutOfMemory { limit: 1 << 40 },
            Unreadable::OutOfTime,
            Unreadable::Crashed,
            Unreadable::Io("the disk".to_owned()),
        ] {
            assert_eq!(parse(&failed(&why), &Limits::default()), Some(Frame::Failed(why)));
        }
    }

    proptest! {
        #[test]
        fn nothing_a_child_can_say_is_more_than_nonsense(content in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&content, &Limits::default());
        }

        #[test]
        fn numbers_of_any_size_arrive_as_they_were(number: u64) {
            let mut out = Vec::new();
            put(&mut out, number);
            let mut content = Content(&out);
            prop_assert_eq!(content.number(), Some(number));
            prop_assert!(content.0.is_empty());
        }
    }

    #[test]
    fn a_row_of_more_cells_than_there_may_be_is_nonsense_before_it_takes_memory() {
        // Row 1, not hidden, four thousand million cells, all of them empty.
        let mut content = vec![ROWS, 1, 0];
        put(&mut content, u64::from(u32::MAX));
        content.push(GAP);
        put(&mut content, u64::from(u32::MAX));
        assert_eq!(parse(&content, &Limits::default()), None);
    }
}
