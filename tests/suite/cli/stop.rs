//! The signals that end the server.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use super::{Place, Server};

impl Server {
    /// Sends a signal by its name and waits for nothing.
    async fn send(&self, name: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().await.unwrap().success());
    }

    fn address(&self) -> &str {
        self.ready["listen"].as_str().unwrap()
    }
}

#[tokio::test]
async fn a_hangup_ends_it_in_order_too() {
    let place = Place::new();
    let ended = place.serve_with_password(&["--database", "temp"]).await.signal("HUP").await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(std::fs::read_dir(place.path("tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_hangup_that_was_to_be_ignored_is() {
    let place = Place::new();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--database", "temp"];
    let command = place.command_in_shell("trap '' HUP; exec \"$0\" \"$@\"", &arguments);
    let server = place.serve_as(command).await;
    server.send("HUP").await;
    server.client.get("/health/ready").await.expect(200);
    let ended = server.signal("TERM").await;
    assert_eq!(ended.code, Some(0));
    assert!(ended.log.contains("SIGTERM") && !ended.log.contains("SIGHUP"), "{}", ended.log);
}

#[tokio::test]
async fn a_second_signal_cuts_the_requests_that_the_first_one_waits_for() {
    let place = Place::new();
    let server = place.serve_with_password(&["--grace", "3600"]).await;
    let mut request = TcpStream::connect(server.address()).await.unwrap();
    let head = "POST /account/token/generation HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                Content-Length: 100\r\nExpect: 100-continue\r\n\r\n";
    request.write_all(head.as_bytes()).await.unwrap();
    // The server is inside the request once it asks for the body, which never comes.
    let mut go_on = [0; 12];
    request.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100");

    server.send("TERM").await;
    while TcpStream::connect(server.address()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let ended = server.signal("INT").await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("stopping at once"), "{}", ended.log);
}
