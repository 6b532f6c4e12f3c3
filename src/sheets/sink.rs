//! Where the child's readers put what they read: counts it against the limits, packs it into frames and sends them.

use std::io::Write;

use chrono::NaiveDateTime;

use super::detect::Format;
use super::frame::{self, BATCH_BYTES, BATCH_CELLS, BATCH_ROWS, ROW_BYTES};
use super::limits::Limits;
use super::unreadable::Unreadable;

/// What ends a child's reading before the sheet's end.
#[derive(Debug)]
pub enum Stop {
    /// The file.
    File(Unreadable),
    /// Nobody reads any more.
    Deaf(std::io::Error),
    /// Nothing: the sheet has no more, or no rows at all.
    End,
}

impl From<Unreadable> for Stop {
    fn from(why: Unreadable) -> Self {
        Self::File(why)
    }
}

/// Takes a sheet, cell by cell from the upper left.
pub struct Sink<W> {
    out: W,
    limits: Limits,
    /// The frame that is being filled, with room for its length.
    batch: Vec<u8>,
    batch_rows: usize,
    batch_cells: usize,
    /// The row that is being filled; 0: none.
    row: u32,
    hidden: bool,
    last_row: u32,
    /// Its cells, without its head, which needs their number.
    cells: Vec<u8>,
    /// The next column.
    column: u32,
    rows: u64,
    total_cells: u64,
}

impl<W: Write> Sink<W> {
    pub fn new(out: W, limits: Limits) -> Self {
        Self {
            out,
            limits,
            batch: Vec::with_capacity(BATCH_BYTES + (64 << 10)),
            batch_rows: 0,
            batch_cells: 0,
            row: 0,
            hidden: false,
            last_row: 0,
            cells: Vec::with_capacity(16 << 10),
            column: 0,
            rows: 0,
            total_cells: 0,
        }
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Says which sheet is read, and which others there are.
    pub fn opened(&mut self, format: Format, sheet: &str, others: &[String]) -> Result<(), Stop> {
        let mut content = vec![frame::OPENED, format.code()];
        let short = |name: &str| name.chars().take(frame::NAME_CHARACTERS).collect::<String>();
        frame::put_text(&mut content, &short(sheet));
        let others = &others[..others.len().min(frame::OTHER_SHEETS)];
        frame::put(&mut content, others.len() as u64);
        for name in others {
            frame::put_text(&mut content, &short(name));
        }
        self.send(&content)
    }

    /// Begins a row; `number` from 1, above every one before it.
    pub fn begin_row(&mut self, number: u32, hidden: bool) -> Result<(), Stop> {
        if number <= self.last_row {
            let what = format!("row {number} comes after row {}", self.last_row);
            return Err(Unreadable::Damaged(what).into());
        }
        (self.row, self.last_row, self.hidden, self.column) = (number, number, hidden, 0);
        self.cells.clear();
        Ok(())
    }

    /// The row that is being filled.
    pub fn row(&self) -> u32 {
        self.row
    }

    pub fn text(&mut self, column: u32, text: &str) -> Result<(), Stop> {
        if text.is_empty() {
            return Ok(());
        }
        let limit = self.limits.text as usize;
        // There are at least as many bytes as characters.
        if text.len() > limit && text.chars().count() > limit {
            return Err(self.too_long(column));
        }
        self.reach(column)?;
        self.cells.push(frame::TEXT);
        frame::put_text(&mut self.cells, text);
        self.check_row()
    }

    /// That the text in this column is longer than texts may be.
    pub fn too_long(&self, column: u32) -> Stop {
        Unreadable::TextTooLong { row: self.row, column, limit: self.limits.text }.into()
    }

    pub fn number(&mut self, column: u32, number: f64) -> Result<(), Stop> {
        self.reach(column)?;
        self.cells.push(frame::NUMBER);
        self.cells.extend_from_slice(&number.to_le_bytes());
        Ok(())
    }

    pub fn bool(&mut self, column: u32, value: bool) -> Result<(), Stop> {
        self.reach(column)?;
        self.cells.push(if value { frame::TRUE } else { frame::FALSE });
        Ok(())
    }

    pub fn date(&mut self, column: u32, at: NaiveDateTime) -> Result<(), Stop> {
        self.reach(column)?;
        self.cells.push(frame::DATE);
        self.cells.extend_from_slice(&at.and_utc().timestamp_millis().to_le_bytes());
        Ok(())
    }

    pub fn error(&mut self, column: u32, shown: &str) -> Result<(), Stop> {
        self.reach(column)?;
        self.cells.push(frame::ERROR);
        let end = shown.floor_char_boundary(64);
        frame::put_text(&mut self.cells, &shown[..end]);
        Ok(())
    }

    pub fn no_value(&mut self, column: u32) -> Result<(), Stop> {
        self.reach(column)?;
        self.cells.push(frame::NO_VALUE);
        Ok(())
    }

    /// Ends the row; one without cells has not been.
    pub fn end_row(&mut self) -> Result<(), Stop> {
        if self.column == 0 {
            return Ok(());
        }
        self.rows += 1;
        if self.rows > self.limits.rows {
            return Err(Unreadable::TooManyRows { limit: self.limits.rows }.into());
        }
        self.total_cells += u64::from(self.column);
        if self.total_cells > self.limits.cells {
            return Err(Unreadable::TooManyCells { row: self.row, limit: self.limits.cells }.into());
        }
        if self.batch.is_empty() {
            // Its length is known when it is full.
            self.batch.extend_from_slice(&[0, 0, 0, 0, frame::ROWS]);
        }
        frame::put(&mut self.batch, u64::from(self.row));
        self.batch.push(u8::from(self.hidden));
        frame::put(&mut self.batch, u64::from(self.column));
        self.batch.extend_from_slice(&self.cells);
        self.batch_rows += 1;
        self.batch_cells += self.column as usize;
        self.column = 0;
        if self.batch_rows == BATCH_ROWS || self.batch_cells >= BATCH_CELLS || self.batch.len() >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Says that this was all.
    pub fn end(&mut self) -> Result<(), Stop> {
        self.flush()?;
        self.send(&[frame::END])
    }

    /// Sends the rows so far, then why there are no more.
    pub fn fail(&mut self, why: &Unreadable) -> Result<(), Stop> {
        self.flush()?;
        self.send(&frame::failed(why))
    }

    /// Goes to a column: those in between are empty.
    fn reach(&mut self, column: u32) -> Result<(), Stop> {
        if column < self.column {
            let cell = super::column_name(column);
            return Err(Unreadable::Damaged(format!("{cell}{} comes after its neighbour", self.row)).into());
        }
        if column >= self.limits.columns {
            return Err(Unreadable::TooManyColumns { row: self.row, limit: self.limits.columns }.into());
        }
        match column - self.column {
            0 => {}
            1 => self.cells.push(frame::EMPTY),
            gap => {
                self.cells.push(frame::GAP);
                frame::put(&mut self.cells, u64::from(gap));
            }
        }
        self.column = column + 1;
        Ok(())
    }

    fn check_row(&self) -> Result<(), Stop> {
        if self.cells.len() > ROW_BYTES {
            return Err(Unreadable::RowTooLong { row: self.row, limit: ROW_BYTES as u64 }.into());
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Stop> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let length = length_of(self.batch.len() - 4);
        self.batch[..4].copy_from_slice(&length);
        let sent = self.out.write_all(&self.batch).map_err(Stop::Deaf);
        self.batch.clear();
        (self.batch_rows, self.batch_cells) = (0, 0);
        sent
    }

    fn send(&mut self, content: &[u8]) -> Result<(), Stop> {
        let mut whole = length_of(content.len()).to_vec();
        whole.extend_from_slice(content);
        self.out.write_all(&whole).map_err(Stop::Deaf)
    }
}

fn length_of(content: usize) -> [u8; 4] {
    u32::try_from(content).expect("a frame is a few megabytes at most").to_le_bytes()
}
