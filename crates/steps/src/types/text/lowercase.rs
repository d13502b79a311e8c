//! `TextOperation.Lowercase`.

use serde_json::json;
use stepwell_core::catalog::StepSpec;

use crate::spec::text_operation;
use crate::values::{text, text_output};
use crate::{Behaviour, StepType, Work};

pub(crate) struct Lowercase;

impl StepType for Lowercase {
    fn spec(&self) -> StepSpec {
        StepSpec {
            aliases: &["TextOperations.Lowercase"],
            doc: "By the full mapping of Unicode, the same in every language: a final `Σ` becomes `ς`.",
            examples: vec![json!({"type": "TextOperation.Lowercase", "input": "Hello, World!"})],
            ..text_operation("TextOperation.Lowercase", "Writes a text in lower case.")
        }
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour::Pure(Work::Linear, |call| text_output(text(call.input, "text")?.to_lowercase()))
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
            assert_eq!(run_text(&Lowercase, text, json!({})), expect, "{text:?}");
        }
    }
}
