//! Mutation test of the simulator: each mutant is planted in a copy of the sources, and the
//! simulator must fail there.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

struct Mutant {
    description: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

const MUTANTS: &[Mutant] = &[
    Mutant {
        description: "a join starts before all of its edges are decided",
        file: "crates/core/src/execution/flow.rs",
        from: "(0, taken) if taken >= needed => StepReadiness::Start",
        to: "(_, taken) if taken >= needed => StepReadiness::Start",
    },
    Mutant {
        description: "the result of an earlier attempt ends a later one",
        file: "crates/core/src/execution/advance.rs",
        from: "self.steps.run(step_run).state == StepState::Running { attempt: *attempt }",
        to: "*attempt > 0 && matches!(self.steps.run(step_run).state, StepState::Running { .. })",
    },
    Mutant {
        description: "a step that must not be repeated is run again after a crash",
        file: "crates/core/src/execution/resume.rs",
        from: "if planned.repeat_after_crash || planned.effect == Effect::Pure {",
        to: "if planned.repeat_after_crash || planned.effect != Effect::Idempotent {",
    },
    Mutant {
        description: "one attempt too many",
        file: "crates/core/src/execution/retry.rs",
        from: "(failures < policy.max_attempts).then_some",
        to: "(failures <= policy.max_attempts).then_some",
    },
    Mutant {
        description: "a retry begins while the execution is paused",
        file: "crates/core/src/execution/resume.rs",
        from: "if self.execution.phase == Status::Paused {\n            return;\n        }\n        self.time_out_blocks();",
        to: "self.time_out_blocks();",
    },
    Mutant {
        description: "a waiting step still waits after the execution has ended",
        file: "crates/core/src/execution/blocks/failing.rs",
        from: "StepState::Waiting { .. }\n                        | StepState::Child",
        to: "StepState::Child",
    },
    Mutant {
        description: "a rerun takes over steps that depend on a repeated step",
        file: "crates/core/src/execution/rerun_blocks.rs",
        from: "let mut queue = vec![id.clone()];",
        to: "let mut queue = vec![id.clone(); 0];",
    },
    Mutant {
        description: "a rerun starts from the root steps only",
        file: "crates/core/src/execution/advance.rs",
        from: "if self.execution.rerun_of.is_some() {",
        to: "if self.execution.rerun_of.is_none() {",
    },
    Mutant {
        description: "a resumed execution drops the steps that were held back",
        file: "crates/core/src/execution/advance.rs",
        from: "self.record_event(Event::Resumed);\n                self.start_held_back();",
        to: "self.record_event(Event::Resumed);",
    },
    Mutant {
        description: "a false condition skips the rest of the list",
        file: "crates/core/src/execution/flow.rs",
        from: "StepState::Skipped { reason: SkipReason::Condition } => edge.is_implicit,",
        to: "StepState::Skipped { reason: SkipReason::Condition } => false,",
    },
    Mutant {
        description: "a false condition is bypassed along an explicit edge",
        file: "crates/core/src/execution/flow.rs",
        from: "StepState::Skipped { reason: SkipReason::Condition } => edge.is_implicit,",
        to: "StepState::Skipped { reason: SkipReason::Condition } => true,",
    },
    Mutant {
        description: "the step after one that was bypassed gets no input",
        file: "crates/core/src/execution/bind.rs",
        from: "optional.iter().find(|optional| !is_bypassed(scope, optional.step))",
        to: "optional.iter().find(|optional| optional.step.position() < usize::MAX)",
    },
    Mutant {
        description: "an execution whose last step was bypassed has no output",
        file: "crates/core/src/execution/bind.rs",
        from: "while is_bypassed(scope, last) {",
        to: "while is_bypassed(scope, last) && last.position() == usize::MAX {",
    },
    Mutant {
        description: "the end of an earlier sub-workflow ends a later attempt",
        file: "crates/core/src/execution/children.rs",
        from: "if self.execution.child_of(step) != Some(child) {",
        to: "if self.execution.child_of(step).is_none() {",
    },
    Mutant {
        description: "a sub-workflow continues after the timeout of its step",
        file: "crates/core/src/execution/children.rs",
        from: "                | Event::StepRetrying { .. }\n",
        to: "",
    },
    Mutant {
        description: "a sub-workflow that starts in a paused execution runs",
        file: "crates/core/src/execution/children.rs",
        from: "} else if self.execution.phase == Status::Paused {",
        to: "} else if self.execution.phase == Status::Queued {",
    },
    Mutant {
        description: "a sub-workflow that nothing waits for is cancelled",
        file: "crates/core/src/execution/children.rs",
        from: "self.ended_child = Some(execution);",
        to: "let _ = execution;",
    },
    Mutant {
        description: "a cancelled execution leaves its sub-workflows running",
        file: "crates/core/src/execution/children.rs",
        from: "                | Event::StepCancelled { .. }\n",
        to: "",
    },
    Mutant {
        description: "a rerun forgets that a step was bypassed",
        file: "crates/core/src/execution/rerun.rs",
        from: "{ reason: SkipReason::Condition } => Some(ReusedOutcome::Bypassed),",
        to: "{ reason: SkipReason::Condition } => Some(ReusedOutcome::Skipped),",
    },
    Mutant {
        description: "results of items are used for other items",
        file: "crates/core/src/execution/blocks/items.rs",
        from: ".filter(|run| run.next_chunk() == Some(first));",
        to: ".filter(|run| run.next_chunk().is_some());",
    },
    Mutant {
        description: "failed items of a chunk are collected where that is not allowed",
        file: "crates/core/src/execution/blocks/items.rs",
        from: "let failure = match planned.collect_errors {",
        to: "let failure = match !planned.collect_errors {",
    },
    Mutant {
        description: "an attempt gets a place while the execution is paused",
        file: "crates/core/src/execution/advance.rs",
        from: "(Status::Running, TransitionInput::PlaceTaken(attempt)) =>",
        to: "(Status::Running | Status::Paused, TransitionInput::PlaceTaken(attempt)) =>",
    },
    Mutant {
        description: "an attempt that waits for a place is forgotten after a crash",
        file: "crates/core/src/execution/resume.rs",
        from: "self.record_event(Event::Recovered);\n        self.demand_places();",
        to: "self.record_event(Event::Recovered);",
    },
    Mutant {
        description: "an attempt runs again without its place after a crash",
        file: "crates/core/src/execution/resume.rs",
        from: "match self.execution.steps.run(&attempt.step_run).place.as_deref().cloned() {",
        to: "match self.execution.steps.run(&attempt.step_run).place.as_deref().cloned().filter(|_| false) {",
    },
    Mutant {
        description: "another attempt runs without a place",
        file: "crates/core/src/execution/resume.rs",
        from: "Some(place) => self.await_place(attempt, place),\n            None => self.repeat_action(attempt),",
        to: "_ => self.repeat_action(attempt),",
    },
    Mutant {
        description: "a place is granted to an attempt that does not wait for it",
        file: "crates/core/src/execution/places.rs",
        from: "if !self.execution.awaits_place_for(attempt) {",
        to: "if attempt.attempt == 0 {",
    },
    Mutant {
        description: "a map stops after its first chunk",
        file: "crates/core/src/execution/blocks/items.rs",
        from: "None => self.blocks.push_back(id.clone()),",
        to: "None => {}",
    },
    Mutant {
        description: "the errors of a map are listed in the order in which items ended",
        file: "crates/core/src/execution/blocks/map_results.rs",
        from: "errors.sort_by_key(|(index, _)| *index);",
        to: "let _ = &mut errors;",
    },
    Mutant {
        description: "a rerun of a map that keeps no outputs runs items again that have ended",
        file: "crates/core/src/execution/blocks/map_results.rs",
        from: "self.result(index as usize).is_some() || self.item_counts.contains(index)",
        to: "self.result(index as usize).is_some()",
    },
    Mutant {
        description: "a map that keeps no outputs records them",
        file: "crates/core/src/execution/blocks/ending.rs",
        from: "_ if block.drops_outputs() => shared_null().clone(),",
        to: "_ if block.drops_outputs() && block.bodies.is_empty() => shared_null().clone(),",
    },
    Mutant {
        description: "what leads only to a join that has enough continues",
        file: "crates/core/src/execution/begin.rs",
        from: "                self.cancel_rest(plan, id);\n",
        to: "",
    },
    Mutant {
        description: "a join cancels what is needed elsewhere",
        file: "crates/core/src/definition/compile/joins.rs",
        from: "next.iter().all(leads_here)",
        to: "next.iter().any(leads_here)",
    },
    Mutant {
        description: "a computed join starts at the first edge",
        file: "crates/core/src/execution/flow.rs",
        from: "Ok(n) => first_of(taken, open, n),",
        to: "Ok(_) => first_of(taken, open, 1),",
    },
    Mutant {
        description: "a merge gives the outputs of steps that left by another way",
        file: "crates/core/src/execution/flow.rs",
        from: "if is_taken && !taken.contains(&edge.from) {",
        to: "if is_taken || !taken.contains(&edge.from) {",
    },
    Mutant {
        description: "a map runs one item too many at once",
        file: "crates/core/src/execution/blocks/progress.rs",
        from: "if has_more && run.active.len() < planned.max_concurrency as usize {",
        to: "if has_more && run.active.len() <= planned.max_concurrency as usize {",
    },
    Mutant {
        description: "a loop has one iteration too many",
        file: "crates/core/src/execution/blocks/progress.rs",
        from: "if run.started >= planned.max_iterations {",
        to: "if run.started > planned.max_iterations {",
    },
    Mutant {
        description: "an error is caught by the wrong code",
        file: "crates/core/src/execution/blocks/progress.rs",
        from: "codes.is_empty() || codes.contains(&failure.code)",
        to: "codes.is_empty() || !codes.contains(&failure.code)",
    },
    Mutant {
        description: "a quorum of branches completes with too few",
        file: "crates/core/src/execution/blocks/failing.rs",
        from: "if failed_before as usize >= may_fail {",
        to: "if failed_before as usize > may_fail {",
    },
    Mutant {
        description: "the slower branches of a race continue",
        file: "crates/core/src/execution/blocks/ending.rs",
        from: "self.cancel_bodies(id);\n                    self.complete_block(id, outputs);",
        to: "self.complete_block(id, outputs);",
    },
    Mutant {
        description: "what runs beside a failed item continues",
        file: "crates/core/src/execution/blocks/failing.rs",
        from: "self.cancel_bodies(id);\n        self.settle_failed(id, failure);",
        to: "self.settle_failed(id, failure);",
    },
    Mutant {
        description: "the moment in expressions is when the execution was accepted",
        file: "crates/core/src/execution/scope.rs",
        from: "Some(self.now?.to_string().into())",
        to: "Some(self.execution.created_at.to_string().into())",
    },
    Mutant {
        description: "the moment in expressions is when the execution started",
        file: "crates/core/src/execution/advance.rs",
        from: ".with_now(self.moment.now)",
        to: ".with_now(self.execution.started_at.unwrap_or(self.moment.now))",
    },
    Mutant {
        description: "the moment hides an item of the same name",
        file: "crates/core/src/execution/scope.rs",
        from: "self.variable(name).or_else(|| Some(self.now?.to_string().into()))",
        to: "self.now.map(|now| now.to_string().into())",
    },
    Mutant {
        description: "the policies of a list share one count of attempts",
        file: "crates/core/src/execution/retry.rs",
        from: "failed.iter().filter(|attempt| attempt.policy == position).count()",
        to: "failed.iter().filter(|attempt| attempt.policy > position).count()",
    },
    Mutant {
        description: "the timeout of a block leaves what runs inside it",
        file: "crates/core/src/execution/resume.rs",
        from: "self.fail_block(&id, Failure::new(codes::STEP_TIMEOUT, message));",
        to: "self.settle_failed(&id, Failure::new(codes::STEP_TIMEOUT, message));",
    },
    Mutant {
        description: "compensations run in the order of completion",
        file: "crates/core/src/execution/compensation.rs",
        from: "self.completed.last()",
        to: "self.completed.first()",
    },
    Mutant {
        description: "a compensation that failed is run again and again",
        file: "crates/core/src/execution/ending.rs",
        from: "if self.execution.steps.run(&id).state != StepState::Pending {\n                return;",
        to: "if self.execution.is_busy() {\n                return;",
    },
    Mutant {
        description: "the second iteration is not compensated",
        file: "crates/core/src/execution/compensation.rs",
        from: "if is_completed {",
        to: "if is_completed && id.path.indexes().first() != Some(&1) {",
    },
    Mutant {
        description: "other steps start while an execution is compensated",
        file: "crates/core/src/execution/ending.rs",
        from: "self.ending_step(outcome) == EndingStep::Run(id.clone())\n",
        to: "!id.path.is_empty() || self.origin.plan.step(id.step).is_some()\n",
    },
    Mutant {
        description: "a failure of `on_failure` becomes the error of the execution",
        file: "crates/core/src/execution/settle.rs",
        from: "let is_handler = !planned.role.is_regular();",
        to: "let is_handler = planned.role.is_regular() == planned.block.is_some();",
    },
    Mutant {
        description: "`on_failure` runs after a cancellation",
        file: "crates/core/src/execution/ending.rs",
        from: "let handler = handler.filter(|_| !matches!(outcome, EndOutcome::Cancelled { .. }));",
        to: "let _ = outcome;",
    },
    Mutant {
        description: "a rerun takes over what was undone",
        file: "crates/core/src/execution/rerun.rs",
        from: "selection.repeat_step(&step);",
        to: "let _ = &step;",
    },
    Mutant {
        description: "a retry begins without the checkpoint of the attempt before",
        file: "crates/core/src/execution/step_run.rs",
        from: "        self.state = StepState::Running { attempt };\n",
        to: "        self.checkpoint = None;\n        self.state = StepState::Running { attempt };\n",
    },
    Mutant {
        description: "a failure that a list of steps handles is not listed",
        file: "crates/core/src/execution/apply.rs",
        from: "error.as_ref().filter(|_| self.ending.is_none())",
        to: "error.as_ref().filter(|_| self.ending.is_some())",
    },
    Mutant {
        description: "a resumed execution forgets the timeouts of its blocks",
        file: "crates/core/src/execution/waits.rs",
        from: "self.waits.blocks.insert(step, elapsed.saturating_add(left));",
        to: "self.waits.blocks.insert(step, elapsed.saturating_add(left + timeout));",
    },
    Mutant {
        description: "a signal with another key is consumed",
        file: "crates/core/src/execution/signal_wait.rs",
        from: "(key.is_none() || key == self.key.as_deref())",
        to: "(key.is_none() || self.key.is_some())",
    },
    Mutant {
        description: "a consumed signal is kept",
        file: "crates/core/src/execution/apply.rs",
        from: "Event::SignalConsumed { number, .. } => self.signals.remove(*number),",
        to: "Event::SignalConsumed { number, .. } => self.signals.remove(*number + 1),",
    },
    Mutant {
        description: "signals that arrived during a pause are not delivered",
        file: "crates/core/src/execution/resume.rs",
        from: "        self.deliver_kept_signals();",
        to: "        let _ = Self::deliver_kept_signals;",
    },
    Mutant {
        description: "a paused execution consumes a signal",
        file: "crates/core/src/execution/signals.rs",
        from: "let is_consumed = waiting.is_some() && self.execution.phase == Status::Running;",
        to: "let is_consumed = waiting.is_some();",
    },
    Mutant {
        description: "a repeated signal is received again",
        file: "crates/core/src/execution/signals.rs",
        from: "if self.execution.signals.is_repeated(&name, id.as_deref()) {",
        to: "if self.execution.signals.is_repeated(&name, None) {",
    },
    Mutant {
        description: "an approval needs one vote less",
        file: "crates/core/src/execution/approval_wait.rs",
        from: "count(Verdict::Approve) >= self.quorum as usize;",
        to: "count(Verdict::Approve) + 1 >= self.quorum as usize;",
    },
    Mutant {
        description: "an approver votes twice",
        file: "crates/core/src/execution/approvals.rs",
        from: "if self.votes.iter().any(|vote| vote.approver == approver) {",
        to: "if self.votes.iter().any(|vote| vote.approver == approver) && self.votes.is_empty() {",
    },
    Mutant {
        description: "votes during a pause are forgotten",
        file: "crates/core/src/execution/resume.rs",
        from: "        self.settle_approvals();",
        to: "        let _ = Self::settle_approvals;",
    },
    Mutant {
        description: "everyone may vote",
        file: "crates/core/src/execution/approvals.rs",
        from: "match self.approvers.is_empty() || is_listed {",
        to: "match !self.approvers.is_empty() || is_listed {",
    },
    Mutant {
        description: "a wait for a signal continues after the execution has ended",
        file: "crates/core/src/execution/blocks/failing.rs",
        from: "                        | StepState::AwaitingSignal(_)\n                        | StepState::AwaitingApproval(_)\n",
        to: "                        | StepState::AwaitingApproval(_)\n",
    },
    Mutant {
        description: "an execution forgets its variables when it is replayed",
        file: "crates/core/src/execution/apply.rs",
        from: "self.variables.clone_from(vars);",
        to: "let _ = vars;",
    },
    Mutant {
        description: "items that run in chunks have no variables",
        file: "crates/core/src/execution/blocks/items.rs",
        from: "variables: self.variables.clone(),",
        to: "variables: None,",
    },
    Mutant {
        description: "an item of the same name does not hide the variables",
        file: "crates/core/src/execution/scope.rs",
        from: "self.names_items(&body, \"vars\")",
        to: "self.names_items(&body, \"\")",
    },
];

/// The mutants whose place is not in the sources any more.
pub fn find_outdated(root: &Path) -> Vec<String> {
    let outdated = MUTANTS.iter().filter(|mutant| {
        let source = std::fs::read_to_string(root.join(mutant.file)).unwrap_or_default();
        source.matches(mutant.from).count() != 1
    });
    let describe = |mutant: &Mutant| {
        let Mutant { description, file, from, .. } = mutant;
        format!("the place of the mutant \"{description}\" must occur once in {file}: `{from}`")
    };
    outdated.map(describe).collect()
}

/// Plants each mutant in turn; returns whether all were caught.
pub fn run(root: &Path) -> Result<bool> {
    let folder = std::env::temp_dir().join(format!("stepwell-mutants-{}", std::process::id()));
    let cloned = Command::new("git")
        .args(["clone", "--quiet", "--no-hardlinks"])
        .args([root, &folder])
        .status()
        .context("git could not be started")?;
    ensure!(cloned.success(), "git clone failed");
    let mut all_caught = true;
    for Mutant { description, file, from, to } in MUTANTS {
        let path = folder.join(file);
        let source = std::fs::read_to_string(&path)?;
        ensure!(source.matches(from).count() == 1, "`{from}` must occur exactly once in {file}");
        std::fs::write(&path, source.replace(from, to))?;
        let caught = !simulator_passes(&folder, root)?;
        std::fs::write(&path, source)?;
        println!("{} {description}", if caught { "caught:" } else { "MISSED:" });
        all_caught &= caught;
    }
    ensure!(simulator_passes(&folder, root)?, "the simulator fails without a mutant");
    std::fs::remove_dir_all(&folder).context("the copy could not be removed")?;
    Ok(all_caught)
}

fn simulator_passes(folder: &Path, root: &Path) -> Result<bool> {
    let built = cargo(folder, root).arg("--no-run").status()?;
    ensure!(built.success(), "a mutant does not build");
    let tested = cargo(folder, root).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    Ok(tested.success())
}

fn cargo(folder: &Path, root: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.args(["test", "--quiet", "-p", "stepwell-core", "--test", "simulator"]);
    // Keeps the build between runs.
    command.current_dir(folder).env("CARGO_TARGET_DIR", root.join("target").join("mutants"));
    command
}
