//! The values of webhooks, parsed once at the edge.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock.

use std::fmt;

use uuid::Uuid;

use crate::auth::model::{CompanyId, Rule};
use crate::clock::Timestamp;
use crate::webhooks::guard::Destination;
use crate::webhooks::sign::SecretPair;

/// What happened. The word stands in the database, in the body's `type` and in an endpoint's `events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventType {
    /// A background task has ended, one way or another.
    TaskEnded,
    /// An occurrence of an order schedule is due soon.
    OrderReminder,
    /// An alert condition holds now.
    AlertStarted,
    /// An alert condition holds no longer.
    AlertEnded,
    /// Sent on request only, to try an endpoint out.
    Ping,
}

impl EventType {
    /// Every type an endpoint can ask for, in the order they are shown.
    pub const SUBSCRIBABLE: [Self; 4] = [Self::TaskEnded, Self::OrderReminder, Self::AlertStarted, Self::AlertEnded];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TaskEnded => "task_ended",
            Self::OrderReminder => "order_reminder",
            Self::AlertStarted => "alert_started",
            Self::AlertEnded => "alert_ended",
            Self::Ping => "ping",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::SUBSCRIBABLE.into_iter().chain([Self::Ping]).find(|event| event.as_str() == word)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The events an endpoint is told of: at least one, each once, no ping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events(Vec<EventType>);

impl Events {
    /// Checks the set.
    pub fn new(mut events: Vec<EventType>) -> Result<Self, Rule> {
        events.sort_unstable();
        events.dedup();
        if events.is_empty() {
            return Err(Rule("must name at least one event".into()));
        }
        if events.contains(&EventType::Ping) {
            return Err(Rule("must not name ping: every endpoint can be pinged".into()));
        }
        Ok(Self(events))
    }

    /// Every event there is, for an endpoint that wants all of today's.
    #[must_use]
    pub fn all() -> Self {
        Self(EventType::SUBSCRIBABLE.to_vec())
    }

    /// Whether `event` is among them.
    #[must_use]
    pub fn has(&self, event: EventType) -> bool {
        self.0.contains(&event)
    }

    /// The events in their order.
    pub fn iter(&self) -> impl Iterator<Item = EventType> {
        self.0.iter().copied()
    }

    /// The stored form: the words joined by commas.
    #[must_use]
    pub fn to_stored(&self) -> String {
        self.0.iter().map(|event| event.as_str()).collect::<Vec<_>>().join(",")
    }

    /// Reads the stored form; words of a future version are passed over.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self(text.split(',').filter_map(EventType::parse).collect())
    }
}

/// The key of an endpoint's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EndpointId(pub i64);

/// The key of a delivery's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliveryId(pub i64);

/// A receiver a company has set up.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Row key.
    pub id: EndpointId,
    /// Its id on the wire.
    pub guid: Uuid,
    /// Whose it is.
    pub company: CompanyId,
    /// Where to POST: checked when it was set, and again on the address that is connected to.
    pub url: String,
    /// What it is told of.
    pub events: Events,
    /// A disabled endpoint gets nothing new; what was on its way is held.
    pub enabled: bool,
    /// Why the server disabled it, if it was the server.
    pub disabled_reason: Option<String>,
    /// What signs its deliveries.
    pub secrets: SecretPair,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed, if ever.
    pub edited_at: Option<Timestamp>,
}

/// A receiver to be set up.
#[derive(Debug, Clone)]
pub struct NewEndpoint {
    /// Where to POST.
    pub url: Destination,
    /// What to tell.
    pub events: Events,
    /// Whether to begin at once.
    pub enabled: bool,
}

/// A change of an endpoint: what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct EndpointChange {
    /// Where to POST from now on, what is on its way included.
    pub url: Option<Destination>,
    /// What to tell from now on.
    pub events: Option<Events>,
    /// Whether to deliver.
    pub enabled: Option<bool>,
}

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// It will be tried at `next_at`.
    Pending,
    /// The receiver answered 2xx.
    Delivered,
    /// Given up.
    Failed,
    /// Its endpoint is switched off; it goes on when the endpoint does.
    Held,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Delivered, Self::Failed, Self::Held];

    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Held => "held",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// What the body of a delivery to a URL of its own is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// `application/json`
    Json,
    /// `application/xml`
    Xml,
}

impl ContentType {
    /// The header's value, also the stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "application/xml",
        }
    }

    /// Reads the stored form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Json, Self::Xml].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One message to one receiver, as the log shows it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Row key.
    pub id: DeliveryId,
    /// Its `webhook-id`, the same at every attempt.
    pub guid: Uuid,
    /// The endpoint it goes to; `None`: to a URL of its own.
    pub endpoint: Option<Uuid>,
    /// Where it goes: the endpoint's URL as it is now, or its own.
    pub url: String,
    /// What it tells of.
    pub event: EventType,
    /// What the body is written in.
    pub content_type: ContentType,
    /// How far it is.
    pub state: DeliveryState,
    /// How many attempts were made since it was last begun.
    pub attempts: u32,
    /// When it will be tried next, while it is pending.
    pub next_at: Option<Timestamp>,
    /// The HTTP status of the latest answer, if one came.
    pub last_status: Option<u16>,
    /// What was wrong with the latest attempt, if anything.
    pub last_error: Option<String>,
    /// When its cause was.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    pub ended_at: Option<Timestamp>,
}

/// One call, in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// 1, 2, 3 … over the life of the delivery, redeliveries included.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// Where it went.
    pub url: String,
    /// The HTTP status, if an answer came.
    pub status: Option<u16>,
    /// How long it took, in microseconds.
    pub took_micros: u64,
    /// What was wrong, if anything.
    pub error: Option<String>,
    /// The beginning of the answer's body.
    pub answer: String,
}

/// Which deliveries to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeliveryFilter {
    /// Only those of this endpoint.
    pub endpoint: Option<EndpointId>,
    /// Only those in this state.
    pub state: Option<DeliveryState>,
    /// Only those that tell of this.
    pub event: Option<EventType>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_a_set_of_words_without_ping() {
        let events = Events::new(vec![EventType::AlertEnded, EventType::TaskEnded, EventType::TaskEnded]);
        let events = events.expect("two different events");
        assert_eq!(events.to_stored(), "task_ended,alert_ended");
        assert_eq!(Events::from_stored("task_ended,of_a_later_version,alert_ended"), events);
        assert!(events.has(EventType::TaskEnded) && !events.has(EventType::OrderReminder));
        assert!(Events::new(vec![]).is_err());
        assert!(Events::new(vec![EventType::Ping]).is_err());
    }

    #[test]
    fn every_word_is_read_back() {
        for event in EventType::SUBSCRIBABLE.into_iter().chain([EventType::Ping]) {
            assert_eq!(EventType::parse(event.as_str()), Some(event));
        }
        for state in DeliveryState::ALL {
            assert_eq!(DeliveryState::parse(state.as_str()), Some(state));
        }
        for kind in [ContentType::Json, ContentType::Xml] {
            assert_eq!(ContentType::parse(kind.as_str()), Some(kind));
        }
    }
}
