//! The scopes that operations require, in the OpenAPI document: a key can be sent in two headers, and
//! readers of the descriptions find the scopes there as well.

use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::SecurityRequirement;

use super::common::path_operations;
use crate::scopes::{self, KEY};

/// The security scheme of keys in the header `Authorization`.
pub const BEARER: &str = "bearer";

pub struct Security;

impl Modify for Security {
    fn modify(&self, all: &mut OpenApi) {
        all.paths.paths.values_mut().flat_map(path_operations).for_each(describe_security);
    }
}

fn describe_security(operation: &mut Operation) {
    let Some(security) = &mut operation.security else { return };
    let names = scopes::scope_names(security);
    if names.is_empty() {
        // Any key, as for the whole document; or none.
        if *security == [SecurityRequirement::new(KEY, [""; 0])] {
            operation.security = None;
        }
        return;
    }
    let schemes = [KEY, BEARER].into_iter();
    let requirement =
        |scheme| names.iter().map(move |name| SecurityRequirement::new(scheme, [name]));
    *security = schemes.flat_map(requirement).collect();
    let listed = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", or ");
    let workspace =
        if scopes::is_for_default_workspace(operation) { " of the default workspace" } else { "" };
    let sentence = format!("Scope {listed}{workspace}.");
    operation.description = Some(match operation.description.take() {
        Some(text) if !text.is_empty() => format!("{} {sentence}", text.trim_end()),
        _ => sentence,
    });
}
