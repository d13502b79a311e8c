//! `Json.Parse`: a text into a value.

use serde_json::{Value, json};
use stepwell_core::catalog::{ConfigCheck, StaticFields, StepSpec};
use stepwell_core::memory::json_bytes;

use crate::spec::{base_spec, object_schema, text_object};
use crate::values::{MAX_DEPTH, fits_depth, object_value, text_field};
use crate::{PureCall, StepBehaviour, StepFailure, StepOutput, StepType, WorkBound};

pub(crate) struct ParseJson;

impl StepType for ParseJson {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            doc: "Integers are exact to 64 bits and objects keep the order of their keys. At most \
                  100 levels of nesting. A text that is not JSON, or has a number that cannot be \
                  kept exactly, fails with `INVALID_JSON` and the position.",
            input: text_object("The JSON text."),
            output: object_schema(
                json!({"value": {"description": "The parsed value."}}),
                &["value"],
            ),
            default_input: Some("text"),
            default_output: Some("value"),
            check_input: Some(check_text),
            examples: vec![json!({"type": "Json.Parse", "input": "{\"a\": [1, 2]}"})],
            ..base_spec("Json.Parse", "JSON", "Parses a JSON text.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Linear, run_parse)
    }

    fn working_bytes(&self, call: &PureCall<'_>) -> usize {
        text_field(call.input, "text").map_or(0, |text| json_bytes(text.as_bytes()))
    }
}

/// A text that is always the same is read when the definition is created.
fn check_text(known: &StaticFields) -> ConfigCheck {
    let Some(text) = known.input.get("text").and_then(Value::as_str) else { return Ok(()) };
    match stepwell_core::json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        Ok(_) => Ok(()),
        Err(error) => Err(("text", format!("the text is not JSON: {error}"))),
    }
}

fn run_parse(call: &PureCall<'_>) -> Result<StepOutput, StepFailure> {
    let text = text_field(call.input, "text")?;
    // A byte order mark is no part of JSON, but files often start with one.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // The parser refuses deep nesting itself, so that no text can exhaust the stack.
    match stepwell_core::json::from_str(text) {
        Ok(value) if !fits_depth(&value) => {
            let message = format!("the text is nested deeper than {MAX_DEPTH} levels");
            Err(StepFailure::permanent_failure("INVALID_JSON", message))
        }
        Ok(value) => Ok(StepOutput::new(object_value([("value", value)]))),
        Err(error) => Err(StepFailure::permanent_failure(
            "INVALID_JSON",
            format!("the text is not JSON: {error}"),
        )
        .with_details(json!({"line": error.line, "column": error.column}))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;

    #[test]
    fn reads_json() {
        for (text, expect) in [
            ("null", json!(null)),
            (
                "\u{feff} [18446744073709551615, -9223372036854775808]\r\n",
                json!([u64::MAX, i64::MIN]),
            ),
            (r#""e\u0301\ud83d\ude00""#, json!("e\u{301}😀")),
        ] {
            let output = run(&ParseJson, json!({"text": text}), json!({})).unwrap();
            assert_eq!(output, json!({"value": expect}), "{text:?}");
        }
        let output = run(&ParseJson, json!({"text": r#"{"b":1,"a":2}"#}), json!({})).unwrap();
        assert_eq!(output.to_string(), r#"{"value":{"b":1,"a":2}}"#);
    }

    #[test]
    fn refuses_deep_nesting() {
        for (levels, fits) in [(100, true), (101, false), (127, false)] {
            let text = "[".repeat(levels) + &"]".repeat(levels);
            assert_eq!(run(&ParseJson, json!({"text": text}), json!({})).is_ok(), fits, "{levels}");
        }
    }

    #[test]
    fn reports_the_position_of_invalid_json() {
        for (text, line, column) in [
            ("".to_owned(), 1, 0),
            ("{\n  \"a\": x\n}".to_owned(), 2, 8),
            ("[1] 2".to_owned(), 1, 5),
            ("[".repeat(100_000), 1, 128),
            ("[1.0,\n 18446744073709551616]".to_owned(), 2, 2),
            ("{\"a\": 1e-400}".to_owned(), 1, 7),
        ] {
            let failure = run(&ParseJson, json!({"text": text}), json!({})).unwrap_err();
            assert_eq!(failure.code, "INVALID_JSON");
            assert_eq!(failure.details, json!({"line": line, "column": column}));
        }
    }
}
