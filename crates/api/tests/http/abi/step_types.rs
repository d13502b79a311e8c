//! Step types, and the schema of definitions.

use serde_json::json;

use super::{delete, refusal, refused};
use crate::support::{Response, Server};

const TYPES: &str = "/api/v1/step_types";

fn names(response: &Response) -> Vec<String> {
    let body = response.json();
    let items = body["data"]["items"].as_array().unwrap_or_else(|| panic!("{}", response.text));
    items.iter().map(|item| item["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn lists_sorts_filters_and_pages_step_types() {
    let server = Server::start().await;
    let all = server.get(&format!("{TYPES}?page_size=100")).await;
    let known: Vec<String> =
        stepwell_steps::ALL.iter().map(|t| t.type_spec().name.into()).collect();
    assert_eq!(names(&all), known, "sorted by name");

    let first = server.get(TYPES).await;
    assert_eq!(names(&first), known[..10]);
    let expect = json!({"page": 1, "page_size": 10, "total_items": known.len(),
        "total_pages": known.len().div_ceil(10)});
    assert_eq!(first.json()["data"]["pagination"], expect);
    assert_eq!(names(&server.get(&format!("{TYPES}?page=2")).await), known[10..20]);
    assert!(names(&server.get(&format!("{TYPES}?page=99")).await).is_empty());

    let last = server.get(&format!("{TYPES}?sort_order=desc&page_size=1")).await;
    assert_eq!(names(&last), known[known.len() - 1..]);
    let json = ["Json.Parse", "Json.Query", "Json.Stringify"];
    for query in ["category=JSON", "category=json&sort_by=category"] {
        assert_eq!(names(&server.get(&format!("{TYPES}?{query}")).await), json, "{query}");
    }
    let by_category = server.get(&format!("{TYPES}?sort_by=category&page_size=100")).await.json();
    let items = by_category["data"]["items"].as_array().unwrap();
    assert!(items.is_sorted_by_key(|item| item["category"].as_str()), "{by_category}");
    assert!(names(&server.get(&format!("{TYPES}?category=none")).await).is_empty());
}

#[tokio::test]
async fn shows_a_step_type_by_its_name_or_alias() {
    let server = Server::start().await;
    let reverse = server.get(&format!("{TYPES}/TextOperation.Reverse")).await;
    assert_eq!(reverse.status, 200, "{}", reverse.text);
    let body = reverse.json();
    assert_eq!(body["status"], "success");
    let data = &body["data"];
    let fields: Vec<&str> = data.as_object().unwrap().keys().map(String::as_str).collect();
    let expect = [
        "type",
        "aliases",
        "description",
        "documentation",
        "category",
        "effect",
        "effect_varies",
        "configuration_schema",
        "input_schema",
        "output_schema",
        "default_input",
        "default_output",
        "is_source",
        "ports",
        "secret_fields",
        "examples",
    ];
    assert_eq!(fields, expect);
    assert_eq!((&data["effect"], &data["effect_varies"]), (&json!("pure"), &json!(false)));
    assert_eq!(data["aliases"], json!(["TextOperations.Reverse"]));
    let by_alias = server.get(&format!("{TYPES}/TextOperations.Reverse")).await;
    assert_eq!(by_alias.text, reverse.text);

    let http = server.get(&format!("{TYPES}/HttpRequest")).await.json()["data"].clone();
    assert_eq!((&http["effect"], &http["effect_varies"]), (&json!("external"), &json!(true)));
    let headers = json!("config.headers");
    assert!(http["secret_fields"].as_array().unwrap().contains(&headers), "{http}");
}

#[tokio::test]
async fn every_example_is_a_valid_workflow() {
    let server = Server::start().await;
    let all = server.get(&format!("{TYPES}?page_size=100")).await.json();
    for step_type in all["data"]["items"].as_array().unwrap() {
        for example in step_type["examples"].as_array().unwrap() {
            let steps = json!([{"type": "StaticInput", "input": {}}, example]);
            let body = json!({"name": "example", "configuration": {"steps": steps}});
            let created = server.post(super::WORKFLOWS, &body).await;
            assert_eq!(created.status, 201, "{example}: {}", created.text);
        }
    }
}

#[tokio::test]
async fn rejects_invalid_requests() {
    let server = Server::start().await;
    for (query, field) in [
        ("page=0", "page"),
        ("page_size=101", "page_size"),
        ("page_size=x", "page_size"),
        ("sort_by=created_at", "sort_by"),
        ("sort_order=up", "sort_order"),
        ("category=Text&category=JSON", "category"),
    ] {
        let response = server.get(&format!("{TYPES}?{query}")).await;
        assert_eq!(refusal(&response), refused(400, "INVALID_REQUEST", field), "{query}");
    }
    let long = "x".repeat(2000);
    for name in ["TextOperation.Revers", "textoperation.reverse", "%F0%9F%90%99", &long] {
        let response = server.get(&format!("{TYPES}/{name}")).await;
        assert_eq!(refusal(&response), refused(404, "NOT_FOUND", "none"), "{name}");
        assert!(response.text.len() < 700, "{}", response.text);
    }
    let response = server.get(&format!("{TYPES}/%FF")).await;
    assert_eq!(refusal(&response), refused(404, "NOT_FOUND", "none"), "{}", response.text);
    let response = delete(&server, &format!("{TYPES}/Echo")).await;
    assert_eq!(refusal(&response), refused(405, "METHOD_NOT_ALLOWED", "none"));
}

#[tokio::test]
async fn every_key_can_read_step_types() {
    let server = Server::start().await;
    for scopes in [&["read:workflows:greet"][..], &["read:integrations"], &["read:metrics"]] {
        let key = server.key(scopes).await;
        let get = async |path: &str| {
            let request = axum::http::Request::get(path)
                .header("authorization", format!("Bearer {key}"))
                .body(axum::body::Body::empty());
            server.raw(request.unwrap()).await
        };
        for (path, expect) in [
            (TYPES.to_owned(), 200),
            (format!("{TYPES}/Echo"), 200),
            (format!("{TYPES}/Nothing"), 404),
            ("/step-types".to_owned(), 200),
        ] {
            let response = get(&path).await;
            assert_eq!(response.status, expect, "{scopes:?} {path}: {}", response.text);
        }
    }
}
