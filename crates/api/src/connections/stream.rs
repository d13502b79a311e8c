//! The socket of a connection. It records what arrives and what the client takes, and closes so
//! that a client which is still sending can read the response.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::state::{ConnectionPhase, ConnectionState};

/// How much is discarded at most after the response.
const MAX_DISCARDED: usize = 256 << 20;

/// A socket that records what happens on it.
pub struct ClientStream<T> {
    inner: T,
    connection: Arc<ConnectionState>,
    /// Whether the client has ended its side.
    ended: bool,
    /// Whether our side is ended.
    shut: bool,
    discarded: usize,
    /// The status of a response of hyper's own, which is not sent.
    withheld: Option<StatusCode>,
}

impl<T> ClientStream<T> {
    pub const fn new(inner: T, connection: Arc<ConnectionState>) -> Self {
        Self { inner, connection, ended: false, shut: false, discarded: 0, withheld: None }
    }

    /// The status of the response that hyper wrote by itself to a request that it could not read.
    /// That response has neither a body nor our headers: it is withheld, the socket stays open, and
    /// another one is to be written instead.
    pub const fn withheld(&self) -> Option<StatusCode> {
        self.withheld
    }

    /// What is written from here on is sent. The client may still be sending the request.
    pub fn begin_own_response(&mut self) {
        self.withheld = None;
        self.connection.linger();
        self.connection.enter(ConnectionPhase::Flushing);
    }

    /// Whether these bytes are of a response of hyper's own: no request is being served.
    fn withholds(&mut self, bytes: &[u8]) -> bool {
        if self.withheld.is_none() && self.connection.stamp().phase().is_waiting() {
            self.withheld = status_of(bytes);
        }
        self.withheld.is_some()
    }

    fn written(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => self.connection.note_blocked(),
            Poll::Ready(Ok(bytes)) => self.connection.note_written(*bytes),
            Poll::Ready(Err(_)) => {}
        }
        written
    }
}

/// The status of a response that begins with these bytes.
fn status_of(head: &[u8]) -> Option<StatusCode> {
    let rest = head.strip_prefix(b"HTTP/1.1 ").or_else(|| head.strip_prefix(b"HTTP/1.0 "))?;
    StatusCode::from_bytes(rest.get(..3)?).ok()
}

impl<T: AsyncRead + Unpin> ClientStream<T> {
    /// Reads and forgets until the client ends its side; the reaper holds it to a deadline.
    fn discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; 8 << 10];
        while !self.ended && self.discarded < MAX_DISCARDED {
            let mut buffer = ReadBuf::new(&mut space);
            if ready!(Pin::new(&mut self.inner).poll_read(context, &mut buffer)).is_err() {
                break;
            }
            self.discarded += buffer.filled().len();
            self.ended = buffer.filled().is_empty();
        }
        Poll::Ready(())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for ClientStream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if matches!(read, Poll::Ready(Ok(()))) {
            if buffer.filled().len() > before {
                self.connection.note_read();
            } else if buffer.remaining() > 0 {
                self.ended = true;
            }
        }
        read
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ClientStream<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.withholds(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.written(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        match &flushed {
            Poll::Pending => self.connection.note_blocked(),
            Poll::Ready(_) => self.connection.note_flushed(),
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.withheld.is_some() {
            return Poll::Ready(Ok(()));
        }
        if !self.shut {
            let shut = ready!(Pin::new(&mut self.inner).poll_shutdown(context));
            self.shut = true;
            if shut.is_err() || !self.connection.lingers() {
                return Poll::Ready(shut);
            }
            self.connection.enter(ConnectionPhase::Lingering);
        }
        ready!(self.discard(context));
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.iter().find(|slice| !slice.is_empty());
        if first.is_some_and(|slice| self.withholds(slice)) {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::state::CoarseClock;
    use super::*;

    fn near() -> (tokio::io::DuplexStream, ClientStream<tokio::io::DuplexStream>) {
        let (far, near) = tokio::io::duplex(8);
        let connection = Arc::new(ConnectionState::new(Arc::new(CoarseClock::new()), false));
        (far, ClientStream::new(near, connection))
    }

    #[tokio::test]
    async fn what_is_sent_after_the_response_is_discarded_before_the_close() {
        let (mut far, mut near) = near();
        near.connection.linger();
        let closing = tokio::spawn(async move {
            near.write_all(b"413").await.unwrap();
            near.shutdown().await.unwrap();
        });
        // More than fits at once: it only gets through where it is read.
        far.write_all(&[b'x'; 100]).await.unwrap();
        let mut response = Vec::new();
        far.read_to_end(&mut response).await.unwrap();
        assert_eq!(response, b"413");
        assert!(!closing.is_finished(), "it waits for the client's end");
        drop(far);
        closing.await.unwrap();
    }

    #[tokio::test]
    async fn a_response_without_a_request_is_withheld_until_another_one_begins() {
        let (mut far, mut near) = near();
        near.connection.note_read();
        near.write_all(b"HTTP/1.1 431 Too Large\r\n\r\n").await.unwrap();
        near.shutdown().await.unwrap();
        assert_eq!(near.withheld(), Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
        near.begin_own_response();
        near.write_all(b"HTTP/1.1").await.unwrap();
        let mut sent = [0; 8];
        far.read_exact(&mut sent).await.unwrap();
        assert_eq!(&sent, b"HTTP/1.1");
        drop(far);
        near.shutdown().await.unwrap();
        // That of a request that is being served passes.
        let (_far, mut near) = self::near();
        near.connection.enter(ConnectionPhase::Serving);
        near.write_all(b"HTTP/1.1").await.unwrap();
        assert_eq!(near.withheld(), None);
    }

    #[tokio::test]
    async fn a_request_that_was_read_to_its_end_is_closed_at_once() {
        let (_far, mut near) = near();
        near.connection.enter(ConnectionPhase::Serving);
        near.shutdown().await.unwrap();
    }
}
