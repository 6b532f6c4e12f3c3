//! Who may use test controls: whoever is on the server's own machine, without a credential, because a test suite has none
//! before it has seeded one; from elsewhere the operator. A page in somebody's browser is not on this machine, though its
//! requests come from there.
//!
//! Must not know: the database, what is controlled.

use std::net::IpAddr;

use poem::http::HeaderMap;
use poem::http::header::{HOST, HeaderName, ORIGIN};
use poem::{Request, RequestBody, Result};
use poem_openapi::registry::Registry;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::http::caller::{admit, bearer};
use crate::http::{Caller, Failure, RequestContext};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Somebody who may use test controls.
#[derive(Debug, Clone, Copy)]
pub struct Tester;

impl<'a> ApiExtractor<'a> for Tester {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        <Caller as ApiExtractor>::register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        <Caller as ApiExtractor>::security_schemes()
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        let context = RequestContext::of(request)
            .ok_or_else(|| Failure::internal("a test control was reached around the gate"))?;
        if !(context.client.is_loopback() && is_local(request.headers())) {
            admit(request, || bearer(request))?;
        }
        Ok(Self)
    }
}

/// Whether a request from this machine was meant for it: it names the machine as such, and no page of elsewhere sent it.
fn is_local(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let Some(host) = text(&HOST).filter(|host| is_loopback(host)) else { return false };
    let same_page = text(&ORIGIN).is_none_or(|origin| origin.split_once("://").is_some_and(|(_, from)| from == host));
    let same_site = text(&SEC_FETCH_SITE).is_none_or(|site| matches!(site, "same-origin" | "none"));
    same_page && same_site
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_names_this_machine_and_comes_from_no_foreign_page_is_local() {
        let local = |given: &[(&str, &str)]| {
            let name = |name: &str| HeaderName::from_bytes(name.as_bytes()).expect("a name");
            is_local(&given.iter().map(|(header, value)| (name(header), value.parse().expect("a value"))).collect())
        };
        for host in ["127.0.0.1:8080", "127.0.0.1", "localhost:80", "[::1]:8080", "LocalHost"] {
            assert!(local(&[("host", host)]), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example:8080", "10.0.0.1:8080", "localhost.evil.example", ""] {
            assert!(!local(&[("host", host)]), "{host}");
        }
        assert!(!local(&[]));
        let host = ("host", "127.0.0.1:8080");
        assert!(local(&[host, ("origin", "http://127.0.0.1:8080")]), "this server's own pages");
        assert!(!local(&[host, ("origin", "http://evil.example")]));
        assert!(!local(&[host, ("origin", "null")]));
        assert!(!local(&[host, ("sec-fetch-site", "cross-site")]));
        assert!(local(&[host, ("sec-fetch-site", "same-origin")]));
    }
}
