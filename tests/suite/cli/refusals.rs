//! Files that are refused: each kind with its exit code, and left as it was.

use std::fs::{self, File};

use comptoir::store::{MIGRATIONS, OpenOptions, Store};
use rusqlite::Connection;

use super::Place;

impl Place {
    /// A database of the latest format without a server.
    fn make_database(&self) {
        drop(Store::open(OpenOptions::server(self.database())).unwrap());
    }

    /// What every command that opens the database ends with, and what it says.
    async fn is_refused(&self, code: i32, said: &str) {
        let before = fs::read(self.database()).unwrap();
        for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["check"], &["company", "list"]] {
            let output = self.run(arguments).await;
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {why}");
            assert!(why.contains("comptoir.db") && why.contains(said), "{arguments:?}: {why}");
            assert!(output.stdout.is_empty());
        }
        assert_eq!(fs::read(self.database()).unwrap(), before);
        assert!(!self.path("comptoir.db.operator-password").exists());
    }
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_with_code_3() {
    let place = Place::new();
    place.make_database();
    let newer = MIGRATIONS.last().unwrap().number + 1;
    Connection::open(place.database()).unwrap().pragma_update(None, "user_version", newer).unwrap();
    place.is_refused(3, "newer Comptoir").await;
}

#[tokio::test]
async fn a_damaged_file_is_refused_with_code_5() {
    let place = Place::new();
    place.make_database();
    let mut bytes = fs::read(place.database()).unwrap();
    bytes[..16].fill(b'x');
    fs::write(place.database(), bytes).unwrap();
    place.is_refused(5, "is damaged").await;
}

#[tokio::test]
async fn a_file_with_a_second_name_is_refused_with_code_6() {
    let place = Place::new();
    place.make_database();
    fs::hard_link(place.database(), place.path("alias.db")).unwrap();
    place.is_refused(6, "hard links").await;
}

#[tokio::test]
async fn a_command_on_a_file_of_an_older_format_that_a_server_has_open_is_refused_with_code_8() {
    let place = Place::new();
    // A file that was begun and has no table yet is older than every format.
    Connection::open(place.database()).unwrap().pragma_update(None, "application_id", 0x434D_5054).unwrap();
    let lock = File::create(place.path("comptoir.db-lock")).unwrap();
    lock.lock().unwrap();
    let output = place.run(&["check"]).await;
    let why = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(8), "{why}");
    assert!(why.contains("comptoir.db") && why.contains("from format 0"), "{why}");
}
