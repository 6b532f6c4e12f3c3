//! Zip archives: what may come out of one, and which format it holds.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek};

use zip::ZipArchive;
use zip::result::ZipError;

use super::detect::Format;
use super::limits::Limits;
use super::sink::{Sink, Stop};
use super::unreadable::Unreadable;
use super::{held, xlsx};

/// Archives that inflate to less are not asked for their ratio: little files of one repeated byte do no harm.
const RATIO_FROM: u64 = 16 << 20;

/// The first bytes of a file, which is left at its beginning.
pub fn head(input: &mut File) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    input.by_ref().take(512).read_to_end(&mut head)?;
    input.rewind()?;
    Ok(head)
}

/// What ended a read: the budget, the archive or the machine.
pub fn broken(error: io::Error) -> Stop {
    if let Some(why) = error.get_ref().and_then(|inner| inner.downcast_ref::<Unreadable>()) {
        return why.clone().into();
    }
    // What has a number comes from the machine; all else is what somebody found in the bytes.
    match error.raw_os_error() {
        Some(_) => Unreadable::Io(error.to_string()).into(),
        None => Unreadable::Damaged(error.to_string()).into(),
    }
}

fn malformed(error: ZipError) -> Stop {
    match error {
        ZipError::Io(error) => broken(error),
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => Unreadable::Encrypted.into(),
        error => Unreadable::Damaged(error.to_string()).into(),
    }
}

/// Reads a workbook that is an archive.
pub fn read(input: File, bytes: u64, hint: Format, sink: &mut Sink<File>) -> Result<(), Stop> {
    let mut archive = Archive::open(input, bytes, *sink.limits())?;
    match archive.format(hint)? {
        Format::Xlsb => {
            archive.measure()?;
            held::read_xlsb(archive.into_file()?, sink)
        }
        Format::Ods => {
            let limit = sink.limits().held_file;
            if bytes > limit {
                return Err(Unreadable::FileTooLarge { limit }.into());
            }
            archive.measure()?;
            held::read_ods(archive.into_file()?, sink)
        }
        _ => xlsx::read(&mut archive, sink),
    }
}

/// An archive whose directory keeps to the limits, and whose entries are counted as they inflate: what a directory says of
/// them need not be true.
pub struct Archive {
    entries: ZipArchive<File>,
    /// Bytes that may still come out.
    left: Cell<u64>,
    /// What it means that more did.
    excess: Unreadable,
}

impl Archive {
    fn open(input: File, bytes: u64, limits: Limits) -> Result<Self, Stop> {
        let mut archive = ZipArchive::new(input).map_err(malformed)?;
        if archive.is_empty() {
            return Err(Unreadable::Empty.into());
        }
        if archive.len() as u64 > limits.entries {
            return Err(Unreadable::TooManyEntries { limit: limits.entries }.into());
        }
        let by_ratio = bytes.saturating_mul(limits.ratio).max(RATIO_FROM);
        let (left, excess) = if by_ratio < limits.inflated {
            (by_ratio, Unreadable::RatioTooHigh { limit: limits.ratio })
        } else {
            (limits.inflated, Unreadable::InflatedTooLarge { limit: limits.inflated })
        };
        let mut declared = 0_u64;
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(malformed)?;
            if entry.encrypted() {
                return Err(Unreadable::Encrypted.into());
            }
            declared = declared.saturating_add(entry.size());
        }
        if declared > left {
            return Err(excess.into());
        }
        Ok(Self { entries: archive, left: Cell::new(left), excess })
    }

    /// Which format the entries are of.
    fn format(&mut self, hint: Format) -> Result<Format, Stop> {
        if self.index("xl/workbook.bin").is_some() {
            return Ok(Format::Xlsb);
        }
        if self.index("content.xml").is_some() {
            let mut kind = Vec::new();
            if let Some(entry) = self.entry("mimetype")? {
                entry.take(100).read_to_end(&mut kind).map_err(broken)?;
            }
            let text = String::from_utf8_lossy(&kind);
            if kind.is_empty() || text.contains("spreadsheet") {
                return self.unless_encrypted(Format::Ods);
            }
            return Err(Unreadable::UnknownFormat.into());
        }
        if self.index("xl/workbook.xml").is_some() {
            return Ok(Format::Xlsx);
        }
        // The package may call its workbook what it likes. Without one it is something else, or an archive of files.
        match xlsx::workbook_path(self)? {
            Some(path) if path.to_ascii_lowercase().ends_with(".bin") => Ok(Format::Xlsb),
            Some(path) if xlsx::is_workbook(self, &path)? => Ok(Format::Xlsx),
            Some(path) if hint == Format::Xlsx && path.starts_with("xl/") => {
                Err(Unreadable::Damaged(format!("{path} is missing")).into())
            }
            _ => Err(Unreadable::UnknownFormat.into()),
        }
    }

    /// `OpenDocument` keeps its outside in the clear and says in the manifest that the inside is not.
    fn unless_encrypted(&mut self, format: Format) -> Result<Format, Stop> {
        let mut manifest = Vec::new();
        if let Some(entry) = self.entry("META-INF/manifest.xml")? {
            entry.take(1 << 20).read_to_end(&mut manifest).map_err(broken)?;
        }
        if memchr::memmem::find(&manifest, b"encryption-data").is_some() {
            return Err(Unreadable::Encrypted.into());
        }
        Ok(format)
    }

    /// Inflates everything once, for readers that do not count.
    fn measure(&mut self) -> Result<(), Stop> {
        for index in 0..self.entries.len() {
            let entry = self.entries.by_index(index).map_err(malformed)?;
            let mut counted = Counted { input: entry, left: &self.left, excess: &self.excess };
            io::copy(&mut counted, &mut io::sink()).map_err(broken)?;
        }
        Ok(())
    }

    fn into_file(self) -> Result<File, Stop> {
        let mut file = self.entries.into_inner();
        file.rewind().map_err(broken)?;
        Ok(file)
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.entries.index_for_name(name).or_else(|| {
            // Some writers differ in the case of names, and some use the separators of their system.
            let same = |found: &[u8]| {
                found.len() == name.len()
                    && found.iter().zip(name.as_bytes()).all(|(found, wanted)| {
                        found.eq_ignore_ascii_case(wanted) || (*found == b'\\' && *wanted == b'/')
                    })
            };
            self.entries.file_names_raw().position(same)
        })
    }

    /// The content of an entry; `None` if there is no such entry.
    pub fn entry(&mut self, name: &str) -> Result<Option<impl Read + '_>, Stop> {
        let Some(index) = self.index(name) else { return Ok(None) };
        let input = self.entries.by_index(index).map_err(malformed)?;
        Ok(Some(Counted { input, left: &self.left, excess: &self.excess }))
    }
}

/// Takes what it reads from a budget.
struct Counted<'a, R> {
    input: R,
    left: &'a Cell<u64>,
    excess: &'a Unreadable,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        let left = self.left.get().checked_sub(read as u64).ok_or_else(|| io::Error::other(self.excess.clone()))?;
        self.left.set(left);
        Ok(read)
    }
}
