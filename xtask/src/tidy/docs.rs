//! Every crate has a doc comment; every page of the documentation is linked.

use std::path::Path;

use anyhow::{Context, Result};

use super::{Finding, Source};

/// Checks crate docs and links to the pages of `docs/`.
pub fn check(root: &Path, sources: &[Source]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for source in sources {
        let is_root = source.path.ends_with("/src/lib.rs") || source.path.ends_with("/src/main.rs");
        if is_root && !source.text.starts_with("//! ") {
            findings.push(Finding::Wrong(format!(
                "{} must begin with the purpose of the crate (`//! …`)",
                source.path
            )));
        }
    }
    let index = ["README.md", "docs/README.md"]
        .iter()
        .filter_map(|page| std::fs::read_to_string(root.join(page)).ok())
        .collect::<String>();
    for name in pages(root)? {
        if !is_linked(&index, &name) {
            findings.push(Finding::Wrong(format!(
                "docs/{name} is linked from neither README.md nor docs/README.md"
            )));
        }
    }
    Ok(findings)
}

fn pages(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("docs");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".md") && name != "README.md" {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn is_linked(index: &str, name: &str) -> bool {
    [format!("({name})"), format!("(docs/{name})")].iter().any(|link| index.contains(link))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_in_either_form() {
        assert!(is_linked("see [x](docs/cli.md)", "cli.md"));
        assert!(is_linked("see [x](cli.md)", "cli.md"));
        assert!(!is_linked("see docs/cli.md", "cli.md"));
    }
}
