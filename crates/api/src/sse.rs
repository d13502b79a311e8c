//! Server-sent events: one execution followed as a stream that a reader can resume.
//!
//! Every event has an id of its own, so each can be the last one that a reader saw: see [`EventId`].
//! Slow readers are cut off by the engine, not buffered here.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use stepwell_core::Problem;
use stepwell_engine::events::Follow;
use stepwell_engine::memory::Reservation;
use stepwell_engine::view::Notice;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};

use crate::error::{ApiError, shorten_text};
use crate::query::Params;
use crate::state::{Api, Stopping};

/// One event of a stream, without its id.
#[derive(Debug, PartialEq, Eq)]
pub struct SseMessage {
    /// Its name.
    pub event: &'static str,
    /// JSON in one line.
    pub data: String,
}

/// One event of a stream.
#[derive(Debug)]
pub struct ServerSentEvent {
    /// Its name.
    pub event: &'static str,
    /// Send the last one as `Last-Event-ID` to continue behind it.
    pub id: EventId,
    /// JSON in one line.
    pub data: String,
}

/// The schema of a stream whose events have data of that schema. A stream is text: generated clients
/// would read any other schema as the one JSON value of the response.
pub fn stream_schema(data: &str) -> RefOr<Schema> {
    let text =
        |description| ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    let mut json = text("JSON in one line").content_media_type("application/json").build();
    json.content_schema = Some(Box::new(Ref::from_schema_name(data).into()));
    let event = ObjectBuilder::new()
        .property("event", text("Its name"))
        .property("id", text("Send the last one as `Last-Event-ID` to continue after it"))
        .property("data", json)
        .description(Some("One event"));
    let mut stream = text("Server-sent events").build();
    stream.content_schema = Some(Box::new(event.into()));
    stream.into()
}

impl From<ServerSentEvent> for Event {
    fn from(event: ServerSentEvent) -> Self {
        let ServerSentEvent { event, id, data } = event;
        Self::default().event(event).id(id.to_string()).data(data)
    }
}

/// The id of an event: the journal's sequence number. Where one entry of the journal makes several
/// events, those before the last one carry their number behind a dot: `7.1`, then `7`. So a plain
/// number always means that everything of that entry was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId {
    sequence: u64,
    part: Option<NonZeroUsize>,
}

impl EventId {
    /// The last event of an entry of the journal; 0: before the first.
    const fn whole(sequence: u64) -> Self {
        Self { sequence, part: None }
    }

    /// The event at `index` of the `count` events of an entry.
    fn of(sequence: u64, index: usize, count: usize) -> Self {
        let part = NonZeroUsize::new(index + 1).filter(|_| index + 1 < count);
        Self { sequence, part }
    }

    fn parse(text: &str) -> Option<Self> {
        // `parse` takes a sign as well.
        if text.contains('+') {
            return None;
        }
        let Some((sequence, part)) = text.split_once('.') else {
            return text.parse().ok().map(Self::whole);
        };
        let sequence = sequence.parse().ok().filter(|sequence| *sequence > 0)?;
        Some(Self { sequence, part: Some(part.parse().ok()?) })
    }

    /// The sequence number up to which everything was seen.
    const fn seen_whole(self) -> u64 {
        match self.part {
            None => self.sequence,
            Some(_) => self.sequence.saturating_sub(1),
        }
    }

    /// How many events of that entry were seen.
    fn seen_of(self, sequence: u64) -> usize {
        self.part.filter(|_| self.sequence == sequence).map_or(0, NonZeroUsize::get)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            None => write!(f, "{}", self.sequence),
            Some(part) => write!(f, "{}.{part}", self.sequence),
        }
    }
}

/// How a dialect writes what happened; it may be several events, or none.
pub type Write = Box<dyn Fn(&Notice) -> Result<Vec<SseMessage>, ApiError> + Send>;

/// A reader: where it wants to begin, and how long the stream may last.
pub struct EventReader {
    /// Only what comes after this event.
    after: EventId,
    heartbeat: Duration,
    stopping: Option<Stopping>,
}

impl FromRequestParts<Api> for EventReader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let params = Params::from_request_parts(parts, api).await?;
        // A browser repeats the address with its `after` as it was; the header is newer.
        let after = match parts.headers.get("last-event-id") {
            // A client that has seen no event yet may send it empty.
            Some(value) if value.is_empty() => EventId::whole(0),
            Some(value) => event_id("Last-Event-ID", value.to_str().unwrap_or("?"))?,
            None => match params.one("after")? {
                Some(text) => event_id("after", text)?,
                None => EventId::whole(0),
            },
        };
        let stopping = parts.extensions.get::<Stopping>().cloned();
        Ok(Self { after, heartbeat: api.config.heartbeat(), stopping })
    }
}

fn event_id(name: &str, text: &str) -> Result<EventId, ApiError> {
    EventId::parse(text).ok_or_else(|| {
        ApiError::problem(
            Problem::new(name, "must be the id of an event of this stream")
                .with_expectation("an id such as 7 or 7.1", shorten_text(text)),
        )
    })
}

impl EventReader {
    /// Only what comes after this place in the journal is needed; 0: everything.
    pub fn after(&self) -> u64 {
        self.after.seen_whole()
    }

    /// The response: events until the execution has ended or the server stops.
    pub fn stream(self, follow: Follow, write: Write) -> Response {
        let alive = KeepAlive::new().interval(self.heartbeat).text("heartbeat");
        let events = event_stream(follow, write, self.after, self.stopping);
        let mut response = Sse::new(events).keep_alive(alive).into_response();
        // Proxies must not hold events back.
        response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }
}

struct State {
    follow: Follow,
    write: Write,
    after: EventId,
    ready: VecDeque<ServerSentEvent>,
    /// The memory reserved for them; kept until the next ones are polled.
    memory: Option<Reservation>,
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
}

fn event_stream(
    follow: Follow,
    write: Write,
    after: EventId,
    stopping: Option<Stopping>,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let stop: Pin<Box<dyn Future<Output = ()> + Send>> = match stopping {
        Some(stopping) => Box::pin(stopping.wait()),
        None => Box::pin(std::future::pending()),
    };
    let state = State { follow, write, after, ready: VecDeque::new(), memory: None, stop };
    stream::unfold(state, |mut state| async move {
        loop {
            if let Some(event) = state.ready.pop_front() {
                return Some((Ok(event.into()), state));
            }
            match state.more().await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    // The reader reconnects with the last id it saw and misses nothing.
                    tracing::warn!(
                        reason = error.log().unwrap_or(error.message()),
                        "a stream was interrupted"
                    );
                    return None;
                }
            }
        }
    })
}

impl State {
    /// Waits for the next notice; `false` where there will be none.
    async fn more(&mut self) -> Result<bool, ApiError> {
        self.memory = None;
        let notice = tokio::select! {
            () = &mut self.stop => return Ok(false),
            notice = self.follow.next() => notice?,
        };
        let Some(notice) = notice else { return Ok(false) };
        self.memory = Some(self.follow.room_for(&notice).await?);
        let messages = (self.write)(&notice)?;
        self.ready.extend(identify_messages(notice.seq, messages, self.after));
        Ok(true)
    }
}

/// The events of an entry of the journal with their ids, without those that were seen.
fn identify_messages(
    sequence: u64,
    messages: Vec<SseMessage>,
    after: EventId,
) -> impl Iterator<Item = ServerSentEvent> {
    let count = messages.len();
    let identify = move |(index, SseMessage { event, data })| ServerSentEvent {
        event,
        id: EventId::of(sequence, index, count),
        data,
    };
    messages.into_iter().enumerate().map(identify).skip(after.seen_of(sequence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(sequence: u64, count: usize, after: &str) -> Vec<String> {
        let message = |_| SseMessage { event: "task", data: String::new() };
        let messages = (0..count).map(message).collect();
        let after = EventId::parse(after).unwrap();
        identify_messages(sequence, messages, after).map(|event| event.id.to_string()).collect()
    }

    #[test]
    fn every_event_of_an_entry_has_its_own_id() {
        for (count, after, expect) in [
            (1, "0", vec!["7"]),
            (2, "6", vec!["7.1", "7"]),
            (3, "0", vec!["7.1", "7.2", "7"]),
            (3, "7.1", vec!["7.2", "7"]),
            (3, "7.2", vec!["7"]),
            (3, "6.2", vec!["7.1", "7.2", "7"]),
            (1, "7.9", vec![]),
        ] {
            assert_eq!(ids(7, count, after), expect, "{count} after {after}");
        }
    }

    #[test]
    fn ids_are_read() {
        for (text, seen) in [("0", 0), ("17", 17), ("17.1", 16), ("1.2", 0)] {
            let id = event_id("after", text).unwrap();
            assert_eq!((id.seen_whole(), id.to_string().as_str()), (seen, text));
        }
        for bad in ["", "-1", "x", "1.", ".1", "1.0", "0.1", "1.1.1", "1.5e3", "1 ", "+5", "1.+1"] {
            assert_eq!(event_id("after", bad).unwrap_err().details()[0].path, "after", "{bad}");
        }
    }
}
