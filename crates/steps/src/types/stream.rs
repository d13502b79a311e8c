//! `StreamText`: streams a text in pieces to live readers.

use std::time::Duration;

use serde_json::{Value, json};
use stepwell_core::Map;
use stepwell_core::catalog::{ConfigCheck, Effect, StepSpec};
use stepwell_core::definition::parse_duration;
use unicode_segmentation::UnicodeSegmentation;

use crate::spec::{object_schema, text_operation};
use crate::values::{optional_count, optional_text, text_field, text_output, unfit_value};
use crate::{RunContext, StepBehaviour, StepFailure, StepFuture, StepOutput, StepType};

/// The task yields after this number of pieces without a pause.
const BURST: usize = 64;

pub(crate) struct StreamText;

impl StepType for StreamText {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            doc: "Clients that follow the execution receive the pieces as they are sent; the output \
                  is the whole text. Characters are user-perceived (grapheme clusters) and are never \
                  cut. With a `pause`, a crash of the server does not begin again: the pieces that \
                  were sent more than a second before are not sent again.",
            config: object_schema(
                json!({
                    "chunk": {
                        "anyOf": [
                            {"enum": ["words", "graphemes"]},
                            {"type": "integer", "minimum": 1}
                        ],
                        "default": "words",
                        "description": "The size of a piece: `words` (a word with the white space \
                                        after it), `graphemes` (one character), or a number of \
                                        characters."
                    },
                    "pause": {
                        "type": ["string", "number"],
                        "minimum": 0,
                        "description": "The pause between two pieces: a duration such as \
                                        `20ms`, or a number of seconds. Default: none."
                    }
                }),
                &[],
            ),
            effect: Effect::Idempotent,
            check: Some(|known| check_config(&known.config)),
            examples: vec![json!({
                "type": "StreamText",
                "input": "Hello, world!",
                "config": {"chunk": "words", "pause": "20ms"}
            })],
            ..text_operation("StreamText", "Streams a text in pieces to live readers.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Async(run_stream)
    }
}

fn run_stream<'a>(context: &'a RunContext<'a>) -> StepFuture<'a> {
    Box::pin(send_pieces(context))
}

async fn send_pieces(context: &RunContext<'_>) -> Result<StepOutput, StepFailure> {
    let text = text_field(&context.input, "text")?;
    context.memory.reserve_bytes(2 * text.len()).await?;
    let pause = match context.config.get("pause") {
        Some(written) => parse_pause(written).map_err(|message| {
            StepFailure::permanent_failure("INVALID_INPUT", format!("`pause`: {message}"))
        })?,
        None => None,
    };
    // A client that follows the execution has the pieces before the checkpoint already.
    let first = context.checkpoint.and_then(Value::as_u64).unwrap_or(0);
    let first = usize::try_from(first).unwrap_or(usize::MAX);
    for (sent, piece) in split_pieces(text, context.config)?.enumerate().skip(first) {
        match pause {
            Some(pause) if sent > 0 => tokio::time::sleep(pause).await,
            None if sent > 0 && sent.is_multiple_of(BURST) => tokio::task::yield_now().await,
            _ => {}
        }
        (context.delta)(piece);
        if pause.is_some() {
            (context.save_checkpoint)(json!(sent + 1));
        }
    }
    text_output(text)
}

fn check_config(config: &Map) -> ConfigCheck {
    match config.get("pause").map(parse_pause) {
        Some(Err(message)) => Err(("pause", message)),
        _ => Ok(()),
    }
}

/// The pause that was written; `None` where it is 0.
fn parse_pause(written: &Value) -> Result<Option<Duration>, String> {
    match written {
        Value::Number(number) if number.as_f64() == Some(0.0) => Ok(None),
        written => parse_duration(written).map(Some),
    }
}

type TextPieces<'a> = Box<dyn Iterator<Item = &'a str> + Send + 'a>;

/// The pieces; put together they are the text.
fn split_pieces<'a>(text: &'a str, config: &Value) -> Result<TextPieces<'a>, StepFailure> {
    let characters = match (config.get("chunk"), optional_text(config, "chunk")) {
        (None, _) | (_, Some("words")) => return Ok(Box::new(split_words(text))),
        (_, Some("graphemes")) => 1,
        (Some(other), _) => optional_count(config, "chunk")?
            .filter(|count| *count > 0)
            .ok_or_else(|| unfit_value("chunk", "`words`, `graphemes` or a number", Some(other)))?,
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
fn split_words(text: &str) -> impl Iterator<Item = &str> + Send {
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
    use crate::memory::UnlimitedMemory;
    use crate::testing::assert_valid;
    use crate::{OutboundClient, OutboundError, OutboundRequest, OutboundResponse, WorkingMemory};

    struct Nowhere;

    #[async_trait]
    impl OutboundClient for Nowhere {
        async fn send_request(
            &self,
            _: OutboundRequest,
            _: &dyn WorkingMemory,
        ) -> Result<OutboundResponse, OutboundError> {
            Err(OutboundError::Refused("no".into()))
        }
    }

    async fn stream(text: &str, config: Value) -> (Value, Vec<String>) {
        stream_from(text, config, None).await
    }

    async fn stream_from(
        text: &str,
        config: Value,
        checkpoint: Option<&Value>,
    ) -> (Value, Vec<String>) {
        assert_valid(&StreamText.type_spec().config, &config, "config");
        let pieces = Mutex::new(Vec::new());
        let keep = |piece: &str| pieces.lock().unwrap().push(piece.to_owned());
        let context = RunContext {
            input: Arc::new(json!({"text": text})),
            config: &config,
            idempotency_key: "e/s/0",
            attempt: 1,
            outbound: &Nowhere,
            log: &|_, _| {},
            checkpoint,
            save_checkpoint: &|_| {},
            delta: &keep,
            memory: &UnlimitedMemory,
            redact: &NoSecrets,
        };
        let output = send_pieces(&context).await.unwrap();
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

    #[tokio::test]
    async fn continues_behind_its_checkpoint() {
        for (checkpoint, expect) in [
            (json!(2), &["c"][..]),
            (json!(3), &[]),
            (json!(9), &[]),
            (json!("no number"), &["a ", "b ", "c"]),
        ] {
            let (output, pieces) = stream_from("a b c", json!({}), Some(&checkpoint)).await;
            assert_eq!(pieces, expect, "{checkpoint}");
            assert_eq!(output, json!({"text": "a b c"}), "the whole text");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_between_pieces() {
        let started = tokio::time::Instant::now();
        stream("a b c", json!({"pause": "2s"})).await;
        assert_eq!(started.elapsed(), Duration::from_secs(4));
    }
}
