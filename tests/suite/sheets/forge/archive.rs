//! Zip archives written by hand, so that they can lie.

use std::io::Write;

use flate2::{Compress, Compression, Crc, FlushCompress, write::DeflateEncoder};

/// An entry as the archive declares it, true or not.
pub struct Entry {
    pub name: String,
    /// What stands in the archive.
    pub packed: Vec<u8>,
    /// 0: stored; 8: deflated.
    pub method: u16,
    /// Bit 0: encrypted.
    pub flags: u16,
    pub crc: u32,
    /// What it is said to inflate to.
    pub size: u32,
}

impl Entry {
    /// An honest one.
    pub fn deflated(name: &str, content: &[u8]) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        let mut crc = Crc::new();
        crc.update(content);
        let size = u32::try_from(content.len()).unwrap();
        Self { name: name.to_owned(), packed: encoder.finish().unwrap(), method: 8, flags: 0, crc: crc.sum(), size }
    }

    /// One that is not compressed.
    pub fn stored(name: &str, content: &[u8]) -> Self {
        Self { packed: content.to_vec(), method: 0, ..Self::deflated(name, content) }
    }

    /// `before`, then `piece` again and again, `times` times: a bomb of any size, made in no time. Says it inflates to what it
    /// does, if that has 32 bits; its checksum is wrong.
    pub fn repeated(name: &str, before: &[u8], piece: &[u8], times: usize) -> Self {
        let mut packed = blocks(before);
        let piece_packed = blocks(piece);
        (0..times).for_each(|_| packed.extend_from_slice(&piece_packed));
        // The last block: empty.
        packed.extend_from_slice(&[0x03, 0x00]);
        let size = u32::try_from(before.len() + piece.len() * times).unwrap_or(u32::MAX - 1);
        Self { name: name.to_owned(), packed, method: 8, flags: 0, crc: 0, size }
    }

    /// Says it inflates to this.
    pub fn declaring(mut self, size: u32) -> Self {
        self.size = size;
        self
    }
}

/// Deflated, and ended between two bytes, so that more may follow. Refers to nothing before it.
fn blocks(content: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::best(), false);
    let mut out = Vec::with_capacity(content.len() + 1_024);
    compress.compress_vec(content, &mut out, FlushCompress::Full).unwrap();
    assert_eq!(compress.total_in(), content.len() as u64);
    out
}

/// The archive of these entries.
pub fn archive(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let offset = u32::try_from(out.len()).unwrap();
        let packed = u32::try_from(entry.packed.len()).unwrap();
        let name = u16::try_from(entry.name.len()).unwrap();
        let mut common = Vec::new();
        for number in [20, entry.flags, entry.method, 0, 0x21] {
            common.extend_from_slice(&number.to_le_bytes());
        }
        for number in [entry.crc, packed, entry.size] {
            common.extend_from_slice(&number.to_le_bytes());
        }
        common.extend_from_slice(&name.to_le_bytes());
        common.extend_from_slice(&[0, 0]);
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&common);
        out.extend_from_slice(entry.name.as_bytes());
        out.extend_from_slice(&entry.packed);
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&common);
        // No comment, disk 0, no attributes.
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(entry.name.as_bytes());
    }
    let (offset, length) = (u32::try_from(out.len()).unwrap(), u32::try_from(directory.len()).unwrap());
    out.append(&mut directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
    out.extend_from_slice(&[count, count].concat());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&offset.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out
}
