//! Request bodies as bytes: one that counts itself and fails past its limit, whatever Content-Length said or left out,
//! and the extractor for operations that take bytes as they come.
//!
//! Must not know: any domain.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use poem::{Body, Request, RequestBody, Result};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::{Binary, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::http::context::RequestContext;

/// A body as its bytes come, of whatever media type.
pub struct Octets(pub Body);

impl Octets {
    /// Its bytes.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static {
        Box::pin(self.0.into_bytes_stream())
    }
}

impl<'a> ApiExtractor<'a> for Octets {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        Binary::<Vec<u8>>::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let schema = Binary::<Vec<u8>>::schema_ref();
        let content = vec![MetaMediaType { content_type: "application/octet-stream", schema }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        _request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        Ok(Self(body.take()?))
    }
}

/// Wraps `body` so that it fails once more bytes have come than the request may have, or at once when `declared` is
/// more. The limit is looked up when the body is read: an operation may have raised it by then.
pub fn capped(body: Body, declared: Option<u64>, context: Arc<RequestContext>) -> Body {
    let declared = declared.map_or(0, |declared| usize::try_from(declared).unwrap_or(usize::MAX));
    Body::from_bytes_stream(Capped { inner: Box::pin(body.into_bytes_stream()), declared, received: 0, context })
}

struct Capped<S: ?Sized> {
    /// What was announced; 0 when nothing was.
    declared: usize,
    received: usize,
    context: Arc<RequestContext>,
    inner: Pin<Box<S>>,
}

impl<S: Stream<Item = io::Result<Bytes>> + ?Sized> Stream for Capped<S> {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let too_large = |context: &RequestContext| {
            context.set_too_large();
            Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::FileTooLarge, "the body is too large"))))
        };
        let limit = self.context.body_limit();
        if self.declared > limit || self.received > limit {
            return too_large(&self.context);
        }
        match self.inner.as_mut().poll_next(task) {
            Poll::Ready(Some(Ok(chunk))) => {
                self.received = self.received.saturating_add(chunk.len());
                if let Some(tee) = self.context.tee() {
                    tee.pass(&chunk);
                }
                if self.received > limit { too_large(&self.context) } else { Poll::Ready(Some(Ok(chunk))) }
            }
            other => other,
        }
    }
}
