//! Project checks beyond the compiler's. `cargo run -p xtask -- tidy`.

mod fresh_clone;
mod mutants;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

const USAGE: &str = "\
usage: cargo run -p xtask -- COMMAND

  tidy           layers, import circles, forbidden calls, sizes, docs, word list
  tidy --report  measure names, comments and the interface of a store
  words PATH     list the words to replace in the files below PATH
  lower-words    lower the allowances of the word list to the present counts
  mutants        plant bugs in the state machine; the simulator must catch each
  fresh-clone    clone HEAD into a temporary folder and run `make test` there";

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool> {
    let root = root()?;
    match std::env::args().nth(1).as_deref() {
        Some("tidy") if std::env::args().nth(2).as_deref() == Some("--report") => {
            tidy::report::print(&root)
        }
        Some("tidy") => tidy::run(&root),
        Some("words") => tidy::list_words(&root, &std::env::args().nth(2).unwrap_or_default()),
        Some("lower-words") => tidy::lower_words(&root),
        Some("mutants") => mutants::run(&root),
        Some("fresh-clone") => fresh_clone::run(&root),
        _ => anyhow::bail!("{USAGE}"),
    }
}

/// The workspace's folder: the parent of this crate's.
fn root() -> Result<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .context("xtask has no parent folder")
}
