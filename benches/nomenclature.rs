//! An import of 100 000 rows and 12 columns into a catalogue of 100 000 goods, over HTTP and against its bounds: from the
//! upload to the question, and from the confirmation to the end. Beside it, in the same run: a bare streaming read of the
//! same workbook with a bare bulk insert of its rows, and the script a team would write with openpyxl and sqlite3.
//! Meanwhile somebody keeps asking for a small page.
//!
//! `cargo bench --bench nomenclature`. The script runs in a virtual environment that is made under the temporary folder,
//! or in the one whose Python `COMPTOIR_BENCH_PYTHON` names; without openpyxl its part is left out, and said so.

#![allow(clippy::print_stdout, reason = "figures are what a measurement is for")]

mod goods;
mod load;

use std::fs;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use calamine::{DataRef, Reader as _, Xlsx};
use rusqlite::{Connection, params_from_iter, types::Value as Sql};
use serde_json::Value;

use load::Server;

const ROUNDS: u32 = 3;
/// How much longer than the bare read and the bare insert together the import may take.
const BARE_BOUND: f64 = 2.0;
/// How many times faster than the script it must be.
const SCRIPT_BOUND: f64 = 4.5;
/// What the server may take, in megabytes.
const SERVER_BOUND: f64 = 150.0;
/// What the child that reads may take, in megabytes.
const CHILD_BOUND: f64 = 300.0;
/// What 99 of 100 small requests are to be answered in meanwhile, in milliseconds.
const WAIT_BOUND: f64 = 50.0;

/// How often somebody asks meanwhile.
const ASK_EVERY: Duration = Duration::from_millis(4);
/// How often it is looked how far the import is.
const LOOK_EVERY: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    // `cargo test --all-targets` starts this program too, without the word.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let folder = load::folder();
    let books: Vec<_> = (0..=ROUNDS)
        .map(|round| {
            let path = folder.path().join(format!("edition-{round}.xlsx"));
            goods::edition(&path, false, round);
            path
        })
        .collect();
    let server = Server::comptoir();
    let client = Client::new(&server);
    let made = client.import(&books[0]);
    println!(
        "{} rows × {} columns ({:.1} MB), all of them new: {:.2?} to the question, {:.2?} to the end",
        goods::ROWS,
        goods::COLUMNS.len(),
        megabytes(&books[0]),
        made.asked,
        made.done
    );
    let (mut bare, mut imports, mut waits) = (Vec::new(), Vec::new(), Vec::new());
    let database = folder.path().join("bare.db");
    let mut child = 0.0_f64;
    for book in &books[1..] {
        let (read, insert) = bare_import(book, &database);
        println!("bare: read {read:.2?}, insert {insert:.2?}");
        bare.push((read + insert).as_secs_f64());
        let watch = Watch::begin(&server, &client.token);
        let import = client.import(book);
        let seen = watch.end();
        println!(
            "import of changed prices: {:.2?} to the question, {:.2?} to the end; {} requests meanwhile, p99 {:.1} ms",
            import.asked,
            import.done,
            seen.waits.len(),
            percentile(&seen.waits, 99)
        );
        imports.push((import.asked + import.done).as_secs_f64());
        waits.extend(seen.waits);
        child = child.max(seen.child);
    }
    waits.sort_unstable();
    let (import, bare) = (load::median(imports), load::median(bare));
    let peak = server.memory("VmHWM");
    let wait = percentile(&waits, 99);
    let mut good = true;
    let mut judge = |what: &str, figure: f64, unit: &str, bound: f64, holds: bool| {
        println!("{what}: {figure:.2}{unit} (bound {bound}{unit}){}", if holds { "" } else { " MISSED" });
        good &= holds;
    };
    println!("import {import:.2} s, bare read and insert {bare:.2} s (medians of {ROUNDS})");
    judge("import over bare read and insert", import / bare, "×", BARE_BOUND, import / bare <= BARE_BOUND);
    judge("server's peak memory", peak, " MB", SERVER_BOUND, peak <= SERVER_BOUND);
    judge("child's peak memory", child, " MB", CHILD_BOUND, child <= CHILD_BOUND);
    judge("p99 of a small GET meanwhile", wait, " ms", WAIT_BOUND, wait <= WAIT_BOUND);
    match script(folder.path(), &books[1], &database) {
        Some(took) => {
            judge("faster than openpyxl and sqlite3", took / import, "×", SCRIPT_BOUND, took / import >= SCRIPT_BOUND);
        }
        None => println!("left out: the script with openpyxl, which could not be installed"),
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How long an import took.
struct Took {
    /// From the upload to the question.
    asked: Duration,
    /// From the confirmation to the end.
    done: Duration,
}

/// The contract's client: what its answers say is all it knows.
struct Client {
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Client {
    fn new(server: &Server) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (http, token) = (reqwest::Client::new(), server.sign_in());
        let url = format!("http://{}/comptoir/v1/companies/comptoir", server.address);
        let company: Value = runtime.block_on(async {
            let answer = http.get(url).bearer_auth(&token).send().await.expect("an answer");
            answer.json().await.expect("the company")
        });
        let organization = company["guid"].as_str().expect("a GUID");
        let base = format!("http://{}/v5/orgs/{organization}/async/imports/nomenclature", server.address);
        Self { runtime, http, base, token }
    }

    /// Imports a workbook and confirms what is asked.
    fn import(&self, path: &Path) -> Took {
        self.runtime.block_on(async {
            let bytes = fs::read(path).expect("the workbook");
            let began = Instant::now();
            let request = self
                .http
                .post(format!("{}:new.xlsx", self.base))
                .body(bytes)
                .header("content-type", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
            let task = self.answered(request).await;
            let task = task["guid"].as_str().expect("a task").to_owned();
            let plan = self.until(&task, "WaitingForFeedback").await;
            let asked = began.elapsed();
            let errors = plan["resolutions"].as_array().expect("resolutions").iter();
            let errors: Vec<_> = errors.filter(|resolution| resolution["type"] == "Error").collect();
            assert!(errors.is_empty(), "{errors:?}");
            let began = Instant::now();
            self.answered(self.http.post(format!("{}/{task}/confirm", self.base))).await;
            self.until(&task, "Completed").await;
            Took { asked, done: began.elapsed() }
        })
    }

    async fn until(&self, task: &str, status: &str) -> Value {
        loop {
            let task = self.answered(self.http.get(format!("{}/{task}", self.base))).await;
            let reached = task["status"].as_str().expect("a status");
            if reached == status {
                return task;
            }
            assert!(matches!(reached, "InQueue" | "InProgress"), "{task}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn answered(&self, request: reqwest::RequestBuilder) -> Value {
        let request = request
            .bearer_auth(&self.token)
            .header("Accept-Language", "ru-RU")
            .header("X-LP-Client-Identifier", "bench")
            .header("X-LP-Client-Type", "Service");
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let body = answer.text().await.expect("a body");
        assert!(status.is_success(), "{status}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }
}

/// What is seen of the server from outside while it works.
struct Seen {
    /// How long small requests took.
    waits: Vec<Duration>,
    /// The peak memory of its children, in megabytes.
    child: f64,
}

struct Watch {
    going: Arc<AtomicBool>,
    asking: JoinHandle<Vec<Duration>>,
    looking: JoinHandle<f64>,
}

impl Watch {
    fn begin(server: &Server, token: &str) -> Self {
        let going = Arc::new(AtomicBool::new(true));
        let (address, request) = (server.address, load::get("/comptoir/v1/me", Some(token)));
        let go = Arc::clone(&going);
        let asking = std::thread::spawn(move || load::block_on(ask(address, request, go)));
        let (server, go) = (server.id(), Arc::clone(&going));
        let looking = std::thread::spawn(move || {
            let mut peak = 0.0_f64;
            while go.load(Ordering::Relaxed) {
                peak = children(server).into_iter().map(|child| peak_memory(&child)).fold(peak, f64::max);
                std::thread::sleep(LOOK_EVERY);
            }
            peak
        });
        Self { going, asking, looking }
    }

    fn end(self) -> Seen {
        self.going.store(false, Ordering::Relaxed);
        let mut waits = self.asking.join().expect("the asking thread");
        waits.sort_unstable();
        Seen { waits, child: self.looking.join().expect("the looking thread") }
    }
}

/// Asks at a steady pace, so that a slow answer does not make the next question late and itself look rare.
async fn ask(address: SocketAddr, request: Vec<u8>, going: Arc<AtomicBool>) -> Vec<Duration> {
    let mut client = load::Client::connect(address).await;
    let mut waits = Vec::new();
    let mut due = Instant::now();
    while going.load(Ordering::Relaxed) {
        tokio::time::sleep_until(due.into()).await;
        let (status, _) = client.exchange(&request).await;
        assert_eq!(status, 200);
        // From when it should have been asked.
        waits.push(due.elapsed());
        due += ASK_EVERY;
    }
    waits
}

/// The processes that `parent` started.
fn children(parent: u32) -> Vec<String> {
    let processes =
        fs::read_dir("/proc").expect("processes").filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_child = |process: &String| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok()) == Some(parent)
    };
    processes.filter(|name| name.bytes().all(|digit| digit.is_ascii_digit())).filter(is_child).collect()
}

fn peak_memory(process: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u32>().ok());
    f64::from(kilobytes.unwrap_or(0)) * 1024.0 / 1e6
}

/// The same rows without anything: read cell by cell in this process, put into a table in one transaction.
fn bare_import(book: &Path, database: &Path) -> (Duration, Duration) {
    let began = Instant::now();
    let file = BufReader::new(fs::File::open(book).expect("the workbook"));
    let mut workbook: Xlsx<_> = Xlsx::new(file).expect("a workbook");
    let name = workbook.sheet_names()[0].clone();
    let mut cells = workbook.worksheet_cells_reader(&name).expect("a sheet");
    let mut rows: Vec<Vec<Sql>> = Vec::with_capacity(goods::ROWS as usize);
    let mut row = vec![Sql::Null; goods::COLUMNS.len()];
    let mut at = 0;
    while let Some(cell) = cells.next_cell().expect("a cell") {
        let (number, column) = cell.get_position();
        if number != at {
            rows.push(std::mem::replace(&mut row, vec![Sql::Null; goods::COLUMNS.len()]));
            at = number;
        }
        row[column as usize] = match cell.get_value() {
            DataRef::String(text) => Sql::Text(text.clone()),
            DataRef::SharedString(text) => Sql::Text((*text).to_owned()),
            DataRef::Float(value) => Sql::Real(*value),
            other => panic!("{other:?}"),
        };
    }
    rows.push(row);
    let read = began.elapsed();
    for name in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{name}", database.display()));
    }
    let began = Instant::now();
    let mut connection = Connection::open(database).expect("a database");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE goods (
                 id INTEGER PRIMARY KEY, name TEXT, article TEXT, group_path TEXT, unit TEXT, price INTEGER, vat INTEGER,
                 ean13 TEXT, local TEXT, subject TEXT, archived INTEGER, supplier TEXT, note TEXT
             );
             CREATE INDEX goods_by_ean13 ON goods (ean13);
             CREATE INDEX goods_by_name ON goods (name);",
        )
        .expect("a table");
    let transaction = connection.transaction().expect("a transaction");
    {
        let mut insert = transaction
            .prepare(
                "INSERT INTO goods (name, article, group_path, unit, price, vat, ean13, local, subject, archived, supplier,
                                    note)
                 VALUES (?1, ?2, ?3, ?4, ?5 * 100, ?6, printf('%d', ?7), ?8, ?9, ?10 = 'да', ?11, ?12)",
            )
            .expect("a statement");
        for row in rows.into_iter().skip(1) {
            insert.execute(params_from_iter(row)).expect("a row");
        }
    }
    transaction.commit().expect("a commit");
    (read, began.elapsed())
}

/// What the script takes to update the goods that the bare insert left, in seconds.
fn script(folder: &Path, book: &Path, database: &Path) -> Option<f64> {
    let python = python(folder)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/openpyxl_import.py");
    let output = Command::new(python).arg(script).args([book, database]).output().expect("the script runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_str(&said).expect("a line of JSON");
    assert_eq!((told["updated"].as_u64(), told["refused"].as_u64()), (Some(goods::ROWS.into()), Some(0)), "{told}");
    let took = told["seconds"].as_f64().expect("seconds");
    println!("openpyxl and sqlite3: {took:.2} s");
    Some(took)
}

/// A Python that has openpyxl.
fn python(folder: &Path) -> Option<PathBuf> {
    let works = |python: &PathBuf| {
        let output = Command::new(python).args(["-c", "import openpyxl"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    if let Some(named) = std::env::var_os("COMPTOIR_BENCH_PYTHON").map(PathBuf::from) {
        return works(&named).then_some(named);
    }
    let system = PathBuf::from("python3");
    if works(&system) {
        return Some(system);
    }
    let environment = folder.join("venv");
    Command::new("python3").args(["-m", "venv"]).arg(&environment).output().ok()?;
    Command::new(environment.join("bin/pip")).args(["install", "--quiet", "openpyxl==3.1.5"]).output().ok()?;
    Some(environment.join("bin/python")).filter(works)
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
}

#[expect(clippy::cast_precision_loss, reason = "megabytes with one decimal")]
fn megabytes(path: &Path) -> f64 {
    fs::metadata(path).expect("the file").len() as f64 / 1e6
}
