//! How webhooks go out, and to which internal destinations.

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::Deserialize;
use url::Host;

use super::{ConfigError, Database};

/// What `webhooks.allow` lists: a destination that may be called although it is internal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedDestination {
    /// Every address of this network (a single one too), whatever name leads there.
    Network(IpNet),
    /// This address on this port, whatever name leads there.
    Address(IpAddr, u16),
    /// This name, lower case and without a final dot; on one port if one is named. Wherever it leads.
    Name(String, Option<u16>),
}

impl AllowedDestination {
    /// Reads `10.0.0.0/8`, `10.1.2.3`, `[::1]:8080`, `receiver.internal` or `receiver.internal:8080`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // The parser would take a star for a letter, and whoever wrote it meant a pattern.
        if text.contains('*') {
            return None;
        }
        if let Some(network) = network(text) {
            return Some(Self::Network(network));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port > 0)?)),
            None => (text, None),
        };
        match (Host::parse(host).ok()?, port) {
            (Host::Domain(name), port) => {
                let name = name.strip_suffix('.').unwrap_or(&name);
                (!name.is_empty()).then(|| Self::Name(name.to_owned(), port))
            }
            (Host::Ipv4(address), Some(port)) => Some(Self::Address(address.into(), port)),
            (Host::Ipv4(address), None) => Some(Self::Network(IpAddr::from(address).into())),
            (Host::Ipv6(address), Some(port)) => Some(Self::Address(address.into(), port)),
            (Host::Ipv6(address), None) => Some(Self::Network(IpAddr::from(address).into())),
        }
    }

    /// This machine: what the demo and a temporary database may call, because who starts one tries out connectors here.
    #[must_use]
    pub fn loopback() -> Vec<Self> {
        ["127.0.0.0/8", "::1"].iter().filter_map(|text| Self::parse(text)).collect()
    }

    /// Whether `host` on `port` may be called at `address`. An IPv4 address in IPv6 clothes is the IPv4 address.
    #[must_use]
    pub fn covers(&self, host: &Host<&str>, port: u16, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match self {
            Self::Network(network) => network.contains(&address),
            Self::Address(own, own_port) => (own.to_canonical(), *own_port) == (address, port),
            Self::Name(own, own_port) => {
                let Host::Domain(name) = host else { return false };
                name.strip_suffix('.').unwrap_or(name) == own && own_port.is_none_or(|own| own == port)
            }
        }
    }
}

/// How webhooks go out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookConfig {
    /// Internal destinations that may be called.
    pub allow: Vec<AllowedDestination>,
    /// A PEM file with further authorities whose certificates are trusted.
    pub ca: Option<PathBuf>,
}

/// The table `[webhooks]`; as flags `--webhooks-allow` and so on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookSettings {
    /// Hosts, hosts with a port, addresses and networks that may be called although they are internal.
    pub allow: Option<Vec<String>>,
    /// A PEM file with further authorities whose certificates are trusted.
    pub ca: Option<PathBuf>,
}

impl WebhookSettings {
    pub(super) fn or(self, other: Self) -> Self {
        Self { allow: self.allow.or(other.allow), ca: self.ca.or(other.ca) }
    }

    /// Checks the list. With a temporary database this machine is on it.
    pub fn resolve(self, database: &Database) -> Result<WebhookConfig, ConfigError> {
        let rule =
            "must be hosts, hosts with a port, addresses or networks, such as receiver.internal:8080 or 10.0.0.0/8";
        let allow = self.allow.unwrap_or_default();
        let mut allow = allow
            .iter()
            .map(|text| AllowedDestination::parse(text))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| ConfigError::Invalid { setting: "webhooks.allow", rule: rule.to_owned() })?;
        if *database == Database::Temporary {
            allow.extend(AllowedDestination::loopback());
        }
        Ok(WebhookConfig { allow, ca: self.ca })
    }
}

pub(super) fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse().ok().map(|address: IpAddr| address.into()))
}
