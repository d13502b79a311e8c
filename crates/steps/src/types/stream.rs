//! `StreamText`: passes a text on in pieces, so that those who watch see it grow.

use std::time::Duration;

use serde_json::{Value, json};
use stepwell_core::Map;
use stepwell_core::catalog::{ConfigCheck, Effect, StepSpec};
use stepwell_core::definition::parse_duration;
use unicode_segmentation::UnicodeSegmentation;

use crate::spec::{object, text_operation};
use crate::values::{optional_count, optional_text, text, text_output, unfit};
use crate::{Behaviour, Failure, RunContext, StepFuture, StepOutput, StepType};

/// After so many pieces without a pause, other work gets its turn.
const BURST: usize = 64;

pub(crate) struct StreamText;

impl StepType for StreamText {
    fn spec(&self) -> StepSpec {
        StepSpec {
            doc: "Those who follow the execution live get the pieces as they are sent; the output \
                  is the whole text. A character is what a reader sees as one, and is never cut.",
            config: object(
                json!({
                    "chunk": {
                        "anyOf": [
                            {"enum": ["words", "graphemes"]},
                            {"type": "integer", "minimum": 1}
                        ],
                        "default": "words",
                        "description": "What a piece is: `words` (a word with the white space \
                                        after it), `graphemes` (one character), or a number of \
                                        characters."
                    },
                    "pause": {
                        "type": ["string", "number"],
                        "minimum": 0,
                        "description": "How long to wait between two pieces: a duration such as \
                                        `20ms`, or a number of seconds. Without it, none."
                    }
                }),
                &[],
            ),
            effect: Effect::Idempotent,
            check: Some(|known| check(&known.config)),
            examples: vec![json!({
                "type": "StreamText",
                "input": "Hello, world!",
                "config": {"chunk": "words", "pause": "20ms"}
            })],
            ..text_operation("StreamText", "Passes a text on in pieces, as a live stream.")
        }
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour::Async(run)
    }
}

fn run<'a>(context: &'a RunContext<'a>) -> StepFuture<'a> {
    Box::pin(send(context))
}

async fn send(context: &RunContext<'_>) -> Result<StepOutput, Failure> {
    let text = text(&context.input, "text")?;
    context.memory.reserve(2 * text.len()).await?;
    let pause = match context.config.get("pause") {
        Some(written) => pause(written).map_err(|message| {
            Failure::permanent("INVALID_INPUT", format!("`pause`: {message}"))
        })?,
        None => None,
    };
    for (sent, piece) in pieces(text, context.config)?.enumerate() {
        match pause {
            Some(pause) if sent > 0 => tokio::time::sleep(pause).await,
            None if sent > 0 && sent.is_multiple_of(BURST) => tokio::task::yield_now().await,
            _ => {}
        }
        (context.delta)(piece);
    }
    text_output(text)
}

fn check(config: &Map) -> ConfigCheck {
    match config.get("pause").map(pause) {
        Some(Err(message)) => Err(("pause", message)),
        _ => Ok(()),
    }
}

/// The pause that was written; `None` where it is 0.
fn pause(written: &Value) -> Result<Option<Duration>, String> {
    match written {
        Value::Number(number) if number.as_f64() == Some(0.0) => Ok(None),
        written => parse_duration(written).map(Some),
    }
}

type Pieces<'a> = Box<dyn Iterator<Item = &'a str> + Send + 'a>;

/// The pieces; put together they are the text.
fn pieces<'a>(text: &'a str, config: &Value) -> Result<Pieces<'a>, Failure> {
    let characters = match (config.get("chunk"), optional_text(config, "chunk")) {
        (None, _) | (_, Some("words")) => return Ok(Box::new(words(text))),
        (_, Some("graphemes")) => 1,
        (Some(other), _) => optional_count(config, "chunk")?
            .filter(|count| *count > 0)
            .ok_or_else(|| unfit("chunk", "`words`, `graphemes` or a number", Some(other)))?,
    };
    let mut rest = text;
    Ok(Box::new(std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.grapheme_indices(true).nth(characters).map_or(rest.len(), |(at, _)| at);
        let (piece, left) = rest.split_at(end);
        rest = left;
        Some(piece)
    })))
}

/// Words, each with the white space that follows; white space at the beginning is a piece, too.
fn words(text: &str) -> impl Iterator<Item = &str> + Send {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let word = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let space = rest[word..].find(|c: char| !c.is_whitespace());
        let end = space.map_or(rest.len(), |space| word + space);
        let (piece, left) = rest.split_at(end);
        rest = left;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;
    use stepwell_core::redact::NoSecrets;

    use super::*;
    use crate::memory::Unlimited;
    use crate::testing::assert_valid;
    use crate::{Outbound, OutboundError, OutboundRequest, OutboundResponse, WorkingMemory};

    struct Nowhere;

    #[async_trait]
    impl Outbound for Nowhere {
        async fn send(
            &self,
            _: OutboundRequest,
            _: &dyn WorkingMemory,
        ) -> Result<OutboundResponse, OutboundError> {
            Err(OutboundError::Refused("no".into()))
        }
    }

    async fn stream(text: &str, config: Value) -> (Value, Vec<String>) {
        assert_valid(&StreamText.spec().config, &config, "config");
        let pieces = Mutex::new(Vec::new());
        let keep = |piece: &str| pieces.lock().unwrap().push(piece.to_owned());
        let context = RunContext {
            input: Arc::new(json!({"text": text})),
            config: &config,
            idempotency_key: "e/s/0",
            attempt: 1,
            outbound: &Nowhere,
            log: &|_, _| {},
            delta: &keep,
            memory: &Unlimited,
            redact: &NoSecrets,
        };
        let output = send(&context).await.unwrap();
        drop(context);
        (Value::clone(&output.value), pieces.into_inner().unwrap())
    }

    #[tokio::test]
    async fn pieces_put_together_are_the_text() {
        for (text, config, expect) in [
            ("", json!({}), &[][..]),
            ("Hello, big  world!\n", json!({}), &["Hello, ", "big  ", "world!\n"]),
            (" a", json!({"chunk": "words"}), &[" ", "a"]),
            ("ae\u{301}🇫🇷", json!({"chunk": "graphemes"}), &["a", "e\u{301}", "🇫🇷"]),
            ("abcde", json!({"chunk": 2}), &["ab", "cd", "e"]),
            ("abc", json!({"chunk": 9}), &["abc"]),
        ] {
            let (output, pieces) = stream(text, config.clone()).await;
            assert_eq!(pieces, expect, "{text:?} {config}");
            assert_eq!(pieces.concat(), text);
            assert_eq!(output, json!({"text": text}));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_between_pieces() {
        let started = tokio::time::Instant::now();
        stream("a b c", json!({"pause": "2s"})).await;
        assert_eq!(started.elapsed(), Duration::from_secs(4));
    }
}
