//! Where an expression is evaluated.

use crate::definition::model::{Definition, ParentBody};

/// Where an expression is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReaderPosition {
    /// In the outputs of the workflow, when all steps have ended.
    Outputs,
    /// At the start of a step.
    Step(usize),
    /// At the start of a body.
    BodyStart {
        /// The block.
        block: usize,
        /// The position of the body in it.
        body: usize,
    },
    /// When all steps of a body have ended.
    BodyEnd {
        /// The block.
        block: usize,
        /// The position of the body in it.
        body: usize,
    },
}

/// The bodies around a position, innermost first.
pub(super) fn enclosing_bodies(
    definition: &Definition,
    position: ReaderPosition,
) -> impl Iterator<Item = ParentBody> {
    let first = match position {
        ReaderPosition::Outputs => None,
        ReaderPosition::Step(step) => parent_of(definition, step),
        ReaderPosition::BodyStart { block, body } | ReaderPosition::BodyEnd { block, body } => {
            Some(ParentBody { block, body })
        }
    };
    std::iter::successors(first, |parent| parent_of(definition, parent.block))
}

/// The list that a step is in.
pub(super) fn parent_of(definition: &Definition, step: usize) -> Option<ParentBody> {
    definition.steps.get(step)?.parent
}
