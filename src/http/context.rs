//! What is known of one request while it runs, shared by the layers it passes.
//!
//! Must not know: any domain.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ipnet::IpNet;
use poem::Request;
use uuid::Uuid;

use crate::auth::Auth;
use crate::auth::model::{Call, Place, SharedPrincipal};
use crate::auth::permissions::Effect;
use crate::clock::{Clock, Timestamp};
use crate::http::contract::Contract;
use crate::http::format::Format;
use crate::http::meters::Meters;
use crate::http::operations::Operations;
use crate::http::probe::Probe;
use crate::http::probe::requests::Tee;
use crate::i18n::Language;

/// What the HTTP layer needs to serve any request.
pub struct HttpState {
    /// Identity.
    pub auth: Auth,
    /// The one clock.
    pub clock: Clock,
    /// Every operation of the document.
    pub operations: Operations,
    /// Every contract, the one for unmatched paths first.
    pub contracts: &'static [Contract],
    /// The environment's name, for `tracedata.env`.
    pub env: String,
    /// This installation's id, for `tracedata.pod`.
    pub instance: String,
    /// The two together, as the audit has them.
    pub place: Place,
    /// Whether plain reads are recorded too.
    pub audit_reads: bool,
    /// Proxies whose word on the client's address is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// The longest a handler may take, reading the body included.
    pub request_timeout: Duration,
    /// Whether successful requests are logged at `info` too.
    pub log_all_requests: bool,
    /// Answers that take longer are logged as a warning.
    pub slow_request: Duration,
    /// What counts requests.
    pub meters: Arc<Meters>,
    /// What watches the gate, where there are test controls.
    pub probe: Option<Arc<Probe>>,
}

/// One request.
pub struct RequestContext {
    /// The layer's state.
    pub state: Arc<HttpState>,
    /// The request's id: `X-Request-Id`, `tracedata.request_code`, `request_id` in the log.
    pub id: Uuid,
    /// When it came in.
    pub received: Timestamp,
    /// The contract its path belongs to.
    pub contract: &'static Contract,
    /// The client's address: the peer's, or what a trusted proxy says.
    pub client: IpAddr,
    principal: OnceLock<SharedPrincipal>,
    operation: OnceLock<&'static str>,
    effect: OnceLock<Effect>,
    too_large: AtomicBool,
    body_limit: AtomicUsize,
    xml: AtomicBool,
    tee: OnceLock<Tee>,
    language: OnceLock<Language>,
}

impl RequestContext {
    /// A request that has just come in.
    #[must_use]
    pub fn new(state: Arc<HttpState>, contract: &'static Contract, client: IpAddr) -> Self {
        let received = state.clock.now();
        Self {
            state,
            id: Uuid::new_v4(),
            received,
            contract,
            client,
            principal: OnceLock::new(),
            operation: OnceLock::new(),
            effect: OnceLock::new(),
            too_large: AtomicBool::new(false),
            body_limit: AtomicUsize::new(contract.body_limit),
            xml: AtomicBool::new(false),
            tee: OnceLock::new(),
            language: OnceLock::new(),
        }
    }

    /// The context of a request that passed the gate.
    pub fn of(request: &Request) -> Option<&Arc<Self>> {
        request.data::<Arc<Self>>()
    }

    /// Who is calling, once it is known.
    #[must_use]
    pub fn principal(&self) -> Option<&SharedPrincipal> {
        self.principal.get()
    }

    /// Notes who is calling.
    pub fn set_principal(&self, principal: SharedPrincipal) {
        // A request is authenticated once; a second call would name the same caller.
        let _ = self.principal.set(principal);
    }

    /// The operation's id; `unknown` until the path has matched one.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.operation.get().copied().unwrap_or("unknown")
    }

    /// Notes which operation the path matched.
    pub fn set_operation(&self, operation: &'static str) {
        let _ = self.operation.set(operation);
    }

    /// What the operation does, if it was let in and is recorded when it is answered.
    #[must_use]
    pub fn effect(&self) -> Option<Effect> {
        self.effect.get().copied()
    }

    /// Notes what the operation does.
    pub fn set_effect(&self, effect: Effect) {
        let _ = self.effect.set(effect);
    }

    /// This request as the audit records it.
    #[must_use]
    pub fn call(&self, effect: Effect) -> Call {
        Call {
            operation: self.operation(),
            effect,
            request: self.id,
            at: self.received,
            address: self.client,
            place: self.state.place.clone(),
        }
    }

    /// Where the body's bytes are kept as they pass, if they are.
    #[must_use]
    pub fn tee(&self) -> Option<&Tee> {
        self.tee.get()
    }

    /// Has the body's bytes kept as they pass.
    pub fn set_tee(&self, tee: Tee) {
        let _ = self.tee.set(tee);
    }

    /// Notes that the body went over the limit.
    pub fn set_too_large(&self) {
        self.too_large.store(true, Ordering::Relaxed);
    }

    /// The largest body this request may have, in bytes.
    #[must_use]
    pub fn body_limit(&self) -> usize {
        self.body_limit.load(Ordering::Relaxed)
    }

    /// Lets this request have a larger body than its contract says: before the body is read, for a caller who is known.
    pub fn set_body_limit(&self, bytes: usize) {
        self.body_limit.store(bytes, Ordering::Relaxed);
    }

    /// The format the answer is wanted in, as far as is known.
    #[must_use]
    pub fn format(&self) -> Format {
        if self.xml.load(Ordering::Relaxed) { Format::Xml } else { Format::Json }
    }

    /// Notes the format the answer is wanted in.
    pub fn set_format(&self, format: Format) {
        self.xml.store(format == Format::Xml, Ordering::Relaxed);
    }

    /// The language the answer is wanted in; English if nobody says.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language.get().copied().unwrap_or(Language::En)
    }

    /// Notes the language the answer is wanted in.
    pub fn set_language(&self, language: Language) {
        let _ = self.language.set(language);
    }

    /// Whether the body went over the limit.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.too_large.load(Ordering::Relaxed)
    }
}
