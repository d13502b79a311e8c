//! Schedules, as clients of the abi dialect use them.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};
use stepwell_engine::Caller;

use crate::support::{Answer, Server, golden};

const ALL: &str = "/api/v1/workflow_schedules";

impl Server {
    async fn change(&self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.send(method, path, &headers, body.to_string()).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], Body::empty()).await
    }

    /// A workflow's path in this dialect.
    async fn scheduled(&self) -> String {
        let path = self.workflow(json!([{"type": "StaticTextInput", "input": "x"}])).await;
        let id: stepwell_core::ids::WorkflowId =
            path.strip_prefix("/workflows/").unwrap().parse().unwrap();
        format!("/api/v1/workflows/{}", id.abi())
    }

    /// A schedule's path.
    async fn schedule(&self, workflow: &str, body: &Value) -> String {
        let made = self.post(&format!("{workflow}/schedules"), body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        format!("{ALL}/{}", made.text_at("/data/id"))
    }
}

/// What the API's documentation sends.
fn daily() -> Value {
    json!({
        "name": "Daily Feedback Analysis",
        "description": "Runs feedback analysis every night at midnight",
        "schedule_type": "cron",
        "cron_expression": "0 0 * * *",
        "parameters": {"source": "daily_report", "include_recommendations": true},
        "enabled": true,
        "timezone": "UTC"
    })
}

/// Every field of the documentation's answer is there, with its type; values too, but for ids and
/// times.
fn assert_documented(found: &Value, documented: &Value) {
    for (name, wanted) in documented.as_object().unwrap() {
        let value = &found[name];
        match wanted.as_str() {
            Some("ID" | "TIME") => assert!(value.is_string(), "{name}: {found:#}"),
            _ if wanted.is_object() && name == "last_execution" => {
                assert_documented(value, wanted);
            }
            _ => assert_eq!(value, wanted, "{name}: {found:#}"),
        }
    }
}

#[tokio::test]
async fn the_documentation_s_examples() {
    let server = Server::start().await;
    let workflow = server.scheduled().await;
    let made = server.post(&format!("{workflow}/schedules"), &daily()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    golden("schedule_created.json", &made);
    let mut documented = daily();
    for (name, what) in [
        ("id", "ID"),
        ("workflow_id", "ID"),
        ("next_execution", "TIME"),
        ("created_at", "TIME"),
        ("updated_at", "TIME"),
        ("created_by", "ID"),
    ] {
        documented[name] = json!(what);
    }
    assert_documented(&made.json()["data"], &documented);
    assert!(made.text_at("/data/id").starts_with("sched_"));
    assert!(made.text_at("/data/created_by").starts_with("usr_"));
    assert!(made.text_at("/data/next_execution").ends_with("T00:00:00Z"));

    // Every form of an id reads back.
    let path = format!("{ALL}/{}", made.text_at("/data/id"));
    let triggered = server.post(&format!("{path}/trigger"), &json!({})).await;
    assert_eq!(triggered.status, StatusCode::ACCEPTED, "{}", triggered.text);
    golden("schedule_triggered.json", &triggered);
    let id = triggered.text_at("/data/execution_id").parse().unwrap();
    let patience = Duration::from_secs(20);
    server.app.wait_for(&Caller::internal(), id, patience).await.unwrap();
    let shown = server.get(&path).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
    golden("schedule.json", &shown);
    documented["workflow_name"] = json!("test");
    documented["last_execution"] = json!({
        "execution_id": "ID", "status": "completed", "started_at": "TIME", "completed_at": "TIME"
    });
    assert_documented(&shown.json()["data"], &documented);

    let id = workflow.rsplit('/').next().unwrap();
    let query = format!("{ALL}?workflow_id={id}&enabled=true&page=1&page_size=10");
    let listed = server.get(&query).await;
    assert_eq!(listed.status, StatusCode::OK, "{}", listed.text);
    golden("schedules.json", &listed);

    let update = json!({
        "name": "Daily Feedback Analysis",
        "description": "Runs feedback analysis every night at 2 AM",
        "cron_expression": "0 2 * * *",
        "parameters": {
            "source": "daily_report", "include_recommendations": true, "generate_report": true
        },
        "enabled": true
    });
    let updated = server.change("PUT", &path, &update).await;
    assert_eq!(updated.status, StatusCode::OK, "{}", updated.text);
    golden("schedule_updated.json", &updated);
    for (name, value) in update.as_object().unwrap() {
        documented[name] = value.clone();
    }
    assert_documented(&updated.json()["data"], &documented);
    assert!(updated.text_at("/data/next_execution").ends_with("T02:00:00Z"));

    let deleted = server.delete(&path).await;
    assert_eq!(deleted.status, StatusCode::OK, "{}", deleted.text);
    golden("schedule_deleted.json", &deleted);
    assert_eq!(server.get(&path).await.abi_refusal(), (404, "SCHEDULE_NOT_FOUND".into()));
    assert_eq!(server.delete(&path).await.abi_refusal(), (404, "SCHEDULE_NOT_FOUND".into()));
}

#[tokio::test]
async fn every_kind_of_timing_and_what_changes_of_it() {
    let server = Server::start().await;
    let workflow = server.scheduled().await;
    let interval = json!({"name": "i", "schedule_type": "interval", "interval_value": 30,
        "interval_unit": "minutes", "misfire_policy": "skip", "overlap_policy": "queue"});
    let path = server.schedule(&workflow, &interval).await;
    let shown = server.get(&path).await.json()["data"].clone();
    assert_documented(&shown, &interval);
    assert_eq!(shown.get("cron_expression"), None);
    assert_eq!(shown["parameters"], json!({}));
    assert_eq!((&shown["last_execution"], &shown["last_skipped"]), (&Value::Null, &Value::Null));
    // What was shown can be sent back, and changes nothing.
    let again = server.change("PUT", &path, &shown).await;
    assert_eq!(again.json()["data"], shown, "{}", again.text);
    let value = json!({"interval_value": 5});
    let changed = server.change("PATCH", &path, &value).await.json()["data"].clone();
    assert_eq!(
        (&changed["interval_value"], &changed["interval_unit"]),
        (&json!(5), &json!("minutes"))
    );
    let other =
        json!({"schedule_type": "cron", "cron_expression": "@daily", "timezone": "Europe/Berlin"});
    let changed = server.change("PATCH", &path, &other).await.json()["data"].clone();
    assert_documented(&changed, &other);
    assert_eq!(changed.get("interval_value"), None);

    let fixed = json!({"name": "f", "schedule_type": "fixed_time",
        "execution_time": "2090-06-01T12:00:00+02:00"});
    let path = server.schedule(&workflow, &fixed).await;
    let shown = server.get(&path).await.json()["data"].clone();
    assert_eq!(shown["execution_time"], "2090-06-01T10:00:00Z");
    assert_eq!(shown["next_execution"], "2090-06-01T10:00:00Z");

    let mut off = daily();
    off["enabled"] = json!(false);
    let path = server.schedule(&workflow, &off).await;
    let shown = server.get(&path).await.json()["data"].clone();
    assert_eq!((&shown["enabled"], &shown["next_execution"]), (&json!(false), &Value::Null));
    let resumed = server.post(&format!("{path}/resume"), &json!({})).await;
    assert!(resumed.text_at("/data/next_execution").ends_with("T00:00:00Z"));
    let paused = server.send("POST", &format!("{path}/pause"), &[], Body::empty()).await;
    assert_eq!(paused.json()["data"]["next_execution"], Value::Null, "{}", paused.text);
}

#[tokio::test]
async fn bad_schedules_name_their_fields() {
    let server = Server::start().await;
    let workflow = server.scheduled().await;
    let path = format!("{workflow}/schedules");
    let with = |changes: Value| {
        let mut body = daily();
        let body_map = body.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(body_map.remove(name)),
                value => drop(body_map.insert(name.clone(), value.clone())),
            }
        }
        body
    };
    let interval = |value: Value, unit: &str| {
        with(json!({"schedule_type": "interval", "cron_expression": null,
            "interval_value": value, "interval_unit": unit}))
    };
    let fixed = |time: &str| {
        with(json!({"schedule_type": "fixed_time", "cron_expression": null,
            "execution_time": time}))
    };
    for (body, field) in [
        (with(json!({"name": null})), "name"),
        (with(json!({"name": " "})), "name"),
        (with(json!({"name": 5})), "name"),
        (with(json!({"name": "n".repeat(101)})), "name"),
        (with(json!({"schedule_type": null})), "schedule_type"),
        (with(json!({"schedule_type": "sometimes"})), "schedule_type"),
        (with(json!({"cron_expression": null})), "cron_expression"),
        (with(json!({"cron_expression": "nope"})), "cron_expression"),
        (with(json!({"cron_expression": "61 * * * *"})), "cron_expression"),
        (with(json!({"cron_expression": "0 0 30 2 *"})), "cron_expression"),
        (with(json!({"cron_expression": 5})), "cron_expression"),
        (with(json!({"timezone": "Mars/Olympus"})), "timezone"),
        (with(json!({"interval_unit": "days"})), "interval_unit"),
        (with(json!({"enabled": "yes"})), "enabled"),
        (with(json!({"parameters": [1]})), "parameters"),
        (with(json!({"misfire_policy": "retry"})), "misfire_policy"),
        (with(json!({"overlap_policy": "kill"})), "overlap_policy"),
        (with(json!({"cron": "0 0 * * *"})), "cron"),
        (with(json!({"next_execution": "2090-01-01T00:00:00Z"})), "next_execution"),
        (interval(json!(0), "days"), "interval_value"),
        (interval(json!(-1), "days"), "interval_value"),
        (interval(json!(1.5), "days"), "interval_value"),
        (interval(json!("1"), "days"), "interval_value"),
        (interval(json!(1), "weeks"), "interval_unit"),
        (fixed("2020-01-01T00:00:00Z"), "execution_time"),
        (fixed("tomorrow"), "execution_time"),
    ] {
        let refused = server.post(&path, &body).await;
        assert_eq!(refused.abi_refusal(), (400, "INVALID_SCHEDULE".into()), "{}", refused.text);
        assert_eq!(refused.text_at("/errors/0/field"), field, "{}", refused.text);
    }
    let many = server.post(&path, &json!({"schedule_type": "interval", "timezone": "x"})).await;
    let fields: Vec<_> = many.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(fields, ["name", "timezone", "interval_value", "interval_unit"]);
    golden("schedule_refused.json", &many_without_id(many));

    for (body, code) in [("{", "INVALID_REQUEST"), ("[]", "INVALID_REQUEST")] {
        let refused =
            server.send("POST", &path, &[("content-type", "application/json")], body).await;
        assert_eq!(refused.abi_refusal(), (400, code.into()), "{body}");
    }
    let nowhere = server.post("/api/v1/workflows/wf_x/schedules", &daily()).await;
    assert_eq!(nowhere.abi_refusal(), (404, "WORKFLOW_NOT_FOUND".into()));
    let nil = "/api/v1/workflows/00000000-0000-0000-0000-000000000000/schedules";
    assert_eq!(server.post(nil, &daily()).await.abi_refusal(), (404, "WORKFLOW_NOT_FOUND".into()));
    assert_eq!(server.get(&path).await.json()["data"]["pagination"]["total_items"], 0);

    let schedule = server.schedule(&workflow, &daily()).await;
    for (body, field) in [
        (json!({"cron_expression": "nope"}), "cron_expression"),
        (json!({"interval_value": 5}), "interval_value"),
        (json!({"schedule_type": "interval"}), "interval_value"),
        (json!({"name": ""}), "name"),
        (json!({"nam": "x"}), "nam"),
    ] {
        let refused = server.change("PUT", &schedule, &body).await;
        assert_eq!(refused.abi_refusal(), (400, "INVALID_SCHEDULE".into()), "{}", refused.text);
        assert_eq!(refused.text_at("/errors/0/field"), field, "{}", refused.text);
    }
    for id in ["sched_x", "00000000-0000-0000-0000-000000000000"] {
        let path = format!("{ALL}/{id}");
        let body = json!({"name": "x"});
        for refused in [
            server.get(&path).await,
            server.change("PUT", &path, &body).await,
            server.change("PATCH", &path, &body).await,
            server.delete(&path).await,
            server.post(&format!("{path}/trigger"), &json!({})).await,
            server.post(&format!("{path}/pause"), &json!({})).await,
        ] {
            assert_eq!(refused.abi_refusal(), (404, "SCHEDULE_NOT_FOUND".into()));
        }
    }
}

/// The request's id is another one each time.
fn many_without_id(mut answer: Answer) -> Answer {
    let mut body = answer.json();
    body["request_id"] = json!("ID");
    answer.text = body.to_string();
    answer
}

#[tokio::test]
async fn parameters_must_fit_the_workflow() {
    let server = Server::start().await;
    let definition = json!({"name": "typed", "inputs": {"n": "integer"},
        "steps": [{"type": "Echo", "input": "{{ inputs.n }}"}]});
    let workflow = server.post("/workflows", &definition).await.text_at("/workflow_id");
    let path = format!("/api/v1/workflows/{workflow}/schedules");
    let mut body = daily();
    body["parameters"] = json!({"n": "one"});
    let refused = server.post(&path, &body).await;
    assert_eq!(refused.abi_refusal(), (422, "PARAMETER_VALIDATION_ERROR".into()));
    assert_eq!(refused.text_at("/errors/0/field"), "parameters.n");
    body["parameters"] = json!({"n": 1});
    let schedule = server.schedule(&format!("/api/v1/workflows/{workflow}"), &body).await;
    let refused = server.change("PUT", &schedule, &json!({"parameters": {}})).await;
    assert_eq!(refused.abi_refusal(), (422, "PARAMETER_VALIDATION_ERROR".into()));
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_cut() {
    let server = Server::start().await;
    let (one, two) = (server.scheduled().await, server.scheduled().await);
    for (n, workflow) in [(3, &one), (1, &one), (2, &two)] {
        let mut body = daily();
        body["name"] = json!(format!("s{n}"));
        body["cron_expression"] = json!(format!("0 0 {n} * *"));
        body["enabled"] = json!(n != 1);
        server.schedule(workflow, &body).await;
    }
    let names = async |query: &str| {
        let listed = server.get(&format!("{ALL}?{query}")).await;
        assert_eq!(listed.status, StatusCode::OK, "{query} {}", listed.text);
        let data = listed.json()["data"].clone();
        let items = data["items"].as_array().unwrap().clone();
        let names: Vec<_> =
            items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect();
        (names.join(" "), data["pagination"]["total_items"].as_u64().unwrap())
    };
    let id = one.rsplit('/').next().unwrap();
    for (query, expect, total) in [
        (String::new(), "s2 s1 s3", 3),
        ("sort_order=asc".into(), "s3 s1 s2", 3),
        ("sort_by=name&sort_order=asc".into(), "s1 s2 s3", 3),
        ("enabled=false".into(), "s1", 1),
        ("enabled=true".into(), "s2 s3", 2),
        (format!("workflow_id={id}"), "s1 s3", 2),
        ("page=2&page_size=2".into(), "s3", 3),
        ("page=9".into(), "", 3),
        ("department=sales".into(), "s2 s1 s3", 3),
    ] {
        assert_eq!(names(&query).await, (expect.to_owned(), total), "{query}");
    }
    let listed = server.get(&format!("{one}/schedules?page_size=1")).await.json();
    assert_eq!(
        listed["data"]["pagination"],
        json!({"page": 1, "page_size": 1, "total_items": 2, "total_pages": 2, "next_cursor": null})
    );
    for (query, field) in [
        ("page=0", "page"),
        ("page=x", "page"),
        ("page_size=0", "page_size"),
        ("page_size=101", "page_size"),
        ("sort_by=color", "sort_by"),
        ("sort_order=up", "sort_order"),
        ("enabled=maybe", "enabled"),
        ("enabled=true&enabled=false", "enabled"),
    ] {
        let refused = server.get(&format!("{ALL}?{query}")).await;
        assert_eq!(refused.abi_refusal(), (400, "INVALID_REQUEST".into()), "{query}");
        assert_eq!(refused.text_at("/errors/0/field"), field, "{query}");
    }
    let refused = server.get(&format!("{ALL}?workflow_id=nope")).await;
    assert_eq!(refused.abi_refusal(), (404, "WORKFLOW_NOT_FOUND".into()));
}

#[tokio::test]
async fn many_are_paused_at_once() {
    let server = Server::start().await;
    let (one, two) = (server.scheduled().await, server.scheduled().await);
    let mut ids = Vec::new();
    for workflow in [&one, &one, &two] {
        let path = server.schedule(workflow, &daily()).await;
        ids.push(path.rsplit('/').next().unwrap().to_owned());
    }
    let workflow = one.rsplit('/').next().unwrap();
    for (what, body, matched, changed) in [
        ("pause", json!({"workflow_id": workflow}), 2, 2),
        ("pause", json!({"schedule_ids": [ids[0], ids[2]]}), 2, 1),
        ("resume", json!({"all": true}), 3, 3),
        ("resume", json!({"all": true}), 3, 0),
    ] {
        let answer = server.post(&format!("{ALL}/{what}"), &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let expect = json!({"matched": matched, "changed": changed});
        assert_eq!(answer.json()["data"], expect, "{what} {body}");
    }
    for (body, status, field) in [
        (json!({}), 400, None),
        (json!({"all": true, "workflow_id": workflow}), 400, None),
        (json!({"all": false}), 400, Some("all")),
        (json!({"schedule_ids": []}), 400, Some("schedule_ids")),
        (json!({"schedule_ids": [1]}), 400, Some("schedule_ids[0]")),
        (json!({"schedule_ids": ["sched_x"]}), 404, None),
        (json!({"workflow_id": "wf_x"}), 404, None),
    ] {
        let refused = server.post(&format!("{ALL}/pause"), &body).await;
        assert_eq!(refused.status.as_u16(), status, "{body} {}", refused.text);
        assert_eq!(refused.json()["errors"][0]["field"].as_str(), field, "{body}");
    }
}

#[tokio::test]
async fn previews_show_what_the_clocks_do() {
    let server = Server::start().await;
    let get = async |query: &str| server.get(&format!("/api/v1/schedules/preview?{query}")).await;
    let shown = get("cron=30+2+*+*+*&timezone=Europe/Berlin&count=3").await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
    let data = shown.json()["data"].clone();
    assert_eq!((&data["cron"], &data["timezone"]), (&json!("30 2 * * *"), &json!("Europe/Berlin")));
    let firings = data["next_executions"].as_array().unwrap();
    assert_eq!(firings.len(), 3);
    for firing in firings {
        let (time, local) = (&firing["time"], firing["local_time"].as_str().unwrap());
        assert!(local.ends_with("+01:00") || local.ends_with("+02:00"), "{firing}");
        let same = stepwell_core::Timestamp::parse(local).unwrap();
        assert_eq!(time, &json!(same.to_string()));
    }
    assert_eq!(
        get("cron=@daily").await.json()["data"]["next_executions"].as_array().unwrap().len(),
        10
    );
    for (query, code, field) in [
        ("", "INVALID_SCHEDULE", "cron"),
        ("cron=nope", "INVALID_SCHEDULE", "cron"),
        ("cron=0+0+30+2+*", "INVALID_SCHEDULE", "cron"),
        ("cron=@daily&timezone=Mars", "INVALID_SCHEDULE", "timezone"),
        ("cron=@daily&count=0", "INVALID_REQUEST", "count"),
        ("cron=@daily&count=101", "INVALID_REQUEST", "count"),
        ("cron=@daily&count=x", "INVALID_REQUEST", "count"),
    ] {
        let refused = get(query).await;
        assert_eq!(refused.abi_refusal(), (400, code.into()), "{query}");
        assert_eq!(refused.text_at("/errors/0/field"), field, "{query}");
    }
}

#[tokio::test]
async fn scopes_and_repeats() {
    let mut server = Server::start().await;
    let workflow = server.scheduled().await;
    let path = server.schedule(&workflow, &daily()).await;
    let headers = [("content-type", "application/json"), ("idempotency-key", "once")];
    let create = format!("{workflow}/schedules");
    let first = server.send("POST", &create, &headers, daily().to_string()).await;
    let second = server.send("POST", &create, &headers, daily().to_string()).await;
    assert_eq!(first.text, second.text);
    let id = path.rsplit('/').next().unwrap().to_owned();
    let admin = server.key.clone();
    for (scope, reads, writes, executes) in [
        ("read:schedules".to_owned(), true, false, false),
        ("write:schedules".to_owned(), false, true, false),
        ("execute:schedules".to_owned(), false, false, true),
        (format!("read:schedules:{id}"), true, false, false),
        ("execute:workflows".to_owned(), false, false, false),
    ] {
        server.key = admin.clone();
        server.key = server.key(&[scope.as_str()]).await;
        let allowed = |answer: Answer| answer.status != StatusCode::FORBIDDEN;
        let body = json!({"description": "x"});
        assert_eq!(allowed(server.get(&path).await), reads, "{scope}");
        assert_eq!(allowed(server.change("PATCH", &path, &body).await), writes, "{scope}");
        assert_eq!(allowed(server.post(&create, &daily()).await), writes, "{scope}");
        let trigger = server.post(&format!("{path}/trigger"), &json!({})).await;
        assert_eq!(allowed(trigger), executes, "{scope}");
    }
    server.key = admin;
    let read_one = server.key(&[&format!("read:schedules:{id}")]).await;
    server.key = read_one;
    assert_eq!(server.get(ALL).await.abi_refusal(), (403, "SCOPE_REQUIRED".into()));
}
