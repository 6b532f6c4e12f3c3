//! Counting: the figures as they are kept, the count that verifies them, and what is published of it.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use crate::audience::AudienceError;
use crate::audience::counters::{self, Cell, ChannelFigures};
use crate::audience::model::{Channel, Refresh, Shelf, Status};
use crate::audience::service::enabled;
use crate::audience::sql;
use crate::auth::model::CompanyId;
use crate::clock::{Clock, Timestamp};
use crate::store::{Conn, WriteTx};

/// What a count found, all of it in one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The figures, counted.
    pub figures: Vec<ChannelFigures>,
    /// When it was finished.
    pub counted_at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What has to be added to the counters to make them what was counted; nothing, unless a row was changed around
    /// them.
    pub repairs: BTreeMap<Cell, i64>,
    /// The same for the list's number of profiles.
    pub profile_repair: i64,
}

/// The latest figures of a resource in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The figures.
    pub figures: Vec<ChannelFigures>,
    /// When they were counted; `None`: never, they are the counters as they stand.
    pub counted: Option<(Timestamp, Duration)>,
}

/// Counts the subscriptions of a resource in a list through the covering index, and holds the counters against it.
/// `progress` hears how far it is, in percent; `stop` is asked now and then.
pub fn count(
    conn: &Conn,
    company: CompanyId,
    refresh: Refresh,
    clock: &Clock,
    progress: impl Fn(u8),
    stop: impl Fn() -> bool,
) -> Result<Option<Counted>, AudienceError> {
    let begun = clock.now();
    let list = enabled(conn, Shelf::Lists, company, refresh.list)?;
    enabled(conn, Shelf::Resources, company, refresh.resource)?;
    let kept = sql::counters::kept(conn, company, refresh.list, refresh.resource)?;
    // The counters say how much there is to count: what is done of it is the progress.
    let total = (list.profiles + kept.values().sum::<i64>()).max(1);
    let mut counted = BTreeMap::new();
    let mut done = 0;
    for channel in Channel::ALL {
        for status in Status::ALL {
            if stop() {
                return Ok(None);
            }
            for (cell, count) in sql::counters::count(conn, company, refresh.list, refresh.resource, *channel, *status)?
            {
                if count != 0 {
                    done += count;
                    counted.insert(cell, count);
                }
            }
            progress(percent(done, total));
        }
    }
    let profiles = sql::counters::count_profiles(conn, company, refresh.list)?;
    progress(99);
    let used = sql::counters::channels_of_list(conn, company, refresh.list)?;
    let counted_at = clock.now();
    Ok(Some(Counted {
        figures: counters::figures(profiles, &used, &counted),
        counted_at,
        took: counted_at.since(begun),
        repairs: counters::differences(&kept, &counted),
        profile_repair: profiles - list.profiles,
    }))
}

/// At most 99: the last percent is the publication.
fn percent(done: i64, total: i64) -> u8 {
    u8::try_from((done.saturating_mul(100) / total).clamp(0, 99)).unwrap_or(99)
}

/// Publishes a count. Counters that differ are moved by the difference, which stays right whatever has been changed since
/// the snapshot, unless another has repaired them: of one resource in a list only one task counts at a time, but the
/// number of profiles is found wrong by every one in the list. So the last of those that are on their way repairs it.
pub fn publish(
    tx: &WriteTx<'_>,
    company: CompanyId,
    task: Uuid,
    refresh: Refresh,
    counted: &Counted,
) -> Result<(), AudienceError> {
    let mut repairs = counters::Deltas::default();
    if counted.profile_repair != 0 && !sql::refreshes::has_other(tx, company, refresh.list, task)? {
        repairs.profile(refresh.list, counted.profile_repair);
    }
    repairs.cells.extend(counted.repairs.iter().map(|(cell, by)| ((refresh.list, *cell), *by)));
    sql::counters::apply(tx, company, &repairs)?;
    let figures = serde_json::to_string(&counted.figures)
        .map_err(|error| AudienceError::Damaged(format!("figures cannot be written: {error}")))?;
    let count = sql::counters::Count { counted_at: counted.counted_at, took: counted.took, figures };
    Ok(sql::counters::publish(tx, company, refresh.list, refresh.resource, &count)?)
}

/// Logs what a count has found wrong with the counters.
pub fn log_repairs(company: CompanyId, refresh: Refresh, counted: &Counted) {
    if counted.profile_repair != 0 {
        tracing::warn!(
            company = company.0,
            list = refresh.list,
            by = counted.profile_repair,
            "the number of profiles of a list is wrong; the last count on its way repairs it"
        );
    }
    for (cell, by) in &counted.repairs {
        tracing::warn!(
            company = company.0,
            list = refresh.list,
            resource = refresh.resource,
            channel = %cell.channel,
            status = %cell.status,
            sendable = cell.sendable,
            by,
            "a counter was wrong and is repaired"
        );
    }
}

/// The latest count; without one, the counters as they stand. Reads a few rows, however long the list is.
pub fn published(conn: &Conn, company: CompanyId, refresh: Refresh) -> Result<Published, AudienceError> {
    let list = enabled(conn, Shelf::Lists, company, refresh.list)?;
    enabled(conn, Shelf::Resources, company, refresh.resource)?;
    if let Some(count) = sql::counters::latest(conn, company, refresh.list, refresh.resource)? {
        let figures = serde_json::from_str(&count.figures)
            .map_err(|error| AudienceError::Damaged(format!("published figures cannot be read: {error}")))?;
        return Ok(Published { figures, counted: Some((count.counted_at, count.took)) });
    }
    let kept = sql::counters::kept(conn, company, refresh.list, refresh.resource)?;
    let used = sql::counters::channels_of_list(conn, company, refresh.list)?;
    Ok(Published { figures: counters::figures(list.profiles, &used, &kept), counted: None })
}
