//! What a workbook would do to the catalogue, row by row: the outcome of each, and what is found among them.
//!
//! Must not know: the database, HTTP, files, the clock. Goods are looked up by a function that is handed in. Source:
//! contracts/nomenclature.md, 'Workbook'.
//!
//! Rules, beside the contract's: every row of a pair that gets in each other's way is refused, the earlier one too, because
//! nothing says which of them is meant; and rows that are refused for another reason count among the pair.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::nomenclature::barcodes::{self, Ean13};
use crate::nomenclature::matching::{By, Claims, Index, Known, Match, Place, joined_ean13};
use crate::nomenclature::model::{Attributes, Counts, Good, Outcome, Strategy, Subject, Values};
use crate::nomenclature::problems::{Code, Problem, Severity};
use crate::nomenclature::rows::{Columns, Looked, Said};
use crate::nomenclature::text::{fold, shortened};

/// A row with its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Its number.
    pub row: u32,
    /// What becomes of it.
    pub outcome: Outcome,
    /// The good it changes.
    pub old: Option<Old>,
    /// What the good is to be, for a new one and one that changes.
    pub values: Option<Box<Values>>,
    /// Its name, folded.
    pub name_folded: String,
    /// Whether its barcodes are other ones than before.
    pub codes_changed: bool,
    /// Whether its name is another one than before, as names are compared.
    pub name_changed: bool,
}

/// The good that a row changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Old {
    /// The row of its version.
    pub id: i64,
    /// The good.
    pub good: i64,
    /// Its public id.
    pub guid: Uuid,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What became of a row, to be taken back should a later one be in its way.
#[derive(Debug, Clone, Copy)]
struct Note {
    row: u32,
    outcome: Outcome,
    more_live: i8,
    more_archived: i8,
    archives: bool,
}

/// A plan that is being made.
#[derive(Debug)]
pub struct Planner {
    strategy: Strategy,
    by: Attributes,
    index: Index,
    claims: Claims,
    counts: Counts,
    notes: Vec<Note>,
    /// Earlier rows that are refused because of later ones.
    late: Vec<Problem>,
    digest: Sha256,
}

/// How a plan ends.
#[derive(Debug)]
pub struct Ended {
    /// How much of what.
    pub counts: Counts,
    /// Rows that were planned and are refused after all, in the order of the rows.
    pub late: Vec<Problem>,
    /// Goods that no row mentions: they go out of use.
    pub archived: Vec<Known>,
    /// Equal for plans that do the same.
    pub digest: [u8; 32],
}

impl Planner {
    /// A plan against a catalogue.
    #[must_use]
    pub fn new(strategy: Strategy, by: Attributes, index: Index) -> Self {
        let live = i64::try_from(index.live()).unwrap_or(i64::MAX);
        Self {
            strategy,
            by,
            // A list is about as long as the catalogue.
            claims: Claims::with_capacity(index.len()),
            index,
            counts: Counts { live, ..Counts::default() },
            notes: Vec::new(),
            late: Vec::new(),
            digest: Sha256::new(),
        }
    }

    /// How much so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Notes something about the whole file.
    pub fn note(&mut self, problem: &Problem) {
        self.count(problem);
    }

    /// What becomes of a row; what else is found about it is added to its problems. `good` looks up a version of a good by
    /// its row.
    pub fn plan<E>(&mut self, looked: &mut Looked, mut good: impl FnMut(i64) -> Result<Good, E>) -> Result<Planned, E> {
        let row = looked.row;
        // An id says which good it is; without one, and with one that is not of this catalogue, the attributes do.
        let by_id = looked.good.and_then(|good| self.index.place_of(good)).map(Match::One);
        let found = by_id.unwrap_or_else(|| self.index.find(&looked.said, self.by));
        let in_the_way = self.claim_codes(looked);
        let place = match &found {
            Match::One(place) => {
                let place = *place;
                self.index.good_mut(place).mentioned = true;
                self.claim_good(looked, place, in_the_way, &mut good)?;
                self.claim_kept(looked, place, &mut good)?;
                Some(place)
            }
            Match::Many(by, several) => {
                self.index.mention(several);
                looked.found_at(looked.columns.of(*by), Code::ManyGoods, by_word(*by), "");
                None
            }
            Match::None => {
                self.claim_name(looked, in_the_way);
                None
            }
        };
        let mut planned = Planned {
            row,
            outcome: Outcome::Refuse,
            old: None,
            values: None,
            name_folded: String::new(),
            codes_changed: false,
            name_changed: false,
        };
        let mut note = Note { row, outcome: Outcome::Refuse, more_live: 0, more_archived: 0, archives: false };
        if !looked.refused {
            let old = place.map(|place| good(self.index.good(place).id)).transpose()?;
            let values = merged(&mut looked.said, old.as_ref().map(|old| &old.values));
            if let Some((by, code, holder)) = self.taken(&values, place) {
                let holder = good(self.index.good(holder).id)?;
                looked.found_at(looked.columns.of(by), Code::BarcodeTaken, code, shortened(&holder.values.name));
            } else {
                decide(looked, &mut planned, &mut note, old, values);
            }
        }
        if looked.refused {
            planned = Planned { outcome: Outcome::Refuse, values: None, ..planned };
        }
        if planned.values.is_some() {
            planned.name_folded = std::mem::take(&mut looked.said.name_folded);
        }
        note.outcome = planned.outcome;
        self.take_down(looked, &planned, note);
        Ok(planned)
    }

    /// Codes of goods in use stand in one row. Whether one of this row stands in an earlier one too.
    fn claim_codes(&mut self, looked: &mut Looked) -> bool {
        // What is out of use may share its codes.
        if looked.said.archived == Some(true) {
            return false;
        }
        let row = looked.row;
        let mut twice = Vec::new();
        for code in &looked.said.ean13 {
            twice.extend(self.claims.ean13(*code, row).map(|first| (By::Ean13, first, code.to_string())));
        }
        for code in &looked.said.local {
            let print = self.index.fingerprint(code);
            twice.extend(self.claims.local(print, row).map(|first| (By::Local, first, shortened(code))));
        }
        self.refuse_both(looked, &twice);
        !twice.is_empty()
    }

    /// A good that comes back into use brings the codes that it keeps: they count as those of its row.
    fn claim_kept<E>(
        &mut self,
        looked: &mut Looked,
        place: Place,
        good: &mut impl FnMut(i64) -> Result<Good, E>,
    ) -> Result<(), E> {
        let known = *self.index.good(place);
        if !known.archived || looked.said.archived != Some(false) {
            return Ok(());
        }
        let (row, old, mut twice) = (looked.row, good(known.id)?.values, Vec::new());
        if looked.said.ean13.is_empty() {
            for code in barcodes::stored(&old.ean13) {
                let Ok(kept) = Ean13::parse(code) else { continue };
                twice.extend(self.claims.ean13(kept, row).map(|first| (By::Ean13, first, code.to_owned())));
            }
        }
        if looked.said.local.is_empty() {
            for code in barcodes::stored(&old.local) {
                let print = self.index.fingerprint(code);
                twice.extend(self.claims.local(print, row).map(|first| (By::Local, first, shortened(code))));
            }
        }
        self.refuse_both(looked, &twice);
        Ok(())
    }

    fn refuse_both(&mut self, looked: &mut Looked, twice: &[(By, u32, String)]) {
        let row = looked.row;
        for (by, first, code) in twice {
            let column = looked.columns.of(*by);
            looked.found_at(column, Code::BarcodeTwice, code, first);
            self.refuse_late(Problem::of_row(Code::BarcodeTwice, *first).at(column).with(code, row));
        }
    }

    fn claim_good<E>(
        &mut self,
        looked: &mut Looked,
        place: Place,
        told: bool,
        good: &mut impl FnMut(i64) -> Result<Good, E>,
    ) -> Result<(), E> {
        let row = looked.row;
        let known = self.index.good_mut(place);
        let (id, first) = (known.id, known.claimed_by);
        if first == 0 {
            known.claimed_by = row;
        } else if !told {
            let name = shortened(&good(id)?.values.name);
            looked.found(Code::SameGood, first, &name);
            self.refuse_late(Problem::of_row(Code::SameGood, first).with(row, name));
        } else {
            self.refuse_late(Problem::of_row(Code::SameGood, first).with(row, ""));
        }
        Ok(())
    }

    /// Where names find goods, a second row of a new name would find the good of the first one.
    fn claim_name(&mut self, looked: &mut Looked, told: bool) {
        if !self.by.name || looked.said.name_folded.is_empty() {
            return;
        }
        let name = self.index.fingerprint(&looked.said.name_folded);
        let Some(first) = self.claims.name(name, looked.row) else { return };
        let column = looked.columns.name;
        if !told {
            looked.found_at(column, Code::NameTwice, first, "");
        }
        self.refuse_late(Problem::of_row(Code::NameTwice, first).at(column).with(looked.row, ""));
    }

    /// A code of a good in use that another good in use has.
    fn taken<'v>(&self, values: &'v Values, own: Option<Place>) -> Option<(By, &'v str, Place)> {
        if values.archived { None } else { self.index.taken(&values.ean13, &values.local, own) }
    }

    /// Refuses an earlier row because of a later one. Once is enough.
    fn refuse_late(&mut self, problem: Problem) {
        let Ok(at) = self.notes.binary_search_by_key(&problem.row, |note| note.row) else { return };
        let note = self.notes[at];
        if note.outcome == Outcome::Refuse {
            return;
        }
        self.uncount(note);
        self.notes[at].outcome = Outcome::Refuse;
        self.counts.refused += 1;
        self.count(&problem);
        self.late.push(problem);
    }

    fn uncount(&mut self, note: Note) {
        self.tally(note, -1);
    }

    fn tally(&mut self, note: Note, by: i64) {
        let counts = &mut self.counts;
        match note.outcome {
            Outcome::Create => counts.created += by,
            Outcome::Update => counts.updated += by,
            Outcome::Unchanged => counts.unchanged += by,
            Outcome::Refuse => counts.refused += by,
            Outcome::Archive | Outcome::Restore | Outcome::Remove => {}
        }
        if note.outcome != Outcome::Refuse {
            counts.more_live += by * i64::from(note.more_live);
            counts.more_archived += by * i64::from(note.more_archived);
            counts.archived += by * i64::from(note.archives);
        }
    }

    fn count(&mut self, problem: &Problem) {
        match problem.code.severity() {
            Severity::Information => self.counts.infos += 1,
            Severity::Warning => self.counts.warnings += 1,
            Severity::Error => self.counts.errors += 1,
        }
    }

    fn take_down(&mut self, looked: &Looked, planned: &Planned, note: Note) {
        self.counts.rows += 1;
        self.tally(note, 1);
        self.notes.push(note);
        self.digest.update(looked.row.to_le_bytes());
        self.digest.update([planned.outcome.number()]);
        self.digest.update(planned.old.map_or(0, |old| old.good).to_le_bytes());
        for problem in &looked.problems {
            self.count(problem);
            self.take_down_problem(problem);
        }
    }

    fn take_down_problem(&mut self, problem: &Problem) {
        self.digest.update(problem.code.number().to_le_bytes());
        self.digest.update(problem.row.to_le_bytes());
        self.digest.update(problem.column.unwrap_or(u32::MAX).to_le_bytes());
        for fact in [&problem.a, &problem.b] {
            self.digest.update((fact.len() as u64).to_le_bytes());
            self.digest.update(fact.as_bytes());
        }
    }

    /// Ends the plan: there are no more rows.
    #[must_use]
    pub fn end(mut self) -> Ended {
        let mut late = std::mem::take(&mut self.late);
        late.sort_by_key(|problem| problem.row);
        for problem in &late {
            self.take_down_problem(problem);
        }
        let archived: Vec<Known> = match self.strategy {
            Strategy::Full => self.index.unmentioned().copied().collect(),
            Strategy::Incremental => Vec::new(),
        };
        let gone = i64::try_from(archived.len()).unwrap_or(i64::MAX);
        self.counts.archived += gone;
        self.counts.more_live -= gone;
        self.counts.more_archived += gone;
        for known in &archived {
            self.digest.update(known.good.to_le_bytes());
        }
        Ended { counts: self.counts, late, archived, digest: self.digest.finalize().into() }
    }
}

/// What a row that is not refused does to the good it is about.
fn decide(looked: &mut Looked, planned: &mut Planned, note: &mut Note, old: Option<Good>, values: Values) {
    let Some(old) = old else {
        planned.outcome = Outcome::Create;
        planned.codes_changed = !(values.ean13.is_empty() && values.local.is_empty());
        planned.name_changed = true;
        if values.archived {
            note.more_archived = 1;
        } else {
            note.more_live = 1;
        }
        planned.values = Some(Box::new(values));
        return;
    };
    planned.old = Some(Old { id: old.id, good: old.good, guid: old.guid, created_at: old.created_at });
    if old.values == values {
        planned.outcome = Outcome::Unchanged;
        return;
    }
    planned.outcome = Outcome::Update;
    planned.codes_changed = (&old.values.ean13, &old.values.local) != (&values.ean13, &values.local);
    planned.name_changed = old.values.name != values.name && fold(&old.values.name) != looked.said.name_folded;
    match (old.values.archived, values.archived) {
        (false, true) => {
            (note.more_live, note.more_archived, note.archives) = (-1, 1, true);
            looked.found(Code::ArchivedByRow, shortened(&values.name), "");
        }
        (true, false) => {
            (note.more_live, note.more_archived) = (1, -1);
            looked.found(Code::Unarchived, shortened(&values.name), "");
        }
        _ => {}
    }
    planned.values = Some(Box::new(values));
}

impl Looked {
    fn found(&mut self, code: Code, a: impl ToString, b: impl ToString) {
        self.found_at(None, code, a, b);
    }

    fn found_at(&mut self, column: Option<u32>, code: Code, a: impl ToString, b: impl ToString) {
        self.problems.push(Problem::of_row(code, self.row).at(column).with(a, b));
        self.refused |= code.severity() == Severity::Error;
    }
}

impl Columns {
    fn of(self, by: By) -> Option<u32> {
        match by {
            By::Ean13 => self.ean13,
            By::Local => self.local,
            By::Name => self.name,
        }
    }
}

fn by_word(by: By) -> &'static str {
    match by {
        By::Ean13 => "ean13",
        By::Local => "local",
        By::Name => "name",
    }
}

/// What a good is once a row has said something of it: an empty cell leaves what is there. Texts are taken out of `said`.
#[must_use]
pub fn merged(said: &mut Said, old: Option<&Values>) -> Values {
    let kept = |new: Option<String>, old: Option<&Option<String>>| new.or_else(|| old.cloned().flatten());
    Values {
        name: std::mem::take(&mut said.name),
        article: kept(said.article.take(), old.map(|old| &old.article)),
        group: kept(said.group.take(), old.map(|old| &old.group)),
        unit: kept(said.unit.take(), old.map(|old| &old.unit)),
        price: said.price.or(old.and_then(|old| old.price)),
        vat: said.vat.or(old.and_then(|old| old.vat)),
        ean13: codes(joined_ean13(&said.ean13), old.map(|old| &old.ean13)),
        local: codes(joined_local(&mut said.local), old.map(|old| &old.local)),
        subject: said.subject.or(old.map(|old| old.subject)).unwrap_or(Subject::Product),
        archived: said.archived.or(old.map(|old| old.archived)).unwrap_or(false),
    }
}

/// Local codes as they are kept.
fn joined_local(codes: &mut Vec<String>) -> String {
    if codes.len() == 1 { codes.pop().unwrap_or_default() } else { codes.join(",") }
}

/// The codes that a cell gives a good. The same ones in another order change nothing.
fn codes(new: String, old: Option<&String>) -> String {
    let Some(old) = old else { return new };
    if new.is_empty() {
        return old.clone();
    }
    let same = new == *old || new.len() == old.len() && sorted(&new) == sorted(old);
    if same { old.clone() } else { new }
}

fn sorted(joined: &str) -> Vec<&str> {
    let mut codes: Vec<_> = barcodes::stored(joined).collect();
    codes.sort_unstable();
    codes
}

#[cfg(test)]
mod tests;
