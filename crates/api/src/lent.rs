//! Bodies lent to handlers: one that a handler has not looked at comes back, so that it can be read
//! and forgotten before the answer. Without that, hyper closes the connection after an answer that
//! did not wait for the body, and the client's next request on it fails. It must never read a body
//! that the handler has begun to read.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::Request;
use axum::http::header::{EXPECT, HeaderMap};
use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::oneshot;

use crate::body;

/// Where a body comes back to, if it does.
pub struct Lent(Option<oneshot::Receiver<BodyDataStream>>);

/// Lends out the body of a request.
pub fn lend(request: Request) -> (Request, Lent) {
    // A client that asked first does not send what nobody reads.
    if request.body().is_end_stream() || request.headers().contains_key(EXPECT) {
        return (request, Lent(None));
    }
    let (back, returned) = oneshot::channel();
    let lend = |body: Body| {
        let untouched = Some((body.into_data_stream(), back));
        Body::from_stream(Borrowed { untouched, begun: None })
    };
    (request.map(lend), Lent(Some(returned)))
}

impl Lent {
    /// Reads and forgets the body, if it came back.
    pub async fn drain(self) {
        if let Some(Ok(chunks)) = self.0.map(|mut returned| returned.try_recv()) {
            body::drain(Body::from_stream(chunks), &HeaderMap::new()).await;
        }
    }
}

/// A body that goes back when it is dropped before anybody looked at it.
struct Borrowed {
    untouched: Option<(BodyDataStream, oneshot::Sender<BodyDataStream>)>,
    begun: Option<BodyDataStream>,
}

impl Stream for Borrowed {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some((chunks, _)) = self.untouched.take() {
            self.begun = Some(chunks);
        }
        match &mut self.begun {
            Some(chunks) => Pin::new(chunks).poll_next(context),
            None => Poll::Ready(None),
        }
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Some((chunks, back)) = self.untouched.take() {
            // Nobody waits for it where the request was given up.
            let _ = back.send(chunks);
        }
    }
}
