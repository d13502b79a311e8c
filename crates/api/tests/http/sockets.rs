//! The server behind real sockets, and a client that reads a stream line by line.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use serde_json::Value;
use stepwell_api::ApiConfig;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::support::Server;

/// The limit for every wait.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Served {
    pub server: Server,
    pub address: SocketAddr,
    pub stop: Option<oneshot::Sender<()>>,
    pub task: JoinHandle<io::Result<()>>,
    /// For each NDJSON body that the server dropped: whether it was at its end.
    closed: mpsc::UnboundedReceiver<bool>,
}

impl Served {
    pub async fn start() -> Self {
        Self::with(ApiConfig::default()).await
    }

    pub async fn with(config: ApiConfig) -> Self {
        let server = Server::with(config.clone()).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let (notify, closed) = mpsc::unbounded_channel();
        let watch = move |response: Response| {
            let notify = notify.clone();
            async move { Watched::watch(response, notify) }
        };
        let router = server.router.clone().layer(axum::middleware::map_response(watch));
        let app = server.app.clone();
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            stepwell_api::serve_router(app, listener, router, &config, stopped).await
        });
        Self { server, address, stop: Some(stop), task, closed }
    }

    /// Waits until the server has dropped another stream; returns whether it was at its end.
    pub async fn next_closed(&mut self) -> bool {
        tokio::time::timeout(PATIENCE, self.closed.recv()).await.unwrap().unwrap()
    }

    /// Sends a GET and leaves the connection open.
    pub async fn open(&self, path: &str, headers: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let key = &self.server.key;
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nX-API-KEY: {key}\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Chunked {
        self.post_with(path, ("accept", "*/*"), body).await
    }

    /// Posts JSON with another header.
    pub async fn post_with(
        &self,
        path: &str,
        (name, value): (&str, &str),
        body: &Value,
    ) -> Chunked {
        // The kernel must not buffer a whole stream for a reader that has stopped reading.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 << 10).unwrap();
        let mut socket = socket.connect(self.address).await.unwrap();
        let (key, body) = (&self.server.key, body.to_string());
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nX-API-KEY: {key}\r\n{name}: {value}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        socket.write_all((head + &body).as_bytes()).await.unwrap();
        Chunked { socket: BufReader::new(socket), head: String::new(), text: BytesMut::new() }
    }
}

/// A chunked response, read piece by piece.
pub struct Chunked {
    socket: BufReader<TcpStream>,
    head: String,
    text: BytesMut,
}

impl Chunked {
    /// Status line and headers.
    pub async fn head(&mut self) -> &str {
        let reading = async {
            while !self.head.ends_with("\r\n\r\n") {
                assert_ne!(self.socket.read_line(&mut self.head).await.unwrap(), 0);
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap();
        &self.head
    }

    /// The next chunk; `None` after the last. An error if the response is interrupted.
    pub async fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        self.head().await;
        let reading = async {
            let mut size = String::new();
            self.socket.read_line(&mut size).await?;
            let size = usize::from_str_radix(size.trim(), 16)
                .map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))?;
            let mut chunk = vec![0; size + 2];
            self.socket.read_exact(&mut chunk).await?;
            chunk.truncate(size);
            Ok((size > 0).then(|| chunk.into()))
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap()
    }

    /// The next line without its end, maybe empty; `None` after the last.
    pub async fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(at) = self.text.iter().position(|byte| *byte == b'\n') {
                let line = self.text.split_to(at + 1);
                assert!(line.is_ascii(), "{line:?}");
                return Ok(Some(String::from_utf8(line[..at].to_vec()).unwrap()));
            }
            match self.chunk().await? {
                Some(chunk) => self.text.extend_from_slice(&chunk),
                None => {
                    assert_eq!(self.text, "", "the last line has no end");
                    return Ok(None);
                }
            }
        }
    }

    /// The next event; `None` after the last. Blank lines are skipped.
    pub async fn event(&mut self) -> io::Result<Option<Value>> {
        loop {
            match self.line().await? {
                Some(line) if line.is_empty() => {}
                Some(line) => return Ok(Some(serde_json::from_str(&line).unwrap())),
                None => return Ok(None),
            }
        }
    }

    /// The remaining events.
    pub async fn events(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        while let Some(event) = self.event().await.unwrap() {
            events.push(event);
        }
        events
    }

    /// The remaining body.
    pub async fn rest(&mut self) -> String {
        let mut text = self.text.split().to_vec();
        while let Some(chunk) = self.chunk().await.unwrap() {
            text.extend_from_slice(&chunk);
        }
        String::from_utf8(text).unwrap()
    }
}

/// The body of a stream; reports when it is dropped.
struct Watched {
    inner: BodyDataStream,
    ended: bool,
    notify: mpsc::UnboundedSender<bool>,
}

impl Watched {
    fn watch(response: Response, notify: mpsc::UnboundedSender<bool>) -> Response {
        if response.headers().get(CONTENT_TYPE).is_none_or(|kind| kind != "application/x-ndjson") {
            return response;
        }
        response.map(|body| {
            Body::from_stream(Self { inner: body.into_data_stream(), ended: false, notify })
        })
    }
}

impl Stream for Watched {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.inner).poll_next(context);
        self.ended |= matches!(next, Poll::Ready(None));
        next
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // The receiver may be gone.
        let _ = self.notify.send(self.ended);
    }
}

/// A web server for one request; it responds when the test opens the gate.
pub async fn gate() -> (String, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (open, opened) = oneshot::channel();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        opened.await.unwrap();
        socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        // Kept open until the client closes it.
        let _ = socket.read_to_end(&mut Vec::new()).await;
    });
    (url, open)
}
