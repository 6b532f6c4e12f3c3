//! The habits of the source, file by file, and the rooms of each domain.

use std::fs;
use std::path::Path;

use regex::Regex;

use super::source::Source;
use super::{DOMAINS, findings, sources};

/// Every habit that `source` breaks.
pub fn check(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let mut holds = |holds: bool, habit: &str| {
        if !holds {
            found.push(format!("src/{}: {habit}", source.name));
        }
    };
    holds(source.text.starts_with("//! "), "opens with `//!`: what it owns and what it must not know");
    let unwrapped = source.code.contains(".unwrap()") || source.code.contains(".unwrap_err()");
    holds(!unwrapped, "says with `expect` which invariant holds, instead of `unwrap`");
    holds(!source.code.contains("#[ignore"), "ignores no test");
    let unfinished = Regex::new(r"\b(?:TODO|FIXME|XXX)\b|\b(?:todo|unimplemented|dbg)!").unwrap();
    holds(!unfinished.is_match(&source.text), "leaves nothing to be done");
    if source.part() == "sql" {
        holds(!builds_sql(&source.with_texts), "writes each statement whole: nothing is put into one but parameters");
        let begins = Regex::new(
            r#"\.(?:transaction|unchecked_transaction|transaction_with_behavior|savepoint)\(|"\s*(?:BEGIN|COMMIT|ROLLBACK|SAVEPOINT)\b"#,
        )
        .unwrap();
        holds(!begins.is_match(&source.with_texts), "never begins or ends a transaction: its caller owns it");
        holds(!Regex::new(r"(?i)\bselect\s+(?:\w+\.)?\*").unwrap().is_match(&source.with_texts), "names its columns");
    }
    found
}

/// Whether a statement is put together at run time.
fn builds_sql(code: &str) -> bool {
    let keyword =
        Regex::new(r"\b(?:SELECT|INSERT|UPDATE|DELETE|FROM|WHERE|VALUES|ORDER BY|LIMIT|AND|OR|SET|JOIN)\b").unwrap();
    let building =
        Regex::new(r"\b(?:format|write|writeln|concat)!\s*\(|\.push_str\(|\.join\(|\+=?\s*&?(?:r#?)?\x22").unwrap();
    building.find_iter(code).any(|found| {
        // As far as the statement goes.
        let rest = &code[found.start()..];
        let end = rest.find(';').unwrap_or(rest.len());
        keyword.is_match(&rest[..end])
    })
}

#[test]
fn every_file_keeps_the_habits() {
    let found: Vec<_> = sources().iter().flat_map(check).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_broken_habit_is_found_out() {
    for (name, text, finding) in [
        ("a.rs", "fn f() {}", "opens with"),
        ("a.rs", "//! A.\nfn f() { g().unwrap() }", "instead of `unwrap`"),
        ("a.rs", "//! A.\n// TODO: more", "nothing to be done"),
        ("a.rs", "//! A.\nfn f() { todo!() }", "nothing to be done"),
        ("a.rs", "//! A.\n#[ignore]\nfn f() {}", "ignores no test"),
        ("a/sql.rs", "//! A.\nfn f() { c.prepare(&format!(\"SELECT id FROM {t}\")) }", "writes each statement whole"),
        ("a/sql.rs", "//! A.\nfn f() { sql.push_str(\" AND name = 'x'\"); }", "writes each statement whole"),
        ("a/sql/b.rs", "//! A.\nfn f() { let s = a + \" WHERE x = 1\"; }", "writes each statement whole"),
        ("a/sql.rs", "//! A.\nfn f() { conn.transaction() }", "never begins"),
        ("a/sql.rs", "//! A.\nfn f() { c.execute_batch(\"BEGIN IMMEDIATE\") }", "never begins"),
        ("a/sql.rs", "//! A.\nfn f() { c.prepare(\"SELECT * FROM users\") }", "names its columns"),
    ] {
        let found = findings(check, name, text);
        assert!(found.contains(finding), "{name} `{text}`: {found:?}");
    }
    for (name, text) in [
        (
            "a/sql.rs",
            "//! A.\nfn f() { c.prepare(\"SELECT count(*) FROM users\"); format!(\"user {id} is unreadable\") }",
        ),
        ("a.rs", "//! A.\n#[cfg(test)]\nmod tests { fn f() { g().unwrap() } }"),
    ] {
        assert_eq!(findings(check, name, text), "", "{text}");
    }
}

/// The rooms that a domain lacks, from the names of its files and the text of its `mod.rs`.
fn missing_rooms(domain: &str, files: &[&str], about: &str) -> Vec<String> {
    let has = |room: &str| {
        let (file, folder) = (format!("{domain}/{room}.rs"), format!("{domain}/{room}/"));
        files.iter().any(|name| *name == file || name.starts_with(&folder))
    };
    let tables = about.split("Tables:").nth(1).map(|rest| rest.trim_start().trim_start_matches("//!").trim_start());
    let mut wanted = vec!["mod", "api", "service"];
    let mut missing = Vec::new();
    match tables {
        None => missing.push(format!("src/{domain}/mod.rs does not say which tables it owns (`Tables: …`)")),
        Some(tables) if tables.starts_with("none") => {}
        Some(_) => wanted.push("sql"),
    }
    let absent = wanted.into_iter().filter(|room| !has(room));
    missing.extend(absent.map(|room| format!("src/{domain} has no {room}.rs and no {room}/")));
    missing
}

#[test]
fn every_domain_has_the_same_rooms() {
    let sources = sources();
    let files: Vec<_> = sources.iter().map(|source| source.name.as_str()).collect();
    let mut missing = Vec::new();
    let mut domains = 0;
    for domain in DOMAINS {
        if files.iter().any(|name| name.starts_with(&format!("{domain}/"))) {
            let about = sources.iter().find(|source| source.name == format!("{domain}/mod.rs"));
            missing.extend(missing_rooms(domain, &files, about.map_or("", |about| about.text.as_str())));
            domains += 1;
        }
    }
    assert!(domains >= 2);
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn a_domain_without_a_room_is_found_out() {
    let files = ["schedules/mod.rs", "schedules/api/slots.rs", "schedules/service.rs"];
    assert_eq!(missing_rooms("schedules", &files, "//! Tables: none."), Vec::<String>::new());
    assert_eq!(missing_rooms("schedules", &files, "//! Tables: `slots`."), ["src/schedules has no sql.rs and no sql/"]);
    assert_eq!(
        missing_rooms("schedules", &files[..2], "//! Tables: none."),
        ["src/schedules has no service.rs and no service/"]
    );
    assert!(missing_rooms("schedules", &files, "//! Slots.")[0].contains("does not say"));
}

#[test]
fn every_room_of_the_source_is_one_that_the_table_knows() {
    const KNOWN: &[&str] = &[
        "lib", "main", "app", "cli", "config", "clock", "http", "store", "auth", "backups", "tasks", "webhooks",
        "audit", "meters", "sheets", "i18n", "fixtures", "testing",
    ];
    for source in sources() {
        let room = source.room();
        let known = KNOWN.contains(&room) || DOMAINS.contains(&room);
        assert!(known, "src/{}: add `{room}` to the table of who may know whom, then here", source.name);
    }
}

#[test]
fn no_test_is_ignored() {
    fn walk(folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = Source::new("tests.rs", &fs::read_to_string(&path).unwrap());
                assert!(!source.code.contains("#[ignore"), "{}", path.display());
            }
        }
    }
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"));
}
