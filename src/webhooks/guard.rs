//! Where a call may go: the parsed URL, and every address it leads to, checked before anything is connected.
//!
//! A receiver's URL comes from a tenant, and the server stands inside a network the tenant does not: so whatever is not a
//! public address is refused, unless `webhooks.allow` lists it. The check is made on the parsed host (which undoes
//! every spelling: `2130706433`, `0x7f.1`, `0177.0.0.1`, `[::ffff:127.0.0.1]`, full-width dots) and on each resolved
//! address; [`crate::webhooks::send`] connects to a checked address only.
//!
//! Pure. Must not know: the database, HTTP, the runtime, files, how names are resolved.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::auth::model::Rule;
use crate::config::AllowedDestination;

/// The longest URL that is taken.
const LONGEST: usize = 2_048;

/// A URL that can be called at all: `http` or `https`, a host, no user name or password, no fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination(Url);

impl Destination {
    /// Checks `text`. Where it leads is the [`Guard`]'s question.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let rule = |text: &str| Err(Rule(text.to_owned()));
        if text.len() > LONGEST {
            return rule("must have at most 2048 bytes");
        }
        // The parser would pass over these, and so make another text of it.
        if text.chars().any(|character| character.is_whitespace() || character.is_control()) {
            return rule("must not contain white space or control characters");
        }
        let Ok(url) = Url::parse(text) else { return rule("must be a URL such as https://example.com/hook") };
        if !matches!(url.scheme(), "http" | "https") {
            return rule("must begin with http:// or https://");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return rule("must not contain a user name or password");
        }
        if url.fragment().is_some() {
            return rule("must not have a fragment: it would never be sent");
        }
        if url.host().is_none() || url.port_or_known_default().is_none_or(|port| port == 0) {
            return rule("must name a host and a port above 0");
        }
        Ok(Self(url))
    }

    /// The URL in its normal form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host: a name, or an address however it was spelt.
    #[must_use]
    pub fn host(&self) -> Host<&str> {
        self.0.host().expect("checked when it was parsed")
    }

    /// The port, the scheme's own if none is named.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().expect("checked when it was parsed")
    }

    /// Whether it is spoken to through TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The value of the `Host` header.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.0.authority()
    }

    /// Path and query.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.0[url::Position::BeforePath..url::Position::AfterQuery]
    }
}

/// Why an address is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Internal {
    /// `127.0.0.0/8`, `::1`
    Loopback,
    /// RFC 1918
    Private,
    /// `169.254.0.0/16`, `fe80::/10`
    LinkLocal,
    /// A cloud's metadata service
    Metadata,
    /// `100.64.0.0/10` (RFC 6598)
    SharedNetwork,
    /// `0.0.0.0/8`, `::`
    Unspecified,
    /// `224.0.0.0/4`, `ff00::/8`
    Multicast,
    /// `fc00::/7` (RFC 4193)
    UniqueLocal,
    /// Documentation, benchmarking, protocol assignments, transition mechanisms, the future
    Reserved,
}

impl fmt::Display for Internal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "a loopback address",
            Self::Private => "an address of a private network",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "the address of a metadata service",
            Self::SharedNetwork => "an address of a provider's inner network",
            Self::Unspecified => "an address of this machine",
            Self::Multicast => "a multicast address",
            Self::UniqueLocal => "a unique local address",
            Self::Reserved => "a reserved address",
        })
    }
}

/// What kind of internal address `address` is; `None`: a public one.
#[must_use]
pub fn internal(address: IpAddr) -> Option<Internal> {
    match address {
        IpAddr::V4(address) => internal_v4(address),
        IpAddr::V6(address) => internal_v6(address),
    }
}

/// By IANA's IPv4 Special-Purpose Address Registry, whatever is not globally reachable.
fn internal_v4(address: Ipv4Addr) -> Option<Internal> {
    let kind = match address.octets() {
        [0, ..] => Internal::Unspecified,
        [127, ..] => Internal::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Internal::Private,
        // AWS, Azure, GCP and most others; AWS's containers; Azure's host, which is public by its number only; Oracle.
        [169, 254, 169, 254] | [169, 254, 170, 2] | [168, 63, 129, 16] | [192, 0, 0, 192] => Internal::Metadata,
        [169, 254, ..] => Internal::LinkLocal,
        // Alibaba's metadata service is among them.
        [100, 64..=127, ..] => Internal::SharedNetwork,
        [224..=239, ..] => Internal::Multicast,
        // Protocol assignments and 6to4 relays, documentation, benchmarking, the future and broadcast.
        [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [198, 18..=19, ..]
        | [240..=255, ..] => Internal::Reserved,
        _ => return None,
    };
    Some(kind)
}

/// Only `2000::/3` is routed at all, and parts of it carry an IPv4 address that decides.
fn internal_v6(address: Ipv6Addr) -> Option<Internal> {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    let kind = match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => Internal::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Internal::Loopback,
        // Mapped (::ffff:a.b.c.d) and NAT64 (RFC 6052): the machine connects to the IPv4 address in it.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            return internal_v4(embedded(high, low));
        }
        // Compatible and translated addresses, and 6to4 (RFC 7526), are out of use; but say what is in them.
        [0, 0, 0, 0, 0 | 0xffff, 0, high, low] | [0x2002, high, low, ..] => {
            internal_v4(embedded(high, low)).unwrap_or(Internal::Reserved)
        }
        [0xfc00..=0xfdff, ..] => Internal::UniqueLocal,
        [0xfe80..=0xfebf, ..] => Internal::LinkLocal,
        [0xff00..=0xffff, ..] => Internal::Multicast,
        // Protocol assignments (Teredo, benchmarking, ORCHID), documentation (RFC 3849, RFC 9637).
        [0x2001, 0..=0x01ff | 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => Internal::Reserved,
        // An ISATAP interface (RFC 5214) carries its IPv4 address at the end.
        [0x2000..=0x3fff, _, _, _, 0 | 0x200, 0x5efe, high, low] => return internal_v4(embedded(high, low)),
        [0x2000..=0x3fff, ..] => return None,
        _ => Internal::Reserved,
    };
    Some(kind)
}

/// A destination that leads inside. Its text tells the endpoint's owner what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} leads to {address}, {kind}, and is not called unless `webhooks.allow` lists it")]
pub struct Refusal {
    /// The host as the URL names it.
    pub host: String,
    /// The address it leads to.
    pub address: IpAddr,
    /// What is wrong with it.
    pub kind: Internal,
}

/// The rules of this installation.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allow: Vec<AllowedDestination>,
}

impl Guard {
    /// Public addresses, and what `allow` lists.
    #[must_use]
    pub fn new(allow: Vec<AllowedDestination>) -> Self {
        Self { allow }
    }

    /// A URL as somebody gives it: [`Destination::parse`] and [`Guard::check_literal`].
    pub fn admit(&self, text: &str) -> Result<Destination, Rule> {
        let destination = Destination::parse(text)?;
        self.check_literal(&destination).map_err(|refusal| Rule(format!("must not lead inside: {refusal}")))?;
        Ok(destination)
    }

    /// Refuses what can be seen to be internal without asking anybody: an address, or the name of this machine. For the
    /// moment a URL is given; what a name leads to is known when it is called.
    pub fn check_literal(&self, destination: &Destination) -> Result<(), Refusal> {
        let address = match destination.host() {
            Host::Ipv4(address) => IpAddr::V4(address),
            Host::Ipv6(address) => IpAddr::V6(address),
            Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                // RFC 6761 section 6.3.
                if name != "localhost" && !name.ends_with(".localhost") {
                    return Ok(());
                }
                Ipv4Addr::LOCALHOST.into()
            }
        };
        self.check(destination, address)
    }

    /// Whether `destination` may be reached at `address`.
    pub fn check(&self, destination: &Destination, address: IpAddr) -> Result<(), Refusal> {
        let Some(kind) = internal(address) else { return Ok(()) };
        let host = destination.host();
        if self.allow.iter().any(|allowed| allowed.covers(&host, destination.port(), address)) {
            return Ok(());
        }
        Err(Refusal { host: host.to_string(), address, kind })
    }
}

#[cfg(test)]
mod tests;
