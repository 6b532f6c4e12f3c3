//! Signed calls to other people's servers, delivered at least once.
//!
//! Owns the tables `webhook_endpoints`, `webhook_secrets`, `webhook_deliveries` (the outbox) and `webhook_attempts`, and
//! the task kind `webhook_delivery`. In reading order: [`model`], [`sign`], [`schedule`] and [`guard`] (pure),
//! [`endpoints`] (what a company sets up), [`outbox`] (what is to be sent and what came of it), [`send`] (one call),
//! [`service`] (one delivery), [`tasks`] (who calls it when).
//!
//! ```text
//!             a cause's transaction                      2xx
//!   (emit, send_to) ──────────────▶ pending ─────────────────────────▶ delivered
//!                                   │  ▲  ▲ └── the last attempt failed, 410 ──▶ failed
//!      its endpoint is switched off │  │  └─────── redeliver ◀── delivered, failed, held
//!                                   ▼  │ switched on again
//!                                   held
//! ```
//!
//! What a receiver can count on (<https://www.standardwebhooks.com>): the `webhook-id` of a delivery never changes, so a
//! call that comes twice (the server was killed between the call and its record) is known by it; the timestamp is the
//! attempt's; deliveries may overtake each other.
//!
//! Must not know: any domain, HTTP as a server, the house. A domain calls [`outbox::emit`] or [`outbox::send_to`] in the
//! transaction of the cause.

pub mod capture;
pub mod endpoints;
mod error;
pub mod guard;
pub mod model;
pub mod outbox;
pub mod schedule;
pub mod send;
pub mod service;
pub mod sign;
mod sql;
pub mod tasks;

pub use self::error::WebhookError;
pub use self::outbox::{emit, send_to};
pub use self::service::{Options, Webhooks};
