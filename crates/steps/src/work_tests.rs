//! Holds each step type to the bound of work that it declares.

use std::sync::Arc;
use std::time::Duration;

use cpu_time::ThreadTime;
use serde_json::{Map, Value, json};
use stepwell_core::catalog::{StepCatalog as _, StepSpec};

use crate::testing::pure_call;
use crate::{StepBehaviour, WorkBound, step_registry};

/// How long a hostile text is, in bytes: what all fields together may have where a step runs
/// inline.
const BYTES: usize = 60 << 10;
/// What a byte may take. A debug build is about several times slower than what is shipped.
const NANOS_PER_BYTE: u32 = if cfg!(debug_assertions) { 3_000 } else { 500 };

/// Texts of which each is the worst for some way to take text apart.
fn texts() -> Vec<String> {
    let distinct: String = (0x4e00..0x9fff).filter_map(char::from_u32).collect();
    let mut texts: Vec<String> = [
        "a",
        "ä",
        "🇫🇷",
        "🇫",
        "\u{301}",
        "e\u{301}",
        "👩\u{200d}",
        "👩\u{301}\u{200d}👩",
        " \n",
        "\r\n",
        "a.",
        "A. 1 ",
        "a:\u{301}",
        "1,",
        "\u{915}\u{94d}",
        "\u{1100}",
        "%",
        "{",
        "[",
        "\"",
        "\\u00",
        "9",
        "京",
        "İ",
        "ß",
    ]
    .into_iter()
    .map(|part| part.repeat(BYTES / part.len()))
    .collect();
    texts.push(distinct);
    texts
}

/// Configurations with each choice that the type has.
fn configs(spec: &StepSpec) -> Vec<Map<String, Value>> {
    let of = |example: &Value| example["config"].as_object().cloned().unwrap_or_default();
    let mut configs: Vec<_> = spec.examples.iter().map(of).collect();
    configs.push(Map::new());
    for (name, property) in spec.config["properties"].as_object().into_iter().flatten() {
        for choice in property["enum"].as_array().into_iter().flatten() {
            configs.push(Map::from_iter([(name.clone(), choice.clone())]));
        }
    }
    configs
}

/// The fields that take any text.
fn text_fields(schema: &Value) -> Vec<String> {
    let is_text = |property: &Value| {
        property.get("enum").is_none()
            && (property.get("type").is_none() || property["type"] == "string")
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties.filter(|(_, schema)| is_text(schema)).map(|(name, _)| name.clone()).collect()
}

#[test]
fn linear_steps_are_linear() {
    let texts = texts();
    let mut slow = Vec::new();
    for spec in step_registry().all_types() {
        let Some(StepBehaviour::Pure(WorkBound::Linear, code)) =
            step_registry().find_behaviour(spec.name)
        else {
            continue;
        };
        let in_config = text_fields(&spec.config);
        for (config, (i, text)) in configs(spec)
            .iter()
            .flat_map(|config| texts.iter().enumerate().map(move |t| (config, t)))
        {
            // The same text in all fields, others in the configuration, and the default there.
            for shift in [None, Some(0), Some(1), Some(texts.len() - 1 - i)] {
                let mut config = config.clone();
                for name in shift.iter().flat_map(|_| &in_config) {
                    let other = &texts[(i + shift.unwrap_or(0)) % texts.len()];
                    config.insert(name.clone(), json!(other));
                }
                let fields = text_fields(&spec.input).into_iter().map(|name| (name, json!(text)));
                let input = Arc::new(Value::Object(fields.collect()));
                let start = ThreadTime::now();
                let _ = code(&pure_call(&input, &Value::Object(config)));
                let took = start.elapsed();
                let bytes = u32::try_from(2 * BYTES).unwrap();
                if took > Duration::from_nanos(u64::from(NANOS_PER_BYTE)) * bytes {
                    let text: String = text.chars().take(3).collect();
                    slow.push(format!("{} over {text:?} with {shift:?}: {took:?}", spec.name));
                }
            }
        }
    }
    assert!(slow.is_empty(), "{} are slow:\n{}", slow.len(), slow.join("\n"));
}

#[test]
fn programs_and_patterns_are_not_declared_linear() {
    for (name, field) in [
        ("Json.Query", "query"),
        ("TextOperation.RegexExtract", "pattern"),
        ("TextOperation.RegexReplace", "pattern"),
    ] {
        assert!(step_registry().find_type(name).unwrap().config["properties"].get(field).is_some());
    }
    for spec in step_registry().all_types() {
        let Some(StepBehaviour::Pure(work, _)) = step_registry().find_behaviour(spec.name) else {
            continue;
        };
        let fields = spec.config["properties"].as_object().unwrap();
        let is_program = ["query", "pattern"].iter().any(|name| fields.contains_key(*name));
        assert_eq!(work == WorkBound::Unbounded, is_program, "{}", spec.name);
    }
}
