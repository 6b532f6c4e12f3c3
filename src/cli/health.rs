//! `comptoir health`: asks a running server whether it is ready, for a container's health check and for scripts. So an
//! image needs no other program for it.
//!
//! Must not know: the database. It speaks plain HTTP to one address and follows nothing.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::{CliError, Common, output};
use crate::config::Settings;

/// More than this of an answer is not read.
const ANSWER: u64 = 64 * 1024;

/// Whom to ask.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// Address and port of the server, as `serve` was given them; an unspecified address stands for this machine
    /// [default: 127.0.0.1:8080].
    #[arg(long, short, env = "COMPTOIR_LISTEN", value_name = "ADDRESS")]
    listen: Option<String>,

    /// How long to wait for its answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

/// Runs the command: says `ready`, else why not, and fails.
pub fn run(common: &Common, args: HealthArgs) -> Result<(), CliError> {
    let settings = common.settings(Settings { listen: args.listen, ..Settings::default() })?;
    let address = reachable(settings.listen()?);
    let (status, body) = ask(address, Duration::from_secs(args.timeout))
        .map_err(CliError::io(format!("no answer from a server at {address}")))?;
    if status == 200 {
        return output::say("ready");
    }
    Err(CliError::Refused(format!("the server at {address} is not ready: {}", reasons(status, &body))))
}

/// Where a server is reached that listens there.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The status and the body of the answer.
fn ask(address: SocketAddr, timeout: Duration) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    write!(
        stream,
        "GET /health/ready HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    )?;
    let mut bytes = Vec::new();
    stream.take(ANSWER).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other("what answers there does not speak HTTP"))?;
    Ok((status, body.to_owned()))
}

/// What the server says is amiss; of another server only the status.
fn reasons(status: u16, body: &str) -> String {
    let reasons = serde_json::from_str::<Value>(body).ok().and_then(|body| body["reasons"].as_array().cloned());
    let reasons: Vec<String> =
        reasons.unwrap_or_default().iter().filter_map(|reason| reason.as_str().map(str::to_owned)).collect();
    if reasons.is_empty() { format!("it answers {status}") } else { reasons.join("; ") }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn answered(answer: &'static str) -> std::io::Result<(u16, String)> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut head = [0; 4096];
            let read = stream.read(&mut head).expect("a request");
            stream.write_all(answer.as_bytes()).expect("an answer");
            String::from_utf8_lossy(&head[..read]).into_owned()
        });
        let outcome = ask(address, Duration::from_mins(1));
        assert!(server.join().expect("it ends").starts_with("GET /health/ready HTTP/1.1\r\n"));
        outcome
    }

    #[test]
    fn an_unspecified_address_is_this_machine() {
        for (listen, asked) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:2", "[::1]:2"),
            ("10.0.0.7:3", "10.0.0.7:3"),
            ("127.0.0.1:4", "127.0.0.1:4"),
        ] {
            assert_eq!(reachable(listen.parse().expect(listen)).to_string(), asked);
        }
    }

    #[test]
    fn the_reasons_are_the_servers_own() {
        let body = r#"{"status":"unready","reasons":["the disk is full","no operator"]}"#;
        assert_eq!(reasons(503, body), "the disk is full; no operator");
        assert_eq!(reasons(502, "<html>"), "it answers 502");
        assert_eq!(reasons(503, "{}"), "it answers 503");
    }

    #[test]
    fn an_answer_is_read_to_its_end_and_what_is_no_http_is_said_to_be_none() {
        let (status, body) = answered("HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\n{}").expect("an answer");
        assert_eq!((status, body.as_str()), (503, "{}"));
        for other in ["", "220 mail.example ESMTP\r\n", "HTTP/1.1 xyz\r\n\r\n"] {
            assert!(answered(other).is_err(), "{other}");
        }
    }
}
