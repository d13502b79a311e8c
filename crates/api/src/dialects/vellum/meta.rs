//! `expand_meta`: which measurements of language models a request wants. They are in the end event of
//! each node that outputs text in pieces.
//!
//! A requested value that was not measured is `null`; the others are absent.

use serde_json::{Value, json};
use stepwell_core::{Map, Problem};
use uuid::Uuid;

use crate::fields::{Fields, unknown_field};
use crate::json::type_name;

/// The step type that makes its text in pieces. It measures nothing.
const STREAMS: &str = "StreamText";

/// The values that can be requested.
const NAMES: [&str; 3] = ["usage", "cost", "model_name"];

/// Which of [`NAMES`] are requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExpandMeta([bool; NAMES.len()]);

impl ExpandMeta {
    /// Reads `expand_meta`; an unknown key is a problem.
    pub fn read(fields: &mut Fields, requested: &Map) -> Self {
        for name in requested.keys().filter(|name| !NAMES.contains(&name.as_str())) {
            let mut problem = unknown_field(name, &NAMES);
            problem.path = format!("expand_meta.{}", problem.path);
            fields.push(problem);
        }
        Self(NAMES.map(|name| match requested.get(name) {
            Some(Value::Bool(is_requested)) => *is_requested,
            None | Some(Value::Null) => false,
            Some(other) => {
                let place = format!("expand_meta.{name}");
                let problem = Problem::new(place, "must be true or false");
                fields.push(problem.with_expectation("boolean", type_name(other)));
                false
            }
        }))
    }

    /// What the end event of a node has besides its outputs; `null` if nothing was requested, and
    /// for nodes that output no text in pieces.
    pub fn node_end(self, type_name: &str, output_id: Uuid, output: Option<&Value>) -> Value {
        if type_name != STREAMS || self == Self::default() {
            return Value::Null;
        }
        let requested = NAMES.iter().zip(self.0).filter(|(_, is_requested)| *is_requested);
        let meta: Map = requested.map(|(name, _)| ((*name).to_owned(), Value::Null)).collect();
        let text = output.and_then(|output| output.get("text"));
        json!({
            "type": "PROMPT",
            "data": {"execution_meta": meta, "output_id": output_id, "text": text},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(requested: Value) -> ExpandMeta {
        let mut fields = Fields::of(json!({ "expand_meta": requested })).unwrap();
        let requested = fields.object("expand_meta").unwrap_or_default();
        let read = ExpandMeta::read(&mut fields, &requested);
        fields.finish_open().unwrap();
        read
    }

    #[test]
    fn requested_values_are_present() {
        let output = json!({"text": "hi"});
        for (requested, expect) in [
            (json!(null), None),
            (json!({}), None),
            (json!({"usage": false, "cost": null}), None),
            (json!({"cost": true}), Some(json!({"cost": null}))),
            (
                json!({"usage": true, "cost": false, "model_name": true}),
                Some(json!({"usage": null, "model_name": null})),
            ),
        ] {
            let meta = read(requested.clone()).node_end(STREAMS, Uuid::nil(), Some(&output));
            assert_eq!(meta.pointer("/data/execution_meta").cloned(), expect, "{requested}");
            assert_eq!(meta.is_null(), expect.is_none(), "{requested}");
        }
        let all = read(json!({"usage": true}));
        assert_eq!(all.node_end("Echo", Uuid::nil(), Some(&output)), Value::Null);
    }
}
