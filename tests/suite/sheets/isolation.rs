//! What a file can do to the process that reads it, and what becomes of it here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use comptoir::sheets::{Format, Limits, Reader, Rows, Unreadable};
use futures_util::FutureExt;

use super::forge::archive::Entry;
use super::forge::xlsx::Book;
use super::{all, file_of, open, read, reader};

/// More values than the pipe between child and parent has room for: the child waits in the middle.
async fn in_the_middle(limits: Limits) -> (Rows, u32) {
    let text = "0123456789;".repeat(10) + "\n";
    let mut rows = open(limits, "goods.csv", text.repeat(50_000).as_bytes()).await.unwrap();
    assert!(rows.next().await.unwrap().is_some());
    let child = rows.child_id().unwrap();
    (rows, child)
}

/// Waits until a process is no more, or only its remains are left.
async fn gone(process: u32) {
    while fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z")) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_child_has_nothing_but_its_file() {
    let (rows, child) = in_the_middle(Limits { memory: 256 << 20, ..Limits::default() }).await;
    let about = |what: &str| format!("/proc/{child}/{what}");
    assert_eq!(fs::read(about("environ")).unwrap(), b"");
    assert_eq!(fs::read_link(about("cwd")).unwrap(), Path::new("/"));
    let limits = fs::read_to_string(about("limits")).unwrap();
    for (limit, figure) in [
        ("Max address space", "268435456"),
        ("Max cpu time", "60"),
        ("Max core file size", "0"),
        ("Max file size", "0"),
        ("Max open files", "5"),
        ("Max processes", "0"),
    ] {
        let line = limits.lines().find(|line| line.starts_with(limit)).unwrap();
        assert_eq!(line[limit.len()..].split_whitespace().next(), Some(figure), "{line}");
    }
    let status = fs::read_to_string(about("status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    // Beside its file and its two ways out, only what whoever started this test left open to everybody.
    let own = ["0", "1", "2"].map(|number| fs::read_link(about("fd") + "/" + number).unwrap());
    for entry in fs::read_dir(about("fd")).unwrap() {
        let path = entry.unwrap().path();
        let leads = fs::read_link(&path).unwrap();
        let inherited = fs::read_link(Path::new("/proc/self/fd").join(path.file_name().unwrap()));
        assert!(own.contains(&leads) || inherited.is_ok_and(|ours| ours == leads), "{}", path.display());
    }
    drop(rows);
}

#[tokio::test]
async fn a_child_that_is_killed_is_a_reason_and_no_more() {
    let (mut rows, child) = in_the_middle(Limits::default()).await;
    let process = rustix::process::Pid::from_raw(i32::try_from(child).unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    let why = loop {
        match rows.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a part was taken for the whole"),
            Err(why) => break why,
        }
    };
    assert_eq!(why, Unreadable::Crashed);
}

#[tokio::test]
async fn a_child_goes_when_nobody_reads_any_more() {
    let (rows, child) = in_the_middle(Limits::default()).await;
    drop(rows);
    gone(child).await;
}

#[tokio::test]
async fn a_file_that_takes_for_ever_is_given_up() {
    let spaces = vec![b' '; 1 << 20];
    let bomb = Entry::repeated("xl/worksheets/sheet1.xml", b"<worksheet><sheetData>", &spaces, 4_000);
    let limits = Limits { ratio: u64::MAX, inflated: u64::MAX, cpu: Duration::from_secs(1), ..Limits::default() };
    let book = Book::of("").replacing(bomb);
    assert_eq!(read(limits, "goods.xlsx", &book.bytes()).await, Err(Unreadable::OutOfTime));
}

#[tokio::test]
async fn a_file_that_wants_all_memory_gets_none_of_ours() {
    let items = "<si><t>0123456789</t></si>".repeat(100_000);
    let limits = Limits { memory: 64 << 20, ratio: u64::MAX, ..Limits::default() };
    let bomb = Entry::repeated("xl/sharedStrings.xml", b"<sst>", items.as_bytes(), 100);
    let why = read(limits, "goods.xlsx", &Book::of("").shared(&[]).replacing(bomb).bytes()).await;
    assert_eq!(why, Err(Unreadable::OutOfMemory { limit: 64 << 20 }));
}

#[tokio::test]
async fn only_so_many_children_run_at_once() {
    let reader = reader(Limits { children: 1, ..Limits::default() });
    let first = reader.open(file_of(b"a;b\n"), Format::Csv).await.unwrap();
    let other = reader.clone();
    let mut second = Box::pin(other.open(file_of(b"c;d\n"), Format::Csv));
    assert!((&mut second).now_or_never().is_none(), "it has to wait for its turn");
    assert_eq!(all(first).await.unwrap().len(), 1);
    assert_eq!(all(second.await.unwrap()).await.unwrap().len(), 1);
}

/// A child that is none of ours.
fn impostor(folder: &Path, script: &str) -> Reader {
    let program = folder.join("comptoir");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    Reader::new(program, Limits { wait: Duration::from_millis(300), ..Limits::default() })
}

#[tokio::test]
async fn a_child_is_not_believed() {
    // An opening that is in order: format 3 (values), a sheet without a name, no others.
    let opened = "\\004\\000\\000\\000\\001\\003\\000\\000";
    for (script, reason) in [
        ("exit 0", Unreadable::Crashed),
        ("kill -ABRT $$", Unreadable::Crashed),
        ("echo 'memory allocation of 1 bytes failed' >&2; kill -ABRT $$", Unreadable::OutOfMemory { limit: 512 << 20 }),
        ("kill -XCPU $$", Unreadable::OutOfTime),
        ("kill -STOP $$", Unreadable::OutOfTime),
        // Four thousand million bytes follow, it says.
        ("printf '\\377\\377\\377\\377'; kill -STOP $$", Unreadable::Crashed),
        // A frame of nothing; of no kind; rows before the sheet.
        ("printf '\\000\\000\\000\\000'", Unreadable::Crashed),
        ("printf '\\001\\000\\000\\000\\011'", Unreadable::Crashed),
        ("printf '\\001\\000\\000\\000\\003'", Unreadable::Crashed),
        // Nothing after the sheet; the sheet twice; a row of more cells than there are bytes; row 0; a text of no UTF-8.
        (&format!("printf '{opened}'"), Unreadable::Crashed),
        (&format!("printf '{opened}{opened}'"), Unreadable::Crashed),
        (&format!("printf '{opened}\\005\\000\\000\\000\\002\\001\\000\\377\\177'"), Unreadable::Crashed),
        (&format!("printf '{opened}\\005\\000\\000\\000\\002\\000\\000\\001\\010'"), Unreadable::Crashed),
        (&format!("printf '{opened}\\007\\000\\000\\000\\002\\001\\000\\001\\002\\001\\377'"), Unreadable::Crashed),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let reader = impostor(folder.path(), script);
        let read = async {
            let rows = reader.open(file_of(b"a"), Format::Csv).await?;
            all(rows).await
        };
        assert_eq!(read.await, Err(reason), "{script}");
    }
    let folder = tempfile::tempdir().unwrap();
    let good = format!("printf '{opened}\\006\\000\\000\\000\\002\\001\\000\\001\\002\\000\\001\\000\\000\\000\\003'");
    let reader = impostor(folder.path(), &good);
    let rows = all(reader.open(file_of(b"a"), Format::Csv).await.unwrap()).await.unwrap();
    assert_eq!(rows.len(), 1, "the bytes above are what they are taken for");
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_worth_another_attempt() {
    let reader = Reader::new("/nowhere/comptoir".into(), Limits::default());
    let why = reader.open(file_of(b"a"), Format::Csv).await.unwrap_err();
    assert!(why.is_transient() && why.to_string().contains("/nowhere/comptoir"), "{why}");
}

#[tokio::test]
async fn a_file_is_read_from_its_beginning_wherever_its_position_is() {
    use std::io::{Seek, SeekFrom};
    let mut file = file_of(b"a;b\n1;2\n");
    file.seek(SeekFrom::End(0)).unwrap();
    let rows = reader(Limits::default()).open(file, Format::Csv).await.unwrap();
    assert_eq!(all(rows).await.unwrap().len(), 2);
}
