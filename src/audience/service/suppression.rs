//! The company's suppression list: addresses nothing is sent to. Profiles that have one of them follow, in
//! slices; each moves the counters in its own transaction, so that they are right at every moment.

use std::sync::Arc;

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

/// So many addresses share a transaction.
const SLICE: usize = 100;

/// So many profiles follow in one transaction: about 10 ms of the writer.
const PROFILES: usize = 500;

/// How far the profiles have followed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Followed {
    /// So many of the addresses are done with.
    addresses: usize,
    /// Of the next one, the last profile that was looked at: its list and its row key.
    after: (i64, i64),
}

/// Puts addresses on the list, or takes them from it; says how many were not there before, or were. Their profiles are
/// to [`follow`].
pub fn change(
    tx: &WriteTx<'_>,
    company: CompanyId,
    addresses: &[Address],
    suppress: bool,
    now: Timestamp,
) -> Result<u64, AudienceError> {
    let mut changed = 0;
    for address in addresses {
        let moved = if suppress {
            sql::suppression::insert(tx, company, address, now)?
        } else {
            sql::suppression::delete(tx, company, address)?
        };
        changed += u64::from(moved);
    }
    Ok(changed)
}

/// Brings a slice of the profiles that have one of `addresses` into line with the list, and returns where the next slice
/// goes on; `None`: all of them have followed. It looks at the list as it is by then, so slices of two changes may come in
/// any order, and one that a kill cut off is made good by asking for the change again.
pub fn follow(
    tx: &WriteTx<'_>,
    company: CompanyId,
    addresses: &[Address],
    from: Followed,
    now: Timestamp,
) -> Result<Option<Followed>, AudienceError> {
    let mut deltas = Deltas::default();
    let (mut at, mut room) = (from, PROFILES);
    while let Some(address) = addresses.get(at.addresses) {
        let found = sql::profiles::with_address(tx, company, &Identity::from(address), at.after, room)?;
        let (count, last) = (found.len(), found.last().map(|(list, profile)| (*list, profile.id)));
        for (list, before) in found {
            let mut profile = before.clone();
            profile.suppressed = is_suppressed(tx, company, &profile)?;
            if profile != before {
                sql::profiles::update(tx, company, &profile, now)?;
                subscriptions::follow_profile(tx, company, list, &before, &profile, &mut deltas)?;
            }
        }
        match last {
            Some(last) if count == room => {
                at.after = last;
                break;
            }
            _ => at = Followed { addresses: at.addresses + 1, after: (0, 0) },
        }
        room -= count;
    }
    sql::counters::apply(tx, company, &deltas)?;
    Ok((at.addresses < addresses.len()).then_some(at))
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
            let slice: Arc<[Address]> = std::mem::replace(&mut addresses, rest).into();
            let own = Arc::clone(&slice);
            let write = move |tx: &WriteTx<'_>| {
                let changed = change(tx, company, &own, suppress, now)?;
                Ok::<_, AudienceError>((changed, follow(tx, company, &own, Followed::default(), now)?))
            };
            let (moved, mut followed) = self.auth.write_as(Arc::clone(&caller), write).await?;
            changed += moved;
            while let Some(from) = followed {
                let (caller, own) = (Arc::clone(&caller), Arc::clone(&slice));
                followed = self.auth.write_as(caller, move |tx| follow(tx, company, &own, from, now)).await?;
            }
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
