//! The log of the secrets of the installation at the start: their names, and what cannot be used.

use stepwell_engine::installed_secrets::SecretsConfig;

/// Logs the names of the secrets, and a warning for each that cannot be used.
pub fn log_secrets(config: &SecretsConfig) {
    if !config.has_source() {
        return;
    }
    if let Some(folder) = config.directory.as_ref().filter(|folder| !folder.is_dir()) {
        tracing::warn!("secrets.directory: there is no folder {}", folder.display());
    }
    match config.list() {
        Ok(secrets) => {
            let names: Vec<&str> = secrets.iter().map(|secret| secret.name.as_str()).collect();
            tracing::info!(count = names.len(), names = names.join(","), "secrets of workflows");
            for secret in &secrets {
                if let Some(problem) = &secret.problem {
                    tracing::warn!("the secret {} cannot be used: {problem}", secret.name);
                }
            }
        }
        Err(problem) => tracing::warn!("{problem}"),
    }
}
