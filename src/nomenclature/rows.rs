//! What a row of a workbook says, cell by cell, and what is wrong with it.
//!
//! Must not know: the database, HTTP, files, the other rows. Source: contracts/nomenclature.md, 'Workbook'.

use std::borrow::Cow;

use uuid::Uuid;

use crate::nomenclature::barcodes::{self, Ean13, LONGEST_LOCAL, MOST_CODES, NoEan};
use crate::nomenclature::columns::{Field, Header};
use crate::nomenclature::model::{LONGEST_ARTICLE, LONGEST_GROUP, LONGEST_NAME, LONGEST_UNIT, Subject, Vat};
use crate::nomenclature::money::{NoPrice, Price};
use crate::nomenclature::problems::{Code, Problem, Severity};
use crate::nomenclature::text::{Fault, clean, fold, is_blank, shortened};
use crate::sheets::{Cell, Row};

/// What a row says. `None` and empty lists: nothing, so that what is there stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The name; empty only in a row that is refused.
    pub name: String,
    /// The name, folded.
    pub name_folded: String,
    /// The article.
    pub article: Option<String>,
    /// The path of the group.
    pub group: Option<String>,
    /// The unit.
    pub unit: Option<String>,
    /// The price.
    pub price: Option<Price>,
    /// The rate of VAT.
    pub vat: Option<Vat>,
    /// EAN-13, each once.
    pub ean13: Vec<Ean13>,
    /// Local codes, each once.
    pub local: Vec<String>,
    /// What is settled.
    pub subject: Option<Subject>,
    /// Whether the good is out of use.
    pub archived: Option<bool>,
    /// The public id of the good.
    pub id: Option<Uuid>,
}

/// A row that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Its number.
    pub row: u32,
    /// What it says, as far as it can be read.
    pub said: Said,
    /// What was found about it.
    pub problems: Vec<Problem>,
    /// Whether something is wrong with it.
    pub refused: bool,
    /// The good that its id names, once somebody has looked it up.
    pub good: Option<i64>,
    /// Where its sheet has what rows are matched by.
    pub columns: Columns,
}

/// The columns of what rows are matched by, if the sheet has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Columns {
    /// Of names.
    pub name: Option<u32>,
    /// Of EAN-13.
    pub ean13: Option<u32>,
    /// Of local codes.
    pub local: Option<u32>,
}

/// Looks at a row under `header`. `None`: its known columns are empty.
#[must_use]
pub fn look(header: &Header, row: &Row) -> Option<Looked> {
    let mut look = Look { header, row, problems: Vec::new() };
    let anything = Field::ALL.iter().any(|field| look.cell(*field).is_some());
    if !anything {
        return None;
    }
    let name = look.name();
    let said = Said {
        name_folded: fold(&name),
        name,
        article: look.text(Field::Article, LONGEST_ARTICLE),
        group: look.group(),
        unit: look.text(Field::Unit, LONGEST_UNIT),
        price: look.price(),
        vat: look.vat(),
        ean13: look.ean13(),
        local: look.local(),
        subject: look.subject(),
        archived: look.archived(),
        id: look.id(),
    };
    let problems = look.problems;
    let refused = problems.iter().any(|problem| problem.code.severity() == Severity::Error);
    let columns = Columns {
        name: header.column(Field::Name),
        ean13: header.column(Field::Ean13),
        local: header.column(Field::Local),
    };
    Some(Looked { row: row.number, said, problems, refused, good: None, columns })
}

struct Look<'a> {
    header: &'a Header,
    row: &'a Row,
    problems: Vec<Problem>,
}

impl<'a> Look<'a> {
    /// The cell of a field, unless it is empty or blank.
    fn cell(&self, field: Field) -> Option<&'a Cell> {
        let cell = self.row.cells.get(self.header.column(field)? as usize)?;
        match cell {
            Cell::Empty => None,
            Cell::Text(text) if text.chars().all(is_blank) => None,
            cell => Some(cell),
        }
    }

    fn found(&mut self, field: Field, code: Code, a: impl ToString, b: impl ToString) {
        let column = self.header.column(field);
        self.problems.push(Problem::of_row(code, self.row.number).at(column).with(a, b));
    }

    /// The text of a cell that may hold text or a number.
    fn raw(&mut self, field: Field) -> Option<Cow<'a, str>> {
        match self.cell(field)? {
            Cell::Text(text) => Some(Cow::Borrowed(text)),
            cell @ Cell::Number(_) => Some(cell.text()),
            cell => {
                self.no_value(field, cell);
                None
            }
        }
    }

    /// A cell that holds nothing that a field could be.
    fn no_value(&mut self, field: Field, cell: &Cell) {
        match cell {
            Cell::Error(shown) => self.found(field, Code::CellError, shown, ""),
            Cell::NoValue => self.found(field, Code::CellNoValue, "", ""),
            Cell::Date(_) => self.found(field, Code::CellDate, cell.text(), ""),
            Cell::Bool(_) => self.found(field, Code::CellBool, cell.text(), ""),
            Cell::Empty | Cell::Text(_) | Cell::Number(_) => {}
        }
    }

    fn cleaned(&mut self, field: Field, text: &str, longest: usize) -> Option<String> {
        match clean(text, longest) {
            Ok((clean, breaks)) => {
                if breaks {
                    self.found(field, Code::TextBreaks, "", "");
                }
                Some(clean.into_owned()).filter(|text| !text.is_empty())
            }
            Err(Fault::Control) => {
                self.found(field, Code::TextControl, "", "");
                None
            }
            Err(Fault::TooLong(length)) => {
                self.found(field, Code::TextTooLong, length, longest);
                None
            }
        }
    }

    fn text(&mut self, field: Field, longest: usize) -> Option<String> {
        let raw = self.raw(field)?;
        self.cleaned(field, &raw, longest)
    }

    fn name(&mut self) -> String {
        let before = self.problems.len();
        let name = self.text(Field::Name, LONGEST_NAME).unwrap_or_default();
        if name.is_empty() && self.problems.len() == before {
            self.found(Field::Name, Code::NameMissing, "", "");
        }
        name
    }

    fn group(&mut self) -> Option<String> {
        let raw = self.raw(Field::Group)?;
        let Some(path) = group_path(&raw) else {
            self.found(Field::Group, Code::GroupPart, shortened(&raw), "");
            return None;
        };
        self.cleaned(Field::Group, &path, LONGEST_GROUP)
    }

    fn price(&mut self) -> Option<Price> {
        let cell = self.cell(Field::Price)?;
        let price = match cell {
            Cell::Number(number) => Price::of_number(*number),
            Cell::Text(text) => Price::parse(text),
            cell => {
                self.no_value(Field::Price, cell);
                return None;
            }
        };
        price
            .map_err(|why| {
                let code = match why {
                    NoPrice::NotANumber => Code::PriceNumber,
                    NoPrice::Negative => Code::PriceNegative,
                    NoPrice::Decimals => Code::PriceDecimals,
                    NoPrice::TooHigh => Code::PriceTooHigh,
                };
                self.found(Field::Price, code, shortened(cell.text().trim()), "");
            })
            .ok()
    }

    fn vat(&mut self) -> Option<Vat> {
        let cell = self.cell(Field::Vat)?;
        let rate = match cell {
            Cell::Number(number) => rate(*number),
            Cell::Text(text) => vat_of_text(text),
            cell => {
                self.no_value(Field::Vat, cell);
                return None;
            }
        };
        if rate.is_none() {
            self.found(Field::Vat, Code::VatUnknown, shortened(cell.text().trim()), "");
        }
        rate
    }

    fn ean13(&mut self) -> Vec<Ean13> {
        let Some(cell) = self.cell(Field::Ean13) else { return Vec::new() };
        let mut codes = Vec::new();
        match cell {
            Cell::Number(number) => match Ean13::of_cell(*number) {
                Ok(code) => codes.push(code),
                // A number has no zeros in front, whoever wrote it: these are mended, and pointed out.
                Err(NoEan::LostZeros(code)) => {
                    self.found(Field::Ean13, Code::EanZerosAdded, cell.text(), code);
                    codes.push(code);
                }
                Err(why) => self.no_ean(&cell.text(), &why),
            },
            // Its comma parts no codes.
            Cell::Text(text) if barcodes::is_scientific(text.trim_matches(is_blank)) => {
                self.no_ean(text, &NoEan::Scientific);
            }
            Cell::Text(text) => {
                for part in barcodes::split(text) {
                    match Ean13::parse(part) {
                        Ok(code) if codes.contains(&code) => {}
                        Ok(code) => codes.push(code),
                        Err(why) => self.no_ean(part, &why),
                    }
                    if codes.len() > MOST_CODES {
                        self.found(Field::Ean13, Code::CodesTooMany, MOST_CODES, "");
                        break;
                    }
                    // What is wrong fifty times is wrong in the same way.
                    if self.problems.len() > MOST_CODES {
                        break;
                    }
                }
            }
            cell => self.no_value(Field::Ean13, cell),
        }
        codes
    }

    fn no_ean(&mut self, text: &str, why: &NoEan) {
        let text = shortened(text);
        let field = Field::Ean13;
        match why {
            NoEan::NotDigits => self.found(field, Code::EanDigits, text, ""),
            NoEan::Length(length) => self.found(field, Code::EanLength, text, length),
            NoEan::CheckDigit(digit) => self.found(field, Code::EanCheckDigit, text, digit),
            NoEan::LostZeros(code) => self.found(field, Code::EanZerosLost, text, code),
            NoEan::Scientific => self.found(field, Code::EanScientific, text, ""),
        }
    }

    fn local(&mut self) -> Vec<String> {
        let Some(raw) = self.raw(Field::Local) else { return Vec::new() };
        let mut codes: Vec<String> = Vec::new();
        for part in barcodes::split(&raw) {
            if part.chars().any(char::is_control) {
                self.found(Field::Local, Code::TextControl, "", "");
                break;
            }
            if part.chars().count() > LONGEST_LOCAL {
                self.found(Field::Local, Code::LocalTooLong, shortened(part), LONGEST_LOCAL);
                break;
            }
            if !codes.iter().any(|code| code == part) {
                codes.push(part.to_owned());
            }
            if codes.len() > MOST_CODES {
                self.found(Field::Local, Code::CodesTooMany, MOST_CODES, "");
                break;
            }
        }
        codes
    }

    fn subject(&mut self) -> Option<Subject> {
        let raw = self.raw(Field::Subject)?;
        let subject = subject_of(&raw);
        if subject.is_none() {
            self.found(Field::Subject, Code::SubjectUnknown, shortened(raw.trim()), "");
        }
        subject
    }

    fn id(&mut self) -> Option<Uuid> {
        let raw = self.raw(Field::Id)?;
        let id = Uuid::parse_str(raw.trim_matches(is_blank)).ok();
        if id.is_none() {
            self.found(Field::Id, Code::IdUnreadable, shortened(raw.trim()), "");
        }
        id
    }

    fn archived(&mut self) -> Option<bool> {
        let cell = self.cell(Field::Archived)?;
        let archived = match cell {
            Cell::Bool(archived) => Some(*archived),
            Cell::Number(_) | Cell::Text(_) => yes_or_no(&cell.text()),
            cell => {
                self.no_value(Field::Archived, cell);
                return None;
            }
        };
        if archived.is_none() {
            self.found(Field::Archived, Code::ArchivedUnknown, shortened(cell.text().trim()), "");
        }
        archived
    }
}

/// A group's path with each part trimmed; `None`: one of them is empty.
#[must_use]
pub fn group_path(text: &str) -> Option<String> {
    let text = text.trim_matches(is_blank);
    let text = text.strip_prefix('/').unwrap_or(text);
    let text = text.strip_suffix('/').unwrap_or(text);
    let parts: Vec<_> = text.split('/').map(|part| part.trim_matches(is_blank)).collect();
    (!parts.iter().any(|part| part.is_empty())).then(|| parts.join("/"))
}

/// The rate of so many per cent, or of such a part: a cell that shows 20% holds 0.2.
#[expect(clippy::float_cmp, reason = "the nearest number to each rate is meant")]
fn rate(number: f64) -> Option<Vat> {
    Vat::RATES
        .into_iter()
        .find(|percent| number == f64::from(*percent) || number == f64::from(*percent) / 100.0)
        .map(Vat::Rate)
}

fn vat_of_text(text: &str) -> Option<Vat> {
    let folded = fold(text);
    let without = [
        "none",
        "no",
        "no vat",
        "without vat",
        "vat exempt",
        "exempt",
        "без ндс",
        "не облагается",
        "нет",
        "без пдв",
        "не оподатковується",
        "ні",
        "-",
        "–",
        "—",
    ];
    if without.contains(&folded.as_str()) {
        return Some(Vat::Without);
    }
    let bare = folded.trim_start_matches(|character: char| !character.is_ascii_digit());
    let prefix = folded[..folded.len() - bare.len()].trim();
    if !["", "ндс", "пдв", "vat"].contains(&prefix) {
        return None;
    }
    let bare = bare.trim_end_matches('%').trim_end().replace(',', ".");
    if !bare.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    rate(bare.parse().ok()?)
}

fn subject_of(text: &str) -> Option<Subject> {
    match fold(text).as_str() {
        "product" | "good" | "goods" | "товар" => Some(Subject::Product),
        "service" | "услуга" | "послуга" => Some(Subject::Service),
        _ => None,
    }
}

/// What a subject is called in a workbook that is written: English, Russian, Ukrainian.
#[must_use]
pub const fn subject_names(subject: Subject) -> [&'static str; 3] {
    match subject {
        Subject::Product => ["Product", "Товар", "Товар"],
        Subject::Service => ["Service", "Услуга", "Послуга"],
    }
}

fn yes_or_no(text: &str) -> Option<bool> {
    match fold(text).as_str() {
        "yes" | "true" | "1" | "+" | "да" | "истина" | "так" | "істина" => Some(true),
        "no" | "false" | "0" | "-" | "нет" | "ложь" | "ні" | "хибність" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
