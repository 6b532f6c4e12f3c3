//! Making a plan: the workbook is read by its child process, each batch of rows is looked at and matched against an index of
//! the catalogue, and what becomes of them is written down slice by slice: all four at once, each of them busy with another
//! batch.
//!
//! Nothing of the catalogue changes. A plan that is cut off is begun anew; its rows are removed by the sweep.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::NomenclatureError;
use crate::audit::own::timed;
use crate::auth::model::CompanyId;
use crate::clock::{Clock, Timestamp};
use crate::nomenclature::columns::{Header, LAST_HEADER_ROW};
use crate::nomenclature::matching::Index;
use crate::nomenclature::model::{Import, Plan};
use crate::nomenclature::plan::{Planned, Planner};
use crate::nomenclature::problems::{Code, Problem};
use crate::nomenclature::rows::{Looked, look};
use crate::nomenclature::sql;
use crate::nomenclature::sql::plans::UNMENTIONED;
use crate::nomenclature::text::shortened;
use crate::sheets::{Format, Reader, Row, Rows, Unreadable};
use crate::store::{Store, StoreError};
use crate::tasks::{Interrupted, TaskContext};

/// So many rows are written in one transaction.
pub const SLICE: usize = 2_000;

/// So many batches of rows are looked at ahead of the matching: what they take in memory is little.
const AHEAD: usize = 2;

/// How far the whole import has come once its plan is made, in per cent.
pub const PLANNED: u8 = 50;

/// Why no plan was made.
#[derive(Debug)]
pub enum Halt {
    /// The file cannot be read: the import ends, and says so.
    Unreadable(Box<Problem>),
    /// The attempt ends.
    Interrupted(Interrupted<NomenclatureError>),
}

impl<E: Into<NomenclatureError>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Interrupted(Interrupted::Effect(error.into()))
    }
}

impl From<Interrupted<NomenclatureError>> for Halt {
    fn from(interrupted: Interrupted<NomenclatureError>) -> Self {
        Self::Interrupted(interrupted)
    }
}

impl From<Box<Problem>> for Halt {
    fn from(problem: Box<Problem>) -> Self {
        Self::Unreadable(problem)
    }
}

/// Makes the plan of an import, but for saying that it is whole.
pub async fn plan(context: &TaskContext, reader: &Reader, import: &Import) -> Result<Plan, Halt> {
    let (company, store, upload) = (import.company, context.store().clone(), import.upload.0);
    let spooling = tokio::task::spawn_blocking(move || spool(&store, upload));
    let (name, file) = spooling.await.map_err(|error| NomenclatureError::File(io::Error::other(error)))??;
    let named = Format::of_name(&name);
    let by_name = import.asked.attributes.name;
    let loading = context.store().read_long(move |conn| {
        let catalogue = sql::catalogues::get(conn, company)?;
        let mut index = Index::with_capacity(catalogue.goods());
        sql::goods::each_key(conn, company, catalogue.version, |(id, good, archived, name, ean13, local)| {
            index.add((id, good), archived, by_name.then_some(name), ean13, local);
        })?;
        Ok::<_, StoreError>((catalogue.version, index))
    });
    let (sender, read) = mpsc::channel(AHEAD);
    let (hand, looked) = mpsc::channel(AHEAD);
    let reading = async {
        let rows = reader.open(file, named.unwrap_or(Format::Xlsx)).await.map_err(unreadable)?;
        let sheet = rows.sheet().to_owned();
        let mut lookout = Lookout::default();
        lookout.note_file(&rows, named);
        let looking = tokio::task::spawn_blocking(move || lookout.look_at_all(read, &hand));
        hand_on(context, rows, sender).await?;
        finished(looking).await?;
        Ok::<_, Halt>(sheet)
    };
    let matching = async {
        let (version, index) = loading.await?;
        let import_id = import.id;
        let id = context
            .write(move |tx| Ok::<_, NomenclatureError>(sql::plans::begin(tx, import_id, company, version, false)?))
            .await?;
        let mut making = Making { context: context.clone(), plan: id, staged: Staged::default(), writing: None };
        let planner = Planner::new(import.asked.strategy, import.asked.attributes, index);
        let (store, clock) = (context.store().clone(), context.clock().clone());
        let (decided, mut staged) = mpsc::channel(1);
        let deciding =
            tokio::task::spawn_blocking(move || decide_all(planner, &store, company, &clock, looked, &decided));
        while let Some((more, rows)) = staged.recv().await {
            making.stage(more).await?;
            making.tell(rows);
        }
        let ended = finished(deciding).await?.end();
        Ok::<_, Halt>((making, version, ended))
    };
    let (sheet, (mut making, version, ended)) = tokio::try_join!(reading, matching)?;
    let id = making.plan;
    making.flush(true).await?;
    for late in ended.late.chunks(SLICE) {
        let (late, refused): (Vec<_>, Vec<_>) = late.iter().map(|problem| (problem.clone(), problem.row)).unzip();
        making
            .write(move |tx| {
                sql::plans::refuse(tx, id, &refused)?;
                sql::problems::add(tx, id, &late)
            })
            .await?;
    }
    for (at, gone) in ended.archived.chunks(SLICE).enumerate() {
        let first = i64::try_from(at * SLICE).unwrap_or(i64::MAX);
        let gone: Vec<_> = gone.iter().map(|known| (known.id, known.good)).collect();
        making.write(move |tx| sql::plans::add_unmentioned(tx, id, first, &gone)).await?;
    }
    context.progress(PLANNED, "matched");
    Ok(Plan { id, version, sheet, counts: ended.counts, digest: ended.digest })
}

/// The uploaded file, as one that a child can read, and its name.
fn spool(store: &Store, upload: i64) -> Result<(String, File), NomenclatureError> {
    let name = store.read_one(|conn| sql::uploads::name(conn, upload))?.ok_or(NomenclatureError::GivenUp)?;
    let mut file = tempfile::tempfile().map_err(NomenclatureError::File)?;
    let mut number = 0;
    while let Some(piece) = store.read_one(|conn| sql::uploads::chunk(conn, upload, number))? {
        file.write_all(&piece).map_err(NomenclatureError::File)?;
        number += 1;
    }
    file.rewind().map_err(NomenclatureError::File)?;
    Ok((name, file))
}

/// The uploaded file once more, to be read for a report.
pub async fn open(store: &Store, reader: &Reader, upload: i64) -> Result<Rows, Halt> {
    let store = store.clone();
    let spooling = tokio::task::spawn_blocking(move || spool(&store, upload));
    let (name, file) = spooling.await.map_err(|error| NomenclatureError::File(io::Error::other(error)))??;
    reader.open(file, Format::of_name(&name).unwrap_or(Format::Xlsx)).await.map_err(unreadable)
}

/// Rows that were looked at, and what was found beside them.
#[derive(Debug)]
struct Batch {
    rows: Vec<Looked>,
    notes: Vec<Problem>,
}

/// Hands every row on to be looked at. A receiver that is gone says itself why.
async fn hand_on(context: &TaskContext, mut rows: Rows, sender: mpsc::Sender<Vec<Row>>) -> Result<(), Halt> {
    loop {
        let batch = tokio::select! {
            biased;
            () = context.canceled() => return Err(Interrupted::Canceled.into()),
            batch = rows.next() => batch.map_err(unreadable)?,
        };
        let Some(batch) = batch else { return Ok(()) };
        if sender.send(batch).await.is_err() {
            return Ok(());
        }
    }
}

/// What a thread came to.
async fn finished<T>(thread: JoinHandle<Result<T, Halt>>) -> Result<T, Halt> {
    thread.await.map_err(|error| NomenclatureError::File(io::Error::other(error)))?
}

/// What was decided and is not written yet.
#[derive(Debug, Default)]
struct Staged {
    rows: Vec<(Planned, Uuid)>,
    problems: Vec<Problem>,
}

impl Staged {
    fn len(&self) -> usize {
        self.rows.len().max(self.problems.len())
    }
}

/// A plan on its way into the database.
struct Making {
    context: TaskContext,
    plan: i64,
    staged: Staged,
    /// The slice that is being written while the next one is read.
    writing: Option<JoinHandle<Result<(), Interrupted<NomenclatureError>>>>,
}

impl Making {
    async fn stage(&mut self, more: Staged) -> Result<(), Halt> {
        self.staged.rows.extend(more.rows);
        self.staged.problems.extend(more.problems);
        if self.staged.len() >= SLICE {
            self.flush(false).await?;
        }
        Ok(())
    }

    /// Begins to write what is staged, once what was staged before is written; `all`: waits for its end.
    async fn flush(&mut self, all: bool) -> Result<(), Halt> {
        self.written().await?;
        let Staged { rows, problems } = std::mem::take(&mut self.staged);
        // A row may have many problems: they go by themselves where there are too many for one slice.
        let problems: Vec<Arc<[Problem]>> = problems.chunks(2 * SLICE).map(Arc::from).collect();
        let (context, plan, rows) = (self.context.clone(), self.plan, Arc::new(rows));
        self.writing = Some(tokio::spawn(async move {
            context.write(move |tx| Ok::<_, NomenclatureError>(sql::plans::add(tx, plan, &rows)?)).await?;
            for problems in problems {
                context.write(move |tx| Ok::<_, NomenclatureError>(sql::problems::add(tx, plan, &problems)?)).await?;
            }
            Ok(())
        }));
        if all {
            self.written().await?;
        }
        Ok(())
    }

    async fn written(&mut self) -> Result<(), Halt> {
        if let Some(writing) = self.writing.take() {
            writing.await.map_err(|error| NomenclatureError::File(io::Error::other(error)))??;
        }
        Ok(())
    }

    async fn write(
        &self,
        f: impl Fn(&crate::store::WriteTx<'_>) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), Halt> {
        Ok(self.context.write(move |tx| f(tx).map_err(NomenclatureError::from)).await?)
    }

    /// How many rows there are is known at the end: the bar slows down towards it.
    fn tell(&self, rows: i64) {
        let rows = u64::try_from(rows).unwrap_or(0);
        let percent = u64::from(PLANNED - 2) * rows / (rows + 20_000);
        self.context.progress(1 + u8::try_from(percent).unwrap_or(PLANNED), format!("read {rows} rows"));
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        if let Some(writing) = self.writing.take() {
            writing.abort();
        }
    }
}

/// What becomes of every row, batch by batch, with how many rows that were. Ends without a word when nobody takes it any
/// more.
fn decide_all(
    mut planner: Planner,
    store: &Store,
    company: CompanyId,
    clock: &Clock,
    mut looked: mpsc::Receiver<Batch>,
    decided: &mpsc::Sender<(Staged, i64)>,
) -> Result<Planner, Halt> {
    while let Some(batch) = looked.blocking_recv() {
        let staged = decide(&mut planner, store, company, batch, clock.now())?;
        if decided.blocking_send((staged, planner.counts().rows)).is_err() {
            break;
        }
    }
    Ok(planner)
}

/// What becomes of a batch of rows.
fn decide(
    planner: &mut Planner,
    store: &Store,
    company: CompanyId,
    batch: Batch,
    now: Timestamp,
) -> Result<Staged, Halt> {
    store.read(|conn| {
        let mut staged = Staged { rows: Vec::with_capacity(batch.rows.len()), problems: Vec::new() };
        let mut versions = sql::goods::Versions::new(conn)?;
        for mut looked in batch.rows {
            if let Some(id) = looked.said.id {
                looked.good = sql::finding::number(conn, company, id)?;
            }
            let row = planner.plan(&mut looked, |id| versions.get(id)?.ok_or(NomenclatureError::Busy))?;
            // Public ids that begin with the time stand together in their index.
            staged.rows.push((row, timed(now, Uuid::new_v4().as_bytes())));
            staged.problems.append(&mut looked.problems);
        }
        for note in batch.notes {
            planner.note(&note);
            staged.problems.push(note);
        }
        Ok(staged)
    })
}

/// Where rows are looked at.
#[derive(Debug, Default)]
struct Lookout {
    header: Option<Header>,
    hidden: u64,
    /// Whether any row below the header says anything.
    any: bool,
    /// What was found about the file so far and is not handed on yet.
    notes: Vec<Problem>,
}

impl Lookout {
    fn note_file(&mut self, rows: &Rows, named: Option<Format>) {
        if let Some(named) = named.filter(|named| *named != rows.format()) {
            let problem = Problem::of_file(Code::WrongExtension);
            let (named, found) = (named.extension(), rows.format().extension());
            self.notes.push(problem.with(format!(".{named}"), format!(".{found}")));
        }
        if !rows.other_sheets().is_empty() {
            let others = rows.other_sheets().iter().take(5).map(|name| shortened(name)).collect::<Vec<_>>().join(", ");
            self.notes.push(Problem::of_file(Code::OtherSheets).with(others, ""));
        }
    }

    /// Looks at every row. Ends without a word when nobody takes it any more.
    fn look_at_all(mut self, mut read: mpsc::Receiver<Vec<Row>>, hand: &mpsc::Sender<Batch>) -> Result<(), Halt> {
        while let Some(rows) = read.blocking_recv() {
            if hand.blocking_send(self.take(&rows)?).is_err() {
                return Ok(());
            }
        }
        let _ = hand.blocking_send(self.finish()?);
        Ok(())
    }

    /// Looks at rows, one after the other.
    fn take(&mut self, rows: &[Row]) -> Result<Batch, Halt> {
        let mut seen = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(header) = &self.header else {
                self.look_for_header(row)?;
                continue;
            };
            if header.is_repeated_by(row) {
                self.notes.push(Problem::of_row(Code::HeaderAgain, row.number));
                continue;
            }
            if i64::from(row.number) >= UNMENTIONED {
                return Err(Box::new(Problem::of_file(Code::FileTooManyRows).with(UNMENTIONED - 1, "")).into());
            }
            let Some(looked) = look(header, row) else { continue };
            self.hidden += u64::from(row.hidden);
            self.any = true;
            seen.push(looked);
        }
        Ok(Batch { rows: seen, notes: std::mem::take(&mut self.notes) })
    }

    fn look_for_header(&mut self, row: &Row) -> Result<(), Box<Problem>> {
        if row.number > LAST_HEADER_ROW {
            return Err(Box::new(no_header()));
        }
        self.header = Header::find(row).map_err(Box::new)?;
        let unknown = self.header.as_ref().map(|header| header.unknown.clone()).unwrap_or_default();
        for (column, name) in unknown {
            self.notes.push(Problem::of_row(Code::ColumnUnknown, row.number).at(Some(column)).with(name, ""));
        }
        Ok(())
    }

    /// What is to be said once there are no more rows.
    fn finish(mut self) -> Result<Batch, Halt> {
        if self.header.is_none() {
            return Err(Box::new(no_header()).into());
        }
        if self.hidden > 0 {
            self.notes.push(Problem::of_file(Code::HiddenRows).with(self.hidden, ""));
        }
        if !self.any {
            self.notes.push(Problem::of_file(Code::NoRows));
        }
        Ok(Batch { rows: Vec::new(), notes: self.notes })
    }
}

fn no_header() -> Problem {
    Problem::of_file(Code::NoHeader).with(LAST_HEADER_ROW, "")
}

/// What a file that cannot be read is told.
fn unreadable(why: Unreadable) -> Halt {
    let file = Problem::of_file;
    let problem = match why {
        Unreadable::Io(what) => return NomenclatureError::File(io::Error::other(what)).into(),
        Unreadable::Empty => file(Code::FileEmpty),
        Unreadable::UnknownFormat => file(Code::FileUnknown),
        Unreadable::Damaged(_) => file(Code::FileDamaged),
        Unreadable::OpenQuote { row } => Problem::of_row(Code::FileOpenQuote, row),
        Unreadable::Encrypted => file(Code::FileEncrypted),
        Unreadable::NoSheet => file(Code::FileNoSheet),
        Unreadable::FileTooLarge { limit } => file(Code::FileTooLarge).with(limit, ""),
        Unreadable::TooManyEntries { limit }
        | Unreadable::InflatedTooLarge { limit }
        | Unreadable::RatioTooHigh { limit } => file(Code::FileInflates).with(limit, ""),
        Unreadable::TooManyRows { limit } => file(Code::FileTooManyRows).with(limit, ""),
        Unreadable::TooManyColumns { row, limit } => Problem::of_row(Code::FileTooManyColumns, row).with(limit, ""),
        Unreadable::TooManyCells { row, limit } => Problem::of_row(Code::FileTooManyCells, row).with(limit, ""),
        Unreadable::RowTooLong { row, limit } => Problem::of_row(Code::FileTextTooLong, row).with(limit, ""),
        Unreadable::TextTooLong { row, column, limit } => {
            Problem::of_row(Code::FileTextTooLong, row).at(Some(column)).with(limit, "")
        }
        Unreadable::OutOfMemory { .. } => file(Code::FileMemory),
        Unreadable::OutOfTime => file(Code::FileTime),
        Unreadable::Crashed => file(Code::FileCrash),
    };
    Halt::Unreadable(Box::new(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_why_a_file_cannot_be_read_is_told_with_its_place() {
        let limit = 9;
        for (why, code, row, column, a) in [
            (Unreadable::Empty, Code::FileEmpty, 0, None, ""),
            (Unreadable::UnknownFormat, Code::FileUnknown, 0, None, ""),
            (Unreadable::Damaged("a tag".into()), Code::FileDamaged, 0, None, ""),
            (Unreadable::OpenQuote { row: 6_002 }, Code::FileOpenQuote, 6_002, None, ""),
            (Unreadable::Encrypted, Code::FileEncrypted, 0, None, ""),
            (Unreadable::NoSheet, Code::FileNoSheet, 0, None, ""),
            (Unreadable::FileTooLarge { limit }, Code::FileTooLarge, 0, None, "9"),
            (Unreadable::TooManyEntries { limit }, Code::FileInflates, 0, None, "9"),
            (Unreadable::InflatedTooLarge { limit }, Code::FileInflates, 0, None, "9"),
            (Unreadable::RatioTooHigh { limit }, Code::FileInflates, 0, None, "9"),
            (Unreadable::TooManyRows { limit }, Code::FileTooManyRows, 0, None, "9"),
            (Unreadable::TooManyColumns { row: 4, limit: 9 }, Code::FileTooManyColumns, 4, None, "9"),
            (Unreadable::TooManyCells { row: 4, limit }, Code::FileTooManyCells, 4, None, "9"),
            (Unreadable::RowTooLong { row: 4, limit }, Code::FileTextTooLong, 4, None, "9"),
            (Unreadable::TextTooLong { row: 4, column: 2, limit: 9 }, Code::FileTextTooLong, 4, Some(2), "9"),
            (Unreadable::OutOfMemory { limit }, Code::FileMemory, 0, None, ""),
            (Unreadable::OutOfTime, Code::FileTime, 0, None, ""),
            (Unreadable::Crashed, Code::FileCrash, 0, None, ""),
        ] {
            let Halt::Unreadable(told) = unreadable(why.clone()) else { panic!("{why}: the attempt goes on") };
            assert_eq!((told.code, told.row, told.column, told.a.as_str()), (code, row, column, a), "{why}");
        }
        // What is no fault of the file is tried again.
        assert!(matches!(unreadable(Unreadable::Io("no process".into())), Halt::Interrupted(_)));
    }
}
