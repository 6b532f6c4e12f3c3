//! Why a file cannot be read: facts and figures; words for people are the domains'.

use std::fmt;

/// Why a file cannot be read, or not any further.
///
/// `Display` is for logs. Rows are from 1, columns from 0, as in [`Row`](super::Row).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// The file has no bytes, or the archive no entries.
    Empty,
    /// It is no spreadsheet of a format that is read.
    UnknownFormat,
    /// It is of its format and broken: a cut archive, malformed XML, a missing part. What is wrong, for a log or a developer.
    Damaged(String),
    /// A quotation mark among values between commas is never closed.
    OpenQuote {
        /// The row it stands in.
        row: u32,
    },
    /// It is protected by a password.
    Encrypted,
    /// It has no worksheet that is shown.
    NoSheet,
    /// The file is longer than files of its format may be, in bytes.
    FileTooLarge {
        /// The limit.
        limit: u64,
    },
    /// The archive has more entries than it may.
    TooManyEntries {
        /// The limit.
        limit: u64,
    },
    /// The archive inflates to more bytes than it may.
    InflatedTooLarge {
        /// The limit.
        limit: u64,
    },
    /// More bytes come out of the archive for each that went in than may.
    RatioTooHigh {
        /// The limit.
        limit: u64,
    },
    /// The sheet has more rows with cells than it may.
    TooManyRows {
        /// The limit.
        limit: u64,
    },
    /// A row has more columns than it may.
    TooManyColumns {
        /// The row.
        row: u32,
        /// The limit.
        limit: u32,
    },
    /// The sheet has more cells than it may, empty ones to the left of others included.
    TooManyCells {
        /// The row at which they became too many.
        row: u32,
        /// The limit.
        limit: u64,
    },
    /// The texts of a row have more bytes than they may.
    RowTooLong {
        /// The row.
        row: u32,
        /// The limit.
        limit: u64,
    },
    /// A text is longer than it may be, in characters.
    TextTooLong {
        /// Its row.
        row: u32,
        /// Its column.
        column: u32,
        /// The limit.
        limit: u32,
    },
    /// Reading it takes more memory than the child may have, in bytes.
    OutOfMemory {
        /// The limit.
        limit: u64,
    },
    /// Reading it takes longer than it may.
    OutOfTime,
    /// It ended the child.
    Crashed,
    /// The machine failed, not the file: the child could not be started, or the file not be read. Worth another attempt.
    Io(String),
}

impl Unreadable {
    /// Whether another attempt may end differently.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Io(_))
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file is empty"),
            Self::UnknownFormat => f.write_str("the file is no spreadsheet"),
            Self::Damaged(what) => write!(f, "the file is damaged: {what}"),
            Self::OpenQuote { row } => write!(f, "the quotation mark in row {row} is never closed"),
            Self::Encrypted => f.write_str("the file is protected by a password"),
            Self::NoSheet => f.write_str("the file has no visible worksheet"),
            Self::FileTooLarge { limit } => write!(f, "the file has more than {limit} bytes"),
            Self::TooManyEntries { limit } => write!(f, "the archive has more than {limit} entries"),
            Self::InflatedTooLarge { limit } => write!(f, "the archive inflates to more than {limit} bytes"),
            Self::RatioTooHigh { limit } => write!(f, "the archive inflates to more than {limit} times its size"),
            Self::TooManyRows { limit } => write!(f, "the sheet has more than {limit} rows"),
            Self::TooManyColumns { row, limit } => write!(f, "row {row} has more than {limit} columns"),
            Self::TooManyCells { row, limit } => write!(f, "up to row {row} the sheet has more than {limit} cells"),
            Self::RowTooLong { row, limit } => write!(f, "the texts of row {row} have more than {limit} bytes"),
            Self::TextTooLong { row, column, limit } => {
                let column = super::column_name(*column);
                write!(f, "the text in {column}{row} has more than {limit} characters")
            }
            Self::OutOfMemory { limit } => write!(f, "reading the file takes more than {limit} bytes of memory"),
            Self::OutOfTime => f.write_str("reading the file takes too long"),
            Self::Crashed => f.write_str("the file ended the process that read it"),
            Self::Io(what) => write!(f, "the file could not be read: {what}"),
        }
    }
}

impl std::error::Error for Unreadable {}
