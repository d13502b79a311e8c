//! The scope that an operation requires, read from the `security` of its annotation. It is checked
//! before anything else about the request, so a key without the scope learns neither what else is
//! wrong with the request nor which objects exist, and its body is not read. The services check
//! again, with the object.

use serde_json::Value;
use stepwell_engine::caller::Verb;
use stepwell_engine::{AppError, Caller, Scope};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::SecurityRequirement;

/// The name of the security scheme under which annotations list their scopes.
pub const KEY: &str = "key";

/// Extension of operations that require a key of the default workspace.
const DEFAULT_WORKSPACE: &str = "x-default-workspace";

const ADMIN: &str = "admin";
const METRICS: &str = "read:metrics";

/// The permission that an operation requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequiredScope {
    /// Not even a key.
    Open,
    /// None beyond a valid key.
    AnyKey,
    /// `admin`.
    Admin,
    /// `admin` in the default workspace.
    Operator,
    /// `read:metrics` in the default workspace.
    Metrics,
    /// One of these, for some object of the kind.
    OneOf(Vec<(Verb, String)>),
    /// The annotation lists none that is known: only admins are allowed.
    Undeclared,
}

impl RequiredScope {
    pub fn of(operation: &Operation) -> Self {
        let Some(security) = &operation.security else { return Self::Undeclared };
        let names = scope_names(security);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        match (names.as_slice(), is_for_default_workspace(operation)) {
            ([], false) if is_optional(security) => Self::Open,
            ([], false) => Self::AnyKey,
            ([ADMIN], false) => Self::Admin,
            ([ADMIN], true) => Self::Operator,
            ([METRICS], true) => Self::Metrics,
            (names, false) => {
                let scopes = names.iter().map(|name| match name.parse() {
                    Ok(Scope::On { verb, kind, only: None }) => Some((verb, kind)),
                    _ => None,
                });
                scopes.collect::<Option<_>>().map_or(Self::Undeclared, Self::OneOf)
            }
            (_, true) => Self::Undeclared,
        }
    }

    /// Checks that the caller may make the request.
    ///
    /// # Errors
    /// `Forbidden` or `NotPermitted`, naming the first scope.
    pub fn check(&self, caller: &Caller) -> Result<(), AppError> {
        match self {
            Self::Open | Self::AnyKey => Ok(()),
            Self::Admin | Self::Undeclared => caller.require_admin(),
            Self::Operator => caller.require_operator(),
            Self::Metrics => caller.require_metrics(),
            Self::OneOf(scopes) => {
                let mut checked = scopes.iter().map(|(verb, kind)| caller.require_any(*verb, kind));
                let first = checked.next().unwrap_or(Ok(()));
                first.or_else(|error| checked.find(Result::is_ok).unwrap_or(Err(error)))
            }
        }
    }
}

/// The scopes that a description lists, of which one is required.
pub fn scope_names(security: &[SecurityRequirement]) -> Vec<String> {
    let lists = security.iter().filter_map(|requirement| {
        let requirement = serde_json::to_value(requirement).ok()?;
        Some(requirement.get(KEY)?.as_array()?.clone())
    });
    lists.flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// Whether a key of another workspace than the default one is rejected.
pub fn is_for_default_workspace(operation: &Operation) -> bool {
    let extensions = operation.extensions.as_ref();
    extensions.and_then(|all| all.get(DEFAULT_WORKSPACE)).is_some_and(|value| *value == true)
}

/// Whether no key is required.
fn is_optional(security: &[SecurityRequirement]) -> bool {
    let is_empty = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
    security.iter().any(|one| serde_json::to_value(one).is_ok_and(|value| is_empty(&value)))
}

#[cfg(test)]
mod tests {
    use utoipa::openapi::extensions::ExtensionsBuilder;
    use utoipa::openapi::path::OperationBuilder;

    use super::*;

    fn required(scopes: &[&[&str]], for_default_workspace: bool) -> RequiredScope {
        let security = scopes.iter().map(|names| SecurityRequirement::new(KEY, names.to_vec()));
        let extensions = ExtensionsBuilder::new().add(DEFAULT_WORKSPACE, for_default_workspace);
        let operation = OperationBuilder::new()
            .securities(Some(security))
            .extensions(Some(extensions.build()))
            .build();
        RequiredScope::of(&operation)
    }

    #[test]
    fn scopes_are_read_from_the_security_of_an_operation() {
        let on = |scopes: &[(Verb, &str)]| {
            let scopes = scopes.iter().map(|(verb, kind)| (*verb, (*kind).to_owned()));
            RequiredScope::OneOf(scopes.collect())
        };
        for (scopes, for_default_workspace, expect) in [
            (&[&[][..]][..], false, RequiredScope::AnyKey),
            (&[&["admin"]], false, RequiredScope::Admin),
            (&[&["admin"]], true, RequiredScope::Operator),
            (&[&["read:metrics"]], true, RequiredScope::Metrics),
            (&[&["read:workflows"]], false, on(&[(Verb::Read, "workflows")])),
            (
                &[&["read:workflows"], &["execute:workflows"]],
                false,
                on(&[(Verb::Read, "workflows"), (Verb::Execute, "workflows")]),
            ),
            (&[&["read:workflow"]], false, RequiredScope::Undeclared),
            (&[&["read:workflows:one"]], false, RequiredScope::Undeclared),
            (&[&["read:workflows"]], true, RequiredScope::Undeclared),
        ] {
            assert_eq!(required(scopes, for_default_workspace), expect, "{scopes:?}");
        }
        assert_eq!(RequiredScope::of(&Operation::new()), RequiredScope::Undeclared);
        let open = OperationBuilder::new().security(SecurityRequirement::default()).build();
        assert_eq!(RequiredScope::of(&open), RequiredScope::Open);
    }

    #[test]
    fn one_scope_of_several_is_enough() {
        let either = required(&[&["read:workflows"], &["execute:workflows"]], false);
        for (scope, is_allowed) in [
            ("read:workflows", true),
            ("execute:workflows", true),
            ("execute:workflows:greet", true),
            ("admin", true),
            ("write:workflows", false),
            ("read:schedules", false),
        ] {
            let scopes = [scope.parse().unwrap()].into();
            let caller = Caller { scopes, ..Caller::internal() };
            assert_eq!(either.check(&caller).is_ok(), is_allowed, "{scope}");
        }
        let caller = Caller { scopes: [].into(), ..Caller::internal() };
        let error = either.check(&caller).unwrap_err();
        assert!(matches!(error, AppError::Forbidden(name) if name == "read:workflows"));
    }
}
