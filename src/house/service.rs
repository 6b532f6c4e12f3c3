//! The use cases of the house API, one function each; each owns its transaction.
//!
//! Must not know: HTTP, the wire types, any domain.

pub mod backups;
pub mod metrics;
pub mod webhooks;

use std::sync::Arc;

use uuid::Uuid;

use crate::auth::companies::{self, CompanyChange};
use crate::auth::idempotency::{IdempotencyError, IdempotencyKey, Once, once};
use crate::auth::model::{
    ApiToken, Company, CompanyKey, CompanyName, Password, Principal, Role, Scope, SharedPrincipal, User,
};
use crate::auth::tokens::{self, Actor, NewToken, Secret};
use crate::auth::users::{self, NewUser, ProfileChange, RightsChange};
use crate::auth::{Auth, AuthError, jwt, random, rotate_jwt_key};
use crate::backups::BackupError;
use crate::store::{Pulse, Store, StoreError};
use crate::tasks::TaskError;
use crate::webhooks::WebhookError;

/// Why a use case of the house was refused.
#[derive(Debug, thiserror::Error)]
pub enum HouseError {
    /// Identity said no.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// Webhooks said no.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// It could not be done to a backup.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The idempotency key came with another request before, or what is kept of it cannot be read.
    #[error(transparent)]
    Repeated(#[from] IdempotencyError),
    /// It could not be done to a task.
    #[error(transparent)]
    Task(#[from] TaskError),
}

impl From<StoreError> for HouseError {
    fn from(error: StoreError) -> Self {
        Self::Auth(error.into())
    }
}

/// A token that was made: its secret is there for the request that made it only.
#[derive(Debug, Clone)]
pub struct CreatedToken {
    /// The token.
    pub token: ApiToken,
    /// What to send as `Authorization: Bearer`; `None` for a repeated request.
    pub secret: Option<Secret>,
}

/// How ready the server is, one answer per part.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "the parts are well or not, each by itself")]
pub struct Readiness {
    /// The database answers reads.
    pub reads: bool,
    /// The database accepts writes.
    pub writes: bool,
    /// The background work goes on.
    pub tasks: bool,
    /// The first start is over: there is someone to sign in.
    pub operator: bool,
}

impl Readiness {
    /// Whether all of it is well.
    #[must_use]
    pub fn is_ready(self) -> bool {
        self.reads && self.writes && self.tasks && self.operator
    }
}

/// The use cases over one store.
#[derive(Clone)]
pub struct HouseService {
    auth: Auth,
    store: Store,
    pulse: Pulse,
}

impl HouseService {
    /// The house API of this installation.
    #[must_use]
    pub fn new(auth: Auth, pulse: Pulse) -> Self {
        let store = auth.store().clone();
        Self { auth, store, pulse }
    }

    /// How ready the server is.
    pub async fn readiness(&self) -> Readiness {
        Readiness {
            reads: self.pulse.answers_reads(),
            writes: self.pulse.accepts_writes().await,
            tasks: self.pulse.works(),
            operator: self.auth.is_ready(),
        }
    }

    /// Up to `limit` companies after the folded key `after`.
    pub fn list_companies(&self, after: &str, limit: usize) -> Result<Vec<Company>, HouseError> {
        Ok(self.store.read(|conn| companies::list(conn, after, limit))?)
    }

    /// One company in the caller's reach.
    pub fn read_company(&self, caller: &Principal, key: &str) -> Result<Company, HouseError> {
        Ok(self.store.read(|conn| companies::find(conn, caller.scope(), key))?)
    }

    /// Adds a company.
    pub async fn create_company(
        &self,
        caller: SharedPrincipal,
        key: CompanyKey,
        name: CompanyName,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Company, HouseError> {
        let now = self.auth.clock().now();
        self.auth
            .write_as(caller, move |tx| {
                let made = once::<_, HouseError>(tx, idempotency.as_ref(), now, |tx| {
                    companies::create(tx, &key, &name, now)?;
                    Ok(key.as_str().to_owned())
                })?;
                let (Once::Now(key) | Once::Before(key)) = made;
                Ok(companies::find(tx, Scope::Installation, &key)?)
            })
            .await
    }

    /// Renames, disables or enables a company.
    pub async fn change_company(
        &self,
        caller: SharedPrincipal,
        key: String,
        change: CompanyChange,
    ) -> Result<Company, HouseError> {
        let now = self.auth.clock().now();
        self.auth.write_as(caller, move |tx| Ok(companies::change(tx, &key, &change, now)?)).await
    }

    /// Up to `limit` users of a company (the caller's own, if none is named) after the folded name `after`.
    pub fn list_users(
        &self,
        caller: &Principal,
        company: Option<&str>,
        after: &str,
        limit: usize,
    ) -> Result<Vec<User>, HouseError> {
        let users = self.store.read(|conn| {
            let company = match company {
                Some(key) => companies::find(conn, caller.scope(), key)?.id,
                None => caller.company_id,
            };
            users::list(conn, company, after, limit)
        })?;
        Ok(users)
    }

    /// One user in the caller's reach.
    pub fn read_user(&self, caller: &Principal, username: &str) -> Result<User, HouseError> {
        Ok(self.store.read(|conn| users::find(conn, caller.scope(), username))?)
    }

    /// Adds a user to a company: the caller's own, if none is named.
    pub async fn create_user(
        &self,
        caller: SharedPrincipal,
        company: Option<String>,
        new: NewUser,
        password: Option<Password>,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<User, HouseError> {
        let hash = match password {
            Some(password) => Some(self.auth.hasher().hash(password.expose()).await.map_err(AuthError::from)?),
            None => None,
        };
        let now = self.auth.clock().now();
        let (auth, own_company, scope) = (&self.auth, caller.company_id, caller.scope());
        auth.write_as(caller, move |tx| {
            let made = once::<_, HouseError>(tx, idempotency.as_ref(), now, |tx| {
                let company = match &company {
                    Some(key) => companies::find(tx, scope, key)?.id,
                    None => own_company,
                };
                users::create(tx, scope, company, &new, hash.as_deref(), now)?;
                Ok(new.username.as_str().to_owned())
            })?;
            let (Once::Now(username) | Once::Before(username)) = made;
            Ok(users::find(tx, scope, &username)?)
        })
        .await
    }

    /// Changes what a user is called by and what it may do.
    pub async fn change_user(
        &self,
        caller: SharedPrincipal,
        username: String,
        profile: ProfileChange,
        rights: RightsChange,
    ) -> Result<User, HouseError> {
        let (now, scope) = (self.auth.clock().now(), caller.scope());
        self.auth.write_as(caller, move |tx| Ok(users::change(tx, scope, &username, &profile, &rights, now)?)).await
    }

    /// Gives a user a new password, which ends its JWTs.
    pub async fn reset_password(
        &self,
        caller: SharedPrincipal,
        username: String,
        password: Password,
    ) -> Result<User, HouseError> {
        let hash = self.auth.hasher().hash(password.expose()).await.map_err(AuthError::from)?;
        let now = self.auth.clock().now();
        let scope = caller.scope();
        self.auth.write_as(caller, move |tx| Ok(users::reset_password(tx, scope, &username, &hash, now)?)).await
    }

    /// Ends every JWT of a user.
    pub async fn sign_out_user(&self, caller: SharedPrincipal, username: String) -> Result<(), HouseError> {
        let scope = caller.scope();
        self.auth.write_as(caller, move |tx| Ok(users::sign_out(tx, scope, &username)?)).await
    }

    /// Ends the caller's own JWT.
    pub async fn sign_out(&self, caller: SharedPrincipal) -> Result<(), HouseError> {
        Ok(self.auth.sign_out(caller).await?)
    }

    /// Ends every JWT of the caller.
    pub async fn sign_out_everywhere(&self, caller: SharedPrincipal) -> Result<(), HouseError> {
        Ok(self.auth.sign_out_everywhere(caller).await?)
    }

    /// Up to `limit` tokens after row key `after`: of the user named, else of the whole company for an ADMIN, else the
    /// caller's own. To a caller that is no ADMIN other users do not exist.
    pub fn list_tokens(
        &self,
        caller: &Principal,
        username: Option<&str>,
        after: i64,
        limit: usize,
    ) -> Result<Vec<(i64, ApiToken)>, HouseError> {
        let admin = caller.roles.has(Role::Admin);
        let tokens = self.store.read(|conn| {
            let (company, user) = match username {
                Some(name) => {
                    let user = users::find(conn, caller.scope(), name)?;
                    if !admin && user.id != caller.user_id {
                        return Err(AuthError::NotFound { what: "user", key: name.to_owned() });
                    }
                    (user.company_id, Some(user.id))
                }
                None if admin => (caller.company_id, None),
                None => (caller.company_id, Some(caller.user_id)),
            };
            tokens::list(conn, company, user, after, limit)
        })?;
        Ok(tokens)
    }

    /// One token the caller may know of.
    pub fn read_token(&self, caller: &Principal, id: Uuid) -> Result<ApiToken, HouseError> {
        Ok(self.store.read(|conn| tokens::find(conn, Actor::Caller(caller), id))?)
    }

    /// Makes a token for a user: the caller itself, if none is named.
    pub async fn create_token(
        &self,
        caller: SharedPrincipal,
        username: Option<String>,
        new: NewToken,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<CreatedToken, HouseError> {
        let secret = Secret::generate()?;
        let now = self.auth.clock().now();
        let acting = Arc::clone(&caller);
        self.auth
            .write_as(acting, move |tx| {
                let actor = Actor::Caller(&caller);
                let owner = username.as_deref().unwrap_or(caller.username.as_str());
                let made = once::<_, HouseError>(tx, idempotency.as_ref(), now, |tx| {
                    Ok(tokens::create(tx, actor, owner, &new, &secret, now)?.guid)
                })?;
                Ok(match made {
                    Once::Now(id) => CreatedToken { token: tokens::find(tx, actor, id)?, secret: Some(secret.clone()) },
                    Once::Before(id) => CreatedToken { token: tokens::find(tx, actor, id)?, secret: None },
                })
            })
            .await
    }

    /// Ends a token at once.
    pub async fn revoke_token(&self, caller: SharedPrincipal, id: Uuid) -> Result<(), HouseError> {
        let acting = Arc::clone(&caller);
        self.auth
            .write_as(acting, move |tx| {
                tokens::revoke(tx, Actor::Caller(&caller), id)?;
                Ok(())
            })
            .await
    }

    /// Replaces the key that signs JWTs: everybody signs in again.
    pub async fn rotate_jwt_key(&self, caller: SharedPrincipal) -> Result<(), HouseError> {
        let key = random::<{ jwt::KEY_BYTES }>()?;
        let now = self.auth.clock().now();
        self.auth.write_as(caller, move |tx| Ok(rotate_jwt_key(tx, &key, now)?)).await
    }
}
