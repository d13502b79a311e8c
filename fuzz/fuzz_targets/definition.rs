//! Arbitrary text as a definition in JSON and YAML never panics, and an accepted definition compiles
//! again to the same number of steps.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use stepwell_core::catalog::{StepAction, StepCatalog, Effect, SAME_AS_INPUT, StepSpec};
use stepwell_core::definition::{DefinitionLimits, SourceFormat, compile_plan, plan_source, read_source};

/// Two step types are enough to reach all code of the compiler.
struct FewStepTypes(Vec<StepSpec>);

impl StepCatalog for FewStepTypes {
    fn find_type(&self, name: &str) -> Option<&StepSpec> {
        self.0.iter().find(|spec| spec.name == name)
    }

    fn all_types(&self) -> Vec<&StepSpec> {
        self.0.iter().collect()
    }
}

fn spec(name: &'static str, input: Value, output: Value, default: Option<&'static str>) -> StepSpec {
    StepSpec {
        name,
        aliases: &[],
        summary: "",
        doc: "",
        category: "",
        config: json!({
            "type": "object",
            "properties": {"a": {"type": "string", "enum": ["x", "y"]}, "b": {"type": "object"}},
            "additionalProperties": false,
        }),
        input,
        output,
        default_input: default,
        default_output: default,
        check: None,
        check_input: None,
        is_source: false,
        effect: Effect::Pure,
        effect_of: None,
        action: StepAction::Run,
        block: None,
        sensitive: &["config.b"],
        ports: &["left"],
        examples: Vec::new(),
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let typed = json!({
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
        "additionalProperties": false,
    });
    let catalog = FewStepTypes(vec![
        spec("Any", json!({}), json!({SAME_AS_INPUT: true}), None),
        spec("Text", typed.clone(), typed, Some("text")),
    ]);
    let limits =
        DefinitionLimits { max_bytes: 1 << 16, max_depth: 32, max_steps: 100, ..DefinitionLimits::default() };
    for format in [SourceFormat::Json, SourceFormat::Yaml] {
        let Ok(source) = read_source(text, format, &limits) else { continue };
        match plan_source(&source, &catalog, &limits) {
            Ok((definition, first)) => {
                let second = compile_plan(&definition, &catalog).expect("it compiled before");
                assert_eq!(second.steps.len(), first.steps.len());
            }
            Err(problems) => assert!(!problems.0.is_empty()),
        }
    }
});
