//! Zip archives: what may come out of one, and which format it holds.

use std::fs::File;
use std::io::{self, Read, Seek};

use super::detect::Format;
use super::sink::{Sink, Stop};
use super::unreadable::Unreadable;

/// The first bytes of a file, which is left at its beginning.
pub fn head(input: &mut File) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    input.by_ref().take(512).read_to_end(&mut head)?;
    input.rewind()?;
    Ok(head)
}

pub fn read(_input: File, _bytes: u64, _hint: Format, _sink: &mut Sink<File>) -> Result<(), Stop> {
    Err(Unreadable::UnknownFormat.into())
}
