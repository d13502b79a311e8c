//! The dataflow dialect: its contract, call by call.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Server, golden, waiting_steps};

fn seed() -> Value {
    json!({"name": "Dummy Workflow", "steps": [
        {"type": "StaticTextInput", "input": "Hello, world!"},
        {"type": "TextOperation.Reverse"},
        {"type": "Echo"}
    ]})
}

#[tokio::test]
async fn returns_the_responses_of_the_reference() {
    let server = Server::start().await;
    let created = server.post("/workflows", &seed()).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    golden("workflow_created.json", &created);
    let workflow = format!("/workflows/{}", created.text_at("/workflow_id"));
    assert_eq!(created.headers["location"], workflow.as_str());

    let executed =
        server.send("POST", &format!("{workflow}/execute?wait=true"), &[], Body::empty()).await;
    assert_eq!(executed.status, StatusCode::OK, "{}", executed.text);
    golden("execution_completed.json", &executed);
    assert_eq!(executed.json()["output"], json!({"text": "!dlrow ,olleH"}));

    let execution = format!("{workflow}/executions/{}", executed.text_at("/execution_id"));
    let mut shown = server.get(&execution).await.json();
    for task in shown["tasks"].as_array_mut().unwrap() {
        // Only this call has it.
        assert_eq!(task.as_object_mut().unwrap().remove("config"), Some(json!({})));
    }
    assert_eq!(shown, executed.json());

    let queued = server.post(&format!("{workflow}/execute"), &json!({})).await;
    assert_eq!(queued.status, StatusCode::ACCEPTED, "{}", queued.text);
    golden("execution_accepted.json", &queued);

    golden("workflow.json", &server.get(&workflow).await);
    golden("workflows.json", &server.get("/workflows").await);
}

#[tokio::test]
async fn a_running_execution_lists_every_task() {
    let server = Server::start().await;
    let workflow = server.workflow(waiting_steps()).await;
    let path = server
        .send("POST", &format!("{workflow}/execute?wait=true&timeout=300ms"), &[], Body::empty())
        .await;
    assert_eq!(path.status, StatusCode::ACCEPTED, "{}", path.text);
    let execution = path.headers["location"].to_str().unwrap();
    golden("execution_running.json", &server.get(execution).await);
    golden("executions.json", &server.get(&format!("{workflow}/executions")).await);
    golden("stats.json", &server.get(&format!("{workflow}/stats")).await);

    let changed = server.post(&format!("{execution}/pause"), &json!({})).await;
    golden("execution_paused.json", &changed);
    assert_eq!(changed.status, StatusCode::ACCEPTED);
    let again = server.post(&format!("{execution}/pause"), &json!({})).await;
    assert_eq!(again.refusal(), (409, "INVALID_STATE".into()));
    assert_eq!(
        server.post(&format!("{execution}/resume"), &json!({})).await.status,
        StatusCode::ACCEPTED
    );
    let cancelled =
        server.post(&format!("{execution}/cancel"), &json!({"reason": "why not"})).await;
    assert_eq!(cancelled.status, StatusCode::ACCEPTED, "{}", cancelled.text);
    assert_eq!(server.get(execution).await.text_at("/status"), "CANCELLED");
    for verb in ["cancel", "pause", "resume"] {
        let late = server.post(&format!("{execution}/{verb}"), &json!({})).await;
        assert_eq!(late.refusal(), (409, "EXECUTION_ENDED".into()), "{verb}");
    }
    let logs = server.get(&format!("{execution}/logs")).await;
    let messages = [0, 1, 2, 3, 4].map(|line| logs.text_at(&format!("/logs/{line}/message")));
    assert_eq!([&messages[0], &messages[2]], ["attempt 1 started"; 2]);
    assert!(messages[1].starts_with("completed after "), "{messages:?}");
    assert!(messages[3].starts_with("waits until "), "{messages:?}");
    assert_eq!(messages[4], "cancelled: why not");
}

#[tokio::test]
async fn a_failed_execution_has_an_error() {
    let server = Server::start().await;
    let steps = json!([{"type": "Fail", "config": {"message": "no luck", "code": "NO_LUCK"}}]);
    let workflow = server.workflow(steps).await;
    let failed =
        server.send("POST", &format!("{workflow}/execute?wait=true"), &[], Body::empty()).await;
    assert_eq!(failed.status, StatusCode::OK, "{}", failed.text);
    golden("execution_failed.json", &failed);
}

#[tokio::test]
async fn logs_the_result_of_each_step() {
    let server = Server::start().await;
    let steps = json!([
        {"id": "turn", "type": "TextOperation.Reverse", "input": "abc"},
        {"id": "stop", "type": "Fail", "config": {"message": "no luck", "code": "NO_LUCK"}}
    ]);
    let workflow = server.workflow(steps).await;
    let failed =
        server.send("POST", &format!("{workflow}/execute?wait=true"), &[], Body::empty()).await;
    let execution = format!("{workflow}/executions/{}", failed.text_at("/execution_id"));
    let logs = server.get(&format!("{execution}/logs")).await.json();
    let lines: Vec<_> = logs["logs"].as_array().unwrap().iter().collect();
    let of = |step: &str| {
        let line = lines.iter().rfind(|line| line["step_id"] == step).unwrap();
        (line["level"].as_str().unwrap(), line["message"].as_str().unwrap())
    };
    let (level, message) = of("turn");
    assert_eq!(level, "info");
    assert!(message.starts_with("completed"), "{message}");
    let (level, message) = of("stop");
    assert_eq!(level, "error");
    assert!(message.contains("failed: NO_LUCK: no luck"), "{message}");
}

#[tokio::test]
async fn accepts_json_with_a_byte_order_mark() {
    let server = Server::start().await;
    let definition = json!({
        "name": "greet",
        "inputs": {"text": "string"},
        "steps": [{"type": "TextOperation.Reverse"}]
    });
    let json_type = [("content-type", "application/json")];
    let marked = format!("\u{feff}{definition}");
    let created = server.send("POST", "/workflows", &json_type, marked).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    let workflow = format!("/workflows/{}", created.text_at("/workflow_id"));
    for content_type in ["application/json", "text/json", "application/vnd.own+json"] {
        let headers = [("content-type", content_type)];
        let body = "\u{feff}{\"input\": {\"text\": \"abc\"}}";
        let done =
            server.send("POST", &format!("{workflow}/execute?wait=true"), &headers, body).await;
        assert_eq!(done.json()["output"], json!({"text": "cba"}), "{}", done.text);
    }
}

#[tokio::test]
async fn accepts_definitions_in_yaml() {
    let server = Server::start().await;
    let yaml = "name: greet\ninputs: {text: string}\nsteps:\n  - type: TextOperation.Reverse\n";
    let yaml_type = [("content-type", "application/yaml")];
    let created = server.send("POST", "/workflows", &yaml_type, yaml).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    let workflow = format!("/workflows/{}", created.text_at("/workflow_id"));
    let execute = format!("{workflow}/execute?wait=true");
    let done = server.post(&execute, &json!({"input": {"text": "abc"}})).await;
    assert_eq!(done.json()["output"], json!({"text": "cba"}), "{}", done.text);
    let wrong = server.post(&execute, &json!({"input": {"text": 5}})).await;
    assert_eq!(wrong.refusal(), (400, "INVALID_INPUT".into()));
    assert!(wrong.text_at("/error/details/0/path").contains("text"), "{}", wrong.text);
}

#[tokio::test]
async fn changes_and_deletes_workflows() {
    let server = Server::start().await;
    let workflow = server.workflow(waiting_steps()).await;
    let execution = server.execution(&workflow).await;
    let json_type = [("content-type", "application/json")];
    let put = server.send("PUT", &workflow, &json_type, seed().to_string()).await;
    assert_eq!(put.status, StatusCode::OK, "{}", put.text);
    assert_eq!(put.json()["release"], 2);
    assert_eq!(put.json()["name"], "Dummy Workflow");
    let bad = server.send("PUT", &workflow, &json_type, "{}").await;
    assert_eq!(bad.refusal(), (400, "INVALID_WORKFLOW".into()));

    let gone = server.send("DELETE", &workflow, &[], Body::empty()).await;
    assert_eq!((gone.status, gone.text.as_str()), (StatusCode::NO_CONTENT, ""));
    for (method, path) in [
        ("GET", workflow.clone()),
        ("DELETE", workflow.clone()),
        ("POST", format!("{workflow}/execute")),
    ] {
        let response = server.send(method, &path, &[], Body::empty()).await;
        assert_eq!(response.refusal(), (404, "WORKFLOW_NOT_FOUND".into()), "{method} {path}");
        let id = workflow.trim_start_matches("/workflows/");
        assert!(response.text.contains(id), "it names the id as it was written: {}", response.text);
    }
    assert_eq!(server.get(&execution).await.status, StatusCode::OK, "history stays");
}

#[tokio::test]
async fn filters_and_pages_lists() {
    let server = Server::start().await;
    let workflow = server.workflow(waiting_steps()).await;
    for _ in 0..3 {
        server.execution(&workflow).await;
    }
    let list = format!("{workflow}/executions");
    let mut cursor = String::new();
    let mut ids = Vec::new();
    for expect in [2, 1] {
        let page = server.get(&format!("{list}?limit=2{cursor}")).await.json();
        let rows = page["executions"].as_array().unwrap();
        assert_eq!(rows.len(), expect);
        ids.extend(rows.iter().map(|r| r["execution_id"].as_str().unwrap().to_owned()));
        cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap_or("end"));
    }
    assert_eq!(cursor, "&cursor=end");
    assert!(ids.is_sorted_by(|a, b| a > b), "newest first: {ids:?}");
    for (query, expect) in [
        ("status=COMPLETED", 0),
        ("status=pending,running", 3),
        ("status=PENDING&status=RUNNING", 3),
    ] {
        let page = server.get(&format!("{list}?{query}")).await.json();
        assert_eq!(page["executions"].as_array().map(Vec::len), Some(expect), "{query}");
    }
    for (path, parameter) in [
        (format!("{list}?status=DONE"), "status"),
        (format!("{list}?limit=0"), "limit"),
        (format!("{list}?limit=101"), "limit"),
        (format!("{list}?cursor=nonsense"), "cursor"),
        ("/workflows?status=DONE".to_owned(), "status"),
        ("/workflows?limit=x".to_owned(), "limit"),
        ("/workflows?cursor=%00".to_owned(), "cursor"),
        (format!("{workflow}/executions/{}/events?after=x", ids[0]), "after"),
    ] {
        let response = server.get(&path).await;
        assert_eq!(
            response.refusal(),
            (400, "INVALID_REQUEST".into()),
            "{path}: {}",
            response.text
        );
        assert_eq!(response.text_at("/error/details/0/path"), parameter, "{path}");
    }
    let none = server.get("/workflows?status=inactive").await.json();
    assert_eq!(none, json!({"workflows": [], "next_cursor": null}));
}

#[tokio::test]
async fn accepts_ids_in_every_form() {
    let server = Server::start().await;
    let workflow = server.workflow(waiting_steps()).await;
    let execution = server.execution(&workflow).await;
    let written = workflow.trim_start_matches("/workflows/");
    let id: stepwell_core::ids::WorkflowId = written.parse().unwrap();
    for form in [id.dataflow(), id.abi(), id.to_string(), id.dataflow().to_uppercase()] {
        let form = form.replace("WF-", "wf-");
        assert_eq!(
            server.get(&format!("/workflows/{form}")).await.status,
            StatusCode::OK,
            "{form}"
        );
    }
    let other = server.workflow(waiting_steps()).await;
    let elsewhere = execution.replace(&workflow, &other);
    for (path, code) in [
        ("/workflows/nonsense".to_owned(), "WORKFLOW_NOT_FOUND"),
        ("/workflows/%FF".to_owned(), "NOT_FOUND"),
        (format!("{workflow}/executions/nonsense"), "EXECUTION_NOT_FOUND"),
        (format!("{workflow}/executions/ex-01h455vb4pex5vsknk084sn02q"), "EXECUTION_NOT_FOUND"),
        (elsewhere, "EXECUTION_NOT_FOUND"),
        ("/workflows/wf-01h455vb4pex5vsknk084sn02q/executions".to_owned(), "WORKFLOW_NOT_FOUND"),
        ("/workflows/wf-01h455vb4pex5vsknk084sn02q/stats".to_owned(), "WORKFLOW_NOT_FOUND"),
    ] {
        assert_eq!(server.get(&path).await.refusal(), (404, code.into()), "{path}");
    }
}

#[tokio::test]
async fn reports_all_problems_of_a_definition_and_stores_nothing() {
    let server = Server::start().await;
    let wrong = json!({"name": "x", "stepz": [], "steps": [
        {"type": "TextOperation.Revers"},
        {"id": "a", "type": "Echo", "after": ["unknown"]},
    ]});
    let response = server.post("/workflows", &wrong).await;
    assert_eq!(response.refusal(), (400, "INVALID_WORKFLOW".into()));
    let details = response.json()["error"]["details"].as_array().unwrap().len();
    assert!(details >= 2, "{}", response.text);
    assert!(response.text.contains("TextOperation.Reverse"), "suggests: {}", response.text);
    assert_eq!(server.get("/workflows").await.json()["workflows"], json!([]));
}

#[tokio::test]
async fn lists_step_types() {
    let server = Server::start().await;
    let all = server.get("/step-types").await.json();
    let all = all["step_types"].as_array().unwrap();
    let reverse = all.iter().find(|t| t["type"] == "TextOperation.Reverse").unwrap();
    for field in
        ["description", "configuration_schema", "input_schema", "output_schema", "examples"]
    {
        assert!(!reverse[field].is_null(), "{field}");
    }
    assert_eq!(reverse["effect"], "pure");
}

#[tokio::test]
async fn a_step_of_a_list_with_a_false_condition_is_bypassed() {
    let server = Server::start().await;
    let definition = json!({"name": "n", "inputs": {"text": "string", "loud": "boolean"}, "steps": [
        {"id": "guard", "type": "Fail", "when": "inputs.text == ''", "config": {"message": "empty"}},
        {"id": "first", "type": "Template", "config": {"template": "{{ inputs.text }}"}},
        {"id": "shout", "type": "TextOperation.Uppercase", "when": "inputs.loud"},
        {"id": "turn", "type": "TextOperation.Reverse"},
        {"id": "end", "type": "TextOperation.Uppercase", "when": "inputs.text == 'x'"},
    ]});
    let created = server.post("/workflows", &definition).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    let execute = format!("/workflows/{}/execute?wait=true", created.text_at("/workflow_id"));
    for (input, output, skipped, finished) in [
        (json!({"text": "abc", "loud": true}), json!({"text": "CBA"}), vec!["guard", "end"], 5),
        (
            json!({"text": "abc", "loud": false}),
            json!({"text": "cba"}),
            vec!["guard", "shout", "end"],
            5,
        ),
        (json!({"text": "x", "loud": false}), json!({"text": "X"}), vec!["guard", "shout"], 5),
        (json!({"text": "", "loud": true}), json!(null), vec![], 1),
    ] {
        let ended = server.post(&execute, &json!({"input": input})).await.json();
        assert_eq!(ended["output"], output, "{ended}");
        let ids = |status: &str| -> Vec<String> {
            let tasks = ended["tasks"].as_array().unwrap().iter();
            let found = tasks.filter(|task| task["status"] == status);
            found.map(|task| task["step_id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(ids("SKIPPED"), skipped, "{ended}");
        assert_eq!(ended["progress"], json!({"completed": finished, "total": 5}), "{ended}");
        let not_reached =
            if finished == 1 { vec!["first", "shout", "turn", "end"] } else { vec![] };
        assert_eq!(ids("NOT_REACHED"), not_reached, "{ended}");
    }

    let wrong = json!({"name": "n", "inputs": {"w": "boolean"}, "steps": [
        {"id": "list", "type": "TextOperation.Split", "input": "a,b", "config": {"separator": ","}},
        {"id": "maybe", "type": "StaticTextInput", "input": "x", "when": "inputs.w"},
        "TextOperation.Reverse"
    ]});
    let refused = server.post("/workflows", &wrong).await;
    assert_eq!(refused.refusal(), (400, "INVALID_WORKFLOW".into()), "{}", refused.text);
    let detail = &refused.json()["error"]["details"][0];
    assert_eq!(detail["path"], "steps[2]", "{detail}");
    let message = detail["message"].as_str().unwrap();
    assert!(message.starts_with("if `when` of `maybe` is false: what `list` gives"), "{message}");
}

#[tokio::test]
async fn steps_that_were_not_reached_are_not_cancelled() {
    let server = Server::start().await;
    let workflow = server
        .workflow(json!([
            {"id": "say", "type": "StaticTextInput", "input": "x"},
            {"id": "wait", "type": "Delay", "config": {"for": "1h"}},
            {"id": "last", "type": "Echo"},
        ]))
        .await;
    let started = server.post(&format!("{workflow}/execute"), &json!({})).await;
    let execution = format!("{workflow}/executions/{}", started.text_at("/execution_id"));
    let cancelled = server.post(&format!("{execution}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status, StatusCode::ACCEPTED, "{}", cancelled.text);
    let ended = server.get(&execution).await.json();
    assert_eq!(ended["tasks"][2]["status"], "NOT_REACHED", "{ended}");
    let finished = ended["tasks"].as_array().unwrap().iter();
    let finished = finished.filter(|task| task["status"] == "COMPLETED").count();
    assert_eq!(ended["progress"], json!({"completed": finished, "total": 3}), "{ended}");
    let id = ended["execution_id"].as_str().unwrap().strip_prefix("ex-").unwrap();
    let shown = server.get(&format!("/api/v1/workflow_executions/exec_{id}")).await.json();
    assert_eq!(shown["data"]["steps"][2]["status"], "not_reached", "{shown}");
}
