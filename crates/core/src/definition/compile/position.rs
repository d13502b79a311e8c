//! Which steps and variables an expression can read.

use std::sync::Arc;

use serde_json::{Value, json};

use super::PlanCompiler;
use super::expressions::fixed_shape;
use super::reader_position::{ReaderPosition, enclosing_bodies, parent_of};
use crate::definition::blocks::{BlockKind, BodyRole};
use crate::definition::model::{ParentBody, StepRole};

/// Whether a step can be read from a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visibility {
    /// It comes before.
    Visible,
    /// It is the step itself.
    Itself,
    /// It does not come before.
    NotBefore,
    /// It is inside a block, the outermost that does not enclose the position.
    Inside(usize),
    /// It encloses the position.
    Around,
}

impl PlanCompiler<'_> {
    /// Whether the step `target` can be read from the present position.
    pub(super) fn visibility(&self, target: usize) -> Visibility {
        let list = parent_of(self.definition, target);
        let around: Vec<ParentBody> = enclosing_bodies(self.definition, self.position).collect();
        if !list.is_none_or(|list| around.contains(&list)) {
            // Outside of the block that it is in.
            let outer = std::iter::successors(list, |at| parent_of(self.definition, at.block));
            let hidden = outer.take_while(|body| !around.contains(body)).last();
            return hidden.map_or(Visibility::NotBefore, |body| Visibility::Inside(body.block));
        }
        // The step of that list at which the position is.
        let inner = around.iter().take_while(|body| Some(**body) != list).last();
        let here = match (inner, self.position) {
            (Some(body), _) => body.block,
            (None, ReaderPosition::Step(step)) => step,
            (None, ReaderPosition::BodyStart { .. }) => return Visibility::NotBefore,
            (None, ReaderPosition::BodyEnd { .. } | ReaderPosition::Outputs) => {
                return Visibility::Visible;
            }
        };
        match here == target {
            true if inner.is_some() => Visibility::Around,
            true => Visibility::Itself,
            false if self.graph.comes_before(target, here) => Visibility::Visible,
            // All other steps have ended when those of `on_failure` run.
            false if self.role_of(here) == StepRole::FailureHandler => Visibility::Visible,
            false => Visibility::NotBefore,
        }
    }

    fn role_of(&self, step: usize) -> StepRole<usize> {
        self.definition.steps.get(step).map(|step| step.role).unwrap_or_default()
    }

    /// Whether the position is in a compensation, which runs after the blocks around it.
    fn is_in_compensation(&self) -> bool {
        match self.position {
            ReaderPosition::Step(step) => matches!(self.role_of(step), StepRole::Compensation(_)),
            _ => false,
        }
    }

    /// Whether the position is in a step that runs when the execution has failed.
    fn is_after_failure(&self) -> bool {
        let mut around = enclosing_bodies(self.definition, self.position);
        self.is_in_compensation()
            || around.any(|body| self.role_of(body.block) == StepRole::FailureHandler)
    }

    /// The schema of a variable of the blocks around the present position, or of the error with
    /// which the execution ends.
    pub(super) fn variable_schema(&self, name: &str) -> Option<Arc<Value>> {
        if self.is_in_compensation() && name == "last" {
            return None;
        }
        let of_block = self.block_variable(name);
        if of_block.is_none() && name == "error" && self.is_after_failure() {
            return fixed_shape("error").cloned().map(Arc::new);
        }
        of_block
    }

    fn block_variable(&self, name: &str) -> Option<Arc<Value>> {
        enclosing_bodies(self.definition, self.position).find_map(|ParentBody { block, body }| {
            let written = self.definition.steps.get(block)?.block.as_ref()?;
            let role = &written.bodies.get(body)?.role;
            match (&written.kind, role, name) {
                (BlockKind::Map(map), _, name) if map.item_name == name => {
                    Some(self.inner_input(block))
                }
                (BlockKind::Map(_) | BlockKind::Loop(_), _, "index") => {
                    Some(Arc::new(json!({"type": "integer"})))
                }
                (BlockKind::Loop(_), _, "last") => Some(Arc::new(json!({}))),
                (BlockKind::Try, BodyRole::Catch(_), "error") => {
                    fixed_shape("error").cloned().map(Arc::new)
                }
                _ => None,
            }
        })
    }

    /// The names of the variables of the blocks around the present position.
    pub(super) fn variable_names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        if self.is_after_failure() {
            names.push("error");
        }
        for ParentBody { block, body } in enclosing_bodies(self.definition, self.position) {
            let Some(written) = self.definition.steps.get(block).and_then(|s| s.block.as_ref())
            else {
                continue;
            };
            match (&written.kind, written.bodies.get(body).map(|body| &body.role)) {
                (BlockKind::Map(map), _) => names.extend([map.item_name.as_str(), "index"]),
                (BlockKind::Loop(_), _) => names.extend(["index", "last"]),
                (BlockKind::Try, Some(BodyRole::Catch(_))) => names.push("error"),
                _ => {}
            }
        }
        names
    }
}
