//! What expressions refer to: is it there, may it be used here, what type has it.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::expressions::fixed_shape;
use super::infer::InputUse;
use super::position::Visibility;
use super::reader_position::ReaderPosition;
use super::{PlanCompiler, names, schema_of};
use crate::catalog::StepSpec;
use crate::definition::check::types::{MemberSchema, member_schema};
use crate::definition::model::StepDefinition;
use crate::definition::suggestions::{did_you_mean, suggest_name};
use crate::expr::{ROOTS, References, ValueTemplate, written_path};
use crate::problem::MAX_PROBLEMS;

/// The members of a step that expressions see.
const STEP_MEMBERS: [&str; 3] = ["output", "status", "error"];

/// The names that an expression can start from; the others of [`ROOTS`] are reserved.
const USABLE_ROOTS: [&str; 8] =
    ["inputs", "steps", "state", "execution", "workflow", "secrets", "vars", "now"];

impl PlanCompiler<'_> {
    /// Checks every expression of a template. `step`: whose it is; `None` for outputs.
    pub(super) fn check_leaves(
        &mut self,
        template: &ValueTemplate,
        step: Option<(&StepDefinition, &StepSpec)>,
        base: &str,
    ) {
        for leaf in template.leaves() {
            let sensitive = step.is_some_and(|(step, spec)| {
                let inside = leaf.path.strip_prefix(step.path.as_str());
                let inside = inside.and_then(|rest| rest.strip_prefix('.'));
                inside.is_some_and(|inside| is_sensitive(spec, inside))
            });
            let allowed = if sensitive { Some(base) } else { None };
            self.check_references(&leaf.references, &leaf.path, allowed);
        }
    }

    /// Checks what an expression at `path` refers to. `secrets`: whether they may be used there.
    pub(super) fn check_references(
        &mut self,
        references: &References,
        path: &str,
        secrets: Option<&str>,
    ) {
        for reference in &references.paths {
            if self.problems.0.len() >= MAX_PROBLEMS {
                return;
            }
            let names: Vec<&str> = reference.iter().map(String::as_str).collect();
            let need =
                if references.is_optional(reference) { InputUse::Maybe } else { InputUse::Used };
            let message = match names.as_slice() {
                ["inputs", rest @ ..] => self.check_inputs(rest, need),
                ["steps", rest @ ..] => self.check_step(rest, need),
                ["state", rest @ ..] => self.check_state(rest, need),
                ["secrets", _] if secrets.is_some() => None,
                ["secrets", _] => Some(
                    "secrets may only be used in the sensitive fields of a step, such as headers"
                        .into(),
                ),
                ["secrets", ..] => Some("name one secret: `secrets.NAME`".into()),
                [root @ ("execution" | "workflow"), rest @ ..] => {
                    self.check_fixed(root, rest, root)
                }
                ["integrations", ..] if self.is_new => Some(
                    "`integrations` cannot be used in expressions; call a service by a step, with \
                     `secrets.NAME` in its headers"
                        .into(),
                ),
                [root, rest @ ..] if let Some(schema) = self.variable_schema(root) => {
                    walk_schema(&schema, rest, root, need == InputUse::Maybe).err()
                }
                // Below variables of blocks, since these are not reserved names.
                ["vars", rest @ ..] => self.check_variable(rest, path, need),
                ["now", rest @ ..] => self.check_fixed("now", rest, "now"),
                [root @ ("item" | "index" | "last" | "error"), ..] => {
                    let place = match *root {
                        "item" => "the steps of a `Map`, unless it names its items by `as`",
                        "index" => "the steps of a `Map` or `Loop`",
                        "last" => "the steps of a `Loop`",
                        _ => {
                            "the steps of `catch` and `on_failure` and in `compensate`; of a failed step it is `steps.ID.error`"
                        }
                    };
                    Some(format!("`{root}` exists only in {place}"))
                }
                [root, ..] if !ROOTS.contains(root) => {
                    Some(format!("there is no `{root}`{}", self.root_hint(root)))
                }
                _ => None,
            };
            if let Some(message) = message {
                self.add_problem(path, format!("{message} (in `{}`)", format_path(reference)));
            }
        }
    }

    /// What was probably meant by an unknown root name.
    fn root_hint(&self, root: &str) -> String {
        if self.graph.by_id.contains_key(root) {
            return format!("; did you mean `steps.{root}`?");
        }
        let is_input =
            self.declared.is_some_and(|schema| names::property_schema(schema, root).is_some());
        if is_input {
            return format!("; did you mean `inputs.{root}`?");
        }
        let roots: Vec<&str> = USABLE_ROOTS.into_iter().chain(self.variable_names()).collect();
        let hint = did_you_mean(root, roots.iter().copied());
        if hint.is_empty() {
            format!("; expressions start with {}", roots.join(", "))
        } else {
            hint
        }
    }

    fn check_inputs(&mut self, names: &[&str], need: InputUse) -> Option<String> {
        let (first, _) = names.split_first()?;
        let Some(declared) = self.declared else {
            self.inferred.add_use(first, &json!({}), need);
            return None;
        };
        walk_schema(declared, names, "inputs", need == InputUse::Maybe).err()
    }

    fn check_state(&mut self, names: &[&str], need: InputUse) -> Option<String> {
        let (first, _) = names.split_first()?;
        if self.definition.state.contains_key(*first) || need == InputUse::Maybe {
            return None;
        }
        if self.is_state_set(first) {
            return None;
        }
        let known = self.definition.state.keys().map(String::as_str);
        let hint = did_you_mean(first, known.chain(self.set_state.names.iter().copied()));
        let hint = if hint.is_empty() { "; declare it under `state`".to_owned() } else { hint };
        Some(format!("there is no state `{first}`{hint}"))
    }

    /// Whether a step may set this name in the state.
    pub(super) fn is_state_set(&self, name: &str) -> bool {
        self.set_state.any || self.set_state.names.contains(name)
    }

    fn check_step(&mut self, names: &[&str], need: InputUse) -> Option<String> {
        let (id, rest) = names.split_first()?;
        let Some(index) = self.graph.by_id.get(*id).copied() else {
            let dashed = self
                .graph
                .by_id
                .keys()
                .find(|known| known.strip_prefix(id).is_some_and(|rest| rest.starts_with('-')));
            let hint = match dashed {
                Some(known) => format!("; write `steps['{known}']`"),
                None => suggest_name(id, "steps before this one", self.visible_ids()),
            };
            return Some(format!("there is no step `{id}`{hint}"));
        };
        if let Some(problem) = self.check_visibility(id, index) {
            return Some(problem);
        }
        let (which, below) = rest.split_first()?;
        if !STEP_MEMBERS.contains(which) {
            let hint = did_you_mean(which, STEP_MEMBERS);
            let list = if hint.is_empty() { "; it has" } else { " It has" };
            return Some(format!("a step has no `{which}`{hint}{list} output, status and error"));
        }
        if *which == "error" && !below.is_empty() {
            return self.check_fixed("error", below, &format!("steps.{id}.error"));
        }
        if *which == "status" && self.is_new && !below.is_empty() {
            return walk_schema(
                &json!({"type": "string"}),
                below,
                &format!("steps.{id}.status"),
                false,
            )
            .err();
        }
        if *which == "output" && !below.is_empty() {
            let schema = self.outputs.get(index)?;
            if **schema == Value::Bool(false) && self.is_new && need != InputUse::Maybe {
                return Some(format!(
                    "`steps.{id}` always fails, so its output is null; what went wrong is \
                     `steps.{id}.error.message`"
                ));
            }
            return walk_schema(schema, below, &format!("steps.{id}.output"), false).err();
        }
        None
    }

    /// Why a step cannot be read from the present position, if it cannot.
    fn check_visibility(&self, id: &str, index: usize) -> Option<String> {
        Some(match self.visibility(index) {
            Visibility::Visible => return None,
            Visibility::Itself => {
                format!("the step `{id}` cannot refer to itself; name an earlier step")
            }
            Visibility::NotBefore if matches!(self.position, ReaderPosition::BodyStart { .. }) => {
                format!(
                    "`while` is tested before step `{id}` runs; read `last`, the output of the \
                     iteration before, or use `until`"
                )
            }
            Visibility::NotBefore => format!(
                "step `{id}` does not come before this one; move it up, or name it in `after`"
            ),
            Visibility::Around => format!(
                "this is inside `{id}`, whose output is not known yet; name a step inside it"
            ),
            Visibility::Inside(block) => match self.definition.steps.get(block) {
                Some(block) if !block.role.is_regular() => format!(
                    "the step `{id}` runs only if the execution fails; only other steps of \
                     `on_failure` can read it"
                ),
                block => {
                    let block = block.map_or("", |step| step.id.as_str());
                    format!(
                        "the step `{id}` is inside the block `{block}`; outside of it, only \
                         `steps.{block}.output` can be read"
                    )
                }
            },
        })
    }

    /// The ids of the steps that can be read from the present position.
    fn visible_ids(&self) -> impl Iterator<Item = &str> + Clone {
        let steps = self.graph.by_id.iter();
        let visible = steps.filter(|(_, step)| self.visibility(**step) == Visibility::Visible);
        visible.map(|(id, _)| id.as_str())
    }

    /// The schema of what a static path leads to, where something is known of it.
    pub(super) fn resolve_path(&self, path: &[String]) -> Option<Cow<'_, Value>> {
        let known = |schema: Value| Some(Cow::Owned(schema));
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        match names.as_slice() {
            ["inputs", rest @ ..] => match (self.declared, rest) {
                (Some(declared), rest) => {
                    walk_schema(declared, rest, "inputs", true).ok()?.map(Cow::Borrowed)
                }
                (None, [name]) => self.inferred.input_schema(name).map(Cow::Borrowed),
                (None, []) => known(json!({"type": "object"})),
                _ => None,
            },
            ["steps", id, "output", rest @ ..] => {
                let index = self.graph.by_id.get(*id)?;
                walk_schema(self.outputs.get(*index)?, rest, "", true).ok()?.map(Cow::Borrowed)
            }
            ["steps", _, "status"] => known(json!({"type": "string"})),
            ["steps", _, "error"] => known(json!({"type": ["object", "null"]})),
            ["state", name] => known(schema_of(self.definition.state.get(*name)?)),
            ["state"] => known(json!({"type": "object"})),
            ["secrets", _] => known(json!({"type": "string"})),
            ["steps", _, "error", rest @ ..] => {
                walk_schema(fixed_shape("error")?, rest, "", true).ok()?.map(Cow::Borrowed)
            }
            [root @ ("execution" | "workflow"), rest @ ..] => {
                walk_schema(fixed_shape(root)?, rest, "", true).ok()?.map(Cow::Borrowed)
            }
            ["now"] if self.variable_schema("now").is_none() => known(fixed_shape("now")?.clone()),
            [root, rest @ ..] => {
                let schema = self.variable_schema(root)?;
                walk_schema(&schema, rest, "", true).ok()?.cloned().and_then(known)
            }
            [] => None,
        }
    }
}

/// Follows names through a schema; `None` where the schema is not known further.
pub(super) fn walk_schema<'s>(
    schema: &'s Value,
    names: &[&str],
    start: &str,
    may_be_absent: bool,
) -> Result<Option<&'s Value>, String> {
    let mut at = schema;
    for (i, name) in names.iter().enumerate() {
        let path = || written_path(std::iter::once(start).chain(names.iter().take(i).copied()));
        match member_schema(at, name) {
            MemberSchema::Known(inner) => at = inner,
            MemberSchema::Open => return Ok(None),
            MemberSchema::Absent(_) | MemberSchema::NoMembers if may_be_absent => return Ok(None),
            MemberSchema::Absent(known) => {
                let hint = did_you_mean(name, known.iter().copied());
                let listed = match known.is_empty() {
                    true => String::new(),
                    false if hint.is_empty() => format!("; it has {}", known.join(", ")),
                    false => format!(" It has {}", known.join(", ")),
                };
                return Err(format!("`{}` has no `{name}`{hint}{listed}", path()));
            }
            MemberSchema::NoMembers => {
                let kinds = crate::definition::check::types::ValueTypes::of_schema(at);
                return Err(format!("`{}` is {kinds} and has no `{name}`", path()));
            }
        }
    }
    Ok(Some(at))
}

fn format_path(path: &[String]) -> String {
    written_path(path.iter().map(String::as_str)).chars().take(120).collect()
}

/// Whether a place inside a step (`config.headers.Authorization`) may hold secrets.
fn is_sensitive(spec: &StepSpec, inside: &str) -> bool {
    spec.sensitive.iter().any(|field| {
        inside
            .strip_prefix(field)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    })
}
