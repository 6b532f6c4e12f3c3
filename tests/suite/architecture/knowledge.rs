//! The table: which room never knows which.

use super::source::Source;
use super::{DOMAINS, findings, sources};

/// Rooms that hold values and rules but are no domain, and their pure files.
const PURE_OUTSIDE_DOMAINS: &[&str] =
    &["auth/model.rs", "auth/model/party.rs", "auth/permissions.rs", "auth/jwt.rs", "auth/cache.rs"];

/// The parts of a domain that are not pure rules.
const PARTS: &[&str] = &["mod", "api", "service", "sql", "tasks"];

/// Parts of a service that stand in a file of their own: they run inside a transaction.
const USE_CASES: &[&str] = &["house/idempotency.rs"];

/// Rooms under everything.
const FOUNDATIONS: &[&str] = &["store", "auth", "clock", "config", "meters", "sheets", "i18n"];

/// Rooms that serve every domain and know none.
const SHARED: &[&str] = &["audit", "backups", "tasks", "webhooks", "http"];

/// Rooms that put everything together, and so know everything; whatever is put together knows none of them.
const COMPOSITION: &[&str] = &["app", "fixtures", "testing", "cli"];

/// Files, the runtime, the engine, the web and the machine's clock.
const IMPURE: &[&str] = &[
    "rusqlite",
    "poem",
    "poem_openapi",
    "tokio",
    "hyper",
    "std::fs",
    "std::net::TcpStream",
    "std::time::SystemTime",
    "std::time::Instant",
    "SystemTime::now",
    "chrono::Utc::now",
    "chrono::Local",
    "crate::http",
    "crate::store",
    "crate::clock::Clock",
];

/// Every sentence of the table that `source` breaks.
pub fn check(source: &Source) -> Vec<String> {
    let (room, part) = (source.room(), source.part());
    let mut found = Vec::new();
    let mut never = |who: &str, path: Option<&str>| {
        if let Some(path) = path {
            found.push(format!("src/{}: {who} never knows {path}", source.name));
        }
    };
    let domain = DOMAINS.contains(&room);
    let is_sql = part == "sql";
    let is_pure = domain && !PARTS.contains(&part) || PURE_OUTSIDE_DOMAINS.contains(&source.name.as_str());

    if is_pure && !USE_CASES.contains(&source.name.as_str()) {
        for impure in IMPURE {
            never("a model or a rule", source.names(impure));
        }
    }
    if is_sql {
        for other in ["poem", "poem_openapi", "crate::http", "crate::tasks", "crate::webhooks"] {
            // The statements of such a room know its own model.
            if other.strip_prefix("crate::") != Some(room) {
                never("sql", source.names(other));
            }
        }
        never("sql", source.passes_through("api"));
        never("sql", source.passes_through("service"));
    }
    if domain && part == "api" {
        never("api", source.names("rusqlite"));
        never("api", source.passes_through("sql"));
    }
    if domain && part == "service" {
        for other in ["poem", "poem_openapi"] {
            never("service", source.names(other));
        }
        never("service", source.passes_through("api"));
    }
    if FOUNDATIONS.contains(&room) {
        for other in ["crate::http", "crate::tasks", "crate::webhooks", "crate::app", "crate::cli"] {
            never(room, source.names(other));
        }
    }
    if FOUNDATIONS.contains(&room) || SHARED.contains(&room) || domain {
        for other in DOMAINS.iter().filter(|other| **other != room) {
            never(room, source.names(&format!("crate::{other}")));
        }
    }
    if FOUNDATIONS.contains(&room) || SHARED.contains(&room) || domain {
        for other in COMPOSITION {
            never("what is put together", source.names(&format!("crate::{other}")));
        }
    }
    if room == "store" && !source.name.ends_with("mod.rs") {
        never(room, source.names("crate::auth"));
    }
    if !(room == "store" || is_sql) {
        never("whatever is neither store nor sql", source.names("rusqlite"));
    }
    found
}

#[test]
fn no_room_knows_what_it_must_not() {
    let found: Vec<_> = sources().iter().flat_map(check).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_room_that_knows_too_much_is_found_out() {
    for (name, text, finding) in [
        ("schedules/recurrence.rs", "use rusqlite::Row;", "a model or a rule never knows rusqlite"),
        ("schedules/overlap.rs", "fn f() { tokio::spawn(g()) }", "never knows tokio::spawn"),
        ("audience/model.rs", "use std::{fs, fmt};", "never knows std::fs"),
        ("auth/model.rs", "fn f() -> std::time::SystemTime { g() }", "never knows std::time::SystemTime"),
        ("audience/matching.rs", "fn f() { chrono::Utc::now() }", "never knows chrono::Utc::now"),
        ("audience/quota.rs", "use crate::clock::{Clock, Timestamp};", "never knows crate::clock::Clock"),
        ("nomenclature/sql.rs", "use poem::Response;", "sql never knows poem"),
        (
            "nomenclature/sql/items.rs",
            "use super::super::service::Refused;",
            "sql never knows crate::nomenclature::service",
        ),
        ("auth/sql/users.rs", "use crate::tasks::Task;", "sql never knows crate::tasks"),
        ("account/api/mod.rs", "use crate::account::sql;", "api never knows crate::account::sql"),
        ("account/api.rs", "use rusqlite::Connection;", "api never knows rusqlite"),
        ("account/service.rs", "use super::api::wire::User;", "service never knows crate::account::api"),
        ("account/service.rs", "use poem_openapi::Object;", "service never knows poem_openapi"),
        ("store/mod.rs", "use crate::http::Failure;", "store never knows crate::http"),
        ("auth/users.rs", "use crate::account::AccountService;", "auth never knows crate::account"),
        ("account/service.rs", "use crate::fixtures::Plan;", "what is put together never knows crate::fixtures"),
        ("http/gate.rs", "use crate::testing::Controls;", "what is put together never knows crate::testing"),
        ("sheets/mod.rs", "use crate::webhooks;", "sheets never knows crate::webhooks"),
        ("http/gate.rs", "use crate::{house, store};", "http never knows crate::house"),
        ("tasks/mod.rs", "fn f() { crate::audience::run() }", "tasks never knows crate::audience"),
        ("schedules/service.rs", "use crate::nomenclature::Item;", "schedules never knows crate::nomenclature"),
        ("house/service.rs", "use crate::account;", "house never knows crate::account"),
        ("auth/users.rs", "fn f(c: &rusqlite::Connection) {}", "neither store nor sql never knows rusqlite"),
        ("cli/user.rs", "use rusqlite::params;", "neither store nor sql never knows rusqlite"),
    ] {
        let found = findings(check, name, text);
        assert!(found.contains(finding), "{name} `{text}`: {found:?}");
    }
}

#[test]
fn what_the_table_allows_is_not_found_fault_with() {
    for (name, text) in [
        ("app.rs", "use crate::{account, house, http, store};"),
        ("schedules/sql.rs", "use rusqlite::Row;"),
        ("webhooks/sql/mod.rs", "use crate::webhooks::model::Endpoint;"),
        ("store/writer.rs", "use rusqlite::Connection;"),
        ("schedules/service.rs", "use super::sql; use crate::store::Store; use crate::auth::Auth;"),
        ("schedules/api.rs", "use super::service::plan; use poem_openapi::Object; use crate::http::Caller;"),
        ("schedules/recurrence.rs", "use crate::clock::Timestamp; use chrono::NaiveDate; use std::fmt;"),
        ("account/service.rs", "// use poem::Request;\n#[cfg(test)]\nmod tests { use poem::Request; }"),
    ] {
        assert_eq!(findings(check, name, text), "", "{name}");
    }
}
