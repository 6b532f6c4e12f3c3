//! Comptoir's own activity: an action, its one request, and the event that vouches for both, written together in the
//! transaction of the effect.
//!
//! Must not know: HTTP, any domain.

use std::net::IpAddr;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::audit::chain::{self, Chain, Event, Hash, Head, Kind};
use crate::audit::model::{ActionId, CalculationStatus, NewAction, NewRequest, Outcome, ProcessType, Service, Told};
use crate::audit::sql;
use crate::audit::sql::days::Counter;
use crate::auth::model::{Call, CompanyId, Credential, Place, Principal, UserId};
use crate::auth::permissions::Effect;
use crate::clock::Timestamp;
use crate::store::{StoreError, WriteTx};

/// Under which name the server's own work stands. No user can have it: a user's name has no full stop.
pub const SERVER: &str = "comptoir.server";

/// Under which name the command line's work stands.
pub const COMMAND_LINE: &str = "comptoir.command";

/// The environment that requests of the command line name.
const COMMAND_ENV: &str = "command";

/// Ingest is one action in each span of this length, in microseconds.
const MINUTE: i64 = 60_000_000;

/// Something Comptoir did, to be recorded.
#[derive(Debug, Clone)]
pub struct Deed {
    /// For whose company.
    pub company: CompanyId,
    /// On whose behalf; `None`: its own or the command line's.
    pub user: Option<UserId>,
    /// That user's name, [`SERVER`] or [`COMMAND_LINE`].
    pub username: String,
    /// `process_code`: one that is known already is recorded once.
    pub process: Uuid,
    /// NOTRACE for a request, TRACE for a background task.
    pub process_type: ProcessType,
    /// The `operationId`, or the kind of the task.
    pub operation: String,
    /// When it began.
    pub time: Told,
    /// `request_code`.
    pub request: Uuid,
    /// Which server did it.
    pub place: Place,
    /// How it ended.
    pub outcome: Outcome,
    /// What else there is to know; kept with the event.
    pub detail: Value,
}

impl Deed {
    fn action(&self) -> NewAction {
        NewAction {
            company: self.company,
            user: self.user,
            username: self.username.clone(),
            process: self.process,
            service: Service::Account,
            process_type: self.process_type,
            operation: self.operation.clone(),
            time: self.time,
            points: 0,
            outcome: self.outcome,
        }
    }

    fn request(&self) -> NewRequest {
        NewRequest {
            request: self.request,
            operation: self.operation.clone(),
            env: self.place.env.to_string(),
            pod: self.place.pod.to_string(),
            time: self.time,
        }
    }
}

/// Records a deed, once. Should it be known already and have come to another end since (a task that was tried again),
/// the row follows, and a new event vouches for it.
pub fn record(tx: &WriteTx<'_>, deed: &Deed, now: Timestamp) -> Result<(), StoreError> {
    let (mut action, request) = (deed.action(), deed.request());
    let chain = Chain::of(Some(deed.company));
    let head = sql::chain::head(tx, chain)?;
    let seal = head.seq + 1;
    if let Some(id) = sql::actions::insert(tx, &action, Some(seal))? {
        sql::requests::insert_own(tx, deed.company, id, &request)?;
        sql::days::add(tx, &Counter::of(&action, action.outcome.status), 1)?;
        let digest = chain::digest(&action, std::slice::from_ref(&request));
        return append(tx, (chain, head), now, Kind::Action, Some((id, digest)), &deed.detail);
    }
    let Some(known) = sql::actions::find(tx, deed.company, deed.process)? else { return Ok(()) };
    if !known.own {
        // Somebody reported a process under this very code, which can be guessed: that must not hide what was done.
        let process = timed(now, Uuid::new_v4().as_bytes());
        return record(tx, &Deed { process, ..deed.clone() }, now);
    }
    if known.recorded.outcome == deed.outcome {
        return Ok(());
    }
    sql::days::remove(tx, &Counter::of(&known.recorded, known.recorded.outcome.status), 1)?;
    action = NewAction { outcome: deed.outcome, ..known.recorded };
    sql::actions::update_outcome(tx, deed.company, known.id, &deed.outcome)?;
    sql::actions::set_seal(tx, deed.company, known.id, seal)?;
    sql::days::add(tx, &Counter::of(&action, action.outcome.status), 1)?;
    let digest = chain::digest(&action, &sql::requests::of(tx, deed.company, known.id)?);
    append(tx, (chain, head), now, Kind::Action, Some((known.id, digest)), &deed.detail)
}

/// Adds an event that vouches for no action.
pub fn note(tx: &WriteTx<'_>, chain: Chain, now: Timestamp, kind: Kind, detail: &Value) -> Result<(), StoreError> {
    append(tx, (chain, sql::chain::head(tx, chain)?), now, kind, None, detail)
}

fn append(
    tx: &WriteTx<'_>,
    (chain, head): (Chain, Head),
    now: Timestamp,
    kind: Kind,
    action: Option<(ActionId, Hash)>,
    detail: &Value,
) -> Result<(), StoreError> {
    let event =
        Event { chain, seq: head.seq + 1, at: now, kind: kind.as_str().to_owned(), action, detail: detail.to_string() };
    sql::chain::append(tx, &event, &event.hash_after(&head.hash))
}

/// Records the call behind `caller`, if it is one that changes or ingests something: in the transaction of its effect. A
/// call that writes in several transactions is recorded with the first of them.
pub fn record_call(tx: &WriteTx<'_>, caller: &Principal, now: Timestamp) -> Result<(), StoreError> {
    let Some(call) = &caller.call else { return Ok(()) };
    let process = process_of(caller, call);
    // Most calls of an ingesting client find the minute's action there.
    if call.effect == Effect::Ingests && sql::actions::exists(tx, caller.company_id, process)? {
        return Ok(());
    }
    record(tx, &deed_of(caller, call, process), now)
}

/// What a call is recorded as.
#[must_use]
pub fn deed(caller: &Principal, call: &Call) -> Deed {
    deed_of(caller, call, process_of(caller, call))
}

fn deed_of(caller: &Principal, call: &Call, process: Uuid) -> Deed {
    let token = match &caller.credential {
        Credential::ApiToken { guid, .. } => Some(guid.to_string()),
        Credential::Jwt { .. } | Credential::Sid { .. } | Credential::Basic { .. } => None,
    };
    Deed {
        company: caller.company_id,
        user: Some(caller.user_id),
        username: caller.username.to_string(),
        process,
        process_type: ProcessType::Notrace,
        operation: call.operation.to_owned(),
        time: told(call.at, caller.timezone.hours()),
        request: call.request,
        place: call.place.clone(),
        outcome: Outcome::of(CalculationStatus::FinishedInTime),
        detail: json!({ "address": call.address, "token": token }),
    }
}

/// An instant at a whole offset.
#[must_use]
pub fn told(at: Timestamp, hours: i8) -> Told {
    Told { at, offset_minutes: i16::from(hours) * 60 }
}

/// The `process_code` of a call: one for each request, and for ingest one for each caller, operation and minute.
fn process_of(caller: &Principal, call: &Call) -> Uuid {
    if call.effect != Effect::Ingests {
        return timed(call.at, call.request.as_bytes());
    }
    let minute = call.at.as_micros().div_euclid(MINUTE);
    let mut hash = Sha256::new();
    hash.update(b"comptoir ingest 1");
    hash.update(caller.user_id.0.to_be_bytes());
    hash.update(minute.to_be_bytes());
    hash.update(call.operation.as_bytes());
    timed(Timestamp::from_micros(minute * MINUTE), &hash.finalize())
}

/// A UUID that begins with the time (RFC 9562, version 7), so that new rows stand together at the end of each index;
/// the rest is the first ten bytes of `rest`, which must have as many.
#[must_use]
pub fn timed(at: Timestamp, rest: &[u8]) -> Uuid {
    let millis = u64::try_from(at.as_micros().div_euclid(1000)).unwrap_or(0);
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&rest[..10]);
    Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

/// Records a change by the command line: in the company it concerns, or in the installation's chain.
pub fn record_command(
    tx: &WriteTx<'_>,
    company: Option<CompanyId>,
    operation: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let detail = json!({ "command": operation });
    let Some(company) = company else {
        return note(tx, Chain::INSTALLATION, now, Kind::Command, &detail);
    };
    let request = Uuid::new_v4();
    let deed = Deed {
        company,
        user: None,
        username: COMMAND_LINE.to_owned(),
        process: timed(now, request.as_bytes()),
        process_type: ProcessType::Notrace,
        operation: operation.to_owned(),
        time: told(now, 0),
        request,
        place: Place::new(COMMAND_ENV, crate::store::instance(tx)?.as_deref().unwrap_or(COMMAND_ENV)),
        outcome: Outcome::of(CalculationStatus::FinishedInTime),
        detail,
    };
    record(tx, &deed, now)
}

/// Where a call came from, for an event's detail.
#[must_use]
pub fn from_address(address: IpAddr) -> Value {
    json!({ "address": address })
}
