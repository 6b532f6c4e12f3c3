//! The log of what came in, for tests to assert on: bounded in number and in bytes, without credentials.
//!
//! Must not know: any domain, who reads it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use poem::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE};
use poem::http::{HeaderMap, HeaderName, HeaderValue};

use super::mask;
use crate::clock::Timestamp;

/// So many requests are remembered; then the oldest go.
pub const MOST: usize = 1_000;

/// So many bytes of a body are kept.
pub const MOST_BODY: usize = 16 * 1024;

/// Headers whose values are credentials.
const HIDDEN: [HeaderName; 4] = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, SET_COOKIE];

/// A request that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its number: later ones have higher ones.
    pub number: u64,
    /// When it came in, by the server's clock.
    pub at: Timestamp,
    /// In capitals.
    pub method: String,
    /// The path without secrets.
    pub path: String,
    /// The query without secrets.
    pub query: Option<String>,
    /// What it asked for; `None`: nothing that there is.
    pub operation: Option<&'static str>,
    /// Who it came from, if it signed in.
    pub username: Option<String>,
    /// Its headers, credentials replaced by an ellipsis.
    pub headers: Vec<(String, String)>,
    /// Its body as text, secrets replaced by an ellipsis; what is no UTF-8 is replaced too.
    pub body: Option<String>,
    /// Whether more of the body came than is kept.
    pub body_cut: bool,
    /// How it was answered; `None`: the connection was cut.
    pub status: Option<u16>,
    /// How long that took, in microseconds of the machine's clock.
    pub took_micros: u64,
    /// The rule whose fault it got.
    pub fault: Option<u64>,
}

/// Which requests are wanted; what is `None` fits all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this operation.
    pub operation: Option<String>,
    /// Of this method.
    pub method: Option<String>,
    /// Whose path begins with this.
    pub path: Option<String>,
    /// Answered with this status.
    pub status: Option<u16>,
    /// From this user.
    pub username: Option<String>,
    /// Later than the one with this number.
    pub after: u64,
}

impl Filter {
    fn fits(&self, request: &Received) -> bool {
        request.number > self.after
            && self.operation.as_deref().is_none_or(|wanted| request.operation == Some(wanted))
            && self.method.as_deref().is_none_or(|wanted| request.method.eq_ignore_ascii_case(wanted))
            && self.path.as_deref().is_none_or(|wanted| request.path.starts_with(wanted))
            && self.status.is_none_or(|wanted| request.status == Some(wanted))
            && self.username.as_deref().is_none_or(|wanted| request.username.as_deref() == Some(wanted))
    }
}

/// Where the bytes of a body are kept as they pass.
#[derive(Debug, Clone, Default)]
pub struct Tee(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    cut: bool,
}

impl Tee {
    /// A piece passes.
    pub fn pass(&self, piece: &Bytes) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MOST_BODY - kept.bytes.len();
        kept.cut |= piece.len() > room;
        kept.bytes.extend_from_slice(&piece[..piece.len().min(room)]);
    }
}

/// The log.
#[derive(Debug, Default)]
pub struct Requests(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: u64,
    kept: VecDeque<Received>,
}

impl Requests {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a request that is answered. Its number, headers and body are filled in.
    pub fn keep(&self, mut request: Received, headers: &HeaderMap, body: &Tee) {
        request.headers = headers.iter().map(|(name, value)| (name.to_string(), shown(name, value))).collect();
        let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kept = std::mem::take(&mut *body.0.lock().unwrap_or_else(PoisonError::into_inner));
        request.body_cut = kept.cut;
        request.body = (!kept.bytes.is_empty()).then(|| mask::body(media_type, &kept.bytes, kept.cut));
        request.query = request.query.map(|query| mask::form(&query));
        let mut state = self.state();
        state.last += 1;
        request.number = state.last;
        if state.kept.len() == MOST {
            state.kept.pop_front();
        }
        state.kept.push_back(request);
    }

    /// Up to `limit` of those that are wanted, in the order they were answered.
    pub fn list(&self, filter: &Filter, limit: usize) -> Vec<Received> {
        self.state().kept.iter().filter(|request| filter.fits(request)).take(limit).cloned().collect()
    }

    /// How many are wanted.
    pub fn count(&self, filter: &Filter) -> usize {
        self.state().kept.iter().filter(|request| filter.fits(request)).count()
    }

    /// Forgets them. Numbers go on.
    pub fn clear(&self) {
        self.state().kept.clear();
    }
}

fn shown(name: &HeaderName, value: &HeaderValue) -> String {
    if HIDDEN.contains(name) {
        return mask::HIDDEN.to_owned();
    }
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
