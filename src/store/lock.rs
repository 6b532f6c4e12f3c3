//! The lock a server holds for life: `<database>-lock`, an advisory lock of the operating system with the holder's
//! process number in the file. It goes with the process however that ends, so nothing has to be cleaned up after a kill,
//! and the file itself stays: deleting it would let two holders lock two different files of one name.
//!
//! Must not know: SQLite. (The database file itself cannot carry the lock: SQLite's own locks on it are POSIX ones, and
//! those vanish as soon as the process closes any other descriptor of the file.)

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::error::OpenError;
use super::open::private_file;

/// Held while this value lives.
#[derive(Debug)]
pub(super) struct ServerLock(File);

impl Drop for ServerLock {
    fn drop(&mut self) {
        // Not left to the closing: a process that is being started at this moment has the descriptor too, until it
        // begins its own program.
        let _ = self.0.unlock();
    }
}

impl ServerLock {
    /// Takes the lock that belongs to the database at `path`, or says who has it.
    pub(super) fn acquire(path: &Path) -> Result<Self, OpenError> {
        let mut file = private_file().read(true).create(true).open(lock_path(path)).map_err(OpenError::io(path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::Locked { path: path.to_owned(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(OpenError::Io { path: path.to_owned(), source }),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(OpenError::io(path))?;
        Ok(Self(file))
    }
}

/// Where the lock of the database at `path` is.
pub(super) fn lock_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push("-lock");
    name.into()
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(20).read_to_string(&mut text) {
        Ok(_) if text.trim().parse::<u32>().is_ok() => format!("process {}", text.trim()),
        // Between taking the lock and writing the number, or on a system where a locked file cannot be read.
        _ => "another process".to_owned(),
    }
}
