//! The background work on backups: taking one, at its time or when somebody asks, and the restore drill.
//!
//! Must not know: HTTP, any domain.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use super::Backups;
use super::drill::Drill;
use super::error::BackupError;
use super::take::{Taken, Target};
use crate::config::BackupTimes;
use crate::store::{self, StoreError};
use crate::tasks::{Kind, KindOptions, Outcome, Registry, Schedule, TaskContext};

/// Takes a backup.
pub const TAKE: Kind<()> = Kind::new("backup_take").attempts(3);

/// Restores the newest one on trial.
pub const DRILL: Kind<()> = Kind::new("backup_drill").attempts(2);

/// The longest either may take: a large file on a slow disk.
const TIMEOUT: Duration = Duration::from_hours(12);

/// The share of the copy in the progress; the rest is reading it back.
const COPYING: u64 = 70;

/// Says who takes backups, and when.
pub fn register(registry: &mut Registry, backups: &Backups, times: BackupTimes, drill_every: Option<Duration>) {
    let options = KindOptions { concurrency: 1, timeout: TIMEOUT, ..KindOptions::default() };
    let own = backups.clone();
    registry.register(TAKE, options, move |context: TaskContext, ()| take(own.clone(), context));
    let own = backups.clone();
    registry.register(DRILL, options, move |context: TaskContext, ()| drill(own.clone(), context));
    let schedule = match times {
        BackupTimes::Off => None,
        BackupTimes::Every(span) => Some(Schedule::Every(span)),
        BackupTimes::DailyAt(time) => Some(Schedule::DailyAt(time)),
    };
    if let Some(schedule) = schedule {
        registry.every("backup_take", schedule, TAKE, ());
    }
    if let Some(span) = drill_every {
        registry.every("backup_drill", Schedule::Every(span), DRILL, ());
    }
}

/// Set once nobody waits for the work any longer: what blocks a thread has to be told.
struct Abandoned(Arc<AtomicBool>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn take(backups: Backups, context: TaskContext) -> Outcome {
    let abandoned = Abandoned(Arc::default());
    let (stop, watched) = (Arc::clone(&abandoned.0), context.clone());
    let work = tokio::task::spawn_blocking(move || {
        backups.take(&Target::Kept, &mut |copying| {
            let percent = copying.done.saturating_mul(COPYING) / copying.total.max(1);
            let (done, total) = (copying.done >> 20, copying.total >> 20);
            watched.progress(u8::try_from(percent).unwrap_or(100), format!("copying: {done} of {total} MiB"));
            !stop.load(Ordering::Relaxed) && !watched.is_canceled()
        })
    });
    let taken = work.await;
    drop(abandoned);
    match taken {
        Ok(Ok(taken)) => concluded(taken),
        Ok(Err(BackupError::Copy(store::CopyError::Stopped))) => Outcome::Canceled,
        Ok(Err(error)) => {
            tracing::error!(%error, "no backup was taken");
            Outcome::retry(error)
        }
        Err(error) => {
            tracing::error!(%error, "taking a backup panicked");
            Outcome::retry("It stopped because of a fault in Comptoir; the log says more.")
        }
    }
}

fn concluded(taken: Taken) -> Outcome {
    let Taken { path, name, bytes, rows, findings, removed, .. } = taken;
    let file = path.display();
    if let Some(first) = findings.first() {
        tracing::error!(%file, findings = findings.len(), first, "a backup was taken of rows that contradict each other");
        return Outcome::failed(format!(
            "The database contradicts itself, as `comptoir check` tells: {first}. The backup is kept as {file} and does \
             not count."
        ));
    }
    tracing::info!(%file, bytes, rows, removed = removed.len(), "a backup was taken");
    let removed: Vec<_> = removed.iter().map(ToString::to_string).collect();
    Outcome::Done(json!({
        "backup": name.map(|name| name.to_string()), "bytes": bytes, "rows": rows, "removed": removed
    }))
}

async fn drill(backups: Backups, context: TaskContext) -> Outcome {
    let drill = match tokio::task::spawn_blocking(move || backups.drill()).await {
        Ok(Ok(drill)) => drill,
        Ok(Err(error)) => {
            tracing::error!(%error, "the restore drill could not be made");
            return Outcome::retry(error);
        }
        Err(error) => {
            tracing::error!(%error, "the restore drill panicked");
            return Outcome::retry("It stopped because of a fault in Comptoir; the log says more.");
        }
    };
    log(&drill);
    let finished = context
        .finish(move |tx| {
            store::keep_drill_outcome(tx, &kept(&drill))?;
            Ok::<_, StoreError>(match drill.findings.first() {
                None => Outcome::Done(json!({ "backup": drill.backup })),
                Some(first) => Outcome::failed(format!("The backup cannot be relied on: {first}")),
            })
        })
        .await;
    finished.unwrap_or_else(Outcome::from)
}

/// Says in the log how a drill ended.
pub fn log(drill: &Drill) {
    let Drill { backup, took_millis, findings, .. } = drill;
    let backup = backup.as_deref().unwrap_or("none");
    match findings.first() {
        None => tracing::info!(backup, took_millis, "restore drill: the newest backup is whole"),
        Some(first) => {
            tracing::error!(
                backup,
                findings = findings.len(),
                first,
                "restore drill: the newest backup cannot be relied on"
            );
        }
    }
}

/// A drill's outcome as it is kept.
#[must_use]
pub fn kept(drill: &Drill) -> String {
    // What a damaged file says can be long.
    let findings = drill.findings.iter().take(10).cloned().collect();
    serde_json::to_string(&Drill { findings, ..drill.clone() }).expect("an outcome is plain data")
}
