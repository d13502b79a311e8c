//! All step types, and finding them by name.

use std::collections::HashMap;
use std::sync::LazyLock;

use stepwell_core::catalog::{StepCatalog, StepSpec};

use crate::types::data::{EchoStep, StaticInput, StaticTextInput};
use crate::types::flow::{
    ApprovalStep, BranchBlock, DelayStep, FailStep, LoopBlock, MapBlock, MergeStep, ParallelBlock,
    SetState, StopStep, SubWorkflow, SwitchBlock, TryBlock, WaitForSignal, WaitUntil,
};
use crate::types::http::HttpRequest;
use crate::types::json::{ParseJson, QueryJson, StringifyJson};
use crate::types::stream::StreamText;
use crate::types::text::{
    ConcatText, JoinText, LowercaseText, RegexExtract, RegexReplace, RenderTemplate, ReplaceText,
    ReverseText, SizeOfText, SlugifyText, SplitText, TrimText, TruncateText, UppercaseText,
};
use crate::{StepBehaviour, StepType};

/// Every step type, sorted by name. A new one is a file and a line here.
pub const ALL: &[&dyn StepType] = &[
    &ApprovalStep,
    &BranchBlock,
    &DelayStep,
    &EchoStep,
    &FailStep,
    &HttpRequest,
    &ParseJson,
    &QueryJson,
    &StringifyJson,
    &LoopBlock,
    &MapBlock,
    &MergeStep,
    &ParallelBlock,
    &SetState,
    &StaticInput,
    &StaticTextInput,
    &StopStep,
    &StreamText,
    &SubWorkflow,
    &SwitchBlock,
    &RenderTemplate,
    &ConcatText,
    &JoinText,
    &LowercaseText,
    &RegexExtract,
    &RegexReplace,
    &ReplaceText,
    &ReverseText,
    &SizeOfText,
    &SlugifyText,
    &SplitText,
    &TrimText,
    &TruncateText,
    &UppercaseText,
    &TryBlock,
    &WaitForSignal,
    &WaitUntil,
];

struct RegistryEntry {
    step_type: &'static dyn StepType,
    spec: StepSpec,
    behaviour: StepBehaviour,
}

/// The step types by name and alias, built once.
pub struct StepRegistry {
    entries: Vec<RegistryEntry>,
    by_name: HashMap<&'static str, usize>,
}

/// The registry of [`ALL`].
pub fn step_registry() -> &'static StepRegistry {
    static REGISTRY: LazyLock<StepRegistry> = LazyLock::new(|| StepRegistry::new(ALL));
    &REGISTRY
}

impl StepRegistry {
    fn new(types: &[&'static dyn StepType]) -> Self {
        let entry = |step_type: &&'static dyn StepType| RegistryEntry {
            step_type: *step_type,
            spec: step_type.type_spec(),
            behaviour: step_type.type_behaviour(),
        };
        let entries: Vec<_> = types.iter().map(entry).collect();
        let mut by_name = HashMap::new();
        for (i, RegistryEntry { spec, .. }) in entries.iter().enumerate() {
            by_name.insert(spec.name, i);
            by_name.extend(spec.aliases.iter().map(|alias| (*alias, i)));
        }
        Self { entries, by_name }
    }

    /// The code of the type of that name or alias.
    pub fn find_behaviour(&self, name: &str) -> Option<StepBehaviour> {
        self.by_name.get(name).map(|i| self.entries[*i].behaviour)
    }

    /// The type of that name or alias.
    pub fn step_type(&self, name: &str) -> Option<&'static dyn StepType> {
        self.by_name.get(name).map(|i| self.entries[*i].step_type)
    }
}

impl StepCatalog for StepRegistry {
    fn find_type(&self, name: &str) -> Option<&StepSpec> {
        self.by_name.get(name).map(|i| &self.entries[*i].spec)
    }

    fn all_types(&self) -> Vec<&StepSpec> {
        self.entries.iter().map(|entry| &entry.spec).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use serde_json::{Value, json};
    use stepwell_core::definition::{self, DefinitionLimits};

    use super::*;
    use crate::testing::assert_valid;
    use crate::testing::pure_call;

    #[test]
    fn names_are_sorted_and_unique_with_their_aliases() {
        let names: Vec<_> = step_registry().all_types().iter().map(|spec| spec.name).collect();
        assert!(names.is_sorted(), "{names:?}");
        let mut seen = BTreeSet::new();
        for spec in step_registry().all_types() {
            for name in [&[spec.name], spec.aliases].concat() {
                assert!(seen.insert(name), "{name} is there twice");
                assert_eq!(step_registry().find_type(name).unwrap().name, spec.name);
            }
            if let Some(operation) = spec.name.strip_prefix("TextOperation.") {
                assert_eq!(spec.aliases, [format!("TextOperations.{operation}")]);
            }
        }
        assert!(step_registry().find_type("Nothing").is_none());
    }

    #[test]
    fn descriptions_are_complete() {
        for spec in step_registry().all_types() {
            assert!(spec.summary.ends_with('.') && spec.summary.len() < 120, "{}", spec.name);
            assert!(!spec.examples.is_empty(), "{} has no example", spec.name);
            for (what, schema) in
                [("config", &spec.config), ("input", &spec.input), ("output", &spec.output)]
            {
                assert!(jsonschema::meta::is_valid(schema), "{} {what}: {schema}", spec.name);
                let properties = schema.get("properties").and_then(Value::as_object);
                for (name, property) in properties.into_iter().flatten() {
                    assert!(property["description"].is_string(), "{} {what}.{name}", spec.name);
                }
            }
            assert_eq!(spec.config["additionalProperties"], false, "{}", spec.name);
            for (property, schema) in
                [(spec.default_input, &spec.input), (spec.default_output, &spec.output)]
            {
                let known = property.is_none_or(|p| schema["properties"].get(p).is_some());
                assert!(known, "{}: {property:?} is not in {schema}", spec.name);
            }
            for path in spec.sensitive {
                let (of, property) = path.split_once('.').unwrap();
                let schema = if of == "config" { &spec.config } else { &spec.input };
                assert!(schema["properties"].get(property).is_some(), "{} {path}", spec.name);
            }
        }
    }

    #[test]
    fn examples_are_valid_and_pure_ones_run() {
        for RegistryEntry { spec, behaviour, .. } in &step_registry().entries {
            for example in &spec.examples {
                assert_eq!(example["type"], spec.name);
                let source = json!({"name": "example", "steps": [example]});
                let limits = DefinitionLimits::default();
                let planned = definition::plan_source(&source, step_registry(), &limits);
                assert!(planned.is_ok(), "{}: {:?}", spec.name, planned.err());
                if spec.block.is_some() {
                    continue;
                }
                let config = example.get("config").cloned().unwrap_or_else(|| json!({}));
                let input = bind(spec, example.get("input"));
                assert_valid(&spec.config, &config, spec.name);
                assert_valid(&spec.input, &input, spec.name);
                if let StepBehaviour::Pure(_, code) = behaviour {
                    let output = code(&pure_call(&Arc::new(input), &config));
                    assert_valid(&spec.output, &output.unwrap().value, spec.name);
                }
            }
        }
    }

    /// Each step has one problem, at that place of its configuration and with that text.
    fn check_refusals(cases: &[(Value, &str, &str)]) {
        for (step, path, expected) in cases {
            let source = json!({"name": "x", "steps": [step]});
            let problems =
                definition::plan_source(&source, step_registry(), &DefinitionLimits::default())
                    .unwrap_err()
                    .0;
            assert_eq!(problems.len(), 1, "{problems:?}");
            let at = format!("steps[0].config.{path}");
            assert_eq!(problems[0].path, at.trim_end_matches('.'), "{step}");
            assert!(problems[0].message.contains(expected), "{step}: {}", problems[0].message);
        }
    }

    #[test]
    fn durations_and_times_are_checked_before_they_run() {
        check_refusals(&[
            (json!({"type": "Delay", "config": {"for": "soon"}}), "for", "not a duration"),
            (json!({"type": "Delay", "config": {"until": "noon"}}), "until", "RFC 3339"),
            (json!({"type": "Delay"}), "", "one of `for` or `until` is required"),
            (
                json!({"type": "Delay", "config": {"for": 1, "until": "2026-01-31T09:00:00Z"}}),
                "",
                "only one",
            ),
            (
                json!({"type": "StreamText", "input": "x", "config": {"pause": "soon"}}),
                "pause",
                "not a duration",
            ),
            (
                json!({"type": "Delay", "config": {"for": "{{ inputs.n }}", "until": "{{ inputs.m }}"}}),
                "",
                "only one",
            ),
        ]);
    }

    #[test]
    fn patterns_and_queries_are_checked_before_they_run() {
        check_refusals(&[
            (
                json!({"type": "TextOperation.RegexExtract", "config": {"pattern": "("}}),
                "pattern",
                "unclosed group",
            ),
            (
                json!({"type": "TextOperation.RegexReplace", "config": {"pattern": "[", "replacement": ""}}),
                "pattern",
                "unclosed character class",
            ),
            (
                json!({"type": "TextOperation.Split", "config": {"separator": ",", "by": "words"}}),
                "",
                "`separator` and `by` cannot be given together",
            ),
            (json!({"type": "Json.Query", "config": {"query": ".a ||"}}), "query", ""),
            (
                json!({"type": "Json.Query", "config": {"query": ".a + 18446744073709551616"}}),
                "query",
                "more than 64 bits",
            ),
            (
                json!({"type": "TextOperation.RegexReplace", "config": {"pattern": "(a)", "replacement": "$1_x"}}),
                "replacement",
                "no group `1_x`: it has groups 0 to 1; write `${1}_x`",
            ),
            (
                json!({"type": "TextOperation.RegexReplace", "config": {"pattern": "(?<a>b)", "replacement": "${name}"}}),
                "replacement",
                "no group `name`: it has groups 0 to 1 (a); write `$$`",
            ),
            (
                json!({"type": "TextOperation.RegexReplace", "config": {"pattern": "a", "replacement": "$5"}}),
                "replacement",
                "no group `5`",
            ),
            (
                json!({"type": "TextOperation.RegexExtract", "config": {"pattern": "(a)", "group": 7}}),
                "group",
                "no group `7`: it has groups 0 to 1",
            ),
            (
                json!({"type": "TextOperation.RegexExtract", "config": {"pattern": "(?<a>b)", "group": "b"}}),
                "group",
                "no group `b`: it has groups 0 to 1 (a)",
            ),
            (
                json!({"type": "TextOperation.Split", "config": {"separator": "{{ inputs.s }}", "by": "words"}}),
                "",
                "`separator` and `by` cannot be given together",
            ),
        ]);
    }

    #[test]
    fn requests_are_checked_before_they_run() {
        check_refusals(&[
            (
                json!({"type": "HttpRequest", "config": {"url": "https://a:b@example.com"}}),
                "url",
                "user name or password",
            ),
            (
                json!({"type": "HttpRequest", "config": {"url": "https://a.b", "headers": {"X Y": "{{ inputs.a }}"}}}),
                "headers",
                "the header `X Y` has no valid name",
            ),
            (
                json!({"type": "HttpRequest", "config": {"url": "{{ inputs.url }}", "headers": {"Connection": "close"}}}),
                "headers",
                "is set by the client itself",
            ),
            (
                json!({"type": "HttpRequest", "config": {"url": "https://a.b", "headers": {"X": "a\nb"}}}),
                "headers",
                "line break",
            ),
            (
                json!({"type": "HttpRequest", "config": {"url": "example.com"}}),
                "url",
                "absolute URL",
            ),
            (json!({"type": "HttpRequest", "config": {"url": "file:///etc"}}), "url", "`file:`"),
        ]);
    }

    #[test]
    fn configurations_with_expressions_are_accepted() {
        for fine in [
            // The value of an expression is not known yet.
            json!({"type": "Delay", "config": {"for": "{{ inputs.pause }}"}}),
            json!({"type": "StreamText", "input": "x", "config": {"pause": 0}}),
            json!({"type": "TextOperation.RegexReplace", "config": {"pattern": "{{ inputs.p }}", "replacement": "$7"}}),
            json!({"type": "TextOperation.RegexReplace", "config": {"pattern": "(a)", "replacement": "$1 costs $$5 ${1}_x"}}),
            json!({"type": "TextOperation.RegexExtract", "config": {"pattern": "(a)", "group": 1.0}}),
            json!({"type": "HttpRequest", "config": {"url": "https://a.b", "headers": {"X-Y": "{{ secrets.A }}", "Z": 1}}}),
        ] {
            let source = json!({"name": "x", "steps": [fine]});
            definition::plan_source(&source, step_registry(), &DefinitionLimits::default())
                .unwrap();
        }
    }

    /// Every value that a configuration can have and that a step refuses is refused when the
    /// definition is created: a hostile value in each field of each type either is a problem at its
    /// place, or does not make the step refuse its configuration.
    #[test]
    fn no_step_refuses_a_configuration_that_was_accepted() {
        let hostile = [
            json!(null),
            json!(true),
            json!(0),
            json!(1.0),
            json!(-1),
            json!(7.5),
            json!(u64::MAX),
            json!(1e300),
            json!(""),
            json!("("),
            json!("$7"),
            json!("soon"),
            json!("-1"),
            json!("a\nb"),
            json!("9xx"),
            json!("[.[]"),
            json!([]),
            json!(["", 1, null]),
            json!({}),
            json!({"a b": "c\r\n", "": 1, "x": [[]]}),
        ];
        let refusals = ["INVALID_REGEX", "INVALID_QUERY", "INVALID_INPUT"];
        for RegistryEntry { spec, behaviour, .. } in &step_registry().entries {
            let StepBehaviour::Pure(_, code) = behaviour else { continue };
            let fields = spec.config["properties"].as_object().unwrap();
            for (field, value) in fields.keys().flat_map(|f| hostile.iter().map(move |v| (f, v))) {
                let mut step = spec.examples[0].clone();
                let mut config = step.get("config").cloned().unwrap_or_else(|| json!({}));
                config[field] = value.clone();
                step["config"] = config.clone();
                let source = json!({"name": "x", "steps": [step]});
                if definition::plan_source(&source, step_registry(), &DefinitionLimits::default())
                    .is_err()
                {
                    continue;
                }
                let input = Arc::new(bind(spec, step.get("input")));
                if let Err(failure) = code(&pure_call(&input, &config)) {
                    let is_refusal = refusals.contains(&failure.code);
                    assert!(!is_refusal, "{} {config}: {}", spec.name, failure.message);
                }
            }
        }
    }

    /// The input as the engine binds it: a bare value goes to the default input.
    fn bind(spec: &StepSpec, input: Option<&Value>) -> Value {
        match (spec.default_input, input) {
            (Some(_), Some(Value::Object(_))) | (None, Some(_)) => input.unwrap().clone(),
            (Some(property), Some(bare)) => json!({property: bare}),
            (_, None) => json!({}),
        }
    }
}
