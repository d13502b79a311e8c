//! The lines of the file that a `Map` with `collect: file` gives, one for each item.

use super::block_run::BodyResult;
use super::map_results::error_fields;

/// The line of an item in the file of a `Map`: `{"index": 0, "output": …}`, or
/// `{"index": 3, "error": {"code": …, "message": …, "step": …, "details": …}}`.
#[derive(Debug, Clone, Copy)]
pub struct ItemLine<'a> {
    index: u32,
    result: &'a BodyResult,
}

impl<'a> ItemLine<'a> {
    /// The line of the item at a position of the list, from 0.
    pub const fn new(index: u32, result: &'a BodyResult) -> Self {
        Self { index, result }
    }

    /// The text of the line, with the line break.
    pub fn text(&self) -> String {
        let index = self.index;
        let (name, value) = match self.result {
            BodyResult::Completed(output) => ("output", output.to_string()),
            BodyResult::Failed(error) => ("error", error_fields(error).to_string()),
        };
        format!("{{\"index\":{index},\"{name}\":{value}}}\n")
    }

    /// The length of the text, in bytes.
    pub(in crate::execution) fn byte_count(&self) -> usize {
        self.text().len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::execution::failure::Failure;

    #[test]
    fn a_line_is_an_object_on_one_line() {
        let output = json!({"text": "a\nb", "é": [1, 2.5, null]});
        let completed = BodyResult::Completed(Arc::new(output.clone()));
        let failed = BodyResult::Failed(Failure {
            step: Some("m[7].a".into()),
            ..Failure::new("BAD", "\n")
        });
        let error = json!({"code": "BAD", "message": "\n", "step": "m[7].a", "details": null});
        for (result, expected) in [
            (&completed, json!({"index": 7, "output": output})),
            (&failed, json!({"index": 7, "error": error})),
        ] {
            let line = ItemLine::new(7, result);
            let text = line.text();
            assert_eq!(text.find('\n'), Some(text.len() - 1), "{text}");
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
            assert_eq!(line.byte_count(), text.len());
        }
    }
}
