//! Calls that are kept instead of made: for tests that want to see what would have been sent, without a receiver.
//!
//! Must not know: any domain, who reads what is kept, the database.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, StatusCode};

use super::send::Reply;
use crate::clock::Timestamp;

/// So many calls are kept; then the oldest go.
pub const MOST: usize = 1_000;

/// A call that was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// Its number: later ones have higher ones.
    pub number: u64,
    /// When it would have been made, by the server's clock.
    pub at: Timestamp,
    /// The delivery's `webhook-id`.
    pub id: String,
    /// Where to.
    pub url: String,
    /// The headers it would have had, the signature among them.
    pub headers: Vec<(String, String)>,
    /// The body it would have had.
    pub body: String,
}

/// Whether calls are kept, and those that were. Clones do not share: it is held behind a pointer.
#[derive(Debug, Default)]
pub struct Capture(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// What a receiver is taken to answer; `None`: calls are made.
    answer: Option<StatusCode>,
    last: u64,
    kept: VecDeque<Captured>,
}

impl Capture {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a receiver is taken to answer; `None`: calls are made.
    pub fn answer(&self) -> Option<StatusCode> {
        self.state().answer
    }

    /// Keeps calls from now on and takes them to be answered like this; `None`: makes them.
    pub fn set(&self, answer: Option<StatusCode>) {
        self.state().answer = answer;
    }

    /// Keeps a call, if calls are kept.
    pub(super) fn take(&self, id: &str, url: &str, headers: &HeaderMap, body: &[u8], at: Timestamp) -> Option<Reply> {
        let mut state = self.state();
        let status = state.answer?;
        state.last += 1;
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let captured = Captured {
            number: state.last,
            at,
            id: id.to_owned(),
            url: url.to_owned(),
            headers: headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            body: String::from_utf8_lossy(body).into_owned(),
        };
        if state.kept.len() == MOST {
            state.kept.pop_front();
        }
        state.kept.push_back(captured);
        Some(Reply { status, retry_after: None, answer: "captured by test controls".to_owned() })
    }

    /// Up to `limit` calls after the one with this number, in their order.
    pub fn list(&self, after: u64, limit: usize) -> Vec<Captured> {
        self.state().kept.iter().filter(|captured| captured.number > after).take(limit).cloned().collect()
    }

    /// Forgets them. Numbers go on.
    pub fn clear(&self) {
        self.state().kept.clear();
    }
}
