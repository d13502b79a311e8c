//! Dry runs over HTTP.

use serde_json::{Value, json};

use crate::support::Server;

const PATH: &str = "/api/v1/workflows/dry-run";

/// A definition that pays an order and waits.
fn payment() -> Value {
    json!({"name": "payment", "inputs": {"amount": "number"}, "steps": [
        {"id": "charge", "type": "HttpRequest", "retry": {"max_attempts": 3, "jitter": 0},
            "config": {"url": "https://pay.example.com", "method": "POST"}, "input": {"body": {"amount": "{{ inputs.amount }}"}}},
        {"id": "wait", "type": "Delay", "config": {"for": "2h"}},
        {"id": "route", "type": "Branch",
            "cases": [{"when": "steps.charge.output.body.ok",
                "steps": [{"id": "thanks", "type": "StaticTextInput", "input": "thanks"}]}],
            "else": [{"id": "sorry", "type": "StaticTextInput", "input": "sorry"}]},
    ], "outputs": {"text": "{{ steps.route.output.text }}"}})
}

async fn dry_run(server: &Server, body: &Value) -> Value {
    let response = server.post(PATH, body).await;
    assert_eq!(response.status, 200, "{}", response.text);
    response.json()["data"].take()
}

/// Step, status and attempts of each step.
fn path_of(run: &Value) -> Value {
    let steps = run["steps"].as_array().unwrap();
    steps.iter().map(|step| json!([step["step"], step["status"], step["attempts"]])).collect()
}

#[tokio::test]
async fn mocks_replace_effects_and_time_is_skipped() {
    let server = Server::start().await;
    let run = dry_run(
        &server,
        &json!({"definition": payment(), "parameters": {"amount": 7}, "now": "2026-01-31T09:00:00Z",
            "mocks": {"charge": [{"error": {"code": "HTTP_STATUS", "message": "503"}},
                {"output": {"body": {"ok": true}}, "duration": "3s"}]}}),
    )
    .await;
    assert_eq!(run["status"], "completed", "{run}");
    assert_eq!(run["output"], json!({"text": "thanks"}));
    // The back-off, the response and the delay.
    assert_eq!(run["elapsed_ms"], 1_000 + 3_000 + 7_200_000);
    assert_eq!(
        path_of(&run),
        json!([
            ["charge", "completed", 2],
            ["wait", "completed", 1],
            ["route", "completed", 1],
            ["thanks", "completed", 1]
        ])
    );
    let charge = &run["steps"][0];
    assert_eq!(charge["mocked"], true);
    assert_eq!(charge["input"]["body"], json!({"amount": 7}));
    assert_eq!(charge["output"], json!({"body": {"ok": true}}));
    assert_eq!(charge["ended_after_ms"], 4_000);
    assert_eq!(run["branches"], json!([{"step": "route", "branch": "cases[0]"}]));
    // Nothing is stored.
    assert_eq!(server.get("/api/v1/workflow_executions").await.json()["data"]["items"], json!([]));
}

#[tokio::test]
async fn an_effect_without_a_mock_is_named() {
    let server = Server::start().await;
    // No handler of errors can hide it.
    let mut definition = payment();
    definition["steps"][0]["on_error"] = json!("continue");
    let run =
        dry_run(&server, &json!({"definition": definition, "parameters": {"amount": 7}})).await;
    assert_eq!(run["status"], "failed", "{run}");
    assert_eq!(run["error"]["code"], "MOCK_MISSING");
    assert_eq!(run["error"]["step"], "charge");
    assert_eq!(path_of(&run), json!([["charge", "cancelled", 1]]));
}

#[tokio::test]
async fn a_mocked_error_fails_the_run_after_its_attempts() {
    let server = Server::start().await;
    let error = json!({"code": "HTTP_STATUS", "message": "503", "details": {"status": 503}});
    let body = |error: &Value| {
        json!({"definition": payment(), "parameters": {"amount": 7},
            "mocks": {"charge": {"error": error}}})
    };
    let run = dry_run(&server, &body(&error)).await;
    assert_eq!(run["status"], "failed", "{run}");
    assert_eq!(run["error"]["code"], "HTTP_STATUS");
    assert_eq!(
        (&run["error"]["attempt"], &run["error"]["details"]),
        (&json!(3), &json!({"status": 503}))
    );
    assert_eq!(run["elapsed_ms"], 3_000, "two pauses");
    let permanent = json!({"code": "HTTP_STATUS", "retryable": false});
    assert_eq!(
        path_of(&dry_run(&server, &body(&permanent)).await),
        json!([["charge", "failed", 1]])
    );
}

#[tokio::test]
async fn a_mock_can_be_for_one_iteration() {
    let server = Server::start().await;
    let definition = json!({"name": "n", "inputs": {"list": "array"}, "steps": [
        {"id": "orders", "type": "Map", "over": "{{ inputs.list }}", "on_item_error": "collect", "steps": [
            {"id": "charge", "type": "HttpRequest", "config": {"url": "https://pay.example.com", "method": "POST"}}],
            "output": "{{ steps.charge.output.body.id }}"}]});
    let run = dry_run(
        &server,
        &json!({"definition": definition, "parameters": {"list": [1, 2, 3]}, "mocks": {
            "charge": {"output": {"body": {"id": "p"}}},
            "orders[1].charge": {"error": {"code": "DECLINED"}}}}),
    )
    .await;
    assert_eq!((&run["output"][0], &run["output"][2]), (&json!("p"), &json!("p")), "{run}");
    assert_eq!(run["output"][1]["error"]["code"], "DECLINED");
    let steps: Vec<&Value> = run["steps"].as_array().unwrap().iter().map(|s| &s["step"]).collect();
    assert_eq!(steps, ["orders", "orders[0].charge", "orders[1].charge", "orders[2].charge"]);
}

/// An execution would run the items in chunks and record only their results.
#[tokio::test]
async fn the_steps_of_all_items_are_recorded() {
    let server = Server::start().await;
    let definition = json!({"name": "n", "inputs": {"list": "array"}, "steps": [
        {"id": "all", "type": "Map", "over": "{{ inputs.list }}", "record": "results", "steps": [
            {"id": "one", "type": "Template", "config": {"template": "<{{ item }}>"}}],
            "output": "{{ steps.one.output.text }}"}]});
    let list: Vec<u32> = (0..300).collect();
    let body = json!({"definition": definition, "parameters": {"list": list},
        "mocks": {"all[7].one": {"output": {"text": "mocked"}}}});
    let run = dry_run(&server, &body).await;
    assert_eq!((&run["output"][7], &run["output"][8]), (&json!("mocked"), &json!("<8>")), "{run}");
    assert_eq!(run["steps"].as_array().unwrap().len(), 301);
}

#[tokio::test]
async fn a_sub_workflow_needs_a_mock() {
    let server = Server::start().await;
    let definition = json!({"name": "n", "steps": [
        {"id": "child", "type": "SubWorkflow", "workflow": "other", "input": {"n": 1}},
        {"id": "end", "type": "Echo", "input": "{{ steps.child.output }}"}]});
    let run = dry_run(&server, &json!({"definition": definition})).await;
    assert_eq!(run["error"]["code"], "MOCK_MISSING", "{run}");
    let mocks = json!({"child": {"output": {"n": 2}}});
    let run = dry_run(&server, &json!({"definition": definition, "mocks": mocks})).await;
    assert_eq!(run["output"], json!({"n": 2}), "{run}");
    let failing = json!({"child": {"error": {"code": "CHILD_FAILED", "retryable": false}}});
    let run = dry_run(&server, &json!({"definition": definition, "mocks": failing})).await;
    assert_eq!(run["error"]["code"], "CHILD_FAILED", "{run}");
}

#[tokio::test]
async fn a_wait_for_a_signal_needs_a_mock() {
    let server = Server::start().await;
    let definition = json!({"name": "n", "steps": [
        {"id": "paid", "type": "WaitForSignal", "signal": "payment", "timeout": "3d",
            "on_timeout": "port"},
        {"id": "late", "type": "Echo", "after": ["paid.timeout"], "input": "late"},
        {"id": "ship", "type": "Echo", "after": ["paid"], "input": "{{ steps.paid.output.by }}"}],
        "outputs": {"late": "{{ steps.late.output }}", "by": "{{ steps.ship.output }}"}});
    let run = dry_run(&server, &json!({"definition": definition})).await;
    assert_eq!(run["error"]["code"], "MOCK_MISSING", "{run}");
    let day = 24 * 60 * 60 * 1000;
    for (mock, output, elapsed) in [
        (json!({"output": {"by": "card"}, "duration": "1d"}), json!({"by": "card"}), day),
        (json!({"output": {"by": "card"}, "duration": "4d"}), json!({"late": "late"}), 3 * day),
        (json!({"output": null, "port": "timeout"}), json!({"late": "late"}), 0),
    ] {
        let mocks = json!({"paid": mock});
        let run = dry_run(&server, &json!({"definition": definition, "mocks": mocks})).await;
        let given = run["output"].as_object().unwrap();
        let given: Value =
            given.clone().into_iter().filter(|(_, value)| !value.is_null()).collect();
        assert_eq!((&given, &run["elapsed_ms"]), (&output, &json!(elapsed)), "{mock}: {run}");
    }
}

#[tokio::test]
async fn an_approval_needs_a_mock_with_its_decision() {
    let server = Server::start().await;
    let definition = json!({"name": "n", "steps": [
        {"id": "check", "type": "Approval", "config": {"title": "t", "remind_every": "1h"}},
        {"id": "pay", "type": "Echo", "after": ["check.approved"], "input": "paid"},
        {"id": "stop", "type": "Echo", "after": ["check.rejected"], "input": "stopped"},
        {"id": "end", "type": "Echo", "after": ["pay", "stop"], "join": "any"}]});
    let run = dry_run(&server, &json!({"definition": definition})).await;
    assert_eq!(run["error"]["code"], "MOCK_MISSING", "{run}");
    for (port, output) in
        [("approved", json!({"pay": "paid"})), ("rejected", json!({"stop": "stopped"}))]
    {
        let mocks = json!({"check": {"output": {}, "port": port, "duration": "150m"}});
        let run = dry_run(&server, &json!({"definition": definition, "mocks": mocks})).await;
        assert_eq!((&run["status"], &run["output"]), (&json!("completed"), &output), "{run}");
    }
    let body = json!({"definition": definition, "mocks": {"check": {"output": {}}}});
    let refused = server.post("/api/v1/workflows/dry-run", &body).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("needs a `port`"), "{}", refused.text);
}

#[tokio::test]
async fn timeouts_pass_by_the_simulated_clock() {
    let server = Server::start().await;
    let slow = json!({"name": "n", "steps": [{"id": "call", "type": "HttpRequest", "timeout": "10s",
        "config": {"url": "https://example.com", "method": "POST"}}]});
    let mocks = json!({"call": {"output": 1, "duration": "1m"}});
    let run = dry_run(&server, &json!({"definition": slow, "mocks": mocks})).await;
    assert_eq!(
        (&run["error"]["code"], &run["elapsed_ms"]),
        (&json!("STEP_TIMEOUT"), &json!(10_000))
    );
    let late = json!({"name": "n", "timeout": "1h", "steps": [{"type": "Delay", "config": {"for": "2h"}}]});
    let run = dry_run(&server, &json!({"definition": late})).await;
    assert_eq!((&run["status"], &run["elapsed_ms"]), (&json!("timed_out"), &json!(3_600_000)));
}

#[tokio::test]
async fn a_stored_workflow_needs_no_activation() {
    let server = Server::start().await;
    let created = json!({"name": "n", "configuration": {"steps": [
        {"type": "TextOperation.Reverse", "input": "{{ inputs.text }}"}]}});
    let id = server.post("/api/v1/workflows", &created).await.text_at("/data/id");
    let path = format!("/api/v1/workflows/{id}/dry-run");
    let response = server.post(&path, &json!({"parameters": {"text": "abc"}})).await;
    assert_eq!(response.json()["data"]["output"], json!({"text": "cba"}), "{}", response.text);
    let missing = server.post(&path, &json!({})).await;
    assert_eq!(missing.abi_refusal(), (422, "PARAMETER_VALIDATION_ERROR".into()));
    assert_eq!(missing.json()["errors"][0]["field"], "parameters.text");
    let nowhere = format!("/api/v1/workflows/wf_{}/dry-run", "0".repeat(26));
    assert_eq!(server.post(&nowhere, &json!({})).await.status, 404);
}

#[tokio::test]
async fn every_problem_of_the_mocks_is_named() {
    let server = Server::start().await;
    let definition = json!({"name": "n", "inputs": {"list": "array"}, "steps": [
        {"id": "orders", "type": "Map", "over": "{{ inputs.list }}", "steps": [
            {"id": "charge", "type": "HttpRequest", "config": {"url": "https://a", "method": "POST"}}]},
        {"id": "wait", "type": "Delay", "config": {"for": "1s"}},
        {"id": "end", "type": "Stop"}]});
    for (mocks, field, part) in [
        (json!({"chargee": {"output": 1}}), "mocks.chargee", "did you mean `charge`?"),
        (json!({"orders": {"output": 1}}), "mocks.orders", "is a block"),
        (json!({"wait": {"output": 1}}), "mocks.wait", "is simulated"),
        (json!({"end": {"output": 1}}), "mocks.end", "control flow"),
        (json!({"order[0].charge": {"output": 1}}), "mocks.order[0].charge", "`orders[0].charge`"),
        (json!({"orders[x].charge": {"output": 1}}), "mocks.orders[x].charge", "no run"),
        (json!({"charge": 1}), "mocks.charge", "must be an object"),
        (json!({"charge": []}), "mocks.charge", "1 to 1000"),
        (json!({"charge": {}}), "mocks.charge", "either `output` or `error`"),
        (json!({"charge": {"output": 1, "error": {"code": "X"}}}), "mocks.charge", "either"),
        (json!({"charge": {"outputs": 1}}), "mocks.charge.outputs", "did you mean `output`?"),
        (json!({"charge": {"error": {}}}), "mocks.charge.error.code", "text of 1 to 100"),
        (
            json!({"charge": {"error": {"code": "X", "message": 1}}}),
            "mocks.charge.error.message",
            "a text",
        ),
        (
            json!({"charge": {"error": {"code": "X", "retryable": 1}}}),
            "mocks.charge.error.retryable",
            "true",
        ),
        (json!({"charge": [{"output": 1}, {"error": 3}]}), "mocks.charge[1].error", "an object"),
        (json!({"charge": {"output": 1, "duration": "soon"}}), "mocks.charge.duration", "duration"),
        (json!({"charge": {"output": 1, "port": "left"}}), "mocks.charge.port", "no such port"),
    ] {
        let body = json!({"definition": definition, "parameters": {"list": []}, "mocks": mocks});
        let response = server.post(PATH, &body).await;
        assert_eq!(response.abi_refusal(), (400, "INVALID_REQUEST".into()), "{}", response.text);
        let error = response.json()["errors"][0].take();
        assert_eq!(error["field"], field, "{error}");
        assert!(error["detail"].as_str().unwrap().contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn invalid_requests_name_their_fields() {
    let server = Server::start().await;
    let bad = json!({"name": "n", "steps": [{"type": "Ecko"}]});
    let response = server.post(PATH, &json!({"definition": bad})).await;
    assert_eq!(response.abi_refusal(), (400, "INVALID_WORKFLOW_CONFIG".into()));
    assert_eq!(response.json()["errors"][0]["field"], "definition.steps[0].type");
    for (body, field) in [
        (json!({}), "definition"),
        (json!({"definition": payment(), "now": "yesterday"}), "now"),
        (json!({"definition": payment(), "mock": {}}), "mock"),
    ] {
        let response = server.post(PATH, &body).await;
        assert_eq!(response.abi_refusal(), (400, "INVALID_REQUEST".into()), "{}", response.text);
        assert_eq!(response.json()["errors"][0]["field"], field, "{}", response.text);
    }
}

#[tokio::test]
async fn an_endless_run_is_ended() {
    let server = Server::start().await;
    let endless = json!({"name": "n", "steps": [{"id": "again", "type": "Loop", "while": "true",
        "max_iterations": 1_000_000, "steps": [{"id": "echo", "type": "Echo", "input": 1}]}]});
    let run = dry_run(&server, &json!({"definition": endless})).await;
    assert_eq!(
        (&run["status"], &run["error"]["code"]),
        (&json!("failed"), &json!("DRY_RUN_LIMIT"))
    );
    let large = json!({"name": "n", "steps": [{"type": "Loop", "while": "true", "max_iterations": 1_000_000,
        "steps": [{"type": "Template", "config": {"template": "{% for i in range(1000) %}{{ 'a' * 1000 }}{% endfor %}"}}]}]});
    let run = dry_run(&server, &json!({"definition": large})).await;
    assert_eq!(run["error"]["code"], "DRY_RUN_LIMIT", "{}", run["error"]);
}

#[tokio::test]
async fn a_dry_run_of_pure_steps_is_as_an_execution() {
    let server = Server::start().await;
    let definition = json!({"name": "n", "inputs": {"list": "array"}, "state": {"sum": 0}, "steps": [
        {"id": "all", "type": "Map", "over": "{{ inputs.list }}", "max_concurrency": 2, "steps": [
            {"id": "one", "type": "Template", "config": {"template": "<{{ item }}>"}}],
            "output": "{{ steps.one.output.text }}"},
        {"id": "try", "type": "Try", "steps": [{"id": "fail", "type": "Fail", "config": {"message": "m", "code": "X"}}],
            "catch": [{"on": "X", "steps": [{"id": "caught", "type": "Echo", "input": "{{ error.code }}"}]}]},
        {"id": "set", "type": "SetState", "input": {"sum": "{{ inputs.list | sum }}"}},
    ], "outputs": {"all": "{{ steps.all.output }}", "caught": "{{ steps.try.output }}", "sum": "{{ state.sum }}"}});
    let parameters = json!({"list": [1, 2, 3]});
    let run = dry_run(&server, &json!({"definition": definition, "parameters": parameters})).await;
    let created = server.post("/workflows", &definition).await.text_at("/workflow_id");
    let path = format!("/api/v1/workflows/{created}/execute");
    let real = server.post(&path, &json!({"parameters": parameters})).await.json();
    assert_eq!(run["output"], real["data"]["result"], "{run:#} {real:#}");
    assert!(run["output"]["all"].is_array(), "{run}");
}
