//! The operations of the server's OpenAPI description, and the form of every response.

use std::process::Command;

use serde_json::Value;

use crate::target::Reply;

pub struct Operation {
    pub method: String,
    pub path: String,
    /// Names of the parameters, by where they are: `path`, `query`, `header`.
    pub parameters: Vec<(String, String)>,
    /// The schema of the body, if there is one.
    pub body: Option<Value>,
    /// Whether it is served without a key.
    pub is_public: bool,
}

impl Operation {
    pub fn named<'a>(&'a self, place: &'a str) -> impl Iterator<Item = &'a str> {
        self.parameters.iter().filter(move |(at, _)| at == place).map(|(_, name)| name.as_str())
    }
}

/// The description, as the binary prints it.
pub fn description() -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_stepwell")).arg("openapi").output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

pub fn operations(description: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if !operation["responses"].is_object() {
                continue;
            }
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            all.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                parameters: parameters.map(|one| (text(&one["in"]), text(&one["name"]))).collect(),
                body: operation.pointer("/requestBody/content/application~1json/schema").cloned(),
                is_public: operation["security"]
                    .get(0)
                    .is_some_and(|none| *none == serde_json::json!({})),
            });
        }
    }
    assert!(all.len() > 50, "the description has {} operations", all.len());
    all
}

/// Checks that a server error has a reason, and that every error has the format of the API that the
/// path belongs to.
pub fn check(request: &str, path: &str, reply: &Reply) {
    let shown = || format!("{request}\n{} {:?}\n{}", reply.status, reply.headers, reply.text());
    let body = reply.json();
    let is_probe = path.starts_with("/readyz");
    let is_abi = path.starts_with("/api/v1/");
    if reply.status >= 500 && !is_probe {
        let code = body["errors"][0]["code"].as_str().unwrap_or_default();
        // By contract the status of a request that waits is the result of the execution.
        let outcome = is_abi && matches!(code, "WORKFLOW_EXECUTION_ERROR" | "EXECUTION_TIMEOUT");
        let busy = reply.status == 503 && reply.headers.contains_key("retry-after");
        assert!(outcome || busy, "{}", shown());
    }
    if reply.status >= 400 && !is_probe {
        let (code, message) = if is_abi {
            (&body["errors"][0]["code"], &body["message"])
        } else if path.starts_with("/v1/") {
            (&body["code"], &body["detail"])
        } else {
            (&body["error"]["code"], &body["error"]["message"])
        };
        let has = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        assert!(has(code) && has(message), "not an error of this API: {}", shown());
        assert!(has(&body["request_id"]) || has(&body["error"]["request_id"]), "{}", shown());
    }
}
