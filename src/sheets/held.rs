//! Formats that are held in memory.

use std::fs::File;

use super::sink::{Sink, Stop};
use super::unreadable::Unreadable;

pub fn read_compound(_input: File, _bytes: u64, _sink: &mut Sink<File>) -> Result<(), Stop> {
    Err(Unreadable::UnknownFormat.into())
}
