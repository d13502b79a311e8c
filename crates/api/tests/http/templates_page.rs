//! The examples of the page about templates return the responses shown.

use serde_json::Value;

use crate::support::Server;

const PAGE: &str = include_str!("../../../../docs/templates.md");

/// A call of the page: method, path, body.
type Call = (String, String, String);

/// The blocks of a page with their languages, in order.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, begun)) = rest.split_once("\n```") {
        let (block, after) = begun.split_once("\n```").unwrap();
        let (language, text) = block.split_once('\n').unwrap();
        found.push((language, text));
        rest = after;
    }
    found
}

fn calls(commands: &str) -> Vec<Call> {
    let each = commands.split("curl -X ").skip(1);
    each.map(|command| {
        let (method, rest) = command.split_once(' ').unwrap();
        let url = rest.split_whitespace().next().unwrap();
        let path = url.strip_prefix("http://127.0.0.1:8080").unwrap();
        let body =
            rest.split_once("-d '").map_or("", |(_, body)| body.rsplit_once('\'').unwrap().0);
        (method.to_owned(), path.to_owned(), body.to_owned())
    })
    .collect()
}

/// Ids and times differ from one run to the next.
fn compare(found: &Value, shown: &Value) {
    let (found, shown) = (found.as_object().unwrap(), shown.as_object().unwrap());
    assert!(found.keys().eq(shown.keys()), "{found:?}");
    for (name, value) in shown {
        if name != "id" && !name.ends_with("_at") {
            assert_eq!(&found[name], value, "{name}");
        }
    }
}

#[tokio::test]
async fn every_call_of_the_page_returns_the_response_shown() {
    let server = Server::start().await;
    let (mut id, mut last, mut compared) = (String::new(), Value::Null, 0);
    for (language, text) in blocks(PAGE) {
        match language {
            "sh" => {
                for (method, path, body) in calls(text) {
                    let path = path.replace("tpl_…", &id);
                    let headers = [("content-type", "application/json")];
                    let response = server.send(&method, &path, &headers, body).await;
                    assert!(response.status.is_success(), "{method} {path}: {}", response.text);
                    last = response.json()["data"].clone();
                    if let Some(created) = last["id"].as_str() {
                        id = created.to_owned();
                    }
                }
            }
            "json" => {
                compare(&last, &serde_json::from_str(text).unwrap());
                compared += 1;
            }
            _ => {}
        }
    }
    assert_eq!(compared, 4);
}
