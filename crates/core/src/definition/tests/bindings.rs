//! Where inputs come from when they are not, or not all, written.

use serde_json::{Value, json};

use super::planned;
use crate::definition::plan::{InputBinding, InputFeed, OptionalFeed};

fn feed_of(steps: Value, inputs: Value, index: usize) -> Option<InputFeed> {
    let mut source = json!({"name": "n", "steps": steps});
    if !inputs.is_null() {
        source["inputs"] = inputs;
    }
    let mut plan = planned(source);
    match plan.steps.swap_remove(index).input {
        InputBinding::Feed(feed) => Some(feed),
        InputBinding::Template { rest, .. } => rest,
    }
}

#[test]
fn feeds() {
    let text = Some("text");
    let step =
        |from: u32, property, into| Some(InputFeed::Step { from: from.into(), property, into });
    let source = json!({"type": "StaticTextInput", "input": "x"});
    for (steps, inputs, index, expected) in [
        (json!([source, "TextOperation.Reverse"]), Value::Null, 1, step(0, text, text)),
        (json!([source, "Echo"]), Value::Null, 1, step(0, None, None)),
        (json!([source, "Echo", "TextOperation.Reverse"]), Value::Null, 2, step(1, text, text)),
        (json!([source, {"type": "Echo", "input": 1}]), Value::Null, 1, None),
        (
            json!([{"type": "TextOperation.Split", "config": {"separator": ","}}]),
            json!({"text": "string"}),
            0,
            Some(InputFeed::Inputs { properties: vec!["text".into()] }),
        ),
        (json!(["Echo"]), json!({"a": "string"}), 0, Some(InputFeed::AllInputs)),
        (
            json!([source, {"type": "HttpRequest", "config": {"url": "u"}, "input": {"query": {"a": 1}}}]),
            Value::Null,
            1,
            step(0, text, Some("body")),
        ),
        (
            json!([source, {"id": "b", "type": "StaticTextInput", "input": "y", "after": []},
                {"type": "Echo", "after": ["static_text_input", "b"]}]),
            Value::Null,
            2,
            Some(InputFeed::Steps { from: vec![0.into(), 1.into()] }),
        ),
        (
            json!([{"type": "TextOperation.Reverse", "input": {}}]),
            Value::Null,
            0,
            Some(InputFeed::Inputs { properties: vec!["text".into()] }),
        ),
    ] {
        assert_eq!(feed_of(steps.clone(), inputs, index), expected, "{steps}");
    }
}

#[test]
fn proofs() {
    for (steps, inputs, proven) in [
        (json!(["TextOperation.Reverse"]), json!({"text": "string"}), true),
        (json!(["TextOperation.Reverse"]), json!({"text": "any"}), false),
        (json!(["TextOperation.Reverse"]), Value::Null, true),
        (
            json!([{"type": "TextOperation.Reverse", "input": "a {{ inputs.x }}"}]),
            Value::Null,
            true,
        ),
        (json!([{"type": "TextOperation.Reverse", "input": "{{ inputs.x }}"}]), Value::Null, true),
        (
            json!([{"type": "TextOperation.Reverse", "input": "{{ inputs.x | upper }}"}]),
            Value::Null,
            false,
        ),
        (
            json!([{"type": "TextOperation.Reverse", "input": "{{ inputs.x }}"}]),
            json!({"x": "any"}),
            false,
        ),
        (
            json!([{"type": "HttpRequest", "config": {"url": "u"}, "input": {"query": "{{ inputs.q }}"}}]),
            json!({"q": "object"}),
            true,
        ),
    ] {
        let mut source = json!({"name": "n", "steps": steps});
        if !inputs.is_null() {
            source["inputs"] = inputs;
        }
        assert_eq!(planned(source.clone()).steps[0].input_proven, proven, "{source}");
    }
    let failing = planned(json!({"name": "n", "steps": [
        {"type": "StaticTextInput", "input": "x", "on_error": "continue"}, "TextOperation.Reverse"]}));
    assert!(!failing.steps[1].input_proven);
}

#[test]
fn an_optional_step_of_the_list_is_bypassed() {
    let text = Some("text");
    let step = |from: u32, property, into| InputFeed::Step { from: from.into(), property, into };
    let source = json!({"type": "StaticTextInput", "input": "x"});
    let optional = json!({"type": "TextOperation.Reverse", "when": "inputs.w"});
    let optional_feed = |step: u32, feed| OptionalFeed { step: step.into(), feed };
    let steps = json!([source, optional, optional, "TextOperation.Reverse"]);
    let expected = InputFeed::FirstOf {
        optional: vec![
            optional_feed(2, step(2, text, text)),
            optional_feed(1, step(1, text, text)),
        ],
        last: Box::new(step(0, text, text)),
    };
    assert_eq!(feed_of(steps, Value::Null, 3), Some(expected));

    // The first step of the list has the inputs of the workflow before it.
    let first = json!([{"type": "Echo", "when": "inputs.w"}, "TextOperation.Reverse"]);
    let expected = InputFeed::FirstOf {
        optional: vec![optional_feed(0, step(0, None, text))],
        last: Box::new(InputFeed::Inputs { properties: vec!["text".into()] }),
    };
    let inputs = json!({"w": "boolean", "text": "string"});
    let found = feed_of(first, inputs, 1);
    let Some(InputFeed::FirstOf { last, .. }) = found else { panic!("{found:?}") };
    let InputFeed::FirstOf { last: expected, .. } = expected else { panic!() };
    assert_eq!(last, expected);

    // An explicit `after` waits for that step alone.
    let explicit = json!([source, {"id": "o", "type": "TextOperation.Reverse", "when": "inputs.w"},
        {"type": "TextOperation.Reverse", "after": ["o"]}]);
    assert_eq!(feed_of(explicit, Value::Null, 2), Some(step(1, text, text)));
}

#[test]
fn the_types_of_both_ways_are_known() {
    let schema = |steps: Value| {
        let plan = planned(json!({"name": "n", "steps": steps}));
        let last = plan.steps.last().unwrap();
        (last.output_schema.clone(), last.input_proven)
    };
    let source = json!({"type": "StaticTextInput", "input": "x"});
    let optional = json!({"type": "TextOperation.Reverse", "when": "inputs.w"});
    let (_, proven) = schema(json!([source, optional, "TextOperation.Reverse"]));
    assert!(proven, "a text either way");
    let size = json!({"type": "TextOperation.Size"});
    let given = json!({"type": "StaticTextInput", "input": "y", "when": "inputs.w"});
    let (either, _) = schema(json!([source, size, given, "Echo"]));
    assert_eq!(either["properties"], json!({}), "they have no property in common: {either}");
    assert_eq!(either["additionalProperties"], true, "{either}");
}
