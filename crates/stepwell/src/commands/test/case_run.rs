//! Running the cases of a test file.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stepwell_core::definition::{self, DefinitionLimits};

use super::cases::{TestCase, TestFile};
use super::checks::check_run;
use crate::client::Client;
use crate::commands::dry_run;
use crate::documents;
use crate::error::{CliError, CliErrorKind};
use crate::terminal::value_text;

const VALIDATE: &str = "/api/v1/workflows/validate";

/// The results of a test file.
#[derive(Debug)]
pub struct FileResult {
    pub file: PathBuf,
    /// The file of the definition.
    pub definition: PathBuf,
    /// Why no case can run: the problems of the definition.
    pub problems: Vec<String>,
    pub cases: Vec<CaseResult>,
    /// The steps and edges of the definition; `null` if it is invalid.
    pub graph: Value,
}

/// The result of a case.
#[derive(Debug)]
pub struct CaseResult {
    pub name: String,
    /// Why it failed; empty: it passed.
    pub failures: Vec<String>,
    /// What the run did; `null` if it could not run.
    pub run: Value,
    pub duration: Duration,
}

impl FileResult {
    /// The time that its cases took together.
    pub fn duration(&self) -> Duration {
        self.cases.iter().map(|case| case.duration).sum()
    }

    /// How many cases there are; a file that cannot run counts as one.
    pub fn total_count(&self) -> usize {
        if self.problems.is_empty() { self.cases.len() } else { 1 }
    }

    /// How many of them failed.
    pub fn failed_count(&self) -> usize {
        let failed = self.cases.iter().filter(|case| !case.failures.is_empty()).count();
        if self.problems.is_empty() { failed } else { 1 }
    }
}

/// Runs the cases whose names contain `name`.
///
/// # Errors
/// The server or the engine fails.
pub async fn run_file(
    file: &TestFile,
    name: Option<&str>,
    client: &Client,
) -> Result<FileResult, CliError> {
    let format = documents::source_format(&file.definition_file);
    let mut response = client.post_source(VALIDATE, &file.definition_text, format).await?;
    let mut validation = response["data"].take();
    let mut result = FileResult {
        file: file.file.clone(),
        definition: file.definition_file.clone(),
        problems: describe_problems(file, &validation),
        cases: Vec::new(),
        graph: validation["graph"].take(),
    };
    if !result.problems.is_empty() {
        return Ok(result);
    }
    let source =
        definition::read_source(&file.definition_text, format, &DefinitionLimits::default());
    let source = source.map_err(|problems| {
        let message = format!("cannot parse {}", file.definition_file.display());
        CliError::invalid(CliErrorKind::Usage, message, problems)
    })?;
    let selected = file.cases.iter().filter(|case| name.is_none_or(|n| case.name.contains(n)));
    for case in selected {
        result.cases.push(run_case(case, &source, client).await?);
    }
    Ok(result)
}

fn describe_problems(file: &TestFile, validation: &Value) -> Vec<String> {
    let problems = validation["problems"].as_array().into_iter().flatten();
    let describe = |problem: &Value| {
        let (line, column) = (value_text(&problem["line"]), value_text(&problem["column"]));
        let (path, message) = (value_text(&problem["path"]), value_text(&problem["message"]));
        format!("{}:{line}:{column}: {path}: {message}", file.definition_file.display())
    };
    problems.map(describe).collect()
}

async fn run_case(
    case: &TestCase,
    source: &Value,
    client: &Client,
) -> Result<CaseResult, CliError> {
    let started = Instant::now();
    let mut request = json!({"definition": source, "mocks": case.mocks, "vars": case.vars,
        "now": case.now});
    if !case.input.is_null() {
        request["parameters"] = case.input.clone();
    }
    let (run, failures) = match client.post(dry_run::PATH, Some(&request)).await {
        Ok(mut response) => {
            let run = response["data"].take();
            let failures = check_run(&case.expect, &run, case.has_snapshot);
            (run, failures)
        }
        // The input or a mock does not fit the definition.
        Err(error) if error.kind == CliErrorKind::Failed => (Value::Null, vec![describe(&error)]),
        Err(error) => return Err(error),
    };
    Ok(CaseResult { name: case.name.clone(), failures, run, duration: started.elapsed() })
}

fn describe(error: &CliError) -> String {
    let problems = error.problems.iter().map(|problem| format!("\n  {problem}"));
    format!("{}{}", error.message, problems.collect::<String>())
}
