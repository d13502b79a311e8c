//! The query parameters that operations take, read from the API's description: what is not
//! described is refused, in every API, before the handler runs. So a misspelt filter is an error,
//! never a list without a filter.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::http::Method;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};

use crate::error::{ApiError, shortened};
use crate::query::{METADATA, Params};
use crate::scopes::method_name;

/// A name with at most so many letters wrong is a misspelling.
const MAX_TYPOS: usize = 2;

/// Names that other APIs have for what a parameter here does, and that no label is likely to have.
const HABITS: [(&str, &[&str]); 7] = [
    ("limit", &["page_size"]),
    ("per_page", &["page_size", "limit"]),
    ("page_size", &["limit"]),
    ("offset", &["page", "cursor"]),
    ("page_token", &["cursor"]),
    ("sort", &["sort_by", "ordering"]),
    ("order_by", &["sort_by", "ordering"]),
];

/// The query parameters of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Known {
    names: Vec<String>,
    /// Whether other names filter by labels.
    has_labels: bool,
}

/// The methods of a route, each with its parameters.
type Methods = Vec<(&'static str, Known)>;

static BY_ROUTE: LazyLock<HashMap<String, Methods>> = LazyLock::new(|| {
    let mut routes = HashMap::new();
    for (route, item) in crate::openapi().paths.paths {
        let methods = [
            ("GET", item.get),
            ("POST", item.post),
            ("PUT", item.put),
            ("PATCH", item.patch),
            ("DELETE", item.delete),
        ];
        // Monitoring tools add parameters of their own to the paths of the service.
        let strict = methods.into_iter().filter_map(|(method, operation)| {
            let operation = operation.filter(|operation| !is_service(operation))?;
            Some((method, Known::of(&operation)))
        });
        routes.insert(route, strict.collect());
    }
    routes
});

fn is_service(operation: &Operation) -> bool {
    operation.tags.as_ref().is_some_and(|tags| tags.iter().any(|tag| tag == "service"))
}

impl Known {
    fn of(operation: &Operation) -> Self {
        let mut known = Self::default();
        for parameter in operation.parameters.iter().flatten() {
            let RefOr::T(Parameter { name, parameter_in: ParameterIn::Query, explode, .. }) =
                parameter
            else {
                continue;
            };
            // An exploded object stands for parameters of any name.
            if *explode == Some(true) {
                known.has_labels = true;
            } else {
                known.names.push(name.clone());
            }
        }
        known
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// The parameter that was probably meant.
    fn nearest(&self, name: &str) -> Option<&str> {
        let bare = |text: &str| text.to_lowercase().replace(['_', '-', '.', ' '], "");
        let wanted = bare(name);
        let distance = |known: &str| {
            let raw = strsim::damerau_levenshtein(known, name);
            raw.min(strsim::damerau_levenshtein(&bare(known), &wanted))
        };
        let near = self.names.iter().map(|known| (distance(known), known.as_str())).min();
        let typo = near.filter(|(distance, _)| *distance <= MAX_TYPOS).map(|(_, known)| known);
        let habit = || {
            let (_, meant) = HABITS.iter().find(|(habit, _)| *habit == name)?;
            meant.iter().copied().find(|known| self.has(known))
        };
        typo.or_else(habit)
    }

    fn check(&self, params: &Params) -> Result<(), ApiError> {
        params.names().try_for_each(|name| self.check_name(name))
    }

    fn check_name(&self, name: &str) -> Result<(), ApiError> {
        // A parameter without a name asks for nothing.
        if name.is_empty() || self.has(name) {
            return Ok(());
        }
        let shown = shortened(name);
        let nearest = self.nearest(&shown);
        if self.has_labels {
            let is_label = name.strip_prefix(METADATA).is_some_and(|label| !label.is_empty());
            let Some(nearest) = nearest.filter(|_| !is_label) else { return Ok(()) };
            let message = format!(
                "unknown parameter; did you mean `{nearest}`? To filter by the label `{shown}`, \
                 write `{METADATA}{shown}`"
            );
            return Err(ApiError::invalid(&shown, message));
        }
        let what = match name {
            "cursor" if self.has("page") => "there is no cursor here, use page".to_owned(),
            _ => match nearest {
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
}

/// Checks the query parameters of a request; `route` is the path's pattern.
///
/// # Errors
/// `InvalidRequest` naming the first one that is unknown, the one that was probably meant, and all
/// that there are.
pub fn check(params: &Params, method: &Method, route: &str) -> Result<(), ApiError> {
    let method = method_name(method);
    let methods = BY_ROUTE.get(route).map_or(&[][..], Vec::as_slice);
    let known = methods.iter().find(|(name, _)| *name == method);
    known.map_or(Ok(()), |(_, known)| known.check(params))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(names: &[&str], has_labels: bool, query: &[(&str, &str)]) -> Option<String> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let checked = Known { names, has_labels }.check(&Params::of(query));
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
            ("", None),
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
        let none = "x: unknown parameter; this call takes no query parameters";
        assert_eq!(refusal(&[], false, &[("x", "1")]).as_deref(), Some(none));
        let long = refusal(&known, false, &[(&"x".repeat(99), "")]).unwrap();
        assert!(long.starts_with(&format!("{}: ", "x".repeat(64))), "{long}");
    }

    #[test]
    fn labels_are_what_is_not_nearly_a_parameter() {
        let known = ["page", "status"];
        for name in ["department", "color", "metadata.status", "metadata.page", "metadata.x.y"] {
            assert_eq!(refusal(&known, true, &[(name, "x")]), None, "{name}");
        }
        let expect = "stauts: unknown parameter; did you mean `status`? To filter by the label \
                      `stauts`, write `metadata.stauts`";
        assert_eq!(refusal(&known, true, &[("stauts", "x")]).as_deref(), Some(expect));
        assert!(refusal(&["page_size"], true, &[("limit", "x")]).is_some());
    }

    #[test]
    fn operations_are_found_by_method_and_route() {
        let wrong = Params::of(&[("foo", "1")]);
        for (method, route, is_fine) in [
            (Method::GET, "/workflows", false),
            (Method::HEAD, "/workflows", false),
            (Method::POST, "/v1/execute-workflow", false),
            (Method::GET, "/api/v1/workflows", true),
            (Method::GET, "/metrics", true),
            (Method::GET, "/healthz", true),
            (Method::GET, "/nowhere", true),
        ] {
            assert_eq!(check(&wrong, &method, route).is_ok(), is_fine, "{method} {route}");
        }
    }
}
