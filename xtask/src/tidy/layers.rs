//! Imports go down only: the allowed dependencies between our crates, and the crates that may use
//! an external one.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::Finding;

/// The allowed edges between our own crates.
const EDGES: &[(&str, &[&str])] = &[
    ("stepwell-core", &[]),
    ("stepwell-store", &["stepwell-core"]),
    ("stepwell-store-sqlite", &["stepwell-store", "stepwell-core"]),
    ("jq-bounded", &["stepwell-core"]),
    ("stepwell-steps", &["jq-bounded", "stepwell-core"]),
    ("stepwell-engine", &["stepwell-steps", "stepwell-store", "stepwell-core"]),
    // The engine's views contain records and step descriptions of the lower crates.
    ("stepwell-api", &["stepwell-engine", "stepwell-steps", "stepwell-store", "stepwell-core"]),
    (
        "stepwell",
        &[
            "stepwell-api",
            "stepwell-engine",
            "stepwell-store-sqlite",
            "stepwell-steps",
            "stepwell-store",
            "stepwell-core",
        ],
    ),
    ("xtask", &[]),
    // Measures the server over HTTP, with data written directly into the store, and SQLite itself.
    ("bench", &["stepwell-store-sqlite", "stepwell-store", "stepwell-core"]),
];

/// External crates that only some of ours may use.
const ONLY: &[(&str, &[&str])] = &[
    ("rusqlite", &["stepwell-store-sqlite", "bench"]),
    ("axum", &["stepwell-api", "stepwell", "bench"]),
    ("reqwest", &["stepwell-engine", "stepwell", "bench"]),
    ("clap", &["stepwell"]),
    ("figment", &["stepwell"]),
    ("anyhow", &["stepwell", "xtask", "bench"]),
    ("minijinja", &["stepwell-core"]),
    ("jaq-core", &["jq-bounded"]),
    ("jaq-std", &["jq-bounded"]),
];

/// Crates that the domain must not use, whatever the other rules allow.
const NOT_IN_CORE: &[&str] =
    &["tokio", "reqwest", "rusqlite", "axum", "rand", "async-trait", "futures-util"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None`: a normal one; `dev`, `build`.
    kind: Option<String>,
}

/// Reads the crates from `cargo metadata` and checks their edges.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root)
        .output()
        .context("cargo metadata could not be started")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout)?;
    Ok(metadata.packages.iter().flat_map(check_package).collect())
}

fn check_package(package: &Package) -> Vec<Finding> {
    let name = package.name.as_str();
    let Some((_, allowed)) = EDGES.iter().find(|(from, _)| *from == name) else {
        return vec![Finding::Wrong(format!("crate `{name}` has no layer: add it to EDGES"))];
    };
    let mut findings = Vec::new();
    // Tests may use a store of a sibling crate.
    for dependency in package.dependencies.iter().filter(|d| d.kind.is_none()) {
        let to = dependency.name.as_str();
        let ours = EDGES.iter().any(|(from, _)| *from == to);
        let reserved = ONLY.iter().find(|(outside, _)| *outside == to);
        let wrong = (ours && !allowed.contains(&to))
            || (name == "stepwell-core" && NOT_IN_CORE.contains(&to))
            || reserved.is_some_and(|(_, users)| !users.contains(&name));
        if wrong {
            findings.push(Finding::Wrong(format!("crate `{name}` must not depend on `{to}`")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(name: &str, dependencies: &[(&str, Option<&str>)]) -> usize {
        let dependencies = dependencies
            .iter()
            .map(|(name, kind)| Dependency { name: (*name).into(), kind: kind.map(Into::into) });
        check_package(&Package { name: name.into(), dependencies: dependencies.collect() }).len()
    }

    #[test]
    fn imports_go_down_only() {
        for (name, to, kind, expect) in [
            ("stepwell-engine", "stepwell-core", None, 0),
            ("stepwell-core", "stepwell-engine", None, 1),
            ("stepwell-engine", "stepwell-store-sqlite", None, 1),
            ("stepwell-engine", "stepwell-store-sqlite", Some("dev"), 0),
            ("stepwell-core", "tokio", None, 1),
            ("stepwell-core", "serde", None, 0),
            ("jq-bounded", "stepwell-steps", None, 1),
            ("stepwell-api", "rusqlite", None, 1),
            ("stepwell-store-sqlite", "rusqlite", None, 0),
            ("stepwell-new", "serde", None, 1),
        ] {
            assert_eq!(wrong(name, &[(to, kind)]), expect, "{name} -> {to}");
        }
    }
}
