//! Which format a file is of.

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Office Open XML, with macros or without (`.xlsx`, `.xlsm`). Streamed.
    Xlsx,
    /// Excel's binary workbook. Streamed.
    Xlsb,
    /// Values between commas, semicolons, tabs or bars. Streamed.
    Csv,
    /// The workbook of Excel 97 to 2003. Held in memory.
    Xls,
    /// `OpenDocument`. Held in memory.
    Ods,
}

/// How a zip archive begins: with an entry, with the directory of an empty one, as a part of several.
const ARCHIVE: [&[u8]; 3] = [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"];

/// How a compound file begins: an old workbook, or a new one that is encrypted.
const COMPOUND: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    /// A zip archive: its entries say which format.
    Archive,
    /// A compound file.
    Compound,
    /// Text, in whichever encoding.
    Text,
    /// Nothing that is read.
    Unknown,
}

/// How UTF-16 that does not say so is told from other texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// The lower byte comes first.
    LittleEndian,
    /// The higher byte comes first.
    BigEndian,
}

impl Width {
    /// Of separators, line ends, digits and Latin letters every other byte is zero, and always the same one.
    pub fn detect(text: &[u8]) -> Option<Self> {
        let zeros = |from: usize| text.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
        let enough = |zeros: usize| zeros > 0 && zeros * 40 >= text.len();
        match (zeros(0), zeros(1)) {
            (0, odd) if enough(odd) => Some(Self::LittleEndian),
            (even, 0) if enough(even) => Some(Self::BigEndian),
            _ => None,
        }
    }
}

impl Container {
    /// Looks at the first bytes; 512 are enough.
    pub fn detect(head: &[u8]) -> Self {
        if ARCHIVE.iter().any(|begin| head.starts_with(begin)) {
            return Self::Archive;
        }
        if head.starts_with(COMPOUND) {
            return Self::Compound;
        }
        if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) {
            return Self::Text;
        }
        let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
        let first = text.trim_ascii_start();
        // Web pages and XML go by the name of .xls, and are no table of values between commas.
        if first.starts_with(b"<") || first.starts_with(b"%PDF") || first.starts_with(b"{\\rtf") {
            return Self::Unknown;
        }
        let control = |byte: &&u8| matches!(byte, 0x00..=0x08 | 0x0E..=0x1A | 0x1C..=0x1F);
        let controls = text.iter().filter(control).count();
        if Width::detect(text).is_none() && (text.contains(&0) || controls > text.len() / 32) {
            return Self::Unknown;
        }
        Self::Text
    }
}

impl Format {
    /// What a file is by its name and first bytes (512 are enough): a guess, for refusing early. Which entries an archive
    /// has decides when it is read, whatever its name.
    #[must_use]
    pub fn detect(name: &str, head: &[u8]) -> Option<Self> {
        let named = Self::of_name(name);
        match Container::detect(head) {
            Container::Archive => Some(named.filter(|named| named.is_archive()).unwrap_or(Self::Xlsx)),
            Container::Compound => Some(Self::Xls),
            Container::Text => Some(Self::Csv),
            Container::Unknown => None,
        }
    }

    /// What a file's name says.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "xlsx" | "xlsm" | "xltx" | "xltm" => Some(Self::Xlsx),
            "xlsb" => Some(Self::Xlsb),
            "csv" | "tsv" | "txt" => Some(Self::Csv),
            "xls" | "xlt" => Some(Self::Xls),
            "ods" | "ots" => Some(Self::Ods),
            _ => None,
        }
    }

    /// The extension that files of this format have.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Xlsx => "xlsx",
            Self::Xlsb => "xlsb",
            Self::Csv => "csv",
            Self::Xls => "xls",
            Self::Ods => "ods",
        }
    }

    fn is_archive(self) -> bool {
        matches!(self, Self::Xlsx | Self::Xlsb | Self::Ods)
    }

    pub(super) fn code(self) -> u8 {
        match self {
            Self::Xlsx => 1,
            Self::Xlsb => 2,
            Self::Csv => 3,
            Self::Xls => 4,
            Self::Ods => 5,
        }
    }

    pub(super) fn of_code(code: u8) -> Option<Self> {
        [Self::Xlsx, Self::Xlsb, Self::Csv, Self::Xls, Self::Ods].into_iter().find(|format| format.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_the_name_only_hints() {
        let utf16: Vec<u8> = "a;b\r\n1;2\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (name, head, format) in [
            ("goods.xlsx", b"PK\x03\x04".as_slice(), Some(Format::Xlsx)),
            ("goods.ods", b"PK\x03\x04", Some(Format::Ods)),
            ("goods.csv", b"PK\x03\x04", Some(Format::Xlsx)),
            ("goods.xlsx", COMPOUND, Some(Format::Xls)),
            ("goods.xls", b"name;price\n", Some(Format::Csv)),
            ("goods", b"\xEF\xBB\xBFname", Some(Format::Csv)),
            ("goods.csv", &utf16, Some(Format::Csv)),
            ("goods.csv", b"\xCD\xE0\xE7\xE2\xE0\xED\xE8\xE5;\xD6\xE5\xED\xE0", Some(Format::Csv)),
            ("goods.xls", b"<html><table>", None),
            ("goods.xls", b"\xEF\xBB\xBF<?xml version=\"1.0\"?>", None),
            ("goods.xlsx", b"%PDF-1.7", None),
            ("goods.csv", b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0", None),
            ("goods.csv", b"\x7FELF\x02\x01\x01\0\0\0\0\0\0", None),
        ] {
            assert_eq!(Format::detect(name, head), format, "{name} {head:?}");
        }
    }
}
