//! Files of maps, through the management API.

use serde_json::{Value, json};

use crate::support::Server;

const EXECUTIONS: &str = "/api/v1/workflow_executions";

impl Server {
    /// Executes a workflow to its end; returns the id of the execution and its output.
    async fn run_to_end(&self, workflow: &str, input: &Value) -> (String, Value) {
        let body = json!({"input": input});
        let done = self.post(&format!("{workflow}/execute?wait=true"), &body).await;
        assert_eq!(done.status, 200, "{}", done.text);
        let done = done.json();
        (done["execution_id"].as_str().unwrap().to_owned(), done["output"].clone())
    }
}

/// A map whose third item fails, with this collection.
fn steps(collect: &str) -> Value {
    json!([{"id": "items", "type": "Map", "over": "{{ range(inputs.count) }}", "collect": collect,
        "on_item_error": "collect", "steps": [
            {"type": "Fail", "when": "index == 2", "config": {"code": "BAD", "message": "bad"}},
            {"id": "square", "type": "Echo", "input": "{{ item * item }}"},
        ], "output": "{{ steps.square.output }}"}])
}

async fn workflow(server: &Server, steps: Value) -> String {
    let body = json!({"name": "test", "inputs": {"count": "integer"}, "steps": steps});
    let created = server.post("/workflows", &body).await;
    assert_eq!(created.status, 201, "{}", created.text);
    format!("/workflows/{}", created.text_at("/workflow_id"))
}

#[tokio::test]
async fn a_file_has_a_line_for_each_item() {
    let server = Server::start().await;
    let (all, file) =
        (workflow(&server, steps("all")).await, workflow(&server, steps("file")).await);
    // Those of a long list run in chunks.
    for count in [0_usize, 5, 100_000] {
        let input = json!({"count": count});
        let (_, listed) = server.run_to_end(&all, &input).await;
        let (id, output) = server.run_to_end(&file, &input).await;
        let read = server.get(&format!("{EXECUTIONS}/{id}/files/items")).await;
        assert_eq!(read.status, 200, "{}", read.text);
        assert_eq!(read.headers["content-type"], "application/x-ndjson");
        let line = |(index, result): (usize, &Value)| match result.get("error") {
            Some(error) => json!({"index": index, "error": error}),
            None => json!({"index": index, "output": result}),
        };
        let lines = listed.as_array().unwrap().iter().enumerate().map(line);
        let expected: String = lines.map(|line| format!("{line}\n")).collect();
        assert!(read.text == expected, "{count}");
        let failed = u32::from(count > 2);
        let completed = count as u32 - failed;
        let bytes = expected.len();
        assert_eq!(
            output,
            json!({"count": count, "completed": completed, "failed": failed,
            "file": "items", "bytes": bytes})
        );
        let files = server.get(&format!("{EXECUTIONS}/{id}/files")).await.json();
        assert_eq!(
            files["data"]["items"],
            json!([{"name": "items", "is_complete": true,
            "completed": completed, "failed": failed, "bytes": bytes}])
        );
    }
}

#[tokio::test]
async fn a_file_is_read_when_its_step_has_ended() {
    let server = Server::start().await;
    let steps = json!([{"id": "pages", "type": "Map", "over": [[1], [2]], "max_concurrency": 1,
    "steps": [
        {"id": "rows", "type": "Map", "over": "{{ item }}", "collect": "file", "steps": [
            {"type": "Delay", "when": "item == 2", "config": {"for": "1h"}},
            {"id": "row", "type": "Echo"},
        ], "output": "{{ steps.row.output }}"},
    ]}]);
    let created = server.workflow(steps).await;
    let path = server.execution(&created).await;
    let id = path.rsplit('/').next().unwrap().to_owned();
    // The second page waits.
    loop {
        let shown = server.get(&format!("{EXECUTIONS}/{id}")).await.json();
        if shown["data"]["status"] == "waiting" || !shown["data"]["waiting"].is_null() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let files = server.get(&format!("{EXECUTIONS}/{id}/files?sort_order=desc")).await.json();
    let name = |at: usize| {
        (
            files["data"]["items"][at]["name"].clone(),
            files["data"]["items"][at]["is_complete"].clone(),
        )
    };
    assert_eq!(name(0), (json!("pages[1].rows"), json!(false)));
    assert_eq!(name(1), (json!("pages[0].rows"), json!(true)));
    let read = |name: &str| {
        let path = format!("{EXECUTIONS}/{id}/files/{name}");
        let server = &server;
        async move { server.get(&path).await }
    };
    assert_eq!(read("pages%5B0%5D.rows").await.text, "{\"index\":0,\"output\":1}\n");
    let refused = read("pages%5B1%5D.rows").await;
    assert_eq!(refused.abi_refusal(), (409, "INVALID_STATE".to_owned()), "{}", refused.text);
    for unknown in ["pages", "rows", "pages%5B0%5D", "nothing", "%5B"] {
        let refused = read(unknown).await;
        assert_eq!(refused.abi_refusal(), (404, "NOT_FOUND".to_owned()), "{unknown}");
    }
    let cancelled = server.post(&format!("{EXECUTIONS}/{id}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text);
    let empty = read("pages%5B1%5D.rows").await;
    assert_eq!((empty.status.as_u16(), empty.text.as_str()), (200, ""));
    let refused = read("pages%5B7%5D.rows").await;
    assert_eq!(refused.abi_refusal(), (404, "NOT_FOUND".to_owned()), "it did not begin");
}

#[tokio::test]
async fn executions_without_files_have_an_empty_list() {
    let server = Server::start().await;
    let plain = workflow(&server, steps("all")).await;
    let (id, _) = server.run_to_end(&plain, &json!({"count": 1})).await;
    let files = server.get(&format!("{EXECUTIONS}/{id}/files")).await.json();
    assert_eq!(files["data"]["pagination"]["total_items"], 0);
    let refused = server.get(&format!("{EXECUTIONS}/{id}/files/items")).await;
    assert_eq!(refused.abi_refusal(), (404, "NOT_FOUND".to_owned()));
    let unknown = "exec_01k9x7m2q4e5rb8tz3v6w1y0ac";
    for path in ["files", "files/items"] {
        let refused = server.get(&format!("{EXECUTIONS}/{unknown}/{path}")).await;
        assert_eq!(refused.abi_refusal(), (404, "EXECUTION_NOT_FOUND".to_owned()));
    }
}
