//! The audit's part in background work: the record of every task that ends, the removal of what is too old, and the
//! heads of the chains in the log.
//!
//! Must not know: any domain, HTTP.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use crate::audit::chain::{self, Chain, Head, Kind as EventKind};
use crate::audit::model::{CalculationStatus, MAX_DURATION, Outcome, ProcessType, Timings};
use crate::audit::own::{self, Deed, SERVER};
use crate::audit::sql;
use crate::audit::sql::days::Counter;
use crate::auth::companies;
use crate::auth::model::{CompanyId, Place};
use crate::auth::{AuthError, users};
use crate::clock::Timestamp;
use crate::store::{Store, StoreError, WriteTx};
use crate::tasks::{
    Interrupted, Kind, KindOptions, OnEnd, Outcome as TaskOutcome, Queue, Registry, Schedule, State, Task, TaskContext,
};

/// Removes what is too old.
const RETENTION: Kind<()> = Kind::new("audit_retention");

/// When, after midnight UTC.
const RETENTION_AT: Duration = Duration::from_hours(2);

/// Writes the heads of the chains to the log.
const HEADS: Kind<()> = Kind::new("audit_heads");

/// When, after midnight UTC.
const HEADS_AT: Duration = Duration::from_mins(5);

/// How many rows go in one write: an action has eight index entries, so this is some 10 ms of the writer's time.
const SLICE: usize = 200;

/// Has the heads logged daily, and removed what is older than `retention`.
pub fn register(registry: &mut Registry, retention: Duration) {
    let options = KindOptions { concurrency: 1, timeout: Duration::from_hours(6), ..KindOptions::default() };
    registry.register(RETENTION, options, move |context, ()| forget(context, retention));
    registry.every("audit_retention", Schedule::DailyAt(RETENTION_AT), RETENTION, ());
    registry.register(HEADS, KindOptions::default(), tell_heads);
    registry.every("audit_heads", Schedule::DailyAt(HEADS_AT), HEADS, ());
}

/// Records each task that ends as a process of type TRACE, in the transaction of its end.
#[derive(Debug)]
pub struct TaskEnds {
    env: String,
}

impl TaskEnds {
    /// The hook for the queue of the server that runs in the environment `env`.
    #[must_use]
    pub fn hook(env: &str) -> Arc<dyn OnEnd> {
        Arc::new(Self { env: env.to_owned() })
    }
}

impl OnEnd for TaskEnds {
    fn task_ended(&self, tx: &WriteTx<'_>, _: &Queue, task: &Task) -> Result<(), StoreError> {
        let ended = task.ended_at.unwrap_or(task.updated_at);
        let Some(company) = task.company else {
            let detail = json!({ "task": task.guid, "kind": task.kind, "state": task.state.to_string() });
            return own::note(tx, Chain::INSTALLATION, ended, EventKind::Task, &detail);
        };
        let owner = task.owner.map(|owner| users::get(tx, owner)).transpose().or_else(gone)?;
        let pod = crate::store::instance(tx)?.unwrap_or_else(|| SERVER.to_owned());
        let deed = Deed {
            company,
            user: owner.as_ref().map(|owner| owner.id),
            username: owner.as_ref().map_or_else(|| SERVER.to_owned(), |owner| owner.username.to_string()),
            process: task.guid,
            process_type: ProcessType::Trace,
            operation: task.kind.clone(),
            time: own::told(task.created_at, owner.map_or(0, |owner| owner.timezone.hours())),
            request: Uuid::new_v4(),
            place: Place::new(&self.env, &pod),
            outcome: outcome(task, ended),
            detail: json!({ "attempts": task.attempts }),
        };
        own::record(tx, &deed, ended)
    }
}

/// An owner that is not there any longer leaves the task to the server.
fn gone<T>(error: AuthError) -> Result<Option<T>, StoreError> {
    match error {
        AuthError::Store(error) => Err(error),
        _ => Ok(None),
    }
}

/// How a task that has ended is told as a process.
fn outcome(task: &Task, ended: Timestamp) -> Outcome {
    let status = match task.state {
        State::Done => CalculationStatus::FinishedInTime,
        State::Canceled => CalculationStatus::Canceled,
        _ => CalculationStatus::Failed,
    };
    let began = task.started_at.unwrap_or(ended);
    let timings = Timings {
        waiting: began.since(task.created_at).min(MAX_DURATION),
        calculation: ended.since(began).min(MAX_DURATION),
        ..Timings::default()
    };
    Outcome { timings, ..Outcome::of(status) }
}

async fn tell_heads(context: TaskContext, (): ()) -> TaskOutcome {
    match heads(context.store()) {
        Ok(heads) => {
            for (chain, company, head) in &heads {
                tracing::info!(
                    chain = chain.0,
                    company,
                    seq = head.seq,
                    hash = chain::hex(&head.hash),
                    "head of an audit chain"
                );
            }
            TaskOutcome::Done(json!({ "chains": heads.len() }))
        }
        Err(error) => TaskOutcome::retry(error),
    }
}

/// Every chain, the key of its company if it is one's, and its head.
fn heads(store: &Store) -> Result<Vec<(Chain, Option<String>, Head)>, AuthError> {
    store.read(|conn| {
        let mut heads = Vec::new();
        for chain in sql::chain::chains(conn)? {
            let company = chain.company().map(|company| companies::get(conn, company)).transpose()?;
            let key = company.map(|company| company.key.to_string());
            heads.push((chain, key, sql::chain::head(conn, chain)?));
        }
        Ok(heads)
    })
}

async fn forget(context: TaskContext, span: Duration) -> TaskOutcome {
    match forget_all(&context, context.clock().now().minus(span)).await {
        Ok(Some(forgotten)) => TaskOutcome::Done(json!({ "forgotten": forgotten })),
        Ok(None) => TaskOutcome::Snooze(Duration::ZERO),
        Err(interrupted) => interrupted.into(),
    }
}

/// Removes everything from before `since`; how many rows that were. `None`: the server is about to stop.
async fn forget_all(context: &TaskContext, since: Timestamp) -> Result<Option<usize>, Interrupted<StoreError>> {
    let mut forgotten = 0;
    for chain in context.store().read(|conn| sql::chain::chains(conn))? {
        // Reads as many events as go, once: not while others wait to write.
        let last = context.store().read_long(move |conn| sql::chain::last_before(conn, chain, since)).await?;
        if let Some(last) = last {
            let now = context.clock().now();
            context.write(move |tx| announce(tx, chain, last, now)).await?;
            loop {
                if context.is_draining() {
                    return Ok(None);
                }
                let slice = context.write(move |tx| forget_slice(tx, chain, last)).await?;
                forgotten += slice;
                if slice < SLICE {
                    break;
                }
            }
        }
    }
    for company in context.store().read(companies_of)? {
        loop {
            if context.is_draining() {
                return Ok(None);
            }
            let slice = context.write(move |tx| forget_reported(tx, company, since)).await?;
            forgotten += slice;
            if slice < SLICE {
                break;
            }
        }
    }
    Ok(Some(forgotten))
}

fn companies_of(conn: &crate::store::ReadTx<'_>) -> Result<Vec<CompanyId>, StoreError> {
    sql::days::companies(conn)
}

/// Writes into the chain itself that its events through `last` go, so that nobody else can have taken them.
fn announce(tx: &WriteTx<'_>, chain: Chain, last: Head, now: Timestamp) -> Result<(), StoreError> {
    let detail = json!({ "through": last.seq, "hash": chain::hex(&last.hash) });
    own::note(tx, chain, now, EventKind::Removed, &detail)
}

/// Removes the oldest events of a chain, through `last` at most, and the actions they vouch for.
fn forget_slice(tx: &WriteTx<'_>, chain: Chain, last: Head) -> Result<usize, StoreError> {
    let Some(ends) = sql::chain::ends(tx, chain)? else { return Ok(0) };
    let events = sql::chain::after(tx, chain, ends.removed.seq, SLICE)?;
    let slice: Vec<_> = events.into_iter().filter(|(event, _)| event.seq <= last.seq).collect();
    let Some((end, hash)) = slice.last() else { return Ok(0) };
    let through = Head { seq: end.seq, hash: *hash };
    for (event, _) in &slice {
        let (Some((action, _)), Some(company)) = (event.action, chain.company()) else { continue };
        // A later event vouches for an action that went on: it goes with that one.
        if sql::actions::seal(tx, company, action)? == Some(event.seq) {
            remove_action(tx, company, action)?;
        }
    }
    sql::chain::remove_through(tx, chain, through)?;
    Ok(slice.len())
}

/// Removes the oldest actions that a company's services reported and that have no file left.
fn forget_reported(tx: &WriteTx<'_>, company: CompanyId, since: Timestamp) -> Result<usize, StoreError> {
    let actions = sql::actions::reported_before(tx, company, since, SLICE)?;
    for action in &actions {
        remove_action(tx, company, *action)?;
    }
    Ok(actions.len())
}

fn remove_action(
    tx: &WriteTx<'_>,
    company: CompanyId,
    action: crate::audit::model::ActionId,
) -> Result<(), StoreError> {
    let Some(known) = sql::actions::get(tx, company, action)? else { return Ok(()) };
    sql::days::remove(tx, &Counter::of(&known.recorded, known.recorded.outcome.status), 1)?;
    sql::actions::delete(tx, company, action)
}
