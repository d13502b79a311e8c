//! `TextOperation.Join`: a list into one text, with a separator.

use serde_json::{Value, json};
use stepwell_core::catalog::StepSpec;

use super::pieces::{self, SCALARS};
use crate::spec::{object_schema, text_operation};
use crate::values::{optional_text, required_field, text_output, unfit_value};
use crate::{PureCall, StepBehaviour, StepFailure, StepOutput, StepType, WorkBound};

pub(crate) struct JoinText;

impl StepType for JoinText {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            aliases: &["TextOperations.Join"],
            doc: "Numbers and booleans are written as in JSON; `null` counts as an empty text.",
            config: object_schema(
                json!({
                    "separator": {
                        "type": "string",
                        "default": "",
                        "description": "The text between the items."
                    }
                }),
                &[],
            ),
            input: object_schema(
                json!({
                    "items": {
                        "type": "array",
                        "items": {"type": SCALARS},
                        "description": "The texts, numbers or booleans to join."
                    }
                }),
                &["items"],
            ),
            default_input: Some("items"),
            examples: vec![json!({
                "type": "TextOperation.Join",
                "input": {"items": ["red", "green", "blue"]},
                "config": {"separator": ", "}
            })],
            ..text_operation("TextOperation.Join", "Joins a list into one text.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Linear, run_join)
    }
}

fn run_join(call: &PureCall<'_>) -> Result<StepOutput, StepFailure> {
    let separator = optional_text(call.config, "separator").unwrap_or("");
    let Value::Array(items) = required_field(call.input, "items")? else {
        return Err(unfit_value("items", "an array", call.input.get("items")));
    };
    text_output(pieces::join_items("items", items, separator)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;

    #[test]
    fn joins_scalars() {
        for (items, config, expect) in [
            (json!([]), json!({"separator": ","}), ""),
            (json!(["a"]), json!({"separator": ","}), "a"),
            (json!(["a", 1, 2.5, true, null, "b"]), json!({"separator": ","}), "a,1,2.5,true,,b"),
            (json!([u64::MAX, i64::MIN]), json!({}), "18446744073709551615-9223372036854775808"),
            (json!(["🇫🇷", "e\u{301}"]), json!({"separator": "\r\n"}), "🇫🇷\r\ne\u{301}"),
        ] {
            let output = run(&JoinText, json!({"items": items}), config.clone()).unwrap();
            assert_eq!(output["text"], expect, "{items} {config}");
        }
    }

    #[test]
    fn refuses_a_result_over_the_limit() {
        let config = json!({"separator": "x".repeat(1 << 20)});
        let failure = run(&JoinText, json!({"items": vec![""; 100_000]}), config).unwrap_err();
        assert_eq!(failure.code, "OUTPUT_TOO_LARGE");
    }
}
