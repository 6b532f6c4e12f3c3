//! Webhooks and their deliveries on the wire.
//!
//! Must not know: SQL, any domain.

pub mod wire;

use poem::http::HeaderMap;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use uuid::Uuid;

use self::wire::{
    Delivery, DeliveryDetails, DeliveryPage, DeliveryState, FeedbackSecret, NewWebhook, Webhook, WebhookChange,
    WebhookEvent, WebhookPage, WebhookSecret, events,
};
use super::{Answer, HouseTags};
use crate::auth::model::Refused;
use crate::house::webhooks::WebhookService;
use crate::http::idempotency;
use crate::http::json::Strict;
use crate::http::paging::{self, PageToken};
use crate::http::{Caller, Failure};
use crate::webhooks::guard::Destination;
use crate::webhooks::model::{DeliveryFilter, DeliveryId, EndpointChange, EndpointId, NewEndpoint};

/// The names page tokens of these lists carry.
const WEBHOOKS: &str = "webhooks";
const DELIVERIES: &str = "deliveries";

/// `/comptoir/v1/webhooks`, `/comptoir/v1/deliveries`, `/comptoir/v1/feedback-secret`.
pub struct WebhooksApi(pub WebhookService);

#[OpenApi(tag = "HouseTags::Webhooks")]
impl WebhooksApi {
    /// List the webhooks
    #[oai(path = "/comptoir/v1/webhooks", method = "get", operation_id = "list_webhooks")]
    async fn list_webhooks(
        &self,
        caller: Caller,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<WebhookPage>> {
        let limit = limit.0.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let after = EndpointId(row_key(WEBHOOKS, page_token.0.as_deref(), 0)?);
        let rows = self.0.list(&caller, after, limit + 1)?;
        let (items, next) = paging::page(rows, limit, |last| PageToken::new(WEBHOOKS, last.id.0.to_string()));
        Ok(Json(WebhookPage { items: items.into_iter().map(Webhook::from).collect(), next_page_token: next }))
    }

    /// Make a webhook
    ///
    /// From now on each event of these types is sent to the URL with POST as `{"type", "timestamp", "data"}`, signed as Standard
    /// Webhooks says (<https://www.standardwebhooks.com>): `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    /// Anything but 2xx within 15 seconds is tried again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 14 h; redirects
    /// are not followed; 410 switches the webhook off. The secret is in this answer and nowhere else.
    #[oai(path = "/comptoir/v1/webhooks", method = "post", operation_id = "create_webhook")]
    async fn create_webhook(
        &self,
        caller: Caller,
        /// Makes a repeated request harmless for a day; the repeated one gets no secret.
        #[oai(name = "Idempotency-Key")]
        _idempotency_key: Header<Option<String>>,
        headers: &HeaderMap,
        body: Strict<NewWebhook>,
    ) -> Answer<Json<WebhookSecret>> {
        let key = idempotency(&caller, "create_webhook", headers, &body.0)?;
        let NewWebhook { url, events: asked, enabled } = body.0;
        let new = NewEndpoint { url: self.admit(&url)?, events: events(&asked)?, enabled };
        Ok(Json(self.0.create(caller.principal(), new, key).await?.into()))
    }

    /// Read a webhook
    #[oai(path = "/comptoir/v1/webhooks/:id", method = "get", operation_id = "read_webhook")]
    async fn read_webhook(
        &self,
        caller: Caller,
        /// The webhook's id.
        id: Path<Uuid>,
    ) -> Answer<Json<Webhook>> {
        Ok(Json(self.0.read(&caller, id.0)?.into()))
    }

    /// Change a webhook
    ///
    /// What is absent stays. Switched off, it holds what is on its way; switched on again, all of that goes on.
    #[oai(path = "/comptoir/v1/webhooks/:id", method = "patch", operation_id = "change_webhook")]
    async fn change_webhook(
        &self,
        caller: Caller,
        /// The webhook's id.
        id: Path<Uuid>,
        body: Strict<WebhookChange>,
    ) -> Answer<Json<Webhook>> {
        let WebhookChange { url, events: asked, enabled } = body.0;
        let change = EndpointChange {
            url: url.map(|url| self.admit(&url)).transpose()?,
            events: asked.map(|asked| events(&asked)).transpose()?,
            enabled,
        };
        Ok(Json(self.0.change(caller.principal(), id.0, change).await?.into()))
    }

    /// Delete a webhook
    ///
    /// What is on its way to it fails.
    #[oai(path = "/comptoir/v1/webhooks/:id", method = "delete", operation_id = "delete_webhook")]
    async fn delete_webhook(
        &self,
        caller: Caller,
        /// The webhook's id.
        id: Path<Uuid>,
    ) -> Answer<()> {
        Ok(self.0.delete(caller.principal(), id.0).await?)
    }

    /// Give a webhook a new secret
    ///
    /// For a day both sign, so that the receiver can change over without losing a call. The secret is in this answer
    /// and nowhere else.
    #[oai(path = "/comptoir/v1/webhooks/:id/rotate-secret", method = "post", operation_id = "rotate_webhook_secret")]
    async fn rotate_webhook_secret(
        &self,
        caller: Caller,
        /// Makes a repeated request harmless for a day; the repeated one gets no secret.
        #[oai(name = "Idempotency-Key")]
        _idempotency_key: Header<Option<String>>,
        headers: &HeaderMap,
        /// The webhook's id.
        id: Path<Uuid>,
    ) -> Answer<Json<WebhookSecret>> {
        let key = idempotency(&caller, "rotate_webhook_secret", headers, &id.0)?;
        Ok(Json(self.0.rotate_secret(caller.principal(), id.0, key).await?.into()))
    }

    /// Ping a webhook
    ///
    /// Sends it an event of type `ping`; read the delivery to see what it answered.
    #[oai(path = "/comptoir/v1/webhooks/:id/ping", method = "post", operation_id = "ping_webhook")]
    async fn ping_webhook(
        &self,
        caller: Caller,
        /// Makes a repeated request harmless for a day.
        #[oai(name = "Idempotency-Key")]
        _idempotency_key: Header<Option<String>>,
        headers: &HeaderMap,
        /// The webhook's id.
        id: Path<Uuid>,
    ) -> Answer<Json<Delivery>> {
        let key = idempotency(&caller, "ping_webhook", headers, &id.0)?;
        Ok(Json(self.0.ping(caller.principal(), id.0, key).await?.into()))
    }

    /// List a webhook's deliveries
    ///
    /// Newest first. Ended ones are kept for 30 days.
    #[oai(path = "/comptoir/v1/webhooks/:id/deliveries", method = "get", operation_id = "list_webhook_deliveries")]
    #[allow(clippy::too_many_arguments, reason = "one per parameter")]
    async fn list_webhook_deliveries(
        &self,
        caller: Caller,
        /// The webhook's id.
        id: Path<Uuid>,
        /// Only those in this state.
        state: Query<Option<DeliveryState>>,
        /// Only those that tell of this.
        event: Query<Option<WebhookEvent>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<DeliveryPage>> {
        Ok(self.deliveries(&caller, Some(id.0), (state.0, event.0), limit.0, page_token.0.as_deref())?)
    }

    /// List the company's deliveries
    ///
    /// Newest first: to its webhooks, and feedback to URLs that requests named. Ended ones are kept for 30 days.
    #[oai(path = "/comptoir/v1/deliveries", method = "get", operation_id = "list_deliveries")]
    async fn list_deliveries(
        &self,
        caller: Caller,
        /// Only those in this state.
        state: Query<Option<DeliveryState>>,
        /// Only those that tell of this.
        event: Query<Option<WebhookEvent>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<DeliveryPage>> {
        Ok(self.deliveries(&caller, None, (state.0, event.0), limit.0, page_token.0.as_deref())?)
    }

    /// Read a delivery
    ///
    /// With its body and what came of each call.
    #[oai(path = "/comptoir/v1/deliveries/:id", method = "get", operation_id = "read_delivery")]
    async fn read_delivery(
        &self,
        caller: Caller,
        /// The delivery's id, which is its `webhook-id`.
        id: Path<Uuid>,
    ) -> Answer<Json<DeliveryDetails>> {
        Ok(Json(self.0.read_delivery(&caller, id.0)?.into()))
    }

    /// Deliver again
    ///
    /// Begins a delivery that has ended or is held again: at once, with all its attempts, under the same `webhook-id`.
    #[oai(path = "/comptoir/v1/deliveries/:id/redeliver", method = "post", operation_id = "redeliver")]
    async fn redeliver(
        &self,
        caller: Caller,
        /// The delivery's id, which is its `webhook-id`.
        id: Path<Uuid>,
    ) -> Answer<Json<Delivery>> {
        Ok(Json(self.0.redeliver(caller.principal(), id.0).await?.into()))
    }

    /// Give the company a new secret for feedback
    ///
    /// It signs what goes to URLs that requests name (`feedback` of the audience contract). For a day the one before
    /// signs beside it. The secret is in this answer and nowhere else.
    #[oai(path = "/comptoir/v1/feedback-secret/rotate", method = "post", operation_id = "rotate_feedback_secret")]
    async fn rotate_feedback_secret(
        &self,
        caller: Caller,
        /// Makes a repeated request harmless for a day; the repeated one gets no secret.
        #[oai(name = "Idempotency-Key")]
        _idempotency_key: Header<Option<String>>,
        headers: &HeaderMap,
    ) -> Answer<Json<FeedbackSecret>> {
        let key = idempotency(&caller, "rotate_feedback_secret", headers, &String::new())?;
        let secret = self.0.rotate_company_secret(caller.principal(), key).await?;
        Ok(Json(FeedbackSecret { secret: secret.map(|secret| secret.expose()) }))
    }
}

impl WebhooksApi {
    fn admit(&self, url: &str) -> Result<Destination, Refused> {
        self.0.guard().admit(url).map_err(|rule| Refused { field: "url", rule })
    }

    fn deliveries(
        &self,
        caller: &Caller,
        webhook: Option<Uuid>,
        (state, event): (Option<DeliveryState>, Option<WebhookEvent>),
        limit: Option<u32>,
        page_token: Option<&str>,
    ) -> Result<Json<DeliveryPage>, Failure> {
        let limit = limit.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let before = DeliveryId(row_key(DELIVERIES, page_token, i64::MAX)?);
        let filter = DeliveryFilter { endpoint: None, state: state.map(Into::into), event: event.map(Into::into) };
        let rows = self.0.list_deliveries(caller, webhook, filter, before, limit + 1)?;
        let (items, next) = paging::page(rows, limit, |last| PageToken::new(DELIVERIES, last.id.0.to_string()));
        Ok(Json(DeliveryPage { items: items.into_iter().map(Delivery::from).collect(), next_page_token: next }))
    }
}

/// The row key in a page token; `first` for the first page.
fn row_key(list: &'static str, page_token: Option<&str>, first: i64) -> Result<i64, Failure> {
    match PageToken::parse(list, page_token)?.after() {
        "" => Ok(first),
        key => key.parse().map_err(|_| Failure::invalid_field("page_token", "is not one of this list")),
    }
}
