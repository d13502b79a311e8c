//! `stepwell validate FILE…`: every problem of every definition, without storing anything.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use stepwell_core::definition::{self, Limits};
use stepwell_core::{Problem, Problems};

use crate::cli::Global;
use crate::fault::{Fault, Kind};
use crate::{source, ui, wiring};

/// What to check.
#[derive(Debug, Args)]
pub struct Validate {
    /// Definitions, JSON or YAML; `-` reads from stdin
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Checks every file.
pub fn validate(args: &Validate, global: &Global) -> Result<(), Fault> {
    let mut invalid = 0;
    let mut reports = Vec::new();
    for file in &args.files {
        let problems = check(file)?;
        invalid += usize::from(!problems.is_empty());
        if global.json {
            reports.push(report(file, &problems));
        } else {
            print(file, &problems);
        }
    }
    if global.json {
        ui::json(&Value::Array(reports));
    }
    if invalid > 0 {
        return Err(Fault::failed(format!(
            "{invalid} of {} {} not valid",
            args.files.len(),
            if invalid == 1 { "is" } else { "are" }
        )));
    }
    Ok(())
}

fn check(file: &Path) -> Result<Vec<Problem>, Fault> {
    let source = match source::definition(file, Kind::Failed) {
        Ok(source) => source,
        Err(fault) if fault.kind == Kind::Failed => return Ok(fault.problems),
        Err(fault) => return Err(fault),
    };
    match definition::plan(&source, wiring::step_types(), &Limits::default()) {
        Ok(_) => Ok(Vec::new()),
        Err(Problems(problems)) => Ok(problems),
    }
}

fn report(file: &Path, problems: &[Problem]) -> Value {
    json!({"file": file, "valid": problems.is_empty(), "problems": problems})
}

fn print(file: &Path, problems: &[Problem]) {
    let (colour, word) = if problems.is_empty() {
        (ui::Colour::Green, "valid")
    } else {
        (ui::Colour::Red, "not valid")
    };
    ui::line(&format!("{}: {}", file.display(), ui::out_paint(colour, word)));
    for problem in problems {
        ui::line(&format!("  {problem}"));
    }
}
