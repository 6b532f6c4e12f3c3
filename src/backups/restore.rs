//! Restoring in earnest: no server may have the database. The backup is worked on beside the database first (looked
//! over, brought to this program's format, its sessions ended, what goes out held) and takes its place with one rename,
//! after a copy of what it replaces. Killed at any point, the old database is in its place or the new one is, whole.
//!
//! Must not know: HTTP, any domain. It starts nothing that could run a task.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Check;
use super::error::BackupError;
use super::folder::has_room;
use crate::audit::chain::{Chain, Kind};
use crate::audit::own::note;
use crate::auth::revived::{self, PasswordRow, Revived, Standing, TokenRow};
use crate::auth::{AuthError, jwt, random};
use crate::clock::Clock;
use crate::store::{self, Conn, OpenError, OpenOptions, Replacement, Store, StoreError};
use crate::tasks;

/// How to restore.
#[derive(Clone)]
pub struct RestoreOptions {
    /// Whether what was going out when the backup was taken goes on at once.
    pub resume: bool,
    /// Whether a backup whose rows contradict each other will do.
    pub despite_findings: bool,
    /// What must hold between rows.
    pub check: Check,
    /// The kinds of task that are held unless they are to go on.
    pub outgoing: &'static [&'static str],
    /// The clock.
    pub clock: Clock,
}

/// A database that was restored.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The database.
    pub path: PathBuf,
    /// The copy of what was there before.
    pub set_aside: Option<PathBuf>,
    /// Whether that could be read, so that what is different is known.
    pub compared: bool,
    /// The API tokens that work.
    pub tokens: Vec<Revived<TokenRow>>,
    /// The users who sign in with a password.
    pub passwords: Vec<Revived<PasswordRow>>,
    /// Whether outgoing work is held.
    pub held: bool,
    /// How much of it waits, by its kind.
    pub waiting: Vec<(String, i64)>,
    /// What contradicts itself, if that was accepted.
    pub findings: Vec<String>,
}

/// Restores `backup` to `database`.
pub fn restore(backup: &Path, database: &Path, options: &RestoreOptions) -> Result<Restored, BackupError> {
    let replacement = Replacement::begin(database)?;
    let path = replacement.path().to_owned();
    if fs::canonicalize(backup).is_ok_and(|backup| backup == path) {
        return Err(BackupError::Itself(path));
    }
    let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    let folder = path.parent().unwrap_or(Path::new("."));
    has_room(folder, size(backup).saturating_add(size(&path)))?;
    replacement.stage(backup)?;
    let staged = prepare(backup, &replacement, options)?;
    let before = look(&path, &options.clock);
    let set_aside = replacement.set_aside(&options.clock)?;
    replacement.finish()?;
    let compared = before.is_some();
    let before = before.unwrap_or_else(|| staged.standing.clone());
    Ok(Restored {
        path,
        set_aside,
        compared,
        tokens: staged.standing.tokens_since(&before),
        passwords: staged.standing.passwords_since(&before),
        held: staged.held,
        waiting: staged.waiting,
        findings: staged.findings,
    })
}

/// What is known of a staged backup once it may take its place.
struct Staged {
    standing: Standing,
    held: bool,
    waiting: Vec<(String, i64)>,
    findings: Vec<String>,
}

/// Looks the staged file over and makes it what is to be started.
fn prepare(backup: &Path, replacement: &Replacement, options: &RestoreOptions) -> Result<Staged, BackupError> {
    let clock = &options.clock;
    let open = OpenOptions { clock: clock.clone(), create: false, ..OpenOptions::server(replacement.staged()) };
    let store = Store::open(open).map_err(|error| error.of(backup))?;
    let damaged = |error: StoreError| match error {
        StoreError::Corrupt(what) => BackupError::Open(OpenError::Damaged { path: backup.to_owned(), what }),
        other => BackupError::Store(other),
    };
    let damage = store.read(|conn| store::integrity(conn, true)).map_err(damaged)?;
    if let Some(what) = damage.into_iter().next() {
        return Err(OpenError::Damaged { path: backup.to_owned(), what }.into());
    }
    let check = options.check;
    let findings = store.read(|conn| check(conn)).map_err(damaged)?;
    if !findings.is_empty() && !options.despite_findings {
        return Err(BackupError::Findings { path: backup.to_owned(), findings });
    }
    let (key, now, resume) = (random::<{ jwt::KEY_BYTES }>()?, clock.now(), options.resume);
    let name = backup.file_name().map(|name| name.to_string_lossy().into_owned());
    store.write_blocking(move |tx| {
        revived::end_sessions(tx, &key, now)?;
        if resume {
            store::release(tx)?;
        } else {
            store::hold(tx, now)?;
        }
        let detail = json!({ "command": "restore", "backup": name, "resume": resume });
        note(tx, Chain::INSTALLATION, now, Kind::Command, &detail)?;
        Ok::<_, AuthError>(())
    })?;
    let (standing, waiting) =
        store.read(|conn| Ok::<_, StoreError>((revived::standing(conn, now)?, waiting(conn, options.outgoing)?)))?;
    // The last handle: when it is gone, the log is in the file and nobody has it open.
    drop(store);
    Ok(Staged { standing, held: !resume, waiting, findings })
}

/// How many tasks of these kinds wait.
fn waiting(conn: &Conn, kinds: &[&str]) -> Result<Vec<(String, i64)>, StoreError> {
    let waiting = tasks::waiting(conn)?.into_iter().filter(|waiting| kinds.contains(&waiting.kind.as_str()));
    Ok(waiting.map(|waiting| (waiting.kind, waiting.count)).collect())
}

/// What let people in before, as far as what was there can be read.
fn look(database: &Path, clock: &Clock) -> Option<Standing> {
    let store = Store::open(OpenOptions { clock: clock.clone(), ..OpenOptions::command(database) }).ok()?;
    store.read(|conn| revived::standing(conn, clock.now())).ok()
}
