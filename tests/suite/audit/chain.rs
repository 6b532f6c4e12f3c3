//! The chain: what retention takes leaves it whole, and its heads go to the log.

use std::time::Duration;

use comptoir::audit::chain::hex;
use comptoir::config::AuditConfig;
use comptoir::store::StoreError;
use serde_json::json;

use super::{audit, operations, totals};
use crate::support::{Log, TestServer};

const DAY: Duration = Duration::from_hours(24);

async fn kept_for(days: u32) -> TestServer {
    TestServer::start_with(|options| options.audit = AuditConfig { reads: false, retention: DAY * days }).await
}

/// How many events and own actions there are.
fn rows(server: &TestServer) -> (i64, i64) {
    let counted = server.store().read(|conn| {
        let count = |sql: &str| conn.query_row(sql, [], |row| row.get(0));
        let events = count("SELECT count(*) FROM audit_events WHERE chain = 1")?;
        Ok::<_, StoreError>((events, count("SELECT count(*) FROM actions WHERE company_id = 1")?))
    });
    counted.unwrap()
}

#[tokio::test]
async fn what_retention_takes_leaves_a_chain_that_can_be_verified() {
    let server = kept_for(30).await;
    let admin = server.as_operator().await;
    for number in 0..220 {
        admin.put("/account/info", json!({"phone": format!("+3800{number:05}")})).await.expect(200);
    }
    server.flush_journal().await;
    assert_eq!(rows(&server), (221, 221));

    server.clock.advance(DAY * 20);
    server.run_pending_tasks().await;
    let admin = server.as_operator().await;
    admin.put("/account/info", json!({"phone": "+380000000"})).await.expect(200);
    server.flush_journal().await;
    assert_eq!(rows(&server).1, 223, "nothing is too old yet");

    server.clock.advance(DAY * 20);
    server.run_pending_tasks().await;
    assert_eq!(server.audit_findings(), Vec::<String>::new());
    let admin = server.as_operator().await;
    let found = audit(&admin, "?from=2020-01-01T00:00:00Z&sort_direction=ASC").await;
    let mut left = operations(&found);
    left.sort();
    assert_eq!(left, ["run_token_generation", "run_token_generation", "update_info"]);
    assert_eq!(totals(&found), (3, 3));
    // Those two, the sign-in, and retention's own word on what it took.
    assert_eq!(rows(&server), (4, 3));
    // It goes on from there.
    admin.put("/account/info", json!({"phone": "+380000001"})).await.expect(200);
    assert_eq!(server.audit_findings(), Vec::<String>::new());

    // Everything, twice.
    for _ in 0..2 {
        server.clock.advance(DAY * 60);
        server.run_pending_tasks().await;
        assert_eq!(server.audit_findings(), Vec::<String>::new());
    }
    assert_eq!(rows(&server).1, 0);
}

#[tokio::test]
async fn the_heads_of_the_chains_go_to_the_log_every_day() {
    let log = Log::start();
    let server = kept_for(30).await;
    server.company("north").await;
    server.user("north", "olena", &["ADMIN"]).await;
    server.flush_journal().await;
    server.run_pending_tasks().await;
    assert!(log.with("head of an audit chain").is_empty());
    server.clock.advance(DAY);
    server.run_pending_tasks().await;
    let heads = log.with("head of an audit chain");
    for of in ["comptoir", "north"] {
        let named = heads.iter().filter(|line| line.contains(&format!("company=\"{of}\""))).count();
        assert_eq!(named, 1, "{of}: {heads:?}");
    }
    let head = server.store().read_one(|conn| {
        Ok::<_, StoreError>(conn.query_row("SELECT hash FROM audit_chains WHERE chain = 2", [], |row| row.get(0))?)
    });
    let head = hex(&head.unwrap());
    assert_eq!(heads.iter().filter(|line| line.contains(&head)).count(), 1);
}

#[tokio::test]
async fn events_are_neither_changed_nor_removed_by_a_plain_statement() {
    let server = TestServer::start().await;
    server.as_operator().await;
    server.flush_journal().await;
    for statement in ["UPDATE audit_events SET detail = '{}'", "DELETE FROM audit_events"] {
        let refused = server.store().write(move |tx| Ok::<_, StoreError>(tx.execute(statement, [])?)).await;
        assert!(matches!(refused, Err(StoreError::Constraint { .. })), "{statement}: {refused:?}");
    }
}
