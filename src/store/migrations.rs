//! The steps from one format of the file to the next: numbered, forward only, one transaction each, after a verified
//! copy of the file. The number of the last step done is the file's `user_version`.
//!
//! Must not know: what the tables mean. A new step is a new file in `migrations/` and a line in [`MIGRATIONS`]; one that
//! has been released is never edited.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::error::{OpenError, StoreError};
use super::open::{private_file, sync_folder};
use crate::clock::Clock;

/// One step of the schema.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its number: the first is 1, each next one higher.
    pub number: u32,
    /// What it brings, in a word or two, for messages.
    pub name: &'static str,
    /// The statements. They may rebuild tables freely: foreign keys are checked at the end of the step, not before.
    pub sql: &'static str,
}

/// The steps this program knows, oldest first.
pub static MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "identity", sql: include_str!("migrations/0001_identity.sql") },
    Migration { number: 2, name: "tasks", sql: include_str!("migrations/0002_tasks.sql") },
    Migration { number: 3, name: "webhooks", sql: include_str!("migrations/0003_webhooks.sql") },
    Migration { number: 4, name: "audience", sql: include_str!("migrations/0004_audience.sql") },
    Migration { number: 5, name: "audit", sql: include_str!("migrations/0005_audit.sql") },
    Migration { number: 6, name: "usage", sql: include_str!("migrations/0006_usage.sql") },
    Migration { number: 7, name: "schedules", sql: include_str!("migrations/0007_schedules.sql") },
    Migration { number: 8, name: "connectors", sql: include_str!("migrations/0008_connectors.sql") },
    Migration { number: 9, name: "nomenclature", sql: include_str!("migrations/0009_nomenclature.sql") },
    Migration { number: 10, name: "finding goods", sql: include_str!("migrations/0010_nomenclature_finding.sql") },
];

/// The format `migrations` lead to.
pub(super) fn latest(migrations: &[Migration]) -> u32 {
    assert!(
        migrations.iter().zip(1..).all(|(migration, number)| migration.number == number),
        "migrations are numbered 1, 2, 3 … without a gap"
    );
    migrations.last().map_or(0, |migration| migration.number)
}

/// Brings the file at `path`, open as `connection`, from format `from` to the latest. The caller holds the server's lock.
///
/// A file with something in it is copied first, to `<path>.before-v<format>-<time>.bak`; without that copy nothing begins.
/// Should the very first step fail, the copy is removed again, because the file is still what it was: a service that
/// restarts every few seconds must not fill the disk with copies.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    migrations: &[Migration],
    from: u32,
    clock: &Clock,
) -> Result<(), OpenError> {
    let pending: Vec<_> = migrations.iter().filter(|migration| migration.number > from).collect();
    let Some(target) = pending.last() else { return Ok(()) };
    let failed = |at, what| OpenError::Migration { path: path.to_owned(), at, what };
    let copy = if from > 0 {
        let copy = copy_path(path, target.number, clock);
        take_copy(connection, &copy, from).map_err(|why| {
            failed(from, format!("the copy {} that must precede a change could not be made: {why}", copy.display()))
        })?;
        tracing::info!(copy = %copy.display(), "copied the database before changing its format");
        Some(copy)
    } else {
        None
    };
    let engine = |error: rusqlite::Error| OpenError::Engine { path: path.to_owned(), source: error.into() };
    // Has no effect inside a transaction, hence here. See `Migration::sql`.
    connection.pragma_update(None, "foreign_keys", false).map_err(engine)?;
    let mut at = from;
    for migration in pending {
        if let Err(error) = apply(connection, migration) {
            if let (true, Some(copy)) = (at == from, copy) {
                // Left behind, it costs room and harms nothing.
                let _ = fs::remove_file(copy);
            }
            return Err(failed(at, format!("step {} ({}) failed: {error}", migration.number, migration.name)));
        }
        at = migration.number;
        if from > 0 {
            tracing::info!(number = migration.number, name = migration.name, "migrated the database");
        }
    }
    connection.pragma_update(None, "foreign_keys", true).map_err(engine)
}

fn apply(connection: &mut Connection, migration: &Migration) -> Result<(), String> {
    let say = |error: rusqlite::Error| StoreError::from(error).to_string();
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(say)?;
    transaction.execute_batch(migration.sql).map_err(say)?;
    if transaction.is_autocommit() {
        return Err("its statements end the transaction".to_owned());
    }
    let dangling: Option<String> = match transaction.query_row("PRAGMA foreign_key_check", [], |row| row.get(0)) {
        Ok(table) => Some(table),
        Err(rusqlite::Error::QueryReturnedNoRows) => None,
        Err(error) => return Err(say(error)),
    };
    if let Some(table) = dangling {
        return Err(format!("rows of {table} refer to rows that are not there"));
    }
    transaction.pragma_update(None, "user_version", migration.number).map_err(say)?;
    transaction.commit().map_err(say)
}

fn copy_path(path: &Path, target: u32, clock: &Clock) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".before-v{target}-{}.bak", clock.now().to_utc().format("%Y%m%dT%H%M%SZ")));
    name.into()
}

/// Writes a copy of the database to `copy`, which must not exist, reads it back, and makes it durable.
fn take_copy(connection: &Connection, copy: &Path, version: u32) -> Result<(), String> {
    // SQLite writes into an empty file that is there, so that the copy is private from its first byte.
    let file = private_file().create_new(true).open(copy).map_err(|error| error.to_string())?;
    write_copy(connection, copy, version, &file).inspect_err(|_| {
        let _ = fs::remove_file(copy);
    })
}

fn write_copy(connection: &Connection, copy: &Path, version: u32, file: &File) -> Result<(), String> {
    let say = |error: rusqlite::Error| StoreError::from(error).to_string();
    let name = copy.to_str().ok_or("its path is not valid Unicode")?;
    connection.execute("VACUUM INTO ?1", [name]).map_err(say)?;
    file.sync_all().and_then(|()| sync_folder(copy)).map_err(|error| error.to_string())?;
    let written = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(say)?;
    let verdict: String = written.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(say)?;
    let found: u32 = written.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(say)?;
    if verdict != "ok" {
        return Err(format!("read back, it is damaged: {verdict}"));
    }
    if found != version {
        return Err(format!("read back, it has format {found} instead of {version}"));
    }
    Ok(())
}
