//! The reference of error codes has an entry for each code in the sources, with the HTTP statuses
//! that the code is sent with, and no entry for a code that is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;
use reqwest::StatusCode;

use crate::page::{read_file, repository_root};

/// Where errors get their codes.
const SOURCES: [&str; 4] =
    ["crates/core/src", "crates/steps/src", "crates/engine/src", "crates/api/src"];

/// Texts in upper snake case that are not codes of errors.
const OTHER: [(&str, &str); 10] = [
    ("CARGO_PKG_VERSION", "a variable of the build"),
    ("CHAT_HISTORY", "a Vellum type"),
    ("FUNCTION_CALL", "a Vellum type"),
    ("SEARCH_RESULTS", "a Vellum type"),
    ("OPENAI_KEY", "the name of a secret"),
    ("STOCK_EMPTY", "a code of the user, in an example"),
    ("SCREAMING_SNAKE_CASE", "a format of names for serde"),
    ("PENDING_DELETION", "a Vellum status"),
    ("WORKFLOW_RELEASE_TAG", "a Vellum source of a release"),
    ("REQUIRE_EXPLICIT_INVITE", "a Vellum setting of an organization"),
];

/// The sources without their tests.
fn read_sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<_> = SOURCES.iter().map(|folder| repository_root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if is_code(&path) {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
                found.push((path.display().to_string(), code));
            }
        }
    }
    found
}

fn is_code(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    let is_test = name.contains("test") || path.iter().any(|part| part == "tests");
    name.ends_with(".rs") && !is_test
}

/// The first group of every match in the files below a path, with the file that it is in.
fn find_literals(below: &str, pattern: &str) -> BTreeMap<String, String> {
    let pattern = Regex::new(pattern).unwrap();
    let mut found = BTreeMap::new();
    for (path, code) in read_sources().into_iter().filter(|(path, _)| path.contains(below)) {
        for captures in pattern.captures_iter(&code) {
            found.insert(captures[1].to_owned(), path.clone());
        }
    }
    found
}

/// Every code in the sources.
fn collect_codes() -> BTreeMap<String, String> {
    let mut codes = BTreeMap::new();
    for (below, pattern, least) in [
        // The constants of the state machine.
        ("execution/failure.rs", r#"pub const \w+: &str = "([A-Z][A-Z0-9_]+)";"#, 11),
        // Kinds of errors of requests, with the statuses of the dialects.
        ("crates/api", r#"StatusCode::\w+,\s*"([A-Z][A-Z0-9_]+)""#, 30),
        // Failures of steps.
        ("crates", r#"(?:permanent|transient)(?:_failure)?\(\s*"([A-Z][A-Z0-9_]+)""#, 12),
        // Firings that start nothing.
        ("crates", r#"\.skip_firing\([^";]*"([A-Z][A-Z0-9_]+)""#, 4),
        // Everything else with two words.
        ("crates", r#""([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)""#, 40),
    ] {
        let found = find_literals(below, pattern);
        assert!(found.len() >= least, "only {} codes are found by {pattern}", found.len());
        codes.extend(found);
    }
    codes.retain(|code, _| OTHER.iter().all(|(other, _)| other != code));
    codes
}

/// The entries of the page: codes with the rest of their row.
fn read_entries() -> Vec<(String, String)> {
    let row = Regex::new(r"(?m)^\| `([A-Z][A-Z0-9_]+)`(.*)$").unwrap();
    let page = read_file("docs/errors.md");
    row.captures_iter(&page).map(|row| (row[1].to_owned(), row[2].to_owned())).collect()
}

#[test]
fn every_code_has_an_entry() {
    let entries: BTreeSet<String> = read_entries().into_iter().map(|(code, _)| code).collect();
    let missing: Vec<String> = collect_codes()
        .into_iter()
        .filter(|(code, _)| !entries.contains(code))
        .map(|(code, path)| format!("{code} ({path})"))
        .collect();
    assert!(missing.is_empty(), "docs/errors.md has no entry for\n{}", missing.join("\n"));
}

#[test]
fn every_entry_is_a_code() {
    let known = find_literals("crates", r#""([A-Z][A-Z0-9_]+)""#);
    for (code, _) in read_entries() {
        assert!(known.contains_key(&code), "docs/errors.md has {code}, which no source has");
    }
}

#[test]
fn entries_name_their_statuses() {
    let pair = Regex::new(r#"StatusCode::(\w+),\s*"([A-Z][A-Z0-9_]+)""#).unwrap();
    let entries = read_entries();
    for (path, code) in read_sources() {
        for found in pair.captures_iter(&code) {
            let status = status_number(&found[1]).to_string();
            let has_status = |(name, row): &(String, String)| {
                *name == found[2]
                    && row.split('|').nth(1).is_some_and(|cell| cell.contains(&status))
            };
            let is_there = entries.iter().any(has_status);
            assert!(is_there, "docs/errors.md: {} is sent with {status} ({path})", &found[2]);
        }
    }
}

/// The number of a status that the sources name by its constant.
fn status_number(constant: &str) -> u16 {
    let is_named = |status: &StatusCode| {
        let reason = status.canonical_reason().unwrap_or_default();
        reason.to_uppercase().replace([' ', '-'], "_") == constant
    };
    let mut statuses = (400..600).filter_map(|number| StatusCode::from_u16(number).ok());
    let status = statuses.find(is_named);
    status.map_or_else(|| panic!("there is no status {constant}"), |status| status.as_u16())
}
