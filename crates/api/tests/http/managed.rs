//! What all kinds of managed objects have in common, over HTTP: versions, unique names, lists,
//! repeated requests, keys for one object.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::support::{Response, Server};

pub const JSON: (&str, &str) = ("content-type", "application/json");

/// A kind of managed object.
pub struct ManagedKind {
    /// The path of its list.
    pub path: &'static str,
    /// What one is called in messages.
    noun: &'static str,
    /// How scopes name it.
    scope: &'static str,
    /// A required field beside the name, which can have any text.
    field: &'static str,
    /// Whether the path of an object has its name, not its id.
    is_named: bool,
}

pub const TEMPLATES: ManagedKind = ManagedKind {
    path: "/api/v1/templates",
    noun: "template",
    scope: "templates",
    field: "body",
    is_named: false,
};

pub const VARIABLES: ManagedKind = ManagedKind {
    path: "/api/v1/variables",
    noun: "variable",
    scope: "variables",
    field: "value",
    is_named: true,
};

const KINDS: [&ManagedKind; 2] = [&TEMPLATES, &VARIABLES];

impl ManagedKind {
    fn body(&self, name: &str) -> Value {
        json!({"name": name, self.field: "a"})
    }

    fn change(&self, text: &str) -> Value {
        json!({self.field: text})
    }

    /// Creates an object.
    pub async fn create(&self, server: &Server, body: &Value) -> Response {
        let response = server.post(self.path, body).await;
        assert_eq!(response.status, StatusCode::CREATED, "{}", response.text);
        response
    }

    /// Creates an object with this name; returns its path.
    async fn create_named(&self, server: &Server, name: &str) -> String {
        let created = self.create(server, &self.body(name)).await;
        let field = if self.is_named { "/data/name" } else { "/data/id" };
        format!("{}/{}", self.path, created.text_at(field))
    }

    /// The names of a page, and the pagination.
    async fn list(&self, server: &Server, query: &str) -> (String, Value) {
        let listed = server.get(&format!("{}?{query}", self.path)).await;
        assert_eq!(listed.status, StatusCode::OK, "{query}: {}", listed.text);
        let data = listed.json()["data"].clone();
        let items = data["items"].as_array().unwrap().clone();
        let names: Vec<_> = items.iter().map(|item| item["name"].as_str().unwrap()).collect();
        (names.join(" "), data["pagination"].clone())
    }
}

/// Changes an object.
pub async fn change(server: &Server, method: &str, path: &str, body: &Value) -> Response {
    server.send(method, path, &[JSON], body.to_string()).await
}

#[tokio::test]
async fn a_change_of_another_version_is_rejected() {
    let server = Server::start().await;
    for kind in KINDS {
        let path = kind.create_named(&server, "one").await;
        let send = async |method: &str, tag: &str, body: &Value| {
            let body = if method == "DELETE" { String::new() } else { body.to_string() };
            server.send(method, &path, &[JSON, ("if-match", tag)], body).await
        };
        let second = send("PATCH", "\"1\"", &kind.change("b")).await;
        assert_eq!(second.json()["data"]["version"], 2, "{}", second.text);
        for method in ["PATCH", "PUT", "DELETE"] {
            let refused = send(method, "\"1\"", &kind.change("c")).await;
            let outdated = (412, "PRECONDITION_FAILED".to_owned());
            assert_eq!(refused.abi_refusal(), outdated, "{method}");
        }
        let third = send("PUT", "\"1\", \"2\"", &kind.change("c")).await;
        assert_eq!(third.json()["data"][kind.field], "c", "{}", third.text);
        assert_eq!(third.headers["etag"], "\"3\"");
        let refused = send("PUT", "3", &json!({})).await;
        assert_eq!(refused.abi_refusal(), (400, "INVALID_REQUEST".into()));
        assert_eq!(send("DELETE", "*", &json!({})).await.status, 200);
        assert_eq!(server.get(&path).await.abi_refusal(), (404, "NOT_FOUND".into()));
    }
}

#[tokio::test]
async fn a_name_is_taken_once_in_a_workspace() {
    let server = Server::start().await;
    for kind in KINDS {
        kind.create_named(&server, "one").await;
        let taken = server.post(kind.path, &kind.body("one")).await;
        assert_eq!(taken.abi_refusal(), (409, "INVALID_STATE".into()));
        let expected = format!("another {} has this name", kind.noun);
        assert!(taken.text.contains(&expected), "{}", taken.text);
        kind.create_named(&server, "One").await;
    }
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    let server = Server::start().await;
    for kind in KINDS {
        for name in ["b", "c", "a"] {
            kind.create_named(&server, name).await;
        }
        for (query, expect, total) in [
            ("", "a c b", 3),
            ("sort_order=asc", "b c a", 3),
            ("sort_by=name&sort_order=asc", "a b c", 3),
            ("sort_by=updated_at", "a c b", 3),
            ("name=b", "b", 1),
            ("name=missing", "", 0),
            ("page=2&page_size=2", "b", 3),
            ("page=9", "", 3),
        ] {
            let (names, pagination) = kind.list(&server, query).await;
            let found = (names.as_str(), &pagination["total_items"]);
            assert_eq!(found, (expect, &json!(total)), "{}?{query}", kind.path);
        }
        // Page by page, by cursor.
        for sort in ["sort_by=name&sort_order=asc", "sort_by=created_at", "sort_by=updated_at"] {
            let (all, _) = kind.list(&server, sort).await;
            let (mut found, mut query) = (Vec::new(), format!("{sort}&page_size=1"));
            loop {
                let (names, pagination) = kind.list(&server, &query).await;
                found.push(names);
                match pagination["next_cursor"].as_str() {
                    Some(cursor) => query = format!("{sort}&page_size=1&cursor={cursor}"),
                    None => break,
                }
            }
            assert_eq!(found.join(" "), all, "{sort}");
        }
        for (query, field) in [
            ("page=0", "page"),
            ("page_size=101", "page_size"),
            ("sort_by=body", "sort_by"),
            ("sort_order=up", "sort_order"),
            ("cursor=x", "cursor"),
            ("cursor=x&page=1", "cursor"),
            ("name=a&name=b", "name"),
        ] {
            let refused = server.get(&format!("{}?{query}", kind.path)).await;
            assert_eq!(refused.abi_refusal(), (400, "INVALID_REQUEST".into()), "{query}");
            assert_eq!(refused.text_at("/errors/0/field"), field, "{query}");
        }
    }
}

#[tokio::test]
async fn a_repeat_with_the_same_key_creates_nothing() {
    let server = Server::start().await;
    for kind in KINDS {
        let headers = [JSON, ("idempotency-key", kind.noun)];
        let body = kind.body("one").to_string();
        let first = server.send("POST", kind.path, &headers, body.clone()).await;
        let again = server.send("POST", kind.path, &headers, body).await;
        let expected = (StatusCode::CREATED, &again.text);
        assert_eq!((first.status, &first.text), expected, "{}", first.text);
        assert_eq!(again.headers["etag"], "\"1\"");
        assert_eq!(kind.list(&server, "").await.1["total_items"], 1);
    }
}

#[tokio::test]
async fn a_key_for_one_object_cannot_access_others() {
    let server = Server::start().await;
    for kind in KINDS {
        let mine = kind.create(&server, &kind.body("mine")).await.text_at("/data/id");
        let other = kind.create_named(&server, "other").await;
        let path = format!("{}/{}", kind.path, if kind.is_named { "mine" } else { &mine });
        for object in ["mine", &mine] {
            let scope = format!("read:{}:{object}", kind.scope);
            let key = server.key(&[&scope]).await;
            let status_of = async |path: &str| {
                let request = Request::get(path).header("x-api-key", &key);
                server.raw(request.body(Body::empty()).unwrap()).await.status.as_u16()
            };
            assert_eq!(status_of(&path).await, 200, "{scope}");
            assert_eq!(status_of(&other).await, 403, "{scope}");
            assert_eq!(status_of(kind.path).await, 403, "{scope}");
        }
    }
}
