//! Statements that take long: told to the log with their text, which has no values in it, and the request they were made
//! for.
//!
//! Must not know: what requests are; only that each has an id.

use std::cell::Cell;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use uuid::Uuid;

/// So much of a statement is logged.
const LOGGED: usize = 2_000;

tokio::task_local! {
    /// What the running async task works for.
    static REQUEST: Uuid;
}

thread_local! {
    /// What this thread works for on behalf of another.
    static HANDED: Cell<Option<Uuid>> = const { Cell::new(None) };
}

/// Runs `f` for a request: what the store does on the way is known to be for it.
pub async fn during<F: Future>(request: Uuid, f: F) -> F::Output {
    REQUEST.scope(request, f).await
}

/// What the caller works for, if that is known.
pub(super) fn request() -> Option<Uuid> {
    HANDED.get().or_else(|| REQUEST.try_with(|request| *request).ok())
}

/// Runs `f` on this thread for a request of another.
pub(super) fn on_behalf<T>(request: Option<Uuid>, f: impl FnOnce() -> T) -> T {
    struct Back(Option<Uuid>);
    impl Drop for Back {
        fn drop(&mut self) {
            HANDED.set(self.0);
        }
    }
    let _back = Back(HANDED.replace(request));
    f()
}

/// Has statements of `connection` that take longer than `threshold`, from their first step to their end, logged. The
/// engine's clock has milliseconds.
pub(super) fn watch(connection: &mut Connection, threshold: Duration) -> rusqlite::Result<()> {
    connection.trace_v2(
        TraceEventCodes::SQLITE_TRACE_PROFILE,
        Some(move |event: TraceEvent<'_>| {
            if let TraceEvent::Profile(statement, took) = event
                && took > threshold
            {
                let request = request().map(tracing::field::display);
                let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(request_id = request, took_ms, sql = shown(&statement.sql()), "slow query");
            }
        }),
    )
}

/// A statement in one line, as much of it as is logged.
fn shown(sql: &str) -> String {
    let mut text = String::new();
    for word in sql.split_whitespace() {
        if text.len() + word.len() >= LOGGED {
            text.push('…');
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}
