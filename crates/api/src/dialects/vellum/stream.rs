//! The stream of an execution: one JSON object a line, from the live run, flushed as it happens.
//!
//! A line is whole or not there; a quiet stream sends empty lines, which its clients pass over.
//! A reader that falls too far behind is disconnected, and the execution continues without it.

use std::io;
use std::pin::{Pin, pin};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use stepwell_engine::events::Follow;
use stepwell_engine::memory::Reservation;
use stepwell_engine::view::Notice;

use super::lines::EventLines;
use super::meta::ExpandMeta;
use super::request::EventTypes;
use crate::respond;
use crate::state::Stopping;

/// Lines that are ready go out together, up to about so many bytes.
const CHUNK: usize = 32 << 10;

/// How a stream is to be.
pub struct StreamOptions {
    /// Which events.
    pub events: EventTypes,
    /// What the end events of nodes have besides their outputs.
    pub meta: ExpandMeta,
    /// Whether the client knows the type `THINKING`.
    pub thinking: bool,
    /// How it keeps going.
    pub pace: HeartbeatPace,
}

/// How a stream keeps going, and when it stops.
pub struct HeartbeatPace {
    /// How often a quiet stream sends an empty line.
    pub heartbeat: Duration,
    /// Signals that the server stops.
    pub stopping: Option<Stopping>,
}

/// Turns what happens into lines of a stream.
pub trait WriteLines: Send {
    /// Appends the lines about `notice`, if there are any.
    ///
    /// # Errors
    /// A value cannot be written.
    fn write(&mut self, follow: &Follow, notice: &Notice, to: &mut Vec<u8>) -> io::Result<()>;
}

/// The response: the events of the execution that `follow` follows, from its beginning to its end.
pub fn stream_response(
    follow: Follow,
    external_id: Option<String>,
    options: StreamOptions,
) -> Response {
    let StreamOptions { events, meta, thinking, pace } = options;
    let lines = EventLines::new(&follow, external_id, events, meta, thinking);
    stream_of(follow, lines, pace)
}

/// The response: the lines that `lines` writes for each notice of `follow`.
pub fn stream_of(
    follow: Follow,
    lines: impl WriteLines + 'static,
    pace: HeartbeatPace,
) -> Response {
    let HeartbeatPace { heartbeat, stopping } = pace;
    let stop: StreamStop = match stopping {
        Some(stopping) => Box::pin(stopping.wait()),
        None => Box::pin(std::future::pending()),
    };
    let state = State { follow, lines, stop, heartbeat, memory: Vec::new(), over: false };
    let chunks = stream::unfold(state, |mut state| async move {
        let chunk = state.chunk().await?;
        Some((chunk, state))
    });
    let mut response = respond::json_text(StatusCode::OK, Body::from_stream(chunks));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    // Proxies must not hold lines back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

type StreamStop = Pin<Box<dyn Future<Output = ()> + Send>>;

struct State<L> {
    follow: Follow,
    lines: L,
    stop: StreamStop,
    heartbeat: Duration,
    /// What is reserved for the lines that were sent last.
    memory: Vec<Reservation>,
    over: bool,
}

impl<L: WriteLines> State<L> {
    /// The next lines; `None` after the last. An error cuts the connection, so that the client
    /// knows that it has not seen the end.
    async fn chunk(&mut self) -> Option<io::Result<Bytes>> {
        if self.over {
            return None;
        }
        let chunk = self.read().await;
        match &chunk {
            Ok(chunk) => self.over = chunk.is_empty(),
            Err(error) => {
                self.over = true;
                tracing::warn!(%error, "a stream was interrupted");
            }
        }
        if matches!(&chunk, Ok(chunk) if chunk.is_empty()) { None } else { Some(chunk) }
    }

    async fn write(&mut self, notice: &Notice, buffer: &mut Vec<u8>) -> io::Result<()> {
        let memory = self.follow.room_for(notice).await.map_err(io::Error::other)?;
        if memory.bytes() > 0 {
            self.memory.push(memory);
        }
        self.lines.write(&self.follow, notice, buffer)
    }

    /// Waits for something to send; empty: there is nothing more.
    async fn read(&mut self) -> io::Result<Bytes> {
        let mut buffer = Vec::new();
        self.memory.clear();
        // Not anew for each notice: some make no line, and the stream is quiet all the same.
        let mut quiet = pin!(tokio::time::sleep(self.heartbeat));
        loop {
            let notice = tokio::select! {
                biased;
                notice = self.follow.next() => notice.map_err(io::Error::other)?,
                () = &mut self.stop => return Err(io::Error::other("the server is stopping")),
                () = &mut quiet => return Ok(Bytes::from_static(b"\n")),
            };
            let Some(notice) = notice else { return Ok(buffer.into()) };
            self.write(&notice, &mut buffer).await?;
            while buffer.len() < CHUNK
                && let Some(notice) = self.follow.try_next().map_err(io::Error::other)?
            {
                self.write(&notice, &mut buffer).await?;
            }
            if !buffer.is_empty() {
                return Ok(buffer.into());
            }
        }
    }
}
