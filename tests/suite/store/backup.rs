//! Copies of the file, taken while the store goes on.

use std::fs;
use std::io::{Seek, SeekFrom, Write};

use comptoir::store::{Checkpoints, Conn, CopyError, OpenOptions, Part, Store, StoreError};

use super::{Place, ids, insert};

/// So many rows of half a mebibyte: several steps of a copy.
const ROWS: i64 = 16;

async fn filled(place: &Place) -> Store {
    let store = place.open();
    for id in 0..ROWS {
        let written = store.write(move |tx| {
            tx.execute("INSERT INTO item (id, body) VALUES (?1, randomblob(524288))", [id])?;
            Ok::<_, StoreError>(())
        });
        written.await.unwrap();
    }
    store
}

#[expect(clippy::unnecessary_wraps, reason = "other findings come from a query")]
fn nothing_else(_: &Conn) -> Result<Vec<String>, StoreError> {
    Ok(Vec::new())
}

fn open(path: std::path::PathBuf, place: &Place) -> Store {
    Store::open(OpenOptions { path, ..place.server() }).unwrap()
}

/// Has `f` run where blocking is allowed.
async fn aside<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(f).await.unwrap()
}

#[tokio::test]
async fn a_copy_is_of_one_instant_and_never_begins_again_though_every_step_is_followed_by_a_commit() {
    let place = Place::new();
    let store = filled(&place).await;
    let (copy, part) = (place.db().with_file_name("copy.db"), place.db().with_file_name("copy.part"));
    let (kept, own) = (copy.clone(), store.clone());
    let (steps, bytes) = aside(move || {
        let mut done = Vec::new();
        let part = Part::begin(&part).unwrap();
        let watch = &mut |copying: comptoir::store::Copying| {
            let id = ROWS + i64::try_from(done.len()).unwrap();
            own.write_blocking(move |tx| insert(tx, id)).unwrap();
            done.push(copying.done);
            true
        };
        let (snapshot, findings) = own.copy_to(&part, &nothing_else, watch).unwrap();
        assert_eq!(findings, Vec::<String>::new());
        assert_eq!(snapshot.rows, [("item".to_owned(), ROWS), ("part".to_owned(), 0)]);
        part.keep(&kept).unwrap();
        (done, snapshot.bytes)
    })
    .await;
    assert!(steps.len() >= 8, "{steps:?}");
    assert!(steps.is_sorted(), "it began again: {steps:?}");
    assert_eq!(
        steps.len() as u64,
        bytes.div_ceil(1 << 20) - 1,
        "as many steps as there are mebibytes, the last one aside"
    );
    assert_eq!(ids(&store).len(), usize::try_from(ROWS).unwrap() + steps.len(), "the writer went on");
    let header = fs::read(&copy).unwrap();
    assert_eq!(header[18..20], [1, 1], "a copy is a file by itself, not one with a log");
    assert_eq!(ids(&open(copy, &place)), (0..ROWS).collect::<Vec<_>>());
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_a_copy() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let store = filled(&place).await;
    let copy = place.db().with_file_name("copy.db");
    let kept = copy.clone();
    aside(move || {
        let part = Part::begin(&kept.with_extension("part")).unwrap();
        let mode = fs::metadata(part.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "from its first byte");
        store.copy_to(&part, &nothing_else, &mut |_| true).unwrap();
        part.keep(&kept).unwrap();
    })
    .await;
    assert_eq!(fs::metadata(copy).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_copy_that_is_stopped_leaves_nothing() {
    let place = Place::new();
    let store = filled(&place).await;
    let part = place.db().with_file_name("copy.part");
    let stopped = aside(move || {
        let part = Part::begin(&part).unwrap();
        let mut steps = 0;
        store.copy_to(&part, &nothing_else, &mut |_| {
            steps += 1;
            steps < 3
        })
    })
    .await;
    assert!(matches!(stopped, Err(CopyError::Stopped)), "{stopped:?}");
    assert!(!place.siblings().iter().any(|name| name.starts_with("copy")), "{:?}", place.siblings());
}

#[tokio::test]
async fn a_copy_that_the_disk_gives_back_otherwise_is_no_copy() {
    let place = Place::new();
    let store = filled(&place).await;
    let path = place.db().with_file_name("copy.part");
    let copied = aside(move || {
        let part = Part::begin(&path).unwrap();
        store.copy_to(&part, &nothing_else, &mut |copying| {
            // Pages that went by long ago; both are within one table's tree.
            if copying.done > 4 << 20 {
                let mut file = fs::File::options().write(true).open(&path).unwrap();
                file.seek(SeekFrom::Start(4096 * 3)).unwrap();
                file.write_all(&[0xA5; 4096 * 2]).unwrap();
            }
            true
        })
    })
    .await;
    assert!(matches!(copied, Err(CopyError::NotWhole(_))), "{copied:?}");
    assert!(!place.siblings().iter().any(|name| name.starts_with("copy")));
}

#[test]
fn what_a_kill_has_left_is_swept_and_what_somebody_makes_is_not() {
    let place = Place::new();
    let (left, made) = (place.db().with_file_name("left.part"), place.db().with_file_name("made.part"));
    fs::write(&left, "half of it").unwrap();
    let part = Part::begin(&made).unwrap();
    assert!(Part::sweep(&left).unwrap());
    assert!(!Part::sweep(&made).unwrap());
    assert_eq!(place.siblings(), ["made.part"]);
    drop(part);
    assert_eq!(place.siblings(), [""; 0]);
}

#[tokio::test]
async fn somebody_elses_checkpoints_are_left_to_them() {
    for (checkpoints, own) in [(Checkpoints::Own, true), (Checkpoints::External, false)] {
        let place = Place::new();
        let options = || OpenOptions { checkpoints, ..place.server() };
        let size = |name: &str| fs::metadata(place.db().with_file_name(name)).map_or(0, |file| file.len());
        let store = Store::open(options()).unwrap();
        store.checkpoint().await.unwrap();
        let before = size("test.db");
        for id in 0..40 {
            let written = store.write(move |tx| {
                tx.execute("INSERT INTO item (id, body) VALUES (?1, zeroblob(524288))", [id])?;
                Ok::<_, StoreError>(())
            });
            written.await.unwrap();
        }
        // A thread does it beside the writer: small writes go on until it has begun.
        let mut more = 200;
        while own && size("test.db") == before {
            assert!(more < 100_000, "nothing is brought into the file");
            store.write(move |tx| insert(tx, more)).await.unwrap();
            more += 1;
        }
        assert_eq!(size("test.db") > before, own, "as the log grows");
        store.checkpoint().await.unwrap();
        assert_eq!(size("test.db-wal") == 0, own, "when it is asked for");
        store.write(|tx| insert(tx, 100)).await.unwrap();
        store.close().await.unwrap();
        assert_eq!(size("test.db-wal") == 0, own, "when it is closed");
        let (kept, small) = (ids(&Store::open(options()).unwrap()).len(), usize::try_from(more - 200).unwrap());
        assert_eq!(kept, 41 + small, "nothing is lost");
    }
}
