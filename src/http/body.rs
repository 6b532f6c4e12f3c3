//! A request body that counts itself: past its limit it fails, whatever Content-Length said or left out.
//!
//! Must not know: any domain.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use poem::Body;

use crate::http::context::RequestContext;

/// Wraps `body` so that it fails once more than `limit` bytes have come, or at once when `declared` is more.
pub fn capped(body: Body, limit: usize, declared: Option<u64>, context: Arc<RequestContext>) -> Body {
    let left = if declared.is_some_and(|declared| declared > limit as u64) { None } else { Some(limit) };
    Body::from_bytes_stream(Capped { inner: Box::pin(body.into_bytes_stream()), left, context })
}

struct Capped<S: ?Sized> {
    /// What may still come; `None`: too much was announced or has come.
    left: Option<usize>,
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
        let Some(left) = self.left else { return too_large(&self.context) };
        match self.inner.as_mut().poll_next(task) {
            Poll::Ready(Some(Ok(chunk))) => {
                self.left = left.checked_sub(chunk.len());
                if self.left.is_none() { too_large(&self.context) } else { Poll::Ready(Some(Ok(chunk))) }
            }
            other => other,
        }
    }
}
