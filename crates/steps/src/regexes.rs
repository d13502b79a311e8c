//! Compiling regular expressions, once for the same pattern, and keeping searches bounded.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use regex::{Captures, Regex, RegexBuilder};
use serde_json::Value;
use stepwell_core::Map;
use stepwell_core::catalog::Checked;
use tokio::time::Instant;

use crate::Failure;

/// The most memory one compiled pattern may take, in bytes.
const SIZE_LIMIT: usize = 1024 * 1024;

/// How many compiled patterns are kept.
const CACHED: usize = 64;

/// The time for all searches of one step. One search is linear in the text, but finding every
/// match can be quadratic, and a pure step holds a thread of the server while it runs.
const SEARCH_TIME: Duration = Duration::from_secs(5);

/// The most recently used patterns, newest at the back. Nothing awaits under the lock, and no
/// pattern is compiled under it.
static CACHE: Mutex<VecDeque<Regex>> = Mutex::new(VecDeque::new());

/// The pattern, compiled. Fails with `INVALID_REGEX`.
pub(crate) fn compile(pattern: &str) -> Result<Regex, Failure> {
    if let Some(found) = cached(pattern) {
        return Ok(found);
    }
    let compiled = RegexBuilder::new(pattern).size_limit(SIZE_LIMIT).build().map_err(invalid)?;
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if cache.len() >= CACHED {
        cache.pop_front();
    }
    cache.push_back(compiled.clone());
    Ok(compiled)
}

/// Whether the `pattern` of a configuration can be compiled, for the type's `check`.
pub(crate) fn check_pattern(config: &Map) -> Checked {
    match config.get("pattern").and_then(Value::as_str) {
        Some(pattern) => compile(pattern).map(drop).map_err(|f| ("pattern", f.message)),
        None => Ok(()),
    }
}

fn cached(pattern: &str) -> Option<Regex> {
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let at = cache.iter().position(|regex| regex.as_str() == pattern)?;
    let found = cache.remove(at)?;
    cache.push_back(found.clone());
    Some(found)
}

fn invalid(error: regex::Error) -> Failure {
    let message = match error {
        regex::Error::CompiledTooBig(_) => format!(
            "the pattern needs more than {SIZE_LIMIT} bytes when compiled; use smaller repetition \
             counts"
        ),
        other => format!("`pattern` is no valid regular expression: {other}"),
    };
    Failure::permanent("INVALID_REGEX", message)
}

/// Calls `each` with at most `limit` matches from the start, within the time for one step.
pub(crate) fn for_each_match<'t>(
    regex: &Regex,
    text: &'t str,
    limit: usize,
    mut each: impl FnMut(Captures<'t>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let started = Instant::now();
    for (i, captures) in regex.captures_iter(text).take(limit).enumerate() {
        each(captures)?;
        if i % 64 == 63 && started.elapsed() > SEARCH_TIME {
            let message = "the search took too long: simplify the pattern or give a `limit`";
            return Err(Failure::permanent("REGEX_TIMEOUT", message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiles_once_and_stays_bounded() {
        for i in 0..(2 * CACHED) {
            compile(&format!("bounded{i}")).unwrap();
        }
        assert!(CACHE.lock().unwrap().len() <= CACHED);
        compile("kept").unwrap();
        assert!(cached("kept").is_some());
    }

    #[test]
    fn refuses_bad_patterns_with_a_reason() {
        for (pattern, says) in [("a(b", "unclosed group"), (r"(\w{1000}){1000}", "when compiled")] {
            let failure = compile(pattern).unwrap_err();
            assert_eq!(failure.code, "INVALID_REGEX");
            assert!(failure.message.contains(says), "{}", failure.message);
        }
    }
}
