//! How commands print: the one way to standard output, secrets that are shown once, and lists: aligned columns for
//! people, one JSON array for programs.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::CliError;

/// Writes `text` to standard output, all of it or an error.
pub fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Prints a command's answer. A reader that went away (`| head`) is no failure of the command.
pub fn print(text: &str) -> Result<(), CliError> {
    match write(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CliError::Unsaid(error)),
        _ => Ok(()),
    }
}

/// Prints an answer of one line.
pub fn say(line: &str) -> Result<(), CliError> {
    print(&format!("{line}\n"))
}

/// A secret that exists nowhere else.
pub struct ShownOnce<'a> {
    /// What it is.
    pub what: &'static str,
    /// The secret.
    pub secret: &'a str,
    /// What to run should it be lost.
    pub remedy: String,
}

impl ShownOnce<'_> {
    /// Prints `line` and the secret below it. That nobody reads them is a failure: the secret is lost then.
    pub fn say(self, line: &str) -> Result<(), CliError> {
        let Self { what, secret, remedy } = self;
        write(&format!("{line}\n{what} (shown this once): {secret}\n")).map_err(|source| CliError::Unshown {
            what,
            remedy,
            source,
        })
    }
}

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
    pub fn print(&self, json: bool) -> Result<(), CliError> {
        print(&if json { self.to_json() } else { self.to_text() })
    }

    fn to_json(&self) -> String {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                let fields = self.columns.iter().zip(row).map(|(name, value)| ((*name).to_owned(), value.clone()));
                Value::Object(fields.collect::<Map<_, _>>())
            })
            .collect();
        let text = serde_json::to_string_pretty(&rows).expect("a JSON value serialises");
        format!("{text}\n")
    }

    /// Aligned columns.
    pub fn to_text(&self) -> String {
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
            format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
        };
        let rows = cells.iter().map(|row| line(row.iter().map(String::as_str).collect()));
        [line(self.columns.to_vec())].into_iter().chain(rows).collect()
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
        assert_eq!(table.to_text(), "name  enabled\n");
        table.row(["Олена".into(), true.into()]);
        table.row(["x".into(), Value::Null]);
        assert_eq!(table.to_text(), "name   enabled\nОлена  yes\nx      -\n");
    }
}
