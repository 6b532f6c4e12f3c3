//! Forgetting tasks that ended long ago.
//!
//! Must not know: any domain.

use std::time::Duration;

use serde_json::json;

use crate::tasks::context::TaskContext;
use crate::tasks::model::Kind;
use crate::tasks::outcome::Outcome;
use crate::tasks::registry::{KindOptions, Registry};
use crate::tasks::schedule::Schedule;
use crate::tasks::sql;

const RETENTION: Kind<()> = Kind::new("tasks_retention");

/// How often it is looked for what has become old.
const EVERY: Duration = Duration::from_hours(1);

/// How many rows go in one write: a few milliseconds of the writer's time.
const SLICE: usize = 500;

/// Has tasks removed, with all that is known of them, once they have been ended for `span`.
pub fn keep_ended_for(registry: &mut Registry, span: Duration) {
    let options = KindOptions { concurrency: 1, ..KindOptions::default() };
    registry.register(RETENTION, options, move |context, ()| forget(context, span));
    registry.every("tasks_retention", Schedule::Every(EVERY), RETENTION, ());
}

async fn forget(context: TaskContext, span: Duration) -> Outcome {
    let before = context.clock().now().minus(span);
    let mut forgotten = 0;
    loop {
        match context.write(move |tx| sql::delete_ended(tx, before, SLICE)).await {
            Ok(slice) => {
                forgotten += slice;
                if slice < SLICE {
                    return Outcome::Done(json!({ "forgotten": forgotten }));
                }
            }
            Err(interrupted) => return interrupted.into(),
        }
        if context.is_draining() {
            return Outcome::Snooze(Duration::ZERO);
        }
    }
}
