//! The route table of this dialect.

use utoipa::OpenApi;
use utoipa_axum::routes;

use super::{actuals, deployments, execute, history, identity, raw_stream, release_tags, wire};
use crate::endpoints::Endpoints;

#[derive(OpenApi)]
#[openapi(
    components(schemas(wire::ErrorBody)),
    tags((name = "vellum", description = "As the published clients of Vellum speak it"))
)]
struct Document;

/// The endpoints of this dialect.
pub fn vellum_endpoints() -> Endpoints {
    Endpoints::new(Document::openapi())
        .add(routes!(execute::execute_workflow))
        .add(routes!(execute::execute_workflow_async))
        .add(routes!(execute::execute_workflow_stream))
        .add(routes!(execute::workflow_execution_status))
        .add(routes!(actuals::submit_workflow_execution_actuals))
        .add(routes!(deployments::list_deployments))
        .add(routes!(deployments::retrieve_deployment))
        .add(routes!(deployments::list_deployment_releases))
        .add(routes!(deployments::retrieve_deployment_release))
        .add(routes!(release_tags::list_deployment_tags))
        .add(routes!(release_tags::retrieve_deployment_tag, release_tags::update_deployment_tag))
        .add(routes!(deployments::retrieve_history_item))
        .add(routes!(raw_stream::execute_deployment_stream))
        .add(routes!(history::list_execution_events))
        .add(routes!(history::retrieve_execution_event))
        .add(routes!(history::retrieve_execution_detail))
        .add(routes!(history::retrieve_state))
        .add(routes!(identity::workspace_identity))
        .add(routes!(identity::environment_identity))
        .add(routes!(identity::organization_identity))
}
