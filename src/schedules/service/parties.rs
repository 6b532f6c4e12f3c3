//! Parties as the house shows them. They are identity's; what is done here beside is what a change of theirs is to
//! reminders: a zone that is put right moves them.

use chrono_tz::Tz;

use super::{SchedulesError, SchedulesService, reminders};
use crate::auth::model::{CompanyId, Party, PartyRef, Principal, SharedPrincipal};
use crate::auth::parties::{self, NewParty, PartyChange};
use crate::clock::Timestamp;
use crate::store::WriteTx;
use crate::tasks::Queue;

/// Changes a party of a company.
pub fn change(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    party: &PartyRef,
    change: &PartyChange,
    now: Timestamp,
) -> Result<Party, SchedulesError> {
    let before = parties::get(tx, company, party)?;
    let after = parties::change(tx, company, party, change, now)?;
    if before.zone != after.zone || before.enabled != after.enabled {
        reminders::planned_all(tx, queue, company, Some(after.id), now)?;
    }
    Ok(after)
}

/// Sets the zone of a company's parties that have none of their own.
pub fn set_company_zone(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    zone: Tz,
    now: Timestamp,
) -> Result<(), SchedulesError> {
    parties::set_company_zone(tx, company, zone)?;
    reminders::planned_all(tx, queue, company, None, now)
}

impl SchedulesService {
    /// House: up to `limit` parties the caller may know of, after number `after`.
    pub fn parties(&self, caller: &Principal, after: i64, limit: usize) -> Result<Vec<Party>, SchedulesError> {
        Ok(self.store.read(|conn| parties::list(conn, caller, after, limit))?)
    }

    /// House: one party the caller may know of.
    pub fn party(&self, caller: &Principal, party: &PartyRef) -> Result<Party, SchedulesError> {
        Ok(self.store.read(|conn| parties::known(conn, caller, party))?)
    }

    /// House: adds a party.
    pub async fn create_party(&self, caller: SharedPrincipal, new: NewParty) -> Result<Party, SchedulesError> {
        let (now, company) = (self.clock.now(), caller.company_id);
        Ok(self.auth.write_as(caller, move |tx| parties::create(tx, company, &new, now)).await?)
    }

    /// House: changes a party.
    pub async fn change_party(
        &self,
        caller: SharedPrincipal,
        party: PartyRef,
        to: PartyChange,
    ) -> Result<Party, SchedulesError> {
        let (now, queue, company) = (self.clock.now(), self.queue.clone(), caller.company_id);
        self.auth.write_as(caller, move |tx| change(tx, &queue, company, &party, &to, now)).await
    }

    /// House: the parties a user is bound to.
    pub fn bound_parties(&self, caller: &Principal, username: &str) -> Result<Vec<Party>, SchedulesError> {
        let (_, bound) = self.store.read(|conn| parties::bound_to(conn, caller.scope(), username))?;
        Ok(bound)
    }

    /// House: binds a user to exactly these parties.
    pub async fn bind_parties(
        &self,
        caller: SharedPrincipal,
        username: String,
        named: Vec<PartyRef>,
    ) -> Result<Vec<Party>, SchedulesError> {
        let scope = caller.scope();
        Ok(self.auth.write_as(caller, move |tx| parties::bind(tx, scope, &username, &named)).await?)
    }

    /// House: the zone of the company's parties that have none of their own.
    pub fn company_zone(&self, company: CompanyId) -> Result<Tz, SchedulesError> {
        Ok(self.store.read(|conn| parties::company_zone(conn, company))?)
    }

    /// House: sets it.
    pub async fn set_company_zone(&self, caller: SharedPrincipal, zone: Tz) -> Result<Tz, SchedulesError> {
        let (now, queue, company) = (self.clock.now(), self.queue.clone(), caller.company_id);
        self.auth
            .write_as(caller, move |tx| {
                set_company_zone(tx, &queue, company, zone, now)?;
                Ok(parties::company_zone(tx, company)?)
            })
            .await
    }
}
