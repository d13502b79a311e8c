//! Problems in a document of a user, described so that they can be fixed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most problems that are reported for one definition: users do not read more, and searching
/// for suggestions for each would take long.
pub(crate) const MAX_PROBLEMS: usize = 500;

/// One thing that is wrong at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where: `steps[2].input.text`; empty for the document as a whole.
    pub path: String,
    /// What is wrong and what to change, as a sentence without a final stop.
    pub message: String,
    /// The expected value (`string`, `one of GET, POST`), if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was found there instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

impl Problem {
    /// A problem at `path`, described by `message`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), expected: None, found: None }
    }

    /// Adds what was expected and what was found.
    #[must_use]
    pub fn with_expectation(
        mut self,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        self.expected = Some(expected.into());
        self.found = Some(found.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match (&self.expected, &self.found) {
            (Some(e), Some(found)) => write!(f, " (expected {e}, found {found})"),
            _ => Ok(()),
        }
    }
}

/// All problems that were found in one document; never empty when it is an error.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// The same problems for a value at another path; a problem without a path stays as it is.
    #[must_use]
    pub fn moved_to(mut self, from: &str, to: &str) -> Self {
        for problem in &mut self.0 {
            let rest = problem.path.strip_prefix(from);
            if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            {
                problem.path = format!("{to}{rest}");
            }
        }
        self
    }

    /// `Ok(value)` where nothing was wrong.
    pub fn or_ok<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}
