//! The forge: workbooks as nobody should write them, made here byte by byte.
//!
//! [`cases`] is the table of files with what reading gives for each. The parts are for whoever needs a file of their own.

pub mod archive;
mod cases;
pub mod compound;
pub mod xlsx;

pub use self::cases::{Case, Outcome, cases};

use self::archive::{Entry, archive};

/// An `.ods` spreadsheet of one table that holds these rows: XML.
pub fn ods(rows: &str) -> Vec<u8> {
    archive(&ods_entries(rows, ""))
}

/// The entries of an `.ods` spreadsheet; `manifest`: what stands in its manifest.
pub fn ods_entries(rows: &str, manifest: &str) -> Vec<Entry> {
    let content = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><office:document-content \
         xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" \
         xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\" \
         xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\"><office:body><office:spreadsheet>\
         <table:table table:name=\"Goods\">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"
    );
    let manifest = format!(
        "<manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\">{manifest}</manifest:manifest>"
    );
    vec![
        Entry::stored("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        Entry::deflated("META-INF/manifest.xml", manifest.as_bytes()),
        Entry::deflated("content.xml", content.as_bytes()),
    ]
}

/// UTF-16, with a mark that says so or without.
pub fn utf16(text: &str, little: bool, mark: bool) -> Vec<u8> {
    let mark = if mark { "\u{FEFF}" } else { "" };
    let bytes = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
    mark.encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
}

/// Windows-1251: Latin and Russian letters.
pub fn windows_1251(text: &str) -> Vec<u8> {
    let (bytes, _, lost) = encoding_rs::WINDOWS_1251.encode(text);
    assert!(!lost);
    bytes.into_owned()
}
