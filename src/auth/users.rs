//! Use cases on users, inside a transaction their caller owns. Passwords arrive hashed.
//!
//! Must not know: HTTP, any domain.

use crate::store::Conn;
use uuid::Uuid;

use crate::auth::AuthError;
use crate::auth::model::{
    Attributes, CompanyId, Credential, Email, Phone, Principal, Refused, Roles, Scope, Specification, Timezone, User,
    UserId, Username,
};
use crate::auth::sessions::principal;
use crate::auth::sql;
use crate::clock::Timestamp;
use crate::store::WriteTx;

/// A user to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Its name.
    pub username: Username,
    /// Its roles.
    pub roles: Roles,
    /// Whether it administers the installation.
    pub operator: bool,
    /// Where its day begins.
    pub timezone: Timezone,
    /// A description.
    pub specification: Option<Specification>,
    /// An address.
    pub email: Option<Email>,
    /// A number.
    pub phone: Option<Phone>,
}

/// What changes about a user; `None` leaves a thing as it is, `Some(None)` clears it.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange {
    /// A description.
    pub specification: Option<Option<Specification>>,
    /// An address.
    pub email: Option<Option<Email>>,
    /// A number.
    pub phone: Option<Option<Phone>>,
    /// Service information.
    pub attributes: Option<Attributes>,
}

impl ProfileChange {
    fn is_empty(&self) -> bool {
        self.specification.is_none() && self.email.is_none() && self.phone.is_none() && self.attributes.is_none()
    }
}

/// What changes about a user's rights; `None` leaves a thing as it is.
#[derive(Debug, Clone, Default)]
pub struct RightsChange {
    /// Its roles.
    pub roles: Option<Roles>,
    /// Whether it administers the installation: only the installation's own scope may say.
    pub operator: Option<bool>,
    /// Whether it may sign in.
    pub enabled: Option<bool>,
    /// Where its day begins.
    pub timezone: Option<Timezone>,
    /// Whether its e-mail address, as it is after this change, is known to be its own.
    pub email_confirmed: Option<bool>,
}

impl RightsChange {
    fn is_empty(&self) -> bool {
        self.roles.is_none() && self.operator.is_none() && self.enabled.is_none() && self.timezone.is_none()
    }
}

/// The user with this name, if `scope` reaches it.
pub fn find(conn: &Conn, scope: Scope, username: &str) -> Result<User, AuthError> {
    sql::users::find(conn, username)?
        .filter(|user| scope.reaches(user.company_id))
        .ok_or_else(|| AuthError::NotFound { what: "user", key: username.to_owned() })
}

/// The user behind a principal. It was there a moment ago; if it is gone, its credentials are void.
pub fn get(conn: &Conn, id: UserId) -> Result<User, AuthError> {
    sql::users::get(conn, id)?.ok_or(AuthError::Unauthenticated)
}

/// A user that `scope` may change: an ADMIN of a company has no power over an operator, or it could become one by
/// resetting a password.
pub(super) fn governed(conn: &Conn, scope: Scope, username: &str) -> Result<User, AuthError> {
    let user = find(conn, scope, username)?;
    if user.operator && scope != Scope::Installation {
        return Err(AuthError::Forbidden(format!("user `{username}` is an operator: only an operator may change it")));
    }
    Ok(user)
}

/// Adds a user to a company. A name that is taken anywhere in the installation, in any case, is a conflict.
pub fn create(
    tx: &WriteTx<'_>,
    scope: Scope,
    company: CompanyId,
    new: &NewUser,
    password_hash: Option<&str>,
    now: Timestamp,
) -> Result<User, AuthError> {
    if new.operator && scope != Scope::Installation {
        return Err(AuthError::Forbidden("only an operator may make an operator".into()));
    }
    if sql::users::find(tx, new.username.as_str())?.is_some() {
        return Err(AuthError::Conflict(format!("the username `{}` is taken", new.username)));
    }
    let fresh = sql::users::Fresh {
        guid: Uuid::new_v4(),
        company_id: company,
        username: &new.username,
        password_hash,
        roles: new.roles,
        operator: new.operator,
        timezone: new.timezone,
        specification: new.specification.as_ref(),
        email: new.email.as_ref(),
        phone: new.phone.as_ref(),
    };
    let id = sql::users::insert(tx, &fresh, now)?;
    get(tx, id)
}

/// Changes a user's description and rights in one step. Disabling ends its JWTs and API tokens for good. The last enabled
/// operator stays one, and stays enabled.
pub fn change(
    tx: &WriteTx<'_>,
    scope: Scope,
    username: &str,
    profile: &ProfileChange,
    rights: &RightsChange,
    now: Timestamp,
) -> Result<User, AuthError> {
    let user = governed(tx, scope, username)?;
    if rights.operator == Some(true) && scope != Scope::Installation {
        return Err(AuthError::Forbidden("only an operator may make an operator".into()));
    }
    if !rights.is_empty() {
        let operator = rights.operator.unwrap_or(user.operator);
        let enabled = rights.enabled.unwrap_or(user.enabled);
        let loses = user.operator && user.enabled && !(operator && enabled);
        if loses && sql::users::other_operators(tx, user.id)? == 0 {
            return Err(AuthError::Conflict(format!("`{username}` is the last enabled operator and must stay one")));
        }
        let roles = rights.roles.unwrap_or(user.roles);
        let timezone = rights.timezone.unwrap_or(user.timezone);
        sql::users::update_rights(tx, user.id, roles, operator, enabled, timezone, now)?;
        if user.enabled && !enabled {
            // For good: enabling the user again must not bring back a credential that was to be gone.
            sql::users::next_generation(tx, user.id)?;
            sql::tokens::delete_all(tx, user.id)?;
        }
    }
    write_profile(tx, &user, profile, now)?;
    if let Some(confirmed) = rights.email_confirmed {
        if confirmed && get(tx, user.id)?.email.is_none() {
            return Err(Refused::new("email_confirmed", "needs an e-mail address to confirm").into());
        }
        sql::users::confirm_email(tx, user.id, confirmed)?;
    }
    get(tx, user.id)
}

/// A user changes its own description.
pub fn change_own_profile(
    tx: &WriteTx<'_>,
    id: UserId,
    profile: &ProfileChange,
    now: Timestamp,
) -> Result<User, AuthError> {
    let user = get(tx, id)?;
    write_profile(tx, &user, profile, now)?;
    get(tx, id)
}

fn write_profile(tx: &WriteTx<'_>, user: &User, change: &ProfileChange, now: Timestamp) -> Result<(), AuthError> {
    if change.is_empty() {
        return Ok(());
    }
    let specification = change.specification.as_ref().unwrap_or(&user.specification).as_ref();
    let email = change.email.as_ref().unwrap_or(&user.email).as_ref();
    let phone = change.phone.as_ref().unwrap_or(&user.phone).as_ref();
    let attributes = change.attributes.as_ref().unwrap_or(&user.attributes);
    sql::users::update_profile(tx, user.id, specification, email, phone, attributes, now)?;
    Ok(())
}

/// The stored form of a user's password, if it is known and has one.
pub fn stored_password(conn: &Conn, username: &str) -> Result<Option<String>, AuthError> {
    Ok(sql::users::credentials(conn, username)?.and_then(|user| user.password_hash))
}

/// A user as the one who acts, though it did not sign in: for what is written on its behalf.
pub fn acting(conn: &Conn, scope: Scope, username: &str) -> Result<Principal, AuthError> {
    let user = find(conn, scope, username)?;
    let known = sql::users::credentials_by_id(conn, user.id)?.ok_or(AuthError::Unauthenticated)?;
    let (roles, operator, generation) = (known.roles, known.operator, known.generation);
    Ok(principal(known, roles, operator, Credential::Basic { generation }, sql::keys::epoch(conn)?))
}

/// Gives a user a new password without knowing the old one, and ends its JWTs.
pub fn reset_password(
    tx: &WriteTx<'_>,
    scope: Scope,
    username: &str,
    password_hash: &str,
    now: Timestamp,
) -> Result<User, AuthError> {
    let user = governed(tx, scope, username)?;
    sql::users::update_password(tx, user.id, password_hash, now)?;
    get(tx, user.id)
}

/// Ends every JWT of a user. API tokens stay: they are revoked one by one.
pub fn sign_out(tx: &WriteTx<'_>, scope: Scope, username: &str) -> Result<(), AuthError> {
    let user = governed(tx, scope, username)?;
    sql::users::next_generation(tx, user.id)?;
    Ok(())
}

/// Up to `limit` users of `company` whose folded name comes after `after`, in that order.
pub fn list(conn: &Conn, company: CompanyId, after: &str, limit: usize) -> Result<Vec<User>, AuthError> {
    Ok(sql::users::list(conn, company, after, limit)?)
}
