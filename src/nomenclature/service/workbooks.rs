//! What is downloaded as a workbook: the catalogue, the template, and the report of an import. Rows go through to the disk
//! and from there to the client, so that memory does not depend on how many there are.

use std::borrow::Cow;
use std::fs::File;
use std::io;

use super::imports::own;
use super::planning::{self, Halt, SLICE};
use super::{NomenclatureError, NomenclatureService};
use crate::auth::model::SharedPrincipal;
use crate::i18n::Language;
use crate::nomenclature::columns::{Field, Header, LAST_HEADER_ROW};
use crate::nomenclature::model::{Good, Import, Outcome, Status, Vat};
use crate::nomenclature::problems::Problem;
use crate::nomenclature::rows::subject_names;
use crate::nomenclature::sql;
use crate::nomenclature::sql::goods::Filter;
use crate::nomenclature::sql::plans::{Decided, UNMENTIONED};
use crate::nomenclature::words::{self, Label, Why, label};
use crate::sheets::{Cell, Column, Look, Row, Value, Writer};
use crate::store::{Store, StoreError};
use uuid::Uuid;

/// The columns of a workbook; `ids`: of one that has goods in it.
fn columns(language: Language, ids: bool) -> Vec<Column> {
    let column = |field: Field| {
        let (width, look) = match field {
            Field::Name => (44.0, Look::Text),
            Field::Article => (16.0, Look::Text),
            Field::Group | Field::Ean13 => (28.0, Look::Text),
            Field::Unit => (12.0, Look::Text),
            Field::Price => (14.0, Look::Money),
            Field::Vat | Field::Archived => (12.0, Look::Plain),
            Field::Local => (22.0, Look::Text),
            Field::Subject => (18.0, Look::Plain),
            Field::Id => (38.0, Look::Text),
        };
        Column { name: field.name(language).to_owned(), width, look }
    };
    Field::ALL.into_iter().filter(|field| ids || *field != Field::Id).map(column).collect()
}

fn in_language(language: Language, texts: [&'static str; 3]) -> &'static str {
    match language {
        Language::En => texts[0],
        Language::Ru => texts[1],
        Language::Uk => texts[2],
    }
}

/// A good as a row that is read back as the same good.
fn row_of(language: Language, good: &Good) -> [Value<'_>; 11] {
    let values = &good.values;
    let text =
        |text: &Option<String>| text.as_deref().map_or(Value::Empty, |text| Value::Text(Cow::Owned(text.to_owned())));
    [
        Value::text(&values.name),
        text(&values.article),
        text(&values.group),
        text(&values.unit),
        values.price.map_or(Value::Empty, |price| Value::Hundredths(price.minor())),
        match values.vat {
            None => Value::Empty,
            Some(Vat::Without) => Value::text(label(language, Label::WithoutVat)),
            Some(Vat::Rate(percent)) => Value::Number(percent.into()),
        },
        Value::text(&values.ean13),
        Value::text(&values.local),
        Value::text(in_language(language, subject_names(values.subject))),
        Value::text(label(language, if values.archived { Label::Yes } else { Label::No })),
        Value::Text(Cow::Owned(good.guid.to_string())),
    ]
}

fn finished(writer: Writer) -> Result<File, NomenclatureError> {
    let file = tempfile::tempfile().map_err(NomenclatureError::File)?;
    writer.finish(file.try_clone().map_err(NomenclatureError::File)?)?;
    Ok(file)
}

async fn off_the_workers<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NomenclatureError> + Send + 'static,
) -> Result<T, NomenclatureError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| NomenclatureError::File(io::Error::other(error)))?
}

impl NomenclatureService {
    /// `GET nomenclature.xlsx`: the whole catalogue as it stands, by name.
    pub async fn export(&self, caller: SharedPrincipal, language: Language) -> Result<File, NomenclatureError> {
        let (store, now, company) = (self.store.clone(), self.clock.now().to_utc().naive_utc(), caller.company_id);
        off_the_workers(move || {
            let version = store.read_one(|conn| sql::catalogues::get(conn, company))?.version;
            let mut writer = Writer::new(label(language, Label::Goods), columns(language, true), now)?;
            let mut after = (String::new(), i64::MIN);
            loop {
                // A snapshot for each slice, of one version: a long export holds nobody up.
                let goods = store.read_one(|conn| {
                    sql::goods::list(conn, company, version, &Filter::default(), (&after.0, after.1), SLICE)
                })?;
                let Some(last) = goods.last() else { break };
                after = (crate::nomenclature::text::fold(&last.values.name), last.good);
                for good in &goods {
                    writer.row(&row_of(language, good))?;
                }
            }
            finished(writer)
        })
        .await
    }

    /// `GET async/imports/nomenclature-template.xlsx`: a workbook to be filled in.
    pub async fn template(&self, language: Language) -> Result<File, NomenclatureError> {
        let now = self.clock.now().to_utc().naive_utc();
        off_the_workers(move || finished(Writer::new(label(language, Label::Goods), columns(language, false), now)?))
            .await
    }

    /// `GET …/{guid}/report.xlsx`: the uploaded rows, with what becomes of them and why.
    pub async fn report(
        &self,
        caller: SharedPrincipal,
        id: Uuid,
        language: Language,
    ) -> Result<File, NomenclatureError> {
        let import = self.store.read(|conn| own(conn, &caller, id))?;
        let Some(plan) = import.plan else { return Err(NomenclatureError::Refused("guid", Why::NoReport)) };
        if !import.kept {
            return Err(NomenclatureError::Refused("guid", Why::Forgotten));
        }
        let mut rows = planning::open(&self.store, &self.reader, import.upload.0).await.map_err(told)?;
        let now = self.clock.now().to_utc().naive_utc();
        let mut report = Report::new(self.store.clone(), &import, plan, language, now);
        while let Some(batch) =
            rows.next().await.map_err(|why| NomenclatureError::File(io::Error::other(why.to_string())))?
        {
            report = off_the_workers(move || report.take(&batch)).await?;
        }
        off_the_workers(move || report.finish()).await
    }
}

/// A file that was read once and cannot be any more.
fn told(halt: Halt) -> NomenclatureError {
    match halt {
        Halt::Interrupted(crate::tasks::Interrupted::Effect(error)) => error,
        _ => NomenclatureError::Refused("guid", Why::NoReport),
    }
}

/// A report that is being written.
struct Report {
    store: Store,
    plan: i64,
    language: Language,
    done: bool,
    now: chrono::NaiveDateTime,
    writer: Option<(Header, Writer)>,
    /// The last row that was written.
    last: u32,
}

impl Report {
    fn new(store: Store, import: &Import, plan: i64, language: Language, now: chrono::NaiveDateTime) -> Self {
        let done = import.status == Status::Completed;
        Self { store, plan, language, done, now, writer: None, last: 0 }
    }

    /// Writes a batch of rows.
    fn take(mut self, rows: &[Row]) -> Result<Self, NomenclatureError> {
        let Some(to) = rows.last().map(|row| row.number) else { return Ok(self) };
        let (plan, from) = (self.plan, self.last);
        let (decided, problems) = self.store.read(|conn| {
            let decided = sql::plans::rows(conn, plan, from.into(), rows.len())?;
            Ok::<_, StoreError>((decided, sql::problems::of_rows(conn, plan, from, to)?))
        })?;
        let (mut decided, mut problems) = (decided.iter().peekable(), problems.iter().peekable());
        for row in rows {
            while problems.next_if(|problem| problem.row < row.number).is_some() {}
            let mut own = Vec::new();
            while let Some(problem) = problems.next_if(|problem| problem.row == row.number) {
                own.push(problem);
            }
            let outcome = decided.next_if(|decided| decided.row == i64::from(row.number));
            self.row(row, outcome, &own)?;
        }
        self.last = to;
        Ok(self)
    }

    fn row(&mut self, row: &Row, decided: Option<&Decided>, problems: &[&Problem]) -> Result<(), NomenclatureError> {
        if self.writer.is_none() {
            if row.number <= LAST_HEADER_ROW
                && let Ok(Some(header)) = Header::find(row)
            {
                self.begin(header, row, problems)?;
            }
            return Ok(());
        }
        let outcome = match decided {
            Some(decided) => words::outcome(self.language, decided.outcome, self.done),
            None => words::passed_over(self.language),
        };
        let message = self.message(problems);
        let number = Value::Number(row.number.into());
        let mut cells = vec![number, Value::text(outcome), Value::text(&message)];
        cells.extend(row.cells.iter().map(shown_cell));
        self.write(&cells)
    }

    /// The header of the upload, and what is to be said of the file as a whole.
    fn begin(&mut self, header: Header, row: &Row, problems: &[&Problem]) -> Result<(), NomenclatureError> {
        let column = |name: String, width, look| Column { name, width, look };
        let language = self.language;
        let mut columns = vec![
            column(label(language, Label::Row).to_owned(), 8.0, Look::Plain),
            column(label(language, Label::Outcome).to_owned(), 18.0, Look::Plain),
            column(label(language, Label::Message).to_owned(), 60.0, Look::Wrapped),
        ];
        columns.extend(row.cells.iter().map(|cell| column(cell.text().into_owned(), 20.0, Look::Plain)));
        let writer = Writer::new(label(language, Label::Report), columns, self.now)?;
        self.writer = Some((header, writer));
        let plan = self.plan;
        let of_file = self.store.read_one(|conn| sql::problems::of_file(conn, plan))?;
        for problem in of_file.iter().chain(problems.iter().copied()) {
            let message = self.message(&[problem]);
            self.write(&[Value::Empty, Value::Empty, Value::text(&message)])?;
        }
        Ok(())
    }

    fn message(&self, problems: &[&Problem]) -> String {
        let said = problems
            .iter()
            .map(|problem| words::resolution(self.language, "", &Problem { row: 0, ..(*problem).clone() }));
        said.collect::<Vec<_>>().join("\n")
    }

    fn write(&mut self, cells: &[Value<'_>]) -> Result<(), NomenclatureError> {
        let Some((_, writer)) = &mut self.writer else { return Ok(()) };
        Ok(writer.row(cells)?)
    }

    /// Adds the goods that no row mentions.
    fn finish(mut self) -> Result<File, NomenclatureError> {
        let name = self.writer.as_ref().and_then(|(header, _)| header.column(Field::Name)).unwrap_or(0) as usize;
        let mut after = UNMENTIONED - 1;
        loop {
            let plan = self.plan;
            let goods = self.store.read(|conn| {
                let rows = sql::plans::rows(conn, plan, after, SLICE)?;
                let named = rows.iter().map(|row| {
                    let good = row.old.map(|old| sql::goods::version(conn, old)).transpose()?.flatten();
                    Ok::<_, StoreError>((row.row, good.map(|good| good.values.name).unwrap_or_default()))
                });
                named.collect::<Result<Vec<_>, _>>()
            })?;
            let Some((last, _)) = goods.last() else { break };
            after = *last;
            for (_, good) in &goods {
                let outcome = words::outcome(self.language, Outcome::Archive, self.done);
                let mut cells = vec![Value::Empty, Value::text(outcome), Value::Empty];
                cells.resize(3 + name, Value::Empty);
                cells.push(Value::text(good));
                self.write(&cells)?;
            }
        }
        match self.writer {
            Some((_, writer)) => finished(writer),
            None => Err(NomenclatureError::Refused("guid", Why::NoReport)),
        }
    }
}

fn shown_cell(cell: &Cell) -> Value<'_> {
    match cell {
        Cell::Empty | Cell::NoValue => Value::Empty,
        Cell::Text(text) | Cell::Error(text) => Value::text(text),
        Cell::Number(number) if number.is_finite() => Value::Number(*number),
        Cell::Number(_) => Value::Text(cell.text()),
        Cell::Bool(value) => Value::Bool(*value),
        Cell::Date(at) => Value::Date(*at),
    }
}
