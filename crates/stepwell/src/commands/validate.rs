//! `stepwell validate FILE…`: lists every problem of every definition and stores nothing.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};
use stepwell_core::definition::{self, DefinitionLimits, TextPosition};
use stepwell_core::{Problem, Problems};

use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::{documents, terminal, wiring};

/// The most characters of a quoted line.
const MAX_LINE: usize = 160;

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

/// A problem with its position in the file.
#[derive(Debug, Serialize)]
struct LocatedProblem {
    #[serde(flatten)]
    position: Option<TextPosition>,
    #[serde(flatten)]
    problem: Problem,
    /// The line of the file.
    #[serde(skip)]
    line_text: String,
}

/// The problems of a definition in the order of their positions.
fn find_problems(file: &Path) -> Result<Vec<LocatedProblem>, CliError> {
    let text = documents::read_text(file)?;
    let format = documents::source_format(file);
    let limits = DefinitionLimits::default();
    let source = definition::read_source(&text, format, &limits);
    let checked =
        source.and_then(|source| definition::plan_source(&source, wiring::step_types(), &limits));
    let Err(Problems(problems)) = checked else { return Ok(Vec::new()) };
    let positions = definition::locate_problems(&text, format, &problems);
    let lines: Vec<&str> = text.lines().collect();
    let mut located: Vec<LocatedProblem> = problems
        .into_iter()
        .zip(positions)
        .map(|(problem, position)| {
            let line = position.and_then(|position| lines.get(position.line - 1));
            let line_text = line.map_or_else(String::new, |line| shorten_line(line));
            LocatedProblem { position, problem, line_text }
        })
        .collect();
    located.sort_by_key(|located| located.position);
    Ok(located)
}

fn shorten_line(line: &str) -> String {
    let line = line.trim_end();
    match line.char_indices().nth(MAX_LINE) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

fn to_json(file: &Path, problems: &[LocatedProblem]) -> Value {
    json!({"file": file, "valid": problems.is_empty(), "problems": problems})
}

fn print_problems(file: &Path, problems: &[LocatedProblem]) {
    let (colour, word) = if problems.is_empty() {
        (terminal::Colour::Green, "valid")
    } else {
        (terminal::Colour::Red, "invalid")
    };
    terminal::print_line(&format!("{}: {}", file.display(), terminal::paint_stdout(colour, word)));
    for LocatedProblem { position, problem, line_text } in problems {
        let Some(TextPosition { line, column }) = position else {
            terminal::print_line(&format!("  {problem}"));
            continue;
        };
        terminal::print_line(&format!("  {}:{line}:{column}: {problem}", file.display()));
        if !line_text.is_empty() {
            let quoted = format!("  {line:>5} | {line_text}");
            terminal::print_line(&terminal::paint_stdout(terminal::Colour::Dim, &quoted));
        }
    }
}
