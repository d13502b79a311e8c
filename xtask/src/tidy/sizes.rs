//! Long files and functions. Only very long files without a reason fail; the rest are notes.

use super::source::Line;
use super::{Finding, Source};

const LONG_FILE: usize = 400;
const TOO_LONG_FILE: usize = 600;
const LONG_FUNCTION: usize = 60;

/// Files that may be longer, each with the reason.
const ALLOWED: &[(&str, &str)] = &[];

/// Lists long files and functions.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    sources.iter().flat_map(check_file).collect()
}

fn check_file(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let path = &source.path;
    let lines = source.text.lines().count();
    let allowed = ALLOWED.iter().any(|(file, _)| file == path);
    if lines > TOO_LONG_FILE && !allowed {
        findings.push(Finding::Wrong(format!(
            "{path} has {lines} lines: split it, or allow it in xtask/src/tidy/sizes.rs with a reason"
        )));
    } else if lines > LONG_FILE && !allowed {
        findings.push(Finding::Note(format!("{path} has {lines} lines")));
    }
    if !source.is_test() {
        for (number, name, length) in functions(&source.code(false)) {
            if length > LONG_FUNCTION {
                findings
                    .push(Finding::Note(format!("{path}:{number}: `{name}` has {length} lines")));
            }
        }
    }
    findings
}

/// Line, name and length of every function. Relies on rustfmt: a body ends at a `}` with the
/// indentation of its `fn`.
fn functions<'a>(code: &[Line<'a>]) -> Vec<(usize, &'a str, usize)> {
    let mut found = Vec::new();
    for (i, (number, line)) in code.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        let end = code[i..].iter().find(|(_, l)| {
            let own = l.len() - l.trim_start().len() == indent;
            own && (l.trim_end().ends_with(';') || l.trim() == "}" || l.trim_end().ends_with("{}"))
        });
        if let Some((last, text)) = end
            && text.trim() == "}"
        {
            found.push((*number, name, last - number + 1));
        }
    }
    found
}

/// The name of the function that a line declares.
pub fn function_name(line: &str) -> Option<&str> {
    let mut rest = after_visibility(line)?;
    while let Some(after) =
        ["const ", "async ", "unsafe "].iter().find_map(|w| rest.strip_prefix(w))
    {
        rest = after;
    }
    let name = rest.strip_prefix("fn ")?;
    Some(name.split(['(', '<']).next().unwrap_or(name))
}

/// A line without its indentation and `pub`.
pub fn after_visibility(line: &str) -> Option<&str> {
    let rest = line.trim_start();
    let Some(after) = rest.strip_prefix("pub") else { return Some(rest) };
    let after = match after.strip_prefix('(') {
        Some(inside) => inside.split_once(')')?.1,
        None => after,
    };
    Some(after.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured() {
        let text = "pub(crate) async fn a(\n    x: u8,\n) -> u8 {\n    if x {\n    }\n}\n\
            trait T {\n    fn b(&self);\n    const fn c<T>() {\n    }\n}\nfn d() {}\n";
        let source = Source { path: "crates/x/src/a.rs".into(), text: text.into() };
        assert_eq!(functions(&source.code(false)), [(1, "a", 6), (9, "c", 2)]);
    }

    #[test]
    fn only_very_long_files_fail() {
        for (lines, expect) in [(400, 0), (401, 1), (601, 1)] {
            let source =
                Source { path: "crates/x/src/a.rs".into(), text: "let a;\n".repeat(lines) };
            let findings = check_file(&source);
            assert_eq!(findings.len(), expect, "{lines}");
            let fails = findings.iter().any(|f| matches!(f, Finding::Wrong(_)));
            assert_eq!(fails, lines > 600, "{lines}");
        }
    }
}
