//! gzip for answers that are worth it: text of some size whose length is known. Streams and small answers go as they
//! are.
//!
//! Must not know: any domain.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::Body as _;
use poem::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use poem::http::{HeaderMap, HeaderValue};
use poem::{Body, Response};

/// Below this many bytes gzip saves less than it costs.
const WORTH_IT: u64 = 2 * 1024;

/// Above this many bytes compressing in one go would hold an async worker for too long: it is done on another thread.
const LONG: usize = 512 * 1024;

/// Answers of more bytes go as they are.
const TOO_MUCH: u64 = 8 * 1024 * 1024;

/// Whether the client takes gzip.
#[must_use]
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let mut parts = coding.split(';');
            let name = parts.next().unwrap_or_default().trim();
            let refused = parts.any(|part| matches!(part.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
            name.eq_ignore_ascii_case("gzip") && !refused
        })
}

/// Compresses `response` if it is worth it.
pub async fn gzip(mut response: Response) -> Response {
    let text = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|media_type| {
        media_type.starts_with("text/") || media_type.contains("json") || media_type.contains("xml")
    });
    if !text || response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    let body: BoxBody<Bytes, std::io::Error> = response.take_body().into();
    let length = body.size_hint().exact();
    if !length.is_some_and(|length| (WORTH_IT..=TOO_MUCH).contains(&length)) {
        response.set_body(Body::from(body));
        return response;
    }
    match body.collect().await {
        Ok(collected) => {
            let plain = collected.to_bytes();
            let packed = if plain.len() > LONG {
                let plain = plain.clone();
                tokio::task::spawn_blocking(move || compressed(&plain)).await.unwrap_or_else(|error| Err(error.into()))
            } else {
                compressed(&plain)
            };
            match packed {
                Ok(packed) => {
                    response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                    response.headers_mut().append(VARY, HeaderValue::from_static("Accept-Encoding"));
                    response.headers_mut().remove(CONTENT_LENGTH);
                    response.set_body(packed);
                }
                Err(_) => response.set_body(plain),
            }
            response
        }
        // A body of known length sits in memory; should reading it fail all the same, the answer ends here.
        Err(error) => {
            tracing::error!(%error, "an answer could not be read back for compression");
            response.set_body(Body::empty());
            response
        }
    }
}

/// `plain` as one gzip member.
pub fn compressed(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 3), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}
