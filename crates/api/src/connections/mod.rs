//! The connections of the server: accepting them, how many there may be, and their deadlines.
//!
//! A connection that sends nothing, drips, or stays idle is closed; so is one whose client takes a
//! response too slowly. Where all places are taken, a new connection takes the place of the one
//! that has waited longest; where none waits, a few more are accepted, which are served the
//! operators' paths and refused everything else.

mod exchange;
mod state;
mod stream;
mod table;
mod unread;
mod unreadable;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Response};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use stepwell_engine::App;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

pub use state::CLOSE_LABELS;
pub use table::ConnectionLimits;

use crate::error::{ApiError, Kind};
use crate::shared_router::SharedRouter;
use crate::state::Stopping;
use crate::{edge, telemetry};
use exchange::HttpExchange;
use state::{CloseReason, ConnectionPhase, ConnectionState, RequestedClose};
use stream::ClientStream;
use table::{ConnectionRegistration, ConnectionTable, MAX_HEAD};

/// How much of a response may wait in the kernel without having been sent: so what a slow client
/// takes is seen as it takes it, and slow clients hold little memory.
#[cfg(target_os = "linux")]
const MAX_UNSENT: u32 = 128 << 10;

/// How long to wait after an error that the next attempt would meet again.
const BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// How long an error may take to be written to a client that sent half a head.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Accepts connections until `stopping`, then waits for the requests under way.
pub async fn serve_connections(
    app: App,
    listener: TcpListener,
    router: SharedRouter,
    limits: ConnectionLimits,
    stopping: Stopping,
) -> io::Result<()> {
    let server = ConnectionServer { app, table: ConnectionTable::new(limits), router, stopping };
    tokio::select! {
        () = server.accept(listener) => {}
        () = server.table.reap() => {}
    }
    Ok(())
}

struct ConnectionServer {
    app: App,
    table: Arc<ConnectionTable>,
    router: SharedRouter,
    stopping: Stopping,
}

impl ConnectionServer {
    async fn accept(&self, listener: TcpListener) {
        let accepting = async {
            let mut backoff = BACKOFF;
            loop {
                match listener.accept().await {
                    Ok((socket, peer)) => {
                        backoff = BACKOFF;
                        let registration = self.table.admit().await;
                        self.start(socket, peer, registration);
                    }
                    // The client has gone already.
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        tracing::warn!(%error, "connections cannot be accepted");
                        self.table.evict_one();
                        tokio::time::sleep(backoff).await;
                        backoff = (backoff * 2).min(MAX_BACKOFF);
                    }
                }
            }
        };
        tokio::select! {
            () = accepting => {}
            () = self.stopping.clone().wait() => {}
        }
        drop(listener);
        self.table.stop().await;
    }

    fn start(&self, socket: TcpStream, peer: SocketAddr, registration: ConnectionRegistration) {
        if let Err(error) = set_options(&socket) {
            tracing::debug!(%error, "a socket keeps its options");
        }
        let exchange = Arc::new(HttpExchange {
            app: self.app.clone(),
            table: Arc::clone(&self.table),
            router: self.router.clone(),
            stopping: self.stopping.clone(),
            connection: Arc::clone(&registration.connection),
            peer,
        });
        tokio::spawn(drive_connection(socket, exchange, registration));
    }
}

/// Serves a connection to its end.
async fn drive_connection(
    socket: TcpStream,
    exchange: Arc<HttpExchange>,
    registration: ConnectionRegistration,
) {
    let app = exchange.app.clone();
    let table = Arc::clone(&exchange.table);
    let connection = Arc::clone(&registration.connection);
    let stream = TokioIo::new(ClientStream::new(socket, Arc::clone(&connection)));
    let service = service_fn(move |request| Arc::clone(&exchange).serve(request));
    let mut serving =
        http1::Builder::new().max_buf_size(MAX_HEAD).serve_connection(stream, service);
    let mut is_stopping = false;
    let ended = poll_fn(|context| {
        match connection.requested(context.waker()) {
            RequestedClose::Nothing => {}
            RequestedClose::StayedOpen => table.stayed_open(),
            RequestedClose::Close(reason) => return Poll::Ready(Err(reason)),
            RequestedClose::Stop if is_stopping => {}
            RequestedClose::Stop => {
                is_stopping = true;
                Pin::new(&mut serving).graceful_shutdown();
            }
        }
        Pin::new(&mut serving).poll(context).map(Ok)
    })
    .await;
    let phase = connection.stamp().phase();
    let parts = serving.into_parts();
    let stream = parts.io.into_inner();
    match ended {
        Ok(served) => {
            // Other errors of a connection are its client's, which has gone.
            if let (Some(status), Err(error)) = (stream.withheld(), served) {
                let error = unreadable::error_of(&parts.read_buf, status, &error);
                let sending = send_last(stream, refusal_response(&app, &parts.read_buf, &error));
                send_unless_closed(&connection, &table, sending).await;
            }
        }
        Err(reason) => {
            telemetry::closed_connection(reason.label(phase));
            if phase == ConnectionPhase::Head {
                let refused = refusal_response(&app, &parts.read_buf, &request_timed_out(reason));
                let _ = tokio::time::timeout(LAST_WORDS, send_last(stream, refused)).await;
            }
        }
    }
    drop(registration);
}

/// Waits for the last response of a connection, unless the connection passes a deadline.
async fn send_unless_closed(
    connection: &ConnectionState,
    table: &ConnectionTable,
    sending: impl Future<Output = io::Result<()>>,
) {
    let mut sending = pin!(sending);
    poll_fn(|context| {
        match connection.requested(context.waker()) {
            RequestedClose::Close(_) => return Poll::Ready(()),
            RequestedClose::StayedOpen => table.stayed_open(),
            RequestedClose::Nothing | RequestedClose::Stop => {}
        }
        // The client may have gone.
        sending.as_mut().poll(context).map(drop)
    })
    .await;
}

/// The error of a request whose head did not arrive in time.
fn request_timed_out(reason: CloseReason) -> ApiError {
    match reason {
        CloseReason::Evicted => exchange::server_overloaded(),
        _ => ApiError::new(
            Kind::SlowBody,
            "the header of the request did not arrive in time; send the request again",
        ),
    }
}

/// The response to a request that cannot be read; `head` is what has arrived of it.
fn refusal_response(app: &App, head: &[u8], error: &ApiError) -> Response<Body> {
    let mut response = edge::refuse_unrouted(app, unreadable::path_of(head), error);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Writes a response without a request that hyper could respond to.
async fn send_last(
    mut stream: ClientStream<TcpStream>,
    response: Response<Body>,
) -> io::Result<()> {
    stream.begin_own_response();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_HEAD).await.map_err(io::Error::other)?;
    let mut text = format!("HTTP/1.1 {}\r\ncontent-length: {}\r\n", parts.status, body.len());
    for (name, value) in &parts.headers {
        if let Ok(value) = value.to_str() {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    text.push_str("\r\n");
    stream.write_all(&[text.as_bytes(), &body].concat()).await?;
    stream.shutdown().await
}

fn set_options(socket: &TcpStream) -> io::Result<()> {
    // Responses are written whole: waiting for more only adds latency.
    socket.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(socket).set_tcp_notsent_lowat(MAX_UNSENT)?;
    Ok(())
}

/// Whether the error is about the one connection that was to be accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
