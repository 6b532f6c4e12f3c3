//! The one layer around every handler: gives each request its id and its limits, brings paths and methods into the form
//! the router knows, and turns whatever went wrong inside into the error shape of the contract the path belongs to.
//!
//! Must not know: any domain.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use poem::http::header::{
    ACCEPT_LANGUAGE, ALLOW, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use poem::{Body, Endpoint, Request, Response, Result};
use poem_openapi::OperationId;

use crate::audit::own::record_call;
use crate::auth::permissions::Effect;
use crate::http::body::capped;
use crate::http::caller::unquoted;
use crate::http::compress;
use crate::http::context::{HttpState, RequestContext};
use crate::http::contract::{Contract, UNHURRIED};
use crate::http::failure::Failure;
use crate::http::format::Format;
use crate::http::probe::faults::Fault;
use crate::http::probe::requests::{Received, Tee};
use crate::http::probe::{Cut, Probe};
use crate::i18n::Language;
use crate::store::during;

/// More bytes of header than this get 431 in the contract's shape; the server loop cuts far larger ones short.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// More headers than this get 431 in the contract's shape; the server loop takes some more to get here.
const MAX_HEADERS: usize = 100;

/// A longer request target than this gets 414 (RFC 9110, section 4.1, wants 8000 bytes at least).
const MAX_TARGET_BYTES: usize = 8 * 1024;

/// So many characters of a path are logged: a client decides how many it sends.
const LOGGED_PATH: usize = 200;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The layer around `inner`.
pub struct Gate<E> {
    state: Arc<HttpState>,
    inner: E,
}

impl<E> Gate<E> {
    /// Puts the gate before `inner`.
    pub fn new(state: Arc<HttpState>, inner: E) -> Self {
        Self { state, inner }
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Gate<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let started = Instant::now();
        self.state.meters.begin();
        strip_trailing_slash(&mut request);
        let contract = contract_of(self.state.contracts, request.uri().path());
        if contract.merges_slashes {
            merge_slashes(&mut request);
        }
        escape_method(&mut request, contract.methods);
        let client = client_address(&request, &self.state);
        let context = Arc::new(RequestContext::new(Arc::clone(&self.state), contract, client));
        if contract.xml {
            context.set_format(wanted_format(&request));
        }
        if let Some(languages) = request.headers().get(ACCEPT_LANGUAGE) {
            context.set_language(Language::negotiate(languages.to_str().ok()));
        }
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let logged = shown_path(contract, &path);
        let accepts_gzip = compress::accepts_gzip(request.headers());
        let credentials = request.headers().get(AUTHORIZATION).cloned();
        let watch = self.state.probe.as_ref().and_then(|probe| Watch::of(probe, &request, &context, logged));

        let outcome = match Self::refused_outright(&request, &context) {
            Some(outcome) => outcome,
            None => match &watch {
                None => self.run(request, &context, &method).await,
                Some(watch) => self.run_watched(watch, request, &context, &method).await,
            },
        };
        let mut cause = None;
        // A handler that answers 503 by itself says how the server is; it has not failed.
        let failed = outcome.is_err();
        let mut response = match outcome {
            Ok(response) => response,
            Err(mut failure) => {
                if failure.status() == StatusCode::METHOD_NOT_ALLOWED && failure.allow.is_none() {
                    failure.allow = Some(allow(&self.state.operations.methods(&path)));
                }
                cause = failure.cause.take();
                if let Some(credentials) = &credentials {
                    trace_caller(&context, credentials);
                }
                render(&context, &failure, credentials.is_some())
            }
        };
        finish(&context, &mut response);
        if let Some(watch) = watch {
            watch.keep(&context, &response, started.elapsed());
        }
        if method == Method::HEAD {
            response.set_body(Body::empty());
        } else if accepts_gzip {
            response = compress::gzip(response).await;
        }
        let outcome = Outcome { status: response.status(), failed, took: started.elapsed(), cause: cause.as_deref() };
        self.state.meters.end(context.operation(), outcome.status, outcome.took);
        log(&context, &method, logged, &outcome);
        Ok(response)
    }
}

impl<E: Endpoint<Output = Response>> Gate<E> {
    /// What needs no handler: an oversized head, OPTIONS.
    fn refused_outright(request: &Request, context: &RequestContext) -> Option<Result<Response, Failure>> {
        // As if there were nothing at all: not even its methods are told.
        if context.state.probe.is_none() && is_only_in_tests(context, request.uri().path()) {
            return Some(Err(Failure::new(StatusCode::NOT_FOUND, "there is nothing at this path")));
        }
        if request.uri().path_and_query().is_some_and(|target| target.as_str().len() > MAX_TARGET_BYTES) {
            return Some(Err(Failure::new(
                StatusCode::URI_TOO_LONG,
                format!("the path with its query is longer than {MAX_TARGET_BYTES} bytes"),
            )));
        }
        if header_bytes(request.headers()) > MAX_HEADER_BYTES {
            return Some(Err(Failure::new(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                format!("the headers are larger than {MAX_HEADER_BYTES} bytes"),
            )));
        }
        if request.headers().len() > MAX_HEADERS {
            return Some(Err(Failure::new(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                format!("there are more than {MAX_HEADERS} headers"),
            )));
        }
        if request.method() == Method::OPTIONS {
            let methods = context.state.operations.methods(request.uri().path());
            if !methods.is_empty() {
                return Some(Ok(Response::builder()
                    .status(StatusCode::NO_CONTENT)
                    .header(ALLOW, allow(&methods))
                    .finish()));
            }
        }
        None
    }

    /// As [`Gate::run`], with what test controls have in mind for the request.
    async fn run_watched(
        &self,
        watch: &Watch,
        request: Request,
        context: &Arc<RequestContext>,
        method: &Method,
    ) -> Result<Response, Failure> {
        if let Some((_, fault)) = &watch.fault {
            if !fault.delay.is_zero() {
                tokio::time::sleep(fault.delay).await;
            }
            if fault.cut {
                return Ok(Response::builder().extension(Cut).finish());
            }
            if let Some(status) = fault.status.and_then(|status| StatusCode::from_u16(status).ok()) {
                let mut failure = Failure::new(status, "a fault that a test asked for");
                // Contracts promise it where too much was asked for.
                let soon = (status == StatusCode::TOO_MANY_REQUESTS).then_some(Duration::from_secs(1));
                failure.retry_after = fault.retry_after.or(soon);
                return Err(failure);
            }
        }
        let _turn = watch.probe.enter().await;
        self.run(request, context, method).await
    }

    async fn run(
        &self,
        mut request: Request,
        context: &Arc<RequestContext>,
        method: &Method,
    ) -> Result<Response, Failure> {
        if method == Method::HEAD {
            request.set_method(Method::GET);
        }
        let operation = context.state.operations.asked_for(method, request.uri().path());
        let contracts = context.state.contracts;
        let own_limit = operation.and_then(|id| contracts.iter().find_map(|contract| contract.large_body(id)));
        context.set_body_limit(own_limit.unwrap_or(context.contract.body_limit));
        let unhurried = operation.is_some_and(|id| contracts.iter().any(|contract| contract.unhurried.contains(&id)));
        let time = self.state.request_timeout * if unhurried { UNHURRIED } else { 1 };
        let declared = request
            .headers()
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.parse::<u64>().ok());
        // A request that announces no body at all is spared the wrapper.
        if declared.is_none_or(|length| length > 0) && *method != Method::GET && *method != Method::HEAD {
            let body = request.take_body();
            request.set_body(capped(body, declared, Arc::clone(context)));
        }
        request.set_data(Arc::clone(context));
        // Kept in one place: the handlers' future is some kilobytes, and each of the two layers would copy it.
        let answered = pin!(self.inner.call(request));
        let answered = AssertUnwindSafe(answered).catch_unwind();
        match tokio::time::timeout(time, during(context.id, answered)).await {
            Ok(Ok(Ok(response))) => {
                // A public operation has no caller to note it.
                if let Some(operation) = response.data::<OperationId>() {
                    context.set_operation(operation.0);
                }
                if response.is_success() {
                    record(context).await?;
                }
                Ok(response)
            }
            Ok(Ok(Err(error))) => {
                if let Some(operation) = error.data::<OperationId>() {
                    context.set_operation(operation.0);
                }
                if context.is_too_large() {
                    let limit = context.body_limit();
                    return Err(Failure::new(
                        StatusCode::PAYLOAD_TOO_LARGE,
                        format!("the body is larger than {limit} bytes"),
                    ));
                }
                let mut failure = Failure::classify(error);
                failure.rename(|field| {
                    context.state.operations.path_parameter(context.operation(), field).map(str::to_owned)
                });
                failure
                    .name_words(|field| context.state.operations.words(context.operation(), field).map(str::to_owned));
                Err(failure)
            }
            Ok(Err(panic)) => Err(Failure::internal(panic_text(panic.as_ref()))),
            Err(_) => {
                let mut failure =
                    Failure::new(StatusCode::SERVICE_UNAVAILABLE, "the server took too long and gave up; try again");
                failure.retry_after = Some(Duration::from_secs(1));
                Err(failure)
            }
        }
    }
}

/// Whether a path is there only while there are test controls.
fn is_only_in_tests(context: &RequestContext, path: &str) -> bool {
    let under = |prefix: &&str| path.strip_prefix(*prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    context.contract.only_in_tests.iter().any(under)
}

/// A request that test controls watch.
struct Watch {
    probe: Arc<Probe>,
    received: Received,
    headers: HeaderMap,
    tee: Tee,
    fault: Option<(u64, Fault)>,
}

impl Watch {
    /// What is to be watched of a request; nothing of one to the test controls themselves.
    fn of(probe: &Arc<Probe>, request: &Request, context: &RequestContext, shown_path: &str) -> Option<Self> {
        let path = request.uri().path();
        if is_only_in_tests(context, path) {
            return None;
        }
        // HEAD is answered by the operation of GET.
        let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
        let operation = context.state.operations.asked_for(method, path);
        let tee = Tee::default();
        context.set_tee(tee.clone());
        let received = Received {
            number: 0,
            at: context.received,
            method: request.method().to_string(),
            path: shown_path.to_owned(),
            query: request.uri().query().map(str::to_owned),
            operation,
            username: None,
            headers: Vec::new(),
            body: None,
            body_cut: false,
            status: None,
            took_micros: 0,
            fault: None,
        };
        Some(Self {
            fault: probe.faults.strike(operation, request.method().as_str(), path),
            probe: Arc::clone(probe),
            received,
            headers: request.headers().clone(),
            tee,
        })
    }

    fn keep(self, context: &RequestContext, response: &Response, took: Duration) {
        let cut = response.extensions().get::<Cut>().is_some();
        let received = Received {
            username: context.principal().map(|principal| principal.username.to_string()),
            status: (!cut).then(|| response.status().as_u16()),
            took_micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            fault: self.fault.map(|(id, _)| id),
            ..self.received
        };
        self.probe.requests.keep(received, &self.headers, &self.tee);
    }
}

/// Records what has no transaction of its own: exports and downloads before they are answered, so that none goes out
/// unrecorded; reads a moment later, if they are wanted.
async fn record(context: &RequestContext) -> Result<(), Failure> {
    let (Some(effect), Some(principal)) = (context.effect(), context.principal()) else { return Ok(()) };
    let (auth, call) = (&context.state.auth, || context.call(effect));
    match effect {
        Effect::Exports | Effect::Downloads => {
            let (caller, now) = (principal.doing(call()), context.state.clock.now());
            Ok(auth.store().write(move |tx| record_call(tx, &caller, now)).await?)
        }
        Effect::Reads if context.state.audit_reads => {
            auth.journal().read(principal, &call());
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Finds out who is calling when the request failed before any operation could ask, so that the failure can be traced to
/// them all the same. Credentials that are not valid leave the caller anonymous: they are not what failed.
fn trace_caller(context: &RequestContext, credentials: &HeaderValue) {
    if context.operation() != "unknown" || context.principal().is_some() {
        return;
    }
    let bearer = credentials.to_str().ok().and_then(|text| text.split_once(' '));
    let Some((_, credential)) = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else { return };
    if let Ok(principal) = context.state.auth.authenticate(unquoted(credential.trim())) {
        context.set_principal(principal);
    }
}

fn render(context: &RequestContext, failure: &Failure, had_credentials: bool) -> Response {
    let mut response = (context.contract.render)(context, failure);
    let status = (context.contract.status)(failure);
    response.set_status(status);
    let headers = response.headers_mut();
    if let Some(after) = failure.retry_after {
        // Rounded up: a client that waits as told must find the door open.
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    if let Some(allow) = failure.allow.as_deref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
        headers.insert(ALLOW, allow);
    }
    if status == StatusCode::UNAUTHORIZED {
        let challenge = if had_credentials {
            "Bearer realm=\"comptoir\", error=\"invalid_token\""
        } else {
            "Bearer realm=\"comptoir\""
        };
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        if context.contract.basic {
            let challenge = "Basic realm=\"comptoir\", charset=\"UTF-8\"";
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
    }
    response
}

/// What every answer carries. A handler's own Cache-Control or policy stays.
fn finish(context: &RequestContext, response: &mut Response) {
    let mut id = [0; 36];
    let id = context.id.hyphenated().encode_lower(&mut id);
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, HeaderValue::from_str(id).expect("a UUID is ASCII"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    headers.entry("cache-control").or_insert(HeaderValue::from_static("no-store"));
    headers
        .entry("content-security-policy")
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    if headers.get(CONTENT_TYPE).is_some_and(|value| value == "application/json; charset=utf-8") {
        // JSON is UTF-8 by definition (RFC 8259, section 8.1) and its media type has no charset parameter.
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
}

/// How a request ended, for the log.
struct Outcome<'a> {
    status: StatusCode,
    /// The answer is a [`Failure`].
    failed: bool,
    took: Duration,
    cause: Option<&'a (dyn std::error::Error + Send + Sync)>,
}

fn log(context: &RequestContext, method: &Method, path: &str, outcome: &Outcome<'_>) {
    let Outcome { status, failed, took, cause } = *outcome;
    /// The fields are the same at each level; the macros want the level as a constant.
    macro_rules! line {
        ($level:ident, $text:literal) => {
            tracing::$level!(
                request_id = %context.id,
                %method,
                path = path,
                operation = context.operation(),
                status = status.as_u16(),
                took_ms = took.as_secs_f64() * 1000.0,
                client = %context.client,
                user = context.principal().map(|principal| tracing::field::display(&principal.username)),
                cause = cause.map(tracing::field::display),
                $text
            )
        };
    }
    if failed && status.is_server_error() {
        line!(error, "request failed");
    } else if took > context.state.slow_request {
        line!(warn, "slow request");
    } else if status.is_client_error() || context.state.log_all_requests {
        line!(info, "request");
    } else {
        line!(debug, "request");
    }
}

/// As much of a path as is logged: not what a client makes long, and no secret.
fn shown_path<'p>(contract: &Contract, path: &'p str) -> &'p str {
    let secret = |prefix: &&&str| path.starts_with(**prefix) && path[prefix.len()..].starts_with('/');
    if let Some(prefix) = contract.secret_paths.iter().find(secret) {
        return &path[..=prefix.len()];
    }
    path.char_indices().nth(LOGGED_PATH).map_or(path, |(end, _)| &path[..end])
}

fn contract_of(contracts: &'static [Contract], path: &str) -> &'static Contract {
    contracts
        .iter()
        .filter_map(|contract| contract.covers(path).map(|covered| (covered, contract)))
        .max_by_key(|(covered, _)| *covered)
        .map_or(&contracts[0], |(_, contract)| contract)
}

/// `/account/info/` is `/account/info`: people type it, and the router would not find it.
fn strip_trailing_slash(request: &mut Request) {
    let uri = request.uri();
    let Some(path) = uri.path().strip_suffix('/').filter(|path| !path.is_empty()) else { return };
    let rewritten = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    if let Ok(rewritten) = rewritten.parse::<Uri>() {
        *request.uri_mut() = rewritten;
    }
}

/// `/api/v1.1//resources/list` is `/api/v1.1/resources/list`.
fn merge_slashes(request: &mut Request) {
    let uri = request.uri();
    if !uri.path().contains("//") {
        return;
    }
    let mut path = String::with_capacity(uri.path().len());
    for character in uri.path().chars() {
        if character != '/' || !path.ends_with('/') {
            path.push(character);
        }
    }
    if let Some(query) = uri.query() {
        path.push('?');
        path.push_str(query);
    }
    if let Ok(rewritten) = path.parse::<Uri>() {
        *request.uri_mut() = rewritten;
    }
}

/// `/imports/nomenclature:new.xlsx` is `/imports/nomenclature%3Anew.xlsx`: see [`Contract::methods`].
fn escape_method(request: &mut Request, methods: &[&str]) {
    let uri = request.uri();
    let Some(method) = methods.iter().find(|method| uri.path().ends_with(**method)) else { return };
    let mut path = uri.path()[..uri.path().len() - method.len()].to_owned();
    path.push_str("%3A");
    path.push_str(&method[1..]);
    if let Some(query) = uri.query() {
        path.push('?');
        path.push_str(query);
    }
    if let Ok(rewritten) = path.parse::<Uri>() {
        *request.uri_mut() = rewritten;
    }
}

/// The format that the URL names, else the one that `Accept` prefers. A body may name another one.
fn wanted_format(request: &Request) -> Format {
    let named = request.params::<WantedFormat>().ok().and_then(|parameters| parameters.format);
    named.as_deref().and_then(Format::named).unwrap_or_else(|| Format::accepted(request.headers()))
}

#[derive(serde::Deserialize)]
struct WantedFormat {
    format: Option<String>,
}

/// The peer's address, or what the last proxy we do not trust was told, when the peer is one we do: the right-most
/// address of `X-Forwarded-For` that is not itself a trusted proxy.
fn client_address(request: &Request, state: &HttpState) -> IpAddr {
    let peer = request
        .remote_addr()
        .as_socket_addr()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip().to_canonical());
    let trusted = |address: &IpAddr| state.trusted_proxies.iter().any(|proxy| proxy.contains(address));
    if state.trusted_proxies.is_empty() || !trusted(&peer) {
        return peer;
    }
    let chain: Vec<&str> = request
        .headers()
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    forwarded_client(&chain, trusted).unwrap_or(peer)
}

/// The right-most address of a chain that is not itself a trusted proxy, else the left-most trusted one. What stands left
/// of the first address that nobody we trust has written down, a client may have made up.
fn forwarded_client(chain: &[&str], trusted: impl Fn(&IpAddr) -> bool) -> Option<IpAddr> {
    let mut last = None;
    for part in chain.iter().rev() {
        let part = part.trim();
        let parsed = part.parse().or_else(|_| part.parse().map(|address: SocketAddr| address.ip()));
        let Ok(address) = parsed.map(|address: IpAddr| address.to_canonical()) else { break };
        last = Some(address);
        if !trusted(&address) {
            break;
        }
    }
    last
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

fn allow(methods: &[Method]) -> String {
    methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "of an unknown kind".to_owned());
    format!("a handler panicked: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_is_cut_for_the_log_between_characters() {
        let contract = Contract::plain(|_, _| Response::default());
        assert_eq!(shown_path(&contract, "/account/info"), "/account/info");
        let long = format!("/{}", "ї".repeat(4000));
        assert_eq!(shown_path(&contract, &long).chars().count(), LOGGED_PATH);
        assert!(long.starts_with(shown_path(&contract, &long)));
    }

    #[test]
    fn a_secret_in_a_path_is_not_logged() {
        let contract = Contract { secret_paths: &["/feeds"], ..Contract::plain(|_, _| Response::default()) };
        for (path, shown) in [("/feeds/s3cret.ics", "/feeds/"), ("/feeds", "/feeds"), ("/feedsx/a", "/feedsx/a")] {
            assert_eq!(shown_path(&contract, path), shown);
        }
    }

    #[test]
    fn a_trusted_proxys_word_is_taken_and_nobody_elses() {
        let trusted =
            |address: &IpAddr| *address == IpAddr::from([10, 0, 0, 1]) || *address == IpAddr::from([10, 0, 0, 2]);
        let client = |chain: &[&str]| forwarded_client(chain, trusted).map(|address| address.to_string());
        assert_eq!(client(&["203.0.113.7"]).as_deref(), Some("203.0.113.7"));
        assert_eq!(
            client(&["198.51.100.1", " 203.0.113.7", "10.0.0.2"]).as_deref(),
            Some("203.0.113.7"),
            "not the forged one"
        );
        assert_eq!(client(&["garbage", "203.0.113.7"]).as_deref(), Some("203.0.113.7"));
        assert_eq!(client(&["203.0.113.7", "garbage"]), None, "what the proxy itself wrote cannot be read");
        assert_eq!(client(&["10.0.0.1", "10.0.0.2"]).as_deref(), Some("10.0.0.1"));
        assert_eq!(client(&["203.0.113.7:4711"]).as_deref(), Some("203.0.113.7"));
        assert_eq!(client(&["[2001:db8::1]:4711"]).as_deref(), Some("2001:db8::1"));
        assert_eq!(client(&["::ffff:203.0.113.7"]).as_deref(), Some("203.0.113.7"));
        assert_eq!(client(&[]), None);
    }
}
