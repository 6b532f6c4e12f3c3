//! Whether the chains hold: every event is what was written and follows the one before it, every action is what its event
//! vouches for, none is missing, none was put in, and the counters per day are right.
//!
//! Must not know: HTTP, any domain.

use serde_json::Value;

use crate::audit::chain::{self, Chain, Event, Head, NOTHING};
use crate::audit::model::ActionId;
use crate::audit::sql;
use crate::auth::companies;
use crate::store::{Conn, StoreError};

/// How many events are read at a time.
const SLICE: usize = 1_000;

/// What contradicts itself in the audit, one sentence each: for each chain the first row that is broken.
pub fn consistency(conn: &Conn) -> Result<Vec<String>, StoreError> {
    let mut findings = Vec::new();
    for chain in sql::chain::chains(conn)? {
        if let Some(finding) = first_broken(conn, chain)? {
            findings.push(format!("audit: {}: {finding}", name(conn, chain)));
        }
    }
    for company in sql::days::companies(conn)? {
        if let Some(day) = sql::days::first_wrong(conn, company)? {
            let chain = Chain::of(Some(company));
            findings.push(format!("audit: {}: the counters of day {day} are wrong", name(conn, chain)));
        }
    }
    Ok(findings)
}

/// A head as the log had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoggedHead {
    chain: Chain,
    head: Head,
}

impl LoggedHead {
    /// Reads `CHAIN:SEQ:HASH`, as the fields of the log's line are called.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let (chain, seq, hash) = (parts.next()?, parts.next()?, parts.next()?);
        let head = Head { seq: seq.parse().ok().filter(|seq| *seq > 0)?, hash: chain::unhex(hash)? };
        parts.next().is_none().then_some(Self { chain: Chain(chain.parse().ok()?), head })
    }
}

/// What is wrong with a head that the log had. Whoever rewrites a whole chain, its head included, is found out by this
/// alone.
pub fn logged_head(conn: &Conn, logged: LoggedHead) -> Result<Option<String>, StoreError> {
    let LoggedHead { chain, head } = logged;
    let at = sql::chain::after(conn, chain, head.seq - 1, 1)?;
    let finding = match at.first().filter(|(event, _)| event.seq == head.seq) {
        Some((_, hash)) if *hash == head.hash => return Ok(None),
        Some(_) => format!("event {} is not the one that the log had", head.seq),
        None if sql::chain::ends(conn, chain)?.is_some_and(|ends| head.seq <= ends.removed.seq) => {
            format!("event {} is older than what is kept: take a later line of the log", head.seq)
        }
        None => format!("event {} of the log is not there", head.seq),
    };
    Ok(Some(format!("audit: {}: {finding}", name(conn, chain))))
}

/// A chain for people.
fn name(conn: &Conn, chain: Chain) -> String {
    let Some(company) = chain.company() else { return "the installation's chain".to_owned() };
    match companies::get(conn, company) {
        Ok(company) => format!("the chain of company {}", company.key),
        Err(_) => format!("the chain of company number {}", company.0),
    }
}

/// The first thing that is wrong with a chain.
fn first_broken(conn: &Conn, chain: Chain) -> Result<Option<String>, StoreError> {
    let Some(ends) = sql::chain::ends(conn, chain)? else {
        return Ok(Some("its head is gone".to_owned()));
    };
    let mut before = ends.removed;
    // What the chain itself says of how far retention has come.
    let mut announced = Head { seq: 0, hash: NOTHING };
    loop {
        let events = sql::chain::after(conn, chain, before.seq, SLICE)?;
        let Some(last) = events.len().checked_sub(1) else { break };
        for (event, hash) in &events {
            if event.seq != before.seq + 1 {
                return Ok(Some(missing(before.seq + 1, event.seq - 1)));
            }
            if event.hash_after(&before.hash) != *hash {
                return Ok(Some(format!("event {} is not what was written, or not what followed", event.seq)));
            }
            if let Some(finding) = broken_action(conn, chain, event)? {
                return Ok(Some(finding));
            }
            if let Some(through) = announcement(event) {
                announced = through;
            }
            before = Head { seq: event.seq, hash: *hash };
        }
        if last + 1 < SLICE {
            break;
        }
    }
    if before.seq < ends.head.seq {
        return Ok(Some(missing(before.seq + 1, ends.head.seq)));
    }
    if before != ends.head {
        return Ok(Some(format!("event {} is not the head that was noted ({})", before.seq, ends.head.seq)));
    }
    let removed = ends.removed;
    if removed.seq > announced.seq || removed.seq == announced.seq && removed.hash != announced.hash {
        return Ok(Some(format!("{}, and not by retention", missing(1, removed.seq))));
    }
    let Some(company) = chain.company() else { return Ok(None) };
    let unvouched = sql::actions::unvouched(conn, company)?;
    Ok(unvouched.map(|process| format!("no event vouches for the action {process}")))
}

fn missing(first: i64, last: i64) -> String {
    if first == last { format!("event {first} is gone") } else { format!("events {first} to {last} are gone") }
}

/// What is wrong with the action that an event vouches for.
fn broken_action(conn: &Conn, chain: Chain, event: &Event) -> Result<Option<String>, StoreError> {
    let (Some((id, digest)), Some(company)) = (event.action, chain.company()) else { return Ok(None) };
    let ActionId(row) = id;
    let Some(known) = sql::actions::get(conn, company, id)? else {
        return Ok(Some(format!("the action of event {} (row {row}) is gone", event.seq)));
    };
    let process = known.recorded.process;
    let Some(seal) = sql::actions::seal(conn, company, id)?.filter(|seal| *seal >= event.seq) else {
        return Ok(Some(format!("the action {process} is no longer bound to event {}", event.seq)));
    };
    // It went on after this event; a later one vouches for it as it stands.
    if seal > event.seq {
        return Ok(None);
    }
    let requests = sql::requests::of(conn, company, id)?;
    if chain::digest(&known.recorded, &requests) != digest {
        return Ok(Some(format!("the action {process} (event {}) is not what was recorded", event.seq)));
    }
    Ok(None)
}

/// How far retention was to go, if this event says so.
fn announcement(event: &Event) -> Option<Head> {
    if event.kind != chain::Kind::Removed.as_str() {
        return None;
    }
    let detail: Value = serde_json::from_str(&event.detail).ok()?;
    Some(Head { seq: detail["through"].as_i64()?, hash: chain::unhex(detail["hash"].as_str()?)? })
}
