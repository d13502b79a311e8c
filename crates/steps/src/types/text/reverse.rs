//! `TextOperation.Reverse`: the characters from last to first.

use serde_json::json;
use stepwell_core::catalog::StepSpec;
use unicode_segmentation::UnicodeSegmentation;

use crate::spec::text_operation;
use crate::values::{text_field, text_output};
use crate::{PureCall, StepBehaviour, StepFailure, StepOutput, StepType, WorkBound};

pub(crate) struct ReverseText;

impl StepType for ReverseText {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            aliases: &["TextOperations.Reverse"],
            doc: "Reverses by grapheme cluster: a flag emoji, a letter with combining accents or a \
                  CRLF line end stays whole.",
            examples: vec![json!({"type": "TextOperation.Reverse", "input": "Hello, world!"})],
            ..text_operation("TextOperation.Reverse", "Reverses the characters of a text.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Linear, run_reverse)
    }
}

fn run_reverse(call: &PureCall<'_>) -> Result<StepOutput, StepFailure> {
    let text = text_field(call.input, "text")?;
    // ASCII without line ends has one byte a cluster: the common case needs no segmentation.
    if text.is_ascii() && !text.contains('\r') {
        return text_output(text.chars().rev().collect::<String>());
    }
    let mut reversed = String::with_capacity(text.len());
    // Found forwards: backwards, the beginning of each is looked for again and again in a run of
    // flags.
    let characters: Vec<&str> = text.graphemes(true).collect();
    reversed.extend(characters.into_iter().rev());
    text_output(reversed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run_text;

    #[test]
    fn reverses_by_character_as_read() {
        for (text, expect) in [
            ("", ""),
            ("Hello, world!", "!dlrow ,olleH"),
            ("ab\nc", "c\nba"),
            ("a\r\nb", "b\r\na"),
            ("cafe\u{301}s", "se\u{301}fac"),
            ("🇫🇷🇩🇪!", "!🇩🇪🇫🇷"),
            ("a👨‍👩‍👧‍👦b", "b👨‍👩‍👧‍👦a"),
            ("👍🏽👎🏿", "👎🏿👍🏽"),
            ("한국어", "어국한"),
            ("नमस्ते", "स्तेमन"),
        ] {
            assert_eq!(run_text(&ReverseText, text, json!({})), expect, "{text:?}");
        }
    }
}
