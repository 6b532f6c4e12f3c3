//! Use cases on API tokens, inside a transaction their caller owns. A token is `cmp_` and 43 characters; the database
//! keeps its SHA-256 only.
//!
//! Must not know: HTTP, any domain.

use std::fmt;

use crate::store::Conn;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::auth::AuthError;
use crate::auth::model::{
    ApiToken, CompanyId, Credential, Grant, Principal, Refused, Role, Roles, Scope, TokenName, User, UserId,
};
use crate::auth::{random, sql, users};
use crate::clock::Timestamp;
use crate::store::WriteTx;

/// What every API token begins with, so that secret scanners and people recognise one.
pub const PREFIX: &str = "cmp_";

/// How many characters of a token are shown to tell tokens apart: the prefix and six more.
const HINT: usize = PREFIX.len() + 6;

/// The secret of a token: shown once, kept nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A new one: 256 random bits.
    pub fn generate() -> Result<Self, AuthError> {
        Ok(Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random::<32>()?))))
    }

    /// One that was thought up: the prefix and 8 to 128 letters, digits, `_` and `-`. For databases of tests alone, where
    /// nothing is worth guessing it.
    #[must_use]
    pub fn fixed(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        ((8..=128).contains(&rest.len()) && rest.bytes().all(plain)).then(|| Self(text.to_owned()))
    }

    /// The token itself, for its owner's eyes.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The stored form of a token.
#[must_use]
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it is for.
    pub name: TokenName,
    /// What it may carry of its owner's rights.
    pub grant: Grant,
    /// When it stops working, if ever.
    pub expires_at: Option<Timestamp>,
}

/// Who makes or revokes a token.
#[derive(Debug, Clone, Copy)]
pub enum Actor<'a> {
    /// A person at the machine: may do everything.
    CommandLine,
    /// A signed-in caller.
    Caller(&'a Principal),
}

impl Actor<'_> {
    fn scope(self) -> Scope {
        match self {
            Self::CommandLine => Scope::Installation,
            Self::Caller(principal) => principal.scope(),
        }
    }

    /// Whether it may manage the tokens of `owner`: its own, another's as ADMIN or operator, an operator's as operator.
    fn may_manage(self, owner: &User) -> Result<(), AuthError> {
        let Self::Caller(caller) = self else { return Ok(()) };
        if caller.user_id == owner.id || caller.operator {
            return Ok(());
        }
        if !caller.roles.has(Role::Admin) {
            return Err(AuthError::NotFound { what: "user", key: owner.username.to_string() });
        }
        if owner.operator {
            return Err(AuthError::Forbidden(format!(
                "user `{}` is an operator: only an operator may make or revoke its tokens",
                owner.username
            )));
        }
        Ok(())
    }

    /// Whether it may hand out `grant` on `owner`'s rights: never more, and never for longer, than it has itself.
    fn may_grant(self, new: &NewToken, owner: &User) -> Result<(), AuthError> {
        let (roles, operator) = new.grant.applied_to(owner.roles, owner.operator);
        if new.grant != Grant::Owner && roles == Roles::NONE {
            return Err(Refused::new("role", format!("is not a role of user `{}`", owner.username)).into());
        }
        let Self::Caller(caller) = self else { return Ok(()) };
        if operator && !(caller.operator && caller.user_id == owner.id) {
            return Err(AuthError::Forbidden("only an operator may make an OPERATOR token, and only its own".into()));
        }
        let Credential::ApiToken { grant, expires_at, .. } = caller.credential else { return Ok(()) };
        // OWNER grows with its owner, so it is more than any one role, but never more than ADMIN in a company.
        if !grant.covers(new.grant) {
            let text = "a token cannot carry more than the token it is made with";
            return Err(AuthError::Forbidden(text.into()));
        }
        if expires_at.is_some_and(|own| new.expires_at.is_none_or(|asked| asked > own)) {
            let rule = "must not be later than that of the token it is made with";
            return Err(Refused::new("expires_at", rule).into());
        }
        Ok(())
    }

    /// Whether it may end `token`: with a credential cut down to one role only that token itself, unless the role is
    /// ADMIN; an OPERATOR token as operator only.
    fn may_end(self, token: &ApiToken, owner: &User) -> Result<(), AuthError> {
        self.may_manage(owner)?;
        let Self::Caller(caller) = self else { return Ok(()) };
        let itself = matches!(caller.credential, Credential::ApiToken { guid, .. } if guid == token.guid);
        let within = caller.credential.is_personal() || caller.roles.has(Role::Admin);
        if itself || (within && (token.grant != Grant::Operator || caller.operator)) {
            return Ok(());
        }
        Err(AuthError::Forbidden("a token with one role can end no token but itself".into()))
    }

    /// The API token it acts with, if it does.
    fn token(self) -> Option<Uuid> {
        match self {
            Self::Caller(Principal { credential: Credential::ApiToken { guid, .. }, .. }) => Some(*guid),
            _ => None,
        }
    }
}

/// Makes a token for `owner`.
pub fn create(
    tx: &WriteTx<'_>,
    actor: Actor<'_>,
    owner: &str,
    new: &NewToken,
    secret: &Secret,
    now: Timestamp,
) -> Result<ApiToken, AuthError> {
    let owner = users::find(tx, actor.scope(), owner)?;
    actor.may_manage(&owner)?;
    actor.may_grant(new, &owner)?;
    if new.expires_at.is_some_and(|expiry| expiry <= now) {
        return Err(Refused::new("expires_at", "must lie in the future").into());
    }
    let token = ApiToken {
        guid: Uuid::new_v4(),
        user_id: owner.id,
        username: owner.username,
        company_id: owner.company_id,
        name: new.name.clone(),
        hint: secret.expose().chars().take(HINT).collect(),
        grant: new.grant,
        created_at: now,
        expires_at: new.expires_at,
        last_used_at: None,
    };
    sql::tokens::insert(tx, &token, &hash(secret.expose()), actor.token())?;
    Ok(token)
}

/// The token with this id, if `actor` may know of it.
pub fn find(conn: &Conn, actor: Actor<'_>, id: Uuid) -> Result<ApiToken, AuthError> {
    sql::tokens::find(conn, id)?
        .filter(|token| match actor {
            Actor::CommandLine => true,
            Actor::Caller(caller) => {
                caller.user_id == token.user_id
                    || (caller.roles.has(Role::Admin) && caller.scope().reaches(token.company_id))
            }
        })
        .ok_or_else(|| AuthError::NotFound { what: "token", key: id.to_string() })
}

/// Up to `limit` tokens after row key `after`, oldest first: one user's, or a whole company's.
pub fn list(
    conn: &Conn,
    company: CompanyId,
    user: Option<UserId>,
    after: i64,
    limit: usize,
) -> Result<Vec<(i64, ApiToken)>, AuthError> {
    Ok(sql::tokens::list(conn, company, user, after, limit)?)
}

/// The token with this secret.
pub fn by_secret(conn: &Conn, secret: &Secret) -> Result<Option<ApiToken>, AuthError> {
    Ok(sql::tokens::find_by_secret(conn, &hash(secret.expose()))?)
}

/// Ends a token at once, and every token that was made with it.
pub fn revoke(tx: &WriteTx<'_>, actor: Actor<'_>, id: Uuid) -> Result<ApiToken, AuthError> {
    let token = find(tx, actor, id)?;
    actor.may_end(&token, &users::get(tx, token.user_id)?)?;
    sql::tokens::delete(tx, id)?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_recognisable_long_enough_and_never_printed() {
        let secret = Secret::generate().expect("the machine has randomness");
        assert!(secret.expose().starts_with(PREFIX));
        assert_eq!(secret.expose().len(), PREFIX.len() + 43);
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_ne!(secret, Secret::generate().expect("the machine has randomness"));
    }
}
