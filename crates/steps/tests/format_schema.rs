//! The JSON Schema of definitions, with all step types: it accepts what the server accepts, and
//! rejects what a schema can detect.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

use std::fs;
use std::path::Path;

use jsonschema::Validator;
use serde_json::{Value, json};
use stepwell_core::catalog::StepCatalog;
use stepwell_core::definition::{self, DefinitionLimits, SourceFormat};

fn validator() -> Validator {
    jsonschema::validator_for(&definition::format_schema(stepwell_steps::step_registry())).unwrap()
}

fn is_accepted(source: &Value) -> bool {
    definition::plan_source(source, stepwell_steps::step_registry(), &DefinitionLimits::default())
        .is_ok()
}

fn violations(validator: &Validator, source: &Value) -> Vec<String> {
    validator.iter_errors(source).map(|error| error.to_string()).collect()
}

#[test]
fn every_example_file_fits() {
    let validator = validator();
    let mut seen = 0;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let format = match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") if !name.ends_with(".input.json") => SourceFormat::Json,
            Some("yaml") => SourceFormat::Yaml,
            _ => continue,
        };
        let text = fs::read_to_string(&path).unwrap();
        let source = definition::read_source(&text, format, &DefinitionLimits::default()).unwrap();
        assert_eq!(violations(&validator, &source), Vec::<String>::new(), "{name}");
        assert!(is_accepted(&source), "{name}");
        seen += 1;
    }
    assert!(seen >= 5, "{seen}");
}

#[test]
fn every_example_of_a_step_type_fits() {
    let validator = validator();
    for spec in stepwell_steps::step_registry().all_types() {
        for example in &spec.examples {
            let steps = json!([{"type": "StaticInput", "input": {}}, example]);
            let source = json!({"name": "example", "steps": steps});
            assert_eq!(violations(&validator, &source), Vec::<String>::new(), "{example}");
        }
    }
}

#[test]
fn what_a_part_can_be_is_the_same_for_both() {
    let validator = validator();
    let base = json!({"name": "n", "inputs": {"a": "string"}, "outputs": {"r": "hi"}, "steps": [
        {"id": "one", "type": "StaticTextInput", "input": "x"},
        {"id": "two", "type": "TextOperation.Reverse"},
    ]});
    let mut parts = vec![
        ("/name", json!(["n", "", " ", 5, null, "é"])),
        ("/steps", json!([[], {}, null, [{}], [5], ["Nope"], [{"type": "Echo", "input": 1}]])),
        (
            "/inputs",
            json!([[], null, {}, {"a": "strin"}, {"a b": "text"}, {"a": {"type": "integer", "minimum": 1}}]),
        ),
        ("/outputs", json!([[], null, {"r": 5}, {"r": {"value": 1, "type": "number"}}])),
    ];
    parts.push((
        "/concurrency",
        json!([{}, null, 1, {"limit": 2}, {"limit": 0}, {"limit": 10_001}, {"limit": null},
            {"key": ""}, {"key": "{{ inputs.a }}"}, {"key": null}, {"key": 3}, {"max": 1},
            {"policy": "reject"}, {"policy": "skip"}, {"policy": null}]),
    ));
    for field in ["/timeout", "/retention", "/steps/1/timeout"] {
        parts.push((field, json!([5, "5m", "soon", -1, "90s", null, [], "500ms"])));
    }
    for (field, values) in [
        ("/steps/1/id", json!(["a b", "", "x".repeat(65), null, "a-b", 5])),
        ("/steps/1/after", json!(["one", ["one"], 5, [5], "a b"])),
        ("/steps/1/join", json!(["all", "any", "most", {"n": 1}, {"count": 1}])),
        ("/steps/1/when", json!(["true", true, 5, null])),
        (
            "/steps/1/retry",
            json!([{"max_attempts": 3}, {"attempts": 3}, {"max_attempts": 0}, "x", null]),
        ),
        ("/steps/1/on_error", json!(["fail", "continue", "port", "x", 5, null])),
        ("/steps/1/idempotent", json!([true, "yes", null])),
        ("/steps/1/config", json!([{}, {"x": 1}, [], null])),
        ("/steps/1/input", json!([5, "x", {"text": "x"}, {"text": 5}, {"txt": "x"}, null])),
        ("/steps/1/type", json!(["Nope", null, 5, "TextOperations.Reverse"])),
        ("/steps/1/foo", json!([1])),
        ("/extra", json!([1])),
    ] {
        parts.push((field, values));
    }
    for (place, values) in parts {
        for value in values.as_array().unwrap() {
            let mut source = base.clone();
            let (parent, name) = place.rsplit_once('/').unwrap();
            source.pointer_mut(parent).unwrap()[name] = value.clone();
            let accepted = is_accepted(&source);
            let found = violations(&validator, &source);
            assert_eq!(found.is_empty(), accepted, "{place} = {value}: {found:?}");
        }
    }
}
