//! Going back in time, as test controls do: what was remembered or handed out since must not come back to life when the rows
//! it was made from are put back.
//!
//! Must not know: HTTP, any domain, why anybody goes back.

use std::sync::PoisonError;

use uuid::Uuid;

use super::{Auth, AuthError, random, sql};
use crate::store::Adjust;

/// How far the handing out of JWTs was when a copy of the rows was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(usize);

impl Auth {
    /// Notes from now on which JWTs are made, so that [`Auth::carry_over`] can end them.
    pub fn keep_issued(&self) {
        let _ = self.0.issued.get_or_init(Default::default);
    }

    pub(super) fn note_issued(&self, jti: Uuid) {
        if let Some(issued) = self.0.issued.get() {
            issued.lock().unwrap_or_else(PoisonError::into_inner).push(jti);
        }
    }

    /// How far the handing out of JWTs is.
    #[must_use]
    pub fn mark(&self) -> Mark {
        let issued = self.0.issued.get();
        Mark(issued.map_or(0, |issued| issued.lock().unwrap_or_else(PoisonError::into_inner).len()))
    }

    /// What a copy of the rows that was taken at `since` needs before it takes their place: JWTs made since are ended in
    /// it, since a JWT is known by its signature and not by a row; and the identity epoch goes on from where it is now, so
    /// that nothing which is remembered under an earlier one is valid again. With the mark to go on from.
    #[must_use]
    pub fn carry_over(&self, since: Mark) -> (Adjust, Mark) {
        let issued = self.0.issued.get();
        let made = issued.map_or_else(Vec::new, |issued| {
            let issued = issued.lock().unwrap_or_else(PoisonError::into_inner);
            issued.get(since.0..).unwrap_or_default().to_vec()
        });
        let mark = Mark(since.0 + made.len());
        let adjust = move |now: &crate::store::Conn, copy: &crate::store::Conn| {
            for jti in &made {
                sql::tokens::bury_jwt(copy, *jti)?;
            }
            let epoch = sql::keys::epoch(now)?.max(sql::keys::epoch(copy)?) + 1;
            sql::keys::set_epoch(copy, epoch)
        };
        (Box::new(adjust), mark)
    }

    /// Forgets what is remembered in memory: verified credentials, failed sign-ins, what waits to be recorded.
    pub async fn forget(&self) -> Result<(), AuthError> {
        self.0.cache.forget(random()?);
        self.0.throttle.forget();
        self.journal().forget().await;
        Ok(())
    }
}
