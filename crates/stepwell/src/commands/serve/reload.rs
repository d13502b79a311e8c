//! SIGHUP: reads the configuration again and applies what can change while the server runs.

use stepwell_engine::App;

use crate::config::{self, Config, ConfigFlags};
use crate::wiring::{ApiConfig, SharedRouter};
use crate::{logs, wiring};

/// The configuration in use, and the flags with which it was read.
pub struct Sources {
    pub flags: ConfigFlags,
    pub config: Config,
}

/// The parts of the server that a changed configuration can change.
pub struct Reloader {
    app: App,
    sources: Sources,
    router: SharedRouter,
}

impl Reloader {
    pub fn new(app: App, sources: Sources, api: ApiConfig) -> Self {
        let router = wiring::build_router(app.clone(), api).into();
        Self { app, sources, router }
    }

    pub fn router(&self) -> &SharedRouter {
        &self.router
    }

    /// Reads the sources again. An invalid configuration changes nothing; requests and executions
    /// that have begun are not affected.
    pub fn reload(&mut self) {
        let new = match Config::load(&self.sources.flags) {
            Ok(new) => new,
            Err(error) => {
                tracing::error!("the configuration is not reloaded: {}", error.message);
                return;
            }
        };
        let plan = config::plan_reload(&self.sources.config, &new);
        if let Err(error) = logs::change_level(&new.log) {
            tracing::error!("the log level is not changed: {}", error.message);
        }
        if plan.applied.iter().any(|path| path.starts_with("api.")) {
            let router = wiring::build_router(self.app.clone(), new.api.clone());
            self.router.replace(router);
        }
        let is_of_engine =
            |path: &String| path.starts_with("engine.") || path.starts_with("secrets.");
        if plan.applied.iter().any(is_of_engine) {
            self.app.reload_config(&new.engine_for_server());
        }
        if plan.applied.is_empty() && plan.postponed.is_empty() {
            tracing::info!("configuration reloaded: no setting changed");
        }
        if !plan.applied.is_empty() {
            tracing::info!("configuration reloaded: {} changed", plan.applied.join(", "));
        }
        if !plan.postponed.is_empty() {
            tracing::warn!("restart the server to change {}", plan.postponed.join(", "));
        }
        self.sources.config = new;
    }
}
