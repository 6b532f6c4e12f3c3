//! A series by buckets as a workbook with a native chart: of one merchant, or of two beside each other.
//!
//! Must not know: the database, HTTP, files. Rows are written through, so that memory does not depend on their number.
//! Texts go into cells as texts: what looks like a formula stays what it is. A bucket without values leaves its cells
//! empty, and the chart a gap.

mod labels;

use std::io::{Seek, Write};

use chrono_tz::Tz;
use rust_xlsxwriter::{Chart, ChartLine, ChartType, Color, Format, Workbook, Worksheet, XlsxError};

use self::labels::LABELS;
use crate::connectors::buckets::{Bucket, Step, offset_at};
use crate::connectors::model::UnixSeconds;
use crate::i18n::{Language, Words};

/// The name of the sheet, which the chart's ranges go by.
const SHEET: &str = "Series";

/// The row of the column names, counted from 0: above it stand title, key, system and zone.
const NAMES: u32 = 6;

/// The columns a merchant has.
const FIGURES: u16 = 6;

/// Excel counts days from here: 1899-12-30 is day 0.
const EXCEL_EPOCH: f64 = 25_569.0;

const GREEN: Color = Color::RGB(0x1F_6F_5C);
const AMBER: Color = Color::RGB(0xC9_7B_1A);

/// Why a workbook could not be written: the machine's fault, not the caller's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unwritten(String);

impl From<XlsxError> for Unwritten {
    fn from(error: XlsxError) -> Self {
        Self(error.to_string())
    }
}

/// What a workbook says of itself.
#[derive(Debug, Clone)]
pub struct Head {
    /// The language of its labels.
    pub language: Language,
    /// The code of the system.
    pub system: String,
    /// The key.
    pub key: String,
    /// The zone its times are in.
    pub zone: Tz,
    /// How long a bucket is.
    pub step: Step,
}

/// A merchant's figures.
#[derive(Debug, Clone)]
pub struct Column {
    /// The merchant's code; empty: of none.
    pub merchant: String,
    /// Its buckets: the same ones in every column.
    pub buckets: Vec<(UnixSeconds, UnixSeconds, Bucket)>,
}

/// Writes a workbook to `target`.
pub fn write<W: Write + Seek + Send>(head: &Head, columns: &[Column], target: W) -> Result<(), Unwritten> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet_with_constant_memory()?;
    sheet.set_name(SHEET)?;
    headline(sheet, head, columns)?;
    let rows = columns.first().map_or(0, |column| column.buckets.len());
    let dates = Format::new().set_num_format(match (head.language, head.step) {
        (Language::En, Step::Day) => "yyyy-mm-dd",
        (Language::En, _) => "yyyy-mm-dd hh:mm",
        (_, Step::Day) => "dd.mm.yyyy",
        (..) => "dd.mm.yyyy hh:mm",
    });
    for at in 0..rows {
        let row = NAMES + 1 + u32::try_from(at).map_err(|_| Unwritten("too many rows".to_owned()))?;
        for (number, column) in (0_u16..).zip(columns) {
            let Some((start, _, bucket)) = column.buckets.get(at) else { continue };
            if number == 0 {
                sheet.write_number_with_format(row, 0, serial(head.zone, *start), &dates)?;
            }
            figures(sheet, row, 1 + number * FIGURES, bucket)?;
        }
    }
    let last = NAMES + u32::try_from(rows).unwrap_or(u32::MAX - NAMES);
    let width = u16::try_from(columns.len()).unwrap_or(1) * FIGURES;
    if rows > 0 {
        sheet.autofilter(NAMES, 0, last, width)?;
        sheet.insert_chart(NAMES, width + 2, &chart(head, columns, last))?;
    }
    sheet.set_freeze_panes(NAMES + 1, 1)?;
    sheet.set_landscape();
    Ok(workbook.save_to_writer(target)?)
}

/// A local time as Excel counts it.
#[expect(clippy::cast_precision_loss, reason = "the calendar's seconds stay below 2^53")]
fn serial(zone: Tz, at: UnixSeconds) -> f64 {
    (at + offset_at(zone, at)) as f64 / 86_400.0 + EXCEL_EPOCH
}

#[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 values in a bucket")]
fn figures(sheet: &mut Worksheet, row: u32, first: u16, bucket: &Bucket) -> Result<(), Unwritten> {
    if bucket.count == 0 {
        return Ok(());
    }
    if let Some(numbers) = &bucket.numbers {
        let sum = numbers.sum().and_then(|text| text.parse::<f64>().ok());
        let cells = [
            Some(numbers.min.figure.as_f64()),
            Some(numbers.max.figure.as_f64()),
            numbers.mean(),
            sum,
            Some(numbers.last.figure.as_f64()),
        ];
        for (column, cell) in (first..).zip(cells) {
            if let Some(number) = cell {
                sheet.write_number(row, column, number)?;
            }
        }
    }
    sheet.write_number(row, first + 5, bucket.count as f64)?;
    Ok(())
}

fn merchant(head: &Head, column: &Column) -> String {
    if column.merchant.is_empty() { LABELS.none.say(head.language).to_owned() } else { column.merchant.clone() }
}

/// Title, key, system, zone, merchants and the names of the columns.
fn headline(sheet: &mut Worksheet, head: &Head, columns: &[Column]) -> Result<(), Unwritten> {
    let language = head.language;
    let bold = Format::new().set_bold();
    let title = Format::new().set_bold().set_font_size(16).set_font_color(GREEN);
    let name = Format::new().set_bold().set_font_color(Color::White).set_background_color(GREEN);
    sheet.write_string_with_format(0, 0, LABELS.title.say(language), &title)?;
    for (row, words, text) in
        [(1, &LABELS.key, head.key.as_str()), (2, &LABELS.system, &head.system), (3, &LABELS.zone, head.zone.name())]
    {
        sheet.write_string_with_format(row, 0, words.say(language), &bold)?;
        sheet.write_string(row, 1, text)?;
    }
    sheet.write_string_with_format(NAMES - 1, 0, LABELS.merchant.say(language), &bold)?;
    for (number, column) in (0_u16..).zip(columns) {
        sheet.write_string_with_format(NAMES - 1, 1 + number * FIGURES, merchant(head, column), &bold)?;
    }
    sheet.set_column_width(0, 20)?;
    sheet.write_string_with_format(NAMES, 0, LABELS.time.say(language), &name)?;
    let names: [&Words; 6] = [&LABELS.min, &LABELS.max, &LABELS.avg, &LABELS.sum, &LABELS.last, &LABELS.count];
    for number in (0_u16..).take(columns.len()) {
        for (column, words) in (1 + number * FIGURES..).zip(names) {
            sheet.set_column_width(column, 14)?;
            sheet.write_string_with_format(NAMES, column, words.say(language), &name)?;
        }
    }
    Ok(())
}

/// A line of the averages of each merchant; of a single one its extremes too.
fn chart(head: &Head, columns: &[Column], last: u32) -> Chart {
    let language = head.language;
    let mut chart = Chart::new(ChartType::Line);
    let mut line = |column: u16, name: &str, color: Color, width: f64| {
        chart
            .add_series()
            .set_categories((SHEET, NAMES + 1, 0, last, 0))
            .set_values((SHEET, NAMES + 1, column, last, column))
            .set_name(name)
            .set_format(ChartLine::new().set_color(color).set_width(width));
    };
    if let [_] = columns {
        line(3, LABELS.avg.say(language), GREEN, 1.75);
        line(1, LABELS.min.say(language), Color::Silver, 0.75);
        line(2, LABELS.max.say(language), Color::Gray, 0.75);
    } else {
        for ((number, column), color) in (0_u16..).zip(columns).zip([GREEN, AMBER]) {
            let name = format!("{}: {}", LABELS.avg.say(language), merchant(head, column));
            line(3 + number * FIGURES, &name, color, 1.75);
        }
    }
    // Excel takes no longer titles than it takes texts of a cell.
    chart.title().set_name(&head.key.chars().take(200).collect::<String>());
    chart.x_axis().set_num_format(if head.step == Step::Day { "yyyy-mm-dd" } else { "mm-dd hh:mm" });
    chart.legend().set_position(rust_xlsxwriter::ChartLegendPosition::Bottom);
    chart.set_width(860).set_height(420);
    chart
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use calamine::{Data, Reader, Xlsx};

    use super::*;
    use crate::connectors::buckets::{Filler, Reading};
    use crate::connectors::value::Figure;

    fn column(merchant: &str) -> Column {
        let mut filler = Filler::new(vec![0, 3_600, 7_200, 10_800]);
        for (at, number) in [(10, 4), (20, 8), (7_300, 5)] {
            filler.add(at, Some(Reading { figure: Figure::Int(number), exact: None }));
        }
        Column { merchant: merchant.to_owned(), buckets: filler.finish().collect() }
    }

    fn written(key: &str, columns: &[Column]) -> Vec<u8> {
        let head = Head {
            language: Language::En,
            system: "29e86b162".to_owned(),
            key: key.to_owned(),
            zone: chrono_tz::Europe::Kyiv,
            step: Step::Hour,
        };
        let mut target = Cursor::new(Vec::new());
        write(&head, columns, &mut target).expect("a workbook");
        target.into_inner()
    }

    fn part(book: &[u8], name: &str) -> String {
        let mut archive = zip::ZipArchive::new(Cursor::new(book)).expect("an archive");
        let mut text = String::new();
        archive.by_name(name).expect(name).read_to_string(&mut text).expect("text");
        text
    }

    #[test]
    fn figures_stand_in_their_cells_and_gaps_stay_empty() {
        let book = written("Очереди.Ошибки", &[column(""), column("M")]);
        let mut book: Xlsx<_> = Xlsx::new(Cursor::new(book)).expect("a workbook");
        let sheet = book.worksheet_range(SHEET).expect("a sheet");
        let cell = |row: u32, column: u32| sheet.get_value((row, column)).cloned().unwrap_or(Data::Empty);
        let row: Vec<_> = (1..7).map(|column| cell(NAMES + 1, column)).collect();
        assert_eq!(row, [4.0, 8.0, 6.0, 12.0, 8.0, 2.0].map(Data::Float));
        assert!((1..13).all(|column| cell(NAMES + 2, column) == Data::Empty), "an empty bucket");
        assert_eq!(cell(NAMES + 3, 9), Data::Float(5.0), "the other merchant's average");
        assert_eq!(cell(NAMES - 1, 7), Data::String("M".to_owned()));
        // Midnight UTC was three in the morning in Kyiv.
        let Data::DateTime(at) = cell(NAMES + 1, 0) else { panic!("no time") };
        assert_eq!(at.as_datetime().expect("a time").to_string(), "1970-01-01 03:00:00");
    }

    #[test]
    fn there_is_a_native_chart_over_the_very_cells() {
        let book = written("a key", &[column("")]);
        let chart = part(&book, "xl/charts/chart1.xml");
        for range in ["Series!$A$8:$A$10", "Series!$D$8:$D$10", "Series!$B$8:$B$10", "Series!$C$8:$C$10"] {
            assert!(chart.contains(range), "{range}: {chart}");
        }
        // A gap is what a chart shows of empty cells unless it says otherwise.
        assert!(!chart.contains("dispBlanksAs"), "{chart}");
        let two = part(&written("a key", &[column(""), column("M")]), "xl/charts/chart1.xml");
        assert!(two.contains("Series!$J$8:$J$10") && two.contains("Average: M"), "{two}");
    }

    #[test]
    fn a_text_that_looks_like_a_formula_stays_a_text_and_an_empty_series_a_workbook() {
        for text in ["=1+1", "@SUM(A1)", "<b>&", "a\u{1}b"] {
            let book = written(text, &[column(text)]);
            assert!(!part(&book, "xl/worksheets/sheet1.xml").contains("<f>"));
            let mut book: Xlsx<_> = Xlsx::new(Cursor::new(book)).expect("a workbook");
            let sheet = book.worksheet_range(SHEET).expect("a sheet");
            assert!(sheet.get_value((1, 1)).is_some());
        }
        let empty = Column { merchant: String::new(), buckets: Vec::new() };
        assert!(Xlsx::new(Cursor::new(written("a", &[empty]))).is_ok());
    }
}
