//! The settings in use. Some of them can be replaced while the engine runs.

use std::sync::{Arc, PoisonError, RwLock};

use crate::EngineConfig;

/// The settings in use.
pub(crate) struct LiveConfig(RwLock<Arc<EngineConfig>>);

impl LiveConfig {
    pub(crate) fn new(config: EngineConfig) -> Self {
        Self(RwLock::new(Arc::new(config)))
    }

    /// The settings in use. The lock is held only while their reference is copied.
    pub(crate) fn current(&self) -> Arc<EngineConfig> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the settings that can change at run time, all at once.
    pub(crate) fn reload(&self, new: &EngineConfig) {
        let mut config = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *config = Arc::new(config.with_reloadable(new));
    }
}
