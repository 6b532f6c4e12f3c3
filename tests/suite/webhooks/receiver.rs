//! A receiver: an HTTP server on a free port of this machine that records each call and answers as it is told.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

/// A call as it came.
#[derive(Debug, Clone)]
pub struct Call {
    /// `POST /hook HTTP/1.1`
    pub line: String,
    headers: HashMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Call {
    /// A header that must be there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers))
    }
}

/// What to answer.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A status, further headers and a body.
    Status(u16, String, String),
    /// These bytes as they stand.
    Raw(&'static str),
    /// 200 and a body without end.
    Endless,
    /// 200, the beginning of a body, and then nothing.
    Stalled,
    /// Nothing, and the connection stays.
    Silence,
    /// The connection is closed without a word.
    Cut,
}

impl Reply {
    /// A bare status.
    pub fn status(status: u16) -> Self {
        Self::Status(status, String::new(), String::new())
    }

    /// A status with one header.
    pub fn with(status: u16, name: &str, value: &str) -> Self {
        Self::Status(status, format!("{name}: {value}\r\n"), String::new())
    }
}

#[derive(Default)]
struct Shared {
    calls: Mutex<Vec<Call>>,
    connections: Mutex<usize>,
    replies: Mutex<VecDeque<Reply>>,
    usual: Mutex<Option<Reply>>,
    came: Notify,
}

/// The receiver; it stops when it is dropped.
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

impl Receiver {
    /// One that answers 200.
    pub async fn start() -> Self {
        Self::listen("127.0.0.1:0".parse().unwrap(), None).await
    }

    /// One at an address of the caller's choice, or behind TLS.
    pub async fn listen(address: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(accept(listener, tls, Arc::clone(&shared)));
        Self { address, shared, _task: AbortOnDropHandle::new(task) }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Answers the next calls with these, one each; 200 (or what [`Receiver::always`] said) afterwards.
    pub fn answer(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.replies.lock().unwrap().extend(replies);
    }

    /// Answers every call with this.
    pub fn always(&self, reply: Reply) {
        *self.shared.usual.lock().unwrap() = Some(reply);
    }

    /// What came so far.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }

    /// The only call there was.
    pub fn only(&self) -> Call {
        let calls = self.calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls.into_iter().next().unwrap()
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        *self.shared.connections.lock().unwrap()
    }

    /// Waits until there were `count` calls.
    pub async fn until(&self, count: usize) {
        loop {
            let came = self.shared.came.notified();
            if self.calls().len() >= count {
                return;
            }
            came.await;
        }
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        *shared.connections.lock().unwrap() += 1;
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            // The caller may hang up whenever it likes.
            let _ = match tls {
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => serve(stream, &shared).await,
                    Err(error) => Err(error),
                },
                None => serve(stream, &shared).await,
            };
        });
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) -> std::io::Result<()> {
    let call = read(&mut stream).await?;
    shared.calls.lock().unwrap().push(call);
    let usual = shared.usual.lock().unwrap().clone().unwrap_or_else(|| Reply::status(200));
    let reply = shared.replies.lock().unwrap().pop_front().unwrap_or(usual);
    shared.came.notify_waiters();
    match reply {
        Reply::Status(status, headers, body) => {
            let head = format!("HTTP/1.1 {status} x\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(head.as_bytes()).await?;
        }
        Reply::Raw(bytes) => stream.write_all(bytes.as_bytes()).await?,
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            loop {
                stream.write_all(&[b'x'; 4096]).await?;
            }
        }
        Reply::Stalled => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await?;
            std::future::pending::<()>().await;
        }
        Reply::Silence => std::future::pending().await,
        Reply::Cut => {}
    }
    stream.shutdown().await
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Call> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let line = lines.next().unwrap().to_owned();
    let headers: HashMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await?;
    Ok(Call { line, headers, body })
}
