//! Opening the file: what every connection is told, how a new file begins, and what is refused.
//!
//! Must not know: any domain, what the migrations contain.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::{OpenError, StoreError};
use super::lock::{ServerLock, lock_path};
use super::migrations::{latest, migrate};
use super::{Access, Checkpoints, OpenOptions, slow};

/// "CMPT": what marks a file as Comptoir's, at offset 68 of its header.
const APPLICATION_ID: u32 = 0x434D_5054;

/// Below 3.51.3 a race between a checkpoint and a writer that begins the log anew can lose committed pages.
const OLDEST_LIBRARY: (i32, &str) = (3_051_003, "3.51.3");

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Writer,
    Reader,
    /// Changes nothing, but brings the log into the file.
    Checkpointer,
}

/// How connections behave that is not the same for all files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub(super) busy_timeout: Duration,
    pub(super) checkpoints: Checkpoints,
    /// See `slow`.
    pub(super) slow_query: Option<Duration>,
}

/// Opens a connection to a file that exists, and tells it how to behave. All settings that are not kept in the file
/// itself are here; those that are, in [`begin_file`].
pub(super) fn connect(path: &Path, role: Role, manner: Manner) -> rusqlite::Result<Connection> {
    // No URI names: a path is a path. No mutex: a connection is only ever used by the thread that has it.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let mut connection = Connection::open_with_flags(path, flags)?;
    // First of all, because each of the following may already meet another process's lock.
    connection.busy_timeout(manner.busy_timeout)?;
    // Text in double quotes is a mistake, not a string; the schema runs no function with side effects; and no statement
    // may write to the schema table or switch the log off.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // A plan never depends on the values bound to it. Without this, a library built with STAT4, as this one is, compiles
    // a statement anew whenever a value that its plan might depend on is bound: most of the cost of a short read.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Every statement of the program fits: a statement is compiled once per connection.
    connection.set_prepared_statement_cache_capacity(256);
    connection.pragma_update(None, "foreign_keys", true)?;
    // A commit is on the disk before it is acknowledged. With a shared commit, NORMAL would be 3 % faster.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // KiB when negative. The operating system caches the file as well; this saves the copy and the lookup. There is no
    // memory map on purpose: it would turn an I/O error into a signal that ends the process.
    // The writer's holds what a slice of bulk work changes: pages that do not fit go to the log before their time, and
    // again when they change once more.
    let cache_kib = if role == Role::Writer { -16_384 } else { -4_096 };
    connection.pragma_update(None, "cache_size", cache_kib)?;
    if role == Role::Writer {
        // Pages, for a command; a server has `checkpointer`.
        connection.pragma_update(None, "wal_autocheckpoint", 4_096)?;
    }
    // After one long read has let the log grow, give the room back.
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    if let Some(threshold) = manner.slow_query {
        slow::watch(&mut connection, threshold)?;
    }
    if manner.checkpoints == Checkpoints::External {
        // Neither as the log grows nor when the last connection is closed.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    }
    // Turned on last: it forbids some of the settings above.
    connection.pragma_update(None, "query_only", role == Role::Reader)?;
    Ok(connection)
}

/// Settings that are kept in the file, before its first table.
fn begin_file(connection: &Connection) -> rusqlite::Result<()> {
    // Freed pages can be given back in slices; it cannot be turned on later without rewriting the whole file.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    let mode: i64 = connection.query_row("PRAGMA auto_vacuum", [], |row| row.get(0))?;
    if mode != 2 {
        // An empty database that someone else began: there is nothing in it yet to rewrite.
        connection.execute_batch("VACUUM")?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)
}

/// A file that is open and at the latest format.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
    pub(super) lock: Option<ServerLock>,
}

/// Opens, creates or migrates the file, or says why not.
pub(super) fn open(options: &OpenOptions) -> Result<Opened, OpenError> {
    if rusqlite::version_number() < OLDEST_LIBRARY.0 {
        return Err(OpenError::OldLibrary { found: rusqlite::version(), needed: OLDEST_LIBRARY.1 });
    }
    let known = latest(options.migrations);
    let path = resolve(&options.path)?;
    // Without a lock file beside it no Comptoir has ever opened this file: then look at it before anything is put
    // beside somebody else's. (With one, do not: closing a descriptor of the file would let go of SQLite's own locks on
    // it, should this very process have it open.)
    let unknown = !lock_path(&path).exists();
    if unknown {
        look_at_header(&path)?;
    }
    has_one_name(&path)?;
    let lock = match options.access {
        Access::Server => Some(ServerLock::acquire(&path)?),
        Access::Command => None,
    };
    open_at(&path, lock, known, options).inspect_err(|error| {
        // Nor is the lock left there once SQLite has seen more than the header told. Whoever took it meanwhile is
        // refused for the same reason.
        if unknown && matches!(error, OpenError::Foreign { .. }) {
            let _ = fs::remove_file(lock_path(&path));
        }
    })
}

fn open_at(path: &Path, lock: Option<ServerLock>, known: u32, options: &OpenOptions) -> Result<Opened, OpenError> {
    make_file(path, options.create)?;
    if options.access == Access::Server {
        keep_private(path).map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
    }
    let read = |connection: &Connection| read_version(connection, path, known).map_err(|error| judge(error, path));
    let OpenOptions { busy_timeout, checkpoints, slow_query, .. } = *options;
    let manner = Manner { busy_timeout, checkpoints, slow_query };
    let mut connection = connect(path, Role::Writer, manner).map_err(|e| judge(e.into(), path))?;
    let mut found = read(&connection)?;
    let mut borrowed = None;
    if found < known && lock.is_none() {
        borrowed = Some(ServerLock::acquire(path).map_err(|error| match error {
            OpenError::Locked { path, holder } => OpenError::MigrationNeeded { path, found, known, holder },
            other => other,
        })?);
        // Whoever had the lock until now may have done the work.
        found = read(&connection)?;
    }
    if found < known {
        if found == 0 {
            begin_file(&connection).map_err(|error| judge(error.into(), path))?;
        }
        use_log(&connection, path)?;
        migrate(&mut connection, path, options.migrations, found, &options.clock)?;
    } else {
        use_log(&connection, path)?;
    }
    if !options.durable {
        connection.pragma_update(None, "synchronous", "OFF").map_err(|error| judge(error.into(), path))?;
    }
    drop(borrowed);
    Ok(Opened { connection, lock, path: path.to_owned() })
}

/// The one path of the file, so that two names of it share a lock.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    let resolved = match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name = path.file_name().ok_or_else(|| OpenError::Missing { path: path.to_owned() })?;
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            fs::canonicalize(folder).map(|folder| folder.join(name))
        }
        found => found,
    };
    resolved.map_err(OpenError::io(path))
}

/// Refuses a file with hard links. The lock, the log and its index are found by the file's name, so a process that came
/// by another one would see none of them, a command no more than a server.
pub(super) fn has_one_name(path: &Path) -> Result<(), OpenError> {
    #[cfg(unix)]
    if let Ok(found) = fs::metadata(path) {
        let links = std::os::unix::fs::MetadataExt::nlink(&found);
        if found.is_file() && links > 1 {
            return Err(OpenError::Linked { path: path.to_owned(), links });
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Sees to it that there is a file, private if it is new. An empty one counts as new.
fn make_file(path: &Path, create: bool) -> Result<(), OpenError> {
    let length = match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            return Err(OpenError::Foreign { path: path.to_owned(), what: "it is not a regular file".to_owned() });
        }
        Ok(found) => Some(found.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(source) => return Err(OpenError::Io { path: path.to_owned(), source }),
    };
    if length.is_some_and(|length| length > 0) {
        return Ok(());
    }
    // SQLite would take the log for a stranger's and delete it, and with it perhaps all that is left of the data.
    if fs::metadata(log_path(path)).is_ok_and(|log| log.len() > 0) {
        let what = "the file is empty or gone, but there is a write-ahead log beside it".to_owned();
        return Err(OpenError::Damaged { path: path.to_owned(), what });
    }
    if !create {
        return Err(OpenError::Missing { path: path.to_owned() });
    }
    let file = private_file().create(true).open(path).map_err(OpenError::io(path))?;
    make_private(&file).and_then(|()| sync_folder(path)).map_err(OpenError::io(path))
}

/// What is refused, and why; an error that is not refused yet.
enum Refusal {
    Known(OpenError),
    Engine(rusqlite::Error),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

/// The file's format; 0 if it is new. Touches the root page of every table on the way: damage there, or a file that is
/// shorter than its header says, is found now and not in the middle of the night.
fn read_version(connection: &Connection, path: &Path, known: u32) -> Result<u32, Refusal> {
    let foreign = |what: &str| Refusal::Known(OpenError::Foreign { path: path.to_owned(), what: what.to_owned() });
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let version = pragma("user_version")?;
    let application = pragma("application_id")?;
    let tables = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")?
        .query_map([], |row| row.get::<_, String>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    match application {
        _ if application == i64::from(APPLICATION_ID) => {}
        0 if version == 0 && tables.is_empty() => {}
        0 => return Err(foreign("it is a SQLite database of some other program")),
        other => {
            return Err(foreign(&format!("it is a SQLite database of another program (application id {other:#x})")));
        }
    }
    let damaged = |what: String| Refusal::Known(OpenError::Damaged { path: path.to_owned(), what });
    let version = u32::try_from(version).map_err(|_| damaged(format!("its format number is {version}")))?;
    if version == 0 && !tables.is_empty() {
        return Err(damaged("it has tables, but its format number is gone".to_owned()));
    }
    if version > known {
        return Err(Refusal::Known(OpenError::Newer { path: path.to_owned(), found: version, known }));
    }
    for table in tables {
        // NOT INDEXED: else a covering index might answer in the table's place.
        let probe = format!("SELECT 1 FROM \"{}\" NOT INDEXED LIMIT 1", table.replace('"', "\"\""));
        connection.prepare(&probe)?.query([])?.next()?;
    }
    Ok(version)
}

/// Turns what the engine says at the start into what a person has to know.
fn judge(refusal: Refusal, path: &Path) -> OpenError {
    let error = match refusal {
        Refusal::Known(error) => return error,
        Refusal::Engine(error) => error,
    };
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => match look_at_header(path) {
            Err(refused) => refused,
            Ok(()) => OpenError::Damaged { path: path.to_owned(), what: error.to_string() },
        },
        _ => OpenError::Engine { path: path.to_owned(), source: error.into() },
    }
}

/// Looks at the first bytes of the file without SQLite. A header that is gone is told from somebody else's file by what
/// is left of it, or by the lock file beside it.
pub(super) fn look_at_header(path: &Path) -> Result<(), OpenError> {
    let mut header = Vec::with_capacity(100);
    match File::open(path).and_then(|file| file.take(100).read_to_end(&mut header)) {
        Ok(0) => return Ok(()),
        Ok(_) => {}
        // A folder, for one; what is wrong with it is said where the file is made.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => return Ok(()),
        Err(source) => return Err(OpenError::Io { path: path.to_owned(), source }),
    }
    let foreign = |what: &str| OpenError::Foreign { path: path.to_owned(), what: what.to_owned() };
    let application = header.get(68..72);
    let ours = application == Some(APPLICATION_ID.to_be_bytes().as_slice());
    match (header.starts_with(b"SQLite format 3\0"), application) {
        (true, Some(id)) if !ours && id != [0; 4] => Err(foreign("it is a SQLite database of another program")),
        (true, _) => Ok(()),
        (false, _) if ours || lock_path(path).exists() => {
            Err(OpenError::Damaged { path: path.to_owned(), what: "its header is overwritten".to_owned() })
        }
        (false, _) => Err(foreign("it is not a SQLite database")),
    }
}

/// Readers do not wait for the writer, nor it for them.
fn use_log(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(|error| judge(error.into(), path))?;
    if mode == "wal" {
        return Ok(());
    }
    let source = StoreError::Io("this file system cannot share the write-ahead log's index in memory".to_owned());
    Err(OpenError::Engine { path: path.to_owned(), source })
}

pub(super) fn log_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push("-wal");
    name.into()
}

/// How a file that nobody else may read is opened: mode 0600, which SQLite hands on to the log and its index.
pub(super) fn private_file() -> fs::OpenOptions {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make_private(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// Takes away what others may do with an existing file and its log: passwords, keys and everybody's data are in them.
/// By name, not through a descriptor, whose closing would let go of SQLite's locks.
fn keep_private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    for name in [path.to_owned(), log_path(path)] {
        use std::os::unix::fs::PermissionsExt;
        let Ok(metadata) = fs::metadata(&name) else { continue };
        if metadata.permissions().mode() & 0o077 != 0 {
            tracing::warn!(file = %name.display(), "others could read this file; from now on only its owner can");
            fs::set_permissions(&name, fs::Permissions::from_mode(0o600))?;
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Makes the name of a new file durable: without this the file may be whole and yet not be there after a power cut.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        // Of a bare name: the working directory.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
