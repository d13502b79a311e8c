//! The parameters of lists.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{EXECUTIONS, WORKFLOWS, active_of, executed, refusal, refused};
use crate::support::{Answer, Server};

async fn labelled(server: &Server, name: &str, metadata: Value) {
    let steps = json!([{"type": "StaticTextInput", "input": "a"}]);
    let body = json!({"name": name, "configuration": {"steps": steps}, "metadata": metadata});
    assert_eq!(server.post(WORKFLOWS, &body).await.status, 201);
}

fn names(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    let items = body["data"]["items"].as_array().unwrap_or_else(|| panic!("{}", answer.text));
    items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn workflows_are_filtered_sorted_and_cut() {
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
        let answer = server.get(&format!("{WORKFLOWS}{query}")).await;
        assert_eq!(names(&answer), expect, "{query}");
        let pagination = &answer.json()["data"]["pagination"];
        assert_eq!(pagination["total_items"], expect.len(), "{query}");
        assert_eq!(pagination["total_pages"], usize::from(!expect.is_empty()), "{query}");
    }
    let second = server.get(&format!("{WORKFLOWS}?sort_by=name&page=2&page_size=2")).await;
    assert_eq!(names(&second), ["a"]);
    let expect = json!({"page": 2, "page_size": 2, "total_items": 3, "total_pages": 2,
        "next_cursor": null});
    assert_eq!(second.json()["data"]["pagination"], expect);
}

/// Whatever becomes of the workflow that a page ended with, the next one begins where it stood.
#[tokio::test]
async fn a_cursor_keeps_its_place() {
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
        // A place in one order is none in another.
        let other = server.get(&format!("{WORKFLOWS}?sort_by=type&cursor={cursor}")).await;
        assert_eq!(refusal(&other), refused(400, "INVALID_REQUEST", "cursor"));
    }
}

#[tokio::test]
async fn wrong_parameters_are_named() {
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
            let answer = server.get(&format!("{list}?{query}")).await;
            let expect = refused(400, "INVALID_REQUEST", field);
            assert_eq!(refusal(&answer), expect, "{list} {query} {}", answer.text);
        }
        let many: Vec<_> = (0..17).map(|n| format!("l{n}=a")).collect();
        let answer = server.get(&format!("{list}?{}", many.join("&"))).await;
        assert_eq!(refusal(&answer).0, 400, "{}", answer.text);
    }
    for (query, field) in [
        ("workflow_id=x", "workflow_id"),
        ("start_date=yesterday", "start_date"),
        ("start_date=2026-11-21T00:00:00", "start_date"),
        ("end_date=2026-02-30", "end_date"),
        ("start_date=2026-02-02&end_date=2026-02-01", "end_date"),
        ("sort_by=duration_ms", "sort_by"),
    ] {
        let answer = server.get(&format!("{EXECUTIONS}?{query}")).await;
        assert_eq!(refusal(&answer), refused(400, "INVALID_REQUEST", field), "{query}");
    }
    let unknown = format!("{EXECUTIONS}?workflow_id=wf_01h455vb4pex5vsknk084sn02q");
    let answer = server.get(&unknown).await;
    assert_eq!(refusal(&answer), refused(404, "WORKFLOW_NOT_FOUND", "none"));
}

#[tokio::test]
async fn executions_are_filtered_and_every_page_is_found() {
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
        let answer = server.get(&format!("{EXECUTIONS}?{query}")).await;
        answer.json()["data"]["pagination"]["total_items"].as_u64().unwrap()
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

    let ids = |answer: &Answer| -> Vec<String> {
        let items = answer.json()["data"]["items"].as_array().unwrap().clone();
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

/// Whatever is asked, the answer is a page or says what is wrong, and never more than was asked.
#[test]
fn no_parameters_break_a_list() {
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
    let asked = (lists, proptest::collection::vec(parameter(), 0..5));
    let checked = runner.run(&asked, |(list, parameters)| {
        let query: Vec<_> =
            parameters.iter().map(|(k, v)| format!("{}={}", escaped(k), escaped(v))).collect();
        let answer = runtime.block_on(server.get(&format!("{list}?{}", query.join("&"))));
        let body = answer.json();
        match answer.status.as_u16() {
            200 => {
                let pagination = &body["data"]["pagination"];
                let items = body["data"]["items"].as_array().unwrap().len() as u64;
                prop_assert!(items <= pagination["page_size"].as_u64().unwrap());
                prop_assert!(items <= pagination["total_items"].as_u64().unwrap());
            }
            400 => prop_assert!(body["errors"][0]["field"].is_string(), "{}", answer.text),
            404 => prop_assert_eq!(&body["errors"][0]["code"], "WORKFLOW_NOT_FOUND"),
            other => prop_assert!(false, "{other}: {}", answer.text),
        }
        Ok(())
    });
    checked.unwrap_or_else(|error| panic!("{error}"));
}
