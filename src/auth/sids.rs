//! SIDs: sessions of the schedules contract. A SID is a random UUID that its client sends bare in `Authorization`; the
//! database keeps its SHA-256 only.
//!
//! It ends when it was idle for [`IDLE`], and at once with the password, the user, its roles. Must not know: HTTP, any
//! domain. Source: contracts/schedules.md, 'Authorization'.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::sessions::{Attempt, principal};
use super::sql::sids::Session;
use super::{Auth, parties, sql};
use crate::auth::AuthError;
use crate::auth::cache::Entry;
use crate::auth::model::{Credential, Role, SharedPrincipal, Side};
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError};

/// The operation that signs in.
const SIGN_IN: &str = "create_sid";

/// How long a SID that is not used lives.
pub const IDLE: Duration = Duration::from_mins(20);

/// How often at most the use of a SID is written down. After a kill, a SID may end by so much too early.
const TOUCH_EVERY: Duration = Duration::from_secs(15);

/// So many old sessions are cleared away with each new one.
const SWEEP: usize = 50;

/// The stored form of a SID.
pub(super) fn hash(sid: Uuid) -> [u8; 32] {
    Sha256::digest(sid.hyphenated().to_string().as_bytes()).into()
}

impl Auth {
    /// Exchanges a name, or an e-mail address that an ADMIN has confirmed, and a password for a SID. With a `gln`, it acts
    /// for that party where none is named. `request` is the id of the request, for the audit.
    pub async fn open_session(
        &self,
        name: &str,
        password: &str,
        gln: Option<String>,
        address: IpAddr,
        request: Uuid,
    ) -> Result<Uuid, AuthError> {
        let attempt = Attempt { address, operation: SIGN_IN, request: Some(request) };
        let user = self.prove(name, password, attempt).await?;
        let sid = Uuid::new_v4();
        let now = self.0.clock.now();
        self.0
            .store
            .write(move |tx| {
                // Between the check of the password and here somebody may have changed it.
                let stands = sql::users::credentials_by_id(tx, user.id)?
                    .is_some_and(|known| known.enabled && known.generation == user.generation);
                if !stands {
                    return Err(AuthError::Unauthenticated);
                }
                let mut session = Session {
                    user: user.id,
                    generation: user.generation,
                    roles: user.roles,
                    operator: user.operator,
                    party: None,
                    last_used_at: now,
                };
                if gln.is_some() {
                    let roles = if user.operator { user.roles.with(Role::Admin) } else { user.roles };
                    let credential = Credential::Basic { generation: user.generation };
                    let caller = principal(user.clone(), roles, user.operator, credential, 0);
                    session.party = Some(parties::acting(tx, &caller, gln.as_deref(), Side::Either)?.id);
                }
                sql::sids::forget(tx, now.minus(IDLE + TOUCH_EVERY), SWEEP)?;
                sql::sids::insert(tx, &hash(sid), &session)?;
                Ok(sid)
            })
            .await
    }

    /// Who stands behind a SID at this moment; asking is using it.
    pub fn authenticate_sid(&self, sid: Uuid) -> Result<SharedPrincipal, AuthError> {
        let now = self.0.clock.now();
        let secret = hash(sid);
        let key = self.0.cache.key(&format!("sid {sid}"));
        let epoch = self.0.store.read_one(|conn| sql::keys::epoch(conn))?;
        let entry = if let Some(entry) = self.0.cache.get(&key, epoch, now) {
            entry
        } else {
            let entry = self.0.store.read(|conn| verify(conn, &secret, now))?.ok_or(AuthError::Unauthenticated)?;
            let entry = Arc::new(entry);
            self.0.cache.put(key, Arc::clone(&entry));
            entry
        };
        entry.use_at(now);
        if entry.due(now, TOUCH_EVERY) {
            let store = self.0.store.clone();
            tokio::spawn(async move {
                if let Err(error) = store.write(move |tx| sql::sids::touch(tx, &secret, now)).await {
                    tracing::warn!(%error, "the use of a SID could not be noted");
                }
            });
        }
        Ok(Arc::clone(&entry.principal))
    }
}

fn verify(conn: &Conn, secret: &[u8; 32], now: Timestamp) -> Result<Option<Entry>, StoreError> {
    let epoch = sql::keys::epoch(conn)?;
    let Some(session) = sql::sids::find(conn, secret)? else { return Ok(None) };
    let Some(user) = sql::users::credentials_by_id(conn, session.user)? else { return Ok(None) };
    let stands = user.enabled
        && user.generation == session.generation
        && user.roles == session.roles
        && user.operator == session.operator
        && now < session.last_used_at.plus(IDLE);
    if !stands {
        return Ok(None);
    }
    let roles = if user.operator { user.roles.with(Role::Admin) } else { user.roles };
    let operator = user.operator;
    let credential = Credential::Sid { secret_hash: *secret, generation: session.generation, party: session.party };
    let principal = Arc::new(principal(user, roles, operator, credential, epoch));
    Ok(Some(Entry::idling(principal, session.last_used_at, IDLE)))
}
