//! The fields of blocks: their bodies and what they do with them.

use serde_json::Value;

use super::block_fields::block_fields;
use super::steps::StepListParser;
use crate::definition::blocks::{
    BlockDefinition, BlockKind, BodyDefinition, BodyRole, LoopCondition, LoopDefinition,
    MAX_ITERATIONS,
};
use crate::definition::model::{JoinRule, ParentBody, RetryPolicy};
use crate::definition::step_id::is_id;
use crate::expr::at_key;
use crate::{Map, Problem};

/// The default of `max_iterations`.
const DEFAULT_ITERATIONS: u32 = 1_000;

/// The most bodies of a block.
const MAX_BODIES: usize = 200;

/// Reads the bodies of the step at `position`, if its type is that of a block.
pub(super) fn parse_block(
    parser: &mut StepListParser<'_>,
    position: usize,
    type_name: &str,
    map: &Map,
) {
    if block_fields(type_name).is_none() {
        return;
    }
    let Some(path) = parser.steps.get(position).map(|step| step.path.clone()) else { return };
    let mut reader = BlockReader { parser, position, path, map, bodies: Vec::new() };
    reader.refuse_fields(type_name);
    let kind = reader.read_kind(type_name);
    let bodies = reader.bodies;
    let Some(step) = parser.steps.get_mut(position) else { return };
    let block = BlockDefinition { kind, bodies };
    let input = map.get(block.kind.input_field()).filter(|value| !value.is_null());
    step.input = input.cloned();
    if matches!(block.kind, BlockKind::Parallel { .. }) {
        // It is about the branches.
        (step.join, step.cancel_rest) = (JoinRule::All, false);
    }
    step.block = Some(Box::new(block));
}

pub(super) struct BlockReader<'p, 'w, 'm> {
    pub(super) parser: &'p mut StepListParser<'w>,
    position: usize,
    pub(super) path: String,
    pub(super) map: &'m Map,
    bodies: Vec<BodyDefinition>,
}

impl BlockReader<'_, '_, '_> {
    fn read_kind(&mut self, type_name: &str) -> BlockKind {
        match type_name {
            "Switch" => {
                self.read_cases("equals", |reader, case, path| {
                    let values = reader.read_values(case.get("equals"), &at_key(path, "equals"));
                    BodyRole::Equals(values)
                });
                BlockKind::Switch
            }
            "Parallel" => self.read_parallel(),
            "Loop" => self.read_loop(),
            "Map" => self.read_map(),
            "Try" => self.read_try(),
            _ => {
                self.read_cases("when", |reader, case, path| {
                    let when = super::step::parse_when(reader.parser.walk, case, path);
                    if when.is_none() && case.get("when").is_none_or(Value::is_null) {
                        let message = "a case needs a condition `when`; steps for all other \
                                       executions belong in `else`";
                        reader.parser.walk.add_problem(&at_key(path, "when"), message);
                    }
                    BodyRole::When(when.unwrap_or_default())
                });
                BlockKind::Branch
            }
        }
    }

    /// Fields of a step that blocks do not have.
    fn refuse_fields(&mut self, type_name: &str) {
        let Some(step) = self.parser.steps.get(self.position) else { return };
        let mut refused = Vec::new();
        if step.retry.iter().any(|policy| *policy != RetryPolicy::default()) {
            refused.push(("retry", "write `retry` in the steps inside it"));
        }
        if step.idempotent.is_some() {
            refused.push(("idempotent", "write it in the steps inside it"));
        }
        if !step.config.is_empty() {
            refused.push(("config", "write its settings beside `type`"));
        }
        if let Some(step) = self.parser.steps.get_mut(self.position) {
            // It is reported as a whole.
            step.config = Map::new();
        }
        for (field, instead) in refused {
            let message = format!("a `{type_name}` has no `{field}`; {instead}");
            self.parser.walk.add_problem(&at_key(&self.path, field), message);
        }
    }

    /// Adds the body whose steps are at `steps_path`.
    fn add_body(
        &mut self,
        role: BodyRole<String>,
        path: String,
        steps: Option<&Value>,
        steps_path: &str,
    ) {
        if self.bodies.len() >= MAX_BODIES {
            let message = format!("a block may have at most {MAX_BODIES} lists of steps");
            return self.parser.walk.add_problem(&path, message);
        }
        let parent = ParentBody { block: self.position, body: self.bodies.len() };
        self.bodies.push(BodyDefinition { role, path });
        self.parser.parse_list(steps, steps_path, Some(parent));
    }

    /// `cases` and `else`. `field`: what decides whether a case is chosen.
    fn read_cases(
        &mut self,
        field: &'static str,
        read_role: impl Fn(&mut Self, &Map, &str) -> BodyRole<String>,
    ) {
        let path = at_key(&self.path, "cases");
        let map = self.map;
        match map.get("cases") {
            Some(Value::Array(cases)) if !cases.is_empty() => {
                for (i, case) in cases.iter().enumerate() {
                    let path = format!("{path}[{i}]");
                    let Value::Object(case) = case else {
                        let expected = format!("object with `{field}` and `steps`");
                        self.parser.walk.add_mismatch(&path, &expected, case);
                        continue;
                    };
                    let role = read_role(self, case, &path);
                    self.parser.walk.unknown_fields(case, &path, &[field, "steps"]);
                    let steps_path = at_key(&path, "steps");
                    self.add_body(role, path, case.get("steps"), &steps_path);
                }
            }
            None | Some(Value::Null | Value::Array(_)) => {
                let message = format!(
                    "a list of at least one case is needed here; write `cases: [{{{field}: …, \
                     steps: […]}}]`"
                );
                self.parser.walk.add_problem(&path, message);
            }
            Some(other) => self.parser.walk.add_mismatch(&path, "list of cases", other),
        }
        if let Some(steps) = map.get("else").filter(|steps| !steps.is_null()) {
            let path = at_key(&self.path, "else");
            self.add_body(BodyRole::Else, path.clone(), Some(steps), &path);
        }
    }

    /// A value or a list of values, all constant.
    fn read_values(&mut self, value: Option<&Value>, path: &str) -> Vec<Value> {
        let values = match value {
            None => {
                let message = "a case needs `equals`: a value or a list of values; steps for all \
                               other values belong in `else`";
                self.parser.walk.add_problem(path, message);
                return Vec::new();
            }
            Some(Value::Array(values)) => values.clone(),
            Some(value) => vec![value.clone()],
        };
        if values.iter().any(|value| value.as_str().is_some_and(|text| text.contains("{{"))) {
            let message = "expressions are not evaluated here; for a condition use a `Branch`";
            self.parser.walk.add_problem(path, message);
        }
        values
    }

    fn read_parallel(&mut self) -> BlockKind {
        let path = at_key(&self.path, "branches");
        let map = self.map;
        match map.get("branches") {
            Some(Value::Object(branches)) if !branches.is_empty() => {
                for (name, steps) in branches {
                    let path = at_key(&path, name);
                    if !is_id(name) {
                        let message = "the name of a branch is a letter or _, then up to 63 \
                                       letters, digits, _ or -";
                        self.parser.walk.add_problem(&path, message);
                    }
                    self.add_body(
                        BodyRole::Parallel(name.clone()),
                        path.clone(),
                        Some(steps),
                        &path,
                    );
                }
            }
            None | Some(Value::Null | Value::Object(_)) => {
                let message = "at least one branch is needed here, as `name: [steps]`";
                self.parser.walk.add_problem(&path, message);
            }
            Some(other) => {
                self.parser.walk.add_mismatch(&path, "object of branches, `name: [steps]`", other);
            }
        }
        let join = self.parser.steps.get(self.position).map_or(JoinRule::All, |step| step.join);
        if let JoinRule::Count(n) = join
            && n > self.bodies.len()
        {
            self.parser.walk.problems.push(
                Problem::new(
                    at_key(&at_key(&self.path, "join"), "n"),
                    "the step waits for more branches than it has",
                )
                .with_expectation(format!("at most {}", self.bodies.len()), n.to_string()),
            );
        }
        let cancel_rest = self.parser.steps.get(self.position).is_some_and(|step| step.cancel_rest);
        if cancel_rest && join == JoinRule::All {
            let message = "`cancel_rest` needs `join: any` or `join: {n: 2}`: with `all`, nothing \
                           is left to cancel";
            self.parser.walk.add_problem(&at_key(&self.path, "cancel_rest"), message);
        }
        BlockKind::Parallel { join, cancel_rest }
    }

    fn read_loop(&mut self) -> BlockKind {
        let condition = match (self.read_condition("while"), self.read_condition("until")) {
            (Some(text), None) => LoopCondition::While(text),
            (None, Some(text)) => LoopCondition::Until(text),
            (found, _) => {
                let message = match found {
                    Some(_) => "a `Loop` has `while` or `until`, not both; remove one",
                    None => {
                        "a `Loop` needs `until`, a condition that is tested after each iteration, \
                         or `while`, one that is tested before"
                    }
                };
                let is_written =
                    |field| self.map.get(field).is_some_and(|value: &Value| !value.is_null());
                if found.is_some() || !(is_written("until") || is_written("while")) {
                    self.parser.walk.add_problem(&at_key(&self.path, "until"), message);
                }
                LoopCondition::Until("true".into())
            }
        };
        let max_iterations = self.read_count("max_iterations", MAX_ITERATIONS);
        let definition = LoopDefinition {
            condition,
            max_iterations: max_iterations.unwrap_or(DEFAULT_ITERATIONS),
            pause: self.read_value("pause"),
            collect: self.read_flag("collect"),
            output: self.read_value("output"),
        };
        self.add_iterated_body();
        BlockKind::Loop(Box::new(definition))
    }

    pub(super) fn add_iterated_body(&mut self) {
        let path = at_key(&self.path, "steps");
        self.add_body(BodyRole::Iteration, path.clone(), self.map.get("steps"), &path);
    }

    fn read_try(&mut self) -> BlockKind {
        let path = at_key(&self.path, "steps");
        let map = self.map;
        self.add_body(BodyRole::Guarded, path.clone(), map.get("steps"), &path);
        let path = at_key(&self.path, "catch");
        match map.get("catch") {
            None | Some(Value::Null) => {}
            Some(Value::Array(entries)) => {
                for (i, entry) in entries.iter().enumerate() {
                    self.read_catch(entry, format!("{path}[{i}]"));
                }
            }
            Some(other) => {
                self.parser.walk.add_mismatch(&path, "list of `{on: [codes], steps}`", other);
            }
        }
        if let Some(steps) = map.get("finally").filter(|steps| !steps.is_null()) {
            let path = at_key(&self.path, "finally");
            self.add_body(BodyRole::Finally, path.clone(), Some(steps), &path);
        }
        let has_catch = map.get("catch").is_some_and(|catch| match catch {
            Value::Array(entries) => !entries.is_empty(),
            catch => !catch.is_null(),
        });
        if self.bodies.len() == 1 && !has_catch {
            let message = "a `Try` needs `catch`, `finally` or both";
            self.parser.walk.add_problem(&at_key(&self.path, "catch"), message);
        }
        BlockKind::Try
    }

    fn read_catch(&mut self, entry: &Value, path: String) {
        let Value::Object(map) = entry else {
            return self.parser.walk.add_mismatch(&path, "object with `on` and `steps`", entry);
        };
        self.parser.walk.unknown_fields(map, &path, &["on", "steps"]);
        let codes =
            super::codes::parse_codes(self.parser.walk, map.get("on"), &at_key(&path, "on"));
        let steps_path = at_key(&path, "steps");
        self.add_body(BodyRole::Catch(codes), path, map.get("steps"), &steps_path);
    }

    fn read_condition(&mut self, field: &str) -> Option<String> {
        super::step::parse_bare(self.parser.walk, self.map, field, &self.path)
    }

    fn read_flag(&mut self, field: &str) -> bool {
        self.parser.walk.read_boolean(self.map, field, &self.path).unwrap_or(false)
    }

    pub(super) fn read_count(&mut self, field: &str, most: u32) -> Option<u32> {
        let value = self.map.get(field).filter(|value| !value.is_null())?;
        let path = at_key(&self.path, field);
        let count = self.parser.walk.read_integer(value, &path, 1..=u64::from(most))?;
        u32::try_from(count).ok()
    }

    pub(super) fn read_value(&self, field: &str) -> Option<Value> {
        self.map.get(field).filter(|value| !value.is_null()).cloned()
    }
}
