//! Secrets of the installation that an execution uses.

use std::time::Duration;

use stepwell_core::definition::plan::Plan;
use stepwell_core::ids::WorkspaceId;

use super::engine::Engine;
use super::secrets::Secrets;
use crate::installed_secrets::SecretValues;

/// How long reading the files may take; a folder of a network that hangs delays no execution
/// longer.
const READ_WITHIN: Duration = Duration::from_secs(5);

impl Engine {
    /// Whether executions of a workspace can have secrets of the installation.
    pub(crate) fn has_installed_secrets(&self, workspace: WorkspaceId) -> bool {
        let config = self.config();
        config.secrets.has_source() && config.secrets.is_allowed(workspace)
    }

    /// The secrets of an execution, with those of the installation that its steps use, as they are
    /// now.
    pub(crate) async fn add_installed_secrets(
        &self,
        secrets: Secrets,
        workspace: WorkspaceId,
        plan: &Plan,
    ) -> Secrets {
        let names =
            if self.has_installed_secrets(workspace) { secret_names(plan) } else { Vec::new() };
        let names: Vec<String> = names.into_iter().filter(|name| !secrets.is_sent(name)).collect();
        if names.is_empty() {
            return secrets;
        }
        self.vault.refresh(secrets, self.read_installed_secrets(names).await)
    }

    async fn read_installed_secrets(&self, names: Vec<String>) -> SecretValues {
        let (config, wanted) = (self.config().secrets.clone(), names.clone());
        let read = tokio::task::spawn_blocking(move || config.read_values(&wanted));
        match tokio::time::timeout(READ_WITHIN, read).await {
            Ok(Ok(values)) => values,
            Ok(Err(_)) | Err(_) => {
                let problem = "the folder of secrets could not be read in time";
                let unusable = names.into_iter().map(|name| (name, problem.to_owned())).collect();
                SecretValues { values: Vec::new(), unusable }
            }
        }
    }
}

/// The names of the secrets that the steps use, each once.
pub(crate) fn secret_names(plan: &Plan) -> Vec<String> {
    let mut names: Vec<String> =
        plan.indexed_steps().flat_map(|(_, step)| &step.secrets).cloned().collect();
    names.sort();
    names.dedup();
    names
}
