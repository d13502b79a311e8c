//! Responses with large values: written while they are sent, piece by piece as the client takes
//! them, from values that all readers share.
//!
//! What surrounds the values is small and written first. Values that are [`SharedPlace`] and large are
//! omitted there; the body then goes through them in turn. So a response holds no text of them,
//! only its place in them, and what keeps their memory reserved.

mod capture;
mod writer;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use serde_json::Value;
use stepwell_engine::AppError;
use stepwell_engine::memory::{Hold, MemoryBudget, PATIENCE, Reservation};

pub use capture::SharedPlace;
use capture::{WrittenBody, write_captured};
use writer::ValueWriter;

use crate::error::ApiError;
use crate::respond::json_text;

/// The text around the values of most responses is shorter than this.
const USUAL: usize = 64 << 10;

/// The bytes of one piece.
const CHUNK: usize = 16 << 10;

/// A response with a JSON body that may be large. `hold` keeps the memory of its values reserved;
/// what is written of it in advance is reserved here.
///
/// # Errors
/// `Unavailable` where there is no memory for it in time; `Internal` where the body cannot be
/// written.
pub async fn large_json(
    memory: &MemoryBudget,
    hold: &Hold,
    status: StatusCode,
    body: &(impl Serialize + Sync),
) -> Result<Response, ApiError> {
    if hold.is_small() {
        return crate::respond::json_response(status, body);
    }
    let mut written = write_captured(body, USUAL)?;
    let reserved = memory.reserve(written.length, PATIENCE).await.map_err(AppError::from)?;
    if written.text.len() < written.length {
        // It was counted; now there is memory for it.
        written = write_captured(body, usize::MAX)?;
    }
    if written.shared.is_empty() && written.length < USUAL {
        return Ok(json_text(status, written.text));
    }
    let pieces = body_pieces(written);
    let content = BodyContent { pieces, value: None, _hold: hold.clone(), _reserved: reserved };
    let chunks = stream::unfold(content, |mut content| async move {
        // Takes a few microseconds, and others get their turn in between.
        let chunk = content.next()?;
        Some((Ok::<_, Infallible>(chunk), content))
    });
    Ok(json_text(status, Body::from_stream(chunks)))
}

/// What follows in a body.
enum BodyPiece {
    Text(Bytes),
    Value(Arc<Value>),
}

fn body_pieces(WrittenBody { text, shared, .. }: WrittenBody) -> VecDeque<BodyPiece> {
    let mut pieces = VecDeque::with_capacity(2 * shared.len() + 1);
    let mut text = Bytes::from(text);
    let mut taken = 0;
    for (at, value) in shared {
        let mut before = text.split_to(at - taken + capture::PLACEHOLDER.len());
        before.truncate(at - taken);
        pieces.extend([BodyPiece::Text(before), BodyPiece::Value(value)]);
        taken = at + capture::PLACEHOLDER.len();
    }
    pieces.push_back(BodyPiece::Text(text));
    pieces
}

/// The rest of a body.
struct BodyContent {
    pieces: VecDeque<BodyPiece>,
    /// The value that is being written.
    value: Option<ValueWriter>,
    _hold: Hold,
    _reserved: Reservation,
}

impl BodyContent {
    /// The next bytes; `None` at the end.
    fn next(&mut self) -> Option<Bytes> {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK {
            if let Some(value) = &mut self.value {
                chunk.reserve(CHUNK - chunk.len());
                if value.fill(&mut chunk, CHUNK) {
                    self.value = None;
                }
                continue;
            }
            match self.pieces.pop_front() {
                None => break,
                Some(BodyPiece::Value(value)) => self.value = Some(ValueWriter::of(value)),
                Some(BodyPiece::Text(mut text)) => {
                    let rest = text.split_off(text.len().min(CHUNK));
                    if !rest.is_empty() {
                        self.pieces.push_front(BodyPiece::Text(rest));
                    }
                    if chunk.is_empty() && !self.pieces.is_empty() && text.len() == CHUNK {
                        return Some(text);
                    }
                    chunk.extend_from_slice(&text);
                }
            }
        }
        (!chunk.is_empty()).then(|| chunk.into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::to_bytes;
    use futures_util::StreamExt;
    use serde_json::json;

    use super::*;

    #[derive(Serialize)]
    struct ApiResult<'a> {
        name: String,
        first: SharedPlace<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        none: Option<SharedPlace<'a>>,
        rest: Vec<SharedPlace<'a>>,
    }

    fn budget() -> MemoryBudget {
        MemoryBudget::new(1 << 20)
    }

    async fn check(values: [Value; 3], name: usize) {
        let [first, second, third] = values.map(Arc::new);
        let body = ApiResult {
            name: "é".repeat(name),
            first: SharedPlace(&first),
            none: None,
            rest: vec![SharedPlace(&second), SharedPlace(&third), SharedPlace(&second)],
        };
        let expect = serde_json::to_string(&body).unwrap();
        let response = super::large_json(&budget(), &Hold::default(), StatusCode::OK, &body).await;
        let written = to_bytes(response.unwrap().into_body(), usize::MAX).await.unwrap();
        assert!(written == expect.as_bytes(), "{} bytes", expect.len());
    }

    #[tokio::test]
    async fn is_what_serde_json_writes() {
        let nested = json!({"a": [1, -2.5, null, true, {"é\n": "\u{1}\"\\"}], "": {}, "b": []});
        let many: Value = (0..5000).map(|n| json!({"n": n, "t": "é".repeat(n % 40)})).collect();
        let long = json!("\u{1}é\"x".repeat(50_000));
        for values in [
            [json!(null), json!(1), json!("")],
            [nested.clone(), many.clone(), long.clone()],
            [json!([many, nested]), json!({"long": long, "n": 1}), json!([[[["x".repeat(9000)]]]])],
        ] {
            check(values.clone(), 0).await;
            check(values, 100_000).await;
        }
    }

    #[tokio::test]
    async fn what_is_written_follows_what_is_read() {
        let value = Arc::new(json!("x".repeat(1 << 20)));
        let held = Arc::new(());
        let hold = Hold::new(held.clone());
        let response = super::large_json(&budget(), &hold, StatusCode::OK, &SharedPlace(&value))
            .await
            .unwrap();
        drop(hold);
        let mut chunks = response.into_body().into_data_stream();
        let first = chunks.next().await.unwrap().unwrap();
        assert!(first.len() <= 2 * CHUNK, "{}", first.len());
        // The body has the value itself and no text of it.
        assert_eq!((Arc::strong_count(&value), Arc::strong_count(&held)), (2, 2));
        let mut length = first.len();
        while let Some(chunk) = chunks.next().await {
            length += chunk.unwrap().len();
        }
        assert_eq!(length, (1 << 20) + 2);
        drop(chunks);
        assert_eq!((Arc::strong_count(&value), Arc::strong_count(&held)), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_text_waits_for_memory() {
        let budget = budget();
        let taken = budget.reserve(900_000, Duration::ZERO).await.unwrap();
        let text = "x".repeat(500_000);
        let hold = Hold::default();
        let refused = super::large_json(&budget, &hold, StatusCode::OK, &text).await.unwrap_err();
        assert_eq!(refused.kind(), crate::error::Kind::Unavailable);
        drop(taken);
        let response = super::large_json(&budget, &hold, StatusCode::OK, &text).await.unwrap();
        assert_eq!(budget.used(), 500_002);
        let written = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!((written.len(), budget.used()), (500_002, 0));
    }
}
