//! Reading the audit: how many actions there are, and which, in an order, page by page or all of them in slices.
//!
//! Must not know: HTTP, any domain.
//!
//! Totals come from the counters per day; only the days that a period cuts into are counted row by row. A list by time
//! knows from the same counters which days have what is wanted and passes the others over without reading them. A list
//! by anything else reads the index of that order.

use std::collections::VecDeque;

use crate::audit::model::{Action, ActionId, NewRequest, Sort, Wanted};
use crate::audit::sql;
use crate::audit::sql::days::{DAY, DayCount, day_of};
use crate::audit::sql::pages::{Key, Page, Place};
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError};

/// What a list is asked for with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Which actions.
    pub wanted: Wanted,
    /// In which order.
    pub sort: Sort,
    /// Whether the order, ties included, is turned round.
    pub descending: bool,
    /// How many are passed over.
    pub offset: u64,
    /// How many at most.
    pub limit: u64,
}

/// How many actions there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// In the period.
    pub overall: u64,
    /// Of them, those that pass the filters.
    pub filtered: u64,
}

/// An action with its requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The action.
    pub action: Action,
    /// Its requests, in the order they were told of.
    pub requests: Vec<NewRequest>,
}

/// A span of time that is read at one go.
#[derive(Debug, Clone)]
struct Span {
    from: Timestamp,
    to: Timestamp,
    /// How many in it pass the filters.
    count: u64,
}

/// A list on its way: what is still to come. Each slice is a snapshot of its own, so that a slow reader holds up nothing;
/// rows that change their place between two slices may come twice or not at all. By time none does.
#[derive(Debug, Clone)]
pub struct Cursor {
    query: Query,
    /// Only what the order goes through.
    spans: VecDeque<Span>,
    /// How many are still to be passed over in the first span.
    offset: u64,
    /// Where the first span has come to.
    place: Option<Place>,
    remaining: u64,
}

impl Cursor {
    /// Whether nothing is left.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.remaining == 0 || self.spans.is_empty()
    }

    /// What is wanted of a span. By time, what has been read already is no longer in it, so that going on costs the same
    /// wherever in a long day it is.
    fn rest_of(&self, span: &Span) -> Wanted {
        let mut wanted = Wanted { from: span.from, to: span.to, ..self.query.wanted.clone() };
        if let (Sort::Time, Some((Key::Number(time), _))) = (self.query.sort, &self.place) {
            let end = if self.query.descending { &mut wanted.to } else { &mut wanted.from };
            *end = Timestamp::from_micros(*time);
        }
        wanted
    }
}

/// Counts, and gets ready to list.
pub fn begin(conn: &Conn, query: Query) -> Result<(Counters, Cursor), StoreError> {
    let (counters, days) = count(conn, &query.wanted)?;
    let mut spans: VecDeque<Span> = if query.sort == Sort::Time {
        days.into_iter().filter(|span| span.count > 0).collect()
    } else {
        [Span { from: query.wanted.from, to: query.wanted.to, count: counters.filtered }].into()
    };
    if query.descending {
        spans.make_contiguous().reverse();
    }
    let mut offset = query.offset;
    while let Some(first) = spans.front().filter(|first| first.count <= offset) {
        offset -= first.count;
        spans.pop_front();
    }
    let remaining = query.limit.min(counters.filtered.saturating_sub(query.offset));
    Ok((counters, Cursor { query, spans, offset, place: None, remaining }))
}

/// The next slice of at most `limit` actions; empty when the list is done.
pub fn next(conn: &Conn, cursor: &mut Cursor, limit: usize) -> Result<Vec<Listed>, StoreError> {
    let mut listed = Vec::new();
    while !cursor.is_done() && listed.len() < limit {
        let Some(span) = cursor.spans.front() else { break };
        let wanted = cursor.rest_of(span);
        let room = limit - listed.len();
        let page = Page {
            sort: cursor.query.sort,
            descending: cursor.query.descending,
            after: cursor.place.as_ref(),
            offset: cursor.offset,
            limit: usize::try_from(cursor.remaining).unwrap_or(usize::MAX).min(room),
        };
        let rows = sql::pages::list(conn, &wanted, &page)?;
        if rows.len() < page.limit {
            cursor.spans.pop_front();
            cursor.place = None;
        } else {
            cursor.place = rows.last().map(|(_, place)| place.clone());
        }
        cursor.offset = 0;
        cursor.remaining -= rows.len() as u64;
        for (id, _) in rows {
            listed.extend(whole(conn, &wanted, id)?);
        }
    }
    Ok(listed)
}

fn whole(conn: &Conn, wanted: &Wanted, id: ActionId) -> Result<Option<Listed>, StoreError> {
    let Some(action) = sql::actions::get(conn, wanted.company, id)? else { return Ok(None) };
    Ok(Some(Listed { requests: sql::requests::of(conn, wanted.company, id)?, action }))
}

/// How many there are, in all and in each day of the period, those that it cuts into as far as they belong to it.
fn count(conn: &Conn, wanted: &Wanted) -> Result<(Counters, Vec<Span>), StoreError> {
    let mut counters = Counters { overall: 0, filtered: 0 };
    let mut spans = Vec::new();
    if wanted.from > wanted.to {
        return Ok((counters, spans));
    }
    for day in sql::days::counts(conn, wanted, day_of(wanted.from), day_of(wanted.to))? {
        let (span, overall) = span_of(conn, wanted, day)?;
        counters.overall += overall;
        counters.filtered += span.count;
        spans.push(span);
    }
    Ok((counters, spans))
}

/// As much of a day as the period has, and how many actions there are in it whatever the filters.
fn span_of(conn: &Conn, wanted: &Wanted, day: DayCount) -> Result<(Span, u64), StoreError> {
    let midnight = Timestamp::from_micros(day.day * DAY);
    let last = Timestamp::from_micros(day.day * DAY + (DAY - 1));
    let (from, to) = (midnight.max(wanted.from), last.min(wanted.to));
    let (overall, filtered) = if from == midnight && to == last {
        (day.overall, day.filtered)
    } else {
        sql::pages::count(conn, wanted, from, to)?
    };
    Ok((Span { from, to, count: filtered }, overall))
}
