//! Warnings: what is accepted, but probably not what the user wants.

/// The steps use a secret that no execution of the schedule can have.
pub const SECRET_UNAVAILABLE: &str = "SECRET_UNAVAILABLE";

/// One warning about something that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Stable, for programs.
    pub code: &'static str,
    /// The field of the request or the place in the definition; empty: the whole.
    pub path: String,
    /// What is probably wrong, and what to change.
    pub message: String,
}

impl Warning {
    /// A warning about `path`.
    pub fn new(code: &'static str, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, path: path.into(), message: message.into() }
    }
}
