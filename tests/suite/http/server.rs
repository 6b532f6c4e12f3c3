//! The accept loop, over raw sockets. No test sleeps: it waits for what the server does, with a generous limit.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use comptoir::http::server::{Limits, is_stalled_body, serve};
use futures_util::stream;
use poem::endpoint::make;
use poem::http::StatusCode;
use poem::{Body, Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const GENEROUS: Duration = Duration::from_secs(20);
const TINY: Duration = Duration::from_millis(200);
const ONE_HOUR: Duration = Duration::from_hours(1);

/// A running server, the gates of its slow paths, and the means to stop it.
struct Running {
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
    gates: Arc<Gates>,
}

/// The slow paths say that they began, and wait for leave to end.
#[derive(Default)]
struct Gates {
    began: Notify,
    leave: Notify,
}

async fn start(limits: Limits) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let shutdown = CancellationToken::new();
    let gates = Arc::new(Gates::default());
    let endpoint = make({
        let gates = Arc::clone(&gates);
        move |request| answer(request, Arc::clone(&gates))
    });
    let task = tokio::spawn(serve(listener, endpoint, limits, shutdown.clone()));
    Running { address, shutdown, task, gates }
}

async fn answer(mut request: Request, gates: Arc<Gates>) -> Response {
    match request.uri().path() {
        "/slow" => {
            gates.began.notify_one();
            gates.leave.notified().await;
            Response::builder().body("slow")
        }
        // One event now, one when the test gives leave.
        "/events" => {
            let events = stream::unfold(0, move |sent| {
                let gates = Arc::clone(&gates);
                async move {
                    match sent {
                        0 => Some((Ok::<_, std::io::Error>(Bytes::from_static(b"first")), 1)),
                        1 => {
                            gates.leave.notified().await;
                            Some((Ok(Bytes::from_static(b"last")), 2))
                        }
                        _ => None,
                    }
                }
            });
            Response::builder().body(Body::from_bytes_stream(events))
        }
        "/endless" => {
            let same = Bytes::from(vec![b'x'; 1 << 20]);
            let endless = stream::unfold((), move |()| {
                let same = same.clone();
                async move { Some((Ok::<_, std::io::Error>(same), ())) }
            });
            Response::builder().body(Body::from_bytes_stream(endless))
        }
        "/refuse" => Response::builder().status(StatusCode::PAYLOAD_TOO_LARGE).body("too large"),
        _ => match request.take_body().into_string().await.map_err(poem::Error::from) {
            Ok(body) => Response::builder().body(format!("got {body}")),
            Err(error) if is_stalled_body(&error) => {
                Response::builder().status(StatusCode::REQUEST_TIMEOUT).body("stalled")
            }
            Err(error) => error.into_response(),
        },
    }
}

async fn connect(running: &Running) -> TcpStream {
    TcpStream::connect(running.address).await.expect("the server listens")
}

async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.expect("the server takes bytes");
}

/// Everything up to the end of the connection, which must come.
async fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    timeout(GENEROUS, stream.read_to_end(&mut all)).await.expect("the server closes").expect("a clean end");
    String::from_utf8(all).expect("text")
}

/// Reads until the text ends with `end`; the connection stays open.
async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut all = Vec::new();
    let reading = async {
        while !all.ends_with(end.as_bytes()) {
            all.push(stream.read_u8().await.expect("more bytes"));
        }
    };
    timeout(GENEROUS, reading).await.expect("the expected answer");
    String::from_utf8(all).expect("text")
}

async fn stopped(running: Running) {
    timeout(GENEROUS, running.task).await.expect("the server ends").expect("without a panic");
}

#[tokio::test]
async fn a_head_that_stops_half_way_is_cut() {
    let running = start(Limits { header_timeout: TINY, ..Limits::default() }).await;
    let mut silent = connect(&running).await;
    let mut partial = connect(&running).await;
    send(&mut partial, "GET / HTTP/1.1\r\nHost: here\r\n").await;
    assert_eq!(rest(&mut partial).await, "");
    assert_eq!(rest(&mut silent).await, "");
}

#[tokio::test]
async fn the_head_of_a_later_request_has_the_same_deadline() {
    let running = start(Limits { header_timeout: TINY, ..Limits::default() }).await;
    let mut stream = connect(&running).await;
    send(&mut stream, "GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    until(&mut stream, "got ").await;
    send(&mut stream, "GET /again HTTP/1.1\r\n").await;
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn a_body_that_stops_half_way_is_answered_with_408_and_the_connection_closed() {
    let running = start(Limits { body_idle_timeout: TINY, ..Limits::default() }).await;
    let mut stream = connect(&running).await;
    send(&mut stream, "POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\nhalf").await;
    let answer = until(&mut stream, "stalled").await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    // The client may still finish its sending; then the connection ends.
    stream.shutdown().await.expect("the client stops");
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other_until_it_idles_too_long() {
    let running = start(Limits { idle_timeout: TINY * 4, ..Limits::default() }).await;
    let mut stream = connect(&running).await;
    for body in ["one", "two"] {
        send(&mut stream, &format!("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\n{body}")).await;
        let answer = until(&mut stream, &format!("got {body}")).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    send(&mut stream, "POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").await;
    until(&mut stream, "got abc").await;
    assert_eq!(rest(&mut stream).await, "", "idle: closed without a word");
}

#[tokio::test]
async fn a_silent_answer_and_a_thinking_handler_outlive_every_deadline() {
    let limits = Limits {
        header_timeout: TINY,
        idle_timeout: TINY,
        body_idle_timeout: TINY,
        write_idle_timeout: TINY,
        ..Limits::default()
    };
    let running = start(limits).await;
    let mut events = connect(&running).await;
    send(&mut events, "GET /events HTTP/1.1\r\nHost: here\r\n\r\n").await;
    until(&mut events, "first\r\n").await;
    let mut slow = connect(&running).await;
    send(&mut slow, "POST /slow HTTP/1.1\r\nHost: here\r\n\r\n").await;
    timeout(GENEROUS, running.gates.began.notified()).await.expect("the handler begins");

    // Other connections are cut in the meantime, several times over: that much time has passed.
    for _ in 0..3 {
        assert_eq!(rest(&mut connect(&running).await).await, "");
    }
    running.gates.leave.notify_waiters();
    until(&mut events, "last\r\n0\r\n\r\n").await;
    until(&mut slow, "slow").await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let running = start(Limits { write_idle_timeout: TINY, max_connections: 1, ..Limits::default() }).await;
    let mut deaf = connect(&running).await;
    send(&mut deaf, "GET /endless HTTP/1.1\r\nHost: here\r\n\r\n").await;
    // The only place comes free because the first client was cut.
    let mut next = connect(&running).await;
    send(&mut next, "GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    until(&mut next, "got ").await;
}

#[tokio::test]
async fn an_answer_reaches_a_client_that_is_still_sending_its_body() {
    let running = start(Limits::default()).await;
    let mut stream = connect(&running).await;
    let size = 4 << 20;
    send(&mut stream, &format!("POST /refuse HTTP/1.1\r\nHost: here\r\nContent-Length: {size}\r\n\r\n")).await;
    timeout(GENEROUS, stream.write_all(&vec![b'x'; size])).await.expect("the body is taken").expect("no reset");
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.ends_with("too large"), "{answer}");
}

#[tokio::test]
async fn when_all_places_are_taken_the_next_client_is_served_once_one_leaves() {
    let running = start(Limits { max_connections: 1, ..Limits::default() }).await;
    let mut first = connect(&running).await;
    send(&mut first, "GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    until(&mut first, "got ").await;

    let mut second = connect(&running).await;
    send(&mut second, "GET /slow HTTP/1.1\r\nHost: here\r\n\r\n").await;
    assert!(timeout(TINY, running.gates.began.notified()).await.is_err(), "the only place is taken");
    drop(first);
    timeout(GENEROUS, running.gates.began.notified()).await.expect("served now");
    running.gates.leave.notify_one();
    until(&mut second, "slow").await;
}

#[tokio::test]
async fn one_address_gets_no_more_connections_than_its_share() {
    let running = start(Limits { max_connections_per_address: Some(2), ..Limits::default() }).await;
    let (mut first, mut second) = (connect(&running).await, connect(&running).await);
    for stream in [&mut first, &mut second] {
        send(stream, "GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
        until(stream, "got ").await;
    }
    assert_eq!(rest(&mut connect(&running).await).await, "", "closed without a word");
    // Another address is served meanwhile.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.2:0".parse().expect("an address")).expect("all of 127/8 is this machine");
    let mut other = socket.connect(running.address).await.expect("the server listens");
    send(&mut other, "GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    until(&mut other, "got ").await;

    send(&mut first, "GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").await;
    rest(&mut first).await;
    let again = async {
        // The place is free a moment after its last byte.
        loop {
            let mut stream = connect(&running).await;
            let request = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
            let mut answer = Vec::new();
            let taken = stream.write_all(request).await.is_ok() && stream.read_to_end(&mut answer).await.is_ok();
            if taken && !answer.is_empty() {
                break;
            }
        }
    };
    timeout(GENEROUS, again).await.expect("served again");
}

#[tokio::test]
async fn while_a_client_waits_for_a_place_those_that_ask_nothing_lose_theirs_early() {
    let limits = Limits { max_connections: 2, crowded_timeout: TINY, header_timeout: ONE_HOUR, ..Limits::default() };
    let running = start(Limits { idle_timeout: ONE_HOUR, ..limits }).await;
    let mut partial = connect(&running).await;
    send(&mut partial, "GET / HTTP/1.1\r\n").await;
    let mut idle = connect(&running).await;
    send(&mut idle, "GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    until(&mut idle, "got ").await;
    // Nobody waits: they may go on.
    assert!(timeout(TINY * 3, partial.readable()).await.is_err());
    assert!(timeout(TINY, idle.read_u8()).await.is_err());
    for _ in 0..2 {
        let mut waiting = connect(&running).await;
        send(&mut waiting, "GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").await;
        until(&mut waiting, "got ").await;
    }
}

#[tokio::test]
async fn while_a_client_waits_for_a_place_answers_close_their_connection() {
    let running = start(Limits { max_connections: 1, ..Limits::default() }).await;
    let mut first = connect(&running).await;
    send(&mut first, "GET /slow HTTP/1.1\r\nHost: here\r\n\r\n").await;
    timeout(GENEROUS, running.gates.began.notified()).await.expect("the handler begins");
    let mut second = connect(&running).await;
    send(&mut second, "GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    // The loop has seen the second client before the handler goes on: both run on this one thread.
    assert!(timeout(TINY, second.readable()).await.is_err(), "the only place is taken");
    running.gates.leave.notify_one();
    assert!(rest(&mut first).await.contains("connection: close"));
    until(&mut second, "got ").await;
}

#[tokio::test]
async fn a_shutdown_closes_idle_connections_and_lets_a_running_request_finish() {
    let running = start(Limits::default()).await;
    let mut idle = connect(&running).await;
    send(&mut idle, "GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    until(&mut idle, "got ").await;
    let mut fresh = connect(&running).await;
    let mut slow = connect(&running).await;
    send(&mut slow, "GET /slow HTTP/1.1\r\nHost: here\r\n\r\n").await;
    timeout(GENEROUS, running.gates.began.notified()).await.expect("the handler begins");

    running.shutdown.cancel();
    assert_eq!(rest(&mut idle).await, "");
    assert_eq!(rest(&mut fresh).await, "");
    assert!(!running.task.is_finished());
    running.gates.leave.notify_one();
    assert!(rest(&mut slow).await.ends_with("slow"));
    let address = running.address;
    stopped(running).await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_request_that_outlives_the_grace_is_cut() {
    let running = start(Limits { grace: TINY, ..Limits::default() }).await;
    let mut slow = connect(&running).await;
    send(&mut slow, "GET /slow HTTP/1.1\r\nHost: here\r\n\r\n").await;
    timeout(GENEROUS, running.gates.began.notified()).await.expect("the handler begins");
    running.shutdown.cancel();
    assert_eq!(rest(&mut slow).await, "");
    stopped(running).await;
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_refused_with_431() {
    let running = start(Limits { max_header_bytes: 8192, ..Limits::default() }).await;
    let mut stream = connect(&running).await;
    send(&mut stream, &format!("GET / HTTP/1.1\r\nHost: here\r\nX-Long: {}\r\n", "x".repeat(8192))).await;
    let answer = until(&mut stream, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}
