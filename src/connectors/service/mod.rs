//! The use cases of connectors, one function each; each owns its transaction.
//!
//! Must not know: HTTP, the wire types. Functions that take a transaction are for those that own one: the tasks and the
//! command line.

pub mod alerts;
mod error;
pub mod ingest;
pub mod reading;
pub mod registry;
pub mod retention;
pub mod series;

pub use self::error::ConnectorsError;
pub use self::retention::Keeping;
use crate::auth::Auth;
use crate::clock::{Clock, Timestamp};
use crate::config::ConnectorConfig;
use crate::connectors::sql;
use crate::store::{Conn, Store, StoreError};
use crate::tasks::Queue;

/// The use cases over one store.
#[derive(Clone)]
pub struct ConnectorsService {
    auth: Auth,
    store: Store,
    clock: Clock,
    queue: Queue,
    config: ConnectorConfig,
}

impl ConnectorsService {
    /// The connectors of this installation.
    #[must_use]
    pub fn new(auth: &Auth, queue: Queue, config: ConnectorConfig) -> Self {
        Self { store: auth.store().clone(), clock: auth.clock().clone(), auth: auth.clone(), queue, config }
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// What contradicts itself among the rows of connectors, one sentence each.
pub fn consistency(conn: &Conn) -> Result<Vec<String>, StoreError> {
    const SHOWN: usize = 20;
    let strayed = sql::series::strayed(conn, SHOWN)?.into_iter();
    Ok(strayed
        .map(|series| format!("connectors: the newest value of series {series} is not the newest of its rows"))
        .collect())
}
