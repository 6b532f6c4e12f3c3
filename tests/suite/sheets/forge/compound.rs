//! Compound files: `.xls` workbooks, and packages that a password protects.

const SECTOR: usize = 512;
const END: u32 = 0xFFFF_FFFE;
const FREE: u32 = 0xFFFF_FFFF;

/// A compound file of one stream.
pub fn compound(name: &str, content: &[u8]) -> Vec<u8> {
    // Shorter streams would stand elsewhere.
    let mut stream = content.to_vec();
    stream.resize(content.len().max(4_096).next_multiple_of(SECTOR), 0);
    let sectors = stream.len() / SECTOR;
    // The table of sectors has entries for itself, the directory and the stream.
    let tables = (sectors + 2).div_ceil(SECTOR / 4 - 1);
    assert!(tables <= 109, "more sectors than a header has room for");
    let mut table: Vec<u32> = vec![0xFFFF_FFFD; tables];
    table.push(END);
    let first = tables + 1;
    table.extend((first + 1..first + sectors).map(|next| u32::try_from(next).unwrap()));
    table.push(END);
    table.resize(tables * SECTOR / 4, FREE);

    let mut header = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec();
    header.extend_from_slice(&[0; 16]);
    // Version 3.62, lower byte first, sectors of 2^9 bytes, small ones of 2^6.
    for number in [0x3E_u16, 3, 0xFFFE, 9, 6, 0, 0, 0] {
        header.extend_from_slice(&number.to_le_bytes());
    }
    let numbers = [0, u32::try_from(tables).unwrap(), u32::try_from(tables).unwrap(), 0, 4_096, END, 0, END, 0];
    header.extend(numbers.into_iter().flat_map(u32::to_le_bytes));
    for place in 0..109 {
        let number = if place < tables { u32::try_from(place).unwrap() } else { FREE };
        header.extend_from_slice(&number.to_le_bytes());
    }

    let mut directory = Vec::new();
    directory.extend_from_slice(&entry("Root Entry", 5, 1, END, 0));
    directory.extend_from_slice(&entry(
        name,
        2,
        FREE,
        u32::try_from(first).unwrap(),
        u32::try_from(stream.len()).unwrap(),
    ));
    directory.resize(SECTOR, 0);
    [header, table.into_iter().flat_map(u32::to_le_bytes).collect(), directory, stream].concat()
}

fn entry(name: &str, kind: u8, child: u32, start: u32, length: u32) -> Vec<u8> {
    let mut out: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let named = u16::try_from(out.len() + 2).unwrap();
    out.resize(64, 0);
    out.extend_from_slice(&named.to_le_bytes());
    out.extend_from_slice(&[kind, 1]);
    out.extend([FREE, FREE, child].into_iter().flat_map(u32::to_le_bytes));
    out.resize(116, 0);
    out.extend([start, length, 0].into_iter().flat_map(u32::to_le_bytes));
    out
}

/// A cell of an `.xls` sheet.
pub enum Old<'a> {
    Text(&'a str),
    Number(f64),
}

/// An `.xls` workbook of one sheet, with cells at their places (row and column from 0).
pub fn xls(cells: &[(u16, u16, Old<'_>)]) -> Vec<u8> {
    let mut sheet = Vec::new();
    record(&mut sheet, 0x0809, &begin(0x10));
    for (row, column, cell) in cells {
        let mut content: Vec<u8> = [*row, *column, 0].into_iter().flat_map(u16::to_le_bytes).collect();
        match cell {
            Old::Number(number) => {
                content.extend_from_slice(&number.to_le_bytes());
                record(&mut sheet, 0x0203, &content);
            }
            Old::Text(text) => {
                let units: Vec<u16> = text.encode_utf16().collect();
                content.extend_from_slice(&u16::try_from(units.len()).unwrap().to_le_bytes());
                content.push(1);
                content.extend(units.into_iter().flat_map(u16::to_le_bytes));
                record(&mut sheet, 0x0204, &content);
            }
        }
    }
    record(&mut sheet, 0x000A, &[]);
    let mut globals = Vec::new();
    record(&mut globals, 0x0809, &begin(5));
    record(&mut globals, 0x00E0, &[0; 20]);
    let name = "Goods";
    // Where the sheet begins: behind this record and the one that ends the globals.
    let place = globals.len() + 4 + 8 + name.len() + 4;
    let mut listed = u32::try_from(place).unwrap().to_le_bytes().to_vec();
    listed.extend_from_slice(&[0, 0, u8::try_from(name.len()).unwrap(), 0]);
    listed.extend_from_slice(name.as_bytes());
    record(&mut globals, 0x0085, &listed);
    record(&mut globals, 0x000A, &[]);
    assert_eq!(globals.len(), place);
    globals.append(&mut sheet);
    compound("Workbook", &globals)
}

/// The record that begins a part: of Excel 97 and later.
fn begin(kind: u16) -> Vec<u8> {
    [0x0600, kind, 0x0DBB, 0x07CC, 0, 0, 6, 0].into_iter().flat_map(u16::to_le_bytes).collect()
}

fn record(out: &mut Vec<u8>, number: u16, content: &[u8]) {
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&u16::try_from(content.len()).unwrap().to_le_bytes());
    out.extend_from_slice(content);
}
