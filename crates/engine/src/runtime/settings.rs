//! The settings in use.

use std::sync::Arc;

use super::engine::Engine;
use crate::EngineConfig;

impl Engine {
    /// The settings in use, some of which can change while the engine runs.
    pub(crate) fn config(&self) -> Arc<EngineConfig> {
        self.config.current()
    }
}
