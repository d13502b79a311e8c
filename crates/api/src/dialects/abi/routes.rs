//! The route table of this dialect: the routes of workflows, executions, releases and workspaces,
//! and the tables of the other nouns, which are in their folders.

use utoipa::OpenApi;
use utoipa_axum::routes;

use super::envelope::ErrorEnvelope;
use super::{
    approvals, audit, definition_schema, dry_runs, executions, expressions, files, keys,
    operations, releases, schedules, signals, step_types, templates, validation, variables,
    webhooks, workflows, workspaces,
};
use crate::endpoints::Endpoints;

#[derive(OpenApi)]
#[openapi(
    components(schemas(ErrorEnvelope, executions::ExecutionEvent)),
    tags((name = "management", description = "Workflows as objects: create, change, activate, delete"),
        (name = "runs", description = "Executing, watching, controlling and rerunning"),
        (name = "keys", description = "Who may do what"),
        (name = "workspaces", description = "The tenants that objects and keys belong to"),
        (name = "releases", description = "Releases, their tags, and feedback on them"))
)]
struct Document;

/// The endpoints of this dialect.
pub fn abi_endpoints() -> Endpoints {
    Endpoints::new(Document::openapi())
        .merge(keys::key_endpoints())
        .add(routes!(definition_schema::definition_schema))
        .add(routes!(releases::create_release, releases::list_releases))
        .add(routes!(releases::list_release_tags))
        .add(routes!(
            releases::get_release_tag,
            releases::put_release_tag,
            releases::delete_release_tag
        ))
        .add(routes!(releases::get_quality))
        .add(routes!(releases::list_actuals))
        .add(routes!(workspaces::create_workspace, workspaces::list_workspaces))
        .add(routes!(workspaces::get_workspace, workspaces::change_workspace))
        .add(routes!(workflows::create_workflow, workflows::list_workflows))
        .add(routes!(
            workflows::get_workflow,
            workflows::put_workflow,
            workflows::patch_workflow,
            workflows::delete_workflow
        ))
        .add(routes!(workflows::get_definition))
        .add(routes!(workflows::activate_workflow))
        .add(routes!(workflows::deactivate_workflow))
        .add(routes!(executions::execute::execute_workflow))
        .add(routes!(executions::execute::execute_async))
        .add(routes!(executions::execute::rerun_execution))
        .add(routes!(executions::list_executions))
        .add(routes!(executions::get_execution))
        .add(routes!(executions::cancel_execution))
        .add(routes!(executions::pause_execution))
        .add(routes!(executions::resume_execution))
        .add(routes!(executions::stream_events))
        .add(routes!(executions::list_logs))
        .merge(schedules::schedule_endpoints())
        .merge(webhooks::webhook_endpoints())
        .merge(audit::audit_endpoints())
        .merge(step_types::step_type_endpoints())
        .merge(approvals::approval_endpoints())
        .merge(signals::signal_endpoints())
        .merge(files::file_endpoints())
        .merge(templates::template_endpoints())
        .merge(variables::variable_endpoints())
        .merge(operations::operation_endpoints())
        .merge(validation::validation_endpoints())
        .merge(dry_runs::dry_run_endpoints())
        .merge(expressions::expression_endpoints())
}
