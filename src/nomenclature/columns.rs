//! The columns of a workbook: what each is called in three languages, and where the header is.
//!
//! Must not know: the database, HTTP, files. Source: contracts/nomenclature.md, 'Workbook'.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::i18n::Language;
use crate::nomenclature::problems::{Code, Problem};
use crate::nomenclature::text::{fold, shortened};
use crate::sheets::{Cell, Row};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The name.
    Name,
    /// The article.
    Article,
    /// The path of the group.
    Group,
    /// The unit.
    Unit,
    /// The price.
    Price,
    /// The rate of VAT.
    Vat,
    /// EAN-13 barcodes.
    Ean13,
    /// Local barcodes.
    Local,
    /// Product or service.
    Subject,
    /// Whether it is out of use.
    Archived,
    /// Which good it is: an export has it, so that it is imported back whatever else rows are matched by.
    Id,
}

impl Field {
    /// Every field, in the order in which workbooks are written.
    pub const ALL: [Self; 11] = [
        Self::Name,
        Self::Article,
        Self::Group,
        Self::Unit,
        Self::Price,
        Self::Vat,
        Self::Ean13,
        Self::Local,
        Self::Subject,
        Self::Archived,
        Self::Id,
    ];

    /// What it is called in a workbook that is written: English, Russian, Ukrainian.
    const fn names(self) -> [&'static str; 3] {
        match self {
            Self::Name => ["Name", "Наименование", "Назва"],
            Self::Article => ["Article", "Артикул", "Артикул"],
            Self::Group => ["Group", "Группа", "Група"],
            Self::Unit => ["Unit", "Единица измерения", "Одиниця виміру"],
            Self::Price => ["Price", "Цена", "Ціна"],
            Self::Vat => ["VAT rate", "Ставка НДС", "Ставка ПДВ"],
            Self::Ean13 => ["EAN-13 barcodes", "Штрихкоды EAN-13", "Штрихкоди EAN-13"],
            Self::Local => ["Local barcodes", "Локальные штрихкоды", "Локальні штрихкоди"],
            Self::Subject => ["Settlement subject", "Предмет расчёта", "Предмет розрахунку"],
            Self::Archived => ["Archived", "В архиве", "В архіві"],
            // Nobody else calls a column that: an `ID` of another program is none of ours.
            Self::Id => ["Good ID", "Идентификатор товара", "Ідентифікатор товару"],
        }
    }

    /// What it is called in a workbook of this language.
    #[must_use]
    pub fn name(self, language: Language) -> &'static str {
        let names = self.names();
        match language {
            Language::En => names[0],
            Language::Ru => names[1],
            Language::Uk => names[2],
        }
    }

    /// What else people call it, folded.
    const fn synonyms(self) -> &'static [&'static str] {
        match self {
            Self::Name => &[
                "название",
                "товар",
                "номенклатура",
                "наименование товара",
                "название товара",
                "найменування",
                "назва товару",
                "найменування товару",
                "product",
                "product name",
                "good",
                "good name",
                "title",
                "item",
            ],
            Self::Article => &["код", "код товара", "код товару", "sku", "vendor code", "code"],
            Self::Group => &[
                "группа товаров",
                "категория",
                "группа товара",
                "група товарів",
                "категорія",
                "category",
                "group path",
                "product group",
            ],
            Self::Unit => &[
                "единица",
                "ед. изм.",
                "ед.изм.",
                "ед. изм",
                "ед",
                "ед.",
                "одиниця",
                "од. вим.",
                "од.вим.",
                "од.",
                "од",
                "unit of measure",
                "uom",
                "units",
            ],
            Self::Price => {
                &["цена продажи", "розничная цена", "ціна продажу", "роздрібна ціна", "sale price", "retail price"]
            }
            Self::Vat => {
                &["ндс", "ндс, %", "ндс %", "пдв", "пдв, %", "пдв %", "vat", "vat, %", "vat %", "tax", "tax rate"]
            }
            Self::Ean13 => &[
                "штрихкод",
                "штрих-код",
                "штрихкоды",
                "штрих-коды",
                "штрихкод ean-13",
                "штрих-код ean-13",
                "ean-13",
                "ean13",
                "ean",
                "gtin",
                "штрихкоди",
                "штрих-коди",
                "barcode",
                "barcodes",
                "ean-13 barcode",
                "ean13 barcodes",
            ],
            Self::Local => &[
                "локальный штрихкод",
                "внутренний штрихкод",
                "внутренние штрихкоды",
                "локальний штрихкод",
                "внутрішній штрихкод",
                "внутрішні штрихкоди",
                "local barcode",
                "local code",
                "local codes",
                "internal barcode",
            ],
            Self::Subject => &[
                "признак предмета расчета",
                "предмет",
                "тип",
                "вид",
                "тип товара",
                "тип товару",
                "subject",
                "type",
                "kind",
            ],
            Self::Archived => &["архив", "архивный", "архів", "архівний", "archive", "is archived"],
            Self::Id => &[],
        }
    }

    /// The field that a header's cell names.
    #[must_use]
    pub fn of_header(text: &str) -> Option<Self> {
        let folded = fold(text).replace('ё', "е").replace(['‐', '‑', '–'], "-");
        let bare = folded.trim_end_matches(['*', ':', ' ']);
        let known = |name: &str| NAMES.get(name).copied();
        // `Цена, грн` and `Price (UAH)` are prices.
        known(bare).or_else(|| known(bare.split(['(', ',']).next().unwrap_or_default().trim()))
    }
}

/// What columns are called, folded, and the fields they are: asked for in every row, because a header may come again.
static NAMES: LazyLock<HashMap<String, Field>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    for field in Field::ALL {
        let own = field.names().map(|name| fold(name).replace('ё', "е"));
        let synonyms = field.synonyms().iter().map(|name| (*name).to_owned());
        own.into_iter().chain(synonyms).for_each(|name| {
            // Of two fields with one name the earlier one has it.
            names.entry(name).or_insert(field);
        });
    }
    names
});

/// The header is looked for in the rows up to this one.
pub const LAST_HEADER_ROW: u32 = 10;

/// Where the columns are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The row it stands in.
    pub row: u32,
    /// The column of each field of [`Field::ALL`], if there is one.
    columns: [Option<u32>; 11],
    /// Columns that nobody knows.
    pub unknown: Vec<(u32, String)>,
}

impl Header {
    /// The header in this row; `None`: it is none. An error: two of its columns mean the same.
    pub fn find(row: &Row) -> Result<Option<Self>, Problem> {
        let mut header = Self { row: row.number, columns: [None; 11], unknown: Vec::new() };
        let mut twice = None;
        for (at, cell) in (0..).zip(&row.cells) {
            let Cell::Text(text) = cell else { continue };
            let Some(field) = Field::of_header(text) else {
                if !fold(text).is_empty() {
                    header.unknown.push((at, shortened(text.trim())));
                }
                continue;
            };
            match header.column(field) {
                None => header.columns[field as usize] = Some(at),
                Some(first) => twice = twice.or(Some((first, at))),
            }
        }
        if header.column(Field::Name).is_none() {
            return Ok(None);
        }
        if let Some((first, second)) = twice {
            let name = |column: u32| match &row.cells[column as usize] {
                Cell::Text(text) => shortened(text.trim()),
                _ => String::new(),
            };
            let problem = Problem::of_row(Code::ColumnTwice, row.number).at(Some(second));
            return Err(problem.with(name(first), name(second)));
        }
        Ok(Some(header))
    }

    /// The column of a field.
    #[must_use]
    pub fn column(&self, field: Field) -> Option<u32> {
        self.columns[field as usize]
    }

    /// Whether a row says the same as the header: each of its cells names the field of its column.
    #[must_use]
    pub fn is_repeated_by(&self, row: &Row) -> bool {
        // Nearly every row has a number somewhere, which spares the look at its texts.
        let mut cells = Field::ALL.into_iter().filter_map(|field| row.cells.get(self.column(field)? as usize));
        if !cells.all(|cell| matches!(cell, Cell::Empty | Cell::Text(_))) {
            return false;
        }
        let mut same = 0;
        for field in Field::ALL {
            let Some(cell) = self.column(field).and_then(|column| row.cells.get(column as usize)) else { continue };
            match cell {
                Cell::Empty => {}
                Cell::Text(text) if Field::of_header(text) == Some(field) => same += 1,
                _ => return false,
            }
        }
        same > 0 && Self::names_a_name(self, row)
    }

    fn names_a_name(&self, row: &Row) -> bool {
        let cell = self.column(Field::Name).and_then(|column| row.cells.get(column as usize));
        matches!(cell, Some(Cell::Text(text)) if Field::of_header(text) == Some(Field::Name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u32, cells: &[&str]) -> Row {
        let cell = |text: &&str| if text.is_empty() { Cell::Empty } else { Cell::Text((*text).to_owned()) };
        Row { number, hidden: false, cells: cells.iter().map(cell).collect() }
    }

    #[test]
    fn columns_are_known_by_name_in_three_languages_in_any_order() {
        for language in Language::ALL {
            for field in Field::ALL {
                assert_eq!(Field::of_header(field.name(language)), Some(field), "{field:?} {language:?}");
                assert_eq!(Field::of_header(&field.name(language).to_uppercase()), Some(field));
            }
        }
        for (text, field) in [
            ("  цена, грн ", Some(Field::Price)),
            ("Price (UAH)", Some(Field::Price)),
            ("Название*:", Some(Field::Name)),
            ("Штрих‑код", Some(Field::Ean13)),
            ("Предмет расчета", Some(Field::Subject)),
            ("Цвет", None),
            ("", None),
        ] {
            assert_eq!(Field::of_header(text), field, "{text:?}");
        }
        let header = Header::find(&row(3, &["Цвет", "Ціна", "", "Назва"])).expect("no column twice").expect("a header");
        assert_eq!((header.column(Field::Price), header.column(Field::Name), header.row), (Some(1), Some(3), 3));
        assert_eq!(header.unknown, [(0, "Цвет".to_owned())]);
    }

    #[test]
    fn no_two_fields_share_a_name() {
        let mut seen = HashMap::new();
        for field in Field::ALL {
            for name in field.synonyms() {
                assert_eq!(*name, fold(name), "synonyms are folded");
                assert_eq!(seen.insert(*name, field), None, "{name}");
            }
        }
    }

    #[test]
    fn a_header_has_a_name_and_no_column_twice() {
        assert_eq!(Header::find(&row(1, &["Прайс-лист", "от 1 марта"])), Ok(None));
        assert_eq!(Header::find(&row(1, &["Price", "Article"])), Ok(None));
        let twice = Header::find(&row(2, &["Name", "Price", "Цена"])).expect_err("twice");
        assert_eq!((twice.code, twice.row, twice.column), (Code::ColumnTwice, 2, Some(2)));
        assert_eq!((twice.a.as_str(), twice.b.as_str()), ("Price", "Цена"));
    }

    #[test]
    fn a_header_that_comes_again_is_no_good() {
        let header = Header::find(&row(1, &["Name", "Price"])).expect("no column twice").expect("a header");
        assert!(header.is_repeated_by(&row(2, &["Name", "Price"])));
        assert!(header.is_repeated_by(&row(2, &["Наименование", "Цена"])));
        assert!(!header.is_repeated_by(&row(2, &["Name", "5"])));
        assert!(!header.is_repeated_by(&row(2, &["", "Price"])));
    }
}
