//! The start: what is refused, with which number, and that nothing is harmed by it.

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use comptoir::store::{MIGRATIONS, OpenError, OpenOptions, Store, StoreError};
use rusqlite::Connection;

use super::{Place, ids, insert};

fn raw(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

fn overwrite(path: &Path, offset: u64, bytes: &[u8]) {
    fs::File::options().write(true).open(path).unwrap().write_all_at(bytes, offset).unwrap();
}

#[test]
fn a_file_that_is_not_ours_newer_or_damaged_is_refused_and_left_as_it_is() {
    type Spoil = fn(&Path);
    // (situation, whether it was a Comptoir database with rows before, what happens to it, exit code, words)
    let cases: &[(&str, bool, Spoil, u8, &str)] = &[
        ("a newer format", true, |db| raw(db, "PRAGMA user_version = 99"), 3, "newer Comptoir (format 99"),
        ("a format number that is gone", true, |db| raw(db, "PRAGMA user_version = 0"), 5, "format number is gone"),
        ("a text file", false, |db| fs::write(db, "shopping list\n").unwrap(), 4, "not a SQLite database"),
        ("a long text file", false, |db| fs::write(db, "milk\n".repeat(5_000)).unwrap(), 4, "not a SQLite database"),
        ("another program's database", false, |db| raw(db, "CREATE TABLE t (a)"), 4, "some other program"),
        (
            "another program's marked database",
            false,
            |db| raw(db, "PRAGMA application_id = 0x47504B47; CREATE TABLE t (a)"),
            4,
            "another program",
        ),
        ("a folder", false, |db| fs::create_dir(db).unwrap(), 4, "not a regular file"),
        (
            "a file cut in half",
            true,
            |db| {
                let half = fs::metadata(db).unwrap().len() / 8_192 * 4_096;
                fs::File::options().write(true).open(db).unwrap().set_len(half).unwrap();
            },
            5,
            "damaged",
        ),
        (
            "a file cut within its header",
            true,
            |db| fs::File::options().write(true).open(db).unwrap().set_len(60).unwrap(),
            5,
            "damaged",
        ),
        ("a header overwritten", true, |db| overwrite(db, 0, &[0xA5; 100]), 5, "header is overwritten"),
        (
            "a header's beginning overwritten in a copy without its lock file",
            true,
            |db| {
                overwrite(db, 0, &[0; 64]);
                fs::remove_file(db.with_file_name("test.db-lock")).unwrap();
            },
            5,
            "header is overwritten",
        ),
        ("the schema's page overwritten", true, |db| overwrite(db, 100, &[0xA5; 3_996]), 5, "damaged"),
        (
            "a table's root page overwritten",
            true,
            |db| {
                let page: u32 = Connection::open(db)
                    .unwrap()
                    .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'item'", [], |row| row.get(0))
                    .unwrap();
                overwrite(db, u64::from(page - 1) * 4_096, &[0xA5; 4_096]);
            },
            5,
            "damaged",
        ),
        (
            "an emptied file with its log beside it",
            true,
            |db| {
                fs::write(db, "").unwrap();
                fs::write(db.with_file_name("test.db-wal"), "what is left").unwrap();
            },
            5,
            "write-ahead log",
        ),
    ];
    for (situation, ours, spoil, code, words) in cases {
        let place = Place::new();
        if *ours {
            let store = place.open();
            store
                .write_blocking(|tx| {
                    for id in 0..50 {
                        tx.execute("INSERT INTO item (id, body) VALUES (?1, randomblob(3000))", [id])?;
                    }
                    Ok::<_, StoreError>(())
                })
                .unwrap();
        }
        spoil(&place.db());
        let (before, content) = (place.siblings(), fs::read(place.db()).ok());
        for options in [place.server(), OpenOptions { create: true, ..place.command() }] {
            let refused = Store::open(options).expect_err(situation);
            assert_eq!(refused.exit_code(), *code, "{situation}: {refused}");
            assert!(refused.to_string().contains(words), "{situation}: {refused}");
        }
        assert_eq!(fs::read(place.db()).ok(), content, "{situation}: the file was changed");
        if !ours && fs::metadata(place.db()).unwrap().is_file() {
            assert_eq!(place.siblings(), before, "{situation}: something was left beside it");
        }
    }
}

#[test]
fn a_second_server_is_refused_and_told_who_has_the_file() {
    let place = Place::new();
    let first = place.open();
    let refused = Store::open(place.server()).unwrap_err();
    assert_eq!(refused.exit_code(), 6);
    assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");
    drop(first);
    Store::open(place.server()).unwrap();
}

#[test]
fn another_name_for_the_same_file_does_not_get_round_the_lock() {
    let place = Place::new();
    let _first = place.open();
    let alias = place.db().with_file_name("alias.db");
    std::os::unix::fs::symlink(place.db(), &alias).unwrap();
    assert_eq!(Store::open(OpenOptions { path: alias, ..place.server() }).unwrap_err().exit_code(), 6);
}

#[test]
fn a_file_with_a_second_name_is_refused_under_either() {
    let place = Place::new();
    drop(place.open());
    let alias = place.0.path().join("alias.db");
    fs::hard_link(place.db(), &alias).unwrap();
    for options in [
        place.server(),
        place.command(),
        OpenOptions { path: alias.clone(), ..place.server() },
        OpenOptions { path: alias.clone(), ..place.command() },
    ] {
        let error = Store::open(options).unwrap_err();
        assert!(matches!(error, OpenError::Linked { links: 2, .. }) && error.exit_code() == 6, "{error}");
    }
    assert_eq!(place.siblings(), ["alias.db", "test.db", "test.db-lock"], "nothing was put beside the second name");
    fs::remove_file(&alias).unwrap();
    drop(place.open());
}

#[test]
fn an_empty_file_is_a_new_database_and_becomes_private() {
    let place = Place::new();
    fs::write(place.db(), "").unwrap();
    fs::set_permissions(place.db(), fs::Permissions::from_mode(0o644)).unwrap();
    let store = place.open();
    store.write_blocking(|tx| insert(tx, 1)).unwrap();
    store.read(|_| Ok::<_, StoreError>(())).unwrap();
    for name in ["test.db", "test.db-lock", "test.db-shm", "test.db-wal"] {
        let mode = fs::metadata(place.db().with_file_name(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn an_empty_database_that_somebody_else_began_becomes_ours() {
    let place = Place::new();
    raw(&place.db(), "VACUUM");
    assert!(fs::metadata(place.db()).unwrap().len() > 0);
    place.open().write_blocking(|tx| insert(tx, 1)).unwrap();
    let file = Connection::open(place.db()).unwrap();
    let pragma = |name: &str| file.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((pragma("auto_vacuum"), pragma("application_id")), (2, 0x434D_5054));
}

#[test]
fn a_new_file_has_the_settings_the_store_promises() {
    let place = Place::new();
    let store = place.open();
    let settings = [
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("foreign_keys", "1"),
        ("auto_vacuum", "2"),
        ("busy_timeout", "5000"),
        ("query_only", "0"),
        ("user_version", "1"),
    ];
    for (name, expected) in settings {
        let found = store
            .write_blocking(move |tx| {
                Ok::<_, StoreError>(tx.query_row(&format!("PRAGMA {name}"), [], |row| {
                    Ok(match row.get_ref(0)? {
                        rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                        other => other.as_str()?.to_owned(),
                    })
                })?)
            })
            .unwrap();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_command_does_not_invent_a_database_unless_it_is_to() {
    let place = Place::new();
    let refused = Store::open(place.command()).unwrap_err();
    assert!(matches!(refused, OpenError::Missing { .. }), "{refused}");
    assert!(place.siblings().is_empty());
    let store = Store::open(OpenOptions { create: true, ..place.command() }).unwrap();
    store.write_blocking(|tx| insert(tx, 1)).unwrap();
    assert_eq!(ids(&place.open()), [1], "the command does not stand in a server's way");
}

#[test]
fn the_programs_own_migrations_run_on_a_new_file() {
    let place = Place::new();
    let store = Store::open(OpenOptions::server(place.db())).unwrap();
    let version: u32 =
        store.read(|tx| Ok::<_, StoreError>(tx.query_row("PRAGMA user_version", [], |row| row.get(0))?)).unwrap();
    assert_eq!(Some(version), MIGRATIONS.last().map(|migration| migration.number));
    assert_eq!(store.path(), fs::canonicalize(place.db()).unwrap());
}

#[test]
fn an_existing_file_that_others_could_read_becomes_private_when_a_server_opens_it() {
    let place = Place::new();
    drop(place.open());
    fs::set_permissions(place.db(), fs::Permissions::from_mode(0o644)).unwrap();
    drop(place.open());
    assert_eq!(fs::metadata(place.db()).unwrap().permissions().mode() & 0o777, 0o600);
}
