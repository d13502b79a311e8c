//! The endpoints of the server. The annotation of a handler (`#[utoipa::path]`) is the only place
//! that states the facts of its endpoint: path, method, scopes, parameters, bodies and errors. The
//! router, the checks of scope and query parameters, the time limit and the OpenAPI document
//! derive from it.

use axum::http::Method;
use axum::routing::MethodRouter;
use utoipa::openapi::path::{Operation as Description, PathItem};
use utoipa::openapi::{Components, OpenApi, OpenApiBuilder};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::parameters::QueryParameters;
use crate::scopes::RequiredScope;
use crate::state::Api;

/// Extension of an operation that waits for the end of an execution although it has no query
/// parameter [`WAIT`].
const WAITS: &str = "x-waits";

/// Query parameter of operations that wait for the end of an execution on request.
pub const WAIT: &str = "wait";

/// Routes with their handlers, and the OpenAPI document about them.
pub struct Endpoints {
    routes: Vec<(Route, MethodRouter<Api>)>,
    document: OpenApi,
}

/// What is known about a path.
pub struct Route {
    /// The path with the names of its parameters, such as `/workflows/{workflow_id}`.
    pub pattern: String,
    operations: Vec<(Method, Operation)>,
}

/// What is known about a method of a path.
pub struct Operation {
    pub scope: RequiredScope,
    /// `None`: they are not checked.
    pub parameters: Option<QueryParameters>,
    pub waiting: Waiting,
}

/// Whether an operation waits for the end of an execution, so that it has a longer time limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    Never,
    /// If the request has the query parameter `wait`.
    OnRequest,
    /// The body may request it, which is not read yet when the time limit is set.
    Always,
}

impl Default for Endpoints {
    fn default() -> Self {
        Self::new(OpenApiBuilder::new().build())
    }
}

impl Endpoints {
    /// No routes; `document` has tags, and schemas to which no operation refers.
    pub fn new(document: OpenApi) -> Self {
        Self { routes: Vec::new(), document }
    }

    /// Adds handlers of one path, collected by `utoipa_axum::routes!`.
    pub fn add(mut self, (schemas, paths, handlers): UtoipaMethodRouter<Api>) -> Self {
        debug_assert_eq!(paths.paths.len(), 1, "handlers of several paths in one `routes!`");
        for (pattern, item) in paths.paths {
            let route = Route::new(&pattern, &item);
            self.routes.push((route, handlers.clone()));
            self.document.paths.paths.insert(pattern, item);
        }
        let components = self.document.components.get_or_insert_with(Components::new);
        components.schemas.extend(schemas);
        self
    }

    /// Adds a path for browsers that requires no key and is not part of the document.
    pub fn add_page(mut self, path: &str, handlers: MethodRouter<Api>) -> Self {
        self.routes.push((Route { pattern: path.to_owned(), operations: Vec::new() }, handlers));
        self
    }

    /// Adds the endpoints of another part of the server.
    pub fn merge(mut self, other: Self) -> Self {
        self.routes.extend(other.routes);
        self.document.merge(other.document);
        self
    }

    pub fn into_routes(self) -> Vec<(Route, MethodRouter<Api>)> {
        self.routes
    }

    pub fn into_document(self) -> OpenApi {
        self.document
    }
}

impl Route {
    fn new(pattern: &str, item: &PathItem) -> Self {
        let PathItem { get, put, post, delete, patch, .. } = item;
        let operations = [
            (Method::GET, get),
            (Method::PUT, put),
            (Method::POST, post),
            (Method::DELETE, delete),
            (Method::PATCH, patch),
        ];
        let operations = operations.into_iter().filter_map(|(method, description)| {
            Some((method, Operation::new(description.as_ref()?)))
        });
        Self { pattern: pattern.to_owned(), operations: operations.collect() }
    }

    /// The operation of a method, if there is one. `HEAD` is that of `GET`.
    pub fn operation(&self, method: &Method) -> Option<&Operation> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.operations.iter().find(|(known, _)| known == method).map(|(_, operation)| operation)
    }

    /// Whether no operation requires a key.
    pub fn is_open(&self) -> bool {
        self.operations.iter().all(|(_, operation)| operation.scope == RequiredScope::Open)
    }
}

impl Operation {
    fn new(description: &Description) -> Self {
        let parameters = QueryParameters::of(description);
        let extension =
            description.extensions.as_ref().and_then(|extensions| extensions.get(WAITS));
        let waiting = if extension.is_some_and(|waits| waits == true) {
            Waiting::Always
        } else if parameters.has(WAIT) {
            Waiting::OnRequest
        } else {
            Waiting::Never
        };
        // Monitoring tools add parameters of their own to the paths of the service.
        let is_service = description.tags.iter().flatten().any(|tag| tag == "service");
        Self {
            scope: RequiredScope::of(description),
            parameters: (!is_service).then_some(parameters),
            waiting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(pattern: &str) -> Route {
        let routes = crate::service::all_endpoints().into_routes();
        routes.into_iter().map(|(route, _)| route).find(|route| route.pattern == pattern).unwrap()
    }

    #[test]
    fn every_operation_declares_a_known_scope() {
        for (route, _) in crate::service::all_endpoints().into_routes() {
            for (method, operation) in &route.operations {
                let scope = &operation.scope;
                assert_ne!(*scope, RequiredScope::Undeclared, "{method} {}", route.pattern);
            }
        }
    }

    #[test]
    fn operations_are_found_by_method() {
        let workflows = route("/workflows");
        for (method, is_known) in [
            (Method::GET, true),
            (Method::HEAD, true),
            (Method::POST, true),
            (Method::DELETE, false),
            (Method::OPTIONS, false),
        ] {
            assert_eq!(workflows.operation(&method).is_some(), is_known, "{method}");
        }
    }

    #[test]
    fn waiting_operations_declare_it() {
        for (pattern, method, expect) in [
            ("/workflows/{workflow_id}/execute", Method::POST, Waiting::OnRequest),
            ("/api/v1/workflows/{id}/execute", Method::POST, Waiting::Always),
            ("/api/v1/workflows/{id}/execute_async", Method::POST, Waiting::Never),
            ("/workflows", Method::GET, Waiting::Never),
        ] {
            let route = route(pattern);
            assert_eq!(route.operation(&method).unwrap().waiting, expect, "{pattern}");
        }
    }

    #[test]
    fn open_paths_require_no_key() {
        for (pattern, expect) in [
            ("/healthz", true),
            ("/docs", true),
            ("/api/v1/schema/definition", true),
            ("/metrics", false),
            ("/workflows", false),
        ] {
            assert_eq!(route(pattern).is_open(), expect, "{pattern}");
        }
    }
}
