//! Objects of a workspace, and the paths of the API that accept their ids.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::operations::Operation;
use crate::random::Random;
use crate::target::Target;

/// Part of every text of the objects, and of no id.
pub const MARK: &str = "xyzzy-mark";

/// Ids that no object has, each a worst case of a parser. They are part of a URL.
const HOSTILE: &[&str] = &[
    "0",
    "-1",
    "%00",
    "%ff%fe",
    "..%2f..%2fetc%2fpasswd",
    "%E2%80%AE",
    "'%20OR%201=1--",
    "null",
    "wf-",
    "wf-00000000000000000000000000",
    "ex-01h455vb4pex5vsknk084sn02q",
    "%7B%7B1%7D%7D",
    "*",
    "%20",
    "LATEST",
    "99999999999999999999",
    "%0d%0aX-A:%20b",
    "a%2Fb",
    "\u{e9}",
    "%F0%9F%98%80",
];

pub struct World {
    /// Ids of objects, which no other workspace may see.
    objects: Vec<String>,
    /// By path up to a parameter: the values for which `GET` finds an object.
    fitting: BTreeMap<String, Vec<String>>,
}

impl World {
    /// Creates the objects with the admin key and finds the paths that accept their ids.
    pub async fn new(target: &Target, operations: &[Operation]) -> Self {
        let mut objects = Vec::new();
        let mut create = async |path: &str, body: Value| {
            let reply = target.post(path, body.to_string().into_bytes()).await;
            assert!(reply.status < 300, "{path}: {} {}", reply.status, reply.text());
            let created = reply.json();
            collect_ids(&created, &mut objects);
            created
        };
        let definition = json!({"name": format!("world {MARK}"), "description": MARK,
            "metadata": {"label": MARK}, "inputs": {"in": {"default": MARK}},
            "steps": [{"type": "Echo", "input": "{{ inputs.in }}"}]});
        let workflow = create("/workflows", definition).await;
        let workflow = workflow["workflow_id"].as_str().unwrap();
        create(&format!("/workflows/{workflow}/execute?wait=true"), json!({})).await;
        let yearly = json!({"name": MARK, "schedule_type": "cron", "cron_expression": "0 0 1 1 *"});
        create(&format!("/api/v1/workflows/{workflow}/schedules"), yearly).await;
        // No process listens on this port.
        let hook =
            json!({"url": format!("http://127.0.0.1:9/{MARK}"), "events": ["workflow.deleted"]});
        let hook = create("/api/v1/webhooks", hook).await;
        let test = format!("/api/v1/webhooks/{}/test", hook["data"]["id"].as_str().unwrap());
        create(&test, json!({})).await;
        create("/api/v1/workspaces", json!({"name": MARK})).await;
        create("/api/v1/auth/api-keys", json!({"name": MARK, "role": "user"})).await;
        objects.sort();
        objects.dedup();
        let world = Self::of(target, operations, objects).await;
        let without: Vec<_> = world.fitting.iter().filter(|(_, ids)| ids.is_empty()).collect();
        assert!(without.len() * 4 < world.fitting.len(), "no object is known for {without:?}");
        world
    }

    /// The same of objects that are there.
    pub async fn of(target: &Target, operations: &[Operation], objects: Vec<String>) -> Self {
        let mut world = Self { objects, fitting: BTreeMap::new() };
        world.learn(target, operations).await;
        world
    }

    /// Tries every id at every path that ends with a parameter.
    async fn learn(&mut self, target: &Target, operations: &[Operation]) {
        let mut values = self.objects.clone();
        values.extend(["LATEST", "Echo", "1"].map(str::to_owned));
        // Short paths first: the values of their parameters are needed for the longer ones.
        let mut paths: Vec<&str> = operations.iter().flat_map(|one| prefixes(&one.path)).collect();
        paths.sort_by_key(|path| path.matches('{').count());
        paths.dedup();
        let mut random = Random::new(0, "learn");
        for path in paths {
            if self.fitting.contains_key(path) {
                continue;
            }
            let below = operations.iter().filter(|one| {
                let rest = one.path.strip_prefix(path);
                one.method == "GET"
                    && rest.is_some_and(|rest| !rest.contains('{') && !rest.ends_with("/events"))
            });
            let Some(shown) = below.min_by_key(|one| one.path.len()) else { continue };
            let mut fitting = Vec::new();
            for value in &values {
                let (begin, _) = path.rsplit_once('{').unwrap();
                let begin = self.fill(begin, &mut random);
                let rest = shown.path.strip_prefix(path).unwrap_or_default();
                if target.get(&format!("{begin}{value}{rest}")).await.status == 200 {
                    fitting.push(value.clone());
                }
            }
            self.fitting.insert(path.to_owned(), fitting);
        }
    }

    /// The path with real ids for its parameters, if some are known.
    pub fn fill(&self, path: &str, random: &mut Random) -> String {
        self.fill_with(path, random, false)
    }

    /// As `fill`; any of the ids may be a hostile one.
    pub fn fill_hostile(&self, path: &str, random: &mut Random) -> String {
        self.fill_with(path, random, true)
    }

    fn fill_with(&self, path: &str, random: &mut Random, hostile: bool) -> String {
        let mut filled = String::new();
        let mut rest = path;
        for prefix in prefixes(path) {
            let (before, _) = prefix.rsplit_once('{').unwrap();
            filled.push_str(&before[path.len() - rest.len()..]);
            let none = Vec::new();
            let fitting = self.fitting.get(prefix).unwrap_or(&none);
            let made_up = random.pick(HOSTILE);
            match fitting.get(random.below(fitting.len().max(1))) {
                Some(_) if hostile && random.one_in(5) => filled.push_str(&"a".repeat(5000)),
                Some(_) if hostile && random.one_in(4) => filled.push_str(made_up),
                Some(id) => filled.push_str(id),
                None => filled.push_str(made_up),
            }
            rest = &path[prefix.len()..];
        }
        filled + rest
    }

    /// Whether the path names an object of this world.
    pub fn names_object(&self, path: &str) -> bool {
        self.objects.iter().any(|id| path.contains(id))
    }

    /// All views of the objects.
    pub async fn snapshot(&self, target: &Target) -> BTreeMap<String, Value> {
        let mut all = BTreeMap::new();
        let mut random = Random::new(0, "snapshot");
        for (path, ids) in &self.fitting {
            let (begin, _) = path.rsplit_once('{').unwrap();
            let begin = self.fill(begin, &mut random);
            for id in ids.iter().filter(|id| self.objects.contains(id)) {
                let path = format!("{begin}{id}");
                let mut shown = target.get(&path).await.json();
                for part in ["request_id", "timestamp", "meta"] {
                    shown.as_object_mut().map(|object| object.shift_remove(part));
                }
                if path.contains("/webhooks/") {
                    // Deliveries are attempted meanwhile.
                    shown = json!([shown["data"]["url"], shown["data"]["events"]]);
                }
                all.insert(path, shown);
            }
        }
        all
    }
}

/// The path up to and with each of its parameters.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('}').map(|(at, _)| &path[..=at])
}

fn collect_ids(value: &Value, ids: &mut Vec<String>) {
    for (name, inner) in value.as_object().into_iter().flatten() {
        match inner {
            Value::String(text) if name == "id" || name.ends_with("_id") => {
                // The default workspace must keep its limits.
                let foreign = ["request_id", "workspace_id", "user_id"].contains(&name.as_str());
                if !foreign && !text.is_empty() && text.is_ascii() {
                    ids.push(text.clone());
                }
            }
            inner => collect_ids(inner, ids),
        }
    }
}
