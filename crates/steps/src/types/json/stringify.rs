//! `Json.Stringify`: a value as JSON text.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;
use stepwell_core::catalog::StepSpec;

use crate::spec::{base_spec, object_schema, text_object};
use crate::values::{MAX_OUTPUT_BYTES, check_size, is_set, required_field, text_output};
use crate::{PureCall, StepBehaviour, StepFailure, StepOutput, StepType, WorkBound};

pub(crate) struct StringifyJson;

impl StepType for StringifyJson {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            config: object_schema(
                json!({
                    "pretty": {
                        "type": "boolean",
                        "default": false,
                        "description": "Whether to indent, with one property or item per line."
                    }
                }),
                &[],
            ),
            input: object_schema(
                json!({"value": {"description": "The value to convert."}}),
                &["value"],
            ),
            output: text_object("The JSON text."),
            default_input: Some("value"),
            default_output: Some("text"),
            examples: vec![json!({
                "type": "Json.Stringify",
                "input": {"value": {"a": [1, 2]}},
                "config": {"pretty": true}
            })],
            ..base_spec("Json.Stringify", "JSON", "Converts a value to JSON text.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Linear, run_stringify)
    }
}

fn run_stringify(call: &PureCall<'_>) -> Result<StepOutput, StepFailure> {
    let value = required_field(call.input, "value")?;
    let mut out = CappedBuffer(Vec::new());
    let written = if is_set(call.config, "pretty") {
        value.serialize(&mut serde_json::Serializer::pretty(&mut out))
    } else {
        value.serialize(&mut serde_json::Serializer::new(&mut out))
    };
    if written.is_err() {
        // Values can always be written, so it was the cap.
        check_size(MAX_OUTPUT_BYTES + 1)?;
    }
    text_output(String::from_utf8_lossy(&out.0))
}

/// A buffer that takes no more than the largest output.
struct CappedBuffer(Vec<u8>);

impl Write for CappedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT_BYTES {
            return Err(io::Error::other("too large"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;

    #[test]
    fn writes_json() {
        for (value, config, expect) in [
            (json!(null), json!({}), "null"),
            (json!({"b": 1, "a": "🇫🇷\r\n"}), json!({}), r#"{"b":1,"a":"🇫🇷\r\n"}"#),
            (json!([u64::MAX, i64::MIN]), json!({}), "[18446744073709551615,-9223372036854775808]"),
            (json!({"a": [1]}), json!({"pretty": true}), "{\n  \"a\": [\n    1\n  ]\n}"),
        ] {
            let output = run(&StringifyJson, json!({"value": value}), config.clone()).unwrap();
            assert_eq!(output["text"], expect, "{value} {config}");
        }
    }

    #[test]
    fn refuses_a_result_over_the_limit() {
        let value = json!(vec![[0]; 500_000]);
        let failure =
            run(&StringifyJson, json!({"value": value}), json!({"pretty": true})).unwrap_err();
        assert_eq!(failure.code, "OUTPUT_TOO_LARGE");
    }
}
