//! Backups of a running server: taken, kept, tried out, restored.

mod drill;
mod house;
mod restoring;
mod taking;

use std::path::PathBuf;

use comptoir::app;
use comptoir::backups::{Backups, Taken, Target};

use crate::support::TestServer;

/// The backups of a server, of which `keep` are kept.
fn backups(server: &TestServer, keep: usize) -> Backups {
    Backups::new(server.store().clone(), server.clock.clone(), None, keep, app::consistency)
}

/// Takes one.
async fn take(backups: &Backups) -> Taken {
    let backups = backups.clone();
    let taken = tokio::task::spawn_blocking(move || backups.take(&Target::Kept, &mut |_| true)).await.unwrap();
    taken.unwrap()
}

/// The names in a folder.
fn names(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

/// Turns over some bytes in the middle of a file, where tables are.
fn damage(path: &PathBuf) {
    use std::io::{Seek, SeekFrom, Write};
    let mut file = std::fs::File::options().write(true).open(path).unwrap();
    let middle = file.metadata().unwrap().len() / 2 / 4096 * 4096;
    file.seek(SeekFrom::Start(middle)).unwrap();
    file.write_all(&[0xA5; 8192]).unwrap();
}
