//! `TextOperation.Uppercase`.

use serde_json::json;
use stepwell_core::catalog::StepSpec;

use crate::spec::text_operation;
use crate::values::{text_field, text_output};
use crate::{StepBehaviour, StepType, WorkBound};

pub(crate) struct UppercaseText;

impl StepType for UppercaseText {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            aliases: &["TextOperations.Uppercase"],
            doc: "By the full mapping of Unicode, the same in every language: `ß` becomes `SS`.",
            examples: vec![json!({"type": "TextOperation.Uppercase", "input": "straße"})],
            ..text_operation("TextOperation.Uppercase", "Converts a text to upper case.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Linear, |call| {
            text_output(text_field(call.input, "text")?.to_uppercase())
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
            ("straße 1", "STRASSE 1"),
            ("cafe\u{301}", "CAFE\u{301}"),
            ("ﬁn", "FIN"),
            ("σς", "ΣΣ"),
            ("🇫🇷a\r\n", "🇫🇷A\r\n"),
        ] {
            assert_eq!(run_text(&UppercaseText, text, json!({})), expect, "{text:?}");
        }
    }
}
