//! What test controls see and do at the gate: a log of what came in, faults on request, and a moment in which nothing runs.
//! A server without test controls has none of it, and pays one look at an empty option for each request.
//!
//! Must not know: any domain, who sets a fault or reads the log, the database.

pub mod faults;
mod mask;
pub mod requests;

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use self::faults::Faults;
use self::requests::Requests;

/// An answer with this among its extensions is not sent: the connection is cut instead.
#[derive(Debug, Clone, Copy)]
pub struct Cut;

/// What watches the gate.
#[derive(Default)]
pub struct Probe {
    /// What is to go wrong.
    pub faults: Faults,
    /// What came in.
    pub requests: Requests,
    /// Held by each request while it is handled; whoever puts other rows in the place of these takes it for itself.
    turn: Arc<RwLock<()>>,
}

impl Probe {
    /// Waits for a turn; while it is held, the rows are not exchanged.
    pub async fn enter(&self) -> OwnedRwLockReadGuard<()> {
        Arc::clone(&self.turn).read_owned().await
    }

    /// Waits until nothing is being handled; while it is held, nothing is.
    pub async fn still(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.turn).write_owned().await
    }
}
