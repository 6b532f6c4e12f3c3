//! Use cases on parties, and for which of them a principal may act. Inside a transaction their caller owns.
//!
//! Whom a user is bound to is read there and then, never remembered: what is unbound is out of reach at once.
//!
//! Must not know: HTTP, any domain.

use chrono_tz::Tz;

use crate::auth::AuthError;
use crate::auth::model::{
    CompanyId, Credential, DEFAULT_ZONE, Gln, Party, PartyId, PartyKind, PartyName, PartyRef, Principal, Refused, Role,
    Roles, Scope, Side, User, UserId, zone,
};
use crate::auth::{sql, users};
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

/// The most parties a user is bound to.
pub const MOST_BOUND: usize = 1_000;

/// A party to be made.
#[derive(Debug, Clone)]
pub struct NewParty {
    /// Its number; without one, the one after the highest.
    pub id: Option<PartyId>,
    /// Its GLN.
    pub gln: Gln,
    /// Its name.
    pub name: PartyName,
    /// Which side it is on.
    pub kind: PartyKind,
    /// Its own zone.
    pub zone: Option<Tz>,
}

/// What changes about a party; `None` leaves a thing as it is, `Some(None)` clears it.
#[derive(Debug, Clone, Default)]
pub struct PartyChange {
    /// Its name.
    pub name: Option<PartyName>,
    /// Which side it is on.
    pub kind: Option<PartyKind>,
    /// Its own zone.
    pub zone: Option<Option<Tz>>,
    /// Whether the contract finds it.
    pub enabled: Option<bool>,
}

/// Adds a party. A number or a GLN that is taken is a conflict.
pub fn create(tx: &WriteTx<'_>, company: CompanyId, new: &NewParty, now: Timestamp) -> Result<Party, AuthError> {
    if sql::parties::find_by_gln(tx, company, &new.gln)?.is_some() {
        return Err(AuthError::Conflict(format!("there already is a party with the GLN {}", new.gln)));
    }
    if let Some(id) = new.id
        && sql::parties::find(tx, company, id)?.is_some()
    {
        return Err(AuthError::Conflict(format!("there already is a party {id}")));
    }
    let id = sql::parties::insert(tx, company, new, now)?;
    get(tx, company, &PartyRef::Id(id))
}

/// Changes a party. What was published for it stays; a disabled one is not found by the contract.
pub fn change(
    tx: &WriteTx<'_>,
    company: CompanyId,
    party: &PartyRef,
    change: &PartyChange,
    now: Timestamp,
) -> Result<Party, AuthError> {
    let mut party = get(tx, company, party)?;
    party.name = change.name.clone().unwrap_or(party.name);
    party.kind = change.kind.unwrap_or(party.kind);
    party.own_zone = change.zone.unwrap_or(party.own_zone);
    party.enabled = change.enabled.unwrap_or(party.enabled);
    sql::parties::update(tx, company, &party, now)?;
    get(tx, company, &PartyRef::Id(party.id))
}

fn not_found(side: Side, key: impl ToString) -> AuthError {
    AuthError::NotFound { what: side.noun(), key: key.to_string() }
}

fn look_up(conn: &Conn, company: CompanyId, party: &PartyRef) -> Result<Option<Party>, StoreError> {
    match party {
        PartyRef::Id(id) => sql::parties::find(conn, company, *id),
        PartyRef::Gln(gln) => sql::parties::find_by_gln(conn, company, gln),
    }
}

/// A party of a company, disabled or not.
pub fn get(conn: &Conn, company: CompanyId, party: &PartyRef) -> Result<Party, AuthError> {
    look_up(conn, company, party)?.ok_or_else(|| not_found(Side::Either, party))
}

/// An enabled party of a company that is on `side`.
pub fn find(conn: &Conn, company: CompanyId, party: &PartyRef, side: Side) -> Result<Party, AuthError> {
    look_up(conn, company, party)?
        .filter(|found| found.enabled && found.kind.is_on(side))
        .ok_or_else(|| not_found(side, party))
}

/// Up to `limit` parties that a caller may know of, after number `after`.
pub fn list(conn: &Conn, caller: &Principal, after: i64, limit: usize) -> Result<Vec<Party>, AuthError> {
    if is_free(conn, caller.user_id, caller.roles)? {
        return list_all(conn, caller.company_id, after, limit);
    }
    Ok(sql::parties::list_bound(conn, caller.user_id, after, limit)?)
}

/// Up to `limit` parties of a company after number `after`.
pub fn list_all(conn: &Conn, company: CompanyId, after: i64, limit: usize) -> Result<Vec<Party>, AuthError> {
    Ok(sql::parties::list(conn, company, after, limit)?)
}

/// Whether a user with these rights may act for every party of its company: an ADMIN, and whoever is no PARTNER and
/// bound to none.
fn is_free(conn: &Conn, user: UserId, roles: Roles) -> Result<bool, StoreError> {
    if roles.has(Role::Admin) {
        return Ok(true);
    }
    Ok(!roles.has(Role::Partner) && !sql::parties::is_bound(conn, user, None)?)
}

/// Whether a caller may act for a party of its company.
pub fn may_act_for(conn: &Conn, caller: &Principal, party: PartyId) -> Result<bool, AuthError> {
    Ok(is_free(conn, caller.user_id, caller.roles)? || sql::parties::is_bound(conn, caller.user_id, Some(party))?)
}

/// Whether a user, were it to sign in now, could act for a party of a company: for what works on its behalf.
pub fn user_may_act_for(conn: &Conn, user: UserId, company: CompanyId, party: PartyId) -> Result<bool, AuthError> {
    let Some(user) = sql::users::credentials_by_id(conn, user)? else { return Ok(false) };
    if !user.enabled || user.company_id != company {
        return Ok(false);
    }
    let roles = if user.operator { user.roles.with(Role::Admin) } else { user.roles };
    // Without a role there is nothing it may do.
    if roles == Roles::NONE {
        return Ok(false);
    }
    Ok(is_free(conn, user.id, roles)? || sql::parties::is_bound(conn, user.id, Some(party))?)
}

/// A party that `caller` may know of, disabled or not; one it may not act for is not found.
pub fn known(conn: &Conn, caller: &Principal, party: &PartyRef) -> Result<Party, AuthError> {
    let found = get(conn, caller.company_id, party)?;
    if may_act_for(conn, caller, found.id)? { Ok(found) } else { Err(not_found(Side::Either, party)) }
}

/// The party a caller acts for: the one with the `gln` it names, if it may act for it, else not found. Without one, what
/// it signed in for, or the only one it is bound to.
///
/// Source: contracts/schedules.md, and DESIGN.md, section 4.
pub fn acting(conn: &Conn, caller: &Principal, gln: Option<&str>, side: Side) -> Result<Party, AuthError> {
    let party = match (gln.filter(|gln| !gln.is_empty()), &caller.credential) {
        (Some(gln), _) => PartyRef::Gln(Gln::parse(gln).map_err(|rule| Refused { field: "gln", rule })?),
        (None, Credential::Sid { party: Some(party), .. }) => PartyRef::Id(*party),
        (None, _) => PartyRef::Id(only_bound(conn, caller)?),
    };
    let found = find(conn, caller.company_id, &party, side)?;
    if may_act_for(conn, caller, found.id)? { Ok(found) } else { Err(not_found(side, party)) }
}

fn only_bound(conn: &Conn, caller: &Principal) -> Result<PartyId, AuthError> {
    let bound = sql::parties::list_bound(conn, caller.user_id, 0, MOST_BOUND)?;
    let mut enabled = bound.iter().filter(|party| party.enabled);
    match (enabled.next(), enabled.next()) {
        (Some(only), None) => Ok(only.id),
        (None, _) => Err(Refused::new("gln", "is required: you are bound to no party of your own").into()),
        (Some(_), Some(_)) => Err(Refused::new("gln", "is required: you may act for more than one party").into()),
    }
}

/// The user with this name and the parties it is bound to.
pub fn bound_to(conn: &Conn, scope: Scope, username: &str) -> Result<(User, Vec<Party>), AuthError> {
    let user = users::find(conn, scope, username)?;
    let parties = sql::parties::list_bound(conn, user.id, 0, MOST_BOUND)?;
    Ok((user, parties))
}

/// Binds a user to exactly these parties of its company; to none, and it is free again unless it is a PARTNER.
pub fn bind(tx: &WriteTx<'_>, scope: Scope, username: &str, parties: &[PartyRef]) -> Result<Vec<Party>, AuthError> {
    let user = users::governed(tx, scope, username)?;
    if parties.len() > MOST_BOUND {
        return Err(Refused::new("parties", format!("must have at most {MOST_BOUND} items")).into());
    }
    sql::parties::unbind_all(tx, user.id)?;
    for party in parties {
        let Some(found) = look_up(tx, user.company_id, party)? else {
            return Err(Refused::new("parties", format!("names {party}, which is no party of this company")).into());
        };
        sql::parties::bind(tx, user.id, user.company_id, found.id)?;
    }
    Ok(sql::parties::list_bound(tx, user.id, 0, MOST_BOUND)?)
}

/// The zone of a company's parties that have none of their own.
pub fn company_zone(conn: &Conn, company: CompanyId) -> Result<Tz, AuthError> {
    let damaged = |_| AuthError::Damaged("a company's stored time zone is not known");
    let stored = sql::parties::company_zone(conn, company)?;
    stored.map_or(Ok(DEFAULT_ZONE), |name| zone(&name).map_err(damaged))
}

/// The same, if the company has said.
pub fn own_company_zone(conn: &Conn, company: CompanyId) -> Result<Option<Tz>, AuthError> {
    let damaged = |_| AuthError::Damaged("a company's stored time zone is not known");
    sql::parties::company_zone(conn, company)?.map(|name| zone(&name).map_err(damaged)).transpose()
}

/// Sets the zone of a company's parties that have none of their own.
pub fn set_company_zone(tx: &WriteTx<'_>, company: CompanyId, zone: Tz) -> Result<(), AuthError> {
    Ok(sql::parties::set_company_zone(tx, company, zone)?)
}
