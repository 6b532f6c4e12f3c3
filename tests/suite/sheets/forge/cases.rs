//! The table: files, and what reading gives for each.

use comptoir::sheets::{Limits, Unreadable};

use super::archive::{Entry, archive};
use super::compound::{Old, compound, xls};
use super::xlsx::{Binary, Book, escaped, inline, row, row_of, rows, xlsb};
use super::{ods, ods_entries, utf16, windows_1251};

/// A file, and what reading it gives.
pub struct Case {
    /// The situation.
    pub name: &'static str,
    /// What the file is called.
    pub file: &'static str,
    pub bytes: Vec<u8>,
    /// The limits that are not the defaults.
    pub limits: Limits,
    pub outcome: Outcome,
}

/// What reading a file gives.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// These rows, a line each: number, `h` if hidden, cells between bars. Texts as they are, `(numbers)`, `{booleans}`,
    /// `@dates`, `!errors`, `?` for no value; `«n×c»` for long texts, `‹n›` for many empty cells.
    Rows(&'static str),
    /// This.
    Refused(Unreadable),
    /// `Damaged`, with these words.
    Damaged(&'static str),
    /// Any refusal at all that is not the machine's fault.
    Any,
}

use Outcome::{Any, Damaged, Refused, Rows};

struct Table(Vec<Case>);

impl Table {
    fn add(&mut self, name: &'static str, file: &'static str, bytes: Vec<u8>, outcome: Outcome) {
        self.limited(Limits::default(), name, file, bytes, outcome);
    }

    fn limited(&mut self, limits: Limits, name: &'static str, file: &'static str, bytes: Vec<u8>, outcome: Outcome) {
        self.0.push(Case { name, file, bytes, limits, outcome });
    }

    fn xlsx(&mut self, name: &'static str, book: Book, outcome: Outcome) {
        self.add(name, "goods.xlsx", book.bytes(), outcome);
    }

    fn csv(&mut self, name: &'static str, bytes: impl AsRef<[u8]>, outcome: Outcome) {
        self.add(name, "goods.csv", bytes.as_ref().to_vec(), outcome);
    }
}

/// All of them.
pub fn cases() -> Vec<Case> {
    let mut table = Table(Vec::new());
    cells(&mut table);
    sheets(&mut table);
    places(&mut table);
    texts(&mut table);
    broken(&mut table);
    bombs(&mut table);
    other_formats(&mut table);
    values(&mut table);
    table.0
}

fn plain() -> Book {
    Book::of(&rows(&[&["Название", "Цена"], &["Сок", "12,50"]]))
}

const PLAIN: &str = "1: Название | Цена\n2: Сок | 12,50";

fn cells(table: &mut Table) {
    table.xlsx("texts in their cells", plain(), Rows(PLAIN));
    let shared = "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>1</v></c><c r=\"B1\" t=\"s\"><v> 0 </v></c></row>";
    table.xlsx("texts in the shared table", Book::of(shared).shared(&["b & c", "a"]), Rows("1: a | b & c"));
    table.xlsx("a sheet without rows", Book::of(""), Rows(""));
    table.xlsx(
        "a sheet whose rows and cells are empty",
        Book::of("<row r=\"1\"/><row r=\"2\"><c r=\"A2\" s=\"0\"/><c r=\"B2\"></c></row>"),
        Rows(""),
    );
    table.xlsx(
        "merged cells hold their value at the upper left",
        plain().replacing(Entry::deflated(
            "xl/worksheets/sheet1.xml",
            b"<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"str\"><v>Goods</v></c><c r=\"B1\"/></row></sheetData>\
              <mergeCells count=\"1\"><mergeCell ref=\"A1:D4\"/></mergeCells></worksheet>",
        )),
        Rows("1: Goods"),
    );
    table.xlsx(
        "formulas with and without results",
        Book::of(
            "<row r=\"1\"><c r=\"A1\"><f>1+1</f><v>2</v></c><c r=\"B1\" t=\"str\"><f>\"a\"&amp;\"b\"</f><v>ab</v></c>\
             <c r=\"C1\"><f>A1</f></c><c r=\"D1\"><f>A1</f><v></v></c><c r=\"E1\" t=\"str\"><f>\"\"</f><v></v></c>\
             <c r=\"F1\" t=\"b\"><f>1=1</f><v>1</v></c><c r=\"G1\"><f t=\"shared\" si=\"0\"/><v/></c></row>",
        ),
        Rows("1: (2) | ab | ? | ? |  | {TRUE} | ?"),
    );
    table.xlsx(
        "error cells",
        Book::of(
            "<row r=\"7\"><c r=\"A7\" t=\"e\"><v>#DIV/0!</v></c><c r=\"B7\" t=\"e\"><f>x</f><v>#N/A</v></c></row>",
        ),
        Rows("7: !#DIV/0! | !#N/A"),
    );
    table.xlsx(
        "numbers as Excel stores and shows them",
        Book::of(
            "<row r=\"1\"><c r=\"A1\"><v>4820024700016</v></c><c r=\"B1\" t=\"n\"><v>4.8200247000160000E+12</v></c>\
             <c r=\"C1\"><v>1234.5</v></c><c r=\"D1\"><v>-0.10000000000000001</v></c><c r=\"E1\"><v>1E300</v></c>\
             <c r=\"F1\"><v>007</v></c></row>",
        ),
        Rows("1: (4820024700016) | (4820024700016) | (1234.5) | (-0.1) | (1e300) | (7)"),
    );
    table.xlsx(
        "numbers that are none are the texts they are",
        Book::of("<row r=\"1\"><c r=\"A1\"><v>1 234,50</v></c><c r=\"B1\" t=\"n\"><v>NaN</v></c><c r=\"C1\"><v>1e999</v></c></row>"),
        Rows("1: 1 234,50 | NaN | 1e999"),
    );
    let dates = "<row r=\"1\"><c r=\"A1\" s=\"1\"><v>46353</v></c><c r=\"B1\" s=\"2\"><v>46353.4375</v></c>\
                 <c r=\"C1\" s=\"3\"><v>46353</v></c><c r=\"D1\" s=\"1\"><v>-1</v></c><c r=\"E1\" t=\"d\"><v>2026-11-27T10:30:00Z</v></c>\
                 <c r=\"F1\" s=\"9999\"><v>1</v></c></row>";
    let codes = ["dd.mm.yyyy", "[$-419]d mmm yyyy h:mm", "#,##0.00\" день\""];
    table.xlsx(
        "dates by their formats",
        Book::of(dates).formats(&codes),
        Rows("1: @2026-11-27 | @2026-11-27 10:30:00 | (46353) | (-1) | @2026-11-27 10:30:00 | (1)"),
    );
    table.xlsx(
        "dates counted from 1904",
        Book::of(dates).formats(&codes).since_1904(),
        Rows("1: @2030-11-28 | @2030-11-28 10:30:00 | (46353) | (-1) | @2026-11-27 10:30:00 | (1)"),
    );
    table.xlsx(
        "hidden rows",
        Book::of("<row r=\"1\" hidden=\"1\"><c r=\"A1\"><v>1</v></c></row><row r=\"2\" hidden=\"0\"><c r=\"A2\"><v>2</v></c></row>"),
        Rows("1h: (1)\n2: (2)"),
    );
    table.xlsx(
        "extensions inside cells and rows",
        Book::of("<row r=\"1\"><c r=\"A1\"><v>1</v><extLst><ext><c><v>9</v></c></ext></extLst></c><other><c r=\"Z9\"/></other></row>"),
        Rows("1: (1)"),
    );
    table.xlsx(
        "comments, CDATA and processing instructions",
        Book::of("<!-- > --><row r=\"1\"><?x ?><c r=\"A1\" t=\"str\"><v><![CDATA[a<b&c]]></v></c><!----></row>"),
        Rows("1: a<b&c"),
    );
    table.xlsx(
        "every name with a prefix",
        plain().replacing(Entry::deflated(
            "xl/worksheets/sheet1.xml",
            b"<x:worksheet xmlns:x=\"m\"><x:sheetData><x:row r='1'><x:c r='A1' t='inlineStr'><x:is><x:t>a</x:t></x:is></x:c>\
              <x:c r='B1'><x:v>2</x:v></x:c></x:row></x:sheetData></x:worksheet>",
        )),
        Rows("1: a | (2)"),
    );
}

fn sheets(table: &mut Table) {
    let one = rows(&[&["one"]]);
    let two = rows(&[&["two"]]);
    table.xlsx(
        "the first sheet is hidden",
        Book::new().sheet("A", "hidden", &one).sheet("B", "veryHidden", &one).sheet("C", "visible", &two),
        Rows("1: two"),
    );
    table.xlsx("the first sheet is a chart", Book::new().chart("Chart").sheet("B", "visible", &two), Rows("1: two"));
    table.xlsx("no sheet is visible", Book::new().sheet("A", "hidden", &one), Refused(Unreadable::NoSheet));
    table.xlsx("no sheet at all", Book::new(), Refused(Unreadable::NoSheet));
    table.xlsx("the sheet is missing", plain().without("xl/worksheets/sheet1.xml"), Damaged("sheet1.xml is missing"));
    table.xlsx(
        "the sheet is something else",
        plain().replacing(Entry::deflated("xl/worksheets/sheet1.xml", b"<html/>")),
        Damaged("no worksheet"),
    );
    table.xlsx(
        "the workbook is empty",
        plain().replacing(Entry::deflated("xl/workbook.xml", b"")),
        Damaged("is no workbook"),
    );
    table.xlsx("the links are missing", plain().without("xl/_rels/workbook.xml.rels"), Refused(Unreadable::NoSheet));
    table.xlsx("the package's links are missing", plain().without("_rels/.rels"), Rows(PLAIN));
    table.xlsx(
        "the target of a link leaves the package",
        plain().replacing(Entry::deflated(
            "xl/_rels/workbook.xml.rels",
            b"<Relationships><Relationship Id=\"rId1\" Type=\"x/worksheet\" Target=\"../../../../etc/passwd\"/></Relationships>",
        )),
        Damaged("etc/passwd is missing"),
    );
}

fn places(table: &mut Table) {
    let wide: Vec<_> = (0..16_384).map(|_| "x").collect();
    table.xlsx(
        "cells that do not say where they are",
        Book::of("<row><c><v>1</v></c><c><v>2</v></c></row><row r=\"5\"><c r=\"C5\"><v>3</v></c><c><v>4</v></c></row><row><c r=\"A9\"><v>5</v></c></row>"),
        Rows("1: (1) | (2)\n5:  |  | (3) | (4)\n9: (5)"),
    );
    table.xlsx(
        "16 384 columns",
        Book::of(&row(1, &[&["first"], &wide[2..], &["last"]].concat())),
        Rows("1: first | «16382 cells x» | last"),
    );
    table.limited(
        Limits { columns: 100, ..Limits::default() },
        "more columns than allowed",
        "goods.xlsx",
        Book::of(&[row(1, &["a"]), row(2, &wide[..101])].concat()).bytes(),
        Refused(Unreadable::TooManyColumns { row: 2, limit: 100 }),
    );
    table.xlsx(
        "a cell in the far corner",
        Book::of(&[row(1, &["a"]), format!("<row r=\"1048576\">{}</row>", inline("XFD1048576", "z"))].concat()),
        Rows("1: a\n1048576: ‹16383› | z"),
    );
    let corner = |from: u32, to: u32| -> String { (from..to).map(|number| row_of(number, "XFD")).collect() };
    table.limited(
        Limits { cells: 1_000_000, ..Limits::default() },
        "a last column in every row",
        "goods.xlsx",
        Book::of(&corner(1, 101)).bytes(),
        Refused(Unreadable::TooManyCells { row: 62, limit: 1_000_000 }),
    );
    let many: String = (1..=1_001).map(|number| row_of(number, "A")).collect();
    table.limited(
        Limits { rows: 1_000, ..Limits::default() },
        "more rows than allowed",
        "goods.xlsx",
        Book::of(&many).bytes(),
        Refused(Unreadable::TooManyRows { limit: 1_000 }),
    );
    for (name, rows, words) in [
        (
            "rows in the wrong order",
            "<row r=\"2\"><c r=\"A2\"><v>1</v></c></row><row r=\"1\"><c r=\"A1\"><v>1</v></c></row>",
            "row 1 comes after row 2",
        ),
        (
            "a row twice",
            "<row r=\"2\"><c r=\"A2\"><v>1</v></c></row><row r=\"2\"><c r=\"B2\"><v>1</v></c></row>",
            "row 2 comes after row 2",
        ),
        ("a cell twice", "<row r=\"1\"><c r=\"B1\"><v>1</v></c><c r=\"B1\"><v>1</v></c></row>", "B1 comes after"),
        ("row 0", "<row r=\"0\"><c r=\"A0\"><v>1</v></c></row>", "no row 0"),
        ("row 1 048 577", "<row r=\"1048577\"><c><v>1</v></c></row>", "no row 1048577"),
        ("a row beyond numbers", "<row r=\"99999999999999999999\"/>", "a row has no number"),
        ("a column beyond the last", "<row r=\"1\"><c r=\"XFE1\"><v>1</v></c></row>", "no place"),
        ("a cell in another row's place", "<row r=\"1\"><c r=\"A2\"><v>1</v></c></row>", "row 2 stands in row 1"),
        ("a cell of no known type", "<row r=\"1\"><c r=\"A1\" t=\"zip\"><v>1</v></c></row>", "no known type"),
        ("a text beyond the shared ones", "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>7</v></c></row>", "A1 refers to a text"),
        (
            "a shared text of a negative number",
            "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>-1</v></c></row>",
            "A1 refers to a text",
        ),
    ] {
        table.xlsx(name, Book::of(rows), Damaged(words));
    }
}

fn texts(table: &mut Table) {
    table.xlsx(
        "rich texts, runs and pronunciation",
        Book::of("<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"inlineStr\"><is><r><t>a</t></r><r><t>b</t></r><rPh sb=\"0\" eb=\"1\"><t>no</t></rPh></is></c></row>")
            .shared_xml("<si><r><rPr><b/></rPr><t xml:space=\"preserve\">Яб </t></r><r><t>локо</t></r><rPh sb=\"0\" eb=\"2\"><t>no</t></rPh><phoneticPr fontId=\"1\"/></si>"),
        Rows("1: Яб локо | ab"),
    );
    table.xlsx(
        "control characters",
        Book::of(&rows(&[&["a_x0000_b", "a\u{1}b", "_x005F_x0041_", "a\nb\tc"]])),
        Rows("1: a\0b | a\u{1}b | _x0041_ | a\nb\tc"),
    );
    let long = "я".repeat(32_767);
    table.xlsx("32 767 characters", Book::of(&rows(&[&["a", &long]])), Rows("1: a | «32767×я»"));
    let longer = "я".repeat(32_768);
    let too_long = |row, column| Refused(Unreadable::TextTooLong { row, column, limit: 32_767 });
    table.xlsx("32 768 characters", Book::of(&rows(&[&["a"], &["", "b", &longer]])), too_long(2, 2));
    let endless = "x".repeat(5_000_000);
    table.xlsx("five million characters", Book::of(&rows(&[&[&endless]])), too_long(1, 0));
    table.xlsx(
        "five million characters as a formula's result",
        Book::of(&format!("<row r=\"3\"><c r=\"B3\" t=\"str\"><f>x</f><v>{endless}</v></c></row>")),
        too_long(3, 1),
    );
    table.xlsx(
        "a shared text that is too long, where it is used",
        Book::of("<row r=\"4\"><c r=\"D4\" t=\"s\"><v>1</v></c></row>").shared(&["a", &endless]),
        too_long(4, 3),
    );
    table.xlsx(
        "a shared text that is too long, where it is not used",
        Book::of("<row r=\"4\"><c r=\"A4\" t=\"s\"><v>0</v></c></row>").shared(&["a", &endless]),
        Rows("4: a"),
    );
    let cells: Vec<_> = (0..80).map(|_| long.as_str()).collect();
    table.xlsx(
        "a row of five megabytes",
        Book::of(&rows(&[&["a"], &cells])),
        Refused(Unreadable::RowTooLong { row: 2, limit: 4 << 20 }),
    );
    table.xlsx(
        "a text that is no UTF-8",
        plain().replacing(Entry::deflated(
            "xl/worksheets/sheet1.xml",
            b"<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>\xCF\xF0</t></is></c></row></sheetData></worksheet>",
        )),
        Damaged("no UTF-8"),
    );
}

fn broken(table: &mut Table) {
    let whole = plain().bytes();
    table.add("no bytes", "goods.xlsx", Vec::new(), Refused(Unreadable::Empty));
    table.add("an archive without entries", "goods.xlsx", archive(&[]), Refused(Unreadable::Empty));
    table.add("half an archive", "goods.xlsx", whole[..whole.len() / 2].to_vec(), Any);
    table.add("the beginning of an archive", "goods.xlsx", b"PK\x03\x04".to_vec(), Any);
    let mut flipped = whole.clone();
    let at = flipped.windows(24).position(|name| name == b"xl/worksheets/sheet1.xml").unwrap() + 40;
    flipped[at..at + 40].iter_mut().for_each(|byte| *byte ^= 0x55);
    table.add("bytes that were changed on the way", "goods.xlsx", flipped, Any);
    for (name, rows) in [
        ("XML that ends in a row", "<row r=\"1\"><c r=\"A1\"><v>1</v></c>"),
        ("XML that ends in a cell", "<row r=\"1\"><c r=\"A1\"><v>1"),
        ("XML that ends in a tag", "<row r=\"1\"><c r=\"A1"),
    ] {
        let content = format!("<worksheet><sheetData>{rows}");
        table.xlsx(
            name,
            plain().replacing(Entry::deflated("xl/worksheets/sheet1.xml", content.as_bytes())),
            Damaged("ends in the middle"),
        );
    }
    table.xlsx(
        "entities that grow",
        plain().replacing(Entry::deflated(
            "xl/worksheets/sheet1.xml",
            b"<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"str\"><v>&b;</v></c></row></sheetData></worksheet>",
        )),
        Damaged("DOCTYPE"),
    );
    table.xlsx(
        "a tag without an end",
        plain().replacing(Entry::deflated(
            "xl/worksheets/sheet1.xml",
            format!("<worksheet><sheetData><row r=\"1\" x=\"{}", "a".repeat(1_000_000)).as_bytes(),
        )),
        Damaged("a tag has more than 256 KiB"),
    );
    let deep = "<a>".repeat(1_000_000);
    table.xlsx("a million elements, one in the other", Book::of(&deep), Damaged("ends in the middle"));
    let encrypted: Vec<_> = plain().entries().into_iter().map(|entry| Entry { flags: 1, ..entry }).collect();
    table.add("entries with a password", "goods.xlsx", archive(&encrypted), Refused(Unreadable::Encrypted));
    table.add("a password", "goods.xlsx", compound("EncryptedPackage", &[7; 9_000]), Refused(Unreadable::Encrypted));
    let method = plain().entries().into_iter().map(|entry| Entry { method: 99, ..entry }).collect::<Vec<_>>();
    table.add("an unknown compression", "goods.xlsx", archive(&method), Any);
    let twice: Vec<_> = plain().entries().into_iter().chain(Book::of(&rows(&[&["other"]])).entries()).collect();
    table.add("every entry twice", "goods.xlsx", archive(&twice), Rows("1: other"));
}

fn bombs(table: &mut Table) {
    let spaces = vec![b' '; 1 << 20];
    let sheet =
        |piece: &[u8], times| Entry::repeated("xl/worksheets/sheet1.xml", b"<worksheet><sheetData>", piece, times);
    table.xlsx(
        "64 MiB of spaces",
        plain().replacing(sheet(&spaces, 64)),
        Refused(Unreadable::RatioTooHigh { limit: 250 }),
    );
    table.xlsx("64 MiB of spaces that say they are one", plain().replacing(sheet(&spaces, 64).declaring(1 << 20)), Any);
    table.limited(
        Limits { inflated: 1 << 20, ..Limits::default() },
        "more than may come out",
        "goods.xlsx",
        plain().replacing(sheet(&spaces, 2)).bytes(),
        Refused(Unreadable::InflatedTooLarge { limit: 1 << 20 }),
    );
    let many: Vec<_> = (0..5_000).map(|number| Entry::stored(&format!("{number}"), b"")).collect();
    table.add("5 000 entries", "goods.xlsx", archive(&many), Refused(Unreadable::TooManyEntries { limit: 4_096 }));
    table.xlsx(
        "ten thousand million shared texts, of which there are two",
        Book::of("<row r=\"1\"><c r=\"A1\" t=\"s\"><v>1</v></c></row>")
            .replacing(Entry::deflated(
                "xl/sharedStrings.xml",
                b"<sst count=\"10000000000\" uniqueCount=\"10000000000\"><si><t>a</t></si><si><t>b</t></si></sst>",
            ))
            .shared(&[]),
        Rows("1: b"),
    );
    let unlimited = Limits { ratio: u64::MAX, memory: 96 << 20, ..Limits::default() };
    let items = "<si><t>0123456789</t></si>".repeat(10_000);
    table.limited(
        unlimited,
        "shared texts that fill the memory",
        "goods.xlsx",
        Book::of("")
            .shared(&[])
            .replacing(Entry::repeated("xl/sharedStrings.xml", b"<sst>", items.as_bytes(), 1_000))
            .bytes(),
        Refused(Unreadable::OutOfMemory { limit: 96 << 20 }),
    );
    table.add(
        "a table that repeats its cells to the far corner",
        "goods.ods",
        ods("<table:table-row table:number-rows-repeated=\"1048576\"><table:table-cell table:number-columns-repeated=\"16384\" office:value-type=\"string\"><text:p>x</text:p></table:table-cell></table:table-row>"),
        Any,
    );
}

fn other_formats(table: &mut Table) {
    let xlsx = plain().bytes();
    table.add("a workbook called .csv", "goods.csv", xlsx.clone(), Rows(PLAIN));
    table.add("a workbook called .xls", "goods.xls", xlsx, Rows(PLAIN));
    table.add("values called .xlsx", "goods.xlsx", "a;b\n1;2\n".into(), Rows("1: a | b\n2: 1 | 2"));
    let document = archive(&[
        Entry::deflated("_rels/.rels", b"<Relationships><Relationship Id=\"a\" Type=\"x/officeDocument\" Target=\"word/document.xml\"/></Relationships>"),
        Entry::deflated("word/document.xml", b"<document/>"),
    ]);
    for (name, bytes) in [
        ("a text document called .xlsx", document),
        ("an archive of files", archive(&[Entry::deflated("goods.csv", b"a;b")])),
        ("a picture", b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\x01\0".to_vec()),
        ("a page of a printer", b"%PDF-1.7\n%\xE2\xE3\xCF\xD3".to_vec()),
        ("a web page called .xlsx", b"\xEF\xBB\xBF <!DOCTYPE html><table><tr><td>a</td></tr></table>".to_vec()),
        ("a compound file of something else", compound("WordDocument", &[7; 9_000])),
        ("a program", b"\x7FELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0".to_vec()),
    ] {
        table.add(name, "goods.xlsx", bytes, Refused(Unreadable::UnknownFormat));
    }
    let old = xls(&[
        (0, 0, Old::Text("Название")),
        (0, 1, Old::Text("Цена")),
        (1, 0, Old::Text("Сок")),
        (1, 1, Old::Number(12.5)),
    ]);
    table.add("an old workbook", "goods.xls", old.clone(), Rows("1: Название | Цена\n2: Сок | (12.5)"));
    table.add("an old workbook called .xlsx", "goods.xlsx", old.clone(), Rows("1: Название | Цена\n2: Сок | (12.5)"));
    table.add("half an old workbook", "goods.xls", old[..old.len() / 2].to_vec(), Any);
    table.add(
        "an old workbook with a far corner",
        "goods.xls",
        xls(&[(0, 0, Old::Number(1.0)), (65_535, 255, Old::Number(2.0))]),
        Any,
    );
    table.add("the head of an old workbook", "goods.xls", old[..512].to_vec(), Refused(Unreadable::UnknownFormat));
    table.limited(
        Limits { held_file: 4_096, ..Limits::default() },
        "an old workbook that is too large",
        "goods.xls",
        old,
        Refused(Unreadable::FileTooLarge { limit: 4_096 }),
    );
    let cell = |text: &str| {
        format!("<table:table-cell office:value-type=\"string\"><text:p>{}</text:p></table:table-cell>", escaped(text))
    };
    let two = format!(
        "<table:table-row>{}{}</table:table-row><table:table-row>{}<table:table-cell office:value-type=\"float\" office:value=\"12.5\"><text:p>12,5</text:p></table:table-cell></table:table-row>",
        cell("Название"),
        cell("Цена"),
        cell("Сок")
    );
    table.add("an OpenDocument table", "goods.ods", ods(&two), Rows("1: Название | Цена\n2: Сок | (12.5)"));
    table.add(
        "an OpenDocument table with a password",
        "goods.ods",
        archive(&ods_entries(
            "",
            "<manifest:file-entry manifest:full-path=\"content.xml\"><manifest:encryption-data/></manifest:file-entry>",
        )),
        Refused(Unreadable::Encrypted),
    );
    table.limited(
        Limits { held_file: 100, ..Limits::default() },
        "an OpenDocument table that is too large",
        "goods.ods",
        ods(&two),
        Refused(Unreadable::FileTooLarge { limit: 100 }),
    );
    let binary =
        xlsb(&[&[Binary::Text("Название"), Binary::Text("Цена")], &[Binary::Text("Сок"), Binary::Number(12.5)]]);
    table.add("a binary workbook", "goods.xlsb", binary.clone(), Rows("1: Название | Цена\n2: Сок | (12.5)"));
    table.add("a binary workbook called .xlsx", "goods.xlsx", binary, Rows("1: Название | Цена\n2: Сок | (12.5)"));
    table.add(
        "a binary workbook whose text is not there",
        "goods.xlsb",
        xlsb(&[&[Binary::Shared(9)]]),
        Damaged("contradicts itself"),
    );
    table.limited(
        Limits { file: 1_000, ..Limits::default() },
        "a file that is too large",
        "goods.csv",
        vec![b'a'; 1_001],
        Refused(Unreadable::FileTooLarge { limit: 1_000 }),
    );
}

fn values(table: &mut Table) {
    let text = "Название;Цена\r\nСок;12,50\r\n";
    table.csv("UTF-8", text, Rows(PLAIN));
    table.csv("UTF-8 with a mark", format!("\u{FEFF}{text}"), Rows(PLAIN));
    table.csv("UTF-16, lower byte first", utf16(text, true, true), Rows(PLAIN));
    table.csv("UTF-16, higher byte first", utf16(text, false, true), Rows(PLAIN));
    table.csv("UTF-16 without a mark", utf16(text, true, false), Rows(PLAIN));
    table.csv("Windows-1251", windows_1251(text), Rows(PLAIN));
    table.csv("commas", "a,b\n1,\"2,5\"\n", Rows("1: a | b\n2: 1 | 2,5"));
    table.csv("tabs", "a\tb\n1\t2,5\n", Rows("1: a | b\n2: 1 | 2,5"));
    table.csv("bars", "a|b\n1|2\n", Rows("1: a | b\n2: 1 | 2"));
    table.csv(
        "commas in prices between semicolons",
        "a;b;c\n1;2,5;3,5\n4;5,5;6,5\n",
        Rows("1: a | b | c\n2: 1 | 2,5 | 3,5\n3: 4 | 5,5 | 6,5"),
    );
    table.csv(
        "a title above the header",
        "Price list, all\n\na;b\n1;2\n3;4\n",
        Rows("1: Price list, all\n3: a | b\n4: 1 | 2\n5: 3 | 4"),
    );
    table.csv("a line that says which separator", "sep=,\r\na;b,c\r\n", Rows("1: a;b | c"));
    table.csv(
        "quotation marks, and line ends between them",
        "a;\"b\r\n\"\"c\"\"\"\n\"d\"e;f\"g\n",
        Rows("1: a | b\r\n\"c\"\n2: de | f\"g"),
    );
    table.csv("old line ends and no last one", "a;b\r1;2\r\r3;4", Rows("1: a | b\n2: 1 | 2\n4: 3 | 4"));
    table.csv("no line but empty ones", "\r\n\n;;;\n", Rows(""));
    table.csv("a mark and nothing else", "\u{FEFF}", Rows(""));
    table.csv("a quotation mark that nobody closes", "a;b\n1;\"2\n3;4\n", Damaged("row 2 is never closed"));
    table.csv(
        "a quotation mark that nobody closes for long",
        format!("a;b\n1;\"{}", "2\n".repeat(200_000)),
        Refused(Unreadable::TextTooLong { row: 2, column: 1, limit: 32_767 }),
    );
    table.csv(
        "20 000 columns",
        format!("a\n{}b", "x;".repeat(20_000)),
        Refused(Unreadable::TooManyColumns { row: 2, limit: 16_384 }),
    );
    table.csv("zeros further down", format!("a;b\n{}x\0y;1\n", "\n".repeat(600)), Rows("1: a | b\n602: x\0y | 1"));
}
