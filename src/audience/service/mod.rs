//! The use cases of the audience, one function each; each owns its transaction.
//!
//! Must not know: HTTP, the wire types. Functions that take a transaction are for those that own one: the tasks and the
//! command line.

pub mod counts;
pub mod entries;
mod error;
pub mod profiles;
pub mod refreshes;
pub mod subscriptions;
pub mod suppression;

pub use self::error::AudienceError;
use crate::audience::model::{Entry, Shelf};
use crate::audience::sql;
use crate::auth::Auth;
use crate::auth::model::CompanyId;
use crate::clock::{Clock, Timestamp};
use crate::store::{Conn, Store};
use crate::tasks::Queue;
use crate::webhooks::guard::Guard;

/// The use cases over one store.
#[derive(Clone)]
pub struct AudienceService {
    auth: Auth,
    store: Store,
    clock: Clock,
    queue: Queue,
    guard: Guard,
}

impl AudienceService {
    /// The audience of this installation; feedback goes where `guard` lets it.
    #[must_use]
    pub fn new(auth: &Auth, queue: Queue, guard: Guard) -> Self {
        Self { store: auth.store().clone(), clock: auth.clock().clone(), auth: auth.clone(), queue, guard }
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// A list or a resource that the contract finds.
fn enabled(conn: &Conn, shelf: Shelf, company: CompanyId, id: i64) -> Result<Entry, AudienceError> {
    sql::entries::find(conn, shelf, company, id)?
        .filter(|entry| entry.enabled)
        .ok_or_else(|| AudienceError::not_found(shelf.noun(), id))
}
