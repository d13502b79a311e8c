//! Objects of a workspace, with everything in them that a stranger could recognise.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use stepwell_core::ids::{
    ApprovalId, DeliveryId, ExecutionId, KeyId, OperationId, ScheduleId, TemplateId, WebhookId,
    WorkflowId, WorkspaceId,
};
use uuid::Uuid;

use super::calls::Call;
use crate::receiver::Receiver;
use crate::support::{PATIENCE, Response, Server};

/// Part of every text of the objects.
pub const MARK: &str = "xyzzy";

/// Objects by their names in `calls/`, with all written forms of their ids.
pub struct World {
    objects: BTreeMap<&'static str, Vec<String>>,
    secret: String,
}

macro_rules! forms {
    ($id:ty, $text:expr) => {{
        let id: $id = $text.parse().unwrap();
        vec![id.dataflow(), id.abi(), id.to_string()]
    }};
}

/// A key's id has a form of its own.
fn key_forms(text: &str) -> Vec<String> {
    let id: KeyId = text.replace("apk_", "key_").parse().unwrap();
    vec![id.abi().replace("key_", "apk_"), id.abi(), id.dataflow(), id.to_string()]
}

/// A bulk operation on a workflow that changes nothing; its id.
async fn operation(server: &Server, owner: &str, workflow: &str) -> String {
    let body = json!({"action": "resume", "filter": {"workflow_id": workflow}}).to_string();
    call(server, owner, "POST", "/api/v1/operations", &body).await.text_at("/data/id")
}

/// A pending approval; its id.
async fn approval(server: &Server, owner: &str) -> String {
    let config = json!({"title": MARK, "approvers": ["ada", "bob"], "quorum": 2});
    let definition = json!({"name": format!("{MARK}-approval-{}", Uuid::now_v7()),
        "steps": [{"type": "Approval", "config": config}]});
    let created = call(server, owner, "POST", "/workflows", &definition.to_string()).await;
    let execute = format!("/workflows/{}/execute", created.text_at("/workflow_id"));
    let started = call(server, owner, "POST", &execute, "{}").await;
    let id: ExecutionId = started.text_at("/execution_id").parse().unwrap();
    let list = format!("/api/v1/approvals?execution_id={}", id.abi());
    loop {
        let found = call(server, owner, "GET", &list, "").await.json();
        if let Some(id) = found["data"]["items"][0]["id"].as_str() {
            return id.to_owned();
        }
        tokio::task::yield_now().await;
    }
}

/// A name for a variable that no other one has.
fn variable_name() -> String {
    format!("v{}", Uuid::now_v7().simple())
}

/// A variable; its name.
async fn variable(server: &Server, owner: &str) -> String {
    let name = variable_name();
    let body = json!({"name": name, "value": {"of": MARK}, "description": MARK});
    let response = call(server, owner, "POST", "/api/v1/variables", &body.to_string()).await;
    assert!(response.status.is_success(), "{}", response.text);
    name
}

fn definition(name: &str) -> Value {
    json!({
        "name": name,
        "inputs": {"slow": {"type": "boolean", "default": false}},
        "metadata": {"label": MARK},
        "steps": [
            {"id": "say", "type": "StaticTextInput", "input": MARK},
            {"id": "rows", "type": "Map", "over": [MARK], "collect": "file", "steps": [
                {"id": "row", "type": "Echo"},
            ]},
            {"id": "wait", "type": "Delay", "when": "inputs.slow", "config": {"for": "1h"}},
        ],
        "outputs": {"text": "{{ steps.say.output.text }}"},
    })
}

fn template_body(name: &str) -> Value {
    json!({"name": name, "body": format!("{MARK} {{{{ a }}}}"), "sample": {"a": MARK},
        "metadata": {"label": MARK}})
}

impl World {
    /// Creates the objects.
    pub async fn new(server: &Server, owner: &str) -> Self {
        let post = async |path: &str, body: Value| {
            let response = call(server, owner, "POST", path, &body.to_string()).await;
            assert!(response.status.is_success(), "{path}: {}", response.text);
            response
        };
        let n = Uuid::now_v7();
        let name = format!("{MARK}-name-{n}");
        let workflow = post("/workflows", definition(&name)).await.text_at("/workflow_id");
        let execute = format!("/workflows/{workflow}/execute");
        let slow = post(&execute, json!({"input": {"slow": true}})).await.text_at("/execution_id");
        let external_id = format!("{MARK}-external-{n}");
        let body =
            json!({"workflow_deployment_name": name, "inputs": [], "external_id": external_id});
        let ended = post("/v1/execute-workflow", body).await.text_at("/execution_id");
        let actuals = json!({"execution_id": ended, "actuals": [
            {"output_key": "text", "quality": 0.5, "metadata": {"why": MARK}}]});
        post("/v1/submit-workflow-execution-actuals", actuals).await;
        let (tag, workflow_id) = (format!("{MARK}-tag"), workflow.parse::<WorkflowId>().unwrap());
        let tagged = format!("/api/v1/workflows/{}/release_tags/{tag}", workflow_id.abi());
        let put = call(server, owner, "PUT", &tagged, r#"{"release": 1}"#).await;
        assert!(put.status.is_success(), "{}", put.text);
        let body = json!({"name": format!("{MARK}-key"), "scopes": ["read:workflows"]});
        let key = post("/api/v1/auth/api-keys", body).await.text_at("/data/id");
        let releases = format!("/v1/workflow-deployments/{workflow_id}/releases");
        let release = call(server, owner, "GET", &releases, "").await.text_at("/results/0/id");
        let schedule = json!({"name": format!("{MARK}-schedule"), "schedule_type": "cron",
            "cron_expression": "0 0 1 1 *"});
        let path = format!("/api/v1/workflows/{workflow_id}/schedules");
        let schedule = post(&path, schedule).await.text_at("/data/id");
        let receiver = Receiver::start(StatusCode::OK).await;
        // Subscribed to nothing but the test, so that its deliveries stay as they are.
        let webhook = json!({"url": format!("{}?{MARK}", receiver.url), "description": MARK,
            "events": ["workflow.deleted"]});
        let webhook = post("/api/v1/webhooks", webhook).await.text_at("/data/id");
        let path = format!("/api/v1/webhooks/{webhook}");
        let delivery = post(&format!("{path}/test"), json!({})).await.text_at("/data/id");
        settled(server, owner, &path).await;
        let template = template_body(&name);
        let template = post("/api/v1/templates", template).await.text_at("/data/id");
        let me = call(server, owner, "GET", "/api/v1/auth/me", "").await;
        let secret = call(server, owner, "GET", "/api/v1/webhooks/signing-secret", "").await;
        let objects = [
            ("workflow", forms!(WorkflowId, workflow)),
            ("execution", forms!(ExecutionId, slow)),
            ("ended", forms!(ExecutionId, ended)),
            ("workspace", forms!(WorkspaceId, me.text_at("/data/workspace_id"))),
            ("key", key_forms(&key)),
            ("name", vec![name]),
            ("external_id", vec![external_id]),
            ("tag", vec![tag]),
            ("release", vec![release]),
            ("schedule", forms!(ScheduleId, schedule)),
            ("template", forms!(TemplateId, template)),
            ("variable", vec![variable(server, owner).await]),
            ("operation", forms!(OperationId, operation(server, owner, &workflow).await)),
            ("approval", forms!(ApprovalId, approval(server, owner).await)),
            ("webhook", forms!(WebhookId, webhook)),
            ("delivery", forms!(DeliveryId, delivery)),
        ];
        Self { objects: objects.into(), secret: secret.text_at("/data/secret") }
    }

    /// Ids of objects that do not exist, by the same names.
    pub fn ghosts(&self) -> Self {
        let fresh = Uuid::now_v7;
        let objects = [
            ("workflow", forms!(WorkflowId, fresh().to_string())),
            ("execution", forms!(ExecutionId, fresh().to_string())),
            ("ended", forms!(ExecutionId, fresh().to_string())),
            ("workspace", forms!(WorkspaceId, fresh().to_string())),
            ("key", key_forms(&fresh().to_string())),
            ("name", vec![format!("ghost-name-{}", fresh())]),
            ("external_id", vec![format!("ghost-external-{}", fresh())]),
            ("tag", vec!["ghost-tag".to_owned()]),
            ("release", vec![fresh().to_string()]),
            ("schedule", forms!(ScheduleId, fresh().to_string())),
            ("template", forms!(TemplateId, fresh().to_string())),
            ("variable", vec![variable_name()]),
            ("operation", forms!(OperationId, fresh().to_string())),
            ("approval", forms!(ApprovalId, fresh().to_string())),
            ("webhook", forms!(WebhookId, fresh().to_string())),
            ("delivery", forms!(DeliveryId, fresh().to_string())),
        ];
        Self { objects: objects.into(), secret: "whsec_ghost".to_owned() }
    }

    /// An object's id as it is mostly written, or its text.
    pub fn value(&self, object: &str) -> &str {
        &self.objects[object][0]
    }

    /// Replaces the names of objects, such as `<workflow>`, by their ids.
    pub fn fill(&self, text: &str) -> String {
        let put = |text: String, (name, forms): (&&str, &Vec<String>)| {
            text.replace(&format!("<{name}>"), &forms[0])
        };
        self.objects.iter().fold(text.to_owned(), put)
    }

    /// Replaces the ids of objects by their names.
    pub fn nameless(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, forms) in &self.objects {
            for form in forms {
                text = text.replace(form.as_str(), &format!("<{name}>"));
            }
        }
        text
    }

    /// The first id, text or secret in a response that only the owner may see. Objects that the
    /// request names do not count.
    pub fn find_leak<'a>(&'a self, call: &str, response: &str) -> Option<&'a str> {
        let unnamed = self.objects.iter().filter(|(name, _)| !call.contains(&format!("<{name}>")));
        let forms = unnamed.flat_map(|(_, forms)| forms).map(String::as_str);
        let mark = (!self.fill(call).contains(MARK)).then_some(MARK);
        forms.chain(mark).chain([self.secret.as_str()]).find(|hidden| response.contains(hidden))
    }

    /// The objects as their owner sees them.
    pub async fn snapshot(&self, server: &Server, owner: &str) -> Vec<String> {
        let mut seen = Vec::new();
        for path in [
            "/workflows",
            "/workflows/<workflow>",
            "/workflows/<workflow>/stats",
            "/workflows/<workflow>/executions",
            "/workflows/<workflow>/executions/<execution>",
            "/api/v1/workflows/<workflow>/releases",
            "/api/v1/workflows/<workflow>/release_tags",
            "/api/v1/workflow_executions/<ended>/actuals",
            "/api/v1/workflows/<workflow>",
            "/api/v1/workflow_executions/<ended>?include=io",
            "/api/v1/workflow_schedules/<schedule>",
            "/api/v1/templates/<template>",
            "/api/v1/variables/<variable>",
            "/api/v1/webhooks/<webhook>",
            "/api/v1/webhooks/<webhook>/deliveries",
            "/api/v1/auth/api-keys?page_size=100",
            "/api/v1/workspaces/<workspace>",
        ] {
            let response = call(server, owner, "GET", &self.fill(path), "").await;
            assert!(response.status.is_success(), "{path}: {}", response.text);
            let mut body = response.json();
            // Reading uses the key.
            let items = body.pointer_mut("/data/items").and_then(Value::as_array_mut);
            for item in items.into_iter().flatten() {
                item.as_object_mut().unwrap().shift_remove("last_used_at");
            }
            seen.push(body.to_string());
        }
        seen
    }
}

/// Waits until the first delivery of a webhook has arrived.
async fn settled(server: &Server, owner: &str, webhook: &str) {
    let deliveries = format!("{webhook}/deliveries");
    let arrived = async {
        while call(server, owner, "GET", &deliveries, "").await.text_at("/data/items/0/status")
            != "delivered"
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, arrived).await.unwrap();
}

/// Sends a request of the table with a key.
pub async fn request(server: &Server, of: &Call, world: &World, key: &str) -> Response {
    let (path, body) = (world.fill(of.path()), world.fill(of.body));
    call(server, key, of.method(), &path, &body).await
}

async fn call(server: &Server, key: &str, method: &str, path: &str, body: &str) -> Response {
    let mut request = Request::builder().method(method).uri(path).header("x-api-key", key);
    // Responses to different requests are compared.
    request = request.header("x-request-id", "the-same");
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    server.raw(request.body(Body::from(body.to_owned())).unwrap()).await
}
