//! `TextOperation.Trim`: takes characters off the ends.

use std::collections::HashSet;

use serde_json::json;
use stepwell_core::catalog::StepSpec;
use unicode_segmentation::UnicodeSegmentation;

use crate::spec::{object_schema, text_operation};
use crate::values::{optional_text, text_field, text_output};
use crate::{PureCall, StepBehaviour, StepFailure, StepOutput, StepType, WorkBound};

pub(crate) struct TrimText;

impl StepType for TrimText {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            aliases: &["TextOperations.Trim"],
            config: object_schema(
                json!({
                    "side": {
                        "enum": ["both", "start", "end"],
                        "default": "both",
                        "description": "Which end to trim. `start` is where reading begins."
                    },
                    "characters": {
                        "type": "string",
                        "minLength": 1,
                        "description": "The characters to remove, in any order. Default: white \
                                        space."
                    }
                }),
                &[],
            ),
            examples: vec![
                json!({"type": "TextOperation.Trim", "input": "  Hello \n"}),
                json!({
                    "type": "TextOperation.Trim",
                    "input": "--title--",
                    "config": {"characters": "-", "side": "start"}
                }),
            ],
            ..text_operation(
                "TextOperation.Trim",
                "Removes white space, or the given characters, from the ends of a text.",
            )
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Linear, run_trim)
    }
}

fn run_trim(call: &PureCall<'_>) -> Result<StepOutput, StepFailure> {
    let text = text_field(call.input, "text")?;
    let side = optional_text(call.config, "side").unwrap_or("both");
    let set: Option<HashSet<&str>> =
        optional_text(call.config, "characters").map(|set| set.graphemes(true).collect());
    let drops = |character: &str| match &set {
        Some(set) => set.contains(character),
        None => character.chars().all(char::is_whitespace),
    };
    let mut rest = text;
    if side != "end" {
        let kept = rest.grapheme_indices(true).find(|(_, c)| !drops(c));
        rest = kept.map_or("", |(at, _)| &rest[at..]);
    }
    if side != "start" {
        // Forwards: from the end, each cluster is looked for from further and further back in a run
        // of flags.
        let kept = rest.grapheme_indices(true).filter(|(_, c)| !drops(c));
        let kept = kept.fold(None, |_, last| Some(last));
        rest = kept.map_or("", |(at, c)| &rest[..at + c.len()]);
    }
    text_output(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run_text;

    #[test]
    fn takes_off_the_ends_only() {
        for (text, config, expect) in [
            ("", json!({}), ""),
            (" \t\r\n ", json!({}), ""),
            ("\u{a0}\u{3000} a b \r\n", json!({}), "a b"),
            ("  a  ", json!({"side": "start"}), "a  "),
            ("  a  ", json!({"side": "end"}), "  a"),
            ("-=a-=b=-", json!({"characters": "=-"}), "a-=b"),
            // The flag of France is no part of the flag of Germany, nor `e` of `é`.
            ("🇫🇷🇩🇪x🇫🇷", json!({"characters": "🇫🇷"}), "🇩🇪x"),
            ("e\u{301}xe", json!({"characters": "e"}), "e\u{301}x"),
        ] {
            assert_eq!(run_text(&TrimText, text, config.clone()), expect, "{text:?} {config}");
        }
    }
}
