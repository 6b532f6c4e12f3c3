//! Basic credentials: a name and a password with every request, and not a password hash with every request.
//!
//! A pair that was right is remembered in memory for [`REMEMBERED`] under a keyed hash, and forgotten at once when the
//! password, the user or its roles change. Must not know: HTTP, any domain. Source: contracts/connectors.md,
//! 'Authentication'.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::sessions::{Attempt, principal, stands};
use super::{Auth, sql};
use crate::auth::AuthError;
use crate::auth::cache::Entry;
use crate::auth::model::{Credential, Role, SharedPrincipal};
use crate::clock::Timestamp;

/// How long a pair that was right is taken for right without asking again.
pub const REMEMBERED: Duration = Duration::from_mins(5);

/// What the audit calls a refused pair, whatever operation it came with.
const BASIC: &str = "basic_authorization";

type Key = [u8; 32];

/// Requests with the same pair that is not known yet wait for the first of them, and the password is hashed once.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Key, Arc<tokio::sync::Mutex<()>>>>);

impl Flights {
    fn of(&self, key: Key) -> Arc<tokio::sync::Mutex<()>> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody is in those that only this table holds.
        flights.retain(|_, flight| Arc::strong_count(flight) > 1);
        Arc::clone(flights.entry(key).or_default())
    }
}

impl Auth {
    /// Who stands behind a name and a password. `address` is the client's, for throttling.
    pub async fn authenticate_basic(
        &self,
        username: &str,
        password: &str,
        address: IpAddr,
    ) -> Result<SharedPrincipal, AuthError> {
        // The length keeps `a:bc` and `ab:c` apart.
        let key = self.0.cache.key(&format!("basic {} {username}{password}", username.len()));
        if let Some(known) = self.remembered(&key)? {
            return Ok(known);
        }
        let flight = self.0.flights.of(key);
        let _turn = flight.lock().await;
        if let Some(known) = self.remembered(&key)? {
            return Ok(known);
        }
        let attempt = Attempt { address, operation: BASIC, request: None };
        let user = self.prove_username(username, password, attempt).await?;
        let now = self.0.clock.now();
        let found = self.0.store.read(|conn| {
            let epoch = sql::keys::epoch(conn)?;
            // Between the check of the password and here somebody may have changed it.
            let known = sql::users::credentials_by_id(conn, user.id)?;
            Ok::<_, AuthError>(
                known.filter(|known| known.enabled && known.generation == user.generation).map(|known| (known, epoch)),
            )
        })?;
        let (user, epoch) = found.ok_or(AuthError::Unauthenticated)?;
        let roles = if user.operator { user.roles.with(Role::Admin) } else { user.roles };
        let (operator, generation) = (user.operator, user.generation);
        let principal = Arc::new(principal(user, roles, operator, Credential::Basic { generation }, epoch));
        self.remember(key, &principal, now.plus(REMEMBERED));
        Ok(principal)
    }

    fn remember(&self, key: Key, principal: &SharedPrincipal, until: Timestamp) {
        self.0.cache.put(key, Arc::new(Entry::new(Arc::clone(principal), Some(until), None)));
    }

    /// The principal behind a pair that was right not long ago and still is. When something about identities has
    /// changed, its own rows are looked at: that costs no hash.
    fn remembered(&self, key: &Key) -> Result<Option<SharedPrincipal>, AuthError> {
        let now = self.0.clock.now();
        let Some(entry) = self.0.cache.at_any_epoch(key, now) else { return Ok(None) };
        let epoch = self.0.store.read_one(|conn| sql::keys::epoch(conn))?;
        if entry.principal.epoch == epoch {
            return Ok(Some(Arc::clone(&entry.principal)));
        }
        let known = &entry.principal;
        let found = self.0.store.read(|conn| {
            let epoch = sql::keys::epoch(conn)?;
            if !stands(conn, known, now)? {
                return Ok(None);
            }
            Ok::<_, AuthError>(sql::users::credentials_by_id(conn, known.user_id)?.map(|user| (user, epoch)))
        })?;
        let Some((user, epoch)) = found else { return Ok(None) };
        let fresh = Arc::new(principal(user, known.roles, known.operator, known.credential.clone(), epoch));
        if let Some(until) = entry.expires_at {
            self.remember(*key, &fresh, until);
        }
        Ok(Some(fresh))
    }
}
