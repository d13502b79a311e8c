//! `TextOperation.Truncate`: a text of at most so many characters.

use serde_json::json;
use stepwell_core::catalog::StepSpec;
use unicode_segmentation::UnicodeSegmentation;

use crate::spec::{object_schema, text_operation};
use crate::values::{optional_count, optional_text, required_field, text_field, text_output};
use crate::{PureCall, StepBehaviour, StepFailure, StepOutput, StepType, WorkBound};

pub(crate) struct TruncateText;

impl StepType for TruncateText {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            aliases: &["TextOperations.Truncate"],
            doc: "Counts user-perceived characters (grapheme clusters) and never cuts inside one. \
                  The ellipsis counts too; it is omitted if it does not fit.",
            config: object_schema(
                json!({
                    "max_length": {
                        "type": "integer",
                        "minimum": 0,
                        "description": "The maximum number of characters of the result."
                    },
                    "ellipsis": {
                        "type": "string",
                        "default": "…",
                        "description": "The text at the cut; may be empty."
                    }
                }),
                &["max_length"],
            ),
            examples: vec![json!({
                "type": "TextOperation.Truncate",
                "input": "Hello, world!",
                "config": {"max_length": 5}
            })],
            ..text_operation("TextOperation.Truncate", "Shortens a text to a number of characters.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Linear, run_truncate)
    }
}

fn run_truncate(call: &PureCall<'_>) -> Result<StepOutput, StepFailure> {
    let text = text_field(call.input, "text")?;
    required_field(call.config, "max_length")?;
    let max = optional_count(call.config, "max_length")?.unwrap_or(0);
    if fits_in(text, max) {
        return text_output(text);
    }
    let ellipsis = optional_text(call.config, "ellipsis").unwrap_or("…");
    let ellipsis = if fits_in(ellipsis, max) { ellipsis } else { "" };
    let keep = max - ellipsis.graphemes(true).count();
    let end = text.grapheme_indices(true).nth(keep).map_or(text.len(), |(at, _)| at);
    text_output([&text[..end], ellipsis].concat())
}

/// Whether a text has at most `max` characters, without counting all of a long one.
fn fits_in(text: &str, max: usize) -> bool {
    text.len() <= max || text.graphemes(true).nth(max).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run_text;

    #[test]
    fn cuts_between_characters() {
        for (text, config, expect) in [
            ("", json!({"max_length": 0}), ""),
            ("Hello", json!({"max_length": 5}), "Hello"),
            ("Hello!", json!({"max_length": 5}), "Hell…"),
            ("Hello!", json!({"max_length": 1}), "…"),
            ("Hello!", json!({"max_length": 0}), ""),
            ("Hello!", json!({"max_length": 5, "ellipsis": ""}), "Hello"),
            ("Hello!", json!({"max_length": 5, "ellipsis": "..."}), "He..."),
            ("Hello!", json!({"max_length": 2, "ellipsis": "..."}), "He"),
            ("🇫🇷🇩🇪🇮🇹", json!({"max_length": 2}), "🇫🇷…"),
            ("e\u{301}e\u{301}e\u{301}", json!({"max_length": 3}), "e\u{301}e\u{301}e\u{301}"),
            ("👨‍👩‍👧‍👦abc", json!({"max_length": 1, "ellipsis": ""}), "👨‍👩‍👧‍👦"),
            ("a\r\nbc", json!({"max_length": 2, "ellipsis": ""}), "a\r\n"),
        ] {
            let cut = run_text(&TruncateText, text, config.clone());
            assert_eq!(cut, expect, "{text:?} {config}");
        }
    }
}
