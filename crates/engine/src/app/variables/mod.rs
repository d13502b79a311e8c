//! Managing variables, and warnings about those that definitions read and that do not exist.

use stepwell_core::audit::{AuditAction, ObjectKind};
use stepwell_core::definition::plan::{Plan, PlanVariable};
use stepwell_core::ids::WorkspaceId;
use stepwell_core::{MAX_VALUE_DEPTH, Problem, Problems, names, nests_deeper};

use super::objects::json_bytes;
use super::workflows::WorkflowView;
use super::{App, Expected, Noun};
use crate::caller::Verb;
use crate::objects::{self, Document, Object, workspace_key};
use crate::variable::Variable;
use crate::warning::{UNKNOWN_VARIABLE, Warning};
use crate::{AppError, Caller};

/// The most characters of a description.
const MAX_DESCRIPTION: usize = 1_000;
/// The most bytes of a value, as JSON.
const MAX_VALUE_BYTES: usize = 64 << 10;
/// The most bytes of all values of a workspace, as JSON.
const MAX_TOTAL_BYTES: usize = 1 << 20;
/// The most missing variables that are reported.
const MAX_REPORTED: usize = 20;

impl Noun for Variable {
    const OBJECT_KIND: ObjectKind = ObjectKind::Variable;
    const SCOPE: &'static str = "variables";
    const MAX_PER_WORKSPACE: u64 = 1_000;
    const MAX_BYTES_PER_WORKSPACE: Option<usize> = Some(MAX_TOTAL_BYTES);
    const ACTIONS: [AuditAction; 3] =
        [AuditAction::VariableCreated, AuditAction::VariableUpdated, AuditAction::VariableDeleted];

    fn name(&self) -> &str {
        &self.name
    }

    fn value_bytes(&self) -> usize {
        json_bytes(&self.value)
    }

    fn check(&self) -> Result<(), Problems> {
        let Self { name, description, value } = self;
        let mut problems = Problems::default();
        if let Err(message) = names::check_variable_name(name) {
            problems.push(Problem::new("name", message));
        }
        if description.as_ref().is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
            let message = format!("must have at most {MAX_DESCRIPTION} characters");
            problems.push(Problem::new("description", message));
        }
        if json_bytes(value) > MAX_VALUE_BYTES {
            let message = format!(
                "must have at most {MAX_VALUE_BYTES} bytes of JSON; send larger data as the \
                 input of executions"
            );
            problems.push(Problem::new("value", message));
        }
        if nests_deeper(value, MAX_VALUE_DEPTH) {
            let message = format!("is nested deeper than {MAX_VALUE_DEPTH} levels");
            problems.push(Problem::new("value", message));
        }
        problems.or_ok(())
    }
}

impl App {
    /// The variable of this name in the caller's workspace. Scope `read:variables`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn variable(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Object<Variable>, AppError> {
        let found = self.find_variable(caller, Verb::Read, name).await?;
        self.object(caller, found.id).await
    }

    /// Changes the variable of this name. Scope `write:variables`.
    ///
    /// # Errors
    /// As [`App::change_object`].
    pub async fn change_variable(
        &self,
        caller: &Caller,
        name: &str,
        expected: &Expected,
        edit: impl Fn(Variable) -> Variable + Send,
    ) -> Result<Object<Variable>, AppError> {
        let found = self.find_variable(caller, Verb::Write, name).await?;
        self.change_object(caller, found.id, expected, edit).await
    }

    /// Deletes the variable of this name. Executions under way keep their values. Scope
    /// `write:variables`.
    ///
    /// # Errors
    /// As [`App::delete_object`].
    pub async fn delete_variable(
        &self,
        caller: &Caller,
        name: &str,
        expected: &Expected,
    ) -> Result<(), AppError> {
        let found = self.find_variable(caller, Verb::Write, name).await?;
        self.delete_object::<Variable>(caller, found.id, expected).await
    }

    /// Finds a variable by its name; the methods for its id check the scope for it.
    async fn find_variable(
        &self,
        caller: &Caller,
        verb: Verb,
        name: &str,
    ) -> Result<Object<Variable>, AppError> {
        caller.require_any(verb, Variable::SCOPE)?;
        let missing = || AppError::not_found(Variable::KIND, name);
        names::check_variable_name(name).map_err(|_| missing())?;
        let key = workspace_key(caller.workspace, name);
        let found = objects::find_by_key(&*self.engine.store, key).await?;
        found.ok_or_else(missing)
    }

    /// What is probably wrong with the definition of a workflow.
    pub async fn workflow_warnings(&self, view: &WorkflowView) -> Vec<Warning> {
        self.plan_warnings(view.record.workspace, &view.plan).await
    }

    /// What is probably wrong with a definition in a workspace.
    pub(in crate::app) async fn plan_warnings(
        &self,
        workspace: WorkspaceId,
        plan: &Plan,
    ) -> Vec<Warning> {
        let mut warnings = Warning::of_definition(plan);
        if !plan.variables.is_empty() {
            warnings.extend(self.missing_variables(workspace, plan).await);
        }
        warnings
    }

    /// A warning for each variable that a definition needs and the workspace does not have.
    async fn missing_variables(&self, workspace: WorkspaceId, plan: &Plan) -> Vec<Warning> {
        // What cannot be read now is no reason to reject what was stored already.
        let Ok(known) = self.engine.read_variables(workspace, plan).await else {
            return Vec::new();
        };
        let missing = plan.variables.iter().filter(|variable| !known.contains_key(&variable.name));
        let warning = |PlanVariable { name, required_at }: &PlanVariable| {
            let message = format!(
                "the workspace has no variable `{name}`: until it is created, expressions that \
                 read it fail with {UNKNOWN_VARIABLE}; create it, or write a default: \
                 `vars.{name} | default(…)`"
            );
            required_at.as_ref().map(|path| Warning::new(UNKNOWN_VARIABLE, path, message))
        };
        missing.filter_map(warning).take(MAX_REPORTED).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn variable(value: Value) -> Variable {
        Variable { name: "REGION".into(), description: None, value }
    }

    fn paths(variable: &Variable) -> Vec<String> {
        let Err(Problems(problems)) = variable.check() else { return Vec::new() };
        problems.into_iter().map(|problem| problem.path).collect()
    }

    #[test]
    fn every_problem_is_found() {
        let long = |n| "x".repeat(n);
        for value in [json!(null), json!({"a": [1, "b"]}), json!(long(MAX_VALUE_BYTES - 2))] {
            assert_eq!(paths(&variable(value)), [""; 0]);
        }
        assert_eq!(paths(&variable(json!(long(MAX_VALUE_BYTES)))), ["value"]);
        for name in ["", "1a", "_a", "a-b", "a b", "ä", &long(65)] {
            assert_eq!(paths(&Variable { name: name.into(), ..variable(json!(1)) }), ["name"]);
        }
        for name in ["a", "A_1", &long(64)] {
            assert_eq!(paths(&Variable { name: name.into(), ..variable(json!(1)) }), [""; 0]);
        }
        let deep = (0..MAX_VALUE_DEPTH + 1).fold(json!(1), |value, _| json!([value]));
        let description = Some(long(MAX_DESCRIPTION + 1));
        let wrong = Variable { description, name: "-".into(), value: deep };
        assert_eq!(paths(&wrong), ["name", "description", "value"]);
    }

    #[test]
    fn documents_read_back() {
        let full = Variable { description: Some("d".into()), ..variable(json!({"a": null})) };
        for variable in [full, variable(json!(null))] {
            let text = serde_json::to_string(&variable).unwrap();
            assert_eq!(serde_json::from_str::<Variable>(&text).unwrap(), variable, "{text}");
        }
    }
}
