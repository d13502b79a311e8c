//! The query parameters that an operation takes, read from its annotation: others are rejected, in
//! every API, before the handler runs. So a misspelt filter is an error, never a list without a
//! filter.

use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};

use crate::error::{ApiError, shorten_text};
use crate::habits;
use crate::query::{METADATA, Params};

/// A name with at most so many letters wrong is a misspelling; a shorter one than
/// [`SHORT_NAME`] with at most one.
const MAX_TYPOS: usize = 2;

/// The length of a name, in characters, up to which two wrong ones make another word.
const SHORT_NAME: usize = 4;

/// The query parameters of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueryParameters {
    names: Vec<String>,
    /// Whether other names filter by labels.
    has_labels: bool,
}

impl QueryParameters {
    /// Those that the description of an operation lists.
    pub fn of(operation: &Operation) -> Self {
        let mut known = Self::default();
        for parameter in operation.parameters.iter().flatten() {
            let RefOr::T(Parameter { name, parameter_in: ParameterIn::Query, explode, .. }) =
                parameter
            else {
                continue;
            };
            // An exploded object means parameters of any name.
            if *explode == Some(true) {
                known.has_labels = true;
            } else {
                known.names.push(name.clone());
            }
        }
        known
    }

    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// The parameter that was probably meant.
    fn nearest(&self, name: &str) -> Option<&str> {
        let wanted = habits::bare_name(name);
        let distance = |known: &str| {
            let raw = strsim::damerau_levenshtein(known, name);
            raw.min(strsim::damerau_levenshtein(&habits::bare_name(known), &wanted))
        };
        let is_typo = |(distance, known): &(usize, &str)| {
            let is_short = known.chars().count().min(name.chars().count()) <= SHORT_NAME;
            *distance <= if is_short { 1 } else { MAX_TYPOS }
        };
        let near = self.names.iter().map(|known| (distance(known), known.as_str()));
        let typo = near.filter(is_typo).min().map(|(_, known)| known);
        let habit = || habits::meant_names(name).iter().copied().find(|known| self.has(known));
        typo.or_else(habit)
    }

    /// Checks the query parameters of a request.
    ///
    /// # Errors
    /// `InvalidRequest` naming the first one that is unknown, the one that was probably meant, and all
    /// that there are.
    pub fn check(&self, params: &Params) -> Result<(), ApiError> {
        params.names().try_for_each(|name| self.check_name(name))
    }

    fn check_name(&self, name: &str) -> Result<(), ApiError> {
        if self.has(name) {
            return Ok(());
        }
        let shown = shorten_text(name);
        if name.is_empty() {
            let message = "there is a parameter without a name, such as `=1`; remove it";
            return Err(ApiError::invalid("query", message));
        }
        if self.has_labels {
            return self.check_label(name, &shown);
        }
        let what = match name {
            "cursor" if self.has("page") => "there is no cursor here, use page".to_owned(),
            _ => match self.nearest(&shown) {
                Some(nearest) => format!("unknown parameter; did you mean `{nearest}`?"),
                None => "unknown parameter".to_owned(),
            },
        };
        let separator = if what.ends_with('?') { "" } else { ";" };
        let message = match self.names.as_slice() {
            [] => format!("{what}{separator} this call takes no query parameters"),
            names => format!("{what}{separator} the parameters are {}", names.join(", ")),
        };
        Err(ApiError::invalid(&shown, message))
    }

    /// Checks the name of a label that is to be filtered by: one that is likely to be meant as a
    /// parameter needs the prefix.
    fn check_label(&self, name: &str, shown: &str) -> Result<(), ApiError> {
        if name.strip_prefix(METADATA).is_some_and(|label| !label.is_empty()) {
            return Ok(());
        }
        let parameters = || format!("the parameters are {}", self.names.join(", "));
        let message = if habits::is_label_prefix(name) {
            format!(
                "names no label; write `{METADATA}NAME`, such as `{METADATA}department=sales`; {}",
                parameters()
            )
        } else if let Some(nearest) = self.nearest(shown) {
            format!(
                "unknown parameter; did you mean `{nearest}`? To filter by the label `{shown}`, \
                 write `{METADATA}{shown}`"
            )
        } else if habits::is_parameter_like(name) {
            format!(
                "unknown parameter; {}. To filter by the label `{shown}`, write \
                 `{METADATA}{shown}`",
                parameters()
            )
        } else {
            return Ok(());
        };
        Err(ApiError::invalid(shown, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(names: &[&str], has_labels: bool, query: &[(&str, &str)]) -> Option<String> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let checked = QueryParameters { names, has_labels }.check(&Params::of(query));
        checked.err().map(|error| error.message().to_owned())
    }

    #[test]
    fn unknown_parameters_are_refused_by_name() {
        let known = ["page", "page_size", "status", "sort_by"];
        let all = "the parameters are page, page_size, status, sort_by";
        let meant = |name: &str, known: &str| {
            Some(format!("{name}: unknown parameter; did you mean `{known}`? {all}"))
        };
        for (name, expect) in [
            ("status", None),
            ("color", Some(format!("color: unknown parameter; {all}"))),
            ("stauts", meant("stauts", "status")),
            ("statuss", meant("statuss", "status")),
            ("Status", meant("Status", "status")),
            ("pageSize", meant("pageSize", "page_size")),
            ("page-size", meant("page-size", "page_size")),
            ("sort", meant("sort", "sort_by")),
            ("limit", meant("limit", "page_size")),
            ("metadata.color", Some(format!("metadata.color: unknown parameter; {all}"))),
            ("cursor", Some(format!("cursor: there is no cursor here, use page; {all}"))),
        ] {
            assert_eq!(refusal(&known, false, &[("page", "1"), (name, "x")]), expect, "{name}");
        }
        let nameless = "query: there is a parameter without a name, such as `=1`; remove it";
        assert_eq!(refusal(&known, false, &[("", "x")]).as_deref(), Some(nameless));
        assert_eq!(refusal(&known, true, &[("", "x")]).as_deref(), Some(nameless));
        let none = "x: unknown parameter; this call takes no query parameters";
        assert_eq!(refusal(&[], false, &[("x", "1")]).as_deref(), Some(none));
        let long = refusal(&known, false, &[(&"x".repeat(99), "")]).unwrap();
        assert!(long.starts_with(&format!("{}: ", "x".repeat(64))), "{long}");
    }

    #[test]
    fn labels_are_what_is_not_nearly_a_parameter() {
        let known = ["page", "status"];
        for name in ["department", "color", "tier", "time", "metadata.status", "metadata.x.y"] {
            assert_eq!(refusal(&known, true, &[(name, "x")]), None, "{name}");
        }
        let expect = "stauts: unknown parameter; did you mean `status`? To filter by the label \
                      `stauts`, write `metadata.stauts`";
        assert_eq!(refusal(&known, true, &[("stauts", "x")]).as_deref(), Some(expect));
    }

    #[test]
    fn names_in_other_apis_are_no_labels() {
        let known =
            ["page", "page_size", "cursor", "sort_by", "sort_order", "status", "start_date"];
        for (name, meant) in [
            ("limit", Some("page_size")),
            ("page[size]", Some("page_size")),
            ("$top", Some("page_size")),
            ("pageToken", Some("cursor")),
            ("order", Some("sort_order")),
            ("orderBy", Some("sort_by")),
            ("since", Some("start_date")),
            ("created_at[gte]", None),
            ("created_after", Some("start_date")),
            ("until", None),
            ("q", None),
            ("filter[team]", None),
            ("name", None),
            ("tag", None),
            ("id__in", None),
        ] {
            let message = refusal(&known, true, &[(name, "x")]);
            let message = message.unwrap_or_else(|| panic!("{name}"));
            let expect = match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the parameters are {}", known.join(", ")),
            };
            assert!(message.contains(&expect), "{name}: {message}");
            assert!(message.contains(&format!("write `metadata.{name}`")), "{name}: {message}");
        }
        for name in ["metadata", "metadata.", "metadata[team]", "labels"] {
            let message = refusal(&known, true, &[(name, "x")]);
            let message = message.unwrap_or_else(|| panic!("{name}"));
            assert!(message.contains("write `metadata.NAME`"), "{name}: {message}");
        }
    }
}
