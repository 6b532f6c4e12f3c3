//! How commands print lists: aligned columns for people, one JSON array for programs.

use std::io::{self, Write};

use serde_json::{Map, Value};

/// A list to print: column names and rows of values.
pub struct Table {
    columns: &'static [&'static str],
    rows: Vec<Vec<Value>>,
}

impl Table {
    /// An empty list with these columns.
    pub fn new(columns: &'static [&'static str]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row: one value a column.
    pub fn row(&mut self, values: impl IntoIterator<Item = Value>) {
        self.rows.push(values.into_iter().collect());
    }

    /// Prints it.
    pub fn print(&self, json: bool) {
        let mut out = io::stdout().lock();
        // A reader that went away (`| head`) is no failure of the command.
        let _ = if json { self.write_json(&mut out) } else { self.write_text(&mut out) };
    }

    fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                let fields = self.columns.iter().zip(row).map(|(name, value)| ((*name).to_owned(), value.clone()));
                Value::Object(fields.collect::<Map<_, _>>())
            })
            .collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&rows)?)
    }

    fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        let cells: Vec<Vec<String>> = self.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, name)| {
                cells.iter().map(|row| row[at].chars().count()).chain([name.chars().count()]).max().unwrap_or(0)
            })
            .collect();
        let line = |texts: Vec<&str>| {
            let padded = texts.iter().zip(&widths).map(|(text, width)| format!("{text:width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        writeln!(out, "{}", line(self.columns.to_vec()))?;
        for row in &cells {
            writeln!(out, "{}", line(row.iter().map(String::as_str).collect()))?;
        }
        Ok(())
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_empty_lists_keep_their_head() {
        let mut table = Table::new(&["name", "enabled"]);
        let mut out = Vec::new();
        table.write_text(&mut out).expect("memory");
        assert_eq!(String::from_utf8_lossy(&out), "name  enabled\n");
        table.row(["Олена".into(), true.into()]);
        table.row(["x".into(), Value::Null]);
        let mut out = Vec::new();
        table.write_text(&mut out).expect("memory");
        assert_eq!(String::from_utf8_lossy(&out), "name   enabled\nОлена  yes\nx      -\n");
    }
}
