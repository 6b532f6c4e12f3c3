//! One request over a socket, byte by byte, for what a well-behaved client does not send.

use std::net::SocketAddr;
use std::time::Duration;

use poem::http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::Answer;

const GENEROUS: Duration = Duration::from_secs(20);

/// Sends `request`, which must ask for the connection to be closed or be refused, and reads to the end.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    answer_on(stream).await
}

/// Sends `request` and reads until the server closes the connection: all that came.
pub async fn all(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut received = Vec::new();
    // A connection that is cut may end in an error as well.
    let _ = timeout(GENEROUS, stream.read_to_end(&mut received)).await.expect("the connection ends in time");
    received
}

/// Sends `head`, which must announce a body and `Expect: 100-continue`; once the server asks for the body, and so has
/// authenticated the caller, awaits `meanwhile`, and only then sends `body`.
pub async fn exchange_around(
    address: SocketAddr,
    head: &str,
    body: &str,
    meanwhile: impl Future<Output = ()>,
) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut asked = Vec::new();
    timeout(GENEROUS, async {
        while !asked.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut asked).await.unwrap(), 0, "closed before the body was asked for");
        }
    })
    .await
    .expect("the body is asked for in time");
    assert!(asked.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&asked));
    meanwhile.await;
    stream.write_all(body.as_bytes()).await.unwrap();
    answer_on(stream).await
}

async fn answer_on(mut stream: TcpStream) -> Answer {
    let mut received = Vec::new();
    timeout(GENEROUS, async {
        // The end of the answer is enough: the server may keep the connection open for the rest of the body.
        while !is_whole(&received) {
            if stream.read_buf(&mut received).await.unwrap() == 0 {
                break;
            }
        }
    })
    .await
    .expect("an answer in time");
    parse(&received)
}

fn split(received: &[u8]) -> Option<(&str, &[u8])> {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((std::str::from_utf8(&received[..end]).unwrap(), &received[end + 4..]))
}

fn is_whole(received: &[u8]) -> bool {
    split(received).is_some_and(|(head, body)| {
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        length.is_some_and(|length: usize| body.len() >= length)
    })
}

fn parse(received: &[u8]) -> Answer {
    let (head, body) = split(received).unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(received)));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
    let headers: HeaderMap = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        })
        .collect();
    Answer { status, headers, body: body.to_vec().into() }
}
