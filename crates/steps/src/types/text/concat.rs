//! `TextOperation.Concat`: texts one after the other, with something around.

use std::slice;

use serde_json::{Value, json};
use stepwell_core::catalog::StepSpec;

use super::pieces::{self, SCALARS};
use crate::spec::{object_schema, text_operation};
use crate::values::{check_size, optional_text, required_field, text_output};
use crate::{PureCall, StepBehaviour, StepFailure, StepOutput, StepType, WorkBound};

pub(crate) struct ConcatText;

impl StepType for ConcatText {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            aliases: &["TextOperations.Concat"],
            doc: "Takes a list of texts, or one text to put something around. Numbers and \
                  booleans are written as in JSON; `null` counts as an empty text.",
            config: object_schema(
                json!({
                    "prefix": {
                        "type": "string",
                        "default": "",
                        "description": "The text before the first part."
                    },
                    "suffix": {
                        "type": "string",
                        "default": "",
                        "description": "The text after the last part."
                    }
                }),
                &[],
            ),
            input: object_schema(
                json!({
                    "parts": {
                        "type": ["array", "string", "number", "boolean", "null"],
                        "items": {"type": SCALARS},
                        "description": "The texts, numbers or booleans to concatenate."
                    }
                }),
                &["parts"],
            ),
            default_input: Some("parts"),
            examples: vec![
                json!({"type": "TextOperation.Concat", "input": {"parts": ["step", "well"]}}),
                json!({
                    "type": "TextOperation.Concat",
                    "input": "title",
                    "config": {"prefix": "<h1>", "suffix": "</h1>"}
                }),
            ],
            ..text_operation("TextOperation.Concat", "Concatenates texts.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Linear, run_concat)
    }
}

fn run_concat(call: &PureCall<'_>) -> Result<StepOutput, StepFailure> {
    let prefix = optional_text(call.config, "prefix").unwrap_or("");
    let suffix = optional_text(call.config, "suffix").unwrap_or("");
    let middle = match required_field(call.input, "parts")? {
        Value::Array(parts) => pieces::join_items("parts", parts, "")?,
        part => pieces::join_items("parts", slice::from_ref(part), "")?,
    };
    check_size(middle.len().saturating_add(prefix.len()).saturating_add(suffix.len()))?;
    text_output(format!("{prefix}{middle}{suffix}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;

    #[test]
    fn puts_together() {
        for (parts, config, expect) in [
            (json!([]), json!({}), ""),
            (json!(["a", "", 1, null, false]), json!({}), "a1false"),
            (json!("e"), json!({"suffix": "\u{301}"}), "e\u{301}"),
            (json!(7), json!({"prefix": "🇫🇷", "suffix": "\r\n"}), "🇫🇷7\r\n"),
        ] {
            let output = run(&ConcatText, json!({"parts": parts}), config.clone()).unwrap();
            assert_eq!(output["text"], expect, "{parts} {config}");
        }
    }

    #[test]
    fn refuses_a_result_over_the_limit() {
        let part = "a".repeat(1 << 20);
        let input = json!({"parts": [part, part, part, part]});
        let output = run(&ConcatText, input.clone(), json!({})).unwrap();
        assert_eq!(output["text"].as_str().unwrap().len(), 1 << 22);
        let failure = run(&ConcatText, input, json!({"suffix": "b"})).unwrap_err();
        assert_eq!(failure.code, "OUTPUT_TOO_LARGE");
    }
}
