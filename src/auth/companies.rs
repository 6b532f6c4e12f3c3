//! Use cases on companies, inside a transaction their caller owns.
//!
//! Must not know: HTTP, any domain.

use crate::store::Conn;
use uuid::Uuid;

use crate::auth::AuthError;
use crate::auth::model::{Company, CompanyId, CompanyKey, CompanyName, Scope};
use crate::auth::sql;
use crate::clock::Timestamp;
use crate::store::WriteTx;

/// What changes about a company; `None` leaves a thing as it is.
#[derive(Debug, Clone, Default)]
pub struct CompanyChange {
    /// Its name for people.
    pub name: Option<CompanyName>,
    /// Whether its users may sign in.
    pub enabled: Option<bool>,
}

/// The company with this key, if `scope` reaches it.
pub fn find(conn: &Conn, scope: Scope, key: &str) -> Result<Company, AuthError> {
    sql::companies::find(conn, key)?
        .filter(|company| scope.reaches(company.id))
        .ok_or_else(|| AuthError::NotFound { what: "company", key: key.to_owned() })
}

/// The company with this row key.
pub fn get(conn: &Conn, id: CompanyId) -> Result<Company, AuthError> {
    sql::companies::get(conn, id)?.ok_or_else(|| AuthError::NotFound { what: "company", key: id.0.to_string() })
}

/// Adds a company. A key that is taken, in any case, is a conflict.
pub fn create(tx: &WriteTx<'_>, key: &CompanyKey, name: &CompanyName, now: Timestamp) -> Result<Company, AuthError> {
    if sql::companies::find(tx, key.as_str())?.is_some() {
        return Err(AuthError::Conflict(format!("there already is a company `{key}`")));
    }
    sql::companies::insert(tx, Uuid::new_v4(), key, name, now)?;
    find(tx, Scope::Installation, key.as_str())
}

/// Renames, disables or enables a company. While it is disabled no credential of its users works; enabling it brings back
/// those that have not expired, as the users themselves were not disabled. The last enabled operator's company cannot be disabled: nobody could enable
/// it again over the network.
pub fn change(tx: &WriteTx<'_>, key: &str, change: &CompanyChange, now: Timestamp) -> Result<Company, AuthError> {
    let company = find(tx, Scope::Installation, key)?;
    let enabled = change.enabled.unwrap_or(company.enabled);
    // Where there is no operator yet, none is locked out.
    let last =
        || Ok::<_, AuthError>(sql::users::operators_outside(tx, company.id)? == 0 && sql::checks::operators(tx)? > 0);
    if company.enabled && !enabled && last()? {
        return Err(AuthError::Conflict(format!(
            "company `{key}` holds the last enabled operator and cannot be disabled"
        )));
    }
    let name = change.name.as_ref().unwrap_or(&company.name);
    sql::companies::update(tx, company.id, name, enabled, now)?;
    find(tx, Scope::Installation, key)
}

/// Up to `limit` companies whose folded key comes after `after`, in that order.
pub fn list(conn: &Conn, after: &str, limit: usize) -> Result<Vec<Company>, AuthError> {
    Ok(sql::companies::list(conn, after, limit)?)
}
