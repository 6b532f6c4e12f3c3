//! Who may know whom: reads the source and holds it against the table in `ARCHITECTURE.md`, and against the habits that
//! no lint covers. Rooms that are not built yet stand in the table already.

mod habits;
mod knowledge;
mod source;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use source::Source;

/// One domain per contract, and the house API.
const DOMAINS: &[&str] = &["account", "connectors", "audience", "schedules", "nomenclature", "house"];

/// Every source file of the crate, read once.
fn sources() -> &'static [Source] {
    static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(read);
    &SOURCES
}

fn read() -> Vec<Source> {
    fn collect(folder: &Path, root: &Path, found: &mut Vec<Source>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                found.push(Source::new(name, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(found.len() > 50, "the source was not found");
    found
}

/// What `check` finds in a file called `name` that holds `text`.
fn findings(check: fn(&Source) -> Vec<String>, name: &str, text: &str) -> String {
    check(&Source::new(name, text)).join("\n")
}
