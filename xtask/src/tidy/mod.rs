//! The project's own rules. Each rule reads the sources and returns findings.

mod calls;
mod circles;
mod docs;
mod imports;
mod layers;
pub mod report;
mod sizes;
mod source;
mod word_list;
mod words;

use std::path::Path;

use anyhow::Result;

use source::Source;

pub use words::{list as list_words, lower as lower_words};

/// The result of a rule.
#[derive(Debug, PartialEq, Eq)]
pub enum Finding {
    /// Breaks a rule: tidy fails.
    Wrong(String),
    /// Worth a look; tidy passes.
    Note(String),
}

/// Checks every rule; `true` if none is broken.
pub fn run(root: &Path) -> Result<bool> {
    let sources = source::all(root)?;
    let mut findings = layers::check(root)?;
    findings.extend(calls::check(&sources));
    findings.extend(circles::check(&sources));
    findings.extend(sizes::check(&sources));
    findings.extend(docs::check(root, &sources)?);
    findings.extend(words::check(root, &sources)?);
    findings.extend(crate::mutants::find_outdated(root).into_iter().map(Finding::Wrong));
    let mut wrong = 0;
    for finding in &findings {
        match finding {
            Finding::Note(text) => eprintln!("note: {text}"),
            Finding::Wrong(text) => {
                wrong += 1;
                eprintln!("wrong: {text}");
            }
        }
    }
    eprintln!("tidy: {} files, {wrong} wrong, {} notes", sources.len(), findings.len() - wrong);
    Ok(wrong == 0)
}
