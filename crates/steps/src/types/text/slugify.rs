//! `TextOperation.Slugify`: a text as part of a URL.

use serde_json::json;
use stepwell_core::catalog::StepSpec;

use crate::spec::text_operation;
use crate::values::{check_size, text_field, text_output};
use crate::{PureCall, StepBehaviour, StepFailure, StepOutput, StepType, WorkBound};

/// The longest transliteration of one character, in bytes: keeps the result within the limit.
const LONGEST_TRANSLITERATION: usize = 16;

pub(crate) struct SlugifyText;

impl StepType for SlugifyText {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            aliases: &["TextOperations.Slugify"],
            doc: "Letters outside ASCII are transliterated (`é` to `e`, `京` to `jing`); \
                  everything but letters and digits becomes a single hyphen, none at the ends. A \
                  text without any letter or digit becomes an empty text.",
            examples: vec![
                json!({"type": "TextOperation.Slugify", "input": "Crème brûlée, à la carte!"}),
            ],
            ..text_operation(
                "TextOperation.Slugify",
                "Converts a text for use in URLs and file names: lower case, ASCII, hyphens.",
            )
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Linear, run_slugify)
    }
}

fn run_slugify(call: &PureCall<'_>) -> Result<StepOutput, StepFailure> {
    let text = text_field(call.input, "text")?;
    if !text.is_ascii() {
        check_size(text.chars().count().saturating_mul(LONGEST_TRANSLITERATION))?;
    }
    text_output(slug::slugify(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run_text;

    #[test]
    fn makes_slugs() {
        for (text, expect) in [
            ("", ""),
            ("  Hello,  World! ", "hello-world"),
            ("Crème brûlée", "creme-brulee"),
            ("cre\u{300}me", "creme"),
            ("北京", "bei-jing"),
            ("a\r\nb", "a-b"),
            ("!?—", ""),
        ] {
            assert_eq!(run_text(&SlugifyText, text, json!({})), expect, "{text:?}");
        }
    }
}
