//! Periodic work on usage: processes that nobody ended are closed, data files that were left half written are removed.
//!
//! Must not know: other domains. Both go in slices and may be cut off anywhere: what is left is found again.

use std::time::Duration;

use serde_json::json;

use crate::account::service::{files, processes};
use crate::tasks::{Kind, KindOptions, Outcome, Registry, Schedule, TaskContext};

const ABANDONED: Kind<()> = Kind::new("usage_abandoned").attempts(1);
const SWEEP: Kind<()> = Kind::new("usage_sweep").attempts(1);

/// How often it is looked for abandoned processes.
const ABANDONED_EVERY: Duration = Duration::from_mins(1);

/// How often it is looked for what is left of data files.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// Says how the tasks of usage are run, and when. A process of which nothing was heard for `abandoned_after` is closed.
pub fn register(registry: &mut Registry, abandoned_after: Duration) {
    let options = KindOptions { concurrency: 1, ..KindOptions::default() };
    registry.register(ABANDONED, options, move |context, ()| close(context, abandoned_after));
    registry.every("usage_abandoned", Schedule::Every(ABANDONED_EVERY), ABANDONED, ());
    registry.register(SWEEP, options, sweep);
    registry.every("usage_sweep", Schedule::Every(SWEEP_EVERY), SWEEP, ());
}

async fn close(context: TaskContext, abandoned_after: Duration) -> Outcome {
    let before = context.clock().now().minus(abandoned_after);
    let mut closed = 0;
    loop {
        match context.write(move |tx| processes::close_silent(tx, before)).await {
            Ok(0) => return Outcome::Done(json!({ "closed": closed })),
            Ok(more) => closed += more,
            Err(interrupted) => return interrupted.into(),
        }
        if context.is_draining() {
            return Outcome::Snooze(Duration::ZERO);
        }
    }
}

async fn sweep(context: TaskContext, (): ()) -> Outcome {
    match files::sweep(context.store(), context.clock().now()).await {
        Ok(()) => Outcome::done(),
        Err(error) => Outcome::retry(error),
    }
}
