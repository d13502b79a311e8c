//! The parameters of lists.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{EXECUTIONS, WORKFLOWS, active_of, executed, refusal, refused};
use crate::support::{Response, Server};

async fn labelled(server: &Server, name: &str, metadata: Value) {
    let steps = json!([{"type": "StaticTextInput", "input": "a"}]);
    let body = json!({"name": name, "configuration": {"steps": steps}, "metadata": metadata});
    assert_eq!(server.post(WORKFLOWS, &body).await.status, 201);
}

fn names(response: &Response) -> Vec<String> {
    let body = response.json();
    let items = body["data"]["items"].as_array().unwrap_or_else(|| panic!("{}", response.text));
    items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn filters_sorts_and_pages_workflows() {
    let server = Server::start().await;
    for (name, metadata) in [
        ("b", json!({"team": "ops", "level": 3})),
        ("a", json!({"team": "dev", "level": 3})),
        ("c", json!({"team": "ops", "on": true})),
    ] {
        labelled(&server, name, metadata).await;
    }
    for (query, expect) in [
        ("", &["c", "a", "b"][..]),
        ("?sort_order=asc", &["b", "a", "c"]),
        ("?sort_by=name", &["c", "b", "a"]),
        ("?sort_by=name&sort_order=asc", &["a", "b", "c"]),
        ("?sort_by=status&sort_order=asc", &["b", "a", "c"]),
        ("?team=ops", &["c", "b"]),
        ("?team=ops&level=3", &["b"]),
        ("?on=true", &["c"]),
        ("?nothing=1", &[]),
        ("?status=inactive&type=custom", &["c", "a", "b"]),
        ("?status=active", &[]),
        ("?type=onboarding", &[]),
    ] {
        let response = server.get(&format!("{WORKFLOWS}{query}")).await;
        assert_eq!(names(&response), expect, "{query}");
        let pagination = &response.json()["data"]["pagination"];
        assert_eq!(pagination["total_items"], expect.len(), "{query}");
        assert_eq!(pagination["total_pages"], usize::from(!expect.is_empty()), "{query}");
    }
    let second = server.get(&format!("{WORKFLOWS}?sort_by=name&page=2&page_size=2")).await;
    assert_eq!(names(&second), ["a"]);
    let expect = json!({"page": 2, "page_size": 2, "total_items": 3, "total_pages": 2,
        "next_cursor": null});
    assert_eq!(second.json()["data"]["pagination"], expect);
}

/// The next page starts after the last workflow of the previous one, even if that one was changed
/// or deleted.
#[tokio::test]
async fn a_cursor_keeps_its_position() {
    for (sort, rest) in [
        ("name", &["c", "d", "z"][..]),
        ("updated_at", &["c", "d", "z"]),
        ("created_at", &["c", "d"]),
    ] {
        let server = Server::start().await;
        for name in ["a", "b", "c", "d"] {
            labelled(&server, name, json!({})).await;
        }
        let list = format!("{WORKFLOWS}?sort_by={sort}&sort_order=asc&page_size=2");
        let first = server.get(&list).await;
        assert_eq!(names(&first), ["a", "b"]);
        let last = format!("{WORKFLOWS}/{}", first.text_at("/data/items/1/id"));
        super::send(&server, "PUT", &last, &json!({"name": "z"})).await;
        let cursor = first.text_at("/data/pagination/next_cursor");
        let rest_of = list.replace("page_size=2", "page_size=9");
        let second = server.get(&format!("{rest_of}&cursor={cursor}")).await;
        assert_eq!(names(&second), rest, "{sort}");
        super::delete(&server, &last).await;
        let again = server.get(&format!("{list}&cursor={cursor}")).await;
        assert_eq!(names(&again), ["c", "d"], "{sort}");
        // A cursor is valid only for the order that it was created for.
        let other = server.get(&format!("{WORKFLOWS}?sort_by=type&cursor={cursor}")).await;
        assert_eq!(refusal(&other), refused(400, "INVALID_REQUEST", "cursor"));
    }
}

#[tokio::test]
async fn names_invalid_parameters() {
    let server = Server::start().await;
    for list in [WORKFLOWS, EXECUTIONS] {
        for (query, field) in [
            ("page=0", "page"),
            ("page=-1", "page"),
            ("page=x", "page"),
            ("page=1&page=2", "page"),
            ("page_size=0", "page_size"),
            ("page_size=101", "page_size"),
            ("sort_by=color", "sort_by"),
            ("sort_order=up", "sort_order"),
            ("cursor=nonsense", "cursor"),
            ("cursor=x&page=1", "cursor"),
            ("status=nonsense", "status"),
            ("team=a&team=b", "team"),
        ] {
            let response = server.get(&format!("{list}?{query}")).await;
            let expect = refused(400, "INVALID_REQUEST", field);
            assert_eq!(refusal(&response), expect, "{list} {query} {}", response.text);
        }
        let many: Vec<_> = (0..17).map(|n| format!("l{n}=a")).collect();
        let response = server.get(&format!("{list}?{}", many.join("&"))).await;
        assert_eq!(refusal(&response).0, 400, "{}", response.text);
    }
    for (query, field) in [
        ("workflow_id=x", "workflow_id"),
        ("start_date=yesterday", "start_date"),
        ("start_date=2026-11-21T00:00:00", "start_date"),
        ("end_date=2026-02-30", "end_date"),
        ("start_date=2026-02-02&end_date=2026-02-01", "end_date"),
        ("sort_by=duration_ms", "sort_by"),
    ] {
        let response = server.get(&format!("{EXECUTIONS}?{query}")).await;
        assert_eq!(refusal(&response), refused(400, "INVALID_REQUEST", field), "{query}");
    }
    let unknown = format!("{EXECUTIONS}?workflow_id=wf_01h455vb4pex5vsknk084sn02q");
    let response = server.get(&unknown).await;
    assert_eq!(refusal(&response), refused(404, "WORKFLOW_NOT_FOUND", "none"));
}

#[tokio::test]
async fn filters_executions_and_finds_every_page() {
    let server = Server::start().await;
    let steps = json!({"steps": [
        {"type": "Fail", "when": "inputs.fail", "config": {"message": "no"}}], "inputs": {"fail": "boolean"}});
    let workflow = active_of(&server, steps).await;
    for n in 0..12 {
        let body = json!({"parameters": {"fail": n % 3 == 0}, "metadata": {"half": n / 6}});
        executed(&server, &workflow, &body).await;
    }
    let id = workflow.rsplit('/').next().unwrap();
    let total = async |query: &str| {
        let response = server.get(&format!("{EXECUTIONS}?{query}")).await;
        response.json()["data"]["pagination"]["total_items"].as_u64().unwrap()
    };
    let of = format!("workflow_id={id}");
    assert_eq!(total(&of).await, 12);
    assert_eq!(total(&format!("{of}&status=completed")).await, 8);
    assert_eq!(total(&format!("{of}&status=completed,failed&status=running")).await, 12);
    assert_eq!(total("status=failed&half=1").await, 2);
    assert_eq!(total("start_date=2000-01-01&end_date=2100-01-01").await, 12);
    assert_eq!(total("end_date=2000-01-01").await, 0);
    for end in ["9999-12-31", "9999-12-31T23:59:59Z"] {
        assert_eq!(total(&format!("end_date={end}")).await, 12, "{end}");
        assert_eq!(total(&format!("start_date={end}")).await, 0, "{end}");
    }
    assert_eq!(total("start_date=2100-01-01T00:00:00%2B02:00").await, 0);

    let ids = |response: &Response| -> Vec<String> {
        let items = response.json()["data"]["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["execution_id"].as_str().unwrap().to_owned()).collect()
    };
    for order in ["asc", "desc"] {
        let all = format!("{EXECUTIONS}?{of}&sort_order={order}&page_size");
        let whole = ids(&server.get(&format!("{all}=100")).await);
        let (mut by_number, mut by_cursor) = (Vec::new(), Vec::new());
        let mut cursor = String::new();
        for page in 1..=3 {
            let numbered = server.get(&format!("{all}=5&page={page}")).await;
            by_number.extend(ids(&numbered));
            let found = server.get(&format!("{all}=5{cursor}")).await;
            by_cursor.extend(ids(&found));
            let next = found.json()["data"]["pagination"]["next_cursor"].clone();
            assert_eq!(next, numbered.json()["data"]["pagination"]["next_cursor"]);
            assert_eq!(next.is_null(), page == 3);
            cursor = format!("&cursor={}", next.as_str().unwrap_or_default());
        }
        assert_eq!((&by_number, &by_cursor), (&whole, &whole));
        assert!(ids(&server.get(&format!("{all}=5&page=4")).await).is_empty());
    }
}

fn parameter() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![
        4 => proptest::sample::select(vec![
            "page", "page_size", "sort_by", "sort_order", "cursor", "status", "type",
            "workflow_id", "start_date", "end_date", "department",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,8}",
    ];
    let value = prop_oneof![
        2 => proptest::sample::select(vec![
            "0", "1", "3", "100", "101", "18446744073709551615", "18446744073709551616", "-1",
            "asc", "desc", "created_at", "name", "active", "completed", "completed,failed", ",",
            "2026-01-01", "2026-01-01T00:00:00Z", "9999-12-31", "-009999-01-01",
            "1.0190a0e1-0000-7000-8000-000000000000", "0190a0e1-0000-7000-8000-000000000000",
            "9223372036854775807.0190a0e1-0000-7000-8000-000000000000",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,12}",
        1 => any::<i64>().prop_map(|n| n.to_string()),
    ];
    (name, value)
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The response to any query is a page of at most the requested size, or an error with its field.
#[test]
fn lists_accept_or_reject_random_parameters() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(async {
        let server = Server::start().await;
        let steps = json!({"steps": [{"type": "StaticTextInput", "input": "a"}]});
        let workflow = active_of(&server, steps).await;
        for _ in 0..3 {
            executed(&server, &workflow, &json!({"metadata": {"department": "a"}})).await;
        }
        server
    });
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let lists = proptest::sample::select(vec![WORKFLOWS, EXECUTIONS]);
    let queries = (lists, proptest::collection::vec(parameter(), 0..5));
    let checked = runner.run(&queries, |(list, parameters)| {
        let query: Vec<_> =
            parameters.iter().map(|(k, v)| format!("{}={}", escaped(k), escaped(v))).collect();
        let response = runtime.block_on(server.get(&format!("{list}?{}", query.join("&"))));
        let body = response.json();
        match response.status.as_u16() {
            200 => {
                let pagination = &body["data"]["pagination"];
                let items = body["data"]["items"].as_array().unwrap().len() as u64;
                prop_assert!(items <= pagination["page_size"].as_u64().unwrap());
                prop_assert!(items <= pagination["total_items"].as_u64().unwrap());
            }
            400 => prop_assert!(body["errors"][0]["field"].is_string(), "{}", response.text),
            404 => prop_assert_eq!(&body["errors"][0]["code"], "WORKFLOW_NOT_FOUND"),
            other => prop_assert!(false, "{other}: {}", response.text),
        }
        Ok(())
    });
    checked.unwrap_or_else(|error| panic!("{error}"));
}
