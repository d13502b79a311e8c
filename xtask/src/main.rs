//! Checks of the project that the compiler cannot make. `cargo run -p xtask -- tidy`.

mod fresh_clone;
mod mutants;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

const USAGE: &str = "\
usage: cargo run -p xtask -- COMMAND

  tidy         layer rules, forbidden calls, file and function sizes, docs
  mutants      plant bugs in the state machine; the simulator must catch each
  fresh-clone  clone HEAD into a temporary folder and run `make test` there";

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
        Some("tidy") => tidy::run(&root),
        Some("mutants") => mutants::run(&root),
        Some("fresh-clone") => fresh_clone::run(&root),
        _ => anyhow::bail!("{USAGE}"),
    }
}

/// The workspace's folder: where this crate's folder is.
fn root() -> Result<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .context("xtask has no parent folder")
}
