//! Reading query parameters and naming the one that is wrong. Unknown ones are refused by
//! [`crate::parameters`] before a handler runs.

use std::time::Duration;

use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use stepwell_core::Problem;
use stepwell_core::ids::ExecutionId;

use crate::error::ApiError;

/// How many items a page holds where the request does not say.
pub const DEFAULT_LIMIT: usize = 50;

/// The most items of a page.
pub const MAX_LIMIT: usize = 100;

/// The greatest number that a parameter without a limit of its own can be: that of a 32-bit number,
/// as the API is described.
pub const MAX_NUMBER: usize = i32::MAX as usize;

/// In lists that are filtered by labels, the prefix of the name of a label that could be
/// taken for a parameter.
pub const METADATA: &str = "metadata.";

/// The query parameters of a request.
#[derive(Debug, Clone, Default)]
pub struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // The edge has read them.
        match parts.extensions.remove::<Self>() {
            Some(read) => Ok(read),
            None => Self::read(&parts.uri),
        }
    }
}

impl Params {
    /// The query parameters of an address.
    ///
    /// # Errors
    /// `InvalidRequest` where the query is not one.
    pub fn read(uri: &Uri) -> Result<Self, ApiError> {
        if uri.query().is_none_or(str::is_empty) {
            return Ok(Self::default());
        }
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| ApiError::invalid("", format!("the query is not valid: {error}")))?;
        Ok(Self(pairs))
    }

    /// All values of a parameter, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Parameters that a test makes up.
    #[cfg(test)]
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    /// The names of all parameters, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The value of a parameter that makes sense once.
    ///
    /// # Errors
    /// `InvalidRequest` where it is given twice.
    pub fn one<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, ApiError> {
        let mut values = self.all(name);
        let value = values.next();
        if values.next().is_some() {
            return Err(ApiError::invalid(name, "is given more than once; give it once"));
        }
        Ok(value)
    }

    /// A number in a range.
    ///
    /// # Errors
    /// `InvalidRequest` naming the parameter and the range.
    pub fn number(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<usize>,
        default: usize,
    ) -> Result<usize, ApiError> {
        let Some(text) = self.one(name)? else { return Ok(default) };
        // Digits only: `parse` takes a sign as well.
        let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let number = digits.and_then(|text| text.parse().ok());
        number.filter(|n| range.contains(n)).ok_or_else(|| {
            let expected = format!("a whole number from {} to {}", range.start(), range.end());
            invalid_parameter(name, &expected, text)
        })
    }

    /// `limit`.
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub fn limit(&self) -> Result<usize, ApiError> {
        self.number("limit", 1..=MAX_LIMIT, DEFAULT_LIMIT)
    }

    /// `page`, from 1.
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub fn page(&self) -> Result<usize, ApiError> {
        self.number("page", 1..=MAX_NUMBER, 1)
    }

    /// `cursor`, as it came.
    ///
    /// # Errors
    /// `InvalidRequest` where it is given twice.
    pub fn cursor(&self) -> Result<Option<String>, ApiError> {
        Ok(self.one("cursor")?.map(str::to_owned))
    }

    /// `parent_execution_id`: the execution whose sub-workflows are listed.
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub fn parent_execution(&self) -> Result<Option<ExecutionId>, ApiError> {
        let Some(text) = self.one("parent_execution_id")? else { return Ok(None) };
        let read = text.parse().map(Some);
        read.map_err(|_| invalid_parameter("parent_execution_id", "the id of an execution", text))
    }

    /// A switch: `true` or `false`.
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.one(name)? {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1" | "") => Ok(true),
            Some(other) => Err(invalid_parameter(name, "true or false", other)),
        }
    }

    /// A duration: `500ms`, `30s`, `2m`; a bare number is seconds.
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub fn duration(&self, name: &str) -> Result<Option<Duration>, ApiError> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        match parse_duration(text) {
            Some(duration) => Ok(Some(duration)),
            None => Err(invalid_parameter(name, "a duration such as 500ms, 30s or 2m", text)),
        }
    }
}

/// A parameter has a value that it cannot have.
pub fn invalid_parameter(name: &str, expected: &str, found: &str) -> ApiError {
    let found: String = found.chars().take(100).collect();
    ApiError::problem(
        Problem::new(name, "the query parameter has a value that is not possible")
            .with_expectation(expected, found),
    )
}

fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let millis_each = match &text[digits.len()..] {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    // Whole seconds up to 100 years: beyond that it is a mistake.
    let count: u64 = digits.parse().ok()?;
    let millis = count.checked_mul(millis_each)?;
    (millis <= 100 * 365 * 86_400_000).then(|| Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Params {
        let uri = format!("/x?{query}").parse().unwrap();
        Params(Query::<Vec<(String, String)>>::try_from_uri(&uri).unwrap().0)
    }

    #[test]
    fn durations() {
        for (text, millis) in [
            ("500ms", Some(500)),
            ("30s", Some(30_000)),
            ("30", Some(30_000)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("0s", Some(0)),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("1 s", None),
            ("1d", None),
            ("99999999999999999999s", None),
            ("18446744073709551615s", None),
        ] {
            assert_eq!(parse_duration(text), millis.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn limits() {
        for (query, expect) in [
            ("", Ok(50)),
            ("limit=1", Ok(1)),
            ("limit=100", Ok(100)),
            ("limit=0", Err("limit")),
            ("limit=101", Err("limit")),
            ("limit=x", Err("limit")),
            ("limit=-1", Err("limit")),
            ("limit=%2B5", Err("limit")),
            ("limit=", Err("limit")),
            ("limit=1&limit=2", Err("limit")),
        ] {
            let found = params(query).limit().map_err(|e| e.details()[0].path.clone());
            assert_eq!(found, expect.map_err(str::to_owned), "{query}");
        }
    }

    #[test]
    fn flags() {
        for (query, expect) in [
            ("", Some(false)),
            ("wait", Some(true)),
            ("wait=true", Some(true)),
            ("wait=false", Some(false)),
            ("wait=yes", None),
        ] {
            assert_eq!(params(query).flag("wait").ok(), expect, "{query}");
        }
    }
}
