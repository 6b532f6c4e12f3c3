//! Receivers behind TLS. The certificates in `tls/` belong to nobody: an authority made for these tests, and a receiver
//! `receiver.test` (and 127.0.0.1) of it.

use std::sync::Arc;

use comptoir::config::{AllowedDestination, WebhookConfig};
use comptoir::webhooks::Options;
use comptoir::webhooks::model::{ContentType, DeliveryState};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::receiver::Receiver;
use super::{Names, World};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/webhooks/tls");

async fn receiver() -> Receiver {
    let chain = vec![CertificateDer::from_pem_file(format!("{FOLDER}/receiver.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(format!("{FOLDER}/receiver.key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    Receiver::listen("127.0.0.1:0".parse().unwrap(), Some(TlsAcceptor::from(Arc::new(config)))).await
}

async fn world(ca: Option<&str>) -> World {
    let config =
        WebhookConfig { allow: AllowedDestination::loopback(), ca: ca.map(|name| format!("{FOLDER}/{name}").into()) };
    let read = Options::of(config).unwrap();
    World::with(|options| *options = Options { resolver: Names::answering(&[&["127.0.0.1"]]), ..read }).await
}

#[tokio::test]
async fn a_receiver_of_an_authority_that_is_configured_is_called() {
    let receiver = receiver().await;
    let world = world(Some("ca.pem")).await;
    for host in ["receiver.test", "127.0.0.1"] {
        let url = format!("https://{host}:{}/hook", receiver.address.port());
        let id = world.send_to(&url, ContentType::Json, b"{}").await;
        world.server.run_pending_tasks().await;
        assert_eq!(world.kept(id).state, DeliveryState::Delivered, "{:?}", world.kept(id).last_error);
    }
    assert_eq!(receiver.calls().len(), 2);
}

#[tokio::test]
async fn a_certificate_of_another_authority_or_another_name_is_refused() {
    let receiver = receiver().await;
    for (ca, host, why) in
        [(None, "receiver.test", "UnknownIssuer"), (Some("ca.pem"), "other.test", "not valid for name")]
    {
        let world = world(ca).await;
        let url = format!("https://{host}:{}/hook", receiver.address.port());
        let id = world.send_to(&url, ContentType::Json, b"{}").await;
        world.server.run_pending_tasks().await;
        let error = world.kept(id).last_error.unwrap();
        assert!(error.starts_with("TLS failed: ") && error.contains(why), "{error}");
    }
    assert!(receiver.calls().is_empty(), "nothing is said before the certificate is accepted");
}

#[test]
fn a_file_without_certificates_is_refused_by_name() {
    for name in ["receiver.key.pem", "nothing.pem"] {
        let config = WebhookConfig { allow: Vec::new(), ca: Some(format!("{FOLDER}/{name}").into()) };
        let error = Options::of(config).err().unwrap().to_string();
        assert!(error.starts_with("webhooks.ca must"), "{error}");
    }
}
