//! Server-sent events: one execution followed as a stream that a reader can resume.
//!
//! The event's id is the journal's sequence number. A reader that reconnects sends the last one it
//! saw. Slow readers are cut off by the engine, not buffered here.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use stepwell_core::Problem;
use stepwell_engine::events::Follow;
use stepwell_engine::view::Notice;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::query::Params;
use crate::server::{Api, Stopping};

/// One event of a stream.
#[derive(Debug, PartialEq, Eq, ToSchema)]
#[schema(as = ServerSentEvent)]
pub struct Message {
    /// Its name.
    pub event: &'static str,
    /// Its place in the journal.
    #[schema(value_type = String)]
    pub id: u64,
    /// JSON in one line.
    pub data: String,
}

impl From<Message> for Event {
    fn from(message: Message) -> Self {
        let Message { event, id, data } = message;
        Self::default().event(event).id(id.to_string()).data(data)
    }
}

/// How a dialect writes what happened; it may be several events, or none.
pub type Write = Box<dyn Fn(&Notice) -> Result<Vec<Message>, ApiError> + Send>;

/// A reader: where it wants to begin, and how long the stream may last.
pub struct Reader {
    /// Only what comes after this place; 0: everything.
    pub after: u64,
    heartbeat: Duration,
    stopping: Option<Stopping>,
}

impl FromRequestParts<Api> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let params = Params::from_request_parts(parts, api).await?;
        // A browser repeats the address with its `after` as it was; the header is newer.
        let after = match parts.headers.get("last-event-id") {
            // A client that has seen no event yet may send it empty.
            Some(value) if value.is_empty() => 0,
            Some(value) => place("Last-Event-ID", value.to_str().unwrap_or("?"))?,
            None => params.one("after")?.map_or(Ok(0), |text| place("after", text))?,
        };
        let stopping = parts.extensions.get::<Stopping>().cloned();
        Ok(Self { after, heartbeat: api.config.heartbeat(), stopping })
    }
}

fn place(name: &str, text: &str) -> Result<u64, ApiError> {
    let shown: String = text.chars().take(50).collect();
    text.parse().map_err(|_| {
        ApiError::problem(
            Problem::new(name, "must be the id of an event of this stream")
                .expecting("a whole number", shown),
        )
    })
}

impl Reader {
    /// The answer: events until the execution has ended or the server stops.
    pub fn stream(self, follow: Follow, write: Write) -> Response {
        let alive = KeepAlive::new().interval(self.heartbeat).text("heartbeat");
        let events = events(follow, write, self.stopping);
        let mut response = Sse::new(events).keep_alive(alive).into_response();
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Asks a proxy in between not to hold events back.
        response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }
}

struct State {
    follow: Follow,
    write: Write,
    ready: VecDeque<Message>,
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
}

fn events(
    follow: Follow,
    write: Write,
    stopping: Option<Stopping>,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let stop: Pin<Box<dyn Future<Output = ()> + Send>> = match stopping {
        Some(stopping) => Box::pin(stopping.wait()),
        None => Box::pin(std::future::pending()),
    };
    let state = State { follow, write, ready: VecDeque::new(), stop };
    stream::unfold(state, |mut state| async move {
        loop {
            if let Some(message) = state.ready.pop_front() {
                return Some((Ok(Event::from(message)), state));
            }
            match state.more().await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    // The reader reconnects with the last id it saw and misses nothing.
                    tracing::warn!(
                        reason = error.log().unwrap_or(error.message()),
                        "a stream broke off"
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
        let notice = tokio::select! {
            () = &mut self.stop => return Ok(false),
            notice = self.follow.next() => notice?,
        };
        let Some(notice) = notice else { return Ok(false) };
        self.ready.extend((self.write)(&notice)?);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbers() {
        assert_eq!(place("after", "17").unwrap(), 17);
        for bad in ["", "-1", "x", "1.5"] {
            assert_eq!(place("after", bad).unwrap_err().details()[0].path, "after", "{bad}");
        }
    }
}
