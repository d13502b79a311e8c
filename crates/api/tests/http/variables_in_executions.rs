//! What executions read as `vars.NAME`: the values of their start.

use serde_json::{Value, json};

use crate::support::{Response, Server};

const PATH: &str = "/api/v1/variables";
const JSON: (&str, &str) = ("content-type", "application/json");

async fn create(server: &Server, name: &str, value: Value) {
    let created = server.post(PATH, &json!({"name": name, "value": value})).await;
    assert_eq!(created.status, 201, "{}", created.text);
}

async fn change(server: &Server, name: &str, value: Value) {
    let body = json!({"value": value}).to_string();
    let changed = server.send("PUT", &format!("{PATH}/{name}"), &[JSON], body).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
}

async fn execute(server: &Server, workflow: &str) -> Value {
    let ended = server.post(&format!("{workflow}/execute?wait=true"), &json!({})).await;
    ended.json()
}

/// An execution as the management API shows it.
async fn shown(server: &Server, execution: &Value) -> Value {
    let id = execution["execution_id"].as_str().unwrap().replacen("ex-", "exec_", 1);
    let path = format!("/api/v1/workflow_executions/{id}?include=io");
    server.get(&path).await.json()["data"].take()
}

/// The end of an execution.
async fn ended(server: &Server, id: &str) -> Value {
    let path = format!("/api/v1/workflow_executions/{}", id.replacen("ex-", "exec_", 1));
    loop {
        let shown = server.get(&path).await.json()["data"].take();
        if ["completed", "failed"].contains(&shown["status"].as_str().unwrap_or_default()) {
            return shown;
        }
        tokio::task::yield_now().await;
    }
}

fn warnings(response: &Response) -> Vec<(String, String)> {
    let body = response.json();
    let found = body["warnings"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    found.iter().map(|warning| (text(&warning["code"]), text(&warning["path"]))).collect()
}

#[tokio::test]
async fn every_expression_of_an_execution_reads_variables() {
    let server = Server::start().await;
    create(&server, "REGION", json!("eu")).await;
    create(&server, "LIMITS", json!({"eu": 5, "us": 7})).await;
    create(&server, "UNUSED", json!("x")).await;
    let steps = json!([
        {"id": "items", "type": "Map", "over": "{{ [1, 2] }}",
            "steps": [{"type": "Echo", "input": "{{ vars.REGION ~ item }}"}]},
        {"id": "limit", "type": "Echo", "when": "vars.LIMITS[vars.REGION] == 5",
            "input": {"n": "{{ vars.LIMITS.us }}", "all": "{{ vars.LIMITS }}"}},
        {"id": "last", "type": "Echo", "input": {
            "items": "{{ steps.items.output }}", "limit": "{{ steps.limit.output }}",
            "region": "{{ vars['REGION'] }}", "other": "{{ vars.MISSING | default('none') }}"}},
    ]);
    let workflow = server.workflow(steps).await;
    let execution = execute(&server, &workflow).await;
    let limits = json!({"eu": 5, "us": 7});
    let expected = json!({"items": ["eu1", "eu2"], "limit": {"n": 7, "all": limits},
        "region": "eu", "other": "none"});
    assert_eq!(execution["output"], expected, "{execution:#}");
    let shown = shown(&server, &execution).await;
    assert_eq!(shown["vars"], json!({"LIMITS": limits, "REGION": "eu"}), "{shown:#}");
    let plain = server.workflow(json!([{"type": "Echo", "input": 1}])).await;
    let execution = execute(&server, &plain).await;
    assert_eq!(self::shown(&server, &execution).await.get("vars"), None);
}

#[tokio::test]
async fn a_missing_variable_is_a_warning_first_and_then_an_error() {
    let server = Server::start().await;
    let definition = json!({"name": "greet", "steps": [
        {"id": "greet", "type": "Echo", "input": {"to": "{{ vars.WHO }}", "with": "{{ vars.X | default(1) }}"}}]});
    let created = server.post("/workflows", &definition).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let missing = vec![("UNKNOWN_VARIABLE".to_owned(), "steps[0].input.to".to_owned())];
    assert_eq!(warnings(&created), missing, "{}", created.text);
    let workflow = format!("/workflows/{}", created.text_at("/workflow_id"));
    let updated = server.send("PUT", &workflow, &[JSON], definition.to_string()).await;
    assert_eq!(warnings(&updated), missing, "{}", updated.text);
    let validated = server.post("/api/v1/workflows/validate", &definition).await;
    assert_eq!(validated.text_at("/data/warnings/0/code"), "UNKNOWN_VARIABLE");
    let body = json!({"name": "greet 2", "configuration": {"definition": definition}});
    let of_management = server.post("/api/v1/workflows", &body).await;
    assert_eq!(of_management.text_at("/data/warnings/0/code"), "UNKNOWN_VARIABLE");

    let failed = execute(&server, &workflow).await;
    assert_eq!(failed["error"]["code"], "UNKNOWN_VARIABLE", "{failed:#}");
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(message.contains("no variable `WHO`; create it"), "{message}");
    create(&server, "WHO", json!("Ada")).await;
    let definition = definition.to_string().replace("greet", "greet 3");
    let created = server.send("POST", "/workflows", &[JSON], definition).await;
    assert_eq!(warnings(&created), [], "{}", created.text);
    // A rerun reads what the original did not have.
    let id = failed["execution_id"].as_str().unwrap().replacen("ex-", "exec_", 1);
    let path = format!("/api/v1/workflow_executions/{id}/rerun");
    let again = server.post(&path, &json!({"from": "failed"})).await;
    let again = ended(&server, &again.text_at("/data/execution_id")).await;
    assert_eq!(again["result"], json!({"to": "Ada", "with": 1}), "{again:#}");
}

#[tokio::test]
async fn outputs_and_handled_errors_have_the_code_too() {
    let server = Server::start().await;
    let definition = json!({"name": "out", "steps": [{"type": "Echo", "input": 1}],
        "outputs": {"a": "{{ vars.WHO }}"}});
    let created = server.post("/workflows", &definition).await;
    let workflow = format!("/workflows/{}", created.text_at("/workflow_id"));
    let failed = execute(&server, &workflow).await;
    assert_eq!(failed["error"]["code"], "UNKNOWN_VARIABLE", "{failed:#}");
    let steps = json!([{"id": "tried", "type": "Try",
        "steps": [{"type": "Echo", "input": {"x": "{{ vars.WHO ~ '!' }}"}}],
        "catch": [{"on": "UNKNOWN_VARIABLE", "steps": [{"type": "Echo", "input": "caught"}]}]}]);
    let workflow = server.workflow(steps).await;
    assert_eq!(execute(&server, &workflow).await["output"], "caught");
}

#[tokio::test]
async fn a_change_is_for_executions_that_start_later() {
    let server = Server::start().await;
    create(&server, "REGION", json!("eu")).await;
    let steps = json!([
        {"id": "go", "type": "WaitForSignal", "signal": "go"},
        {"id": "say", "type": "Echo", "input": {"region": "{{ vars.REGION }}"}},
    ]);
    let workflow = server.workflow(steps).await;
    let started = server.post(&format!("{workflow}/execute"), &json!({})).await;
    let id = started.text_at("/execution_id").replacen("ex-", "exec_", 1);
    change(&server, "REGION", json!("us")).await;
    let signal = format!("/api/v1/workflow_executions/{id}/signals/go");
    let sent = server.post(&signal, &json!({})).await;
    assert!(sent.status.is_success(), "{}", sent.text);
    let first = ended(&server, &id).await;
    assert_eq!(first["result"], json!({"region": "eu"}), "{first:#}");

    // So it is in a rerun, also after the variable is gone.
    assert_eq!(server.send("DELETE", &format!("{PATH}/REGION"), &[], "").await.status, 200);
    for body in [json!({}), json!({"from_step": "say"})] {
        let again = server.post(&format!("/api/v1/workflow_executions/{id}/rerun"), &body).await;
        let id = again.text_at("/data/execution_id");
        server.post(&format!("/api/v1/workflow_executions/{id}/signals/go"), &json!({})).await;
        let again = ended(&server, &id).await;
        assert_eq!(again["result"], json!({"region": "eu"}), "{again:#}");
    }
}

#[tokio::test]
async fn a_sub_workflow_reads_the_values_of_its_own_start() {
    let server = Server::start().await;
    create(&server, "REGION", json!("eu")).await;
    let leaf = json!({"name": "leaf", "steps": [{"type": "Echo", "input": "{{ vars.REGION }}"}]});
    assert_eq!(server.post("/workflows", &leaf).await.status, 201);
    let steps = json!([
        {"id": "go", "type": "WaitForSignal", "signal": "go"},
        {"id": "call", "type": "SubWorkflow", "workflow": "leaf", "input": {}},
        {"id": "both", "type": "Echo", "input": "{{ vars.REGION ~ ' ' ~ steps.call.output }}"},
    ]);
    let workflow = server.workflow(steps).await;
    let started = server.post(&format!("{workflow}/execute"), &json!({})).await;
    let id = started.text_at("/execution_id").replacen("ex-", "exec_", 1);
    change(&server, "REGION", json!("us")).await;
    server.post(&format!("/api/v1/workflow_executions/{id}/signals/go"), &json!({})).await;
    let ended = ended(&server, &id).await;
    assert_eq!(ended["result"], "eu us", "{ended:#}");
}

#[tokio::test]
async fn a_secret_inside_a_variable_is_masked() {
    let server = Server::start().await;
    create(&server, "TEXT", json!({"a": "so hunter2hunter2"})).await;
    let steps = json!([{"id": "say", "type": "Echo", "input": {"a": "{{ vars.TEXT.a }}"}}]);
    let workflow = server.workflow(steps).await;
    let headers = [JSON, ("x-secret-tok", "hunter2hunter2")];
    let path = format!("{workflow}/execute?wait=true");
    let execution = server.send("POST", &path, &headers, "{}").await.json();
    assert_eq!(execution["output"], json!({"a": "so [secret]"}), "{execution:#}");
    let shown = shown(&server, &execution).await;
    assert_eq!(shown["vars"], json!({"TEXT": {"a": "so [secret]"}}), "{shown:#}");
}

#[tokio::test]
async fn dry_runs_take_stored_or_given_values() {
    let server = Server::start().await;
    create(&server, "REGION", json!("eu")).await;
    let definition = json!({"name": "n", "steps": [
        {"type": "Echo", "input": {"a": "{{ vars.REGION }}", "b": "{{ vars.MORE | default('-') }}"}}]});
    for (vars, expected) in [
        (json!(null), json!({"a": "eu", "b": "-"})),
        (json!({"MORE": 1}), json!({"a": "eu", "b": 1})),
        (json!({"REGION": null, "MORE": [2]}), json!({"a": null, "b": [2]})),
    ] {
        let body = json!({"definition": definition, "vars": vars});
        let run = server.post("/api/v1/workflows/dry-run", &body).await.json();
        assert_eq!(run["data"]["output"], expected, "{run:#}");
    }
    let body = json!({"definition": definition, "vars": [1]});
    let refused = server.post("/api/v1/workflows/dry-run", &body).await;
    assert_eq!(refused.text_at("/errors/0/field"), "vars", "{}", refused.text);
    let other = definition.to_string().replace("REGION", "OTHER");
    let other: Value = serde_json::from_str(&other).unwrap();
    let run = server.post("/api/v1/workflows/dry-run", &json!({"definition": other})).await.json();
    assert_eq!(run["data"]["error"]["code"], "UNKNOWN_VARIABLE", "{run:#}");
}

#[tokio::test]
async fn expressions_are_tried_with_given_values() {
    let server = Server::start().await;
    let evaluate = async |text: &str| {
        let body =
            json!({"expression": text, "scope": {"vars": {"N": {"a": 2}}, "inputs": {"k": "a"}}});
        server.post("/api/v1/expressions/evaluate", &body).await.json()["data"].take()
    };
    assert_eq!(evaluate("vars.N.a + 1").await["value"], 3);
    assert_eq!(evaluate("vars.N[inputs.k]").await["value"], 2);
    assert_eq!(evaluate("vars.M | default(7)").await["value"], 7);
    for (text, part) in
        [("vars.M", "`vars.M` is not there"), ("vars[inputs.k]", "the name of one variable")]
    {
        let result = evaluate(text).await;
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains(part), "{text}: {message}");
    }
}

#[tokio::test]
async fn the_name_of_a_variable_cannot_be_computed() {
    let server = Server::start().await;
    let definition =
        json!({"name": "n", "steps": [{"type": "Echo", "input": "{{ vars[inputs.x] }}"}]});
    let refused = server.post("/workflows", &definition).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("vars.NAME[key]"), "{}", refused.text);
    // The other APIs only see the effect.
    create(&server, "WHO", json!("Ada")).await;
    let created = server
        .post(
            "/workflows",
            &json!({"name": "hello", "steps": [{"type": "Echo", "input": "{{ vars.WHO }}"}]}),
        )
        .await;
    assert_eq!(created.status, 201, "{}", created.text);
    let body = json!({"workflow_deployment_name": "hello", "inputs": []});
    let ended = server.post("/v1/execute-workflow", &body).await;
    assert!(ended.text.contains("Ada"), "{}", ended.text);
}
