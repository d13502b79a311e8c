//! All step types, and finding them by name.

use std::collections::HashMap;
use std::sync::LazyLock;

use stepwell_core::catalog::{Catalog, StepSpec};

use crate::types::data::{Echo, StaticInput, StaticTextInput};
use crate::types::flow::{Delay, Fail, SetState};
use crate::types::http::HttpRequest;
use crate::types::json::{Parse, Query, Stringify};
use crate::types::stream::StreamText;
use crate::types::text::{
    Concat, Join, Lowercase, RegexExtract, RegexReplace, Replace, Reverse, Size, Slugify, Split,
    Template, Trim, Truncate, Uppercase,
};
use crate::{Behaviour, StepType};

/// Every step type, sorted by name. A new one is a file and a line here.
pub const ALL: &[&dyn StepType] = &[
    &Delay,
    &Echo,
    &Fail,
    &HttpRequest,
    &Parse,
    &Query,
    &Stringify,
    &SetState,
    &StaticInput,
    &StaticTextInput,
    &StreamText,
    &Template,
    &Concat,
    &Join,
    &Lowercase,
    &RegexExtract,
    &RegexReplace,
    &Replace,
    &Reverse,
    &Size,
    &Slugify,
    &Split,
    &Trim,
    &Truncate,
    &Uppercase,
];

/// The step types by name and alias, built once.
pub struct Registry {
    entries: Vec<(StepSpec, Behaviour)>,
    by_name: HashMap<&'static str, usize>,
}

/// The registry of [`ALL`].
pub fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::new(ALL));
    &REGISTRY
}

impl Registry {
    fn new(types: &[&dyn StepType]) -> Self {
        let entries: Vec<_> = types.iter().map(|t| (t.spec(), t.behaviour())).collect();
        let mut by_name = HashMap::new();
        for (i, (spec, _)) in entries.iter().enumerate() {
            by_name.insert(spec.name, i);
            by_name.extend(spec.aliases.iter().map(|alias| (*alias, i)));
        }
        Self { entries, by_name }
    }

    /// The code of the type of that name or alias.
    pub fn behaviour(&self, name: &str) -> Option<Behaviour> {
        self.by_name.get(name).map(|i| self.entries[*i].1)
    }
}

impl Catalog for Registry {
    fn find(&self, name: &str) -> Option<&StepSpec> {
        self.by_name.get(name).map(|i| &self.entries[*i].0)
    }

    fn all(&self) -> Vec<&StepSpec> {
        self.entries.iter().map(|(spec, _)| spec).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use serde_json::{Value, json};
    use stepwell_core::definition::{self, Limits};

    use super::*;
    use crate::PureCall;
    use crate::testing::assert_valid;

    #[test]
    fn names_are_sorted_and_unique_with_their_aliases() {
        let names: Vec<_> = registry().all().iter().map(|spec| spec.name).collect();
        assert!(names.is_sorted(), "{names:?}");
        let mut seen = BTreeSet::new();
        for spec in registry().all() {
            for name in [&[spec.name], spec.aliases].concat() {
                assert!(seen.insert(name), "{name} is there twice");
                assert_eq!(registry().find(name).unwrap().name, spec.name);
            }
            if let Some(operation) = spec.name.strip_prefix("TextOperation.") {
                assert_eq!(spec.aliases, [format!("TextOperations.{operation}")]);
            }
        }
        assert!(registry().find("Nothing").is_none());
    }

    #[test]
    fn descriptions_are_complete() {
        for spec in registry().all() {
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
        for (spec, behaviour) in &registry().entries {
            for example in &spec.examples {
                assert_eq!(example["type"], spec.name);
                let config = example.get("config").cloned().unwrap_or_else(|| json!({}));
                let input = bind(spec, example.get("input"));
                assert_valid(&spec.config, &config, spec.name);
                assert_valid(&spec.input, &input, spec.name);
                if let Behaviour::Pure(code) = behaviour {
                    let output = code(&PureCall { input: &Arc::new(input), config: &config });
                    assert_valid(&spec.output, &output.unwrap().value, spec.name);
                }
            }
        }
    }

    #[test]
    fn configurations_are_checked_before_they_run() {
        for (step, path, says) in [
            (json!({"type": "Delay", "config": {"for": "soon"}}), "for", "not a duration"),
            (json!({"type": "Delay", "config": {"until": "noon"}}), "until", "RFC 3339"),
            (json!({"type": "Delay"}), "", "one of `for` or `until` is required"),
            (
                json!({"type": "Delay", "config": {"for": 1, "until": "2026-01-31T09:00:00Z"}}),
                "",
                "only one",
            ),
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
                json!({"type": "HttpRequest", "config": {"url": "example.com"}}),
                "url",
                "absolute URL",
            ),
            (json!({"type": "HttpRequest", "config": {"url": "file:///etc"}}), "url", "`file:`"),
        ] {
            let source = json!({"name": "x", "steps": [step]});
            let problems = definition::plan(&source, registry(), &Limits::default()).unwrap_err().0;
            assert_eq!(problems.len(), 1, "{problems:?}");
            let at = format!("steps[0].config.{path}");
            assert_eq!(problems[0].path, at.trim_end_matches('.'), "{step}");
            assert!(problems[0].message.contains(says), "{step}: {}", problems[0].message);
        }
        // What an expression makes is not known yet.
        let later = json!({"type": "Delay", "config": {"for": "{{ inputs.pause }}"}});
        let source = json!({"name": "x", "steps": [later]});
        definition::plan(&source, registry(), &Limits::default()).unwrap();
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
