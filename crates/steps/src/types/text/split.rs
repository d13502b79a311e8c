//! `TextOperation.Split`: a text into a list of texts.

use serde_json::{Value, json};
use stepwell_core::catalog::StepSpec;
use unicode_segmentation::UnicodeSegmentation;

use crate::memory::list_of_parts;
use crate::spec::{object_schema, text_operation};
use crate::values::{
    MAX_ITEMS, check_items, object_value, optional_count, optional_text, text_field,
};
use crate::{PureCall, StepBehaviour, StepFailure, StepOutput, StepType, WorkBound};

pub(crate) struct SplitText;

impl StepType for SplitText {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            aliases: &["TextOperations.Split"],
            doc: "An empty text has no items. With `limit`, the last item contains the rest of the \
                  text unchanged.",
            config: config_schema(),
            output: object_schema(
                json!({
                    "items": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "The parts, in order."
                    }
                }),
                &["items"],
            ),
            default_output: Some("items"),
            examples: vec![
                json!({
                    "type": "TextOperation.Split",
                    "input": "red,green,blue",
                    "config": {"separator": ","}
                }),
                json!({
                    "type": "TextOperation.Split",
                    "input": "One step. Then another.",
                    "config": {"by": "words"}
                }),
            ],
            ..text_operation("TextOperation.Split", "Splits a text into a list of texts.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Linear, run_split)
    }

    fn working_bytes(&self, call: &PureCall<'_>) -> usize {
        text_field(call.input, "text").map_or(0, list_of_parts)
    }
}

fn config_schema() -> Value {
    let mut config = object_schema(
        json!({
            "separator": {
                "type": "string",
                "minLength": 1,
                "description": "The text between the items. Not together with `by`."
            },
            "by": {
                "enum": ["lines", "words", "graphemes", "sentences"],
                "default": "lines",
                "description": "How to split without a `separator`: `lines` (line \
                                ends are omitted), `words` (white space and punctuation are \
                                omitted), `graphemes` (user-perceived characters), `sentences`."
            },
            "limit": {
                "type": "integer",
                "minimum": 1,
                "description": "The maximum number of items; the last one contains the rest."
            }
        }),
        &[],
    );
    config["not"] = json!({"required": ["separator", "by"]});
    config
}

fn run_split(call: &PureCall<'_>) -> Result<StepOutput, StepFailure> {
    let text = text_field(call.input, "text")?;
    let limit = optional_count(call.config, "limit")?.unwrap_or(usize::MAX);
    let items = match (optional_text(call.config, "separator"), optional_text(call.config, "by")) {
        _ if text.is_empty() => Vec::new(),
        (Some(separator), _) => collect_parts(text, by_separator(text, separator), limit)?,
        (None, Some("words")) => collect_parts(text, text.unicode_word_indices(), limit)?,
        (None, Some("graphemes")) => collect_parts(text, text.grapheme_indices(true), limit)?,
        (None, Some("sentences")) => {
            let sentences = text
                .split_sentence_bound_indices()
                .map(|(at, sentence)| (at, sentence.trim()))
                .filter(|(_, sentence)| !sentence.is_empty());
            collect_parts(text, sentences, limit)?
        }
        (None, _) => collect_parts(text, by_line(text), limit)?,
    };
    Ok(StepOutput::new(object_value([("items", Value::Array(items))])))
}

/// The parts between separators, each with where it starts.
fn by_separator<'a>(text: &'a str, separator: &str) -> impl Iterator<Item = (usize, &'a str)> {
    let mut at = 0;
    let width = separator.len();
    text.split(separator).map(move |part| {
        let start = at;
        at += part.len() + width;
        (start, part)
    })
}

/// The lines without their ends, each with where it starts.
fn by_line(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        let bare = line.strip_suffix('\n').map(|l| l.strip_suffix('\r').unwrap_or(l));
        (start, bare.unwrap_or(line))
    })
}

/// Takes the parts, the last one up to the end of the text where the limit cuts.
fn collect_parts<'a>(
    text: &'a str,
    parts: impl Iterator<Item = (usize, &'a str)>,
    limit: usize,
) -> Result<Vec<Value>, StepFailure> {
    let mut items = Vec::new();
    let mut parts = parts.peekable();
    while let Some((at, part)) = parts.next() {
        let cut = items.len() + 1 == limit && parts.peek().is_some();
        items.push(Value::from(if cut { &text[at..] } else { part }));
        if cut {
            break;
        }
        if items.len() > MAX_ITEMS {
            check_items(items.len())?;
        }
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;

    #[test]
    fn splits() {
        for (text, config, expect) in [
            ("", json!({}), json!([])),
            ("", json!({"separator": ","}), json!([])),
            ("a,b,,c", json!({"separator": ","}), json!(["a", "b", "", "c"])),
            ("a, b, c", json!({"separator": ", ", "limit": 2}), json!(["a", "b, c"])),
            ("a,b", json!({"separator": ",", "limit": 2}), json!(["a", "b"])),
            ("a,b", json!({"separator": ",", "limit": 1}), json!(["a,b"])),
            ("a\r\nb\n\nc\n", json!({}), json!(["a", "b", "", "c"])),
            ("a\nb\nc\n", json!({"by": "lines", "limit": 2}), json!(["a", "b\nc\n"])),
            ("Don't stop, Zoë!", json!({"by": "words"}), json!(["Don't", "stop", "Zoë"])),
            ("one, two, three!", json!({"by": "words", "limit": 2}), json!(["one", "two, three!"])),
            (
                "🇫🇷e\u{301}👨‍👩‍👧\r\n",
                json!({"by": "graphemes"}),
                json!(["🇫🇷", "e\u{301}", "👨‍👩‍👧", "\r\n"]),
            ),
            ("One step. Then two? ", json!({"by": "sentences"}), json!(["One step.", "Then two?"])),
        ] {
            let output = run(&SplitText, json!({"text": text}), config.clone()).unwrap();
            assert_eq!(output, json!({"items": expect}), "{text:?} {config}");
        }
    }

    #[test]
    fn refuses_too_many_items() {
        let text = "\n".repeat(MAX_ITEMS + 1);
        let failure = run(&SplitText, json!({"text": text}), json!({})).unwrap_err();
        assert_eq!(failure.code, "OUTPUT_TOO_LARGE");
        let output = run(&SplitText, json!({"text": text}), json!({"limit": 3})).unwrap();
        assert_eq!(output["items"].as_array().unwrap().len(), 3);
    }
}
