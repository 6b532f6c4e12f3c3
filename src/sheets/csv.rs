//! Values between separators.

use std::fs::File;

use super::sink::{Sink, Stop};
use super::unreadable::Unreadable;

pub fn read(_input: File, _sink: &mut Sink<File>) -> Result<(), Stop> {
    Err(Unreadable::UnknownFormat.into())
}
