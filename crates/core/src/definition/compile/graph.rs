//! The edges between steps, their order, and who comes before whom.

use super::joins;
use crate::catalog::{StepAction, StepSpec};
use crate::definition::model::{Definition, EdgeDefinition, OnError, StepRole};
use crate::definition::plan::PlanEdge;
use crate::definition::plan_block::{BodyIndex, StepList};
use crate::definition::step_index::StepIndex;
use crate::definition::suggestions::{did_you_mean, suggest_name};
use crate::{Problem, Problems};
use std::collections::BTreeMap;

/// The steps as a graph.
pub(super) struct StepGraph {
    /// The edges into each step.
    pub(super) after: Vec<Vec<PlanEdge>>,
    /// The steps with an edge from each, each once, in order.
    pub(super) dependents: Vec<Vec<StepIndex>>,
    /// Step index by id; the first where an id is there twice.
    pub(super) by_id: BTreeMap<String, usize>,
    /// Every step once, predecessors first; steps in a cycle at the end.
    pub(super) order: Vec<usize>,
    /// The steps of each list, without those inside its blocks and without compensations.
    pub(super) lists: BTreeMap<Option<BodyIndex>, Vec<StepIndex>>,
    /// The compensation of each step that has one.
    pub(super) compensations: BTreeMap<usize, usize>,
    /// For each step, a bit for every step that comes before it.
    ancestors: Vec<Vec<u64>>,
}

/// A part of the compilation of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CompileTask {
    /// The step itself; of a block, its input.
    Step(usize),
    /// The rest of a block, when the steps inside it are compiled.
    BlockEnd(usize),
}

impl StepGraph {
    /// The list of steps in a body, without those inside its blocks.
    pub(super) fn step_list(&self, body: Option<BodyIndex>) -> StepList {
        let steps = self.lists.get(&body).cloned().unwrap_or_default();
        let is_root =
            |i: &StepIndex| self.after.get(i.position()).is_none_or(|edges| edges.is_empty());
        let is_sink =
            |i: &StepIndex| self.dependents.get(i.position()).is_none_or(|next| next.is_empty());
        StepList {
            roots: steps.iter().copied().filter(is_root).collect(),
            sinks: steps.iter().copied().filter(is_sink).collect(),
            steps,
        }
    }

    /// The order in which the steps are compiled: predecessors first, and what is inside a block
    /// within it.
    pub(super) fn compile_order(&self, definition: &Definition) -> Vec<CompileTask> {
        let mut rank = vec![0; self.order.len()];
        for (at, step) in self.order.iter().enumerate() {
            if let Some(slot) = rank.get_mut(*step) {
                *slot = at;
            }
        }
        let sorted = |list: Option<BodyIndex>| {
            let mut steps = self.lists.get(&list).cloned().unwrap_or_default();
            steps.sort_by_key(|step| rank.get(step.position()).copied());
            steps
        };
        let mut tasks = Vec::with_capacity(self.order.len());
        // The tasks that are left, the next one last.
        let handler = definition.steps.iter().position(|s| s.role == StepRole::FailureHandler);
        let top = sorted(None).into_iter().map(StepIndex::position);
        let mut left: Vec<CompileTask> = top.chain(handler).map(CompileTask::Step).collect();
        left.reverse();
        while let Some(task) = left.pop() {
            tasks.push(task);
            let CompileTask::Step(index) = task else { continue };
            left.extend(self.compensations.get(&index).map(|step| CompileTask::Step(*step)));
            let Some(block) = definition.steps.get(index).and_then(|step| step.block.as_ref())
            else {
                continue;
            };
            left.push(CompileTask::BlockEnd(index));
            for body in (0..block.bodies.len()).rev() {
                let steps = sorted(Some(BodyIndex::at(index, body)));
                left.extend(steps.into_iter().rev().map(|s| CompileTask::Step(s.position())));
            }
        }
        tasks
    }

    /// Whether `earlier` comes before `later` on some way.
    pub(super) fn comes_before(&self, earlier: usize, later: usize) -> bool {
        let word = self.ancestors.get(later).and_then(|bits| bits.get(earlier / 64));
        word.is_some_and(|word| word & (1 << (earlier % 64)) != 0)
    }
}

pub(super) fn build_graph(
    definition: &Definition,
    specs: &[Option<&StepSpec>],
    problems: &mut Problems,
) -> StepGraph {
    let mut by_id = BTreeMap::new();
    let mut compensations = BTreeMap::new();
    for (i, step) in definition.steps.iter().enumerate() {
        match step.role {
            StepRole::Regular => drop(by_id.entry(step.id.clone()).or_insert(i)),
            StepRole::Compensation(of) => drop(compensations.insert(of, i)),
            StepRole::FailureHandler => {}
        }
    }
    let lists = find_lists(definition);
    let previous = find_previous(definition.steps.len(), &lists);
    let mut builder =
        GraphBuilder { definition, specs, by_id: &by_id, previous: &previous, problems };
    let mut after: Vec<Vec<PlanEdge>> =
        (0..definition.steps.len()).map(|i| builder.edges_into(i)).collect();
    builder.add_goto_edges(&mut after);
    let mut dependents = vec![Vec::new(); after.len()];
    for (i, edges) in after.iter().enumerate() {
        for edge in edges {
            if let Some(list) = dependents.get_mut(edge.from.position())
                && list.last() != Some(&StepIndex::at(i))
            {
                list.push(StepIndex::at(i));
            }
        }
    }
    let order = sort_steps(definition, &after, &dependents, problems);
    joins::check_joins(definition, &after, problems);
    let ancestors = find_ancestors(&after, &order);
    // A step does not lead to its compensation.
    for (step, compensation) in &compensations {
        if let Some(list) = dependents.get_mut(*step) {
            list.retain(|dependent| dependent.position() != *compensation);
        }
    }
    StepGraph { after, dependents, by_id, order, lists, compensations, ancestors }
}

struct GraphBuilder<'a> {
    definition: &'a Definition,
    specs: &'a [Option<&'a StepSpec>],
    by_id: &'a BTreeMap<String, usize>,
    /// The step before each in its list.
    previous: &'a [Option<StepIndex>],
    problems: &'a mut Problems,
}

impl GraphBuilder<'_> {
    fn edges_into(&mut self, index: usize) -> Vec<PlanEdge> {
        let Some(step) = self.definition.steps.get(index) else { return Vec::new() };
        if let StepRole::Compensation(of) = step.role {
            // It can read what its step can read, and that step; its input comes from it.
            return vec![PlanEdge { from: StepIndex::at(of), port: None, is_implicit: false }];
        }
        let Some(after) = &step.after else {
            // Without `after`, a step follows the previous one in the list.
            let previous = self.previous.get(index).copied().flatten();
            return previous
                .map(|from| PlanEdge { from, port: None, is_implicit: true })
                .into_iter()
                .collect();
        };
        let mut edges = Vec::new();
        for (i, entry) in after.iter().enumerate() {
            // A single entry may have been written without a list.
            let path = format!("{}.after[{i}]", step.path);
            edges.extend(self.read_edge(index, entry, &path));
        }
        edges
    }

    fn read_edge(&mut self, index: usize, entry: &EdgeDefinition, path: &str) -> Option<PlanEdge> {
        let parent = |step: usize| self.definition.steps.get(step).and_then(|step| step.parent);
        let Some(from) = self.by_id.get(&entry.step).copied() else {
            let is_beside = |other: usize| other != index && parent(other) == parent(index);
            let beside = self.by_id.iter().filter(|(_, other)| is_beside(**other));
            let names = beside.map(|(id, _)| id.as_str());
            let hint = suggest_name(&entry.step, "other steps of the list", names);
            let message = format!("there is no step `{}`{hint}", entry.step);
            self.problems.push(Problem::new(path, message));
            return None;
        };
        if from == index {
            let message = format!("the step `{}` cannot come after itself; remove it", entry.step);
            self.problems.push(Problem::new(path, message));
            return None;
        }
        if parent(from) != parent(index) {
            let message = format!(
                "the step `{}` is not in the same list of steps; edges do not cross the border of \
                 a block; name a step of the same list",
                entry.step
            );
            self.problems.push(Problem::new(path, message));
            return None;
        }
        if let Some(port) = &entry.port {
            self.check_port(from, port, path);
        }
        let port = entry.port.clone();
        Some(PlanEdge { from: StepIndex::at(from), port, is_implicit: false })
    }

    fn check_port(&mut self, from: usize, port: &str, path: &str) {
        let Some(step) = self.definition.steps.get(from) else { return };
        if port == "error" {
            if !matches!(step.on_error, OnError::Port | OnError::Goto(_)) {
                self.problems.push(Problem::new(
                    path,
                    format!(
                        "the step `{id}` never leaves by its port `error`; give `{id}` \
                         `on_error: port`",
                        id = step.id
                    ),
                ));
            }
            return;
        }
        let Some(Some(spec)) = self.specs.get(from) else { return };
        if spec.action == StepAction::WaitForSignal
            && step.config.get("on_timeout").is_none_or(|on_timeout| on_timeout != "port")
            && spec.ports.contains(&port)
        {
            let message = format!(
                "the step `{id}` never leaves by its port `{port}`; give `{id}` `on_timeout: port`",
                id = step.id
            );
            self.problems.push(Problem::new(path, message));
        }
        if !spec.ports.contains(&port) {
            let hint = did_you_mean(port, spec.ports.iter().copied());
            let known = match spec.ports {
                [] => "it has no port but `error`".to_owned(),
                ports => format!("it has {}, error", ports.join(", ")),
            };
            let hint = if hint.is_empty() { format!("; {known}") } else { hint };
            let message = format!("the step `{}` has no port `{port}`{hint}", step.id);
            self.problems.push(Problem::new(path, message));
        }
    }

    /// `on_error: goto` gives the target an edge from the step's port `error`.
    fn add_goto_edges(&mut self, after: &mut [Vec<PlanEdge>]) {
        for (index, step) in self.definition.steps.iter().enumerate() {
            let OnError::Goto(target) = &step.on_error else { continue };
            let entry = EdgeDefinition { step: target.clone(), port: None };
            let path = format!("{}.on_error", step.path);
            let Some(to) = self.read_edge(index, &entry, &path) else { continue };
            let port = Some("error".into());
            let edge = PlanEdge { from: StepIndex::at(index), port, is_implicit: false };
            if let Some(edges) = after.get_mut(to.from.position())
                && !edges.contains(&edge)
            {
                edges.push(edge);
            }
        }
    }
}

/// The steps of each list, in order.
fn find_lists(definition: &Definition) -> BTreeMap<Option<BodyIndex>, Vec<StepIndex>> {
    let mut lists: BTreeMap<_, Vec<StepIndex>> = BTreeMap::new();
    for (i, step) in definition.steps.iter().enumerate() {
        if !step.role.is_regular() {
            continue;
        }
        let list = step.parent.map(|parent| BodyIndex::at(parent.block, parent.body));
        lists.entry(list).or_default().push(StepIndex::at(i));
    }
    lists
}

/// The step before each in its list.
fn find_previous(
    count: usize,
    lists: &BTreeMap<Option<BodyIndex>, Vec<StepIndex>>,
) -> Vec<Option<StepIndex>> {
    let mut previous = vec![None; count];
    for pair in lists.values().flat_map(|list| list.windows(2)) {
        if let [before, after] = pair
            && let Some(slot) = previous.get_mut(after.position())
        {
            *slot = Some(*before);
        }
    }
    previous
}

/// Predecessors first. Steps that are left over stand in a cycle or behind one.
fn sort_steps(
    definition: &Definition,
    after: &[Vec<PlanEdge>],
    dependents: &[Vec<StepIndex>],
    problems: &mut Problems,
) -> Vec<usize> {
    let mut waiting: Vec<usize> = after.iter().map(|edges| count_sources(edges)).collect();
    let mut order: Vec<usize> = (0..after.len()).filter(|i| waiting.get(*i) == Some(&0)).collect();
    let mut next = 0;
    while let Some(done) = order.get(next).copied() {
        next += 1;
        for dependent in dependents.get(done).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(dependent.position()) {
                *count -= 1;
                if *count == 0 {
                    order.push(dependent.position());
                }
            }
        }
    }
    if order.len() < after.len() {
        let mut done = vec![false; after.len()];
        for i in &order {
            if let Some(flag) = done.get_mut(*i) {
                *flag = true;
            }
        }
        let left: Vec<usize> =
            done.iter().enumerate().filter(|(_, done)| !**done).map(|(i, _)| i).collect();
        problems.push(find_cycle(definition, after, &done, &left));
        order.extend(left);
    }
    order
}

fn count_sources(edges: &[PlanEdge]) -> usize {
    let mut from: Vec<StepIndex> = edges.iter().map(|edge| edge.from).collect();
    from.sort_unstable();
    from.dedup();
    from.len()
}

/// Walks back from a step that is left over until one comes round again.
fn find_cycle(
    definition: &Definition,
    after: &[Vec<PlanEdge>],
    done: &[bool],
    left: &[usize],
) -> Problem {
    let mut way: Vec<usize> = Vec::new();
    let mut at = left.first().copied();
    while let Some(index) = at {
        if let Some(start) = way.iter().position(|seen| *seen == index) {
            way.drain(..start);
            break;
        }
        way.push(index);
        let edges = after.get(index).map(Vec::as_slice).unwrap_or_default();
        at = edges
            .iter()
            .map(|edge| edge.from.position())
            .find(|from| done.get(*from) == Some(&false));
    }
    way.reverse();
    let least = way.iter().enumerate().min_by_key(|(_, index)| **index).map_or(0, |(at, _)| at);
    way.rotate_left(least);
    let first = way.first().copied().unwrap_or_default();
    let mut names: Vec<&str> = way
        .iter()
        .chain(way.first())
        .filter_map(|i| definition.steps.get(*i))
        .map(|step| step.id.as_str())
        .collect();
    let shown = names.len().min(20);
    let more = if names.len() > shown { " → …" } else { "" };
    names.truncate(shown);
    let path = definition.steps.get(first).map_or_else(String::new, |step| {
        let field = if step.after.is_some() { ".after" } else { "" };
        format!("{}{field}", step.path)
    });
    let message = format!(
        "the steps go round in a circle: {}{more}; remove one of these edges, or repeat steps by a \
         `Loop`",
        names.join(" → ")
    );
    Problem::new(path, message)
}

fn find_ancestors(after: &[Vec<PlanEdge>], order: &[usize]) -> Vec<Vec<u64>> {
    let words = after.len().div_ceil(64);
    let mut all = vec![vec![0_u64; words]; after.len()];
    for index in order {
        let mut bits = vec![0_u64; words];
        for edge in after.get(*index).into_iter().flatten() {
            if let Some(before) = all.get(edge.from.position()) {
                bits.iter_mut().zip(before).for_each(|(bit, more)| *bit |= more);
            }
            let from = edge.from.position();
            if let Some(word) = bits.get_mut(from / 64) {
                *word |= 1 << (from % 64);
            }
        }
        if let Some(slot) = all.get_mut(*index) {
            *slot = bits;
        }
    }
    all
}
