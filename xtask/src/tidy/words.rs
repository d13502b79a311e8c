//! Plain technical English in names, comments and texts: counts the words of `word_list.rs`.
//!
//! Folders that are not rewritten yet have an allowance in `xtask/allowed-words.txt`, which may
//! only become lower. Everywhere else the allowance is zero.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use super::word_list::WORDS;
use super::{Finding, Source, source};

const ALLOWANCES: &str = "xtask/allowed-words.txt";

/// The list and the tests that name its words.
const EXEMPT: &[&str] =
    &["xtask/src/tidy/report.rs", "xtask/src/tidy/word_list.rs", "xtask/src/tidy/words.rs"];

/// A word of the list in a source.
#[derive(Debug, PartialEq, Eq)]
struct Hit {
    line: usize,
    word: &'static str,
    better: &'static str,
}

/// Compares the number of words below each path prefix with its allowance.
pub fn check(root: &Path, sources: &[Source]) -> Result<Vec<Finding>> {
    let allowances = read_allowances(root)?;
    let mut counts: BTreeMap<&str, usize> =
        allowances.keys().map(|prefix| (prefix.as_str(), 0)).collect();
    let mut findings = Vec::new();
    for source in sources {
        let hits = find(source);
        match prefix_of(&allowances, &source.path) {
            Some(prefix) => *counts.entry(prefix).or_default() += hits.len(),
            None => findings.extend(hits.iter().map(|hit| Finding::Wrong(describe(source, hit)))),
        }
    }
    for (prefix, count) in counts {
        let allowed = allowances.get(prefix).copied().unwrap_or_default();
        if count > allowed {
            findings.push(Finding::Wrong(format!(
                "{prefix}: {count} words of xtask/src/tidy/word_list.rs, {allowed} are allowed; \
                 `cargo run -p xtask -- words {prefix}` lists them"
            )));
        } else if count < allowed {
            findings.push(Finding::Note(format!(
                "{prefix}: {count} words, {allowed} are allowed; `cargo run -p xtask -- lower-words` \
                 lowers the allowance"
            )));
        }
    }
    Ok(findings)
}

/// Prints every hit in the files whose path starts with `prefix`.
pub fn list(root: &Path, prefix: &str) -> Result<bool> {
    let mut total = 0;
    for source in source::all(root)?.iter().filter(|source| source.path.starts_with(prefix)) {
        for hit in find(source) {
            println!("{}", describe(source, &hit));
            total += 1;
        }
    }
    println!("{total} words");
    Ok(true)
}

/// Lowers each allowance to the present count, and never raises one.
pub fn lower(root: &Path) -> Result<bool> {
    let allowances = read_allowances(root)?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let sources = source::all(root)?;
    for source in &sources {
        if let Some(prefix) = prefix_of(&allowances, &source.path) {
            *counts.entry(prefix).or_default() += find(source).len();
        }
    }
    let path = root.join(ALLOWANCES);
    let mut text = String::new();
    for line in std::fs::read_to_string(&path)?.lines() {
        let Some((prefix, allowed)) = parse_allowance(line)? else {
            let _ = writeln!(text, "{line}");
            continue;
        };
        let count = counts.get(prefix).copied().unwrap_or_default().min(allowed);
        if count > 0 {
            let _ = writeln!(text, "{count:>5} {prefix}");
        }
    }
    std::fs::write(&path, text)?;
    Ok(true)
}

fn describe(source: &Source, hit: &Hit) -> String {
    format!("{}:{}: `{}`: write {}", source.path, hit.line, hit.word, hit.better)
}

fn read_allowances(root: &Path) -> Result<BTreeMap<String, usize>> {
    let text = std::fs::read_to_string(root.join(ALLOWANCES)).context(ALLOWANCES)?;
    let mut allowances = BTreeMap::new();
    for line in text.lines() {
        if let Some((prefix, count)) = parse_allowance(line)? {
            allowances.insert(prefix.to_owned(), count);
        }
    }
    Ok(allowances)
}

/// Reads `COUNT PREFIX`; `None` for a comment or an empty line.
fn parse_allowance(line: &str) -> Result<Option<(&str, usize)>> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (count, prefix) = line.split_once(' ').with_context(|| format!("{ALLOWANCES}: {line}"))?;
    let count = count.parse().with_context(|| format!("{ALLOWANCES}: {line}"))?;
    Ok(Some((prefix.trim(), count)))
}

/// The longest prefix with an allowance that a path has.
fn prefix_of<'a>(allowances: &'a BTreeMap<String, usize>, path: &str) -> Option<&'a str> {
    let prefixes = allowances.keys().map(String::as_str);
    prefixes.filter(|prefix| path.starts_with(prefix)).max_by_key(|prefix| prefix.len())
}

/// The number of words of the list in a text from the file at `path`.
pub fn count_hits(path: &str, text: &str) -> usize {
    find_in(path, text).len()
}

fn find(source: &Source) -> Vec<Hit> {
    find_in(&source.path, &source.text)
}

fn find_in(path: &str, text: &str) -> Vec<Hit> {
    if EXEMPT.contains(&path) {
        return Vec::new();
    }
    let mut phrases: HashMap<&str, Vec<(Vec<&str>, usize)>> = HashMap::new();
    for (index, (phrase, _)) in WORDS.iter().enumerate() {
        let words: Vec<&str> = phrase.split(' ').collect();
        phrases.entry(words[0]).or_default().push((words, index));
    }
    let words = split_words(text);
    let mut hits = Vec::new();
    for (i, word) in words.iter().enumerate() {
        let Some(candidates) = phrases.get(word.text.as_str()) else { continue };
        for (phrase, index) in candidates {
            let matches = phrase.iter().enumerate().skip(1).all(|(offset, expected)| {
                words.get(i + offset).is_some_and(|word| word.follows && word.text == *expected)
            });
            if matches {
                let (word_of_list, better) = WORDS[*index];
                hits.push(Hit { line: word.line, word: word_of_list, better });
            }
        }
    }
    hits
}

/// A word of an identifier, a comment or a string, in lower case.
struct Word {
    text: String,
    line: usize,
    /// Whether only space, `_` or the marks of a comment are between the previous word and this.
    follows: bool,
}

/// Splits a source into words: at everything that is no letter, and inside `camelCase`. A hyphen
/// between letters is part of the word.
fn split_words(text: &str) -> Vec<Word> {
    let characters: Vec<char> = text.chars().collect();
    let mut words: Vec<Word> = Vec::new();
    let (mut line, mut follows, mut is_inside) = (1, false, false);
    let mut i = 0;
    while i < characters.len() {
        let at = |offset: usize| characters.get(i + offset).copied().unwrap_or(' ');
        let (c, next) = (at(0), at(1));
        let previous = if i > 0 { characters[i - 1] } else { ' ' };
        if c.is_alphabetic() || (c == '-' && is_inside && next.is_alphabetic()) {
            let starts_hump = c.is_uppercase()
                && (previous.is_lowercase() || (previous.is_uppercase() && next.is_lowercase()));
            if !is_inside || starts_hump {
                words.push(Word { text: String::new(), line, follows: is_inside || follows });
            }
            if let Some(word) = words.last_mut() {
                word.text.extend(c.to_lowercase());
            }
            (is_inside, follows) = (true, true);
        } else {
            is_inside = false;
            follows &= c.is_whitespace() || matches!(c, '_' | '/' | '!' | '\\');
            // The letter of an escape such as `\n` begins no word.
            if c == '\\' && next.is_alphabetic() {
                i += 1;
            }
            line += usize::from(c == '\n');
        }
        i += 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(text: &str) -> Vec<(usize, &'static str)> {
        let source = Source { path: "crates/x/src/a.rs".into(), text: text.into() };
        find(&source).into_iter().map(|hit| (hit.line, hit.word)).collect()
    }

    #[test]
    fn words_are_found_in_names_comments_and_strings() {
        for (text, expect) in [
            ("fn told() {}", &[(1, "told")][..]),
            ("struct WasTold;", &[(1, "told")]),
            ("let is_told_twice = 1;", &[(1, "told")]),
            ("\n/// A list made\n    /// of words.", &[(2, "made of")]),
            ("f(\"\\nTells it\")", &[(1, "tells")]),
            ("const NOBODY: u8 = 1;", &[(1, "nobody")]),
            ("// a time-out, by hand", &[(1, "time-out"), (1, "by hand")]),
            ("// It stands for x.", &[(1, "stands"), (1, "stands for")]),
        ] {
            assert_eq!(hits(text), expect, "{text}");
        }
    }

    #[test]
    fn other_words_and_broken_phrases_are_not_found() {
        for text in [
            "fn retell() {}",
            "// It made, of",
            "// made; of",
            "// understands",
            "let asking_price_x",
        ] {
            let found = hits(text);
            let expect: &[(usize, &str)] =
                if text.contains("asking") { &[(1, "asking")] } else { &[] };
            assert_eq!(found, expect, "{text}");
        }
    }

    #[test]
    fn the_list_is_in_lower_case_without_duplicates() {
        let mut seen = std::collections::BTreeSet::new();
        for (phrase, better) in WORDS {
            assert_eq!(*phrase, phrase.to_lowercase());
            assert!(!better.is_empty() && seen.insert(phrase), "{phrase}");
            assert!(!hits(&format!("// {phrase}")).is_empty(), "{phrase}");
        }
    }

    #[test]
    fn the_longest_prefix_has_the_allowance() {
        let allowances = [("crates/a/".to_owned(), 3), ("crates/a/tests/".to_owned(), 1)].into();
        for (path, expect) in [
            ("crates/a/src/x.rs", Some("crates/a/")),
            ("crates/a/tests/x.rs", Some("crates/a/tests/")),
            ("crates/b/src/x.rs", None),
        ] {
            assert_eq!(prefix_of(&allowances, path), expect, "{path}");
        }
        assert_eq!(parse_allowance("  12 crates/a/").unwrap(), Some(("crates/a/", 12)));
        assert_eq!(parse_allowance("# a comment").unwrap(), None);
        assert!(parse_allowance("many crates/a/").is_err());
    }

    #[test]
    fn allowances_only_go_down() {
        let root = tempfile_root();
        std::fs::create_dir_all(root.join("crates/a/src")).unwrap();
        std::fs::create_dir_all(root.join("xtask")).unwrap();
        std::fs::write(root.join("crates/a/src/lib.rs"), "// told, tells").unwrap();
        for (allowed, after) in [(5, Some(2)), (1, Some(1)), (2, Some(2))] {
            std::fs::write(root.join(ALLOWANCES), format!("# Why\n{allowed} crates/a/\n")).unwrap();
            lower(&root).unwrap();
            assert_eq!(read_allowances(&root).unwrap().get("crates/a/").copied(), after);
            let text = std::fs::read_to_string(root.join(ALLOWANCES)).unwrap();
            assert!(text.starts_with("# Why\n"), "{text}");
        }
        for (allowed, wrong) in [(1, true), (2, false), (3, false)] {
            std::fs::write(root.join(ALLOWANCES), format!("{allowed} crates/a/\n")).unwrap();
            let findings = check(&root, &source::all(&root).unwrap()).unwrap();
            let is_wrong = findings.iter().any(|f| matches!(f, Finding::Wrong(_)));
            assert_eq!(is_wrong, wrong, "{findings:?}");
        }
        std::fs::remove_dir_all(&root).unwrap();
    }

    fn tempfile_root() -> std::path::PathBuf {
        std::env::temp_dir().join(format!("stepwell-xtask-words-{}", std::process::id()))
    }
}
