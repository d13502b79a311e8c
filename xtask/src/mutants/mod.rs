//! Mutation test of the simulator: each mutant is planted in a copy of the sources, and the
//! simulator must fail there.

mod list;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use list::MUTANTS;

struct Mutant {
    description: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

/// The mutants whose place is not in the sources any more.
pub fn find_outdated(root: &Path) -> Vec<String> {
    let outdated = MUTANTS.iter().filter(|mutant| {
        let source = std::fs::read_to_string(root.join(mutant.file)).unwrap_or_default();
        source.matches(mutant.from).count() != 1
    });
    let describe = |mutant: &Mutant| {
        let Mutant { description, file, from, .. } = mutant;
        format!("the place of the mutant \"{description}\" must occur once in {file}: `{from}`")
    };
    outdated.map(describe).collect()
}

/// Plants each mutant in turn; returns whether all were caught.
pub fn run(root: &Path) -> Result<bool> {
    let folder = std::env::temp_dir().join(format!("stepwell-mutants-{}", std::process::id()));
    let cloned = Command::new("git")
        .args(["clone", "--quiet", "--no-hardlinks"])
        .args([root, &folder])
        .status()
        .context("git could not be started")?;
    ensure!(cloned.success(), "git clone failed");
    let mut all_caught = true;
    for Mutant { description, file, from, to } in MUTANTS {
        let path = folder.join(file);
        let source = std::fs::read_to_string(&path)?;
        ensure!(source.matches(from).count() == 1, "`{from}` must occur exactly once in {file}");
        std::fs::write(&path, source.replace(from, to))?;
        let caught = !simulator_passes(&folder, root)?;
        std::fs::write(&path, source)?;
        println!("{} {description}", if caught { "caught:" } else { "MISSED:" });
        all_caught &= caught;
    }
    ensure!(simulator_passes(&folder, root)?, "the simulator fails without a mutant");
    std::fs::remove_dir_all(&folder).context("the copy could not be removed")?;
    Ok(all_caught)
}

fn simulator_passes(folder: &Path, root: &Path) -> Result<bool> {
    let built = cargo(folder, root).arg("--no-run").status()?;
    ensure!(built.success(), "a mutant does not build");
    let tested = cargo(folder, root).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    Ok(tested.success())
}

fn cargo(folder: &Path, root: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.args(["test", "--quiet", "-p", "stepwell-core", "--test", "simulator"]);
    // Keeps the build between runs.
    command.current_dir(folder).env("CARGO_TARGET_DIR", root.join("target").join("mutants"));
    command
}
