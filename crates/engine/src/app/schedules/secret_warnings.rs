//! Warnings about secrets that the executions of a schedule cannot have. Unlike other executions,
//! they have no request that could send them.

use stepwell_core::definition::plan::{Plan, PlanStep};
use stepwell_core::ids::WorkspaceId;
use stepwell_store::record::WorkflowRecord;

use super::App;
use crate::AppError;
use crate::runtime::execution_secrets::secret_names;
use crate::schedule::Schedule;
use crate::warning::{SECRET_UNAVAILABLE, Warning};

impl App {
    /// A warning for each secret that is used by a release of the schedule's tag and has no source.
    pub(super) async fn secret_warnings(
        &self,
        workflow: &WorkflowRecord,
        schedule: &Schedule,
    ) -> Result<Vec<Warning>, AppError> {
        let mut warnings: Vec<Warning> = Vec::new();
        let releases = self.releases_of_tag(workflow, schedule.release_tag.as_deref()).await;
        // The tag was deleted meanwhile: a firing reports that.
        let Ok(releases) = releases else { return Ok(warnings) };
        for release in releases {
            let plan = self.engine.plans.plan(workflow.id, release).await?;
            for name in self.find_missing_secrets(workflow.workspace, &plan).await {
                let warning = self.missing_secret_warning(workflow.workspace, &plan, &name);
                if !warnings.contains(&warning) {
                    warnings.push(warning);
                }
            }
        }
        Ok(warnings)
    }

    /// The secrets that the steps use and that have no source.
    async fn find_missing_secrets(&self, workspace: WorkspaceId, plan: &Plan) -> Vec<String> {
        let names = secret_names(plan);
        if names.is_empty() || !self.engine.has_installed_secrets(workspace) {
            return names;
        }
        let config = self.engine.config().secrets.clone();
        let missing = tokio::task::spawn_blocking(move || config.find_missing(&names)).await;
        // A folder that cannot be read now may be readable at the firing.
        missing.map(Result::unwrap_or_default).unwrap_or_default()
    }

    fn missing_secret_warning(&self, workspace: WorkspaceId, plan: &Plan, name: &str) -> Warning {
        let uses_it = |step: &&PlanStep| step.secrets.iter().any(|used| used == name);
        let step = plan.steps.iter().find(uses_it).map_or("", |step| &step.id);
        let settings = self.engine.config();
        let config = &settings.secrets;
        let remedy = match config.has_source() && !config.is_allowed(workspace) {
            true => "this workspace cannot use the secrets of the installation: add its id to \
                     `secrets.workspaces` in the server's configuration"
                .to_owned(),
            false => config.describe_remedy(name),
        };
        let message = format!(
            "step `{step}` uses the secret `{name}`, which has no source: executions of a schedule \
             have no request that sends it, so the step fails with SECRET_UNAVAILABLE; {remedy}"
        );
        Warning::new(SECRET_UNAVAILABLE, "", message)
    }
}
