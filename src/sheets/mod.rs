//! Spreadsheets: cells in and cells out.
//!
//! Reading is isolated. A workbook somebody uploaded is parsed by a child process of the same program ([`child`]), which has
//! taken memory, processor time, files and processes from itself before it looks at the first byte; what it reads comes
//! back as a stream of rows ([`Reader`], [`Rows`]). Whatever the file does to the child is a value here ([`Unreadable`]).
//! Writing ([`Writer`]) goes through to the disk, row by row.
//!
//! Must not know: any domain, HTTP, tasks, the database, what a cell means. Words for people are the domains'.

mod archive;
mod cell;
pub mod child;
mod csv;
mod detect;
mod frame;
mod held;
mod limits;
mod reader;
mod serial;
mod sink;
mod unreadable;
mod writer;
mod xlsx;
mod xml;

pub use self::cell::{Cell, Row, column_name};
pub use self::detect::Format;
pub use self::limits::Limits;
pub use self::reader::{Reader, Rows};
pub use self::unreadable::Unreadable;
pub use self::writer::{Column, Look, Unwritten, Value, Writer};
