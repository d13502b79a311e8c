//! `TextOperation.Concat`: texts one after the other, with something around.

use std::slice;

use serde_json::{Value, json};
use stepwell_core::catalog::StepSpec;

use super::pieces::{self, SCALARS};
use crate::spec::{object, text_operation};
use crate::values::{check_size, optional_text, required, text_output};
use crate::{Behaviour, Failure, PureCall, StepOutput, StepType, Work};

pub(crate) struct Concat;

impl StepType for Concat {
    fn spec(&self) -> StepSpec {
        StepSpec {
            aliases: &["TextOperations.Concat"],
            doc: "Takes a list of texts, or one text to put something around. Numbers and \
                  booleans are written as in JSON; `null` counts as an empty text.",
            config: object(
                json!({
                    "prefix": {
                        "type": "string",
                        "default": "",
                        "description": "The text to put before everything."
                    },
                    "suffix": {
                        "type": "string",
                        "default": "",
                        "description": "The text to put after everything."
                    }
                }),
                &[],
            ),
            input: object(
                json!({
                    "parts": {
                        "type": ["array", "string", "number", "boolean", "null"],
                        "items": {"type": SCALARS},
                        "description": "The texts, numbers or booleans to put together."
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
            ..text_operation("TextOperation.Concat", "Puts texts together, one after the other.")
        }
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour::Pure(Work::Linear, run)
    }
}

fn run(call: &PureCall<'_>) -> Result<StepOutput, Failure> {
    let prefix = optional_text(call.config, "prefix").unwrap_or("");
    let suffix = optional_text(call.config, "suffix").unwrap_or("");
    let middle = match required(call.input, "parts")? {
        Value::Array(parts) => pieces::join("parts", parts, "")?,
        part => pieces::join("parts", slice::from_ref(part), "")?,
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
            let output = run(&Concat, json!({"parts": parts}), config.clone()).unwrap();
            assert_eq!(output["text"], expect, "{parts} {config}");
        }
    }

    #[test]
    fn refuses_a_result_over_the_limit() {
        let part = "a".repeat(1 << 20);
        let input = json!({"parts": [part, part, part, part]});
        let output = run(&Concat, input.clone(), json!({})).unwrap();
        assert_eq!(output["text"].as_str().unwrap().len(), 1 << 22);
        let failure = run(&Concat, input, json!({"suffix": "b"})).unwrap_err();
        assert_eq!(failure.code, "OUTPUT_TOO_LARGE");
    }
}
