//! `expand_meta`: what a request asks to be told of the work of language models, and where its
//! answer stands: in the end of each node that makes text in pieces.
//!
//! What nobody measured is `null`; what was not asked for is not there.

use serde_json::{Value, json};
use stepwell_core::{Map, Problem};
use uuid::Uuid;

use crate::json::{Fields, type_name};

/// The step type that makes its text in pieces. It measures nothing.
const STREAMS: &str = "StreamText";

/// What is asked for.
const NAMES: [&str; 3] = ["usage", "cost", "model_name"];

/// Which of [`NAMES`] a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExpandMeta([bool; NAMES.len()]);

impl ExpandMeta {
    /// Reads `expand_meta`; keys that nobody knows are passed over.
    pub fn read(fields: &mut Fields) -> Self {
        let asked = fields.object("expand_meta").unwrap_or_default();
        Self(NAMES.map(|name| match asked.get(name) {
            Some(Value::Bool(asked)) => *asked,
            None | Some(Value::Null) => false,
            Some(other) => {
                let place = format!("expand_meta.{name}");
                let problem = Problem::new(place, "must be true or false");
                fields.push(problem.with_expectation("boolean", type_name(other)));
                false
            }
        }))
    }

    /// What the end of a node tells beside its outputs; `null` where nothing was asked for, and
    /// for nodes that make no text in pieces.
    pub fn told(self, type_name: &str, output_id: Uuid, output: Option<&Value>) -> Value {
        if type_name != STREAMS || self == Self::default() {
            return Value::Null;
        }
        let asked = NAMES.iter().zip(self.0).filter(|(_, asked)| *asked);
        let meta: Map = asked.map(|(name, _)| ((*name).to_owned(), Value::Null)).collect();
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

    fn read(asked: Value) -> ExpandMeta {
        let mut fields = Fields::of(json!({ "expand_meta": asked })).unwrap();
        let read = ExpandMeta::read(&mut fields);
        fields.finish_open().unwrap();
        read
    }

    #[test]
    fn what_is_asked_for_is_told() {
        let output = json!({"text": "hi"});
        for (asked, expect) in [
            (json!(null), None),
            (json!({}), None),
            (json!({"usage": false, "cost": null, "other": 1}), None),
            (json!({"cost": true}), Some(json!({"cost": null}))),
            (
                json!({"usage": true, "cost": false, "model_name": true}),
                Some(json!({"usage": null, "model_name": null})),
            ),
        ] {
            let told = read(asked.clone()).told(STREAMS, Uuid::nil(), Some(&output));
            assert_eq!(told.pointer("/data/execution_meta").cloned(), expect, "{asked}");
            assert_eq!(told.is_null(), expect.is_none(), "{asked}");
        }
        let all = read(json!({"usage": true}));
        assert_eq!(all.told("Echo", Uuid::nil(), Some(&output)), Value::Null);
    }
}
