//! The use cases of webhooks in the house API: each in one transaction, in the caller's own company.
//!
//! Must not know: HTTP, the wire types, the statements, any domain.

use uuid::Uuid;

use crate::auth::Auth;
use crate::auth::idempotency::{IdempotencyKey, Once, once};
use crate::auth::model::{CompanyId, Principal, SharedPrincipal};
use crate::house::HouseError;
use crate::store::{Store, StoreError};
use crate::tasks::Queue;
use crate::webhooks::guard::Guard;
use crate::webhooks::model::{
    Attempt, Delivery, DeliveryFilter, DeliveryId, Endpoint, EndpointChange, EndpointId, NewEndpoint,
};
use crate::webhooks::sign::Secret;
use crate::webhooks::{Webhooks, endpoints, outbox};

/// An endpoint whose secret was just made: the secret is there for the request that made it only.
#[derive(Debug, Clone)]
pub struct WithSecret {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// What signs its deliveries; `None` for a repeated request.
    pub secret: Option<Secret>,
}

/// A delivery with all that is known of it.
#[derive(Debug, Clone)]
pub struct DeliveryDetails {
    /// The delivery.
    pub delivery: Delivery,
    /// Its body.
    pub body: Vec<u8>,
    /// Its calls, oldest first.
    pub attempts: Vec<Attempt>,
}

/// The use cases over one store.
#[derive(Clone)]
pub struct WebhookService {
    auth: Auth,
    store: Store,
    queue: Queue,
    webhooks: Webhooks,
}

impl WebhookService {
    /// Webhooks of this installation.
    #[must_use]
    pub fn new(auth: Auth, queue: Queue, webhooks: Webhooks) -> Self {
        let store = auth.store().clone();
        Self { auth, store, queue, webhooks }
    }

    /// Where webhooks may go.
    #[must_use]
    pub fn guard(&self) -> &Guard {
        self.webhooks.guard()
    }

    /// Up to `limit` endpoints after row key `after`.
    pub fn list(&self, caller: &Principal, after: EndpointId, limit: usize) -> Result<Vec<Endpoint>, HouseError> {
        Ok(self.store.read(|conn| endpoints::list(conn, caller.company_id, after, limit))?)
    }

    /// One endpoint.
    pub fn read(&self, caller: &Principal, id: Uuid) -> Result<Endpoint, HouseError> {
        Ok(self.store.read(|conn| endpoints::find(conn, caller.company_id, id))?)
    }

    /// Sets an endpoint up.
    pub async fn create(
        &self,
        caller: SharedPrincipal,
        new: NewEndpoint,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<WithSecret, HouseError> {
        let (secret, now) = (Secret::generate()?, self.auth.clock().now());
        let company = caller.company_id;
        self.auth
            .write_as(caller, move |tx| {
                let made = once::<_, HouseError>(tx, idempotency.as_ref(), now, |tx| {
                    Ok(endpoints::create(tx, company, &new, &secret, now)?.guid)
                })?;
                let (id, secret) = match made {
                    Once::Now(id) => (id, Some(secret.clone())),
                    Once::Before(id) => (id, None),
                };
                Ok(WithSecret { endpoint: endpoints::find(tx, company, id)?, secret })
            })
            .await
    }

    /// Changes an endpoint; one that is switched on lets go all that was held for it.
    pub async fn change(
        &self,
        caller: SharedPrincipal,
        id: Uuid,
        change: EndpointChange,
    ) -> Result<Endpoint, HouseError> {
        let now = self.auth.clock().now();
        let company = caller.company_id;
        let switched_on = change.enabled == Some(true);
        let queue = self.queue.clone();
        let endpoint = self
            .auth
            .write_as(caller, move |tx| Ok::<_, HouseError>(endpoints::change(tx, &queue, company, id, &change, now)?))
            .await?;
        if switched_on {
            self.release(company, endpoint.id).await?;
        }
        Ok(endpoint)
    }

    /// Slice by slice, so that the writer is not held. It follows from a change that is made, so it does not ask again
    /// whether the caller still stands; what a kill leaves undone the upkeep does.
    async fn release(&self, company: CompanyId, endpoint: EndpointId) -> Result<(), StoreError> {
        const SLICE: usize = endpoints::RELEASED_AT_ONCE;
        loop {
            let (queue, now) = (self.queue.clone(), self.auth.clock().now());
            let released =
                self.store.write(move |tx| outbox::release(tx, &queue, company, endpoint, now, SLICE)).await?;
            if released < SLICE {
                return Ok(());
            }
        }
    }

    /// Deletes an endpoint.
    pub async fn delete(&self, caller: SharedPrincipal, id: Uuid) -> Result<(), HouseError> {
        let now = self.auth.clock().now();
        let company = caller.company_id;
        self.auth.write_as(caller, move |tx| Ok(endpoints::delete(tx, company, id, now)?)).await
    }

    /// Gives an endpoint a new secret.
    pub async fn rotate_secret(
        &self,
        caller: SharedPrincipal,
        id: Uuid,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<WithSecret, HouseError> {
        let (secret, now) = (Secret::generate()?, self.auth.clock().now());
        let company = caller.company_id;
        self.auth
            .write_as(caller, move |tx| {
                let made = once::<_, HouseError>(tx, idempotency.as_ref(), now, |tx| {
                    Ok(endpoints::rotate_secret(tx, company, id, &secret, now)?.guid)
                })?;
                let secret = matches!(made, Once::Now(_)).then(|| secret.clone());
                Ok(WithSecret { endpoint: endpoints::find(tx, company, id)?, secret })
            })
            .await
    }

    /// Gives the company a new secret for what goes to URLs that are no endpoint's; `None` for a repeated request.
    pub async fn rotate_company_secret(
        &self,
        caller: SharedPrincipal,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Option<Secret>, HouseError> {
        let (secret, now) = (Secret::generate()?, self.auth.clock().now());
        let company = caller.company_id;
        self.auth
            .write_as(caller, move |tx| {
                let made = once::<_, HouseError>(tx, idempotency.as_ref(), now, |tx| {
                    endpoints::rotate_company_secret(tx, company, &secret, now)?;
                    Ok(())
                })?;
                Ok(matches!(made, Once::Now(())).then(|| secret.clone()))
            })
            .await
    }

    /// Sends an endpoint a ping.
    pub async fn ping(
        &self,
        caller: SharedPrincipal,
        id: Uuid,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Delivery, HouseError> {
        let (queue, now) = (self.queue.clone(), self.auth.clock().now());
        let company = caller.company_id;
        self.auth
            .write_as(caller, move |tx| {
                let made = once::<_, HouseError>(tx, idempotency.as_ref(), now, |tx| {
                    Ok(endpoints::ping(tx, &queue, company, id, now)?)
                })?;
                let (Once::Now(delivery) | Once::Before(delivery)) = made;
                Ok(outbox::find(tx, company, delivery)?)
            })
            .await
    }

    /// Up to `limit` deliveries before row key `before`, newest first; those of one endpoint, if it is named.
    pub fn list_deliveries(
        &self,
        caller: &Principal,
        endpoint: Option<Uuid>,
        mut filter: DeliveryFilter,
        before: DeliveryId,
        limit: usize,
    ) -> Result<Vec<Delivery>, HouseError> {
        self.store.read(|conn| {
            if let Some(endpoint) = endpoint {
                filter.endpoint = Some(endpoints::find(conn, caller.company_id, endpoint)?.id);
            }
            Ok(outbox::list(conn, caller.company_id, filter, before, limit)?)
        })
    }

    /// One delivery.
    pub fn read_delivery(&self, caller: &Principal, id: Uuid) -> Result<DeliveryDetails, HouseError> {
        self.store.read(|conn| {
            let delivery = outbox::find(conn, caller.company_id, id)?;
            let (body, attempts) = (outbox::body_of(conn, delivery.id)?, outbox::attempts(conn, delivery.id)?);
            Ok(DeliveryDetails { delivery, body, attempts })
        })
    }

    /// Begins a delivery again.
    pub async fn redeliver(&self, caller: SharedPrincipal, id: Uuid) -> Result<Delivery, HouseError> {
        let (queue, now) = (self.queue.clone(), self.auth.clock().now());
        let company = caller.company_id;
        self.auth.write_as(caller, move |tx| Ok(outbox::redeliver(tx, &queue, company, id, now)?)).await
    }
}
