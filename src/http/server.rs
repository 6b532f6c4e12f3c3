//! The accept loop: connections are taken, given to hyper and to the endpoint, held to their deadlines, and let go at
//! shutdown. It stands in for `poem::Server`, which has no deadline for a request's head or body and spins when the
//! process is out of descriptors.
//!
//! Every deadline here is about the wire and runs on the machine's clock: a test control that moves [`crate::clock`]
//! must not cut connections.
//!
//! What is no request never reaches the endpoint: hyper itself answers a head over [`Limits::max_header_bytes`] or with
//! more than `MAX_HEADERS` headers (431), a target over 64 KiB (414), and a head it cannot parse (400: a
//! `Content-Length` that is no number, lengths that contradict each other, an unknown `Transfer-Encoding`). Such an
//! answer is bare, without a body and without a request's id, and the connection ends with it.
//!
//! Must not know: any domain, the store, what a path or an error body looks like.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http::uri::Scheme;
use http::{HeaderValue, header};
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, RequestParts};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::addresses::{Addresses, Counted};
use crate::http::probe::Cut;

mod addresses;

/// What a client may take of the server, and for how long.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections served at once; further ones wait in the kernel's queue.
    pub max_connections: usize,
    /// Of these, how many one address may hold; one more is closed as soon as it is accepted. `None` behind a proxy,
    /// which all connections come from.
    pub max_connections_per_address: Option<usize>,
    /// From the first byte of a request (on a new connection: from its acceptance) to the end of its head.
    pub header_timeout: Duration,
    /// How long a kept-alive connection may stay silent between two requests.
    pub idle_timeout: Duration,
    /// While clients wait for a place: takes the place of both, where it is shorter.
    pub crowded_timeout: Duration,
    /// How long a handler that reads the body may wait for its next byte. It then sees a read error (see
    /// [`is_stalled_body`]) and can still answer.
    pub body_idle_timeout: Duration,
    /// How long a client may take no byte of an answer that is ready for it.
    pub write_idle_timeout: Duration,
    /// Bytes of one request head; beyond it hyper answers a bare 431 and closes. At least 8192 are always allowed.
    pub max_header_bytes: usize,
    /// After the shutdown signal: how long running requests may go on before they are cut.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_connections_per_address: Some(512),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            crowded_timeout: Duration::from_secs(2),
            body_idle_timeout: Duration::from_secs(20),
            write_idle_timeout: Duration::from_secs(30),
            max_header_bytes: 64 * 1024,
            grace: Duration::from_secs(20),
        }
    }
}

/// Headers of one request; beyond it hyper answers a bare 431. Far more than the endpoint takes, so that it can refuse
/// them in its own words. (hyper reads a head into a list of this length, 32 KiB in all, made for each head.)
const MAX_HEADERS: usize = 512;
/// Below this hyper refuses to work.
const SMALLEST_BUFFER: usize = 8192;
/// A client that is still sending when its answer is complete (a body too large, say) would lose the answer to a
/// reset (RFC 9112 section 9.6). So much of what it sends is read and thrown away, for so long.
const LINGER_BYTES: u64 = 16 * 1024 * 1024;
const LINGER_TIME: Duration = Duration::from_secs(3);
/// The pause after a failed accept: doubled from the first to the second while failures last.
const ACCEPT_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// The same complaint is written at most so often.
const COMPLAINT_INTERVAL: Duration = Duration::from_mins(1);

/// Serves `endpoint` on `listener` over HTTP/1.1 until `shutdown` is cancelled; then stops accepting, closes idle
/// connections at once, and returns when the running requests are done, after [`Limits::grace`] at the latest.
///
/// Nothing that happens on a connection ends the loop.
pub async fn serve(
    listener: TcpListener,
    endpoint: impl Endpoint + 'static,
    limits: Limits,
    shutdown: CancellationToken,
) {
    let local = listener.local_addr().ok();
    let server = Arc::new(Server {
        endpoint,
        local: local.map(|address| LocalAddr(Addr::SocketAddr(address))).unwrap_or_default(),
        http1: http1_builder(&limits),
        limits,
        crowded: AtomicBool::new(false),
    });
    let places = Arc::new(Semaphore::new(server.limits.max_connections.min(Semaphore::MAX_PERMITS)));
    let connections = TaskTracker::new();
    let addresses = Arc::new(Addresses::default());

    let mut pause = ACCEPT_PAUSE.0;
    let (mut accept_complaints, mut crowd_complaints) = (Complaints::default(), Complaints::default());
    let mut greed_complaints = Complaints::default();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            // The client gave up while it queued: that says nothing about the listener.
            Err(error) if is_of_one_client(&error) => continue,
            Err(error) => {
                if accept_complaints.may_speak() {
                    tracing::error!(%error, "cannot accept connections; trying again");
                }
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(ACCEPT_PAUSE.1);
                continue;
            }
        };
        pause = ACCEPT_PAUSE.0;

        let limit = server.limits.max_connections_per_address.unwrap_or(usize::MAX);
        let Some(counted) = addresses.count(remote.ip(), limit) else {
            if greed_complaints.may_speak() {
                tracing::warn!(%remote, limit, "an address has all the connections it may have; closing its new ones");
            }
            continue;
        };
        let place = if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            place
        } else {
            if crowd_complaints.may_speak() {
                tracing::warn!(limit = server.limits.max_connections, "all connections are taken; new ones wait");
            }
            server.crowded.store(true, Ordering::Relaxed);
            let place = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                place = Arc::clone(&places).acquire_owned() => place,
            };
            server.crowded.store(false, Ordering::Relaxed);
            place.expect("the semaphore is never closed")
        };
        let place = (place, counted);
        connections.spawn(Arc::clone(&server).connection(stream, remote, shutdown.child_token(), place));
    }

    drop(listener);
    connections.close();
    if !connections.is_empty() {
        tracing::info!(connections = connections.len(), "waiting for running requests");
    }
    connections.wait().await;
}

/// Whether reading a request's body failed because the client stopped sending it, so that the answer is 408, not 400.
#[must_use]
pub fn is_stalled_body(error: &poem::Error) -> bool {
    let Some(poem::error::ReadBodyError::Io(error)) = error.downcast_ref() else { return false };
    let mut error = error;
    loop {
        if error.kind() == io::ErrorKind::TimedOut {
            return true;
        }
        // poem wraps the body's error once more on some of its paths.
        match error.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>()) {
            Some(inner) => error = inner,
            None => return false,
        }
    }
}

fn http1_builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // hyper's own deadline runs through the idle time as well; ours tells the two apart.
        .header_read_timeout(None)
        .max_headers(MAX_HEADERS)
        .max_header_size(limits.max_header_bytes.max(SMALLEST_BUFFER))
        .max_buf_size(limits.max_header_bytes.max(SMALLEST_BUFFER));
    builder
}

fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Keeps one kind of complaint from filling the log.
#[derive(Default)]
struct Complaints {
    last: Option<Instant>,
}

impl Complaints {
    fn may_speak(&mut self) -> bool {
        let now = Instant::now();
        let may = self.last.is_none_or(|last| now.duration_since(last) >= COMPLAINT_INTERVAL);
        if may {
            self.last = Some(now);
        }
        may
    }
}

/// What the connections share.
struct Server<E> {
    endpoint: E,
    local: LocalAddr,
    http1: http1::Builder,
    limits: Limits,
    /// A client waits for a place: answers then close their connection, so that places go round.
    crowded: AtomicBool,
}

impl<E: Endpoint> Server<E> {
    async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
        remote: SocketAddr,
        shutdown: CancellationToken,
        _place: (OwnedSemaphorePermit, Counted),
    ) {
        // Answers are written whole; waiting to fill a segment would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%remote, %error, "cannot set TCP_NODELAY");
        }
        let activity = Arc::new(Activity::new());
        let address = RemoteAddr(Addr::SocketAddr(remote));
        let service = service_fn(|request: http::Request<Incoming>| {
            activity.busy();
            let (server, activity, address) = (&self, &activity, &address);
            async move { server.answer(request, activity, address.clone()).await }
        });
        let watched = TokioIo::new(Watched { stream, activity: Arc::clone(&activity), drained: 0, shut: false });
        let connection = pin!(self.http1.serve_connection(watched, service));
        match drive(connection, &activity, &self.limits, &self.crowded, shutdown).await {
            Ended::Done(Ok(())) => {}
            Ended::Done(Err(error)) => tracing::debug!(%remote, %error, "a connection broke off"),
            Ended::Overdue(why) => tracing::debug!(%remote, why, "closed a connection that was past its deadline"),
            Ended::GraceOver => tracing::warn!(%remote, "cut a request that outlived the grace of the shutdown"),
        }
    }

    async fn answer(
        &self,
        request: http::Request<Incoming>,
        activity: &Arc<Activity>,
        remote: RemoteAddr,
    ) -> Result<http::Response<Answer>, NoAnswer> {
        let (parts, body) = request.into_parts();
        let body = if body.is_end_stream() {
            poem::Body::empty()
        } else {
            BoxBody::new(Waited { body, ended: false, activity: Arc::clone(activity) }).into()
        };
        let parts = RequestParts::from((parts, self.local.clone(), remote, Scheme::HTTP));
        let response = self.endpoint.get_response(poem::Request::from_parts(parts, body)).await;
        if response.extensions().get::<Cut>().is_some() {
            return Err(NoAnswer);
        }
        let mut response: http::Response<BoxBody<Bytes, io::Error>> = response.into();
        if self.crowded.load(Ordering::Relaxed) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|body| Answer { body, activity: Arc::clone(activity) }))
    }
}

/// A request is not answered: its connection is cut, as a test asked for.
#[derive(Debug, thiserror::Error)]
#[error("a test asked for this connection to be cut")]
struct NoAnswer;

/// How a connection came to its end.
enum Ended {
    /// By itself: the client left, or the last answer is out.
    Done(hyper::Result<()>),
    Overdue(&'static str),
    GraceOver,
}

/// Runs one connection and its single timer. The timer is not moved at every request: it fires at the earliest
/// deadline it was ever told and is then set to the present one.
async fn drive<S>(
    mut connection: Pin<&mut http1::Connection<TokioIo<Watched>, S>>,
    activity: &Activity,
    limits: &Limits,
    crowded: &AtomicBool,
    shutdown: CancellationToken,
) -> Ended
where
    S: HttpService<Incoming, ResBody = Answer, Error = NoAnswer>,
{
    let mut signal = pin!(shutdown.cancelled_owned());
    let mut timer = pin!(tokio::time::sleep(limits.header_timeout));
    let mut last_call: Option<Instant> = None;
    poll_fn(|cx| {
        if last_call.is_none() && signal.as_mut().poll(cx).is_ready() {
            last_call = Some(Instant::now() + limits.grace);
            connection.as_mut().graceful_shutdown();
        }
        loop {
            if let Poll::Ready(outcome) = connection.as_mut().poll(cx) {
                return Poll::Ready(Ended::Done(outcome));
            }
            let mut next = activity.deadline(limits, crowded.load(Ordering::Relaxed));
            if let Some(last_call) = last_call
                && next.is_none_or(|(at, _)| last_call < at)
            {
                next = Some((last_call, Awaited::Shutdown));
            }
            // A handler at work has no deadline here; if the timer is still set it wakes us for nothing, once.
            let Some((deadline, waits)) = next else { return Poll::Pending };
            // Who takes a place and asks nothing is looked at in between: it may have become crowded.
            let look = match waits {
                Awaited::Head | Awaited::Request => deadline.min(Instant::now() + limits.crowded_timeout),
                _ => deadline,
            };
            if timer.is_elapsed() || timer.deadline() > look {
                timer.as_mut().reset(look);
            }
            if timer.as_mut().poll(cx).is_ready() && Instant::now() < deadline {
                timer.as_mut().reset(look);
                if timer.as_mut().poll(cx).is_ready() {
                    continue;
                }
            }
            if !timer.is_elapsed() {
                return Poll::Pending;
            }
            match waits {
                // The handler is told first and may answer; its next wait for the same body is the last.
                Awaited::Body if activity.stall() => {}
                Awaited::Body => return Poll::Ready(Ended::Overdue("the request body stopped")),
                Awaited::Head => return Poll::Ready(Ended::Overdue("the request head was not complete")),
                Awaited::Request => return Poll::Ready(Ended::Overdue("idle")),
                Awaited::Reader => return Poll::Ready(Ended::Overdue("the client does not read")),
                Awaited::End => return Poll::Ready(Ended::Overdue("the client did not stop sending")),
                Awaited::Shutdown => return Poll::Ready(Ended::GraceOver),
            }
        }
    })
    .await
}

/// What a connection is waiting for when a deadline applies to it.
#[derive(Clone, Copy)]
enum Awaited {
    Head,
    Request,
    Body,
    Reader,
    End,
    Shutdown,
}

const READING_HEAD: u8 = 0;
const BUSY: u8 = 1;
const IDLE: u8 = 2;
const LINGERING: u8 = 3;

/// "Not waiting", in the place of a time.
const NOT: u64 = u64::MAX;

/// Where a connection stands: written by its socket, its request body and its answer, read by its timer. All of them
/// run in the connection's own task (a handler may carry the body elsewhere), so that relaxed atomics are enough.
struct Activity {
    born: Instant,
    phase: AtomicU8,
    /// Since when the phase holds, in microseconds after `born`; so are the other times.
    phase_since: AtomicU64,
    body_since: AtomicU64,
    write_since: AtomicU64,
    /// The body's deadline has passed: whoever reads it gets an error.
    stalled: AtomicBool,
    /// A body was dropped before its end: the client may still be sending.
    unread: AtomicBool,
    body_reader: AtomicWaker,
}

impl Activity {
    fn new() -> Self {
        Self {
            born: Instant::now(),
            phase: AtomicU8::new(READING_HEAD),
            phase_since: AtomicU64::new(0),
            body_since: AtomicU64::new(NOT),
            write_since: AtomicU64::new(NOT),
            stalled: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            body_reader: AtomicWaker::new(),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_micros()).unwrap_or(NOT - 1)
    }

    fn enter(&self, phase: u8) {
        self.phase_since.store(self.now(), Ordering::Relaxed);
        self.phase.store(phase, Ordering::Relaxed);
    }

    /// A request's head is complete: from here on the handler decides.
    fn busy(&self) {
        self.unread.store(false, Ordering::Relaxed);
        self.phase.store(BUSY, Ordering::Relaxed);
    }

    /// Bytes arrived. After an answer they begin the next request.
    fn received(&self) {
        if self.phase.load(Ordering::Relaxed) == IDLE {
            self.enter(READING_HEAD);
        }
    }

    fn begin(&self, wait: &AtomicU64) {
        if wait.load(Ordering::Relaxed) == NOT {
            wait.store(self.now(), Ordering::Relaxed);
        }
    }

    /// Fails the wait for the body; false if it was failed before and goes on nevertheless.
    fn stall(&self) -> bool {
        if self.stalled.swap(true, Ordering::Relaxed) {
            return false;
        }
        self.body_since.store(self.now(), Ordering::Relaxed);
        self.body_reader.wake();
        true
    }

    fn deadline(&self, limits: &Limits, crowded: bool) -> Option<(Instant, Awaited)> {
        let patience = |timeout: Duration| if crowded { timeout.min(limits.crowded_timeout) } else { timeout };
        let since = self.phase_since.load(Ordering::Relaxed);
        let phase = match self.phase.load(Ordering::Relaxed) {
            READING_HEAD => Some((since, patience(limits.header_timeout), Awaited::Head)),
            IDLE => Some((since, patience(limits.idle_timeout), Awaited::Request)),
            LINGERING => Some((since, LINGER_TIME, Awaited::End)),
            _ => None,
        };
        let waiting = |wait: &AtomicU64, timeout, waits| {
            let since = wait.load(Ordering::Relaxed);
            (since != NOT).then_some((since, timeout, waits))
        };
        let body = waiting(&self.body_since, limits.body_idle_timeout, Awaited::Body);
        let write = waiting(&self.write_since, limits.write_idle_timeout, Awaited::Reader);
        [phase, body, write]
            .into_iter()
            .flatten()
            .map(|(since, timeout, waits)| (self.born + Duration::from_micros(since) + timeout, waits))
            .min_by_key(|(at, _)| *at)
    }
}

/// The socket, noting when bytes arrive and since when a write is blocked.
struct Watched {
    stream: TcpStream,
    activity: Arc<Activity>,
    /// Bytes thrown away after the last answer.
    drained: u64,
    shut: bool,
}

impl Watched {
    fn note_write<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match &outcome {
            Poll::Pending => self.activity.begin(&self.activity.write_since),
            Poll::Ready(_) => self.activity.write_since.store(NOT, Ordering::Relaxed),
        }
        outcome
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.received();
        }
        outcome
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note_write(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note_write(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shut {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.shut = true;
            if self.activity.unread.load(Ordering::Relaxed) {
                self.activity.enter(LINGERING);
            }
        }
        if !self.activity.unread.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let mut scrap = [0; 8192];
        while self.drained < LINGER_BYTES {
            let mut buf = ReadBuf::new(&mut scrap);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                break;
            }
            self.drained += buf.filled().len() as u64;
        }
        Poll::Ready(Ok(()))
    }
}

/// A request's body, noting since when its reader waits for bytes.
struct Waited {
    body: Incoming,
    /// Its end was seen. (hyper's own `is_end_stream` stays false after a chunked body.)
    ended: bool,
    activity: Arc<Activity>,
}

impl Body for Waited {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let outcome = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(outcome, Poll::Ready(None)) {
            self.ended = true;
        }
        let activity = &self.activity;
        match outcome {
            Poll::Pending if activity.stalled.load(Ordering::Relaxed) => {
                activity.body_since.store(NOT, Ordering::Relaxed);
                Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, "the request body stopped arriving"))))
            }
            Poll::Pending => {
                activity.body_reader.register(cx.waker());
                activity.begin(&activity.body_since);
                Poll::Pending
            }
            Poll::Ready(frame) => {
                activity.body_since.store(NOT, Ordering::Relaxed);
                Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Waited {
    fn drop(&mut self) {
        self.activity.body_since.store(NOT, Ordering::Relaxed);
        if !self.is_end_stream() {
            self.activity.unread.store(true, Ordering::Relaxed);
        }
    }
}

/// An answer's body. hyper drops it when its last byte is in the write buffer: from then on the client is awaited.
struct Answer {
    body: BoxBody<Bytes, io::Error>,
    activity: Arc<Activity>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.activity.enter(IDLE);
    }
}
