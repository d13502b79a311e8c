//! `TextOperation.Replace`: one text for another, literally.

use serde_json::json;
use stepwell_core::catalog::StepSpec;

use crate::spec::{object_schema, text_operation};
use crate::values::{check_size, optional_count, text_field, text_output};
use crate::{PureCall, StepBehaviour, StepFailure, StepOutput, StepType, WorkBound};

pub(crate) struct ReplaceText;

impl StepType for ReplaceText {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            aliases: &["TextOperations.Replace"],
            doc: "Searches literally, from the start, without overlaps. For patterns use \
                  `TextOperation.RegexReplace`.",
            config: object_schema(
                json!({
                    "search": {
                        "type": "string",
                        "minLength": 1,
                        "description": "The text to search for."
                    },
                    "replacement": {
                        "type": "string",
                        "description": "The replacement text; may be empty."
                    },
                    "count": {
                        "type": "integer",
                        "minimum": 0,
                        "description": "The maximum number of replacements. Default: all."
                    }
                }),
                &["search", "replacement"],
            ),
            examples: vec![json!({
                "type": "TextOperation.Replace",
                "input": "Hello, world!",
                "config": {"search": "world", "replacement": "well"}
            })],
            ..text_operation("TextOperation.Replace", "Replaces all occurrences of a text.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Linear, run_replace)
    }
}

fn run_replace(call: &PureCall<'_>) -> Result<StepOutput, StepFailure> {
    let text_in = text_field(call.input, "text")?;
    let search = text_field(call.config, "search")?;
    let replacement = text_field(call.config, "replacement")?;
    let count = optional_count(call.config, "count")?.unwrap_or(usize::MAX);
    if replacement.len() > search.len() {
        let found = text_in.matches(search).take(count).count();
        let growth = found.saturating_mul(replacement.len() - search.len());
        check_size(text_in.len().saturating_add(growth))?;
    }
    text_output(text_in.replacen(search, replacement, count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{run, run_text};

    #[test]
    fn replaces_literally() {
        for (text, config, expect) in [
            ("", json!({"search": "a", "replacement": "b"}), ""),
            ("aaa", json!({"search": "aa", "replacement": "b"}), "ba"),
            ("a.b.c", json!({"search": ".", "replacement": "$0"}), "a$0b$0c"),
            ("aaa", json!({"search": "a", "replacement": "", "count": 2}), "a"),
            ("aaa", json!({"search": "a", "replacement": "b", "count": 0}), "aaa"),
            ("1🇫🇷2", json!({"search": "🇫🇷", "replacement": "👩‍🔬"}), "1👩‍🔬2"),
            ("a\r\nb", json!({"search": "\r\n", "replacement": "\n"}), "a\nb"),
        ] {
            assert_eq!(run_text(&ReplaceText, text, config.clone()), expect, "{text:?} {config}");
        }
    }

    #[test]
    fn refuses_a_result_over_the_limit_without_building_it() {
        let config = json!({"search": "a", "replacement": "b".repeat(1 << 20)});
        let failure = run(&ReplaceText, json!({"text": "a".repeat(1 << 20)}), config).unwrap_err();
        assert_eq!(failure.code, "OUTPUT_TOO_LARGE");
        assert!(!failure.retryable);
    }
}
