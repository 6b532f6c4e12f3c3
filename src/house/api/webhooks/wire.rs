//! Webhooks' types on the wire.
//!
//! Must not know: SQL, any domain.

use poem_openapi::{Enum, Object};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::house::webhooks::{DeliveryDetails as Details, WithSecret};
use crate::http::wire::Instant;
use crate::webhooks::model::{self, EventType, Events};

/// What a webhook can tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum)]
#[oai(rename_all = "snake_case")]
pub enum WebhookEvent {
    /// A background task of the company has ended, one way or another.
    TaskEnded,
    /// An occurrence of an order schedule is due soon.
    OrderReminder,
    /// An alert condition holds now.
    AlertStarted,
    /// An alert condition holds no longer.
    AlertEnded,
    /// Sent on request only.
    Ping,
}

impl From<EventType> for WebhookEvent {
    fn from(event: EventType) -> Self {
        match event {
            EventType::TaskEnded => Self::TaskEnded,
            EventType::OrderReminder => Self::OrderReminder,
            EventType::AlertStarted => Self::AlertStarted,
            EventType::AlertEnded => Self::AlertEnded,
            EventType::Ping => Self::Ping,
        }
    }
}

impl From<WebhookEvent> for EventType {
    fn from(event: WebhookEvent) -> Self {
        match event {
            WebhookEvent::TaskEnded => Self::TaskEnded,
            WebhookEvent::OrderReminder => Self::OrderReminder,
            WebhookEvent::AlertStarted => Self::AlertStarted,
            WebhookEvent::AlertEnded => Self::AlertEnded,
            WebhookEvent::Ping => Self::Ping,
        }
    }
}

/// The checked set of a webhook's events.
pub fn events(events: &[WebhookEvent]) -> Result<Events, crate::auth::model::Refused> {
    let events = events.iter().copied().map(EventType::from).collect();
    Events::new(events).map_err(|rule| crate::auth::model::Refused { field: "events", rule })
}

/// A receiver of events, without its secret.
#[derive(Debug, Object)]
pub struct Webhook {
    /// Its id.
    pub id: Uuid,
    /// Where events are sent.
    pub url: String,
    /// What it is told of.
    pub events: Vec<WebhookEvent>,
    /// Whether it is switched on. Nothing new is written for one that is off, and what was on its way is held.
    pub enabled: bool,
    /// Why the server switched it off; null: it did not.
    #[oai(nullable)]
    pub disabled_reason: Option<String>,
    /// Until when the secret before the last rotation goes on signing beside the new one; null: there is none.
    #[oai(nullable)]
    pub previous_secret_until: Option<Instant>,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last changed, if ever.
    #[oai(nullable)]
    pub edited_at: Option<Instant>,
}

impl From<model::Endpoint> for Webhook {
    fn from(endpoint: model::Endpoint) -> Self {
        Self {
            id: endpoint.guid,
            url: endpoint.url,
            events: endpoint.events.iter().map(WebhookEvent::from).collect(),
            enabled: endpoint.enabled,
            disabled_reason: endpoint.disabled_reason,
            previous_secret_until: endpoint.secrets.previous.map(|(_, until)| Instant::utc(until)),
            created_at: Instant::utc(endpoint.created_at),
            edited_at: endpoint.edited_at.map(Instant::utc),
        }
    }
}

/// A webhook to be made.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where to POST: an http or https URL without user name, password and fragment. What leads inside the server's
    /// network is refused unless its configuration lists it in `webhooks.allow`.
    #[oai(validator(min_length = 1, max_length = 2048))]
    pub url: String,
    /// What to tell.
    #[oai(validator(min_items = 1, unique_items))]
    pub events: Vec<WebhookEvent>,
    /// Whether to begin at once.
    #[oai(default = "yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

/// A change of a webhook: what is absent stays.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct WebhookChange {
    /// Where to POST from now on, what is on its way included.
    #[oai(validator(min_length = 1, max_length = 2048))]
    pub url: Option<String>,
    /// What to tell from now on.
    #[oai(validator(min_items = 1, unique_items))]
    pub events: Option<Vec<WebhookEvent>>,
    /// Whether it is switched on. What was held goes on when it is switched on again.
    pub enabled: Option<bool>,
}

/// A page of webhooks.
#[derive(Debug, Object)]
pub struct WebhookPage {
    /// The webhooks, oldest first.
    pub items: Vec<Webhook>,
    /// What to send as `page_token` for the next page; null on the last.
    #[oai(nullable)]
    pub next_page_token: Option<String>,
}

/// A webhook whose secret was just made.
#[derive(Debug, Object)]
pub struct WebhookSecret {
    /// What signs its deliveries (Standard Webhooks, `whsec_…`). Shown this once; null when the request was a repeated
    /// one.
    #[oai(nullable)]
    pub secret: Option<String>,
    /// The webhook.
    pub webhook: Webhook,
}

impl From<WithSecret> for WebhookSecret {
    fn from(made: WithSecret) -> Self {
        Self { secret: made.secret.map(|secret| secret.expose()), webhook: made.endpoint.into() }
    }
}

/// A secret that was just made.
#[derive(Debug, Object)]
pub struct FeedbackSecret {
    /// What signs the company's feedback (Standard Webhooks, `whsec_…`). Shown this once; null when the request was a
    /// repeated one.
    #[oai(nullable)]
    pub secret: Option<String>,
}

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It will be tried at `next_at`.
    Pending,
    /// The receiver answered 2xx.
    Delivered,
    /// Given up.
    Failed,
    /// Its webhook is switched off.
    Held,
}

impl From<model::DeliveryState> for DeliveryState {
    fn from(state: model::DeliveryState) -> Self {
        match state {
            model::DeliveryState::Pending => Self::Pending,
            model::DeliveryState::Delivered => Self::Delivered,
            model::DeliveryState::Failed => Self::Failed,
            model::DeliveryState::Held => Self::Held,
        }
    }
}

impl From<DeliveryState> for model::DeliveryState {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Pending => Self::Pending,
            DeliveryState::Delivered => Self::Delivered,
            DeliveryState::Failed => Self::Failed,
            DeliveryState::Held => Self::Held,
        }
    }
}

/// One message to one receiver.
#[derive(Debug, Object)]
pub struct Delivery {
    /// Its `webhook-id`, the same at every attempt.
    pub id: Uuid,
    /// The webhook it goes to; null: to a URL that a request named.
    #[oai(nullable)]
    pub webhook_id: Option<Uuid>,
    /// Where it goes.
    pub url: String,
    /// What it tells of.
    pub event: WebhookEvent,
    /// What its body is written in.
    pub content_type: String,
    /// How far it is.
    pub state: DeliveryState,
    /// How many attempts were made since it was last begun.
    pub attempts: u32,
    /// When it will be tried next; null: not by itself.
    #[oai(nullable)]
    pub next_at: Option<Instant>,
    /// The HTTP status of the latest answer; null: none came.
    #[oai(nullable)]
    pub last_status: Option<u16>,
    /// What was wrong with the latest attempt; null: nothing.
    #[oai(nullable)]
    pub last_error: Option<String>,
    /// When its cause was.
    pub created_at: Instant,
    /// When it was delivered or given up.
    #[oai(nullable)]
    pub ended_at: Option<Instant>,
}

impl From<model::Delivery> for Delivery {
    fn from(delivery: model::Delivery) -> Self {
        Self {
            id: delivery.guid,
            webhook_id: delivery.endpoint,
            url: delivery.url,
            event: delivery.event.into(),
            content_type: delivery.content_type.as_str().to_owned(),
            state: delivery.state.into(),
            attempts: delivery.attempts,
            next_at: delivery.next_at.map(Instant::utc),
            last_status: delivery.last_status,
            last_error: delivery.last_error,
            created_at: Instant::utc(delivery.created_at),
            ended_at: delivery.ended_at.map(Instant::utc),
        }
    }
}

/// A page of deliveries.
#[derive(Debug, Object)]
pub struct DeliveryPage {
    /// The deliveries, newest first.
    pub items: Vec<Delivery>,
    /// What to send as `page_token` for the next page; null on the last.
    #[oai(nullable)]
    pub next_page_token: Option<String>,
}

/// One call.
#[derive(Debug, Object)]
pub struct Attempt {
    /// 1, 2, 3 … over the life of the delivery, redeliveries included.
    pub number: u32,
    /// When it began.
    pub at: Instant,
    /// Where it went.
    pub url: String,
    /// The HTTP status; null: no answer came.
    #[oai(nullable)]
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What was wrong; null: nothing.
    #[oai(nullable)]
    pub error: Option<String>,
    /// The beginning of the answer's body, up to 2048 bytes.
    pub answer: String,
}

impl From<model::Attempt> for Attempt {
    fn from(attempt: model::Attempt) -> Self {
        Self {
            number: attempt.number,
            at: Instant::utc(attempt.at),
            url: attempt.url,
            status: attempt.status,
            took_ms: attempt.took_micros / 1000,
            error: attempt.error,
            answer: attempt.answer,
        }
    }
}

/// One delivery with all that is known of it.
#[derive(Debug, Object)]
pub struct DeliveryDetails {
    /// The delivery.
    pub delivery: Delivery,
    /// The body as it is sent.
    pub body: String,
    /// The calls, oldest first.
    pub attempts: Vec<Attempt>,
}

impl From<Details> for DeliveryDetails {
    fn from(details: Details) -> Self {
        Self {
            delivery: details.delivery.into(),
            body: String::from_utf8_lossy(&details.body).into_owned(),
            attempts: details.attempts.into_iter().map(Attempt::from).collect(),
        }
    }
}

/// An example of [`NewWebhook`].
pub fn new_webhook_example() -> Value {
    json!({"url": "https://receiver.example.com/comptoir", "events": ["task_ended", "order_reminder"]})
}

/// An example of [`WebhookChange`].
pub fn webhook_change_example() -> Value {
    json!({"events": ["task_ended", "alert_started", "alert_ended"], "enabled": true})
}
