//! One delivery: what is due is read, signed, sent, and judged. [`crate::webhooks::outbox::record`] writes it down.
//!
//! Must not know: HTTP as a server, tasks, any domain, the statements.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use uuid::Uuid;

use crate::clock::{Clock, Timestamp};
use crate::config::{AllowedDestination, ConfigError, WebhookConfig};
use crate::meters::{Exposition, Kind};
use crate::store::Store;
use crate::webhooks::capture::Capture;
use crate::webhooks::error::WebhookError;
use crate::webhooks::guard::{Destination, Guard};
use crate::webhooks::model::Attempt;
use crate::webhooks::outbox::{self, Made, Message, Verdict};
use crate::webhooks::schedule;
use crate::webhooks::send::{Reply, Resolve, SendError, Sender, SystemResolver, TIMEOUT};

/// What the receiver sees of who calls.
const AGENT: &str = concat!("Comptoir/", env!("CARGO_PKG_VERSION"));

/// How webhooks go out. The default calls public addresses only, as a server without configuration does.
#[derive(Clone)]
pub struct Options {
    /// Internal destinations that may be called.
    pub allow: Vec<AllowedDestination>,
    /// Authorities that are trusted beside Mozilla's.
    pub roots: Vec<CertificateDer<'static>>,
    /// Who knows the addresses of names.
    pub resolver: Arc<dyn Resolve>,
    /// How long a call may take.
    pub timeout: Duration,
    /// What keeps calls instead of making them, while it is told to.
    pub capture: Option<Arc<Capture>>,
}

impl Options {
    /// As the configuration says.
    pub fn of(config: WebhookConfig) -> Result<Self, ConfigError> {
        let refused = |rule: String| ConfigError::Invalid { setting: "webhooks.ca", rule };
        let mut roots = Vec::new();
        if let Some(path) = &config.ca {
            let unreadable =
                |error| refused(format!("must be a PEM file with certificates ({}: {error})", path.display()));
            for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
                roots.push(certificate.map_err(unreadable)?);
            }
            if roots.is_empty() {
                return Err(refused(format!("must hold at least one certificate ({} holds none)", path.display())));
            }
        }
        Ok(Self { allow: config.allow, roots, ..Self::default() })
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            roots: Vec::new(),
            resolver: Arc::new(SystemResolver),
            timeout: TIMEOUT,
            capture: None,
        }
    }
}

/// Makes the calls; clones share it.
#[derive(Clone)]
pub struct Webhooks(Arc<Inner>);

struct Inner {
    sender: Sender,
    /// Where calls go instead, while they are captured.
    capture: Option<Arc<Capture>>,
    /// Attempts, by what came of them.
    attempts: [AtomicU64; OUTCOMES.len()],
}

/// What comes of attempts, as a label says it.
const OUTCOMES: [&str; 4] = ["delivered", "gone", "refused", "unreachable"];

impl Webhooks {
    /// As `options` say.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let Options { allow, roots, resolver, timeout, capture } = options;
        let sender = Sender::new(Guard::new(allow), resolver, roots, timeout);
        Self(Arc::new(Inner { sender, capture, attempts: Default::default() }))
    }

    /// Where calls may go.
    #[must_use]
    pub fn guard(&self) -> &Guard {
        self.0.sender.guard()
    }

    /// Sends a delivery if it is due; `None` if there is nothing to send. Either way
    /// [`record`](crate::webhooks::outbox::record) is to be told.
    pub async fn call(&self, store: &Store, clock: &Clock, delivery: Uuid) -> Result<Option<Made>, WebhookError> {
        let at = clock.now();
        let Some(message) = store.read(|conn| outbox::message(conn, delivery, at))? else { return Ok(None) };
        let started = Instant::now();
        let (url, outcome) = self.post(&delivery.to_string(), message, at).await;
        let took = started.elapsed();
        let made = judged(url, outcome, at, took, clock.now());
        let came_to = match (made.verdict, made.attempt.status) {
            (Verdict::Delivered, _) => 0,
            (Verdict::Gone, _) => 1,
            (Verdict::Failed(_), Some(_)) => 2,
            (Verdict::Failed(_), None) => 3,
        };
        self.0.attempts[came_to].fetch_add(1, Ordering::Relaxed);
        Ok(Some(made))
    }

    /// Writes what came of attempts.
    pub fn expose(&self, page: &mut Exposition) {
        let attempts = "comptoir_webhook_attempts_total";
        page.family(attempts, Kind::Counter, "Calls of webhooks, by what came of them.");
        for (outcome, count) in OUTCOMES.iter().zip(&self.0.attempts) {
            page.sample(attempts, &[("outcome", outcome)], count.load(Ordering::Relaxed));
        }
    }

    async fn post(&self, id: &str, message: Message, at: Timestamp) -> (String, Result<Reply, String>) {
        let Message { url, content_type, body, secrets } = message;
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static(content_type.as_str())),
            (USER_AGENT, HeaderValue::from_static(AGENT)),
            (HeaderName::from_static("webhook-id"), text(id)),
            (HeaderName::from_static("webhook-timestamp"), HeaderValue::from(at.as_unix_seconds())),
            (HeaderName::from_static("webhook-signature"), text(&secrets.signature(id, &body, at))),
        ]);
        if let Some(capture) = &self.0.capture
            && let Some(reply) = capture.take(id, &url, &headers, &body, at)
        {
            return (url, Ok(reply));
        }
        let outcome = match Destination::parse(&url) {
            Ok(destination) => {
                self.0.sender.post(&destination, headers, body.into()).await.map_err(|error| explained(&error))
            }
            Err(rule) => Err(format!("the URL {rule}")),
        };
        (url, outcome)
    }
}

fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).expect("an id and base64 are plain ASCII")
}

/// The error with its causes: `no answer: connection closed before message completed`.
fn explained(error: &SendError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.ends_with(&next_text) {
            text = format!("{text}: {next_text}");
        }
        cause = next.source();
    }
    text
}

fn judged(url: String, outcome: Result<Reply, String>, at: Timestamp, took: Duration, now: Timestamp) -> Made {
    let took_micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let (verdict, status, error, answer) = match outcome {
        Ok(reply) => {
            let (verdict, error) = verdict(&reply, now);
            (verdict, Some(reply.status.as_u16()), error, reply.answer)
        }
        Err(error) => (Verdict::Failed(None), None, Some(error), String::new()),
    };
    Made { attempt: Attempt { number: 0, at, url, status, took_micros, error, answer }, verdict }
}

/// What an answer means: Standard Webhooks, "Responding to webhooks".
fn verdict(reply: &Reply, now: Timestamp) -> (Verdict, Option<String>) {
    let status = reply.status;
    if status.is_success() {
        return (Verdict::Delivered, None);
    }
    if status == StatusCode::GONE {
        return (Verdict::Gone, Some("the receiver answered 410: it wants nothing more".to_owned()));
    }
    if status.is_redirection() {
        let error = format!("the receiver answered {}: redirects are not followed", status.as_u16());
        return (Verdict::Failed(None), Some(error));
    }
    let patient = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let asked = reply.retry_after.as_deref().filter(|_| patient);
    let pause = asked.and_then(|header| schedule::retry_after(header, now));
    (Verdict::Failed(pause), Some(format!("the receiver answered {}", status.as_u16())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_2xx_is_success_and_only_those_who_may_ask_for_a_pause_get_one() {
        let now = Timestamp::from_unix_seconds(1_772_445_600);
        let minute = Some(Duration::from_mins(1));
        for (status, expected) in [
            (200, Verdict::Delivered),
            (204, Verdict::Delivered),
            (299, Verdict::Delivered),
            (301, Verdict::Failed(None)),
            (304, Verdict::Failed(None)),
            (308, Verdict::Failed(None)),
            (400, Verdict::Failed(None)),
            (401, Verdict::Failed(None)),
            (404, Verdict::Failed(None)),
            (410, Verdict::Gone),
            (429, Verdict::Failed(minute)),
            (500, Verdict::Failed(None)),
            (503, Verdict::Failed(minute)),
            (599, Verdict::Failed(None)),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            let reply = Reply { status, retry_after: Some("60".to_owned()), answer: String::new() };
            let (verdict, error) = verdict(&reply, now);
            assert_eq!(verdict, expected, "{status}");
            assert_eq!(error.is_none(), verdict == Verdict::Delivered, "{status}");
        }
    }
}
