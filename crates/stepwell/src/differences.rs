//! The differences between two JSON documents.

use serde_json::{Value, json};

/// A place in which two documents differ; `None`: it is missing there.
#[derive(Debug, PartialEq)]
pub struct Difference {
    /// Its path, such as `steps[0].config.template`.
    pub path: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

impl Difference {
    pub fn to_json(&self) -> Value {
        json!({"path": self.path, "server": self.before, "file": self.after})
    }
}

/// The smallest places in which `after` differs from `before`, in the order of `before`.
pub fn find_differences(before: &Value, after: &Value) -> Vec<Difference> {
    find_differences_at("", Some(before), Some(after))
}

/// The differences of the values at `path`; `None`: it is missing there.
pub fn find_differences_at(
    path: &str,
    before: Option<&Value>,
    after: Option<&Value>,
) -> Vec<Difference> {
    let mut found = Vec::new();
    collect_differences(path, before, after, &mut found);
    found
}

fn collect_differences(
    path: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let added = new.keys().filter(|name| !old.contains_key(*name));
            for name in old.keys().chain(added) {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect_differences(&path, old.get(name), new.get(name), found);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for at in 0..old.len().max(new.len()) {
                collect_differences(&format!("{path}[{at}]"), old.get(at), new.get(at), found);
            }
        }
        (before, after) if before == after => {}
        (before, after) => found.push(Difference {
            path: path.to_owned(),
            before: before.cloned(),
            after: after.cloned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_as_small_as_possible() {
        let before = json!({"name": "a", "steps": [{"id": "x", "n": 1}, {"id": "y"}], "old": null});
        let after = json!({"name": "a", "steps": [{"id": "x", "n": 2}], "new": {"k": []}});
        let found: Vec<Value> =
            find_differences(&before, &after).iter().map(Difference::to_json).collect();
        assert_eq!(
            found,
            [
                json!({"path": "steps[0].n", "server": 1, "file": 2}),
                json!({"path": "steps[1]", "server": {"id": "y"}, "file": null}),
                json!({"path": "old", "server": null, "file": null}),
                json!({"path": "new", "server": null, "file": {"k": []}}),
            ]
        );
        assert_eq!(find_differences(&before, &before), []);
        assert_eq!(find_differences(&json!([1]), &json!({})).len(), 1);
    }
}
