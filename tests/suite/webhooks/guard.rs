//! Destinations inside: refused when they are given, and when a name turns out to lead there.

use std::net::SocketAddr;

use comptoir::config::AllowedDestination;
use comptoir::webhooks::model::{ContentType, EventType};
use serde_json::json;

use super::receiver::Receiver;
use super::{Names, World};

fn allowing(rule: &str) -> Vec<AllowedDestination> {
    vec![AllowedDestination::parse(rule).unwrap()]
}

#[tokio::test]
async fn an_internal_url_is_refused_at_once_in_every_spelling() {
    let world = World::with(|_| {}).await;
    let (webhook, _) = world.webhook("https://receiver.example/hook", &["alert_started"]).await;
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "127\u{ff0e}0\u{3002}0\u{ff0e}1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "100.64.0.1",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
    ] {
        let body = json!({"url": format!("http://{host}:8080/"), "events": ["alert_started"]});
        let answer = world.admin.post("/comptoir/v1/webhooks", body.clone()).await.expect(400);
        let faults = answer.faults();
        assert!(faults[0].starts_with("url: ") && faults[0].contains("webhooks.allow"), "{host}: {faults:?}");
        let change = json!({"url": body["url"]});
        world.admin.patch(&format!("/comptoir/v1/webhooks/{webhook}"), change).await.expect(400);
    }
    for url in ["ftp://example.com/", "example.com", "http://user:secret@example.com/", "http://", "https://a b/"] {
        let body = json!({"url": url, "events": ["alert_started"]});
        let faults = world.admin.post("/comptoir/v1/webhooks", body).await.expect(400).faults();
        assert!(faults[0].starts_with("url: "), "{url}: {faults:?}");
    }
}

#[tokio::test]
async fn an_internal_url_is_refused_when_it_is_called_too() {
    let receiver = Receiver::start().await;
    let port = receiver.address.port();
    let world = World::with(|_| {}).await;
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "0", "[::ffff:127.0.0.1]", "localhost"] {
        let id = world.send_to(&format!("http://{host}:{port}/"), ContentType::Json, b"{}").await;
        world.server.run_pending_tasks().await;
        let error = world.kept(id).last_error.unwrap();
        assert!(error.contains("webhooks.allow"), "{host}: {error}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn what_is_listed_may_be_called() {
    let receiver = Receiver::start().await;
    let port = receiver.address.port();
    for (rule, host, open) in [
        ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.0/8", "2130706433", true),
        (&format!("127.0.0.1:{port}"), "127.0.0.1", true),
        ("127.0.0.1:1", "127.0.0.1", false),
        ("receiver.test", "receiver.test", true),
        (&format!("receiver.test:{port}"), "receiver.test", true),
        ("receiver.test:1", "receiver.test", false),
        ("10.0.0.0/8", "receiver.test", false),
    ] {
        let before = receiver.calls().len();
        let world = World::with(|options| {
            options.allow = allowing(rule);
            options.resolver = Names::answering(&[&["127.0.0.1"]]);
        })
        .await;
        world.send_to(&format!("http://{host}:{port}/"), ContentType::Json, b"{}").await;
        world.server.run_pending_tasks().await;
        assert_eq!(receiver.calls().len() - before, usize::from(open), "{rule} for {host}");
    }
}

/// A name that was public when it was looked at and leads inside a moment later (DNS rebinding). 127.0.0.1 stands for
/// the public address, 127.0.0.2 for the inner one.
#[tokio::test]
async fn only_an_address_that_was_checked_for_this_very_call_is_connected_to() {
    let public = Receiver::start().await;
    let inner = SocketAddr::new("127.0.0.2".parse().unwrap(), public.address.port());
    let inner = Receiver::listen(inner, None).await;
    let world = World::with(|options| {
        options.allow = allowing("127.0.0.1");
        options.resolver = Names::answering(&[&["127.0.0.1"], &["127.0.0.2"]]);
    })
    .await;
    let url = format!("http://rebinding.test:{}/", public.address.port());
    world.webhook(&url, &["alert_started"]).await;
    for _ in 0..3 {
        let id = world.emit(EventType::AlertStarted, json!({})).await[0];
        world.server.run_pending_tasks().await;
        if public.calls().len() == 1 && world.kept(id).last_error.is_none() {
            continue;
        }
        let error = world.kept(id).last_error.unwrap();
        assert!(error.starts_with("rebinding.test leads to 127.0.0.2, a loopback address"), "{error}");
    }
    assert_eq!((public.connections(), inner.connections()), (1, 0));
    assert_eq!(public.only().header("host"), format!("rebinding.test:{}", public.address.port()));
}

#[tokio::test]
async fn a_name_that_leads_inside_and_outside_is_not_called_at_all() {
    let receiver = Receiver::start().await;
    let world = World::with(|options| {
        options.allow = allowing("127.0.0.1");
        options.resolver = Names::answering(&[&["127.0.0.1", "169.254.169.254"]]);
    })
    .await;
    let id = world.send_to(&format!("http://both.test:{}/", receiver.address.port()), ContentType::Json, b"{}").await;
    world.server.run_pending_tasks().await;
    let error = world.kept(id).last_error.unwrap();
    assert!(error.contains("metadata service"), "{error}");
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_dead_address_leaves_the_call_to_the_next() {
    let receiver = Receiver::start().await;
    let world = World::with(|options| {
        options.allow = AllowedDestination::loopback();
        options.resolver = Names::answering(&[&["127.0.0.3", "127.0.0.1"]]);
    })
    .await;
    world.send_to(&format!("http://two.test:{}/", receiver.address.port()), ContentType::Json, b"{}").await;
    world.server.run_pending_tasks().await;
    assert_eq!(receiver.calls().len(), 1);
}

#[tokio::test]
async fn a_name_without_an_address_says_so() {
    let world = World::with(|options| options.resolver = Names::answering(&[&[]])).await;
    let id = world.send_to("https://nowhere.test/", ContentType::Json, b"{}").await;
    world.server.run_pending_tasks().await;
    let error = world.kept(id).last_error.unwrap();
    assert_eq!(error, "the name nowhere.test could not be resolved: it has no address");
}
