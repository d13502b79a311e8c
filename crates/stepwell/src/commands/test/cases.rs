//! Test files: the cases of a definition.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use stepwell_core::definition::{
    self, DefinitionLimits, did_you_mean, locate_problems, parse_duration,
};
use stepwell_core::{Map, Problem, Problems};

use crate::definition_files;
use crate::documents;
use crate::error::{CliError, CliErrorKind};

/// When the simulated clock begins, if neither the case nor the file states it.
const DEFAULT_NOW: &str = "2026-01-01T00:00:00Z";

/// A test file.
#[derive(Debug)]
pub struct TestFile {
    pub file: PathBuf,
    /// The file of the definition.
    pub definition_file: PathBuf,
    /// The text of the definition.
    pub definition_text: String,
    pub cases: Vec<TestCase>,
}

/// A case: one dry run, and what is expected of it.
#[derive(Debug)]
pub struct TestCase {
    pub name: String,
    /// `null`: none.
    pub input: Value,
    pub mocks: Map,
    /// Variables by name, for `vars.NAME`.
    pub vars: Map,
    pub now: String,
    pub expect: Expectation,
    /// Whether the result is compared with a stored one.
    pub has_snapshot: bool,
}

/// What a test file sets for all of its cases.
#[derive(Debug)]
struct SharedSettings {
    now: String,
    mocks: Map,
    vars: Map,
}

/// What is expected of a run; `None`: anything.
#[derive(Debug, Default)]
pub struct Expectation {
    pub status: Option<String>,
    pub output: Option<Value>,
    /// Fields of the error.
    pub error: Option<Map>,
    /// The step runs that start, in order.
    pub path: Option<Vec<String>>,
    /// Fields of step runs, by step run.
    pub steps: Map,
    pub elapsed: Option<Duration>,
}

impl TestFile {
    /// Reads a test file and the text of its definition.
    ///
    /// # Errors
    /// `Usage` with every problem of the file.
    pub fn read(file: &Path) -> Result<Self, CliError> {
        let text = documents::read_text(file)?;
        let format = documents::source_format(file);
        let invalid = |problems| {
            let message = format!("{} is not a valid test file", file.display());
            CliError::invalid(CliErrorKind::Usage, message, problems)
        };
        let source = definition::read_source(&text, format, &DefinitionLimits::default());
        let mut parser = TestFileParser::default();
        let parsed = parser.parse_file(&source.map_err(invalid)?);
        if !parser.problems.0.is_empty() {
            let mut problems = parser.problems;
            let positions = locate_problems(&text, format, &problems.0);
            for (problem, position) in problems.0.iter_mut().zip(positions) {
                if let Some(position) = position {
                    problem.message = format!("{} ({position})", problem.message);
                }
            }
            return Err(invalid(problems));
        }
        let (named, cases) = parsed;
        let folder = file.parent().unwrap_or(Path::new(""));
        let definition_file = match named {
            Some(name) => folder.join(name),
            None => definition_files::tested_definition(file)?,
        };
        let definition_text = documents::read_text(&definition_file)?;
        Ok(Self { file: file.to_owned(), definition_file, definition_text, cases })
    }
}

#[derive(Default)]
struct TestFileParser {
    problems: Problems,
}

impl TestFileParser {
    fn refuse(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(path, message));
    }

    /// The object at `path`, if it has no other fields than `known`.
    fn object<'v>(&mut self, value: &'v Value, path: &str, known: &[&str]) -> Option<&'v Map> {
        let Value::Object(map) = value else {
            self.refuse(path, "must be an object");
            return None;
        };
        for field in map.keys().filter(|field| !known.contains(&field.as_str())) {
            let place = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
            let hint = did_you_mean(field, known.iter().copied());
            self.refuse(&place, format!("there is no field `{field}`{hint}"));
        }
        Some(map)
    }

    fn text(&mut self, map: &Map, name: &str, path: &str) -> Option<String> {
        match map.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => {
                self.refuse(&format!("{path}{name}"), "must be a text");
                None
            }
        }
    }

    fn fields(&mut self, map: &Map, name: &str, path: &str) -> Option<Map> {
        match map.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::Object(fields)) => Some(fields.clone()),
            Some(_) => {
                self.refuse(&format!("{path}{name}"), "must be an object");
                None
            }
        }
    }

    fn parse_file(&mut self, source: &Value) -> (Option<String>, Vec<TestCase>) {
        const KNOWN: [&str; 5] = ["definition", "now", "mocks", "vars", "cases"];
        let Some(map) = self.object(source, "", &KNOWN) else { return (None, Vec::new()) };
        let named = self.text(map, "definition", "");
        let shared = SharedSettings {
            now: self.text(map, "now", "").unwrap_or_else(|| DEFAULT_NOW.to_owned()),
            mocks: self.fields(map, "mocks", "").unwrap_or_default(),
            vars: self.fields(map, "vars", "").unwrap_or_default(),
        };
        let cases = match map.get("cases") {
            Some(Value::Array(cases)) if !cases.is_empty() => cases.as_slice(),
            _ => {
                self.refuse("cases", "a test file needs a list `cases` with at least one case");
                &[]
            }
        };
        let mut parsed: Vec<TestCase> = Vec::new();
        for (at, case) in cases.iter().enumerate() {
            let path = format!("cases[{at}]");
            let Some(case) = self.parse_case(case, &path, &shared) else { continue };
            if parsed.iter().any(|other| other.name == case.name) {
                self.refuse(&format!("{path}.name"), "another case has this name");
            }
            parsed.push(case);
        }
        (named, parsed)
    }

    /// A case, with the settings of the file where it has none.
    fn parse_case(
        &mut self,
        value: &Value,
        path: &str,
        shared: &SharedSettings,
    ) -> Option<TestCase> {
        const KNOWN: [&str; 7] = ["name", "input", "mocks", "vars", "now", "expect", "snapshot"];
        let map = self.object(value, path, &KNOWN)?;
        let prefix = format!("{path}.");
        let name = self.text(map, "name", &prefix).filter(|name| !name.is_empty());
        if name.is_none() {
            self.refuse(&format!("{prefix}name"), "a case needs a name");
        }
        let mut mocks = shared.mocks.clone();
        mocks.extend(self.fields(map, "mocks", &prefix).unwrap_or_default());
        let mut vars = shared.vars.clone();
        vars.extend(self.fields(map, "vars", &prefix).unwrap_or_default());
        let has_snapshot = match map.get("snapshot") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(has_snapshot)) => *has_snapshot,
            Some(_) => {
                self.refuse(&format!("{prefix}snapshot"), "must be true or false");
                false
            }
        };
        let expect = match map.get("expect") {
            Some(expect) => self.parse_expectation(expect, &format!("{prefix}expect"))?,
            None if has_snapshot => Expectation::default(),
            None => {
                self.refuse(path, "a case needs `expect` or `snapshot: true`");
                return None;
            }
        };
        Some(TestCase {
            name: name?,
            input: map.get("input").cloned().unwrap_or_default(),
            mocks,
            vars,
            now: self.text(map, "now", &prefix).unwrap_or_else(|| shared.now.clone()),
            expect,
            has_snapshot,
        })
    }

    fn parse_expectation(&mut self, value: &Value, path: &str) -> Option<Expectation> {
        const KNOWN: [&str; 6] = ["status", "output", "error", "path", "steps", "elapsed"];
        let map = self.object(value, path, &KNOWN)?;
        if map.is_empty() {
            self.refuse(path, format!("expects nothing; write one of {}", KNOWN.join(", ")));
        }
        let prefix = format!("{path}.");
        let status = self.text(map, "status", &prefix);
        let known = ["completed", "failed", "timed_out", "cancelled"];
        if status.as_ref().is_some_and(|status| !known.contains(&status.as_str())) {
            self.refuse(&format!("{prefix}status"), format!("must be one of {}", known.join(", ")));
        }
        let steps = self.fields(map, "steps", &prefix).unwrap_or_default();
        for (step, fields) in &steps {
            let known = ["status", "input", "output", "port", "error", "attempts", "mocked"];
            self.object(fields, &format!("{prefix}steps.{step}"), &known);
        }
        Some(Expectation {
            status,
            output: map.get("output").cloned(),
            error: self.parse_error(map, &prefix),
            path: self.parse_path(map, &format!("{prefix}path")),
            steps,
            elapsed: self.parse_elapsed(map, &format!("{prefix}elapsed")),
        })
    }

    /// The fields of an error, or its code alone.
    fn parse_error(&mut self, map: &Map, prefix: &str) -> Option<Map> {
        match map.get("error") {
            Some(Value::String(code)) => {
                Some([("code".to_owned(), Value::from(code.as_str()))].into_iter().collect())
            }
            Some(error @ Value::Object(_)) => {
                let known = ["code", "message", "step", "attempt", "details"];
                self.object(error, &format!("{prefix}error"), &known).cloned()
            }
            None | Some(Value::Null) => None,
            Some(_) => {
                let message = "must be an error code, or an object with `code` and `message`";
                self.refuse(&format!("{prefix}error"), message);
                None
            }
        }
    }

    fn parse_path(&mut self, map: &Map, path: &str) -> Option<Vec<String>> {
        let steps = match map.get("path")? {
            Value::Array(items) => {
                items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
            }
            _ => None,
        };
        if steps.is_none() {
            self.refuse(path, "must be a list of step ids");
        }
        steps
    }

    fn parse_elapsed(&mut self, map: &Map, path: &str) -> Option<Duration> {
        let value = map.get("elapsed")?;
        if value.as_f64() == Some(0.0) {
            return Some(Duration::ZERO);
        }
        parse_duration(value).map_err(|message| self.refuse(path, message)).ok()
    }
}
