//! The use cases of the account contract, one function each.
//!
//! Must not know: HTTP, the wire types. Functions that take a transaction are for those that own one: the tasks and the
//! command line. Identity is here; usage is in [`recording`] and [`processes`] (what services report), [`files`],
//! [`statistics`] (what comes of it) and [`quotas`].

mod error;
pub mod files;
pub mod processes;
pub mod quotas;
pub mod recording;
pub mod statistics;

mod audit;

use std::net::IpAddr;
use std::time::Duration;

use uuid::Uuid;

use crate::auth::model::{Password, Principal, Roles, SharedPrincipal, User};
use crate::auth::users::{self, ProfileChange};
use crate::auth::{Auth, AuthError};
use crate::clock::Clock;
use crate::config::ProcessConfig;
use crate::store::{Pulse, Store};

pub use self::audit::{ActionList, AuditError, AuditQuery};
pub use self::error::UsageError;
use self::recording::Here;

/// The use cases of usage over one store.
#[derive(Clone)]
pub struct UsageService {
    auth: Auth,
    store: Store,
    clock: Clock,
    here: Here,
    options: ProcessConfig,
}

impl UsageService {
    /// The usage of this installation; `here` stands in requests that name no environment or machine.
    #[must_use]
    pub fn new(auth: &Auth, here: Here, options: ProcessConfig) -> Self {
        Self { store: auth.store().clone(), clock: auth.clock().clone(), auth: auth.clone(), here, options }
    }

    /// What it goes by.
    #[must_use]
    pub fn options(&self) -> ProcessConfig {
        self.options
    }
}

/// The use cases over one store.
#[derive(Clone)]
pub struct AccountService {
    auth: Auth,
    store: Store,
    pulse: Pulse,
}

impl AccountService {
    /// The account contract of this installation.
    #[must_use]
    pub fn new(auth: Auth, pulse: Pulse) -> Self {
        let store = auth.store().clone();
        Self { auth, store, pulse }
    }

    /// A JWT for a name and a password.
    pub async fn run_token_generation(
        &self,
        username: &str,
        password: &str,
        address: IpAddr,
        request: Uuid,
        ttl: Duration,
    ) -> Result<String, AuthError> {
        self.auth.sign_in(username, password, address, request, ttl).await
    }

    /// The roles that stand behind a token; `None` when nothing does, whatever the reason.
    pub fn run_token_validation(&self, token: &str) -> Result<Option<Roles>, AuthError> {
        match self.auth.authenticate(token) {
            Ok(principal) => Ok(Some(principal.roles)),
            Err(AuthError::Unauthenticated) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A new password for the caller, and a JWT that goes with it.
    pub async fn change_password(
        &self,
        caller: SharedPrincipal,
        current: &str,
        new: Password,
        address: IpAddr,
    ) -> Result<String, AuthError> {
        self.auth.change_password(caller, current, new, address).await
    }

    /// The caller's account.
    pub fn read_info(&self, caller: &Principal) -> Result<User, AuthError> {
        self.store.read_one(|conn| users::get(conn, caller.user_id))
    }

    /// Changes what the caller says of itself.
    pub async fn update_info(&self, caller: SharedPrincipal, change: ProfileChange) -> Result<User, AuthError> {
        let (id, now) = (caller.user_id, self.auth.clock().now());
        self.auth.write_as(caller, move |tx| users::change_own_profile(tx, id, &change, now)).await
    }

    /// How well the server is: 1 when the database answers reads and accepts writes and tasks are run, a half when it
    /// only answers. The reason is in the log.
    pub async fn check(&self) -> f64 {
        match (self.pulse.answers_reads(), self.pulse.accepts_writes().await && self.pulse.works()) {
            (true, true) => 1.0,
            (true, false) => 0.5,
            (false, _) => 0.0,
        }
    }
}
