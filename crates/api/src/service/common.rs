//! The parts of the OpenAPI document that are the same for every operation: the headers that the edge
//! adds to responses, and the rejection of unknown query parameters.

use utoipa::Modify;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Header, OpenApi, Ref, RefOr, Response};

const LIMIT: &str = "X-Rate-Limit-Limit";
const REMAINING: &str = "X-Rate-Limit-Remaining";
const RESET: &str = "X-Rate-Limit-Reset";
const RETRY_AFTER: &str = "Retry-After";
const REQUEST_ID: &str = "X-Request-Id";

/// Describes the headers of responses.
pub struct Headers;

impl Modify for Headers {
    fn modify(&self, all: &mut OpenApi) {
        let components = all.components.get_or_insert_default();
        for (name, kind, text) in [
            (
                LIMIT,
                Type::Integer,
                "The limit that is closest to being used up; only where one is set",
            ),
            (REMAINING, Type::Integer, "How much of it is left"),
            (RESET, Type::Integer, "When it is whole again, in seconds since 1970"),
            (RETRY_AFTER, Type::Integer, "After how many seconds to try again"),
            (
                REQUEST_ID,
                Type::String,
                "The request's id, as in error bodies and in the server's log",
            ),
        ] {
            components.headers.insert(name.to_owned(), header_schema(kind, text).into());
        }
        for item in all.paths.paths.values_mut() {
            for operation in path_operations(item) {
                describe_operation(operation);
            }
        }
    }
}

fn header_schema(kind: Type, text: &str) -> Header {
    let schema = ObjectBuilder::new().schema_type(kind);
    HeaderBuilder::new().schema(Some(schema)).description(Some(text)).build()
}

/// The calls of a path.
pub fn path_operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

fn describe_operation(operation: &mut Operation) {
    // Who needs no key is not counted.
    let counts = operation.responses.responses.contains_key("401");
    let is_service = operation.tags.iter().flatten().any(|tag| tag == "service");
    if !is_service && let Some(refused) = unknown_parameter(operation) {
        operation.responses.responses.entry("400".to_owned()).or_insert(refused);
    }
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let mut add = |name: &str| {
            let reference = Ref::new(format!("#/components/headers/{name}"));
            response.headers.insert(name.to_owned(), RefOr::Ref(reference));
        };
        if status.starts_with('2') {
            add(REQUEST_ID);
        }
        if counts && (status.starts_with('2') || status == "429") {
            for name in [LIMIT, REMAINING, RESET] {
                add(name);
            }
        }
        if status == "429" || status == "503" {
            add(RETRY_AFTER);
        }
    }
}

/// The response to a query parameter that the call does not take, with the body of its other errors.
fn unknown_parameter(operation: &Operation) -> Option<RefOr<Response>> {
    let RefOr::T(unauthorized) = operation.responses.responses.get("401")? else { return None };
    let mut refused = unauthorized.clone();
    refused.description = "`INVALID_REQUEST`: a query parameter is unknown".to_owned();
    Some(RefOr::T(refused))
}
