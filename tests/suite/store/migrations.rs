//! From one format to the next: a copy first, all or nothing, and never under a running server.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use comptoir::clock::{Clock, Timestamp};
use comptoir::store::{Migration, OpenError, OpenOptions, Store, StoreError};
use rusqlite::Connection;

use super::{ITEMS, Place, ids, insert};

static TWO: &[Migration] =
    &[ITEMS[0], Migration { number: 2, name: "names", sql: "ALTER TABLE item ADD COLUMN name TEXT;" }];

static REBUILD: &[Migration] = &[
    ITEMS[0],
    Migration {
        number: 2,
        name: "rebuild",
        sql: "CREATE TABLE other (id INTEGER PRIMARY KEY, body BLOB) STRICT;
              INSERT INTO other SELECT id, body FROM item;
              DROP TABLE item;
              ALTER TABLE other RENAME TO item;",
    },
];

static SECOND_BREAKS: &[Migration] =
    &[ITEMS[0], Migration { number: 2, name: "broken", sql: "CREATE TABLE half (a) STRICT; CREATE TABLE item (a);" }];

static SECOND_DANGLES: &[Migration] =
    &[ITEMS[0], Migration { number: 2, name: "dangling", sql: "INSERT INTO part VALUES (99);" }];

static SECOND_COMMITS: &[Migration] = &[ITEMS[0], Migration { number: 2, name: "commits", sql: "COMMIT;" }];

static THIRD_BREAKS: &[Migration] = &[TWO[0], TWO[1], Migration { number: 3, name: "broken", sql: "nonsense" }];

/// A server that would find it is 2026-11-22T10:00:00Z.
fn with(place: &Place, migrations: &'static [Migration]) -> OpenOptions {
    OpenOptions { migrations, clock: Clock::fixed(Timestamp::from_unix_seconds(1_795_341_600)), ..place.server() }
}

fn with_one_item() -> Place {
    let place = Place::new();
    place.open().write_blocking(|tx| insert(tx, 1)).unwrap();
    place
}

fn version(store: &Store) -> u32 {
    store.read(|tx| Ok::<_, StoreError>(tx.query_row("PRAGMA user_version", [], |row| row.get(0))?)).unwrap()
}

#[test]
fn a_migration_leaves_a_private_copy_of_what_was_there_before() {
    let place = with_one_item();
    let store = Store::open(with(&place, TWO)).unwrap();
    assert_eq!((version(&store), ids(&store)), (2, vec![1]));
    drop(store);
    assert_eq!(place.siblings(), ["test.db", "test.db-lock", "test.db.before-v2-20261122T100000Z.bak"]);
    let copy = place.db().with_file_name("test.db.before-v2-20261122T100000Z.bak");
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let copied = Store::open(OpenOptions { path: copy, ..place.server() }).unwrap();
    assert_eq!((version(&copied), ids(&copied)), (1, vec![1]), "the copy is a database of the old format");
}

#[test]
fn a_new_file_and_one_of_the_latest_format_are_not_copied() {
    let place = Place::new();
    for _ in 0..2 {
        let store = Store::open(with(&place, TWO)).unwrap();
        assert_eq!(version(&store), 2);
    }
    assert_eq!(place.siblings(), ["test.db", "test.db-lock"]);
}

#[test]
fn a_step_may_rebuild_a_table_that_others_refer_to() {
    let place = with_one_item();
    Store::open(place.server())
        .unwrap()
        .write_blocking(|tx| Ok::<_, StoreError>(tx.execute_batch("INSERT INTO part VALUES (1)")?))
        .unwrap();
    let store = Store::open(with(&place, REBUILD)).unwrap();
    assert_eq!(ids(&store), [1]);
    let refused = store.write_blocking(|tx| Ok::<_, StoreError>(tx.execute_batch("INSERT INTO part VALUES (2)")?));
    assert!(refused.unwrap_err().is_foreign_key(), "foreign keys are enforced again");
}

#[test]
fn a_step_that_fails_leaves_the_file_at_its_old_format_and_no_needless_copy() {
    for (migrations, words) in [
        (SECOND_BREAKS, "step 2 (broken) failed"),
        (SECOND_DANGLES, "rows of part refer to rows that are not there"),
        (SECOND_COMMITS, "end the transaction"),
    ] {
        let place = with_one_item();
        let refused = Store::open(with(&place, migrations)).unwrap_err();
        assert_eq!(refused.exit_code(), 9);
        assert!(refused.to_string().contains(words) && refused.to_string().contains("stays at format 1"), "{refused}");
        let store = place.open();
        assert_eq!((version(&store), ids(&store)), (1, vec![1]));
        let half = "SELECT count(*) FROM sqlite_schema WHERE name = 'half'";
        let half: i64 = store.read(|tx| Ok::<_, StoreError>(tx.query_row(half, [], |row| row.get(0))?)).unwrap();
        assert_eq!(half, 0);
        drop(store);
        assert_eq!(place.siblings(), ["test.db", "test.db-lock"]);
    }
}

#[test]
fn steps_that_worked_before_one_failed_stay_and_so_does_the_copy() {
    let place = with_one_item();
    let refused = Store::open(with(&place, THIRD_BREAKS)).unwrap_err();
    assert!(matches!(refused, OpenError::Migration { at: 2, .. }), "{refused}");
    assert_eq!(place.siblings(), ["test.db", "test.db-lock", "test.db.before-v3-20261122T100000Z.bak"]);
    assert_eq!(version(&Store::open(with(&place, TWO)).unwrap()), 2);
}

#[test]
fn without_its_copy_no_migration_begins() {
    let place = with_one_item();
    let in_the_way = place.db().with_file_name("test.db.before-v2-20261122T100000Z.bak");
    fs::create_dir(&in_the_way).unwrap();
    let refused = Store::open(with(&place, TWO)).unwrap_err();
    assert!(matches!(refused, OpenError::Migration { at: 1, .. }), "{refused}");
    assert!(refused.to_string().contains("could not be made"), "{refused}");
    assert_eq!(version(&place.open()), 1);
    assert!(in_the_way.is_dir(), "what was there is not ours to remove");
}

#[test]
fn a_damaged_page_is_found_while_copying_and_nothing_is_migrated() {
    let place = with_one_item();
    let store = place.open();
    store
        .write_blocking(|tx| {
            for id in 2..100 {
                tx.execute("INSERT INTO item (id, body) VALUES (?1, randomblob(3000))", [id])?;
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
    let leaf: u32 = store
        .read(|tx| {
            let last = "SELECT max(pageno) FROM dbstat WHERE name = 'item' AND pagetype = 'leaf'";
            Ok::<_, StoreError>(tx.query_row(last, [], |row| row.get(0))?)
        })
        .unwrap();
    drop(store);
    let file = fs::File::options().write(true).open(place.db()).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0xA5; 4_096], u64::from(leaf - 1) * 4_096).unwrap();
    let refused = Store::open(with(&place, TWO)).unwrap_err();
    assert!(matches!(refused, OpenError::Migration { at: 1, .. }), "{refused}");
    assert_eq!(place.siblings(), ["test.db", "test.db-lock"], "no half copy is left");
}

#[test]
fn a_command_migrates_an_idle_file_but_never_under_a_running_server() {
    let place = with_one_item();
    let server = place.open();
    let newer = || OpenOptions { migrations: TWO, ..place.command() };
    let refused = Store::open(newer()).unwrap_err();
    assert_eq!(refused.exit_code(), 8);
    assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");
    assert_eq!(version(&server), 1);
    drop(server);
    assert_eq!(version(&Store::open(newer()).unwrap()), 2);
    let file = Connection::open(place.db()).unwrap();
    let found: u32 = file.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(found, 2);
}
