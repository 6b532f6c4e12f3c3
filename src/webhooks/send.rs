//! One call: resolve, check every address, connect to a checked one, POST, read the beginning of the answer.
//!
//! There is no proxy, no redirect, no cookie and no connection kept for later here, by absence rather than by setting:
//! each call makes its own connection to an address that was checked a moment before, so a name that changes its mind
//! (DNS rebinding) gains nothing.
//!
//! The deadlines here are the machine's, not the [`crate::clock::Clock`]'s: they guard against a peer that is really
//! slow, also while a test holds the clock still.
//!
//! Must not know: the database, tasks, what is being sent.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, RETRY_AFTER};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;
use url::Host;

use crate::webhooks::guard::{Destination, Guard, Refusal};

/// How long a call may take from the first look at the name to the end of the answer.
pub const TIMEOUT: Duration = Duration::from_secs(15);

/// How long one address may take to accept, so that a dead one leaves time for the next.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of an answer is read, in bytes; then the connection is cut.
const ANSWER_READ: usize = 64 * 1024;

/// How much of an answer is kept for the log, in bytes.
const ANSWER_KEPT: usize = 2 * 1024;

/// Finds the addresses of a name.
pub trait Resolve: Send + Sync {
    /// Every address of `host`.
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a>;
}

/// An answer of [`Resolve`] to come.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Asks the system, as its resolver is configured.
#[derive(Debug)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The destination leads inside.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The name has no address.
    #[error("the name {host} could not be resolved: {why}")]
    Unresolved {
        /// The name.
        host: String,
        /// Why not.
        why: String,
    },
    /// No address took the connection; the last one's reason.
    #[error("{address} could not be connected to: {why}")]
    Unreachable {
        /// The last address that was tried.
        address: SocketAddr,
        /// Why not.
        why: String,
    },
    /// The receiver's certificate was not accepted, or TLS failed otherwise.
    #[error("TLS failed: {0}")]
    Tls(io::Error),
    /// The connection broke, or what came was no HTTP.
    #[error("no answer: {0}")]
    Broken(#[from] hyper::Error),
    /// It took too long.
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The request could not be put together.
    #[error("the request could not be built: {0}")]
    Unbuildable(#[from] http::Error),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its `Retry-After`, as it came.
    pub retry_after: Option<String>,
    /// The beginning of its body; what is no UTF-8 is replaced.
    pub answer: String,
}

/// Makes calls.
pub struct Sender {
    guard: Guard,
    resolver: Arc<dyn Resolve>,
    tls: TlsConnector,
    timeout: Duration,
}

impl Sender {
    /// A sender that goes where `guard` lets it and trusts Mozilla's authorities and `roots`.
    #[must_use]
    pub fn new(
        guard: Guard,
        resolver: Arc<dyn Resolve>,
        roots: Vec<CertificateDer<'static>>,
        timeout: Duration,
    ) -> Self {
        let mut trusted = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        trusted.add_parsable_certificates(roots);
        // Named here, because a process-wide choice could be made twice.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS 1.2 and 1.3")
            .with_root_certificates(trusted)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { guard, resolver, tls: Arc::new(config).into(), timeout }
    }

    /// The rules it goes by.
    #[must_use]
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// POSTs `body` with `headers`. Whatever the status, an answer is an answer; one whose body does not end, or breaks
    /// off, counts by its status.
    pub async fn post(&self, destination: &Destination, headers: HeaderMap, body: Bytes) -> Result<Reply, SendError> {
        let deadline = Instant::now() + self.timeout;
        let (response, _connection) = timeout_at(deadline, self.exchange(destination, headers, body))
            .await
            .map_err(|_| SendError::TimedOut(self.timeout))??;
        let (head, body) = response.into_parts();
        let retry_after = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Reply { status: head.status, retry_after, answer: beginning(body, deadline).await })
    }

    async fn exchange(
        &self,
        destination: &Destination,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(Response<Incoming>, AbortOnDropHandle<()>), SendError> {
        let addresses = self.addresses(destination).await?;
        let stream = connect(&addresses, destination.port()).await?;
        let mut request = Request::post(destination.target()).body(Full::new(body))?;
        *request.headers_mut() = headers;
        let host = http::HeaderValue::from_str(destination.authority()).map_err(http::Error::from)?;
        request.headers_mut().insert(HOST, host);
        request.headers_mut().insert(CONNECTION, http::HeaderValue::from_static("close"));
        if destination.is_tls() {
            let stream = self.tls.connect(server_name(destination)?, stream).await.map_err(SendError::Tls)?;
            talk(stream, request).await
        } else {
            talk(stream, request).await
        }
    }

    /// Every address of the destination, if all of them may be called: a name that leads inside *and* outside is
    /// playing games, or its owner can list it.
    async fn addresses(&self, destination: &Destination) -> Result<Vec<IpAddr>, SendError> {
        self.guard.check_literal(destination)?;
        let name = match destination.host() {
            Host::Ipv4(address) => return Ok(vec![address.into()]),
            Host::Ipv6(address) => return Ok(vec![address.into()]),
            Host::Domain(name) => name,
        };
        let unresolved = |why: String| SendError::Unresolved { host: name.to_owned(), why };
        let addresses = self.resolver.resolve(name).await.map_err(|error| unresolved(error.to_string()))?;
        if addresses.is_empty() {
            return Err(unresolved("it has no address".to_owned()));
        }
        for address in &addresses {
            self.guard.check(destination, *address)?;
        }
        Ok(addresses)
    }
}

async fn connect(addresses: &[IpAddr], port: u16) -> Result<TcpStream, SendError> {
    let mut failed = None;
    for address in addresses {
        let address = SocketAddr::new(*address, port);
        let why = match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it did not answer".to_owned(),
        };
        failed = Some(SendError::Unreachable { address, why });
    }
    Err(failed.expect("there is at least one address"))
}

fn server_name(destination: &Destination) -> Result<ServerName<'static>, SendError> {
    match destination.host() {
        Host::Ipv4(address) => Ok(ServerName::from(IpAddr::V4(address))),
        Host::Ipv6(address) => Ok(ServerName::from(IpAddr::V6(address))),
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name).to_owned();
            ServerName::try_from(name).map_err(|error| SendError::Tls(io::Error::other(error)))
        }
    }
}

/// Sends the request and waits for the head of the answer. The connection lives as long as the handle does.
async fn talk<S>(
    stream: S,
    request: Request<Full<Bytes>>,
) -> Result<(Response<Incoming>, AbortOnDropHandle<()>), SendError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(ANSWER_READ).handshake(TokioIo::new(stream)).await?;
    let driver = AbortOnDropHandle::new(tokio::spawn(async move {
        // Its error is the sender's too.
        let _ = connection.await;
    }));
    let response = sender.send_request(request).await?;
    Ok((response, driver))
}

/// The first bytes of a body: whatever ends the reading, what came by then is worth showing.
async fn beginning(mut body: Incoming, deadline: Instant) -> String {
    let (mut kept, mut read) = (Vec::new(), 0);
    while read < ANSWER_READ {
        let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await else { break };
        let Some(data) = frame.data_ref() else { continue };
        read += data.len();
        kept.extend_from_slice(&data[..data.len().min(ANSWER_KEPT - kept.len())]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_server_name_too() {
        for (url, name) in [
            ("https://example.com./", "example.com"),
            ("https://8.8.8.8/", "8.8.8.8"),
            ("https://[2606:4700::1111]/", "2606:4700::1111"),
        ] {
            let destination = Destination::parse(url).expect(url);
            assert_eq!(server_name(&destination).expect(url).to_str(), name);
        }
    }
}
