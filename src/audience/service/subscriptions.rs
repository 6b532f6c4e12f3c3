//! Subscriptions: setting, deleting, suspending, and following their profile. Each change says what it moves.

use super::AudienceService;
use super::profiles::located;
use crate::audience::AudienceError;
use crate::audience::counters::{Cell, Deltas};
use crate::audience::model::{Channel, Shelf, Status, SubscriptionChange, Target};
use crate::audience::service::enabled;
use crate::audience::sql;
use crate::audience::sql::profiles::Profile;
use crate::audience::sql::subscriptions::{self as rows, Subscription};
use crate::auth::model::{CompanyId, SharedPrincipal};
use crate::clock::Timestamp;
use crate::store::WriteTx;

/// What a subscription is counted under while it is not deleted.
pub(super) fn cell(subscription: &Subscription) -> Cell {
    let Subscription { resource, channel, status, sendable, .. } = *subscription;
    Cell { resource, channel, status, sendable }
}

fn counted(subscription: Option<&Subscription>) -> Option<Cell> {
    subscription.filter(|subscription| !subscription.deleted).map(cell)
}

/// Sets the one subscription of a profile to a resource in a channel; a deleted one comes back.
pub(super) fn set(
    tx: &WriteTx<'_>,
    company: CompanyId,
    list: i64,
    profile: &Profile,
    change: &SubscriptionChange,
    now: Timestamp,
    deltas: &mut Deltas,
) -> Result<(), AudienceError> {
    enabled(tx, Shelf::Resources, company, change.resource)?;
    let before = rows::find(tx, company, profile.id, change.resource, change.channel)?;
    let kept = before.filter(|before| !before.deleted).map(|before| before.status);
    let after = Subscription {
        resource: change.resource,
        channel: change.channel,
        status: change.status.or(kept).unwrap_or(Status::Subscribed),
        sendable: profile.is_sendable(),
        deleted: false,
    };
    let details = change.details.as_ref().map(ToString::to_string);
    if before != Some(after) || details.is_some() {
        rows::save(tx, company, (list, profile.id), &after, details.as_deref(), now)?;
    }
    deltas.moved(list, counted(before.as_ref()), Some(cell(&after)));
    Ok(())
}

/// Lets a profile's subscriptions follow whether it may be sent to.
pub(super) fn follow_profile(
    tx: &WriteTx<'_>,
    company: CompanyId,
    list: i64,
    before: &Profile,
    after: &Profile,
    deltas: &mut Deltas,
) -> Result<(), AudienceError> {
    let sendable = after.is_sendable();
    if before.is_sendable() == sendable {
        return Ok(());
    }
    for subscription in rows::live(tx, company, after.id)? {
        let from = cell(&subscription);
        deltas.moved(list, Some(from), Some(Cell { sendable, ..from }));
    }
    Ok(rows::set_sendable(tx, company, after.id, sendable)?)
}

impl AudienceService {
    /// `subscriptions/set`.
    pub async fn set_subscription(
        &self,
        caller: SharedPrincipal,
        list: i64,
        target: Target,
        change: SubscriptionChange,
    ) -> Result<(), AudienceError> {
        let company = caller.company_id;
        let now = self.clock.now();
        self.auth
            .write_as(caller, move |tx| {
                let profile = located(tx, company, list, &target)?;
                let mut deltas = Deltas::default();
                set(tx, company, list, &profile, &change, now, &mut deltas)?;
                Ok(sql::counters::apply(tx, company, &deltas)?)
            })
            .await
    }

    /// `subscriptions/delete`: the row stays and counts no longer.
    pub async fn delete_subscription(
        &self,
        caller: SharedPrincipal,
        list: i64,
        target: Target,
        resource: i64,
        channel: Channel,
    ) -> Result<(), AudienceError> {
        let company = caller.company_id;
        let now = self.clock.now();
        self.auth
            .write_as(caller, move |tx| {
                let profile = located(tx, company, list, &target)?;
                enabled(tx, Shelf::Resources, company, resource)?;
                let before = rows::find(tx, company, profile.id, resource, channel)?
                    .filter(|subscription| !subscription.deleted)
                    .ok_or_else(|| AudienceError::not_found("subscription", format!("to {resource} by {channel}")))?;
                let after = Subscription { deleted: true, ..before };
                rows::save(tx, company, (list, profile.id), &after, None, now)?;
                let mut deltas = Deltas::default();
                deltas.moved(list, Some(cell(&before)), None);
                Ok(sql::counters::apply(tx, company, &deltas)?)
            })
            .await
    }

    /// `subscriptions/suspend_all`: suspends what is subscribed or waits for its confirmation, to one resource or to all,
    /// and says how many. Others stay: who has unsubscribed must not come back when a suspension is lifted.
    pub async fn suspend_subscriptions(
        &self,
        caller: SharedPrincipal,
        list: i64,
        target: Target,
        resource: Option<i64>,
    ) -> Result<i64, AudienceError> {
        let company = caller.company_id;
        let now = self.clock.now();
        self.auth
            .write_as(caller, move |tx| {
                let profile = located(tx, company, list, &target)?;
                if let Some(resource) = resource {
                    enabled(tx, Shelf::Resources, company, resource)?;
                }
                let mut deltas = Deltas::default();
                let mut updated = 0;
                for before in rows::live(tx, company, profile.id)? {
                    let meant = resource.is_none_or(|resource| resource == before.resource);
                    if !meant || !matches!(before.status, Status::Subscribed | Status::Unconfirmed) {
                        continue;
                    }
                    let after = Subscription { status: Status::Suspended, ..before };
                    rows::save(tx, company, (list, profile.id), &after, None, now)?;
                    deltas.moved(list, Some(cell(&before)), Some(cell(&after)));
                    updated += 1;
                }
                sql::counters::apply(tx, company, &deltas)?;
                Ok(updated)
            })
            .await
    }
}
