//! Who delivers when: a task per delivery, told apart by its `webhook-id`, that comes back for each attempt; and what the
//! end of any task is to webhooks.
//!
//! Must not know: any domain, HTTP as a server, the statements.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::store::{StoreError, WriteTx};
use crate::tasks::{
    Dedupe, Kind, KindOptions, NewTask, OnEnd, Outcome, Queue, Registry, Schedule, State, Task, TaskContext, TaskError,
};
use crate::webhooks::WebhookError;
use crate::webhooks::model::EventType;
use crate::webhooks::outbox::{self, Next};
use crate::webhooks::service::Webhooks;

/// Sends one delivery. A failed call is no failed attempt of the task, which comes back by itself for the next call;
/// the attempts here are how often a call may be cut off by a kill of the server.
pub const DELIVERY: Kind<DeliveryTask> = Kind::new("webhook_delivery").attempts(20);

/// Takes old deliveries out of the log, and lets go what an endpoint no longer holds.
pub const UPKEEP: Kind<()> = Kind::new("webhook_upkeep");

/// How long an ended delivery stays in the log.
const KEPT_FOR: Duration = Duration::from_hours(30 * 24);

/// How many rows one transaction removes: a slice stays far below 50 ms.
const SLICE: usize = 500;

/// What a [`DELIVERY`] is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryTask {
    /// The delivery's `webhook-id`.
    pub delivery: Uuid,
}

/// Has `delivery` sent at `at`.
pub(super) fn enqueue(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    delivery: Uuid,
    at: Timestamp,
) -> Result<(), StoreError> {
    let task = NewTask::new(DELIVERY, DeliveryTask { delivery })
        .of(company)
        .not_before(at)
        .dedupe(Dedupe::Join(delivery.to_string()));
    match queue.enqueue(tx, &task) {
        Ok(_) => Ok(()),
        Err(TaskError::Store(error)) => Err(error),
        Err(other) => unreachable!("an id is plain data, and a new task is in no wrong state: {other}"),
    }
}

/// Says how webhooks' tasks are run.
pub fn register(registry: &mut Registry, webhooks: &Webhooks) {
    let options = KindOptions {
        // Most of the time a call waits for somebody else.
        concurrency: 16,
        // The call's own limit is 15 s; this one is for a store that hangs.
        timeout: Duration::from_mins(1),
        ..KindOptions::default()
    };
    let own = webhooks.clone();
    registry.register(DELIVERY, options, move |context: TaskContext, task: DeliveryTask| {
        let webhooks = own.clone();
        async move { deliver(&webhooks, &context, task.delivery).await.unwrap_or_else(Outcome::retry) }
    });
    registry.register(UPKEEP, KindOptions::default(), |context: TaskContext, ()| async move {
        upkeep(&context).await.unwrap_or_else(Outcome::retry)
    });
    registry.every("webhook_upkeep", Schedule::Every(Duration::from_hours(1)), UPKEEP, ());
}

/// One call and its record. The record and the end of the attempt are one transaction; the call itself may happen again
/// after a kill, under the same `webhook-id`.
async fn deliver(webhooks: &Webhooks, context: &TaskContext, delivery: Uuid) -> Result<Outcome, WebhookError> {
    let made = webhooks.call(context.store(), context.clock(), delivery).await?;
    let random = u32::from_be_bytes(crate::auth::random()?);
    let now = context.clock().now();
    let finished = context
        .finish(move |tx| {
            Ok::<_, StoreError>(match outbox::record(tx, delivery, made.as_ref(), random, now)? {
                Next::Ended => Outcome::done(),
                Next::At(at) => Outcome::Snooze(at.since(now)),
            })
        })
        .await;
    Ok(finished.unwrap_or_else(Outcome::from))
}

async fn upkeep(context: &TaskContext) -> Result<Outcome, StoreError> {
    let store = context.store();
    let now = context.clock().now();
    let before = now.minus(KEPT_FOR);
    while !context.is_canceled() {
        let queue = context.queue().clone();
        let moved = store.write(move |tx| outbox::upkeep(tx, &queue, before, now, SLICE)).await?;
        if moved == 0 {
            break;
        }
    }
    Ok(Outcome::done())
}

/// What the end of a task is to webhooks: of one that delivers, the end of its delivery, if it has none yet; of any
/// other of a company, an event.
#[derive(Debug)]
pub struct TaskEnds;

impl TaskEnds {
    /// As the queue takes it.
    #[must_use]
    pub fn hook() -> Arc<dyn OnEnd> {
        Arc::new(Self)
    }
}

impl OnEnd for TaskEnds {
    fn task_ended(&self, tx: &WriteTx<'_>, queue: &Queue, task: &Task) -> Result<(), StoreError> {
        let now = task.ended_at.unwrap_or(task.updated_at);
        if task.kind == DELIVERY.name() {
            let payload = DeliveryTask::deserialize(&task.payload).ok();
            let reason = match task.state {
                State::Canceled => "its task was canceled",
                State::Failed => "its task failed: the server was stopped in the middle of it too often",
                _ => return Ok(()),
            };
            return payload.map_or(Ok(()), |payload| outbox::abandon(tx, payload.delivery, reason, now));
        }
        let Some(company) = task.company else { return Ok(()) };
        let data = json!({
            "task_id": task.guid,
            "kind": task.kind,
            "state": task.state.as_str(),
            "error": task.error,
        });
        outbox::emit(tx, queue, company, EventType::TaskEnded, &data, now).map(|_| ())
    }
}
