//! The sheets of a report: what stands in which cell, and how it looks.

use std::io::{Seek, Write};

use rust_xlsxwriter::{
    Chart, ChartFormat, ChartLine, ChartSolidFill, ChartType, Color, DocProperties, ExcelDateTime, Format, FormatAlign,
    FormatBorder, Workbook, Worksheet, XlsxError,
};

use super::labels::LABELS;
use super::{Head, Totals, Unwritten};
use crate::account::model::Day;
use crate::account::usage::{DayUsage, Usage};
use crate::i18n::{Language, Words};

/// The rows a sheet has.
const ROWS: u32 = 1_048_576;

/// The row of the column names, counted from 0: above it stand title, period and user.
const NAMES: u32 = 5;

/// Excel counts days from here: 1899-12-30 is day 0.
const EXCEL_EPOCH: i32 = 25_569;

/// Columns of `Summary`: the points per day stand right of the chart, which shows them.
const CHART: u16 = 7;
const DAILY: u16 = 21;

/// A chart of more days than this is a line.
const BARS: usize = 62;

const GREEN: Color = Color::RGB(0x1F_6F_5C);
const PALE: Color = Color::RGB(0xE3_F1_EC);

impl From<XlsxError> for Unwritten {
    fn from(error: XlsxError) -> Self {
        Self(error.to_string())
    }
}

/// A report that is being written.
pub struct Book {
    workbook: Workbook,
    head: Head,
    looks: Looks,
    /// The sheet of days that is written to, from 1.
    sheet: usize,
    row: u32,
    rows: u32,
}

/// How cells look.
struct Looks {
    title: Format,
    key: Format,
    name: Format,
    date: Format,
    number: Format,
    total: Format,
    total_number: Format,
    note: Format,
}

impl Looks {
    fn new(language: Language) -> Self {
        let dates = match language {
            Language::En => "yyyy-mm-dd",
            Language::Ru | Language::Uk => "dd.mm.yyyy",
        };
        let number = Format::new().set_num_format("#,##0");
        let total = Format::new().set_bold().set_border_top(FormatBorder::Thin);
        Self {
            title: Format::new().set_bold().set_font_size(16).set_font_color(GREEN),
            key: Format::new().set_bold(),
            name: Format::new()
                .set_bold()
                .set_font_color(Color::White)
                .set_background_color(GREEN)
                .set_text_wrap()
                .set_align(FormatAlign::VerticalCenter),
            date: Format::new().set_num_format(dates).set_align(FormatAlign::Left),
            number: number.clone(),
            total: total.clone().set_background_color(PALE),
            total_number: number.set_bold().set_border_top(FormatBorder::Thin).set_background_color(PALE),
            note: Format::new().set_italic(),
        }
    }
}

impl Book {
    /// Writes the summary; the days come next.
    pub fn begin(head: Head, totals: &Totals) -> Result<Self, Unwritten> {
        Self::with_rows(head, totals, ROWS)
    }

    fn with_rows(head: Head, totals: &Totals, rows: u32) -> Result<Self, Unwritten> {
        let mut workbook = Workbook::new();
        let written_on = head.written_on.to_date().format("%Y-%m-%d").to_string();
        let properties = DocProperties::new()
            .set_title(LABELS.title.say(head.language))
            .set_author(head.username.as_str())
            .set_creation_datetime(&ExcelDateTime::parse_from_str(&written_on)?);
        workbook.set_properties(&properties);
        let looks = Looks::new(head.language);
        summary(&mut workbook, &head, &looks, totals)?;
        let mut book = Self { workbook, head, looks, sheet: 0, row: 0, rows };
        book.next_sheet()?;
        Ok(book)
    }

    /// Writes a row of `Days`; `user` only where the report is about everybody.
    pub fn day(&mut self, user: Option<&str>, row: &DayUsage) -> Result<(), Unwritten> {
        if self.row == self.rows {
            self.end_sheet()?;
            self.next_sheet()?;
        }
        let at = self.row;
        let sheet = self.workbook.worksheet_from_index(self.sheet)?;
        sheet.write_number_with_format(at, 0, serial(row.day), &self.looks.date)?;
        let mut column = 1;
        if let Some(user) = user {
            sheet.write_string(at, column, user)?;
            column += 1;
        }
        sheet.write_string(at, column, row.kind.service.as_str())?;
        sheet.write_string(at, column + 1, row.kind.process_type.as_str())?;
        numbers(sheet, at, column + 2, row.usage, &self.looks.number)?;
        self.row += 1;
        Ok(())
    }

    /// Writes all of it to `target`.
    pub fn finish<W: Write + Seek + Send>(mut self, target: W) -> Result<(), Unwritten> {
        self.end_sheet()?;
        self.workbook.worksheet_from_index(0)?.set_active(true);
        Ok(self.workbook.save_to_writer(target)?)
    }

    fn next_sheet(&mut self) -> Result<(), Unwritten> {
        self.sheet += 1;
        self.row = NAMES + 1;
        let name = if self.sheet == 1 { "Days".to_owned() } else { format!("Days {}", self.sheet) };
        let (head, looks) = (&self.head, &self.looks);
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        headline(sheet, head, looks)?;
        let mut names = vec![(&LABELS.date, 12.0)];
        if head.everybody {
            names.push((&LABELS.user, 22.0));
        }
        names.extend(KIND_COLUMNS.iter().chain(COUNT_COLUMNS).map(|(pick, width)| (pick(), *width)));
        column_names(sheet, head.language, looks, 0, &names)?;
        sheet.set_freeze_panes(NAMES + 1, 0)?;
        Ok(())
    }

    fn end_sheet(&mut self) -> Result<(), Unwritten> {
        let last = if self.head.everybody { 7 } else { 6 };
        let end = self.row.saturating_sub(1).max(NAMES);
        let sheet = self.workbook.worksheet_from_index(self.sheet)?;
        sheet.autofilter(NAMES, 0, end, last)?;
        sheet.set_repeat_rows(NAMES, NAMES)?;
        sheet.set_landscape();
        Ok(())
    }
}

/// A label, and the width of its column in characters.
type Column = (fn() -> &'static Words, f64);

const KIND_COLUMNS: &[Column] = &[(|| &LABELS.service, 16.0), (|| &LABELS.process_type, 16.0)];
const COUNT_COLUMNS: &[Column] = &[
    (|| &LABELS.processes, 14.0),
    (|| &LABELS.points, 16.0),
    (|| &LABELS.unique_points, 18.0),
    (|| &LABELS.elements, 16.0),
];

fn serial(day: Day) -> f64 {
    f64::from(day.number().saturating_add(EXCEL_EPOCH))
}

/// A count as a cell holds it: below 2^53, so none is lost.
#[expect(clippy::cast_precision_loss, reason = "the sums of counts of at most 100 000 000 stay below 2^53")]
fn cell(count: i64) -> f64 {
    count as f64
}

fn numbers(sheet: &mut Worksheet, row: u32, column: u16, usage: Usage, format: &Format) -> Result<(), Unwritten> {
    let counts = [usage.processes, usage.points, usage.unique_points, usage.elements];
    for (at, count) in (column..).zip(counts) {
        sheet.write_number_with_format(row, at, cell(count), format)?;
    }
    Ok(())
}

/// Title, period, whose it is.
fn headline(sheet: &mut Worksheet, head: &Head, looks: &Looks) -> Result<(), Unwritten> {
    let language = head.language;
    sheet.write_string_with_format(0, 0, LABELS.title.say(language), &looks.title)?;
    sheet.write_string_with_format(1, 0, LABELS.period.say(language), &looks.key)?;
    if head.period.days() > 0 {
        sheet.write_number_with_format(1, 1, serial(head.period.from), &looks.date)?;
        sheet.write_number_with_format(1, 2, serial(head.period.to), &looks.date)?;
    } else {
        sheet.write_string(1, 1, "–")?;
    }
    sheet.write_string_with_format(2, 0, LABELS.company.say(language), &looks.key)?;
    sheet.write_string(2, 1, &head.company)?;
    sheet.write_string_with_format(3, 0, LABELS.user.say(language), &looks.key)?;
    let user = if head.everybody { LABELS.everybody.say(language) } else { &head.username };
    sheet.write_string(3, 1, user)?;
    Ok(())
}

fn column_names(
    sheet: &mut Worksheet,
    language: Language,
    looks: &Looks,
    first: u16,
    names: &[(&Words, f64)],
) -> Result<(), Unwritten> {
    for (column, (words, width)) in (first..).zip(names) {
        sheet.set_column_width(column, *width)?;
        sheet.write_string_with_format(NAMES, column, words.say(language), &looks.name)?;
    }
    sheet.set_row_height(NAMES, 32)?;
    Ok(())
}

fn summary(workbook: &mut Workbook, head: &Head, looks: &Looks, totals: &Totals) -> Result<(), Unwritten> {
    let language = head.language;
    let daily = totals.points_per_day();
    let sheet = workbook.add_worksheet_with_constant_memory()?;
    sheet.set_name("Summary")?;
    headline(sheet, head, looks)?;
    let names: Vec<_> = KIND_COLUMNS.iter().chain(COUNT_COLUMNS).map(|(pick, width)| (pick(), *width)).collect();
    column_names(sheet, language, looks, 0, &names)?;
    if !daily.is_empty() {
        column_names(sheet, language, looks, DAILY, &[(&LABELS.date, 12.0), (&LABELS.points, 16.0)])?;
    }
    // Rows are written from the top, whichever table they belong to: what is above is out of memory.
    let mut kinds = totals.kinds();
    let (mut kind_rows, mut summed) = (0, false);
    let mut daily_rows = daily.iter();
    for row in NAMES + 1.. {
        let mut written = false;
        if let Some((kind, usage)) = kinds.next() {
            sheet.write_string(row, 0, kind.service.as_str())?;
            sheet.write_string(row, 1, kind.process_type.as_str())?;
            numbers(sheet, row, 2, usage, &looks.number)?;
            (kind_rows, written) = (kind_rows + 1, true);
        } else if !summed {
            if kind_rows == 0 {
                sheet.write_string_with_format(row, 0, LABELS.no_usage.say(language), &looks.note)?;
            } else {
                sheet.write_string_with_format(row, 0, LABELS.total.say(language), &looks.total)?;
                sheet.write_string_with_format(row, 1, "", &looks.total)?;
                numbers(sheet, row, 2, totals.sum(), &looks.total_number)?;
            }
            (summed, written) = (true, true);
        }
        if let Some((day, points)) = daily_rows.next() {
            sheet.write_number_with_format(row, DAILY, serial(*day), &looks.date)?;
            sheet.write_number_with_format(row, DAILY + 1, cell(*points), &looks.number)?;
            written = true;
        }
        if !written {
            break;
        }
    }
    sheet.autofilter(NAMES, 0, NAMES + kind_rows, 5)?;
    sheet.set_freeze_panes(NAMES + 1, 0)?;
    sheet.set_landscape();
    sheet.set_print_fit_to_pages(1, 0);
    if !daily.is_empty() {
        let last = NAMES + u32::try_from(daily.len()).unwrap_or(ROWS);
        sheet.insert_chart(NAMES, CHART, &chart(language, &daily, last))?;
    }
    Ok(())
}

fn chart(language: Language, daily: &[(Day, i64)], last: u32) -> Chart {
    let bars = daily.len() <= BARS;
    let mut chart = Chart::new(if bars { ChartType::Column } else { ChartType::Line });
    let series = chart
        .add_series()
        .set_categories(("Summary", NAMES + 1, DAILY, last, DAILY))
        .set_values(("Summary", NAMES + 1, DAILY + 1, last, DAILY + 1))
        .set_name(LABELS.points.say(language));
    let mut look = ChartFormat::new();
    if bars {
        look.set_solid_fill(ChartSolidFill::new().set_color(GREEN));
    } else {
        look.set_line(ChartLine::new().set_color(GREEN).set_width(1.5));
    }
    series.set_format(&mut look);
    chart.title().set_name(LABELS.points_per_day.say(language));
    chart.x_axis().set_date_axis(true).set_num_format(match language {
        Language::En => "yyyy-mm-dd",
        Language::Ru | Language::Uk => "dd.mm.yyyy",
    });
    chart.y_axis().set_num_format("#,##0").set_min(0);
    chart.legend().set_hidden();
    chart.set_width(760).set_height(380);
    chart
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use calamine::{Data, Reader, Xlsx};

    use super::*;
    use crate::account::model::{Kind, ProcessType, Service};
    use crate::account::period::Period;

    fn row(day: i32, points: i64) -> DayUsage {
        let kind = Kind { service: Service::Universal, process_type: ProcessType::Plan };
        let usage = Usage { processes: 1, points, unique_points: 1, elements: 0 };
        DayUsage { day: Day::of_number(day), kind, usage }
    }

    fn head(everybody: bool) -> Head {
        Head {
            language: Language::En,
            period: Period { from: Day::of_number(20_000), to: Day::of_number(20_100) },
            username: "north_user".to_owned(),
            company: "north".to_owned(),
            everybody,
            written_on: Day::of_number(20_101),
        }
    }

    fn written(rows: &[(&str, DayUsage)], most: u32) -> Vec<u8> {
        let mut totals = Totals::default();
        for (_, row) in rows {
            totals.add(row);
        }
        let mut book = Book::with_rows(head(true), &totals, most).expect("a summary");
        for (user, row) in rows {
            book.day(Some(user), row).expect("a row");
        }
        let mut target = Cursor::new(Vec::new());
        book.finish(&mut target).expect("a workbook");
        target.into_inner()
    }

    fn part(book: &[u8], name: &str) -> String {
        let mut archive = zip::ZipArchive::new(Cursor::new(book)).expect("an archive");
        let mut text = String::new();
        archive.by_name(name).expect(name).read_to_string(&mut text).expect("text");
        text
    }

    #[test]
    fn what_one_sheet_has_no_rows_for_goes_on_in_the_next() {
        let rows: Vec<_> = (0..10).map(|number| ("north_user", row(20_000 + number, i64::from(number)))).collect();
        let book = written(&rows, NAMES + 1 + 4);
        let mut book: Xlsx<_> = Xlsx::new(Cursor::new(book)).expect("a workbook");
        assert_eq!(book.sheet_names(), ["Summary", "Days", "Days 2", "Days 3"]);
        let mut points = Vec::new();
        for (name, count) in [("Days", 4), ("Days 2", 4), ("Days 3", 2)] {
            let sheet = book.worksheet_range(name).expect(name);
            let rows: Vec<_> = sheet.rows().skip(NAMES as usize + 1).map(|row| row[5].clone()).collect();
            assert_eq!(rows.len(), count, "{name}");
            assert_eq!(sheet.get((NAMES as usize, 0)), Some(&Data::String("Date".to_owned())), "{name}");
            points.extend(rows);
        }
        assert_eq!(points, (0..10).map(|number| Data::Float(f64::from(number))).collect::<Vec<_>>());
    }

    #[test]
    fn a_text_that_looks_like_a_formula_stays_a_text() {
        let texts = ["=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(\"http://example.com\")", "<b>&"];
        let rows: Vec<_> = texts.iter().map(|text| (*text, row(20_000, 1))).collect();
        let book = written(&rows, ROWS);
        assert!(!part(&book, "xl/worksheets/sheet2.xml").contains("<f>"));
        let mut book: Xlsx<_> = Xlsx::new(Cursor::new(book)).expect("a workbook");
        assert!(book.worksheet_formula("Days").expect("formulas").is_empty());
        let sheet = book.worksheet_range("Days").expect("days");
        let read: Vec<_> = sheet.rows().skip(NAMES as usize + 1).map(|row| row[1].to_string()).collect();
        assert_eq!(read, texts);
    }

    #[test]
    fn there_is_a_native_chart_a_frozen_header_an_autofilter_and_formats() {
        let rows: Vec<_> = (0..3).map(|number| ("north_user", row(20_000 + number, 5))).collect();
        let book = written(&rows, ROWS);
        let chart = part(&book, "xl/charts/chart1.xml");
        assert!(chart.contains("Summary!$V$7:$V$9") && chart.contains("Summary!$W$7:$W$9"), "{chart}");
        assert!(chart.contains("Points per day") && chart.contains("<c:dateAx>"), "{chart}");
        for (name, filter) in [("sheet1", "A6:F7"), ("sheet2", "A6:H9")] {
            let sheet = part(&book, &format!("xl/worksheets/{name}.xml"));
            assert!(sheet.contains(&format!("<autoFilter ref=\"{filter}\"")), "{name}");
            assert!(sheet.contains("ySplit=\"6\"") && sheet.contains("state=\"frozen\""), "{name}");
        }
        let styles = part(&book, "xl/styles.xml");
        assert!(styles.contains("yyyy\\-mm\\-dd") || styles.contains("yyyy-mm-dd"), "{styles}");
        assert!(styles.contains("numFmtId=\"3\"") || styles.contains("#,##0"), "{styles}");
    }
}
