//! `TextOperation.Size`: how long a text is, in several units.

use serde_json::{Value, json};
use stepwell_core::catalog::StepSpec;
use unicode_segmentation::UnicodeSegmentation;

use crate::spec::{object_schema, text_operation};
use crate::values::text_field;
use crate::{PureCall, StepBehaviour, StepFailure, StepOutput, StepType, WorkBound};

pub(crate) struct SizeOfText;

impl StepType for SizeOfText {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            aliases: &["TextOperations.Size"],
            output: object_schema(
                json!({
                    "characters": count_schema("Characters as read (grapheme clusters)."),
                    "code_points": count_schema("Unicode code points."),
                    "bytes": count_schema("Bytes in UTF-8."),
                    "words": count_schema("Words, without white space and punctuation."),
                    "lines": count_schema("Lines; a line end at the very end starts no new one.")
                }),
                &["characters", "code_points", "bytes", "words", "lines"],
            ),
            default_output: Some("characters"),
            examples: vec![json!({"type": "TextOperation.Size", "input": "Hello, world!"})],
            ..text_operation(
                "TextOperation.Size",
                "Counts the characters, code points, bytes, words and lines of a text.",
            )
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Linear, run_size)
    }
}

fn count_schema(description: &str) -> Value {
    json!({"type": "integer", "minimum": 0, "description": description})
}

fn run_size(call: &PureCall<'_>) -> Result<StepOutput, StepFailure> {
    let text = text_field(call.input, "text")?;
    Ok(StepOutput::new(json!({
        "characters": text.graphemes(true).count(),
        "code_points": text.chars().count(),
        "bytes": text.len(),
        "words": text.unicode_words().count(),
        "lines": text.lines().count(),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;

    #[test]
    fn counts() {
        for (text, characters, code_points, bytes, words, lines) in [
            ("", 0, 0, 0, 0, 0),
            ("Hello, world!", 13, 13, 13, 2, 1),
            ("🇫🇷🇩🇪", 2, 4, 16, 0, 1),
            ("👨‍👩‍👧‍👦", 1, 7, 25, 0, 1),
            ("cafe\u{301}", 4, 5, 6, 1, 1),
            ("a\r\n\r\nb\r\n", 5, 8, 8, 2, 3),
        ] {
            let expect = json!({
                "characters": characters, "code_points": code_points, "bytes": bytes,
                "words": words, "lines": lines,
            });
            assert_eq!(
                run(&SizeOfText, json!({"text": text}), json!({})).unwrap(),
                expect,
                "{text:?}"
            );
        }
    }
}
