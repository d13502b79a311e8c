//! `stepwell validate FILE…`: lists every problem of every definition and stores nothing.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use stepwell_core::definition::{self, DefinitionLimits};
use stepwell_core::{Problem, Problems};

use crate::error::{CliError, CliErrorKind};
use crate::global::GlobalArgs;
use crate::{documents, terminal, wiring};

#[derive(Debug, Args)]
pub struct Validate {
    /// Definitions in JSON or YAML; `-` reads stdin
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub fn run(args: &Validate, global: &GlobalArgs) -> Result<(), CliError> {
    let mut invalid = 0;
    let mut reports = Vec::new();
    for file in &args.files {
        let problems = find_problems(file)?;
        invalid += usize::from(!problems.is_empty());
        if global.json {
            reports.push(to_json(file, &problems));
        } else {
            print_problems(file, &problems);
        }
    }
    if global.json {
        terminal::print_json(&Value::Array(reports));
    }
    if invalid > 0 {
        return Err(CliError::failed(format!(
            "{invalid} of {} definitions {} invalid",
            args.files.len(),
            if invalid == 1 { "is" } else { "are" }
        )));
    }
    Ok(())
}

fn find_problems(file: &Path) -> Result<Vec<Problem>, CliError> {
    let source = match documents::read_definition(file, CliErrorKind::Failed) {
        Ok(source) => source,
        Err(error) if error.kind == CliErrorKind::Failed => return Ok(error.problems),
        Err(error) => return Err(error),
    };
    match definition::plan_source(&source, wiring::step_types(), &DefinitionLimits::default()) {
        Ok(_) => Ok(Vec::new()),
        Err(Problems(problems)) => Ok(problems),
    }
}

fn to_json(file: &Path, problems: &[Problem]) -> Value {
    json!({"file": file, "valid": problems.is_empty(), "problems": problems})
}

fn print_problems(file: &Path, problems: &[Problem]) {
    let (colour, word) = if problems.is_empty() {
        (terminal::Colour::Green, "valid")
    } else {
        (terminal::Colour::Red, "invalid")
    };
    terminal::print_line(&format!("{}: {}", file.display(), terminal::paint_stdout(colour, word)));
    for problem in problems {
        terminal::print_line(&format!("  {problem}"));
    }
}
