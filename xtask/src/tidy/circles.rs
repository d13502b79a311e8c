//! Files that import each other in a circle cannot be read or changed alone: no circle of more than
//! three files, and no dialect that imports another.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::Imports;
use super::{Finding, Source};

/// The largest circle that is allowed.
const MAX_FILES: usize = 3;

const DIALECTS: &str = "crates/api/src/dialects/";

/// Checks every crate.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let crates: BTreeSet<&str> = sources
        .iter()
        .filter_map(|source| Some(&source.path[..source.path.find("/src/")? + "/src/".len()]))
        .collect();
    let mut findings = Vec::new();
    for src in crates {
        let imports = Imports::read(src, sources);
        findings.extend(circles(&imports.graph()).iter().filter_map(|circle| judge(circle)));
        if DIALECTS.starts_with(src) {
            findings.extend(between_dialects(&imports));
        }
    }
    findings
}

fn judge(circle: &[&str]) -> Option<Finding> {
    let files = circle.len();
    (files > MAX_FILES).then(|| {
        Finding::Wrong(format!(
            "{files} files import each other in a circle, at most {MAX_FILES} may: {}",
            circle.join(", ")
        ))
    })
}

/// The strongly connected components of more than one file.
fn circles<'a>(graph: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<Vec<&'a str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|file| (*file, reachable(graph, file))).collect();
    let mut placed = BTreeSet::new();
    let mut found = Vec::new();
    for (file, targets) in &reached {
        if placed.contains(file) || !targets.contains(file) {
            continue;
        }
        let is_mutual = |other: &&str| reached.get(other).is_some_and(|back| back.contains(file));
        let circle: Vec<&str> = targets.iter().copied().filter(is_mutual).collect();
        placed.extend(circle.iter().copied());
        found.push(circle);
    }
    found
}

fn reachable<'a>(graph: &BTreeMap<&'a str, BTreeSet<&'a str>>, start: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = vec![start];
    while let Some(file) = open.pop() {
        for target in graph.get(file).into_iter().flatten() {
            if reached.insert(*target) {
                open.push(target);
            }
        }
    }
    reached
}

fn between_dialects(imports: &Imports) -> Vec<Finding> {
    let crossing = imports.all().filter_map(|import| {
        let own = import.file.strip_prefix(DIALECTS)?.split_once('/')?.0;
        let [top, other, _, ..] = import.path.as_slice() else { return None };
        let is_dialect =
            |name: &str| imports.all().any(|i| i.file.starts_with(&format!("{DIALECTS}{name}/")));
        let crosses = top == "dialects" && other != own && is_dialect(other);
        crosses.then(|| {
            Finding::Wrong(format!(
                "{} imports {}: a dialect must not import another",
                import.file,
                import.path.join("::")
            ))
        })
    });
    crossing.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.into(), text: text.into() }
    }

    /// A circle of so many files.
    fn ring(files: usize) -> Vec<Source> {
        let file = |n: usize| format!("f{n}");
        let ring = (0..files).map(|n| {
            let next = (n + 1) % files;
            let text = format!("use crate::{}::Item{next};\n", file(next));
            source(&format!("crates/x/src/{}.rs", file(n)), &text)
        });
        ring.chain([source("crates/x/src/lib.rs", "use f0::Item0;\n")]).collect()
    }

    #[test]
    fn circles_of_more_than_three_files_are_found() {
        for (files, wrong) in [(2, 0), (3, 0), (4, 1), (6, 1)] {
            let findings = check(&ring(files));
            assert_eq!(findings.len(), wrong, "{files}: {findings:?}");
        }
    }

    #[test]
    fn dialects_do_not_import_each_other() {
        let file = |text: &str| {
            vec![
                source("crates/api/src/dialects/abi/mod.rs", text),
                source("crates/api/src/dialects/abi/wire.rs", "use crate::dialects::shared::f;\n"),
                source("crates/api/src/dialects/vellum/wire.rs", "use crate::error::E;\n"),
                source("crates/api/src/dialects/shared.rs", "\n"),
                source("crates/api/src/error.rs", "\n"),
            ]
        };
        for (text, wrong) in [
            ("use crate::dialects::vellum::wire::W;\n", 1),
            ("use super::vellum::wire::W;\n", 1),
            ("use crate::dialects::abi::wire::W;\n", 0),
            ("use crate::dialects::shared::f;\n", 0),
        ] {
            assert_eq!(check(&file(text)).len(), wrong, "{text}");
        }
    }
}
