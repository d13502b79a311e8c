//! Inputs that nothing in a definition uses: declared ones, and those of an execution.

use std::collections::BTreeSet;

use serde_json::Value;

use super::blocks::{BodyRole, LoopCondition};
use super::plan::{InputBinding, InputFeed, Plan, PlanStep};
use super::plan_block::{PlanBlock, PlanBlockKind};
use super::{StepIndex, did_you_mean};
use crate::expr::References;
use crate::{Map, Problem};

/// The most inputs that are reported.
const MAX_REPORTED: usize = 20;

/// The inputs that steps, conditions and outputs use.
#[derive(Default)]
struct UsedInputs<'p> {
    names: BTreeSet<&'p str>,
    /// Whether something uses all of them, as one value.
    is_whole: bool,
    /// The blocks whose input is taken by a step in them.
    blocks: BTreeSet<StepIndex>,
}

impl<'p> UsedInputs<'p> {
    fn of_plan(plan: &'p Plan) -> Self {
        let mut used = Self::default();
        // Backwards: whether the steps in a block take its input is known when it is reached.
        for (position, step) in plan.steps.iter().enumerate().rev() {
            used.add_step(StepIndex::at(position), step);
        }
        for output in &plan.outputs {
            used.add_references(output.value.references());
        }
        if let Some(key) = plan.concurrency.as_ref().and_then(|planned| planned.key.as_ref()) {
            used.add_references(key.references());
        }
        used
    }

    fn add_step(&mut self, index: StepIndex, step: &'p PlanStep) {
        self.add_references(step.config.references());
        if let Some(key) = step.concurrency.as_ref().and_then(|planned| planned.key.as_ref()) {
            self.add_references(key.references());
        }
        if let Some(when) = &step.when {
            self.add_references(when.references());
        }
        match &step.input {
            InputBinding::Template { template, rest } => {
                self.add_references(template.references());
                if let Some(rest) = rest {
                    self.add_feed(rest);
                }
            }
            InputBinding::Feed(feed) => {
                if self.blocks.contains(&index) || !only_passes_input(step) {
                    self.add_feed(feed);
                }
            }
        }
        if let Some(block) = &step.block {
            self.add_block(block);
        }
    }

    /// The expressions of a block itself; the steps inside are steps of the plan.
    fn add_block(&mut self, block: &'p PlanBlock) {
        let PlanBlock { kind, bodies, .. } = block;
        for body in bodies {
            if let BodyRole::When(condition) = &body.role {
                self.add_references(condition.references());
            }
        }
        if let PlanBlockKind::Loop(planned) = kind {
            let (LoopCondition::While(condition) | LoopCondition::Until(condition)) =
                &planned.condition;
            self.add_references(condition.references());
            if let Some(pause) = &planned.pause {
                self.add_references(pause.references());
            }
        }
        if let Some(output) = block.output() {
            self.add_references(output.references());
        }
    }

    fn add_references(&mut self, references: &'p References) {
        for path in &references.paths {
            match path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                ["inputs"] => self.is_whole = true,
                ["inputs", name, ..] => drop(self.names.insert(name)),
                _ => {}
            }
        }
    }

    fn add_feed(&mut self, feed: &'p InputFeed) {
        match feed {
            InputFeed::AllInputs => self.is_whole = true,
            InputFeed::Inputs { properties } => {
                self.names.extend(properties.iter().map(String::as_str));
            }
            InputFeed::FirstOf { optional, last } => {
                for optional in optional {
                    self.add_feed(&optional.feed);
                }
                self.add_feed(last);
            }
            InputFeed::Block { block, .. } => drop(self.blocks.insert(*block)),
            InputFeed::Step { .. } | InputFeed::Steps { .. } | InputFeed::Empty => {}
        }
    }

    fn contains(&self, name: &str) -> bool {
        self.is_whole || self.names.contains(name)
    }
}

/// Whether a step is a block that uses its input only where a step in it takes it.
fn only_passes_input(step: &PlanStep) -> bool {
    // These read it themselves: the list, and the value that selects a case.
    let reads =
        |kind: &PlanBlockKind| matches!(kind, PlanBlockKind::Map(_) | PlanBlockKind::Switch);
    step.block.as_ref().is_some_and(|block| !reads(&block.kind))
}

impl Plan {
    /// Each declared input that nothing uses.
    pub fn unused_declarations(&self) -> Vec<Problem> {
        let Some(declared) = self.declared_inputs() else { return Vec::new() };
        let used = UsedInputs::of_plan(self);
        let unused = declared.keys().filter(|name| !used.contains(name)).take(MAX_REPORTED);
        let describe = |name: &String| {
            let message = "no step, condition or output uses this input: use it as \
                           `inputs.NAME`, or remove it";
            let message = message.replace("NAME", name);
            Problem::new(format!("inputs.{name}"), message)
        };
        unused.map(describe).collect()
    }

    /// Each field of an execution's input that is not declared, and that nothing uses.
    pub fn unused_fields(&self, input: &Value) -> Vec<Problem> {
        let Value::Object(fields) = input else { return Vec::new() };
        let is_declared = |name: &str| self.declared_inputs().is_some_and(|d| d.contains_key(name));
        // The usual case needs no walk through the plan.
        if fields.keys().all(|name| is_declared(name)) {
            return Vec::new();
        }
        let used = UsedInputs::of_plan(self);
        let unused = fields.keys().filter(|name| !is_declared(name) && !used.contains(name));
        let describe = |name: &String| {
            let known = self.declared_inputs().into_iter().flat_map(|d| d.keys());
            let near = did_you_mean(name, known.map(String::as_str));
            Problem::new(format!("input.{name}"), format!("no step uses this field{near}"))
        };
        unused.take(MAX_REPORTED).map(describe).collect()
    }

    fn declared_inputs(&self) -> Option<&Map> {
        self.input_schema.get("properties").and_then(Value::as_object)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{DefinitionLimits, plan_source};
    use super::*;
    use crate::test_support::TestCatalog;

    fn plan(mut source: Value) -> Plan {
        source["name"] = json!("test");
        let planned = plan_source(&source, &TestCatalog::new(), &DefinitionLimits::default());
        planned.unwrap_or_else(|problems| panic!("{source}: {problems}")).1
    }

    fn paths(problems: &[Problem]) -> Vec<&str> {
        problems.iter().map(|problem| problem.path.as_str()).collect()
    }

    #[test]
    fn declared_inputs_are_used_by_steps_conditions_and_outputs() {
        let reverse = |input: &str| json!({"type": "TextOperation.Reverse", "input": input});
        for (steps, outputs, unused) in [
            (json!([reverse("{{ inputs.a }}")]), json!({}), &["inputs.b", "inputs.c"][..]),
            (json!([reverse("{{ inputs['b'] }}")]), json!({"x": "{{ inputs.c }}"}), &["inputs.a"]),
            (
                json!([reverse("{{ inputs.a }}"), {"type": "Echo", "when": "inputs.b == 'x'"}]),
                json!({}),
                &["inputs.c"],
            ),
            (json!([{"type": "Echo", "input": {"all": "{{ inputs }}"}}]), json!({}), &[]),
            // It takes all inputs.
            (json!([{"type": "Echo"}]), json!({}), &[]),
        ] {
            let inputs = json!({"a": "string", "b": "string", "c": "string"});
            let plan = plan(json!({"inputs": inputs, "steps": steps, "outputs": outputs}));
            assert_eq!(paths(&plan.unused_declarations()), unused, "{steps}");
        }
    }

    #[test]
    fn inputs_are_used_by_expressions_of_blocks() {
        let pure = json!([{"type": "StaticTextInput", "input": "x"}]);
        let with = |fields: Value| {
            let mut step = json!({"id": "block", "steps": pure});
            let entries = fields.as_object().cloned().unwrap_or_default();
            entries.into_iter().for_each(|(name, value)| step[name] = value);
            step
        };
        let branch = |when: &str| {
            let case = json!({"when": when, "steps": pure});
            json!({"id": "block", "type": "Branch", "cases": [case]})
        };
        let nested = |steps: Value| {
            let inner = json!({"type": "Try", "steps": steps, "finally": pure});
            json!({"type": "Parallel", "branches": {"one": [inner], "two": pure}})
        };
        for (step, unused) in [
            (branch("inputs.a == 1"), &["inputs.b"][..]),
            (nested(json!([branch("inputs.b == 1")])), &["inputs.a"]),
            (with(json!({"type": "Loop", "while": "inputs.a < index"})), &["inputs.b"]),
            (with(json!({"type": "Loop", "until": "inputs.b < index"})), &["inputs.a"]),
            (
                with(json!({"type": "Loop", "until": "true", "pause": "{{ inputs.a }}s"})),
                &["inputs.b"],
            ),
            (
                with(json!({"type": "Loop", "until": "true", "output": "{{ inputs.b }}"})),
                &["inputs.a"],
            ),
            (
                json!({"type": "Map", "over": [1], "steps": pure, "output": "{{ inputs.a }}"}),
                &["inputs.b"],
            ),
            (json!({"type": "Map", "over": ["{{ inputs.b }}"], "steps": pure}), &["inputs.a"]),
            (
                json!({"type": "Switch", "value": "{{ inputs.a }}",
                    "cases": [{"equals": 1, "steps": pure}]}),
                &["inputs.b"],
            ),
            // The first step in a block takes its input, and that is all inputs.
            (nested(pure.clone()), &["inputs.a", "inputs.b"]),
            (nested(json!([{"type": "Echo"}])), &[]),
        ] {
            let inputs = json!({"a": "number", "b": "number"});
            let plan = plan(json!({"inputs": inputs, "steps": [step]}));
            assert_eq!(paths(&plan.unused_declarations()), unused, "{step}");
        }
    }

    #[test]
    fn fields_of_an_input_are_declared_or_used() {
        let text = json!([{"type": "TextOperation.Reverse", "input": "{{ inputs.text }}"}]);
        let properties = json!({"text": {"type": "string"}, "other": {"type": "string"}});
        let declared = json!({"type": "object", "properties": properties});
        let by_schema = plan(json!({"inputs": declared, "steps": text}));
        let inferred = plan(json!({"steps": text}));
        let all = plan(json!({"steps": [{"type": "Echo"}]}));
        let none = plan(json!({"steps": [{"type": "StaticTextInput", "input": "x"}]}));
        for (plan, input, unused) in [
            (&by_schema, json!({"text": "a", "other": "b"}), &[][..]),
            (
                &by_schema,
                json!({"text": "a", "txet": "b", "more": 1}),
                &["input.txet", "input.more"],
            ),
            (&inferred, json!({"text": "a", "b": 1}), &["input.b"]),
            (&all, json!({"text": "a", "b": 1}), &[]),
            (&none, json!({"text": "a"}), &["input.text"]),
            (&none, json!({}), &[]),
        ] {
            assert_eq!(paths(&plan.unused_fields(&input)), unused, "{input}");
        }
        let misspelt = by_schema.unused_fields(&json!({"texte": "a"}));
        assert!(misspelt[0].message.ends_with("did you mean `text`?"), "{misspelt:?}");
    }
}
