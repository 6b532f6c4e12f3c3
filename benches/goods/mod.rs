//! What the benches of spreadsheets read: a price list as a wholesaler would send it.

#![allow(dead_code, reason = "each bench uses its part")]

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use rust_xlsxwriter::Workbook;

/// The rows of the list, without the header.
pub const ROWS: u32 = 100_000;

/// Its columns, as the import knows them.
pub const COLUMNS: [&str; 12] = [
    "Название",
    "Артикул",
    "Группа",
    "Единица",
    "Цена",
    "Ставка НДС",
    "Штрихкоды EAN-13",
    "Локальные штрихкоды",
    "Предмет расчёта",
    "В архиве",
    "Поставщик",
    "Примечание",
];

const KINDS: [&str; 10] = [
    "Сок яблочный",
    "Вода минеральная",
    "Чай чёрный",
    "Кофе молотый",
    "Печенье",
    "Хлеб ржаной",
    "Молоко",
    "Сыр",
    "Мыло",
    "Бумага",
];
const GROUPS: [&str; 6] =
    ["Напитки/Соки", "Напитки/Вода", "Напитки/Горячие", "Бакалея/Сладкое", "Молочное", "Для дома/Чистота"];
const VAT: [f64; 3] = [10.0, 20.0, 0.0];

/// A row of the list.
pub struct Good {
    pub name: String,
    pub article: String,
    pub group: &'static str,
    pub unit: &'static str,
    pub price: f64,
    pub vat: f64,
    pub ean13: f64,
    pub local: String,
    pub subject: &'static str,
    pub archived: &'static str,
    pub supplier: &'static str,
    pub note: String,
}

/// The row of this number, from 0. `round`: which edition of the list; prices differ between editions.
pub fn good(number: u32, round: u32) -> Good {
    let at = number as usize;
    Good {
        name: format!("{} «Особый» № {number}, {} мл", KINDS[at % 10], 100 + number % 900),
        article: format!("ART-{number:07}"),
        group: GROUPS[at % 6],
        unit: if number.is_multiple_of(7) { "кг" } else { "шт" },
        price: f64::from((number * 37 + round * 11) % 1_000_000 + 100) / 100.0,
        vat: VAT[at % 3],
        ean13: ean13(number),
        local: format!("L{number:08}"),
        subject: "Товар",
        archived: "нет",
        supplier: if number.is_multiple_of(2) { "ООО «Восток»" } else { "ТОВ «Захід»" },
        note: format!("поставка {}", number % 365),
    }
}

/// An EAN-13 with its check digit (GS1 General Specifications, section 7.9).
pub fn ean13(number: u32) -> f64 {
    let body = 482_000_000_000_u64 + u64::from(number);
    let digits = format!("{body:012}");
    let sum: u32 =
        digits.bytes().enumerate().map(|(at, digit)| u32::from(digit - b'0') * if at % 2 == 0 { 1 } else { 3 }).sum();
    let code = body * 10 + u64::from((10 - sum % 10) % 10);
    #[expect(clippy::cast_precision_loss, reason = "thirteen digits are below 2^53")]
    let number = code as f64;
    number
}

/// Writes the list. `through`: with texts in their cells, as a program writes that keeps none; otherwise in a shared table,
/// as Excel does.
pub fn workbook(path: &Path, through: bool) {
    edition(path, through, 0);
}

/// Writes an edition of the list.
pub fn edition(path: &Path, through: bool, round: u32) {
    let mut workbook = Workbook::new();
    let sheet =
        if through { workbook.add_worksheet_with_constant_memory() } else { workbook.add_worksheet_with_low_memory() };
    let sheet = sheet.expect("a sheet");
    for (column, name) in (0..).zip(COLUMNS) {
        sheet.write_string(0, column, name).expect("a name");
    }
    for number in 0..ROWS {
        let (row, good) = (number + 1, good(number, round));
        let texts = [
            (0, good.name.as_str()),
            (1, &good.article),
            (2, good.group),
            (3, good.unit),
            (7, &good.local),
            (8, good.subject),
            (9, good.archived),
            (10, good.supplier),
            (11, &good.note),
        ];
        let numbers = [(4, good.price), (5, good.vat), (6, good.ean13)];
        for (column, text) in texts {
            sheet.write_string(row, column, text).expect("a text");
        }
        for (column, number) in numbers {
            sheet.write_number(row, column, number).expect("a number");
        }
    }
    let target = BufWriter::new(File::create(path).expect("a file"));
    workbook.save_to_writer(target).expect("a workbook");
}
