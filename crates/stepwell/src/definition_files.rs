//! The definition files that arguments name: files, folders and patterns.

use std::path::{Path, PathBuf};

use crate::error::CliError;

/// A file of a definition with this ending has the input of an example.
pub const INPUT_SUFFIX: &str = ".input.json";

/// A file with this ending has the snapshots of a test file.
pub const SNAPSHOT_SUFFIX: &str = ".snapshots.json";

/// Files with these endings have the cases of a definition.
const TEST_SUFFIXES: [&str; 3] = [".test.yaml", ".test.yml", ".test.json"];

/// The extensions of definitions.
const EXTENSIONS: [&str; 3] = [".yaml", ".yml", ".json"];

/// The files that these arguments name. A folder names the definitions directly in it.
///
/// # Errors
/// `Usage` if a folder cannot be read, or an argument names no file.
pub fn expand_patterns(patterns: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let mut files: Vec<PathBuf> = Vec::new();
    for pattern in patterns {
        let found = if pattern.is_dir() {
            list_definitions(pattern, is_definition)?
        } else if pattern.exists() || !has_wildcard(pattern) {
            vec![pattern.clone()]
        } else {
            expand_wildcards(pattern, is_definition)?
        };
        if found.is_empty() {
            let message = format!(
                "{} has no definition: no file that ends in .json, .yaml or .yml",
                pattern.display()
            );
            return Err(CliError::usage(message));
        }
        for file in found {
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    Ok(files)
}

/// The definitions directly in the folder, sorted by name.
///
/// # Errors
/// `Usage` if the folder cannot be read.
pub fn list_definitions(
    folder: &Path,
    accept: impl Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>, CliError> {
    let entries = std::fs::read_dir(folder).map_err(|e| {
        CliError::usage(format!("cannot read the folder {}: {e}", folder.display()))
    })?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file() && accept(path))
        .collect();
    files.sort();
    Ok(files)
}

/// Whether the name is that of a definition.
pub fn is_definition(path: &Path) -> bool {
    let name = file_name(path).to_lowercase();
    let has_extension = EXTENSIONS.iter().any(|ext| name.ends_with(ext));
    has_extension
        && !name.ends_with(INPUT_SUFFIX)
        && !name.ends_with(SNAPSHOT_SUFFIX)
        && !is_test(path)
}

/// Whether the name is that of a test file.
fn is_test(path: &Path) -> bool {
    let name = file_name(path).to_lowercase();
    TEST_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// The test files that an argument names: itself, that of a definition, those directly in a folder,
/// or those of a pattern.
///
/// # Errors
/// `Usage` if there are none.
pub fn expand_tests(pattern: &Path) -> Result<Vec<PathBuf>, CliError> {
    let found = if pattern.is_dir() {
        list_definitions(pattern, is_test)?
    } else if is_test(pattern) && !has_wildcard(pattern) {
        vec![pattern.to_owned()]
    } else if has_wildcard(pattern) && !pattern.exists() {
        expand_wildcards(pattern, is_test)?
    } else {
        let tests = TEST_SUFFIXES.map(|suffix| with_suffix(pattern, suffix));
        tests.into_iter().filter(|test| test.is_file()).collect()
    };
    if found.is_empty() {
        let message = format!(
            "{} has no test file: no file that ends in {}",
            pattern.display(),
            TEST_SUFFIXES.join(", ")
        );
        return Err(CliError::usage(message));
    }
    Ok(found)
}

/// The definition beside a test file: `orders.yaml` of `orders.test.yaml`.
///
/// # Errors
/// `Usage` if there is none.
pub fn tested_definition(test: &Path) -> Result<PathBuf, CliError> {
    // Without the extension, then without `.test`.
    let name = test.with_extension("");
    let found = EXTENSIONS.map(|ext| with_suffix(&name, ext)).into_iter().find(|f| f.is_file());
    found.ok_or_else(|| {
        CliError::usage(format!(
            "{} has no definition beside it; name it as `definition: FILE` in the test file",
            test.display()
        ))
    })
}

/// The path with another ending instead of its extension.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    path.with_file_name(stem + suffix)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn has_wildcard(path: &Path) -> bool {
    file_name(path).contains(['*', '?'])
}

/// The files whose names match the last part of the path. Shells do the same for patterns without
/// quotes.
fn expand_wildcards(pattern: &Path, accept: fn(&Path) -> bool) -> Result<Vec<PathBuf>, CliError> {
    let folder = pattern.parent().filter(|folder| !folder.as_os_str().is_empty());
    let expected: Vec<char> = file_name(pattern).chars().collect();
    let is_match = |path: &Path| {
        let name: Vec<char> = file_name(path).chars().collect();
        accept(path) && matches_wildcards(&expected, &name)
    };
    match folder {
        Some(folder) => list_definitions(folder, is_match),
        None => {
            let found = list_definitions(Path::new("."), is_match)?;
            Ok(found.into_iter().map(|path| PathBuf::from(file_name(&path))).collect())
        }
    }
}

/// Whether a name matches a pattern with `*` (any characters) and `?` (one character).
fn matches_wildcards(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut in_pattern) = (0, 0);
    // The last `*`, and how much of the name it covers.
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() {
        match pattern.get(in_pattern) {
            Some('*') => {
                star = Some((in_pattern, at));
                in_pattern += 1;
            }
            Some(expected) if *expected == '?' || *expected == name[at] => {
                at += 1;
                in_pattern += 1;
            }
            _ => {
                let Some((position, covered)) = star else { return false };
                star = Some((position, covered + 1));
                at = covered + 1;
                in_pattern = position + 1;
            }
        }
    }
    pattern[in_pattern..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_and_other_files_are_not_definitions() {
        for (name, expect) in [
            ("greet.yaml", true),
            ("greet.yml", true),
            ("dummy.json", true),
            ("greet.input.json", false),
            ("greet.test.yaml", false),
            ("greet.test.snapshots.json", false),
            ("README.md", false),
            ("messy.csv", false),
        ] {
            assert_eq!(is_definition(Path::new(name)), expect, "{name}");
        }
    }

    #[test]
    fn wildcards_match_names() {
        for (pattern, name, expect) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "a.json", false),
            ("*", "", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a**", "a", true),
            ("", "a", false),
        ] {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let found = matches_wildcards(&chars(pattern), &chars(name));
            assert_eq!(found, expect, "{pattern} {name}");
        }
    }

    #[test]
    fn tests_are_beside_their_definitions() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.yaml", "a.test.yml", "b.json", "b.test.json", "c.yaml"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let names = |pattern: &str| -> Result<Vec<String>, CliError> {
            let found = expand_tests(&folder.path().join(pattern))?;
            Ok(found.iter().map(|path| file_name(path)).collect())
        };
        assert_eq!(names("").unwrap(), ["a.test.yml", "b.test.json"]);
        assert_eq!(names("a.yaml").unwrap(), ["a.test.yml"]);
        assert_eq!(names("b*").unwrap(), ["b.test.json"]);
        assert_eq!(names("c.test.yaml").unwrap(), ["c.test.yaml"], "reading it reports it");
        assert!(names("c.yaml").is_err() && names("c*").is_err());
        let definition = |name: &str| tested_definition(&folder.path().join(name));
        assert_eq!(file_name(&definition("a.test.yml").unwrap()), "a.yaml");
        assert_eq!(file_name(&definition("b.test.json").unwrap()), "b.json");
        assert!(definition("d.test.yaml").is_err());
    }

    #[test]
    fn arguments_are_files_folders_and_patterns() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.json", "a.input.json", "c.txt"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let names = |patterns: &[&str]| -> Result<Vec<String>, CliError> {
            let patterns: Vec<_> = patterns.iter().map(|name| folder.path().join(name)).collect();
            Ok(expand_patterns(&patterns)?.iter().map(|path| file_name(path)).collect())
        };
        assert_eq!(names(&[""]).unwrap(), ["a.json", "b.yaml"]);
        assert_eq!(names(&["*.yaml", ""]).unwrap(), ["b.yaml", "a.json"]);
        assert_eq!(names(&["c.txt"]).unwrap(), ["c.txt"], "a file that is named is read");
        assert!(names(&["*.yml"]).is_err());
        assert_eq!(names(&["missing.yaml"]).unwrap(), ["missing.yaml"], "reading it reports it");
    }
}
