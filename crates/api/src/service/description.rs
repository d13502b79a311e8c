//! The OpenAPI document, assembled from the endpoints of all dialects.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::common::Headers;
use super::schemas::Schemas;
use super::security::Security;
use crate::dialects::{abi, dataflow, vellum};
use crate::endpoints::Endpoints;

/// The endpoints of all dialects and of the service.
pub fn all_endpoints() -> Endpoints {
    Endpoints::new(BaseDocument::openapi())
        .merge(dataflow::dataflow_endpoints())
        .merge(vellum::vellum_endpoints())
        .merge(abi::abi_endpoints())
        .merge(super::own_endpoints())
}

/// The OpenAPI 3.1 document of all endpoints.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut all = all_endpoints().into_document();
    Security.modify(&mut all);
    Headers.modify(&mut all);
    Schemas.modify(&mut all);
    all
}

/// What is common to all dialects.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Stepwell",
        description = "Durable workflows over HTTP. Every error states what to change, place by place, and has the id of its request. Every POST takes an `Idempotency-Key`. If a limit is set for the key or its workspace, every response has its status in `X-Rate-Limit-Limit`, `X-Rate-Limit-Remaining` and `X-Rate-Limit-Reset` (seconds since 1970).",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/", description = "This server")),
    modifiers(&KeySecurity),
    security(("key" = []), ("bearer" = []))
)]
struct BaseDocument;

/// The two headers in which a key can come.
struct KeySecurity;

impl Modify for KeySecurity {
    fn modify(&self, all: &mut utoipa::openapi::OpenApi) {
        let components = all.components.get_or_insert_default();
        let key = ApiKey::Header(ApiKeyValue::new("X-API-KEY"));
        components.add_security_scheme("key", SecurityScheme::ApiKey(key));
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn references(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(name)) = map.get("$ref") {
                    into.insert(name.clone());
                }
                map.values().for_each(|v| references(v, into));
            }
            Value::Array(items) => items.iter().for_each(|v| references(v, into)),
            _ => {}
        }
    }

    #[test]
    fn is_openapi_3_1_and_whole() {
        let all = serde_json::to_value(openapi()).unwrap();
        assert_eq!(all["openapi"], "3.1.0");
        let mut used = BTreeSet::new();
        references(&all, &mut used);
        assert!(used.len() > 20, "{used:?}");
        for reference in used {
            let pointer = reference.trim_start_matches('#');
            assert!(all.pointer(pointer).is_some(), "{reference} is not described");
        }
    }

    #[test]
    fn generated_clients_get_open_objects_and_named_types() {
        let all = serde_json::to_value(openapi()).unwrap();
        let schemas = &all["components"]["schemas"];
        let request = &schemas["abi.WorkflowRequest"]["properties"]["configuration"];
        assert_eq!(request["additionalProperties"], true, "{request}");
        let data = &schemas["Envelope_Workspace"]["properties"]["data"];
        assert_eq!(data["$ref"], "#/components/schemas/Workspace", "{data}");
        let page = &schemas["Envelope_Items_abi.WorkflowRow"]["properties"]["data"];
        assert_eq!(page["$ref"], "#/components/schemas/Items_abi.WorkflowRow", "{page}");
        let items = &schemas["Items_abi.WorkflowRow"]["properties"]["items"]["items"];
        assert_eq!(items["$ref"], "#/components/schemas/abi.WorkflowRow", "{items}");
    }

    /// Generated clients send the defaults of parameters, and a page excludes a cursor.
    #[test]
    fn a_page_has_no_default_beside_a_cursor() {
        let all = serde_json::to_value(openapi()).unwrap();
        let mut lists = 0;
        for calls in all["paths"].as_object().unwrap().values() {
            let parameters = calls["get"]["parameters"].as_array().cloned().unwrap_or_default();
            let find = |name: &str| parameters.iter().find(|one| one["name"] == name);
            if let (Some(page), Some(_)) = (find("page"), find("cursor")) {
                assert!(page["schema"].get("default").is_none(), "{page}");
                lists += 1;
            }
        }
        assert!(lists > 5, "{lists}");
    }

    /// A generated client reads a stream as text, not as one JSON value.
    #[test]
    fn streams_are_text_with_the_schema_of_their_events() {
        let all = serde_json::to_value(openapi()).unwrap();
        for (path, data) in [
            ("/workflows/{workflow_id}/executions/{execution_id}/events", "StreamEvent"),
            ("/api/v1/workflow_executions/{id}/events", "abi.ExecutionEvent"),
        ] {
            let ok = &all["paths"][path]["get"]["responses"]["200"];
            let schema = &ok["content"]["text/event-stream"]["schema"];
            assert_eq!(schema["type"], "string", "{schema}");
            let found = &schema["contentSchema"]["properties"]["data"]["contentSchema"]["$ref"];
            assert_eq!(*found, format!("#/components/schemas/{data}"), "{schema}");
        }
    }

    #[test]
    fn every_call_is_documented() {
        let all = serde_json::to_value(openapi()).unwrap();
        let mut ids = BTreeSet::new();
        for (path, calls) in all["paths"].as_object().unwrap() {
            for (method, call) in calls.as_object().unwrap() {
                let id = call["operationId"].as_str().unwrap();
                assert!(ids.insert(id.to_owned()), "{id} is there twice");
                assert!(call["summary"].is_string(), "{method} {path} has no summary");
                assert_eq!(call["tags"].as_array().unwrap().len(), 1, "{method} {path}");
                let open = call["security"] == serde_json::json!([{}]);
                let refuses = call["responses"].get("401").is_some();
                assert!(open || refuses, "{method} {path} lists no 401");
                for name in path.split('{').skip(1).filter_map(|p| p.split('}').next()) {
                    let listed = call["parameters"].as_array().unwrap();
                    assert!(listed.iter().any(|p| p["name"] == name), "{method} {path}: {name}");
                }
            }
        }
        assert!(ids.len() >= 20, "{ids:?}");
    }
}
