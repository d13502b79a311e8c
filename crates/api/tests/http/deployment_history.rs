//! The vellum dialect: the executions of a deployment.

use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::deployments::{
    ALL, EXECUTE, create, definition, execute, page, refused, three_releases,
};
use crate::support::{Server, waiting_steps};

/// A deployment with two executions; its id, and that of the first execution.
async fn two_executions(server: &Server) -> (String, String) {
    let id = three_releases(server).await;
    let first = json!({"external_id": "e1", "release_tag": "beta", "metadata": {"user": "u1"}});
    let first = execute(server, first).await.text_at("/execution_id");
    execute(server, json!({"inputs": [{"name": "q", "value": "y"}]})).await;
    (id, first)
}

#[tokio::test]
async fn lists_executions_with_their_outputs() {
    let server = Server::start().await;
    let (id, first) = two_executions(&server).await;
    let actuals = json!({"execution_id": first, "actuals": [
        {"output_key": "text", "desired_output_value": "hm", "quality": 0.1, "timestamp": 1000},
        {"output_key": "text", "desired_output_value": "two x!", "quality": 0.5, "timestamp": 2000}]});
    let submitted = server.post("/v1/submit-workflow-execution-actuals", &actuals).await;
    assert_eq!(submitted.status, StatusCode::OK, "{}", submitted.text);

    let events = format!("{ALL}/greet/execution-events");
    let all = page(&server, &format!("{events}?ordering=start")).await;
    assert_eq!(all["count"], 2);
    let one = &all["results"][0];
    assert_eq!(one["span_id"], first);
    assert_eq!((&one["inputs"][0]["name"], &one["inputs"][0]["value"]), (&json!("q"), &json!("x")));
    assert_eq!(
        (&one["outputs"][0]["type"], &one["outputs"][0]["value"]),
        (&json!("STRING"), &json!("two x"))
    );
    assert_eq!(one["error"], Value::Null);
    let actual = &one["latest_actual"];
    assert_eq!((&actual["output"]["value"], &actual["quality"]), (&json!("two x!"), &json!(0.5)));
    assert_eq!(actual["timestamp"], "1970-01-01T00:33:20.000000Z");
    let context = &one["parent_context"];
    assert_eq!(
        (&context["deployment_id"], &context["release_tag_name"]),
        (&json!(id), &json!("beta"))
    );
    assert_eq!(
        (&context["external_id"], &context["metadata"]),
        (&json!("e1"), &json!({"user": "u1"}))
    );
    let second = page(&server, &format!("{ALL}/greet/releases/beta")).await;
    assert_eq!(context["deployment_history_item_id"], second["id"]);
}

#[tokio::test]
async fn filters_and_pages_executions() {
    let server = Server::start().await;
    let (_, first) = two_executions(&server).await;
    let events = format!("{ALL}/greet/execution-events");
    let filter = |filters: Value| {
        let text = filters.to_string();
        let coded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        format!("{events}?filters={coded}")
    };
    for (filters, count) in [
        (json!({}), 2),
        (json!({"status": "FULFILLED"}), 2),
        (json!({"status": ["REJECTED", "INITIATED", "PENDING"]}), 0),
        (json!({"external_id": "e1"}), 1),
        (json!({"external_id": "e1", "status": "REJECTED"}), 0),
        (json!({"external_id": "e2"}), 0),
        (json!({"external_id": null}), 2),
    ] {
        let found = page(&server, &filter(filters.clone())).await;
        assert_eq!(found["count"], count, "{filters}");
        assert_eq!(found["results"].as_array().unwrap().len(), count, "{filters}");
    }
    for (filters, field) in [
        (json!([]), "filters"),
        (json!({"status": "DONE"}), "filters.status"),
        (json!({"status": []}), "filters.status"),
        (json!({"external_id": 1}), "filters.external_id"),
        (json!({"color": "red"}), "filters.color"),
    ] {
        refused(&server, &filter(filters), 400, field).await;
    }
    refused(&server, &format!("{events}?filters=%7B"), 400, "filters").await;
    let one = page(&server, &format!("{events}?limit=1&offset=1")).await;
    assert_eq!((&one["count"], &one["results"][0]["span_id"]), (&json!(2), &json!(first)));
    refused(&server, &format!("{events}?limit=101"), 400, "limit").await;
    refused(&server, &format!("{events}?ordering=cost"), 400, "ordering").await;
    refused(&server, &format!("{ALL}/nope/execution-events"), 404, "nope").await;
}

#[tokio::test]
async fn shows_an_execution_with_its_spans_and_state() {
    let server = Server::start().await;
    create(&server, &definition("one")).await;
    let first = execute(&server, json!({})).await.text_at("/execution_id");
    let next =
        execute(&server, json!({"previous_execution_id": first})).await.text_at("/execution_id");
    let path = format!("{ALL}/greet/execution-events/{next}");
    let whole = page(&server, &path).await;
    assert_eq!(page(&server, &format!("/v1/workflow-executions/{next}/detail")).await, whole);
    assert_eq!(whole["state"], json!({"count": 2}));
    let spans = whole["spans"].as_array().unwrap();
    let shape: Vec<_> = spans
        .iter()
        .map(|span| {
            let events = span["events"].as_array().unwrap().iter();
            let names: Vec<_> = events.map(|event| event["name"].as_str().unwrap()).collect();
            (span["attributes"]["label"].as_str().unwrap(), names.join(" "))
        })
        .collect();
    let of = |kind: &str| format!("{kind}.execution.initiated {kind}.execution.fulfilled");
    assert_eq!(shape, [("greet", of("workflow")), ("say", of("node")), ("count", of("node"))]);
    assert_eq!(spans[0]["span_id"], next);
    assert_eq!(spans[0]["events"][1]["body"]["outputs"], json!({"text": "one x", "n": 1}));
    assert_eq!(spans[0]["events"][0]["body"]["inputs"], json!({"q": "x", "n": 1}));
    assert_eq!(spans[1]["parent_span_id"], next);
    assert_eq!(spans[1]["events"][1]["body"]["outputs"]["text"], "one x");

    let detail = format!("/v1/workflow-executions/{next}/detail");
    let some = page(&server, &format!("{detail}?span_limit=1&prev_span_id={next}")).await;
    assert_eq!(some["spans"], json!([spans[1]]));
    refused(&server, &format!("{detail}?span_limit=0"), 400, "span_limit").await;
    refused(&server, &format!("{detail}?prev_span_id={first}"), 400, "prev_span_id").await;

    let state = page(&server, &format!("/v1/workflows/{next}/state")).await;
    assert_eq!((&state["state"], &state["span_id"]), (&json!({"count": 2}), &json!(next)));
    assert_eq!(state["previous_span_id"], first);
    let nil = Uuid::nil();
    for (path, status, field) in [
        (format!("/v1/workflows/{nil}/state"), 404, nil.to_string()),
        ("/v1/workflows/x/state".to_owned(), 400, "span_id".to_owned()),
        (format!("/v1/workflow-executions/{nil}/detail"), 404, nil.to_string()),
        ("/v1/workflow-executions/x/detail".to_owned(), 400, "execution_id".to_owned()),
        (format!("{ALL}/greet/execution-events/{nil}"), 404, nil.to_string()),
        (format!("{ALL}/greet/execution-events/x"), 400, "execution_id".to_owned()),
    ] {
        refused(&server, &path, status, &field).await;
    }
    create(
        &server,
        &json!({"name": "other", "steps": [{"type": "StaticTextInput", "input": "x"}]}),
    )
    .await;
    refused(&server, &format!("{ALL}/other/execution-events/{next}"), 404, &next).await;
}

#[tokio::test]
async fn shows_failed_and_unfinished_executions() {
    let server = Server::start().await;
    let steps = json!([{"id": "stop", "type": "Fail", "config": {"message": "no luck"}},
        {"id": "never", "type": "StaticTextInput", "input": "x"}]);
    create(&server, &json!({"name": "fails", "steps": steps})).await;
    let body = json!({"inputs": [], "workflow_deployment_name": "fails"});
    let failed = server.post(EXECUTE, &body).await.text_at("/execution_id");
    let whole = page(&server, &format!("{ALL}/fails/execution-events/{failed}")).await;
    assert_eq!(
        (&whole["error"]["code"], &whole["outputs"]),
        (&json!("USER_DEFINED_ERROR"), &json!([]))
    );
    let spans = whole["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 2, "what was never reached has no span: {spans:?}");
    for span in spans {
        let rejected = &span["events"][1];
        assert!(rejected["name"].as_str().unwrap().ends_with("rejected"), "{rejected}");
        assert_eq!(rejected["body"]["error"]["code"], "USER_DEFINED_ERROR");
    }
    create(&server, &json!({"name": "waits", "steps": waiting_steps()})).await;
    let body = json!({"inputs": [], "workflow_deployment_name": "waits"});
    let waiting = server.post("/v1/execute-workflow-async", &body).await.text_at("/execution_id");
    let whole = page(&server, &format!("{ALL}/waits/execution-events/{waiting}")).await;
    assert_eq!((&whole["end"], &whole["error"]), (&Value::Null, &Value::Null));
    let spans = whole["spans"].as_array().unwrap();
    assert!(spans.iter().all(|span| span["name"] == "node.execution"), "{spans:?}");
}
