//! `stepwell test FILE…`: runs the cases beside definitions as dry runs.

mod case_run;
mod cases;
mod checks;
mod coverage;
mod junit;
mod snapshots;

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::client::Client;
use crate::definition_files;
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::terminal::{self, Colour};

use case_run::{CaseResult, FileResult};
use cases::TestFile;
use coverage::Coverage;

#[derive(Debug, Args)]
pub struct Test {
    /// Test files (orders.test.yaml), their definitions, folders, or patterns
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Run only the cases whose names contain this text
    #[arg(long, short = 'n', value_name = "TEXT")]
    name: Option<String>,
    /// Write the snapshots of the cases instead of comparing them
    #[arg(long)]
    update_snapshots: bool,
    /// Write the results to a file in the format of JUnit
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print which steps and branches the cases ran
    #[arg(long)]
    coverage: bool,
    /// Fail if fewer percent of all steps and branches ran
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
}

pub async fn run(args: Test, global: &GlobalArgs) -> Result<(), CliError> {
    let files = find_test_files(&args.files)?;
    let files = files.iter().map(|file| TestFile::read(file)).collect::<Result<Vec<_>, _>>()?;
    let client = Client::connect_or_in_memory(global).await?;
    let results = run_files(&args, &files, &client, global.json).await;
    client.close().await;
    report_results(&args, &results?, global.json)
}

/// The test files that the arguments name, each once.
fn find_test_files(patterns: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let mut found: Vec<PathBuf> = Vec::new();
    for pattern in patterns {
        for file in definition_files::expand_tests(pattern)? {
            if !found.contains(&file) {
                found.push(file);
            }
        }
    }
    Ok(found)
}

async fn run_files(
    args: &Test,
    files: &[TestFile],
    client: &Client,
    as_json: bool,
) -> Result<Vec<FileResult>, CliError> {
    let mut results = Vec::new();
    for file in files {
        let mut result = case_run::run_file(file, args.name.as_deref(), client).await?;
        let is_whole = args.name.is_none();
        snapshots::check_snapshots(file, &mut result, args.update_snapshots, is_whole)?;
        if !as_json {
            print_file(&result);
        }
        results.push(result);
    }
    Ok(results)
}

fn print_file(result: &FileResult) {
    terminal::print_line(&result.file.display().to_string());
    for problem in &result.problems {
        terminal::print_line(&format!("  {} {problem}", terminal::paint_stdout(Colour::Red, "✗")));
    }
    for case in &result.cases {
        let (colour, mark) =
            if case.failures.is_empty() { (Colour::Green, "✓") } else { (Colour::Red, "✗") };
        terminal::print_line(&format!("  {} {}", terminal::paint_stdout(colour, mark), case.name));
        for line in case.failures.iter().flat_map(|failure| failure.lines()) {
            terminal::print_line(&format!("      {line}"));
        }
    }
}

fn report_results(args: &Test, results: &[FileResult], as_json: bool) -> Result<(), CliError> {
    if let Some(file) = &args.junit {
        let text = junit::write_report(results);
        std::fs::write(file, text)
            .map_err(|e| CliError::usage(format!("cannot write {}: {e}", file.display())))?;
    }
    let coverage = Coverage::of_results(results);
    let failed = results.iter().map(FileResult::failed_count).sum::<usize>();
    let total = results.iter().map(FileResult::total_count).sum::<usize>();
    if as_json {
        terminal::print_json(&json!({
            "passed": total - failed,
            "failed": failed,
            "files": results.iter().map(FileResult::to_json).collect::<Vec<Value>>(),
            "coverage": coverage.to_json(),
        }));
    } else {
        if args.coverage || args.min_coverage.is_some() {
            coverage.print();
        }
        terminal::print_line(&format!("{} passed, {failed} failed", total - failed));
    }
    if failed > 0 {
        return Err(CliError::failed(format!("{failed} of {total} cases failed")));
    }
    if total == 0 {
        return Err(CliError::usage("no case has this name"));
    }
    match args.min_coverage.map(u32::from) {
        Some(least) if coverage.percent() < least => Err(CliError::failed(format!(
            "the cases run {} % of the steps and branches, less than {least} %",
            coverage.percent()
        ))),
        _ => Ok(()),
    }
}

impl CaseResult {
    fn to_json(&self) -> Value {
        json!({"name": self.name, "passed": self.failures.is_empty(), "failures": self.failures})
    }
}

impl FileResult {
    fn to_json(&self) -> Value {
        json!({
            "file": self.file,
            "problems": self.problems,
            "cases": self.cases.iter().map(CaseResult::to_json).collect::<Vec<Value>>(),
        })
    }
}
