//! Lists of schedules.

use axum::http::StatusCode;
use serde_json::json;

use super::{ALL, daily};
use crate::support::Server;

#[tokio::test]
async fn filters_sorts_and_pages_lists() {
    let server = Server::start().await;
    let (one, two) = (server.scheduled().await, server.scheduled().await);
    for (n, workflow) in [(3, &one), (1, &one), (2, &two)] {
        let mut body = match n {
            1 => json!({"schedule_type": "interval", "interval_value": 1, "interval_unit": "days"}),
            _ => daily(),
        };
        body["name"] = json!(format!("s{n}"));
        body["enabled"] = json!(n != 1);
        if n != 1 {
            body["cron_expression"] = json!(format!("0 0 {n} * *"));
        }
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
        ("schedule_type=cron".into(), "s2 s3", 2),
        ("schedule_type=interval".into(), "s1", 1),
        ("schedule_type=fixed_time".into(), "", 0),
        (format!("schedule_type=cron&workflow_id={id}"), "s3", 1),
        (format!("workflow_id={id}&schedule_type=interval&enabled=true"), "", 0),
    ] {
        assert_eq!(names(&query).await, (expect.to_owned(), total), "{query}");
    }
    let listed = server.get(&format!("{one}/schedules?page_size=1")).await.json();
    assert_eq!(
        listed["data"]["pagination"],
        json!({"page": 1, "page_size": 1, "total_items": 2, "total_pages": 2})
    );
    for (query, field) in [
        ("page=0", "page"),
        ("page=x", "page"),
        ("page_size=0", "page_size"),
        ("page_size=101", "page_size"),
        ("sort_by=color", "sort_by"),
        ("sort_order=up", "sort_order"),
        ("enabled=maybe", "enabled"),
        ("schedule_type=weekly", "schedule_type"),
        ("schedule_type=cron&schedule_type=cron", "schedule_type"),
        ("department=sales", "department"),
        ("cursor=x", "cursor"),
        ("enabled=true&enabled=false", "enabled"),
    ] {
        let refused = server.get(&format!("{ALL}?{query}")).await;
        assert_eq!(refused.abi_refusal(), (400, "INVALID_REQUEST".into()), "{query}");
        assert_eq!(refused.text_at("/errors/0/field"), field, "{query}");
    }
    let refused = server.get(&format!("{ALL}?workflow_id=nope")).await;
    assert_eq!(refused.abi_refusal(), (404, "WORKFLOW_NOT_FOUND".into()));
}
