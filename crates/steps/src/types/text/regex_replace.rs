//! `TextOperation.RegexReplace`: replaces what a pattern matches.

use serde_json::json;
use stepwell_core::catalog::StepSpec;

use crate::regexes::{check_replacement, compile_pattern, for_each_match};
use crate::spec::{object_schema, text_operation};
use crate::values::{check_size, optional_count, text_field, text_output};
use crate::{PureCall, StepBehaviour, StepFailure, StepOutput, StepType, WorkBound};

pub(crate) struct RegexReplace;

impl StepType for RegexReplace {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            aliases: &["TextOperations.RegexReplace"],
            doc: "Patterns are in the syntax of Rust's `regex` crate: as Perl's, without \
                  look-around and back-references. In the replacement, `$1` or `${name}` is a \
                  group of the match and `$$` a dollar sign.",
            config: object_schema(
                json!({
                    "pattern": {"type": "string", "description": "The regular expression."},
                    "replacement": {
                        "type": "string",
                        "description": "The replacement of each match; may be empty."
                    },
                    "limit": {
                        "type": "integer",
                        "minimum": 0,
                        "description": "The maximum number of replacements. Default: all."
                    }
                }),
                &["pattern", "replacement"],
            ),
            check: Some(|known| check_replacement(&known.config)),
            examples: vec![json!({
                "type": "TextOperation.RegexReplace",
                "input": "2026-11-21",
                "config": {"pattern": r"(\d+)-(\d+)-(\d+)", "replacement": "$3.$2.$1"}
            })],
            ..text_operation(
                "TextOperation.RegexReplace",
                "Replaces the parts of a text that match a pattern.",
            )
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Unbounded, run_replace)
    }
}

fn run_replace(call: &PureCall<'_>) -> Result<StepOutput, StepFailure> {
    let text_in = text_field(call.input, "text")?;
    let regex = compile_pattern(text_field(call.config, "pattern")?)?;
    let replacement = text_field(call.config, "replacement")?;
    let limit = optional_count(call.config, "limit")?.unwrap_or(usize::MAX);
    let mut result = String::with_capacity(text_in.len());
    let mut done = 0;
    // What one expansion can add at most: each `$` brings in a group, no longer than the match.
    let references = replacement.matches('$').count();
    for_each_match(&regex, text_in, limit, call.interrupt, |captures| {
        let whole = captures.get_match();
        result.push_str(&text_in[done..whole.start()]);
        check_size(
            result
                .len()
                .saturating_add(replacement.len())
                .saturating_add(references.saturating_mul(whole.len())),
        )?;
        captures.expand(replacement, &mut result);
        done = whole.end();
        Ok(())
    })?;
    check_size(result.len().saturating_add(text_in.len() - done))?;
    result.push_str(&text_in[done..]);
    text_output(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{run, run_text};

    #[test]
    fn replaces_matches() {
        for (text, pattern, replacement, expect) in [
            ("", "x", "y", ""),
            ("", "^", "y", "y"),
            ("a1b22", r"\d+", "<$0>", "a<1>b<22>"),
            ("a b", r"(?<x>\w) (?<y>\w)", "${y} ${x}", "b a"),
            ("5", "5", "$$5", "$5"),
            ("abc", "b*", "-", "-a-c-"),
            ("a\r\nb\nc", r"\r?\n", "|", "a|b|c"),
            ("🇫🇷🇩🇪", "🇫🇷", "e\u{301}", "e\u{301}🇩🇪"),
        ] {
            let config = json!({"pattern": pattern, "replacement": replacement});
            assert_eq!(run_text(&RegexReplace, text, config), expect, "{text:?} {pattern}");
        }
    }

    #[test]
    fn keeps_to_the_limits() {
        let config = json!({"pattern": "a", "replacement": "b", "limit": 2});
        assert_eq!(run_text(&RegexReplace, "aaa", config), "bba");
        let config = json!({"pattern": "a", "replacement": "b".repeat(1000)});
        let failure = run(&RegexReplace, json!({"text": "a".repeat(10_000)}), config).unwrap_err();
        assert_eq!(failure.code, "OUTPUT_TOO_LARGE");
    }
}
