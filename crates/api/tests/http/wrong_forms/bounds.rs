//! Bounds of what runs: each ends with a clear code, and nothing recurses without a limit.

use serde_json::{Value, json};

use crate::support::Server;

/// A workflow of blocks that are nested so deep, a line each.
fn nested(depth: usize) -> String {
    let block = "{type: Loop, until: 'true', steps: [\n".repeat(depth);
    format!("name: n\nsteps:\n- {block}Echo{}\n", "]}".repeat(depth))
}

#[tokio::test]
async fn blocks_are_nested_at_most_sixteen_deep() {
    let server = Server::start().await;
    let create = async |depth: usize| {
        let headers = [("content-type", "application/yaml")];
        server.send("POST", "/workflows", &headers, nested(depth)).await
    };
    let created = create(16).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let refused = create(17).await;
    assert_eq!(refused.refusal(), (400, "INVALID_WORKFLOW".into()), "{}", refused.text);
    let problem = refused.json()["error"]["details"][0].take();
    assert_eq!(problem["line"], 2 + 17, "{problem}");
    let message = problem["message"].as_str().unwrap();
    assert!(message.starts_with("blocks may be nested at most 16 deep; move"), "{message}");
    // Deeper than any value may be.
    for depth in [40, 100_000] {
        let refused = create(depth).await;
        assert_eq!(refused.refusal(), (400, "INVALID_WORKFLOW".into()), "{depth}");
        assert!(refused.text.contains("deep"), "{}", refused.text);
    }
}

/// Executes a workflow with the steps; returns the code and the message of its error.
async fn run_to_error(server: &Server, steps: &Value, input: Value) -> (String, String) {
    let definition = json!({"name": "bound", "steps": steps});
    let created = server.post("/workflows", &definition).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let path = format!("/workflows/{}/execute?wait=true", created.text_at("/workflow_id"));
    let ended = server.post(&path, &json!({"input": input})).await;
    assert_eq!(ended.text_at("/status"), "FAILED", "{steps}");
    (ended.text_at("/error/code"), ended.text_at("/error/message"))
}

#[tokio::test]
async fn what_runs_has_bounds_with_clear_codes() {
    let server = Server::start().await;
    let map = |over: &str| json!([{"type": "Map", "over": over, "steps": ["Echo"]}]);
    let endless =
        json!([{"type": "Loop", "until": "false", "max_iterations": 100, "steps": ["Echo"]}]);
    let itself = json!([{"type": "SubWorkflow", "workflow": "bound", "input": {}}]);
    let query = json!([
        {"id": "list", "type": "Json.Query", "input": {"value": 1}, "config": {"query": "[range(10000000)]"}},
        {"type": "Map", "over": "{{ steps.list.output.value }}", "steps": ["Echo"]},
    ]);
    let branches = json!([{"type": "Parallel", "branches": {"a": ["Echo"], "b": ["Echo"]},
        "join": {"n": "{{ inputs.n }}"}}]);
    for (steps, input, code, text) in [
        (itself, json!({}), "SUB_WORKFLOW_DEPTH", "at most 16 deep"),
        (endless, json!({}), "LOOP_LIMIT", "max_iterations"),
        (map("{{ range(inputs.n) }}"), json!({"n": 10_000_000}), "EXPRESSION_ERROR", "more than"),
        (query, json!({}), "QUERY_LIMIT", ""),
        (branches, json!({"n": 3}), "INVALID_JOIN", "1 to 2, the number of branches"),
    ] {
        let (found, message) = run_to_error(&server, &steps, input).await;
        assert_eq!(found, code, "{message}");
        assert!(message.contains(text), "{code}: {message}");
    }
    // A request with so many items is rejected before.
    let workflow = server.workflow(map("{{ inputs.list }}")).await;
    for (items, status, code) in
        [(1_000_001, 400, "INVALID_REQUEST"), (10_000_000, 413, "PAYLOAD_TOO_LARGE")]
    {
        let input = json!({"input": {"list": vec![0; items]}});
        let refused = server.post(&format!("{workflow}/execute"), &input).await;
        assert_eq!(refused.refusal(), (status, code.into()), "{items}");
    }
}

#[tokio::test]
async fn signals_that_nothing_consumes_are_bounded() {
    let server = Server::start().await;
    let steps = json!([{"type": "WaitForSignal", "signal": "payment"}]);
    let workflow = server.workflow(steps).await;
    let execution = server.execution(&workflow).await;
    let id = execution.rsplit_once('/').unwrap().1;
    let send = async |path: &str, body: Value| server.post(path, &body).await;
    // 100 of a name, 1,000 in all: what is sent further is rejected, whatever its number.
    let (mut kept, mut rejected) = (0, 0);
    for name in 0..12 {
        for _ in 0..101 {
            let path = format!("/api/v1/workflow_executions/{id}/signals/other-{name}");
            let sent = send(&path, json!({})).await;
            match sent.status.as_u16() {
                200 => kept += 1,
                _ => {
                    assert_eq!(
                        sent.abi_refusal(),
                        (409, "TOO_MANY_SIGNALS".into()),
                        "{}",
                        sent.text
                    );
                    rejected += 1;
                }
            }
        }
    }
    assert_eq!((kept, rejected), (1_000, 212));
    // By key: 100 of a name and key.
    for number in 0..101 {
        let sent = send("/api/v1/signals/parcel", json!({"key": "a"})).await;
        match number {
            100 => assert_eq!(sent.abi_refusal(), (409, "TOO_MANY_SIGNALS".into())),
            _ => assert_eq!(sent.status, 200, "{}", sent.text),
        }
    }
}
