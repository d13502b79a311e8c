//! `TextOperation.RegexExtract`: finds what a pattern matches.

use regex::{Captures, Regex};
use serde_json::{Map, Value, json};
use stepwell_core::catalog::StepSpec;

use crate::memory::list_of_parts;
use crate::regexes::{check_group, compile_pattern, for_each_match, group_number};
use crate::spec::{object_schema, text_operation};
use crate::values::{check_items, object_value, optional_count, text_field};
use crate::{PureCall, StepBehaviour, StepFailure, StepOutput, StepType, WorkBound};

pub(crate) struct RegexExtract;

impl StepType for RegexExtract {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            aliases: &["TextOperations.RegexExtract"],
            doc: "Patterns are in the syntax of Rust's `regex` crate: as Perl's, without \
                  look-around and back-references. A match without the selected group is omitted.",
            config: config_schema(),
            output: output_schema(),
            check: Some(|known| check_group(&known.config)),
            examples: vec![json!({
                "type": "TextOperation.RegexExtract",
                "input": "Order #1042, then #1043",
                "config": {"pattern": "#(?<number>\\d+)", "group": "number"}
            })],
            ..text_operation(
                "TextOperation.RegexExtract",
                "Finds the parts of a text that match a pattern.",
            )
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Unbounded, run_extract)
    }

    fn working_bytes(&self, call: &PureCall<'_>) -> usize {
        text_field(call.input, "text").map_or(0, |text| list_of_parts(text) + 2 * text.len())
    }
}

fn config_schema() -> Value {
    object_schema(
        json!({
            "pattern": {"type": "string", "description": "The regular expression."},
            "group": {
                "type": ["integer", "string"],
                "minimum": 0,
                "default": 0,
                "description": "The group to extract, by number or name; 0 is the whole match."
            },
            "limit": {
                "type": "integer",
                "minimum": 1,
                "description": "The maximum number of matches. Default: all."
            }
        }),
        &["pattern"],
    )
}

fn output_schema() -> Value {
    object_schema(
        json!({
            "text": {
                "type": ["string", "null"],
                "description": "The first match; `null` if there is none."
            },
            "matches": {
                "type": "array",
                "items": {"type": "string"},
                "description": "All matches, in order."
            },
            "groups": {
                "type": "object",
                "additionalProperties": {"type": ["string", "null"]},
                "description": "The groups of the first match by number and, if they have one, \
                                by name; empty without a match."
            }
        }),
        &["text", "matches", "groups"],
    )
}

fn run_extract(call: &PureCall<'_>) -> Result<StepOutput, StepFailure> {
    let text = text_field(call.input, "text")?;
    let regex = compile_pattern(crate::values::text_field(call.config, "pattern")?)?;
    let group = group_number(&regex, call.config.get("group").unwrap_or(&Value::Null))
        .map_err(|message| StepFailure::permanent_failure("INVALID_REGEX", message))?;
    let limit = optional_count(call.config, "limit")?.unwrap_or(usize::MAX);
    let mut matches: Vec<Value> = Vec::new();
    let mut groups = Map::new();
    for_each_match(&regex, text, limit, call.interrupt, |captures| {
        if let Some(found) = captures.get(group) {
            if matches.is_empty() {
                groups = all_groups(&regex, &captures);
            }
            matches.push(found.as_str().into());
        }
        check_items(matches.len())
    })?;
    let first = matches.first().cloned().unwrap_or(Value::Null);
    let groups = Value::Object(groups);
    Ok(StepOutput::new(object_value([
        ("text", first),
        ("matches", Value::Array(matches)),
        ("groups", groups),
    ])))
}

fn all_groups(regex: &Regex, captures: &Captures<'_>) -> Map<String, Value> {
    let mut groups = Map::new();
    for (i, name) in regex.capture_names().enumerate() {
        let value = captures.get(i).map_or(Value::Null, |found| found.as_str().into());
        groups.insert(i.to_string(), value.clone());
        if let Some(name) = name {
            groups.insert(name.to_owned(), value);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;

    #[test]
    fn finds_matches() {
        for (text, config, first, matches) in [
            ("", json!({"pattern": "a"}), json!(null), json!([])),
            ("", json!({"pattern": "a*"}), json!(""), json!([""])),
            ("a1b22", json!({"pattern": r"\d+"}), json!("1"), json!(["1", "22"])),
            ("a1b22", json!({"pattern": r"\d+", "limit": 1}), json!("1"), json!(["1"])),
            ("a1b22", json!({"pattern": r"(\w)(\d+)", "group": 2}), json!("1"), json!(["1", "22"])),
            ("k=v", json!({"pattern": "(?<k>.)=(?<v>.)", "group": "v"}), json!("v"), json!(["v"])),
            ("ab", json!({"pattern": "(a)|(b)", "group": 2}), json!("b"), json!(["b"])),
            (
                "naïve Ωmega\r\n",
                json!({"pattern": r"\w+"}),
                json!("naïve"),
                json!(["naïve", "Ωmega"]),
            ),
            ("x🇫🇷", json!({"pattern": "🇫🇷"}), json!("🇫🇷"), json!(["🇫🇷"])),
        ] {
            let output = run(&RegexExtract, json!({"text": text}), config.clone()).unwrap();
            assert_eq!(output["text"], first, "{text:?} {config}");
            assert_eq!(output["matches"], matches, "{text:?} {config}");
        }
    }

    #[test]
    fn shows_the_groups_of_the_first_match() {
        let config = json!({"pattern": r"(?<year>\d{4})-(\d\d)(x)?"});
        let output = run(&RegexExtract, json!({"text": "2026-11 2027-12"}), config).unwrap();
        let expect = json!({"0": "2026-11", "1": "2026", "year": "2026", "2": "11", "3": null});
        assert_eq!(output["groups"], expect);
    }

    #[test]
    fn refuses_an_unknown_group() {
        for group in [json!(2), json!("b")] {
            let config = json!({"pattern": "(?<a>x)", "group": group});
            let failure = run(&RegexExtract, json!({"text": ""}), config).unwrap_err();
            assert_eq!(failure.code, "INVALID_REGEX");
            assert!(failure.message.contains("groups 0 to 1 (a)"), "{}", failure.message);
        }
        let config = json!({"pattern": "(x)", "group": "1"});
        let failure = run(&RegexExtract, json!({"text": ""}), config).unwrap_err();
        assert!(
            failure.message.contains("write the number 1 without quotes"),
            "{}",
            failure.message
        );
    }
}
