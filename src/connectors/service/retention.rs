//! Keeping less of what is old: values past their time are removed, older ones thinned to the last of each span. In
//! slices, each a short transaction that begins where the last one ended; what a kill cuts off is found again.
//!
//! The newest value of a series stays whatever its age: the series shows it, and alerts go by it.

use super::ConnectorsError;
use crate::clock::Timestamp;
use crate::config::ConnectorConfig;
use crate::connectors::model::UnixSeconds;
use crate::connectors::sql;
use crate::connectors::sql::retention::Aging;
use crate::store::WriteTx;

/// So many values are looked at or removed in one transaction.
const SLICE: usize = 2_000;

/// So many series are.
const SERIES: usize = 200;

/// What is kept, at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// Older values are removed.
    pub remove_before: Option<UnixSeconds>,
    /// Older values are thinned, and to the last one of so many seconds.
    pub thin_before: Option<(UnixSeconds, i64)>,
}

impl Keeping {
    /// What `config` has kept at `now`.
    #[must_use]
    pub fn of(config: &ConnectorConfig, now: Timestamp) -> Self {
        let span = i64::try_from(config.thin_to.as_secs()).unwrap_or(i64::MAX).max(1);
        let before = |age| now.minus(age).as_unix_seconds();
        Self {
            remove_before: config.retention.map(before),
            // Whole spans only: one that is still being filled would lose its last value to a later one.
            thin_before: config.thin_after.map(|age| (before(age) - before(age).rem_euclid(span), span)),
        }
    }

    /// Whether everything is kept.
    #[must_use]
    pub fn keeps_all(&self) -> bool {
        self.remove_before.is_none() && self.thin_before.is_none()
    }
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// The last series that is done with.
    pub after: i64,
    /// How many values were removed.
    pub removed: usize,
}

/// Does a slice; whether there is more.
pub fn slice(tx: &WriteTx<'_>, keeping: Keeping, mut progress: Progress) -> Result<(Progress, bool), ConnectorsError> {
    let mut room = SLICE;
    for _ in 0..SERIES {
        let Some(series) = sql::retention::next(tx, progress.after)? else { return Ok((progress, false)) };
        let removed = match keeping.remove_before {
            Some(before) => sql::retention::remove(tx, series.id, before.min(series.latest_at), room)?,
            None => 0,
        };
        progress.removed += removed;
        room = room.saturating_sub(removed);
        if room == 0 {
            return Ok((progress, true));
        }
        if let Some((before, span)) = keeping.thin_before
            && !thin(tx, series, (before, span), &mut room, &mut progress.removed)?
        {
            return Ok((progress, true));
        }
        progress.after = series.id.0;
    }
    Ok((progress, true))
}

/// Thins a series; whether it is done with.
fn thin(
    tx: &WriteTx<'_>,
    series: Aging,
    (before, span): (UnixSeconds, i64),
    room: &mut usize,
    removed: &mut usize,
) -> Result<bool, ConnectorsError> {
    if series.thinned_until >= before {
        return Ok(true);
    }
    // From the beginning of its span: an earlier value of it may have stayed as the last.
    let from = series.thinned_until - series.thinned_until.rem_euclid(span);
    let instants = sql::retention::instants(tx, series.id, (from, before), *room + 1)?;
    let whole = instants.len() <= *room;
    for pair in instants.windows(2) {
        if pair[0].div_euclid(span) == pair[1].div_euclid(span) {
            sql::retention::remove_one(tx, series.id, pair[0])?;
            *removed += 1;
        }
    }
    *room = room.saturating_sub(instants.len());
    // Where there is nothing to be thinned nothing is written either.
    if instants.len() > 1 || !whole {
        let until = if whole { before } else { instants.last().copied().unwrap_or(before) };
        sql::retention::set_thinned(tx, series.id, until)?;
    }
    Ok(whole)
}
