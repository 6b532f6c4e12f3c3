//! The pages for people: `/` leads to the rest, `/docs` is Swagger UI over the whole document, `/docs/{contract}` over
//! one contract's, `/openapi.json` and `/openapi/{contract}.json` are the documents themselves. Everything comes from
//! the binary; nothing is fetched from anywhere.
//!
//! Must not know: any domain.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use poem::error::{MethodNotAllowedError, NotFoundError};
use poem::http::header::{ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use poem::http::{Method, StatusCode};
use poem::{Endpoint, Request, Response, Result};
use poem_openapi::OpenApiService;
use serde_json::Value;

use crate::http::compress;
use crate::http::contract::Contract;
use crate::http::document;
use crate::http::failure::Failure;

/// Swagger UI runs inline scripts and styles from its own page, shows pictures as data, and talks to this server only.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                           img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The landing page has one inline style and the icon.
const LANDING_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Where browsers look for a site's icon without being told; without one each visit would leave a 404 in the log.
const ICON_PATH: &str = "/favicon.ico";

/// A counter with somebody behind it.
const ICON: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\" fill=\"#0b57b5\">\
                    <circle cx=\"8\" cy=\"4\" r=\"3\"/><path d=\"M1 9h14v3H1zM3 13h2v3H3zM11 13h2v3h-2z\"/></svg>";

/// The methods every page knows.
const METHODS: &str = "GET, HEAD, OPTIONS";

/// The pages, before the endpoint of the operations.
pub struct Pages<E> {
    documents: Arc<Documents>,
    landing: String,
    inner: E,
}

/// What is published: the whole document under no name, each contract's part under its own.
pub struct Documents(HashMap<String, Document>);

struct Document {
    json: Bytes,
    title: String,
    /// Swagger UI with this document, gzipped: made when somebody first asks for it, half a megabyte each.
    ui: OnceLock<Bytes>,
}

impl Document {
    fn new(value: &Value) -> Self {
        let json = serde_json::to_vec(value).expect("a JSON value serialises");
        let title = value["info"]["title"].as_str().unwrap_or("API").to_owned();
        Self { json: json.into(), title, ui: OnceLock::new() }
    }
}

impl Documents {
    /// `document` and its parts.
    #[must_use]
    pub fn new(document: &Value, contracts: &[Contract]) -> Self {
        let mut documents = HashMap::from([(String::new(), Document::new(document))]);
        for contract in contracts {
            documents.insert(contract.name.to_owned(), Document::new(&document::part(document, contract)));
        }
        Self(documents)
    }
}

impl<E> Pages<E> {
    /// Pages over what is published, before `inner`.
    pub fn new(documents: Arc<Documents>, contracts: &[Contract], version: &str, inner: E) -> Self {
        Self { documents, landing: landing(contracts, version), inner }
    }

    fn page(&self, path: &str) -> Option<Response> {
        if path == "/" {
            return Some(
                Response::builder()
                    .header(CONTENT_TYPE, "text/html; charset=utf-8")
                    .header(CONTENT_SECURITY_POLICY, LANDING_POLICY)
                    .body(self.landing.clone()),
            );
        }
        if path == ICON_PATH {
            return Some(
                Response::builder()
                    .header(CONTENT_TYPE, "image/svg+xml")
                    .header(CACHE_CONTROL, "public, max-age=86400")
                    .body(ICON),
            );
        }
        if let Some(rest) = path.strip_prefix("/docs") {
            let name = if rest.is_empty() { "" } else { rest.strip_prefix('/').filter(|name| !name.is_empty())? };
            return self.documents.0.get(name).map(swagger_ui);
        }
        if let Some(rest) = path.strip_prefix("/openapi") {
            let name = if rest == ".json" { "" } else { rest.strip_prefix('/')?.strip_suffix(".json")? };
            let document = self.documents.0.get(name)?;
            return Some(
                Response::builder()
                    .header(CONTENT_TYPE, "application/json")
                    .header(CACHE_CONTROL, "no-cache")
                    .body(document.json.clone()),
            );
        }
        None
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Pages<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let path = request.uri().path();
        if !(path == "/" || path == ICON_PATH || path.starts_with("/docs") || path.starts_with("/openapi")) {
            return self.inner.call(request).await;
        }
        let page = self.page(path).ok_or(NotFoundError)?;
        match *request.method() {
            Method::GET => Ok(page),
            Method::OPTIONS => Ok(Response::builder().status(StatusCode::NO_CONTENT).header(ALLOW, METHODS).finish()),
            _ => {
                let mut failure = Failure::classify(MethodNotAllowedError.into());
                failure.allow = Some(METHODS.to_owned());
                Err(failure.into())
            }
        }
    }
}

/// Swagger UI goes out gzipped to everyone: every browser takes it, and the plain page is 1.6 MB.
fn swagger_ui(document: &Document) -> Response {
    let packed = document.ui.get_or_init(|| {
        // The framework offers its page with a document of its own making inside; ours takes that one's place.
        let stand_in = OpenApiService::new((), "", "");
        let json = String::from_utf8_lossy(&document.json).replace("</", "<\\/");
        let html = stand_in
            .swagger_ui_html()
            .replacen(&stand_in.spec(), &json, 1)
            .replacen("<html charset=\"UTF-8\">", "<!DOCTYPE html>\n<html lang=\"en\">", 1)
            .replacen("<title>Swagger UI</title>", &format!("<title>{}</title>", document.title), 1);
        compress::compressed(html.as_bytes()).unwrap_or_default().into()
    });
    Response::builder()
        .header(CONTENT_TYPE, "text/html; charset=utf-8")
        .header(CONTENT_ENCODING, "gzip")
        .header(VARY, "Accept-Encoding")
        .header(CONTENT_SECURITY_POLICY, DOCS_POLICY)
        .header(CACHE_CONTROL, "no-cache")
        .body(packed.clone())
}

/// The contracts as people look for them: the house API, which shapes what belongs to none and so stands first, comes
/// after those it goes with.
fn landing(contracts: &[Contract], version: &str) -> String {
    let mut items = String::new();
    for contract in contracts.iter().skip(1).chain(contracts.first()) {
        let name = contract.name;
        let _ = write!(items, "<dt>{name}</dt><dd><a href=\"/docs/{name}\">Try it</a>");
        let _ = write!(items, " · <a href=\"/openapi/{name}.json\">OpenAPI</a>");
        for (number, (title, path)) in contract.pages.iter().enumerate() {
            let before = if number == 0 { " · Reference: " } else { ", " };
            let _ = write!(items, "{before}<a href=\"{path}\">{title}</a>");
        }
        items.push_str("</dd>");
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Comptoir</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <style>:root{{color-scheme:light dark}}\
         body{{font:16px/1.55 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}}\
         dt{{font-weight:600}}dd{{margin:0 0 .75rem}}</style></head><body><main><h1>Comptoir</h1>\
         <p>The back office of a small trading team. This server runs version {version}.</p>\
         <p><a href=\"/docs\">Try the whole API</a> in the browser (<a href=\"/openapi.json\">OpenAPI</a>), or one \
         contract:</p><dl>{items}</dl>\
         <p>Is it well? <a href=\"/health/ready\">/health/ready</a></p></main></body></html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn contract(name: &'static str, pages: &'static [(&'static str, &'static str)]) -> Contract {
        Contract { name, pages, ..Contract::plain(|_, _| Response::default()) }
    }

    #[test]
    fn the_landing_page_leads_to_every_contract_and_its_own_pages_and_the_first_one_comes_last() {
        let contracts = [contract("house", &[]), contract("trade", &[("One", "/trade/1"), ("Two", "/trade/2")])];
        let html = landing(&contracts, "1.2.3");
        assert!(html.contains("version 1.2.3"));
        let expected = "<dl><dt>trade</dt><dd><a href=\"/docs/trade\">Try it</a> · \
                        <a href=\"/openapi/trade.json\">OpenAPI</a> · \
                        Reference: <a href=\"/trade/1\">One</a>, <a href=\"/trade/2\">Two</a></dd>\
                        <dt>house</dt><dd><a href=\"/docs/house\">Try it</a> · \
                        <a href=\"/openapi/house.json\">OpenAPI</a></dd></dl>";
        assert!(html.contains(expected), "{html}");
    }
}
