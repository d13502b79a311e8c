//! The identity of a step run: which step, in which iteration.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::definition::{Plan, StepIndex};

/// How many indexes a path holds without an allocation.
const INLINE: usize = 3;

/// The indexes of the iterations in which a step runs: one for each step that encloses and
/// repeats it ([`crate::definition::plan::PlanStep::enclosing`]), outermost first. Empty for a
/// step that runs once. Up to three indexes need no allocation.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IterationPath(PathIndexes);

/// Each path has one form only, so the derived comparisons are right.
#[derive(Clone, PartialEq, Eq, Hash)]
enum PathIndexes {
    /// Indexes beyond `len` are 0, so that the derived comparisons are right.
    Inline { len: u8, indexes: [u32; INLINE] },
    /// More than fit inline. A thin pointer, which keeps the whole as small as the inline form.
    Shared(Arc<Vec<u32>>),
}

/// By the indexes from the outside in, so that a path is directly followed by those inside it.
impl Ord for IterationPath {
    fn cmp(&self, other: &Self) -> Ordering {
        self.indexes().cmp(other.indexes())
    }
}

impl PartialOrd for IterationPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl IterationPath {
    /// The path of a step that runs once.
    pub const EMPTY: Self = Self(PathIndexes::Inline { len: 0, indexes: [0; INLINE] });

    /// Whether the step runs once.
    pub fn is_empty(&self) -> bool {
        self.indexes().is_empty()
    }

    /// The indexes, outermost first.
    pub fn indexes(&self) -> &[u32] {
        match &self.0 {
            PathIndexes::Inline { len, indexes } => &indexes[..usize::from(*len)],
            PathIndexes::Shared(indexes) => indexes,
        }
    }

    /// This path with one more index, of an inner iteration.
    #[must_use]
    pub fn with_index(&self, index: u32) -> Self {
        let mut indexes = self.indexes().to_vec();
        indexes.push(index);
        indexes.as_slice().into()
    }

    /// The path without its last index, and that index; `None` if it is empty.
    pub fn split_last(&self) -> Option<(Self, u32)> {
        let (last, rest) = self.indexes().split_last()?;
        Some((rest.into(), *last))
    }

    /// The first `length` indexes.
    #[must_use]
    pub fn truncated(&self, length: usize) -> Self {
        match self.indexes().get(..length) {
            Some(indexes) if length < self.indexes().len() => indexes.into(),
            _ => self.clone(),
        }
    }
}

impl From<&[u32]> for IterationPath {
    fn from(indexes: &[u32]) -> Self {
        let mut inline = [0; INLINE];
        let len = u8::try_from(indexes.len());
        match (inline.get_mut(..indexes.len()), len) {
            (Some(all), Ok(len)) => {
                all.copy_from_slice(indexes);
                Self(PathIndexes::Inline { len, indexes: inline })
            }
            _ => Self(PathIndexes::Shared(Arc::new(indexes.to_vec()))),
        }
    }
}

impl<const N: usize> From<[u32; N]> for IterationPath {
    fn from(indexes: [u32; N]) -> Self {
        indexes.as_slice().into()
    }
}

impl fmt::Debug for IterationPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.indexes().fmt(f)
    }
}

/// The indexes joined by dots; `0` for an empty path.
impl fmt::Display for IterationPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, rest)) = self.indexes().split_first() else { return f.write_str("0") };
        write!(f, "{first}")?;
        rest.iter().try_for_each(|index| write!(f, ".{index}"))
    }
}

/// Identifies a step run inside an execution. Journals have the index of the step, or a list of it
/// and the path where there is one: `2`, `[2, [3]]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepRunId {
    /// The step.
    pub step: StepIndex,
    /// The iterations.
    pub path: IterationPath,
}

impl StepRunId {
    /// The run of another step in the same iterations.
    #[must_use]
    pub fn sibling(&self, step: StepIndex) -> Self {
        Self { step, path: self.path.clone() }
    }

    /// The form for users: `charge`, or `orders[3].charge` inside the step `orders`.
    pub fn display_in<'a>(&'a self, plan: &'a Plan) -> impl fmt::Display + 'a {
        DisplayStepRun { id: self, plan }
    }
}

impl From<StepIndex> for StepRunId {
    fn from(step: StepIndex) -> Self {
        Self { step, path: IterationPath::EMPTY }
    }
}

impl From<u32> for StepRunId {
    fn from(step: u32) -> Self {
        StepIndex::from(step).into()
    }
}

impl Serialize for StepRunId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.path.indexes() {
            [] => self.step.serialize(serializer),
            indexes => (self.step, indexes).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for StepRunId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StoredStepRun)
    }
}

struct StoredStepRun;

impl<'de> Visitor<'de> for StoredStepRun {
    type Value = StepRunId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the index of a step, or a list of it and of a path")
    }

    fn visit_u64<E: Error>(self, index: u64) -> Result<StepRunId, E> {
        let index = u32::try_from(index).map_err(E::custom)?;
        Ok(index.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<StepRunId, A::Error> {
        let missing = |at| A::Error::invalid_length(at, &self);
        let step = list.next_element()?.ok_or_else(|| missing(0))?;
        let path: Vec<u32> = list.next_element()?.ok_or_else(|| missing(1))?;
        Ok(StepRunId { step, path: path.as_slice().into() })
    }
}

struct DisplayStepRun<'a> {
    id: &'a StepRunId,
    plan: &'a Plan,
}

impl fmt::Display for DisplayStepRun<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StepRunId { step, path } = self.id;
        let Some(planned) = self.plan.step(*step) else { return f.write_str("unknown step") };
        let mut indexes = path.indexes().iter();
        for (block, index) in planned.enclosing.iter().zip(&mut indexes) {
            write!(f, "{}[{index}].", self.plan[*block].id)?;
        }
        f.write_str(&planned.id)?;
        indexes.try_for_each(|index| write!(f, "[{index}]"))
    }
}

/// Identifies one attempt of a step run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId {
    /// The step run.
    pub step_run: StepRunId,
    /// From 1.
    pub attempt: u32,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::definition::{DefinitionLimits, plan_source};
    use crate::test_support::TestCatalog;

    fn within(path: IterationPath) -> StepRunId {
        StepRunId { step: StepIndex::from(2), path }
    }

    #[test]
    fn a_path_is_directly_followed_by_those_inside_it() {
        let sorted: [&[u32]; 8] =
            [&[], &[0], &[0, 9], &[0, 9, 1, 2, 3], &[1], &[1, 0, 0, 0], &[2], &[10, 0]];
        for (position, path) in sorted.iter().enumerate() {
            for (other_position, other) in sorted.iter().enumerate() {
                let (path, other) = (IterationPath::from(*path), IterationPath::from(*other));
                assert_eq!(path.cmp(&other), position.cmp(&other_position), "{path:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_step_run_is_written_with_the_steps_around_it() {
        let steps = ["a", "orders", "charge"].map(|id| json!({"id": id, "type": "Echo"}));
        let source = json!({"name": "n", "steps": steps});
        let (_, mut plan) =
            plan_source(&source, &TestCatalog::new(), &DefinitionLimits::default()).unwrap();
        let written = |plan: &Plan, path: IterationPath| within(path).display_in(plan).to_string();
        assert_eq!(written(&plan, IterationPath::EMPTY), "charge");
        plan.steps[2].enclosing = vec![StepIndex::from(1)];
        assert_eq!(written(&plan, [3].into()), "orders[3].charge");
        plan.steps[2].enclosing.insert(0, StepIndex::from(0));
        assert_eq!(written(&plan, [7, 3].into()), "a[7].orders[3].charge");
        assert_eq!(StepRunId::from(9).display_in(&plan).to_string(), "unknown step");
    }

    #[test]
    fn an_empty_path_is_omitted() {
        for (path, text) in [
            (IterationPath::EMPTY, "2"),
            ([3].into(), "[2,[3]]"),
            ([3, 0, 1, 9].into(), "[2,[3,0,1,9]]"),
        ] {
            let id = within(path);
            assert_eq!(serde_json::to_string(&id).unwrap(), text);
            assert_eq!(serde_json::from_str::<StepRunId>(text).unwrap(), id);
        }
        for text in ["-1", "4294967296", "\"2\"", "[]", "[2]", "[2,3]", "[2,[3],4]", "null"] {
            serde_json::from_str::<StepRunId>(text).unwrap_err();
        }
    }

    #[test]
    fn paths_compare_by_their_indexes() {
        let paths: [IterationPath; 4] =
            [[1, 2].into(), [1, 2, 0].into(), [1, 3, 0].into(), [1, 2, 3, 4].into()];
        for (at, path) in paths.iter().enumerate() {
            let same: Vec<usize> = (0..4).filter(|other| paths[*other] == *path).collect();
            assert_eq!(same, [at]);
            assert_eq!(IterationPath::from(path.indexes()), *path);
        }
        assert!(paths[1] < paths[2]);
        assert!(!matches!(paths[2].0, PathIndexes::Shared(_)), "a short path is inline");
        assert_eq!(size_of::<StepRunId>(), 24);
    }

    #[test]
    fn a_path_is_joined_by_dots() {
        let paths: [IterationPath; 3] = [IterationPath::EMPTY, [4].into(), [4, 0, 7, 1].into()];
        assert_eq!(paths.map(|path| path.to_string()), ["0", "4", "4.0.7.1"]);
    }
}
