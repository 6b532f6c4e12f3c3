//! What a file may cost, and how the child is told.

use std::time::Duration;

/// What reading one file may cost. Each has a setting `sheets.*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Address space of the child, in bytes: shared texts, and whole `.xls` and `.ods` files, are what it is spent on.
    pub memory: u64,
    /// Processor time of the child, in whole seconds.
    pub cpu: Duration,
    /// How long the parent waits for the child in all; what the parent itself takes between two batches does not count.
    pub wait: Duration,
    /// Children that run at once; further files wait for their turn.
    pub children: usize,
    /// Bytes of a file.
    pub file: u64,
    /// Bytes of an `.xls` or `.ods` file, which is held in memory as a whole.
    pub held_file: u64,
    /// Entries of an archive.
    pub entries: u64,
    /// How many bytes may come out of an archive for each byte that went in; archives below 16 MiB inflated pass.
    pub ratio: u64,
    /// Bytes of all entries of an archive, inflated.
    pub inflated: u64,
    /// Rows that have a cell.
    pub rows: u64,
    /// Columns of a row.
    pub columns: u32,
    /// Cells of the sheet; empty ones to the left of others count, as they take memory where rows are used.
    pub cells: u64,
    /// Characters of a text: 32 767 is what Excel itself allows.
    pub text: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 512 << 20,
            cpu: Duration::from_mins(1),
            wait: Duration::from_mins(3),
            children: 2,
            file: 100 << 20,
            held_file: 20 << 20,
            entries: 4_096,
            ratio: 250,
            inflated: 4 << 30,
            rows: 1_000_000,
            columns: 16_384,
            cells: 50_000_000,
            text: 32_767,
        }
    }
}

impl Limits {
    /// As one argument of the child: numbers in the order of [`Limits::of_argument`].
    pub(super) fn to_argument(self) -> String {
        let numbers = [
            self.memory,
            self.cpu.as_secs(),
            self.file,
            self.held_file,
            self.entries,
            self.ratio,
            self.inflated,
            self.rows,
            u64::from(self.columns),
            self.cells,
            u64::from(self.text),
        ];
        numbers.map(|number| number.to_string()).join(",")
    }

    /// Reads what [`Limits::to_argument`] wrote. What concerns the parent alone keeps its default.
    pub(super) fn of_argument(text: &str) -> Option<Self> {
        let numbers: Vec<u64> = text.split(',').map(|number| number.parse().ok()).collect::<Option<_>>()?;
        let [memory, cpu, file, held_file, entries, ratio, inflated, rows, columns, cells, text] = *numbers else {
            return None;
        };
        Some(Self {
            memory,
            cpu: Duration::from_secs(cpu),
            file,
            held_file,
            entries,
            ratio,
            inflated,
            rows,
            columns: u32::try_from(columns).ok()?,
            cells,
            text: u32::try_from(text).ok()?,
            ..Self::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_child_is_told_is_what_was_set() {
        let limits = Limits { memory: 1, text: 2, columns: 3, cells: u64::MAX, ..Limits::default() };
        assert_eq!(Limits::of_argument(&limits.to_argument()), Some(limits));
        for text in ["", "1", "1,2,x", &format!("{},1", limits.to_argument())] {
            assert_eq!(Limits::of_argument(text), None, "{text}");
        }
    }
}
