//! Webhooks through the front door: a server over a held clock, and receivers on this machine that record what comes.

mod delivery;
mod failure;
mod guard;
mod house;
pub mod receiver;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use comptoir::auth::companies;
use comptoir::auth::model::{CompanyId, Scope};
use comptoir::config::AllowedDestination;
use comptoir::store::StoreError;
use comptoir::webhooks::guard::Destination;
use comptoir::webhooks::model::{ContentType, Delivery, EventType};
use comptoir::webhooks::{self, Options, WebhookError, outbox};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use self::receiver::{Call, Receiver};
use crate::support::{Client, TestServer};

/// A server with a company `north`, its ADMIN, and leave to call this machine.
struct World {
    server: TestServer,
    admin: Client,
    company: CompanyId,
}

impl World {
    async fn new() -> Self {
        Self::with(|options| options.allow = AllowedDestination::loopback()).await
    }

    async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let server = TestServer::start_with(|options| change(&mut options.webhooks)).await;
        server.company("north").await;
        let admin = server.user("north", "admin", &["ADMIN"]).await;
        let company = company(&server, "north");
        Self { server, admin, company }
    }

    /// Makes a webhook; its id and its secret.
    async fn webhook(&self, url: &str, events: &[&str]) -> (String, String) {
        let body = json!({"url": url, "events": events});
        let made = self.admin.post("/comptoir/v1/webhooks", body).await.expect(200).json();
        (text(&made["webhook"]["id"]), text(&made["secret"]))
    }

    /// Has something happen.
    async fn emit(&self, event: EventType, data: Value) -> Vec<Uuid> {
        let (queue, company, now) = (self.server.queue.clone(), self.company, self.server.clock.now());
        let store = self.server.store();
        store.write(move |tx| webhooks::emit(tx, &queue, company, event, &data, now)).await.unwrap()
    }

    /// Has one event go to a receiver of its own.
    async fn send_one(&self, receiver: &Receiver) -> (Uuid, String) {
        let (_, secret) = self.webhook(&receiver.url(), &["alert_started"]).await;
        (self.emit(EventType::AlertStarted, json!({})).await[0], secret)
    }

    /// Has a body go to a URL that is no webhook's.
    async fn send_to(&self, url: &str, content_type: ContentType, body: &'static [u8]) -> Uuid {
        let (queue, company, now) = (self.server.queue.clone(), self.company, self.server.clock.now());
        let url = Destination::parse(url).unwrap();
        let sent = self.server.store().write(move |tx| {
            webhooks::send_to(tx, &queue, company, &url, EventType::TaskEnded, content_type, body, now)
        });
        let sent: Result<_, WebhookError> = sent.await;
        sent.unwrap()
    }

    /// A delivery as it is kept, with its instants to the microsecond.
    fn kept(&self, id: Uuid) -> Delivery {
        self.server.store().read(|conn| outbox::find(conn, self.company, id)).unwrap()
    }

    /// A delivery with its attempts, as an administrator sees it.
    async fn seen(&self, id: Uuid) -> Value {
        self.admin.get(&format!("/comptoir/v1/deliveries/{id}")).await.expect(200).json()
    }

    /// Lets time pass, and all be done that becomes due.
    async fn pass(&self, by: Duration) -> u64 {
        self.server.clock.advance(by);
        self.server.run_pending_tasks().await
    }
}

fn company(server: &TestServer, key: &str) -> CompanyId {
    let found = server.store().read(|conn| Ok::<_, StoreError>(companies::find(conn, Scope::Installation, key)));
    found.unwrap().unwrap().id
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// HMAC-SHA256 by its definition (RFC 2104), so that the server's is not checked with itself.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

/// What `secret` signs of `call`.
fn signature(secret: &str, call: &Call) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut message = format!("{}.{}.", call.header("webhook-id"), call.header("webhook-timestamp")).into_bytes();
    message.extend_from_slice(&call.body);
    format!("v1,{}", STANDARD.encode(hmac_sha256(&key, &message)))
}

/// Answers from a table and notes who was asked for.
struct Names(std::sync::Mutex<Vec<Vec<std::net::IpAddr>>>);

impl Names {
    /// One entry per question; the last one stays.
    fn answering(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |addresses: &&[&str]| addresses.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self(std::sync::Mutex::new(answers.iter().map(parse).collect())))
    }
}

impl webhooks::send::Resolve for Names {
    fn resolve<'a>(&'a self, _: &'a str) -> webhooks::send::Resolving<'a> {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        Box::pin(async move { Ok(answer) })
    }
}
