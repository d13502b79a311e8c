//! The Rust sources of the workspace, read once.

use std::path::Path;

use anyhow::{Context, Result};

/// One `.rs` file.
pub struct Source {
    /// From the workspace's folder, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A line with its number, from 1.
pub type Line<'a> = (usize, &'a str);

impl Source {
    /// Whether the whole file is test, bench or example code.
    pub fn is_test(&self) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        parts.iter().any(|p| matches!(*p, "tests" | "benches" | "bench" | "examples" | "fuzz"))
            || parts.last().is_some_and(|name| matches!(*name, "tests.rs" | "testing.rs"))
    }

    /// The lines that are code: no comments, and the inline test module (by convention the last
    /// item of a file) only if `tests` is set.
    pub fn code(&self, tests: bool) -> Vec<Line<'_>> {
        let end = if tests { None } else { self.test_module() };
        self.text
            .lines()
            .enumerate()
            .map(|(i, line)| (i + 1, line))
            .take_while(|(number, _)| end.is_none_or(|end| *number < end))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .collect()
    }

    /// The line of the `#[cfg(test)]` or `#[cfg(all(test, …))]` before an inline `mod … {`.
    fn test_module(&self) -> Option<usize> {
        let lines: Vec<&str> = self.text.lines().collect();
        lines
            .windows(2)
            .position(|pair| {
                is_test_attribute(pair[0]) && pair[1].starts_with("mod ") && pair[1].ends_with('{')
            })
            .map(|i| i + 1)
    }
}

fn is_test_attribute(line: &str) -> bool {
    line == "#[cfg(test)]" || line.starts_with("#[cfg(all(test,")
}

/// All sources below `crates/`, `xtask/`, `bench/` and `fuzz/`, sorted by path.
pub fn all(root: &Path) -> Result<Vec<Source>> {
    let mut found = Vec::new();
    for top in ["crates", "xtask", "bench", "fuzz"] {
        let folder = root.join(top);
        if folder.is_dir() {
            collect(root, &folder, &mut found)?;
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(root, &path, found)?;
            }
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let text =
                std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let path = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
            found.push(Source { path, text });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_ends_where_the_tests_begin() {
        let text = "//! doc\nfn a() {}\n#[cfg(test)]\nmod helper;\n#[cfg(test)]\nmod tests {\n    b();\n}\n";
        let source = Source { path: "crates/x/src/a.rs".into(), text: text.into() };
        let numbers = |tests| source.code(tests).iter().map(|l| l.0).collect::<Vec<_>>();
        assert_eq!(numbers(false), [2, 3, 4]);
        assert_eq!(numbers(true), [2, 3, 4, 5, 6, 7, 8]);
        let text = "fn a() {}\n#[cfg(all(test, unix))]\nmod tests {\n}\n";
        let source = Source { path: "crates/x/src/a.rs".into(), text: text.into() };
        assert_eq!(source.code(false).len(), 1);
    }
}
