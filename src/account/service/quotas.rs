//! Quotas: what each user may use of each kind of work.

use super::UsageService;
use super::error::UsageError;
use crate::account::model::{Kind, ProcessType, Service};
use crate::account::quota::Limits;
use crate::account::sql;
use crate::auth::model::{CompanyId, Principal, Scope, SharedPrincipal};
use crate::auth::users;
use crate::store::{Conn, WriteTx};

pub use crate::account::sql::quotas::Quota;

/// Sets the limits of a user of `company` for a kind of work.
pub fn set(
    tx: &WriteTx<'_>,
    company: CompanyId,
    username: &str,
    kind: Kind,
    limits: &Limits,
) -> Result<Quota, UsageError> {
    let user = users::find(tx, Scope::Company(company), username)?;
    sql::quotas::set(tx, company, user.id, kind, limits)?;
    Ok(Quota { user: user.id, username: user.username.to_string(), kind, limits: *limits })
}

/// Lifts the limits of a user of `company` for a kind of work.
pub fn delete(tx: &WriteTx<'_>, company: CompanyId, username: &str, kind: Kind) -> Result<(), UsageError> {
    let user = users::find(tx, Scope::Company(company), username)?;
    if sql::quotas::delete(tx, company, user.id, kind)? {
        return Ok(());
    }
    Err(UsageError::not_found("quota", format!("{} {} {}", user.username, kind.service, kind.process_type)))
}

/// Up to `limit` quotas of `company` after the row `after` (user, service, type), in that order.
pub fn list(conn: &Conn, company: CompanyId, after: (i64, i64, i64), limit: usize) -> Result<Vec<Quota>, UsageError> {
    Ok(sql::quotas::list(conn, company, after, limit)?)
}

impl UsageService {
    /// `read_quota`: the caller's limits, by service and type. Whoever has none has those that the contract can tell:
    /// its client takes an empty list for a broken answer.
    pub fn read_quota(&self, caller: &Principal) -> Result<Vec<(Kind, Limits)>, UsageError> {
        let limits = self.store.read_one(|conn| sql::quotas::of_user(conn, caller.company_id, caller.user_id))?;
        if !limits.is_empty() {
            return Ok(limits);
        }
        let kinds = Service::ALL.iter().flat_map(|service| {
            ProcessType::ALL.iter().map(|process_type| Kind { service: *service, process_type: *process_type })
        });
        Ok(kinds.map(|kind| (kind, Limits::WIDEST)).collect())
    }

    /// House: up to `limit` quotas of the company after `after`.
    pub fn quotas(&self, company: CompanyId, after: (i64, i64, i64), limit: usize) -> Result<Vec<Quota>, UsageError> {
        self.store.read_one(|conn| list(conn, company, after, limit))
    }

    /// House: sets a quota.
    pub async fn set_quota(
        &self,
        caller: SharedPrincipal,
        username: String,
        kind: Kind,
        limits: Limits,
    ) -> Result<Quota, UsageError> {
        let company = caller.company_id;
        self.auth.write_as(caller, move |tx| set(tx, company, &username, kind, &limits)).await
    }

    /// House: lifts a quota.
    pub async fn delete_quota(&self, caller: SharedPrincipal, username: String, kind: Kind) -> Result<(), UsageError> {
        let company = caller.company_id;
        self.auth.write_as(caller, move |tx| delete(tx, company, &username, kind)).await
    }
}
