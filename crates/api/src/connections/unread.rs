//! Request bodies that a handler did not read to their end. A small one is read before the
//! response, so that the connection can be used again; for any other the response has a header that the
//! connection is closed.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::sync::oneshot;

/// How much of an unread body is read to keep the connection.
const SMALL: u64 = 256 << 10;

/// How long that may take.
const SMALL_TIME: Duration = Duration::from_secs(1);

/// The body of a request; comes back when it is dropped before its end.
struct WatchedBody {
    body: Option<Incoming>,
    began: bool,
    back: Option<oneshot::Sender<(Incoming, bool)>>,
}

/// Where the body comes back to.
pub struct UnreadBody(Option<oneshot::Receiver<(Incoming, bool)>>);

/// Splits a request's body into the one for the handler and the place where it comes back to.
pub fn watch_body(body: Incoming) -> (Body, UnreadBody) {
    if body.is_end_stream() {
        return (Body::empty(), UnreadBody(None));
    }
    let (back, returned) = oneshot::channel();
    let watched = WatchedBody { body: Some(body), began: false, back: Some(back) };
    (Body::new(watched), UnreadBody(Some(returned)))
}

impl UnreadBody {
    /// Whether the body is at its end, so that another request can follow on the connection.
    /// `may_wait`: whether a small rest may be waited for; a client that waits for `100 Continue`
    /// does not send it.
    pub async fn wait_until_consumed(self, may_wait: bool) -> bool {
        let Some(mut returned) = self.0 else { return true };
        match returned.try_recv() {
            Err(oneshot::error::TryRecvError::Closed) => true,
            Err(oneshot::error::TryRecvError::Empty) => false,
            // A handler that began to read and stopped had enough of it, or waited too long.
            Ok((_, true)) => false,
            Ok((body, false)) => may_wait && read_small(body).await,
        }
    }
}

async fn read_small(body: Incoming) -> bool {
    if body.size_hint().lower() > SMALL {
        return false;
    }
    let mut body = body;
    let mut left = SMALL;
    let reading = async {
        loop {
            let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
            match frame {
                None => return true,
                Some(Err(_)) => return false,
                Some(Ok(frame)) => {
                    let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                    let Some(rest) = left.checked_sub(bytes) else { return false };
                    left = rest;
                }
            }
        }
    };
    tokio::time::timeout(SMALL_TIME, reading).await.unwrap_or(false)
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.began = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) {
            self.body = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take())
            && !body.is_end_stream()
        {
            // Nothing receives it where the connection is gone.
            let _ = back.send((body, self.began));
        }
    }
}
