//! The task that counts, and who is told of its end.
//!
//! Must not know: other domains. Nothing is done twice: the count only reads, and publishing it, repairing the counters
//! and the end of the task are one commit. Feedback is written to the outbox of webhooks in that commit as well.

use crate::audience::AudienceError;
use crate::audience::api::feedback_body;
use crate::audience::model::{FeedbackFormat, Refresh};
use crate::audience::service::counts;
use crate::audience::service::refreshes::{self, REFRESH};
use crate::audience::sql;
use crate::store::{StoreError, WriteTx};
use crate::tasks::{KindOptions, OnEnd, Outcome, Queue, Registry, Task, TaskContext};
use crate::webhooks::guard::Destination;
use crate::webhooks::model::{ContentType, EventType};
use crate::webhooks::{self, WebhookError};

/// How many counts run at once: each of them reads as fast as the disk lets it.
const CONCURRENCY: usize = 2;

/// Says how the tasks of the audience are run.
pub fn register(registry: &mut Registry) {
    registry.register(REFRESH, KindOptions { concurrency: CONCURRENCY, ..KindOptions::default() }, run);
}

async fn run(context: TaskContext, refresh: Refresh) -> Outcome {
    let Some(company) = context.company() else { return Outcome::failed("A refresh belongs to a company.") };
    let now = context.clock().now();
    // A task that was ended before and is tried again by hand is in progress again.
    let task = context.guid();
    let opened = context.write(move |tx| sql::refreshes::open(tx, company, task, refresh, now)).await;
    if let Err(interrupted) = opened {
        return interrupted.into();
    }
    let counting = context.clone();
    let counted = context
        .store()
        .read_long(move |conn| {
            let progress = |percent| counting.progress(percent, "counting");
            counts::count(conn, company, refresh, counting.clock(), progress, || counting.is_canceled())
        })
        .await;
    let counted = match counted {
        Ok(Some(counted)) => counted,
        Ok(None) => return Outcome::Canceled,
        Err(AudienceError::NotFound { what, key }) => {
            return Outcome::failed(format!("There is no {what} `{key}` any more."));
        }
        Err(error) => {
            tracing::error!(%error, %task, "a refresh could not count");
            return Outcome::retry("The figures could not be counted; the server's log says why.");
        }
    };
    counts::log_repairs(company, refresh, &counted);
    let finished = context
        .finish(move |tx| {
            counts::publish(tx, company, task, refresh, &counted)?;
            Ok::<_, AudienceError>(Outcome::Done(refreshes::record(refresh, &counted)?))
        })
        .await;
    finished.unwrap_or_else(Outcome::from)
}

/// Closes a refresh and tells whoever asked to be told, in the transaction in which its task ends.
#[derive(Debug)]
pub struct RefreshEnded;

impl OnEnd for RefreshEnded {
    fn task_ended(&self, tx: &WriteTx<'_>, queue: &Queue, task: &Task) -> Result<(), StoreError> {
        let (Some(company), true) = (task.company, task.kind == REFRESH.name()) else { return Ok(()) };
        let now = task.updated_at;
        sql::refreshes::close(tx, company, task.guid, now)?;
        let receivers = sql::refreshes::feedback(tx, company, task.guid)?;
        if receivers.is_empty() {
            return Ok(());
        }
        let status = match refreshes::status(tx, company, task, now) {
            Ok(status) => status,
            Err(AudienceError::Store(error)) => return Err(error),
            Err(error) => {
                tracing::error!(%error, task = %task.guid, "nobody is told of the end of a refresh that cannot be read");
                return Ok(());
            }
        };
        for receiver in receivers {
            let content_type = match receiver.format {
                FeedbackFormat::Json => ContentType::Json,
                FeedbackFormat::Xml => ContentType::Xml,
            };
            let body = feedback_body(status.clone(), receiver.format);
            // It was admitted when the refresh was asked for; where it leads is looked at when it is called.
            let sent = Destination::parse(&receiver.url).map(|destination| {
                let body = body.as_bytes();
                webhooks::send_to(tx, queue, company, &destination, EventType::TaskEnded, content_type, body, now)
            });
            match sent {
                Ok(Ok(_)) => {}
                Ok(Err(WebhookError::Store(error))) => return Err(error),
                Ok(Err(error)) => tracing::error!(%error, task = %task.guid, "a feedback could not be written"),
                Err(rule) => tracing::error!(%rule, task = %task.guid, "the URL of a feedback cannot be called"),
            }
        }
        Ok(())
    }
}
