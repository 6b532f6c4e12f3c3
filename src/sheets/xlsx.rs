//! Office Open XML workbooks, streamed (ECMA-376, part 1, section 18).
//!
//! A reader of our own, because a reader of values alone does not say which rows are hidden and which formulas have no
//! result, trusts the counts that a file declares, and takes twice the time.

mod sheet;
mod styles;
mod texts;

use super::archive::Archive;
use super::detect::Format;
use super::sink::{Sink, Stop};
use super::unreadable::Unreadable;
use super::xml::{Token, Xml, damaged, unescape};

/// Sheets that are listed. Excel is limited by memory alone; nobody has this many.
const SHEETS: usize = 10_000;

/// A link from a part to another one.
struct Link {
    id: String,
    /// The last word of its type: `worksheet`, `styles`. The words before differ between the two kinds of the standard.
    kind: String,
    /// The name of the other part.
    target: String,
}

/// A sheet as the workbook lists it.
struct Listed {
    name: String,
    visible: bool,
    id: String,
}

/// Where the workbook itself is: the package says it.
pub fn workbook_path(archive: &mut Archive) -> Result<Option<String>, Stop> {
    let links = links(archive, "")?;
    Ok(links.into_iter().find(|link| link.kind == "officeDocument").map(|link| link.target))
}

/// Whether a part is there and a workbook: text documents are packages of the same kind.
pub fn is_workbook(archive: &mut Archive, path: &str) -> Result<bool, Stop> {
    let Some(entry) = archive.entry(path)? else { return Ok(false) };
    let mut xml = Xml::new(entry);
    loop {
        match xml.next()? {
            Token::Start(tag) => return Ok(tag.name == b"workbook"),
            Token::Eof => return Ok(false),
            _ => {}
        }
    }
}

/// Reads the first visible worksheet.
pub fn read<W: std::io::Write>(archive: &mut Archive, sink: &mut Sink<W>) -> Result<(), Stop> {
    let path = workbook_path(archive)?.unwrap_or_else(|| "xl/workbook.xml".to_owned());
    let links = links(archive, &path)?;
    let (sheets, is_1904) = workbook(archive, &path)?;
    let part = |sheet: &Listed| links.iter().find(|link| link.id == sheet.id && link.kind == "worksheet");
    let mut shown = sheets.iter().filter(|sheet| sheet.visible).filter_map(|sheet| Some((sheet, part(sheet)?)));
    let (sheet, part) = shown.next().ok_or(Unreadable::NoSheet)?;
    let others: Vec<_> = shown.map(|(other, _)| other.name.clone()).take(super::frame::OTHER_SHEETS).collect();
    sink.opened(Format::Xlsx, &sheet.name, &others)?;
    let target = |kind: &str| links.iter().find(|link| link.kind == kind).map(|link| link.target.as_str());
    let dates = match target("styles").map(|target| archive.entry(target)).transpose()?.flatten() {
        Some(entry) => styles::dates(&mut Xml::new(entry))?,
        None => Vec::new(),
    };
    let texts = match target("sharedStrings").map(|target| archive.entry(target)).transpose()?.flatten() {
        Some(entry) => texts::Texts::read(&mut Xml::new(entry), sink.limits())?,
        None => texts::Texts::default(),
    };
    let Some(entry) = archive.entry(&part.target)? else {
        return Err(damaged(&format!("{} is missing", part.target)));
    };
    sheet::read(&mut Xml::new(entry), &sheet::Book { texts, dates, is_1904 }, sink)
}

fn workbook(archive: &mut Archive, path: &str) -> Result<(Vec<Listed>, bool), Stop> {
    let Some(entry) = archive.entry(path)? else { return Err(damaged(&format!("{path} is missing"))) };
    let mut xml = Xml::new(entry);
    let (mut sheets, mut is_1904, mut any) = (Vec::new(), false, false);
    loop {
        match xml.next()? {
            Token::Start(tag) => match tag.name {
                b"workbook" => any = true,
                b"workbookPr" => is_1904 = tag.attribute(b"date1904").is_some_and(is_true),
                b"sheet" if sheets.len() < SHEETS => {
                    let mut sheet = Listed { name: String::new(), visible: true, id: String::new() };
                    for (name, value) in tag.attributes() {
                        match name {
                            b"name" => unescape(value, &mut sheet.name)?,
                            b"state" => sheet.visible = value == b"visible",
                            b"id" => unescape(value, &mut sheet.id)?,
                            _ => {}
                        }
                    }
                    sheets.push(sheet);
                }
                _ => {}
            },
            Token::Eof if any => return Ok((sheets, is_1904)),
            Token::Eof => return Err(damaged(&format!("{path} is no workbook"))),
            _ => {}
        }
    }
}

/// The links of a part; of the package, if it has no name.
fn links(archive: &mut Archive, of: &str) -> Result<Vec<Link>, Stop> {
    let (folder, file) = of.rsplit_once('/').map_or(("", of), |(folder, file)| (folder, file));
    let slash = if folder.is_empty() { "" } else { "/" };
    let mut links = Vec::new();
    let Some(entry) = archive.entry(&format!("{folder}{slash}_rels/{file}.rels"))? else { return Ok(links) };
    let mut xml = Xml::new(entry);
    loop {
        match xml.next()? {
            Token::Start(tag) if tag.name == b"Relationship" && links.len() < 2 * SHEETS => {
                let (mut id, mut kind, mut target) = (String::new(), String::new(), String::new());
                for (name, value) in tag.attributes() {
                    match name {
                        b"Id" => unescape(value, &mut id)?,
                        b"Type" => unescape(value, &mut kind)?,
                        b"Target" => unescape(value, &mut target)?,
                        _ => {}
                    }
                }
                let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
                links.push(Link { id, kind, target: resolved(folder, &target) });
            }
            Token::Eof => return Ok(links),
            _ => {}
        }
    }
}

/// The name of the part that `target`, written in a part of `folder`, leads to.
fn resolved(folder: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    if let Some(absolute) = target.strip_prefix('/') {
        return absolute.to_owned();
    }
    let mut path: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            ".." => {
                path.pop();
            }
            "." | "" => {}
            part => path.push(part),
        }
    }
    path.join("/")
}

fn is_true(value: &[u8]) -> bool {
    matches!(value, b"1" | b"true" | b"on")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_resolved_from_where_it_stands() {
        for (folder, target, name) in [
            ("xl", "worksheets/sheet1.xml", "xl/worksheets/sheet1.xml"),
            ("xl", "/xl/worksheets/sheet1.xml", "xl/worksheets/sheet1.xml"),
            ("xl", "../other/./sheet.xml", "other/sheet.xml"),
            ("", "xl\\workbook.xml", "xl/workbook.xml"),
            ("xl", "../../../etc/passwd", "etc/passwd"),
        ] {
            assert_eq!(resolved(folder, target), name);
        }
    }
}
