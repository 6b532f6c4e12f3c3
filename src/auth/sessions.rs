//! Signing in and out, and who stands behind a credential.
//!
//! Must not know: HTTP, any domain. Wrong name, wrong password, disabled user and disabled company cost the same work
//! and get the same answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;
use zeroize::Zeroizing;

use super::sql::{self, users::Credentials};
use super::{Auth, jwt, tokens};
use crate::audit::journal::Who;
use crate::audit::own::record_call;
use crate::auth::AuthError;
use crate::auth::cache::Entry;
use crate::auth::model::{Credential, Password, Principal, Refused, Role, Roles, SharedPrincipal};
use crate::auth::throttle::Permit;
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

/// How long a token lives when nobody says (account contract, `ttl_seconds`).
pub const DEFAULT_TTL: Duration = Duration::from_hours(24);

/// The operation that signs in.
const SIGN_IN: &str = "run_token_generation";

/// How often at most the use of an API token is written down.
const TOUCH_EVERY: Duration = Duration::from_mins(1);

/// Finds a user by what it signs in with.
type Find = fn(&Conn, &str) -> Result<Option<Credentials>, StoreError>;

/// Who tries a password from where, and what the audit calls that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    /// The client's address, for throttling.
    pub address: IpAddr,
    /// The operation, or what stands for one.
    pub operation: &'static str,
    /// The request that signs in; `None`: a credential that comes with each request, whose success is no event.
    pub request: Option<Uuid>,
}

impl Auth {
    /// Exchanges a name and a password for a JWT that lives for `ttl`.
    ///
    /// `address` is the client's, for throttling; `request` is the id of its request, for the audit. A client that hangs
    /// up does not stop the check: the attempt counts as what it was, not as a failure.
    pub async fn sign_in(
        &self,
        username: &str,
        password: &str,
        address: IpAddr,
        request: Uuid,
        ttl: Duration,
    ) -> Result<String, AuthError> {
        let attempt = Attempt { address, operation: SIGN_IN, request: Some(request) };
        let user = self.prove_username(username, password, attempt).await?;
        self.issue(&user, user.generation, ttl)
    }

    /// Whose name and password these are.
    pub(super) async fn prove_username(
        &self,
        username: &str,
        password: &str,
        attempt: Attempt,
    ) -> Result<Credentials, AuthError> {
        self.prove_by(username, password, attempt, sql::users::credentials).await
    }

    /// Whose name, or confirmed e-mail address, and password these are. No username has an @ in it.
    pub(super) async fn prove(&self, name: &str, password: &str, attempt: Attempt) -> Result<Credentials, AuthError> {
        let find: Find = if name.contains('@') { sql::users::credentials_by_email } else { sql::users::credentials };
        self.prove_by(name, password, attempt, find).await
    }

    async fn prove_by(
        &self,
        name: &str,
        password: &str,
        attempt: Attempt,
        find: Find,
    ) -> Result<Credentials, AuthError> {
        self.ready().await;
        let Attempt { address, operation, request } = attempt;
        let (auth, name, password) = (self.clone(), name.to_owned(), Zeroizing::new(password.to_owned()));
        let running = tokio::spawn(async move {
            let found = auth.0.store.read(|conn| find(conn, &name))?;
            let stored = found.as_ref().and_then(|found| found.password_hash.clone());
            let enabled = found.as_ref().is_some_and(|found| found.enabled);
            // Whatever a user is called by, its refused attempts count together.
            let counted = found.as_ref().map_or(name.as_str(), |found| found.username.as_str());
            let right = auth.check_password(counted, &password, stored, enabled, address).await?;
            let now = auth.0.clock.now();
            match found {
                Some(user) if right => {
                    if let Some(request) = request {
                        auth.journal().signed_in(&who(&user), operation, request, address, now);
                    }
                    Ok(user)
                }
                found => {
                    auth.journal().refused(found.as_ref().map(who), operation, address, now);
                    Err(AuthError::Unauthenticated)
                }
            }
        });
        running.await.map_err(|_| AuthError::Unavailable("the sign-in could not be finished"))?
    }

    /// Replaces the caller's password, which ends its older JWTs, and gives it a new one.
    ///
    /// A wrong `current` password is refused as a field at fault and throttled like a sign-in.
    pub async fn change_password(
        &self,
        caller: SharedPrincipal,
        current: &str,
        new: Password,
        address: IpAddr,
    ) -> Result<String, AuthError> {
        let (auth, current) = (self.clone(), Zeroizing::new(current.to_owned()));
        let running = tokio::spawn(async move {
            let user = auth.credentials_of(&caller)?;
            let (username, stored) = (caller.username.as_str(), user.password_hash.clone());
            if !auth.check_password(username, &current, stored, true, address).await? {
                auth.journal().refused(Some(who(&user)), "change_password", address, auth.0.clock.now());
                return Err(Refused::new("current_password", "is not the current password").into());
            }
            let hash = auth.0.hasher.hash(new.expose()).await?;
            let (id, before, now) = (user.id, user.generation, auth.0.clock.now());
            let generation = auth
                .write_as(caller, move |tx| {
                    // Between the check of the old password and here somebody else may have changed it.
                    let stands = sql::users::credentials_by_id(tx, id)?.is_some_and(|user| user.generation == before);
                    if !stands {
                        return Err(AuthError::Unauthenticated);
                    }
                    Ok(sql::users::update_password(tx, id, &hash, now)?)
                })
                .await?;
            auth.issue(&user, generation, DEFAULT_TTL)
        });
        running.await.map_err(|_| AuthError::Unavailable("the change could not be finished"))?
    }

    /// Whether `password` is the one behind `stored`, at the throttle's pace and with the same work whatever is stored.
    /// `counts_as_right`: whether a right one is a success; for a disabled user it is not.
    async fn check_password(
        &self,
        username: &str,
        password: &str,
        stored: Option<String>,
        counts_as_right: bool,
        address: IpAddr,
    ) -> Result<bool, AuthError> {
        let _place = self.0.sign_ins.try_acquire().map_err(|_| AuthError::HasherBusy)?;
        let attempt = self.admit(username, address).await?;
        match self.0.hasher.verify(password, stored).await {
            Ok(true) if counts_as_right => {
                attempt.succeeded();
                Ok(true)
            }
            Ok(_) => {
                attempt.failed(self.0.clock.now());
                Ok(false)
            }
            Err(error) => {
                attempt.withdrawn();
                Err(error.into())
            }
        }
    }

    /// Runs `f` in a write transaction on behalf of `caller`, if the caller still stands by then: between its
    /// authentication and its turn to write, its body had to arrive and a queue to move on, and somebody may have
    /// disabled it, revoked its credential or changed its rights.
    ///
    /// Every write that a signed-in caller causes goes through here, and is recorded here: the audit's row is in the same
    /// transaction, so that it is there exactly if the effect is.
    pub async fn write_as<T, E>(
        &self,
        caller: SharedPrincipal,
        f: impl Fn(&WriteTx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + From<AuthError> + Send + 'static,
    {
        let now = self.0.clock.now();
        self.0
            .store
            .write(move |tx| {
                if !stands(tx, &caller, now)? {
                    return Err(AuthError::Unauthenticated.into());
                }
                let done = f(tx)?;
                record_call(tx, &caller, now)?;
                Ok(done)
            })
            .await
    }

    /// Ends the credential the caller came with, if it is a session.
    pub async fn sign_out(&self, caller: SharedPrincipal) -> Result<(), AuthError> {
        let now = self.0.clock.now();
        match caller.credential {
            Credential::Jwt { jti, expires_at, .. } => {
                self.write_as(caller, move |tx| Ok(sql::tokens::revoke_jwt(tx, jti, expires_at, now)?)).await
            }
            Credential::Sid { secret_hash, .. } => {
                self.write_as(caller, move |tx| Ok(sql::sids::delete(tx, &secret_hash)?)).await
            }
            Credential::ApiToken { .. } => Err(AuthError::Conflict(
                "an API token is not signed out: revoke it with DELETE /comptoir/v1/tokens/{id}".into(),
            )),
            Credential::Basic { .. } => {
                Err(AuthError::Conflict("a name and a password are not signed out: change the password".into()))
            }
        }
    }

    /// Ends every JWT of the caller. API tokens stay.
    pub async fn sign_out_everywhere(&self, caller: SharedPrincipal) -> Result<(), AuthError> {
        let id = caller.user_id;
        self.write_as(caller, move |tx| Ok(sql::users::next_generation(tx, id)?)).await
    }

    /// Who stands behind a bearer credential, a JWT or an API token, at this moment.
    ///
    /// Costs one row read when the credential was seen before and nothing about identities has changed since.
    pub fn authenticate(&self, bearer: &str) -> Result<SharedPrincipal, AuthError> {
        let now = self.0.clock.now();
        let key = self.0.cache.key(bearer);
        let epoch = self.0.store.read_one(|conn| sql::keys::epoch(conn))?;
        let entry = if let Some(entry) = self.0.cache.get(&key, epoch, now) {
            entry
        } else {
            let entry = Arc::new(self.verify(bearer, now)?.ok_or(AuthError::Unauthenticated)?);
            self.0.cache.put(key, Arc::clone(&entry));
            entry
        };
        self.note_use(&entry, now);
        Ok(Arc::clone(&entry.principal))
    }

    /// Finds out what a bearer credential stands for, from the rows.
    fn verify(&self, bearer: &str, now: Timestamp) -> Result<Option<Entry>, StoreError> {
        self.0.store.read(|conn| {
            let epoch = sql::keys::epoch(conn)?;
            if bearer.starts_with(tokens::PREFIX) {
                by_api_token(conn, bearer, epoch, now)
            } else {
                by_jwt(conn, bearer, epoch, now)
            }
        })
    }

    /// Writes down that an API token was used, at most once a minute and without keeping the caller waiting.
    fn note_use(&self, entry: &Entry, now: Timestamp) {
        let Credential::ApiToken { guid, .. } = entry.principal.credential else { return };
        if !entry.due(now, TOUCH_EVERY) {
            return;
        }
        let store = self.0.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.write(move |tx| sql::tokens::touch(tx, guid, now)).await {
                tracing::warn!(%error, token = %guid, "the use of an API token could not be noted");
            }
        });
    }

    async fn admit(&self, username: &str, address: IpAddr) -> Result<Permit, AuthError> {
        self.0.throttle.admit(&self.0.clock, username, address).await.map_err(|wait| AuthError::Throttled(wait.0))
    }

    /// The user of this name, for whoever runs a command on the database itself: who may do that could as well give the
    /// user a password and sign in. Never for a request.
    pub fn on_behalf(&self, username: &str) -> Result<Principal, AuthError> {
        self.0.store.read(|conn| {
            let user = sql::users::credentials(conn, username)?;
            let user = user.ok_or_else(|| AuthError::NotFound { what: "user", key: username.to_owned() })?;
            if !user.enabled {
                return Err(AuthError::Conflict(format!(
                    "the user `{}` or its company is disabled",
                    user.username.as_str()
                )));
            }
            let (roles, operator) =
                (if user.operator { user.roles.with(Role::Admin) } else { user.roles }, user.operator);
            let credential = Credential::Basic { generation: user.generation };
            Ok(principal(user, roles, operator, credential, sql::keys::epoch(conn)?))
        })
    }

    /// Whether what made `caller` a principal still holds at this moment.
    pub fn stands(&self, caller: &Principal) -> Result<bool, AuthError> {
        let now = self.0.clock.now();
        Ok(self.0.store.read(|conn| stands(conn, caller, now))?)
    }

    fn credentials_of(&self, caller: &Principal) -> Result<Credentials, AuthError> {
        let id = caller.user_id;
        self.0.store.read(|conn| sql::users::credentials_by_id(conn, id))?.ok_or(AuthError::Unauthenticated)
    }

    fn issue(&self, user: &Credentials, generation: i64, ttl: Duration) -> Result<String, AuthError> {
        let key = self.0.store.read(sql_key)?.ok_or(AuthError::Unavailable("there is no key to sign tokens with"))?;
        let iat = self.0.clock.now().as_unix_seconds();
        let claims = jwt::Claims {
            sub: user.guid,
            company: user.company_guid,
            roles: user.roles.iter().collect(),
            iat,
            exp: iat.saturating_add(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX)),
            jti: Uuid::new_v4(),
            generation,
        };
        self.note_issued(claims.jti);
        Ok(jwt::encode(&claims, &key))
    }
}

/// A user as the audit names it.
fn who(user: &Credentials) -> Who {
    Who::new(user.company_id, user.id, user.username.as_str(), user.timezone)
}

fn sql_key(conn: &crate::store::ReadTx<'_>) -> Result<Option<Vec<u8>>, StoreError> {
    sql::keys::jwt_key(conn)
}

fn by_jwt(conn: &Conn, token: &str, epoch: i64, now: Timestamp) -> Result<Option<Entry>, StoreError> {
    let Some(key) = sql::keys::jwt_key(conn)? else { return Ok(None) };
    let Some(claims) = jwt::decode(token, &key, now) else { return Ok(None) };
    let Some(user) = sql::users::credentials_by_guid(conn, claims.sub)? else { return Ok(None) };
    let stands = user.enabled && user.generation == claims.generation && user.company_guid == claims.company;
    if !stands || sql::tokens::is_revoked(conn, claims.jti)? {
        return Ok(None);
    }
    let expires_at = Timestamp::from_unix_seconds(claims.exp);
    let roles = if user.operator { user.roles.with(Role::Admin) } else { user.roles };
    let credential = Credential::Jwt { jti: claims.jti, expires_at, generation: claims.generation };
    let operator = user.operator;
    Ok(Some(Entry::new(Arc::new(principal(user, roles, operator, credential, epoch)), Some(expires_at), None)))
}

fn by_api_token(conn: &Conn, token: &str, epoch: i64, now: Timestamp) -> Result<Option<Entry>, StoreError> {
    let Some(token) = sql::tokens::find_by_secret(conn, &tokens::hash(token))? else { return Ok(None) };
    if token.expires_at.is_some_and(|expiry| expiry <= now) {
        return Ok(None);
    }
    let Some(user) = sql::users::credentials_by_id(conn, token.user_id)? else { return Ok(None) };
    if !user.enabled {
        return Ok(None);
    }
    let (roles, operator) = token.grant.applied_to(user.roles, user.operator);
    let credential = Credential::ApiToken { guid: token.guid, grant: token.grant, expires_at: token.expires_at };
    let principal = Arc::new(principal(user, roles, operator, credential, epoch));
    Ok(Some(Entry::new(principal, token.expires_at, token.last_used_at)))
}

pub(super) fn principal(
    user: Credentials,
    roles: Roles,
    operator: bool,
    credential: Credential,
    epoch: i64,
) -> Principal {
    Principal {
        user_id: user.id,
        company_id: user.company_id,
        username: user.username,
        company_key: user.company_key,
        roles,
        operator,
        timezone: user.timezone,
        credential,
        epoch,
        call: None,
    }
}

/// Whether what made `caller` a principal still holds. Costs one row when nothing about identities has changed since.
pub(super) fn stands(conn: &Conn, caller: &Principal, now: Timestamp) -> Result<bool, StoreError> {
    if sql::keys::epoch(conn)? == caller.epoch {
        return Ok(true);
    }
    let Some(user) = sql::users::credentials_by_id(conn, caller.user_id)? else { return Ok(false) };
    if !user.enabled {
        return Ok(false);
    }
    let (roles, operator) = match &caller.credential {
        Credential::Jwt { jti, expires_at, generation } => {
            if now >= *expires_at || user.generation != *generation || sql::tokens::is_revoked(conn, *jti)? {
                return Ok(false);
            }
            (if user.operator { user.roles.with(Role::Admin) } else { user.roles }, user.operator)
        }
        Credential::ApiToken { guid, .. } => {
            let Some(token) = sql::tokens::find(conn, *guid)? else { return Ok(false) };
            if token.expires_at.is_some_and(|expiry| expiry <= now) {
                return Ok(false);
            }
            token.grant.applied_to(user.roles, user.operator)
        }
        Credential::Sid { secret_hash, generation, .. } => {
            // That it was used just now keeps it from idling away meanwhile.
            if user.generation != *generation || sql::sids::find(conn, secret_hash)?.is_none() {
                return Ok(false);
            }
            (if user.operator { user.roles.with(Role::Admin) } else { user.roles }, user.operator)
        }
        Credential::Basic { generation } => {
            if user.generation != *generation {
                return Ok(false);
            }
            (if user.operator { user.roles.with(Role::Admin) } else { user.roles }, user.operator)
        }
    };
    Ok(roles == caller.roles && operator == caller.operator)
}
