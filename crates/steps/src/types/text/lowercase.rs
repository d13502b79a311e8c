//! `TextOperation.Lowercase`.

use serde_json::json;
use stepwell_core::catalog::StepSpec;

use crate::spec::text_operation;
use crate::values::{text_field, text_output};
use crate::{StepBehaviour, StepType, WorkBound};

pub(crate) struct LowercaseText;

impl StepType for LowercaseText {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            aliases: &["TextOperations.Lowercase"],
            doc: "By the full mapping of Unicode, the same in every language: a final `Σ` becomes `ς`.",
            examples: vec![json!({"type": "TextOperation.Lowercase", "input": "Hello, World!"})],
            ..text_operation("TextOperation.Lowercase", "Converts a text to lower case.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Linear, |call| {
            text_output(text_field(call.input, "text")?.to_lowercase())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run_text;

    #[test]
    fn changes_case_by_the_rules_of_unicode() {
        for (text, expect) in [
            ("", ""),
            ("ÀÉÎ 1", "àéî 1"),
            ("ΟΔΟΣ", "οδος"),
            ("İ", "i\u{307}"),
            ("CAFE\u{301}", "cafe\u{301}"),
            ("👩‍🔬A\r\n", "👩‍🔬a\r\n"),
        ] {
            assert_eq!(run_text(&LowercaseText, text, json!({})), expect, "{text:?}");
        }
    }
}
