//! The company's suppression list: addresses nothing is sent to. Profiles that have one of them follow in the same
//! transaction, so that the counters are right at every moment.

use super::profiles::is_suppressed;
use super::{AudienceService, subscriptions};
use crate::audience::AudienceError;
use crate::audience::counters::Deltas;
use crate::audience::model::{Address, Identity};
use crate::audience::sql;
use crate::audience::sql::suppression::Suppressed;
use crate::auth::model::{CompanyId, SharedPrincipal};
use crate::clock::Timestamp;
use crate::store::{Conn, WriteTx};
use std::sync::Arc;

/// So many addresses share a transaction.
const SLICE: usize = 100;

/// So many profiles with one address are looked at at a time.
const PROFILES: usize = 500;

/// Puts addresses on the list, or takes them from it; says how many were not there before, or were.
pub fn change(
    tx: &WriteTx<'_>,
    company: CompanyId,
    addresses: &[Address],
    suppress: bool,
    now: Timestamp,
) -> Result<u64, AudienceError> {
    let mut changed = 0;
    let mut deltas = Deltas::default();
    for address in addresses {
        let moved = if suppress {
            sql::suppression::insert(tx, company, address, now)?
        } else {
            sql::suppression::delete(tx, company, address)?
        };
        if moved {
            changed += 1;
            follow_address(tx, company, address, now, &mut deltas)?;
        }
    }
    sql::counters::apply(tx, company, &deltas)?;
    Ok(changed)
}

/// Brings every profile that has `address` into line with the list.
fn follow_address(
    tx: &WriteTx<'_>,
    company: CompanyId,
    address: &Address,
    now: Timestamp,
    deltas: &mut Deltas,
) -> Result<(), AudienceError> {
    let identity = Identity::from(address);
    let mut after = (0, 0);
    loop {
        let found = sql::profiles::with_address(tx, company, &identity, after, PROFILES)?;
        let Some((last_list, last)) = found.last() else { return Ok(()) };
        after = (*last_list, last.id);
        for (list, before) in found {
            let mut profile = before.clone();
            profile.suppressed = is_suppressed(tx, company, &profile)?;
            if profile != before {
                sql::profiles::update(tx, company, &profile, now)?;
                subscriptions::follow_profile(tx, company, list, &before, &profile, deltas)?;
            }
        }
    }
}

/// Up to `limit` addresses after the one given.
pub fn list(
    conn: &Conn,
    company: CompanyId,
    after: (&str, &str),
    limit: usize,
) -> Result<Vec<Suppressed>, AudienceError> {
    Ok(sql::suppression::list(conn, company, after, limit)?)
}

impl AudienceService {
    /// House: puts addresses on the list, or takes them from it, in slices; says how many that changed.
    pub async fn change_suppression(
        &self,
        caller: SharedPrincipal,
        mut addresses: Vec<Address>,
        suppress: bool,
    ) -> Result<u64, AudienceError> {
        let company = caller.company_id;
        let now = self.clock.now();
        let mut changed = 0;
        while !addresses.is_empty() {
            let rest = addresses.split_off(addresses.len().min(SLICE));
            let slice = std::mem::replace(&mut addresses, rest);
            changed +=
                self.auth.write_as(Arc::clone(&caller), move |tx| change(tx, company, &slice, suppress, now)).await?;
        }
        Ok(changed)
    }

    /// House: up to `limit` addresses after the one given.
    pub fn suppressed(
        &self,
        company: CompanyId,
        after: (&str, &str),
        limit: usize,
    ) -> Result<Vec<Suppressed>, AudienceError> {
        self.store.read(|conn| list(conn, company, after, limit))
    }
}
