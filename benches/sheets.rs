//! Reading a workbook of 100 000 rows and 12 columns through a child process, beside calamine reading the same file cell by
//! cell in this process: wall time, and the memory of child and parent.
//!
//! `cargo bench --bench sheets`

#![allow(clippy::print_stdout, reason = "figures are what a measurement is for")]

mod goods;

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use calamine::{DataRef, Reader as _, Xlsx};
use comptoir::sheets::{Cell, Format, Limits, Reader};

const ROUNDS: usize = 7;
/// How much longer than the bare reader the child may take.
const BOUND: f64 = 1.1;
/// What the child may take, in megabytes.
const CHILD_BOUND: f64 = 300.0;
/// What the parent may grow by, in megabytes.
const PARENT_BOUND: f64 = 16.0;

#[tokio::main]
async fn main() -> ExitCode {
    // `cargo test --all-targets` starts this program too, without the word.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut good = true;
    for (name, through) in [("texts in a shared table", false), ("texts in their cells", true)] {
        let path = folder.path().join("goods.xlsx");
        goods::workbook(&path, through);
        good &= compare(name, &path).await;
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn compare(name: &str, path: &Path) -> bool {
    let size = fs::metadata(path).expect("the workbook").len();
    let (mut bare, mut isolated) = (Vec::new(), Vec::new());
    let (mut child, mut grown) = (0.0_f64, 0.0_f64);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let cells = calamine_reads(path);
        bare.push(began.elapsed());
        let before = memory("self", "VmRSS");
        let began = Instant::now();
        let (read, peak) = child_reads(path).await;
        isolated.push(began.elapsed());
        grown = grown.max(memory("self", "VmRSS") - before);
        child = child.max(peak);
        assert_eq!(read, cells, "both read the same cells");
    }
    let (bare, isolated) = (median(bare), median(isolated));
    let ratio = isolated.as_secs_f64() / bare.as_secs_f64();
    println!(
        "{} rows × {} columns, {name} ({:.1} MB): calamine in this process {bare:.0?}, through a child {isolated:.0?} \
         ({ratio:.2} times, bound {BOUND}); child {child:.0} MB (bound {CHILD_BOUND:.0}), parent +{grown:.0} MB",
        goods::ROWS,
        goods::COLUMNS.len(),
        megabytes(size),
    );
    ratio <= BOUND && child <= CHILD_BOUND && grown <= PARENT_BOUND
}

/// The cells that are not empty, and how many bytes of text they hold.
fn calamine_reads(path: &Path) -> (usize, usize) {
    let file = BufReader::new(fs::File::open(path).expect("the workbook"));
    let mut book: Xlsx<_> = Xlsx::new(file).expect("a workbook");
    let name = book.sheet_names()[0].clone();
    let mut cells = book.worksheet_cells_reader(&name).expect("a sheet");
    let (mut count, mut bytes) = (0, 0);
    while let Some(cell) = cells.next_cell().expect("a cell") {
        match cell.get_value() {
            DataRef::Empty => continue,
            DataRef::String(text) => bytes += text.len(),
            DataRef::SharedString(text) => bytes += text.len(),
            _ => {}
        }
        count += 1;
    }
    (count, bytes)
}

async fn child_reads(path: &Path) -> ((usize, usize), f64) {
    let reader = Reader::new(PathBuf::from(env!("CARGO_BIN_EXE_comptoir")), Limits::default());
    let file = fs::File::open(path).expect("the workbook");
    let mut rows = reader.open(file, Format::Xlsx).await.expect("a sheet");
    let (mut count, mut bytes, mut peak) = (0, 0, 0.0_f64);
    while let Some(batch) = rows.next().await.expect("rows") {
        for cell in batch.iter().flat_map(|row| &row.cells) {
            match cell {
                Cell::Empty => continue,
                Cell::Text(text) => bytes += text.len(),
                _ => {}
            }
            count += 1;
        }
        if let Some(child) = rows.child_id() {
            peak = peak.max(memory(&child.to_string(), "VmHWM"));
        }
    }
    ((count, bytes), peak)
}

/// A line of a process's status, in megabytes; 0 once it has ended.
fn memory(process: &str, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u32>().ok());
    f64::from(kilobytes.unwrap_or(0)) * 1024.0 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "megabytes with one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
