//! The route table of this dialect.

use utoipa::OpenApi;
use utoipa_axum::routes;

use super::{executions, step_types, stream, wire, workflows};
use crate::endpoints::Endpoints;

#[derive(OpenApi)]
#[openapi(
    components(schemas(wire::ErrorBody, stream::StreamEvent)),
    tags(
        (name = "workflows", description = "What can be executed"),
        (name = "executions", description = "Executing, watching, and controlling"),
        (name = "step types", description = "What steps can do")
    )
)]
struct Document;

/// The endpoints of this dialect.
pub fn dataflow_endpoints() -> Endpoints {
    Endpoints::new(Document::openapi())
        .add(routes!(workflows::create_workflow, workflows::list_workflows))
        .add(routes!(
            workflows::get_workflow,
            workflows::update_workflow,
            workflows::delete_workflow
        ))
        .add(routes!(workflows::workflow_stats))
        .add(routes!(executions::execute_workflow))
        .add(routes!(executions::list_executions))
        .add(routes!(executions::get_execution))
        .add(routes!(executions::cancel_execution))
        .add(routes!(executions::pause_execution))
        .add(routes!(executions::resume_execution))
        .add(routes!(executions::stream_events))
        .add(routes!(executions::list_logs))
        .add(routes!(step_types::step_types))
}
