//! Background work on connectors: what the clock has to look at for alerts, and retention.
//!
//! Must not know: other domains. Both go in slices, each a transaction of its own, and may be cut off anywhere.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::config::ConnectorConfig;
use crate::connectors::model::SeriesId;
use crate::connectors::service::ConnectorsError;
use crate::connectors::service::alerts::{self, JUDGE, KEY, LOOK};
use crate::connectors::service::retention::{self, Keeping, Progress};
use crate::tasks::{Kind, KindOptions, Outcome, Registry, Schedule, TaskContext};

const RETENTION: Kind<()> = Kind::new("connector_retention").attempts(1);

/// How often somebody looks for alerts even if nobody has said that there is something: after a restore, or a jump of the
/// clock.
const LOOK_EVERY: Duration = Duration::from_mins(15);

/// How often old values are looked for.
const RETENTION_EVERY: Duration = Duration::from_hours(1);

/// Says how the tasks of connectors are run, and when.
pub fn register(registry: &mut Registry, config: ConnectorConfig) {
    let options = KindOptions { concurrency: 1, ..KindOptions::default() };
    registry.register(LOOK, options, look);
    registry.register(JUDGE, options, judge);
    registry.every(KEY, Schedule::Every(LOOK_EVERY), LOOK, ());
    registry.register(RETENTION, options, move |context, ()| retain(context, config));
    registry.every("connector_retention", Schedule::Every(RETENTION_EVERY), RETENTION, ());
}

async fn look(context: TaskContext, (): ()) -> Outcome {
    let now = context.clock().now();
    loop {
        let queue = context.queue().clone();
        match context.write(move |tx| alerts::slice(tx, &queue, now)).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(interrupted) => return interrupted.into(),
        }
        if context.is_draining() {
            return Outcome::Snooze(Duration::ZERO);
        }
    }
    let queue = context.queue().clone();
    let finished = context
        .finish(move |tx| {
            if let Some(at) = alerts::next_look(tx)? {
                alerts::look(tx, &queue, at.max(now))?;
            }
            Ok::<_, ConnectorsError>(Outcome::done())
        })
        .await;
    finished.unwrap_or_else(Outcome::from)
}

/// Looks at what watches series whose values came with too many others. Begun anew, it finds what it has done already so.
async fn judge(context: TaskContext, series: Vec<i64>) -> Outcome {
    let mut left: Arc<[SeriesId]> = series.into_iter().map(SeriesId).collect();
    while !left.is_empty() {
        let (queue, these, now) = (context.queue().clone(), Arc::clone(&left), context.clock().now());
        let looked_at =
            context.write(move |tx| Ok::<_, ConnectorsError>(alerts::judge_values(tx, &queue, &these, now)?.len()));
        match looked_at.await {
            Ok(rest) => left = left[left.len() - rest..].into(),
            Err(interrupted) => return interrupted.into(),
        }
        if context.is_draining() {
            return Outcome::Snooze(Duration::ZERO);
        }
    }
    Outcome::done()
}

async fn retain(context: TaskContext, config: ConnectorConfig) -> Outcome {
    let keeping = Keeping::of(&config, context.clock().now());
    let mut progress = Progress::default();
    if keeping.keeps_all() {
        return Outcome::done();
    }
    loop {
        match context.write(move |tx| retention::slice(tx, keeping, progress)).await {
            Ok((done, more)) => {
                progress = done;
                if !more {
                    return Outcome::Done(json!({ "removed": progress.removed }));
                }
            }
            Err(interrupted) => return interrupted.into(),
        }
        if context.is_draining() {
            return Outcome::Snooze(Duration::ZERO);
        }
    }
}
