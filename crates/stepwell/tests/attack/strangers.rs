//! Every operation without a key, with a wrong one, with one that lacks the scopes, and with the
//! admin key of another workspace.

use serde_json::{Value, json};

use crate::Topic;
use crate::operations::{Operation, check, description, operations};
use crate::random::sample;
use crate::target::Target;
use crate::world::{MARK, World};

/// The caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stranger {
    NoKey,
    WrongKey,
    /// A valid key with a scope that no operation needs.
    NoScope,
    /// The admin of another workspace.
    Elsewhere,
}

struct Keys {
    no_scope: String,
    elsewhere: String,
}

impl Keys {
    async fn new(target: &Target) -> Self {
        let post = async |path: &str, body: Value| {
            let reply = target.post(path, body.to_string().into()).await;
            assert_eq!(reply.status, 201, "{path}: {}", reply.text());
            reply.json()["data"].clone()
        };
        let keys = "/api/v1/auth/api-keys";
        let no_scope = post(keys, json!({"name": "none", "scopes": ["read:integrations"]})).await;
        let elsewhere = post("/api/v1/workspaces", json!({"name": "elsewhere"})).await;
        let admin = json!({"name": "theirs", "scopes": ["admin"], "workspace_id": elsewhere["id"]});
        let admin = post(keys, admin).await;
        let secret = |key: &Value| key["secret"].as_str().unwrap().to_owned();
        Self { no_scope: secret(&no_scope), elsewhere: secret(&admin) }
    }

    fn of(&self, stranger: Stranger) -> Option<&str> {
        match stranger {
            Stranger::NoKey => None,
            Stranger::WrongKey => Some("sk_live_00000000000000000000000000000000"),
            Stranger::NoScope => Some(&self.no_scope),
            Stranger::Elsewhere => Some(&self.elsewhere),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_see_and_change_nothing() {
    use Stranger::{Elsewhere, NoKey, NoScope, WrongKey};
    let mut topic = Topic::begin("strangers").await;
    let target = Target::start().await;
    let description = description();
    let operations = operations(&description);
    let world = World::new(&target, &operations).await;
    let before = world.snapshot(&target).await;
    assert!(before.len() > 10, "{before:#?}");
    let mut keys = Keys::new(&target).await;
    loop {
        for operation in &operations {
            for stranger in [NoKey, WrongKey, NoScope, Elsewhere] {
                let path = world.fill(&operation.path, &mut topic.random);
                let body = operation.body.as_ref();
                let body = body.map(|body| sample(body, &description, &mut topic.random, 8));
                let revokes = operation.method == "DELETE" && path.contains("/api-keys/");
                let request = Attempt { operation, path: &path, body: body.as_ref(), stranger };
                request.send(&target, &keys, &world).await;
                if revokes {
                    keys = Keys::new(&target).await;
                }
            }
        }
        if topic.is_over() {
            break;
        }
    }
    let after = world.snapshot(&target).await;
    assert_eq!(after, before, "a stranger changed something");
    target.finish().await;
}

/// A request of a stranger.
struct Attempt<'a> {
    operation: &'a Operation,
    path: &'a str,
    body: Option<&'a Value>,
    stranger: Stranger,
}

impl Attempt<'_> {
    /// Sends the request and checks that it shows nothing.
    async fn send(self, target: &Target, keys: &Keys, world: &World) {
        let Self { operation, path, body, stranger } = self;
        let mut request = target.request(&operation.method, path);
        if let Some(key) = keys.of(stranger) {
            request = request.header("x-api-key", key);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let shown = format!("{stranger:?}: {} {path}\n{body:?}", operation.method);
        let reply = target.send(request).await.unwrap_or_else(|| panic!("no response: {shown}"));
        check(&shown, path, &reply);
        let shown = format!("{shown}\n{} {}", reply.status, reply.text());
        assert!(
            !String::from_utf8_lossy(&reply.body).contains(MARK),
            "it shows the object: {shown}"
        );
        if operation.is_public {
            return;
        }
        match stranger {
            Stranger::NoKey | Stranger::WrongKey => assert_eq!(reply.status, 401, "{shown}"),
            // Every key can read information about itself.
            Stranger::NoScope => {
                let own = operation.method == "GET" && !path.contains("/workflow");
                assert!(own || reply.status == 403, "{shown}");
            }
            Stranger::Elsewhere => {
                assert!(!world.names_object(path) || reply.status >= 400, "{shown}");
            }
        }
    }
}
