//! Regular expressions of step configurations: checks, replacements and bounded searches.

use std::time::Duration;

use regex::{Captures, Regex};
use serde_json::Value;
use stepwell_core::Map;
use stepwell_core::catalog::ConfigCheck;
use stepwell_core::expr::EvalInterrupt;
use tokio::time::Instant;

use crate::StepFailure;
use crate::values::integer_value;

/// The time for all searches of one step. One search is linear in the text, but finding every
/// match can be quadratic.
const SEARCH_TIME: Duration = Duration::from_secs(5);

/// The pattern, compiled. Fails with `INVALID_REGEX`.
pub(crate) fn compile_pattern(pattern: &str) -> Result<Regex, StepFailure> {
    let compiled = jq_bounded::regexes::compile_pattern(pattern);
    let (regex, _) =
        compiled.map_err(|message| StepFailure::permanent_failure("INVALID_REGEX", message))?;
    Ok(regex)
}

/// Whether the `pattern` of a configuration can be compiled, for the type's `check`.
pub(crate) fn check_pattern(config: &Map) -> ConfigCheck {
    match config.get("pattern").and_then(Value::as_str) {
        Some(pattern) => compile_pattern(pattern).map(drop).map_err(|f| ("pattern", f.message)),
        None => Ok(()),
    }
}

/// As [`check_pattern`], and whether the groups that `replacement` names are in the pattern.
pub(crate) fn check_replacement(config: &Map) -> ConfigCheck {
    check_pattern(config)?;
    let text = |name: &str| config.get(name).and_then(Value::as_str);
    let (Some(pattern), Some(replacement)) = (text("pattern"), text("replacement")) else {
        return Ok(());
    };
    let Ok(regex) = compile_pattern(pattern) else { return Ok(()) };
    for name in group_references(replacement) {
        if group_index(&regex, name).is_none() {
            let digits = name.len() - name.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, rest) = name.split_at(digits);
            let hint = match group_index(&regex, number).filter(|_| !rest.is_empty()) {
                Some(_) => format!("; write `${{{number}}}{rest}` for group {number} and `{rest}`"),
                None => "; write `$$` for a dollar sign".to_owned(),
            };
            return Err(("replacement", format!("{}{hint}", no_group(&regex, name))));
        }
    }
    Ok(())
}

/// Whether the `group` is in the pattern.
pub(crate) fn check_group(config: &Map) -> ConfigCheck {
    check_pattern(config)?;
    let (Some(Value::String(pattern)), Some(group)) = (config.get("pattern"), config.get("group"))
    else {
        return Ok(());
    };
    let Ok(regex) = compile_pattern(pattern) else { return Ok(()) };
    group_number(&regex, group).map(drop).map_err(|message| ("group", message))
}

/// The index of the group that a configuration names, by number or name.
///
/// # Errors
/// The groups that there are.
pub(crate) fn group_number(regex: &Regex, group: &Value) -> Result<usize, String> {
    let (index, shown) = match group {
        Value::Null => (Some(0), String::new()),
        Value::String(name) => {
            (regex.capture_names().position(|known| known == Some(name)), name.clone())
        }
        number => {
            let index = integer_value(number).and_then(|n| usize::try_from(n).ok());
            (index.filter(|n| *n < regex.captures_len()), number.to_string())
        }
    };
    index.ok_or_else(|| {
        let is_quoted =
            group.is_string() && shown.parse().is_ok_and(|n: usize| n < regex.captures_len());
        match is_quoted {
            true => format!("text is the name of a group; write the number {shown} without quotes"),
            false => no_group(regex, &shown),
        }
    })
}

/// The index of a group by its name or number in a replacement.
fn group_index(regex: &Regex, name: &str) -> Option<usize> {
    match name.parse::<usize>() {
        Ok(number) => Some(number).filter(|number| *number < regex.captures_len()),
        Err(_) => regex.capture_names().position(|known| known == Some(name)),
    }
}

fn no_group(regex: &Regex, name: &str) -> String {
    let names: Vec<_> = regex.capture_names().flatten().collect();
    let named = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
    let name: String = name.chars().take(60).collect();
    format!(
        "the pattern has no group `{name}`: it has groups 0 to {}{named}",
        regex.captures_len() - 1
    )
}

/// The names and numbers of the groups in a replacement, as `regex` reads them: `$name` takes all
/// letters, digits and `_` that follow.
fn group_references(replacement: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = replacement;
    while let Some((_, after)) = rest.split_once('$') {
        rest = match after.chars().next() {
            Some('$') => &after[1..],
            Some('{') => match after[1..].split_once('}') {
                Some((name, behind)) => {
                    names.push(name);
                    behind
                }
                None => after,
            },
            _ => {
                let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let end = after.find(|c| !is_part(c)).unwrap_or(after.len());
                let (name, behind) = after.split_at(end);
                if !name.is_empty() {
                    names.push(name);
                }
                behind
            }
        };
    }
    names
}

/// Calls `each` with at most `limit` matches from the start, within the time for one step and until
/// it is interrupted.
///
/// # Errors
/// `REGEX_TIMEOUT` when the time is over, `INTERRUPTED`, and those of `each`.
pub(crate) fn for_each_match<'t>(
    regex: &Regex,
    text: &'t str,
    limit: usize,
    interrupt: &EvalInterrupt,
    mut each: impl FnMut(Captures<'t>) -> Result<(), StepFailure>,
) -> Result<(), StepFailure> {
    let started = Instant::now();
    for captures in regex.captures_iter(text).take(limit) {
        each(captures)?;
        if interrupt.is_due() {
            return Err(StepFailure::interrupted_failure());
        }
        if started.elapsed() > SEARCH_TIME {
            let message = "the search took too long: simplify the pattern or give a `limit`";
            return Err(StepFailure::permanent_failure("REGEX_TIMEOUT", message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn searches_end_when_they_are_interrupted() {
        let regex = compile_pattern("a").unwrap();
        let polls = Arc::new(AtomicUsize::new(0));
        let counter = polls.clone();
        let interrupt = EvalInterrupt::new(move || counter.fetch_add(1, Ordering::Relaxed) == 2);
        let text = "a".repeat(1000);
        let mut found = 0;
        let result = for_each_match(&regex, &text, usize::MAX, &interrupt, |_| {
            found += 1;
            Ok(())
        });
        assert_eq!((found, result.unwrap_err().code), (3, "INTERRUPTED"));
    }

    /// What counts as a reference here is what `regex` replaces.
    #[test]
    fn references_are_read_as_regex_reads_them() {
        let regex = Regex::new("(?<a>x)(y)").unwrap();
        for (replacement, names, result) in [
            ("$1_x", vec!["1_x"], ""),
            ("${1}_x", vec!["1"], "x_x"),
            ("$a-$2", vec!["a", "2"], "x-y"),
            ("$ab", vec!["ab"], ""),
            ("${a b}c", vec!["a b"], "c"),
            ("$$1 $ ${ $", vec![], "$1 $ ${ $"),
            ("${}", vec![""], ""),
            ("€$é$2", vec!["2"], "€$éy"),
        ] {
            assert_eq!(group_references(replacement), names, "{replacement}");
            assert_eq!(regex.replace("xy", replacement), result, "{replacement}");
        }
    }

    #[test]
    fn refuses_bad_patterns_with_a_reason() {
        let long = "a|".repeat(40_000);
        for (pattern, expected) in [
            ("a(b", "unclosed group"),
            (r"(\w{1000}){1000}", "when compiled"),
            (&long, "longer than 65536 bytes"),
        ] {
            let failure = compile_pattern(pattern).unwrap_err();
            assert_eq!(failure.code, "INVALID_REGEX");
            assert!(failure.message.contains(expected), "{}", failure.message);
        }
    }
}
