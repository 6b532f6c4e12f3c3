//! The task that reminds distributors. There is one to come at a time for the whole installation, at the instant the next
//! reminder is due; whoever changes a schedule has it come at once, and it works out the rest.
//!
//! Must not know: other domains. Each slice is a transaction of its own; the last one ends the task and enqueues the
//! next.

use std::time::Duration;

use crate::schedules::service::SchedulesError;
pub use crate::schedules::service::reminders::REMIND;
use crate::schedules::service::reminders::{self, KEY, Skipped};
use crate::tasks::{KindOptions, Outcome, Registry, Schedule, TaskContext};

/// How often somebody looks even if nobody has said that there is something: after a restore, or a jump of the clock.
const LOOK_EVERY: Duration = Duration::from_mins(15);

/// Says how reminders are sent; what is later than `grace` is not.
pub fn register(registry: &mut Registry, grace: Duration) {
    let options = KindOptions { concurrency: 1, ..KindOptions::default() };
    registry.register(REMIND, options, move |context, ()| run(context, grace));
    registry.every(KEY, Schedule::Every(LOOK_EVERY), REMIND, ());
}

async fn run(context: TaskContext, grace: Duration) -> Outcome {
    let now = context.clock().now();
    loop {
        let queue = context.queue().clone();
        match context.write(move |tx| reminders::slice(tx, &queue, now, grace)).await {
            Ok(slice) => {
                for Skipped { company, schedule, day, late } in &slice.skipped {
                    tracing::warn!(
                        company = company.0, schedule = schedule.0, first_day = %day, late_seconds = late,
                        "reminders are skipped: they are later than the grace for them"
                    );
                }
                if !slice.more {
                    break;
                }
            }
            Err(interrupted) => return interrupted.into(),
        }
        if context.is_draining() {
            return Outcome::Snooze(Duration::ZERO);
        }
    }
    let queue = context.queue().clone();
    let finished = context
        .finish(move |tx| {
            if let Some(at) = reminders::next_look(tx)? {
                reminders::look(tx, &queue, at.max(now))?;
            }
            Ok::<_, SchedulesError>(Outcome::done())
        })
        .await;
    finished.unwrap_or_else(Outcome::from)
}
