//! Checks that a fresh clone builds and passes: only committed files are in it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Clones `HEAD` of the repository at `root` into a temporary folder and runs `make test` there,
/// with an empty target folder. The folder is removed if the tests pass.
pub fn run(root: &Path) -> Result<bool> {
    let folder = std::env::temp_dir().join(format!("stepwell-fresh-clone-{}", std::process::id()));
    eprintln!("cloning HEAD into {}", folder.display());
    let cloned = Command::new("git")
        .args(["clone", "--quiet", "--no-hardlinks"])
        .args([root, &folder])
        .status()
        .context("git could not be started")?;
    ensure!(cloned.success(), "git clone failed");
    let tested = Command::new("make")
        .arg("test")
        .current_dir(&folder)
        .env_remove("CARGO_TARGET_DIR")
        .status()
        .context("make could not be started")?;
    if tested.success() {
        std::fs::remove_dir_all(&folder).context("the clone could not be removed")?;
        eprintln!("a fresh clone passes");
    } else {
        eprintln!("a fresh clone fails; it is kept in {}", folder.display());
    }
    Ok(tested.success())
}
