//! `TextOperation.Truncate`: a text of at most so many characters.

use serde_json::json;
use stepwell_core::catalog::StepSpec;
use unicode_segmentation::UnicodeSegmentation;

use crate::spec::{object, text_operation};
use crate::values::{optional_count, optional_text, required, text, text_output};
use crate::{Behaviour, Failure, PureCall, StepOutput, StepType, Work};

pub(crate) struct Truncate;

impl StepType for Truncate {
    fn spec(&self) -> StepSpec {
        StepSpec {
            aliases: &["TextOperations.Truncate"],
            doc: "Counts characters as read (grapheme clusters) and never cuts inside one. The \
                  ellipsis counts too; where it does not fit, it is left out.",
            config: object(
                json!({
                    "max_length": {
                        "type": "integer",
                        "minimum": 0,
                        "description": "The most characters the result may have."
                    },
                    "ellipsis": {
                        "type": "string",
                        "default": "…",
                        "description": "The text that marks a cut; may be empty."
                    }
                }),
                &["max_length"],
            ),
            examples: vec![json!({
                "type": "TextOperation.Truncate",
                "input": "Hello, world!",
                "config": {"max_length": 5}
            })],
            ..text_operation("TextOperation.Truncate", "Cuts a text to a number of characters.")
        }
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour::Pure(Work::Linear, run)
    }
}

fn run(call: &PureCall<'_>) -> Result<StepOutput, Failure> {
    let text = text(call.input, "text")?;
    required(call.config, "max_length")?;
    let max = optional_count(call.config, "max_length")?.unwrap_or(0);
    if fits(text, max) {
        return text_output(text);
    }
    let ellipsis = optional_text(call.config, "ellipsis").unwrap_or("…");
    let ellipsis = if fits(ellipsis, max) { ellipsis } else { "" };
    let keep = max - ellipsis.graphemes(true).count();
    let end = text.grapheme_indices(true).nth(keep).map_or(text.len(), |(at, _)| at);
    text_output([&text[..end], ellipsis].concat())
}

/// Whether a text has at most `max` characters, without counting all of a long one.
fn fits(text: &str, max: usize) -> bool {
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
            let cut = run_text(&Truncate, text, config.clone());
            assert_eq!(cut, expect, "{text:?} {config}");
        }
    }
}
