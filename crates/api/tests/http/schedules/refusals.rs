//! Errors of invalid requests name the field.

use serde_json::{Value, json};

use super::{ALL, daily};
use crate::support::{Response, Server, golden};

#[tokio::test]
async fn names_the_field_of_an_invalid_schedule() {
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
        (with(json!({"name": " "})), "name"),
        (with(json!({"name": 5})), "name"),
        (with(json!({"name": "n".repeat(101)})), "name"),
        (with(json!({"schedule_type": null})), "schedule_type"),
        (with(json!({"schedule_type": "sometimes"})), "schedule_type"),
        (with(json!({"cron_expression": null})), "cron_expression"),
        (with(json!({"cron_expression": "nope"})), "cron_expression"),
        (with(json!({"cron_expression": "61 * * * *"})), "cron_expression"),
        (with(json!({"cron_expression": "0 0 30 2 *"})), "cron_expression"),
        (with(json!({"cron_expression": "1, 2 * * * *"})), "cron_expression"),
        (with(json!({"cron_expression": "* * * * * * *"})), "cron_expression"),
        (with(json!({"cron_expression": "@every 5m"})), "cron_expression"),
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
        (interval(json!(1e30), "days"), "interval_value"),
        (interval(json!(36_601), "days"), "interval_value"),
        (interval(json!(1), "weeks"), "interval_unit"),
        (fixed("2020-01-01T00:00:00Z"), "execution_time"),
        (fixed("tomorrow"), "execution_time"),
        (fixed("2090-06-01T12:00:00"), "execution_time"),
        (fixed("2090-06-01"), "execution_time"),
        (fixed("2090-06-01T12:00:00+24:00"), "execution_time"),
    ] {
        let refused = server.post(&path, &body).await;
        assert_eq!(refused.abi_refusal(), (400, "INVALID_SCHEDULE".into()), "{}", refused.text);
        assert_eq!(refused.text_at("/errors/0/field"), field, "{}", refused.text);
    }
}

#[tokio::test]
async fn reports_all_problems_of_a_schedule_and_stores_nothing() {
    let server = Server::start().await;
    let workflow = server.scheduled().await;
    let path = format!("{workflow}/schedules");
    let many = server.post(&path, &json!({"schedule_type": "interval", "timezone": "x"})).await;
    let fields: Vec<_> = many.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(fields, ["timezone", "interval_value", "interval_unit"]);
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
}

#[tokio::test]
async fn names_the_field_of_an_invalid_change() {
    let server = Server::start().await;
    let workflow = server.scheduled().await;
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

/// Removes the request id, which differs each time.
fn many_without_id(mut response: Response) -> Response {
    let mut body = response.json();
    body["request_id"] = json!("ID");
    response.text = body.to_string();
    response
}

#[tokio::test]
async fn rejects_parameters_that_do_not_fit_the_workflow() {
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
    assert_eq!(refused.text_at("/errors/0/field"), "parameters.n");
    // For creation and changes, errors of the schedule itself have priority.
    let both = json!({"cron_expression": "nope", "parameters": {}});
    let refused = server.change("PUT", &schedule, &both).await;
    assert_eq!(refused.abi_refusal(), (400, "INVALID_SCHEDULE".into()));
    let body = json!({"parameters": {"n": 1}});
    let refused = server.post(&format!("{schedule}/trigger"), &body).await;
    assert_eq!(refused.abi_refusal(), (400, "INVALID_REQUEST".into()));
    assert_eq!(
        refused.text_at("/message"),
        "parameters: unknown field `parameters`; this request takes none"
    );
}
