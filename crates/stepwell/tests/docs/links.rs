//! Links between pages lead to files and headings that exist.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::page::repository_root;

/// The pages of the project, relative to its root.
fn list_pages() -> Vec<PathBuf> {
    let mut pages = vec![PathBuf::from("README.md"), PathBuf::from("CONTRIBUTING.md")];
    for folder in ["docs", "docs/decisions"] {
        for entry in std::fs::read_dir(repository_root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name();
            if name.to_string_lossy().ends_with(".md") {
                pages.push(Path::new(folder).join(name));
            }
        }
    }
    pages
}

/// The lines of a page that are not in code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let fence = line.starts_with("```");
        is_code ^= fence;
        !is_code && !fence
    })
}

/// The anchors of the headings, as GitHub makes them.
fn collect_anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter_map(|line| {
        line.starts_with('#').then(|| line.trim_start_matches('#').strip_prefix(' '))?
    });
    headings
        .map(|heading| {
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.collect::<String>().to_lowercase().replace(' ', "-")
        })
        .collect()
}

/// The targets of the links of a page.
fn link_targets(text: &str) -> Vec<&str> {
    let links = prose(text).flat_map(|line| line.split("](").skip(1));
    links.filter_map(|rest| rest.split_once(')').map(|(target, _)| target)).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut wrong = Vec::new();
    for page in list_pages() {
        let text = crate::page::read_file(&page);
        for target in link_targets(&text).into_iter().filter(|target| !target.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            let path = repository_root().join(path);
            let has_anchor = || {
                collect_anchors(&std::fs::read_to_string(&path).unwrap_or_default())
                    .contains(anchor)
            };
            if !path.exists() || (!anchor.is_empty() && !has_anchor()) {
                wrong.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "broken links:\n{}", wrong.join("\n"));
}

#[test]
fn headings_become_anchors() {
    let text = "# A b\n```sh\n# no\n```\n## Start, stop, crash\n### `x_y`: z\n";
    let expect = ["a-b", "start-stop-crash", "x_y-z"].map(str::to_owned);
    assert_eq!(collect_anchors(text), BTreeSet::from(expect));
    assert_eq!(link_targets("see [a](b.md#c) and [d](#e)"), ["b.md#c", "#e"]);
}
