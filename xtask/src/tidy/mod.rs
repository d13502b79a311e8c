//! The project's own rules. Each rule reads the sources and answers with findings.

mod calls;
mod docs;
mod layers;
mod sizes;
mod source;

use std::path::Path;

use anyhow::Result;

use source::Source;

/// Something that a rule says.
#[derive(Debug, PartialEq, Eq)]
pub enum Finding {
    /// Breaks a rule: tidy fails.
    Wrong(String),
    /// Worth a look; tidy passes.
    Note(String),
}

/// Checks every rule; `true` where none is broken.
pub fn run(root: &Path) -> Result<bool> {
    let sources = source::all(root)?;
    let mut findings = layers::check(root)?;
    findings.extend(calls::check(&sources));
    findings.extend(sizes::check(&sources));
    findings.extend(docs::check(root, &sources)?);
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
