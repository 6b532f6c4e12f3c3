//! `.xlsx` and `.xlsb` workbooks, part by part.

use std::fmt::Write;

use super::archive::{Entry, archive};

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const LINKS: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
const KINDS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// A workbook of which every part can be replaced by a worse one.
pub struct Book {
    sheets: Vec<Sheet>,
    shared: Option<String>,
    styles: Option<String>,
    is_1904: bool,
    replaced: Vec<Entry>,
    without: Vec<&'static str>,
}

struct Sheet {
    name: String,
    state: &'static str,
    kind: &'static str,
    content: String,
}

impl Book {
    /// A workbook of one sheet, `Goods`, that holds these rows: XML.
    pub fn of(rows: &str) -> Self {
        Self::new().sheet("Goods", "visible", rows)
    }

    /// A workbook without sheets.
    pub fn new() -> Self {
        Self {
            sheets: Vec::new(),
            shared: None,
            styles: None,
            is_1904: false,
            replaced: Vec::new(),
            without: Vec::new(),
        }
    }

    /// With one sheet more.
    pub fn sheet(mut self, name: &str, state: &'static str, rows: &str) -> Self {
        let content = format!(
            "{HEAD}<worksheet xmlns=\"{MAIN}\"><dimension ref=\"A1\"/><sheetViews><sheetView workbookViewId=\"0\"/></sheetViews>\
             <sheetData>{rows}</sheetData></worksheet>"
        );
        self.sheets.push(Sheet { name: name.to_owned(), state, kind: "worksheet", content });
        self
    }

    /// With a sheet that is a chart.
    pub fn chart(mut self, name: &str) -> Self {
        let content = format!("{HEAD}<chartsheet xmlns=\"{MAIN}\"/>");
        self.sheets.push(Sheet { name: name.to_owned(), state: "visible", kind: "chartsheet", content });
        self
    }

    /// With these shared texts.
    pub fn shared(self, texts: &[&str]) -> Self {
        let item = |text: &&str| format!("<si><t>{}</t></si>", escaped(text));
        let items: String = texts.iter().map(item).collect();
        self.shared_xml(&items)
    }

    /// With these items of the table of shared texts: XML.
    pub fn shared_xml(mut self, items: &str) -> Self {
        self.shared = Some(format!("{HEAD}<sst xmlns=\"{MAIN}\">{items}</sst>"));
        self
    }

    /// With styles 1, 2, 3, … of these formats.
    pub fn formats(mut self, codes: &[&str]) -> Self {
        let format = |(id, code): (u32, &&str)| format!("<numFmt numFmtId=\"{id}\" formatCode=\"{}\"/>", escaped(code));
        let style = |(id, _): (u32, &&str)| format!("<xf numFmtId=\"{id}\"/>");
        let formats: String = (164..).zip(codes).map(format).collect();
        let styles: String = (164..).zip(codes).map(style).collect();
        self.styles = Some(format!(
            "{HEAD}<styleSheet xmlns=\"{MAIN}\"><numFmts>{formats}</numFmts><cellStyleXfs><xf numFmtId=\"14\"/></cellStyleXfs>\
             <cellXfs><xf numFmtId=\"0\"/>{styles}</cellXfs></styleSheet>"
        ));
        self
    }

    /// With days counted from 1904.
    pub fn since_1904(mut self) -> Self {
        self.is_1904 = true;
        self
    }

    /// With this entry in place of the one of its name, or beside the others.
    pub fn replacing(mut self, entry: Entry) -> Self {
        self.replaced.push(entry);
        self
    }

    /// Without an entry.
    pub fn without(mut self, name: &'static str) -> Self {
        self.without.push(name);
        self
    }

    /// Its entries.
    pub fn entries(self) -> Vec<Entry> {
        let mut parts = vec![(
            "[Content_Types].xml".to_owned(),
            format!("{HEAD}<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>"),
        )];
        let link = |id: &str, kind: &str, target: &str| {
            format!("<Relationship Id=\"{id}\" Type=\"{KINDS}/{kind}\" Target=\"{target}\"/>")
        };
        let links = |links: &str| format!("{HEAD}<Relationships xmlns=\"{LINKS}\">{links}</Relationships>");
        parts.push(("_rels/.rels".to_owned(), links(&link("rId1", "officeDocument", "xl/workbook.xml"))));
        let (mut listed, mut linked) = (String::new(), String::new());
        for (number, sheet) in (1..).zip(&self.sheets) {
            let file = format!("{}s/sheet{number}.xml", sheet.kind);
            let (name, state) = (escaped(&sheet.name), sheet.state);
            write!(listed, "<sheet name=\"{name}\" sheetId=\"{number}\" state=\"{state}\" r:id=\"rId{number}\"/>")
                .unwrap();
            linked += &link(&format!("rId{number}"), sheet.kind, &file);
            parts.push((format!("xl/{file}"), sheet.content.clone()));
        }
        for (part, content) in [("sharedStrings", self.shared), ("styles", self.styles)] {
            if let Some(content) = content {
                linked += &link(part, part, &format!("{part}.xml"));
                parts.push((format!("xl/{part}.xml"), content));
            }
        }
        parts.push(("xl/_rels/workbook.xml.rels".to_owned(), links(&linked)));
        let date1904 = u8::from(self.is_1904);
        parts.push((
            "xl/workbook.xml".to_owned(),
            format!(
                "{HEAD}<workbook xmlns=\"{MAIN}\" xmlns:r=\"{KINDS}\"><workbookPr date1904=\"{date1904}\"/>\
                 <sheets>{listed}</sheets></workbook>"
            ),
        ));
        let mut entries: Vec<_> =
            parts.iter().map(|(name, content)| Entry::deflated(name, content.as_bytes())).collect();
        let gone = |name: &str| self.without.contains(&name) || self.replaced.iter().any(|entry| entry.name == name);
        entries.retain(|entry| !gone(&entry.name));
        entries.extend(self.replaced);
        entries
    }

    /// Its file.
    pub fn bytes(self) -> Vec<u8> {
        archive(&self.entries())
    }
}

/// Rows of texts, from row 1 and column A; empty ones are left out. XML.
pub fn rows(rows: &[&[&str]]) -> String {
    (1..).zip(rows).map(|(number, cells)| row(number, cells)).collect()
}

/// A row with one cell, in this column.
pub fn row_of(number: u32, column: &str) -> String {
    format!("<row r=\"{number}\"><c r=\"{column}{number}\"><v>1</v></c></row>")
}

/// A row of texts.
pub fn row(number: u32, cells: &[&str]) -> String {
    let cells: String = (0..)
        .zip(cells)
        .filter(|(_, text)| !text.is_empty())
        .map(|(column, text)| inline(&format!("{}{number}", comptoir::sheets::column_name(column)), text))
        .collect();
    format!("<row r=\"{number}\">{cells}</row>")
}

/// A cell that holds its text itself.
pub fn inline(place: &str, text: &str) -> String {
    format!("<c r=\"{place}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{}</t></is></c>", escaped(text))
}

/// A text as XML has it.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A cell of an `.xlsb` sheet.
pub enum Binary<'a> {
    Text(&'a str),
    Number(f64),
    /// A text among the shared ones, of which there are none.
    Shared(u32),
}

/// An `.xlsb` workbook of one sheet.
pub fn xlsb(rows: &[&[Binary<'_>]]) -> Vec<u8> {
    let mut sheet = Vec::new();
    record(&mut sheet, 0x81, &[]);
    record(&mut sheet, 0x94, &[0; 16]);
    record(&mut sheet, 0x91, &[]);
    for (number, cells) in (0_u32..).zip(rows) {
        let mut head = number.to_le_bytes().to_vec();
        head.extend_from_slice(&[0; 21]);
        record(&mut sheet, 0, &head);
        for (column, cell) in (0_u32..).zip(*cells) {
            let mut content = column.to_le_bytes().to_vec();
            content.extend_from_slice(&[0; 4]);
            match cell {
                Binary::Text(text) => {
                    content.extend_from_slice(&wide(text));
                    record(&mut sheet, 6, &content);
                }
                Binary::Number(number) => {
                    content.extend_from_slice(&number.to_le_bytes());
                    record(&mut sheet, 5, &content);
                }
                Binary::Shared(number) => {
                    content.extend_from_slice(&number.to_le_bytes());
                    record(&mut sheet, 7, &content);
                }
            }
        }
    }
    record(&mut sheet, 0x92, &[]);
    record(&mut sheet, 0x82, &[]);
    let mut workbook = Vec::new();
    record(&mut workbook, 0x83, &[]);
    record(&mut workbook, 0x8F, &[]);
    let listed = [[0, 0, 0, 0, 1, 0, 0, 0].as_slice(), &wide("rId1"), &wide("Goods")].concat();
    record(&mut workbook, 0x9C, &listed);
    record(&mut workbook, 0x90, &[]);
    record(&mut workbook, 0x84, &[]);
    let link = |id: &str, kind: &str, target: &str| {
        format!(
            "<Relationships xmlns=\"{LINKS}\"><Relationship Id=\"{id}\" Type=\"{KINDS}/{kind}\" Target=\"{target}\"/></Relationships>"
        )
    };
    archive(&[
        Entry::deflated("_rels/.rels", link("rId1", "officeDocument", "xl/workbook.bin").as_bytes()),
        Entry::deflated("xl/_rels/workbook.bin.rels", link("rId1", "worksheet", "worksheets/sheet1.bin").as_bytes()),
        Entry::deflated("xl/workbook.bin", &workbook),
        Entry::deflated("xl/worksheets/sheet1.bin", &sheet),
    ])
}

/// A record of an `.xlsb` part: its number and length, seven bits at a time, and its content.
fn record(out: &mut Vec<u8>, number: u32, content: &[u8]) {
    for mut value in [number, u32::try_from(content.len()).unwrap()] {
        while value >= 0x80 {
            out.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        out.push(value.to_le_bytes()[0]);
    }
    out.extend_from_slice(content);
}

fn wide(text: &str) -> Vec<u8> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut out = u32::try_from(units.len()).unwrap().to_le_bytes().to_vec();
    out.extend(units.into_iter().flat_map(u16::to_le_bytes));
    out
}
